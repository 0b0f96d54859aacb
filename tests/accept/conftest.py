# SPDX-License-Identifier: BSD-2-Clause
"""What a newcomer has: the command, a directory to mount on, and an image."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended.

    Attributes:
        code, out, err: exit code, standard output, standard error.
    """

    code: int
    out: str
    err: str


Run = Callable[..., Done]


def command(*arguments: str | Path, **options: Any) -> Done:
    """Run `rumpy ARGUMENTS`; whatever it does, it shows no traceback."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TZ": "UTC"}
    environment.pop("RUMPY_TRACEBACK", None)
    done = subprocess.run(
        [sys.executable, "-m", "rumpy", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment | options.pop("env", {}),
        timeout=120,
        check=False,
        **options,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run(built: None, tmp_path: Path) -> Run:
    """run("ls", ...): in the test's own folder."""

    def call(*arguments: str | Path, **options: Any) -> Done:
        return command(*arguments, cwd=tmp_path, **options)

    return call


def is_mounted(directory: Path) -> bool:
    """Whether something is mounted on exactly this directory."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return any(line.split(" ")[4] == str(directory) for line in table)


@pytest.fixture
def where(built: None, tmp_path: Path) -> Iterator[Path]:
    """An empty directory to mount on; free again afterwards."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("this machine has no usable /dev/fuse")
    directory = tmp_path / "mnt"
    directory.mkdir()
    yield directory
    if is_mounted(directory):
        command("umount", "-l", directory)


@pytest.fixture
def mounted(run: Run, image: Path, where: Path) -> Iterator[Path]:
    """The demo image, mounted by the command, and unmounted by it."""
    assert run("mount", image, where) == Done(0, "", "")
    yield where
    if is_mounted(where):
        assert run("umount", where) == Done(0, "", "")


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """tmpfs(bytes): a host disk of that size."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    made: list[Path] = []

    def make(size: int) -> Path:
        directory = tmp_path / f"disk{len(made)}"
        directory.mkdir()
        line = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
        if subprocess.run(line, capture_output=True, check=False).returncode:
            pytest.skip("no tmpfs can be mounted here")
        made.append(directory)
        return directory

    yield make
    for directory in made:
        subprocess.run(["umount", "-l", str(directory)], check=False)
