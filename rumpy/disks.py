# SPDX-License-Identifier: BSD-2-Clause
"""Disks of a kernel: what a user hands in as one, and the table of all."""

from __future__ import annotations

import os

from rumpy._hyp import ffi
from rumpy.abi.errno import oserror
from rumpy.abi.structs import host_dev

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rumpy.block import BlockDevice
    from rumpy.kernel import Kernel
    from rumpy.snapshot import Books

__all__ = ["Disk", "DiskTable", "as_device"]

_EEXIST = 17


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


class DiskTable:
    """What is attached to one kernel; its methods are Kernel's, under its lock."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._known: dict[str, Disk] = {}

    def get(self, path: object) -> Disk | None:
        """The disk whose node `path` is."""
        return self._known.get(path) if isinstance(path, str) else None

    def attach(self, device: BlockDevice, path: str | None, *, own: bool) -> Disk:
        """Make a device known to the kernel, and its node."""
        kernel = self._kernel
        name = self._name(path)
        attached = kernel._machine.hypercalls.block.attach(device)
        door = ffi.new("struct door_disk *")
        door.name = name.encode()
        door.dev = attached.dev
        door.sector_size = attached.sector_size
        door.sector_count = attached.sector_count
        door.flags = 1 if attached.readonly else 0
        try:
            error = kernel._machine.call("disk_attach", door)
            if error:
                raise oserror(error, f"/dev/{name}")
        except BaseException:
            attached.detach()
            raise
        node = f"/dev/{name}"
        rdev = host_dev(int(door.block))
        if path is not None and path != node:
            try:
                kernel.mknod(path, 0o60600, rdev)
            except BaseException:
                kernel._machine.call("disk_detach", door)
                attached.detach()
                raise
            node = path
        disk = Disk(kernel, name, node, attached, rdev, own=own)
        self._known[node] = disk
        return disk

    def _name(self, path: str | None) -> str:
        """The name below /dev: the one asked for, or the next that is free."""
        names = {disk.name for disk in self._known.values()}
        if path is not None and path.startswith("/dev/") and "/" not in path[5:]:
            if path[5:] in names:
                raise oserror(_EEXIST, path)
            return path[5:]
        return next(f"rd{i}" for i in range(len(names) + 1) if f"rd{i}" not in names)

    def detach(self, disk: Disk) -> None:
        """See Disk.detach."""
        kernel = self._kernel
        if self._known.get(disk.path) is not disk:
            return
        if kernel._machine.running():
            door = ffi.new("struct door_disk *")
            door.name = disk.name.encode()
            door.dev = disk._attached.dev
            error = kernel._machine.call("disk_detach", door)
            if error:
                raise oserror(error, disk.path)
            if disk.path != f"/dev/{disk.name}":
                kernel.unlink(disk.path)
        del self._known[disk.path]
        if not kernel._books.keeps(disk):
            disk._let_go()

    def has(self, disk: Disk) -> bool:
        """Whether it is attached."""
        return self._known.get(disk.path) is disk

    def snapshot(self) -> dict[str, Disk]:
        """What is attached, by node."""
        return dict(self._known)

    def restore(self, then: dict[str, Disk], books: Books) -> None:
        """The kernel has these again, and no others."""
        before, self._known = self._known, dict(then)
        for disk in before.values():
            if not self.has(disk) and not books.keeps(disk):
                disk._let_go()

    def clear(self) -> None:
        """The kernel is gone: close what is behind its disks."""
        for disk in [*self._known.values()]:
            self.detach(disk)
