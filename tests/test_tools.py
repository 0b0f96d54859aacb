# SPDX-License-Identifier: BSD-2-Clause
"""The set-up scripts: what they print and how they give up."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def packages(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("CI", "RUMPY_NO_APT")}
    return subprocess.run(
        [str(ROOT / "tools" / "packages"), *arguments],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env=clean | environment,
    )  # fmt: skip


def test_no_apt_names_what_is_missing_and_goes_on() -> None:
    done = packages("for a test", "no-such-package-1", RUMPY_NO_APT="1")
    assert done.returncode == 0 and done.stdout == ""
    assert "not installed: no-such-package-1 (wanted for a test)" in done.stderr


def test_in_ci_that_is_a_failure() -> None:
    done = packages("for a test", "no-such-package-1", RUMPY_NO_APT="1", CI="true")
    assert done.returncode == 1


def test_what_is_there_takes_no_words() -> None:
    if not Path("/usr/bin/dpkg-query").exists():
        pytest.skip("needs package dpkg: this is no Debian")
    done = packages("for a test", "base-files")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", sorted((ROOT / "tools").iterdir()))
def test_scripts_are_sound(script: Path) -> None:
    if script.suffix == ".sh" or "bash" in script.read_text().splitlines()[0]:
        subprocess.run(["bash", "-n", str(script)], check=True)
    assert "SPDX-License-Identifier: BSD-2-Clause" in script.read_text()


def test_what_make_quick_leaves_out_exists() -> None:
    for line in (ROOT / "tests" / "long.txt").read_text().split():
        file, _, name = line.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(), line
