# SPDX-License-Identifier: BSD-2-Clause
"""Drives modules/exectest: its functions by name, as doors."""

from __future__ import annotations

import enum
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rumpy
from rumpy.block import Device

ROOT = Path(__file__).resolve().parents[2]

# NetBSD's, where the host's differ.
EWOULDBLOCK, EINTR = 35, 4


class Crash(enum.IntEnum):
    """enum crash of modules/exectest/crash.c."""

    PANIC = 0
    KASSERT = 1
    NULL_READ = 2
    NULL_WRITE = 3
    NULL_CALL = 4
    DIVIDE = 5
    ILLEGAL = 6
    RECURSION = 7
    LOOP = 8
    SMASH = 9
    DIRECTION = 10
    NONCANONICAL = 11
    TEXT_WRITE = 12
    SPIN_SLEEP = 13
    SPIN_LEAVE = 14
    MUTEX_TWICE = 15
    MUTEX_OTHER = 16
    BAD_JUMP = 17


class Exec:
    """The exectest module in a kernel."""

    def __init__(self, kernel: rumpy.Kernel) -> None:
        from rumpy._hyp import ffi, lib

        self.ffi, self.lib = ffi, lib
        self.kernel = kernel
        self.machine = kernel._machine
        kernel.load(str(ROOT / "build/modules/exectest.kmod"))
        self.symbols = self.machine.linker.modules["exectest"].symbols

    def door(self, name: str, *args: int) -> tuple[int, list[int]]:
        """exectest_NAME: what hyp_call answers, and the results."""
        memory = self.ffi.new("int64_t[12]", [*args, *[0] * (12 - len(args))])
        k = self.machine._live()
        answer = self.lib.hyp_call(k, 0, self.symbols[f"exectest_{name}"], memory)
        return answer, list(memory[6:12])

    def call(self, name: str, *args: int) -> list[int]:
        """The same where it has to succeed; failures as Python shows them."""
        answer, results = self.door(name, *args)
        if answer:
            raise self.machine.error(answer)
        return results

    def statistics(self) -> Any:
        """struct hyp_stats."""
        stats = self.ffi.new("struct hyp_stats *")
        self.lib.hyp_stats(self.machine._live(), stats)
        return stats

    def submit(self, *args: int) -> tuple[int, Any]:
        """exectest_submit in an unbound context; its memory must be kept."""
        memory = self.ffi.new("int64_t[12]", [*args, *[0] * (12 - len(args))])
        k = self.machine._live()
        fn = self.symbols["exectest_submit"]
        return self.lib.hyp_submit(k, 0, fn, memory), memory


class Threads:
    """Threads whose results and exceptions come back by join()."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self.results: list[Any] = []
        self.errors: list[BaseException] = []

    def start(self, function: Callable[..., Any], *args: Any) -> None:
        """Run function(*args)."""

        def run() -> None:
            try:
                self.results.append(function(*args))
            except BaseException as error:
                self.errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self, timeout: float = 30) -> list[Any]:
        """Wait for all; their results in the order of their ends."""
        for thread in self._threads:
            thread.join(timeout)
            assert not thread.is_alive(), "a thread hangs"
        return self.results


def until(condition: Callable[[], object], timeout: float = 30) -> None:
    """Wait for a condition, however busy the machine is."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.005)


class CallbackDevice(Device):
    """A disk of zeroes that calls a function for every read."""

    sector_size = 512
    sector_count = 64

    def __init__(self, function: Callable[[], object]) -> None:
        self.function = function
        self.reads = 0

    def read(self, offset: int, length: int) -> bytes:
        """Zeroes, after the call."""
        self.reads += 1
        self.function()
        return bytes(length)

    def write(self, offset: int, data: memoryview) -> None:
        """Forget the data."""

    def flush(self) -> None:
        """Nothing to do."""

    def discard(self, offset: int, length: int) -> None:
        """Nothing to do."""


def read_disk(kernel: rumpy.Kernel, path: str) -> bytes:
    """512 bytes of a raw disk."""
    fd = kernel.open(path, os.O_RDONLY)
    try:
        return kernel.read(fd, 512)
    finally:
        if kernel._machine.running():
            kernel.close(fd)


def script(text: str, *options: str, timeout: float = 60) -> tuple[int, str, str]:
    """Run Python code in a process of its own: exit code, stdout, stderr."""
    code = textwrap.dedent(text)
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"},
    )
    return done.returncode, done.stdout, done.stderr
