# SPDX-License-Identifier: BSD-2-Clause
"""Disk images in files and block special files, locked while they are open."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct

from rumpy.block.protocol import Data, Device, Window
from rumpy.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# Linux: open file description locks, which a fork shares and no other close
# of the same file in this process drops.
_F_OFD_SETLK: Final = getattr(fcntl, "F_OFD_SETLK", 37)
_F_OFD_GETLK: Final = getattr(fcntl, "F_OFD_GETLK", 36)
_FLOCK = struct.Struct("hhqqi4x")
_BLKGETSIZE64: Final = 0x80081272
_BLKSSZGET: Final = 0x1268


class FileDevice(Device):
    """A raw image in a file, or a block special file.

    Args:
        path: the image.
        readonly: True never writes; False needs write access; None takes what
            the file permits, see the attribute.
        offset, length: the stretch of the file that is the disk, bytes.
        sector_size: bytes.
        lock: keep others from opening the image: exclusively for writing,
            shared for reading.

    Attributes:
        path: as given.
        readonly: what it came to be.
        reason: why it is read-only although that was not asked for, or None.

    Raises:
        ImageError: in use, packed or in a virtual disk's format, empty, or no
            file at all.
        OSError: the host refuses to open it.
    """

    reason: str | None = None

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        readonly: bool | None = None,
        offset: int = 0,
        length: int | None = None,
        sector_size: int = 512,
        lock: bool = True,
    ) -> None:
        self.path = os.fspath(path)
        self._fd = -1
        self.sector_size = sector_size
        self._open(readonly)
        try:
            self._measure(offset, length)
            if lock:
                self._lock()
            self._refuse_foreign()
        except BaseException:
            self.close()
            raise

    @property
    def window(self) -> Window:
        """For C: where the contents are."""
        return Window(self.fileno(), self._offset, self.size, readonly=self.readonly)

    def fileno(self) -> int:
        """The descriptor.

        Raises:
            ValueError: the device is closed.
        """
        if self._fd < 0:
            raise ValueError(f"{self.path} is closed")
        return self._fd

    def read(self, offset: int, length: int) -> Data:
        self.check(offset, length)
        data = os.pread(self.fileno(), length, self._offset + offset)
        while 0 < len(data) < length:
            more = os.pread(
                self._fd, length - len(data), self._offset + offset + len(data)
            )
            if not more:
                break
            data += more
        if len(data) < length:
            raise OSError(errno.EIO, "the image ends before", self.path)
        return data

    def write(self, offset: int, data: memoryview) -> None:
        self.check(offset, len(data))
        if self.readonly:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), self.path)
        self._refuse_cut()
        view = memoryview(data)
        while view:
            done = os.pwrite(self.fileno(), view, self._offset + offset)
            offset += done
            view = view[done:]

    def flush(self) -> None:
        self._refuse_cut()
        os.fdatasync(self.fileno())

    def discard(self, offset: int, length: int) -> None:
        self.check(offset, length)
        if self.readonly:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), self.path)
        punch_hole(self.fileno(), self._offset + offset, length)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _refuse_cut(self) -> None:
        """A write to a file that somebody truncated would hide that with a hole."""
        status = os.fstat(self.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_size < self._offset + self.size:
            raise OSError(errno.EIO, "the image ends before", self.path)

    def _open(self, readonly: bool | None) -> None:
        flags = os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
        status = os.stat(self.path)
        if stat.S_ISDIR(status.st_mode):
            raise ImageError("is a directory", image=self.path)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISBLK(status.st_mode):
            raise ImageError("neither a file nor a block device", image=self.path)
        # Linux: exclusive use of a block device is refused while it is mounted.
        exclusive = os.O_EXCL if stat.S_ISBLK(status.st_mode) else 0
        self.readonly = bool(readonly)
        if readonly is not True:
            try:
                self._fd = os.open(self.path, os.O_RDWR | exclusive | flags)
                return
            except OSError as error:
                if exclusive and error.errno == errno.EBUSY:
                    raise ImageError(
                        "is mounted or in use by the host", image=self.path
                    ) from None
                if readonly is False or error.errno not in (
                    errno.EACCES, errno.EPERM, errno.EROFS, errno.ETXTBSY,
                ):  # fmt: skip
                    raise
                self.reason = error.strerror
                self.readonly = True
        self._fd = os.open(self.path, os.O_RDONLY | flags)

    def _measure(self, offset: int, length: int | None) -> None:
        """Find the size; a block device tells its own sectors."""
        if stat.S_ISBLK(os.fstat(self._fd).st_mode):
            whole = struct.unpack("Q", fcntl.ioctl(self._fd, _BLKGETSIZE64, b"\0" * 8))[
                0
            ]
            sector = struct.unpack("i", fcntl.ioctl(self._fd, _BLKSSZGET, b"\0" * 4))[0]
            self.sector_size = max(self.sector_size, sector)
        else:
            whole = os.fstat(self._fd).st_size
        if offset < 0 or offset % self.sector_size or offset > whole:
            raise ImageError(
                f"offset {offset} is not a sector of its {whole} bytes", image=self.path
            )
        if length is not None and (length < 0 or length > whole - offset):
            raise ImageError(
                f"{length} bytes at {offset} end beyond its {whole} bytes",
                image=self.path,
            )
        self._offset = offset
        self.sector_count = (
            whole - offset if length is None else length
        ) // self.sector_size
        if self.sector_count == 0:
            raise ImageError(
                "is empty" if whole == 0 else "is smaller than one sector",
                image=self.path,
            )

    def _lock(self) -> None:
        kind = fcntl.F_RDLCK if self.readonly else fcntl.F_WRLCK
        request = _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0)
        try:
            fcntl.fcntl(self._fd, _F_OFD_SETLK, request)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                if error.errno in (errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP):
                    return  # the file's file system has no locks
                raise
            what = "being written" if self.readonly else "in use"
            hint = None if self.readonly else self._what_may_be_done()
            raise ImageError(
                f"is {what} by another process or kernel", image=self.path, hint=hint
            ) from None

    def _what_may_be_done(self) -> str:
        """Two may read at a time; beside one who writes there is no room."""
        probe = _FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        found = _FLOCK.unpack(fcntl.fcntl(self._fd, _F_OFD_GETLK, probe))[0]
        if found == fcntl.F_UNLCK:
            return "unmount it there, or use -o ro or overlay"
        return "unmount it there"

    def _refuse_foreign(self) -> None:
        from rumpy.probe.formats import foreign
        from rumpy.probe.source import Source

        with Source(self.path, self._offset) as source:
            foreign(source)


def punch_hole(fd: int, offset: int, length: int) -> None:
    """Give blocks of a file back; nothing happens where that is not possible."""
    from rumpy._hyp import ffi, lib

    dev = ffi.new("uint64_t *")
    config = ffi.new("struct hyp_block_config *")
    config.fd = fd
    config.length = (1 << 63) - 1
    if lib.hyp_block_open_file(config, dev):
        return
    bio = ffi.new("struct hyp_bio *")
    bio.op = lib.HYP_DISCARD
    bio.offset = offset
    bio.length = length
    lib.hyp_block_transfer(dev[0], bio)
    lib.hyp_block_close(dev[0])
