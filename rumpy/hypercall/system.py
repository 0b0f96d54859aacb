# SPDX-License-Identifier: BSD-2-Clause
"""What a process needs once, before its first kernel: fault handlers, signals."""

from __future__ import annotations

import os
from _thread import get_native_id

from rumpy._hyp import ffi, lib
from rumpy.hypercall import exceptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["prepare_process"]

_ops: Any = None


@ffi.def_extern(  # type: ignore[untyped-decorator]
    name="python_signals", error=1, onerror=exceptions.catcher("signal handler", 1)
)
def _signals() -> int:
    """Signal handlers run where this function begins; one that raises ends it."""
    return 0


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
    if get_native_id() == os.getpid():  # the main thread, of a child of fork too
        lib.hyp_thread_is_main()
