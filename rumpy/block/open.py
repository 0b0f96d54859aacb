# SPDX-License-Identifier: BSD-2-Clause
"""Makes a device of whatever a user calls a disk."""

from __future__ import annotations

import os

from rumpy.block.file import FileDevice
from rumpy.block.memory import MemoryDevice
from rumpy.block.protocol import (
    Device,
    OverlayWindow,
    Window,
    Wrapper,
    is_device,
    native_window,
)
from rumpy.block.wrappers import ReadOnlyDevice, WindowDevice
from rumpy.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Borrowed(Wrapper):
    """A device that belongs to somebody else: close() leaves it open."""

    @property
    def window(self) -> Window | OverlayWindow:
        """For C, where the device has one."""
        window = getattr(self.lower, "window", None)
        if isinstance(window, OverlayWindow):
            return window
        return native_window(self.lower)

    def close(self) -> None:
        """Nothing: who made it closes it."""


def open_device(
    source: Any,
    *,
    readonly: bool | None = None,
    offset: int = 0,
    size: int | None = None,
) -> Device:
    """A device for a path, bytes, a binary file or any block device.

    Args:
        source: bytes are copied; a file or device stays the caller's.
        readonly: True refuses writes, False insists on them, None takes what
            there is.
        offset, size: the stretch to use, bytes.

    Raises:
        ImageError: not an image, in use, or the stretch does not fit.
        OSError: the host refuses.
        TypeError: nothing a disk can be made of.
    """
    if isinstance(source, (str, os.PathLike)):
        return FileDevice(source, readonly=readonly, offset=offset, length=size)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _of_bytes(memoryview(source).cast("B"), readonly, offset, size)
    if is_device(source):
        return _stretch(Borrowed(source), readonly, offset, size)
    if hasattr(source, "fileno"):
        return _of_file(source, readonly, offset, size)
    raise TypeError(f"no disk can be made of {type(source).__name__}")


def _of_bytes(
    data: memoryview, readonly: bool | None, offset: int, size: int | None
) -> Device:
    end = len(data) if size is None else offset + size
    if offset < 0 or end > len(data):
        raise ImageError(f"no stretch of {size} bytes at {offset} in {len(data)}")
    part = data[offset : offset + (end - offset) // 512 * 512]
    if not part:
        raise ImageError("is smaller than one sector", image="bytes")
    return MemoryDevice(part, readonly=bool(readonly))


def _of_file(file: Any, readonly: bool | None, offset: int, size: int | None) -> Device:
    if hasattr(file, "flush"):
        file.flush()
    writable = getattr(file, "writable", lambda: True)()
    if readonly is None and not writable:
        readonly = True
    path = f"/proc/self/fd/{file.fileno()}"
    return FileDevice(path, readonly=readonly, offset=offset, length=size)


def _stretch(
    device: Device, readonly: bool | None, offset: int, size: int | None
) -> Device:
    if readonly is False and device.readonly:
        raise ImageError("is read-only")
    result = device
    if offset or size is not None:
        length = device.size - offset if size is None else size
        try:
            result = WindowDevice(result, offset, length)
        except ValueError as error:
            raise ImageError(str(error)) from None
    return ReadOnlyDevice(result) if readonly else result
