# SPDX-License-Identifier: BSD-2-Clause
"""Reads one relocatable ELF object and refuses what can't be linked.

Nothing in the file is trusted: each index, offset and size is checked before
it is used, and a violation is a LinkError that says where.  What the C side
walks later (symbols and relocations) it checks again, entry by entry.
"""

from __future__ import annotations

import struct
from itertools import pairwise

from rumpy.errors import LinkError
from rumpy.linker import elf, hints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from dataclasses import dataclass
    from typing import Any, Final
else:
    from rumpy.records import dataclass

MAX_ALIGN: Final = 1 << 20
# Added to shipped images: the global symbols, sorted out (rumpy/linker/prelink.py).
GLOBALS: Final = ".rumpy.globals"
_GLOBALS: Final = struct.Struct("<12s5I")
_GLOBALS_MAGIC: Final = b"rumpysyms01\0"

# More than fits below 2 GiB is refused before anybody tries to allocate it.
MAX_MEMORY: Final = 1 << 30

_CONSTRUCTORS = (".init_array", ".fini_array", ".preinit_array", ".ctors", ".dtors")
_CONSTRUCTOR_TYPES = frozenset(
    {elf.SHT_INIT_ARRAY, elf.SHT_FINI_ARRAY, elf.SHT_PREINIT_ARRAY}
)


@dataclass(frozen=True, slots=True)
class Section:
    """One section header, its name resolved."""

    index: int
    name: str
    type: int
    flags: int
    offset: int
    size: int
    align: int
    link: int
    info: int
    entsize: int

    # Many are made before the first call of a process, where the record's own
    # way takes ten times as long (rumpy.records).
    def __init__(
        self,
        index: int,
        name: str,
        type: int,
        flags: int,
        offset: int,
        size: int,
        align: int,
        link: int,
        info: int,
        entsize: int,
    ) -> None:
        put = object.__setattr__
        put(self, "index", index)
        put(self, "name", name)
        put(self, "type", type)
        put(self, "flags", flags)
        put(self, "offset", offset)
        put(self, "size", size)
        put(self, "align", align)
        put(self, "link", link)
        put(self, "info", info)
        put(self, "entsize", entsize)

    @property
    def loaded(self) -> bool:
        """Whether the section takes part in the memory image.

        .eh_frame is left out although compilers mark it as allocatable: nothing
        unwinds by it (backtraces follow frame pointers), and it is the largest
        source of relocations.  Notes are for tools that read the file.
        """
        if not self.flags & elf.SHF_ALLOC:
            return False
        return not (
            self.type in (elf.SHT_NOTE, elf.SHT_X86_64_UNWIND)
            or self.name == ".eh_frame"
        )


@dataclass(frozen=True, slots=True)
class Relocations:
    """A relocation table for a loaded section; offset and count are checked."""

    index: int
    target: int
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """A checked relocatable object.

    Attributes:
        name: what messages call it.
        data: the whole file.
        sections: in file order, index 0 included.
        relocations: the tables of loaded sections.
        symtab, symbol_count: the symbol table in the file.
        strings: offset and size of the symbols' string table.
        defined: global symbol name -> symbol index; hidden ones are left out.
        hidden: the same for global symbols that other objects must not see.
        undefined: name -> symbol index.
        weak: names in undefined that may stay so, with value 0.
        memo: what others have found out about it, for the next load.
    """

    name: str
    data: bytes
    sections: tuple[Section, ...]
    relocations: tuple[Relocations, ...]
    symtab: int
    symbol_count: int
    strings: tuple[int, int]
    defined: dict[str, int]
    hidden: dict[str, int]
    undefined: dict[str, int]
    weak: frozenset[str]
    memo: dict[str, Any]

    def symbol_name(self, index: int) -> str:
        """Name of any symbol for a message; a section symbol gives its section's."""
        if not 0 <= index < self.symbol_count:
            return f"#{index}"
        name, info, _, shndx, _, _ = elf.SYM.unpack_from(
            self.data, self.symtab + index * elf.SYM.size
        )
        if info & 15 == elf.STT_SECTION and shndx < len(self.sections):
            return str(self.sections[shndx].name)
        start, size = self.strings
        return _string(self.data, start, size, name) or f"#{index}"

    def named(self, name: str) -> list[Section]:
        """All loaded sections of that name."""
        return [s for s in self.sections if s.name == name and s.loaded]


def _string(data: bytes, start: int, size: int, offset: int) -> str | None:
    """A NUL-terminated string of a string table, None if it is not inside."""
    if offset >= size:
        return None
    end = data.find(b"\0", start + offset, start + size)
    if end < 0:
        return None
    return data[start + offset : end].decode("utf-8", "backslashreplace")


class _Globals:
    """Global symbols by what they are; values are symbol indexes."""

    __slots__ = ("common", "defined", "hidden", "undefined", "weak")

    def __init__(self) -> None:
        self.defined: dict[str, int] = {}
        self.hidden: dict[str, int] = {}
        self.undefined: dict[str, int] = {}
        self.weak: set[str] = set()
        self.common: list[str] = []


class _Reader:
    """The steps of read(), with the file's name for messages."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name

    def fail(
        self,
        message: str,
        *,
        section: str | None = None,
        symbol: str | None = None,
        hint: str | None = None,
    ) -> LinkError:
        return LinkError(
            message, file=self.name, section=section, symbol=symbol, hint=hint
        )

    def header(self) -> tuple[int, int, int]:
        """Check the ELF header; section headers' offset, count, names' index."""
        data = self.data
        if data[:4] != b"\x7fELF":
            raise self.fail("not an ELF file" if data else "the file is empty")
        if len(data) < elf.EHDR.size:
            raise self.fail("truncated: the ELF header is cut off")
        (ident, kind, machine, version, _, _, shoff, _, _, _, _, shentsize, shnum,
         shstrndx) = elf.EHDR.unpack_from(data)  # fmt: skip
        if ident[4] != 2:
            raise self.fail(
                "32-bit ELF class; amd64 needs ELFCLASS64"
                if ident[4] == 1
                else f"unknown ELF class {ident[4]}"
            )
        if ident[5] != 1:
            raise self.fail("big-endian ELF; amd64 is little-endian")
        if machine != elf.EM_X86_64:
            name = elf.EM_NAMES.get(machine, f"machine {machine}")
            raise self.fail(f"made for {name}, not for x86_64")
        if ident[6] != 1 or version != 1:
            raise self.fail(f"unknown ELF version {version}")
        if kind != elf.ET_REL:
            what = elf.ET_NAMES.get(kind, f"of type {kind}")
            raise self.fail(
                f"not a relocatable object but {what}", hint="link with ld -r"
            )
        if shentsize != elf.SHDR.size:
            raise self.fail(f"section headers of {shentsize} bytes, not 64")
        if shnum == 0:
            raise self.fail("no section headers (stripped, or too many sections)")
        if shoff > len(data) or shnum * elf.SHDR.size > len(data) - shoff:
            raise self.fail(
                f"truncated: {shnum} section headers at {shoff:#x} "
                f"end beyond the file's {len(data)} bytes"
            )
        if shstrndx >= shnum:
            raise self.fail(f"section name table has index {shstrndx} of {shnum}")
        return shoff, shnum, shstrndx

    def section_table(self) -> tuple[Section, ...]:
        shoff, shnum, shstrndx = self.header()
        data = self.data
        raw = list(
            elf.SHDR.iter_unpack(
                memoryview(data)[shoff : shoff + shnum * elf.SHDR.size]
            )
        )
        _, kind, _, _, start, size, _, _, _, _ = raw[shstrndx]
        if kind != elf.SHT_STRTAB or start > len(data) or size > len(data) - start:
            raise self.fail("the table of section names is not a string table")
        sections = []
        for index, (noff, kind, flags, _, offset, length, link, info, align,
                    entsize) in enumerate(raw):  # fmt: skip
            name = _string(data, start, size, noff)
            if name is None:
                raise self.fail(f"section {index} has a name outside the name table")
            fields = (kind, flags, offset, length, align, link, info, entsize)
            sections.append(Section(index, name, *fields))
        return tuple(sections)

    def check_loaded(self, sections: Sequence[Section]) -> None:
        """What holds for every section that gets memory."""
        total = 0
        ranges = []
        for s in sections:
            if not s.loaded:
                continue
            self.check_section(s)
            total += s.size + s.align
            if s.type != elf.SHT_NOBITS and s.size:
                ranges.append((s.offset, s.offset + s.size, s.name))
        if total > MAX_MEMORY:
            raise self.fail(f"needs {total} bytes of memory, more than fits low")
        ranges.sort()
        for (_, end, one), (start, _, other) in pairwise(ranges):
            if start < end:
                raise self.fail(f"overlaps section {other} in the file", section=one)

    def check_section(self, s: Section) -> None:
        if s.type != elf.SHT_NOBITS and (
            s.offset > len(self.data) or s.size > len(self.data) - s.offset
        ):
            raise self.fail(
                f"truncated: {s.size} bytes at {s.offset:#x} end beyond the file's "
                f"{len(self.data)} bytes",
                section=s.name,
            )
        if s.size > MAX_MEMORY:
            raise self.fail(f"size of {s.size} bytes is absurd", section=s.name)
        if s.align & (s.align - 1) or s.align > MAX_ALIGN:
            raise self.fail(f"alignment {s.align} is not usable", section=s.name)
        if s.flags & elf.SHF_TLS:
            raise self.fail("thread-local data", section=s.name, hint=hints.NO_TLS)
        if s.flags & elf.SHF_COMPRESSED:
            raise self.fail("loaded sections can't be compressed", section=s.name)
        if s.flags & elf.SHF_WRITE and s.flags & elf.SHF_EXECINSTR:
            raise self.fail("both writable and executable", section=s.name)
        if s.size and (
            s.type in _CONSTRUCTOR_TYPES
            or s.name in _CONSTRUCTORS
            or s.name.startswith(tuple(f"{name}." for name in _CONSTRUCTORS))
        ):
            raise self.fail(
                "constructors would never be run",
                section=s.name,
                hint="remove __attribute__((constructor)), C++ statics and "
                "-fsanitize= flags",
            )

    def symbol_table(
        self, sections: Sequence[Section]
    ) -> tuple[Section, tuple[int, int]]:
        """The one symbol table and the place of its strings."""
        tables = [s for s in sections if s.type == elf.SHT_SYMTAB]
        if any(s.type == elf.SHT_SYMTAB_SHNDX for s in sections):
            raise self.fail("more sections than a symbol can name")
        if len(tables) != 1:
            what = f"{len(tables)} symbol tables" if tables else "no symbol table"
            raise self.fail(f"{what}; one is needed", hint="don't strip symbols")
        table = tables[0]
        size = len(self.data)
        if (
            table.entsize != elf.SYM.size
            or table.size % elf.SYM.size
            or table.offset > size
            or table.size > size - table.offset
            or table.info > table.size // elf.SYM.size
        ):
            raise self.fail("malformed symbol table", section=table.name)
        if table.link >= len(sections):
            raise self.fail("string table has a wrong index", section=table.name)
        strings = sections[table.link]
        if (
            strings.type != elf.SHT_STRTAB
            or strings.offset > size
            or strings.size > size - strings.offset
        ):
            raise self.fail("not a usable string table", section=strings.name)
        return table, (strings.offset, strings.size)

    def relocation_tables(
        self, sections: Sequence[Section], symtab: Section
    ) -> tuple[Relocations, ...]:
        tables = []
        for s in sections:
            if s.type not in (elf.SHT_RELA, elf.SHT_REL):
                continue
            if s.info >= len(sections):
                raise self.fail(f"patches section {s.info}, which is not there",
                                section=s.name)  # fmt: skip
            target = sections[s.info]
            if not target.loaded:
                continue
            if s.type == elf.SHT_REL:
                raise self.fail("relocations without addends", section=s.name)
            if (
                s.entsize != elf.RELA.size
                or s.size % elf.RELA.size
                or s.offset > len(self.data)
                or s.size > len(self.data) - s.offset
            ):
                raise self.fail("malformed relocation table", section=s.name)
            if s.link != symtab.index:
                raise self.fail("uses another symbol table", section=s.name)
            if target.type == elf.SHT_NOBITS and s.size:
                raise self.fail("patches a section without contents", section=s.name)
            tables.append(
                Relocations(s.index, s.info, s.offset, s.size // elf.RELA.size)
            )
        return tuple(tables)

    def read(self) -> ObjectFile:
        sections = self.section_table()
        self.check_loaded(sections)
        symtab, strings = self.symbol_table(sections)
        tables = self.relocation_tables(sections, symtab)
        count = symtab.size // elf.SYM.size
        found = self.stored_globals(sections, count)
        if found is None:
            found = self.global_symbols(sections, symtab, strings)
        return ObjectFile(
            self.name,
            self.data,
            sections,
            tables,
            symtab.offset,
            count,
            strings,
            found.defined,
            found.hidden,
            found.undefined,
            frozenset(found.weak),
            {},
        )

    def stored_globals(
        self, sections: Sequence[Section], count: int
    ) -> _Globals | None:
        """What GLOBALS of a shipped image says, if that is plausible.

        It is checked no further than that using it does no harm: indexes are
        inside the symbol table, and C judges each symbol by its own record.
        """
        for section in sections:
            if section.name == GLOBALS:
                start, end = section.offset, section.offset + section.size
                if end > len(self.data):
                    return None
                return _unpack_globals(self.data[start:end], count)
        return None

    def global_symbols(
        self, sections: Sequence[Section], symtab: Section, strings: tuple[int, int]
    ) -> _Globals:
        """Sort global symbols into defined, hidden, undefined and weak."""
        found = _Globals()
        start, size = strings
        # One character a byte, so that offsets stay; names are ASCII in practice.
        names = self.data[start : start + size].decode("latin-1")
        first = symtab.offset + symtab.info * elf.SYM.size
        raw = memoryview(self.data)[first : symtab.offset + symtab.size]
        for index, (noff, info, other, shndx, value, _) in enumerate(
            elf.SYM.iter_unpack(raw), symtab.info
        ):
            end = names.find("\0", noff)
            if end < 0:
                raise self.fail(f"symbol {index} has a name outside the string table")
            name = names[noff:end]
            if shndx == elf.SHN_UNDEF:
                if not name:
                    raise self.fail(f"symbol {index} is undefined and has no name")
                found.undefined[name] = index
                if info >> 4 == elf.STB_WEAK:
                    found.weak.add(name)
            elif shndx == elf.SHN_COMMON:
                found.common.append(name)
            elif info >> 4 != elf.STB_LOCAL:
                self.check_symbol(sections, name, info & 15, shndx, value)
                if name in found.defined or name in found.hidden:
                    raise self.fail("defined twice", symbol=name)
                hidden = other & 3 in (elf.STV_INTERNAL, elf.STV_HIDDEN)
                (found.hidden if hidden else found.defined)[name] = index
        if found.common and found.common[0].startswith("__gnu_lto_"):
            raise self.fail("holds no code yet", hint="compile with -fno-lto")
        if found.common:
            raise self.fail(
                f"COMMON symbols have no place: {', '.join(sorted(found.common))}",
                symbol=found.common[0] if len(found.common) == 1 else None,
                hint=hints.COMMON,
            )
        return found

    def check_symbol(
        self, sections: Sequence[Section], name: str, kind: int, shndx: int, value: int
    ) -> None:
        if kind == elf.STT_TLS:
            raise self.fail("thread-local symbol", symbol=name, hint=hints.NO_TLS)
        if kind == elf.STT_GNU_IFUNC:
            raise self.fail("indirect function (ifunc) is not supported", symbol=name)
        if shndx == elf.SHN_ABS:
            return
        if shndx >= len(sections):
            raise self.fail(f"lies in section {shndx}, which is not there", symbol=name)
        section = sections[shndx]
        if value > section.size:
            raise self.fail(
                f"offset {value:#x} lies beyond the section's {section.size:#x} bytes",
                section=section.name,
                symbol=name,
            )


def pack_globals(obj: ObjectFile) -> bytes:
    """The contents of GLOBALS for an object."""
    groups = (obj.defined, obj.hidden, obj.undefined, dict.fromkeys(obj.weak, 0))
    names = "\0".join(name for group in groups for name in group).encode()
    indexes = [index for group in groups for index in group.values()]
    head = _GLOBALS.pack(_GLOBALS_MAGIC, *map(len, groups), len(names))
    return head + struct.pack(f"<{len(indexes)}I", *indexes) + names


def _unpack_globals(data: bytes, count: int) -> _Globals | None:
    """Read pack_globals()'s output; None if it is not that."""
    if len(data) < _GLOBALS.size:
        return None
    magic, *lengths, size = _GLOBALS.unpack_from(data)
    total = sum(lengths)
    at = _GLOBALS.size + 4 * total
    if magic != _GLOBALS_MAGIC or at + size > len(data):
        return None
    indexes = memoryview(data[_GLOBALS.size : at]).cast("I").tolist()
    names = data[at : at + size].decode("latin-1").split("\0") if size else []
    if len(names) != total or (total and max(indexes) >= count):
        return None
    found = _Globals()
    tables: list[dict[str, int]] = []
    at = 0
    for length in lengths:
        end = at + length
        tables.append(dict(zip(names[at:end], indexes[at:end], strict=True)))
        at = end
    found.defined, found.hidden, found.undefined, weak = tables
    found.weak = set(weak)
    return found


def read(data: bytes, name: str) -> ObjectFile:
    """Parse and check a relocatable object.

    Args:
        data: the whole file.
        name: what messages call it, normally its path.

    Raises:
        LinkError: for anything that is not a linkable amd64 object.
    """
    return _Reader(data, name).read()
