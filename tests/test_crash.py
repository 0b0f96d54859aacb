# SPDX-License-Identifier: BSD-2-Clause
"""The crash-state explorer finds what is lost, and nothing else."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rumpy.testing import CrashTree, explore

pytestmark = pytest.mark.usefixtures("built")

OLD, NEW = b"old" * 700, b"new and longer" * 700


def put(fs: CrashTree, path: str, data: bytes, *, sync: bool = True) -> None:
    fd = fs.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
    fs.write(fd, data)
    if sync:
        fs.fsync(fd)
    fs.close(fd)


def overwrite(fs: CrashTree) -> None:
    """Kept promises: what is there is rewritten in place, and synced."""
    fs.promise("README", b"R" * fs.lstat("README").size)
    fd = fs.open("README", os.O_WRONLY)
    fs.pwrite(fd, b"R" * fs.lstat("README").size, 0)
    fs.fsync(fd)
    fs.promise("README")
    fs.close(fd)


def careless(fs: CrashTree) -> None:
    """A promise that nobody keeps: nothing was synced."""
    put(fs, "f", OLD, sync=False)
    fs.promise("f")


def test_promises_that_are_kept(image: Path) -> None:
    report = explore(image, overwrite, states=3)
    assert report.ok, report
    assert report.states > report.writes > 3
    assert "all good" in str(report)


def test_a_broken_promise_is_found_and_found_again(image: Path) -> None:
    before = image.read_bytes()
    report = explore(image, careless, states=2)
    assert not report.ok
    failure = report.failures[0]
    assert failure.problem.startswith("f was promised to be a file")
    again = explore(image, careless, states=2, only=(failure.end, failure.state))
    assert (again.states, again.failures) == (1, [failure])
    assert image.read_bytes() == before


def test_a_promise_that_was_taken_back_is_not_asked_for(image: Path) -> None:
    def work(fs: CrashTree) -> None:
        careless(fs)
        fs.withdraw("f")

    report = explore(image, work, states=1, every=3)
    assert not [f for f in report.failures if "promised" in f.problem]


def test_the_checker_has_its_say(image: Path) -> None:
    sizes = []

    def check(contents: bytes) -> list[str]:
        sizes.append(len(contents))
        return ["too green"]

    report = explore(image, overwrite, states=1, every=1000, check=check)
    assert [f.problem for f in report.failures] == ["too green"]
    assert sizes == [image.stat().st_size]


def test_the_repair_comes_first(image: Path) -> None:
    def ruin(device: object) -> None:
        raise OSError(5, "no repair today")

    report = explore(image, overwrite, states=1, every=1000, repair=ruin)
    assert "no repair today" in report.failures[0].problem


def test_a_workload_that_fails_is_the_callers(image: Path) -> None:
    with pytest.raises(FileNotFoundError):
        explore(image, lambda fs: fs.unlink("nothing here"))


def longer(contents: bytes) -> list[str]:
    """A checker that a process finds: minds that the disk is a disk."""
    return [f"{len(contents)} bytes"]


def test_on_several_processes_as_in_one(image: Path) -> None:
    alone = explore(image, careless, states=2, every=2)
    assert alone.failures
    spread = explore(image, careless, states=2, every=2, jobs=2)
    assert spread == alone
    minded = explore(image, overwrite, states=1, every=4, check=longer, jobs=1)
    assert minded.failures and minded.failures[0].problem.endswith("bytes")


def test_by_an_executor_of_ones_own(image: Path) -> None:
    names = []

    def check(contents: bytes) -> list[str]:
        names.append(threading.current_thread().name)
        return []

    with ThreadPoolExecutor(2, thread_name_prefix="mine") as pool:
        report = explore(
            image, overwrite, states=1, every=3, check=check, executor=pool
        )
    assert report.ok and len(names) == report.states
    assert all(name.startswith("mine") for name in names)


def test_what_no_process_can_be_given_is_refused(image: Path) -> None:
    with pytest.raises(TypeError, match=r"another process .*lambda"):
        explore(image, overwrite, check=lambda contents: [], jobs=2)
