# SPDX-License-Identifier: BSD-2-Clause
"""A command line that is read without click means what click says it means."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

import rumpy
from rumpy.cli import VERBS, clicked, declare

LINES = {
    "ls": [
        "disk", "-l disk", "-laF disk disk:/etc", "disk -d", "-- -odd", "-t ffs disk",
        "-tffs disk", "--driver=ffs disk", "--offset 63s disk", "--offset=1k -i disk",
        "--partition b disk", "--netbsd 10.1 disk", "-lh - disk",
    ],
    "cat": ["disk:/a disk:/b", "--partition=a disk"],
    "cp": ["a b c", "-r a b", "a b -q", "-R -a a b"],
    "stat": ["-L --json disk:/x"],
    "tree": ["disk", "-ads disk"],
    "info": ["disk", "--json disk", "--offset 63s disk"],
    "mount": ["disk dir", "-o ro -oallow_other disk dir -f", "ffs disk dir", ""],
    "umount": ["dir", "-l dir dir2"],
    "mounts": ["", "--json"],
    "modinfo": ["-en disk", "ffs --json"],
    "newfs": ["--size 8m disk", "--force --json -L label disk", "--owner 1:2 disk"],
    "dumpfs": ["-s disk", "--json disk"],
    "python": ["-v", "-m disk:/mnt --memory 64m", "-c 1", "-l ffs -l hello"],
}  # fmt: skip
#: What click refuses, answers itself, or has to convert.
OTHERS = {
    "ls": [
        "", "--help", "--nothing disk", "-lZ disk", "--offset", "--offset= disk",
        "--offset x disk", "--partition", "-l=x disk", "--missing trap disk",
        "--long=1 disk",
    ],
    "cp": ["a", "-r"],
    "tree": ["-L 2 disk", "disk disk"],
    "info": ["nothing", "."],
    "fsck": ["disk"],
    "run": ["disk"],
    "newfs": ["--size y disk", "--owner x disk"],
    "dumpfs": ["-g 1 disk"],
}  # fmt: skip


def verb(name: str) -> declare.Verb:
    found = importlib.import_module(f"rumpy.cli.{name}").command
    assert isinstance(found, declare.Verb)
    return found


@pytest.fixture(autouse=True)
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("disk").write_bytes(bytes(512))


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name in LINES for line in LINES[name]]
)
def test_click_reads_the_same(name: str, line: str) -> None:
    declare.remembered.clear()
    plain = verb(name).read(line.split())
    kept = dict(declare.remembered)
    declare.remembered.clear()
    theirs = clicked.made(verb(name)).make_context(name, line.split())
    assert plain == theirs.params
    assert kept == declare.remembered


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name in OTHERS for line in OTHERS[name]]
)
def test_the_rest_is_left_to_click(name: str, line: str) -> None:
    with pytest.raises(declare.NotPlain):
        verb(name).read(line.split())


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_becomes_a_command_of_click(name: str) -> None:
    found = clicked.Verbs().get_command(click.Context(clicked.group), name)
    assert isinstance(found, click.Command) and found.help and found.name == name


def test_listing_an_image_loads_no_click() -> None:
    code = (
        "import sys; from rumpy.cli import main; code = main(sys.argv[1:]);"
        "print(*sys.modules); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "ls", rumpy.demo_image()],
        env=os.environ | {"PYTHONPATH": rumpy.__file__.rpartition("/rumpy/")[0]},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"click", "typing", "inspect", "weakref", "array", "threading", "re"}
    assert "README" in done.stdout
    assert not heavy & set(done.stdout.split())


def test_a_verbs_own_complaint_looks_like_clicks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from rumpy.cli import main

    assert main(["ls", "nothing"]) == main(["ls", "--missing", "strict", "nothing"])
    first, second = capsys.readouterr().err.split("Usage:")[1:]
    assert first == second and "nothing: no such image" in first
