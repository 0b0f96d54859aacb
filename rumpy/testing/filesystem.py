# SPDX-License-Identifier: BSD-2-Clause
"""The seam of the portable cases: a file system as one caller sees it.

`FileSystem` is what a case may use, in terms of `os`.  It is implemented by
`KernelTree` (a mount in a rumpy kernel), `HostTree` (a directory of the host, so
also a FUSE mount) and `ModelTree` (a tree in memory that knows POSIX's rules).

Paths are relative to the tree's root, with "/" between names and "." for the
root itself; names that are not UTF-8 travel as `os.fsdecode` makes them.  Errors
are OSError with the host's errno.  Times are int nanoseconds since 1970.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = [
    "CAPABILITIES",
    "NOW",
    "OMIT",
    "FileSystem",
    "SpecialTime",
    "Status",
    "Volume",
]


class SpecialTime(enum.Enum):
    """What `utimens` takes beside nanoseconds."""

    NOW = (1 << 30) - 1
    OMIT = (1 << 30) - 2


NOW, OMIT = SpecialTime.NOW, SpecialTime.OMIT

#: What a tree may be able to do, and what a case may ask of it.
CAPABILITIES: dict[str, str] = {
    "write": "files can be made and changed",
    "modes": "permission bits are kept",
    "owners": "uid and gid are kept, and the caller may set them",
    "users": "other users can be impersonated, and permissions bind them",
    "hardlinks": "a file may have several names",
    "symlinks": "symbolic links",
    "fifos": "FIFOs can be made",
    "devices": "device nodes can be made",
    "holes": "what was never written takes no room",
    "sysflags": "schg and sappnd can be set and bind root as well",
    "userflags": "uchg and uappnd can be set by the owner",
    "nanoseconds": "times are kept to (about) the nanosecond",
    "oldtimes": "times before 1970 and after 2038 are kept",
    "birthtime": "the time of making is kept",
    "atime": "reading sets the access time",
    "unlinked": "an open file outlives its last name",
    "bytes": "a name is any bytes but / and NUL",
    "case": "names that differ in case only differ",
    "longnames": "names may have 255 bytes, longer ones are ENAMETOOLONG",
    "dirlinks": "a directory's links count its subdirectories",
    "noreplace": "a rename can be told not to replace",
    "exchange": "two names can change places",
    "tmpfile": "O_TMPFILE",
    "allocate": "room can be reserved (posix_fallocate)",
    "punch": "room can be given back (a hole is punched)",
    "locks": "flock(2)",
    "mmap": "files can be mapped by the caller",
    "small": "the file system may be filled up by a test",
    "bsdgroups": "a new file takes its directory's group",
    "sync": "fsync",
}


@dataclass(frozen=True, slots=True)
class Status:
    """Attributes of a file, as stat(2) tells them.

    `birthtime` is None where nobody knows it; `flags` are chflags(1)'s names.
    """

    mode: int
    ino: int
    dev: int
    nlink: int
    uid: int
    gid: int
    size: int
    blocks: int
    rdev: int
    atime: int
    mtime: int
    ctime: int
    birthtime: int | None = None
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Volume:
    """Room on the file system: bytes and files, and the longest name."""

    size: int
    free: int
    available: int
    files: int
    files_free: int
    name_max: int


class FileSystem(Protocol):
    """A tree, as one caller sees it.  The caller's umask is 0 at first."""

    @property
    def name(self) -> str:
        """What it is, for messages."""

    @property
    def capabilities(self) -> frozenset[str]:
        """Keys of CAPABILITIES."""

    @property
    def ids(self) -> tuple[int, int]:
        """The caller's effective uid and gid."""

    def sub(self, path: str) -> FileSystem:
        """The same, with `path` as its root; shares descriptors and umask."""

    def as_user(self, uid: int, gid: int, groups: Iterable[int] = ()) -> FileSystem:
        """The same tree as another user sees it; has descriptors of its own."""

    def pause(self) -> None:
        """Return when the clock that stamps files shows a later time."""

    def open(self, path: str, flags: int, mode: int = 0o777) -> int: ...
    def close(self, fd: int) -> None: ...
    def read(self, fd: int, size: int) -> bytes: ...
    def pread(self, fd: int, size: int, offset: int) -> bytes: ...
    def write(self, fd: int, data: bytes) -> int: ...
    def pwrite(self, fd: int, data: bytes, offset: int) -> int: ...
    def lseek(self, fd: int, offset: int, whence: int) -> int: ...
    def fsync(self, fd: int) -> None: ...
    def fstat(self, fd: int) -> Status: ...
    def ftruncate(self, fd: int, size: int) -> None: ...
    def fchmod(self, fd: int, mode: int) -> None: ...
    def fchown(self, fd: int, uid: int, gid: int) -> None: ...
    def futimens(
        self, fd: int, atime: int | SpecialTime, mtime: int | SpecialTime
    ) -> None: ...
    def flock(self, fd: int, operation: int) -> None: ...
    def allocate(self, fd: int, offset: int, size: int) -> None: ...
    def punch(self, fd: int, offset: int, size: int) -> None: ...
    def mmap(self, fd: int, size: int, *, write: bool = True) -> Any:
        """A shared mapping: an `mmap.mmap`."""

    def stat(self, path: str) -> Status: ...
    def lstat(self, path: str) -> Status: ...
    def access(self, path: str, mode: int) -> bool: ...
    def listdir(self, path: str) -> list[str]: ...
    def readlink(self, path: str) -> str: ...
    def volume(self) -> Volume: ...

    def mkdir(self, path: str, mode: int = 0o777) -> None: ...
    def rmdir(self, path: str) -> None: ...
    def unlink(self, path: str) -> None: ...
    def rename(self, old: str, new: str) -> None: ...
    def rename_noreplace(self, old: str, new: str) -> None: ...
    def exchange(self, old: str, new: str) -> None: ...
    def link(self, old: str, new: str) -> None:
        """A symbolic link `old` itself gets the new name."""

    def symlink(self, target: str, path: str) -> None: ...
    def mkfifo(self, path: str, mode: int = 0o666) -> None: ...
    def mknod(self, path: str, mode: int, device: int) -> None: ...
    def chmod(self, path: str, mode: int) -> None: ...
    def chown(self, path: str, uid: int, gid: int) -> None: ...
    def lchown(self, path: str, uid: int, gid: int) -> None: ...
    def chflags(self, path: str, flags: Iterable[str]) -> None: ...
    def truncate(self, path: str, size: int) -> None: ...
    def utimens(
        self,
        path: str,
        atime: int | SpecialTime,
        mtime: int | SpecialTime,
        *,
        follow_symlinks: bool = True,
    ) -> None: ...
    def umask(self, mask: int) -> int: ...
