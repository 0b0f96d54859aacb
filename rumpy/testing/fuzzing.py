# SPDX-License-Identifier: BSD-2-Clause
"""Fuzzes a driver: damaged images and system calls, guided by where they lead.

    from rumpy.testing import Target, fuzz

    target = Target(
        module="build/instrumented/modules/ffs.kmod",
        images=["small.img"],
        options=[[], ["log"]],
    )
    report = fuzz(target, seconds=600, corpus="corpus")
    assert report.ok, report

An input is a mount (which image, which options), changes to the image, and a
sequence of system calls.  One that reaches an edge between basic blocks that none
reached before is kept, and most new inputs are made of kept ones.  What the
driver compared with what is tried as well.  A driver that was not built to tell
where it goes is given inputs drawn anew each time.

Each input begins with a kernel that goes back to a snapshot.  What is found: a
panic (of the kernel, of -fsanitize=undefined, of the memory checks), a call that
does not come back, memory that is left after the unmount, an image that a
checker does not like, and what the target's own check says.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import stat
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from rumpy._hyp import lib
from rumpy.block import MemoryDevice
from rumpy.block.protocol import Wrapper
from rumpy.errors import KernelClosed, KernelPanic, RumpyError, SnapshotError
from rumpy.hypercall import Hypercalls, SeededRandom, VirtualClock
from rumpy.kernel import Kernel
from rumpy.testing.calls import (
    USERS,
    Call,
    Caller,
    Generator,
    read_calls,
    write_calls,
)
from rumpy.testing.coverage import Comparison, Coverage

__all__ = ["FuzzReport", "Fuzzer", "Input", "Result", "Target", "fuzz", "run_one"]

_MOUNTPOINT = "/mnt"
#: Inputs in a row with the same mount, because changing snapshots costs.
_ROUND = 40
_COMPARISONS = 4096
#: Inputs tried with what a new one compared.
_HINTS = 24
_PATCHES = 12
#: Runs to make a finding smaller.
_SHRINK = 400
#: Seconds of CPU that a worker spends before it looks what others have found.
_SLICE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is fuzzed.

    Attributes:
        module: as Kernel.load() takes it.
        images: paths or contents; none: there is nothing to mount.
        type: the file system's name, where the module has another.
        options: mount options, one list of which is used for each input.
        damage: share of the inputs whose image is changed.
        calls: system calls to make; default: all of rumpy.testing.calls.
        paths: names that calls are made with, besides made-up ones.
        root: what paths are below; default: where the image is mounted.
        prepare: does what else has to be done before the first snapshot.
        check: says what is wrong with an image that was not damaged, after it
            was unmounted.
        judge: says what is wrong with the kernel, after the calls.
        memory: check the module's memory: overruns, leaks after the unmount.
        timeout: seconds for one input.
        kernel: further arguments of Kernel.
    """

    module: str | os.PathLike[str]
    images: Sequence[str | os.PathLike[str] | bytes] = ()
    type: str | None = None
    options: Sequence[Sequence[str]] = ((),)
    damage: float = 0.5
    calls: Collection[str] | None = None
    paths: Sequence[str] = ()
    root: str = _MOUNTPOINT
    prepare: Callable[[Kernel], object] | None = None
    check: Callable[[bytes], Sequence[str]] | None = None
    judge: Callable[[Kernel], Sequence[str]] | None = None
    memory: bool = True
    timeout: float = 20.0
    kernel: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to try.

    Attributes:
        image: which of the target's images.
        options: which of its options.
        patches: offset and bytes, in the order in which they are written.
        calls: what is done then.
    """

    image: int = 0
    options: int = 0
    patches: tuple[tuple[int, bytes], ...] = ()
    calls: tuple[Call, ...] = ()

    def dumps(self) -> str:
        """As JSON."""
        patches = [[offset, data.hex()] for offset, data in self.patches]
        calls = write_calls(self.calls)
        return json.dumps([self.image, self.options, patches, calls])

    @classmethod
    def loads(cls, text: str) -> Input:
        """The inverse of dumps().

        Raises:
            ValueError: it is something else.
        """
        try:
            image, options, patches, calls = json.loads(text)
            changes = tuple((int(at), bytes.fromhex(data)) for at, data in patches)
            return cls(int(image), int(options), changes, read_calls(calls))
        except (TypeError, KeyError) as error:
            raise ValueError(f"no input of a fuzzer: {text[:60]!r}") from error

    @classmethod
    def of(cls, patches: Sequence[Any], calls: Sequence[Any]) -> Input:
        """Of lists as dumps() writes them, for a target with one image."""
        return cls.loads(json.dumps([0, 0, patches, calls]))


@dataclass(frozen=True, slots=True)
class Result:
    """How an input ended.

    Attributes:
        kind: "ok", "refused" (the mount was), "panic", "hang", "leak", "image",
            "judge" or "error" (something that should not raise has).
        message: what was wrong.
        place: the driver's function that was running, if known.
        answers: what each call answered; negative: an errno of NetBSD.
        fresh: edges that no input before had reached.
    """

    kind: str = "ok"
    message: str = ""
    place: str = ""
    answers: tuple[int, ...] = ()
    fresh: int = 0
    oftener: int = 0

    @property
    def ok(self) -> bool:
        """Nothing went wrong; a mount that was refused is right as well."""
        return self.kind in ("ok", "refused")

    @property
    def signature(self) -> tuple[str, str, str]:
        """What two findings of one bug have in common."""
        line = self.message.partition("\n")[0]
        return self.kind, re.sub(r"0x[0-9a-f]+|-?\d+", "N", line), self.place


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong.

    Attributes:
        input: the smallest that shows it.
        result: how that ended.
        runs: inputs that had been tried when it was found.
        repeats: whether it was seen again.
        script: a Python script that shows it, if there was a folder for it.
    """

    input: Input
    result: Result
    runs: int
    repeats: bool
    script: Path | None = None

    def __str__(self) -> str:
        r, note = self.result, "" if self.repeats else " (NOT repeatable)"
        lines = [f"{r.kind}{note} after {self.runs} inputs: {r.message}"]
        if self.script is not None:
            lines.append(f"again: rumpy run {self.script}")
        lines += [f"patch {at}: {data.hex()}" for at, data in self.input.patches]
        lines += map(str, self.input.calls)
        return "\n    ".join(lines)


@dataclass(slots=True)
class FuzzReport:
    """What came of it.

    Attributes:
        runs: inputs that were tried.
        refused: how many of them did not mount.
        seconds: how long it took.
        edges: how many were reached; 0 where the driver does not tell.
        corpus: inputs that were kept.
        lost: edges for which there was no room.
        findings: the first of each signature.
        history: pairs of inputs tried and edges reached, now and then.
    """

    runs: int = 0
    refused: int = 0
    seconds: float = 0.0
    edges: int = 0
    corpus: int = 0
    lost: int = 0
    findings: list[Finding] = field(default_factory=list)
    history: list[tuple[int, int]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Something was tried and nothing found."""
        return self.runs > 0 and not self.findings

    def __str__(self) -> str:
        head = (
            f"{self.runs} inputs ({self.refused} not mounted) in {self.seconds:.1f} s,"
            f" {self.edges} edges, {self.corpus} kept: "
        )
        if not self.findings:
            return head + "nothing found"
        findings = [f"{len(self.findings)} findings", *map(str, self.findings)]
        return head + "\n  ".join(findings)


# --- running inputs --------------------------------------------------------------


class _Watch:
    """Helps calls along that wait for time to pass, and ends those that stay.

    Time is virtual: it passes only where the kernel waits for it.
    """

    def __init__(self, machine: Any, clock: VirtualClock, timeout: float) -> None:
        self._machine, self._clock, self._timeout = machine, clock, timeout
        self.since: float | None = None
        self.expired = self._over = False
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()

    def _main(self) -> None:
        while not self._over:
            time.sleep(0.05)
            since = self.since
            if since is None:
                continue
            late = time.monotonic() - since
            if late > self._timeout:
                self.expired = True
                lib.hyp_kernel_close(self._machine.k, 10_000)
                return
            if late > 0.5:
                self._clock.advance(0.5)

    def close(self) -> None:
        """Watch no more."""
        self._over = True
        self._thread.join()


class _Noting(Wrapper):
    """Notes which sectors are read."""

    def __init__(self, lower: MemoryDevice) -> None:
        super().__init__(lower)
        self.seen: set[int] = set()

    def read(self, offset: int, length: int) -> Any:
        self.seen.update(range(offset // 512, -(-(offset + length) // 512)))
        return self.lower.read(offset, length)


@dataclass(slots=True)
class _Base:
    """An image, and which of its sectors a driver looks at before it is used."""

    data: bytes
    device: MemoryDevice
    disk: Any
    sectors: list[int] = field(default_factory=list)
    looked_at: bytes = b""
    refused: dict[int, int] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)


class Runner:
    """A kernel with the target's module, and snapshots to begin from.

    Args:
        target: what to run.
        seed: of the kernel's random bytes.

    Attributes:
        useful: which calls of the last input reached an edge for the first time.
    """

    def __init__(self, target: Target, *, seed: int = 1) -> None:
        self.useful: list[int] = []
        self.target = target
        self.images = [_contents(image) for image in target.images]
        self._clock = VirtualClock()
        hypercalls = Hypercalls(clock=self._clock, random=SeededRandom(seed))
        self.kernel = Kernel(
            hypercalls=hypercalls,
            debug=target.memory,
            watchdog=target.timeout,
            **target.kernel,
        )
        self._watch: _Watch | None = None
        self._warm: dict[tuple[int, int], Any] = {}
        try:
            self._set_up()
        except BaseException:
            self.kernel.close()
            raise

    def _set_up(self) -> None:
        k, target = self.kernel, self.target
        self.module = k.load(target.module)
        self.type = target.type or self.module.name
        self.coverage: Coverage | None = None
        if any(module.traced for module in k.modules()):
            self.coverage = k.coverage(comparisons=_COMPARISONS)
        if target.prepare is not None:
            target.prepare(k)
        self.bases = [self._attach(data) for data in self.images]
        processes = [k if not uid else k.process(uid, gid, groups)
                     for uid, gid, groups in USERS]  # fmt: skip
        for process in processes:
            process.umask(0)
        self.caller = Caller(processes, target.root)
        self._leaks = self._left()
        self._start = k.snapshot()
        self._watch = _Watch(k._machine, self._clock, target.timeout)

    def _attach(self, data: bytes) -> _Base:
        device = MemoryDevice(data)
        base = _Base(data, device, self.kernel.attach(device))
        self._look(base)
        base.looked_at = b"".join(data[n * 512 : n * 512 + 512] for n in base.sectors)
        return base

    def _look(self, base: _Base) -> None:
        """Find out what is in an image, and where a driver looks for that."""
        with (
            MemoryDevice(base.data) as memory,
            _Noting(memory) as noting,
            Kernel(**self.target.kernel) as k,
        ):
            k.load(self.target.module)
            try:
                mount = k.mount(self.type, noting, _MOUNTPOINT, "ro")
            except OSError:
                # Not as it is; then everything may matter.
                base.sectors = [*range(len(base.data) // 512)]
                return
            todo = [""]
            while todo and len(base.paths) < 400:
                folder = todo.pop()
                for name in _names(k, f"{_MOUNTPOINT}/{folder}"):
                    path = f"{folder}/{name}" if folder else name
                    base.paths.append(path)
                    with contextlib.suppress(OSError):
                        st = k.lstat(f"{_MOUNTPOINT}/{path}")
                        k.listxattr(f"{_MOUNTPOINT}/{path}")
                        if stat.S_ISDIR(st.st_mode):
                            todo.append(path)
            mount.unmount()
            base.sectors = sorted(noting.seen)

    def close(self) -> None:
        """End the kernel."""
        if self._watch is not None:
            self._watch.close()
        if self._watch is None or not self._watch.expired:
            with contextlib.suppress(RumpyError):
                self.kernel.restore(self._start)
        for snapshot in (*self._warm.values(), self._start):
            snapshot.close()
        self.kernel.close()
        for base in self.bases:
            base.device.close()

    def _left(self) -> int:
        """How many allocations the module has."""
        if not self.target.memory:
            return 0
        text = self.module._linked.text
        count, _, _ = self.kernel._modules.leaks(text.address, text.size)
        return count

    def _begin(self, given: Input) -> Any:
        """Go back, and mount where that was kept; the mount, or None."""
        if given.patches or not self.bases:
            self.kernel.restore(self._start)
            return None
        key = given.image, given.options
        if key in self._warm:
            self.kernel.restore(self._warm[key])
        else:
            self.kernel.restore(self._start)
            self._mount(given)
            if len(self._warm) >= 8:
                self._warm.pop(next(iter(self._warm))).close()
            with contextlib.suppress(SnapshotError):  # not at rest in time
                self._warm[key] = self.kernel.snapshot()
        return self.kernel.mounts()[-1]

    def _mount(self, given: Input) -> Any:
        words = self.target.options[given.options]
        disk = self.bases[given.image].disk
        return self.kernel.mount(self.type, disk, _MOUNTPOINT, *words)

    def run(self, given: Input, *, comparisons: bool = False) -> Result:
        """Try an input."""
        assert self._watch is not None
        answers: list[int] = []
        self._watch.since = time.monotonic()
        try:
            result = self._try(given, answers, comparisons=comparisons)
        except KernelPanic as panic:
            result = Result("panic", _text(panic), self._place(panic))
        except KernelClosed as error:
            if not self._watch.expired:
                raise
            at = len(answers)
            last = given.calls[at].name if at < len(given.calls) else "the unmount"
            result = Result("hang", f"{last} does not come back ({error})")
        finally:
            self._watch.since = None
        if self.coverage is not None and result.kind != "hang":
            if result.kind == "panic":
                self.kernel.restore(self._start)
            fresh, oftener = self.coverage.judge()
            return replace(result, fresh=fresh, oftener=oftener, answers=tuple(answers))
        return replace(result, answers=tuple(answers))

    def _try(self, given: Input, answers: list[int], *, comparisons: bool) -> Result:
        coverage = self.coverage
        try:
            mount = self._begin(given)
        except OSError as error:
            return Result("refused", str(error))
        if coverage is not None:
            coverage.begin(comparisons=comparisons)
        if self.bases and mount is None:
            for offset, data in given.patches:
                _patch(self.bases[given.image].device, offset, data)
            try:
                mount = self._mount(given)
            except OSError as error:
                return Result("refused", str(error))
        self._do(given, answers)
        if self.target.judge is not None:
            for problem in self.target.judge(self.kernel):
                return Result("judge", problem)
        self.caller.end()
        return self._end(given, mount)

    def _do(self, given: Input, answers: list[int]) -> None:
        """Make the calls."""
        caller, coverage = self.caller, self.coverage
        caller.begin()
        self.useful.clear()
        if coverage is None:
            answers.extend(map(caller.do, given.calls))
            return
        known = coverage.known
        for i, call in enumerate(given.calls):
            coverage.enter()
            answers.append(caller.do(call))
            if coverage.known != known:
                known = coverage.known
                self.useful.append(i)

    def _end(self, given: Input, mount: Any) -> Result:
        """Unmount, and look at what is left."""
        if mount is not None:
            try:
                mount.unmount()
            except OSError as error:
                if not given.patches:
                    return Result("error", f"unmount: {error}")
                mount.unmount(force=True)
        left = self._left() - self._leaks
        if left > 0:
            return Result("leak", self._leak(left))
        check = self.target.check
        if mount is not None and check is not None and not given.patches:
            for problem in check(self.bases[given.image].device.contents()):
                return Result("image", str(problem))
        return Result()

    def _leak(self, left: int) -> str:
        text = self.module._linked.text
        _, _, leaks = self.kernel._modules.leaks(text.address, text.size)
        shown = "\n".join(map(str, leaks[:3]))
        return f"{left} allocations are left\n{shown}"

    def _place(self, panic: KernelPanic) -> str:
        """The first function of the module in a backtrace."""
        for frame in panic.frames:
            if frame.module == self.module.name:
                return frame.function or ""
        return ""


def _patch(device: MemoryDevice, offset: int, data: bytes) -> None:
    """Write a few bytes to a disk, which takes whole sectors."""
    unit = device.sector_size
    data = data[: max(device.size - offset, 0)]
    first = offset // unit * unit
    length = -(-(offset + len(data)) // unit) * unit - first
    old = bytearray(device.read(first, length))
    old[offset - first : offset - first + len(data)] = data
    device.write(first, memoryview(old))


def _names(k: Kernel, folder: str) -> list[str]:
    try:
        return k.listdir(folder)
    except OSError:
        return []


def _text(panic: KernelPanic) -> str:
    return "\n    ".join([panic.message, *map(str, panic.frames)])


def _contents(image: str | os.PathLike[str] | bytes) -> bytes:
    if isinstance(image, bytes):
        return image
    with open(image, "rb") as file:
        return file.read()


# --- making inputs ----------------------------------------------------------------


class Mutator:
    """Makes inputs: new ones, and changes of others.

    Args:
        rng: of everything.
        target: what they are for.
        bases: its images, and what drivers look at in them.
    """

    def __init__(
        self, rng: random.Random, target: Target, bases: Sequence[_Base]
    ) -> None:
        self.rng, self.target, self.bases = rng, target, bases
        self._generators = [
            Generator(rng, names=target.calls, paths=[*target.paths, *paths])
            for paths in [base.paths for base in bases] or [[]]
        ]

    def mount(self) -> Input:
        """Which image, and how it is mounted; whether it is changed."""
        rng, bases = self.rng, self.bases
        image = rng.randrange(len(bases)) if bases else 0
        options = rng.randrange(len(self.target.options))
        damaged = bool(bases) and rng.random() < self.target.damage
        patches = ((0, b""),) if damaged else ()
        return Input(image, options, patches)

    def fresh(self, mount: Input) -> Input:
        """One that has nothing to do with others."""
        patches = self._patches(mount) if mount.patches else ()
        calls = self._generators[mount.image].sequence()
        return replace(mount, patches=patches, calls=calls)

    def _patches(self, mount: Input) -> tuple[tuple[int, bytes], ...]:
        count = min(1 + int(self.rng.expovariate(0.6)), _PATCHES)
        return tuple(self.patch(mount) for _ in range(count))

    def patch(self, mount: Input) -> tuple[int, bytes]:
        """A change of something that a driver reads, and that is not empty."""
        rng, base = self.rng, self.bases[mount.image]
        for _ in range(8):
            pair = rng.choice(base.sectors), rng.choice(base.sectors)
            sector = min(pair, key=lambda n: base.refused.get(n, 0))
            offset = sector * 512 + rng.randrange(512)
            width = rng.choice((1, 1, 2, 4, 4, 8))
            offset -= offset % width
            old = base.data[offset : offset + width]
            if any(old) or rng.random() < 0.1:
                break
        return offset, self._value(old, base)

    def avoid(self, given: Input) -> None:
        """The mount was refused: what was changed is mostly left alone later."""
        refused = self.bases[given.image].refused
        for offset, _ in given.patches:
            refused[offset // 512] = refused.get(offset // 512, 0) + 1

    def _value(self, old: bytes, base: _Base) -> bytes:
        """Something else in place of bytes."""
        rng, width = self.rng, len(old)
        order: Literal["little", "big"] = rng.choice(("little", "big"))
        number = int.from_bytes(old, order)
        top = (1 << 8 * width) - 1
        value = rng.choice((
            number ^ (1 << rng.randrange(8 * width)), number + 1, number - 1,
            number + rng.randint(-300, 300), number * 2, number // 2, 0, top,
            top >> 1, (top >> 1) + 1, rng.randint(0, 255), rng.randint(0, top), -1,
            -number, 1 << rng.randrange(8 * width), self._other(base, width, order),
        ))  # fmt: skip
        return int.to_bytes(value & top, width, order)

    def _other(self, base: _Base, width: int, order: Literal["little", "big"]) -> int:
        """What is at another place of the image."""
        at = self.rng.choice(base.sectors) * 512 + self.rng.randrange(512 // 8) * 8
        return int.from_bytes(base.data[at : at + width], order)

    def changed(self, given: Input, other: Input) -> Input:
        """A few changes; `other` is where things are taken from."""
        for _ in range(1 + int(self.rng.expovariate(0.7))):
            given = self._change(given, other)
        return given

    def _change(self, given: Input, other: Input) -> Input:
        rng = self.rng
        if given.patches and rng.random() < 0.5:
            return replace(given, patches=self._change_patches(given, other))
        calls = [*given.calls]
        generator = self._generators[given.image]
        at = rng.randrange(len(calls) + 1)
        match rng.randrange(8):
            case 0 | 1:
                calls.insert(at, generator.call())
            case 2:
                del calls[at : at + rng.choice((1, 1, 2, 5))]
            case 3 | 4 if calls:
                at %= len(calls)
                calls[at] = generator.changed(calls[at])
            case 5 if other.calls:
                start = rng.randrange(len(other.calls))
                calls[at:at] = other.calls[start : start + rng.randint(1, 8)]
            case 6 if calls:
                start = rng.randrange(len(calls))
                calls[at:at] = calls[start : start + rng.randint(1, 4)]
            case _:
                calls += generator.sequence(6)
        return replace(given, calls=tuple(calls[:64]))

    def _change_patches(
        self, given: Input, other: Input
    ) -> tuple[tuple[int, bytes], ...]:
        rng, patches = self.rng, [*given.patches]
        at = rng.randrange(len(patches))
        offset, data = patches[at]
        match rng.randrange(5):
            case 0 | 1:
                patches.append(self.patch(given))
            case 2 if len(patches) > 1:
                del patches[at]
            case 3 if other.image == given.image and other.patches:
                patches += rng.choices(other.patches, k=2)
            case _ if data:
                patches[at] = offset, self._value(data, self.bases[given.image])
        return tuple(patches[-_PATCHES:])

    def hints(
        self, given: Input, seen: Sequence[Comparison], count: int
    ) -> list[Input]:
        """Inputs in which something that was compared is what it was compared with."""
        some = self.rng.sample(seen, min(len(seen), 3 * count))
        found: list[Input] = []
        for c in some:
            for wanted, there in ((c.left, c.right), (c.right, c.left)):
                found += self._with(given, there, wanted, c.size)
        return self.rng.sample(found, min(len(found), count))

    def _with(
        self, given: Input, there: int, wanted: int, size: int
    ) -> Iterator[Input]:
        top = (1 << 8 * size) - 1
        for i, call in enumerate(given.calls):
            for j, argument in enumerate(call.args):
                if argument[0] == "num" and int(argument[1]) & top == there:
                    args = (*call.args[:j], ("num", wanted), *call.args[j + 1 :])
                    new = replace(call, args=args)
                    calls = (*given.calls[:i], new, *given.calls[i + 1 :])
                    yield replace(given, calls=calls)
        if not given.patches or there < 256:
            return
        base = self.bases[given.image]
        orders: tuple[Literal["little", "big"], ...] = ("little", "big")
        for order in orders:
            at = base.looked_at.find(there.to_bytes(size, order))
            if at >= 0:
                offset = base.sectors[at // 512] * 512 + at % 512
                data = wanted.to_bytes(size, order)
                patches = (*given.patches, (offset, data))
                yield replace(given, patches=patches[-_PATCHES:])


# --- the search -----------------------------------------------------------------


@dataclass(slots=True)
class _Kept:
    """An input of the corpus."""

    input: Input
    gain: int
    picked: int = 0


class Fuzzer:
    """One search, in this process.

    Args:
        target: what is fuzzed.
        seed: the same seed gives the same inputs, if nothing else is different.
        guided: make inputs of those that reached something new.
        corpus: a folder of inputs, tried first; new ones are put there.
        findings: a folder for scripts and inputs of what is found; default
            "findings" in the corpus.
        shrink: look for smaller inputs that show a finding.
    """

    def __init__(
        self,
        target: Target,
        *,
        seed: int = 1,
        guided: bool = True,
        corpus: str | os.PathLike[str] | None = None,
        findings: str | os.PathLike[str] | None = None,
        shrink: bool = True,
    ) -> None:
        self.target, self.seed, self._shrinks = target, seed, shrink
        self.rng = random.Random(seed)
        self.folder = None if corpus is None else Path(corpus)
        self.findings = Path(findings) if findings is not None else None
        if self.findings is None and self.folder is not None:
            self.findings = self.folder / "findings"
        self.report = FuzzReport()
        self.kept: list[_Kept] = []
        self._known: set[tuple[str, str, str]] = set()
        # What did not come back costs too much to be tried again.
        self._avoided: set[tuple[str, tuple[Any, ...]]] = set()
        self.runner = Runner(target, seed=seed)
        self.guided = guided and self.runner.coverage is not None
        self.mutator = Mutator(self.rng, target, self.runner.bases)
        self._stored = self._load()

    def __enter__(self) -> Fuzzer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the kernel."""
        self.runner.close()

    def run(
        self,
        *,
        runs: int | None = None,
        seconds: float | None = None,
        first: bool = False,
    ) -> FuzzReport:
        """Try inputs until so many were tried, or so long.

        Args:
            first: stop at the first finding.
        """
        start = time.monotonic()
        end = None if seconds is None else start + seconds
        stored, self._stored = self._stored, []
        for given in stored:
            result = self._run(given)
            if self.guided and result.fresh + result.oftener:
                self.kept.append(_Kept(given, 4 * result.fresh + result.oftener))
        for given in self._inputs():
            self._one(given)
            report = self.report
            if (runs is not None and report.runs >= runs) or (
                end is not None and time.monotonic() >= end
            ):
                break
            if first and report.findings:
                break
        self.report.seconds += time.monotonic() - start
        self._count()
        return self.report

    def _inputs(self) -> Iterator[Input]:
        """What to try; endless."""
        while True:
            mount = self.mutator.mount()
            for _ in range(_ROUND):
                yield self._next(mount)
            if self.guided and self.kept:
                self._hint(self._pick(), _HINTS // 3)

    def _load(self) -> list[Input]:
        """What is in the corpus and fits the target."""
        if self.folder is None or not self.folder.is_dir():
            return []
        found = []
        for path in sorted(self.folder.glob("*.json")):
            with contextlib.suppress(ValueError, OSError):
                found.append(Input.loads(path.read_text()))
        counts = len(self.runner.bases) or 1, len(self.target.options)
        return [f for f in found if f.image < counts[0] and f.options < counts[1]]

    def _next(self, mount: Input) -> Input:
        """A new input for this mount."""
        damaged = bool(mount.patches)
        able = self.guided and self.kept and self.rng.random() < 0.85
        if not able:
            return self.mutator.fresh(mount)
        parent = self._pick()
        other = self.rng.choice(self.kept).input
        patches = parent.patches if parent.image == mount.image else ()
        if not damaged:
            patches = ()
        elif not patches:
            patches = self.mutator._patches(mount)
        given = replace(mount, patches=patches, calls=parent.calls)
        return self.mutator.changed(given, other)

    def _pick(self) -> Input:
        """One of the corpus: of a few, that which was least made use of."""
        recent = self.kept[-64:] if self.rng.random() < 0.4 else self.kept
        some = [self.rng.choice(recent) for _ in range(3)]
        best = min(some, key=lambda kept: kept.picked / (1 + kept.gain))
        best.picked += 1
        return best.input

    def _one(self, given: Input) -> Result:
        result = self._run(given)
        if self.guided and result.fresh + result.oftener and result.kind != "hang":
            self._keep(given, result)
        return result

    def _run(self, given: Input, *, comparisons: bool = False) -> Result:
        """Try one, and take note of what went wrong."""
        if self._avoided:
            calls = tuple(c for c in given.calls if _key(c) not in self._avoided)
            given = replace(given, calls=calls)
        result = self.runner.run(given, comparisons=comparisons)
        self.report.runs += 1
        if result.kind == "refused":
            self.report.refused += 1
            self.mutator.avoid(given)
        if self.report.runs % 200 == 0:
            self._count()
        if not result.ok:
            self._found(given, result)
        return result

    def _count(self) -> None:
        coverage, report = self.runner.coverage, self.report
        report.corpus = len(self.kept)
        if coverage is not None:
            report.edges, report.lost = coverage.known, coverage.lost
            report.history.append((report.runs, report.edges))

    def _keep(self, given: Input, result: Result) -> None:
        """Add an input to the corpus, and try what it compared."""
        if result.fresh and result.ok:
            given = self._trim(given)
        self._add(given, result)
        if result.fresh and result.ok:
            self._hint(given, _HINTS)

    def _add(self, given: Input, result: Result) -> None:
        self.kept.append(_Kept(given, 4 * result.fresh + result.oftener))
        if self.folder is not None:
            _store(self.folder, given)

    def _trim(self, given: Input) -> Input:
        """Leave out calls that what is new does not need."""
        coverage = self.runner.coverage
        assert coverage is not None
        wanted, useful = coverage.fresh(), self.runner.useful
        last = useful[-1] + 1 if useful else 0
        for size in (0, 1, 2, 3, 4):
            # Those that reached something, and so many before each of them.
            indexes = {i - k for i in useful for k in range(size + 1)}
            calls = tuple(c for i, c in enumerate(given.calls) if i in indexes)
            if len(calls) >= last:
                break
            tried = replace(given, calls=calls)
            if self._run(tried).ok and coverage.reached(wanted):
                return tried
        tried = replace(given, calls=given.calls[:last])
        if last < len(given.calls) and self._run(tried).ok:
            return tried if coverage.reached(wanted) else given
        return given

    def _hint(self, given: Input, count: int) -> None:
        """Try what an input compared."""
        coverage = self.runner.coverage
        assert coverage is not None
        if not self._run(given, comparisons=True).ok:
            return
        for hint in self.mutator.hints(given, coverage.comparisons(), count):
            again = self._run(hint)
            if again.fresh + again.oftener and again.kind != "hang":
                self._add(hint, again)

    # --- findings -----------------------------------------------------------------

    def _found(self, given: Input, result: Result) -> None:
        if result.kind == "hang":
            self._reboot()
            if len(result.answers) < len(given.calls):
                self._avoided.add(_key(given.calls[len(result.answers)]))
        if result.signature in self._known:
            return
        self._known.add(result.signature)
        runs = self.report.runs
        again = self._again(given)
        repeats = again.signature == result.signature
        # What came after the call that did it does not matter.
        if repeats and len(again.answers) < len(given.calls):
            given = replace(given, calls=given.calls[: len(again.answers) + 1])
        best, last = given, again if repeats else result
        if repeats and self._shrinks and result.kind != "hang":
            best, last = self._shrink(given, again)
        finding = Finding(best, last, runs, repeats)
        if self.findings is not None:
            from rumpy.testing.reproduce import store

            finding = replace(
                finding, script=store(self.findings, self.target, finding)
            )
        self.report.findings.append(finding)

    def _again(self, given: Input) -> Result:
        result = self.runner.run(given)
        if result.kind == "hang":
            self._reboot()
        return result

    def _reboot(self) -> None:
        """Another kernel; what it reaches has to be learned again."""
        self.runner.close()
        self.runner = Runner(self.target, seed=self.seed)
        for kept in self.kept:
            self.runner.run(kept.input)

    def _shrink(self, given: Input, result: Result) -> tuple[Input, Result]:
        """Leave out what does not matter: halves, quarters, single ones."""
        left = _SHRINK
        for part in ("patches", "calls"):
            size = max(1, len(getattr(given, part)) // 2)
            while left > 0:
                start, before = 0, given
                while start < len(getattr(given, part)) and left > 0:
                    items = getattr(given, part)
                    shorter = items[:start] + items[start + size :]
                    if part == "patches" and not shorter:
                        break
                    tried = replace(given, **{part: shorter})
                    again, left = self._again(tried), left - 1
                    if again.signature == result.signature:
                        given, result = tried, again
                    else:
                        start += size
                if size == 1 and given is before:
                    break
                size = max(1, size // 2)
        return given, result


def _key(call: Call) -> tuple[str, tuple[Any, ...]]:
    """A call without what is different each time."""
    numbers = [tuple(a) for a in call.args if a[0] in ("num", "path", "text")]
    return call.name, tuple(numbers)


def run_one(
    target: Target, given: Input, *, say: Callable[[str], object] | None = None
) -> Result:
    """Try one input in a kernel of its own.

    Args:
        say: is told each call and its answer.
    """
    runner = Runner(target)
    try:
        result = runner.run(given)
    finally:
        runner.close()
    if say is not None:
        for i, call in enumerate(given.calls):
            answer = result.answers[i] if i < len(result.answers) else "?"
            say(f"{call} -> {answer}")
    return result


def _store(folder: Path, given: Input) -> None:
    """Put an input into the corpus; others may do so at the same time."""
    folder.mkdir(parents=True, exist_ok=True)
    text = given.dumps() + "\n"
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = folder / f"{name}.json"
    if not path.exists():
        part = folder / f".{name}.{os.getpid()}"
        part.write_text(text)
        part.rename(path)


def fuzz(
    target: Target,
    *,
    seed: int = 1,
    runs: int | None = None,
    seconds: float | None = None,
    guided: bool = True,
    corpus: str | os.PathLike[str] | None = None,
    findings: str | os.PathLike[str] | None = None,
    first: bool = False,
    shrink: bool = True,
    jobs: int = 1,
    executor: Executor | None = None,
) -> FuzzReport:
    """Try inputs until time or number is up.

    With several jobs each works for a minute at a time, beginning with what is in
    the corpus, so that they learn of each other.

    Args:
        target: what is fuzzed.
        seed: of the inputs; with one job, `runs` and an empty corpus everything
            is the same for the same seed.
        runs: so many inputs, of each job's turn.
        seconds: so long.
        guided: False: draw each input anew.
        corpus, findings: folders; see Fuzzer.
        first: stop at the first finding.
        shrink: make findings smaller.
        jobs: processes; more than one need a corpus, and a target that can be
            pickled.
        executor: who runs them; default: local processes.

    Raises:
        ValueError: neither runs nor seconds, or several jobs without a corpus.
        OSError, RumpyError: the kernel does not boot, or takes no such module.
    """
    if runs is None and seconds is None:
        raise ValueError("say how long: runs= or seconds=")
    if jobs == 1 and executor is None:
        with Fuzzer(
            target, seed=seed, guided=guided, corpus=corpus, findings=findings,
            shrink=shrink,
        ) as fuzzer:  # fmt: skip
            return fuzzer.run(runs=runs, seconds=seconds, first=first)
    if corpus is None or seconds is None:
        raise ValueError("several jobs need a corpus= and seconds=")
    work = _Turn(target, guided, corpus, findings, shrink, runs, min(_SLICE, seconds))
    return _spread(work, seed, seconds, first, jobs, executor)


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one job does at a time; pickled."""

    target: Target
    guided: bool
    corpus: str | os.PathLike[str]
    findings: str | os.PathLike[str] | None
    shrink: bool
    runs: int | None
    seconds: float

    def __call__(self, seed: int) -> FuzzReport:
        return fuzz(
            self.target, seed=seed, runs=self.runs, seconds=self.seconds,
            guided=self.guided, corpus=self.corpus, findings=self.findings,
            shrink=self.shrink,
        )  # fmt: skip


def _spread(
    work: _Turn,
    seed: int,
    seconds: float,
    first: bool,
    jobs: int,
    executor: Executor | None,
) -> FuzzReport:
    """Turns of several jobs, and all reports in one."""
    from rumpy.testing.spread import campaign

    whole, known = FuzzReport(), set()
    start = time.monotonic()
    turns = campaign(
        work, _numbers(seed), seconds=max(seconds - work.seconds, 0.001),
        executor=executor, jobs=jobs,
    )  # fmt: skip
    for _, report in turns:
        whole.runs += report.runs
        whole.refused += report.refused
        whole.edges = max(whole.edges, report.edges)
        whole.corpus = max(whole.corpus, report.corpus)
        for finding in report.findings:
            if finding.result.signature not in known:
                known.add(finding.result.signature)
                whole.findings.append(finding)
        if first and whole.findings:
            break
    whole.seconds = time.monotonic() - start
    return whole


def _numbers(first: int) -> Iterable[int]:
    while True:
        yield first
        first += 1
