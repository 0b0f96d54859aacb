# SPDX-License-Identifier: BSD-2-Clause
"""A linker over real memory, and a small kernel to link modules into."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("rumpy._hyp", reason="the native part is not built (make ext)")

from rumpy._hyp import ffi
from rumpy.hypercall.memory import Memory
from rumpy.linker import LinkedImage, Linker

from .objects import KERNEL, compile_c

printed: list[bytes] = []


@ffi.callback("int(char *, uint64_t)")
def _write(text: object, length: int) -> int:
    printed.append(bytes(ffi.buffer(text, length)))
    return 1000


CALLS = {"hyp_console_write": int(ffi.cast("uintptr_t", _write))}


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory() as memory:
        yield memory


@pytest.fixture
def linker(memory: Memory) -> Linker:
    return Linker(memory.host(CALLS))


@pytest.fixture(scope="session")
def kernel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    return compile_c(tmp_path_factory.mktemp("kernel"), KERNEL, "kernel.elf")


@pytest.fixture
def kernel(linker: Linker, kernel_file: Path) -> LinkedImage:
    return linker.load_kernel(
        kernel_file, exports={"exported", "counter", "panic", "nowhere"}
    )


@pytest.fixture
def call() -> Callable[..., int]:
    def run(address: int, *arguments: int) -> int:
        kind = ", ".join(["int"] * len(arguments)) or "void"
        function = ffi.cast(f"int (*)({kind})", address)
        return int(function(*arguments))

    return run
