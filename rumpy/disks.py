# SPDX-License-Identifier: BSD-2-Clause
"""What a user hands in as a disk, as a block device."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rumpy.block import BlockDevice
    from rumpy.kernel import Kernel

__all__ = ["Disk", "as_device"]


class Disk:
    """A block device of a kernel, backed by something of the host.

    Attributes:
        kernel: whose disk it is.
        name: its node below /dev, such as "rd0".
        path: the block node, such as "/dev/rd0".
        device: what is behind it, with the members of BlockDevice.
        rdev: its device number, as os.makedev makes it.
        readonly: whether writes are refused.
    """

    def __init__(
        self,
        kernel: Kernel,
        name: str,
        path: str,
        attached: Any,
        rdev: int,
        *,
        own: bool,
    ) -> None:
        self.kernel = kernel
        self.name = name
        self.path = path
        self.device = attached.device
        self.rdev = rdev
        self.readonly = bool(attached.readonly)
        self._attached = attached
        self._own = own

    @property
    def statistics(self) -> Any:
        """Transfers so far: reads, read_bytes, writes, flushes ..."""
        return self._attached.statistics

    def detach(self) -> None:
        """Take it away, and close what attach() opened for it.

        Raises:
            OSError: EBUSY while it is open or mounted.
        """
        self.kernel._detach(self)

    def _let_go(self) -> None:
        """The kernel does not know it any more."""
        self._attached.detach()
        if self._own:
            self.device.close()

    def __enter__(self) -> Disk:
        return self

    def __exit__(self, *exception: object) -> None:
        self.detach()

    def __repr__(self) -> str:
        return f"<Disk {self.path}>"


def as_device(
    source: Any,
    *,
    readonly: bool | None = None,
    offset: int = 0,
    size: int | None = None,
) -> tuple[BlockDevice, bool]:
    """A block device for a path, bytes, a file or a device, and whether it is new.

    A path or an open file is written in place; bytes are copied.

    Raises:
        ImageError: in use, empty, or a packed format.
        OSError: the host refuses.
        TypeError: nothing of these.
    """
    from rumpy.block import FileDevice, MemoryDevice

    if isinstance(source, bytes | bytearray | memoryview):
        part = bytes(source)[offset : None if size is None else offset + size]
        return MemoryDevice(part, readonly=bool(readonly)), True
    if isinstance(source, str | os.PathLike):
        device = FileDevice(source, readonly=readonly, offset=offset, length=size)
        return device, True
    if hasattr(source, "sector_size") and hasattr(source, "sector_count"):
        return _limited(source, readonly, offset, size)
    if hasattr(source, "fileno"):
        path = f"/proc/self/fd/{source.fileno()}"
        if readonly is None and hasattr(source, "writable"):
            readonly = not source.writable()
        device = FileDevice(path, readonly=readonly, offset=offset, length=size)
        return device, True
    raise TypeError(
        f"a disk is a path, bytes, a file or a BlockDevice, not {type(source).__name__}"
    )


def _limited(
    device: Any, readonly: bool | None, offset: int, size: int | None
) -> tuple[BlockDevice, bool]:
    """A device of the caller's, behind the wrappers that were asked for."""
    from rumpy.block import ReadOnlyDevice, WindowDevice

    if offset or size is not None:
        whole = device.sector_size * device.sector_count
        device = WindowDevice(device, offset, whole - offset if size is None else size)
    if readonly and not getattr(device, "readonly", False):
        device = ReadOnlyDevice(device)
    return device, False
