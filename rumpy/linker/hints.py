# SPDX-License-Identifier: BSD-2-Clause
"""What would cure an object that doesn't link: mostly a compiler flag."""

from __future__ import annotations

from rumpy.linker import elf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

COMMON = "compile with -fno-common"
NO_PIC = "compile with -fno-pic -fno-pie -mcmodel=kernel"
NO_TLS = "thread-local storage does not exist in the kernel"
CODE_MODEL = "compile with -mcmodel=kernel -fno-pic"
NO_PG = "compile without -pg"

_EXACT = {
    "__stack_chk_fail": "compile with -fno-stack-protector",
    "__stack_chk_fail_local": "compile with -fno-stack-protector",
    "__stack_chk_guard": "compile with -fno-stack-protector",
    "_GLOBAL_OFFSET_TABLE_": NO_PIC,
    "__tls_get_addr": NO_TLS,
    "mcount": NO_PG,
    "_mcount": NO_PG,
    "__mcount": NO_PG,
    "__fentry__": NO_PG,
    "__cyg_profile_func_enter": "compile without -finstrument-functions",
    "__cyg_profile_func_exit": "compile without -finstrument-functions",
    "__gxx_personality_v0": "C++ with exceptions can't run in the kernel",
    "__morestack": "compile without -fsplit-stack",
}

_PREFIX = {
    "__asan_": "compile without -fsanitize=address; Kernel(debug=True) checks memory",
    "__ubsan_": "of -fsanitize=undefined this check is not supported",
    "__tsan_": "compile without -fsanitize=thread",
    "__msan_": "compile without -fsanitize=memory",
    "__sanitizer_cov_": "compile with -fsanitize-coverage=trace-pc,trace-cmp",
    "__gcov_": "compile without --coverage",
    "llvm_gcda_": "compile without --coverage",
    "llvm_gcov_": "compile without --coverage",
    "_Unwind_": "compile with -fno-exceptions",
    "hyp_": "hypercalls are the kernel's own; a module calls the kernel",
}


def for_symbol(name: str) -> str | None:
    """The cure for one undefined symbol, or None if there is no known one."""
    if name in _EXACT:
        return _EXACT[name]
    if name.startswith("__") and name.endswith("_chk"):
        return "compile with -U_FORTIFY_SOURCE"
    for prefix, hint in _PREFIX.items():
        if name.startswith(prefix):
            return hint
    return None


def for_symbols(names: Iterable[str]) -> str | None:
    """All different cures of several undefined symbols in one text."""
    hints = dict.fromkeys(hint for name in names if (hint := for_symbol(name)))
    return "; ".join(hints) or None


def for_relocation(number: int) -> str | None:
    """The cure for a relocation type that the kernel's code model has no use for."""
    if number in elf.GOT_RELOCATIONS:
        return NO_PIC
    if number in elf.TLS_RELOCATIONS:
        return NO_TLS
    return None
