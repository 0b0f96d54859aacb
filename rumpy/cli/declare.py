# SPDX-License-Identifier: BSD-2-Clause
"""Says what a verb takes, without importing click: that takes longer than `ls`.

The names and arguments are click's.  A command line that is plain (options
that are known, and values that need no conversion) is read here; for all else,
such as help and what is wrong in any way, rumpy.cli.clicked makes click's
commands of the same declarations, and click has the word.  Callbacks take the
value alone, and raise ValueError where it is bad.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])


class UsageError(Exception):
    """The command line asks for what makes no sense: exit code 2."""


class NotPlain(Exception):
    """A command line that is for click to read."""


class Type:
    """A parameter type of click, by its name there, made when it is needed."""

    def __init__(self, name: str, *args: Any, **named: Any) -> None:
        self.name, self.args, self.named = name, args, named

    def plain(self, value: str) -> Any:
        """The value, where telling takes no more than looking at it."""
        if self.name != "Path":
            raise NotPlain
        wanted = {"exists": False, "dir_okay": True, "file_okay": True} | self.named
        if not os.access(value, os.R_OK):
            raise NotPlain
        if not wanted["dir_okay" if os.path.isdir(value) else "file_okay"]:
            raise NotPlain
        return value


def IntRange(*args: Any, **named: Any) -> Type:
    """click.IntRange."""
    return Type("IntRange", *args, **named)


def Choice(*args: Any) -> Type:
    """click.Choice."""
    return Type("Choice", *args)


def Path(**named: Any) -> Type:
    """click.Path."""
    return Type("Path", **named)


def Unprocessed() -> Type:
    """click.UNPROCESSED."""
    return Type("UNPROCESSED")


class Parameter:
    """An option or an argument as declared.

    Attributes:
        kind: "option" or "argument".
        names: dashed names, and the parameter's own.
        settings: click's keyword arguments.
    """

    def __init__(self, kind: str, names: tuple[str, ...], **settings: Any) -> None:
        self.kind, self.names, self.settings = kind, names, settings

    @property
    def name(self) -> str:
        """The keyword argument of the verb's function."""
        for name in self.names:
            if not name.startswith("-"):
                return name
        long = [name for name in self.names if name.startswith("--")]
        return (long or list(self.names))[0].lstrip("-").replace("-", "_")

    @property
    def flag(self) -> bool:
        """Whether it is on or off, and nothing else."""
        return bool(self.settings.get("is_flag"))

    def absent(self) -> Any:
        """The value of one that is not given."""
        if self.flag:
            return False
        if self.settings.get("multiple") or self.settings.get("nargs") == -1:
            return ()
        return self.settings.get("default")

    def convert(self, value: str) -> Any:
        """The value of one that is given."""
        if not value:
            raise NotPlain
        kind = self.settings.get("type")
        if kind is None:
            return value
        if not isinstance(kind, Type):
            raise NotPlain
        return kind.plain(value)

    def finish(self, value: Any) -> Any:
        """What its callback makes of the value."""
        callback = self.settings.get("callback")
        try:
            return callback(value) if callback else value
        except ValueError:
            raise NotPlain from None


#: Settings of options that reading a plain line takes no notice of, or knows.
_KNOWN = {
    "callback", "default", "expose_value", "help", "is_flag", "metavar", "multiple",
    "nargs", "required", "show_default", "type",
}  # fmt: skip


class Verb:
    """A declared command.

    Attributes:
        name: the word after `rumpy`.
        function: what does the work; returns the exit code.
        parameters: as declared, from the top.
        settings: click's keyword arguments of the command.
        usage: exit code for wrong usage.
    """

    def __init__(
        self, name: str, function: Any, usage: int, settings: dict[str, Any]
    ) -> None:
        self.name, self.function, self.usage = name, function, usage
        self.settings = settings
        self.parameters: list[Parameter] = function.__dict__.pop("declared", [])

    def read(self, words: Sequence[str]) -> dict[str, Any]:
        """The function's keyword arguments, of a plain command line.

        Raises:
            NotPlain: it is for click to read.
        """
        for parameter in self.parameters:
            if not parameter.settings.keys() <= _KNOWN:
                raise NotPlain  # it may have a say where it is not given, too
        if "context_settings" in self.settings:
            raise NotPlain
        values, rest = self._options(words)
        self._arguments(values, rest)
        found = {}
        for parameter in self.parameters:
            value = values.get(parameter.name, parameter.absent())
            value = parameter.finish(value)
            if parameter.settings.get("expose_value", True):
                found[parameter.name] = value
        return found

    def _options(self, words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
        """The values of options, and the words that are none."""
        known = {n: p for p in self.parameters for n in p.names if n[:1] == "-"}
        values: dict[str, Any] = {}
        rest: list[str] = []
        left = list(words)
        while left:
            word = left.pop(0)
            if word == "--":
                rest += left
                break
            if word == "-" or not word.startswith("-"):
                rest.append(word)
                continue
            name, equals, value = word.partition("=")
            if not word.startswith("--"):
                # -lF is -l -F, and -o63s is -o 63s.
                name, value, equals = word[:2], word[2:], ""
            parameter = known.get(name)
            if parameter is None:
                raise NotPlain
            if parameter.flag:
                if equals:
                    raise NotPlain
                values[parameter.name] = True
                if value:
                    left.insert(0, f"-{value}")
                continue
            if not value:
                if equals or not left:
                    raise NotPlain
                value = left.pop(0)
            converted: Any = parameter.convert(value)
            if parameter.settings.get("multiple"):
                converted = (*values.get(parameter.name, ()), converted)
            values[parameter.name] = converted
        return values, rest

    def _arguments(self, values: dict[str, Any], rest: list[str]) -> None:
        """Give the other words to the arguments: one each, and one takes many."""
        arguments = [p for p in self.parameters if p.kind == "argument"]
        many = [p for p in arguments if p.settings.get("nargs") == -1]
        spare = len(rest) - len(arguments) + len(many)
        if spare < 0 or (spare and not many):
            raise NotPlain
        left = iter(rest)
        for parameter in arguments:
            if parameter not in many:
                values[parameter.name] = parameter.convert(next(left))
                continue
            if not spare and parameter.settings.get("required"):
                raise NotPlain
            taken = (next(left) for _ in range(spare))
            values[parameter.name] = tuple(map(parameter.convert, taken))


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """click.option, but that callbacks take the value alone."""
    return _declare(Parameter("option", names, **settings))


def argument(name: str, **settings: Any) -> Callable[[F], F]:
    """click.argument; one that is not required is for click to read."""
    return _declare(Parameter("argument", (name,), **settings))


def _declare(parameter: Parameter) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        declared = function.__dict__.setdefault("declared", [])
        declared.insert(0, parameter)  # decorators run from the bottom up
        return function

    return decorate


def command(
    name: str, *, usage: int = 2, **settings: Any
) -> Callable[[Callable[..., int]], Verb]:
    """click.command; the outermost decorator.

    Args:
        name: the verb.
        usage: exit code for wrong usage.
        settings: click's.
    """
    return lambda function: Verb(name, function, usage, settings)


#: What callbacks keep of a command line for those who are not its verb.
remembered: dict[str, str | None] = {}


def remember(name: str) -> Callable[[str | None], str | None]:
    """A callback that keeps the value in `remembered`."""

    def keep(value: str | None) -> str | None:
        remembered[name] = value
        return value

    return keep


def echo(message: object, *, err: bool = False, nl: bool = True) -> None:
    """Print a message and flush, to stdout or to stderr."""
    stream = sys.stderr if err else sys.stdout
    if stream is not None:
        stream.write(f"{message}\n" if nl else str(message))
        stream.flush()
