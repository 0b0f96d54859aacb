# SPDX-License-Identifier: BSD-2-Clause
"""kernel.elf asks for hypercalls only and offers what the export list says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / "build" / "kernel.elf"
EXPORTS = ROOT / "csrc" / "exports" / "netbsd.syms"

#: Calls of syscalls.tbl that nobody has implemented; this list only shrinks.
UNIMPLEMENTED: set[str] = set()


def symbols(*options: str) -> list[list[str]]:
    """What nm says, one list of words for each symbol."""
    command = ["nm", *options, str(KERNEL)]
    result = subprocess.run(command, text=True, capture_output=True, check=True)
    return [line.split() for line in result.stdout.splitlines()]


def exported() -> list[str]:
    """The committed export list."""
    lines = EXPORTS.read_text().splitlines()
    return [line.split("\t")[0] for line in lines if not line.startswith("#")]


def test_undefined_are_hypercalls() -> None:
    from rumpy.abi.hypercalls import HYPERCALLS

    undefined = {words[-1] for words in symbols("-u")}
    assert undefined == set(HYPERCALLS)


def test_exports_are_defined() -> None:
    defined = {words[-1] for words in symbols("-g", "--defined-only")}
    assert sorted(set(exported()) - defined) == []


def test_export_list_is_sorted() -> None:
    names = exported()
    assert names == sorted(set(names))


def test_export_list_is_current() -> None:
    command = [sys.executable, str(ROOT / "csrc" / "exports" / "update.py"), "--check"]
    result = subprocess.run(command, text=True, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr


def test_system_calls_are_implemented() -> None:
    weak = {
        words[-1].removeprefix("sys_")
        for words in symbols("-g")
        if words[-2:-1] == ["W"]
    }
    assert weak == UNIMPLEMENTED


def test_no_thread_local_or_common_symbols() -> None:
    kinds = {words[-2] for words in symbols() if len(words) >= 2}
    assert not kinds & {"C", "c"}
    headers = subprocess.run(
        ["readelf", "-SW", str(KERNEL)], text=True, capture_output=True, check=True
    ).stdout
    assert ".tdata" not in headers and ".tbss" not in headers


def test_no_vector_instructions() -> None:
    command = ["objdump", "-d", "--no-show-raw-insn", str(KERNEL)]
    text = subprocess.run(command, text=True, capture_output=True, check=True).stdout
    assert "%xmm" not in text and "%ymm" not in text
