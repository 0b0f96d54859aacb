# SPDX-License-Identifier: BSD-2-Clause
"""The Kernel: what `rumpy.Kernel()` gives.

A Kernel is its own first process (uid 0, descriptors 0 to 2 on the console), so
every system call is a method of it; besides, it loads modules, attaches disks,
mounts, makes further processes, and ends.
"""

from __future__ import annotations

import threading

from rumpy._hyp import ffi, lib
from rumpy.abi.calls import NUMBERS
from rumpy.abi.errno import oserror, strerror
from rumpy.boot import Machine, Settings
from rumpy.errors import ImageError, KernelClosed, ModuleError
from rumpy.process import Process, groups_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from typing import Any

    from rumpy.disks import Disk
    from rumpy.hypercall import Hypercalls
    from rumpy.module import Module
    from rumpy.mount import Mount

__all__ = ["Kernel"]

_MOUNT, _UNMOUNT = NUMBERS["mount"], NUMBERS["unmount"]
_MODCTL, _MODCTL_UNLOAD = NUMBERS["modctl"], 1
_EBUSY = 16


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
        image: another kernel.elf, a path or its contents.
        hz: clock ticks a second.
        watchdog: seconds that kernel code may run without a switch, before it
            is declared dead; None for ever.
        module_path: folders to look for modules in, before the shipped ones.

    Raises:
        UnsupportedPlatform, LinkError, KernelPanic: it did not come up.
    """

    def __init__(
        self,
        *,
        hypercalls: Hypercalls | None = None,
        memory: int | None = None,
        verbose: bool = False,
        image: str | bytes | None = None,
        hz: int = 100,
        watchdog: float | None = 10.0,
        module_path: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        from rumpy import registry

        registry.bury_orphans()
        if memory is not None:
            hypercalls = _with_memory(hypercalls, memory)
        self._lock = threading.RLock()
        self._modules: dict[str, Module] = {}
        self._disks: dict[str, Disk] = {}
        self._mounts: list[Mount] = []
        self._processes: dict[int, Any] = {}
        self._later: list[tuple[Process, int]] = []
        self._folders = [str(folder) for folder in module_path]
        settings = Settings(
            hypercalls=hypercalls,
            image=image,
            verbose=verbose,
            hz=hz,
            watchdog=watchdog,
        )
        self._machine = Machine(settings, registry.Link(self))
        self._k = self._machine.k
        super().__init__(self, self._machine.initproc)
        registry.add(self)

    # --- modules ------------------------------------------------------------

    def load(
        self, module: str | os.PathLike[str], *, missing: str = "strict"
    ) -> Module:
        """Load a module, and before it those it needs.

        Args:
            module: path of a .kmod (contains '/' or ends in .kmod), or the
                name of one on the module path or shipped.
            missing: "trap" lets functions that nobody has through; calling
                one is a panic that names it.

        Returns:
            The module; the one that is there where it is loaded already.

        Raises:
            ModuleError: no such module, another version, or it refuses.
            LinkError: it can't be linked; names what and where.
        """
        import os

        from rumpy.linker import plan

        name = os.fspath(module)
        with self._lock:
            self._ready()
            self._know_modules()
            if name in self._modules:
                return self._modules[name]
            files = plan(
                name,
                folders=self._folders,
                loaded=list(self._modules),
            )
            loaded = None
            for file in files:
                loaded = self._load_file(file.path, missing)
            if loaded is None:
                raise ModuleError("is loaded already", module=name)
            return loaded

    def _load_file(self, path: str, missing: str) -> Module:
        """Link one module whose needs are met, and run its INIT."""
        from rumpy.module import Module

        linker = self._machine.linker
        linked = linker.load_module(path, missing=missing)  # type: ignore[arg-type]
        try:
            door = self._module_door(linked)
            error = self._machine.call("module_attach", door)
            if error:
                raise ModuleError(
                    f"initialisation failed: {strerror(error)}",
                    module=linked.name,
                    kernel_errno=error,
                )
        except BaseException:
            if self._machine.running():
                linker.unload(linked)
            raise
        module = Module(self, linked, int(door.handle))
        self._modules[module.name] = module
        return module

    def _module_door(self, linked: Any, door: Any = None) -> Any:
        """struct door_module for a linked module."""
        if door is None:
            door = ffi.new("struct door_module *")
        door.name = linked.name.encode()[:63]
        door.modinfo = ffi.cast("void *", linked.modinfo_address)
        door.sysctl_funcs = ffi.cast("void *", linked.sysctl_funcs.address)
        door.nsysctl_funcs = linked.sysctl_funcs.count
        door.evcnts = ffi.cast("void *", linked.evcnts.address)
        door.nevcnts = linked.evcnts.count
        door.base = linked.text.address
        door.size = linked.text.size
        return door

    def unload(self, module: Module | str) -> None:
        """Run a module's FINI and take it out.

        Raises:
            ModuleError: not loaded, in use, or needed by another.
        """
        with self._lock:
            self._ready()
            self._know_modules()
            name = module if isinstance(module, str) else module.name
            found = self._modules.get(name)
            if found is None:
                raise ModuleError("not loaded", module=name)
            users = self._machine.linker.users(name)
            if users:
                needed = ", ".join(sorted(users))
                raise ModuleError(f"in use by {needed}", module=name)
            error = self._detach_module(found)
            if error:
                why = "in use" if error == _EBUSY else strerror(error)
                raise ModuleError(why, module=name, kernel_errno=error)
            del self._modules[name]

    def _detach_module(self, module: Module) -> int:
        """Run FINI and unmap; a NetBSD errno."""
        if not module._handle:  # the kernel loaded it by itself
            name = module.name.encode()
            result = lib.face_ip(
                self._k, self._p, _MODCTL, _MODCTL_UNLOAD, name, 0, 0, 0
            )
            if result < -1000:
                raise self._failed(result)
            return -min(int(result), 0)
        door = self._module_door(module._linked)
        door.handle = module._handle
        error = self._machine.call("module_detach", door)
        if not error:
            self._machine.linker.unload(module._linked)
        return error

    def _know_modules(self) -> None:
        """Take note of what modctl(2) and the kernel itself loaded and unloaded."""
        from rumpy.module import Module

        linked = self._machine.linker.modules
        for name in [n for n in self._modules if n not in linked]:
            del self._modules[name]
        for name, image in linked.items():
            if name not in self._modules:
                self._modules[name] = Module(self, image, 0)

    def modules(self) -> list[Module]:
        """The loaded modules, in load order."""
        with self._lock:
            self._know_modules()
            return list(self._modules.values())

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
                return self._attach(found, path, own)
            except BaseException:
                if own:
                    found.close()  # type: ignore[attr-defined]
                raise

    def _attach(self, device: Any, path: str | None, own: bool) -> Disk:
        from rumpy.abi.structs import host_dev
        from rumpy.disks import Disk

        name = self._disk_name(path)
        attached = self._machine.hypercalls.block.attach(device)
        door = ffi.new("struct door_disk *")
        door.name = name.encode()
        door.dev = attached.dev
        door.sector_size = attached.sector_size
        door.sector_count = attached.sector_count
        door.flags = 1 if attached.readonly else 0
        try:
            error = self._machine.call("disk_attach", door)
            if error:
                raise oserror(error, f"/dev/{name}")
        except BaseException:
            attached.detach()
            raise
        node = f"/dev/{name}"
        rdev = host_dev(int(door.block))
        if path is not None and path != node:
            self.mknod(path, 0o60600, rdev)
            node = path
        disk = Disk(self, name, node, attached, rdev, own=own)
        self._disks[node] = disk
        return disk

    def _disk_name(self, path: str | None) -> str:
        names = {disk.name for disk in self._disks.values()}
        if path is not None and path.startswith("/dev/") and "/" not in path[5:]:
            name = path[5:]
            if name in names:
                raise oserror(17, path)
            return name
        return next(f"rd{i}" for i in range(len(names) + 1) if f"rd{i}" not in names)

    def _detach(self, disk: Disk) -> None:
        with self._lock:
            if self._disks.get(disk.path) is not disk:
                return
            if self._machine.running():
                door = ffi.new("struct door_disk *")
                door.name = disk.name.encode()
                door.dev = disk._attached.dev
                error = self._machine.call("disk_detach", door)
                if error:
                    raise oserror(error, disk.path)
                if disk.path != f"/dev/{disk.name}":
                    self.unlink(disk.path)
            del self._disks[disk.path]
            disk._let_go()

    # --- file systems -------------------------------------------------------

    def mount(
        self,
        driver: str | Module,
        source: Any,
        where: str,
        *options: str,
        data: bytes | None = None,
        offset: int = 0,
        size: int | None = None,
    ) -> Mount:
        """Mount a file system.

        Args:
            driver: file system type, such as "ffs"; a shipped driver of that
                name is loaded where it is not there.
            source: a Disk, the path of a disk of this kernel, or anything
                attach() takes (then the disk goes with the mount); None for
                file systems without a disk.
            where: directory of the kernel; made where it is missing.
            options: as after `mount -o`: "ro", "sync", "async", "noatime",
                "log", "force" ...
            data: mount(2)'s data, where the driver wants more than fspec.
            offset, size: the part of an image, bytes.

        Raises:
            OSError: what the kernel says, or the host of the image.
        """
        from rumpy.abi.flags import MNT_RDONLY
        from rumpy.mount import Mount, mount_flags

        kind = driver if isinstance(driver, str) else driver.name
        flags = mount_flags(options)
        with self._lock:
            self._ready()
            self._need_driver(kind)
            disk, own = self._disk_of(source, flags, offset, size)
            try:
                if disk is not None and disk.readonly:
                    flags |= MNT_RDONLY
                path = self._mount_point(where)
                self._mount(kind, path, flags, disk, data, source)
            except BaseException:
                if own and disk is not None:
                    self._give_back(disk)
                raise
            finish = disk.detach if own and disk is not None else None
            mount = Mount(self, kind, path, flags, disk=disk, finish=finish)
            self._mounts.append(mount)
            return mount

    def _need_driver(self, kind: str) -> None:
        if kind in self._modules:
            return
        from rumpy.linker import find_module

        if find_module(kind) is not None:
            self.load(kind)

    def _disk_of(
        self, source: Any, flags: int, offset: int, size: int | None
    ) -> tuple[Disk | None, bool]:
        """The disk to mount, and whether it goes with the mount."""
        if source is None:
            return None, False
        if getattr(source, "kernel", None) is self:
            return source, False  # a Disk of ours
        if isinstance(source, str) and source in self._disks:
            return self._disks[source], False
        readonly = True if flags & 1 else None
        return self.attach(source, readonly=readonly, offset=offset, size=size), True

    def _give_back(self, disk: Disk) -> None:
        """Detach after a failure that is the one to report."""
        try:
            disk.detach()
        except OSError as error:
            self.log.warning("%s stays attached: %s", disk.path, error)

    def _mount_point(self, where: str) -> str:
        path = self.realpath(where)
        self.makedirs(path, exist_ok=True)
        return path

    def _mount(
        self,
        kind: str,
        path: str,
        flags: int,
        disk: Disk | None,
        data: bytes | None,
        source: Any,
    ) -> None:
        from rumpy.mount import disk_arguments

        fspec = ffi.new("char[]", disk.path.encode() if disk else b"")
        if data is None:
            address = int(ffi.cast("uintptr_t", fspec))
            data = disk_arguments(kind, address) if disk else b"\0" * 256
        printed = self.console.position()
        result = lib.face_mount(
            self._k,
            self._p,
            _MOUNT,
            kind.encode(),
            path.encode(),
            flags,
            data,
            len(data),
        )
        if result >= 0:
            return
        error = self._failed(result, path)
        if isinstance(error, OSError):
            said = self.console.since(printed)
            raise _mount_error(error, kind, source, _reason(said)) from None
        raise error

    def _mount_again(self, mount: Mount, flags: int) -> None:
        from rumpy.abi.flags import MNT_UPDATE

        self._mount(
            mount.driver, mount.where, flags | MNT_UPDATE, mount.disk, None, None
        )

    def _unmount(self, mount: Mount, flags: int) -> None:
        with self._lock:
            if mount not in self._mounts:
                return
            if self._machine.running():
                self._path(_UNMOUNT, mount.where, flags)
            self._mounts.remove(mount)

    def mounts(self) -> list[Mount]:
        """What has been mounted by mount() and is still there."""
        with self._lock:
            return list(self._mounts)

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
        import weakref

        self._processes[process._p] = weakref.ref(process)
        return process

    def _end_process(self, process: Process) -> None:
        self._processes.pop(process._p, None)
        if self._machine.running():
            door = ffi.new("struct door_proc *")
            door.handle = process._p
            error = self._machine.call("proc_exit", door)
            if error:
                raise oserror(error)

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
        from rumpy import registry

        with self._lock:
            registry.remove(self)
            failure = self._say_goodbye()
            self._machine.close()
            self._forget()
        if failure is not None:
            raise failure

    def _say_goodbye(self) -> BaseException | None:
        """Unmount and halt; what kept that from happening, if anything did."""
        if not self._machine.running():
            return None
        try:
            for mount in reversed(self.mounts()):
                mount.unmount(force=True)
            self._machine.shutdown()
        except KernelClosed:
            return None
        except Exception as error:
            return error
        return None

    def _forget(self) -> None:
        """Let go of the struct hyp_kernel, and close what is behind disks."""
        for reference in self._processes.values():
            process = reference()
            if process is not None:
                process._k = ffi.NULL
        self._processes.clear()
        self._k = ffi.NULL
        for mount in self._mounts:
            mount._mounted = False
        self._mounts.clear()
        for disk in list(self._disks.values()):
            disk.detach()
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
            from rumpy import registry

            registry.orphan(self)

    def __repr__(self) -> str:
        machine = self.__dict__.get("_machine")
        names = ("new", "running", "halted", "closed", "panicked")
        state = names[machine.state] if machine is not None else "booting"
        return f"<Kernel {state}>"


def _with_memory(hypercalls: Hypercalls | None, memory: int) -> Hypercalls:
    from rumpy.hypercall import Hypercalls
    from rumpy.hypercall.memory import MemoryPolicy

    if hypercalls is not None:
        raise TypeError("memory= and hypercalls= exclude each other")
    return Hypercalls(memory=MemoryPolicy(memory))


def _reason(said: str) -> str:
    """What a driver said last on the console, without its name and the disk's."""
    line = said.strip().rpartition("\n")[2]
    for _ in range(2):
        name, colon, rest = line.partition(": ")
        line = rest if colon and name.replace("/", "").isalnum() else line
    return line


def _mount_error(error: OSError, kind: str, source: Any, why: str) -> BaseException:
    """What mount(2) and the driver said, in the words of who mounts an image."""
    number = getattr(error, "kernel_errno", 0)
    if number == 19:
        return oserror(number, f"no driver for file system type {kind!r}")
    name = str(source) if isinstance(source, str) or hasattr(source, "parts") else None
    if number in (22, 79, 5) and name is not None:
        return ImageError(
            f"no {kind} file system that can be mounted ({why or error.strerror})",
            image=name,
        )
    if why:
        error.filename = name or error.filename
        error.strerror = why
    return error
