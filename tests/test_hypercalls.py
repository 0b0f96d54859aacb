# SPDX-License-Identifier: BSD-2-Clause
"""A file system that runs on hypercalls which are all written in Python."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

import rumpy
from rumpy.block import BlockDevice, Wrapper
from rumpy.hypercall import (
    Clock,
    ConsoleSink,
    Hypercalls,
    MemoryPolicy,
    PythonBlockGroup,
    Random,
    SeededRandom,
    VirtualClock,
)

SECOND = 1_000_000_000


class Lines(ConsoleSink):
    """A console that keeps its lines."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def line(self, text: str) -> None:
        self.seen.append(text)


class Counting(Random):
    """Random bytes that are not."""

    def __init__(self) -> None:
        self.asked = 0

    def fill(self, length: int) -> bytes:
        self.asked += length
        return bytes(i & 0xFF for i in range(length))


class Ticking(Clock):
    """A clock that stands in 2001, and goes on by a millisecond when asked."""

    def __init__(self) -> None:
        self.steps = itertools.count()

    def read(self, clock: int) -> int:
        step = next(self.steps) * 1_000_000
        return step if clock == 1 else SECOND * 1_000_000_000 + step


class Growing(MemoryPolicy):
    """Starts small, and gives what is asked for."""

    asked = 0

    def grow(self, size: int) -> int | None:
        self.asked += 1
        self.limit += max(size, 1 << 20)
        return self.limit


class Counted(Wrapper):
    """Counts the transfers of the disk below."""

    def __init__(self, lower: BlockDevice) -> None:
        super().__init__(lower)
        self.reads = self.writes = 0

    def read(self, offset: int, length: int) -> bytes | bytearray | memoryview:
        self.reads += 1
        return super().read(offset, length)

    def write(self, offset: int, data: memoryview) -> None:
        self.writes += 1
        super().write(offset, data)


class CountingDisks(PythonBlockGroup):
    """Puts a counter before each disk."""

    def __init__(self) -> None:
        self.disks: list[Counted] = []

    def wrap(self, device: BlockDevice) -> BlockDevice:
        self.disks.append(Counted(device))
        return self.disks[-1]


def test_all_groups_in_python(built: None, image: Path) -> None:
    console, random, disks, memory = (
        Lines(),
        Counting(),
        CountingDisks(),
        Growing(8 << 20),
    )
    groups = Hypercalls(
        memory=memory, block=disks, console=console, clock=Ticking(), random=random
    )
    data = os.urandom(3 << 20)
    with rumpy.Kernel(hypercalls=groups, verbose=True) as k:
        with k.mount("ffs", str(image), "/mnt") as mnt:
            (mnt / "f").write_bytes(data)
            assert (mnt / "f").read_bytes() == data
            assert "fox" in (mnt / "a_directory/deeper/fox.txt").read_text()
            assert 2001 <= 1970 + (mnt / "f").stat().st_mtime / 31556952 < 2002
        buffer = bytearray(8)
        k.sys.getrandom(buffer, 8, 0)
        with k.mount("ffs", str(image), "/mnt", "ro") as mnt:
            assert (mnt / "f").read_bytes() == data
    assert disks.disks[0].reads > 5 and disks.disks[0].writes > 10
    assert random.asked > 0
    assert any("NetBSD" in line for line in console.seen)


def test_virtual_time(built: None) -> None:
    clock = VirtualClock(wall=1_000_000_000 * SECOND)
    with rumpy.Kernel(hypercalls=Hypercalls(clock=clock)) as k:
        first = now(k)
        assert first // SECOND == 1_000_000_000
        clock.advance(3600)
        assert now(k) - first == 3600 * SECOND


def now(k: rumpy.Kernel) -> int:
    buffer = bytearray(16)
    k.sys.clock_gettime(0, buffer)
    seconds = int.from_bytes(buffer[:8], "little")
    return seconds * SECOND + int.from_bytes(buffer[8:], "little")


def test_seeded_random(built: None) -> None:
    seen = []
    for seed in (7, 7, 8):
        with rumpy.Kernel(hypercalls=Hypercalls(random=SeededRandom(seed))) as k:
            buffer = bytearray(32)
            k.sys.getrandom(buffer, 32, 0)
            seen.append(bytes(buffer))
    assert seen[0] == seen[1] != seen[2]


def test_too_little_memory_is_refused(built: None) -> None:
    with pytest.raises(ValueError, match="at least 4 MiB"):
        rumpy.Kernel(memory=1 << 20)
    with pytest.raises(TypeError, match="exclude"):
        rumpy.Kernel(memory=8 << 20, hypercalls=Hypercalls())
