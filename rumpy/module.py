# SPDX-License-Identifier: BSD-2-Clause
"""Modules of a kernel: one that is loaded, and the table of all."""

from __future__ import annotations

import os

from rumpy._hyp import ffi, lib
from rumpy.abi.calls import NUMBERS
from rumpy.abi.errno import strerror
from rumpy.errors import ModuleError, RumpyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from rumpy.errors import Frame
    from rumpy.hooks import Hook
    from rumpy.kernel import Kernel

__all__ = ["Leak", "Module", "ModuleTable"]

_MODCTL, _MODCTL_UNLOAD = NUMBERS["modctl"], 1
_EBUSY = 16
_LEAKS = 20  # shown at most


class Leak:
    """Memory that a module got and has not freed.

    Attributes:
        size: bytes.
        frames: who asked for it, innermost first.
    """

    __slots__ = ("frames", "size")

    def __init__(self, size: int, frames: tuple[Frame, ...]) -> None:
        self.size = size
        self.frames = frames

    def __str__(self) -> str:
        lines = [f"{self.size} bytes, allocated at"]
        return "\n        ".join([*lines, *map(str, self.frames)])

    def __repr__(self) -> str:
        return f"<Leak of {self.size} bytes>"


class Module:
    """A loaded module.

    Attributes:
        kernel: which has it.
        name: as its modinfo says.
        file: where it was read from.
        required: names of the modules it needs.
        hooks: on the functions that load() was asked to hook, by name.
    """

    def __init__(
        self,
        kernel: Kernel,
        linked: Any,
        handle: int,
        hooks: Mapping[str, Hook] | None = None,
    ) -> None:
        self.kernel = kernel
        self.name: str = linked.name
        self.file: str = linked.file
        self.required: tuple[str, ...] = tuple(linked.required)
        self.hooks: Mapping[str, Hook] = hooks or {}
        self._linked = linked
        self._handle = handle

    @property
    def version(self) -> int:
        """The kernel version it was built for (NetBSD 10.0: 1000000000)."""
        return int(self._linked.modinfo.version)

    @property
    def traced(self) -> bool:
        """Whether it was built to tell where it goes; see Kernel.coverage."""
        return bool(self._linked.traced)

    @property
    def symbols(self) -> dict[str, int]:
        """Its global symbols and their addresses."""
        return dict(self._linked.symbols)

    @property
    def loaded(self) -> bool:
        """Whether it is still there."""
        return self in self.kernel.modules()

    def unload(self) -> None:
        """Take it out again.

        Raises:
            ModuleError: in use, or needed by another module.
        """
        self.kernel.unload(self)

    def __repr__(self) -> str:
        return f"<Module {self.name} of {self.kernel!r}>"

    def __str__(self) -> str:
        return self.name


class ModuleTable:
    """What is loaded into one kernel; its methods are Kernel's, under its lock."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._known: dict[str, Module] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def load(
        self,
        module: str | os.PathLike[str],
        missing: str,
        hooks: Iterable[str] = (),
        points: Iterable[str] = (),
    ) -> Module:
        """See Kernel.load."""
        from rumpy.linker import locate, plan

        name = os.fspath(module)
        self._look()
        if name in self._known:
            return self._known[name]
        folders = self._kernel._folders
        netbsd = self._kernel._machine.linker.netbsd
        path = locate(module, folders, netbsd)
        for known in self._known.values():
            if os.path.realpath(known.file) == os.path.realpath(path):
                return known
        files = plan(path, folders=folders, loaded=list(self._known), netbsd=netbsd)
        loaded: list[Module] = []
        try:
            for file in files:
                wanted = hooks if file is files[-1] else ()
                loaded.append(
                    self._load_file(file.path, missing, wanted, frozenset(points))
                )
        except BaseException:
            self._take_back(loaded)
            raise
        if not loaded:
            raise ModuleError("is loaded already", module=name)
        return loaded[-1]

    def _take_back(self, loaded: list[Module]) -> None:
        """Unload what was loaded only for a module that then failed."""
        for module in reversed(loaded):
            if not self._kernel._machine.running():
                return
            try:
                self.unload(module)
            except ModuleError as error:
                self._kernel.log.warning("%s stays loaded: %s", module, error)

    def _load_file(
        self,
        path: str,
        missing: str,
        hooks: Iterable[str],
        points: frozenset[str],
    ) -> Module:
        """Link one module whose needs are met, and run its INIT."""
        machine = self._kernel._machine
        hooked: Mapping[str, Hook] = {}
        if hooks:
            from rumpy.hooks import make_hooks

            hooked = make_hooks(hooks)
        linked = machine.linker.load_module(
            path,
            missing=missing,  # type: ignore[arg-type]
            hooks={name: hook.address for name, hook in hooked.items()},
            points=points,
        )
        try:
            for name, hook in hooked.items():
                hook.lead_to(linked.hooked[name])
            door = _door(linked)
            error = machine.call("module_attach", door)
            if error:
                raise ModuleError(
                    f"initialisation failed: {strerror(error)}",
                    module=linked.name,
                    kernel_errno=error,
                )
        except BaseException:
            if machine.running():
                machine.linker.unload(linked)
            raise
        module = Module(self._kernel, linked, int(door.handle), hooked)
        self._known[module.name] = module
        return module

    def unload(self, module: Module | str) -> None:
        """See Kernel.unload."""
        self._look()
        name = module if isinstance(module, str) else module.name
        found = self._known.get(name)
        if found is None:
            raise ModuleError("not loaded", module=name)
        users = self._kernel._machine.linker.users(name)
        if users:
            raise ModuleError(f"in use by {', '.join(sorted(users))}", module=name)
        error = self._detach(found)
        if error:
            why = "in use" if error == _EBUSY else strerror(error)
            raise ModuleError(why, module=name, kernel_errno=error)
        del self._known[name]

    def _detach(self, module: Module) -> int:
        """Run FINI and unmap; a NetBSD errno."""
        kernel = self._kernel
        if not module._handle:  # the kernel loaded it by itself
            name = module.name.encode()
            result = lib.face_ip(
                kernel._k, kernel._p, _MODCTL, _MODCTL_UNLOAD, name, 0, 0, 0
            )
            if result < -1000:
                raise kernel._failed(result)
            return -min(int(result), 0)
        door = _door(module._linked)
        door.handle = module._handle
        error = kernel._machine.call("module_detach", door)
        if not error:
            if kernel._debug:
                self._report_leaks(module)
            kernel._machine.linker.unload(module._linked)
        return error

    def _report_leaks(self, module: Module) -> None:
        """Warn of what it leaves behind, while its lines can still be found."""
        text = module._linked.text
        count, size, leaks = self.leaks(text.address, text.size)
        if not count:
            return
        import warnings

        head = f"module {module.name} left {count} allocations, {size} bytes:"
        warnings.warn(
            "\n    ".join([head, *map(str, leaks)]),
            ResourceWarning,
            stacklevel=4,
        )

    def leaks(self, base: int, size: int) -> tuple[int, int, list[Leak]]:
        """Check all memory; what text in a range has allocated: number, bytes."""
        machine = self._kernel._machine
        door = ffi.new("struct door_memcheck *")
        room = ffi.new("struct door_leak[]", _LEAKS)
        door.base, door.size, door.leaks, door.room = base, size, room, _LEAKS
        if machine.call("memcheck", door):
            raise RumpyError("memory is not checked: boot with Kernel(debug=True)")
        found = [
            Leak(
                int(leak.size),
                tuple(
                    machine.frame(int(address), caller=True)
                    for address in leak.frames
                    if address
                ),
            )
            for leak in room[0 : min(door.count, _LEAKS)]
        ]
        return int(door.count), int(door.bytes), found

    def _look(self) -> None:
        """Take note of what modctl(2) and the kernel itself loaded and unloaded."""
        linked = self._kernel._machine.linker.modules
        for name in [n for n in self._known if n not in linked]:
            del self._known[name]
        for name, image in linked.items():
            if name not in self._known:
                self._known[name] = Module(self._kernel, image, 0)

    def loaded(self) -> list[Module]:
        """The loaded modules, in load order."""
        self._look()
        return [*self._known.values()]

    def snapshot(self) -> dict[str, Module]:
        """What is loaded, by name."""
        self._look()
        return dict(self._known)

    def restore(self, then: dict[str, Module]) -> None:
        """The kernel has these again, and no others."""
        self._known = dict(then)

    def clear(self) -> None:
        """The kernel is gone."""
        self._known.clear()


def _door(linked: Any) -> Any:
    """struct door_module for a linked module."""
    from rumpy.hypercall.provider import describe

    door = ffi.new("struct door_module *")
    describe(door, linked)
    return door
