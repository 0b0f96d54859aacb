# SPDX-License-Identifier: BSD-2-Clause
"""Doors, sleeping and waking, locks, callouts, kernel threads."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from exechelp import EWOULDBLOCK, Exec, Threads, until

import rumpy

if TYPE_CHECKING:
    from collections.abc import Iterator

HZ = 100


@pytest.fixture
def two() -> Iterator[tuple[Exec, Exec]]:
    """Two kernels, each with exectest."""
    with rumpy.Kernel() as a, rumpy.Kernel() as b:
        yield Exec(a), Exec(b)


def test_null_door(exec_: Exec) -> None:
    for _ in range(1000):
        assert exec_.door("null") == (0, [0] * 6)


def test_no_such_door(exec_: Exec) -> None:
    assert exec_.lib.hyp_call(exec_.machine.k, 0, 0, exec_.ffi.NULL) == (
        exec_.lib.HYP_ENODOOR
    )


def test_pause_takes_its_time(exec_: Exec) -> None:
    start = time.monotonic()
    assert exec_.door("pause", HZ // 10)[0] == EWOULDBLOCK
    assert 0.09 < time.monotonic() - start < 5


def test_wait_times_out(exec_: Exec) -> None:
    assert exec_.door("wait", 0, 2)[0] == EWOULDBLOCK
    assert exec_.door("wait", 0, 2, 1)[0] == EWOULDBLOCK


def test_wake_across_threads(exec_: Exec) -> None:
    threads = Threads()
    threads.start(exec_.door, "wait", 3)
    time.sleep(0.05)
    exec_.call("signal", 3, 1)
    assert threads.join() == [(0, [0] * 6)]


def test_signal_wakes_one_and_broadcast_all(exec_: Exec) -> None:
    threads = Threads()
    for _ in range(8):
        threads.start(exec_.door, "wait", 4)
    time.sleep(0.1)
    exec_.call("signal", 4, 1)
    until(lambda: threads.results)
    time.sleep(0.1)
    assert len(threads.results) == 1
    exec_.call("signal", 4, 7, 1)
    assert len(threads.join()) == 8


def test_ping_pong_between_threads(exec_: Exec) -> None:
    rounds = 300

    def player(mine: int, other: int) -> None:
        for _ in range(rounds):
            exec_.call("wait", mine)
            exec_.call("signal", other, 1)

    threads = Threads()
    threads.start(player, 5, 6)
    threads.start(player, 6, 5)
    exec_.call("signal", 5, 1)
    threads.join()
    assert not threads.errors
    assert exec_.call("count", 5)[0] == 1


@pytest.mark.parametrize("ticks", [0, 1])
def test_mutex_excludes(exec_: Exec, ticks: int) -> None:
    threads, rounds = Threads(), 5 if ticks else 2000
    before = exec_.call("count", 0)[1]
    for _ in range(4):
        threads.start(exec_.call, "locked", rounds, ticks)
    threads.join()
    assert exec_.call("count", 0)[1] == before + 4 * rounds


def test_rwlock_excludes_and_nobody_starves(exec_: Exec) -> None:
    threads = Threads()
    for i in range(6):
        threads.start(exec_.call, "rwlock", 500, i % 3 == 0)
    assert all(results[0] == 0 for results in threads.join())


def test_kernel_thread_ping_pong(exec_: Exec) -> None:
    _, exit_code, *_ = exec_.call("pingpong", 1000)
    assert exit_code == 7


def test_kernel_threads_run_and_end(exec_: Exec) -> None:
    for _ in range(3):
        assert exec_.call("kthreads", 40)[0] == 40


def test_callouts_come_in_time_and_order(exec_: Exec) -> None:
    wrong, latest, earliest, disorder, _ = exec_.call("callouts", 60)[:5]
    assert (wrong, disorder) == (0, 0)
    assert earliest >= 0
    assert latest < 2_000_000_000


def test_stopped_callouts_do_not_come(exec_: Exec) -> None:
    wrong, *_, still_pending, _ = exec_.call("callouts", 60, 2)
    assert (wrong, still_pending) == (0, 0)


def test_a_stopped_callout_leaves_no_deadline(exec_: Exec) -> None:
    """The idle thread wakes for nothing; what comes later has to wake it again."""
    for _ in range(5):
        exec_.call("callouts", 1, 1)
        time.sleep(0.05)
        threads = Threads()
        threads.start(exec_.door, "pause", 1)
        threads.join(5)


def test_callout_halt_waits(exec_: Exec) -> None:
    after, before, expired, *_ = exec_.call("callout_halt")
    assert (before, after, expired) == (1, 2, 1)


def test_unbound_context_that_does_not_sleep(exec_: Exec) -> None:
    answer, _keep = exec_.submit(7)
    assert answer == 0
    assert exec_.call("result", 7)[0] == 1000


def test_unbound_context_sleeps_without_its_thread(exec_: Exec) -> None:
    answer, _keep = exec_.submit(8, HZ // 5)
    assert answer == 0
    seen = []  # reading it takes it away

    def over() -> bool:
        seen.append(exec_.call("result", 8)[0])
        return seen[-1] != 0

    until(over)
    assert seen[-1] == 1000 + EWOULDBLOCK


def test_unbound_context_is_interrupted(exec_: Exec) -> None:
    _, keep = exec_.submit(9, 60 * HZ, 1)
    assert exec_.call("result", 9)[0] == 0
    assert exec_.lib.hyp_interrupt(exec_.machine.k, keep) == 0
    time.sleep(0.05)
    assert exec_.call("result", 9)[0] == 1000 + 4
    assert exec_.lib.hyp_interrupt(exec_.machine.k, keep) == 2


def test_time_moves_with_the_host(exec_: Exec) -> None:
    coarse, exact, wall, exact_wall, second, uptime = exec_.call("time")
    assert abs(exact_wall / 1e9 - time.time()) < 1
    assert 0 <= exact - coarse < 1_000_000_000
    assert 0 <= exact_wall - wall < 1_000_000_000
    assert second in (wall // 10**9, wall // 10**9 + 1)
    assert uptime >= 1
    time.sleep(1.6)  # long enough for the monitor to have gone to sleep
    coarse, exact, *_ = exec_.call("time")
    assert 0 <= exact - coarse < 200_000_000


def test_two_kernels_have_nothing_in_common(two: tuple[Exec, Exec]) -> None:
    a, b = two
    a.call("signal", 0, 5)
    assert a.call("count", 0)[0] == 5
    assert b.call("count", 0)[0] == 0
    threads = Threads()
    threads.start(a.door, "wait", 1)
    time.sleep(0.05)
    b.call("signal", 1, 1)
    time.sleep(0.05)
    assert not threads.results
    a.call("signal", 1, 1)
    threads.join()


def test_many_threads_take_turns(exec_: Exec) -> None:
    counts = [0] * 4
    stop = threading.Event()

    def loop(i: int) -> None:
        while not stop.is_set():
            exec_.call("null")
            counts[i] += 1

    threads = Threads()
    for i in range(4):
        threads.start(loop, i)
    time.sleep(0.5)
    stop.set()
    threads.join()
    assert not threads.errors
    assert min(counts) > 0


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3, 8])
def test_soak(exec_: Exec, count: int) -> None:
    """Few threads find lost wake-ups that many repair."""
    import random

    seconds = float(os.environ.get("RUMPY_STRESS_SECONDS", "10")) / 4
    stop = time.monotonic() + seconds
    last = [time.monotonic()] * count

    def loop(i: int) -> int:
        rng, done = random.Random(i), 0
        while time.monotonic() < stop:
            what = rng.randrange(10)
            if what < 3:
                exec_.call("null")
            elif what < 4:
                exec_.door("pause", 1)
            elif what < 6:
                exec_.door("wait", rng.randrange(3), rng.randrange(1, 4), 1)
            elif what < 8:
                exec_.call("signal", rng.randrange(3), 1, rng.randrange(2))
            elif what < 9:
                exec_.call("locked", 5)
            else:
                exec_.call("pingpong", 5)
            last[i] = time.monotonic()
            done += 1
        return done

    threads = Threads()
    for i in range(count):
        threads.start(loop, i)
    while time.monotonic() < stop:
        time.sleep(0.5)
        assert time.monotonic() - min(last) < 5, "a thread is stuck"
    # Joining gives up on a thread that a wake-up was lost for.
    assert all(done > 10 for done in threads.join())
    assert not threads.errors
