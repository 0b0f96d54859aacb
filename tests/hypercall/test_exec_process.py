# SPDX-License-Identifier: BSD-2-Clause
"""Kernels and the process around them: signals, fork, threads, exit, re-entry."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from exechelp import EINTR, CallbackDevice, Crash, Exec, Threads, read_disk, script

import rumpy
from rumpy.abi.calls import NUMBERS
from rumpy.hypercall import Clock, Hypercalls

if TYPE_CHECKING:
    from collections.abc import Iterator


class Interrupted(Exception):
    """What the signal handler raises."""


@pytest.fixture
def alarm() -> Iterator[Any]:
    """alarm(seconds, handler): one SIGALRM."""
    old = signal.getsignal(signal.SIGALRM)

    def start(seconds: float, handler: Any, again: float = 0) -> None:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds, again)

    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, old)


def raising(signum: int, frame: object) -> None:
    """A handler that raises."""
    raise Interrupted


# --- signals ----------------------------------------------------------------


def test_handler_that_raises_ends_a_sleep(exec_: Exec, alarm: Any) -> None:
    alarm(0.05, raising)
    start = time.monotonic()
    with pytest.raises(Interrupted):
        exec_.call("wait", 0, 0, 1)
    assert time.monotonic() - start < 2
    exec_.call("null")


def test_handler_that_returns_lets_it_go_on(exec_: Exec, alarm: Any) -> None:
    calls = []
    alarm(0.02, lambda *_: calls.append(1), 0.02)
    assert exec_.door("wait", 0, 20, 1)[0] == 35
    assert len(calls) > 2


def test_uninterruptible_sleep_raises_at_its_end(exec_: Exec, alarm: Any) -> None:
    alarm(0.05, raising)
    start = time.monotonic()
    with pytest.raises(Interrupted):
        exec_.call("pause", 30, 0)
    assert time.monotonic() - start > 0.28


def test_many_signals_at_random_times(exec_: Exec, alarm: Any) -> None:
    """None is lost, none surfaces in another thread."""
    stop = threading.Event()

    def traffic() -> None:
        while not stop.is_set():
            exec_.call("null")
            exec_.door("wait", 1, 1)

    threads = Threads()
    for _ in range(2):
        threads.start(traffic)
    raised, armed = 0, False

    def handler(*_: object) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise Interrupted

    alarm(0.003, handler, 0.007)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        try:
            armed = True
            with contextlib.suppress(TimeoutError, BlockingIOError):
                exec_.call("wait", 0, 3, 1)
            armed = False
        except Interrupted:
            raised += 1
    stop.set()
    threads.join()
    assert raised > 20
    assert not threads.errors
    exec_.call("null")


def test_wake_up_while_away(exec_: Exec, alarm: Any) -> None:
    """The sleeper is signalled while it runs a handler: nobody waits for it."""
    threads = Threads()

    def handler(*_: object) -> None:
        threads.start(exec_.call, "signal", 2, 1)
        time.sleep(0.1)

    alarm(0.02, handler)
    exec_.call("wait", 2, 0, 1)
    threads.join()
    assert not threads.errors


def test_handler_cannot_enter_the_kernel_it_interrupts(exec_: Exec, alarm: Any) -> None:
    seen = []

    def handler(*_: object) -> None:
        try:
            exec_.call("null")
        except rumpy.KernelDeadlock as error:
            seen.append(error)

    alarm(0.02, handler)
    exec_.door("wait", 0, 10, 1)
    assert seen


def test_keyboard_interrupt_in_a_process_of_its_own() -> None:
    code, out, err = script(
        """
        import os, signal, threading, time, rumpy
        from exechelp import Exec
        with rumpy.Kernel() as k:
            e = Exec(k)
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            start = time.monotonic()
            try:
                e.call("wait", 0, 0, 1)
            except KeyboardInterrupt:
                print("interrupted", time.monotonic() - start < 2)
            e.call("null")
        print("closed")
        """
    )
    assert (code, out.split()) == (0, ["interrupted", "True", "closed"]), err


# --- re-entry ---------------------------------------------------------------


def test_a_device_cannot_enter_its_own_kernel(kernel: rumpy.Kernel) -> None:
    seen = []

    def read() -> None:
        try:
            kernel.stat("/")
        except rumpy.KernelDeadlock as error:
            seen.append(error)

    kernel.attach(CallbackDevice(read), "/dev/rd7")
    assert read_disk(kernel, "/dev/rrd7") == bytes(512)
    assert seen


def test_a_device_may_enter_another_kernel() -> None:
    with rumpy.Kernel() as outer, rumpy.Kernel() as inner:
        seen = []
        device = CallbackDevice(lambda: seen.append(inner.stat("/").st_ino))
        outer.attach(device, "/dev/rd7")
        assert read_disk(outer, "/dev/rrd7") == bytes(512)
        assert seen


def test_a_to_b_to_a_is_refused() -> None:
    with rumpy.Kernel() as a, rumpy.Kernel() as b:
        seen: list[object] = []

        def back() -> None:
            try:
                a.stat("/")
            except rumpy.KernelDeadlock as error:
                seen.append(error)

        b.attach(CallbackDevice(back), "/dev/rd7")
        a.attach(CallbackDevice(lambda: read_disk(b, "/dev/rrd7")), "/dev/rd7")
        assert read_disk(a, "/dev/rrd7") == bytes(512)
        assert seen


def test_a_lives_when_b_panics_under_it() -> None:
    a, b = rumpy.Kernel(), rumpy.Kernel()
    victim = Exec(b)
    a.attach(CallbackDevice(lambda: victim.call("crash", Crash.NULL_READ)), "/dev/rd7")
    with pytest.raises((rumpy.KernelPanic, OSError)):
        read_disk(a, "/dev/rrd7")
    assert a.stat("/").st_ino > 0
    a.close()
    b.close()


def test_close_from_inside_is_refused(kernel: rumpy.Kernel) -> None:
    seen = []

    def read() -> None:
        seen.append(kernel._machine.lib.hyp_kernel_close(kernel._k, 100))

    kernel.attach(CallbackDevice(read), "/dev/rd7")
    read_disk(kernel, "/dev/rrd7")
    assert set(seen) == {kernel._machine.lib.HYP_EDEADLK}


# --- exceptions of devices --------------------------------------------------


def test_exception_of_a_device_comes_out_of_the_call(kernel: rumpy.Kernel) -> None:
    def read() -> None:
        raise ZeroDivisionError("of the device")

    kernel.attach(CallbackDevice(read), "/dev/rd7")
    with pytest.raises(ZeroDivisionError, match="of the device"):
        read_disk(kernel, "/dev/rrd7")
    assert kernel.stat("/").st_ino > 0


def test_interrupted_transfer_is_repeated(kernel: rumpy.Kernel) -> None:
    """Ctrl-C in a device is no failure of the device."""
    calls = []

    def read() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt

    kernel.attach(CallbackDevice(read), "/dev/rd7")
    with pytest.raises(KeyboardInterrupt):
        read_disk(kernel, "/dev/rrd7")
    assert len(calls) == 2


class StrikingClock(Clock):
    """The host's, with a Ctrl-C when it is asked for the third time."""

    def __init__(self) -> None:
        self.armed = False
        self.struck_in: list[int] = []
        self._asked = 0

    def read(self, clock: int) -> int:
        """Nanoseconds."""
        if self.armed and threading.current_thread() is threading.main_thread():
            self._asked += 1
            if self._asked == 3:
                self.struck_in.append(clock)
                signal.raise_signal(signal.SIGINT)
        return time.monotonic_ns() if clock else time.time_ns()


def test_interrupt_in_a_context_that_was_lent_the_thread() -> None:
    """It ends the sleep of the one who lent it, and nothing else."""
    clock = StrikingClock()
    with rumpy.Kernel(hypercalls=Hypercalls(clock=clock)) as kernel:
        run = Exec(kernel)
        clock.armed = True
        answer, (left, error, *_) = run.door("lend", 11, 20)
        clock.armed = False
        assert answer == run.lib.HYP_EEXC
        assert isinstance(run.machine.error(answer), KeyboardInterrupt)
        assert clock.struck_in
        assert (left, error) == (0, EINTR)
        run.call("null")


# --- fork -------------------------------------------------------------------


def in_child(function: Any) -> int:
    """Fork, run the function, exit with what it returns; the exit code."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = function()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_child_is_refused_and_parent_goes_on(exec_: Exec) -> None:
    def child() -> int:
        try:
            exec_.call("null")
        except rumpy.KernelInChild:
            return 7
        return 8

    exec_.call("null")
    assert in_child(child) == 7
    exec_.call("null")


def test_child_boots_a_kernel_of_its_own(exec_: Exec) -> None:
    def child() -> int:
        with rumpy.Kernel() as own:
            Exec(own).call("null")
            own.stat("/")
            try:
                exec_.call("null")
            except rumpy.KernelInChild:
                return 7
        return 8

    assert in_child(child) == 7
    exec_.call("null")


def test_child_forgets_its_parents_kernel() -> None:
    """Its memory lies where a kernel of the child's own may be by then."""
    kernels = [rumpy.Kernel()]

    def child() -> int:
        with rumpy.Kernel() as own:
            run = Exec(own)
            kernels.clear()
            gc.collect()
            run.call("pingpong", 10)
            own.stat("/")
            return 7

    assert in_child(child) == 7
    assert kernels[0].stat("/").st_ino > 0
    kernels[0].close()


def test_fork_inside_a_device(kernel: rumpy.Kernel) -> None:
    here, codes = os.getpid(), []

    def read() -> None:
        pid = os.fork()
        if pid:
            codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    kernel.attach(CallbackDevice(read), "/dev/rd7")
    try:
        read_disk(kernel, "/dev/rrd7")
    except BaseException as error:
        if os.getpid() != here:
            os._exit(7 if isinstance(error, rumpy.KernelInChild) else 9)
        raise
    if os.getpid() != here:
        os._exit(8)
    assert set(codes) == {7}
    assert kernel.stat("/").st_ino > 0


# --- closing ----------------------------------------------------------------


def test_close_wakes_sleepers() -> None:
    kernel = rumpy.Kernel()
    run, threads = Exec(kernel), Threads()
    for i in range(50):
        threads.start(run.call, "wait", i % 4, 0, i % 2)
    time.sleep(0.2)
    start = time.monotonic()
    kernel.close()
    assert time.monotonic() - start < 5
    threads.join()
    assert len(threads.errors) == 50
    assert all(isinstance(e, rumpy.KernelClosed) for e in threads.errors)


def test_close_under_traffic() -> None:
    kernel = rumpy.Kernel()
    run, threads = Exec(kernel), Threads()

    def loop() -> None:
        while True:
            run.call("null")

    for _ in range(3):
        threads.start(loop)
    time.sleep(0.1)
    start = time.monotonic()
    kernel.close()
    assert time.monotonic() - start < 5
    threads.join()
    assert all(isinstance(e, rumpy.KernelClosed) for e in threads.errors)


def test_close_evicts_a_loop() -> None:
    kernel = rumpy.Kernel(watchdog=None)
    run, threads = Exec(kernel), Threads()
    threads.start(run.call, "crash", Crash.LOOP)
    time.sleep(0.1)
    k, lib = kernel._k, kernel._machine.lib
    assert lib.hyp_kernel_close(k, 5000) == 0
    threads.join()
    assert isinstance(threads.errors[0], rumpy.KernelClosed)
    kernel.close()


def test_many_kernels_one_after_the_other() -> None:
    threads = threading.active_count()
    for _ in range(10):
        with rumpy.Kernel() as kernel:
            Exec(kernel).call("pingpong", 3)
    assert threading.active_count() == threads


# --- the end of threads and of the process ----------------------------------


def test_exit_with_daemon_threads() -> None:
    code, out, err = script(
        """
        import threading, time, rumpy
        from exechelp import CallbackDevice, Exec, read_disk
        k = rumpy.Kernel()
        e = Exec(k)
        k.attach(CallbackDevice(lambda: time.sleep(0.001)), "/dev/rd7")
        def forever(f, *args):
            try:
                while True:
                    f(*args)
            except rumpy.RumpyError:
                pass
        for args in (e.call, "wait", 0), (e.call, "null"), (read_disk, k, "/dev/rrd7"):
            threading.Thread(target=forever, args=args, daemon=True).start()
        time.sleep(0.3)
        print("leaving")
        """
    )
    assert (code, out) == (0, "leaving\n"), err


def test_thread_is_ended_inside_a_device() -> None:
    """CPython up to 3.13 unwinds daemon threads at exit, through the door."""
    code, out, err = script(
        """
        import atexit, gc, os, threading, time, rumpy
        from exechelp import CallbackDevice, read_disk
        k = rumpy.Kernel()
        k.attach(CallbackDevice(lambda: time.sleep(0.2)), "/dev/rd7")
        inside = threading.Thread(target=read_disk, args=(k, "/dev/rrd7"), daemon=True)
        atexit._clear()     # nobody closes the kernel
        inside.start()
        time.sleep(0.1)
        class Late:         # runs when the thread has asked for the GIL in vain
            def __del__(
                self, sleep=time.sleep, write=os.write, lib=k._machine.lib, raw=k._k
            ):
                sleep(0.5)
                write(1, b"state %d" % lib.hyp_kernel_state(raw))
        gc.disable()
        late = Late()
        late.itself = late  # collected at the very end
        del late
        """
    )
    panicked = 4
    assert (code, out) == (0, f"state {panicked}"), err


def test_threads_come_and_go(exec_: Exec) -> None:
    for _ in range(30):
        threads = Threads()
        for _ in range(4):
            threads.start(exec_.call, "null")
        threads.join()
        assert not threads.errors


@pytest.mark.parametrize("when", ["off", "before", "after"])
def test_faulthandler(when: str) -> None:
    """Faults in a kernel are ours, others faulthandler's, in both orders."""
    code, out, err = script(
        f"""
        import faulthandler, time, rumpy
        from exechelp import Crash, Exec
        if "{when}" == "before":
            faulthandler.enable()
        for how in (Crash.NULL_READ, Crash.DIVIDE, Crash.ILLEGAL, Crash.RECURSION):
            k = rumpy.Kernel()
            e = Exec(k)
            if "{when}" == "after":
                faulthandler.enable()
                time.sleep(0.3)
            try:
                e.call("crash", how)
            except rumpy.KernelPanic:
                print("panic")
            k.close()
        """
    )
    assert (code, out.split()) == (0, ["panic"] * 4), err
    assert "Fatal" not in err


@pytest.mark.parametrize("enabled", [False, True])
def test_other_faults_still_end_the_process(enabled: bool) -> None:
    code, _, err = script(
        f"""
        import ctypes, faulthandler, rumpy
        if {enabled}:
            faulthandler.enable()
        k = rumpy.Kernel()
        k.stat("/")
        ctypes.string_at(0)
        """
    )
    assert code == -signal.SIGSEGV
    assert ("Fatal Python error: Segmentation fault" in err) == enabled


# --- what takes long --------------------------------------------------------


def test_a_device_that_does_not_answer_is_named(kernel: rumpy.Kernel) -> None:
    answer, threads = threading.Event(), Threads()
    kernel.attach(CallbackDevice(lambda: answer.wait(30)), "/dev/rd7")
    assert kernel.waiting() == []
    threads.start(read_disk, kernel, "/dev/rrd7")
    end = time.monotonic() + 10
    while time.monotonic() < end and "waits in" not in repr(kernel):
        time.sleep(0.05)
    (wait,) = kernel.waiting()
    assert wait.hypercall == "block_submit"
    assert 1 <= wait.seconds < 15
    assert wait.thread in [t.native_id for t in threading.enumerate()]
    assert f"waits in hypercall {wait.hypercall} since " in repr(kernel)
    assert kernel._machine.lib.hyp_kernel_close(kernel._k, 0) == errno.EBUSY
    answer.set()
    threads.join()
    assert kernel.waiting() == []


def test_a_helper_at_a_device_is_named(kernel: rumpy.Kernel) -> None:
    """Transfers of contexts that no thread waits for."""
    answer = threading.Event()
    kernel.attach(CallbackDevice(lambda: answer.wait(30)), "/dev/rd7")
    ffi, lib = kernel._machine.ffi, kernel._machine.lib
    fd = kernel.open("/dev/rrd7", os.O_RDONLY)
    buffer = ffi.new("char[512]")
    call = ffi.new("struct door_syscall *", {"number": NUMBERS["pread"]})
    call.args = [fd, int(ffi.cast("intptr_t", buffer)), 512, 0, 0, 0, 0, 0]
    door = kernel._machine.image.symbols["kern_syscall"]
    assert lib.hyp_submit(kernel._k, kernel._machine.initproc, door, call) == 0
    time.sleep(0.1)
    waits = kernel.waiting()
    answer.set()
    assert [wait.hypercall for wait in waits] == ["block_submit"]
    end = time.monotonic() + 10
    while call.retval[0] == 0 and time.monotonic() < end:
        time.sleep(0.01)
    assert call.retval[0] == 512
    kernel.close(fd)
