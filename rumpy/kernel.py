# SPDX-License-Identifier: BSD-2-Clause
"""The Kernel: what `rumpy.Kernel()` gives.

A Kernel is its own first process (uid 0, descriptors 0 to 2 on the console), so
every system call is a method of it; besides, it loads modules, attaches disks,
mounts, makes further processes, and ends.
"""

from __future__ import annotations

from _thread import RLock

from rumpy import registry
from rumpy._hyp import ffi
from rumpy.abi.errno import oserror
from rumpy.abi.releases import DEFAULT
from rumpy.boot import Machine, Settings
from rumpy.disks import DiskTable
from rumpy.errors import KernelClosed
from rumpy.module import ModuleTable
from rumpy.mount import MountTable, mount_flags
from rumpy.process import Process, groups_of
from rumpy.snapshot import Books

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from rumpy.boot import Wait
    from rumpy.disks import Disk
    from rumpy.hypercall import Hypercalls
    from rumpy.module import Module
    from rumpy.mount import Mount
    from rumpy.snapshot import Snapshot
    from rumpy.testing.coverage import Coverage

__all__ = ["Kernel"]


class Kernel(Process):
    """A booted NetBSD-compatible kernel in this process.

        with rumpy.Kernel() as k:
            ...

    Leaving the block unmounts everything and closes the kernel; so does the
    end of the interpreter.  A Kernel that is only forgotten warns, and is closed
    before the next one boots.

    Args:
        hypercalls: groups of hypercalls in place of the built-in ones; see
            rumpy.hypercall.Hypercalls.
        memory: bytes the kernel may use (default 64 MiB); shorthand for a
            memory policy.
        verbose: print what a verbose boot of NetBSD prints (to the loggers).
        netbsd: the major release whose modules it takes: 10 or 11.
        image: another kernel.elf, a path or its contents.
        hz: clock ticks a second.
        watchdog: seconds that kernel code may run without a switch, before it
            is declared dead; None for ever.
        module_path: folders to look for modules in, before the shipped ones.
        debug: check that file systems follow the protocol of vnode locks and
            references, and what modules do with memory: writing beyond its
            ends or after it was freed, freeing twice or with another size.  A
            driver that does such things is a KernelPanic that says where, and
            one that leaves memory behind when it is unloaded, a ResourceWarning.

    Raises:
        UnsupportedPlatform, LinkError, KernelPanic: it did not come up.
        ValueError: a number that can't be.
    """

    def __init__(
        self,
        *,
        hypercalls: Hypercalls | None = None,
        memory: int | None = None,
        verbose: bool = False,
        netbsd: int = DEFAULT,
        image: str | bytes | None = None,
        hz: int = 100,
        watchdog: float | None = 10.0,
        module_path: Iterable[str | os.PathLike[str]] = (),
        debug: bool = False,
    ) -> None:
        registry.bury_orphans()
        if not 1 <= hz <= 10_000:
            raise ValueError(f"hz is from 1 to 10000, not {hz}")
        if watchdog is not None and watchdog <= 0:
            raise ValueError(f"watchdog is seconds, or None for ever, not {watchdog}")
        if memory is not None:
            hypercalls = _with_memory(hypercalls, memory)
        self._lock = RLock()
        self._modules = ModuleTable(self)
        self._disks = DiskTable(self)
        self._mounts = MountTable(self)
        self._processes: dict[int, Any] = {}
        self._later: list[tuple[Process, int]] = []
        self._books = Books(self)
        self._folders = [str(folder) for folder in module_path]
        settings = Settings(
            hypercalls=hypercalls,
            image=image,
            netbsd=netbsd,
            verbose=verbose,
            hz=hz,
            watchdog=watchdog,
        )
        self._machine = Machine(settings, registry.Link(self))
        self._k = self._machine.k
        super().__init__(self, self._machine.initproc)
        registry.add(self)
        self._debug = debug
        if debug:
            self.sysctl("debug.vnodes", 1)
            self.sysctl("debug.memory", 1)

    # --- modules ------------------------------------------------------------

    def load(
        self,
        module: str | os.PathLike[str],
        *,
        missing: str = "strict",
        hooks: Iterable[str] = (),
        points: Iterable[str] = (),
    ) -> Module:
        """Load a module, and before it those it needs.

        Args:
            module: path of a .kmod (contains '/' or ends in .kmod), or the
                name of one on the module path or shipped.
            missing: "trap" lets functions that nobody has through; calling
                one is a panic that names it.
            hooks: kernel functions whose calls by this module can be counted
                and made to fail: Module.hooks.  Without effect where the module
                is there already.
            points: kernel functions at whose calls the module can be preempted
                in a searched schedule, see rumpy.testing.schedules.  Also of
                the modules loaded for it.

        Returns:
            The module; the one that is there where it is loaded already.

        Raises:
            ModuleError: no such module, another version, or it refuses.
            LinkError: it can't be linked; names what and where.
        """
        with self._lock:
            self._ready()
            return self._modules.load(module, missing, hooks, points)

    def unload(self, module: Module | str) -> None:
        """Run a module's FINI and take it out.

        Raises:
            ModuleError: not loaded, in use, or needed by another.
        """
        with self._lock:
            self._ready()
            self._modules.unload(module)

    def modules(self) -> list[Module]:
        """The loaded modules, in load order."""
        with self._lock:
            return [] if self._machine.k is None else self._modules.loaded()

    def check_memory(self) -> None:
        """Look at all that modules have allocated, and have freed lately.

        Raises:
            KernelPanic: something was written to that should not have been.
            RumpyError: the kernel was not booted with debug=True.
        """
        with self._lock:
            self._ready()
            self._modules.leaks(0, 0)

    def coverage(self, *, edges: int = 40_000, comparisons: int = 0) -> Coverage:
        """Count from now on where modules go that are built to tell.

        They are what `-fsanitize-coverage=trace-pc` (with `trace-cmp`, if wanted)
        makes; see rumpy.testing.coverage.

        Args:
            edges: room for so many pairs of basic blocks.
            comparisons: keep so many of a run's.

        Raises:
            RumpyError: it is done already.
        """
        from rumpy.testing.coverage import Coverage

        with self._lock:
            self._ready()
            return Coverage(self, edges=edges, comparisons=comparisons)

    # --- disks --------------------------------------------------------------

    def attach(
        self,
        device: Any,
        path: str | None = None,
        *,
        readonly: bool | None = None,
        offset: int = 0,
        size: int | None = None,
    ) -> Disk:
        """Make something of the host a disk of this kernel.

        Args:
            device: path of an image, bytes or bytearray, a binary file, or
                any object with the rumpy.block protocol.
            path: its block node; "/dev/NAME" is where disks live, any other
                path gets a node of its own.  Default: the next /dev/rdN.
            readonly: refuse writes; None means where the host can't write.
            offset, size: the part of an image that is the disk, bytes.

        Raises:
            ImageError: in use, truncated, not a disk.
            OSError: what the host says of the image.
        """
        from rumpy.disks import as_device

        with self._lock:
            self._ready()
            found, own = as_device(device, readonly=readonly, offset=offset, size=size)
            try:
                return self._disks.attach(found, path, own=own)
            except BaseException:
                if own:
                    found.close()  # type: ignore[attr-defined]
                raise

    def _detach(self, disk: Disk) -> None:
        with self._lock:
            self._disks.detach(disk)

    # --- file systems -------------------------------------------------------

    def mount(
        self,
        driver: str | Module,
        source: Any,
        where: str,
        *words: str,
        flags: int = 0,
        options: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        offset: int = 0,
        size: int | None = None,
    ) -> Mount:
        """Mount a file system.

        Args:
            driver: file system type, such as "ffs"; a shipped driver of that
                name is loaded where it is not there.  "netbsd:ffs" is the one
                of NetBSD's modules, see rumpy.store.
            source: a Disk, the path of a disk of this kernel, or anything
                attach() takes (then the disk goes with the mount); a directory
                of the kernel for null, union and their like; None for file
                systems without any.
            where: directory of the kernel; made where it is missing.
            words: as after `mount -o`: "ro", "sync", "async", "noatime", "log",
                "force" ..., and the driver's own as "mode=755".
            flags: NetBSD's mount flags, besides those of the words.
            options: the driver's own, as in docs/reference/mount-options.md.
            data: mount(2)'s data, in place of what options would make.
            offset, size: the part of an image, bytes.

        Raises:
            ValueError: an option that nobody knows, or a bad value.
            OSError: what the kernel says, or the host of the image.
        """
        from rumpy.mountdata import known, split_words

        with self._lock:
            self._ready()
            kind = self._type_of(driver)
            plain, named = split_words(kind, words)
            return self._mounts.mount(
                kind,
                source,
                where,
                flags | mount_flags(plain, known(kind)),
                options={**named, **(options or {})},
                data=data,
                offset=offset,
                size=size,
            )

    def _type_of(self, driver: str | Module) -> str:
        """The file system type that a driver makes, which is loaded if need be."""
        if not isinstance(driver, str):
            if not hasattr(driver, "name"):
                raise TypeError(f"a driver is a name or a Module, not {driver!r}")
            return driver.name
        return self.load(driver).name if ":" in driver else driver

    def _update_mount(self, mount: Mount, flags: int) -> None:
        with self._lock:
            self._mounts.update(mount, flags)

    def _unmount(self, mount: Mount, flags: int) -> None:
        with self._lock:
            self._mounts.unmount(mount, flags)

    def _has_mount(self, mount: Mount) -> bool:
        with self._lock:
            return self._mounts.has(mount)

    def mounts(self) -> list[Mount]:
        """What has been mounted by mount() and is still there."""
        with self._lock:
            return self._mounts.live()

    # --- processes ----------------------------------------------------------

    def process(
        self,
        uid: int = 0,
        gid: int = 0,
        groups: Iterable[int] = (),
    ) -> Process:
        """A new process: these credentials, descriptors 0 to 2 on the console.

        Raises:
            ValueError: more than 16 groups.
        """
        wanted = groups_of(groups)
        self._machine.check()
        door = ffi.new("struct door_proc *")
        door.uid, door.gid, door.ngroups = uid, gid, len(wanted)
        for index, group in enumerate(wanted):
            door.groups[index] = group
        error = self._machine.call("proc_create", door)
        if error:
            raise oserror(error)
        process = Process(self, int(door.handle))
        from _weakref import ref  # weakref itself takes a millisecond

        self._processes[process._p] = ref(process)
        return process

    def _end_process(self, process: Process) -> None:
        self._processes.pop(process._p, None)
        if self._machine.running():
            door = ffi.new("struct door_proc *")
            door.handle = process._p
            error = self._machine.call("proc_exit", door)
            if error:
                raise oserror(error)

    def waiting(self) -> list[Wait]:
        """Threads of this kernel that wait for the host, longest first.

        Such a thread is in a hypercall: a device's read or write, input from the
        console.  The kernel goes on meanwhile, and cannot close before it
        comes back.  repr() names one that has waited for a second.
        """
        return self._machine.waiting()

    # --- snapshots ----------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Keep the whole state of the kernel, its disks included.

        The kernel comes to rest for it: what its own threads are at is waited
        for.  Disks must be overlays, in memory, read-only, or have snapshot()
        and restore(); so must clocks, sinks and the like written in Python.

        Raises:
            SnapshotError: a call is inside the kernel, a mount is exported, or
                something of the kernel can't be kept; says what.
        """
        with self._lock:
            self._ready()
            return self._books.take()

    def restore(self, snapshot: Snapshot) -> None:
        """Make the kernel what it was, even after a panic.

        What was loaded, attached, mounted or opened since is not there any
        more: objects of such things raise SnapshotError.  Descriptors that are
        plain numbers mean what they meant then.

        Raises:
            SnapshotError: the snapshot is another kernel's, or a call is
                inside the kernel.
        """
        with self._lock:
            self._books.restore(snapshot)

    # --- console and memory -------------------------------------------------

    @property
    def console(self) -> Any:
        """The kernel's console: what it printed, and input for it."""
        return self._machine.console

    @property
    def log(self) -> Any:
        """The logger "rumpy"; the console's lines go to "rumpy.console"."""
        import logging

        return logging.getLogger("rumpy")

    @property
    def memory(self) -> int:
        """Bytes of the host's memory that the kernel has now."""
        return int(self._machine.memory.resident)

    # --- the end ------------------------------------------------------------

    def close(self, fd: int | None = None) -> None:
        """Close a descriptor; without one, unmount everything and end the kernel.

        Calls of other threads that sleep end with KernelClosed.  Ending it
        again does nothing.

        Raises:
            KernelDeadlock: called from inside this kernel.
        """
        if fd is not None:
            super().close(fd)
        else:
            self.shutdown()

    def shutdown(self) -> None:
        """See close()."""
        with self._lock:
            registry.remove(self)
            failure = self._say_goodbye()
            self._machine.close()
            self._forget()
        if failure is not None:
            raise failure

    def _say_goodbye(self) -> BaseException | None:
        """Unmount and halt; what kept that from happening, if anything did."""
        failure: BaseException | None = None
        if self._machine.running():
            # One that fails leaves the others to be written back and unmounted.
            ends: list[Callable[[], object]] = [
                *reversed([mount._end for mount in self._mounts.live()]),
                self._machine.shutdown,
            ]
            for end in ends:
                try:
                    end()
                except KernelClosed:
                    return failure
                except Exception as error:
                    failure = failure or error
        return failure

    def _forget(self) -> None:
        """Let go of the struct hyp_kernel, and close what is behind disks."""
        for reference in self._processes.values():
            process = reference()
            if process is not None:
                process._go_to(ffi.NULL, process._p)
        self._processes.clear()
        self._go_to(ffi.NULL, self._p)
        self._books.clear()
        self._mounts.clear()
        self._disks.clear()
        self._modules.clear()

    def _ready(self) -> None:
        """See that the kernel lives, and close what finalizers found open."""
        self._machine.check()
        while self._later:
            process, fd = self._later.pop()
            try:
                Process.close(process, fd)
            except (OSError, KernelClosed):
                continue

    def _broken(self, code: int) -> BaseException:
        """The exception for a call that did not come to its end."""
        return self._machine.error(code)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()

    def __del__(self) -> None:
        machine = self.__dict__.get("_machine")
        if machine is not None and machine.k is not None:
            registry.orphan(self)

    def __repr__(self) -> str:
        machine = self.__dict__.get("_machine")
        names = ("new", "running", "halted", "closed", "panicked")
        state = names[machine.state] if machine is not None else "booting"
        late = machine.what_takes_long() if machine is not None else ""
        return f"<Kernel {state}{late}>"


def _with_memory(hypercalls: Hypercalls | None, memory: int) -> Hypercalls:
    from rumpy.hypercall import Hypercalls
    from rumpy.hypercall.memory import MemoryPolicy

    if hypercalls is not None:
        raise TypeError("memory= and hypercalls= exclude each other")
    return Hypercalls(memory=MemoryPolicy(memory))
