# SPDX-License-Identifier: BSD-2-Clause
"""What every system call from Python needs: the door, names, errors.

A call is one cffi call (csrc/hypercall/face.c) whose result tells all; only
when it is negative does anything else happen.
"""

from __future__ import annotations

import os

from rumpy._hyp import ffi, lib
from rumpy.abi.calls import NUMBERS
from rumpy.abi.errno import oserror
from rumpy.errors import UnsupportedPlatform
from rumpy.path import KernelPath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from rumpy.kernel import Kernel

    Buffer: TypeAlias = bytes | bytearray | memoryview
    Name: TypeAlias = str | bytes | KernelPath | os.PathLike[str] | os.PathLike[bytes]


def _bytes_maker() -> Callable[[int], bytes]:
    """rumpy._bytes.new_bytes; the module is made in C and has no file."""
    if lib.face_python() != 0:
        raise MemoryError
    try:
        from rumpy._bytes import new_bytes
    except ModuleNotFoundError:
        # It belongs to the interpreter that was first; so do signals and doors.
        raise UnsupportedPlatform(
            "rumpy works in one interpreter of a process"
        ) from None
    return new_bytes


# Found once: to look up a function in lib takes a third of a bare call.
face_own, face_i = lib.face_own, lib.face_i
face_p, face_ip, face_pp = lib.face_p, lib.face_ip, lib.face_pp
face_pip, face_ipp, face_ipip = lib.face_pip, lib.face_ipp, lib.face_ipip

#: Memory for the kernel to fill, not zeroed first.
new_buffer = ffi.new_allocator(should_clear_after_alloc=False)
#: Bytes for the kernel to fill, before anybody else sees them.
new_bytes = _bytes_maker()

_EINTR, _ETIMEDOUT = 4, 60

#: "Relative to the working directory", on both sides.
FDCWD = -100

#: Below this a result is a HYP_E code and not a negated errno.
ERRNO_MAX = 1000

_n = NUMBERS.__getitem__
OPENAT, CLOSE, GETDENTS = _n("openat"), _n("close"), _n("getdents")
FSTATAT, FSTAT, READ = _n("fstatat"), _n("fstat"), _n("read")

#: For the bulk entries, which have no numbers of their own.
BULK = ffi.new("struct face_numbers *", (OPENAT, CLOSE, GETDENTS, FSTATAT, FSTAT, READ))


#: pathconf(2)'s names, in the order of NetBSD's numbers from 1 on.
_LIMITS = (
    "LINK_MAX MAX_CANON MAX_INPUT NAME_MAX PATH_MAX PIPE_BUF CHOWN_RESTRICTED NO_TRUNC"
    " VDISABLE SYNC_IO FILESIZEBITS SYMLINK_MAX 2_SYMLINKS ACL_EXTENDED MIN_HOLE_SIZE"
    " ACL_PATH_MAX ACL_NFS4"
)


def limit_number(name: str | int) -> int:
    """NetBSD's number of a limit such as "PC_NAME_MAX".

    Raises:
        ValueError: no such name.
    """
    if isinstance(name, int):
        return name
    try:
        return _LIMITS.split().index(name.removeprefix("PC_")) + 1
    except ValueError:
        raise ValueError(f"unrecognized configuration name: {name!r}") from None


def check_ids(*ids: int) -> None:
    """Refuse what a uid_t can't hold; -1 is one that is left alone.

    Raises:
        OverflowError: as os raises it.
    """
    for number in ids:
        if not -1 <= number < 1 << 32:
            raise OverflowError(f"no user or group id: {number}")


def name_bytes(path: Name) -> bytes:
    """The path as the kernel takes it: bytes without a NUL.

    Raises:
        ValueError: a NUL inside.
        TypeError: not a path.
    """
    if type(path) is str:
        raw = path.encode("utf-8", "surrogateescape")
    elif isinstance(path, KernelPath):
        raw = path.__bytes__()
    else:
        raw = os.fsencode(path)
    if 0 in raw:  # looking for b"\0" takes ten times as long
        raise ValueError("embedded null byte")
    return raw


def shown(path: object) -> object:
    """The path as an exception shows it."""
    return str(path) if isinstance(path, KernelPath) else path


class Calls:
    """One process's door to the kernel, and how its failures become exceptions."""

    _k: Any  # struct hyp_kernel *
    _p: int  # the process's handle
    _owner: Kernel

    def _failed(
        self, code: int, path: object = None, path2: object = None
    ) -> BaseException:
        """The exception for a negative result of a face_ function."""
        if code == -_EINTR:
            from rumpy.api.limits import expired

            if expired():
                code = -_ETIMEDOUT
        if code >= -ERRNO_MAX:
            return oserror(-code, shown(path), shown(path2))
        return self._owner._broken(code)

    def _int(self, number: int, *args: int) -> int:
        """A system call of integers only."""
        padded = (*args, 0, 0, 0, 0, 0, 0)[:6]
        result: int = face_i(self._k, self._p, number, *padded)
        if result < 0:
            raise self._failed(result)
        return result

    def _at(
        self,
        number: int,
        dir_fd: int | None,
        path: Name,
        a: int = 0,
        b: int = 0,
        c: int = 0,
    ) -> int:
        """A system call of a directory, a name in it, and integers."""
        result: int = face_ip(
            self._k,
            self._p,
            number,
            FDCWD if dir_fd is None else dir_fd,
            name_bytes(path),
            a,
            b,
            c,
        )
        if result < 0:
            raise self._failed(result, path)
        return result

    def _path(self, number: int, path: Name, a: int = 0, b: int = 0, c: int = 0) -> int:
        """A system call of a name and integers."""
        result: int = face_p(self._k, self._p, number, name_bytes(path), a, b, c)
        if result < 0:
            raise self._failed(result, path)
        return result
