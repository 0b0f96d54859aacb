# SPDX-License-Identifier: BSD-2-Clause
"""Puts a kernel and its modules into memory.

One Linker belongs to one kernel.  Loading is a list of steps, the same for the
kernel's image and for modules: read, lay out, resolve, place, copy, relocate,
seal.  Nothing that was mapped stays when a step fails.
"""

from __future__ import annotations

import _thread
import os
import stat

from rumpy.abi.releases import DEFAULT
from rumpy.errors import LinkError, ModuleError
from rumpy.linker import arena, elf
from rumpy.linker.host import Job, LinkHost
from rumpy.linker.image import LinkedImage, LinkedModule, LinkSet, Range, SymbolMap
from rumpy.linker.layout import (
    DATA,
    RODATA,
    TEXT,
    Layout,
    align_up,
    lay_out,
)
from rumpy.linker.modinfo import ModInfo, check_version, find_modinfo
from rumpy.linker.reader import ObjectFile, read
from rumpy.linker.scope import (
    Resolution,
    Scope,
    check_duplicates,
    find_hooks,
    resolve,
)
from rumpy.linker.stubs import LOW_LIMIT, Stubs
from rumpy.linker.symbolize import Symbolizer, SymbolTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from dataclasses import dataclass
    from typing import Final

    from rumpy.linker.debug import Debugging
    from rumpy.linker.scope import Missing
    from rumpy.linker.symbolize import Source
else:
    from rumpy.records import dataclass

PAGE: Final = arena.PAGE
MAX_FILE: Final = 256 << 20

_SYSCTL_SET = "link_set_sysctl_funcs"
_EVCNT_SET = "link_set_evcnts"


def load_file(path: str | os.PathLike[str]) -> bytes:
    """Read an object file.

    Raises:
        LinkError: not a regular file, or absurdly large.
        OSError: what the host says.
    """
    # A FIFO must not be waited for, and a directory has an errno of its own.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(fd, "rb", buffering=0) as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise LinkError("not a regular file", file=os.fspath(path))
        if status.st_size > MAX_FILE:
            size = status.st_size
            raise LinkError(f"{size} bytes are no module", file=os.fspath(path))
        # As much as there is: room for MAX_FILE bytes takes a while to make.
        return file.read(status.st_size or MAX_FILE)


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where an image's segments are.

    Attributes:
        pages: the mapping that holds text and rodata.
        slab: the page-aligned part of the slab that holds data.
        addresses: of text, rodata, data.
        stubs: address of the stub block at the end of text.
    """

    pages: Range
    slab: Range
    addresses: tuple[int, int, int]
    stubs: int


class _Loaded:
    """Book-keeping for one image; equal to itself only."""

    __slots__ = ("image", "placed", "users")

    def __init__(self, image: LinkedImage, placed: _Placed, users: set[str]) -> None:
        self.image = image
        self.placed = placed
        self.users = users


class LinkState:
    """What a linker has loaded at some time; equal to itself only."""

    __slots__ = ("loaded", "modules", "tables")

    def __init__(
        self,
        loaded: dict[str, _Loaded],
        modules: dict[str, Mapping[str, int]],
        tables: dict[str, SymbolTable],
    ) -> None:
        self.loaded = loaded
        self.modules = modules
        self.tables = tables


class Linker:
    """Links one kernel and its modules.

    Args:
        host: memory and hypercalls, see LinkHost.
        extra: symbols modules may use besides the kernel's exports.

    Attributes:
        symbolizer: turns addresses of the loaded images into frames.
        debugging: what gdb and perf are told, or None.
    """

    def __init__(
        self, host: LinkHost, *, extra: Mapping[str, int] | None = None
    ) -> None:
        self._host = host
        self._extra = dict(extra or {})
        self._lock = _thread.RLock()
        self._scope: Scope | None = None
        self._loaded: dict[str, _Loaded] = {}
        self._kept: list[LinkState] = []
        self._slab = arena.FreeList(*host.slab)
        self._pages = arena.FreeList(*host.pages)
        self.symbolizer = Symbolizer()
        self.netbsd = DEFAULT
        self.debugging: Debugging | None = None
        if os.environ.get("RUMPY_GDB") or os.environ.get("RUMPY_PERF"):
            self.debug()

    @property
    def modules(self) -> dict[str, LinkedModule]:
        """Loaded modules by name, in load order."""
        return {
            name: entry.image
            for name, entry in self._loaded.items()
            if isinstance(entry.image, LinkedModule)
        }

    def users(self, name: str) -> frozenset[str]:
        """Names of loaded modules that need this one."""
        return frozenset(
            other for other, entry in self._loaded.items() if name in entry.users
        )

    def debug(self, *, gdb: bool | None = None, perf: bool | None = None) -> None:
        """Show images loaded from now on to gdb or perf; see rumpy.linker.debug."""
        from rumpy.linker.debug import Debugging

        self.debugging = Debugging(gdb=gdb, perf=perf)

    def close(self) -> None:
        """The memory is about to go: forget what debuggers were told."""
        if self.debugging is not None:
            self.debugging.close()

    # Loading

    def load_kernel(
        self,
        source: Source,
        *,
        exports: Collection[str] | Callable[[], Collection[str]] | None = None,
        name: str | None = None,
        missing: Missing = "strict",
        netbsd: int = DEFAULT,
    ) -> LinkedImage:
        """Load the kernel's image.

        Args:
            source: path or contents of kernel.elf.
            exports: names modules may use, or what gives them when the first
                module is loaded; None for all.
            name: what messages call it, default the path.
            missing: what to do about functions nobody has; see scope.resolve.
            netbsd: the major release whose modules it takes.

        Raises:
            LinkError: it can't be linked, or a kernel is loaded already.
        """
        with self._lock:
            if self._scope is not None:
                raise LinkError("this linker holds a kernel already")
            obj = read_object(source, name or "kernel.elf")
            self.netbsd = netbsd
            layout = lay_out(obj)
            job = Job(obj, layout)
            resolution = resolve(
                obj, self._host.hypercalls(), missing=missing,
                is_function=lambda index: job.uses(index, elf.R_X86_64_PLT32),
            )  # fmt: skip
            placed, symbols = self._bring_in(obj, layout, job, resolution, {}, {})
            image = LinkedImage(
                "kernel", obj.name, *_segments(layout, placed), symbols,
                _sections(obj, layout, placed),
            )  # fmt: skip
            self._loaded["kernel"] = _Loaded(image, placed, set())
            self._remember(obj, layout, placed, image, source)
            visible = symbols.keys() if exports is None else exports
            ask = visible if callable(visible) else lambda: visible
            self._scope = Scope(symbols, ask, self._extra)
            return image

    def load_module(
        self,
        source: Source,
        *,
        name: str | None = None,
        missing: Missing = "strict",
        hooks: Mapping[str, int] | None = None,
        points: Collection[str] = (),
    ) -> LinkedModule:
        """Load a module whose required modules are loaded already.

        Args:
            source: path or contents of the .kmod.
            name: what messages call it, default the path or "module".
            missing: what to do about functions nobody has; see scope.resolve.
            hooks: functions it calls -> address of a stubs.HOOK_SLOT, through
                which those calls go; the caller fills the slots in.
            points: kernel functions at whose calls it may be preempted in a
                searched schedule; those it does not call are ignored.

        Raises:
            LinkError: the object can't be linked, or calls no such function.
            ModuleError: no module, another version, loaded already, or a
                required module is not loaded.
        """
        with self._lock:
            scope = self._need_kernel()
            obj = read_object(source, name or "module")
            layout = lay_out(obj)
            job = Job(obj, layout)
            info, section, offset = find_modinfo(obj, lambda: job)
            self._check_module(obj, info, scope)

            def find(wanted: str) -> tuple[int, str] | None:
                return scope.find(wanted, info.required)

            def is_function(index: int) -> bool:
                return job.uses(index, elf.R_X86_64_PLT32)

            known = scope.exported(obj.undefined)
            resolution = resolve(
                obj, known, find, missing=missing, is_function=is_function
            )
            hooked = find_hooks(obj, resolution, hooks or {}, is_function)
            preempted = {
                obj.undefined[name]: known[name]
                for name in points
                if name in obj.undefined
                and name in known
                and known[name] < LOW_LIMIT
                and obj.undefined[name] not in hooked
                and is_function(obj.undefined[name])
            }
            placed, symbols = self._bring_in(
                obj, layout, job, resolution, hooked, preempted
            )
            sections = _sections(obj, layout, placed)
            segment, at = layout.places[section]
            users = dict.fromkeys([*info.required, *sorted(resolution.users)])
            module = LinkedModule(
                info.name, obj.name, *_segments(layout, placed), symbols, sections,
                modinfo=info,
                modinfo_address=placed.addresses[segment] + at + offset,
                required=tuple(users),
                sysctl_funcs=_link_set(obj, sections, _SYSCTL_SET),
                evcnts=_link_set(obj, sections, _EVCNT_SET),
                trapped=tuple(sorted(resolution.trapped)),
                hooked={n: resolution.values[obj.undefined[n]] for n in hooks or {}},
                traced="__sanitizer_cov_trace_pc" in obj.undefined,
            )  # fmt: skip
            self._loaded[info.name] = _Loaded(module, placed, set(users))
            scope.modules[info.name] = symbols
            self._remember(obj, layout, placed, module, source)
            return module

    def unload(self, module: LinkedModule) -> None:
        """Take a module out of memory; its FINI has run.

        Raises:
            ModuleError: it is not loaded here, or another module needs it.
        """
        with self._lock:
            entry = self._loaded.get(module.name)
            if entry is None or entry.image is not module:
                raise ModuleError("not loaded", module=module.name)
            users = self.users(module.name)
            if users:
                raise ModuleError(
                    f"in use by {', '.join(sorted(users))}", module=module.name
                )
            del self._loaded[module.name]
            self._need_kernel().modules.pop(module.name, None)
            self.symbolizer.remove(module.name)
            if self.debugging is not None:
                self.debugging.remove(module.name)
            self._let_go(entry)

    # Snapshots

    def snapshot(self) -> LinkState:
        """What is loaded now."""
        with self._lock:
            return LinkState(
                dict(self._loaded),
                dict(self._need_kernel().modules),
                self.symbolizer.snapshot(),
            )

    def keep(self, state: LinkState) -> None:
        """From now on its modules stay in memory, even if they are unloaded."""
        with self._lock:
            self._kept.append(state)

    def forget(self, state: LinkState) -> None:
        """End what keep() began."""
        with self._lock:
            if state not in self._kept:
                return
            self._kept.remove(state)
            for entry in state.loaded.values():
                if entry not in self._loaded.values():
                    self._let_go(entry)

    def restore(self, state: LinkState) -> None:
        """Go back to a kept state; the slab's contents are the caller's to restore.

        A module that was unloaded since is back; debuggers are not told again.
        """
        if self._loaded == state.loaded:
            return
        with self._lock:
            before, self._loaded = self._loaded, dict(state.loaded)
            self._need_kernel().modules.clear()
            self._need_kernel().modules.update(state.modules)
            self.symbolizer.restore(state.tables)
            for name, entry in before.items():
                if entry is not self._loaded.get(name):
                    if self.debugging is not None:
                        self.debugging.remove(name)
                    self._let_go(entry)

    def _let_go(self, entry: _Loaded) -> None:
        """Unmap an image that is not loaded any more, unless a snapshot has it."""
        if not any(entry in state.loaded.values() for state in self._kept):
            self._release(entry.placed)

    # Steps

    def _need_kernel(self) -> Scope:
        if self._scope is None:
            raise LinkError("no kernel is loaded")
        return self._scope

    def _check_module(self, obj: ObjectFile, info: ModInfo, scope: Scope) -> None:
        check_version(info, obj.name, self.netbsd)
        if info.name in self._loaded:
            there = self._loaded[info.name].image.file
            raise ModuleError(
                f"{info.name} is loaded already, from {there}", module=obj.name
            )
        absent = [name for name in info.required if name not in scope.modules]
        if absent:
            raise ModuleError(
                f"{info.name} requires {', '.join(absent)}, not loaded",
                module=obj.name,
            )
        check_duplicates(obj, scope)

    def _bring_in(
        self,
        obj: ObjectFile,
        layout: Layout,
        job: Job,
        resolution: Resolution,
        hooked: Mapping[int, int],
        points: Mapping[int, int],
    ) -> tuple[_Placed, SymbolMap]:
        """Place, copy, relocate, seal; all undone when something fails."""
        far = {
            i: v
            for i, v in resolution.values.items()
            if v >= LOW_LIMIT and i not in hooked
        }
        stubs = Stubs(far, resolution.trapped, hooked, points)
        placed = self._place(layout, stubs)
        try:
            job.place(placed.addresses, layout.sizes)
            job.copy()
            values = job.compute_values()
            for index, value in resolution.values.items():
                values[index] = value
            for index, (section, end) in resolution.bounds.items():
                segment, at = layout.places[section]
                size = obj.sections[section].size if end else 0
                values[index] = placed.addresses[segment] + at + size
            self._write_stubs(stubs, placed, values, obj)
            job.relocate()
            self._seal(placed)
        except BaseException:
            self._release(placed)
            raise
        return placed, SymbolMap(obj.defined, values)

    def _write_stubs(
        self, stubs: Stubs, placed: _Placed, values: memoryview, obj: ObjectFile
    ) -> None:
        if not stubs.size:
            return
        panic = point = 0
        if stubs.trapped:
            panic = self._panic(obj, values)
        if stubs.points:
            point = self._loaded["kernel"].image.symbol("sched_point")
        code, addresses = stubs.build(placed.stubs, panic, point)
        self._host.write(placed.stubs, code)
        for index, address in addresses.items():
            values[index] = address

    def _panic(self, obj: ObjectFile, values: memoryview) -> int:
        """Address of the kernel's panic(), which may be the image being loaded."""
        if "kernel" in self._loaded:
            address = self._loaded["kernel"].image.symbols.get("panic")
        else:
            address = values[obj.defined["panic"]] if "panic" in obj.defined else None
        if address is None:
            raise LinkError("the kernel has no panic() to trap to", file=obj.name)
        return address

    def _place(self, layout: Layout, stubs: Stubs) -> _Placed:
        """Take memory for an image: one run of pages, and a part of the slab."""
        text = align_up(layout.sizes[TEXT], 16)
        text_end = align_up(text + stubs.size, max(PAGE, layout.aligns[RODATA]))
        size = align_up(text_end + layout.sizes[RODATA], PAGE)
        size = max(size, PAGE)
        align = max(layout.aligns[TEXT], layout.aligns[RODATA], PAGE)
        base = self._pages.take(size, align)
        data_size = align_up(layout.sizes[DATA], PAGE)
        data = 0
        try:
            if data_size:
                data = self._slab.take(data_size, max(layout.aligns[DATA], PAGE))
            self._host.map(base, size)
        except BaseException:
            self._pages.give(base, size)
            if data:
                self._slab.give(data, data_size)
            raise
        return _Placed(
            Range(base, size), Range(data, data_size),
            (base, base + text_end, data), base + text,
        )  # fmt: skip

    def _seal(self, placed: _Placed) -> None:
        text, rodata = placed.addresses[TEXT], placed.addresses[RODATA]
        end = placed.pages.address + placed.pages.size
        if rodata > text:
            self._host.seal(text, rodata - text, executable=True)
        if end > rodata:
            self._host.seal(rodata, end - rodata, executable=False)

    def _release(self, placed: _Placed) -> None:
        self._host.unmap(placed.pages.address, placed.pages.size)
        self._pages.give(placed.pages.address, placed.pages.size)
        if placed.slab.size:
            self._host.clear(placed.slab.address, placed.slab.size)
            self._slab.give(placed.slab.address, placed.slab.size)

    def _remember(
        self,
        obj: ObjectFile,
        layout: Layout,
        placed: _Placed,
        image: LinkedImage,
        source: Source,
    ) -> None:
        bases = {
            index: (placed.addresses[segment] + at, obj.sections[index].size)
            for index, (segment, at) in layout.places.items()
        }
        table = SymbolTable.of(obj, image.name, bases, source)
        self.symbolizer.add(table)
        if self.debugging is not None:
            self.debugging.add(obj, table)


# What was read last, for plan() and load_module() after each other, and for
# further kernels: path and identity of the file -> its contents, checked.
_recent: dict[tuple[str, int, int, int], ObjectFile] = {}
_RECENT_COUNT: Final = 8
_RECENT_SIZE: Final = 1 << 20


def read_object(source: Source, name: str) -> ObjectFile:
    """Read and check an object, or take it from those read last.

    Args:
        source: path or contents.
        name: what messages call contents; a path has its own name.

    Raises:
        LinkError: see reader.read.
        OSError: the file can't be read.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return read(bytes(source), name)
    path = os.fspath(source)
    status = os.stat(path)
    key = (path, status.st_ino, status.st_mtime_ns, status.st_size)
    obj = _recent.get(key)
    if obj is None:
        obj = read(load_file(path), path)
        if len(obj.data) == status.st_size <= _RECENT_SIZE:
            while len(_recent) >= _RECENT_COUNT:
                _recent.pop(next(iter(_recent)), None)
            _recent[key] = obj
    return obj


def _segments(layout: Layout, placed: _Placed) -> tuple[Range, Range, Range]:
    text = Range(
        placed.addresses[TEXT], placed.addresses[RODATA] - placed.addresses[TEXT]
    )
    return (
        text,
        Range(placed.addresses[RODATA], layout.sizes[RODATA]),
        Range(placed.addresses[DATA], layout.sizes[DATA]),
    )


def _sections(obj: ObjectFile, layout: Layout, placed: _Placed) -> dict[str, Range]:
    found: dict[str, Range] = {}
    for index, (segment, at) in layout.places.items():
        section = obj.sections[index]
        found.setdefault(
            section.name, Range(placed.addresses[segment] + at, section.size)
        )
    return found


def _link_set(obj: ObjectFile, sections: Mapping[str, Range], name: str) -> LinkSet:
    found = obj.named(name)
    if not found:
        return LinkSet(0, 0)
    if len(found) != 1 or found[0].size % 8:
        raise ModuleError(
            f"section {name} is not one array of pointers", module=obj.name
        )
    where = sections[name]
    return LinkSet(where.address, where.size // 8)
