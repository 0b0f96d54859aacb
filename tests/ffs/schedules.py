# SPDX-License-Identifier: BSD-2-Clause
"""Tasks that get in each other's way on an FFS, under many schedules.

    schedules.py [--seconds N] [--first N] [--each N] [--jobs N] [--log]

Four tasks create, rename, link, truncate and remove the same few names in two
directories.  No call may fail with an error that POSIX does not know of it, the
tree must be walkable afterwards, and the unmounted image must satisfy fsck.
"""

from __future__ import annotations

import argparse
import errno
import functools
import itertools
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import rumpy
from rumpy.block import MemoryDevice
from rumpy.ffstools import fsck, newfs
from rumpy.testing.schedules import POINTS, ScheduleReport, Task, search
from rumpy.testing.spread import campaign

#: What a call may answer when others change the tree under it.
EXPECTED = {
    errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR,
    errno.EINVAL, errno.EBUSY, errno.EPERM,
}  # fmt: skip
NAMES = ("a", "b", "d/a", "d/b", "e", "e/a")


def empty_image(size: int = 2 << 20) -> bytes:
    """A small FFS with two directories and two files."""
    disk = MemoryDevice(size)
    newfs(disk)
    with rumpy.Kernel() as k, k.mount("ffs", disk, "/mnt"):
        k.mkdir("/mnt/d", 0o755)
        for name in ("a", "d/b"):
            fd = k.open(f"/mnt/{name}", os.O_CREAT | os.O_WRONLY, 0o644)
            k.write(fd, name.encode() * 3000)
            k.close(fd)
    return disk.read(0, size)


def operations(seed: int, tasks: int = 4, calls: int = 5) -> list[Task]:
    """Calls for each task."""
    r = random.Random(seed)
    made: list[Task] = []
    for _ in range(tasks):
        todo: list[tuple[Any, ...]] = []
        for _ in range(calls):
            one, two = (f"/mnt/{r.choice(NAMES)}" for _ in range(2))
            kind = r.randrange(8)
            if kind < 3:
                todo.append(("rename", one, two))
            elif kind == 3:
                todo.append(("unlink", one))
            elif kind == 4:
                todo.append(("link", one, two))
            elif kind == 5:
                todo.append((r.choice(["mkdir", "rmdir"]), one))
            elif kind == 6:
                todo.append(("truncate", one, r.choice([0, 100, 70000])))
            else:
                todo.append(("symlink", "target" * 20, one))
        made.append(todo)
    return made


class Trial:
    """What is prepared and checked; the disk is the run's."""

    def __init__(self, image: bytes, words: Sequence[str] = ()) -> None:
        self.disk = MemoryDevice(image)
        self.words = words

    def prepare(self, k: rumpy.Kernel) -> None:
        """Mount it, with a driver that can be preempted."""
        k.load("ffs", points=POINTS)
        k.mount("ffs", self.disk, "/mnt", *self.words)

    def check(self, k: rumpy.Kernel, results: Sequence[Any]) -> None:
        """Errors are such as may be; the tree and the disk are in order."""
        for found in itertools.chain.from_iterable(results):
            if isinstance(found, OSError):
                assert found.errno in EXPECTED, found
        for top, _, files in k.walk("/mnt"):
            for name in files:
                k.lstat(f"{top}/{name}")
        k.mounts()[0].unmount()
        report = fsck(self.disk, force=True)
        assert report.clean, str(report)


def races(
    image: bytes, seed: int, seeds: Sequence[int], words: Sequence[str] = ()
) -> ScheduleReport:
    """Search schedules of the operations that a seed makes."""
    trial = Trial(image, words)
    return search(trial.prepare, operations(seed), trial.check, seeds=seeds)


def main() -> int:
    """Search until the time is up; 1 if something was found."""
    parser = argparse.ArgumentParser(description="schedules of races on an FFS")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=1, help="first set of operations")
    parser.add_argument("--each", type=int, default=100, help="schedules of each set")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--log", action="store_true", help="mount with a journal")
    args = parser.parse_args()
    image = empty_image(8 << 20 if args.log else 2 << 20)
    words = ["log"] if args.log else []
    work = functools.partial(races, image, seeds=range(1, args.each), words=words)
    total = sets = bad = 0
    for seed, report in campaign(
        work, itertools.count(args.first), seconds=args.seconds, jobs=args.jobs
    ):
        sets, total = sets + 1, total + report.runs
        if not report.ok:
            bad += 1
            print(f"operations {seed}: {report}", flush=True)
    print(f"{total} schedules of {sets} sets, {bad} with findings")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
