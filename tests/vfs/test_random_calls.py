# SPDX-License-Identifier: BSD-2-Clause
"""Random system calls with random arguments: errors are fine, panics are not.

A seed that fails is found again by its number.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import rumpy
from rumpy._hyp import ffi
from rumpy.abi.syscalls import SYSCALLS

MODULES = Path(__file__).resolve().parents[2] / "build" / "modules"

#: Bytes of every piece of memory that a call gets; lengths stay below.
ROOM = 65536
LENGTH = 30_000

PATHS = [
    b"/mnt", b"/mnt/a", b"/mnt/b", b"/mnt/a/b", b"/mnt/../mnt/c", b"/mnt/fifo",
    b"/dev/null", b"/dev/zero", b"/dev/queue0", b".", b"..", b"/", b"", b"x" * 300,
]  # fmt: skip

#: Calls that end the kernel, the mount or the process's rights, sleep, or
#: write as much as an argument says.
LEFT_OUT = {
    "reboot", "modctl", "sync", "unmount", "__mount50", "__sysctl", "getrandom",
    "setuid", "setreuid", "setregid", "setgid", "setegid", "seteuid", "setgroups",
    "chroot", "fchroot", "ioctl", "__select50", "__pselect50", "__pollts50",
    "__nanosleep50", "__kevent50", "setrlimit", "fork", "poll",
}  # fmt: skip
MAY_SLEEP = {
    "read", "write", "readv", "writev", "pread", "pwrite", "preadv", "pwritev",
    "open", "openat", "fcntl", "flock",
}  # fmt: skip


class Caller:
    """Makes calls out of one seed."""

    def __init__(self, kernel: rumpy.Kernel, seed: int) -> None:
        self.random = random.Random(seed)
        self.kernel = kernel
        self.processes = [kernel, kernel.process(uid=1000, gid=5)]
        self.calls = [n for n, call in SYSCALLS.items() if call[0] not in LEFT_OUT]
        self.succeeded = 0
        self.memory: list[Any] = [
            ffi.new("char[]", ROOM) for _ in range(len(PATHS) + 4)
        ]
        self.refresh()

    def refresh(self) -> None:
        """Put the paths back: calls have written over them."""
        for path, memory in zip(PATHS, self.memory, strict=False):
            ffi.memmove(memory, path + b"\0", len(path) + 1)
        for memory in self.memory[len(PATHS) :]:
            ffi.memmove(memory, self.random.randbytes(512), 512)
        for path in ("/", "/mnt"):
            self.kernel.lchflags(path, 0)
            self.kernel.chmod(path, 0o755)
        for process in self.processes:
            process.closerange(3, 64)
            process.chdir("/")

    def argument(self, kind: str, name: str) -> int:
        """A value for an argument, seldom one that makes no sense at all."""
        pick: Callable[[Sequence[int]], int] = self.random.choice
        if self.random.randrange(20) == 0:
            return pick([-1, 0, 8, 4096, -100, 1 << 40])
        if kind.endswith("*"):
            # A path, unless the call writes there or reads something else.
            end = len(PATHS) if kind == "const char *" else len(self.memory)
            return int(ffi.cast("intptr_t", self.memory[self.random.randrange(end)]))
        if name in ("fd", "fd1", "fd2", "fromfd", "tofd", "from", "to", "filedes"):
            return pick([*range(3, 12), -100])
        if name in ("offset", "pos", "start", "length", "len"):
            return pick([0, 1, 511, 4096, 70_000, 1 << 20, -1])
        if kind == "size_t":
            return pick([0, 1, 40, 512, 4096, LENGTH])
        flags = [0, 1, 2, 4, 6, 8, 0x202, 0xA02, 0x200004, 0x400002, 0o755, 0o20666]
        return pick([*flags, self.random.randrange(-300, LENGTH)])

    def one(self) -> None:
        number = self.random.choice(self.calls)
        name, _, kinds = SYSCALLS[number]
        arguments = [self.argument(*kind) for kind in kinds]
        process = self.random.choice(self.processes)
        try:
            if name in MAY_SLEEP:
                with process.deadline(0.1):
                    process.syscall(number, *arguments)
            else:
                process.syscall(number, *arguments)
            self.succeeded += 1
        except OSError:
            pass


def run(kernel: rumpy.Kernel, seed: int, calls: int) -> None:
    kernel.mount("ffs", rumpy.demo_image(), "/mnt")
    kernel.load(MODULES / "chardev.kmod")
    kernel.mknod("/dev/queue0", 0o666 | stat.S_IFCHR, os.makedev(351, 0))
    kernel.mkfifo("/mnt/fifo")
    caller = Caller(kernel, seed)
    for i in range(calls):
        if i % 100 == 0:
            caller.refresh()
        caller.one()
    caller.refresh()
    assert caller.succeeded > calls // 20  # else nothing was tested
    kernel.mounts()[0].unmount(force=True)


@pytest.mark.parametrize("seed", range(3))
def test_random_calls(kernel: rumpy.Kernel, seed: int) -> None:
    run(kernel, seed, 4000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 106))
def test_many_random_calls(kernel: rumpy.Kernel, seed: int) -> None:
    run(kernel, seed, 100_000)
