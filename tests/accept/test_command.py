# SPDX-License-Identifier: BSD-2-Clause
"""The command's manners: exit codes 0, 1 and 2, streams, no traceback of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, Done, Run


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ls disk.img", 0),
        ("ls disk.img:/none", 1),
        ("ls none.img", 2),
        ("ls", 2),
        ("ls --frob disk.img", 2),
        ("ls --offset 1x disk.img", 2),
        ("info --offset 1x disk.img", 2),
        ("cat disk.img:/a_directory", 1),
        ("cat disk.img:/none", 1),
        ("stat disk.img:/none", 1),
        ("tree disk.img:/none", 1),
        ("cp disk.img:/none .", 1),
        ("cp disk.img:/a_directory .", 1),
        ("cp a b", 2),
        ("cp none.txt disk.img:/x", 1),
        ("cp text disk.img:/none/x", 1),
        ("info none.img", 2),
        ("info text", 1),
        ("info .", 2),
        ("modinfo none", 1),
        ("modinfo ./text", 1),
        ("mount disk.img", 2),
        ("mount disk.img none", 1),
        ("mount disk.img text", 1),
        ("mount -o frob disk.img .", 2),
        ("mount -o offset=x disk.img .", 2),
        ("mount -o partition=q disk.img .", 1),
        ("mount -t none disk.img .", 1),
        ("mount ./text disk.img .", 1),
        ("umount .", 1),
        ("umount none", 1),
        ("umount", 2),
        ("run none.py", 2),
        ("run -l none text", 1),
        ("run --memory 1x text", 2),
        ("run -m text text", 2),
        ("frob", 2),
    ],
)
def test_exit_codes(run: Run, image: Path, line: str, code: int) -> None:
    (image.parent / "disk.img").write_bytes(image.read_bytes())
    (image.parent / "text").write_text("no image\n")
    done = run(*line.split())
    assert done.code == code, done
    if code == 0:
        assert done.err == ""
    else:
        assert done.out.count("\n") <= 2 and (done.err or "info text" in line)
        assert "Errno" not in done.err


def test_a_scripts_errors_are_shown_without_our_frames(
    built: None, tmp_path: Path
) -> None:
    cases = {
        "def\n": "SyntaxError",
        "\n1 / 0\n": "ZeroDivisionError",
        "k.load('oops')\nimport nowhere\n": "ModuleNotFoundError",
    }
    for text, words in cases.items():
        script = tmp_path / "script.py"
        script.write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "rumpy", "run", str(script)],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert words in done.stderr.splitlines()[-1]
        assert "cli" not in done.stderr


def test_a_script_sees_its_arguments_and_decides_the_exit_code(
    run: Run, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "s.py").write_text(
        "import sys\nprint(sys.argv[1:], k.listdir('/mnt/a_directory'))\nsys.exit(5)\n"
    )
    done = run("run", "-m", f"{image}:/mnt", "s.py", "--flag", "x")
    assert done == Done(5, "['--flag', 'x'] ['README', 'deeper']\n", "")
