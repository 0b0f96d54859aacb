# SPDX-License-Identifier: BSD-2-Clause
"""modctl(2): loading from inside, unloading, statistics, refusals."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path
from struct import pack, unpack_from
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import rumpy

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "build" / "modules"
LOAD, UNLOAD, OSTAT, EXISTS, STAT = range(5)

#: A module with a name, a version and dependencies of the test's choice.
SOURCE = """
typedef unsigned int u_int;
struct modinfo {{
    u_int version; int class; int (*cmd)(int, void *);
    const char *name; const char *required;
}};
void printf(const char *, ...);
int {name}_value = 7;
static int cmd(int c, void *arg)
{{
    if (c > 1)
        return 25;
    printf("{name}: command %d\\n", c);
    return c == {fail} ? 22 : 0;
}}
static const struct modinfo info = {{ {version}, 1, cmd, "{name}", {required} }};
static const void *const set __attribute__((section("link_set_modules"), used)) = &info;
"""


class Builder:
    """Makes small modules and puts them into the kernel's file system."""

    def __init__(self, kernel: rumpy.Kernel, folder: Path) -> None:
        self.kernel = kernel
        self.folder = folder

    def __call__(
        self,
        name: str,
        *,
        version: int = 1001000000,
        required: str | None = None,
        fail: int = -1,
    ) -> str:
        """Path of the module in the kernel."""
        needs = "0" if required is None else f'"{required}"'
        text = SOURCE.format(name=name, version=version, required=needs, fail=fail)
        module = self.folder / f"{name}.kmod"
        flags = [
            "-O2",
            "-ffreestanding",
            "-fno-pic",
            "-fno-pie",
            "-mcmodel=kernel",
            "-w",
        ]
        flags += ["-fno-stack-protector", "-fcf-protection=none", "-fno-builtin"]
        command = ["cc", *flags, "-x", "c", "-c", "-o", str(module), "-"]
        subprocess.run(command, input=text, text=True, check=True)
        path = f"/{name}.kmod"
        self.kernel.upload(module, path)
        return path


@pytest.fixture
def module(kernel: rumpy.Kernel, tmp_path: Path) -> Builder:
    return Builder(kernel, tmp_path)


def load(process: rumpy.Process, path: str) -> None:
    """modctl(MODCTL_LOAD)."""
    from rumpy._hyp import ffi

    name = ffi.new("char[]", path.encode())
    arg = ffi.from_buffer(pack("<Qi4xQQ", int(ffi.cast("uintptr_t", name)), 0, 0, 0))
    process.sys.modctl(LOAD, arg)


def unload(process: rumpy.Process, name: str) -> None:
    """modctl(MODCTL_UNLOAD)."""
    from rumpy._hyp import ffi

    process.sys.modctl(UNLOAD, ffi.new("char[]", name.encode()))


def stat(process: rumpy.Process) -> dict[str, tuple[int, str]]:
    """modctl(MODCTL_STAT): name -> (references, required), of what was loaded."""
    from rumpy._hyp import ffi
    from rumpy.linker.modinfo import BUILT_IN

    room = ffi.new("char[]", 65536)
    iov = ffi.new("uint64_t[2]", [int(ffi.cast("uintptr_t", room)), 65536])
    process.sys.modctl(STAT, iov)
    data = bytes(ffi.buffer(room))
    (count,) = unpack_from("<i", data)
    strings = 4 + 64 * count
    found = {}
    for at in range(4, strings, 64):
        name, references, offset = unpack_from("<32s20xI4xI", data, at)
        required = data[strings + offset :].split(b"\0")[0] if offset else b""
        found[name.rstrip(b"\0").decode()] = (references, required.decode())
    assert all(found.pop(name) == (0, "") for name in BUILT_IN)
    return found


def fails(number: int, function: Any, *args: Any) -> None:
    with pytest.raises(OSError) as caught:
        function(*args)
    assert caught.value.errno == number


def test_load_and_unload(kernel: rumpy.Kernel, module: Builder) -> None:
    load(kernel, module("first"))
    assert stat(kernel)["first"] == (0, "")
    fails(errno.EEXIST, load, kernel, "/first.kmod")
    unload(kernel, "first")
    assert "first" not in stat(kernel)
    text = kernel.console.tail(4096)
    assert "first: command 0" in text
    assert "first: command 1" in text
    fails(errno.ENOENT, unload, kernel, "first")


def test_dependencies(kernel: rumpy.Kernel, module: Builder) -> None:
    load(kernel, module("base"))
    load(kernel, module("upper", required="base"))
    assert stat(kernel) == {"base": (1, ""), "upper": (0, "base")}
    fails(errno.EBUSY, unload, kernel, "base")
    unload(kernel, "upper")
    unload(kernel, "base")


def test_a_missing_dependency(kernel: rumpy.Kernel, module: Builder) -> None:
    path = module("lonely", required="nobody_has_this")
    with pytest.raises(OSError):
        load(kernel, path)
    assert stat(kernel) == {}


@pytest.mark.parametrize("version", [1000000000, 1001000000, 1098000000])
def test_versions_of_the_major(
    kernel: rumpy.Kernel, module: Builder, version: int
) -> None:
    load(kernel, module("versioned", version=version))


@pytest.mark.parametrize("version", [0, 903000000, 1099001200, 1100000000])
def test_other_versions(kernel: rumpy.Kernel, module: Builder, version: int) -> None:
    path = module("versioned", version=version)
    with pytest.raises(OSError):
        load(kernel, path)
    assert stat(kernel) == {}


def test_a_failing_initialisation(kernel: rumpy.Kernel, module: Builder) -> None:
    path = module("failing", fail=0)
    fails(errno.EINVAL, load, kernel, path)
    assert stat(kernel) == {}


def test_a_module_that_stays(kernel: rumpy.Kernel, module: Builder) -> None:
    load(kernel, module("staying", fail=1))
    with pytest.raises(OSError):
        unload(kernel, "staying")
    assert "staying" in stat(kernel)


def test_refusals(kernel: rumpy.Kernel, module: Builder) -> None:
    path = module("first")
    fails(errno.ENOENT, load, kernel, "/no/such/file")
    fails(errno.EFAULT, kernel.sys.modctl, LOAD, 8)
    fails(errno.EINVAL, kernel.sys.modctl, 99, 0)
    fails(errno.EINVAL, kernel.sys.modctl, OSTAT, 0)
    assert kernel.sys.modctl(EXISTS, 0) == 0
    with kernel.process(uid=1000) as somebody:
        fails(errno.EPERM, load, somebody, path)
    load(kernel, path)
    with kernel.process(uid=1000) as somebody:
        fails(errno.EPERM, unload, somebody, "first")


def test_not_a_module(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("not an ELF file at all\n" * 100)
    kernel.upload(file, "/text.kmod")
    with pytest.raises(OSError) as caught:
        load(kernel, "/text.kmod")
    assert caught.value.errno == errno.ENOEXEC
    assert stat(kernel) == {}


def test_shipped_modules_by_name(kernel: rumpy.Kernel) -> None:
    load(kernel, "hello")
    assert "hello" in stat(kernel)
    assert kernel.sysctl("hello.times") == 1
    unload(kernel, "hello")
    with pytest.raises(FileNotFoundError):
        kernel.sysctl("hello.times")
