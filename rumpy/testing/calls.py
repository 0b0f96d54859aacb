# SPDX-License-Identifier: BSD-2-Clause
"""System calls as a fuzzer makes them: typed arguments, descriptors passed on.

What a call takes comes from the kernel's own table (csrc/syscalls.tbl): its C
types and names say which argument is a descriptor, a path, a size.  Where that
is not enough (flags, commands, names of attributes) the choices stand here.

A descriptor is a slot of the process: a call that answers with one fills a slot,
later calls name the slot, which may be empty.  So calls can be left out of a
sequence, and calls of another one be put in.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import random
import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rumpy._hyp import ffi, lib
from rumpy.abi.calls import NUMBERS, PAIRS, plain_name
from rumpy.abi.syscalls import SYSCALLS
from rumpy.process import Process

__all__ = ["CALLS", "Call", "Caller", "Generator", "read_calls", "write_calls"]

#: Descriptors that each process keeps, and file handles.
SLOTS = 6
#: Who calls: uid, gid, further groups.
USERS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (0, 0, ()),
    (1001, 100, (5,)),
)

#: An argument: its kind and what belongs to it.
#:   num N       an integer
#:   fd SLOT     a descriptor; -100 is AT_FDCWD
#:   path NAME   below the root of what is tested
#:   text TEXT   a string as it is
#:   in SEED N   N bytes made of a seed
#:   hex TEXT    these bytes
#:   out N       room for N bytes
#:   fh SLOT     a file handle
#:   newfh SLOT  room for one, kept in the slot
#:   vec SEED N... buffers of these sizes, filled by the seed
#:   size N      room for a size_t that holds N
Argument = tuple[Any, ...]

_FDCWD = -100
_ROOM = 1 << 17
_HANDLE = 64
_FDS = ("fd", "fd1", "fd2", "fromfd", "tofd", "filedes", "from", "to")
_PATHS = ("path", "link", "from", "to", "name1", "name2", "fname", "path1", "path2")
_SIZES = ("nbyte", "nbytes", "count", "size", "bufsize", "length", "bufsize")

# --- what is called, and how often ------------------------------------------------

#: Weight of each call.  Not here is what would end the test (reboot, unmount),
#: wait for ever (poll, nanosleep), or has nothing to do with files.
CALLS: dict[str, float] = {
    "open": 14, "openat": 4, "close": 4, "dup": 1, "dup2": 0.5, "read": 4,
    "write": 6, "pread": 4, "pwrite": 7, "readv": 1, "writev": 1, "preadv": 0.7,
    "pwritev": 1, "lseek": 2, "ftruncate": 4, "truncate": 4, "fsync": 1,
    "fdatasync": 1, "fsync_range": 0.5, "sync": 0.7, "posix_fallocate": 1.5,
    "fdiscard": 1.5, "posix_fadvise": 0.3, "link": 3, "linkat": 1, "unlink": 4,
    "unlinkat": 1, "symlink": 2, "symlinkat": 0.7, "readlink": 1,
    "readlinkat": 0.5, "rename": 6, "__posix_rename": 0.5, "renameat": 1,
    "mkdir": 5, "mkdirat": 1, "rmdir": 3, "mkfifo": 1, "mkfifoat": 0.4,
    "mknod": 0.6, "mknodat": 0.3, "chmod": 2, "lchmod": 0.5, "fchmod": 1,
    "fchmodat": 0.5, "chown": 1, "lchown": 0.5, "fchown": 0.7, "fchownat": 0.5,
    "__posix_chown": 0.3, "__posix_lchown": 0.3, "__posix_fchown": 0.3,
    "chflags": 1, "lchflags": 0.4, "fchflags": 0.6, "utimensat": 1,
    "futimens": 0.7, "utimes": 0.5, "lutimes": 0.3, "futimes": 0.4, "stat": 1,
    "lstat": 1, "fstat": 1, "fstatat": 0.5, "access": 1, "faccessat": 0.5,
    "getdents": 3, "statvfs1": 0.5, "fstatvfs1": 0.5, "getvfsstat": 0.2,
    "pathconf": 0.4, "fpathconf": 0.4, "lpathconf": 0.2, "getfh": 1,
    "fhopen": 1, "fhstat": 0.4, "fhstatvfs1": 0.3, "chdir": 0.4, "fchdir": 0.4,
    "__getcwd": 0.4, "umask": 0.3, "flock": 0.7, "fcntl": 1, "ioctl": 0.4,
    "setxattr": 2, "lsetxattr": 0.4, "fsetxattr": 0.8, "getxattr": 1,
    "lgetxattr": 0.3, "fgetxattr": 0.5, "listxattr": 0.7, "llistxattr": 0.3,
    "flistxattr": 0.3, "removexattr": 1, "lremovexattr": 0.3, "fremovexattr": 0.4,
    "extattr_set_file": 1.5, "extattr_get_file": 0.7, "extattr_delete_file": 0.7,
    "extattr_set_fd": 0.6, "extattr_get_fd": 0.3, "extattr_delete_fd": 0.3,
    "extattr_set_link": 0.4, "extattr_get_link": 0.2, "extattr_delete_link": 0.2,
    "extattr_list_fd": 0.2, "extattr_list_file": 0.4, "extattr_list_link": 0.2,
    "extattrctl": 0.3, "__acl_get_file": 0.5, "__acl_set_file": 0.8,
    "__acl_delete_file": 0.4, "__acl_get_fd": 0.2, "__acl_set_fd": 0.3,
    "__acl_delete_fd": 0.2, "__acl_get_link": 0.2, "__acl_set_link": 0.2,
    "__acl_delete_link": 0.2, "__acl_aclcheck_file": 0.3,
    "__acl_aclcheck_fd": 0.2, "__acl_aclcheck_link": 0.1, "revoke": 0.1,
}  # fmt: skip

#: Calls that answer with a descriptor.
_MAKERS = frozenset(("open", "openat", "dup", "dup2", "fhopen", "fcntl"))

_LEAVES = ("a", "b", "c", "d", "e-longer-name", "f" * 60, "g" * 255)
_FOLDERS = ("", "A", "B", "A/B", "A/B/C", "B/A")
_ODD = (".", "A/..", "a/", "A/./d", "h" * 256, "A/B/../c", "d/x")
_MODES = (0o755, 0o755, 0o777, 0o777, 0o644, 0o600, 0o2777, 0o1777, 0o6755, 0, 0o40)
_SHIFTS = (9, 10, 11, 12, 13, 14, 15, 16, 17)
_FAR = (98304, 98305, 1 << 20, (1 << 23) + 17, (1 << 26) - 1, (1 << 30) + 4096,
        (1 << 31) - 1, 1 << 32, (1 << 40) + 5, 1 << 62, (1 << 63) - 1, -1)  # fmt: skip
_ATTRIBUTES = ("user.a", "user.b", "user." + "n" * 250, "system.s", "user.", "bad",
               "system.posix_acl_access")  # fmt: skip
_BARE = ("a", "b", "n" * 250, "n" * 256, "")
# O_ACCMODE, NONBLOCK, APPEND, SHLOCK, EXLOCK, SYNC, NOFOLLOW, CREAT, TRUNC, EXCL,
# DIRECTORY, DSYNC, RSYNC, DIRECT, as NetBSD has them.
_CREAT, _NONBLOCK = 0x200, 0x4
_OPEN_BITS = (0x8, 0x10, 0x20, 0x80, 0x100, 0x200, 0x400, 0x800, 0x200000, 0x10000,
              0x80000)  # fmt: skip

#: Integer arguments that mean something: choices by call and name, or by name.
_CHOICES: dict[str, tuple[int, ...]] = {
    "uid": (-1, 0, 1001, 1002, 70000, 0xFFFFFFFE),
    "gid": (-1, 0, 100, 5, 70000, 0xFFFFFFFE),
    "owner": (-1, 0, 1001, 1002),
    "group": (-1, 0, 100, 5),
    "flag": (0, 0x100, 0x200, 0x400, 0x800),
    "whence": (0, 1, 2, 3, 4, 7),
    "amode": tuple(range(8)),
    "access.flags": tuple(range(9)),
    "chflags.flags": (0, 0, 0, 1, 2, 4, 8, 0x10000, 0x20000, 0x40000, 0xFFFFFFFF),
    "linkat.flags": (0, 0x200, 0x400),
    "unlinkat.flag": (0, 0x800),
    "fsync_range.flags": (0x10, 0x20, 0x40, 0x50, 0),
    "setxattr.flags": (0, 1, 2, 3),
    "statvfs1.flags": (1, 2, 0),
    "getvfsstat.flags": (1, 2),
    "advice": (0, 1, 2, 3, 4, 5, 6),
    "attrnamespace": (1, 1, 2, 0, 3),
    "type": (0, 1, 2, 3, 4, 5, 6),
    "extattrctl.cmd": (0, 1, 2, 3, 4),
    "pathconf.name": tuple(range(1, 20)),
    "how": (5, 6, 8),  # with LOCK_NB
    "newmask": (0, 0o22, 0o77),
    "fcntl.cmd": (0, 1, 2, 3, 4, 7, 8, 12),
    "dev": (0x305, 0xFFFF, 0xFFFFFFFF, 1 << 40),
    "ioctl.com": (0x4004667F, 0x8004667E, 0x20006601, 0x20006602, 0x4004746A),
}
_FEW = (0, 1, 4, 0x40)
#: Arguments that are chosen, and never a little different: such calls may wait.
_FIXED = ("cmd", "how", "com", "flags", "oflags")
_TIMES = ((0, 0), (1_000_000_000, 5), (-1, 999_999_999), (1 << 33, 0), (1, 1 << 30),
          (0, (1 << 30) - 1), (0, (1 << 30) - 2), (-(1 << 40), 0), (5, -1))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """One system call.

    Attributes:
        name: as users call it.
        args: one for each argument but PAD.
        slot: where the descriptor goes that it answers with, or None.
        user: which of USERS calls.
    """

    name: str
    args: tuple[Argument, ...]
    slot: int | None = None
    user: int = 0

    def __str__(self) -> str:
        shown = ", ".join(_shown(argument) for argument in self.args)
        head = "" if self.slot is None else f"fd{self.slot} = "
        tail = f"  # uid {USERS[self.user][0]}" if self.user else ""
        return f"{head}{self.name}({shown}){tail}"


def _shown(argument: Argument) -> str:
    kind, *rest = argument
    if kind in ("num", "path", "text"):
        return repr(rest[0])
    if kind == "fd":
        return "AT_FDCWD" if rest[0] == _FDCWD else f"fd{rest[0]}"
    return f"{kind}:{','.join(map(str, rest))}"


def write_calls(calls: Sequence[Call]) -> list[Any]:
    """For json.dumps."""
    return [[c.name, c.slot, c.user, *map(list, c.args)] for c in calls]


def read_calls(data: Sequence[Any]) -> tuple[Call, ...]:
    """The inverse of write_calls().

    Raises:
        ValueError: it is something else.
    """
    calls = []
    for name, slot, user, *args in data:
        if name not in NUMBERS or not 0 <= user < len(USERS):
            raise ValueError(f"no system call of a test: {json.dumps(name)}")
        calls.append(Call(name, tuple(tuple(a) for a in args), slot, user))
    return tuple(calls)


def parameters(name: str) -> list[tuple[str, str]]:
    """C type and name of each argument of a call, PAD left out."""
    arguments = SYSCALLS[NUMBERS[name]][2]
    return [(kind, what) for kind, what in arguments if what != "PAD"]


def contents(seed: int, size: int) -> bytes:
    """Bytes that depend on the seed; small seeds are bytes repeated."""
    if seed < 256:
        return bytes([seed]) * size
    block = random.Random(seed).randbytes(64)
    return (block * (size // 64 + 1))[:size]


# --- making them ---------------------------------------------------------------


class Generator:
    """Draws calls and changes them.

    Args:
        rng: of everything.
        names: calls to make; default all of CALLS.
        paths: names of files there are already.
        users: others than root call as well.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        names: Collection[str] | None = None,
        paths: Sequence[str] = (),
        users: bool = True,
    ) -> None:
        self.rng = rng
        chosen = {n: CALLS.get(n, 1.0) for n in (CALLS if names is None else names)}
        self._names, self._weights = [*chosen], [*chosen.values()]
        self._paths, self._users = [*paths], users

    def sequence(self, most: int = 24) -> tuple[Call, ...]:
        """Up to so many calls."""
        return tuple(self.call() for _ in range(self.rng.randint(1, most)))

    def call(self) -> Call:
        """Any call."""
        name = self.rng.choices(self._names, self._weights)[0]
        user = self.rng.random() < 0.15 if self._users else 0
        return self.make(name, int(user))

    def make(self, name: str, user: int) -> Call:
        """A call of this name."""
        args = self._arguments(name)
        slot = self._slot() if plain_name(name) in _MAKERS else None
        return Call(name, args, slot, user)

    def _slot(self) -> int:
        return min(int(self.rng.expovariate(0.7)), SLOTS - 1)

    def _arguments(self, name: str) -> tuple[Argument, ...]:
        found: list[Argument] = []
        for kind, what in parameters(name):
            found.append(self._argument(name, kind, what, found))
        return tuple(found)

    def _argument(
        self, call: str, kind: str, what: str, before: Sequence[Argument]
    ) -> Argument:
        """One argument by its C type and name."""
        rng = self.rng
        if kind == "int" and what in _FDS:
            at = call.endswith("at") or call == "utimensat"
            cwd = at and rng.random() < 0.6
            return ("fd", _FDCWD if cwd else self._slot())
        if kind == "const char *":
            return self._string(call, what)
        if "iovec" in kind:
            sizes = [min(self._small(), 16384) for _ in range(rng.randint(1, 4))]
            return ("vec", self._seed(), *sizes)
        if what == "iovcnt":
            return ("num", len(before[-1]) - 2)
        if "timespec" in kind or "timeval" in kind:
            return self._times("timeval" in kind)
        if what == "fhp":
            return ("newfh" if call == "getfh" else "fh", self._slot())
        if what == "fh_size":
            return ("size", _HANDLE) if "*" in kind else ("num", _HANDLE)
        if "acl" in kind:
            return self._acl(out="get" in call)
        if call == "fcntl" and "*" in kind:
            return self._lock() if rng.random() < 0.5 else ("num", rng.choice(_FEW))
        if call == "ioctl" and "*" in kind:
            return ("hex", bytes(64).hex())
        if "struct" in kind:
            return ("out", 8192)
        if "*" in kind:
            size = rng.choice((0, 1, 100, self._small(), 65536))
            return ("in", self._seed(), size) if "const" in kind else ("out", size)
        return ("num", self._number(call, kind, what, before))

    def _number(
        self, call: str, kind: str, what: str, before: Sequence[Argument]
    ) -> int:
        rng = self.rng
        if kind == "mode_t":
            return rng.choice(_MODES) | (
                rng.choice((0, 0x1000, 0x2000, 0x6000, 0x8000))
                if call.startswith("mknod")
                else 0
            )
        if what in ("flags", "oflags") and call in ("open", "openat", "fhopen"):
            return self._open_flags()
        for key in (f"{call}.{what}", f"{call[1:]}.{what}", what):
            if key in _CHOICES:
                return rng.choice(_CHOICES[key])
        if what in _SIZES and before and before[-1][0] in ("in", "out"):
            return int(before[-1][-1])
        if kind == "off_t" or kind == "size_t":
            return self.offset()
        return rng.choice((0, 1, 2, 3, -1, 0x7FFFFFFF, 1 << rng.randrange(31)))

    def _open_flags(self) -> int:
        rng = self.rng
        # A FIFO without its other end must not be waited for.
        flags = rng.choice((0, 1, 2, 2, 2)) | _NONBLOCK
        if rng.random() < 0.7:
            flags |= _CREAT
        while rng.random() < 0.25:
            flags |= rng.choice(_OPEN_BITS)
        return flags

    def offset(self) -> int:
        """Where blocks, fragments and indirections begin and end, or near."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.15:
            return rng.choice((0, 0, 1, 100))
        if kind < 0.85:
            unit = 1 << rng.choice(_SHIFTS)
            return max(0, unit * rng.choice((1, 1, 2, 3, 11, 12, 13)) + self._near())
        return rng.choice(_FAR)

    def _near(self) -> int:
        return self.rng.choice((0, 0, 0, -1, 1, self.rng.randint(-600, 600)))

    def _small(self) -> int:
        unit = 1 << self.rng.choice(_SHIFTS[:-1])
        return max(0, min(_ROOM // 2, unit + self._near()))

    def _seed(self) -> int:
        return self.rng.choice((0, 0x41, self.rng.getrandbits(31) | 256))

    def _string(self, call: str, what: str) -> Argument:
        rng = self.rng
        if what in ("attrname", "name"):
            attr = "extattr" in call
            return ("text", rng.choice(_BARE if attr else _ATTRIBUTES))
        if what == "filename":
            return ("path", self.path())
        if call.startswith("symlink") and what in ("path", "path1"):
            size = rng.choice((1, 59, 60, 61, 119, 120, 121, 1000))
            return ("text", rng.choice((self.path() or "A", "../a", "x" * size)))
        return ("path", self.path())

    def path(self) -> str:
        """A name that other calls use as well, mostly."""
        rng = self.rng
        kind = rng.random()
        if self._paths and kind < 0.25:
            return rng.choice(self._paths)
        if kind < 0.28:
            return rng.choice(_ODD)
        folder = rng.choice(_FOLDERS) if rng.random() < 0.5 else ""
        if kind < 0.4:
            return folder
        leaf = rng.choices(_LEAVES, (8, 6, 4, 3, 2, 1, 1))[0]
        return f"{folder}/{leaf}" if folder else leaf

    def _times(self, short: bool) -> Argument:
        rng = self.rng
        if rng.random() < 0.1:
            return ("num", 0)
        values: list[int] = []
        for _ in range(2):
            seconds, part = rng.choice(_TIMES)
            values += (seconds, part // 1000 if short else part)
        return ("hex", struct.pack("<4q", *values).hex())

    def _lock(self) -> Argument:
        """struct flock: start, length, process, type, whence."""
        rng = self.rng
        start, size = self.offset(), rng.choice((0, 1, 100, self.offset()))
        fields = (start, size, 0, rng.choice((1, 2, 3)), rng.choice((0, 1, 2)))
        wrapped = [(v + (1 << 63)) % (1 << 64) - (1 << 63) for v in fields[:2]]
        return ("hex", struct.pack("<qqihh", *wrapped, *fields[2:]).hex())

    def _acl(self, *, out: bool) -> Argument:
        """struct acl: room for entries, their number, and entries of 16 bytes."""
        if out:
            return ("out", 8192)
        rng = self.rng
        count = rng.choice((0, 3, 4, 5, 254, 255))
        entries = b"".join(
            struct.pack(
                "<IIIHH",
                rng.choice((1, 2, 4, 8, 0x10, 0x20, 0x40)),
                rng.choice((0xFFFFFFFF, 0, 1001, 100)),
                rng.choice((0, 7, 4, 0x1FFFFF, 0x10000)),
                rng.choice((0, 0x100, 0x200)),
                rng.choice((0, 1, 2, 8, 0x80)),
            )
            for _ in range(min(count, 6))
        )
        head = struct.pack("<II4I", 254, count, *([0] * 4))
        return ("hex", (head + entries).ljust(24 + 16 * 254, b"\0").hex())

    # --- changing ---------------------------------------------------------------

    def changed(self, call: Call) -> Call:
        """The call with another argument, or of another user."""
        rng = self.rng
        if not call.args or rng.random() < 0.05:
            return replace(call, user=1 - call.user) if self._users else call
        at = rng.randrange(len(call.args))
        kind, what = parameters(call.name)[at]
        old = call.args[at]
        if old[0] == "num" and what not in _FIXED and rng.random() < 0.4:
            new: Argument = ("num", self._nudged(int(old[1])))
        else:
            new = self._argument(call.name, kind, what, call.args[:at])
        args = [*call.args[:at], new, *call.args[at + 1 :]]
        # A size goes with its buffer, mostly.
        following = [what for _, what in parameters(call.name)[at + 1 : at + 2]]
        sized = new[0] in ("in", "out") and following and following[0] in _SIZES
        if sized and rng.random() < 0.9:
            args[at + 1] = ("num", new[-1])
        return replace(call, args=tuple(args))

    def _nudged(self, value: int) -> int:
        rng = self.rng
        return rng.choice((
            value + 1, value - 1, value ^ (1 << rng.randrange(32)), value * 2,
            value + rng.randint(-600, 600), -value,
        ))  # fmt: skip


# --- doing them ----------------------------------------------------------------


class _Fence:
    """Memory that ends where nothing may be read or written.

    A call that is told a wrong size runs into that, and gets EFAULT.
    """

    def __init__(self, size: int) -> None:
        page = mmap.PAGESIZE
        self.size = -(-size // page) * page
        self._map = mmap.mmap(-1, self.size + page)
        self._start = _address(ffi.from_buffer(self._map))
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        where = ctypes.c_void_p(self._start + self.size)
        if protect(where, ctypes.c_size_t(page), 0):
            raise OSError(ctypes.get_errno(), "mprotect")

    def room(self, size: int) -> int:
        """The address of the last so many bytes."""
        return self._start + self.size - min(size, self.size)

    def put(self, data: bytes) -> int:
        """Store bytes at the end; their address."""
        data = data[: self.size]
        self._map[self.size - len(data) : self.size] = data
        return self.room(len(data))

    def get(self, size: int) -> bytes:
        """The last so many bytes."""
        return self._map[self.size - size : self.size]


class Caller:
    """Makes calls in the processes of one kernel.

    Args:
        processes: one for each of USERS.
        root: what paths are below.
    """

    def __init__(self, processes: Sequence[Process], root: str) -> None:
        self.processes, self.root = processes, root
        self._slots: dict[tuple[int, int], int] = {}
        self._handles: dict[int, bytes] = {}
        self._made: list[tuple[int, int]] = []
        self._args = ffi.new("int64_t[8]")
        self._results = ffi.new("int64_t[2]")
        self.out, self._in = _Fence(_ROOM), _Fence(_ROOM)
        self._vectors = _Fence(4096)

    def begin(self) -> None:
        """Nothing is open."""
        self._slots.clear()
        self._handles.clear()
        self._made.clear()

    def do(self, call: Call) -> int:
        """Make a call: what it answers, or a negated NetBSD errno.

        Raises:
            KernelPanic, KernelClosed: the kernel is gone.
        """
        keep: list[Any] = []
        number = NUMBERS[call.name]
        given = iter(call.args)
        slots = self._args
        for i, (_, what) in enumerate(SYSCALLS[number][2]):
            slots[i] = 0 if what == "PAD" else self._value(call, next(given), keep)
        process = self.processes[call.user]
        self._results[0] = 0
        code = int(lib.face_raw(process._k, process._p, number, slots, self._results))
        # A position of a device may be negative, too.
        if code < 0 and code != self._results[0]:
            if code < -1000:
                raise process._failed(code)
            return code
        answer = int(self._results[0])
        self._note(call, answer)
        return answer

    def _note(self, call: Call, answer: int) -> None:
        """Keep what a call gave."""
        if call.slot is not None:
            self._slots[call.user, call.slot] = answer
            self._made.append((call.user, answer))
        elif call.name == "close" and call.args[0][0] == "fd":
            self._slots.pop((call.user, call.args[0][1]), None)
        for argument in call.args:
            if argument[0] == "newfh":
                self._handles[argument[1]] = self.out.get(_HANDLE)

    def _value(self, call: Call, argument: Argument, keep: list[Any]) -> int:
        """An argument as the 8 bytes of a system call."""
        kind, first = argument[0], argument[1]
        if kind == "num":
            return (int(first) + (1 << 63)) % (1 << 64) - (1 << 63)
        if kind == "fd":
            if first == _FDCWD:
                return _FDCWD
            return self._slots.get((call.user, first), -1)
        if kind in ("out", "newfh"):
            return self.out.room(first if kind == "out" else _HANDLE)
        if kind == "in":
            return self._in.put(contents(first, argument[2]))
        if kind == "fh":
            return self._in.put(self._handles.get(first, bytes(_HANDLE)))
        if kind == "vec":
            return self._vector(argument)
        data: bytes | bytearray
        if kind == "path":
            data = os.fsencode(f"{self.root}/{first}" if first else self.root)
        elif kind == "text":
            data = os.fsencode(first)
        elif kind == "hex":
            data = bytearray.fromhex(first)
        else:
            data = bytearray(struct.pack("<Q", first))
        memory = ffi.from_buffer(data)
        keep.append(memory)
        return _address(memory)

    def _vector(self, argument: Argument) -> int:
        """struct iovec[]: all buffers in one piece of memory."""
        _, seed, *sizes = argument
        at = self._in.put(contents(seed, sum(sizes)))
        pairs: list[int] = []
        for size in sizes:
            pairs += (at, size)
            at += size
        return self._vectors.put(struct.pack(f"<{len(pairs)}Q", *pairs))

    def end(self) -> None:
        """Close what is open, and leave the directory."""
        for user, fd in self._made:
            process = self.processes[user]
            code = lib.face_i(process._k, process._p, _CLOSE, fd, 0, 0, 0, 0, 0)
            if code < -1000:
                raise process._failed(code)
        for process in self.processes:
            process.chdir("/")
        self.begin()


_CLOSE = NUMBERS["close"]
assert not PAIRS & CALLS.keys()


def _address(memory: Any) -> int:
    return int(ffi.cast("intptr_t", memory))
