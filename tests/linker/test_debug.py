# SPDX-License-Identifier: BSD-2-Clause
"""gdb and perf see kernels and modules when asked to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rumpy.linker import LinkedImage, Linker
from rumpy.linker.debug import perf_map_path

from .objects import compile_c, module_source


@pytest.fixture
def perf_map() -> Iterator[Path]:
    path = Path(perf_map_path())
    path.unlink(missing_ok=True)
    yield path
    path.unlink(missing_ok=True)


def test_perf_map(
    linker: Linker, kernel_file: Path, perf_map: Path, tmp_path: Path
) -> None:
    linker.debug(perf=True)
    kernel = linker.load_kernel(kernel_file)
    path = compile_c(tmp_path, module_source("seen"), "seen.kmod")
    module = linker.load_module(path)
    lines = [line.split() for line in perf_map.read_text().splitlines()]
    found = {name: (int(start, 16), int(size, 16)) for start, size, name in lines}
    assert found["kernel:kern_boot"][0] == kernel.symbol("kern_boot")
    start, size = found["seen:modcmd"]
    assert start in module.text and 0 < size <= module.text.size


def test_perf_map_follows_no_link(
    linker: Linker, kernel_file: Path, perf_map: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious\n")
    perf_map.symlink_to(victim)
    linker.debug(perf=True)
    with pytest.raises(OSError):
        linker.load_kernel(kernel_file)
    assert victim.read_text() == "precious\n"


def test_nothing_is_told_unasked(
    linker: Linker, kernel: LinkedImage, perf_map: Path
) -> None:
    assert linker.debugging is None
    assert not perf_map.exists()


def test_gdb_stops_in_a_module(kernel_file: Path, tmp_path: Path) -> None:
    """A breakpoint set by name, before the module exists; source lines shown."""
    if shutil.which("gdb") is None:
        pytest.skip("needs package gdb: no gdb here")
    body = """
    static int modcmd(int cmd, void *arg) { return 0; }
    __attribute__((noinline)) int entry(int x)
    {
        return x * 3;
    }
    """
    module = compile_c(tmp_path, module_source("stop", body), "stop.kmod")
    root = Path(__file__).resolve().parents[2]
    script = tmp_path / "script.py"
    script.write_text(f"""
import sys
sys.path.insert(0, {str(root)!r})
from rumpy._hyp import ffi
from rumpy.hypercall.memory import Memory
from rumpy.linker import Linker
with Memory() as memory:
    linker = Linker(memory.host({{"hyp_console_write": 1 << 40}}))
    linker.load_kernel({str(kernel_file)!r})
    module = linker.load_module({str(module)!r})
    ffi.cast("int (*)(int)", module.symbol("entry"))(14)
    linker.unload(module)
    linker.close()
print("finished")
""")
    commands = [
        "set breakpoint pending on", "break entry", "run", "info args", "backtrace 1",
        "delete", "continue",
    ]  # fmt: skip
    arguments = [part for command in commands for part in ("-ex", command)]
    done = subprocess.run(
        ["gdb", "-nx", "-batch", *arguments, "--args", sys.executable, str(script)],
        capture_output=True, text=True, timeout=120,
        env={**os.environ, "RUMPY_GDB": "1"}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if "ptrace" in done.stderr and "not permitted" in done.stderr:
        pytest.skip("gdb may not trace here")
    assert "x = 14" in done.stdout, done.stdout + done.stderr
    assert "stop.kmod.c:" in done.stdout
    assert "finished" in done.stdout
