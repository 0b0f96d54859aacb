# SPDX-License-Identifier: BSD-2-Clause
"""The random group: the host's bytes, a seeded sequence, or Python's own."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Random:
    """The host's random bytes.  A subclass that has its own fill() replaces them."""

    def fill(self, length: int) -> bytes:
        """Exactly so many bytes."""
        raise NotImplementedError("the host's bytes are made in C")

    @property
    def replaced(self) -> bool:
        """Whether fill() is to be called."""
        return type(self).fill is not Random.fill

    def start(self, lib: Any, kernel: Any) -> None:
        """Called with the `struct hyp_kernel *` before it boots."""


class SeededRandom(Random):
    """The same bytes for the same seed; for tests, not for secrets."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def start(self, lib: Any, kernel: Any) -> None:
        lib.hyp_random_seed(kernel, self.seed & ((1 << 64) - 1))

    @property
    def replaced(self) -> bool:
        return False
