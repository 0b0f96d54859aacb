# SPDX-License-Identifier: BSD-2-Clause
"""Many threads, much work, flat memory: `make campaign` runs it for longer."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import pytest

import rumpy

SECONDS = float(os.environ.get("RUMPY_STRESS_SECONDS", "10"))


class Worker(threading.Thread):
    """Random file operations in a folder of its own, checked against a dict."""

    def __init__(self, k: rumpy.Kernel, base: str, seed: int, end: float) -> None:
        super().__init__()
        self.k = k
        self.base = base
        self.random = random.Random(seed)
        self.end = end
        self.files: dict[str, bytes] = {}
        self.failure: BaseException | None = None
        self.done = 0

    def run(self) -> None:
        try:
            self.k.mkdir(self.base)
            while time.monotonic() < self.end:
                self.random.choice(
                    [
                        self.write,
                        self.write,
                        self.read,
                        self.rename,
                        self.remove,
                        self.list,
                    ]
                )()
                self.done += 1
            for name, data in self.files.items():
                assert self.k.read_file(f"{self.base}/{name}") == data
        except BaseException as error:
            self.failure = error

    def name_of(self) -> str | None:
        return self.random.choice(sorted(self.files)) if self.files else None

    def write(self) -> None:
        if len(self.files) > 20:
            self.remove()
        name = f"f{self.random.randrange(40)}"
        data = self.random.randbytes(self.random.choice([0, 100, 5000, 70_000]))
        self.k.write_file(f"{self.base}/{name}", data)
        self.files[name] = data

    def read(self) -> None:
        name = self.name_of()
        if name is not None:
            assert self.k.read_file(f"{self.base}/{name}") == self.files[name]

    def rename(self) -> None:
        name = self.name_of()
        if name is not None:
            new = f"f{self.random.randrange(40)}"
            self.k.rename(f"{self.base}/{name}", f"{self.base}/{new}")
            self.files[new] = self.files.pop(name)

    def remove(self) -> None:
        name = self.name_of()
        if name is not None:
            self.k.unlink(f"{self.base}/{name}")
            del self.files[name]

    def list(self) -> None:
        assert sorted(self.k.listdir(self.base)) == sorted(self.files)


def run_workers(mount: rumpy.Mount, count: int, seconds: float) -> int:
    end = time.monotonic() + seconds
    seed = random.randrange(1 << 30)
    workers = [
        Worker(mount.kernel, f"{mount.where}/w{i}", seed + i, end) for i in range(count)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(seconds + 60)
        assert not worker.is_alive(), f"seed {seed}: a call never came back"
        if worker.failure is not None:
            raise AssertionError(f"seed {seed}") from worker.failure
    return sum(worker.done for worker in workers)


@pytest.mark.parametrize(
    "seconds", [2, pytest.param(SECONDS, id="longer", marks=pytest.mark.slow)]
)
def test_eight_threads(ffs: rumpy.Mount, seconds: float) -> None:
    assert run_workers(ffs, 8, seconds) > 50 * seconds


def resident() -> int:
    """Bytes of this process that are not files."""
    with open("/proc/self/status") as status:
        return sum(
            int(line.split()[1]) << 10
            for line in status
            if line.startswith(("RssAnon", "RssShmem"))
        )


@pytest.mark.slow
def test_memory_stays_flat(built: None, image: Path) -> None:
    with rumpy.Kernel(memory=16 << 20) as k, k.mount("ffs", str(image), "/mnt") as mnt:
        run_workers(mnt, 2, SECONDS / 4)
        for number in range(2):
            k.rename(f"/mnt/w{number}", f"/mnt/old{number}")
        before = resident()
        run_workers(mnt, 2, SECONDS)
        assert resident() - before < 8 << 20


def test_two_kernels_at_once(built: None, image: Path) -> None:
    data = image.read_bytes()
    with rumpy.Kernel() as a, rumpy.Kernel() as b:
        mounts = [k.mount("ffs", data, "/mnt") for k in (a, b)]
        results: list[int] = []
        threads = [
            threading.Thread(target=lambda m=m: results.append(run_workers(m, 2, 2)))
            for m in mounts
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        assert len(results) == 2 and all(results)
