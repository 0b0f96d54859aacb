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
    OverlayWindow,
    Window,
    Wrapper,
    native_window,
    restore_to,
    snapshot_of,
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
            below.fd,
            below.offset + self._offset,
            self.size,
            readonly=self.readonly,
            changes=below.changes,
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

    def snapshot(self) -> Any:
        """The lower device's.

        Raises:
            OSError: EOPNOTSUPP where that has none.
        """
        return snapshot_of(self.lower)

    def restore(self, token: Any) -> None:
        """Make the whole lower device what it was."""
        restore_to(self.lower, token)


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
_PAGE: Final = 4096


class OverlayDevice(Wrapper):
    """Copy on write: changes go elsewhere, the lower device stays as it is.

    Over a file it is served in C.  A store file begins with a page of header
    and the map of written sectors; a flush writes the map after the data.

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
        self._map = bytearray(-(-self.sector_count // 8))
        self._store = store
        self._start = 0
        if store is None:
            self._upper: Any = MemoryDevice(self.size, sector_size=self.sector_size)
        else:
            self._open(os.fspath(store))

    @property
    def window(self) -> OverlayWindow:
        """For C, where the lower device has a window of a file.

        Raises:
            AttributeError: it has none.
        """
        return OverlayWindow(
            native_window(self.lower),
            self._upper.fileno(),
            self._start,
            self._map,
            sector=self.sector_size,
            map_at=0 if self._store is None else _PAGE,
            changes=getattr(self._upper, "changes", None),
        )

    @property
    def changed(self) -> int:
        """Bytes that were written, in whole sectors."""
        return int.from_bytes(self._map, "little").bit_count() * self.sector_size

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
        self._upper.write(self._start + offset, data)
        self._mark(offset, len(data))

    def discard(self, offset: int, length: int) -> None:
        """Zeroes stand where the lower device has something else."""
        self.check(offset, length)
        self._upper.discard(self._start + offset, length)
        self._mark(offset, length)

    def flush(self) -> None:
        """The data first, then the map that says it is there."""
        if self._store is not None:
            self._upper.flush()
            padded = self._map.ljust(self._start - _PAGE, b"\0")
            self._upper.write(_PAGE, memoryview(padded))
            self._upper.flush()

    def snapshot(self) -> tuple[bytes, Any]:
        """A copy of the changes."""
        if self._store is not None:
            raise OSError(errno.EOPNOTSUPP, "an overlay in a file has no snapshots")
        return bytes(self._map), self._upper.snapshot()

    def restore(self, token: tuple[bytes, Any]) -> None:
        """Go back to snapshot()'s state."""
        if self._store is not None:
            raise OSError(errno.EOPNOTSUPP, "an overlay in a file has no snapshots")
        self._map[:] = token[0]
        self._upper.restore(token[1])

    def commit(self) -> None:
        """Write the changes to the lower device, and forget them."""
        done = 0
        while done < self.size:
            upper, run = self._run(done, min(self.size - done, 1 << 20))
            if upper:
                data = self._upper.read(self._start + done, run)
                self.lower.write(done, memoryview(data))
            done += run
        self.lower.flush()
        # C may have the map: it can be filled anew, but not replaced.
        self._map[:] = bytes(len(self._map))
        self.flush()

    def close(self) -> None:
        if self._upper is not None:
            self.flush()
            self._upper.close()
            self._upper = None
            super().close()

    def _has(self, sector: int) -> bool:
        return bool(self._map[sector >> 3] >> (sector & 7) & 1)

    def _mark(self, offset: int, length: int) -> None:
        first = offset // self.sector_size
        for sector in range(first, first + length // self.sector_size):
            self._map[sector >> 3] |= 1 << (sector & 7)

    def _run(self, offset: int, length: int) -> tuple[bool, int]:
        """Whether the upper device has offset, and for how many bytes."""
        sector = offset // self.sector_size
        upper = self._has(sector)
        end = offset + length
        at = (sector + 1) * self.sector_size
        while at < end and self._has(at // self.sector_size) == upper:
            at += self.sector_size
        return upper, min(at, end) - offset

    def _open(self, path: str) -> None:
        from rumpy.block.file import FileDevice

        header = _HEADER.pack(_MAGIC, self.sector_size, self.size, 0)
        space = -(-len(self._map) // _PAGE) * _PAGE
        self._start = _PAGE + space
        fresh = not os.path.exists(path) or os.stat(path).st_size == 0
        if fresh:
            with open(path, "ab") as file:
                file.truncate(self._start + self.size)
        self._upper = FileDevice(
            path, readonly=False, sector_size=min(self.sector_size, _PAGE)
        )
        if fresh:
            page = header.ljust(_PAGE, b"\0")
            self._upper.write(0, memoryview(page))
        elif bytes(self._upper.read(0, _PAGE))[: _HEADER.size] != header:
            self._upper.close()
            raise ImageError("is not an overlay of a disk of this size", image=path)
        else:
            stored = self._upper.read(_PAGE, space)
            self._map[:] = bytes(stored)[: len(self._map)]
