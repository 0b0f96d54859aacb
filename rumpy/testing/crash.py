# SPDX-License-Identifier: BSD-2-Clause
"""What a power cut may leave of a file system, tried state by state.

    from rumpy.testing import explore

    def work(fs):
        fd = fs.open("f", os.O_CREAT | os.O_WRONLY)
        fs.write(fd, b"important")
        fs.fsync(fd)
        fs.promise("f")
        fs.close(fd)

    report = explore("ffs.img", work, options=["log"])
    assert report.ok, report

The workload runs on a disk that remembers every write.  Then the power is cut
after each of them: what was flushed is there, of the rest any part may be, in
any order.  Every such disk is mounted by a second kernel, read whole, compared
with what the workload was promised, written to, unmounted, and given to a
checker.  That kernel goes back to a snapshot in between, so a state costs little
more than its mount.
"""

from __future__ import annotations

import os
import pickle
import stat
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from rumpy.block import MemoryDevice, PowerCut, Recorder
from rumpy.testing.onkernel import KernelTree
from rumpy.testing.spread import campaign, pieces

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from rumpy.kernel import Kernel

__all__ = ["CrashReport", "CrashTree", "Failure", "Promise", "explore"]

MOUNTPOINT = "/mnt"
_PIECE = 1 << 20
#: Cuts for one process at a time: enough to make up for its second kernel.
_CUTS = 16

#: Given the disk's contents after recovery: what is wrong with them.
Checker = Callable[[bytes], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it is or has to be: its type, and contents or target."""

    kind: int
    contents: bytes

    def __str__(self) -> str:
        text = f"{len(self.contents)} bytes"
        if len(self.contents) <= 40:
            text = repr(self.contents)
        return f"{_KINDS.get(self.kind, 'a special file')} ({text})"


_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symbolic link",
}


@dataclass(slots=True)
class Promise:
    """What has to be at a path after a power cut.

    Attributes:
        path: relative to the mount.
        allowed: what may be there; None among them: nothing.
        first, last: the promise holds for cuts after so many entries of the log;
            last is None while nobody has taken it back.
    """

    path: str
    allowed: tuple[Found | None, ...]
    first: int
    last: int | None = None

    def holds(self, end: int) -> bool:
        """Whether it binds a cut after so many entries."""
        return self.first <= end and (self.last is None or end < self.last)


@dataclass(frozen=True, slots=True)
class Failure:
    """A state that was not recovered as it should.

    Attributes:
        end: the power failed after so many entries of the log.
        state: which of that cut's states, in the order of PowerCut.states.
        problem: what was wrong.
    """

    end: int
    state: int
    problem: str

    def __str__(self) -> str:
        return f"cut after {self.end} writes, state {self.state}: {self.problem}"


@dataclass(slots=True)
class CrashReport:
    """What exploring found.

    Attributes:
        writes: how many writes, discards and flushes the workload caused.
        states: how many disks were recovered.
        failures: those that were not as they should be, the first of each cut.
    """

    writes: int
    states: int = 0
    failures: list[Failure] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Some state was tried, and all were recovered."""
        return self.states > 0 and not self.failures

    def __str__(self) -> str:
        head = f"{self.states} states of {self.writes} writes"
        failures = [f"{len(self.failures)} failures", *map(str, self.failures)]
        return "\n  ".join([head, *failures]) if self.failures else f"{head}: all good"


class CrashTree(KernelTree):
    """The tree that a workload changes; see FileSystem for its calls."""

    def __init__(self, kernel: Kernel, recorder: Recorder) -> None:
        super().__init__(kernel, MOUNTPOINT)
        self._recorder = recorder
        self.promises: list[Promise] = []

    def promise(self, path: str, *others: bytes | None) -> None:
        """From now on a cut has to leave at `path` what is there now.

        Takes the place of an earlier promise for the path.

        Args:
            path: a file, directory or symbolic link; it may be missing.
            others: contents that would do as well; None: that it is missing.
        """
        self.withdraw(path)
        now = look(self, path)
        kind = stat.S_IFREG if now is None else now.kind
        more = (None if data is None else Found(kind, data) for data in others)
        at = len(self._recorder.log)
        self.promises.append(Promise(path, (now, *more), at))

    def withdraw(self, path: str) -> None:
        """The path is about to change: nothing is promised any more."""
        for promise in self.promises:
            if promise.path == path and promise.last is None:
                # A write that is under way may belong to what comes now.
                promise.last = len(self._recorder.log) + 1


def look(fs: KernelTree, path: str) -> Found | None:
    """What is at a path; None: nothing."""
    try:
        status = fs.lstat(path)
    except FileNotFoundError:
        return None
    kind = stat.S_IFMT(status.mode)
    if kind == stat.S_IFLNK:
        return Found(kind, os.fsencode(fs.readlink(path)))
    if kind != stat.S_IFREG:
        return Found(kind, b"")
    return Found(kind, b"".join(_pieces(fs, path)))


def _pieces(fs: KernelTree, path: str) -> Iterator[bytes]:
    fd = fs.open(path, os.O_RDONLY)
    try:
        while piece := fs.read(fd, _PIECE):
            yield piece
    finally:
        fs.close(fd)


def _read_all(fs: KernelTree, path: str = ".") -> None:
    """Every name, attribute and byte below a directory."""
    for name in fs.listdir(path):
        child = name if path == "." else f"{path}/{name}"
        status = fs.lstat(child)
        if stat.S_ISDIR(status.mode):
            _read_all(fs, child)
        elif stat.S_ISREG(status.mode):
            for _ in _pieces(fs, child):
                pass
        elif stat.S_ISLNK(status.mode):
            fs.readlink(child)


@dataclass(slots=True)
class _Recovery:
    """The second kernel, which goes back after each state."""

    kernel: Kernel
    driver: str
    options: tuple[str, ...]
    repair: Callable[[MemoryDevice], object] | None
    check: Checker | None

    def problems(
        self, device: MemoryDevice, promises: Iterable[Promise]
    ) -> Iterator[str]:
        """What is wrong with a state; the device holds the recovered disk then."""
        if self.repair is not None:
            self.repair(device)
        with self.kernel.mount(self.driver, device, MOUNTPOINT, *self.options):
            fs = KernelTree(self.kernel, MOUNTPOINT)
            _read_all(fs)
            for promise in promises:
                found = look(fs, promise.path)
                if found not in promise.allowed:
                    wanted = " or ".join(
                        "nothing" if one is None else str(one)
                        for one in promise.allowed
                    )
                    there = "nothing" if found is None else str(found)
                    yield f"{promise.path} was promised to be {wanted}, is {there}"
            _use(fs)
            fs.end()
        if self.check is not None:
            yield from self.check(device.contents())


def _use(fs: KernelTree) -> None:
    """The recovered file system takes changes, unless it is full or read-only."""
    name = ".rumpy-crash"
    fs.mkdir(name, 0o700)
    fd = fs.open(f"{name}/file", os.O_CREAT | os.O_WRONLY, 0o600)
    fs.write(fd, b"x" * 5000)
    fs.close(fd)
    fs.unlink(f"{name}/file")
    fs.rmdir(name)


def explore(
    image: str | os.PathLike[str] | bytes,
    workload: Callable[[CrashTree], object],
    *,
    driver: str = "ffs",
    options: Iterable[str] = (),
    repair: Callable[[MemoryDevice], object] | None = None,
    check: Checker | None = None,
    states: int = 4,
    every: int = 1,
    seed: int = 0,
    only: tuple[int, int] | None = None,
    kernel: Callable[[], Kernel] | None = None,
    executor: Executor | None = None,
    jobs: int | None = None,
) -> CrashReport:
    """Run a workload, cut the power after each write, and recover every state.

    Args:
        image: the file system before, a path or the contents; not changed.
        workload: makes the changes; what it says by CrashTree.promise() is
            looked for.  It runs once.
        driver, options: as Kernel.mount() takes them; for both kernels.
        repair: run on each state before it is mounted, such as a fsck.
        check: told the contents after recovery; what it answers is a failure.
        states: at most so many for each cut: nothing of what was not flushed,
            all of it, and random parts in random order.
        every: cut after each so many-th write only.
        seed: which random parts.
        only: (end, state) of a Failure, to see that one again.
        kernel: boots one; default rumpy.Kernel().
        executor, jobs: recover on other processes or machines, as campaign() has
            it; the workload runs here all the same.  Default: in this thread.

    Returns:
        The report; at most one failure for each cut.

    Raises:
        OSError, RumpyError: the workload itself failed.
        TypeError: repair, check or kernel can't be sent to another process.
    """
    from rumpy.kernel import Kernel

    boot = kernel or Kernel
    base = image if isinstance(image, bytes) else _contents(image)
    words = tuple(options)
    log, promises = _record(boot, base, workload, driver, words)
    report = CrashReport(len(log))
    task = _Task(driver, words, repair, check, kernel, states, seed)
    if only is not None:
        one = task.recover(base, log, promises, only[:1], only[1])
        report.states, report.failures = one
        return report
    ends = range(0, len(log) + 1, max(every, 1))
    if executor is None and jobs is None:
        report.states, report.failures = task.recover(base, log, promises, ends)
        return report
    # Disks are mostly zeros, and are sent with every piece.
    packed = zlib.compress(pickle.dumps((base, log, promises)), 1)
    work = partial(_recover_packed, task, packed)
    for _, (count, failures) in campaign(
        work, pieces(ends, _CUTS), executor=executor, jobs=jobs
    ):
        report.states += count
        report.failures += failures
    report.failures.sort(key=lambda failure: failure.end)
    return report


@dataclass(frozen=True, slots=True)
class _Task:
    """How to recover; see explore()."""

    driver: str
    options: tuple[str, ...]
    repair: Callable[[MemoryDevice], object] | None
    check: Checker | None
    kernel: Callable[[], Kernel] | None
    states: int
    seed: int

    def recover(
        self,
        base: bytes,
        log: list[Any],
        promises: list[Promise],
        ends: Iterable[int],
        only: int | None = None,
    ) -> tuple[int, list[Failure]]:
        """Recover the states of cuts: how many, and what was wrong."""
        from rumpy.kernel import Kernel

        cut, count, failures = PowerCut(base, log), 0, []
        with (self.kernel or Kernel)() as k:
            k.load(self.driver)
            recovery = _Recovery(k, self.driver, self.options, self.repair, self.check)
            start = k.snapshot()
            for end in ends:
                due = [promise for promise in promises if promise.holds(end)]
                states = cut.states(end, count=self.states, seed=self.seed)
                for number, device in enumerate(states):
                    if only is not None and number != only:
                        device.close()
                        continue
                    count += 1
                    problem = _first(recovery, device, due)
                    k.restore(start)
                    device.close()
                    if problem is not None:
                        failures.append(Failure(end, number, problem))
                        break
            start.close()
        return count, failures


def _recover_packed(
    task: _Task, packed: bytes, ends: list[int]
) -> tuple[int, list[Failure]]:
    """The same, as it is sent to another process."""
    base, log, promises = pickle.loads(zlib.decompress(packed))
    return task.recover(base, log, promises, ends)


def _first(
    recovery: _Recovery, device: MemoryDevice, promises: list[Promise]
) -> str | None:
    """The first problem of a state, a call or a panic that failed among them."""
    try:
        return next(iter(recovery.problems(device, promises)), None)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} (in {frame.name})"


def _contents(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _record(
    boot: Callable[[], Kernel],
    base: bytes,
    workload: Callable[[CrashTree], object],
    driver: str,
    options: tuple[str, ...],
) -> tuple[list[Any], list[Promise]]:
    """What the workload and the unmount wrote, and what was promised when."""
    with (
        MemoryDevice(base) as memory,
        Recorder(memory) as recorder,
        boot() as k,
        k.mount(driver, recorder, MOUNTPOINT, *options),
    ):
        fs = CrashTree(k, recorder)
        workload(fs)
        fs.end()
    return recorder.log, fs.promises
