# SPDX-License-Identifier: BSD-2-Clause
"""Finds the kernel's image, modules by name, and what a module needs first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rumpy.errors import LinkError, ModuleError
from rumpy.linker.host import Job
from rumpy.linker.layout import lay_out
from rumpy.linker.link import load_file
from rumpy.linker.modinfo import ModInfo, find_modinfo
from rumpy.linker.reader import read
from rumpy.linker.scope import read_exports

PACKAGE: Final = Path(__file__).resolve().parent.parent
DATA: Final = PACKAGE / "_data"
# Only in a checkout: what the C build made, before it was brought into _data.
BUILD: Final = PACKAGE.parent / "build"
CSRC: Final = PACKAGE.parent / "csrc"


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """A module that has been found and read, but not loaded."""

    path: Path
    modinfo: ModInfo


def _newest(*paths: Path) -> Path | None:
    """The most recently written of those that exist; an earlier one wins ties."""
    found = [path for path in paths if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def kernel_path() -> Path:
    """The kernel's image.

    Raises:
        LinkError: the package was not built.
    """
    path = _newest(DATA / "kernel.elf", BUILD / "kernel.elf")
    if path is None:
        raise LinkError(f"no kernel image in {DATA}", hint="run make, or reinstall")
    return path


def export_list(personality: str = "netbsd") -> frozenset[str]:
    """Names that modules of a personality may resolve."""
    path = _newest(
        DATA / f"{personality}.syms", CSRC / "exports" / f"{personality}.syms"
    )
    if path is None:
        raise LinkError(f"no export list {personality}.syms in {DATA}")
    return read_exports(path)


def shipped_modules() -> dict[str, Path]:
    """Name -> path of every module that comes with the package."""
    names = {
        path.stem
        for folder in (DATA / "modules", BUILD / "modules")
        for path in folder.glob("*.kmod")
    }
    found = {name: _shipped(name) for name in sorted(names)}
    return {name: path for name, path in found.items() if path is not None}


def _shipped(name: str) -> Path | None:
    file = f"{name}.kmod"
    return _newest(DATA / "modules" / file, BUILD / "modules" / file)


def find_module(name: str, folders: Sequence[Path] = ()) -> Path | None:
    """A module's file: DIR/NAME.kmod, DIR/../NAME/NAME.kmod, then the shipped one.

    Args:
        name: the module's name, without a path.
        folders: each DIR, in order; the second form is NetBSD's own layout
            (/stand/amd64/10.0/modules/ffs/ffs.kmod) seen from a neighbour.
    """
    for folder in folders:
        for path in (
            folder / f"{name}.kmod",
            folder / name / f"{name}.kmod",
            folder.parent / name / f"{name}.kmod",
        ):
            if path.is_file():
                return path
    return _shipped(name)


def peek(source: Path | bytes, name: str | None = None) -> ModInfo:
    """What a module says about itself, without loading it.

    Raises:
        LinkError, ModuleError: it is no linkable object, or no module.
    """
    data = load_file(source) if isinstance(source, Path) else bytes(source)
    obj = read(data, name or (str(source) if isinstance(source, Path) else "module"))
    return find_modinfo(obj, Job(obj, lay_out(obj)))[0]


def locate(module: str | Path, folders: Sequence[Path] = ()) -> Path:
    """The file meant by a path (contains '/' or ends in .kmod) or a name.

    Raises:
        ModuleError: there is no such module; lists where it was looked for.
    """
    text = str(module)
    if isinstance(module, Path) or "/" in text or text.endswith(".kmod"):
        path = Path(module)
        if not path.exists():
            raise ModuleError("no such file", module=text)
        return path
    found = find_module(text, folders)
    if found is None:
        places = ", ".join(str(folder) for folder in folders)
        known = ", ".join(shipped_modules()) or "none"
        where = f" in {places}" if places else ""
        raise ModuleError(f"no such module{where}; shipped: {known}", module=text)
    return found


def plan(
    module: str | Path,
    *,
    folders: Sequence[Path] = (),
    loaded: Collection[str] = (),
) -> tuple[ModuleFile, ...]:
    """A module and what it requires, in the order to load them.

    Args:
        module: a name or a path; the path's folder is searched first.
        folders: further folders for required modules.
        loaded: names of modules that are there already and are left out.

    Raises:
        ModuleError: a required module can't be found, has another name than
            its file, or modules require each other in a circle.
    """
    first = locate(module, folders)
    places = [first.resolve().parent, *folders]
    ordered: list[ModuleFile] = []
    state: dict[str, bool] = dict.fromkeys(loaded, True)

    def visit(path: Path, chain: tuple[str, ...], wanted: str | None) -> None:
        info = peek(path)
        if wanted is not None and info.name != wanted:
            raise ModuleError(f"the file holds module {info.name}, not {wanted}",
                              module=str(path))  # fmt: skip
        state[info.name] = False
        for name in info.required:
            done = state.get(name)
            if done:
                continue
            trail = (*chain, info.name, name)
            if done is False:
                circle = " -> ".join(trail[trail.index(name) :])
                raise ModuleError(f"modules require each other: {circle}",
                                  module=str(path))  # fmt: skip
            found = find_module(name, places)
            if found is None:
                raise ModuleError(
                    f"{info.name} requires {name}, which is not in "
                    f"{', '.join(map(str, places))} and not shipped",
                    module=str(path),
                )
            visit(found, trail[:-1], name)
        state[info.name] = True
        ordered.append(ModuleFile(path, info))

    visit(first, (), None)
    return tuple(ordered)
