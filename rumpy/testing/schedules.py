# SPDX-License-Identifier: BSD-2-Clause
"""Searches schedules: which of several tasks goes on, tried seed by seed.

    from rumpy.testing import search

    def prepare(k):
        k.load("ffs", points=POINTS)
        k.mount("ffs", MemoryDevice(image), "/mnt")

    report = search(
        prepare,
        [[("rename", "/mnt/a", "/mnt/b")], [("unlink", "/mnt/b")]],
        check=lambda k, results: walk(k, "/mnt"),
        seeds=range(1000),
    )
    assert report.ok, report

A task is a function that is given a process, or a list of calls.  Each of its
calls runs in a context of its own in the kernel; only one context runs at a
time, and who goes on is decided where one sleeps, yields, where a module calls
the kernel (Kernel.load(points=)), and where a transfer completes.  The clock is
virtual and the random bytes are seeded, so the decisions that were not the
default ones say everything about a run: they are its Schedule, and can be
replayed.
"""

from __future__ import annotations

import random
import re
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from rumpy._hyp import ffi, lib
from rumpy.errors import KernelPanic, RumpyError
from rumpy.hypercall import Hypercalls, SeededRandom, VirtualClock
from rumpy.kernel import Kernel
from rumpy.testing.spread import campaign, pieces

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from rumpy.process import Process

__all__ = [
    "POINTS",
    "Finding",
    "Outcome",
    "Schedule",
    "ScheduleReport",
    "Searcher",
    "Task",
    "call",
    "search",
]

#: One call of a list: the name of a method of Process, and its arguments.
Call = tuple[Any, ...]
#: What runs beside others: a function of a process, or calls.  Of a list, errors
#: of the kernel are results; a function that raises is a finding.
Task = Callable[["Process"], object] | Sequence[Call]

#: Kernel functions that lock, wake, wait for a disk or memory, or look at what
#: other contexts change.  Those that modules know by address are not here.
POINTS: tuple[str, ...] = (
    "mutex_enter", "mutex_exit", "mutex_tryenter",
    "rw_enter", "rw_exit", "rw_tryenter", "rw_downgrade", "rw_tryupgrade",
    "cv_wait", "cv_wait_sig", "cv_timedwait", "cv_timedwait_sig",
    "cv_signal", "cv_broadcast", "tsleep", "mtsleep", "wakeup", "kpause",
    "kmem_alloc", "kmem_zalloc", "kmem_free", "kern_malloc", "kern_free",
    "pool_get", "pool_put", "pool_cache_get_paddr", "pool_cache_put_paddr",
    "bread", "breadn", "getblk", "bwrite", "bdwrite", "bawrite", "brelse",
    "biowait", "biodone", "getiobuf", "putiobuf", "allocbuf", "vtruncbuf",
    "vn_lock", "vget", "vref", "vrele", "vput", "vrecycle", "vgone",
    "vcache_get", "vcache_new", "vcache_rekey_enter", "vcache_rekey_exit",
    "vflushbuf", "vinvalbuf", "cache_lookup", "cache_enter", "cache_purge1",
    "uiomove", "ubc_uiomove", "ubc_zerorange", "uvm_vnp_setsize",
    "VOP_LOCK", "VOP_UNLOCK", "VOP_BWRITE", "VOP_STRATEGY", "VOP_FSYNC",
    "VOP_PUTPAGES", "VOP_GETPAGES", "VOP_BMAP", "VOP_READ", "VOP_WRITE",
    "kauth_authorize_vnode", "kauth_authorize_system", "vn_rdwr",
    "workqueue_enqueue", "callout_reset", "callout_schedule", "callout_halt",
    "yield", "preempt", "preempt_point", "fstrans_start", "fstrans_done",
    "copyin", "copyout", "getnanotime", "vfs_timestamp",
)  # fmt: skip

_ROOM = 1 << 16
_LIMIT = 200_000
_THINK_MS = 30_000
#: Virtual seconds after which a call that nothing wakes is stuck for good.
_PATIENCE = 120.0
_IO_SECONDS = 10.0
#: Seeds for one process at a time: enough to make up for its kernel.
_SEEDS = 40


@dataclass(frozen=True, slots=True)
class Schedule:
    """Decisions that were not the default one; everything else follows.

    Attributes:
        choices: number of the decision, and who went on: a task's number, a
            kernel thread, a transfer (SEARCH_ in csrc/include/rumpy/doors.h).
    """

    choices: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        return " ".join(f"{at}:{who}" for at, who in self.choices)

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """What str() made.

        Raises:
            ValueError: it is something else.
        """
        pairs = (pair.partition(":") for pair in text.split())
        return cls(tuple((int(at), int(who)) for at, _, who in pairs))

    def __len__(self) -> int:
        return len(self.choices)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended.

    Attributes:
        kind: "ok", "panic", "deadlock", "stuck" (asleep, and nobody wakes it),
            "livelock" (no end in sight), "error" (a task raised), or "check".
        message: what was wrong.
        schedule: what makes it happen again.
        decisions: how many were made.
        results: what each task returned; of a list, each call's result or error.
    """

    kind: str
    message: str
    schedule: Schedule
    decisions: int
    results: tuple[Any, ...] = ()

    @property
    def ok(self) -> bool:
        """All went well."""
        return self.kind == "ok"

    @property
    def signature(self) -> tuple[str, str]:
        """What two findings of the same bug have in common."""
        text = re.sub(r"0x[0-9a-f]+|\d+", "N", self.message.partition("\n")[0])
        return self.kind, text


@dataclass(frozen=True, slots=True)
class Finding:
    """A schedule in which something goes wrong.

    Attributes:
        seed: which found it.
        outcome: of the shortest schedule that still shows it.
        found: of the schedule as it was found.
        repeats: whether the schedule showed the same when it was replayed.
    """

    seed: int
    outcome: Outcome
    found: Outcome
    repeats: bool

    def __str__(self) -> str:
        o = self.outcome
        note = "" if self.repeats else " (NOT repeatable)"
        return (
            f"seed {self.seed}{note}: {o.kind}, {len(o.schedule)} decisions of"
            f" {len(self.found.schedule)} needed\n    {o.message}\n"
            f'    replay: Schedule.parse("{o.schedule}")'
        )


@dataclass(slots=True)
class ScheduleReport:
    """What a search found.

    Attributes:
        runs: how many schedules were tried.
        different: how many of them were different.
        decisions: the longest run had so many.
        findings: the first of each kind of failure.
    """

    runs: int = 0
    different: int = 0
    decisions: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Some schedule was tried, and nothing went wrong."""
        return self.runs > 0 and not self.findings

    def __str__(self) -> str:
        head = f"{self.runs} schedules, {self.different} different"
        if not self.findings:
            return f"{head}: all good"
        return "\n  ".join([f"{head}: {len(self.findings)} findings",
                            *map(str, self.findings)])  # fmt: skip


def call(process: Process, function: int, argument: Any = None) -> int:
    """Call a function of a module, int f(void *), as a task's call.

    Args:
        function: its address, from Module.symbols.
        argument: a cffi pointer.

    Returns:
        What it answered.
    """
    argument = ffi.NULL if argument is None else argument
    return int(lib.hyp_call(process._k, process._p, function, argument))


class _Runner:
    """A task in a run: its thread, and the call it waits for."""

    def __init__(self, index: int, task: Task, process: Process) -> None:
        self.index, self.task, self.process = index, task, process
        self.handle = lib.hyp_task_create(process._k)
        if self.handle == ffi.NULL:
            raise MemoryError
        self.result: Any = None
        self.error: BaseException | None = None
        self.state = 0
        self.aborted = False
        self.thread = threading.Thread(target=self._main, daemon=True)
        self.thread.start()

    @property
    def name(self) -> str:
        """What a report calls it."""
        name = getattr(self.task, "__name__", "")
        return f"task {self.index}" + (f" ({name})" if name else "")

    def _main(self) -> None:
        lib.hyp_task_begin(self.handle)
        try:
            if not self.aborted:
                self.result = self._work()
        except BaseException as error:
            self.error = error
        finally:
            lib.hyp_task_end(self.handle)

    def _work(self) -> Any:
        if callable(self.task):
            return self.task(self.process)
        results: list[Any] = []
        for name, *arguments in self.task:
            try:
                results.append(getattr(self.process, name)(*arguments))
            except OSError as error:
                results.append(error)
        return results

    def resume(self, answer: int) -> bool:
        """Let it go on; whether it has called again."""
        self.state = int(lib.hyp_task_resume(self.handle, answer, _THINK_MS))
        if self.state == lib.HYP_TASK_LOST:
            raise RumpyError(f"{self.name} waits for something outside the kernel")
        return bool(self.state == lib.HYP_TASK_ASKS)

    def end(self) -> None:
        """Fail its calls until it has ended."""
        self.aborted = True
        while self.state not in (lib.HYP_TASK_ENDED, lib.HYP_TASK_LOST):
            self.resume(lib.HYP_ESTALE)
        if self.state == lib.HYP_TASK_ENDED:
            self.thread.join()
            lib.hyp_task_destroy(self.handle)


class _Stopped(Exception):
    """A run has come to a bad end."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


class Searcher:
    """A kernel that was prepared once, and runs tasks under many schedules.

    Args:
        prepare: loads modules, mounts; its disks must be such that a snapshot
            can be taken.  Transfers of disks in memory and in files are part of
            the schedule; those of devices in Python come when they come.
        tasks: at most 16.
        check: sees the kernel, and what tasks returned, after a run that went
            well; raises where something is wrong.
        processes: credentials of the tasks' processes, as Kernel.process takes.
        limit: decisions after which a run is a livelock.
        kernel: further arguments of Kernel.
    """

    def __init__(
        self,
        prepare: Callable[[Kernel], object],
        tasks: Sequence[Task],
        check: Callable[[Kernel, Sequence[Any]], object] | None = None,
        *,
        processes: Sequence[Mapping[str, Any]] = (),
        limit: int = _LIMIT,
        kernel: Mapping[str, Any] | None = None,
    ) -> None:
        if not 0 < len(tasks) <= lib.SEARCH_TASKS:
            raise ValueError(f"1 to {lib.SEARCH_TASKS} tasks, not {len(tasks)}")
        self.tasks, self.check, self.limit = list(tasks), check, limit
        self._who = [*processes, *({} for _ in tasks[len(processes) :])]
        self._clock = VirtualClock()
        hypercalls = Hypercalls(clock=self._clock, random=SeededRandom(1))
        self.kernel = Kernel(hypercalls=hypercalls, **(kernel or {}))
        try:
            prepare(self.kernel)
            self._snapshot = self.kernel.snapshot()
        except BaseException:
            self.kernel.close()
            raise
        self._s = ffi.new("struct door_search *")
        self._trace = ffi.new("struct search_choice[]", _ROOM)
        self._given: Any = None
        self._length = 0

    def __enter__(self) -> Searcher:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the kernel."""
        self.kernel.restore(self._snapshot)
        self._snapshot.close()
        self.kernel.close()

    # --- runs ---------------------------------------------------------------

    def run(self, schedule: Schedule | int = 0) -> Outcome:
        """One run: of a schedule, or of a seed; seed 0 is the default schedule."""
        self.kernel.restore(self._snapshot)
        self._set_up(schedule)
        runners: list[_Runner] = []
        try:
            self._door(lib.SEARCH_BEGIN)
            runners = [
                _Runner(i, task, process)
                for i, (task, process) in enumerate(
                    zip(self.tasks, self._processes, strict=True)
                )
            ]
            self._go(runners)
            self._door(lib.SEARCH_END)
            self._judge(runners)
        except _Stopped as stop:
            return self._outcome(stop.kind, stop.message)
        except KernelPanic as panic:
            return self._outcome("panic", str(panic))
        finally:
            for runner in runners:
                runner.end()
        return self._outcome("ok", "", [r.result for r in runners])

    def _set_up(self, schedule: Schedule | int) -> None:
        self._processes = [self.kernel.process(**who) for who in self._who]
        s = self._s
        ffi.memmove(s, bytes(ffi.sizeof("struct door_search")), ffi.sizeof(s[0]))
        s.limit, s.room, s.trace = self.limit, _ROOM, self._trace
        s.policy = lib.SEARCH_GIVEN
        if isinstance(schedule, Schedule):
            pairs = [[at, who] for at, who in schedule.choices]
            self._given = ffi.new("struct search_choice[]", pairs)
            s.given, s.ngiven = self._given, len(pairs)
        elif schedule:
            self._draw(schedule)

    def _draw(self, seed: int) -> None:
        """A policy for a seed: a random walk, or priorities with a few changes."""
        if not self._length:
            raise RuntimeError("the default schedule comes first")
        s, r = self._s, random.Random(seed)
        s.seed = r.getrandbits(64)
        if seed % 2:
            s.policy, s.period = lib.SEARCH_RANDOM, r.choice((4, 8, 16, 32, 64))
            return
        s.policy = lib.SEARCH_PRIORITY
        for i, rank in enumerate(r.sample(range(len(self.tasks)), len(self.tasks))):
            s.tasks[i].priority = 0x10000 + 0x100 * rank
        count = r.randint(1, 4)
        changes = sorted(r.randrange(self._length) for _ in range(count))
        s.nchanges = count
        s.changes[0:count] = changes

    def _door(self, op: int) -> None:
        self._s.op = op
        error = self.kernel._machine.call("search", self._s)
        if error:
            raise RumpyError(f"searching a schedule: operation {op} answers {error}")

    def _ask(self, runner: _Runner, answer: int) -> bool:
        """Go on with a task until it calls again; whether it has."""
        if not runner.resume(answer):
            return False
        lib.hyp_task_asked(runner.handle, self._s.tasks + runner.index)
        self._s.task = runner.index
        self._door(lib.SEARCH_ASK)
        return True

    def _go(self, runners: Sequence[_Runner]) -> None:
        """Until all have ended."""
        busy = sum([self._ask(runner, 0) for runner in runners])
        waited, io_since = 0, 0.0
        while busy:
            self._door(lib.SEARCH_RUN)
            status = self._s.status
            if status == lib.SEARCH_ANSWER:
                waited, io_since = 0, 0.0
                for runner in runners:
                    task = self._s.tasks[runner.index]
                    if task.state == lib.SEARCH_ANSWERED:
                        task.state = lib.SEARCH_IDLE
                        busy -= not self._ask(runner, task.error)
            elif status == lib.SEARCH_LIMIT:
                self._door(lib.SEARCH_LOOK)
                raise _Stopped(
                    "livelock", f"{self.limit} decisions\n" + self._sleepers(runners)
                )
            elif status == lib.SEARCH_IO:
                now = time.monotonic()
                io_since = io_since or now
                if now - io_since > _IO_SECONDS:
                    raise RumpyError("a disk does not answer")
                time.sleep(0.0001)
            else:
                waited += self._wait(status, runners, waited)

    def _wait(self, status: int, runners: Sequence[_Runner], waited: int) -> int:
        """All sleep: let time pass, if that can help; how much, in ns."""
        self._door(lib.SEARCH_LOOK)
        if self._circle(runners):
            raise _Stopped("deadlock", self._sleepers(runners))
        if status == lib.SEARCH_STUCK or waited > _PATIENCE * 1e9:
            raise _Stopped("stuck", self._sleepers(runners))
        step = max(1, int(self._s.deadline) - self._clock.snapshot()[1])
        self._clock.pass_ns(step)
        self._s.attend = 1
        return step

    def _circle(self, runners: Sequence[_Runner]) -> bool:
        """Whether tasks wait for each other in a circle."""
        for runner in runners:
            seen, at = set(), runner.index
            while at < lib.SEARCH_TASKS and at not in seen:
                seen.add(at)
                task = self._s.tasks[at]
                at = task.owner if task.wchan else lib.SEARCH_HOLD
            if at < lib.SEARCH_TASKS:
                return True
        return False

    def _sleepers(self, runners: Sequence[_Runner]) -> str:
        """Who waits for what, held by whom, called from where."""
        lines = []
        for runner in runners:
            task = self._s.tasks[runner.index]
            if not task.nframes:
                continue
            wmesg = ffi.string(task.wmesg).decode("utf-8", "replace")
            line = f"{runner.name} can run"
            if task.wchan:
                line = f"{runner.name} waits for {wmesg} {task.wchan:#x}"
                if task.owner < lib.SEARCH_TASKS:
                    line += f", held by {runners[task.owner].name}"
                elif task.owner != lib.SEARCH_HOLD:
                    line += f", held by kernel thread {task.owner - 0x100}"
            lines.append(line)
            frames = [
                self.kernel._machine.frame(int(task.frames[i]), caller=i > 0)
                for i in range(task.nframes)
            ]
            lines += [f"    {frame}" for frame in frames if not _is_core(frame)]
        return "\n".join(lines)

    def _judge(self, runners: Sequence[_Runner]) -> None:
        """What tasks raised, and what the check finds."""
        for runner in runners:
            if runner.error is not None:
                raise _Stopped(
                    "error", f"{runner.name}: {_describe(runner.error)}"
                ) from None
        if self.check is None:
            return
        try:
            self.check(self.kernel, [runner.result for runner in runners])
        except KernelPanic:
            raise
        except Exception as error:
            raise _Stopped("check", _describe(error)) from None

    def _outcome(self, kind: str, message: str, results: Iterable[Any] = ()) -> Outcome:
        s = self._s
        if s.ntrace == s.room:
            raise RumpyError("the schedule is too long to be kept")
        trace = tuple((int(c.at), int(c.who)) for c in s.trace[0 : s.ntrace])
        self._length = max(self._length, s.decisions)
        return Outcome(kind, message, Schedule(trace), s.decisions, tuple(results))

    # --- shrinking ----------------------------------------------------------

    def shrink(self, outcome: Outcome, *, runs: int = 200) -> Outcome:
        """A schedule with fewer choices that fails alike.

        Leaves out halves, quarters and so on, while that does not matter.
        """
        best, size = outcome, max(1, len(outcome.schedule) // 2)
        while runs > 0:
            start, before = 0, best
            while runs > 0 and start < len(best.schedule):
                choices = best.schedule.choices
                tried = self.run(Schedule(choices[:start] + choices[start + size :]))
                runs -= 1
                fewer = len(tried.schedule) < len(best.schedule)
                if fewer and tried.signature == outcome.signature:
                    best = tried
                else:
                    start += size
            if size == 1 and best is before:
                break
            size = max(1, size // 2)
        return best


def search(
    prepare: Callable[[Kernel], object],
    tasks: Sequence[Task],
    check: Callable[[Kernel, Sequence[Any]], object] | None = None,
    *,
    seeds: Iterable[int] = range(1, 201),
    seconds: float | None = None,
    first: bool = True,
    shrink: bool = True,
    executor: Executor | None = None,
    jobs: int | None = None,
    **options: Any,
) -> ScheduleReport:
    """Run tasks under the default schedule, and one for each seed.

    Args:
        prepare, tasks, check, options: see Searcher.
        seeds: whole numbers; odd ones walk at random, even ones give priorities.
        seconds: stop after so long.
        first: stop at the first finding; else one of each kind is kept.
        shrink: look for the shortest schedule that shows it.
        executor, jobs: search on other processes or machines, as campaign() has
            it.  Then which finding comes first depends on who is quicker, and
            what goes on when the time is up is not stopped.  Default: in this
            thread.

    Raises:
        TypeError: what was given can't be sent to another process.
    """
    work = partial(_search, prepare, tasks, check, first, shrink, options)
    if executor is None and jobs is None:
        report, seen = work(seeds, seconds)
        report.different = len(seen)
        return report
    report, seen = ScheduleReport(), set()
    found: dict[tuple[str, str], Finding] = {}
    for _, (part, more) in campaign(
        work, pieces(seeds, _SEEDS), seconds=seconds, executor=executor, jobs=jobs
    ):
        # Each piece began with the default schedule.
        report.runs += part.runs - (report.runs > 0)
        report.decisions = max(report.decisions, part.decisions)
        seen |= more
        for finding in part.findings:
            kind = finding.found.signature
            if kind not in found or finding.seed < found[kind].seed:
                found[kind] = finding
        if found and first:
            break
    report.findings = sorted(found.values(), key=lambda finding: finding.seed)
    if first:
        del report.findings[1:]
    report.different = len(seen)
    return report


def _search(
    prepare: Callable[[Kernel], object],
    tasks: Sequence[Task],
    check: Callable[[Kernel, Sequence[Any]], object] | None,
    first: bool,
    shrink: bool,
    options: Mapping[str, Any],
    seeds: Iterable[int],
    seconds: float | None = None,
) -> tuple[ScheduleReport, set[Schedule]]:
    """Search in this process; the report, and every schedule that was tried."""
    report, kinds, seen = ScheduleReport(), set(), set()
    end = None if seconds is None else time.monotonic() + seconds
    with Searcher(prepare, tasks, check, **options) as searcher:
        for seed in _chain(seeds):
            outcome = searcher.run(seed)
            report.runs += 1
            report.decisions = max(report.decisions, outcome.decisions)
            seen.add(outcome.schedule)
            if not outcome.ok and outcome.signature not in kinds:
                kinds.add(outcome.signature)
                again = searcher.run(outcome.schedule)
                repeats = again.signature == outcome.signature
                best = searcher.shrink(outcome) if shrink and repeats else outcome
                report.findings.append(Finding(seed, best, outcome, repeats))
                if first:
                    break
            if end is not None and time.monotonic() > end:
                break
    return report, seen


def _chain(seeds: Iterable[int]) -> Iterable[int]:
    """The default schedule first, which says how long a run is."""
    yield 0
    yield from (seed for seed in seeds if seed)


def _is_core(frame: Any) -> bool:
    """Whether a frame is the scheduler's own."""
    return (frame.function or "") in {
        "sched_switch", "unbound_switch", "sched_block", "sleepq_wait",
        "sched_return", "search_point", "search_main", "lwp_main",
    }  # fmt: skip


def _describe(error: BaseException) -> str:
    text = traceback.format_exception_only(type(error), error)[-1].strip()
    last = traceback.extract_tb(error.__traceback__)
    return f"{text} ({last[-1].filename}:{last[-1].lineno})" if last else text
