# SPDX-License-Identifier: BSD-2-Clause
"""What click does of the command: help, completion, and all that is not plain.

See rumpy.cli.declare, whose declarations become click's commands here.
"""

from __future__ import annotations

import sys

import click

from rumpy.cli import VERBS, declare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


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

        found = importlib.import_module(f"rumpy.cli.{cmd_name}").command
        return made(found) if isinstance(found, declare.Verb) else found

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """The list of verbs, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(VERBS.items()))


class Command(click.Command):
    """A command that may have an exit code of its own for wrong usage."""

    usage = 2

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As in click."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            vars(error)["exit_code"] = self.usage
            raise


def made(verb: declare.Verb) -> click.Command:
    """The declaration as click's command."""

    def function(**values: Any) -> int:
        try:
            code: int = verb.function(**values)
        except declare.UsageError as error:
            failure = click.UsageError(str(error))
            vars(failure)["exit_code"] = verb.usage
            raise failure from error
        return code

    function.__doc__ = verb.function.__doc__
    for parameter in reversed(verb.parameters):
        settings = dict(parameter.settings)
        kind = settings.get("type")
        if isinstance(kind, declare.Type):
            found = getattr(click, kind.name)
            plain = isinstance(found, click.ParamType)
            settings["type"] = found if plain else found(*kind.args, **kind.named)
        if "callback" in settings:
            settings["callback"] = _callback(settings["callback"])
        decorate = getattr(click, parameter.kind)(*parameter.names, **settings)
        function = decorate(function)
    command = click.command(verb.name, cls=Command, **verb.settings)(function)
    command.usage = verb.usage
    return command


def _callback(judge: Callable[[Any], Any]) -> Callable[..., Any]:
    """A callback as click wants it."""

    def callback(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
        try:
            return judge(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback


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


def run(arguments: list[str]) -> int:
    """Let click read and run a command line; the exit code.

    Raises:
        KeyboardInterrupt: click's Abort, too.
    """
    try:
        result: Any = group.main(arguments, prog_name="rumpy", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None


def misused(verb: declare.Verb, message: str) -> int:
    """Say that a verb was used wrongly, as click does; the exit code."""
    root = click.Context(group, info_name="rumpy")
    context = click.Context(made(verb), root, info_name=verb.name)
    click.UsageError(message, context).show()
    return verb.usage
