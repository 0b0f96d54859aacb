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


#: Families whose rules are easy to get wrong: a test's module calls each itself.
SUBTLE = re.compile(
    r"(pool|vmem|kauth|rw|mutex|cv|uvm|ubc|uao|fstrans|fscow|vcache|rb_tree|percpu"
    r"|sysctl|bufq|workqueue|callout|kthread|evcnt|atomic|kmem|dirhash|cache|copy)_"
    r"|(vrele|vput|vgone|vref|vrecycle|getblk|bread|bwrite|bdwrite|bawrite|brelse)"
    r"|(biodone|biowait|getiobuf|nestiobuf|ratecheck|ppsratecheck)"
)

#: Subtle, but called through another: vfs_mountalloc(), vfs_suspend().
THROUGH = {"fstrans_mount", "fstrans_setstate"}


#: Functions that do nothing but succeed, and why that is right.
NOTHING_TO_DO = {
    "devnullop": "for a driver's slots whose success needs nothing",
    "fnullop_poll": "no event of a file that has none",
    "fnullop_restart": "for files whose sleepers need no restart",
    "genfs_abortop": "nothing was kept between lookup and operation",
    "genfs_mmap": "allows mapping; pages come by getpages",
    "genfs_nullop": "for operations whose success needs nothing",
    "nullop": "by its name",
    "percpu_putref": "the one CPU can't change under whoever runs",
    "tprintf_close": "tprintf_open() opens nothing",
    "voidop": "by its name",
}

FUNCTION = re.compile(r"\n(\w+)\([^{;]*\)\n\{((?:.|\n)*?)\n\}\n")
COMMENT = re.compile(r"/\*.*?\*/|\(void\)\w+[,;]", re.DOTALL)


@cache
def taken() -> frozenset[str]:
    """Names that the modules take which the tests load."""
    return frozenset(undefined(sorted((ROOT / "build" / "modules").glob("*.kmod"))))


@cache
def used() -> frozenset[str]:
    """Names that something tested uses."""
    build = ROOT / "build"
    # The modules that the tests load; and the kernel's own parts.
    found = set(taken())
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


def test_subtle_functions_have_a_test_of_their_own() -> None:
    subtle = {n for n, why in functions().items() if SUBTLE.match(n) and not why}
    assert len(subtle) > 300
    assert sorted(subtle - taken() - THROUGH) == []


def test_success_without_work_is_meant() -> None:
    found = set()
    for path in sorted((ROOT / "csrc" / "kernel").rglob("*.c")):
        for name, body in FUNCTION.findall(path.read_text()):
            left = "".join(COMMENT.sub("", body).split())
            if left in ("", "return;", "return0;", "returntrue;"):
                found.add(name)
    known = {name for name, why in functions().items() if not why}
    assert found & known == NOTHING_TO_DO.keys()


def test_reasons_say_what_happens() -> None:
    for name, why in functions().items():
        assert not why or len(why) > 20, name
