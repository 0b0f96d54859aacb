# SPDX-License-Identifier: BSD-2-Clause
"""Turns addresses into module, function, file and line.

Tables are sorted and line numbers read when the first address of an image is
asked for: a kernel that never panics pays for none of it.
"""

from __future__ import annotations

import os
import struct

from rumpy.errors import Frame, LinkError
from rumpy.linker import elf
from rumpy.linker.reader import ObjectFile, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import dataclass
    from typing import Protocol

    Source = str | os.PathLike[str] | bytes
else:
    from rumpy.records import dataclass

    Protocol = object


class LineSource(Protocol):
    """Line numbers of one object, by section index and offset."""

    def find(self, section: int, offset: int) -> tuple[str, int] | None:
        """File and line, or None."""


# A file up to this size is kept by the linker anyway (link.read_object).
_KEEP_WHOLE = 1 << 20
_CODE_TYPES = (elf.STT_NOTYPE, elf.STT_FUNC)


@dataclass(frozen=True, slots=True)
class _Function:
    address: int
    size: int
    name: str


@dataclass()
class SymbolTable:
    """What is kept of an image for symbolizing.

    Attributes:
        module: "kernel" or the module's name.
        bases: section index -> address and size in memory.
        text: section indexes that hold code.
    """

    module: str
    bases: Mapping[int, tuple[int, int]]
    text: frozenset[int]
    _data: bytes
    _symtab: tuple[int, int]
    _strtab: tuple[int, int]
    _source: Source
    _identity: tuple[int, int] | None
    _functions: list[_Function] | None = None
    _lines: LineSource | None = None
    _lines_known: bool = False

    @classmethod
    def of(
        cls,
        obj: ObjectFile,
        module: str,
        bases: Mapping[int, tuple[int, int]],
        source: Source,
    ) -> SymbolTable:
        """Keep of an object what is needed later."""
        start, size = obj.strings
        data, symtab = obj.data, obj.symtab
        length = obj.symbol_count * elf.SYM.size
        if len(data) > _KEEP_WHOLE:
            data = data[symtab : symtab + length] + data[start : start + size]
            symtab, start = 0, length
        return cls(
            module,
            bases,
            frozenset(i for i in bases if obj.sections[i].flags & elf.SHF_EXECINSTR),
            data,
            (symtab, length),
            (start, size),
            source,
            _identity(source),
        )

    def section(self, address: int) -> tuple[int, int] | None:
        """Section index and offset of an address, or None."""
        for index, (base, size) in self.bases.items():
            if base <= address < base + size:
                return index, address - base
        return None

    def function(self, address: int) -> tuple[str, int] | None:
        """Name of the function around an address, and the offset in it."""
        from bisect import bisect_right

        if self._functions is None:
            self._functions = self._sorted_functions()
        functions = self._functions
        at = bisect_right(functions, address, key=lambda f: f.address) - 1
        if at < 0:
            return None
        found = functions[at]
        offset = address - found.address
        if found.size and offset >= found.size:
            return None
        here = self.section(address)
        if here is None or self.bases[here[0]][0] > found.address:
            return None
        return found.name, offset

    def functions(self) -> list[tuple[int, int, str]]:
        """Address, size and name of each function, by address."""
        if self._functions is None:
            self._functions = self._sorted_functions()
        return [(f.address, f.size, f.name) for f in self._functions]

    def line(self, section: int, offset: int) -> tuple[str, int] | None:
        """File and line of code."""
        if not self._lines_known:
            self._lines_known = True
            self._lines = self._read_lines()
        return None if self._lines is None else self._lines.find(section, offset)

    def _sorted_functions(self) -> list[_Function]:
        found = []
        start, size = self._strtab
        strings = self._data[start : start + size]
        start, size = self._symtab
        symbols = memoryview(self._data)[start : start + size]
        for noff, info, _, shndx, value, size in elf.SYM.iter_unpack(symbols):
            if info & 15 not in _CODE_TYPES or shndx not in self.text:
                continue
            end = strings.find(b"\0", noff)
            name = strings[noff:end].decode("utf-8", "replace")
            if name and not name.startswith(".L"):
                found.append(_Function(self.bases[shndx][0] + value, size, name))
        # At one address a sized symbol (a function) wins over a label.
        found.sort(key=lambda f: (f.address, f.size != 0))
        return found

    def _read_lines(self) -> LineSource | None:
        source = self._source
        if not isinstance(source, bytes):
            if _identity(source) != self._identity:
                return None
            try:
                with open(source, "rb") as file:
                    source = file.read()
            except OSError:
                return None
        from rumpy.linker.prelink import line_table

        try:
            obj = read(source, self.module)
        except LinkError:
            return None
        table = line_table(obj)
        if table is not None:
            return table
        try:
            from rumpy.linker.dwarf import DwarfLines
        except ImportError:
            return None
        return DwarfLines.of(obj)


def _identity(source: Source) -> tuple[int, int] | None:
    """What changes when the file does: modification time and size."""
    if isinstance(source, bytes):
        return None
    try:
        status = os.stat(source)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


class Symbolizer:
    """Resolves addresses of everything one linker has loaded."""

    def __init__(self) -> None:
        self._tables: dict[str, SymbolTable] = {}

    def add(self, table: SymbolTable) -> None:
        """Know an image from now on."""
        self._tables[table.module] = table

    def remove(self, module: str) -> None:
        """Forget an unloaded module."""
        self._tables.pop(module, None)

    def snapshot(self) -> dict[str, SymbolTable]:
        """The images that are known now."""
        return dict(self._tables)

    def restore(self, tables: dict[str, SymbolTable]) -> None:
        """Know these, and no others."""
        self._tables = dict(tables)

    def resolve(self, address: int, *, caller: bool = False) -> Frame:
        """Describe an address.

        Args:
            address: absolute.
            caller: whether it is a return address: the line is then that of
                the call, one byte before.

        Returns:
            A frame; its module is None where no image covers the address.
        """
        probe = address - 1 if caller else address
        for table in list(self._tables.values()):
            where = table.section(probe)
            if where is None:
                continue
            name, offset = table.function(probe) or (None, 0)
            try:
                line = table.line(*where) if where[0] in table.text else None
            except (ValueError, struct.error):
                line = None
            return Frame(
                address,
                name,
                offset + (address - probe) if name else 0,
                table.module,
                line[0] if line else None,
                line[1] if line else None,
            )
        return Frame(address)
