# SPDX-License-Identifier: BSD-2-Clause
"""FFS without a kernel: make, check, repair and show file systems in images.

The work is done in C (csrc/ffstools) with the GIL released; this package opens
and locks the image, and turns what comes back into Python's objects.

    from rumpy.ffstools import newfs, fsck
    newfs("disk.img", size=64 << 20, populate="tree")
    assert fsck("disk.img").clean
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.ffstools.checking import Problem, Report, fsck
    from rumpy.ffstools.dump import Dump, dumpfs
    from rumpy.ffstools.make import Made, newfs

__all__ = ["Dump", "Made", "Problem", "Report", "dumpfs", "fsck", "newfs"]

_WHERE = {
    "Dump": "dump",
    "Made": "make",
    "Problem": "checking",
    "Report": "checking",
    "dumpfs": "dump",
    "fsck": "checking",
    "newfs": "make",
}


def __getattr__(name: str) -> object:
    """Import a part when it is asked for."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"rumpy.ffstools.{_WHERE[name]}"), name)
