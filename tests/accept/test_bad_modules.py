# SPDX-License-Identifier: BSD-2-Clause
"""Modules built wrongly: the message names the flag, and the flag cures it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

import rumpy
from rumpy.linker import peek

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
        (["-flto"], CALLS, "-fno-lto"),
        (["-fstack-protector-all"], STACK, "-fno-stack-protector"),
        (["-pg"], CALLS, "-pg"),
        (["-fPIC", "-mcmodel=small"], DATA, "-fno-pic"),
        ([], FORTIFIED, "-U_FORTIFY_SOURCE"),
        (["-m32", "-mcmodel=32"], {}, None),
    ],
    ids=["common", "lto", "stack-protector", "profiled", "pic", "fortified", "32-bit"],
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


def of_version(path: Path, version: int) -> Path:
    """The module as if it were built for another release."""
    data = path.read_bytes()
    old = peek(path).version.to_bytes(4, "little")
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, version.to_bytes(4, "little")))
    return path


@pytest.mark.parametrize("version", [999009900, 1099001200])
def test_another_version(kernel: rumpy.Kernel, tmp_path: Path, version: int) -> None:
    path = of_version(compiled(tmp_path), version)
    with pytest.raises(rumpy.ModuleError, match=str(version)):
        kernel.load(str(path))


# --- modules that are built right, and misbehave -------------------------------

MISBEHAVING = """
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/module.h>
#include <sys/systm.h>
MODULE(MODULE_CLASS_MISC, %(name)s, %(needs)s);
%(body)s
static int
%(name)s_modcmd(modcmd_t cmd, void *arg)
{
	switch (cmd) {
	case MODULE_CMD_INIT:
		%(init)s
	case MODULE_CMD_FINI:
		%(fini)s
	default:
		return ENOTTY;
	}
}
"""


def built(
    folder: Path,
    name: str,
    *,
    init: str = "return 0;",
    fini: str = "return 0;",
    body: str = "",
    needs: str = "NULL",
) -> Path:
    """A module whose INIT and FINI do this."""
    if shutil.which("gcc") is None:
        pytest.skip("needs package gcc: no gcc here")
    values = {"name": name, "init": init, "fini": fini, "body": body, "needs": needs}
    source = folder / f"{name}.c"
    source.write_text(MISBEHAVING % values)
    out = folder / f"{name}.kmod"
    line = ["gcc", *FLAGS, *INCLUDES, "-w", "-c", "-o", out, source]
    subprocess.run(line, check=True)
    return out


def works(k: rumpy.Kernel) -> None:
    """Everything else is as it was."""
    k.load("hello")
    assert "hello" in [m.name for m in k.modules()]
    k.unload("hello")
    k.makedirs("/still", exist_ok=True)


@pytest.mark.parametrize(("machine", "name"), [(183, "AArch64"), (2, "SPARC")])
def test_another_architecture(
    kernel: rumpy.Kernel, tmp_path: Path, machine: int, name: str
) -> None:
    path = built(tmp_path, "foreign")
    data = bytearray(path.read_bytes())
    data[18:20] = machine.to_bytes(2, "little")
    path.write_bytes(data)
    with pytest.raises(rumpy.LinkError) as caught:
        kernel.load(path)
    text = str(caught.value).lower()
    assert "amd64" in text or "x86" in text
    assert name.lower() in text or str(machine) in text
    assert kernel.modules() == []
    works(kernel)


def test_the_message_says_which_versions_there_are(
    kernel: rumpy.Kernel, tmp_path: Path
) -> None:
    path = of_version(compiled(tmp_path), 904000000)
    with pytest.raises(rumpy.ModuleError) as caught:
        kernel.load(path)
    for words in ("wrong was built for NetBSD 9.4", "supported", "NetBSD 10.x"):
        assert words in str(caught.value)
    works(kernel)


def test_init_fails(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    path = built(tmp_path, "failing", init="return EIO;")
    free = kernel.memory
    for _ in range(3):
        with pytest.raises(rumpy.ModuleError, match="failing: initialisation failed"):
            kernel.load(path)
        assert kernel.modules() == []
    works(kernel)
    assert kernel.memory < free + (4 << 20)


def test_what_was_loaded_for_a_failure_goes_with_it(
    kernel: rumpy.Kernel, tmp_path: Path
) -> None:
    built(tmp_path, "base")
    mine = built(tmp_path, "mine")
    failing = built(tmp_path, "failing", init="return ENXIO;", needs='"mine,base"')
    kernel.load(mine)
    with pytest.raises(rumpy.ModuleError) as caught:
        kernel.load(failing)
    assert caught.value.kernel_errno == 6
    assert [m.name for m in kernel.modules()] == ["mine"]
    works(kernel)


def test_init_panics(tmp_path: Path) -> None:
    path = built(tmp_path, "panicking", init='panic("asked for %d", 7);')
    with rumpy.Kernel() as other, rumpy.Kernel() as k:
        with pytest.raises(rumpy.KernelPanic, match="asked for 7") as caught:
            k.load(path)
        assert "panicking" in str(caught.value)
        with pytest.raises(rumpy.KernelPanic):
            k.load("hello")
        works(other)


def test_fini_refuses(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    module = kernel.load(built(tmp_path, "staying", fini="return EBUSY;"))
    with pytest.raises(rumpy.ModuleError, match="staying: in use"):
        module.unload()
    assert kernel.modules() == [module]
    works(kernel)


def test_unloading_what_is_mounted(kernel: rumpy.Kernel, image: Path) -> None:
    with kernel.mount("ffs", str(image), "/mnt") as mnt:
        with pytest.raises(rumpy.ModuleError, match="ffs: in use"):
            kernel.unload("ffs")
        assert (mnt / "README").read_text()
    kernel.unload("ffs")
    works(kernel)


def test_two_with_one_name(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    body = "int shared_by_two = 3; int also_shared(void) { return 1; }"
    first = kernel.load(built(tmp_path, "first", body=body))
    second = built(tmp_path, "second", body=body)
    with pytest.raises(rumpy.LinkError) as caught:
        kernel.load(second)
    for words in ("also_shared (in first)", "shared_by_two (in first)"):
        assert words in str(caught.value)
    assert kernel.modules() == [first]
    first.unload()
    kernel.load(second)


def test_trapped(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    path = built(
        tmp_path,
        "trapping",
        body="int nobody_has_this(int);",
        fini="return nobody_has_this(1);",
    )
    with pytest.raises(rumpy.LinkError, match="nobody_has_this"):
        kernel.load(path)
    module = kernel.load(path, missing="trap")
    works(kernel)
    with pytest.raises(rumpy.KernelPanic, match="nobody_has_this"):
        module.unload()


def test_the_command_traps(run: object, tmp_path: Path) -> None:
    path = built(
        tmp_path, "trapping", body="int nobody_has_this(int);",
        init="return nobody_has_this(1);",
    )  # fmt: skip
    script = tmp_path / "script.py"
    script.write_text("print(k.modules())")
    for words, said in (((), "undefined"), (("--missing", "trap"), "panic")):
        done = run("run", *words, "-l", str(path), str(script))  # type: ignore[operator]
        assert done.code == 1
        assert "nobody_has_this" in done.err and said in done.err.lower()


def test_the_command_says_the_same(run: object, tmp_path: Path) -> None:
    path = compiled(tmp_path, "-fcommon", **COMMON)
    done = run("modinfo", "./" + path.name)  # type: ignore[operator]
    assert done.code in (0, 1)
    assert "-fno-common" in done.out + done.err


def test_unloading_what_is_open(kernel: rumpy.Kernel) -> None:
    kernel.load("chardev")
    kernel.mknod("/dev/queue0", 0o600 | stat.S_IFCHR, os.makedev(351, 0))
    fd = kernel.open("/dev/queue0", os.O_RDWR | os.O_NONBLOCK)
    with pytest.raises(rumpy.ModuleError, match="chardev: in use"):
        kernel.unload("chardev")
    assert kernel.write(fd, b"still") == 5
    assert kernel.read(fd, 10) == b"still"
    kernel.close(fd)
    kernel.unload("chardev")
    works(kernel)


def test_a_folder_is_no_module(tmp_path: Path, kernel: rumpy.Kernel) -> None:
    with pytest.raises(rumpy.ModuleError, match="not a file"):
        kernel.load(f"{tmp_path}/")
