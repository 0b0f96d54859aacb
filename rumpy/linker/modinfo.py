# SPDX-License-Identifier: BSD-2-Clause
"""NetBSD's description of a module: struct modinfo, found by section name."""

from __future__ import annotations

import struct

from rumpy.abi.releases import RELEASES
from rumpy.errors import ModuleError
from rumpy.linker import elf
from rumpy.linker.host import Job
from rumpy.linker.reader import ObjectFile, Section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
    from typing import Final
else:
    from rumpy.records import dataclass

SECTION: Final = "link_set_modules"
# NetBSD's MAXMODNAME and MAXMODDEPS.
MAX_NAME: Final = 32
MAX_REQUIRED: Final = 10
# NetBSD has these as modules; here they are part of the kernel.
BUILT_IN: Final = frozenset({"ptrace_common"})

_MODINFO = struct.Struct("<Ii8s8s8s")
_OFFSET_MODCMD, _OFFSET_NAME, _OFFSET_REQUIRED = 8, 16, 24


# NetBSD's module classes, by number.
CLASSES: Final = ("any", "misc", "vfs", "driver", "exec", "secmodel", "bufq")


@dataclass(frozen=True, slots=True)
class ModInfo:
    """What a module says about itself.

    Attributes:
        name: the module's name.
        version: __NetBSD_Version__ it was built for, such as 1000000000.
        klass: module class number, see CLASSES.
        required: names of the modules it needs, in its order, without those
            that are part of the kernel.
    """

    name: str
    version: int
    klass: int
    required: tuple[str, ...]

    @property
    def class_name(self) -> str:
        """The class in words."""
        known = 0 <= self.klass < len(CLASSES)
        return CLASSES[self.klass] if known else str(self.klass)

    @property
    def release(self) -> str:
        """The version as NetBSD writes it, such as 10.1 or 10.99.4."""
        return release(self.version)

    @property
    def compatible(self) -> bool:
        """Whether there is a kernel for it: all releases of NetBSD 10 and 11."""
        return compatible(self.version)

    @property
    def major(self) -> int:
        """The NetBSD release it was built for: 10, 11."""
        return self.version // 100000000


def release(version: int) -> str:
    """__NetBSD_Version__ (MMmmrrpp00) as text."""
    major, minor = version // 100000000, version // 1000000 % 100
    patch = version % 1000000 // 100
    text = f"{major}.{minor}"
    return f"{text}.{patch}" if patch else text


def compatible(version: int, major: int | None = None) -> bool:
    """Whether a release of this major version (None: of any there is a kernel for).

    All releases of a major version share one ABI; -current, x.99, does not.
    """
    fits = version // 100000000 in (RELEASES if major is None else (major,))
    return fits and version // 1000000 % 100 != 99


class _Finder:
    """Follows relocations in a file that is not linked yet."""

    def __init__(self, obj: ObjectFile, job: Job) -> None:
        self.obj = obj
        self.job = job

    def fail(self, message: str) -> ModuleError:
        return ModuleError(message, module=self.obj.name)

    def follow(self, section: Section, offset: int) -> tuple[Section, int] | None:
        """Section and offset that a pointer in the file refers to."""
        place = self.job.find(section.index, offset)
        if place is None:
            return None
        obj = self.obj
        if place.type != elf.R_X86_64_64 or place.symbol >= obj.symbol_count:
            raise self.fail(
                f"{section.name}+{offset:#x} is not a plain pointer "
                f"({elf.relocation_name(place.type)})"
            )
        _, _, _, shndx, value, _ = elf.SYM.unpack_from(
            obj.data, obj.symtab + place.symbol * elf.SYM.size
        )
        if shndx == elf.SHN_UNDEF or shndx >= len(obj.sections):
            raise self.fail(f"{section.name}+{offset:#x} points out of the module")
        target, at = obj.sections[shndx], value + place.addend
        if not target.loaded or not 0 <= at < target.size:
            raise self.fail(f"{section.name}+{offset:#x} points out of the module")
        return target, at

    def contents(self, section: Section) -> bytes:
        if section.type == elf.SHT_NOBITS:
            raise self.fail(f"{section.name} has no contents")
        return self.obj.data[section.offset : section.offset + section.size]

    def string(self, section: Section, offset: int, what: str) -> str | None:
        found = self.follow(section, offset)
        if found is None:
            return None
        data = self.contents(found[0])
        end = data.find(b"\0", found[1])
        if end < 0:
            raise self.fail(f"{what} is not terminated")
        try:
            return data[found[1] : end].decode("ascii")
        except UnicodeDecodeError:
            raise self.fail(f"{what} is not ASCII") from None


def find_modinfo(obj: ObjectFile, job: Callable[[], Job]) -> tuple[ModInfo, int, int]:
    """Read struct modinfo from a file.

    Args:
        job: makes the C side's view of it, if that is needed.

    Returns:
        The description, and section index and offset where the struct lies.

    Raises:
        ModuleError: the object is not a module, or describes itself wrongly.
    """
    known: tuple[ModInfo, int, int] | None = obj.memo.get("modinfo")
    if known is None:
        known = obj.memo["modinfo"] = _read_modinfo(obj, job())
    return known


def _read_modinfo(obj: ObjectFile, job: Job) -> tuple[ModInfo, int, int]:
    finder = _Finder(obj, job)
    sections = obj.named(SECTION)
    if not sections:
        raise finder.fail(f"not a kernel module: no section {SECTION}")
    if len(sections) != 1 or sections[0].size != 8:
        total = sum(s.size for s in sections)
        raise finder.fail(f"{SECTION} holds {total} bytes; one module has 8")
    found = finder.follow(sections[0], 0)
    if found is None:
        raise finder.fail(f"{SECTION} holds no pointer")
    section, offset = found
    data = finder.contents(section)
    if offset + _MODINFO.size > len(data):
        raise finder.fail("struct modinfo is cut off")
    version, klass, *_ = _MODINFO.unpack_from(data, offset)
    if finder.follow(section, offset + _OFFSET_MODCMD) is None:
        raise finder.fail("struct modinfo has no command function")
    name = finder.string(section, offset + _OFFSET_NAME, "the module's name")
    if not name or len(name) >= MAX_NAME:
        raise finder.fail(f"bad module name {name!r}")
    text = finder.string(section, offset + _OFFSET_REQUIRED, "the list of modules")
    required = tuple(part.strip() for part in (text or "").split(",") if part.strip())
    if len(required) > MAX_REQUIRED:
        raise finder.fail(
            f"requires {len(required)} modules; {MAX_REQUIRED} is the limit"
        )
    bad = [n for n in required if len(n) >= MAX_NAME or "/" in n or n in (".", "..")]
    if bad:
        raise finder.fail(f"bad name of a required module: {bad[0]!r}")
    needed = tuple(name for name in required if name not in BUILT_IN)
    return ModInfo(name, version, klass, needed), section.index, offset


def check_version(info: ModInfo, file: str, major: int) -> None:
    """Refuse a module that is not for a kernel of this major version."""
    if compatible(info.version, major):
        return
    if info.compatible:
        hint = f"boot the kernel for it: Kernel(netbsd={info.major})"
    else:
        known = " and ".join(f"{release}.x" for release in RELEASES)
        hint = f"supported are modules of NetBSD {known} releases"
    raise ModuleError(
        f"{info.name} was built for NetBSD {info.release} ({info.version}); "
        f"this kernel has the ABI of NetBSD {major}.x releases; {hint}",
        module=file,
    )


__all__ = ["CLASSES", "ModInfo", "check_version", "find_modinfo", "release"]
