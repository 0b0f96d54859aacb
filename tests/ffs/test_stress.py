# SPDX-License-Identifier: BSD-2-Clause
"""Several threads in one kernel, each with its own files and its own model."""

from __future__ import annotations

import errno
import os
import random
import threading
import time
from pathlib import Path

import pytest

from rumpy import Kernel, Process

from . import images
from .conftest import Driver
from .ffscheck import check

SECONDS = float(os.environ.get("RUMPY_STRESS_SECONDS", "10")) / 4


class Worker(threading.Thread):
    """Random operations on files below one directory, checked by a dict."""

    def __init__(self, process: Process, top: str, seed: int, end: float) -> None:
        super().__init__()
        self.p = process
        self.top = top
        self.rng = random.Random(seed)
        self.end = end
        self.files: dict[str, bytes] = {}
        self.count = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self.p.mkdir(self.top)
            while time.monotonic() < self.end:
                self.count += 1
                try:
                    self.step()
                except OSError as e:
                    if e.errno != errno.ENOSPC:
                        raise
                    for name in list(self.files):
                        self.p.unlink(name)
                        del self.files[name]
        except BaseException as e:
            self.failure = e

    def step(self) -> None:
        """One operation."""
        what = self.rng.random()
        if what < 0.35 or not self.files:
            self.write(f"{self.top}/{self.count}", 0, create=True)
            return
        name = self.rng.choice(list(self.files))
        if what < 0.6:
            assert self.read(name) == self.files[name], name
        elif what < 0.75:
            self.write(name, self.rng.randrange(len(self.files[name]) + 20_000))
        elif what < 0.85:
            new = f"{self.top}/r{self.count}"
            self.p.rename(name, new)
            self.files[new] = self.files.pop(name)
        elif what < 0.88:
            self.p.sync()
        else:
            self.p.unlink(name)
            del self.files[name]

    def write(self, name: str, offset: int, *, create: bool = False) -> None:
        """Write random bytes, into the file and into the model."""
        flags = os.O_RDWR | (os.O_CREAT if create else 0)
        data = self.rng.randbytes(self.rng.choice([10, 3000, 20_000, 100_000]))
        old = self.files.setdefault(name, b"")
        fd = self.p.open(name, flags, 0o644)
        try:
            done = 0
            while done < len(data):
                done += self.p.pwrite(fd, data[done:], offset + done)
            if self.rng.random() < 0.1:
                self.p.fsync(fd)
        finally:
            self.p.close(fd)
        new = bytearray(old.ljust(offset, b"\0"))
        new[offset : offset + len(data)] = data
        self.files[name] = bytes(new)

    def read(self, name: str) -> bytes:
        """All of a file."""
        fd = self.p.open(name, os.O_RDONLY)
        try:
            out = bytearray()
            while part := self.p.read(fd, 1 << 16):
                out += part
            return bytes(out)
        finally:
            self.p.close(fd)


@pytest.mark.slow
@pytest.mark.journaled
@pytest.mark.parametrize(
    ("name", "memory", "options"),
    [
        ("nb-ffs2le-8k", 64, ()),
        ("nb-ffs1le-64k", 16, ()),
        ("nb-ffs2be-16k", 64, ("sync",)),
    ],
)
def test_threads(
    built: None,
    driver: Driver,
    tmp_path: Path,
    name: str,
    memory: int,
    options: tuple[str, ...],
) -> None:
    image = images.copy(name, tmp_path)
    with Kernel(memory=memory << 20) as k:
        k.load(driver.module)
        with k.mount("ffs", str(image), "/mnt", *driver.options(*options)):
            end = time.monotonic() + SECONDS
            workers = [Worker(k.process(), f"/mnt/t{i}", i, end) for i in range(4)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            assert [w.failure for w in workers] == [None] * 4
            for worker in workers:
                for path, data in worker.files.items():
                    assert worker.read(path) == data
    assert check(image.read_bytes()).problems == []
