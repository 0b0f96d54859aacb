# SPDX-License-Identifier: BSD-2-Clause
"""The functions of struct hyp_provider that lead into Python.

Each kernel has one provider; its cookie is a handle of the Installed object
below, which knows the groups and the machine.
"""

from __future__ import annotations

from rumpy._hyp import ffi, lib
from rumpy.errors import LinkError, ModuleError, RumpyError
from rumpy.hypercall import exceptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rumpy.hypercall import Hypercalls
    from rumpy.linker import LinkedModule

_ENOENT, _EIO, _ENOEXEC, _ENOMEM, _EEXIST = 2, 5, 8, 12, 17


class Installed:
    """What C's cookie stands for: one kernel and its groups."""

    def __init__(self, groups: Hypercalls, machine: Any) -> None:
        self.groups = groups
        self.machine = machine
        self.handle = ffi.new_handle(self)
        self.provider = self._make_provider()

    def _make_provider(self) -> Any:
        from rumpy.hypercall.memory import MemoryPolicy

        provider = ffi.new("struct hyp_provider *")
        provider.cookie = self.handle
        provider.module_link = lib.python_module_link
        provider.module_unlink = lib.python_module_unlink
        if type(self.groups.memory).grow is not MemoryPolicy.grow:
            provider.mem_grow = lib.provide_mem_grow
        if self.groups.console.reads:
            provider.console_read = lib.provide_console_read
        if self.groups.clock.replaced:
            provider.clock_read = lib.provide_clock_read
        if self.groups.random.replaced:
            provider.random = lib.provide_random
        return provider

    def fill(self, door: Any, linked: LinkedModule, *, more: bool) -> None:
        """Describe a linked module to the kernel, and whether more will follow."""
        describe(door, linked)
        if more:
            door.flags |= lib.DOOR_MODULE_MORE


def describe(door: Any, linked: LinkedModule) -> None:
    """Fill a struct door_module, as kern_module_attach takes it."""
    door.name = linked.name.encode()
    door.modinfo = ffi.cast("void *", linked.modinfo_address)
    door.sysctl_funcs = ffi.cast("void *", linked.sysctl_funcs.address)
    door.nsysctl_funcs = linked.sysctl_funcs.count
    door.evcnts = ffi.cast("void *", linked.evcnts.address)
    door.nevcnts = linked.evcnts.count
    door.base = linked.text.address
    door.size = linked.text.size


def _installed(cookie: Any) -> Installed:
    found = ffi.from_handle(cookie)
    assert isinstance(found, Installed)
    return found


def _extern(name: str, failed: int) -> Any:
    return ffi.def_extern(
        name=name, error=failed, onerror=exceptions.catcher(name, failed)
    )


@_extern("provide_mem_grow", _ENOMEM)  # type: ignore[untyped-decorator]
def _mem_grow(cookie: Any, size: int, limit: Any) -> int:
    policy = _installed(cookie).groups.memory
    wanted = policy.grow(size)
    if wanted is None:
        return _ENOMEM
    limit[0] = min(wanted, policy.arena_size)
    return 0


@_extern("provide_console_read", -_EIO)  # type: ignore[untyped-decorator]
def _console_read(cookie: Any, buffer: Any, length: int) -> int:
    data = _installed(cookie).groups.console.read(length)[:length]
    ffi.memmove(buffer, data, len(data))
    return len(data)


@_extern("provide_clock_read", 0)  # type: ignore[untyped-decorator]
def _clock_read(cookie: Any, clock: int) -> int:
    return _installed(cookie).groups.clock.read(clock)


@_extern("provide_random", _EIO)  # type: ignore[untyped-decorator]
def _random(cookie: Any, buffer: Any, length: int) -> int:
    data = _installed(cookie).groups.random.fill(length)
    if len(data) != length:
        raise ValueError(f"fill({length}) returned {len(data)} bytes")
    ffi.memmove(buffer, data, length)
    return 0


def _next_module(
    installed: Installed, image: bytes | None, name: str
) -> tuple[str | bytes, str, bool]:
    """What to link now, its name, and whether the wanted one is still to come."""
    from rumpy.linker import peek, plan

    linker = installed.machine.linker
    kernel = installed.machine.owner.kernel()
    folders = list(getattr(kernel, "_folders", ()))
    if image is None:
        files = plan(name, folders=folders, loaded=linker.modules, netbsd=linker.netbsd)
        if not files:
            raise ModuleError("is loaded already", module=name)
        return files[0].path, files[0].path, len(files) > 1
    for required in peek(image, name).required:
        if required not in linker.modules:
            first = plan(
                required,
                folders=folders,
                loaded=linker.modules,
                netbsd=linker.netbsd,
            )[0]
            return first.path, first.path, True
    return image, name, False


@_extern("python_module_link", _EIO)  # type: ignore[untyped-decorator]
def _module_link(cookie: Any, image: Any, size: int, name: Any, door: Any) -> int:
    """Link for modctl(2): one module a call, what it requires first."""
    installed = _installed(cookie)
    contents = None if image == ffi.NULL else bytes(ffi.buffer(image, size))
    label = ffi.string(name).decode("utf-8", "replace") if name != ffi.NULL else ""
    try:
        source, text, more = _next_module(installed, contents, label)
        linked = installed.machine.linker.load_module(source, name=text)
    except (RumpyError, OSError) as error:
        return _report(error, label)
    installed.fill(door, linked, more=more)
    return 0


@_extern("python_module_unlink", _EIO)  # type: ignore[untyped-decorator]
def _module_unlink(cookie: Any, door: Any) -> int:
    linker = _installed(cookie).machine.linker
    linked = linker.modules.get(ffi.string(door.name).decode("ascii", "replace"))
    if linked is None:
        return _ENOENT
    try:
        linker.unload(linked)
    except ModuleError as error:
        return _report(error, linked.name)
    return 0


def _report(error: Exception, name: str) -> int:
    """Say why linking failed, as a number can't; the NetBSD errno for it."""
    import logging

    logging.getLogger("rumpy").warning("module %s: %s", name, error)
    if isinstance(error, LinkError):
        return _ENOEXEC
    if isinstance(error, OSError):
        from rumpy.abi.errno import to_kernel

        return to_kernel(error.errno) if error.errno else _EIO
    text = str(error)
    if "already" in text:
        return _EEXIST
    return _ENOENT if "no such" in text or "not in" in text else _ENOEXEC
