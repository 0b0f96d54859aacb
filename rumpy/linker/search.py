# SPDX-License-Identifier: BSD-2-Clause
"""Finds the kernel's image, modules by name, and what a module needs first."""

from __future__ import annotations

import os

from rumpy.abi.releases import DEFAULT, RELEASES, RENAMED
from rumpy.errors import LinkError, ModuleError
from rumpy.linker.host import Job
from rumpy.linker.layout import lay_out
from rumpy.linker.link import read_object
from rumpy.linker.modinfo import ModInfo, find_modinfo
from rumpy.linker.scope import read_exports, read_limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from dataclasses import dataclass
    from typing import Final

    from rumpy.linker.symbolize import Source

    Folders = Sequence[str | os.PathLike[str]]
else:
    from rumpy.records import dataclass

_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_ROOT: Final = os.path.dirname(_PACKAGE)
DATA: Final = os.path.join(_PACKAGE, "_data")
# Only in a checkout: what the C build made, before it was brought into _data.
BUILD: Final = os.path.join(_ROOT, "build")
EXPORTS: Final = os.path.join(_ROOT, "csrc", "exports")


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """A module that has been found and read, but not loaded."""

    path: str
    modinfo: ModInfo


_exports: dict[tuple[str, int], frozenset[str]] = {}


def _texts(folders: Folders) -> list[str]:
    return [os.fspath(folder) for folder in folders]


def _newest(*paths: str) -> str | None:
    """The most recently written of those that exist; an earlier one wins ties."""
    best, found = -1.0, None
    for path in paths:
        try:
            written = os.stat(path).st_mtime
        except OSError:
            continue
        if written > best:
            best, found = written, path
    return found


def _of_release(netbsd: int, *parts: str) -> str | None:
    """A file that was built for a major release: the newer of shipped and built."""
    below = () if netbsd == DEFAULT else (f"netbsd-{netbsd}",)
    return _newest(*(os.path.join(top, *below, *parts) for top in (DATA, BUILD)))


def kernel_path(netbsd: int = DEFAULT) -> str:
    """The kernel's image.

    Args:
        netbsd: the major release whose modules it takes, of abi.releases.RELEASES.

    Raises:
        LinkError: the package was not built, or not for that release.
    """
    if netbsd not in RELEASES:
        known = ", ".join(map(str, RELEASES))
        raise LinkError(f"no kernel for modules of NetBSD {netbsd}; there are: {known}")
    path = _of_release(netbsd, "kernel.elf")
    if path is None:
        raise LinkError(f"no kernel image in {DATA}", hint="run make, or reinstall")
    return path


def export_list(netbsd: int = DEFAULT, personality: str = "netbsd") -> frozenset[str]:
    """Names that modules of a personality and a major release may resolve."""
    path = _newest(
        os.path.join(EXPORTS, f"{personality}.syms"),
        os.path.join(DATA, f"{personality}.names"),
    )
    if path is None:
        raise LinkError(f"no export list {personality}.names in {DATA}")
    key = (path, os.stat(path).st_mtime_ns)
    if key not in _exports:
        _exports[key] = read_exports(path)
    renamed = RENAMED[netbsd]
    if not renamed:
        return _exports[key]
    return frozenset(renamed.get(name, name) for name in _exports[key])


def export_limits(personality: str = "netbsd") -> dict[str, str]:
    """Exported functions that answer "not supported here": name -> reason."""
    file = f"{personality}.syms"
    path = _newest(os.path.join(EXPORTS, file), os.path.join(DATA, file))
    if path is None:
        raise LinkError(f"no export list {file} in {DATA}")
    return {name: why for name, why in read_limits(path).items() if why}


def shipped_modules(netbsd: int = DEFAULT) -> dict[str, str]:
    """Name -> path of every module that comes with the package for a release."""
    names = set()
    for folder in (DATA, BUILD):
        try:
            files = os.listdir(os.path.join(folder, "modules"))
        except OSError:
            continue
        names |= {name[:-5] for name in files if name.endswith(".kmod")}
    found = {name: _shipped(name, netbsd) for name in sorted(names)}
    return {name: path for name, path in found.items() if path is not None}


def _shipped(name: str, netbsd: int) -> str | None:
    return _of_release(netbsd, "modules", f"{name}.kmod")


def find_module(name: str, folders: Folders = (), netbsd: int = DEFAULT) -> str | None:
    """A module's file: DIR/NAME.kmod, DIR/../NAME/NAME.kmod, then the shipped one.

    Args:
        name: the module's name, without a path.
        folders: each DIR, in order; the second form is NetBSD's own layout
            (/stand/amd64/10.0/modules/ffs/ffs.kmod) seen from a neighbour, and
            DIR/NAME/NAME.kmod the same seen from above.
        netbsd: the major release that a shipped one is to be for.
    """
    file = f"{name}.kmod"
    for folder in _texts(folders):
        above = os.path.dirname(os.path.abspath(folder))
        for path in (
            os.path.join(folder, file),
            os.path.join(folder, name, file),
            os.path.join(above, name, file),
        ):
            if os.path.isfile(path):
                return path
    return _shipped(name, netbsd)


def peek(source: Source, name: str | None = None) -> ModInfo:
    """What a module says about itself, without loading it.

    Raises:
        LinkError, ModuleError: it is no linkable object, or no module.
    """
    obj = read_object(source, name or "module")
    return find_modinfo(obj, lambda: Job(obj, lay_out(obj)))[0]


def release_of(module: str | os.PathLike[str], folders: Folders = ()) -> int:
    """The kernel that a module needs: its NetBSD release, if there is one for it.

    Raises:
        LinkError, ModuleError: there is no such module, or it is none.
    """
    text = os.fspath(module)
    if "/" not in text and ":" not in text and not text.endswith(".kmod"):
        found = find_module(text, folders)
        if found is None or found == _shipped(text, DEFAULT):
            return DEFAULT
    info = peek(locate(module, folders))
    return info.major if info.compatible else DEFAULT


def locate(
    module: str | os.PathLike[str], folders: Folders = (), netbsd: int | None = None
) -> str:
    """The file meant by a path (contains '/' or ends in .kmod) or a name.

    "netbsd:NAME" and "netbsd-VERSION:NAME" are NetBSD's own, see rumpy.store.

    Args:
        module: the path or the name.
        folders: where to look for a name first.
        netbsd: the major release of the kernel that shall load it; None: of any.

    Raises:
        ModuleError: there is no such module; lists where it was looked for.
    """
    text = os.fspath(module)
    if not isinstance(module, str) or "/" in text or text.endswith(".kmod"):
        if not os.path.exists(text):
            raise ModuleError("no such file", module=text)
        if not os.path.isfile(text):
            raise ModuleError("not a file", module=text)
        return text
    if ":" in text:
        from rumpy import store

        parts = store.split(text)
        if parts is not None:
            return store.find(parts[1], parts[0], netbsd)
    release = DEFAULT if netbsd is None else netbsd
    found = find_module(text, folders, release)
    if found is None:
        places = ", ".join(_texts(folders))
        known = ", ".join(shipped_modules(release)) or "none"
        where = f" in {places}" if places else ""
        raise ModuleError(f"no such module{where}; shipped: {known}", module=text)
    return found


def plan(
    module: str | os.PathLike[str],
    *,
    folders: Folders = (),
    loaded: Collection[str] = (),
    netbsd: int = DEFAULT,
) -> tuple[ModuleFile, ...]:
    """A module and what it requires, in the order to load them.

    Args:
        module: a name or a path; the path's folder is searched first.
        folders: further folders for required modules.
        loaded: names of modules that are there already and are left out.
        netbsd: the major release of the kernel that shall load them.

    Raises:
        ModuleError: a required module can't be found, has another name than
            its file, or modules require each other in a circle.
    """
    first = locate(module, folders, netbsd)
    ordered: list[ModuleFile] = []
    state: dict[str, bool] = dict.fromkeys(loaded, True)

    def visit(path: str, chain: tuple[str, ...], wanted: str | None) -> None:
        info = peek(path)
        if wanted is not None and info.name != wanted:
            raise ModuleError(
                f"the file holds module {info.name}, not {wanted}", module=path
            )
        state[info.name] = False
        for name in info.required:
            done = state.get(name)
            if done:
                continue
            trail = (*chain, info.name, name)
            if done is False:
                circle = " -> ".join(trail[trail.index(name) :])
                raise ModuleError(f"modules require each other: {circle}", module=path)
            places = [os.path.dirname(os.path.realpath(first)), *_texts(folders)]
            found = find_module(name, places, netbsd)
            if found is None:
                raise ModuleError(
                    f"{info.name} requires {name}, which is not in "
                    f"{', '.join(places)} and not shipped",
                    module=path,
                )
            visit(found, trail[:-1], name)
        state[info.name] = True
        ordered.append(ModuleFile(path, info))

    visit(first, (), None)
    return tuple(ordered)
