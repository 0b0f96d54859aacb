# SPDX-License-Identifier: BSD-2-Clause
"""How attributes look on a terminal; shared by ls, stat, tree and info."""

from __future__ import annotations

import stat as _stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_UNITS = ("", "K", "M", "G", "T", "P")

#: File flags by the names that ls -o of BSD prints.
FLAGS = (
    (0x1, "nodump"),
    (0x2, "uchg"),
    (0x4, "uappnd"),
    (0x8, "opaque"),
    (0x10000, "arch"),
    (0x20000, "schg"),
    (0x40000, "sappnd"),
    (0x200000, "snap"),
    (0x400000, "log"),
    (0x800000, "snapinval"),
)


def size(count: int) -> str:
    """Bytes for people: 17, 4.0K, 1.5M."""
    value = float(count)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    if not unit:
        return str(count)
    return f"{value:.1f}{unit}" if value < 10 else f"{value:.0f}{unit}"


def date(nanoseconds: int) -> str:
    """A time as ISO 8601 in the local zone, without what ls leaves out."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(nanoseconds // 10**9))
    except (OverflowError, OSError, ValueError):
        return str(nanoseconds // 10**9)


def exact_date(nanoseconds: int) -> str:
    """A time with nanoseconds and zone."""
    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        local = time.localtime(seconds)
    except (OverflowError, OSError, ValueError):
        return f"{seconds}.{rest:09}"
    head = time.strftime("%Y-%m-%d %H:%M:%S", local)
    return f"{head}.{rest:09} {time.strftime('%z', local)}"


def flags(value: int) -> str:
    """File flags as BSD's ls prints them; "-" for none."""
    names = [name for bit, name in FLAGS if value & bit]
    rest = value & ~sum(bit for bit, _ in FLAGS)
    return ",".join(names + ([f"{rest:#x}"] if rest else [])) or "-"


def printable(name: str) -> str:
    """A name that can't do anything to a terminal."""
    if name.isprintable():
        return name
    return "".join(
        c
        if c.isprintable()
        else c.encode("unicode_escape", "replace").decode()
        if not 0xDC80 <= ord(c) <= 0xDCFF
        else f"\\x{ord(c) - 0xDC00:02x}"
        for c in name
    )


def mark(mode: int) -> str:
    """The character that ls -F puts behind a name."""
    kind = _stat.S_IFMT(mode)
    if kind == _stat.S_IFREG:
        return "*" if mode & 0o111 else ""
    marks = {_stat.S_IFDIR: "/", _stat.S_IFLNK: "@", _stat.S_IFIFO: "|"}
    return marks.get(kind, "=" if kind == _stat.S_IFSOCK else "")


def size_or_device(status: Any) -> str:
    """The size column: bytes, or major and minor of a device."""
    import os

    if _stat.S_ISBLK(status.st_mode) or _stat.S_ISCHR(status.st_mode):
        return f"{os.major(status.st_rdev)}, {os.minor(status.st_rdev)}"
    return str(status.st_size)
