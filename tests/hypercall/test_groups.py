# SPDX-License-Identifier: BSD-2-Clause
"""Each group of hypercalls replaced for one kernel, and all of them at once."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rumpy._hyp", reason="the native part is not built")

import rumpy
from rumpy.block import BlockDevice, MemoryDevice, Wrapper
from rumpy.hypercall import (
    BlockGroup,
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
        self.got: list[str] = []

    def line(self, text: str) -> None:
        self.got.append(text)


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


class Keyboard(Lines):
    """The same, with somebody who types."""

    def read(self, length: int) -> bytes:
        return b"typed"[:length]


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


def test_console_sink_gets_every_line() -> None:
    sink = Lines()
    with rumpy.Kernel(hypercalls=Hypercalls(console=sink), verbose=True) as k:
        text = k.console.text
        assert text.splitlines()
    assert sink.got[: len(text.splitlines())] == text.splitlines()


def test_console_outlives_the_kernel() -> None:
    with rumpy.Kernel(verbose=True) as k:
        console = k.console
        printed = console.text
    assert console.text.startswith(printed)
    assert console.tail(10) == console.text[-10:]
    assert console.feed(b"late") == 0


def test_console_to_a_descriptor() -> None:
    read, write = os.pipe()
    with rumpy.Kernel() as k:
        k.console.copy_to(write)
        fd = k.open("/dev/console", os.O_WRONLY)
        k.write(fd, b"to the host\n")
        k.close(fd)
        k.console.copy_to(-1)
        assert b"to the host" in os.read(read, 4096)
    os.close(read)
    os.close(write)


def test_a_full_pipe_does_not_stop_the_kernel() -> None:
    read, write = os.pipe()
    with rumpy.Kernel() as k:
        k.console.copy_to(write)
        fd = k.open("/dev/console", os.O_WRONLY)
        for _ in range(40):
            assert k.write(fd, b"x" * 4095 + b"\n") == 4096
        k.close(fd)
        k.console.copy_to(-1)
    assert len(os.read(read, 1 << 20)) <= 65536
    os.close(read)
    os.close(write)


def test_console_input() -> None:
    with rumpy.Kernel() as k:
        fd = k.open("/dev/console", os.O_RDONLY)
        assert k.read(fd, 100) == b""
        k.console.feed(b"one\ntwo")
        assert k.read(fd, 100) == b"one\n"
        k.console.end_input()
        assert k.read(fd, 100) == b"two"
        assert k.read(fd, 100) == b""


def test_console_input_from_python() -> None:
    with rumpy.Kernel(hypercalls=Hypercalls(console=Keyboard())) as k:
        fd = k.open("/dev/console", os.O_RDONLY)
        assert k.read(fd, 3) == b"typ"


def test_a_raising_sink_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)

    class Bad(ConsoleSink):
        def line(self, text: str) -> None:
            raise ValueError(text)

    with rumpy.Kernel(hypercalls=Hypercalls(console=Bad()), verbose=True):
        pass
    assert {entry.exc_type for entry in reported} == {ValueError}


def now(k: rumpy.Kernel) -> int:
    buffer = bytearray(16)
    k.sys.clock_gettime(0, buffer)
    seconds = int.from_bytes(buffer[:8], "little")
    return seconds * SECOND + int.from_bytes(buffer[8:], "little")


def test_virtual_clock_stands_still_and_moves_when_told() -> None:
    clock = VirtualClock(1_000_000_000 * SECOND)
    with rumpy.Kernel(hypercalls=Hypercalls(clock=clock)) as k:
        k.mkdir("/a")
        first = k.stat("/a").st_mtime_ns
        time.sleep(0.05)
        k.mkdir("/b")
        assert k.stat("/b").st_mtime_ns == first
        assert first // SECOND == 1_000_000_000
        clock.advance(3600.5)
        k.mkdir("/c")
        assert k.stat("/c").st_mtime_ns - first == 3600.5 * SECOND
        assert now(k) == clock.now
    with pytest.raises(ValueError, match="go back"):
        clock.advance(-1)


def test_clock_in_python() -> None:
    class Slow(Clock):
        calls = 0

        def read(self, clock: int) -> int:
            self.calls += 1
            return (500_000_000 if clock == 0 else 5) * SECOND

    clock = Slow()
    with rumpy.Kernel(hypercalls=Hypercalls(clock=clock)) as k:
        k.mkdir("/a")
        assert k.stat("/a").st_mtime_ns == 500_000_000 * SECOND
    assert clock.calls


def random_bytes(hypercalls: Hypercalls) -> bytes:
    with rumpy.Kernel(hypercalls=hypercalls) as k:
        buffer = bytearray(32)
        k.sys.getrandom(buffer, 32, 0)
        return bytes(buffer)


def test_random_groups() -> None:
    seeded = [random_bytes(Hypercalls(random=SeededRandom(7))) for _ in range(2)]
    assert seeded[0] == seeded[1] != random_bytes(Hypercalls(random=SeededRandom(8)))
    assert random_bytes(Hypercalls()) != random_bytes(Hypercalls())


def test_block_group_wraps_every_disk() -> None:
    seen: list[Any] = []

    class Watching(BlockGroup):
        def wrap(self, device: Any) -> Any:
            seen.append(device)
            return device

    with rumpy.Kernel(hypercalls=Hypercalls(block=Watching())) as k:
        k.attach(b"x" * 4096, "/dev/rd0")
        fd = k.open("/dev/rd0", os.O_RDONLY)
        assert k.read(fd, 512) == b"x" * 512
        k.close(fd)
    assert len(seen) == 1


class Refusing(MemoryDevice):
    def read(self, offset: int, length: int) -> Any:
        raise RuntimeError("the platter fell off")


def test_an_exception_of_a_device_is_raised_at_the_call() -> None:
    with rumpy.Kernel(hypercalls=Hypercalls(block=PythonBlockGroup())) as k:
        k.attach(Refusing(1 << 16), "/dev/rd0")
        fd = k.open("/dev/rrd0", os.O_RDONLY)
        with pytest.raises(RuntimeError, match="platter"):
            k.read(fd, 512)
        k.close(fd)
        k.mkdir("/still-alive")


class Interrupted(MemoryDevice):
    """Ctrl-C comes while Python code of the device runs."""

    calls = 0

    def read(self, offset: int, length: int) -> Any:
        self.calls += 1
        if self.calls == 1:
            raise KeyboardInterrupt
        return super().read(offset, length)


def test_ctrl_c_in_a_device_is_no_io_error() -> None:
    """The request is repeated, and the exception raised at the call."""
    device = Interrupted(b"d" * (1 << 16))
    with rumpy.Kernel(hypercalls=Hypercalls(block=PythonBlockGroup())) as k:
        k.attach(device, "/dev/rd0")
        fd = k.open("/dev/rrd0", os.O_RDONLY)
        with pytest.raises(KeyboardInterrupt):
            k.read(fd, 512)
        assert device.calls == 2
        assert k.pread(fd, 512, 512) == b"d" * 512
        k.close(fd)


def write_megabytes(k: rumpy.Kernel, count: int) -> None:
    """To the root, whose files are memory."""
    fd = k.open("/big", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        for _ in range(count):
            k.write(fd, bytes(1 << 20))
    finally:
        k.close(fd)


def test_memory_policy_gives_more() -> None:
    policy = Growing(8 << 20, arena_size=128 << 20)
    with rumpy.Kernel(hypercalls=Hypercalls(memory=policy)) as k:
        write_megabytes(k, 24)
        assert k.stat("/big").st_size == 24 << 20
    assert policy.asked > 0
    assert policy.limit > 24 << 20


def test_memory_policy_refuses() -> None:
    with rumpy.Kernel(memory=8 << 20) as k:
        with pytest.raises(OSError, match="No space left"):
            write_megabytes(k, 24)
        assert k.statvfs("/").f_bavail == 0
        k.mkdir("/still-alive")
        k.unlink("/big")
        write_megabytes(k, 2)


def test_too_little_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4 MiB"):
        rumpy.Kernel(memory=1 << 20)
    with pytest.raises(TypeError, match="exclude"):
        rumpy.Kernel(memory=8 << 20, hypercalls=Hypercalls())


def test_all_groups_in_python(image: Path) -> None:
    """A file system on a kernel whose every group is written in Python."""
    console, random, disks = Keyboard(), Counting(), CountingDisks()
    memory = Growing(8 << 20, arena_size=128 << 20)
    groups = Hypercalls(
        memory=memory, block=disks, console=console, clock=Ticking(), random=random
    )
    data = os.urandom(3 << 20)
    with rumpy.Kernel(hypercalls=groups, verbose=True) as k:
        with k.mount("ffs", str(image), "/mnt") as mnt:
            (mnt / "f").write_bytes(data)
            assert (mnt / "f").read_bytes() == data
            before = k.listdir("/mnt")
            for number in range(20):
                (mnt / f"file{number}").write_bytes(bytes([number]) * 10000)
            assert len(k.listdir("/mnt")) == len(before) + 20
            assert "fox" in (mnt / "a_directory/deeper/fox.txt").read_text()
            assert 2001 <= 1970 + (mnt / "f").stat().st_mtime / 31556952 < 2002
        buffer = bytearray(8)
        k.sys.getrandom(buffer, 8, 0)
        with k.mount("ffs", str(image), "/mnt", "ro") as mnt:
            assert (mnt / "f").read_bytes() == data
            for number in range(20):
                small = (mnt / f"file{number}").read_bytes()
                assert small == bytes([number]) * 10000
    assert disks.disks[0].reads > 5 and disks.disks[0].writes > 10
    assert random.asked > 0
    assert any("NetBSD" in line for line in console.got)


def test_two_kernels_share_groups() -> None:
    clock = VirtualClock()
    groups = Hypercalls(clock=clock, console=Lines())
    with rumpy.Kernel(hypercalls=groups) as one, rumpy.Kernel(hypercalls=groups) as two:
        clock.advance(100)
        for k in (one, two):
            k.mkdir("/x")
            assert k.stat("/x").st_mtime_ns == clock.now


def test_no_thread_stays_behind() -> None:
    before = threading.active_count()
    with rumpy.Kernel(hypercalls=Hypercalls(console=Lines())):
        assert threading.active_count() > before
    assert threading.active_count() == before


def test_guide(capsys: pytest.CaptureFixture[str]) -> None:
    """The example of docs/guide/hypercalls.md."""
    text = (
        Path(__file__).resolve().parents[2] / "docs/guide/hypercalls.md"
    ).read_text()
    exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0], {})
    assert capsys.readouterr().out == "3600.0\nTrue\n"


def test_a_sink_that_raises_in_a_plain_interpreter() -> None:
    """Python's own hook for such exceptions takes none but the interpreter's."""
    program = """
import rumpy
from rumpy.hypercall import ConsoleSink, Hypercalls
class Sink(ConsoleSink):
    seen = 0
    def line(self, text):
        self.seen += 1
        raise ValueError("not a sink")
sink = Sink()
with rumpy.Kernel(hypercalls=Hypercalls(console=sink), verbose=True) as k:
    k.getpid()
assert sink.seen > 2, sink.seen
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Exception ignored in hypercall console:") > 2
    assert "UnraisableHookArgs" not in done.stderr
