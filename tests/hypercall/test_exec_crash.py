# SPDX-License-Identifier: BSD-2-Clause
"""Every way a kernel can die is a KernelPanic, and only of that kernel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from exechelp import Crash, Exec, Threads

import rumpy

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES = {
    Crash.PANIC: "as you wish",
    Crash.KASSERT: "zero is 0",
    Crash.NULL_READ: "page fault",
    Crash.NULL_WRITE: "page fault",
    Crash.NULL_CALL: "jump to bad address",
    Crash.DIVIDE: "arithmetic fault",
    Crash.ILLEGAL: "illegal instruction",
    Crash.RECURSION: "stack overflow",
    Crash.LOOP: "watchdog",
    Crash.SMASH: "page fault",
    Crash.DIRECTION: "page fault",
    Crash.NONCANONICAL: "non-canonical",
    Crash.TEXT_WRITE: "page fault",
    Crash.SPIN_SLEEP: "spin mutex held",
    Crash.SPIN_LEAVE: "spin mutex held",
    Crash.MUTEX_TWICE: "locking against myself",
    Crash.MUTEX_OTHER: "not locked",
    Crash.BAD_JUMP: "jump to bad address",
}

#: No frame pointers to follow: frames are what looks like return addresses.
GUESSED = {Crash.SMASH, Crash.RECURSION}


@pytest.fixture
def victim() -> Iterator[Exec]:
    """A kernel that may die."""
    kernel = rumpy.Kernel(watchdog=0.3)
    yield Exec(kernel)
    kernel.close()


@pytest.mark.parametrize("how", list(Crash), ids=lambda how: how.name.lower())
def test_crash_in_a_door(victim: Exec, exec_: Exec, how: Crash) -> None:
    with pytest.raises(rumpy.KernelPanic) as caught:
        victim.call("crash", how)
    panic = caught.value
    assert MESSAGES[how] in str(panic)
    assert len(panic.frames) >= 3
    functions = [frame.function or "" for frame in panic.frames]
    wanted = "kern_enter" if how is Crash.SPIN_LEAVE else "exectest_crash"
    assert how in GUESSED or wanted in functions
    with pytest.raises(rumpy.KernelPanic):
        victim.call("null")
    exec_.call("null")
    assert exec_.call("pingpong", 10)[1] == 7


@pytest.mark.parametrize(
    "how",
    [Crash.PANIC, Crash.NULL_WRITE, Crash.RECURSION, Crash.LOOP],
    ids=lambda how: how.name.lower(),
)
def test_crash_in_a_kernel_thread(victim: Exec, exec_: Exec, how: Crash) -> None:
    end = time.monotonic() + 10
    with pytest.raises(rumpy.KernelPanic) as caught:
        victim.call("crash", how, 1)
        while time.monotonic() < end:
            victim.call("null")
            time.sleep(0.01)
    assert MESSAGES[how] in str(caught.value)
    exec_.call("null")


def test_sleepers_wake_with_the_panic(victim: Exec) -> None:
    threads = Threads()
    for i in range(10):
        threads.start(victim.call, "wait", i % 4)
    time.sleep(0.1)
    with pytest.raises(rumpy.KernelPanic):
        victim.call("crash", Crash.PANIC)
    threads.join()
    assert len(threads.errors) == 10
    assert all(isinstance(e, rumpy.KernelPanic) for e in threads.errors)


def test_two_threads_and_one_panic(victim: Exec) -> None:
    """Whoever comes second sees the first one's message."""
    threads = Threads()
    threads.start(victim.call, "crash", Crash.PANIC)
    threads.start(victim.call, "crash", Crash.KASSERT)
    threads.join()
    messages = {str(error).splitlines()[0] for error in threads.errors}
    assert len(threads.errors) == 2
    assert len(messages) == 1


def test_watchdog_leaves_sleepers_alone(victim: Exec) -> None:
    assert victim.door("pause", 100)[0] == 35
    victim.call("null")


def test_watchdog_can_be_off() -> None:
    with rumpy.Kernel(watchdog=None) as kernel:
        Exec(kernel).call("null")
