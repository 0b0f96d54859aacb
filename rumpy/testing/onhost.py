# SPDX-License-Identifier: BSD-2-Clause
"""A directory of the host, so also a FUSE mount, for the portable cases.

Every caller is a thread of its own.  On Linux the credentials, the umask and
(once unshared) the descriptors belong to a thread, so that several users can act
in one process; the C library's wrappers would change all threads, so the raw
system calls are used.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import queue
import stat as _stat
import struct
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from rumpy.testing.filesystem import SpecialTime, Status
from rumpy.testing.named import NamedCalls

__all__ = ["HostTree"]

_SYS_SETGROUPS, _SYS_SETRESUID, _SYS_SETRESGID = 116, 117, 119
_SYS_UNSHARE, _SYS_UTIMENSAT, _SYS_FALLOCATE = 272, 280, 285
_SYS_RENAMEAT2, _SYS_STATX = 316, 332
_CLONE_FS = 0x200
_AT_FDCWD, _AT_NOFOLLOW = -100, 0x100
_NOREPLACE, _EXCHANGE = 1, 2
_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_STATX_BTIME = 0x800
_GETFLAGS, _SETFLAGS = 0x80086601, 0x40086602
_FLAGS = {"nodump": 0x40, "schg": 0x10, "sappnd": 0x20}

#: Longer than a tick of the coarse clock that stamps files.
_PAUSE_S = 0.012

_libc = ctypes.CDLL(None, use_errno=True)


def _syscall(number: int, *arguments: object) -> int:
    """A raw system call; int, bytes and buffers as arguments."""
    plain = [
        ctypes.c_long(word) if isinstance(word, int) else word for word in arguments
    ]
    result: int = _libc.syscall(ctypes.c_long(number), *plain)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


class _Caller:
    """A thread with credentials of its own, which does what it is told."""

    def __init__(
        self, directory: str, ids: tuple[int, int, tuple[int, ...]] | None
    ) -> None:
        self._directory = directory
        self._ids = ids
        self._work: queue.SimpleQueue[Callable[[], object] | None]
        self._work = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[object, BaseException | None]]
        self._done = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()
        self.call(self._become)

    def _become(self) -> None:
        _syscall(_SYS_UNSHARE, _CLONE_FS)
        os.umask(0)
        # From here on paths are relative: who may not search the directories
        # above the tree may still use it.
        os.chdir(self._directory)
        if self._ids is None:
            return
        uid, gid, groups = self._ids
        array = (ctypes.c_uint32 * max(len(groups), 1))(*groups)
        _syscall(_SYS_SETGROUPS, len(groups), array)
        _syscall(_SYS_SETRESGID, gid, gid, gid)
        _syscall(_SYS_SETRESUID, uid, uid, uid)

    def _main(self) -> None:
        while (job := self._work.get()) is not None:
            try:
                self._done.put((job(), None))
            except BaseException as error:
                self._done.put((None, error))

    def call(self, job: Callable[[], object]) -> Any:
        """Have it done, and wait."""
        with self._lock:
            self._work.put(job)
            result, error = self._done.get()
        if error is not None:
            raise error
        return result

    def end(self) -> None:
        """End the thread; what it worked on can be unmounted then."""
        self.call(lambda: os.chdir("/"))
        self._work.put(None)
        self._thread.join()


def _times(*when: int | SpecialTime) -> bytes:
    return b"".join(
        struct.pack("=qq", 0, one.value)
        if isinstance(one, SpecialTime)
        else struct.pack("=qq", *divmod(one, 1_000_000_000))
        for one in when
    )


def _utimens(where: int, path: bytes | None, times: bytes, flags: int) -> None:
    _syscall(_SYS_UTIMENSAT, where, path, times, flags)


def _file_flags(path: str) -> int:
    """The flags of a file or directory."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        raw = bytearray(8)
        fcntl.ioctl(fd, _GETFLAGS, raw)
        return int(struct.unpack("=I4x", raw)[0])
    finally:
        os.close(fd)


def _set_file_flags(path: str, flags: int) -> None:
    known = sum(_FLAGS.values())
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        raw = bytearray(8)
        fcntl.ioctl(fd, _GETFLAGS, raw)
        old = struct.unpack("=I4x", raw)[0]
        new = struct.pack("=I4x", (old & ~known) | flags)
        fcntl.ioctl(fd, _SETFLAGS, new)
    finally:
        os.close(fd)


class HostTree(NamedCalls):
    """A directory of the host.

    Args:
        root: the directory.
        capabilities: of the file system there; rumpy.testing.probe finds out.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        capabilities: Iterable[str] = (),
        *,
        name: str = "",
    ) -> None:
        self.directory = os.path.abspath(root)
        self.root = "."
        self.capabilities = frozenset(capabilities)
        self.name = name or f"host:{self.directory}"
        self.ids = (os.geteuid(), os.getegid())
        self._caller = _Caller(self.directory, None)
        self._users: dict[tuple[int, int, tuple[int, ...]], _Caller] = {}

    def _other(self, root: str, caller: _Caller, ids: tuple[int, int]) -> HostTree:
        other = HostTree.__new__(HostTree)
        other.directory, other.root, other.name = self.directory, root, self.name
        other.capabilities = self.capabilities
        other.ids, other._caller, other._users = ids, caller, self._users
        return other

    def sub(self, path: str) -> HostTree:
        return self._other(self._full(path), self._caller, self.ids)

    def as_user(self, uid: int, gid: int, groups: Iterable[int] = ()) -> HostTree:
        key = (uid, gid, tuple(groups))
        caller = self._users.get(key)
        if caller is None:
            caller = self._users[key] = _Caller(self.directory, key)
        return self._other(self.root, caller, (uid, gid))

    def end(self) -> None:
        """End the threads that the tree has made."""
        for caller in (*self._users.values(), self._caller):
            caller.end()
        self._users.clear()

    def pause(self) -> None:
        time.sleep(_PAUSE_S)

    def _do(self, verb: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        return self._caller.call(lambda: verb(*arguments, **more))

    def _os(self, function: str, *arguments: Any, **more: Any) -> Any:
        return self._do(getattr(os, function), *arguments, **more)

    # --- descriptors --------------------------------------------------------

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        fd: int = self._do(os.open, self._full(path), flags, mode)
        return fd

    def close(self, fd: int) -> None:
        self._do(os.close, fd)

    def read(self, fd: int, size: int) -> bytes:
        data: bytes = self._do(os.read, fd, size)
        return data

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        data: bytes = self._do(os.pread, fd, size, offset)
        return data

    def write(self, fd: int, data: bytes) -> int:
        size: int = self._do(os.write, fd, data)
        return size

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        size: int = self._do(os.pwrite, fd, data, offset)
        return size

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        where: int = self._do(os.lseek, fd, offset, whence)
        return where

    def fsync(self, fd: int) -> None:
        self._do(os.fsync, fd)

    def fstat(self, fd: int) -> Status:
        return self._status(self._do(os.fstat, fd), None)

    def ftruncate(self, fd: int, size: int) -> None:
        self._do(os.ftruncate, fd, size)

    def fchmod(self, fd: int, mode: int) -> None:
        self._do(os.fchmod, fd, mode)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        self._do(os.fchown, fd, uid, gid)

    def futimens(
        self, fd: int, atime: int | SpecialTime, mtime: int | SpecialTime
    ) -> None:
        self._do(_utimens, fd, None, _times(atime, mtime), 0)

    def flock(self, fd: int, operation: int) -> None:
        self._do(fcntl.flock, fd, operation)

    def allocate(self, fd: int, offset: int, size: int) -> None:
        # Not posix_fallocate: where the file system can't, the C library writes.
        self._do(_syscall, _SYS_FALLOCATE, fd, 0, offset, size)

    def punch(self, fd: int, offset: int, size: int) -> None:
        how = _KEEP_SIZE | _PUNCH_HOLE
        self._do(_syscall, _SYS_FALLOCATE, fd, how, offset, size)

    def mmap(self, fd: int, size: int, *, write: bool = True) -> Any:
        how = mmap.PROT_READ | (mmap.PROT_WRITE if write else 0)
        return self._do(mmap.mmap, fd, size, mmap.MAP_SHARED, how)

    # --- names --------------------------------------------------------------

    def _status(
        self, st: os.stat_result, path: str | None, *, follow: bool = True
    ) -> Status:
        birth, flags = None, 0
        if path is not None:
            birth = self._birth(path, 0 if follow else _AT_NOFOLLOW)
            if self.capabilities & {"sysflags", "userflags"} and (
                _stat.S_ISREG(st.st_mode) or _stat.S_ISDIR(st.st_mode)
            ):
                try:
                    flags = self._do(_file_flags, path)
                except OSError as error:
                    if error.errno not in (errno.EACCES, errno.ENOTTY):
                        raise
        return Status(
            st.st_mode, st.st_ino, st.st_dev, st.st_nlink, st.st_uid, st.st_gid,
            st.st_size, st.st_blocks, st.st_rdev,
            st.st_atime_ns, st.st_mtime_ns, st.st_ctime_ns,
            birth,
            frozenset(n for n, bit in _FLAGS.items() if flags & bit),
        )  # fmt: skip

    def _birth(self, path: str, flags: int) -> int | None:
        raw = ctypes.create_string_buffer(256)
        name = os.fsencode(path)
        self._do(_syscall, _SYS_STATX, _AT_FDCWD, name, flags, 0xFFF, raw)
        (mask,) = struct.unpack_from("=I", raw, 0)
        seconds, rest = struct.unpack_from("=qI", raw, 80)
        if not mask & _STATX_BTIME:
            return None
        return int(seconds) * 1_000_000_000 + int(rest)

    def stat(self, path: str) -> Status:
        full = self._full(path)
        return self._status(self._do(os.stat, full), full)

    def lstat(self, path: str) -> Status:
        full = self._full(path)
        return self._status(self._do(os.lstat, full), full, follow=False)

    def rename_noreplace(self, old: str, new: str) -> None:
        self._rename2(old, new, _NOREPLACE)

    def exchange(self, old: str, new: str) -> None:
        self._rename2(old, new, _EXCHANGE)

    def _rename2(self, old: str, new: str, flags: int) -> None:
        names = os.fsencode(self._full(old)), os.fsencode(self._full(new))
        self._do(
            _syscall, _SYS_RENAMEAT2, _AT_FDCWD, names[0], _AT_FDCWD, names[1], flags
        )

    def chflags(self, path: str, flags: Iterable[str]) -> None:
        number = 0
        for flag in flags:
            if flag not in _FLAGS:
                raise OSError(errno.EOPNOTSUPP, f"Linux has no flag {flag!r}")
            number |= _FLAGS[flag]
        self._do(_set_file_flags, self._full(path), number)

    def utimens(
        self,
        path: str,
        atime: int | SpecialTime,
        mtime: int | SpecialTime,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        self._do(
            _utimens,
            _AT_FDCWD,
            os.fsencode(self._full(path)),
            _times(atime, mtime),
            0 if follow_symlinks else _AT_NOFOLLOW,
        )

    def umask(self, mask: int) -> int:
        old: int = self._do(os.umask, mask)
        return old
