# SPDX-License-Identifier: BSD-2-Clause
"""How long a call may sleep: deadlines of a thread, and cancelling another's."""

from __future__ import annotations

import time

from rumpy._hyp import lib

__all__ = ["Deadline", "expired"]


class Deadline:
    """Within the block, calls of this thread that sleep raise TimeoutError in time.

    It ends sleeps that NetBSD lets a signal end: FIFOs, locks, poll, devices.
    A transfer of a disk is not one of them.  Of nested deadlines the nearest
    counts.

    Args:
        seconds: from the start of the block on.
    """

    def __init__(self, seconds: float) -> None:
        self._ns = int(seconds * 1e9)
        self._outer = 0

    def __enter__(self) -> Deadline:
        until = max(time.monotonic_ns() + self._ns, 1)
        self._outer = int(lib.hyp_thread_limit(until))
        if 0 < self._outer < until:
            lib.hyp_thread_limit(self._outer)
        return self

    def __exit__(self, *exception: object) -> None:
        lib.hyp_thread_limit(self._outer)


def expired() -> bool:
    """Whether this thread's deadline, if it has one, has passed."""
    until = int(lib.hyp_thread_limit(0))
    lib.hyp_thread_limit(until)
    return 0 < until <= time.monotonic_ns()
