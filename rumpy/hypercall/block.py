# SPDX-License-Identifier: BSD-2-Clause
"""The block group: makes disks known to the host's C side.

A device that is a window of a file is served in C.  Any other object with the
members of rumpy.block.BlockDevice is called from there, with the kernel's CPU
released.
"""

from __future__ import annotations

import itertools

from rumpy._hyp import ffi, lib
from rumpy.abi.errno import oserror, to_kernel
from rumpy.block.protocol import (
    BlockDevice,
    OverlayWindow,
    Window,
    is_native,
    native_window,
)
from rumpy.errors import ImageError
from rumpy.hypercall import exceptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass
    from typing import Any
else:
    from rumpy.records import dataclass

_EIO = 5
_handles = itertools.count(1)
_devices: dict[int, BlockDevice] = {}


@dataclass(frozen=True, slots=True)
class Statistics:
    """Transfers of a disk since it was attached."""

    reads: int
    read_bytes: int
    writes: int
    written_bytes: int
    flushes: int
    discards: int
    errors: int
    waits: int


class Attached:
    """A disk that C knows; detach() ends that.

    Attributes:
        device: the object.
        dev: the number for door_disk.dev.
        native: whether C serves it without Python.
        sector_size, sector_count, readonly: geometry, as it was then.
    """

    def __init__(self, device: BlockDevice, *, native: bool | None = None) -> None:
        self.device = device
        self.sector_size = int(device.sector_size)
        self.sector_count = int(device.sector_count)
        self.readonly = bool(getattr(device, "readonly", False))
        _check_geometry(self.sector_size, self.sector_count)
        self.native = is_native(device) if native is None else native
        self._handle = 0
        self._map: Any = None
        self._changes: Any = None
        dev = ffi.new("uint64_t *")
        if self.native:
            error = self._open_native(dev)
        else:
            self._handle = next(_handles)
            _devices[self._handle] = device
            error = lib.hyp_block_open_python(self._handle, dev)
        if error:
            _devices.pop(self._handle, None)
            raise oserror(error, "attaching a disk")
        self.dev = int(dev[0])

    def _open_native(self, dev: Any) -> int:
        window = getattr(self.device, "window", None)
        if isinstance(window, OverlayWindow):
            return self._open_overlay(window, dev)
        window = native_window(self.device)
        self.readonly = self.readonly or window.readonly
        config = ffi.new("struct hyp_block_config *")
        self._fill(config, window)
        return int(lib.hyp_block_open_file(config, dev))

    def _open_overlay(self, window: OverlayWindow, dev: Any) -> int:
        config = ffi.new("struct hyp_block_overlay *")
        self._fill(config.lower, window.lower)
        # The map is Python's; it can't be resized while C has it.
        self._map = ffi.from_buffer("uint8_t[]", window.map, require_writable=True)
        config.upper = window.fd
        config.sector = window.sector
        config.start = window.start
        config.map = self._map
        config.map_size = len(window.map)
        config.map_at = window.map_at
        config.changes, config.changes_size = self._noted(window.changes)
        return int(lib.hyp_block_open_overlay(config, dev))

    def _fill(self, config: Any, window: Window) -> None:
        config.fd = window.fd
        config.offset = window.offset
        config.length = window.length
        config.flags = lib.HYP_BLOCK_READONLY if self.readonly else 0
        config.changes, config.changes_size = self._noted(window.changes)

    def _noted(self, changes: bytearray | None) -> tuple[Any, int]:
        """Where C is to note what it writes."""
        if changes is None:
            return ffi.NULL, 0
        self._changes = ffi.from_buffer("uint8_t[]", changes, require_writable=True)
        return self._changes, len(changes)

    @property
    def statistics(self) -> Statistics:
        """What was transferred so far."""
        raw = ffi.new("struct hyp_block_stats *")
        lib.hyp_block_stats(self.dev, raw)
        return Statistics(
            raw.reads, raw.read_bytes, raw.writes, raw.written_bytes,
            raw.flushes, raw.discards, raw.errors, raw.waits,
        )  # fmt: skip

    def detach(self) -> None:
        """Wait for transfers in progress; later ones answer ENXIO.  Twice is once.

        The device itself stays open: who made it closes it.
        """
        if self.dev:
            lib.hyp_block_close(self.dev)
            self.dev = 0
            self._map = self._changes = None
            _devices.pop(self._handle, None)


class BlockGroup:
    """How disks are served; subclass it to put something between.

    One object may serve several kernels.
    """

    def __init__(self) -> None:
        self._attached: dict[int, Attached] = {}

    def wrap(self, device: BlockDevice) -> BlockDevice:
        """The device to use instead; called once for each disk attached."""
        return device

    def attach(self, device: BlockDevice) -> Attached:
        """Make a disk known.

        Raises:
            ImageError: its geometry is impossible, or there are too many.
        """
        return Attached(self.wrap(device))

    def add(self, machine: object, device: BlockDevice) -> int:
        """attach() for a kernel; the number for door_disk.dev."""
        attached = self.attach(device)
        self._attached[attached.dev] = attached
        return attached.dev

    def remove(self, machine: object, dev: int) -> None:
        """End what add() began; waits for transfers in progress."""
        attached = self._attached.pop(dev, None)
        if attached is not None:
            attached.detach()

    def statistics(self, dev: int) -> Statistics:
        """Transfers of a disk that was added.

        Raises:
            KeyError: no such disk.
        """
        return self._attached[dev].statistics


class PythonBlockGroup(BlockGroup):
    """Serves every disk from Python, files too."""

    def attach(self, device: BlockDevice) -> Attached:
        return Attached(self.wrap(device), native=False)


def _check_geometry(sector_size: int, sector_count: int) -> None:
    if sector_size < 512 or sector_size > 65536 or sector_size & (sector_size - 1):
        raise ImageError(f"sectors of {sector_size} bytes are not possible")
    if sector_count <= 0 or sector_count * sector_size >= 1 << 63:
        raise ImageError(f"{sector_count} sectors are not possible")


def _read(device: BlockDevice, bio: Any) -> None:
    length = bio.length
    data = memoryview(device.read(bio.offset, length)).cast("B")
    if len(data) != length:
        raise ValueError(
            f"{type(device).__name__}.read() returned {len(data)} bytes, not {length}"
        )
    if lib.hyp_in_child():
        return  # read() has forked; the kernel's memory is not here
    at = 0
    for i in range(bio.iovcnt):
        size = bio.iov[i].len
        ffi.memmove(bio.iov[i].base, data[at : at + size], size)
        at += size


def _write(device: BlockDevice, bio: Any) -> None:
    if bio.iovcnt == 1:
        view = memoryview(ffi.buffer(bio.iov[0].base, bio.length))
    else:
        whole = bytearray(bio.length)
        at = 0
        for i in range(bio.iovcnt):
            size = bio.iov[i].len
            whole[at : at + size] = ffi.buffer(bio.iov[i].base, size)
            at += size
        view = memoryview(whole)
    try:
        device.write(bio.offset, view)
    finally:
        view.release()


@ffi.def_extern(  # type: ignore[untyped-decorator]
    name="provide_block", error=_EIO, onerror=exceptions.catcher("block", _EIO)
)
def _provide_block(handle: int, bio: Any) -> int:
    """A transfer for a device in Python; a NetBSD errno."""
    device = _devices.get(handle)
    if device is None:
        return 6  # ENXIO
    try:
        if bio.op == lib.HYP_READ:
            _read(device, bio)
        elif bio.op == lib.HYP_WRITE:
            _write(device, bio)
        elif bio.op == lib.HYP_FLUSH:
            device.flush()
        else:
            device.discard(bio.offset, bio.length)
    except OSError as error:
        return to_kernel(error.errno) if error.errno else _EIO
    return 0


lib.hyp_block_set_python(lib.provide_block)
