# SPDX-License-Identifier: BSD-2-Clause
"""Where instrumented modules went.

    with rumpy.Kernel() as k:
        k.load("build/instrumented/modules/ffs.kmod")
        coverage = k.coverage()
        k.mount("ffs", disk, "/mnt")
        for place in coverage.lines():
            print(*place)

A module is instrumented by gcc's or clang's -fsanitize-coverage=trace-pc; with
trace-cmp what it compares is known as well.  An edge is a pair of basic blocks
that ran after each other in one context of the kernel.  Of modules that were
built without, there are no edges.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rumpy._hyp import ffi, lib
from rumpy.errors import RumpyError

if TYPE_CHECKING:
    from rumpy.errors import Frame
    from rumpy.kernel import Kernel

#: struct cover_compare of csrc/include/rumpy/doors.h.
_COMPARE = struct.Struct("<QQII")

__all__ = ["Comparison", "Coverage", "Edge"]


@dataclass(frozen=True, slots=True)
class Edge:
    """Two basic blocks that ran after each other.

    Attributes:
        source: address in the first; 0 where the module was entered.
        target: address in the second.
    """

    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values that were compared and were not equal.

    Attributes:
        left: the constant, if one of them is.
        right: the other.
        size: bytes of each.
    """

    left: int
    right: int
    size: int


class Coverage:
    """What the instrumented modules of one kernel reached; see Kernel.coverage().

    Counting begins at once.  Taking a snapshot afterwards keeps it switched on;
    going back to one changes nothing of what was counted.

    Args:
        kernel: whose.
        edges: how many there is room for.
        comparisons: how many of each run are kept.

    Raises:
        RumpyError: somebody counts already.
    """

    def __init__(
        self, kernel: Kernel, *, edges: int = 40_000, comparisons: int = 0
    ) -> None:
        self.kernel = kernel
        slots = 1 << (max(edges, 64) * 4 // 3).bit_length()
        self._door = ffi.new("struct door_cover *")
        self._edges = ffi.new("struct cover_edge[]", slots)
        self._used = ffi.new("uint32_t[]", slots)
        self._compares = ffi.new("struct cover_compare[]", max(comparisons, 1))
        self._comparisons = comparisons
        door = self._door
        door.slots, door.edges, door.used = slots, self._edges, self._used
        door.compares = self._compares
        self._frames: dict[int, Frame] = {}
        self._call(lib.COVER_ATTACH)
        # Snapshots know the address: it has to last as long as the kernel.
        kernel._machine.kept.append(self)
        self.begin()

    def _call(self, operation: int) -> None:
        self._door.op = operation
        if self.kernel._machine.call("cover", self._door):
            raise RumpyError("the kernel's coverage is counted by somebody already")

    def begin(self, *, comparisons: bool = False) -> None:
        """Forget what was reached, for a new run; but not what was judged."""
        self._door.room = self._comparisons if comparisons else 0
        self._call(lib.COVER_BEGIN)

    def enter(self) -> None:
        """What comes is no continuation of what was: the next edge has no source."""
        self._door.last = 0

    def judge(self) -> tuple[int, int]:
        """How many edges are new, and how many were never taken so often.

        They are not new any more afterwards.  How often they were is looked at
        in classes: once, twice, three times, up to 7, 15, 127, and more.
        """
        self._call(lib.COVER_JUDGE)
        return int(self._door.fresh), int(self._door.oftener)

    def fresh(self) -> list[int]:
        """What judge() has just found to be new, for reached()."""
        table, run = self._edges, self._door.run
        used = self._used[0 : self._door.nused]
        return [int(i) for i in used if table[i].first == run]

    def reached(self, edges: list[int]) -> bool:
        """Whether this run has reached all of these as well."""
        table, run = self._edges, self._door.run
        return all(table[i].run == run for i in edges)

    def close(self) -> None:
        """Count no more."""
        self._call(lib.COVER_DETACH)

    @property
    def known(self) -> int:
        """How many different edges were ever reached."""
        return int(self._door.total)

    @property
    def lost(self) -> int:
        """How often there was no room for an edge."""
        return int(self._door.lost)

    def edges(self, *, everything: bool = False) -> dict[Edge, int]:
        """Edges of this run and how often they were taken.

        Args:
            everything: those of all runs; then the numbers are those of the
                last run in which they were.
        """
        return {
            Edge(int(e.source), int(e.target)): int(e.count)
            for e in self._entries(everything)
        }

    def _entries(self, everything: bool) -> Iterator[Any]:
        table = self._edges
        if everything:
            return (table[i] for i in range(len(table)) if table[i].target)
        return (table[i] for i in self._used[0 : self._door.nused])

    def lines(self, *, everything: bool = False) -> list[tuple[str, int]]:
        """Files and lines that were reached, sorted; as edges()."""
        frames = (self.frame(edge.target) for edge in self.edges(everything=everything))
        return sorted({(f.file, f.line) for f in frames if f.file and f.line})

    def frame(self, address: int) -> Frame:
        """Module, function, file and line of an edge's end."""
        frame = self._frames.get(address)
        if frame is None:
            frame = self.kernel._machine.frame(address, caller=True)
            self._frames[address] = frame
        return frame

    def comparisons(self) -> list[Comparison]:
        """What was compared in a run begun with begin(comparisons=True)."""
        size = self._door.ncompares * _COMPARE.size
        raw = ffi.buffer(self._compares)[:size]
        found = {(n, a, b) for a, b, _, n in _COMPARE.iter_unpack(raw)}
        return [Comparison(left, right, n) for n, left, right in sorted(found)]

    def __repr__(self) -> str:
        return f"<Coverage of {self.kernel!r}: {self.known} edges>"
