# SPDX-License-Identifier: BSD-2-Clause
"""Snapshots: going back, again and again, by both ways of finding changes."""

from __future__ import annotations

import ctypes
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rumpy
from rumpy.block import (
    Fault,
    FaultyDevice,
    FileDevice,
    MemoryDevice,
    OverlayDevice,
    PowerCutDevice,
    Recorder,
)
from rumpy.block.protocol import Wrapper
from rumpy.hypercall import Clock, ConsoleSink, Hypercalls, SeededRandom, VirtualClock


def can_track() -> bool:
    """Whether this Linux is new enough, and lets us (a container may not)."""
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if version is None or (int(version[1]), int(version[2])) < (6, 7):
        return False
    user_mode_only, userfaultfd = 1, 323
    fd = ctypes.CDLL(None).syscall(userfaultfd, user_mode_only)
    if fd >= 0:
        os.close(fd)
    return fd >= 0


@pytest.fixture(params=["track", "compare"])
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How changed pages are found."""
    if request.param == "track" and not can_track():
        pytest.skip("no userfaultfd that protects asynchronously (Linux 6.7)")
    monkeypatch.setenv("RUMPY_SNAPSHOT", request.param)
    return str(request.param)


@pytest.fixture
def disk() -> bytes:
    return Path(rumpy.demo_image()).read_bytes()


@pytest.fixture
def k(built: None, method: str) -> Iterator[rumpy.Kernel]:
    with rumpy.Kernel() as kernel:
        yield kernel


@pytest.fixture
def mnt(k: rumpy.Kernel, disk: bytes) -> Any:
    return k.mount("ffs", disk, "/mnt")


def fifo(k: rumpy.Kernel) -> int:
    """A descriptor whose reader sleeps until somebody writes to it."""
    k.mkfifo("/fifo")
    return k.open("/fifo", os.O_RDWR)


def test_files_are_what_they_were(k: rumpy.Kernel, mnt: Any, method: str) -> None:
    (mnt / "kept").write_text("old")
    names = sorted(k.listdir("/mnt"))
    with k.snapshot() as snapshot:
        assert snapshot.tracking == (method == "track")
        for _ in range(3):
            (mnt / "kept").write_text("new" * 5000)
            (mnt / "more").write_bytes(bytes(range(256)) * 400)
            k.unlink("/mnt/numbers.txt")
            k.sync()
            k.restore(snapshot)
            assert (mnt / "kept").read_text() == "old"
            assert sorted(k.listdir("/mnt")) == names
        assert 0 < snapshot.copied < 2000
    mnt.unmount()


def test_the_disk_goes_back_too(k: rumpy.Kernel, disk: bytes) -> None:
    """After a restore and an unmount the image holds the old tree alone."""
    device = MemoryDevice(disk)
    mnt = k.mount("ffs", device, "/mnt")
    (mnt / "before").write_text("b")
    snapshot = k.snapshot()
    (mnt / "after").write_text("a" * 100000)
    mnt.unmount()
    k.restore(snapshot)
    assert mnt.mounted and not k.path("/mnt/after").exists()
    mnt.unmount()
    with rumpy.Kernel() as other, other.mount("ffs", device, "/mnt", "ro"):
        assert other.path("/mnt/before").read_text() == "b"
        assert not other.path("/mnt/after").exists()


def test_an_overlay(k: rumpy.Kernel, tmp_path: Path, disk: bytes) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(disk)
    with OverlayDevice(FileDevice(path, readonly=True)) as overlay:
        mnt = k.mount("ffs", overlay, "/mnt")
        (mnt / "one").write_text("1")
        k.sync()
        snapshot = k.snapshot()
        changed = overlay.changed
        (mnt / "two").write_bytes(bytes(300000))
        k.sync()
        assert overlay.changed > changed
        k.restore(snapshot)
        assert overlay.changed == changed
        assert (mnt / "one").read_text() == "1"
        assert not (mnt / "two").exists()
        mnt.unmount()
    assert path.read_bytes() == disk


def test_devices_that_remember(k: rumpy.Kernel, disk: bytes) -> None:
    fault = Fault("eio", "write", after=10**6)
    recorder = PowerCutDevice(FaultyDevice(MemoryDevice(disk), [fault], seed=3))
    mnt = k.mount("ffs", recorder, "/mnt")
    (mnt / "one").write_text("1")
    k.sync()
    snapshot = k.snapshot()
    entries, epoch, seen = recorder.log[:], recorder.epoch, fault._seen
    assert entries and seen
    (mnt / "two").write_text("2")
    # sync(2) need not wait for the writes.
    fd = k.open("/mnt/two", os.O_RDONLY)
    k.fsync(fd)
    k.close(fd)
    assert len(recorder.log) > len(entries) and fault._seen > seen
    recorder.cut()
    with pytest.raises(OSError, match=r"[Ii]nput/output"):
        fd = k.open("/mnt/three", os.O_CREAT | os.O_RDWR | os.O_SYNC)
        k.write(fd, b"3")
    k.restore(snapshot)
    assert (recorder.log, recorder.epoch, recorder.off) == (entries, epoch, False)
    assert fault._seen == seen
    assert (mnt / "one").exists() and not (mnt / "two").exists()
    (mnt / "two").write_text("again")
    mnt.unmount()


def test_faults_come_again_after_a_restore() -> None:
    device = FaultyDevice(
        MemoryDevice(1 << 16), [Fault("eio", "read", probability=0.5)], seed=1
    )

    def outcomes() -> list[bool]:
        found = []
        for _ in range(32):
            try:
                device.read(0, 512)
                found.append(True)
            except OSError:
                found.append(False)
        return found

    token = device.snapshot()
    first = outcomes()
    assert len(set(first)) == 2
    device.restore(token)
    assert outcomes() == first
    struck = device.faults[0].struck
    device.restore(token)
    assert device.faults[0].struck == 0 < struck


def test_a_device_below_has_to_have_snapshots(k: rumpy.Kernel, tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(1 << 16))
    with FileDevice(path) as file:
        k.attach(Recorder(file), "/dev/rd5")
        with pytest.raises(rumpy.SnapshotError, match="FileDevice has no snapshots"):
            k.snapshot()


def test_a_panic_is_undone(k: rumpy.Kernel, mnt: Any) -> None:
    (mnt / "f").write_text("alive")
    k.load("oops")
    snapshot = k.snapshot()
    for what in ("panic", "null", "panic"):
        with pytest.raises(rumpy.KernelPanic):
            k.sysctl("oops.now", what)
        with pytest.raises(rumpy.KernelPanic):
            k.stat("/mnt/f")
        k.restore(snapshot)
        assert repr(k) == "<Kernel running>"
        assert (mnt / "f").read_text() == "alive"
        (mnt / "g").write_text("on")
        k.sync()


def test_snapshots_form_a_tree(k: rumpy.Kernel, mnt: Any) -> None:
    """Ancestors, descendants and siblings can all be restored."""
    states = []
    for i in range(3):
        (mnt / f"f{i}").write_text(str(i) * 5000)
        states.append(k.snapshot())
    k.restore(states[0])
    (mnt / "sibling").write_text("s")
    states.append(k.snapshot())
    expected = [{"f0"}, {"f0", "f1"}, {"f0", "f1", "f2"}, {"f0", "sibling"}]
    known = {"f0", "f1", "f2", "sibling"}
    for i in (2, 0, 3, 1, 1, 3, 2):
        k.restore(states[i])
        assert known & set(k.listdir("/mnt")) == expected[i]
        for name in expected[i] - {"sibling"}:
            assert (mnt / name).read_text() == name[1] * 5000


def test_one_right_after_the_other(k: rumpy.Kernel, mnt: Any) -> None:
    """A snapshot of a kernel that has done nothing since it was restored."""
    for i in range(5):
        snapshot = k.snapshot()
        (mnt / f"f{i}").write_text("x")
        k.restore(snapshot)
        again = k.snapshot()
        (mnt / f"g{i}").write_text("x")
        k.restore(again)
        assert not (mnt / f"f{i}").exists() and not (mnt / f"g{i}").exists()
        (mnt / f"kept{i}").write_text("x")
    assert len([n for n in k.listdir("/mnt") if n.startswith("kept")]) == 5


def test_modules_come_and_go(k: rumpy.Kernel) -> None:
    k.load("hello")
    snapshot = k.snapshot()
    before = [module.name for module in k.modules()]
    late = k.load("ffs")
    k.unload("hello")
    k.restore(snapshot)
    assert [module.name for module in k.modules()] == before
    assert not late.loaded
    k.unload("hello")
    k.load("ffs")
    k.restore(snapshot)
    assert [module.name for module in k.modules()] == before
    snapshot.close()
    k.unload("hello")
    k.load("hello")


def test_handles_from_the_future(k: rumpy.Kernel, mnt: Any, disk: bytes) -> None:
    early = k.process(uid=7)
    kept = k.fopen("/mnt/README", "rb", buffering=0)
    snapshot = k.snapshot()
    late = k.process(uid=8)
    file = k.fopen("/mnt/README", "rb", buffering=0)
    other = k.mount("ffs", MemoryDevice(disk), "/other")
    early.close()
    k.restore(snapshot)
    assert early.getuid() == 7
    with pytest.raises(rumpy.SnapshotError, match="made after"):
        late.getuid()
    with pytest.raises(rumpy.SnapshotError, match="opened after"):
        file.read(1)
    file.close()
    with pytest.raises(rumpy.SnapshotError):
        other.path  # noqa: B018
    assert not other.mounted and k.mounts() == [mnt]
    assert len(kept.read(4)) == 4
    kept.close()
    again = k.process(uid=9)
    assert again.getuid() == 9


def test_the_kernel_goes_on_afterwards(k: rumpy.Kernel, mnt: Any) -> None:
    """Threads, sleeps that time out, and the syncer."""
    snapshot = k.snapshot()
    for _ in range(3):
        k.restore(snapshot)
        fd = fifo(k)
        got: list[bytes] = []
        thread = threading.Thread(target=lambda: got.append(k.read(fd, 10)))  # noqa: B023
        thread.start()
        time.sleep(0.01)
        k.write(fd, b"ping")
        thread.join(5)
        assert got == [b"ping"]
        with k.deadline(0.05), pytest.raises(TimeoutError):
            k.read(fd, 1)
        k.close(fd)
    (mnt / "dirty").write_text("d" * 9000)
    written = mnt.disk.statistics.writes
    end = time.monotonic() + 45
    while mnt.disk.statistics.writes == written and time.monotonic() < end:
        time.sleep(0.05)
    assert mnt.disk.statistics.writes > written


def test_calls_inside_refuse_it(k: rumpy.Kernel) -> None:
    snapshot = k.snapshot()
    fd = fifo(k)
    thread = threading.Thread(target=lambda: k.read(fd, 1))
    thread.start()
    time.sleep(0.05)
    with pytest.raises(rumpy.SnapshotError, match="inside"):
        k.snapshot()
    with pytest.raises(rumpy.SnapshotError, match="inside"):
        k.restore(snapshot)
    k.write(fd, b"x")
    thread.join(5)
    k.restore(snapshot)


def test_a_disk_that_is_written_through(k: rumpy.Kernel, tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(Path(rumpy.demo_image()).read_bytes())
    with (
        k.mount("ffs", str(path), "/mnt"),
        pytest.raises(rumpy.SnapshotError, match="overlay"),
    ):
        k.snapshot()
    with k.mount("ffs", str(path), "/mnt", "ro"):
        k.restore(k.snapshot())


def test_an_export_refuses_it(k: rumpy.Kernel, mnt: Any, tmp_path: Path) -> None:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("needs package fuse3: no /dev/fuse here")
    snapshot = k.snapshot()
    with mnt.export(str(tmp_path), in_process=True):
        with pytest.raises(rumpy.SnapshotError, match="exports"):
            k.snapshot()
        with pytest.raises(rumpy.SnapshotError, match="exports"):
            k.restore(snapshot)
    k.restore(snapshot)


def test_a_device_of_ones_own(k: rumpy.Kernel, disk: bytes) -> None:
    """A disk in Python that can go back, and one that can't any more."""

    class Own(Wrapper):
        fails = False

        def snapshot(self) -> Any:
            return self.lower.snapshot()  # type: ignore[attr-defined]

        def restore(self, token: Any) -> None:
            if self.fails:
                raise OSError(5, "lost")
            self.lower.restore(token)  # type: ignore[attr-defined]

    device = Own(MemoryDevice(disk))
    mnt = k.mount("ffs", device, "/mnt")
    snapshot = k.snapshot()
    (mnt / "new").write_bytes(bytes(100000))
    k.sync()
    k.restore(snapshot)
    assert not (mnt / "new").exists()
    device.fails = True
    with pytest.raises(OSError, match="lost"):
        k.restore(snapshot)
    with pytest.raises(rumpy.KernelPanic, match="half restored"):
        k.stat("/mnt")
    device.fails = False
    k.restore(snapshot)
    assert (mnt / "README").exists()
    mnt.unmount()


def test_python_hypercalls_need_the_methods(built: None, method: str) -> None:
    class OwnClock(Clock):
        def read(self, clock: int) -> int:
            return time.time_ns()

    class Sink(ConsoleSink):
        def line(self, text: str) -> None:
            pass

    for groups in (Hypercalls(clock=OwnClock()), Hypercalls(console=Sink())):
        with (
            rumpy.Kernel(hypercalls=groups) as k,
            pytest.raises(rumpy.SnapshotError, match="in Python"),
        ):
            k.snapshot()


def test_virtual_time_and_random_bytes_rewind(built: None, method: str) -> None:
    clock = VirtualClock()
    groups = Hypercalls(clock=clock, random=SeededRandom(5))
    with rumpy.Kernel(hypercalls=groups) as k:
        fd = k.open("/dev/urandom", os.O_RDONLY)
        snapshot = k.snapshot()
        seen = set()
        for _ in range(3):
            clock.advance(100)
            k.mkdir("/x")
            seen.add((k.stat("/x").st_mtime_ns, k.read(fd, 16), clock.now))
            k.restore(snapshot)
        assert len(seen) == 1


def test_uptime_goes_on_where_it_was(k: rumpy.Kernel) -> None:
    snapshot = k.snapshot()
    time.sleep(1.2)
    k.restore(snapshot)
    fd = k.open("/x", os.O_CREAT | os.O_WRONLY)
    k.close(fd)
    assert abs(k.stat("/x").st_mtime - time.time()) < 1


def test_two_kernels(built: None, method: str, disk: bytes) -> None:
    with rumpy.Kernel() as a, rumpy.Kernel() as b:
        one, two = a.mount("ffs", disk, "/mnt"), b.mount("ffs", disk, "/mnt")
        first = a.snapshot()
        second = b.snapshot()
        (one / "a").write_text("a")
        (two / "b").write_text("b")
        a.restore(first)
        assert not (one / "a").exists() and (two / "b").read_text() == "b"
        b.restore(second)
        assert not (two / "b").exists()
        with pytest.raises(rumpy.SnapshotError, match="another kernel"):
            a.restore(second)


def test_closed_snapshots_and_kernels(k: rumpy.Kernel) -> None:
    snapshot = k.snapshot()
    snapshot.close()
    snapshot.close()
    with pytest.raises(rumpy.SnapshotError, match="closed"):
        k.restore(snapshot)
    kept = k.snapshot()
    k.close()
    with pytest.raises(rumpy.KernelClosed):
        k.restore(kept)
    kept.close()


def test_a_child_leaves_them_alone(k: rumpy.Kernel) -> None:
    snapshot = k.snapshot()
    k.mkdir("/new")
    child = os.fork()
    if child == 0:
        try:
            k.restore(snapshot)
        except rumpy.KernelInChild:
            snapshot.close()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    k.restore(snapshot)
    assert not k.path("/new").exists()


def test_forgotten_snapshots_let_go(k: rumpy.Kernel, disk: bytes) -> None:
    mnt = k.mount("ffs", MemoryDevice(disk), "/mnt")
    snapshot = k.snapshot()
    mnt.unmount()
    del snapshot
    k.snapshot().close()
    assert k._books._live == []


def test_ten_thousand_restores(k: rumpy.Kernel, mnt: Any) -> None:
    """Neither descriptors nor memory leak, and the kernel stays whole."""
    (mnt / "f").write_text("start")
    snapshot = k.snapshot()

    def state() -> tuple[int, int]:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return len(os.listdir("/proc/self/fd")), pages

    for i in range(1000):
        (mnt / "f").write_text(f"{i}")
        k.restore(snapshot)
    fds, pages = state()
    for i in range(9000):
        if i % 9 == 0:
            (mnt / f"n{i}").write_text(f"{i}")
        k.restore(snapshot)
    assert (mnt / "f").read_text() == "start"
    after = state()
    assert after[0] == fds
    assert after[1] - pages < 512


def test_while_other_threads_call(k: rumpy.Kernel, mnt: Any) -> None:
    """A call either comes before the restore, after it, or says what happened."""
    (mnt / "f").write_text("x")
    snapshot = k.snapshot()
    stop = threading.Event()
    wrong: list[BaseException] = []

    def work() -> None:
        while not stop.is_set():
            try:
                k.stat("/mnt/f")
            except rumpy.SnapshotError:
                pass
            except BaseException as error:
                wrong.append(error)
                return

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    done = 0
    for _ in range(200):
        try:
            k.restore(snapshot)
            done += 1
        except rumpy.SnapshotError:
            pass
    stop.set()
    for thread in threads:
        thread.join(10)
    assert not wrong and done > 0
