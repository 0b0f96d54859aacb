# SPDX-License-Identifier: BSD-2-Clause
"""A disk in memory, served by C like a file."""

from __future__ import annotations

import errno
import os

from rumpy.block.file import punch_hole
from rumpy.block.protocol import Data, Device, Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PART = 64 << 20
_STEP = 64 << 10
#: What a bit of MemoryDevice.changes stands for: HYP_BLOCK_STEP of block.cdef.
_BLOCK = 4096


class Kept:
    """The contents of a MemoryDevice at some time, in a file of their own."""

    def __init__(self, fd: int, size: int) -> None:
        self.fd = os.memfd_create("rumpy-kept", os.MFD_CLOEXEC)
        os.truncate(self.fd, size)
        _copy(fd, self.fd)

    def __del__(self) -> None:
        fd = self.__dict__.pop("fd", -1)
        if fd >= 0:
            os.close(fd)


class MemoryDevice(Device):
    """A disk in an anonymous file; holes take no memory.

    Args:
        contents: initial bytes, or the size of an empty disk.
        sector_size: bytes.
        readonly: refuse to write.

    Raises:
        ValueError: the size is not a multiple of the sector size, or zero.
        TypeError: a path, which is FileDevice's.
    """

    def __init__(
        self, contents: Data | int, *, sector_size: int = 512, readonly: bool = False
    ) -> None:
        self._fd = -1
        if isinstance(contents, str):
            raise TypeError("a disk in memory is made of bytes, or of a size")
        size = contents if isinstance(contents, int) else len(contents)
        if size <= 0 or size % sector_size:
            raise ValueError(f"{size} bytes are no whole number of sectors")
        self.sector_size = sector_size
        self.sector_count = size // sector_size
        self.readonly = readonly
        self.changes = bytearray(-(-size // (8 * _BLOCK)))
        self._unchanged = bytes(len(self.changes))
        self._base: Kept | None = None
        self._fd = os.memfd_create("rumpy-disk", os.MFD_CLOEXEC)
        try:
            os.truncate(self._fd, size)
            if not isinstance(contents, int):
                self._fill(memoryview(contents))
        except BaseException:
            self.close()
            raise

    @property
    def window(self) -> Window:
        """For C: where the contents are."""
        return Window(
            self.fileno(), 0, self.size, readonly=self.readonly, changes=self.changes
        )

    def fileno(self) -> int:
        """The anonymous file's descriptor.

        Raises:
            ValueError: the device is closed.
        """
        if self._fd < 0:
            raise ValueError("the device is closed")
        return self._fd

    def read(self, offset: int, length: int) -> Data:
        self.check(offset, length)
        return os.pread(self.fileno(), length, offset)

    def write(self, offset: int, data: memoryview) -> None:
        self.check(offset, len(data))
        if self.readonly:
            return super().write(offset, data)
        return self._store(offset, memoryview(data))

    def discard(self, offset: int, length: int) -> None:
        self.check(offset, length)
        self._note(offset, length)
        punch_hole(self.fileno(), offset, length)

    def contents(self) -> bytes:
        """A copy of the whole disk."""
        parts = range(0, self.size, _PART)
        return b"".join(
            os.pread(self.fileno(), min(_PART, self.size - at), at) for at in parts
        )

    def snapshot(self) -> Kept:
        """A copy of what is not empty, to restore() later."""
        kept = Kept(self.fileno(), self.size)
        self._rebase(kept)
        return kept

    def restore(self, token: Kept) -> None:
        """Make the contents those of snapshot().

        Where the token is the latest that was taken or restored, only what has
        been written since is copied.
        """
        if token is not self._base:
            os.ftruncate(self.fileno(), 0)
            os.ftruncate(self.fileno(), self.size)
            _copy(token.fd, self.fileno())
        elif self.changes == self._unchanged:
            return
        else:
            import re  # not on every kernel's way: costs more than a boot

            for run in re.finditer(rb"[^\0]+", self.changes):
                first, end = run.start() * 8 * _BLOCK, run.end() * 8 * _BLOCK
                data = os.pread(token.fd, min(end, self.size) - first, first)
                self._pwrite(first, memoryview(data))
        self._rebase(token)

    def _rebase(self, kept: Kept) -> None:
        """The contents are those of `kept`."""
        self._base = kept
        # C may have this: it can be filled anew, but not replaced.
        self.changes[:] = self._unchanged

    def _note(self, offset: int, length: int) -> None:
        """Something is about to be written."""
        if self._base is None or length == 0:
            return
        for block in range(offset // _BLOCK, (offset + length - 1) // _BLOCK + 1):
            self.changes[block >> 3] |= 1 << (block & 7)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _store(self, offset: int, view: memoryview) -> None:
        self._note(offset, len(view))
        self._pwrite(offset, view)

    def _pwrite(self, offset: int, view: memoryview) -> None:
        while view:
            done = os.pwrite(self.fileno(), view, offset)
            offset += done
            view = view[done:]

    def _fill(self, view: memoryview) -> None:
        """Store initial contents; runs of zeroes stay holes."""
        view = view.cast("B")
        zeroes = bytes(_STEP)
        for at in range(0, len(view), _STEP):
            part = view[at : at + _STEP]
            if part != zeroes[: len(part)]:
                self._store(at, part)


def _extents(fd: int) -> Iterator[tuple[int, int]]:
    """Offset and length of what is not a hole."""
    end = 0
    while True:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, end - start


def _copy(source: int, target: int) -> None:
    """Copy an anonymous file into an empty one of the same size."""
    for start, length in _extents(source):
        done = 0
        while done < length:
            data = os.pread(source, min(length - done, 1 << 20), start + done)
            os.pwrite(target, data, start + done)
            done += len(data)
