# SPDX-License-Identifier: BSD-2-Clause
"""Mounts of the host, served by a kernel: /dev/fuse, native or through fusepy.

    rumpy.fuse.mount(None, "disk.img", "/mnt", "ro,allow_other")
    rumpy.fuse.mounts()
    rumpy.fuse.umount("/mnt")

A mount is served by a process of its own (rumpy.fuse.server).  A process that
serves itself and touches its own mount while it holds the GIL waits for itself
for ever; that is why export(..., in_process=True) must be asked for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.fuse.engine import MountInfo as MountInfo
    from rumpy.fuse.engine import mount as mount
    from rumpy.fuse.engine import mounts as mounts
    from rumpy.fuse.engine import umount as umount
    from rumpy.fuse.errors import MountError as MountError
    from rumpy.fuse.exporter import Export as Export
    from rumpy.fuse.exporter import export as export
    from rumpy.fuse.options import Options as Options

_HOMES = {
    "Export": "rumpy.fuse.exporter",
    "MountError": "rumpy.fuse.errors",
    "MountInfo": "rumpy.fuse.engine",
    "Options": "rumpy.fuse.options",
    "export": "rumpy.fuse.exporter",
    "mount": "rumpy.fuse.engine",
    "mounts": "rumpy.fuse.engine",
    "umount": "rumpy.fuse.engine",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'rumpy.fuse' has no attribute {name!r}")
    import importlib

    value: object = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOMES))
