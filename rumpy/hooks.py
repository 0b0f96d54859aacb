# SPDX-License-Identifier: BSD-2-Clause
"""Hooks on the kernel functions that a module calls: count them, make one fail.

    module = k.load("mine.kmod", hooks=["kmem_alloc", "bread"])
    module.hooks["bread"].fail(3, result=errno.EIO)

A hook is a few instructions between the module and the function, put there when
the module is linked; other callers of the function don't see it.
"""

from __future__ import annotations

from rumpy._hyp import ffi
from rumpy.abi.errno import to_kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Hook", "make_hooks"]

_FAR = (1 << 63) - 1
_COUNTDOWN, _FUNCTION, _RESULT = range(3)


class Hook:
    """The calls a module makes of one function.

    Attributes:
        name: the function.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        # A HOOK_SLOT, see rumpy.linker.stubs; it lives as long as the module.
        self._slot = ffi.new("uint64_t[3]")
        self._armed = self._before = 0
        self.pass_all()

    @property
    def calls(self) -> int:
        """How many calls there were."""
        left = int(self._slot[_COUNTDOWN])
        return self._before + ((self._armed - left) & ((1 << 64) - 1))

    def fail(self, nth: int = 1, *, result: int = 0, error: int | None = None) -> None:
        """Make a call to come fail: it returns at once, and does nothing.

        Args:
            nth: 1 for the next call; those before and after it are let through.
            result: what it returns: 0 is NULL of a function that allocates.
            error: a host errno, returned as NetBSD's, for functions that answer
                with one.

        Raises:
            ValueError: nth is not positive.
        """
        if nth < 1:
            raise ValueError(f"call number {nth}: they count from 1")
        value = result if error is None else to_kernel(error)
        self._slot[_RESULT] = value & ((1 << 64) - 1)
        self._count_down(nth)

    def pass_all(self) -> None:
        """Let all calls through that are to come."""
        self._count_down(_FAR)

    def _count_down(self, calls: int) -> None:
        self._before = self.calls if self._armed else 0
        self._armed = calls
        self._slot[_COUNTDOWN] = calls

    @property
    def address(self) -> int:
        """Where the linker finds the slot."""
        return int(ffi.cast("uintptr_t", self._slot))

    def lead_to(self, function: int) -> None:
        """The function that calls go on to."""
        self._slot[_FUNCTION] = function

    def __repr__(self) -> str:
        return f"<Hook {self.name}: {self.calls} calls>"


def make_hooks(names: Iterable[str]) -> Mapping[str, Hook]:
    """A hook for each name."""
    return {name: Hook(name) for name in names}
