# SPDX-License-Identifier: BSD-2-Clause
"""The system group, and what the process needs once: signals, modctl(2).

Modules that the kernel itself wants (modctl, or a file system type nobody
loaded) are linked by the Kernel object that C's cookie leads to.
"""

from __future__ import annotations

import threading

from rumpy._hyp import ffi, lib
from rumpy.hypercall import exceptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["prepare_process"]

_EIO = 5
_ops: Any = None


@ffi.def_extern(  # type: ignore[untyped-decorator]
    name="python_signals", error=1, onerror=exceptions.catcher("signal handler", 1)
)
def _signals() -> int:
    """Signal handlers run where this function begins; one that raises ends it."""
    return 0


@ffi.def_extern(  # type: ignore[untyped-decorator]
    name="python_module_link",
    error=_EIO,
    onerror=exceptions.catcher("module_link", _EIO),
)
def _module_link(cookie: Any, image: Any, size: int, name: Any, module: Any) -> int:
    """Link a module for the kernel; a NetBSD errno."""
    kernel = ffi.from_handle(cookie).kernel()
    data = None if image == ffi.NULL else bytes(ffi.buffer(image, size))
    text = ffi.string(name).decode("utf-8", "replace")
    return int(kernel._link_for_kernel(data, text, module))


@ffi.def_extern(  # type: ignore[untyped-decorator]
    name="python_module_unlink",
    error=_EIO,
    onerror=exceptions.catcher("module_unlink", _EIO),
)
def _module_unlink(cookie: Any, module: Any) -> int:
    """Unmap a module for the kernel; a NetBSD errno."""
    kernel = ffi.from_handle(cookie).kernel()
    return int(kernel._unlink_for_kernel(module))


def prepare_process() -> None:
    """Install fault handlers and Python's functions; cheap when done again.

    Raises:
        OSError: the host refuses.
    """
    global _ops
    if _ops is None:
        ops = ffi.new("struct hyp_python *")
        ops.signals = lib.python_signals
        _ops = ops
    error = lib.hyp_process_init(_ops)
    if error:
        from rumpy.abi.errno import oserror

        raise oserror(error)
    if threading.current_thread() is threading.main_thread():
        lib.hyp_thread_is_main()
