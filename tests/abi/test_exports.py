# SPDX-License-Identifier: BSD-2-Clause
"""Every exported function has a test or a reason why it is not supported.

A function counts as tested when a module that the tests load takes it, when a
test names it, or when other parts of the kernel call it, which the tests of
those parts run.  tests/abi/untested.txt has the rest: that list only shrinks.

    python tests/abi/test_exports.py      writes untested.txt anew
"""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNTESTED = Path(__file__).with_name("untested.txt")
SYMS = ROOT / "csrc" / "exports" / "netbsd.syms"

HEAD = """\
# Exported functions that no test calls and no other part of the kernel uses;
# made by tests/abi/test_exports.py.  This list only shrinks.
"""


def nm(path: Path, *options: str) -> list[list[str]]:
    command = ["nm", *options, str(path)]
    done = subprocess.run(command, text=True, capture_output=True, check=True)
    return [line.split() for line in done.stdout.splitlines() if line]


def undefined(paths: list[Path]) -> set[str]:
    return {words[-1] for path in paths for words in nm(path, "-u")}


@cache
def functions() -> dict[str, str]:
    """Exported functions, with the reason why one is not supported or ""."""
    code = {w[-1] for w in nm(ROOT / "build" / "kernel.elf") if w[-2] in "TtW"}
    lines = (line.split("\t") for line in SYMS.read_text().splitlines())
    return {
        words[0]: "".join(words[1:])
        for words in lines
        if words[0] in code and words[0][0] != "#"
    }


@cache
def used() -> frozenset[str]:
    """Names that something tested uses."""
    build = ROOT / "build"
    # The modules that the tests load; and the kernel's own parts.
    found = undefined(sorted((build / "modules").glob("*.kmod")))
    found |= undefined(sorted((build / "obj" / "kernel").rglob("*.o")))
    for path in sorted((ROOT / "tests").rglob("*.[pch]*")):
        if path.suffix in (".py", ".c", ".h"):
            found |= set(re.findall(r"\b[A-Za-z_]\w*\b", path.read_text()))
    return frozenset(found)


def without() -> list[str]:
    """Functions with neither a test nor a reason."""
    return sorted(n for n, why in functions().items() if not why and n not in used())


def listed() -> list[str]:
    return [n for n in UNTESTED.read_text().splitlines() if not n.startswith("#")]


def test_the_scan_finds_what_is_there() -> None:
    assert len(functions()) > 900
    for name in ("kmem_alloc", "mutex_enter", "vcache_get"):
        assert name in functions() and name in used()
    assert any(functions().values())


def test_exports_have_a_test_or_a_reason() -> None:
    new = sorted(set(without()) - set(listed()))
    assert new == [], "write a test, or give a reason in csrc/exports/limits.tbl"


def test_reasons_say_what_happens() -> None:
    for name, why in functions().items():
        assert not why or len(why) > 20, name


if __name__ == "__main__":
    UNTESTED.write_text(HEAD + "".join(f"{name}\n" for name in without()))
    print(len(without()), file=sys.stderr)
