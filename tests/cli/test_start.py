# SPDX-License-Identifier: BSD-2-Clause
"""What starting and ending a command costs, and that nothing gets lost by it."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rumpy
from rumpy.cli.start import Inspect

ROOT = rumpy.__file__.rpartition("/rumpy/")[0]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the tree, whatever it answers."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )


def leaving(code: str, *, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run code, and then leave(3), as a program."""
    return python(
        "-c",
        f"import atexit, sys, threading, time\n{before}\n"
        f"from rumpy.cli.start import leave\n{code}\nleave(3)\nprint('stayed')",
    )


def test_ls_imports_neither_the_grammar_nor_enums_of_signals() -> None:
    done = python("-X", "importtime", "-m", "rumpy", "ls", rumpy.demo_image())
    assert done.returncode == 0 and "README" in done.stdout
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"click", "rumpy.kernel"} <= loaded
    assert not loaded & {"ast", "dis", "inspect", "signal", "rich", "dataclasses"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "One line.",
        " indented",
        "tab\there",
        "two\n    lines",
        "\n  a\n\n  b\n",
        "é  ",
    ],
)
def test_the_stand_in_cleans_texts_as_inspect_does(text: str) -> None:
    assert Inspect().cleandoc(text) == inspect.cleandoc(text)


def test_the_stand_in_becomes_inspect_when_it_is_used() -> None:
    done = python(
        "-c",
        "import sys; from rumpy.cli.start import import_less; import_less()\n"
        "import inspect; first = inspect\n"
        "from inspect import isfunction\n"
        "import inspect\n"
        "assert inspect is not first and inspect.__file__\n"
        "assert first.isfunction is inspect.isfunction is isfunction\n"
        "assert sys.modules['inspect'] is inspect\n",
    )
    assert done.returncode == 0, done.stderr


def test_leaving_runs_exit_functions_and_flushes() -> None:
    done = leaving("atexit.register(print, 'bye')\nprint('hello', end=' ')")
    assert (done.stdout, done.returncode) == ("hello bye\n", 3)


def test_leaving_waits_for_threads() -> None:
    work = "lambda: (time.sleep(0.2), print('worked'))"
    done = leaving(f"threading.Thread(target={work}).start()")
    assert (done.stdout, done.returncode) == ("worked\n", 3)


def test_leaving_closes_kernels() -> None:
    done = leaving(
        "import rumpy\nk = rumpy.Kernel()\n"
        "shutdown = k._machine.shutdown\n"
        "k._machine.shutdown = lambda: (print('down'), shutdown())"
    )
    assert (done.stdout, done.returncode) == ("down\n", 3)


def test_whoever_watches_the_program_goes_on() -> None:
    assert leaving("", before="import cProfile").stdout == "stayed\n"


def test_output_that_cannot_be_written_is_no_quiet_success() -> None:
    done = leaving("sys.stdout = open('/dev/full', 'w')\nprint('lost')")
    assert done.returncode not in (0, 3) and "No space left" in done.stderr


def test_a_script_ends_as_python_ends(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("held = open('out', 'w')\nheld.write('text')\n")
    done = subprocess.run(
        [sys.executable, "-m", "rumpy", "run", str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ROOT},
        timeout=60,
    )
    assert done.returncode == 0
    assert (tmp_path / "out").read_text() == "text"
