# SPDX-License-Identifier: BSD-2-Clause
"""A module that was compiled against NetBSD's own headers works here.

Everything it inlines is NetBSD's, so that an offset, a macro or an argument
structure of ours that differs would show.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import netbsd_headers
import pytest
from test_layouts import DEFINES

from rumpy.errors import ModuleError

if TYPE_CHECKING:
    import rumpy

SOURCE = Path(__file__).parent / "foreign" / "foreignfs.c"
FLAGS = """
    -std=gnu11 -O2 -g -w -ffreestanding -nostdinc -fno-pic -fno-pie
    -mcmodel=kernel -mno-red-zone -mno-sse -fcf-protection=none -fno-common
    -fno-omit-frame-pointer -fno-strict-aliasing -fno-stack-protector
    -D__NetBSD__ -D_KERNEL -D_MODULE -D__POOL_EXPOSE -DDIAGNOSTIC
    -D__NetBSD_Version__=1001000000
"""


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module, or a skip where NetBSD's headers can't be had."""
    try:
        stubs, *headers = netbsd_headers.include_path()
    except netbsd_headers.Unavailable as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("foreign")
    command = ["cc", *FLAGS.split(), *(f"-D{k}={v}" for k, v in DEFINES.items())]
    command += [f"-I{stubs}", *(f"-isystem{h}" for h in headers)]
    command += ["-c", "-o", str(folder / "foreign.o"), str(SOURCE)]
    subprocess.run(command, check=True)
    module = folder / "foreign.kmod"
    command = ["ld", "-r", "-o", str(module), str(folder / "foreign.o")]
    subprocess.run(command, check=True)
    return module


def test_life_of_a_file_system(kernel: rumpy.Kernel, foreign: Path) -> None:
    kernel.load(foreign)
    assert "foreign: selftest 0" in kernel.console.tail(4096)
    with kernel.mount("foreign", None, "/f"):
        assert kernel.listdir("/f") == ["hello"]
        found = kernel.stat("/f/hello")
        assert (found.st_uid, found.st_gid) == (12, 34)
        assert (found.st_ino, found.st_size, found.st_nlink) == (3, 27, 1)
        assert found.st_mtime == 1_000_000_000
        with kernel.fopen("/f/hello", "rb") as file:
            assert file.read() == b"NetBSD's headers made this\n"
        assert kernel.sysctl("vfs.foreign.reads") >= 1
        space = kernel.statvfs("/f")
        assert (space.f_bsize, space.f_blocks, space.f_files) == (4096, 11, 2)
        with pytest.raises(FileNotFoundError):
            kernel.stat("/f/nothing")
        with pytest.raises(OSError, match="Read-only"):
            kernel.mkdir("/f/new")
    kernel.unload("foreign")
    with pytest.raises(FileNotFoundError):
        kernel.sysctl("vfs.foreign.reads")


def test_refuses_to_go_while_mounted(kernel: rumpy.Kernel, foreign: Path) -> None:
    kernel.load(foreign)
    with kernel.mount("foreign", None, "/f"):
        with pytest.raises(ModuleError, match="in use"):
            kernel.unload("foreign")
        assert kernel.listdir("/f") == ["hello"]
    kernel.unload("foreign")
