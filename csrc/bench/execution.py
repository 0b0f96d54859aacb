# SPDX-License-Identifier: BSD-2-Clause
"""What entering and running a kernel costs, below Python: doors, switches, locks.

Figures are the best of several rounds.  What of them is the processor's own, a
reader of another machine sees by what stands beside: clock cycles (ten
multiplications, one after the other, take thirty), and two compare-and-swaps,
which every door needs (one to take the virtual CPU, one to free it).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 15
GETPPID = 39


class Bench:
    """The exectest module's loops in a kernel."""

    def __init__(self, kernel: Any) -> None:
        from rumpy._hyp import ffi, lib

        self.ffi, self.lib = ffi, lib
        self.machine = kernel._machine
        kernel.load(str(ROOT / "build/modules/exectest.kmod"))
        self.symbols = self.machine.linker.modules["exectest"].symbols
        self.memory = ffi.new("int64_t[12]")

    def door(self, address: int, argument: Any, count: int = 100_000) -> float:
        """Nanoseconds for one call through a door."""
        ns = self.ffi.new("double *")
        k = self.machine.k
        error = self.lib.hyp_bench_door(k, address, argument, count, ns)
        if error:
            raise self.machine.error(error)
        return float(ns[0])

    def null(self) -> float:
        """A door that does nothing."""
        return self.door(self.symbols["exectest_null"], self.memory)

    def syscall(self) -> float:
        """getppid(2) by the system-call door."""
        call = self.ffi.new("struct door_syscall *", {"number": GETPPID})
        return self.door(self.machine.image.symbols["kern_syscall"], call)

    def inside(self, name: str, count: int = 200_000) -> float:
        """Nanoseconds for one round of exectest_bench_NAME."""
        self.memory[0] = count
        k = self.machine.k
        address = self.symbols[f"exectest_bench_{name}"]
        error = self.lib.hyp_call(k, 0, address, self.memory)
        if error:
            raise self.machine.error(error)
        return float(self.memory[6]) / 1e3


def rows() -> list[tuple[str, str, str, str]]:
    """What, ours, budget, and the ratio to two compare-and-swaps."""
    import rumpy

    with rumpy.Kernel() as kernel:
        bench = Bench(kernel)
        loops: list[tuple[str, str, Callable[[], float]]] = [
            ("null door, from C", "25 ns", bench.null),
            ("getppid door, from C", "25 ns", bench.syscall),
            ("yield to another context", "5 ns", lambda: bench.inside("switch")),
            ("mutex enter and exit", "2 ns", lambda: bench.inside("lock")),
            ("clock by a hypercall", "", lambda: bench.inside("hypercall")),
            ("two compare-and-swaps", "", lambda: bench.inside("atomic")),
        ]
        table = []
        for what, budget, loop in loops:
            rounds = [
                (loop(), bench.inside("atomic"), bench.inside("multiply") / 30)
                for _ in range(ROUNDS)
            ]
            best = min(ours for ours, _, _ in rounds)
            swaps = statistics.median(ours / swap for ours, swap, _ in rounds)
            cycles = statistics.median(ours / cycle for ours, _, cycle in rounds)
            ratio = f"{cycles:.0f} cycles, {swaps:.2f} x 2 CAS"
            table.append((what, f"{best:.1f} ns", budget, ratio))
        return table


if __name__ == "__main__":
    import sys

    sys.path.insert(0, str(ROOT))
    for row in rows():
        print("{:<28} {:>10} {:>8}  {}".format(*row))
