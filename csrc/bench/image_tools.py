# SPDX-License-Identifier: BSD-2-Clause
"""newfs --populate beside makefs, and fsck of what it made.

50,000 files of 1 KiB to 1 MiB, 1 GiB in all, in 100 directories, read from a warm
page cache.  The two take turns, and each round is a pair: ratios of one pair are
comparable although the machine is busy with other things.  CPU time is the
children's.

    image_tools.py [files]
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = 50_000
TOTAL = 1 << 30
ROUNDS = 5
COMMAND = [sys.executable, "-m", "rumpy.cli"]


def make_tree(top: Path, files: int) -> None:
    """Many small files and some of up to 1 MiB, 21 KiB each in the mean."""
    rng = random.Random(1)
    blob = rng.randbytes(1 << 20)
    sizes = [1024 * 1024 ** (rng.random() ** 3.2) for _ in range(files)]
    scale = TOTAL * files / FILES / sum(sizes)
    for i, size in enumerate(sizes):
        folder = top / f"d{i % 100:03}"
        if i < 100:
            folder.mkdir(parents=True)
        n = max(1024, min(1 << 20, int(size * scale)))
        start = rng.randrange((1 << 20) - n + 1)
        (folder / f"file{i:05}").write_bytes(blob[start : start + n])


def run(command: list[str]) -> tuple[float, float, int]:
    """Seconds, CPU seconds and the peak of memory (bytes) of a command."""
    before = time.perf_counter()
    pid = os.posix_spawnp(
        command[0], command, os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )  # fmt: skip
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), command)
    elapsed = time.perf_counter() - before
    return elapsed, cpu(usage), usage.ru_maxrss * 1024


def cpu(usage: resource.struct_rusage) -> float:
    """User and system time."""
    return usage.ru_utime + usage.ru_stime


def pair(folder: Path, top: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """makefs and newfs, one after the other, on new files."""
    found = []
    geometry = ["-o", "version=2,bsize=16384,fsize=2048"]
    for command in (
        ["makefs", "-t", "ffs", *geometry, str(folder / "makefs.img"), str(top)],
        [*COMMAND, "newfs", "--populate", str(top), str(folder / "newfs.img")],
    ):
        for name in ("makefs.img", "newfs.img"):
            (folder / name).unlink(missing_ok=True)
        os.sync()
        found.append(run(command))
    return found[0], found[1]


def row(name: str, ours: float, theirs: float, unit: str) -> None:
    """One line of the table."""
    ratio = theirs / ours
    print(f"{name:34} {ours:8.2f} {unit:3} {theirs:8.2f} {unit:3} {ratio:6.2f}x")


def main() -> int:
    """Measure and print."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    if shutil.which("makefs") is None:
        print("left out: needs makefs")
        return 0
    with tempfile.TemporaryDirectory(prefix="rumpy-bench") as scratch:
        folder = Path(scratch)
        top = folder / "tree"
        make_tree(top, files)
        run(["tar", "-cf", str(folder / "warm"), str(top)])
        (folder / "warm").unlink()
        pairs = [pair(folder, top) for _ in range(ROUNDS)]
        ratio = [theirs[0] / ours[0] for theirs, ours in pairs]
        print(f"{files} files, {TOTAL * files // FILES >> 20} MiB, warm")
        print(f"{'':34} {'rumpy':>12} {'makefs':>12} {'ratio':>7}")
        for name, index in (("newfs --populate, best", 0), ("its CPU time, best", 1)):
            ours = min(p[1][index] for p in pairs)
            theirs = min(p[0][index] for p in pairs)
            row(name, ours, theirs, "s")
        print(f"{'median of the pairs':34} {statistics.median(ratio):33.2f}x")
        best = min(run([*COMMAND, "fsck", str(folder / "newfs.img")]) for _ in range(3))
        print(f"{'fsck of it':34} {best[0]:8.2f} s   {best[1]:8.2f} s CPU")
        print(f"{'its memory':34} {best[2] / 2**20:8.0f} MiB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
