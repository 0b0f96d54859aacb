# SPDX-License-Identifier: BSD-2-Clause
"""Searched schedules: planted mistakes are found, shortened and replayed."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ffs.schedules import Trial, empty_image, operations, races

import rumpy
from rumpy._hyp import ffi
from rumpy.errors import RumpyError
from rumpy.process import Process
from rumpy.testing import search
from rumpy.testing.schedules import POINTS, Schedule, Searcher, call

pytestmark = pytest.mark.usefixtures("built")


class Racy:
    """The module with the mistakes, and tasks that call its functions."""

    def __init__(self, points: Sequence[str] = POINTS) -> None:
        self.points = points
        self.symbols: dict[str, int] = {}

    def prepare(self, k: rumpy.Kernel) -> None:
        self.symbols = k.load("racy", points=self.points).symbols

    def task(self, name: str, times: int = 2) -> Callable[[Process], list[int]]:
        def task(process: Process) -> list[int]:
            return [call(process, self.symbols[name]) for _ in range(times)]

        task.__name__ = name
        return task

    def counted(self, wanted: int) -> Callable[[rumpy.Kernel, Sequence[Any]], None]:
        def check(k: rumpy.Kernel, results: Sequence[Any]) -> None:
            found = ffi.cast("int *", self.symbols["racy_count"])[0]
            assert found == wanted, f"counted {found}"

        return check


def test_a_lost_update() -> None:
    racy = Racy()
    tasks = [racy.task("racy_unlocked")] * 2
    report = search(racy.prepare, tasks, racy.counted(4), seeds=range(1, 100))
    assert not report.ok
    (finding,) = report.findings
    assert finding.repeats and finding.outcome.kind == "check"
    assert "counted" in finding.outcome.message
    assert 0 < len(finding.outcome.schedule) <= len(finding.found.schedule)
    assert f'Schedule.parse("{finding.outcome.schedule}")' in str(report)
    with Searcher(racy.prepare, tasks, racy.counted(4)) as searcher:
        for _ in range(3):
            again = searcher.run(Schedule.parse(str(finding.outcome.schedule)))
            assert again == finding.outcome
        assert searcher.run(0).ok


def test_with_a_lock_nothing_is_lost() -> None:
    racy = Racy()
    tasks = [racy.task("racy_locked")] * 3
    report = search(racy.prepare, tasks, racy.counted(6), seeds=range(1, 100))
    assert report.ok, report
    assert report.runs == 100
    assert report.different > 20
    assert "all good" in str(report)


def test_without_points_there_is_no_preemption() -> None:
    """The kernel is cooperative: what does not sleep is not interrupted."""
    racy = Racy(points=())
    tasks = [racy.task("racy_unlocked")] * 2
    assert search(racy.prepare, tasks, racy.counted(4), seeds=range(1, 50)).ok


def test_time_outs_are_part_of_it() -> None:
    racy = Racy(points=())
    tasks = [racy.task("racy_nap")] * 3
    report = search(racy.prepare, tasks, racy.counted(6), seeds=range(1, 20))
    assert report.ok, report
    assert report.different > 5


def test_locks_in_two_orders() -> None:
    racy = Racy()
    tasks = [racy.task("racy_forth"), racy.task("racy_back")]
    report = search(racy.prepare, tasks, seeds=range(1, 100))
    (finding,) = report.findings
    assert finding.repeats and finding.outcome.kind == "deadlock"
    text = finding.outcome.message
    assert "task 0 (racy_forth) waits for mutex" in text
    assert "held by task 1 (racy_back)" in text
    assert "modules/racy/racy.c" in text
    assert len(finding.outcome.schedule) == 1


def test_a_wake_up_that_nobody_hears() -> None:
    racy = Racy()
    tasks = [racy.task("racy_wait", 1), racy.task("racy_wake", 1)]
    report = search(racy.prepare, tasks, seeds=range(1, 200))
    (finding,) = report.findings
    assert finding.repeats and finding.outcome.kind == "stuck"
    assert "task 0 (racy_wait) waits for racy" in finding.outcome.message


def test_no_end_in_sight() -> None:
    racy = Racy()
    report = search(racy.prepare, [racy.task("racy_spin")], limit=500)
    assert report.findings[0].outcome.kind == "livelock"
    assert "racy_spin" in report.findings[0].outcome.message


def test_a_panic_is_a_finding_and_the_kernel_goes_on() -> None:
    def oops(process: Process) -> None:
        process.sysctl("oops.now", "null")

    def prepare(k: rumpy.Kernel) -> None:
        k.load("oops", points=POINTS)

    with Searcher(prepare, [oops, [("mkdir", "/one", 0o755)]]) as searcher:
        assert searcher.run(0).kind == "panic"
        found = searcher.run(1)
        assert "oops_null" in found.message
        searcher.tasks[0] = [("mkdir", "/one", 0o755)]
        outcome = searcher.run(0)
        assert outcome.ok
        errors = [r for (r,) in outcome.results if isinstance(r, OSError)]
        assert [error.errno for error in errors] == [errno.EEXIST]


def test_the_same_seed_is_the_same_run() -> None:
    trial = empty_image()
    one = Trial(trial)
    with Searcher(one.prepare, operations(5), one.check) as searcher:
        searcher.run(0)
        runs = [searcher.run(seed) for seed in (1, 2, 3, 1, 2, 3)]
    for first, second in zip(runs[:3], runs[3:], strict=True):
        assert first.schedule == second.schedule
        assert str(first.results) == str(second.results)
        assert first.decisions == second.decisions > 50
    assert len({str(run.schedule) for run in runs}) == 3


def test_a_task_that_raises() -> None:
    def raises(process: Process) -> None:
        process.mkdir("/here")
        raise LookupError("not what I wanted")

    report = search(lambda k: None, [raises], shrink=False)
    assert report.findings[0].outcome.kind == "error"
    assert "not what I wanted" in str(report)


def test_a_task_that_waits_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rumpy.testing.schedules._THINK_MS", 50)
    go = threading.Event()
    searcher = Searcher(lambda k: None, [lambda process: go.wait(20)])
    with pytest.raises(RumpyError, match="waits for something outside the kernel"):
        searcher.run(0)
    go.set()
    searcher.close()


def test_what_is_asked_for_wrongly() -> None:
    with pytest.raises(ValueError, match="1 to 16 tasks"):
        Searcher(lambda k: None, [])
    with pytest.raises(ValueError):
        Schedule.parse("nonsense")
    with Searcher(lambda k: None, [[]]) as searcher:
        with pytest.raises(RuntimeError, match="default schedule"):
            searcher.run(3)
        assert searcher.run(0).ok


def test_races_on_ffs() -> None:
    """A glimpse; tools/campaign runs thousands (tests/ffs/schedules.py)."""
    image = empty_image()
    for seed in (1, 2):
        report = races(image, seed, range(1, 25))
        assert report.ok, report
        assert report.different > 15
        assert report.decisions > 50


def test_ordinary_calls_are_not_affected() -> None:
    """A module with points works as always outside of a search."""
    with rumpy.Kernel() as k:
        k.load("ffs", points=POINTS)
        with k.mount("ffs", bytearray(empty_image()), "/mnt"):
            k.mkdir("/mnt/x", 0o755)
            k.rename("/mnt/x", "/mnt/d/x")
            assert "x" in k.listdir("/mnt/d")
