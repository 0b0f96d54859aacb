# SPDX-License-Identifier: BSD-2-Clause
"""A disk in memory, served by C like a file."""

from __future__ import annotations

import os

from rumpy.block.file import punch_hole
from rumpy.block.protocol import Data, Device, Window

_PART = 64 << 20
_STEP = 64 << 10


class MemoryDevice(Device):
    """A disk in an anonymous file; holes take no memory.

    Args:
        contents: initial bytes, or the size of an empty disk.
        sector_size: bytes.
        readonly: refuse to write.

    Raises:
        ValueError: the size is not a multiple of the sector size, or zero.
    """

    def __init__(
        self, contents: Data | int, *, sector_size: int = 512, readonly: bool = False
    ) -> None:
        self._fd = -1
        size = contents if isinstance(contents, int) else len(contents)
        if size <= 0 or size % sector_size:
            raise ValueError(f"{size} bytes are no whole number of sectors")
        self.sector_size = sector_size
        self.sector_count = size // sector_size
        self.readonly = readonly
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
        return Window(self.fileno(), 0, self.size, readonly=self.readonly)

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
        punch_hole(self.fileno(), offset, length)

    def contents(self) -> bytes:
        """A copy of the whole disk."""
        parts = range(0, self.size, _PART)
        return b"".join(
            os.pread(self.fileno(), min(_PART, self.size - at), at) for at in parts
        )

    def snapshot(self) -> bytes:
        """A copy of the whole disk, to restore() later."""
        return self.contents()

    def restore(self, token: bytes) -> None:
        """Make the contents those of snapshot()."""
        os.ftruncate(self.fileno(), 0)
        os.ftruncate(self.fileno(), self.size)
        self._fill(memoryview(token))

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _store(self, offset: int, view: memoryview) -> None:
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
