# SPDX-License-Identifier: BSD-2-Clause
"""The data of mount(2), made from options by the table csrc/abi/mountargs.tbl."""

from __future__ import annotations

from rumpy.abi.mountargs import TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Value = Any

__all__ = ["check", "known", "pack", "source_kind", "split_words"]

#: Data for a type that the table does not know: `char *fspec`, then zeros.
#: mount(2) accepts more than the driver wants.
_ROOM = 256

_MAX_PAIRS = 64


def source_kind(kind: str) -> str:
    """What a type is mounted from: disk, directory, text, none; "" if unknown."""
    row = TYPES.get(kind)
    return row[2] if row else ""


def known(kind: str) -> tuple[str, ...]:
    """Names of the options of a file system type."""
    row = TYPES.get(kind)
    return tuple(sorted(row[5])) if row else ()


def everywhere() -> frozenset[str]:
    """Names of options that some type has."""
    return frozenset(name for row in TYPES.values() for name in row[5])


def split_words(kind: str, words: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
    """Part the words after -o into mount flags and options of the type.

    `TYPE.NAME` always is an option of the driver; other types' are an error.

    Returns:
        Words for mount_flags(), and option -> text ("" for one without "=").
    """
    flags: list[str] = []
    options: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        owner, dot, rest = name.rpartition(".")
        if dot and owner != kind:
            raise ValueError(f"option {name!r} is for {owner}, and this is {kind}")
        if dot or equals or rest in known(kind):
            options[rest] = value
        else:
            flags.append(word)
    return flags, options


def check(kind: str, options: Mapping[str, Value]) -> dict[str, Value]:
    """The options with values as the driver takes them.

    Args:
        kind: the file system type.
        options: name -> a value of Python's, or the text that -o takes.

    Raises:
        ValueError: an option that the type has not (the message lists those it
            has), or a value that makes no sense for it.
    """
    found = {}
    for name, value in options.items():
        row = TYPES.get(kind)
        if row is None or name not in row[5]:
            names = ", ".join(known(kind)) or "none"
            raise ValueError(f"{kind} has no option {name!r} (it has: {names})")
        option, _, extra, _ = row[5][name]
        try:
            found[name] = _READERS[option](value, extra)
        except ValueError as error:
            raise ValueError(f"option {name} of {kind}: {error}") from None
    return found


def pack(
    kind: str, source: str | None, options: Mapping[str, Value]
) -> tuple[bytes, list[Any]]:
    """The structure that mount(2) takes.

    Args:
        kind: the file system type.
        source: name of what is mounted, or None.
        options: see check().

    Returns:
        The bytes, and what must be kept until mount(2) has returned, since the
        bytes point into it.

    Raises:
        ValueError: see check(); or the type can't be mounted without data=.
    """
    row = TYPES.get(kind)
    if row is None:
        check(kind, options)
        address, keep = _text(source)
        return address.to_bytes(8, "little").ljust(_ROOM, b"\0"), [keep]
    _, size, _, why, members, table = row
    if why:
        raise ValueError(f"{kind} needs data=: {why}")
    values = {name: member[3] for name, member in members.items()}
    alive: list[Any] = []
    for name, (_, _, form, _) in members.items():
        if form == "source":
            values[name], keep = _text(source)
            alive.append(keep)
    for name, value in check(kind, options).items():
        option, member, extra, _ = table[name]
        _put(values, alive, option, member, extra, value)
    data = bytearray(size)
    for name, (offset, width, _, _) in members.items():
        data[offset : offset + width] = _integer(values[name], width)
    return bytes(data), alive


def _put(
    values: dict[str, int],
    alive: list[Any],
    option: str,
    member: str,
    extra: str,
    value: Value,
) -> None:
    """Write one checked option into the members."""
    if option == "flag":
        bits = int(extra)
        values[member] = values[member] | bits if value else values[member] & ~bits
    elif option == "text":
        values[member], keep = _text(value)
        alive.append(keep)
    elif option == "pairs":
        from rumpy._hyp import ffi

        table = ffi.new("uint64_t[]", [number for pair in value for number in pair])
        alive.append(table)
        values[member] = int(ffi.cast("uintptr_t", table))
        values[extra] = len(value)
    else:
        values[member] = value


def _text(text: str | None) -> tuple[int, Any]:
    """Address of a C string, NULL for None, and what keeps it there."""
    from rumpy._hyp import ffi

    if text is None:
        return 0, None

    keep = ffi.new("char[]", text.encode("utf-8", "surrogateescape"))
    return int(ffi.cast("uintptr_t", keep)), keep


def _integer(value: int, width: int) -> bytes:
    limit = 1 << 8 * width
    if not -limit // 2 <= value < limit:
        raise ValueError(f"{value} does not fit {width} bytes")
    return (value % limit).to_bytes(width, "little")


# --- values -------------------------------------------------------------------


def _number(value: Value, extra: str) -> int:
    if isinstance(value, int):
        return value
    try:
        return int(value, 0)
    except (TypeError, ValueError):
        raise ValueError(f"not a number: {value!r}") from None


def _natural(value: Value, extra: str) -> int:
    number = _number(value, extra)
    if number < 0:
        raise ValueError(f"may not be negative: {number}")
    return number


def _bytes(value: Value, extra: str) -> int:
    from rumpy.probe import parse_size

    return _natural(parse_size(value) if isinstance(value, str) else value, extra)


def _mode(value: Value, extra: str) -> int:
    try:
        mode = int(value, 8) if isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        raise ValueError(f"not an octal mode: {value!r}") from None
    if not 0 <= mode <= 0o7777:
        raise ValueError(f"not a mode: {mode:o}")
    return mode


def _string(value: Value, extra: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"not a text: {value!r}")
    return value


def _flag(value: Value, extra: str) -> bool:
    words = {"": True, "yes": True, "no": False}
    if isinstance(value, str):
        if value not in words:
            raise ValueError(f"yes or no, not {value!r}")
        return words[value]
    return bool(value)


def _choice(value: Value, extra: str) -> int:
    words = dict(word.split("=") for word in extra.split(","))
    number = words.get(value, str(value))
    if number not in words.values():
        raise ValueError(f"{' or '.join(words)}, not {value!r}")
    return int(number)


def _pairs(value: Value, extra: str) -> list[tuple[int, int]]:
    if isinstance(value, str):
        parts = [part.split(":") for part in value.split("+")]
        value = [tuple(_natural(number, "") for number in part) for part in parts]
    found = [*value.items()] if hasattr(value, "items") else [*value]
    if any(len(pair) != 2 for pair in found):
        raise ValueError("pairs are FROM:TO+FROM:TO")
    if not 0 < len(found) <= _MAX_PAIRS:
        raise ValueError(f"1 to {_MAX_PAIRS} pairs, not {len(found)}")
    return found


_READERS: dict[str, Callable[[Value, str], Any]] = {
    "number": _number,
    "bytes": _bytes,
    "mode": _mode,
    "id": _natural,
    "seconds": _number,
    "address": _natural,
    "text": _string,
    "flag": _flag,
    "choice": _choice,
    "pairs": _pairs,
}
