# SPDX-License-Identifier: BSD-2-Clause
"""The CPU's hand-over, every interleaving of small configurations (spin)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

MODEL = Path(__file__).with_name("cpu.pml")

#: Few threads and doors, since states multiply; each with another of signals,
#: transfers and contention in it.
CONFIGURATIONS = [
    {"HOSTS": 1, "OPS": 2, "SIGNALS": 1, "TRANSFERS": 0},
    {"HOSTS": 1, "OPS": 2, "SIGNALS": 0, "TRANSFERS": 0, "LIMITED": 1, "RELEASES": 1},
    {"HOSTS": 1, "OPS": 2, "SIGNALS": 0, "TRANSFERS": 0, "REVIVALS": 1},
]
#: Complete as well, in a minute or two.
LARGER = [
    {"HOSTS": 1, "OPS": 1, "SIGNALS": 0},
    {"HOSTS": 1, "OPS": 1, "SIGNALS": 1},
    {"HOSTS": 2, "OPS": 1, "SIGNALS": 0, "TRANSFERS": 0},
]
#: A mistake and the configuration that shows it.
BUGS = {
    1: {"HOSTS": 2, "OPS": 1, "SIGNALS": 0},
    2: {"HOSTS": 1, "OPS": 1, "SIGNALS": 0},
    3: {"HOSTS": 1, "OPS": 1, "SIGNALS": 0},
    4: {"HOSTS": 1, "OPS": 1, "SIGNALS": 0},
    5: {"HOSTS": 1, "OPS": 1, "SIGNALS": 1},
    6: {"HOSTS": 1, "OPS": 2, "SIGNALS": 1, "TRANSFERS": 0},
    7: {"HOSTS": 1, "OPS": 2, "SIGNALS": 0, "TRANSFERS": 0, "LIMITED": 1},
    8: {"HOSTS": 2, "OPS": 1, "SIGNALS": 0, "TRANSFERS": 0, "REVIVALS": 1},
}


def run(folder: Path, *command: str) -> None:
    """Run a program that has to succeed."""
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def explore(folder: Path, options: dict[str, int]) -> str:
    """Look at every state; what the checker printed."""
    flags = [f"-D{name}={value}" for name, value in options.items()]
    run(folder, "spin", "-a", *flags, str(MODEL))
    # One function has most of the program: optimising it takes ten times longer
    # than the search, which it makes a third faster.
    settings = ["-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048", "-DMEMLIM=6000"]
    run(folder, "gcc", "-O0", "-w", *settings, "-o", "pan", "pan.c")
    done = subprocess.run(
        ["./pan", "-E", "-m400000"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert "errors:" in done.stdout, done.stdout + done.stderr
    assert "max search depth too small" not in done.stdout
    assert "out of memory" not in done.stdout
    return done.stdout


@pytest.fixture(autouse=True)
def programs(need: Callable[[str], str]) -> None:
    """Skip without the model checker and a compiler."""
    need("spin")
    need("gcc")


def check(folder: Path, options: dict[str, int]) -> None:
    """No error, and the search was complete."""
    output = explore(folder, options)
    assert "errors: 0" in output, output
    assert "Search not completed" not in output


@pytest.mark.slow
@pytest.mark.parametrize("options", CONFIGURATIONS, ids=str)
def test_hand_over(tmp_path: Path, options: dict[str, int]) -> None:
    check(tmp_path, options)


@pytest.mark.campaign
@pytest.mark.parametrize("options", LARGER, ids=str)
def test_hand_over_at_length(tmp_path: Path, options: dict[str, int]) -> None:
    check(tmp_path, options)


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_the_checker_finds_mistakes(tmp_path: Path, bug: int) -> None:
    assert "errors: 1" in explore(tmp_path, {**BUGS[bug], "BUG": bug})
