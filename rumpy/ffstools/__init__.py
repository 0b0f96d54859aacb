# SPDX-License-Identifier: BSD-2-Clause
"""FFS without a kernel: make, check, repair and show file systems in images.

The work is done in C (csrc/ffstools) with the GIL released; this package opens
and locks the image, and turns what comes back into Python's objects.

    from rumpy.ffstools import newfs, fsck
    newfs("disk.img", size=64 << 20, populate="tree")
    assert fsck("disk.img").clean
"""

from __future__ import annotations

from rumpy import _looked_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.ffstools.checking import Problem as Problem
    from rumpy.ffstools.checking import Report as Report
    from rumpy.ffstools.checking import fsck as fsck
    from rumpy.ffstools.dump import Dump as Dump
    from rumpy.ffstools.dump import dumpfs as dumpfs
    from rumpy.ffstools.make import Made as Made
    from rumpy.ffstools.make import newfs as newfs

_HOMES = {
    "Dump": "dump",
    "Made": "make",
    "Problem": "checking",
    "Report": "checking",
    "dumpfs": "dump",
    "fsck": "checking",
    "newfs": "make",
}

__all__ = [*_HOMES]

__getattr__, __dir__ = _looked_up(__name__, _HOMES)
