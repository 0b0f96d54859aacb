# SPDX-License-Identifier: BSD-2-Clause
"""System calls on open descriptors, with the signatures of `os`.

Descriptors belong to the process of the kernel: they are not the host's, and
no host function may be given one.
"""

from __future__ import annotations

import os

from rumpy._hyp import ffi
from rumpy.abi import flags as _flags
from rumpy.abi import ioctl as _ioctl
from rumpy.abi import structs
from rumpy.abi.calls import NUMBERS
from rumpy.abi.structs import StatResult, unpack_stat
from rumpy.api.base import (
    FDCWD,
    Calls,
    check_ids,
    face_i,
    face_ip,
    face_p,
    limit_number,
    name_bytes,
    new_buffer,
    new_bytes,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from rumpy.abi.structs import StatvfsResult
    from rumpy.api.base import Buffer, Name

_n = NUMBERS.__getitem__
_OPENAT, _CLOSE, _READ, _WRITE = _n("openat"), _n("close"), _n("read"), _n("write")
_PREAD, _PWRITE, _LSEEK = _n("pread"), _n("pwrite"), _n("lseek")
_READV, _WRITEV = _n("readv"), _n("writev")
_PREADV, _PWRITEV = _n("preadv"), _n("pwritev")
#: What each is for a single buffer.
_ONE = {_READV: _READ, _WRITEV: _WRITE, _PREADV: _PREAD, _PWRITEV: _PWRITE}
_DUP, _DUP2, _FCNTL, _FLOCK = _n("dup"), _n("dup2"), _n("fcntl"), _n("flock")
_IOCTL, _POLL = _n("ioctl"), _n("poll")
_FSYNC, _FDATASYNC = _n("fsync"), _n("fdatasync")
_FTRUNCATE, _FSTAT, _FSTATVFS = _n("ftruncate"), _n("fstat"), _n("fstatvfs1")
_FCHMOD, _FCHOWN, _FCHFLAGS = _n("fchmod"), _n("fchown"), _n("fchflags")
_FCHDIR, _FUTIMENS, _FPATHCONF = _n("fchdir"), _n("futimens"), _n("fpathconf")
_ALLOCATE, _DISCARD = _n("posix_fallocate"), _n("fdiscard")

_POINTER = ffi.typeof("uintptr_t")
_CHARS = ffi.typeof("char[]")
_ENOTTY = 25
_ENXIO = 6
_EINVAL = 22


def readable(data: Any) -> Any:
    """What cffi passes as `const char *` without copying."""
    return data if type(data) is bytes else ffi.from_buffer(_CHARS, data)


def writable(data: Any) -> Any:
    """The memory of a buffer that the kernel may write to."""
    return ffi.from_buffer(_CHARS, data, True)


def address(cdata: Any) -> int:
    """The address of a pointer or array."""
    return int(ffi.cast(_POINTER, cdata))


class DescriptorCalls(Calls):
    """open to close, and all that takes a descriptor in between."""

    #: Memory for attributes that is not in use.
    _stats: list[tuple[Any, Any]]

    # --- open and close -----------------------------------------------------

    def open(
        self, path: Name, flags: int, mode: int = 0o777, *, dir_fd: int | None = None
    ) -> int:
        """Open with the host's flags (os.O_*); a descriptor of this process."""
        result: int = face_ip(
            self._k,
            self._p,
            _OPENAT,
            FDCWD if dir_fd is None else dir_fd,
            name_bytes(path),
            _flags.open_flags(flags),
            mode,
            0,
        )
        if result < 0:
            raise self._failed(result, path)
        return result

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        result = face_i(self._k, self._p, _CLOSE, fd, 0, 0, 0, 0, 0)
        if result < 0:
            raise self._failed(result)

    def closerange(self, fd_low: int, fd_high: int, /) -> None:
        """Close every descriptor from fd_low to before fd_high, errors ignored."""
        for fd in range(fd_low, fd_high):
            try:
                self.close(fd)
            except OSError:
                continue

    def dup(self, fd: int, /) -> int:
        """Another descriptor of the same open file."""
        return self._int(_DUP, fd)

    def dup2(self, fd: int, fd2: int, inheritable: bool = True) -> int:
        """Make fd2 a descriptor of the open file of fd; fd2."""
        self._int(_DUP2, fd, fd2)
        if not inheritable:
            self._int(_FCNTL, fd2, _flags.F_SETFD, 1)
        return fd2

    # --- read ---------------------------------------------------------------

    def read(self, fd: int, length: int, /) -> bytes:
        """At most `length` bytes from the current offset; b"" at the end."""
        return self._bytes(_READ, fd, length, 0)

    def pread(self, fd: int, length: int, offset: int, /) -> bytes:
        """At most `length` bytes at `offset`."""
        return self._bytes(_PREAD, fd, length, offset)

    def _bytes(self, number: int, fd: int, length: int, offset: int) -> bytes:
        if length < 0:
            raise self._failed(-_EINVAL)
        # Nobody else sees it before it is full.
        data = new_bytes(length)
        got = face_ip(self._k, self._p, number, fd, data, length, 0, offset)
        if got == length:
            return data
        if got < 0:
            raise self._failed(got)
        return data[:got]

    def readinto(self, fd: int, buffer: bytearray | memoryview, /) -> int:
        """Read into a writable buffer; bytes read."""
        memory = writable(buffer)
        size = len(memory)
        got: int = face_ip(self._k, self._p, _READ, fd, memory, size, 0, 0)
        if got < 0:
            raise self._failed(got)
        return got

    def readv(self, fd: int, buffers: Sequence[bytearray | memoryview], /) -> int:
        """Read into several writable buffers; bytes read."""
        return self._vector(_READV, fd, [writable(b) for b in buffers], 0)

    def preadv(
        self,
        fd: int,
        buffers: Sequence[bytearray | memoryview],
        offset: int,
        flags: int = 0,
        /,
    ) -> int:
        """readv at `offset`.  No flags are known to the kernel."""
        self._no_flags(flags)
        return self._vector(_PREADV, fd, [writable(b) for b in buffers], offset)

    # --- write --------------------------------------------------------------

    def write(self, fd: int, data: Buffer, /) -> int:
        """Write at the current offset; bytes written."""
        memory = readable(data)
        size = len(memory)
        put: int = face_ip(self._k, self._p, _WRITE, fd, memory, size, 0, 0)
        if put < 0:
            raise self._failed(put)
        return put

    def pwrite(self, fd: int, data: Buffer, offset: int, /) -> int:
        """Write at `offset`; bytes written."""
        memory = readable(data)
        put: int = face_ip(
            self._k, self._p, _PWRITE, fd, memory, len(memory), 0, offset
        )
        if put < 0:
            raise self._failed(put)
        return put

    def writev(self, fd: int, buffers: Sequence[Buffer], /) -> int:
        """Write several buffers at the current offset; bytes written."""
        return self._vector(
            _WRITEV, fd, [ffi.from_buffer(_CHARS, b) for b in buffers], 0
        )

    def pwritev(
        self, fd: int, buffers: Sequence[Buffer], offset: int, flags: int = 0, /
    ) -> int:
        """writev at `offset`.  No flags are known to the kernel."""
        self._no_flags(flags)
        return self._vector(
            _PWRITEV, fd, [ffi.from_buffer(_CHARS, b) for b in buffers], offset
        )

    def _vector(self, number: int, fd: int, memory: list[Any], offset: int) -> int:
        if len(memory) == 1:
            number, what, count = _ONE[number], memory[0], len(memory[0])
        else:
            what = b"".join(structs.IOVEC.pack(address(m), len(m)) for m in memory)
            count = len(memory)
        done: int = face_ip(self._k, self._p, number, fd, what, count, 0, offset)
        if done < 0:
            raise self._failed(done)
        return done

    def _no_flags(self, flags: int) -> None:
        if flags:
            raise self._failed(-45)

    # --- the offset and the size --------------------------------------------

    def lseek(self, fd: int, position: int, whence: int, /) -> int:
        """Set the offset (os.SEEK_*, DATA and HOLE included); the new one."""
        if whence in (os.SEEK_DATA, os.SEEK_HOLE):
            position, whence = self._extent(fd, position, whence), os.SEEK_SET
        result: int = face_i(self._k, self._p, _LSEEK, fd, 0, position, whence, 0, 0)
        if result < 0:
            raise self._failed(result)
        return result

    def _extent(self, fd: int, position: int, whence: int) -> int:
        """Where data or a hole begins, at or behind `position`.

        A file system without FIOSEEKDATA has, as POSIX allows, one extent of
        data up to the end and one hole behind.
        """
        request = _ioctl.FIOSEEKDATA if whence == os.SEEK_DATA else _ioctl.FIOSEEKHOLE
        where = ffi.new("int64_t *", position)
        result = face_i(self._k, self._p, _IOCTL, fd, request, address(where), 0, 0, 0)
        if result >= 0:
            return int(where[0])
        if -result != _ENOTTY:
            raise self._failed(result)
        size = int(self.fstat(fd).st_size)
        if not 0 <= position < size:
            raise self._failed(-_ENXIO)
        return position if whence == os.SEEK_DATA else size

    def ftruncate(self, fd: int, length: int, /) -> None:
        """Set the size."""
        self._int(_FTRUNCATE, fd, 0, length)

    def posix_fallocate(self, fd: int, offset: int, length: int, /) -> None:
        """Make sure that the range has blocks."""
        # The one system call that answers an errno as its result.
        error = self._int(_ALLOCATE, fd, 0, offset, length)
        if error:
            raise self._failed(-error)

    def fdiscard(self, fd: int, offset: int, length: int, /) -> None:
        """Punch a hole (NetBSD's fdiscard)."""
        self._int(_DISCARD, fd, 0, offset, length)

    def fsync(self, fd: int) -> None:
        """Write data and metadata to the disk."""
        self._int(_FSYNC, fd)

    def fdatasync(self, fd: int) -> None:
        """Write data to the disk."""
        self._int(_FDATASYNC, fd)

    # --- attributes ---------------------------------------------------------

    def fstat(self, fd: int) -> StatResult:
        """Attributes of the open file."""
        try:
            pair = self._stats.pop()
        except IndexError:
            pair = self._new_stat()
        result = face_ip(self._k, self._p, _FSTAT, fd, pair[0], 0, 0, 0)
        status = StatResult(unpack_stat(pair[1]))
        self._stats.append(pair)
        if result < 0:
            raise self._failed(result)
        return status

    def _new_stat(self) -> tuple[Any, Any]:
        """Memory for a struct stat, and a view of it."""
        memory = ffi.new("char[]", structs.STAT.size)
        return memory, ffi.buffer(memory)

    def fstatvfs(self, fd: int, /) -> StatvfsResult:
        """Attributes of the file system the open file is on."""
        status = bytearray(structs.STATVFS.size)
        result = face_ip(
            self._k,
            self._p,
            _FSTATVFS,
            fd,
            ffi.from_buffer(status),
            _flags.MNT_WAIT,
            0,
            0,
        )
        if result < 0:
            raise self._failed(result)
        return structs.StatvfsResult.unpack(status)

    def fchmod(self, fd: int, mode: int) -> None:
        """Set the permission bits of the open file."""
        self._int(_FCHMOD, fd, mode)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """Set owner and group of the open file; -1 leaves one alone."""
        check_ids(uid, gid)
        self._int(_FCHOWN, fd, uid, gid)

    def fchflags(self, fd: int, flags: int) -> None:
        """Set the file flags (stat.UF_*, stat.SF_*) of the open file."""
        self._int(_FCHFLAGS, fd, flags)

    def futimens(self, fd: int, times: bytes | None) -> None:
        """Set access and modification time: two timespecs, or None for now."""
        memory = ffi.NULL if times is None else times
        result = face_ip(self._k, self._p, _FUTIMENS, fd, memory, 0, 0, 0)
        if result < 0:
            raise self._failed(result)

    def fpathconf(self, fd: int, name: str | int, /) -> int:
        """A limit by its name, such as "PC_NAME_MAX", or NetBSD's _PC_ number.

        Raises:
            ValueError: no such name.
        """
        return self._int(_FPATHCONF, fd, limit_number(name))

    def fchdir(self, fd: int) -> None:
        """Make the open directory the working directory."""
        self._int(_FCHDIR, fd)

    def isatty(self, fd: int, /) -> bool:
        """Whether the descriptor is a terminal."""
        size = 44  # struct termios
        memory = new_buffer("char[]", size)
        request = _ioctl.ior("t", 19, size)
        result = face_i(self._k, self._p, _IOCTL, fd, request, address(memory), 0, 0, 0)
        if result < -1000:
            raise self._failed(result)
        return bool(result >= 0)

    def get_blocking(self, fd: int, /) -> bool:
        """Whether reads and writes wait."""
        return not self._int(_FCNTL, fd, _flags.F_GETFL) & _flags.O_NONBLOCK

    def set_blocking(self, fd: int, blocking: bool, /) -> None:
        """Set whether reads and writes wait."""
        now = self._int(_FCNTL, fd, _flags.F_GETFL)
        bit = _flags.O_NONBLOCK
        self._int(_FCNTL, fd, _flags.F_SETFL, (now & ~bit) | (0 if blocking else bit))

    # --- control ------------------------------------------------------------

    def fcntl(self, fd: int, cmd: int, arg: int | bytes = 0, /) -> int | bytes:
        """fcntl.fcntl with the host's commands, flags and struct flock."""
        command = _flags.FCNTL.get(cmd)
        if command is None:
            raise self._failed(-22)
        if isinstance(arg, bytes):
            return self._record_lock(fd, command, arg)
        if command == _flags.F_SETFL:
            keep = arg & ~os.O_CREAT & ~os.O_EXCL & ~os.O_TRUNC & ~os.O_NOCTTY
            arg = _flags.open_flags(keep)
        result = self._int(_FCNTL, fd, command, arg)
        if command == _flags.F_GETFL:
            return _flags.open_flags_to_host(result)
        return result

    def _record_lock(self, fd: int, command: int, arg: bytes) -> bytes:
        if command not in (_flags.F_GETLK, _flags.F_SETLK, _flags.F_SETLKW):
            raise self._failed(-22)
        memory = bytearray(structs.lock_to_kernel(arg))
        where = address(ffi.from_buffer(memory))
        self._int(_FCNTL, fd, command, where)
        return structs.lock_to_host(memory)

    def lockf(self, fd: int, command: int, length: int, /) -> None:
        """os.lockf: F_LOCK, F_TLOCK, F_ULOCK or F_TEST from the offset on."""
        kind = 2 if command == os.F_ULOCK else 1
        lock = structs.HOST_FLOCK.pack(kind, os.SEEK_CUR, 0, length, 0)
        if command == os.F_TEST:
            found = self._record_lock(fd, _flags.F_GETLK, lock)
            if structs.HOST_FLOCK.unpack(found)[0] != 2:
                raise self._failed(-13)
            return
        if command not in (os.F_LOCK, os.F_TLOCK, os.F_ULOCK):
            raise self._failed(-22)
        wait = _flags.F_SETLKW if command == os.F_LOCK else _flags.F_SETLK
        self._record_lock(fd, wait, lock)

    def flock(self, fd: int, operation: int, /) -> None:
        """fcntl.flock: LOCK_SH, LOCK_EX, LOCK_UN, LOCK_NB."""
        self._int(_FLOCK, fd, operation)

    def ioctl(
        self, fd: int, request: int, arg: int | bytes | bytearray = 0, /
    ) -> int | bytes:
        """fcntl.ioctl with NetBSD's request numbers (rumpy.abi.ioctl).

        The host's FIONREAD, FIONBIO, FIOASYNC, FIOCLEX and FIONCLEX are known.
        bytes are copied and the kernel's answer is returned; a bytearray is
        changed in place and the result of the call returned.
        """
        request = _ioctl.FROM_HOST.get(request, request & 0xFFFFFFFF)
        if isinstance(arg, int):
            return self._int(_IOCTL, fd, request, arg)
        size = _ioctl.size(request)
        memory = arg if isinstance(arg, bytearray) else bytearray(arg)
        if len(memory) < size:
            raise ValueError(f"ioctl {request:#x} needs {size} bytes")
        result = self._int(_IOCTL, fd, request, address(ffi.from_buffer(memory)))
        return result if isinstance(arg, bytearray) else bytes(memory)

    def poll(
        self, fds: Iterable[tuple[int, int]], timeout: float | None = None, /
    ) -> list[tuple[int, int]]:
        """Wait for (descriptor, select.POLL* mask) pairs; those that are ready.

        `timeout` is in milliseconds, None waits for ever.
        """
        pairs = list(fds)
        table = bytearray(
            b"".join(
                structs.POLLFD.pack(fd, _flags.poll_events(mask), 0)
                for fd, mask in pairs
            )
        )
        memory = ffi.from_buffer("char[]", table)
        wait = -1 if timeout is None or timeout < 0 else int(-(-timeout // 1))
        ready = face_p(self._k, self._p, _POLL, memory, len(pairs), wait, 0)
        if ready < 0:
            raise self._failed(ready)
        return [
            (fd, _flags.poll_events_to_host(seen))
            for fd, _, seen in structs.POLLFD.iter_unpack(table)
            if seen
        ]
