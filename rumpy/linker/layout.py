# SPDX-License-Identifier: BSD-2-Clause
"""Decides where in an image each section of an object goes.

An image has three segments: text (read, execute), rodata (read) and data (read,
write); none is ever writable and executable.  Text and rodata are mapped as one
run of pages of the image's own; data goes into the kernel's slab, so that a
snapshot finds everything that can change in one place.
"""

from __future__ import annotations

import struct

from rumpy.linker import elf
from rumpy.linker.reader import ObjectFile, Section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from dataclasses import dataclass
    from typing import Final
else:
    from rumpy.records import dataclass

TEXT: Final = 0
RODATA: Final = 1
DATA: Final = 2
SEGMENTS: Final = ("text", "rodata", "data")
NOWHERE: Final = 0xFFFFFFFF

_SECTION = struct.Struct("<QQQQII")


def align_up(value: int, alignment: int) -> int:
    """The next multiple of a power of two; 0 and 1 mean no alignment."""
    return value if alignment <= 1 else (value + alignment - 1) & -alignment


@dataclass(frozen=True, slots=True)
class Layout:
    """Offsets within segments.

    Attributes:
        places: section index -> (segment, offset).
        sizes: bytes of each segment.
        aligns: what each segment's address must be a multiple of.
        table: struct hyp_link_section for every section, for the C side.
    """

    places: dict[int, tuple[int, int]]
    sizes: tuple[int, int, int]
    aligns: tuple[int, int, int]
    table: bytes


def segment_of(section: Section) -> int:
    """Which segment a loaded section belongs to."""
    if section.flags & elf.SHF_EXECINSTR:
        return TEXT
    return DATA if section.flags & elf.SHF_WRITE else RODATA


def _order(sections: Iterable[Section]) -> list[Section]:
    """File order, but what has no contents last, so that data stays compact."""
    loaded = [s for s in sections if s.loaded]
    return sorted(loaded, key=lambda s: (s.type == elf.SHT_NOBITS, s.index))


def lay_out(obj: ObjectFile) -> Layout:
    """Give every loaded section its segment and offset."""
    layout: Layout | None = obj.memo.get("layout")
    if layout is None:
        layout = obj.memo["layout"] = _lay_out(obj)
    return layout


def _lay_out(obj: ObjectFile) -> Layout:
    places: dict[int, tuple[int, int]] = {}
    sizes = [0, 0, 0]
    aligns = [16, 16, 16]
    for section in _order(obj.sections):
        segment = segment_of(section)
        offset = align_up(sizes[segment], section.align)
        places[section.index] = (segment, offset)
        sizes[segment] = offset + section.size
        aligns[segment] = max(aligns[segment], section.align)
    table = bytearray()
    for section in obj.sections:
        segment, offset = places.get(section.index, (NOWHERE, 0))
        contents = 0 if section.type == elf.SHT_NOBITS else section.size
        table += _SECTION.pack(
            section.offset, contents, offset, section.size, segment, 0
        )
    return Layout(
        places,
        (sizes[0], sizes[1], sizes[2]),
        (aligns[0], aligns[1], aligns[2]),
        bytes(table),
    )
