# SPDX-License-Identifier: BSD-2-Clause
"""The README's example runs as it stands, and its commands exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_it_opens_with_line_0_and_the_two_commands() -> None:
    head = README.split("## ")[0]
    assert head.index("Line 0") < head.index("make demo") < head.index("make test")


def test_the_example_runs_as_it_stands(built: None, tmp_path: Path) -> None:
    match = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert match is not None
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", match[1]],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    listing, text, error = done.stdout.split("\n", 1)[0], *done.stdout.split("\n")[1:3]
    assert "a_directory" in listing
    assert text == "hello, anykernel"
    assert (
        done.stdout.splitlines()[-1]
        == "[Errno 2] No such file or directory: '/mnt/none'"
    )
    assert " 17" in done.stdout and error is not None


@pytest.mark.parametrize("verb", re.findall(r"^    rumpy (\w+)", README, re.MULTILINE))
def test_its_commands_exist(verb: str) -> None:
    from rumpy.cli import VERBS

    assert verb in VERBS


def test_its_links_lead_somewhere() -> None:
    for document in [
        ROOT / "README.md",
        *ROOT.glob("[A-Z]*.md"),
        *ROOT.glob("docs/**/*.md"),
    ]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document}: {target}"


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    for record in folder.glob("0*.md"):
        title = record.read_text().splitlines()[0].partition(": ")[2]
        assert f"({record.name}) {title}" in index


def test_the_make_targets_exist() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"demo", "test", "quick", "lint", "bench", "ci", "campaign"} <= set(targets)
    for name in re.findall(r"tools/(\w+)", (ROOT / "Makefile").read_text()):
        script = ROOT / "tools" / name
        assert os.access(script, os.X_OK), script
