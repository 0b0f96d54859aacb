# SPDX-License-Identifier: BSD-2-Clause
"""Structures lie where NetBSD has them.

The tables csrc/abi/layouts*.tbl are compiled twice for each release: against our
headers, and against NetBSD's own.
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

RELEASES = {
    release.major: release.version
    for release in tables.read_versions(CSRC / "abi" / "versions.tbl")[0]
}
HEADERS, LAYOUTS = tables.release_layouts(10)
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


def our_flags(version: int = RELEASES[10]) -> list[str]:
    subprocess.run([sys.executable, str(CSRC / "tables.py")], check=True)
    folders = (CSRC / "abi" / "netbsd", CSRC / "include", ROOT / "build" / "include")
    flags = ["-D_KERNEL", "-DDIAGNOSTIC", f"-D__NetBSD_Version__={version}"]
    return [*flags, *(f"-I{folder}" for folder in folders)]


def test_table_is_not_empty() -> None:
    assert len(LAYOUTS) > 180
    assert sum(len(layout.members) for layout in LAYOUTS) > 1500


@pytest.mark.parametrize("release", RELEASES)
def test_our_headers(release: int) -> None:
    includes = [f"#include <{h}>" for h in HEADERS]
    _, layouts = tables.release_layouts(release)
    lines = [line for layout in layouts for line in layout.asserts(tail=True)]
    source = "\n".join([*includes, *lines])
    assert compile_asserts(source, our_flags(RELEASES[release])) == []


def test_releases_differ() -> None:
    """A table of one release must not fit the headers of the other."""
    includes = [f"#include <{h}>" for h in HEADERS]
    lines = [line for layout in LAYOUTS for line in layout.asserts(tail=True)]
    source = "\n".join([*includes, *lines])
    errors = "\n".join(compile_asserts(source, our_flags(RELEASES[11])))
    assert "lwp.l_cred" in errors
    assert "mount.mnt_flag" in errors


def test_an_unknown_release_does_not_compile() -> None:
    errors = compile_asserts("#include <sys/param.h>\n", our_flags(900000000))
    assert any("no such release" in error for error in errors)


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


@pytest.mark.parametrize("release", RELEASES)
def test_netbsd_headers(release: int) -> None:
    try:
        folders = netbsd_headers.include_path(release)
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
        f"-D__NetBSD_Version__={RELEASES[release]}",
        *(f"-I{folder}" for folder in folders[:1]),
    ]
    flags += [f"-isystem{folder}" for folder in folders[1:]]
    lines = [
        line
        for layout in tables.release_layouts(release)[1]
        if layout.name not in NOT_PUBLIC
        for line in layout.asserts(tail=False)
    ]
    errors = compile_asserts(netbsd_source(folders, lines), flags)
    assert errors == []
