# SPDX-License-Identifier: BSD-2-Clause
"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from rumpy.testing import plugin

ROOT = Path(__file__).resolve().parents[2]

TESTS = """
import rumpy

def test_passes(mount):
    mnt = mount("ffs", rumpy.demo_image())
    (mnt / "f").write_text("x")
    assert (mnt / "f").read_text() == "x"

def test_two(kernel, mount):
    a = mount("ffs", rumpy.demo_image(), where="/a")
    b = mount("ffs", rumpy.demo_image(), "ro", where="/b")
    assert [m.where for m in kernel.mounts()] == ["/a", "/b"]
    assert b.readonly and not a.readonly

def test_fails(kernel):
    kernel.load("hello")
    assert kernel.getpid() == 12345

def test_leaves_files_open(kernel, mount):
    mnt = mount("ffs", rumpy.demo_image())
    kernel.open("/mnt/g", 0o101)
    raise ValueError("the error that counts")
"""


def test_fixtures_and_console(built: None, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "rumpy.testing.plugin",
            "-p", "no:cacheprovider", "test_it.py",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    said = done.stdout
    assert "2 passed" in said, said + done.stderr
    assert "2 failed" in said and "error" not in said.splitlines()[-1], said
    assert "hello" in said.split("rumpy console", 1)[1]
    assert "the error that counts" in said


def test_is_found_by_pytest() -> None:
    """The package names the plugin, so that nobody has to ask for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"rumpy": plugin.__name__}
