# SPDX-License-Identifier: BSD-2-Clause
"""System calls on names, with the signatures of `os`.

Where `os` takes a path or a descriptor, so does this.  `dir_fd` is a descriptor
of the same process.
"""

from __future__ import annotations

import os
import stat as _stat

from rumpy._hyp import ffi
from rumpy.abi import flags as _flags
from rumpy.abi import structs
from rumpy.abi.calls import NUMBERS
from rumpy.abi.structs import StatResult, unpack_stat
from rumpy.api.base import (
    FDCWD,
    check_ids,
    face_ipip,
    face_ipp,
    face_p,
    face_pip,
    face_pp,
    limit_number,
    name_bytes,
    new_buffer,
)
from rumpy.api.descriptors import DescriptorCalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.abi.structs import StatvfsResult
    from rumpy.api.base import Name

_n = NUMBERS.__getitem__
_FSTATAT, _STATVFS, _FACCESSAT = _n("fstatat"), _n("statvfs1"), _n("faccessat")
_FCHMODAT, _FCHOWNAT, _UTIMENSAT = _n("fchmodat"), _n("fchownat"), _n("utimensat")
_CHFLAGS, _LCHFLAGS = _n("chflags"), _n("lchflags")
_LINKAT, _SYMLINKAT, _READLINKAT = _n("linkat"), _n("symlinkat"), _n("readlinkat")
_RENAMEAT, _UNLINKAT = _n("renameat"), _n("unlinkat")
_RENAME = _n("__posix_rename")
_RUMPY_RENAME = _n("__rumpy_rename")
_KEEP, _EXCHANGE = 1, 2  # its flags, of csrc/include/rumpy/vnode.h
_MKDIRAT, _MKNODAT, _MKFIFOAT = _n("mkdirat"), _n("mknodat"), _n("mkfifoat")
_TRUNCATE, _PATHCONF = _n("truncate"), _n("pathconf")
_CHDIR, _CHROOT, _GETCWD = _n("chdir"), _n("chroot"), _n("__getcwd")
_UMASK, _SYNC = _n("umask"), _n("sync")

_NOFOLLOW = _flags.AT_SYMLINK_NOFOLLOW
_PATH_MAX = 1024
# Longest text of a symbolic link that a disk may hold; Linux follows such.
_LINK_MAX = 4096
_NS = 1_000_000_000


def _nanoseconds(seconds: float) -> int:
    """A time in seconds as `os.utime` rounds it: down, to nanoseconds."""
    if isinstance(seconds, int):
        return seconds * _NS
    whole = int(seconds // 1)
    return whole * _NS + int((seconds - whole) * _NS)


class NameCalls(DescriptorCalls):
    """stat to unlink, and the process's idea of where it is."""

    # --- attributes ---------------------------------------------------------

    def stat(
        self,
        path: Name | int,
        *,
        dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> StatResult:
        """Attributes of a file, with nanoseconds and birth time."""
        if isinstance(path, int):
            if dir_fd is not None or not follow_symlinks:
                raise ValueError("stat: a descriptor excludes dir_fd, follow_symlinks")
            return self.fstat(path)
        name = name_bytes(path)
        try:
            pair = self._stats.pop()
        except IndexError:
            pair = self._new_stat()
        result = face_ipp(
            self._k,
            self._p,
            _FSTATAT,
            FDCWD if dir_fd is None else dir_fd,
            name,
            pair[0],
            0 if follow_symlinks else _NOFOLLOW,
        )
        status = StatResult(unpack_stat(pair[1]))
        self._stats.append(pair)
        if result < 0:
            raise self._failed(result, path)
        return status

    def lstat(self, path: Name, *, dir_fd: int | None = None) -> StatResult:
        """Attributes of the name itself, symbolic link or not."""
        return self.stat(path, dir_fd=dir_fd, follow_symlinks=False)

    def statvfs(self, path: Name | int) -> StatvfsResult:
        """Attributes of the file system that holds the file."""
        if isinstance(path, int):
            return self.fstatvfs(path)
        status = bytearray(structs.STATVFS.size)
        result = face_pp(
            self._k,
            self._p,
            _STATVFS,
            name_bytes(path),
            ffi.from_buffer(status),
            _flags.MNT_WAIT,
            0,
        )
        if result < 0:
            raise self._failed(result, path)
        return structs.StatvfsResult.unpack(status)

    def access(
        self,
        path: Name,
        mode: int,
        *,
        dir_fd: int | None = None,
        effective_ids: bool = False,
        follow_symlinks: bool = True,
    ) -> bool:
        """Whether the process's (real) ids allow os.R_OK, W_OK, X_OK, F_OK."""
        flags = _flags.AT_EACCESS if effective_ids else 0
        flags |= 0 if follow_symlinks else _NOFOLLOW
        try:
            self._at(_FACCESSAT, dir_fd, path, mode, flags)
        except OSError:
            return False
        return True

    def chmod(
        self,
        path: Name | int,
        mode: int,
        *,
        dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """Set the permission bits."""
        if isinstance(path, int):
            return self.fchmod(path, mode)
        flags = 0 if follow_symlinks else _NOFOLLOW
        self._at(_FCHMODAT, dir_fd, path, mode, flags)

    def lchmod(self, path: Name, mode: int) -> None:
        """Set the permission bits of the name itself."""
        self.chmod(path, mode, follow_symlinks=False)

    def chown(
        self,
        path: Name | int,
        uid: int,
        gid: int,
        *,
        dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """Set owner and group; -1 leaves one alone."""
        if isinstance(path, int):
            return self.fchown(path, uid, gid)
        check_ids(uid, gid)
        flags = 0 if follow_symlinks else _NOFOLLOW
        self._at(_FCHOWNAT, dir_fd, path, uid, gid, flags)

    def lchown(self, path: Name, uid: int, gid: int) -> None:
        """Set owner and group of the name itself."""
        self.chown(path, uid, gid, follow_symlinks=False)

    def chflags(self, path: Name, flags: int, follow_symlinks: bool = True) -> None:
        """Set the file flags (stat.UF_*, stat.SF_*)."""
        self._path(_CHFLAGS if follow_symlinks else _LCHFLAGS, path, flags)

    def lchflags(self, path: Name, flags: int) -> None:
        """Set the file flags of the name itself."""
        self.chflags(path, flags, follow_symlinks=False)

    def utime(
        self,
        path: Name | int,
        times: tuple[float, float] | None = None,
        *,
        ns: tuple[int, int] | None = None,
        dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """Set access and modification time: seconds, or `ns`; None is now."""
        if times is not None and ns is not None:
            raise ValueError(
                "utime: you may specify either 'times' or 'ns' but not both"
            )
        for name, pair in (("times", times), ("ns", ns)):
            if pair is not None and not (isinstance(pair, tuple) and len(pair) == 2):
                raise TypeError(
                    f"utime: {name!r} must be a tuple of two numbers or None"
                )
        if times is not None:
            ns = (_nanoseconds(times[0]), _nanoseconds(times[1]))
        stamps = None
        if ns is not None:
            stamps = structs.timespec(ns[0]) + structs.timespec(ns[1])
        if isinstance(path, int):
            return self.futimens(path, stamps)
        result = face_ipp(
            self._k,
            self._p,
            _UTIMENSAT,
            FDCWD if dir_fd is None else dir_fd,
            name_bytes(path),
            ffi.NULL if stamps is None else stamps,
            0 if follow_symlinks else _NOFOLLOW,
        )
        if result < 0:
            raise self._failed(result, path)

    def truncate(self, path: Name | int, length: int) -> None:
        """Set the size."""
        if isinstance(path, int):
            return self.ftruncate(path, length)
        self._path(_TRUNCATE, path, 0, length)

    def pathconf(self, path: Name | int, name: str | int) -> int:
        """A limit by its name, such as "PC_NAME_MAX", or NetBSD's _PC_ number.

        Raises:
            ValueError: no such name.
        """
        if isinstance(path, int):
            return self.fpathconf(path, name)
        return self._path(_PATHCONF, path, limit_number(name))

    # --- making and removing names ------------------------------------------

    def link(
        self,
        src: Name,
        dst: Name,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """Make dst another name of the file src."""
        flags = _flags.AT_SYMLINK_FOLLOW if follow_symlinks else 0
        self._two(_LINKAT, src, dst, src_dir_fd, dst_dir_fd, flags)

    def rename(
        self,
        src: Name,
        dst: Name,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
        noreplace: bool = False,
        exchange: bool = False,
    ) -> None:
        """Give the file another name, replacing what has it.

        Two extensions, which neither `os` nor NetBSD has: with `noreplace`, a
        name that is taken is FileExistsError; with `exchange` both names are
        there, of whatever kind, and change places at once (OSError EINVAL where
        the driver can't do that).
        """
        if noreplace or exchange:
            # Both at once is the kernel's EINVAL.
            how = (_KEEP if noreplace else 0) | (_EXCHANGE if exchange else 0)
            self._two(_RUMPY_RENAME, src, dst, src_dir_fd, dst_dir_fd, how)
            return
        if src_dir_fd is None and dst_dir_fd is None:
            # POSIX's flavour: two names of one file both stay.
            result = face_pp(
                self._k, self._p, _RENAME, name_bytes(src), name_bytes(dst), 0, 0
            )
            if result < 0:
                raise self._failed(result, src, dst)
            return
        self._two(_RENAMEAT, src, dst, src_dir_fd, dst_dir_fd, 0)

    replace = rename

    def _two(
        self,
        number: int,
        src: Name,
        dst: Name,
        src_fd: int | None,
        dst_fd: int | None,
        flags: int,
    ) -> None:
        result = face_ipip(
            self._k,
            self._p,
            number,
            FDCWD if src_fd is None else src_fd,
            name_bytes(src),
            FDCWD if dst_fd is None else dst_fd,
            name_bytes(dst),
            flags,
        )
        if result < 0:
            raise self._failed(result, src, dst)

    def symlink(
        self,
        src: Name,
        dst: Name,
        target_is_directory: bool = False,
        *,
        dir_fd: int | None = None,
    ) -> None:
        """Make dst a symbolic link that holds src."""
        result = face_pip(
            self._k,
            self._p,
            _SYMLINKAT,
            name_bytes(src),
            FDCWD if dir_fd is None else dir_fd,
            name_bytes(dst),
        )
        if result < 0:
            raise self._failed(result, src, dst)

    def readlink(self, path: Name, *, dir_fd: int | None = None) -> str:
        """What the symbolic link holds (bytes where the path is bytes)."""
        buffer = new_buffer("char[]", _LINK_MAX)
        size = face_ipp(
            self._k,
            self._p,
            _READLINKAT,
            FDCWD if dir_fd is None else dir_fd,
            name_bytes(path),
            buffer,
            _LINK_MAX,
        )
        if size < 0:
            raise self._failed(size, path)
        target: bytes = ffi.buffer(buffer, size)[:]
        if isinstance(path, bytes):
            return target  # type: ignore[return-value]
        return os.fsdecode(target)

    def mkdir(
        self, path: Name, mode: int = 0o777, *, dir_fd: int | None = None
    ) -> None:
        """Make a directory."""
        self._at(_MKDIRAT, dir_fd, path, mode)

    def mkfifo(
        self, path: Name, mode: int = 0o666, *, dir_fd: int | None = None
    ) -> None:
        """Make a FIFO."""
        self._at(_MKFIFOAT, dir_fd, path, mode)

    def mknod(
        self,
        path: Name,
        mode: int = 0o600,
        device: int = 0,
        *,
        dir_fd: int | None = None,
    ) -> None:
        """Make a device node, FIFO or regular file; `device` by os.makedev."""
        kind = _stat.S_IFMT(mode)
        if kind == _stat.S_IFIFO:
            self.mkfifo(path, _stat.S_IMODE(mode), dir_fd=dir_fd)
        elif kind in (0, _stat.S_IFREG):
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
            self.close(self.open(path, flags, _stat.S_IMODE(mode), dir_fd=dir_fd))
        else:
            device = structs.kernel_dev(device)
            self._at(_MKNODAT, dir_fd, path, mode, 0, device)

    def unlink(self, path: Name, *, dir_fd: int | None = None) -> None:
        """Remove a name that is not a directory."""
        self._at(_UNLINKAT, dir_fd, path, 0)

    remove = unlink

    def rmdir(self, path: Name, *, dir_fd: int | None = None) -> None:
        """Remove an empty directory."""
        self._at(_UNLINKAT, dir_fd, path, _flags.AT_REMOVEDIR)

    # --- where the process is -----------------------------------------------

    def chdir(self, path: Name | int) -> None:
        """Change the working directory of this process of the kernel."""
        if isinstance(path, int):
            return self.fchdir(path)
        self._path(_CHDIR, path)

    def chroot(self, path: Name) -> None:
        """Change the root directory of this process of the kernel."""
        self._path(_CHROOT, path)

    def getcwdb(self) -> bytes:
        """The working directory."""
        buffer = new_buffer("char[]", _PATH_MAX)
        size = face_p(self._k, self._p, _GETCWD, buffer, _PATH_MAX, 0, 0)
        if size < 0:
            raise self._failed(size)
        where: bytes = ffi.string(buffer, _PATH_MAX)
        return where

    def getcwd(self) -> str:
        """The working directory."""
        return os.fsdecode(self.getcwdb())

    def umask(self, mask: int, /) -> int:
        """Set the mask of permission bits; the one before."""
        return self._int(_UMASK, mask)

    def sync(self) -> None:
        """Start writing everything that is not on the disks yet."""
        self._int(_SYNC)

    def realpath(self, path: Name, *, strict: bool = False) -> str:
        """The absolute path without symbolic links, as os.path.realpath."""
        rest = [n for n in reversed(_text(path).split("/")) if n and n != "."]
        where = "" if _text(path).startswith("/") else self.getcwd().rstrip("/")
        links = 0
        while rest:
            name = rest.pop()
            if name == "..":
                where = where.rpartition("/")[0]
                continue
            target = self._target(f"{where}/{name}", strict=strict)
            if target is None:
                where = f"{where}/{name}"
                continue
            links += 1
            if links > 32:
                raise self._failed(-62, path)
            where = "" if target.startswith("/") else where
            rest += [n for n in reversed(target.split("/")) if n and n != "."]
        return where or "/"

    def _target(self, path: str, *, strict: bool) -> str | None:
        """What the link holds; None where it is none (or not there)."""
        try:
            if not _stat.S_ISLNK(self.lstat(path).st_mode):
                return None
            return self.readlink(path)
        except OSError:
            if strict:
                raise
            return None


def _text(path: Name) -> str:
    return os.fsdecode(name_bytes(path))
