# SPDX-License-Identifier: BSD-2-Clause
"""Modules built wrongly: the message names the flag, and the flag cures it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import rumpy

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"

#: As somebody would who has read no manual but knows the kernel's headers.
FLAGS = [
    "-O2", "-ffreestanding", "-nostdinc", "-mcmodel=kernel", "-mno-red-zone",
    "-fno-pic", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-fno-common",
    "-D_KERNEL", "-D_MODULE",
]  # fmt: skip
INCLUDES = [f"-I{CSRC / d}" for d in ("abi/netbsd", "include")]
INCLUDES.append(f"-I{ROOT / 'build' / 'include'}")

SOURCE = """
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/module.h>
#include <sys/systm.h>
MODULE(MODULE_CLASS_MISC, wrong, %(needs)s);
%(body)s
static int
wrong_modcmd(modcmd_t cmd, void *arg)
{
	return cmd > MODULE_CMD_FINI ? ENOTTY : %(call)s;
}
"""


def compiled(
    folder: Path, *flags: str, body: str = "", call: str = "0", needs: str = "NULL"
) -> Path:
    """A module, built with `flags` after the right ones."""
    if shutil.which("gcc") is None:
        pytest.skip("needs package gcc: no gcc here")
    text = SOURCE % {"body": body, "call": call, "needs": needs}
    (folder / "wrong.c").write_text(text)
    out = folder / "wrong.kmod"
    line = ["gcc", *FLAGS, *flags, *INCLUDES, "-w", "-c", "-o", out, "wrong.c"]
    subprocess.run(line, cwd=folder, check=True)
    return out


COMMON = {"body": "int shared[4];", "call": "shared[arg != 0]"}
STACK = {
    "body": "void fill(char *); static int f(void) { char b[64];"
    ' __asm volatile("" :: "r"(b) : "memory"); return b[3] * 0; }',
    "call": "f()",
}
CALLS = {"body": "__attribute__((noinline)) static int f(void)"
         " { __asm volatile(\"\"); return 0; }", "call": "f()"}  # fmt: skip
FORTIFIED = {
    "body": "void *__memcpy_chk(void *, const void *, unsigned long, unsigned long);"
    " static char b[8];",
    "call": "(__memcpy_chk(b, arg, 4, 8), 0)",
}
DATA = {"body": "extern int hz;", "call": "hz == 0"}


@pytest.mark.parametrize(
    ("flags", "source", "cure"),
    [
        (["-fcommon"], COMMON, "-fno-common"),
        (["-fstack-protector-all"], STACK, "-fno-stack-protector"),
        (["-pg"], CALLS, "-pg"),
        (["-fPIC", "-mcmodel=small"], DATA, "-fno-pic"),
        ([], FORTIFIED, "-U_FORTIFY_SOURCE"),
        (["-m32", "-mcmodel=32"], {}, None),
    ],
    ids=["common", "stack-protector", "profiled", "pic", "fortified", "32-bit"],
)
def test_the_message_names_the_flag(
    kernel: rumpy.Kernel,
    tmp_path: Path,
    flags: list[str],
    source: dict[str, str],
    cure: str | None,
) -> None:
    path = compiled(tmp_path, *flags, **source)
    with pytest.raises((rumpy.LinkError, rumpy.ModuleError)) as caught:
        kernel.load(str(path))
    text = str(caught.value)
    assert "wrong.kmod" in text
    assert (cure or "32-bit") in text
    assert kernel.modules() == []
    if source is not FORTIFIED:
        kernel.load(str(compiled(tmp_path, **source)))
        assert [m.name for m in kernel.modules()] == ["wrong"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"body": "int no_such(void); int nor_this(void);",
          "call": "no_such() + nor_this()"}, ["no_such", "nor_this"]),
        ({"body": "int uvm_swap_is_here;"
          " __asm(\".globl printf\\n.set printf, uvm_swap_is_here\");"},
         ["printf"]),
        ({"needs": '"nobody"'}, ["nobody"]),
        ({"needs": '"wrong"'}, ["require each other: wrong -> wrong"]),
    ],
    ids=["missing", "duplicate", "no dependency", "cycle"],
)  # fmt: skip
def test_symbols_and_dependencies(
    kernel: rumpy.Kernel, tmp_path: Path, source: dict[str, str], words: list[str]
) -> None:
    path = compiled(tmp_path, **source)
    with pytest.raises((rumpy.LinkError, rumpy.ModuleError)) as caught:
        kernel.load(str(path))
    for word in words:
        assert word in str(caught.value)
    assert kernel.modules() == []


def test_another_version(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    path = compiled(tmp_path, "-D__NetBSD_Version__=999009900")
    with pytest.raises(rumpy.ModuleError, match=r"9\.99|999009900"):
        kernel.load(str(path))


def test_the_command_says_the_same(run: object, tmp_path: Path) -> None:
    path = compiled(tmp_path, "-fcommon", **COMMON)
    done = run("modinfo", "./" + path.name)  # type: ignore[operator]
    assert done.code in (0, 1)
    assert "-fno-common" in done.out + done.err
