# SPDX-License-Identifier: BSD-2-Clause
"""What the linker needs of its host: a seam, and its native implementation."""

from __future__ import annotations

import os
import struct

from rumpy.errors import LinkError
from rumpy.linker import elf, hints
from rumpy.linker.layout import SEGMENTS, Layout
from rumpy.linker.reader import ObjectFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import dataclass
    from typing import Any, Protocol
else:
    from rumpy.records import dataclass

    Protocol = object


class LinkHost(Protocol):
    """Memory below 2 GiB, and the addresses of what a kernel may call.

    Addresses and sizes are bytes, page aligned where memory is mapped.
    """

    @property
    def slab(self) -> tuple[int, int]:
        """Address and size of the window for writable sections."""

    @property
    def pages(self) -> tuple[int, int]:
        """Address and size of the range for text and read-only data."""

    def hypercalls(self) -> Mapping[str, int]:
        """The names a kernel image may leave undefined, with addresses."""

    def map(self, address: int, size: int) -> None:
        """Map private writable pages inside the range for them."""

    def seal(self, address: int, size: int, *, executable: bool) -> None:
        """End writing; an image has one executable range at most."""

    def unmap(self, address: int, size: int) -> None:
        """Undo map()."""

    def write(self, address: int, data: bytes) -> None:
        """Store bytes into mapped memory."""

    def read(self, address: int, size: int) -> bytes:
        """Fetch bytes of mapped memory."""

    def clear(self, address: int, size: int) -> None:
        """Zero a range of the slab and give its pages back."""


@dataclass(frozen=True, slots=True)
class Place:
    """One relocation as found by Job.find()."""

    type: int
    symbol: int
    addend: int


_MESSAGES = {
    2: "relocation type is not supported",
    3: "relocation names symbol {symbol}, which is not in the symbol table",
    5: "relocation at {offset:#x} lies outside its section",
    6: "a table lies outside the file",
    7: "section lies outside its segment",
}


class Job:
    """The C side's view of one object: copy, values, relocate, find.

    The buffers passed to C live as long as this object.
    """

    def __init__(self, obj: ObjectFile, layout: Layout) -> None:
        from rumpy._hyp import ffi, lib

        self._ffi = ffi
        self._lib = lib
        self._obj = obj
        self.values = bytearray(8 * obj.symbol_count)
        tables = obj.memo.get("tables")
        if tables is None:
            tables = obj.memo["tables"] = b"".join(
                struct.pack("<QII", t.offset, t.count, t.target)
                for t in obj.relocations
            )
        self._segments = ffi.new("struct hyp_link_segment[]", len(SEGMENTS))
        self._keep = [
            ffi.from_buffer(obj.data),
            ffi.from_buffer("struct hyp_link_section[]", layout.table),
            ffi.from_buffer("struct hyp_link_table[]", tables),
            ffi.from_buffer("uint64_t[]", self.values),
        ]
        self._error = ffi.new("struct hyp_link_error *")
        image = ffi.new("struct hyp_link_image *")
        image.file = self._keep[0]
        image.file_size = len(obj.data)
        image.segments = self._segments
        image.sections = self._keep[1]
        image.tables = self._keep[2]
        image.values = self._keep[3]
        image.symtab = obj.symtab
        image.nsegments = len(SEGMENTS)
        image.nsections = len(obj.sections)
        image.ntables = len(obj.relocations)
        image.nsymbols = obj.symbol_count
        self._image = image

    def place(self, addresses: tuple[int, int, int], sizes: tuple[int, ...]) -> None:
        """Say where the segments are mapped."""
        for i, (address, size) in enumerate(zip(addresses, sizes, strict=True)):
            self._segments[i].address = address
            self._segments[i].size = size

    def copy(self) -> None:
        """Copy all contents to their places."""
        self._check(self._lib.hyp_link_copy(self._image, self._error))

    def compute_values(self) -> memoryview:
        """Every symbol's value; those without one hold a HYP_LINK_ mark."""
        self._check(self._lib.hyp_link_values(self._image, self._error))
        return memoryview(self.values).cast("Q")

    def relocate(self) -> None:
        """Patch all places.

        Raises:
            LinkError: names section, symbol, type and what was wrong.
        """
        self._check(self._lib.hyp_link_relocate(self._image, self._error))

    def find(self, section: int, offset: int) -> Place | None:
        """The relocation at an offset of a section."""
        found = self._ffi.new("struct hyp_link_found *")
        if not self._lib.hyp_link_find(self._image, section, offset, found):
            return None
        return Place(found.type, found.symbol, found.addend)

    def uses(self, symbol: int, kind: int) -> bool:
        """Whether a relocation of that type against the symbol exists."""
        return bool(self._lib.hyp_link_uses(self._image, symbol, kind))

    def _check(self, code: int) -> None:
        if code:
            raise self._describe(code)

    def _describe(self, code: int) -> LinkError:
        obj, lib, error = self._obj, self._lib, self._error
        if code in (lib.HYP_LINK_ETABLE, lib.HYP_LINK_ESECTION):
            known = error.table < len(obj.sections)
            return LinkError(
                _MESSAGES[code],
                file=obj.name,
                section=obj.sections[error.table].name if known else None,
            )
        table = obj.relocations[error.table]
        name = obj.symbol_name(error.symbol)
        message = _MESSAGES.get(code, "").format(
            symbol=error.symbol, offset=error.offset
        )
        hint = hints.for_relocation(error.type)
        if code == lib.HYP_LINK_EOVERFLOW:
            value = int(self._ffi.cast("int64_t", error.value))
            message = f"value {value:#x} does not fit at offset {error.offset:#x}"
            hint = hint or hints.CODE_MODEL
        elif code == lib.HYP_LINK_EVALUE:
            message, hint = self._no_value(error.value, name)
        return LinkError(
            message,
            file=obj.name,
            section=obj.sections[table.target].name,
            symbol=name if code != lib.HYP_LINK_ESYMBOL else None,
            type=elf.relocation_name(error.type),
            hint=hint,
        )

    def _no_value(self, mark: int, name: str) -> tuple[str, str | None]:
        if mark == self._lib.HYP_LINK_UNDEFINED:
            return "the symbol is undefined", hints.for_symbol(name)
        if mark == self._lib.HYP_LINK_UNLOADED:
            return "refers to a section that is not loaded", None
        return "the symbol lies outside its section", None


class NativeHost:
    """LinkHost over a `struct hyp_memory *` of the extension module.

    Args:
        memory: the cdata pointer.
        hypercalls: name -> address of what the kernel may leave undefined.
    """

    def __init__(self, memory: Any, *, hypercalls: Mapping[str, int]) -> None:
        from rumpy._hyp import ffi, lib

        self._ffi = ffi
        self._lib = lib
        self._memory = memory
        self._hypercalls = hypercalls
        geometry = ffi.new("struct hyp_memory_config *")
        lib.hyp_memory_geometry(memory, geometry)
        size = int(geometry.low_size) - int(geometry.slab_size)
        self._pages = (int(geometry.low_base), size)
        self._slab = (int(geometry.low_base) + size, int(geometry.slab_size))

    @property
    def slab(self) -> tuple[int, int]:
        return self._slab

    @property
    def pages(self) -> tuple[int, int]:
        return self._pages

    def hypercalls(self) -> Mapping[str, int]:
        return self._hypercalls

    def map(self, address: int, size: int) -> None:
        self._check(self._lib.hyp_image_map(self._memory, address, size), "map")

    def seal(self, address: int, size: int, *, executable: bool) -> None:
        self._check(
            self._lib.hyp_image_seal(self._memory, address, size, executable), "seal"
        )

    def unmap(self, address: int, size: int) -> None:
        self._check(self._lib.hyp_image_unmap(self._memory, address, size), "unmap")

    def write(self, address: int, data: bytes) -> None:
        self._ffi.memmove(self._ffi.cast("char *", address), data, len(data))

    def read(self, address: int, size: int) -> bytes:
        pointer = self._ffi.cast("char *", address)
        return bytes(self._ffi.buffer(pointer, size))

    def clear(self, address: int, size: int) -> None:
        self._check(self._lib.hyp_slab_clear(self._memory, address, size), "clear")

    @staticmethod
    def _check(error: int, what: str) -> None:
        if error:
            raise OSError(error, f"{what} image pages: {os.strerror(error)}")
