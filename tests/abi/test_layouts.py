# SPDX-License-Identifier: BSD-2-Clause
"""Structures lie where NetBSD has them.

The table csrc/abi/layouts.tbl is compiled twice: against our headers, and
against NetBSD's own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import netbsd_headers
import pytest

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
sys.path.insert(0, str(CSRC))

import tables  # noqa: E402

HEADERS, LAYOUTS = tables.read_layouts(CSRC / "abi" / "layouts.tbl")
FLAGS = [
    "-x",
    "c",
    "-std=gnu11",
    "-fsyntax-only",
    "-fmax-errors=0",
    "-nostdinc",
    "-ffreestanding",
    "-w",
]

#: What the missing headers would define, as far as inline functions want it.
DEFINES = {
    "INTRIDBUF": "64",
    "INTRDEVNAMEBUF": "256",
    "ci_schedstate": "ci_data.cpu_schedstate",
    "CPU_COUNT_FLTRELCK": "20",
    "CPU_COUNT_FLTRELCKOK": "21",
}

#: Not in the public headers, so nobody but the measured modules can judge them.
NOT_PUBLIC = {"work", "wapbl"}


def compile_asserts(source: str, flags: list[str]) -> list[str]:
    """The error messages of a C source."""
    command = ["cc", *FLAGS, *flags, "-"]
    result = subprocess.run(
        command, input=source, text=True, capture_output=True, check=False
    )
    return [line for line in result.stderr.splitlines() if "error:" in line]


def our_flags() -> list[str]:
    subprocess.run([sys.executable, str(CSRC / "tables.py")], check=True)
    folders = (CSRC / "abi" / "netbsd", CSRC / "include", ROOT / "build" / "include")
    return ["-D_KERNEL", "-DDIAGNOSTIC", *(f"-I{folder}" for folder in folders)]


def test_table_is_not_empty() -> None:
    assert len(LAYOUTS) > 180
    assert sum(len(layout.members) for layout in LAYOUTS) > 1500


def test_our_headers() -> None:
    includes = [f"#include <{h}>" for h in HEADERS]
    lines = [line for layout in LAYOUTS for line in layout.asserts(tail=True)]
    assert compile_asserts("\n".join([*includes, *lines]), our_flags()) == []


def test_a_wrong_offset_is_noticed() -> None:
    includes = [f"#include <{h}>" for h in HEADERS]
    wrong = tables.Layout("lwp", 1040, True, (("l_cred", 760, 8),))
    errors = compile_asserts(
        "\n".join([*includes, *wrong.asserts(tail=True)]), our_flags()
    )
    assert any("lwp.l_cred" in error for error in errors)


def netbsd_source(folders: list[Path], lines: list[str]) -> str:
    present = [h for h in HEADERS if any((folder / h).exists() for folder in folders)]
    extra = [
        "sys/vnode.h",
        "sys/sched.h",
        "sys/filedesc.h",
        "sys/wapbl.h",
        "sys/wapbl_replay.h",
        "uvm/uvm.h",
    ]
    names = ["sys/param.h", "sys/types.h", "sys/systm.h", *present, *extra]
    return "\n".join([*(f"#include <{h}>" for h in names), '#line 1 "TABLE"', *lines])


def test_netbsd_headers() -> None:
    try:
        folders = netbsd_headers.include_path()
    except netbsd_headers.Unavailable as error:
        pytest.skip(str(error))
    flags = [
        "-D__NetBSD__",
        "-D_KERNEL",
        "-D_MODULE",
        "-D__POOL_EXPOSE",
        "-DWAPBL_INTERNAL",
    ]
    flags += [f"-D{name}={value}" for name, value in DEFINES.items()]
    flags += [
        "-D__NetBSD_Version__=1001000000",
        *(f"-I{folder}" for folder in folders[:1]),
    ]
    flags += [f"-isystem{folder}" for folder in folders[1:]]
    lines = [
        line
        for layout in LAYOUTS
        if layout.name not in NOT_PUBLIC
        for line in layout.asserts(tail=False)
    ]
    errors = compile_asserts(netbsd_source(folders, lines), flags)
    assert errors == []
