# SPDX-License-Identifier: BSD-2-Clause
"""The page cache under a real file system: contents, limits, slow disks."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rumpy.block import Device, MemoryDevice, OverlayDevice

if TYPE_CHECKING:
    import rumpy

MIB = 1 << 20


@pytest.fixture
def blank(tmp_path: Path, need: object) -> Path:
    """An empty FFSv2 of 384 MiB; sparse on the host."""
    import subprocess

    (tmp_path / "tree").mkdir()
    out = tmp_path / "blank.img"
    subprocess.run(
        [
            need("makefs"),  # type: ignore[operator]
            *("-t", "ffs", "-B", "le", "-s", "384m"),
            *("-o", "version=2,bsize=16384,fsize=2048"),
            str(out),
            str(tmp_path / "tree"),
        ],
        check=True,
        capture_output=True,
    )
    return out


class Slow(Device):
    """A disk in memory whose requests are made in Python, one by one."""

    sector_size = 512

    def __init__(self, contents: bytes) -> None:
        self.data = bytearray(contents)
        self.sector_count = len(contents) // 512
        self.reads: list[tuple[int, int]] = []
        self.failing = False

    def read(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        return bytes(self.data[offset : offset + length])

    def write(self, offset: int, data: memoryview) -> None:
        if self.failing:
            raise OSError(5, "the disk is broken")
        self.data[offset : offset + len(data)] = data


@contextlib.contextmanager
def mounted(device: object, **settings: int) -> Iterator[rumpy.Kernel]:
    """A kernel with an FFS on /mnt."""
    from rumpy import Kernel

    with Kernel(**settings) as k, k.mount("ffs", device, "/mnt"):
        yield k


def pattern(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


class Model:
    """A file, and what should be in it."""

    def __init__(self, kernel: rumpy.Kernel, path: str, seed: int) -> None:
        self.path = path
        self.random = random.Random(seed)
        self.data = bytearray()
        self.reopen(kernel)

    def reopen(self, kernel: rumpy.Kernel) -> None:
        self.kernel = kernel
        self.fd = kernel.open(self.path, os.O_RDWR | os.O_CREAT)
        self.direct = kernel.open(self.path, os.O_RDONLY | os.O_DIRECT)

    def close(self) -> None:
        self.kernel.close(self.fd)
        self.kernel.close(self.direct)

    def position(self) -> int:
        top = max(len(self.data), 1) + 50_000
        at = self.random.randrange(top)
        return at & ~self.random.choice((0, 0, 511, 4095, 16383))

    def size(self) -> int:
        return self.random.choice((1, 100, 4096, 16384, 70_000, 200_000, 131_072))

    def write(self) -> None:
        at, data = self.position(), self.random.randbytes(self.size())
        assert self.kernel.pwrite(self.fd, data, at) == len(data)
        if at > len(self.data):
            self.data.extend(bytes(at - len(self.data)))
        self.data[at : at + len(data)] = data

    def read(self) -> None:
        at, size = self.position(), self.size()
        fd = self.random.choice((self.fd, self.direct))
        assert self.kernel.pread(fd, size, at) == self.data[at : at + size]

    def truncate(self) -> None:
        size = self.random.randrange(len(self.data) + 100_000)
        self.kernel.ftruncate(self.fd, size)
        self.data = self.data[:size] + bytes(max(0, size - len(self.data)))

    def sync(self) -> None:
        self.kernel.fsync(self.fd)

    def step(self) -> None:
        self.random.choice(
            [self.write] * 6 + [self.read] * 8 + [self.truncate, self.sync]
        )()

    def check(self) -> None:
        assert self.kernel.fstat(self.fd).st_size == len(self.data)
        assert self.kernel.pread(self.fd, len(self.data) + 1, 0) == self.data


@pytest.mark.parametrize("memory", [16 * MIB, 64 * MIB])
def test_files_hold_what_was_written(blank: Path, memory: int) -> None:
    image = MemoryDevice(blank.read_bytes())
    with mounted(image, memory=memory) as k:
        files = [Model(k, f"/mnt/f{i}", i) for i in range(4)]
        for _ in range(250):
            for file in files:
                file.step()
        for file in files:
            file.check()
            file.close()
    with mounted(image, memory=memory) as k:
        for file in files:  # nothing is cached now
            file.reopen(k)
            for _ in range(30):
                file.read()
                file.step()
            file.check()
            file.close()


def test_a_small_kernel_moves_a_large_file(blank: Path) -> None:
    """256 MiB through a kernel of 64 MiB, which stays that small."""
    piece = pattern(1, MIB)
    with mounted(str(blank), memory=64 * MIB) as k:
        fd = k.open("/mnt/large", os.O_RDWR | os.O_CREAT)
        for i in range(256):
            k.pwrite(fd, piece[i:] + piece[:i], i * MIB)
        assert k.memory <= 80 * MIB
        for i in range(256):
            assert k.pread(fd, MIB, i * MIB) == piece[i:] + piece[:i]
        assert k.memory <= 80 * MIB
        k.close(fd)


def test_idle_memory_goes_back_to_the_host(blank: Path) -> None:
    with mounted(str(blank), memory=128 * MIB) as k:
        before = k.memory
        fd = k.open("/mnt/large", os.O_RDWR | os.O_CREAT)
        for i in range(64):
            k.pwrite(fd, bytes(MIB), i * MIB)
        k.close(fd)
        assert k.memory > before + 40 * MIB
        k.unlink("/mnt/large")
        deadline = time.monotonic() + 20
        while k.memory > before + 8 * MIB and time.monotonic() < deadline:
            time.sleep(0.1)
        assert k.memory <= before + 8 * MIB


def test_a_disk_in_python(blank: Path) -> None:
    """Requests that complete later: the same contents, and read-ahead."""
    with blank.open("rb") as file:
        slow = Slow(file.read(48 * MIB).ljust(384 * MIB, b"\0"))
    data = pattern(2, 5 * MIB + 12345)
    with mounted(slow) as k:
        fd = k.open("/mnt/file", os.O_RDWR | os.O_CREAT)
        assert k.write(fd, data) == len(data)
        k.fsync(fd)
        assert k.pread(fd, len(data), 0) == data
        k.close(fd)
    with mounted(slow) as k:
        fd = k.open("/mnt/file", os.O_RDONLY)
        slow.reads.clear()
        for at in range(0, MIB, 65536):
            assert k.pread(fd, 65536, at) == data[at : at + 65536]
        time.sleep(0.2)
        blocks = sum(size for _, size in slow.reads if size >= 16384)
        assert blocks > MIB + 65536, "nothing was read ahead"
        assert k.pread(fd, len(data), 0) == data
        k.close(fd)


def test_a_write_error_is_told_by_fsync(blank: Path) -> None:
    with blank.open("rb") as file:
        slow = Slow(file.read(48 * MIB).ljust(384 * MIB, b"\0"))
    with mounted(slow) as k:
        fd = k.open("/mnt/file", os.O_RDWR | os.O_CREAT)
        k.fsync(fd)
        k.write(fd, pattern(3, 300_000))
        slow.failing = True
        with pytest.raises(OSError, match="Input/output error"):
            k.fsync(fd)
        assert k.pread(fd, 300_000, 0) == pattern(3, 300_000)
        slow.failing = False
        k.fsync(fd)  # what could not be written is still there
        k.close(fd)
    with mounted(slow) as k:
        fd = k.open("/mnt/file", os.O_RDONLY)
        assert k.pread(fd, 300_000, 0) == pattern(3, 300_000)
        k.close(fd)


class Late(Slow):
    """A disk that takes its time to say that a small write failed."""

    def __init__(self, contents: bytes) -> None:
        super().__init__(contents)
        self.small_may_end = threading.Event()

    def write(self, offset: int, data: memoryview) -> None:
        if self.failing and len(data) <= 16384:
            assert self.small_may_end.wait(10)
            raise OSError(5, "the disk was broken")
        super().write(offset, data)


def test_fsync_tells_of_its_own_writes(blank: Path) -> None:
    """The indirect block, which the first fsync left behind, fails in the second.

    That one tries it again before it says anything.
    """
    with blank.open("rb") as file:
        late = Late(file.read(48 * MIB).ljust(384 * MIB, b"\0"))
    with mounted(late) as k:
        fd = k.open("/mnt/file", os.O_RDWR | os.O_CREAT)
        k.fsync(fd)
        k.write(fd, pattern(3, 300_000))
        late.failing = True
        with pytest.raises(OSError, match="Input/output error"):
            k.fsync(fd)
        late.failing = False
        threading.Timer(0.1, late.small_may_end.set).start()
        k.fsync(fd)
        k.close(fd)


def test_fsync_after_the_syncer(tmp_path: Path) -> None:
    """What the syncer has taken from an inode's hands is fsync's to write."""
    import rumpy
    from rumpy.hypercall import Hypercalls, VirtualClock

    disk = MemoryDevice(Path(rumpy.demo_image(tmp_path / "image")).read_bytes())
    clock = VirtualClock()
    with (
        rumpy.Kernel(hypercalls=Hypercalls(clock=clock)) as k,
        k.mount("ffs", disk, "/mnt"),
    ):
        fd = k.open("/mnt/file", os.O_RDWR | os.O_CREAT)
        for second in range(1, 33):  # the syncer comes in one of them
            k.write(fd, b"x" * 100)
            clock.advance(1)
            time.sleep(0.005)  # for the kernel's own thread
            k.fsync(fd)
            now = OverlayDevice(disk)
            with rumpy.Kernel() as k2, k2.mount("ffs", now, "/mnt", "force"):
                assert k2.read_file("/mnt/file") == b"x" * 100 * second
        k.close(fd)


def test_unwritten_parts_read_as_zeroes(blank: Path) -> None:
    with mounted(str(blank)) as k:
        fd = k.open("/mnt/holes", os.O_RDWR | os.O_CREAT)
        k.pwrite(fd, b"end", 3 * MIB)
        assert k.pread(fd, 4 * MIB, 0) == bytes(3 * MIB) + b"end"
        k.pwrite(fd, b"middle", MIB + 5000)
        k.fsync(fd)
        expected = bytearray(3 * MIB + 3)
        expected[-3:] = b"end"
        expected[MIB + 5000 : MIB + 5006] = b"middle"
        assert k.pread(fd, 4 * MIB, 0) == expected
        assert k.fstat(fd).st_blocks * 512 < MIB
        k.ftruncate(fd, MIB + 5003)
        k.ftruncate(fd, 2 * MIB)
        assert k.pread(fd, 2 * MIB, MIB + 4999) == b"\0mid" + bytes(MIB - 5003)
        k.close(fd)


def test_memory_that_comes_and_goes_does_not_hasten_the_syncer(blank: Path) -> None:
    """Dirty data wait for their half minute, however often a cache empties."""
    import mmap

    marker = b"not due yet: " + pattern(7, 32)
    with open(blank, "r+b") as file, mmap.mmap(file.fileno(), 4 * MIB) as disk:
        with mounted(blank) as k:
            goes = k.path("/mnt/goes")
            k.path("/mnt/waits").write_bytes(marker)
            for _ in range(100):
                goes.write_bytes(bytes(1 << 16))
                goes.unlink()
                time.sleep(0.001)
            assert disk.find(marker) == -1
        assert disk.find(marker) != -1
