# SPDX-License-Identifier: BSD-2-Clause
"""Random file operations for as long as one likes, with memory that stays flat.

    python tests/accept/soak.py --minutes 60

One kernel in this process is called by two threads; an image is mounted, and a
directory on it and one of the host get the same operations.  Every result is
compared.  Every minute a line says how much was done and how much memory this
process and the server hold.  The exit code is 1 where anything differed, memory
grew, or the image was not consistent afterwards.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE.parent / "fuse")]

from ffs.ffscheck import check  # noqa: E402
from test_fuse_model import Twin, contents  # noqa: E402
from test_stress import Worker  # noqa: E402

import rumpy  # noqa: E402
from rumpy.fuse import mount, umount  # noqa: E402

#: Bytes that memory may grow by after the first tenth of the time.
SLACK = 8 << 20
ROUND = 3000


def resident(pid: int | str) -> int:
    """Bytes of a process that are not files."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return sum(
            int(line.split()[1]) << 10
            for line in status
            if line.startswith(("RssAnon", "RssShmem"))
        )


class Mounted:
    """The mount and its twin; every ROUND steps they begin anew."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.image, self.where = folder / "disk.img", folder / "mnt"
        self.model = folder / "model"
        self.where.mkdir()
        (folder / "empty").mkdir()
        makefs = shutil.which("makefs", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if makefs is None:
            sys.exit("needs package makefs")
        options = "version=1,bsize=16384,fsize=2048,density=4096"
        line = [makefs, "-t", "ffs", "-s", "256m", "-o", options]
        line += [str(self.image), str(folder / "empty")]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
        self.server = mount(None, self.image, self.where, "memory=32M").pid
        self.random = random.Random(seed)
        self.steps = 0

    def round(self, end: float) -> None:
        """Up to ROUND operations, and a comparison of the trees."""
        for top in (self.where / "t", self.model):
            shutil.rmtree(top, ignore_errors=True)
            top.mkdir()
        twin = Twin(self.where / "t", self.model, self.random.randrange(1 << 30))
        for _ in range(ROUND):
            twin.step()
            self.steps += 1
            del twin.log[:-30]
            if time.monotonic() > end:
                break
        twin.close_all()
        assert contents(self.where / "t") == contents(self.model)

    def finish(self) -> None:
        """Unmount, and look at the image as a stranger."""
        umount(self.where)
        problems = check(self.image.read_bytes()).problems
        assert problems == [], problems


class Report(threading.Thread):
    """A line each period; remembers where memory stood."""

    def __init__(self, mounted: Mounted, workers: list[Worker], seconds: float) -> None:
        super().__init__(daemon=True)
        self.mounted, self.workers = mounted, workers
        self.seconds, self.stop = seconds, threading.Event()
        self.samples: list[tuple[int, int]] = []

    def run(self) -> None:
        start = time.monotonic()
        while not self.stop.wait(self.seconds / 20):
            own, server = resident("self"), resident(self.mounted.server)
            self.samples.append((own, server))
            print(
                f"{time.monotonic() - start:7.0f} s"
                f"  calls {sum(w.done for w in self.workers):>10}"
                f"  mount {self.mounted.steps:>9}"
                f"  here {own / 1e6:7.2f} MB  server {server / 1e6:7.2f} MB",
                flush=True,
            )

    def growth(self) -> tuple[int, int]:
        """How much the highest sample is above the early ones."""
        early, late = self.samples[:3], self.samples[3:] or self.samples
        own = max(s[0] for s in late) - max(s[0] for s in early)
        return own, max(s[1] for s in late) - max(s[1] for s in early)


def soak(seconds: float, seed: int) -> bool:
    """Run; whether all was well."""
    end = time.monotonic() + seconds
    with (
        tempfile.TemporaryDirectory(prefix="rumpy-soak-") as name,
        rumpy.Kernel(memory=32 << 20) as k,
        k.mount("ffs", rumpy.demo_image(os.path.join(name, "demo.img")), "/mnt"),
    ):
        mounted = Mounted(Path(name), seed)
        workers = [Worker(k, f"/mnt/w{i}", seed + i, end) for i in range(2)]
        report = Report(mounted, workers, seconds)
        for worker in workers:
            worker.start()
        report.start()
        try:
            while time.monotonic() < end:
                mounted.round(end)
        finally:
            report.stop.set()
            for worker in workers:
                worker.end = 0
                worker.join(60)
            mounted.finish()
        for worker in workers:
            if worker.failure is not None:
                raise worker.failure
    own, server = report.growth()
    print(f"grew by {own / 1e6:.2f} MB here and {server / 1e6:.2f} MB in the server")
    return max(own, server) < SLACK


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.minutes:g} minutes", flush=True)
    return 0 if soak(arguments.minutes * 60, arguments.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
