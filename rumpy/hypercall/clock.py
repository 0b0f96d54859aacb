# SPDX-License-Identifier: BSD-2-Clause
"""The clock group: the host's clocks, a virtual one, or one written in Python."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

REALTIME: Final = 0
MONOTONIC: Final = 1
SECOND: Final = 1_000_000_000


class Clock:
    """The host's clocks.  A subclass that has its own read() replaces them.

    Python's clock is asked at each tick and wherever the kernel may sleep;
    elsewhere the kernel sees the time of the last tick.
    """

    def read(self, clock: int) -> int:
        """Nanoseconds of REALTIME (since 1970) or MONOTONIC (since boot)."""
        raise NotImplementedError("the host's clocks are read in C")

    @property
    def replaced(self) -> bool:
        """Whether read() is to be called."""
        return type(self).read is not Clock.read

    def start(self, lib: Any, kernel: Any) -> None:
        """Called with the `struct hyp_kernel *` before it boots."""


class VirtualClock(Clock):
    """Time that passes only when advance() is called.

    Args:
        wall: nanoseconds since 1970 at the start.
        monotonic: nanoseconds since boot at the start.
    """

    def __init__(
        self, wall: int = 1_700_000_000 * SECOND, *, monotonic: int = 0
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._kernels: list[tuple[Any, Any]] = []

    def start(self, lib: Any, kernel: Any) -> None:
        lib.hyp_clock_virtual(kernel, self._wall, self._monotonic)
        self._kernels.append((lib, kernel))

    def stop(self, kernel: Any) -> None:
        """A kernel is gone."""
        self._kernels = [pair for pair in self._kernels if pair[1] != kernel]

    def advance(self, seconds: float) -> None:
        """Let time pass in every kernel that uses this clock."""
        self.pass_ns(round(seconds * SECOND))

    def pass_ns(self, step: int) -> None:
        """advance() by whole nanoseconds."""
        if step < 0:
            raise ValueError("time does not go back")
        self._wall += step
        self._monotonic += step
        for lib, kernel in self._kernels:
            lib.hyp_clock_advance(kernel, step)

    def snapshot(self) -> tuple[int, int]:
        """The time, for a snapshot of the kernel."""
        return self._wall, self._monotonic

    def restore(self, token: tuple[int, int]) -> None:
        """Go back; the kernel's own part is in its memory."""
        self._wall, self._monotonic = token

    @property
    def now(self) -> int:
        """Nanoseconds since 1970."""
        return self._wall

    @property
    def replaced(self) -> bool:
        return False
