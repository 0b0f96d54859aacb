# SPDX-License-Identifier: BSD-2-Clause
"""Each group of hypercalls replaced for one kernel, and all of them at once."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rumpy._hyp", reason="the native part is not built")

import rumpy
from rumpy.block import MemoryDevice
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
    def __init__(self) -> None:
        self.got: list[str] = []

    def line(self, text: str) -> None:
        self.got.append(text)


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
    class Keyboard(ConsoleSink):
        def read(self, length: int) -> bytes:
            return b"typed"[:length]

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
        fd = k.open("/dev/urandom", os.O_RDONLY)
        return k.read(fd, 64)


def test_random_groups() -> None:
    with rumpy.Kernel() as k:
        if not k.path("/dev/urandom").exists():
            pytest.skip("this kernel has no /dev/urandom")
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


def test_memory_policy_is_asked() -> None:
    asked: list[int] = []

    class Generous(MemoryPolicy):
        def grow(self, size: int) -> int | None:
            asked.append(size)
            self.limit += max(size, 4 << 20)
            return self.limit

    policy = Generous(8 << 20, arena_size=128 << 20)
    with rumpy.Kernel(hypercalls=Hypercalls(memory=policy)) as k:
        fd = k.open("/big", os.O_CREAT | os.O_RDWR, 0o644)
        data = bytes(1 << 20)
        for _ in range(24):
            try:
                k.write(fd, data)
            except OSError:
                break
        k.close(fd)
    # Files of the root are memory, so either it grew or said no in good order.
    assert all(size > 0 for size in asked)


def test_everything_in_python(image: Path) -> None:
    """A file system on a kernel whose every group is written in Python."""

    class Dice(Random):
        def fill(self, length: int) -> bytes:
            return bytes(length)

    class Now(Clock):
        def read(self, clock: int) -> int:
            return time.time_ns() if clock == 0 else time.monotonic_ns()

    class Keyboard(Lines):
        def read(self, length: int) -> bytes:
            return b""

    groups = Hypercalls(
        memory=type("Policy", (MemoryPolicy,), {"grow": lambda self, size: None})(),
        block=PythonBlockGroup(),
        console=Keyboard(),
        clock=Now(),
        random=Dice(),
    )
    with rumpy.Kernel(hypercalls=groups, verbose=True) as k:
        k.load("ffs")
        with k.mount("ffs", str(image), "/mnt") as mnt:
            before = k.listdir("/mnt")
            assert before
            for number in range(20):
                (mnt / f"file{number}").write_bytes(bytes([number]) * 10000)
            assert len(k.listdir("/mnt")) == len(before) + 20
        with k.mount("ffs", str(image), "/mnt") as mnt:
            for number in range(20):
                data = (mnt / f"file{number}").read_bytes()
                assert data == bytes([number]) * 10000
    assert groups.console.got  # type: ignore[attr-defined]


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
