# SPDX-License-Identifier: BSD-2-Clause
"""Two kernels on two threads of one process, as a multiple of one on one thread.

Beside them what does not depend on rumpy: sha256 without the GIL shows what the
processors give, the host's os.pread what CPython's threads do.  A round measures
each alone and both together; the figure is the median of the rounds.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 9
MIB = 1 << 20

Work = Callable[[], object]
Pair = tuple[Work, Work]


def seconds(works: Pair | tuple[Work]) -> float:
    """How long all of them take, each on a thread of its own."""
    barrier = threading.Barrier(len(works) + 1)
    ends: list[float] = []

    def run(work: Work) -> None:
        barrier.wait()
        work()
        ends.append(time.perf_counter())

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    barrier.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return max(ends) - start


def scale(pair: Pair) -> float:
    """Work done together in the time of one, median of the rounds."""
    for work in pair:
        work()
    ratios = []
    for _ in range(ROUNDS):
        alone = sum(seconds((work,)) for work in pair)
        ratios.append(alone / seconds(pair))
    return statistics.median(ratios)


def repeat(count: int, call: Work) -> Work:
    """That many calls."""

    def work() -> None:
        for _ in range(count):
            call()

    return work


def doors(kernel: Any) -> Work:
    """Doors from C: no Python inside."""
    from execution import Bench

    bench = Bench(kernel)
    null = bench.symbols["exectest_null"]
    return lambda: bench.door(null, bench.memory, 1_000_000)


def reads(kernel: Any, size: int, count: int) -> Work:
    """k.pread of a cached file."""
    fd = kernel.open("/mnt/file", os.O_RDONLY)
    return repeat(count, lambda: kernel.pread(fd, size, 0))


def host_reads(size: int, count: int) -> Work:
    """os.pread of a file in memory."""
    fd = os.memfd_create("threads")
    os.write(fd, os.urandom(MIB))
    return repeat(count, lambda: os.pread(fd, size, 0))


def walk(kernel: Any) -> Work:
    """k.walk of 20 directories of 50 files."""
    for number in range(20):
        kernel.makedirs(f"/mnt/tree/d{number}", exist_ok=True)
        for name in range(50):
            kernel.write_file(f"/mnt/tree/d{number}/f{name}", b"x")
    return repeat(20, lambda: [top for top, _, _ in kernel.walk("/mnt/tree")])


def rows() -> list[tuple[str, str, str, str]]:
    """What, the multiple, the budget or peer."""
    import rumpy

    digest = os.urandom(MIB)
    peers = [("sha256 of 1 MiB", repeat(50, lambda: hashlib.sha256(digest).digest()))]
    peers += [(f"os.pread, {n >> 10} KiB", host_reads(n, c)) for n, c in SIZES]
    table = []
    with ExitStack() as stack:
        kernels = [stack.enter_context(rumpy.Kernel()) for _ in range(2)]
        for k in kernels:
            k.mount("ffs", rumpy.demo_image(), "/mnt")
            k.write_file("/mnt/file", os.urandom(MIB))
        loops: list[tuple[str, Callable[[Any], Work], str]] = [
            ("null doors from C", doors, "1.8"),
            ("k.pread, 1024 KiB", lambda k: reads(k, *SIZES[0]), "1.8"),
            ("k.read_file, 1024 KiB",
             lambda k: repeat(400, lambda: k.read_file("/mnt/file")), "1.8"),
            ("k.pread, 64 KiB", lambda k: reads(k, *SIZES[1]), ""),
            ("k.pread, 4 KiB", lambda k: reads(k, *SIZES[2]), ""),
            ("k.walk", walk, ""),
        ]  # fmt: skip
        for what, loop, budget in loops:
            pair = (loop(kernels[0]), loop(kernels[1]))
            table.append((f"2 threads: {what}", f"{scale(pair):.2f}x", budget, ""))
    for what, work in peers:
        table.append((f"2 threads: {what}", "", f"host {scale((work, work)):.2f}x", ""))
    return table


#: Bytes and calls in a loop.
SIZES = ((MIB, 500), (65536, 8000), (4096, 20000))


if __name__ == "__main__":
    import sys

    sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
    for row in rows():
        print("{:<36} {:>10} {:>12}  {}".format(*row))
