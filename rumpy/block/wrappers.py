# SPDX-License-Identifier: BSD-2-Clause
"""Devices over other devices: windows, write protection, copy on write."""

from __future__ import annotations

import errno
import os
import struct

from rumpy.block.memory import MemoryDevice
from rumpy.block.protocol import (
    BlockDevice,
    Data,
    Device,
    Window,
    Wrapper,
    native_window,
)
from rumpy.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final


class WindowDevice(Wrapper):
    """A stretch of another device, such as a partition.

    Args:
        lower: the whole disk.
        offset, length: bytes, whole sectors.
    """

    def __init__(self, lower: BlockDevice, offset: int, length: int) -> None:
        super().__init__(lower)
        whole = lower.sector_size * lower.sector_count
        if (
            offset < 0
            or length <= 0
            or offset + length > whole
            or offset % lower.sector_size
            or length % lower.sector_size
        ):
            raise ValueError(f"no stretch of {length} bytes at {offset} in {whole}")
        self._offset = offset
        self.sector_count = length // lower.sector_size

    @property
    def window(self) -> Window:
        """For C, where the lower device has one.

        Raises:
            AttributeError: it has none.
        """
        below = native_window(self.lower)
        return Window(
            below.fd, below.offset + self._offset, self.size, readonly=self.readonly
        )

    def read(self, offset: int, length: int) -> Data:
        self.check(offset, length)
        return self.lower.read(self._offset + offset, length)

    def write(self, offset: int, data: memoryview) -> None:
        self.check(offset, len(data))
        self.lower.write(self._offset + offset, data)

    def discard(self, offset: int, length: int) -> None:
        self.check(offset, length)
        self.lower.discard(self._offset + offset, length)


class ReadOnlyDevice(Wrapper):
    """Refuses every change with EROFS."""

    def __init__(self, lower: BlockDevice) -> None:
        super().__init__(lower)
        self.readonly = True

    @property
    def window(self) -> Window:
        """For C, where the lower device has one."""
        below = native_window(self.lower)
        return Window(below.fd, below.offset, below.length, readonly=True)

    def write(self, offset: int, data: memoryview) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def discard(self, offset: int, length: int) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def flush(self) -> None:
        """Nothing was written."""


_MAGIC: Final = b"rumpyovl1\n"
_HEADER = struct.Struct("<10sxxIQQ")
_HEADER_SIZE: Final = 4096
BLOCK: Final = 4096


class OverlayDevice(Wrapper):
    """Copy on write: changes go elsewhere, the lower device stays as it is.

    Args:
        lower: what is read where nothing was written.
        store: a file that keeps the changes, made if it is not there; None
            keeps them in memory until close().

    Raises:
        ImageError: the file is not an overlay of a device of this size, or in
            use.
    """

    def __init__(
        self, lower: BlockDevice, store: str | os.PathLike[str] | None = None
    ) -> None:
        super().__init__(lower)
        self.readonly = False
        self._block = max(BLOCK, self.sector_size)
        self._blocks = -(-self.size // self._block)
        self._map = bytearray(-(-self._blocks // 8))
        self._dirty = False
        self._store = store
        if store is None:
            self._start = 0
            self._upper: Device = MemoryDevice(self._blocks * self._block)
        else:
            self._open(os.fspath(store))

    @property
    def changed(self) -> int:
        """Bytes that differ from the lower device, in whole blocks."""
        return sum(byte.bit_count() for byte in self._map) * self._block

    def read(self, offset: int, length: int) -> Data:
        self.check(offset, length)
        result = bytearray(length)
        done = 0
        while done < length:
            upper, run = self._run(offset + done, length - done)
            if upper:
                part = self._upper.read(self._start + offset + done, run)
            else:
                part = self.lower.read(offset + done, run)
            result[done : done + run] = part
            done += run
        return result

    def write(self, offset: int, data: memoryview) -> None:
        self.check(offset, len(data))
        if not len(data):
            return
        end = offset + len(data)
        first, last = offset // self._block, (end - 1) // self._block
        if offset % self._block:
            self._copy_up(first)
        if end % self._block:
            self._copy_up(last)
        self._upper.write(self._start + offset, data)
        for block in range(first, last + 1):
            self._map[block >> 3] |= 1 << (block & 7)
        self._dirty = True

    def discard(self, offset: int, length: int) -> None:
        """Zeroes stand where the lower device has something else."""
        self.check(offset, length)
        first, last = -(-offset // self._block), (offset + length) // self._block
        for block in range(first, last):
            self._map[block >> 3] |= 1 << (block & 7)
        if last > first:
            self._dirty = True
            at = self._start + first * self._block
            self._upper.discard(at, (last - first) * self._block)

    def flush(self) -> None:
        """The data first, then the map that says it is there."""
        if self._store is None or not self._dirty:
            return
        self._upper.flush()
        padded = self._map.ljust(self._start - _HEADER_SIZE, b"\0")
        self._upper.write(_HEADER_SIZE, memoryview(padded))
        self._upper.flush()
        self._dirty = False

    def snapshot(self) -> tuple[bytes, bytes]:
        """A copy of the changes."""
        if not isinstance(self._upper, MemoryDevice):
            raise OSError(errno.EOPNOTSUPP, "an overlay in a file has no snapshots")
        return bytes(self._map), self._upper.snapshot()

    def restore(self, token: tuple[bytes, bytes]) -> None:
        """Go back to snapshot()'s state."""
        if not isinstance(self._upper, MemoryDevice):
            raise OSError(errno.EOPNOTSUPP, "an overlay in a file has no snapshots")
        self._map[:] = token[0]
        self._upper.restore(token[1])

    def commit(self) -> None:
        """Write the changes to the lower device, and forget them."""
        for block in range(self._blocks):
            if self._has(block):
                at = block * self._block
                length = min(self._block, self.size - at)
                data = self._upper.read(self._start + at, length)
                self.lower.write(at, memoryview(data))
        self.lower.flush()
        self._map[:] = bytes(len(self._map))
        self._dirty = True
        self.flush()

    def close(self) -> None:
        upper: Any = self._upper
        if self._store is not None and self._dirty:
            self.flush()
        upper.close()
        super().close()

    def _has(self, block: int) -> bool:
        return bool(self._map[block >> 3] >> (block & 7) & 1)

    def _run(self, offset: int, length: int) -> tuple[bool, int]:
        """Whether the upper device has offset, and for how many bytes."""
        block = offset // self._block
        upper = self._has(block)
        end = offset + length
        at = (block + 1) * self._block
        while at < end and self._has(at // self._block) == upper:
            at += self._block
        return upper, min(at, end) - offset

    def _copy_up(self, block: int) -> None:
        """Bring a block that will be written in part into the upper device."""
        if self._has(block):
            return
        at = block * self._block
        length = min(self._block, self.size - at)
        self._upper.write(self._start + at, memoryview(self.lower.read(at, length)))

    def _open(self, path: str) -> None:
        from rumpy.block.file import FileDevice

        header = _HEADER.pack(_MAGIC, self._block, self.size, 0)
        space = -(-len(self._map) // BLOCK) * BLOCK
        self._start = _HEADER_SIZE + space
        fresh = not os.path.exists(path) or os.stat(path).st_size == 0
        if fresh:
            with open(path, "ab") as file:
                file.truncate(self._start + self._blocks * self._block)
        self._upper = FileDevice(path, readonly=False)
        if fresh:
            page = header.ljust(_HEADER_SIZE, b"\0")
            self._upper.write(0, memoryview(page))
        elif bytes(self._upper.read(0, _HEADER_SIZE))[: _HEADER.size] != header:
            self._upper.close()
            raise ImageError("is not an overlay of a disk of this size", image=path)
        else:
            stored = self._upper.read(_HEADER_SIZE, space)
            self._map[:] = bytes(stored)[: len(self._map)]
