# SPDX-License-Identifier: BSD-2-Clause
"""The driver in a process of its own, under AddressSanitizer: random changes
leave consistent images, and mutated images get errors."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from . import fuzz, images, kernelfuzz
from .ffscheck import check

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program."""
    return fuzz.build(tmp_path_factory.mktemp("host"))


@pytest.mark.parametrize(
    "name",
    [
        "nb-ffs2le-8k",
        "nb-ffs1be-8k",
        "nb-ffs1le-64k",
        "nb-ffs2be-4k",
        "nb-ffs2le-16k-frag1",
        "nb-fbsd-ufs2-16k",
    ],
)
def test_random_changes(host: Path, tmp_path: Path, name: str) -> None:
    image, result = images.copy(name, tmp_path), tmp_path / "result"
    for seed in ("1", "2"):
        subprocess.run(
            [host, "-n", "1500", "-S", seed, image, result],
            check=True,
            capture_output=True,
            timeout=300,
        )
        assert check(result.read_bytes()).problems == []


@pytest.mark.parametrize(
    ("name", "options"),
    [("nb-ffs2le-8k", "-l"), ("nb-ffs1be-8k", "-l"), ("nb-ffs1le-64k", "-ls")],
)
def test_random_changes_in_a_journal(
    host: Path, tmp_path: Path, name: str, options: str
) -> None:
    image, result = images.copy(name, tmp_path), tmp_path / "result"
    subprocess.run(
        [host, options, "-n", "1500", "-S", "3", image, result],
        check=True,
        capture_output=True,
        timeout=300,
    )
    assert check(result.read_bytes()).problems == []


def test_damaged_images(host: Path, tmp_path: Path) -> None:
    paths = fuzz.bases(host, tmp_path, fuzz.BASES) + fuzz.more(host, tmp_path)
    *failures, _, _, summary = fuzz.run(host, paths, first=1, count=220, operations=40)
    assert failures == []
    assert summary == "220 images, 0 failures"


def test_damaged_images_in_a_kernel(built: None, host: Path, tmp_path: Path) -> None:
    paths = fuzz.bases(host, tmp_path, {"wal-open": 0, "nb-ffs2be-4k": 40})
    library = kernelfuzz.build(tmp_path)
    lines = kernelfuzz.run(paths, library, first=1, count=20, seconds=1e9)
    *failures, _, summary = lines
    assert failures == []
    assert summary == "20 images, 0 failures"


def test_the_fuzzer_sees_what_goes_wrong(host: Path, tmp_path: Path) -> None:
    """An image that the program itself is told to fail on is named."""
    paths = fuzz.bases(host, tmp_path, {"nb-fbsd-ufs2-4k-empty": 0})
    os.environ["FFSHOST_FAIL"] = "5"
    try:
        failure, *_, summary = fuzz.run(host, paths, first=3, count=4, operations=1)
    finally:
        del os.environ["FFSHOST_FAIL"]
    assert failure.split()[1:3] == ["5", "signal"]
    assert summary == "4 images, 1 failures"


def test_guidance_counts_the_drivers_code(host: Path, tmp_path: Path) -> None:
    """Images that reach new code are kept, and a run can be repeated."""
    paths = fuzz.bases(host, tmp_path, {"nb-ffs1be-8k": 0})
    few, more, again = (
        list(fuzz.run(host, paths, first=1, count=n, operations=8, guided=True))[1:]
        for n in (1, 12, 12)
    )
    assert more == again
    assert more[1] == "12 images, 0 failures"
    first, then = (
        [int(word) for word in lines[0].split() if word.isdecimal()]
        for lines in (few, more)
    )
    assert first[0] > 500
    assert first[1] == 1
    assert then[0] > first[0]
    assert 1 < then[1] <= 12


def test_guidance_finds_what_chance_does_not(
    host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four conditions one after the other; what fails then fails again."""
    paths = fuzz.bases(host, tmp_path, {"nb-ffs1be-8k": 0})
    monkeypatch.setenv("FFSHOST_PLANTED", "1")
    by_chance = list(fuzz.run(host, paths, first=1, count=5000))
    assert by_chance[-1] == "5000 images, 0 failures"
    failure, *_ = fuzz.run(host, paths, first=1, count=5000, guided=True)
    script = failure.split()[1]
    assert failure.split()[2] == "signal"
    assert ":" in script and "+" in script
    assert fuzz.repeat(host, paths, script, 60) == -6
    head, words = script.split("+")
    other = "+".join([head, ",".join(["0", *words.split(",")[1:]])])
    assert fuzz.repeat(host, paths, other, 60) == 0
