# SPDX-License-Identifier: BSD-2-Clause
"""Line numbers of a relocatable object, read by pyelftools when first asked for.

This is the only importer of elftools, whose import costs more than a whole
boot.  A line program is decoded only when an address of one of its sequences is
looked up: where sequences start is known from the relocations of .debug_line.

Addresses here are section index << 32 plus offset, which needs no placement.
"""

from __future__ import annotations

import inspect
import io
import os.path
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rumpy.linker import elf
from rumpy.linker.reader import ObjectFile, Section

SHIFT: Final = 32
MAX_DEBUG: Final = 512 << 20
_CHDR = struct.Struct("<IIQQ")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a line table: from this address on, this line; None ends it."""

    address: int
    file: str | None
    line: int


def _contents(obj: ObjectFile, section: Section) -> bytearray:
    """A debug section's bytes, decompressed; raises ValueError."""
    end = section.offset + section.size
    if section.type == elf.SHT_NOBITS or end > len(obj.data):
        raise ValueError(f"{section.name} has no contents")
    raw = obj.data[section.offset : end]
    if not section.flags & elf.SHF_COMPRESSED:
        return bytearray(raw)
    kind, _, size, _ = _CHDR.unpack_from(raw)
    if kind != 1 or size > MAX_DEBUG:
        raise ValueError(f"{section.name} is compressed in an unknown way")
    unpacker = zlib.decompressobj()
    return bytearray(unpacker.decompress(raw[_CHDR.size :], size))


def _relocations(obj: ObjectFile, target: int) -> Iterator[tuple[int, int, int, int]]:
    """(offset, type, symbol, addend) of a debug section's relocations."""
    for section in obj.sections:
        if section.type != elf.SHT_RELA or section.info != target:
            continue
        end = min(section.offset + section.size, len(obj.data))
        end -= (end - section.offset) % elf.RELA.size
        if end > section.offset:
            yield from elf.RELA.iter_unpack(memoryview(obj.data)[section.offset : end])


def _symbol_address(obj: ObjectFile, index: int) -> int:
    if index >= obj.symbol_count:
        return 0
    _, _, _, shndx, value, _ = elf.SYM.unpack_from(
        obj.data, obj.symtab + index * elf.SYM.size
    )
    if shndx >= len(obj.sections) or not obj.sections[shndx].loaded:
        return int(value)
    return (int(shndx) << SHIFT) + int(value)


@dataclass(slots=True)
class DwarfLines:
    """Line numbers of one object.

    A damaged .debug_line makes addresses have no line; it is never an error.
    """

    _info: Any
    _structs: Any
    _starts: list[tuple[int, int]]
    _programs: dict[int, list[Row]] = field(default_factory=dict)

    @classmethod
    def of(cls, obj: ObjectFile) -> DwarfLines | None:
        """Prepare the tables; None if the object has no usable line numbers."""
        sections = {s.name: s for s in obj.sections}
        if ".debug_line" not in sections:
            return None
        try:
            return cls._build(obj, sections)
        except (ValueError, struct.error, zlib.error):
            return None

    @classmethod
    def _build(cls, obj: ObjectFile, sections: Mapping[str, Section]) -> DwarfLines:
        from elftools.dwarf.dwarfinfo import (
            DebugSectionDescriptor,
            DwarfConfig,
            DWARFInfo,
        )
        from elftools.dwarf.structs import DWARFStructs

        line = sections[".debug_line"]
        data = _contents(obj, line)
        programs = _program_offsets(data)
        starts = []
        for offset, kind, symbol, addend in _relocations(obj, line.index):
            value = _symbol_address(obj, symbol) + addend
            if kind == elf.R_X86_64_64 and offset + 8 <= len(data):
                struct.pack_into("<q", data, offset, value)
                at = bisect_right(programs, offset) - 1
                if at >= 0:
                    starts.append((value, programs[at]))
            elif kind == elf.R_X86_64_32 and offset + 4 <= len(data):
                struct.pack_into("<I", data, offset, value & 0xFFFFFFFF)
        starts.sort()

        def describe(name: str, contents: bytes | bytearray) -> Any:
            return DebugSectionDescriptor(
                io.BytesIO(contents), name, 0, len(contents), 0
            )

        given = {"debug_line_sec": describe(".debug_line", data)}
        for name in (".debug_line_str", ".debug_str"):
            if name in sections:
                given[f"{name[1:]}_sec"] = describe(
                    name, _contents(obj, sections[name])
                )
        names = list(inspect.signature(DWARFInfo.__init__).parameters)[2:]
        config = DwarfConfig(
            little_endian=True, machine_arch="x64", default_address_size=8
        )
        info = DWARFInfo(config, **{name: given.get(name) for name in names})
        structs = DWARFStructs(
            little_endian=True, dwarf_format=32, address_size=8, dwarf_version=5
        )
        return cls(info, structs, starts)

    def find(self, section: int, offset: int) -> tuple[str, int] | None:
        """File and line of an offset in a section, or None."""
        address = (section << SHIFT) + offset
        at = bisect_right(self._starts, (address, MAX_DEBUG)) - 1
        if at < 0:
            return None
        rows = self._rows(self._starts[at][1])
        return find_row(rows, address)

    def rows(self) -> list[Row]:
        """Every row of the object in order of address."""
        found: list[Row] = []
        for program in sorted({offset for _, offset in self._starts}):
            found += self._rows(program)
        return sorted(found, key=lambda row: (row.address, row.file is not None))

    def _rows(self, program: int) -> list[Row]:
        rows = self._programs.get(program)
        if rows is None:
            try:
                rows = self._decode(program)
            except Exception:
                # elftools raises whatever it trips over in a damaged program.
                rows = []
            self._programs[program] = rows
        return rows

    def _decode(self, program: int) -> list[Row]:
        decoded = self._info._parse_line_program_at_offset(program, self._structs)
        files = _file_names(decoded.header)
        rows = []
        for entry in decoded.get_entries():
            state = entry.state
            if state is None:
                continue
            name = None if state.end_sequence else files.get(state.file, "?")
            rows.append(Row(state.address, name, state.line))
        # At one address the end of a sequence comes before the next one's start.
        rows.sort(key=lambda row: (row.address, row.file is not None))
        return rows


def find_row(rows: list[Row], address: int) -> tuple[str, int] | None:
    """The row in force at an address."""
    at = bisect_right(rows, address, key=lambda row: row.address) - 1
    if at < 0 or rows[at].address >> SHIFT != address >> SHIFT:
        return None
    file = rows[at].file
    return None if file is None else (file, rows[at].line)


def _program_offsets(data: bytes | bytearray) -> list[int]:
    """Where the line programs of .debug_line start."""
    offsets = []
    at = 0
    while at + 4 <= len(data):
        (length,) = struct.unpack_from("<I", data, at)
        if length >= 0xFFFFFFF0 or length == 0:
            break
        offsets.append(at)
        at += 4 + length
    return offsets


def _file_names(header: Any) -> dict[int, str]:
    """File number -> path as the compiler wrote it."""

    def text(name: bytes | str) -> str:
        return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)

    names = {}
    if header.version >= 5:
        folders = [text(entry.DW_LNCT_path) for entry in header.directories]
        files = [
            (entry.DW_LNCT_path, entry.get("DW_LNCT_directory_index", 0))
            for entry in header.file_names
        ]
        first = 0
    else:
        folders = ["", *(text(name) for name in header.include_directory)]
        files = [(entry.name, entry.dir_index) for entry in header.file_entry]
        first = 1
    for number, (name, folder) in enumerate(files, first):
        path = text(name)
        if 0 < folder < len(folders):
            path = os.path.join(folders[folder], path)
        names[number] = path
    return names
