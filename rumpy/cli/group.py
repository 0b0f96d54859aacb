# SPDX-License-Identifier: BSD-2-Clause
"""The command group: finds verbs by file, and turns errors into messages."""

from __future__ import annotations

import os
import sys

import click

from rumpy.cli import VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signal import SIGINT, SIGTERM, signal
    from typing import Any
else:
    from _signal import SIGINT, SIGTERM, signal  # without an enum of each


class Verbs(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of the help text."""
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, from the file of its name."""
        if cmd_name not in VERBS:
            return None
        import importlib

        module = importlib.import_module(f"rumpy.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """The list of verbs, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(VERBS.items()))


def _version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        import rumpy

        click.echo(f"rumpy {rumpy.__version__}")
        ctx.exit()


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Drivers of a NetBSD kernel, in a Python process: look into and mount"
    " file system images without root.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Print the version.",
)
def group() -> None:
    """The root of all verbs; has no work of its own."""


def complain(message: str) -> None:
    """One message to the user."""
    click.echo(f"rumpy: {message}", err=True)


def explain(error: BaseException) -> str:
    """An error in the words of the user, without its type."""
    if isinstance(error, OSError) and error.strerror:
        name = error.filename
        if name is None:
            return error.strerror
        name = os.fsdecode(name) if isinstance(name, bytes | str) else str(name)
        if error.filename2 is not None:
            name = f"{name} -> {os.fsdecode(error.filename2)}"
        return f"{name}: {error.strerror}"
    return str(error) or type(error).__name__


def _terminate(number: int, frame: object) -> None:
    """SIGTERM unmounts what is mounted, as leaving in good order does."""
    complain("terminated")
    raise SystemExit(128 + number)


def run(arguments: list[str]) -> int:
    """Run a command line; the exit code."""
    traceback = bool(os.environ.get("RUMPY_TRACEBACK"))
    signal(SIGTERM, _terminate)
    try:
        result: Any = group.main(arguments, prog_name="rumpy", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return 128 + SIGINT
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BrokenPipeError:
        _drop_output()  # whoever read it has gone: say nothing
        return 1
    except Exception as error:
        if traceback or not _expected(error):
            raise
        complain(explain(error))
        try:
            sys.stdout.flush()
        except OSError:
            _drop_output()
        return 1


def _drop_output() -> None:
    """What is left in stdout's buffer can't be written: don't try at exit, either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _expected(error: Exception) -> bool:
    """Whether the error is about what the user gave us, and not our own bug."""
    from rumpy.errors import RumpyError

    if type(error).__name__ == "CalledProcessError":
        return True  # subprocess is not imported for its name
    return isinstance(error, OSError | RumpyError | ValueError | MemoryError)
