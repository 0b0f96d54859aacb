# SPDX-License-Identifier: BSD-2-Clause
"""A tree in a rumpy kernel, for the portable cases."""

from __future__ import annotations

import os
import stat as _stat
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rumpy.abi import structs
from rumpy.testing.filesystem import SpecialTime, Status
from rumpy.testing.named import NamedCalls

if TYPE_CHECKING:
    from rumpy.kernel import Kernel
    from rumpy.process import Process

__all__ = ["KernelTree"]

_FLAGS = {
    "nodump": _stat.UF_NODUMP,
    "uchg": _stat.UF_IMMUTABLE,
    "uappnd": _stat.UF_APPEND,
    "opaque": _stat.UF_OPAQUE,
    "arch": _stat.SF_ARCHIVED,
    "schg": _stat.SF_IMMUTABLE,
    "sappnd": _stat.SF_APPEND,
}

_FDCWD, _NOFOLLOW = -100, 0x200
_PAUSE_S = 0.002


def _status(st: Any) -> Status:
    number = st.st_flags
    birth = st.st_birthtime_ns
    return Status(
        st.st_mode, st.st_ino, st.st_dev, st.st_nlink, st.st_uid, st.st_gid,
        st.st_size, st.st_blocks, st.st_rdev,
        st.st_atime_ns, st.st_mtime_ns, st.st_ctime_ns,
        birth if birth > 0 else None,
        frozenset(n for n, bit in _FLAGS.items() if number & bit)
        if number
        else frozenset(),
    )  # fmt: skip


def _stamps(*times: int | SpecialTime) -> bytes:
    return b"".join(
        structs.TIMESPEC.pack(0, when.value)
        if isinstance(when, SpecialTime)
        else structs.timespec(when)
        for when in times
    )


class KernelTree(NamedCalls):
    """A directory of a kernel.

    Args:
        kernel: whose.
        root: the directory, absolute.
        capabilities: of the file system there; rumpy.testing.probe finds out.
        process: who calls; default a new one, of uid 0.
    """

    def __init__(
        self,
        kernel: Kernel,
        root: str,
        capabilities: Iterable[str] = (),
        *,
        process: Process | None = None,
        name: str = "",
    ) -> None:
        self.kernel = kernel
        self.root = root.rstrip("/")
        self.capabilities = frozenset(capabilities)
        self.name = name or f"kernel:{root}"
        if process is None:
            process = kernel.process()
            process.umask(0)
        self.process = process
        self.ids = (process.geteuid(), process.getegid())
        self._users: dict[tuple[int, int, tuple[int, ...]], Process] = {}
        for verb in (
            "close", "read", "pread", "write", "pwrite", "lseek", "fsync",
            "ftruncate", "fchmod", "fchown", "flock", "umask",
        ):  # fmt: skip
            setattr(self, verb, getattr(process, verb))

    if TYPE_CHECKING:

        def close(self, fd: int) -> None: ...
        def read(self, fd: int, size: int) -> bytes: ...
        def pread(self, fd: int, size: int, offset: int) -> bytes: ...
        def write(self, fd: int, data: bytes) -> int: ...
        def pwrite(self, fd: int, data: bytes, offset: int) -> int: ...
        def lseek(self, fd: int, offset: int, whence: int) -> int: ...
        def fsync(self, fd: int) -> None: ...
        def ftruncate(self, fd: int, size: int) -> None: ...
        def fchmod(self, fd: int, mode: int) -> None: ...
        def fchown(self, fd: int, uid: int, gid: int) -> None: ...
        def flock(self, fd: int, operation: int) -> None: ...
        def umask(self, mask: int) -> int: ...

    def _os(self, function: str, *arguments: Any, **more: Any) -> Any:
        return getattr(self.process, function)(*arguments, **more)

    def _other(self, root: str, process: Process) -> KernelTree:
        other = KernelTree(
            self.kernel, root, self.capabilities, process=process, name=self.name
        )
        other._users = self._users
        return other

    def sub(self, path: str) -> KernelTree:
        return self._other(self._full(path), self.process)

    def as_user(self, uid: int, gid: int, groups: Iterable[int] = ()) -> KernelTree:
        key = (uid, gid, tuple(groups))
        process = self._users.get(key)
        if process is None:
            process = self.kernel.process(uid, gid, key[2])
            process.umask(0)
            self._users[key] = process
        return self._other(self.root, process)

    def end(self) -> None:
        """End the processes that the tree has made."""
        for process in (*self._users.values(), self.process):
            process.close()
        self._users.clear()

    def pause(self) -> None:
        time.sleep(_PAUSE_S)

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        return self.process.open(self._full(path), flags, mode)

    def fstat(self, fd: int) -> Status:
        return _status(self.process.fstat(fd))

    def futimens(
        self, fd: int, atime: int | SpecialTime, mtime: int | SpecialTime
    ) -> None:
        self.process.futimens(fd, _stamps(atime, mtime))

    def allocate(self, fd: int, offset: int, size: int) -> None:
        self.process.posix_fallocate(fd, offset, size)

    def punch(self, fd: int, offset: int, size: int) -> None:
        self.process.fdiscard(fd, offset, size)

    def mmap(self, fd: int, size: int, *, write: bool = True) -> Any:
        raise NotImplementedError("a kernel maps no files into Python")

    def stat(self, path: str) -> Status:
        return _status(self.process.stat(self._full(path)))

    def lstat(self, path: str) -> Status:
        return _status(self.process.lstat(self._full(path)))

    def rename_noreplace(self, old: str, new: str) -> None:
        self.process.rename(self._full(old), self._full(new), noreplace=True)

    def exchange(self, old: str, new: str) -> None:
        self.process.rename(self._full(old), self._full(new), exchange=True)

    def chflags(self, path: str, flags: Iterable[str]) -> None:
        number = 0
        for flag in flags:
            number |= _FLAGS[flag]
        self.process.chflags(self._full(path), number)

    def utimens(
        self,
        path: str,
        atime: int | SpecialTime,
        mtime: int | SpecialTime,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        self.process.sys.utimensat(
            _FDCWD,
            os.fsencode(self._full(path)),
            _stamps(atime, mtime),
            0 if follow_symlinks else _NOFOLLOW,
        )
