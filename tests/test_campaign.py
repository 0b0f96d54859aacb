# SPDX-License-Identifier: BSD-2-Clause
"""Campaigns: work on several processes, with kernels in them."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import rumpy
from rumpy.block import MemoryDevice
from rumpy.testing import campaign, explore, search
from rumpy.testing.crash import CrashTree
from rumpy.testing.schedules import POINTS

pytestmark = pytest.mark.usefixtures("built")


def boot(number: int) -> tuple[int, int, str]:
    """Work that needs a process that can boot: who did it, and what came of it."""
    with rumpy.Kernel() as k:
        k.mkdir(f"/d{number}", 0o755)
        return os.getpid(), number, k.lstat(f"/d{number}").st_mode.__format__("o")


def where(number: int) -> tuple[int, str]:
    if number == 13:
        raise LookupError("thirteen")
    return number, threading.current_thread().name


def test_in_processes_of_their_own() -> None:
    found = dict(campaign(boot, range(4), jobs=2))
    assert set(found) == {0, 1, 2, 3}
    assert all(found[n][1:] == (n, "40755") for n in found)
    assert os.getpid() not in {pid for pid, _, _ in found.values()}


def test_an_executor_of_ones_own() -> None:
    with ThreadPoolExecutor(2, thread_name_prefix="mine") as pool:
        found = dict(campaign(where, range(9), executor=pool, jobs=2))
        assert sorted(found) == list(range(9))
        assert all(name.startswith("mine") for _, name in found.values())
        # An endless series ends with the time; the pool is still ours.
        assert list(campaign(where, itertools.count(), executor=pool, seconds=0)) == []
        some = list(
            itertools.islice(campaign(where, itertools.count(), executor=pool), 5)
        )
        assert len(some) == 5
        assert pool.submit(where, 1).result()[0] == 1


def test_what_fails_is_raised() -> None:
    with (
        ThreadPoolExecutor(2) as pool,
        pytest.raises(LookupError, match="thirteen"),
    ):
        list(campaign(where, range(20), executor=pool))


def test_work_that_no_process_can_be_given_is_refused() -> None:
    with pytest.raises(TypeError, match=r"can't be given this work: .*lambda"):
        next(campaign(lambda number: number, range(3)))
    with ThreadPoolExecutor(1) as pool:  # which gives it nobody else
        assert list(campaign(lambda n: n + 1, [1], executor=pool)) == [(1, 2)]


# --- searches that are spread -------------------------------------------------

TASKS = [[("mkdir", "/mnt/x", 0o755)], [("mkdir", "/mnt/x", 0o700)]]


def mounted(image: bytes, k: rumpy.Kernel) -> None:
    k.load("ffs", points=POINTS)
    k.mount("ffs", MemoryDevice(image), "/mnt")


def first_wins(k: rumpy.Kernel, results: Sequence[Any]) -> None:
    """What not every schedule does."""
    if results[0] != [None]:
        raise AssertionError("the second was first")


def test_a_search_on_several_processes_as_in_one(image: Path) -> None:
    prepare = partial(mounted, image.read_bytes())
    alone = search(prepare, TASKS, first_wins, seeds=range(1, 90), first=False)
    (finding,) = alone.findings
    found = search(prepare, TASKS, first_wins, seeds=range(1, 90), first=False, jobs=2)
    assert (found.runs, found.different) == (alone.runs, alone.different)
    assert found.findings == [finding]
    with ThreadPoolExecutor(1) as pool:
        few = search(prepare, TASKS, first_wins, seeds=range(1, 90), executor=pool)
        assert [one.seed for one in few.findings] == [finding.seed]
        timed = search(
            prepare, TASKS, seeds=itertools.count(1), seconds=0.3, executor=pool
        )
    assert timed.ok and timed.runs > 1


# --- Dask ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Executor]:
    """The executor of a cluster of two processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with distributed.Client(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as client:
        # Its processes don't know where pytest found this file.
        client.run(sys.path.insert, 0, str(Path(__file__).parent))
        yield client.get_executor(pure=False)


def promising(fs: CrashTree) -> None:
    fs.promise("README")
    fs.mkdir("new", 0o755)


@pytest.mark.filterwarnings("default")
def test_dask(cluster: Executor, image: Path) -> None:
    found = dict(campaign(boot, range(6), executor=cluster, jobs=4))
    assert all(found[n][1:] == (n, "40755") for n in range(6))
    assert os.getpid() not in {pid for pid, _, _ in found.values()}
    with pytest.raises(LookupError, match="thirteen"):
        list(campaign(where, range(20), executor=cluster))
    report = explore(image, promising, states=2, executor=cluster)
    assert report.states > report.writes
    assert report == explore(image, promising, states=2)
    races = search(
        partial(mounted, image.read_bytes()),
        TASKS,
        lambda k, results: first_wins(k, results),  # Dask can send that
        seeds=range(1, 90),
        executor=cluster,
    )
    assert races.findings and races.findings[0].repeats
