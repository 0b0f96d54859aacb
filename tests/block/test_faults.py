# SPDX-License-Identifier: BSD-2-Clause
"""Devices that fail on purpose fail as they were told to, and repeatably."""

from __future__ import annotations

import time

import pytest

from rumpy.block import (
    Fault,
    FaultyDevice,
    MemoryDevice,
    PowerCut,
    PowerCutDevice,
    Recorder,
    replay,
)


def sectors(letter: str, count: int = 1) -> memoryview:
    return memoryview(letter.encode() * 512 * count)


def disk(*faults: Fault, seed: int = 0) -> FaultyDevice:
    return FaultyDevice(MemoryDevice(b"o" * 8192), faults, seed=seed)


def test_eio_after_and_times() -> None:
    device = disk(Fault("eio", "read", after=1, times=2))
    outcomes = []
    for _ in range(5):
        try:
            device.read(0, 512)
            outcomes.append(True)
        except OSError as error:
            assert error.errno == 5
            outcomes.append(False)
    assert outcomes == [True, False, False, True, True]
    device.write(0, sectors("w"))


def test_a_fault_that_nobody_knows() -> None:
    with pytest.raises(ValueError, match="write"):
        Fault("write")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="erase"):
        Fault("eio", "erase")  # type: ignore[arg-type]


def test_range() -> None:
    device = disk(Fault("eio", start=1024, end=2048))
    device.read(0, 1024)
    device.read(2048, 512)
    for offset, length in ((1024, 512), (512, 1024), (1536, 1024), (0, 8192)):
        with pytest.raises(OSError):
            device.read(offset, length)


def test_torn_write() -> None:
    device = disk(Fault("torn", times=1))
    device.write(0, sectors("t", 4))
    assert bytes(device.read(0, 2048)) == b"t" * 1024 + b"o" * 1024


def test_misdirected_write() -> None:
    device = disk(Fault("misdirected", times=2))
    device.write(0, sectors("m"))
    assert bytes(device.read(0, 1024)) == b"o" * 512 + b"m" * 512
    device.write(8192 - 512, sectors("e"))
    assert bytes(device.read(8192 - 1024, 1024)) == b"e" * 512 + b"o" * 512


def test_dropped_write_and_flush() -> None:
    below = Recorder(MemoryDevice(8192))
    device = FaultyDevice(below, [Fault("dropped", times=2)])
    device.write(0, sectors("d"))
    device.flush()
    assert below.log == []
    device.flush()
    assert [entry.operation for entry in below.log] == ["flush"]


def test_flip_changes_one_bit_and_only_what_is_read() -> None:
    device = disk(Fault("flip", times=1))
    data = bytes(device.read(0, 1024))
    difference = [a ^ b for a, b in zip(data, b"o" * 1024, strict=True)]
    assert sum(byte.bit_count() for byte in difference) == 1
    assert bytes(device.read(0, 1024)) == b"o" * 1024


def test_latency() -> None:
    device = disk(Fault("latency", seconds=0.05, times=1))
    start = time.monotonic()
    device.read(0, 512)
    assert time.monotonic() - start >= 0.05


def test_probability_is_seeded() -> None:
    def pattern(seed: int) -> list[bool]:
        device = disk(Fault("eio", "read", probability=0.5), seed=seed)
        found = []
        for _ in range(64):
            try:
                device.read(0, 512)
                found.append(True)
            except OSError:
                found.append(False)
        return found

    assert pattern(1) == pattern(1)
    assert pattern(1) != pattern(2)
    assert 16 < sum(pattern(1)) < 48


def test_recorder_epochs_and_replay() -> None:
    device = Recorder(MemoryDevice(8192))
    device.write(0, sectors("a"))
    device.flush()
    device.write(512, sectors("b"))
    device.discard(4096, 4096)
    device.flush()
    assert [(e.epoch, e.operation, e.offset) for e in device.log] == [
        (0, "write", 0), (0, "flush", 0), (1, "write", 512),
        (1, "discard", 4096), (1, "flush", 0),
    ]  # fmt: skip
    copy = MemoryDevice(8192)
    replay(copy, device.log)
    assert copy.contents() == device.lower.contents()  # type: ignore[attr-defined]


def power(writes: str) -> PowerCut:
    """Each letter writes its own sector, a comma flushes."""
    device = Recorder(MemoryDevice(8192))
    for index, letter in enumerate(writes):
        if letter == ",":
            device.flush()
        else:
            device.write(index * 512, sectors(letter))
    return PowerCut(bytes(8192), device.log)


def written(device: MemoryDevice) -> str:
    data = device.contents()
    return "".join(chr(data[at] or 46) for at in range(0, 4096, 512))


def test_power_cut_extremes() -> None:
    cut = power("ab,cd")
    assert [cut.durable(end) for end in range(6)] == [0, 0, 0, 3, 3, 3]
    assert written(cut.state(5, [])) == "ab......"
    assert written(cut.state(5)) == "ab.cd..."
    assert written(cut.state(5, [4])) == "ab..d..."
    assert written(cut.state(2, [1])) == ".b......"


def test_nothing_before_a_flush_is_ever_lost() -> None:
    cut = power("ab,cde")
    seen = {written(state) for state in cut.states(6, count=40, seed=7)}
    assert all(state.startswith("ab.") for state in seen)
    assert {"ab......", "ab.cde.."} <= seen
    assert len(seen) > 4
    again = {written(state) for state in cut.states(6, count=40, seed=7)}
    assert seen == again


def test_torn_last_write() -> None:
    device = Recorder(MemoryDevice(8192))
    device.write(0, sectors("t", 4))
    cut = PowerCut(bytes(8192), device.log)
    assert written(cut.state(1, [0], torn=3)) == "ttt....."
    assert written(cut.state(1, [0], torn=0)) == "........"


def test_overwrites_arrive_in_the_order_given() -> None:
    device = Recorder(MemoryDevice(8192))
    device.write(0, sectors("1"))
    device.write(0, sectors("2"))
    cut = PowerCut(bytes(8192), device.log)
    assert written(cut.state(2, [0, 1])) == "2......."
    assert written(cut.state(2, [1, 0])) == "1......."


def test_power_cut_device() -> None:
    device = PowerCutDevice(MemoryDevice(8192), after=2)
    device.write(0, sectors("a"))
    device.write(512, sectors("b"))
    for action in (
        lambda: device.write(1024, sectors("c")),
        device.flush,
        lambda: device.read(0, 512),
        lambda: device.discard(0, 512),
    ):
        with pytest.raises(OSError, match="power is off"):
            action()
    assert len(device.log) == 2
    other = PowerCutDevice(MemoryDevice(8192))
    other.write(0, sectors("a"))
    other.cut()
    with pytest.raises(OSError, match="power is off"):
        other.flush()
