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

from rumpy import _looked_up

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
    "Export": "exporter",
    "MountError": "errors",
    "MountInfo": "engine",
    "Options": "options",
    "export": "exporter",
    "mount": "engine",
    "mounts": "engine",
    "umount": "engine",
}

__all__ = [*_HOMES]


__getattr__, __dir__ = _looked_up(__name__, _HOMES)
