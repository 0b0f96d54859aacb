# SPDX-License-Identifier: BSD-2-Clause
"""Places below 2 GiB.

Each kernel has a slot, counted down from 0x7e000000, so that runs and worker
processes compare.  The slot's addresses are reserved (no memory, and never over
somebody's mapping); images take pages of it from the top.  Where somebody else
sits there (a JIT, or the heap of an interpreter that is not position
independent, which lies low and grows up), the top of the largest gap is taken
instead.
"""

from __future__ import annotations

import _thread

from rumpy.errors import LinkError
from rumpy.linker.layout import align_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from typing import Final

PAGE: Final = 4096
TOP: Final = 0x7E000000
LIMIT: Final = 0x80000000
SLOT_SIZE: Final = 16 << 20
SLOTS: Final = 64


def floor(path: str | os.PathLike[str] = "/proc/sys/vm/mmap_min_addr") -> int:
    """The lowest address to use: max(mmap_min_addr, 1 MiB)."""
    try:
        with open(path) as file:
            return max(int(file.read()), 1 << 20)
    except (OSError, ValueError):
        return 1 << 20


def gaps(maps: str, low: int, high: int) -> list[tuple[int, int]]:
    """Unmapped ranges [start, end) of [low, high), from /proc/self/maps' text.

    A gap above a heap or a stack loses half of itself: both grow.
    """
    found = []
    at = low
    for line in maps.splitlines():
        span, *rest = line.split()
        start, end = (int(part, 16) for part in span.split("-"))
        if start > at and at < high:
            found.append((at, min(start, high)))
        at = max(at, end)
        if rest and rest[-1] == "[heap]" and end < high:
            at = align_up(end + (high - end) // 2, PAGE)
    if at < high:
        found.append((at, high))
    return [(start, end) for start, end in found if end > start]


class Slots:
    """Gives out slot numbers, lowest first; one of these per process."""

    def __init__(self, count: int = SLOTS) -> None:
        self._lock = _thread.allocate_lock()
        self._free = list(range(count))

    def take(self) -> int | None:
        """The lowest free slot, or None when all are taken."""
        with self._lock:
            return self._free.pop(0) if self._free else None

    def give(self, slot: int) -> None:
        """Return a slot."""
        with self._lock:
            self._free.append(slot)
            self._free.sort()


def slot_range(slot: int) -> tuple[int, int]:
    """The addresses [start, end) of a slot."""
    end = TOP - slot * SLOT_SIZE
    return end - SLOT_SIZE, end


def candidates(size: int, align: int, ranges: list[tuple[int, int]]) -> Iterator[int]:
    """Addresses for size bytes, from the top of each range, without overlap."""
    for start, end in ranges:
        address = (end - size) & -align
        while address >= start:
            yield address
            address = (address - max(size, PAGE)) & -align


def largest_gaps(size: int) -> list[tuple[int, int]]:
    """The gaps below 2 GiB that hold size bytes, the largest first."""
    with open("/proc/self/maps") as file:
        maps = file.read()
    found = [g for g in gaps(maps, floor(), LIMIT) if g[1] - g[0] >= size]
    return sorted(found, key=lambda g: g[0] - g[1])


def place(
    size: int,
    align: int,
    preferred: tuple[int, int] | None,
    attempt: Callable[[int], bool],
) -> int:
    """Find a place and take it.

    Args:
        size, align: bytes; align is a power of two.
        preferred: the range to try first, from its top.
        attempt: maps at the address; False says that something is there.

    Returns:
        The address that attempt() accepted.

    Raises:
        LinkError: there is no room below 2 GiB.
    """
    size = align_up(size, PAGE)
    align = max(align, PAGE)
    if preferred is not None:
        for address in candidates(size, align, [preferred]):
            if attempt(address):
                return address
    # A gap may vanish between the look and the attempt, so a few are tried.
    for tries, address in enumerate(candidates(size, align, largest_gaps(size))):
        if attempt(address):
            return address
        if tries == 64:
            break
    raise LinkError(f"no room for {size} bytes below 2 GiB")


class FreeList:
    """Allocation of ranges inside one window: as high as possible.

    Attributes:
        base, size: the window, bytes.
    """

    def __init__(self, base: int, size: int) -> None:
        self.base = base
        self.size = size
        self._free = [(base, base + size)]

    def take(self, size: int, align: int) -> int:
        """Address of size bytes, or LinkError when the window is full."""
        for i, (start, end) in reversed(list(enumerate(self._free))):
            address = (end - size) & -align
            if address >= start:
                rest = [(start, address), (address + size, end)]
                self._free[i : i + 1] = [r for r in rest if r[0] < r[1]]
                return address
        raise LinkError(
            f"no {size} bytes left of the {self.size} the kernel has here below 2 GiB"
        )

    def give(self, address: int, size: int) -> None:
        """Return a range taken before; neighbours grow together."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted([*self._free, (address, address + size)]):
            if merged and merged[-1][1] == start:
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
        self._free = merged

    @property
    def free(self) -> int:
        """Bytes left."""
        return sum(end - start for start, end in self._free)
