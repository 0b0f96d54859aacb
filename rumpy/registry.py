# SPDX-License-Identifier: BSD-2-Clause
"""All kernels of this process: closed at exit, and warned about when forgotten.

A finalizer may run anywhere, even inside the kernel it is about; so it only
puts what it found on a list, which the next boot and the exit work off.
"""

from __future__ import annotations

import atexit
import os
from _weakref import ref  # weakref itself takes a millisecond

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.kernel import Kernel

_alive: dict[int, ref[Kernel]] = {}  # by id(), in the order of booting
_orphans: list[Kernel] = []
_registered = False


class Link:
    """A way from C's cookie to the Kernel that does not keep it alive."""

    def __init__(self, kernel: Kernel) -> None:
        self._reference = ref(kernel)

    def kernel(self) -> Kernel | None:
        """The Kernel, while there is one."""
        return self._reference()


def add(kernel: Kernel) -> None:
    """A kernel has booted."""
    global _registered
    key = id(kernel)
    _alive[key] = ref(kernel, lambda gone: _drop(key, gone))
    if not _registered:
        atexit.register(_close_all)
        _registered = True


def remove(kernel: Kernel) -> None:
    """A kernel is being closed."""
    _alive.pop(id(kernel), None)


def _drop(key: int, gone: object) -> None:
    """A kernel object has been freed; a later one may have its id() already."""
    if _alive.get(key) is gone:
        del _alive[key]


def orphan(kernel: Kernel) -> None:
    """Nobody holds this kernel any more, and nobody closed it."""
    import warnings

    _orphans.append(kernel)
    warnings.warn(f"unclosed {kernel!r}", ResourceWarning, stacklevel=3)


def bury_orphans() -> None:
    """Close the kernels that were forgotten."""
    while _orphans:
        kernel = _orphans.pop()
        if kernel._machine.pid == os.getpid():
            _close(kernel)


def _close_all() -> None:
    """At exit: unmount and close everything, newest first as far as known."""
    bury_orphans()
    for reference in reversed(list(_alive.values())):
        kernel = reference()
        if kernel is not None and kernel._machine.pid == os.getpid():
            _close(kernel)


def _close(kernel: Kernel) -> None:
    import sys

    try:
        kernel.shutdown()
    except Exception as error:
        print(f"rumpy: closing {kernel!r}: {error}", file=sys.stderr)
