# SPDX-License-Identifier: BSD-2-Clause
"""Random sequences of file system operations, the same for a seed.

What comes next does not depend on what the operations answered, so that one
sequence can run on several file systems, and parts of it can be left out.  An
operation on a descriptor means a slot, which may be empty.
"""

from __future__ import annotations

import json
import os
import random
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["SLOTS", "USERS", "Operation", "operations", "pattern", "read_text", "text"]

#: Descriptors that a sequence holds open.
SLOTS = 6

#: Who acts: uid, gid, further groups.
USERS: dict[int, tuple[int, int, tuple[int, ...]]] = {
    0: (0, 0, ()),
    1: (1001, 100, (5,)),
    2: (1002, 100, ()),
}

# Names of directories and of other files seldom meet, so that trees grow.
_FOLDERS = ("A", "B", "A/B", "A/B/C", "B/A", "D")
_LEAVES = ("a", "b", "c", "d", "e-longer-name", "f" * 60, "g" * 255)
_ODD = (".", "A/.", "A/..", "", "B/", "a/", "A/./d", "h" * 256, "A/B/../c", "d/x")
_FLAGS = ("uchg", "uappnd", "nodump", "schg", "sappnd")
_MODES = (0o755, 0o755, 0o777, 0o777, 0o777, 0o777, 0o775, 0o766, 0o744, 0o700, 0o555,
          0o644, 0o6755, 0o2777, 0o1777, 0o0)  # fmt: skip
_EDGES = (0, 1, 511, 512, 513, 1024, 2047, 2048, 4095, 4096, 8191, 8192, 8193, 16384,
          32768, 65535, 65536, 98304, 98305, 131072, 196608)  # fmt: skip
_FAR = (1 << 20, (1 << 23) + 17, (1 << 26) - 1, (1 << 30) + 4096)
_TIMES = (0, 1_000_000_000, 1_600_000_000_123_456_000, 2_000_000_000_999_999_000)
_MOST = 1 << 17


@dataclass(frozen=True, slots=True)
class Operation:
    """One call: who (a key of USERS), what, and with what."""

    user: int
    verb: str
    args: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return json.dumps([self.user, self.verb, *self.args])


def text(sequence: list[Operation]) -> str:
    """One operation a line, for a file."""
    return "".join(f"{operation}\n" for operation in sequence)


def read_text(lines: str) -> list[Operation]:
    """The inverse of text().

    Raises:
        ValueError: a line is no operation.
    """
    found = []
    for line in lines.splitlines():
        user, verb, *args = json.loads(line)
        found.append(Operation(user, verb, tuple(_frozen(arg) for arg in args)))
    return found


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def pattern(seed: int, size: int) -> bytes:
    """Contents that show where they come from."""
    return random.Random(seed).randbytes(64) * (size // 64 + 1)


class _Dice:
    """The choices of one sequence."""

    def __init__(self, seed: int, users: bool) -> None:
        self.random = random.Random(seed)
        self.users = users

    def user(self) -> int:
        return self.random.choice((0, 0, 1, 1, 2)) if self.users else 0

    def path(self) -> str:
        """Names that few enough files share, and that now and then are wrong."""
        kind = self.random.random()
        if kind < 0.02:
            return self.random.choice(_ODD)
        if kind < 0.08:
            return self.folder()
        leaf = self.random.choices(_LEAVES, (5, 5, 5, 5, 3, 2, 1))[0]
        folder = "" if kind < 0.5 else self.folder()
        return f"{folder}/{leaf}" if folder else leaf

    def folder(self) -> str:
        """Where a directory is meant."""
        return self.random.choice(_FOLDERS)

    def any(self, folders: float) -> str:
        """A directory with this probability, else another file."""
        return self.folder() if self.random.random() < folders else self.path()

    def slot(self) -> int:
        return self.random.randrange(SLOTS)

    def offset(self) -> int:
        kind = self.random.random()
        if kind < 0.5:
            return self.random.choice(_EDGES)
        if kind < 0.97:
            return self.random.randrange(_MOST)
        return self.random.choice(_FAR)

    def size(self) -> int:
        if self.random.random() < 0.5:
            return min(self.random.choice(_EDGES), 1 << 16)
        return self.random.randrange(1 << 14)

    def mode(self) -> int:
        return self.random.choice(_MODES)

    def owner(self) -> int:
        return self.random.choice((-1, 0, 1001, 1002))

    def when(self) -> int | None:
        """Nanoseconds, or None for now."""
        return self.random.choice((None, *_TIMES))


def _open(d: _Dice) -> tuple[Any, ...]:
    flags = d.random.choice((os.O_RDONLY, os.O_WRONLY, *[os.O_RDWR] * 4))
    for flag, chance in (
        (os.O_CREAT, 0.75), (os.O_EXCL, 0.1), (os.O_TRUNC, 0.15), (os.O_APPEND, 0.15),
        (os.O_NOFOLLOW, 0.05), (os.O_DIRECTORY, 0.05),
    ):  # fmt: skip
        if d.random.random() < chance:
            flags |= flag
    # A FIFO without its other end must not be waited for.
    return d.slot(), d.path(), flags | os.O_NONBLOCK, d.mode()


def _rename(d: _Dice) -> tuple[Any, ...]:
    folders = d.random.choice((0.0, 0.0, 0.0, 0.95))
    return d.any(folders), d.any(folders)


def _target(d: _Dice) -> str:
    kind = d.random.random()
    if kind < 0.6:
        return d.path() or "A"
    return d.random.choice(("../a", ".", "A/b", "B", "x" * 59, "y" * 60, "z" * 119,
                            "w" * 120, "v" * 1000))  # fmt: skip


_VERBS: dict[str, tuple[float, Callable[[_Dice], tuple[Any, ...]]]] = {
    "open": (16, _open),
    "close": (3, lambda d: (d.slot(),)),
    "read": (3, lambda d: (d.slot(), d.size())),
    "pread": (4, lambda d: (d.slot(), d.size(), d.offset())),
    "write": (5, lambda d: (d.slot(), d.random.getrandbits(32), d.size())),
    "pwrite": (6, lambda d: (d.slot(), d.random.getrandbits(32), d.size(), d.offset())),
    "lseek": (2, lambda d: (d.slot(), d.offset(), d.random.choice((0, 1, 2)))),
    "ftruncate": (3, lambda d: (d.slot(), d.offset())),
    "truncate": (3, lambda d: (d.path(), d.offset())),
    "fsync": (1, lambda d: (d.slot(),)),
    "fstat": (2, lambda d: (d.slot(),)),
    "fchmod": (1, lambda d: (d.slot(), d.mode())),
    "fchown": (1, lambda d: (d.slot(), d.owner(), d.owner())),
    "futimens": (1, lambda d: (d.slot(), d.when(), d.when())),
    "stat": (3, lambda d: (d.path(),)),
    "lstat": (3, lambda d: (d.path(),)),
    "access": (2, lambda d: (d.path(), d.random.randrange(8))),
    "listdir": (3, lambda d: (d.any(0.8),)),
    "readlink": (1, lambda d: (d.path(),)),
    "mkdir": (6, lambda d: (d.any(0.8), d.mode())),
    "rmdir": (2, lambda d: (d.any(0.8),)),
    "unlink": (5, lambda d: (d.path(),)),
    "rename": (6, _rename),
    "link": (4, lambda d: (d.path(), d.path())),
    "symlink": (2, lambda d: (_target(d), d.path())),
    "mkfifo": (1, lambda d: (d.path(), d.mode())),
    "mknod": (0.5, lambda d: (d.path(), stat.S_IFCHR | d.mode() & 0o777, 0x0305)),
    "chmod": (3, lambda d: (d.path(), d.mode())),
    "chown": (2, lambda d: (d.path(), d.owner(), d.owner())),
    "lchown": (1, lambda d: (d.path(), d.owner(), d.owner())),
    "chflags": (
        0.7,
        lambda d: (d.path(), tuple(d.random.sample(_FLAGS, d.random.randrange(2)))),
    ),
    "utimens": (2, lambda d: (d.path(), d.when(), d.when(), d.random.random() < 0.7)),
    "umask": (0.5, lambda d: (d.random.choice((0, 0o022, 0o077)),)),
    "volume": (0.5, lambda d: ()),
}


_BEGIN = (
    Operation(0, "chmod", (".", 0o777)),
    *(Operation(1, "mkdir", (folder, 0o777)) for folder in _FOLDERS),
)


def operations(
    seed: int,
    count: int,
    *,
    users: bool = True,
    without: frozenset[str] = frozenset(),
) -> Iterator[Operation]:
    """The sequence of a seed.

    Args:
        count: how many.
        users: others than root act as well.
        without: verbs to leave out.
    """
    dice = _Dice(seed, users)
    # Others may write there as well, and there is something to begin with.
    yield from _BEGIN[:count]
    verbs = [verb for verb in _VERBS if verb not in without]
    weights = [_VERBS[verb][0] for verb in verbs]
    for verb in dice.random.choices(verbs, weights, k=max(count - len(_BEGIN), 0)):
        user = dice.user()
        # What stops everybody is soon taken back, so that trees don't freeze.
        if verb in ("chflags", "chmod") and dice.random.random() < 0.6:
            args = ((),) if verb == "chflags" else (0o777,)
            yield Operation(0, verb, (dice.any(0.3), *args))
        else:
            yield Operation(user, verb, _VERBS[verb][1](dice))
