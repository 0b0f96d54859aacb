# SPDX-License-Identifier: BSD-2-Clause
"""Who gets the CPU when threads are away, late or gone.

Where the host finds its own rules broken it aborts, so most of this runs in a
process of its own.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from exechelp import EWOULDBLOCK, script

if TYPE_CHECKING:
    from exechelp import Exec

#: Two kernel threads that pass the CPU to each other for a second or so.
BUSY = """
    import signal, threading, time, rumpy
    from exechelp import Exec
    kernel = rumpy.Kernel()
    e = Exec(kernel)
    def in_background(function, *args):
        thread = threading.Thread(target=function, args=args)
        thread.start()
        return thread
    busy = in_background(e.call, "bench_switch", 20_000_000)
"""


def test_sleeps_end_while_the_idle_thread_is_busy(exec_: Exec) -> None:
    """It runs contexts that never leave it alone, and has to look at the clock."""
    rounds = 2_000_000
    start = time.monotonic()
    exec_.call("bench_switch", rounds)
    rounds = int(rounds / (time.monotonic() - start))  # in a second
    busy = threading.Thread(target=exec_.call, args=("bench_switch", 2 * rounds))
    busy.start()
    time.sleep(0.1)
    assert exec_.door("pause", 2)[0] == EWOULDBLOCK  # the idle thread takes over
    slept = []
    for _ in range(5):
        start = time.monotonic()
        assert exec_.door("pause", 2)[0] == EWOULDBLOCK
        slept.append(time.monotonic() - start)
    assert busy.is_alive()
    busy.join()
    assert min(slept) < 0.5


def test_the_one_who_waits_is_away() -> None:
    """Time to wake who runs a signal handler, and other work to do."""
    code, out, err = script(
        BUSY
        + """
    signal.signal(signal.SIGALRM, lambda *_: time.sleep(0.06))
    for _ in range(5):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        print(e.door("wait", 0, 3, 1)[0])
    busy.join()
    kernel.close()
    """
    )
    assert (code, out.split()) == (0, [str(EWOULDBLOCK)] * 5), err


def test_the_one_who_waits_gives_up() -> None:
    """A limited wait runs out again and again, beside work to do."""
    code, out, err = script(
        BUSY
        + """
    lib, k = kernel._machine.lib, kernel._k
    answers = set()
    while busy.is_alive():
        answer = lib.hyp_snapshot_begin(k, 0, 0)
        answers.add(answer)
        if answer == 0:     # it was not busy yet, or no longer
            lib.hyp_snapshot_end(k)
    print(answers <= {lib.HYP_BUSY_INSIDE, lib.HYP_BUSY_WORK, 0}, len(answers) > 0)
    e.call("null")
    kernel.close()
    """
    )
    assert (code, out.split()) == (0, ["True", "True"]), err


def test_a_thread_gives_up_and_ends() -> None:
    """Its place in the inbox must not be another thread's."""
    code, out, err = script(
        """
    import threading, time, rumpy
    from exechelp import Exec, Threads
    with rumpy.Kernel() as kernel:
        e = Exec(kernel)
        lib, k = kernel._machine.lib, kernel._k
        def give_up():
            answer = lib.hyp_snapshot_begin(k, 0, 10)
            if answer == 0:  # the holder had not come yet
                lib.hyp_snapshot_end(k)
            return answer
        gave_up = 0
        for _ in range(30):
            holder, quitter, others = Threads(), Threads(), Threads()
            holder.start(e.call, "bench_lock", 20_000_000)
            time.sleep(0.03)
            quitter.start(give_up)
            gave_up += quitter.join() == [lib.HYP_BUSY_INSIDE]
            for _ in range(3):
                others.start(e.call, "null")
            others.join()
            holder.join()
            assert not others.errors + holder.errors
            if gave_up == 3:
                break
    print("closed", gave_up)
    """
    )
    assert (code, out) == (0, "closed 3\n"), err
