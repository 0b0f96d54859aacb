# SPDX-License-Identifier: BSD-2-Clause
# Made by csrc/tables.py from hypercalls.tbl; do not edit.

"""The hypercalls a kernel may need: name -> (group, class)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

VERSION: Final = 1

HYPERCALLS: Final[dict[str, tuple[str, str]]] = {
    "hyp_mem_protect": ("memory", "held"),
    "hyp_mem_discard": ("memory", "held"),
    "hyp_mem_populate": ("memory", "held"),
    "hyp_mem_grow": ("memory", "released"),
    "hyp_block_submit": ("block", "held"),
    "hyp_console_write": ("console", "held"),
    "hyp_console_read": ("console", "released"),
    "hyp_clock_read": ("clock", "held"),
    "hyp_random": ("random", "held"),
    "hyp_park": ("cpu", "cpu"),
    "hyp_yield": ("cpu", "cpu"),
    "hyp_unpark": ("cpu", "held"),
    "hyp_arm": ("cpu", "held"),
    "hyp_drain": ("cpu", "held"),
    "hyp_cpu_start": ("cpu", "held"),
    "hyp_halt": ("system", "final"),
    "hyp_panic": ("system", "final"),
    "hyp_module_link": ("system", "released"),
    "hyp_module_unlink": ("system", "released"),
    "hyp_export_reply": ("export", "held"),
}
