# SPDX-License-Identifier: BSD-2-Clause
"""Every exported function has a test or a reason why it is not supported.

A function counts as tested when a module that the tests load takes it, when a
test names it, or when other parts of the kernel call it, which the tests of
those parts run.
"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SYMS = ROOT / "csrc" / "exports" / "netbsd.syms"


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


def test_the_scan_finds_what_is_there() -> None:
    assert len(functions()) > 900
    for name in ("kmem_alloc", "mutex_enter", "vcache_get"):
        assert name in functions() and name in used()
    assert any(functions().values())


def test_exports_have_a_test_or_a_reason() -> None:
    assert without() == [], "write a test, or give a reason in csrc/exports/limits.tbl"


def test_reasons_say_what_happens() -> None:
    for name, why in functions().items():
        assert not why or len(why) > 20, name
