# SPDX-License-Identifier: BSD-2-Clause
"""Snapshots: the whole state of a kernel, to go back to as often as one likes.

    snapshot = k.snapshot()
    ...                        # change, unmount, panic
    k.restore(snapshot)

The native part (csrc/hypercall/snapshot.c) keeps the kernel's memory and its
host's words.  Here is the rest: disks, hypercalls written in Python, modules,
and what Python objects know of the kernel.
"""

from __future__ import annotations

import errno
import os

from rumpy._hyp import ffi, lib
from rumpy.errors import SnapshotError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass
    from typing import Any, Final

    from rumpy.disks import Disk
    from rumpy.kernel import Kernel
    from rumpy.process import Process
else:
    from rumpy.records import dataclass

__all__ = ["Books", "Snapshot"]

#: How long a kernel may take to come to rest, ms.
_REST_MS: Final = 2000
#: Overrides how changed pages are found: "track" or "compare"; for tests.
_METHOD: Final = "RUMPY_SNAPSHOT"

_BUSY = {
    lib.HYP_BUSY_INSIDE: "a call is inside the kernel",
    lib.HYP_BUSY_IO: "block transfers are in progress",
    lib.HYP_BUSY_WORK: "the kernel's own threads do not come to rest",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What a snapshot keeps besides memory.

    Attributes:
        linker: state of the linker.
        modules, disks, mounts: of the kernel's tables.
        processes: handle and weak reference of each process.
        later: descriptors that finalizers want closed.
        epochs: times whose handles are good.
        devices: disks with the token of each that can change.
        groups: hypercalls in Python with their tokens.
    """

    linker: Any
    modules: dict[str, Any]
    disks: dict[str, Disk]
    mounts: list[tuple[Any, int]]
    processes: dict[int, Any]
    later: list[tuple[Process, int]]
    epochs: frozenset[int]
    devices: list[tuple[Any, Any]]
    groups: list[tuple[Any, Any]]


class Snapshot:
    """A kernel as it was; made by Kernel.snapshot().

    It holds a copy of the kernel's memory until close() or until nobody holds
    it.  It can be restored into its own kernel only, any number of times, and
    so can snapshots taken before and after it.

    Attributes:
        kernel: whose state it is.
    """

    def __init__(self, kernel: Kernel, raw: Any, kept: Kept) -> None:
        self.kernel = kernel
        self._raw = raw
        self._kept = kept

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._raw is None

    @property
    def size(self) -> int:
        """Bytes of memory that it keeps."""
        return int(self._info().pages) * 4096

    @property
    def tracking(self) -> bool:
        """Whether Linux tells what has changed; else all pages are compared."""
        return bool(self._info().tracking)

    @property
    def copied(self) -> int:
        """Pages that the last restore wrote."""
        info = self._info()
        return int(info.copied) + int(info.cleared)

    def _info(self) -> Any:
        if self._raw is None:
            raise SnapshotError("the snapshot was closed")
        info = ffi.new("struct hyp_snapshot_info *")
        lib.hyp_snapshot_info(self._raw, info)
        return info

    def restore(self) -> None:
        """Same as kernel.restore(snapshot)."""
        self.kernel.restore(self)

    def close(self) -> None:
        """Give the memory back.  Twice is once."""
        raw, self._raw = self._raw, None
        if raw is not None:
            ffi.release(raw)
            self.kernel._books.drop(self._kept)

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        # A finalizer may run anywhere: the books are put right later.
        if self.__dict__.get("_raw") is not None:
            self.kernel._books.dropped.append(self._kept)

    def __repr__(self) -> str:
        what = "closed" if self._raw is None else f"{self.size >> 10} KiB"
        return f"<Snapshot of {self.kernel!r}, {what}>"


class Books:
    """What one kernel knows of its snapshots.

    Attributes:
        epoch: number of the present; a new one begins with each snapshot and
            each restore.
        epochs: those the present has come through: a handle made in one of
            them is good.
        dropped: what finalized snapshots leave to be let go.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._number = 0
        self._live: list[Kept] = []
        self.epoch = 0
        self.epochs: frozenset[int] = frozenset((0,))
        self.dropped: list[Kept] = []

    def check(self, epoch: int) -> None:
        """Refuse a handle that was made in a past that was left.

        Raises:
            SnapshotError: it was.
        """
        if epoch not in self.epochs:
            raise SnapshotError(
                "was opened after the snapshot that has been restored since"
            )

    def keeps(self, disk: Disk) -> bool:
        """Whether a snapshot needs the disk."""
        return any(disk in kept.disks.values() for kept in self._live)

    def drop(self, kept: Kept) -> None:
        """A snapshot is gone: let go of what only it needed."""
        if kept not in self._live:
            return
        kernel = self._kernel
        self._live.remove(kept)
        if kernel._machine.pid != os.getpid():
            return  # a child has nothing of this to let go
        if kernel._machine.k is not None:
            kernel._machine.linker.forget(kept.linker)
        for disk in kept.disks.values():
            if not kernel._disks.has(disk) and not self.keeps(disk):
                disk._let_go()

    def clean(self) -> None:
        """Drop what finalizers have left."""
        while self.dropped:
            self.drop(self.dropped.pop())

    def clear(self) -> None:
        """The kernel is gone."""
        self.clean()
        for kept in [*self._live]:
            self.drop(kept)

    # --- taking -------------------------------------------------------------

    def take(self) -> Snapshot:
        """See Kernel.snapshot."""
        kernel = self._kernel
        machine = kernel._machine
        self.clean()
        if machine.exports:
            raise SnapshotError("the kernel exports a mount")
        self._check_groups()
        disks = self._changing_disks()
        self._begin(revive=False)
        try:
            raw = ffi.gc(self._take_memory(), lib.hyp_snapshot_free)
            # Nobody is inside: disks and memory are of one moment.
            kept = Kept(
                machine.linker.snapshot(),
                kernel._modules.snapshot(),
                kernel._disks.snapshot(),
                kernel._mounts.snapshot(),
                dict(kernel._processes),
                list(kernel._later),
                self.epochs,
                [(disk.device, _token(disk.device, disk.path)) for disk in disks],
                [(part, part.snapshot()) for _, part in _python_groups(machine)],
            )
        finally:
            lib.hyp_snapshot_end(machine.k)
        self._live.append(kept)
        machine.linker.keep(kept.linker)
        self._new_epoch(kept.epochs)
        return Snapshot(kernel, raw, kept)

    def _take_memory(self) -> Any:
        out = ffi.new("struct hyp_snapshot **")
        k = self._kernel._machine.k
        error = int(lib.hyp_snapshot_take(k, _method(), out))
        while error == errno.EAGAIN:  # a deadline has passed: let it be served
            lib.hyp_snapshot_end(k)
            self._begin(revive=False)
            error = int(lib.hyp_snapshot_take(k, _method(), out))
        if error:
            raise SnapshotError(f"keeping the kernel's memory: {os.strerror(error)}")
        return out[0]

    def _begin(self, *, revive: bool) -> None:
        """Bring the kernel to rest and keep everybody out."""
        machine = self._kernel._machine
        result = int(lib.hyp_snapshot_begin(machine._live(), revive, _REST_MS))
        if result in _BUSY:
            raise SnapshotError(_BUSY[result])
        if result:
            raise machine.error(result)

    def _check_groups(self) -> None:
        machine = self._kernel._machine
        for name, part in _python_groups(machine):
            if not (hasattr(part, "snapshot") and hasattr(part, "restore")):
                raise SnapshotError(
                    f"the kernel's {name} is written in Python"
                    f" ({type(part).__name__}) and has no snapshot() and restore()"
                )
        clock = machine.hypercalls.clock
        if len(getattr(clock, "_kernels", ())) > 1:
            raise SnapshotError("several kernels share the virtual clock")

    def _changing_disks(self) -> list[Disk]:
        """The disks that can change, all of which can be restored."""
        found = []
        for disk in self._kernel._disks.snapshot().values():
            device = disk.device
            if disk.readonly:
                continue
            if not (hasattr(device, "snapshot") and hasattr(device, "restore")):
                raise SnapshotError(
                    f"{disk.path} is written through ({type(device).__name__}):"
                    " attach an overlay, or read-only"
                )
            found.append(disk)
        return found

    # --- restoring ----------------------------------------------------------

    def restore(self, snapshot: Snapshot) -> None:
        """See Kernel.restore."""
        kernel = self._kernel
        machine = kernel._machine
        if snapshot.kernel is not kernel:
            raise SnapshotError("the snapshot is of another kernel")
        raw, kept = snapshot._raw, snapshot._kept
        if raw is None:
            raise SnapshotError("the snapshot was closed")
        if machine.exports:
            raise SnapshotError("the kernel exports a mount")
        if self.dropped:
            self.clean()
        self._begin(revive=True)
        try:
            try:
                for device, token in kept.devices:
                    device.restore(token)
                for part, token in kept.groups:
                    part.restore(token)
                machine.linker.restore(kept.linker)
                error = int(lib.hyp_snapshot_restore(machine.k, raw))
                if error:
                    raise SnapshotError(f"restoring: {os.strerror(error)}")
            except BaseException as failure:
                lib.hyp_snapshot_spoil(
                    machine.k, f"half restored: {failure}".encode()[:1000]
                )
                raise
            self._restore_tables(kept)
        finally:
            lib.hyp_snapshot_end(machine.k)

    def _restore_tables(self, kept: Kept) -> None:
        """What Python objects know of the kernel."""
        kernel = self._kernel
        kernel._modules.restore(kept.modules)
        kernel._mounts.restore(kept.mounts)
        kernel._disks.restore(kept.disks, self)
        if kernel._processes or kept.processes:
            self._restore_processes(kept.processes)
        # In place: a finalizer may be adding one, of the past that is left.
        kernel._later[:] = kept.later
        self._new_epoch(kept.epochs)

    def _restore_processes(self, then: dict[int, Any]) -> None:
        kernel = self._kernel
        for handle, reference in [*kernel._processes.items()]:
            process = reference()
            if process is not None and then.get(handle) is not reference:
                process._abandoned()
        for handle, reference in then.items():
            process = reference()
            if process is not None:
                process._go_to(kernel._k, handle)
        kernel._processes = dict(then)

    def _new_epoch(self, past: frozenset[int]) -> None:
        self._number += 1
        self.epoch = self._number
        self.epochs = past | {self.epoch}


def _method() -> int:
    wanted = os.environ.get(_METHOD, "")
    if wanted in ("", "auto"):
        return int(lib.HYP_SNAPSHOT_AUTO)
    if wanted == "track":
        return int(lib.HYP_SNAPSHOT_TRACK)
    if wanted == "compare":
        return int(lib.HYP_SNAPSHOT_COMPARE)
    raise ValueError(f"{_METHOD}={wanted}: use auto, track or compare")


def _token(device: Any, path: str) -> Any:
    """The device's own snapshot."""
    try:
        return device.snapshot()
    except OSError as error:
        raise SnapshotError(f"{path}: {error.strerror or error}") from error


def _python_groups(machine: Any) -> list[tuple[str, Any]]:
    """The hypercall groups that keep state in Python, with their names."""
    from rumpy.hypercall.clock import VirtualClock
    from rumpy.hypercall.console import ConsoleSink
    from rumpy.hypercall.memory import MemoryPolicy

    groups = machine.hypercalls
    found: list[tuple[str, Any]] = []
    if groups.clock.replaced or isinstance(groups.clock, VirtualClock):
        found.append(("clock", groups.clock))
    if groups.random.replaced:
        found.append(("random", groups.random))
    sink = groups.console
    if sink.reads or type(sink).line is not ConsoleSink.line:
        found.append(("console", sink))
    if type(groups.memory).grow is not MemoryPolicy.grow:
        found.append(("memory policy", groups.memory))
    return found
