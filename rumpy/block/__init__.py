# SPDX-License-Identifier: BSD-2-Clause
"""Disks: files, memory, and wrappers that compose.

    disk = OverlayDevice(FileDevice("disk.img", readonly=True))
    disk = Recorder(FaultyDevice(MemoryDevice(64 << 20), [Fault("eio", after=100)]))

Any object with the members of BlockDevice is a disk as well.
"""

from __future__ import annotations

from rumpy import _looked_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.block.faults import Entry as Entry
    from rumpy.block.faults import Fault as Fault
    from rumpy.block.faults import FaultyDevice as FaultyDevice
    from rumpy.block.faults import PowerCut as PowerCut
    from rumpy.block.faults import PowerCutDevice as PowerCutDevice
    from rumpy.block.faults import Recorder as Recorder
    from rumpy.block.faults import replay as replay
    from rumpy.block.file import FileDevice as FileDevice
    from rumpy.block.memory import MemoryDevice as MemoryDevice
    from rumpy.block.open import open_device as open_device
    from rumpy.block.protocol import BlockDevice as BlockDevice
    from rumpy.block.protocol import Device as Device
    from rumpy.block.protocol import NativeDevice as NativeDevice
    from rumpy.block.protocol import Window as Window
    from rumpy.block.protocol import Wrapper as Wrapper
    from rumpy.block.protocol import is_device as is_device
    from rumpy.block.protocol import is_native as is_native
    from rumpy.block.wrappers import OverlayDevice as OverlayDevice
    from rumpy.block.wrappers import ReadOnlyDevice as ReadOnlyDevice
    from rumpy.block.wrappers import WindowDevice as WindowDevice

_HOMES = {
    "BlockDevice": "protocol",
    "Device": "protocol",
    "Entry": "faults",
    "Fault": "faults",
    "FaultyDevice": "faults",
    "FileDevice": "file",
    "MemoryDevice": "memory",
    "NativeDevice": "protocol",
    "OverlayDevice": "wrappers",
    "PowerCut": "faults",
    "PowerCutDevice": "faults",
    "ReadOnlyDevice": "wrappers",
    "Recorder": "faults",
    "Window": "protocol",
    "WindowDevice": "wrappers",
    "Wrapper": "protocol",
    "is_device": "protocol",
    "is_native": "protocol",
    "open_device": "open",
    "replay": "faults",
}

__all__ = list(_HOMES)


__getattr__, __dir__ = _looked_up(__name__, _HOMES)
