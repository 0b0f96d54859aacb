# SPDX-License-Identifier: BSD-2-Clause
"""The two caches on the host, under sanitizers, against a model."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def fuzz(built: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, compiled."""
    out = tmp_path_factory.mktemp("fuzz") / "fuzz"
    if not (ROOT / "build" / "include" / "rumpy").is_dir():
        pytest.skip("needs build/include of a source tree")
    subprocess.run([HERE / "host" / "build.sh", out], check=True)
    return out


@pytest.mark.parametrize(
    ("first", "last"), [(1, 6), pytest.param(100, 111, marks=pytest.mark.slow)]
)
def test_random_operations(fuzz: Path, first: int, last: int) -> None:
    """Little and much memory, late and failing disks: twelve seeds cover all."""
    done = subprocess.run(
        [fuzz, str(first), str(last)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" ok\n") == last - first + 1
