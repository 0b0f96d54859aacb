# SPDX-License-Identifier: BSD-2-Clause
"""Devices that go wrong on purpose, and ones that remember what happened."""

from __future__ import annotations

import errno
import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rumpy.block.memory import MemoryDevice
from rumpy.block.protocol import (
    BlockDevice,
    Data,
    Wrapper,
    restore_to,
    snapshot_of,
)

Operation = Literal["read", "write", "flush", "discard"]
Kind = Literal["eio", "torn", "misdirected", "dropped", "flip", "latency"]


@dataclass(slots=True)
class Fault:
    """One way for a device to go wrong.

    Attributes:
        kind: "eio" fails the transfer; "torn" writes its first half of sectors
            and reports success; "misdirected" writes one sector beside;
            "dropped" forgets a write or flush and reports success; "flip"
            changes one bit of what is read; "latency" waits.
        operation: which transfers, None for those the kind makes sense for.
        after: so many matching transfers go well first.
        times: how often it strikes, None for ever.
        start, end: only transfers that touch these bytes.
        probability: of striking, by the device's seeded generator.
        error: errno for "eio".
        seconds: for "latency".
        struck: how often it has happened.
    """

    kind: Kind
    operation: Operation | None = None
    after: int = 0
    times: int | None = None
    start: int = 0
    end: int | None = None
    probability: float = 1.0
    error: int = errno.EIO
    seconds: float = 0.01
    struck: int = 0
    _seen: int = 0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"no kind of fault: {self.kind!r}")
        if self.operation is not None and self.operation not in get_args(Operation):
            raise ValueError(f"no operation of a disk: {self.operation!r}")

    def matches(self, operation: Operation, offset: int, length: int) -> bool:
        """Whether it is about this transfer at all."""
        if self.operation is None:
            fits = {
                "torn": ("write",),
                "misdirected": ("write",),
                "dropped": ("write", "flush", "discard"),
                "flip": ("read",),
            }.get(self.kind, (operation,))
            if operation not in fits:
                return False
        elif operation != self.operation:
            return False
        if operation == "flush":
            return True
        return offset + length > self.start and (self.end is None or offset < self.end)

    def strikes(self, chance: float) -> bool:
        """Count a matching transfer; whether it goes wrong."""
        self._seen += 1
        if self._seen <= self.after or chance >= self.probability:
            return False
        if self.times is not None and self.struck >= self.times:
            return False
        self.struck += 1
        return True


class FaultyDevice(Wrapper):
    """Lets some transfers go wrong; the same seed gives the same failures.

    Args:
        lower: the device that works.
        faults: what goes wrong; the list may be changed at any time.
        seed: of the generator behind probabilities and flipped bits.
    """

    def __init__(
        self, lower: BlockDevice, faults: Sequence[Fault] = (), *, seed: int = 0
    ) -> None:
        super().__init__(lower)
        self.faults = list(faults)
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def read(self, offset: int, length: int) -> Data:
        struck = self._strike("read", offset, length)
        data = self.lower.read(offset, length)
        if any(fault.kind == "flip" for fault in struck) and length:
            flipped = bytearray(data)
            bit = self._random.randrange(length * 8)
            flipped[bit >> 3] ^= 1 << (bit & 7)
            return flipped
        return data

    def write(self, offset: int, data: memoryview) -> None:
        for fault in self._strike("write", offset, len(data)):
            if fault.kind == "dropped":
                return
            if fault.kind == "torn":
                sectors = len(data) // self.sector_size
                data = data[: sectors // 2 * self.sector_size]
            elif fault.kind == "misdirected":
                room = self.size - len(data)
                beside = offset + self.sector_size
                offset = beside if beside <= room else max(offset - self.sector_size, 0)
        if len(data):
            self.lower.write(offset, data)

    def flush(self) -> None:
        if any(f.kind == "dropped" for f in self._strike("flush", 0, 0)):
            return
        self.lower.flush()

    def discard(self, offset: int, length: int) -> None:
        if any(f.kind == "dropped" for f in self._strike("discard", offset, length)):
            return
        self.lower.discard(offset, length)

    def snapshot(self) -> Any:
        """The lower device's, and how far faults and generator are.

        Raises:
            OSError: EOPNOTSUPP where the lower device has none.
        """
        lower = snapshot_of(self.lower)
        with self._lock:
            counts = [(fault, fault._seen, fault.struck) for fault in self.faults]
            return lower, self._random.getstate(), counts

    def restore(self, token: Any) -> None:
        """Go back: the same transfers go wrong again.  The list of faults stays."""
        lower, state, counts = token
        restore_to(self.lower, lower)
        with self._lock:
            self._random.setstate(state)
            for fault, seen, struck in counts:
                fault._seen, fault.struck = seen, struck

    def _strike(self, operation: Operation, offset: int, length: int) -> list[Fault]:
        """The faults that happen to this transfer; EIO and waits at once."""
        struck = []
        with self._lock:
            for fault in self.faults:
                if fault.matches(operation, offset, length) and fault.strikes(
                    self._random.random()
                ):
                    struck.append(fault)
        for fault in struck:
            if fault.kind == "latency":
                time.sleep(fault.seconds)
        for fault in struck:
            if fault.kind == "eio":
                raise OSError(fault.error, os.strerror(fault.error))
        return struck


@dataclass(frozen=True, slots=True)
class Entry:
    """One change as a recorder saw it.

    Attributes:
        epoch: number of flushes before it; a flush itself ends its epoch.
        operation: "write", "discard" or "flush".
        offset, length: bytes; zero for a flush.
        data: what was written, None for others.
    """

    epoch: int
    operation: Operation
    offset: int
    length: int
    data: bytes | None


class Recorder(Wrapper):
    """Remembers every change in order.

    Attributes:
        log: all entries so far.
        epoch: number of flushes so far.
    """

    def __init__(self, lower: BlockDevice) -> None:
        super().__init__(lower)
        self.log: list[Entry] = []
        self.epoch = 0
        self._lock = threading.Lock()

    def write(self, offset: int, data: memoryview) -> None:
        self.lower.write(offset, data)
        with self._lock:
            entry = Entry(self.epoch, "write", offset, len(data), bytes(data))
            self.log.append(entry)

    def discard(self, offset: int, length: int) -> None:
        self.lower.discard(offset, length)
        with self._lock:
            self.log.append(Entry(self.epoch, "discard", offset, length, None))

    def flush(self) -> None:
        self.lower.flush()
        with self._lock:
            self.log.append(Entry(self.epoch, "flush", 0, 0, None))
            self.epoch += 1

    def snapshot(self) -> Any:
        """The lower device's, and the log.

        Raises:
            OSError: EOPNOTSUPP where the lower device has none.
        """
        lower = snapshot_of(self.lower)
        with self._lock:
            return lower, self.log[:], self.epoch

    def restore(self, token: Any) -> None:
        """Go back, the log too."""
        lower, log, epoch = token
        restore_to(self.lower, lower)
        with self._lock:
            self.log[:] = log
            self.epoch = epoch


def replay(device: BlockDevice, entries: Sequence[Entry]) -> None:
    """Do the changes again, on another device."""
    for entry in entries:
        if entry.operation == "write" and entry.data is not None:
            device.write(entry.offset, memoryview(entry.data))
        elif entry.operation == "discard":
            device.discard(entry.offset, entry.length)


@dataclass(slots=True)
class PowerCut:
    """The states a disk may be in when the power fails.

    Everything before the last flush of the log has arrived.  Of what came after
    any subset may have, in any order, the last write perhaps in part.

    Attributes:
        base: the contents before the first entry.
        log: what was written then.
        sector_size: what is written whole or not at all.
    """

    base: bytes
    log: Sequence[Entry]
    sector_size: int = 512

    def durable(self, end: int) -> int:
        """How many of the first end entries a flush has made durable."""
        for index in range(min(end, len(self.log)) - 1, -1, -1):
            if self.log[index].operation == "flush":
                return index + 1
        return 0

    def state(
        self, end: int, kept: Sequence[int] | None = None, *, torn: int | None = None
    ) -> MemoryDevice:
        """The disk when the power fails after so many entries.

        Args:
            end: the first entries that were issued.
            kept: which of those after the last flush arrived, by index in the
                log, in the order of arrival; None for all.
            torn: of the last one kept only so many sectors arrived.
        """
        device = MemoryDevice(self.base, sector_size=self.sector_size)
        safe = self.durable(end)
        replay(device, self.log[:safe])
        order = range(safe, end) if kept is None else kept
        chosen = [self.log[i] for i in order if safe <= i < end]
        if torn is not None and chosen and chosen[-1].data is not None:
            last = chosen.pop()
            part = (last.data or b"")[: torn * self.sector_size]
            chosen.append(Entry(last.epoch, "write", last.offset, len(part), part))
        replay(device, chosen)
        return device

    def states(self, end: int, *, count: int, seed: int = 0) -> Iterator[MemoryDevice]:
        """Some different states after so many entries, chosen by the seed.

        The first two are the extremes: nothing after the last flush arrived,
        and all of it.  The caller closes each device.
        """
        safe = self.durable(end)
        loose = [
            i for i in range(safe, min(end, len(self.log)))
            if self.log[i].operation != "flush"
        ]  # fmt: skip
        yield self.state(end, [])
        if not loose:
            return
        yield self.state(end, loose)
        generator = random.Random(f"{seed}:{end}")
        for _ in range(max(count - 2, 0)):
            kept = [i for i in loose if generator.random() < 0.5]
            generator.shuffle(kept)
            torn = None
            if kept and generator.random() < 0.3:
                torn = generator.randrange(
                    self.log[kept[-1]].length // self.sector_size
                )
            yield self.state(end, kept, torn=torn)


class PowerCutDevice(Recorder):
    """A recorder whose power can be cut: from then on every transfer fails.

    Args:
        lower: where the disk's contents are.
        after: cut the power by itself after so many changes, None for never.
    """

    def __init__(self, lower: BlockDevice, *, after: int | None = None) -> None:
        super().__init__(lower)
        self.after = after
        self.off = False

    def cut(self) -> None:
        """Cut the power now."""
        self.off = True

    def read(self, offset: int, length: int) -> Data:
        self._powered()
        return super().read(offset, length)

    def write(self, offset: int, data: memoryview) -> None:
        self._change()
        super().write(offset, data)

    def flush(self) -> None:
        self._change()
        super().flush()

    def discard(self, offset: int, length: int) -> None:
        self._change()
        super().discard(offset, length)

    def snapshot(self) -> Any:
        """A recorder's, and whether the power is on."""
        return super().snapshot(), self.off

    def restore(self, token: Any) -> None:
        """Go back: the power is on again if it was."""
        recorded, off = token
        super().restore(recorded)
        self.off = off

    def _change(self) -> None:
        if self.after is not None and len(self.log) >= self.after:
            self.off = True
        self._powered()

    def _powered(self) -> None:
        if self.off:
            raise OSError(errno.EIO, "the power is off")
