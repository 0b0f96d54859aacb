# SPDX-License-Identifier: BSD-2-Clause
"""The differential mode: equal drivers are equal, and a lie is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rumpy import store
from rumpy.errors import ModuleError
from rumpy.testing import differential
from rumpy.testing.differential import Driver, Report, compare, shrink
from rumpy.testing.sequence import Operation, operations, read_text, text
from tests.ffs import ffscheck, images

IMAGE = images.unpacked("nb-ffs2le-8k")
ROOT = Path(__file__).resolve().parents[2]


def check(image: bytes) -> list[str]:
    found = ffscheck.check(image).problems
    # NetBSD's driver leaves those where a file is cut inside a hole.
    return [problem for problem in found if "last block is a hole" not in problem]


def netbsd() -> Driver:
    """NetBSD's driver, or a skip."""
    try:
        store.find("ffs")
    except ModuleError as error:
        pytest.skip(f"needs NetBSD's modules: {error}")
    return Driver("netbsd:ffs")


def test_sequences_are_of_their_seed() -> None:
    first = list(operations(5, 300))
    assert first == list(operations(5, 300)) and len(first) == 300
    assert first != list(operations(6, 300))
    assert read_text(text(first)) == first
    assert not any(o.verb == "chflags" for o in operations(
        5, 3000, without=frozenset({"chflags"})))  # fmt: skip


def test_ours_is_the_same_however_it_is_mounted() -> None:
    report = compare(
        Driver("ffs"), Driver("ffs", ("sync",)), IMAGE,
        seed=1, count=400, check=check, remount_every=200,
    )  # fmt: skip
    assert report.ok, str(report)
    assert (report.done, report.seed) == (400, 1)
    assert report.succeeded > 100
    assert len(report.verbs) > 25


def test_as_netbsds() -> None:
    theirs = netbsd()
    report = compare(
        Driver("ffs"), theirs, IMAGE, seed=2, count=500, check=check, remount_every=250
    )
    assert report.ok, str(report)


class Lying(differential.Side):
    """A driver whose rename of a directory forgets a link."""

    def run(self, operation: Operation) -> Any:
        outcome = super().run(operation)
        if operation.verb == "symlink" and outcome[0] == "ok" and "sync" in self.words:
            return "error", "EEXIST"
        return outcome

    @property
    def words(self) -> tuple[str, ...]:
        return self.driver.words


@pytest.fixture
def lie(monkeypatch: pytest.MonkeyPatch) -> Report:
    """What comparing with a driver that lies about symlink() finds."""
    monkeypatch.setattr(differential, "Side", Lying)
    return compare(Driver("ffs"), Driver("ffs", ("sync",)), IMAGE, seed=3, count=500)


def test_a_wrong_answer_is_found(lie: Report) -> None:
    assert not lie.ok
    found = lie.difference
    assert found is not None and found.operation is not None
    assert found.operation.verb == "symlink" and found.index == lie.done - 1
    assert (found.left[0], found.right) == ("ok", ("error", "EEXIST"))
    assert "DIFFERENCE" in str(lie)


def test_it_shrinks(lie: Report) -> None:
    sequence = list(operations(3, lie.done))
    short = shrink(Driver("ffs"), Driver("ffs", ("sync",)), IMAGE, sequence, budget=12)
    assert len(short) < len(sequence)
    assert any(o.verb == "symlink" for o in short)
    assert not compare(
        Driver("ffs"), Driver("ffs", ("sync",)), IMAGE, sequence=short
    ).ok  # fmt: skip


def test_what_is_not_in_results_is_found_in_the_trees() -> None:
    class Loose(differential.Side):
        """Forgets a mode now and then, and says nothing."""

        def run(self, operation: Operation) -> Any:
            if operation.verb == "mkdir" and self.driver.words:
                changed = Operation(operation.user, "mkdir", (operation.args[0], 0o700))
                return super().run(changed)
            return super().run(operation)

    def run(side: type[differential.Side]) -> Report:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(differential, "Side", side)
            return compare(
                Driver("ffs"), Driver("ffs", ("sync",)), IMAGE,
                sequence=[Operation(0, "mkdir", ("new", 0o755))],
            )  # fmt: skip

    found = run(Loose).difference
    assert found is not None and found.operation is None
    assert found.what == "./new status"
    assert (found.left, found.right) == ({"mode": 0o40755}, {"mode": 0o40700})
    assert run(differential.Side).ok


def test_complaints_of_the_checker_count() -> None:
    report = compare(
        Driver("ffs"), Driver("ffs"), IMAGE, seed=1, count=20,
        check=lambda image: ["all is lost"],
    )  # fmt: skip
    assert report.difference is not None and report.difference.what == "checker"


def test_rules_are_narrow() -> None:
    by_name = {rule.name: rule for rule in differential.RULES}
    assert all(len(rule.why) > 40 for rule in differential.RULES)
    folder, file = {"mode": 0o40755, "atime": 1}, {"mode": 0o100644, "atime": 1}
    atime = by_name["access times of directories"].fits
    assert atime(None, folder, {**folder, "atime": 2})
    assert not atime(None, file, {**file, "atime": 2})
    assert not atime(None, folder, {**folder, "atime": 2, "mode": 0o40700})
    order = by_name["order of directories"].fits
    assert order(None, ["a", "b"], ["b", "a"])
    assert not order(None, ["a", "b"], ["a", "c"])
    errors = by_name["which of several errors"].fits
    rename = Operation(1, "rename", (".", "a"))
    assert errors(rename, ("error", "EINVAL"), ("error", "EACCES"))
    assert not errors(rename, ("error", "EINVAL"), ("ok", None))
    assert not errors(rename, ("error", "ENOENT"), ("error", "EACCES"))


def test_the_command(tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    image.write_bytes(IMAGE)
    command = [sys.executable, "-m", "rumpy.testing.differential"]
    done = subprocess.run(
        [*command, "ffs", "ffs,async", str(image), "--count", "50"],
        capture_output=True, text=True, cwd=ROOT, env=dict(os.environ), check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "ffs | ffs -o async: seed 0, 50 operations" in done.stdout
