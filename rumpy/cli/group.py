# SPDX-License-Identifier: BSD-2-Clause
"""Runs the command: finds verbs by file, and turns errors into messages."""

from __future__ import annotations

import os
import sys

from rumpy.cli import VERBS
from rumpy.cli.declare import NotPlain, UsageError, Verb, echo, remembered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SIGINT = 2


def complain(message: str) -> None:
    """One message to the user."""
    echo(f"rumpy: {message}", err=True)


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


def _plain(arguments: list[str]) -> tuple[Verb, dict[str, Any]] | None:
    """The verb and its arguments; None where the line is for click to read."""
    if not arguments or arguments[0] not in VERBS or "_RUMPY_COMPLETE" in os.environ:
        return None
    module = __import__(f"rumpy.cli.{arguments[0]}", fromlist=("command",))
    verb = module.command
    try:
        return (verb, verb.read(arguments[1:])) if isinstance(verb, Verb) else None
    except NotPlain:
        return None


def _dispatch(arguments: list[str]) -> int:
    """Run a command line; errors are the caller's to explain."""
    remembered.clear()
    plain = _plain(arguments)
    if plain is None:
        from rumpy.cli import clicked

        return clicked.run(arguments)
    verb, values = plain
    try:
        code: int = verb.function(**values)
    except UsageError as error:
        from rumpy.cli import clicked

        return clicked.misused(verb, str(error))
    sys.stdout.flush()
    return code


def run(arguments: list[str]) -> int:
    """Run a command line; the exit code."""
    import _signal  # type: ignore[import-not-found]  # signal imports enum

    traceback = bool(os.environ.get("RUMPY_TRACEBACK"))
    _signal.signal(_signal.SIGTERM, _terminate)
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        complain("interrupted")
        return 128 + _SIGINT
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BrokenPipeError:
        # Whoever read our output has gone: say nothing, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if traceback or not _expected(error):
            raise
        complain(explain(error))
        return 1


def _expected(error: Exception) -> bool:
    """Whether the error is about what the user gave us, and not our own bug."""
    from rumpy.errors import RumpyError

    if type(error).__name__ == "CalledProcessError":
        return True  # subprocess is not imported for its name
    return isinstance(error, OSError | RumpyError | ValueError | MemoryError)
