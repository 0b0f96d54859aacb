# SPDX-License-Identifier: BSD-2-Clause
"""What a disk is: any Python object with these members is one.

Offsets and lengths are bytes and multiples of sector_size.  A failed transfer
raises OSError, whose errno the kernel's caller sees; any other exception is an
EIO there and is raised again at the call that caused the transfer.

flush() is the barrier: what was written before it survives a power cut, what
was written after it may survive in any order or not at all.  Recorder and
PowerCut build on that.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol, TypeGuard
else:
    Protocol = object

Data = bytes | bytearray | memoryview


class BlockDevice(Protocol):
    """A disk."""

    @property
    def sector_size(self) -> int:
        """Bytes: a power of two from 512 to 65536."""

    @property
    def sector_count(self) -> int:
        """How many sectors there are; it does not change."""

    def read(self, offset: int, length: int) -> Data:
        """Exactly length bytes from offset."""

    def write(self, offset: int, data: memoryview) -> None:
        """Store data at offset; the view is valid during the call only."""

    def flush(self) -> None:
        """Return when everything written so far is on stable storage."""

    def discard(self, offset: int, length: int) -> None:
        """The contents are not needed any more; may do nothing."""


class NativeDevice(Protocol):
    """A disk that C can serve without Python: a window of a file, or an overlay."""

    @property
    def window(self) -> Window | OverlayWindow:
        """Where its contents are."""


class Window:
    """A stretch of an open file.

    Attributes:
        fd: file descriptor, owned by somebody else.
        offset, length: bytes.
        readonly: whether writing is refused.
        changes: None, or a bit for each 4 KiB of the file, which whoever writes
            there sets.
    """

    __slots__ = ("changes", "fd", "length", "offset", "readonly")

    def __init__(
        self,
        fd: int,
        offset: int,
        length: int,
        *,
        readonly: bool,
        changes: bytearray | None = None,
    ) -> None:
        self.fd = fd
        self.offset = offset
        self.length = length
        self.readonly = readonly
        self.changes = changes


class OverlayWindow:
    """Copy on write over a window of a file.

    Attributes:
        lower: what has not been written.
        fd, start: file that holds what has been, and where in it offset 0 is.
        map: a bit for each sector that has been written.
        map_at: where in the file a flush stores the map; 0 for nowhere.
        changes: as in Window, of fd's file.
    """

    __slots__ = ("changes", "fd", "lower", "map", "map_at", "sector", "start")

    def __init__(
        self,
        lower: Window,
        fd: int,
        start: int,
        map: bytearray,
        *,
        sector: int,
        map_at: int = 0,
        changes: bytearray | None = None,
    ) -> None:
        self.lower = lower
        self.fd = fd
        self.start = start
        self.map = map
        self.sector = sector
        self.map_at = map_at
        self.changes = changes


_MEMBERS = ("sector_size", "sector_count", "read", "write", "flush", "discard")


def is_device(thing: object) -> TypeGuard[BlockDevice]:
    """Whether an object has the members of BlockDevice."""
    return all(hasattr(thing, name) for name in _MEMBERS)


def is_native(device: object) -> bool:
    """Whether C can serve a device: it has a window of a file."""
    return isinstance(getattr(device, "window", None), (Window, OverlayWindow))


def native_window(device: object) -> Window:
    """The window of a device that has one.

    Raises:
        AttributeError: it has none.
    """
    window = getattr(device, "window", None)
    if not isinstance(window, Window):
        raise AttributeError(f"{type(device).__name__} is not a file's")
    return window


class SnapshotDevice(Protocol):
    """A disk whose contents can go back to an earlier state."""

    def snapshot(self) -> Any:
        """A token for the contents as they are now."""

    def restore(self, token: Any) -> None:
        """Make the contents those of the token."""


def snapshot_of(device: object) -> Any:
    """A device's snapshot().

    Raises:
        OSError: EOPNOTSUPP where it has none.
    """
    snapshot = getattr(device, "snapshot", None)
    if snapshot is None:
        raise OSError(errno.EOPNOTSUPP, f"{type(device).__name__} has no snapshots")
    return snapshot()


def restore_to(device: Any, token: Any) -> None:
    """The way back, for what snapshot_of() gave."""
    device.restore(token)


class Device:
    """A base class with what most devices share; deriving from it is optional.

    Attributes:
        sector_size, sector_count: geometry.
        readonly: whether writing is refused.
    """

    sector_size: int = 512
    sector_count: int = 0
    readonly: bool = False

    @property
    def size(self) -> int:
        """Bytes."""
        return self.sector_size * self.sector_count

    def read(self, offset: int, length: int) -> Data:
        raise NotImplementedError

    def write(self, offset: int, data: memoryview) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def flush(self) -> None:
        """Nothing to do where writing is immediate."""

    def discard(self, offset: int, length: int) -> None:
        """Nothing to do where space can't be given back."""

    def close(self) -> None:
        """Give back what the device holds; twice is once."""

    def check(self, offset: int, length: int) -> None:
        """Refuse a transfer outside the device or off its sectors.

        Raises:
            OSError: EINVAL.
        """
        if (
            offset < 0
            or length < 0
            or offset + length > self.size
            or offset % self.sector_size
            or length % self.sector_size
        ):
            raise OSError(
                errno.EINVAL, f"transfer of {length} bytes at {offset} of {self.size}"
            )

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Wrapper(Device):
    """A device over another one: everything is passed on.

    Attributes:
        lower: the wrapped device.
    """

    def __init__(self, lower: BlockDevice) -> None:
        self.lower = lower
        self.sector_size = lower.sector_size
        self.sector_count = lower.sector_count
        self.readonly = bool(getattr(lower, "readonly", False))

    def read(self, offset: int, length: int) -> Data:
        return self.lower.read(offset, length)

    def write(self, offset: int, data: memoryview) -> None:
        self.lower.write(offset, data)

    def flush(self) -> None:
        self.lower.flush()

    def discard(self, offset: int, length: int) -> None:
        self.lower.discard(offset, length)

    def close(self) -> None:
        close = getattr(self.lower, "close", None)
        if close is not None:
            close()
