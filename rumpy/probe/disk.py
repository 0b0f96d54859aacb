# SPDX-License-Identifier: BSD-2-Clause
"""Partition tables of whole disks: MBR, GPT and BSD disklabels."""

from __future__ import annotations

from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.probe.source import Source

SECTOR = 512
_MBR = Struct("<B3sB3sII")
_GPT_HEAD = Struct("<8sIIIIQQQQ16sQIII")
_GPT_ENTRY = Struct("<16s16sQQQ72s")
_LABEL_MAGIC = 0x82564557
_PARTITION = Struct("<IIIBBH")

_MBR_TYPES = {
    0x01: "FAT12", 0x04: "FAT16", 0x05: "extended", 0x06: "FAT16", 0x07: "NTFS/exFAT",
    0x0B: "FAT32", 0x0C: "FAT32", 0x0E: "FAT16", 0x0F: "extended", 0x82: "Linux swap",
    0x83: "Linux", 0x8E: "Linux LVM", 0xA5: "FreeBSD", 0xA6: "OpenBSD",
    0xA9: "NetBSD", 0xEE: "GPT", 0xEF: "EFI",
}  # fmt: skip
_LABEL_TYPES = {
    0: "unused", 1: "swap", 7: "4.2BSD FFS", 8: "MSDOS", 9: "LFS", 17: "ext2",
    19: "RAID", 27: "cgd",
}  # fmt: skip


class Partition:
    """One partition.

    Attributes:
        number: as the table counts, from 1; 0 for a disklabel's letters.
        name: number as text, or the letter.
        offset, size: bytes, from the start of the image.
        type: what the table says it is.
        contents: file system found in it, or None.
    """

    def __init__(
        self, number: int, name: str, offset: int, size: int, type: str
    ) -> None:
        self.number = number
        self.name = name
        self.offset = offset
        self.size = size
        self.type = type
        self.contents: str | None = None


def partitions(source: Source) -> tuple[str, list[Partition]] | None:
    """What table there is, and its partitions; None where there is none."""
    text, found = "a disk with a GPT", _gpt(source)
    if not found:
        text, found = "a disk with an MBR", _mbr(source)
    if not found:
        text, found = "a disk with a BSD disklabel", _label(source, 0)
    if not found:
        return None
    inner = []
    for part in found:
        if part.type in ("NetBSD", "OpenBSD", "FreeBSD"):
            inner += _label(source, part.offset - source.offset)
    for part in (found := found + inner):
        _look_inside(source, part)
    return text, found


def _look_inside(source: Source, part: Partition) -> None:
    from rumpy.probe.ffs import find
    from rumpy.probe.formats import other_filesystem

    with source.part(part.offset - source.offset, part.size) as stretch:
        superblock = find(stretch)
        if superblock is not None:
            part.contents = superblock.flavour
            return
        other = other_filesystem(stretch)
        part.contents = other[1] if other else None


def _mbr(source: Source) -> list[Partition]:
    head = source.at(0, SECTOR)
    if len(head) < SECTOR or head[510:] != b"\x55\xaa":
        return []
    found = []
    for index in range(4):
        entry = _MBR.unpack_from(head, 446 + 16 * index)
        status, kind, start, count = entry[0], entry[2], entry[4], entry[5]
        if status not in (0, 0x80):
            return []
        if kind and count:
            found.append(
                _made(
                    source, index + 1, start, count, _MBR_TYPES.get(kind, f"{kind:#x}")
                )
            )
            if kind in (0x05, 0x0F):
                found += _logical(source, start)
    return found


def _logical(source: Source, base: int) -> list[Partition]:
    """The chain of logical partitions; a loop ends it."""
    found: list[Partition] = []
    at, seen = base, set()
    while at not in seen and len(found) < 60:
        seen.add(at)
        head = source.at(at * SECTOR, SECTOR)
        if len(head) < SECTOR or head[510:] != b"\x55\xaa":
            break
        first = _MBR.unpack_from(head, 446)
        if first[2] and first[5]:
            kind = _MBR_TYPES.get(first[2], f"{first[2]:#x}")
            found.append(_made(source, 5 + len(found), at + first[4], first[5], kind))
        following = _MBR.unpack_from(head, 462)
        if not following[2]:
            break
        at = base + following[4]
    return found


def _made(source: Source, number: int, start: int, count: int, kind: str) -> Partition:
    return Partition(
        number, str(number), source.offset + start * SECTOR, count * SECTOR, kind
    )


def _gpt(source: Source) -> list[Partition]:
    head = source.fields(_GPT_HEAD, SECTOR)
    if head is None or head[0] != b"EFI PART":
        return []
    where, count, size = head[10], head[11], head[12]
    if size < _GPT_ENTRY.size or count > 1024:
        return []
    found = []
    for index in range(count):
        entry = source.fields(_GPT_ENTRY, where * SECTOR + index * size)
        if entry is None:
            break
        if any(entry[0]):
            name = entry[5].decode("utf-16-le", "replace").rstrip("\0")
            kind = _GUIDS.get(entry[0].hex(), name or "GPT partition")
            length = entry[3] - entry[2] + 1
            found.append(_made(source, index + 1, entry[2], length, kind))
    return found


#: GPT type GUIDs as they lie on disk.
_GUIDS = {
    "5a2df449b10edc11b99b0019d1879648": "NetBSD FFS",
    "582df449b10edc11b99b0019d1879648": "NetBSD LFS",
    "b67d6e51cf6ed6118ff800022d09712b": "FreeBSD UFS",
    "b57d6e51cf6ed6118ff800022d09712b": "FreeBSD swap",
    "af3dc60f838472478e793d69d8477de4": "Linux",
    "28732ac11ff8d211ba4b00a0c93ec93b": "EFI",
}


def _label(source: Source, base: int) -> list[Partition]:
    """A BSD disklabel: in the second sector, or in the first at 0 or 64."""
    for offset in (SECTOR, 0, 64):
        raw = source.at(base + offset, 404)
        if len(raw) < 404:
            continue
        for endian, order in (("little", "<"), ("big", ">")):
            magics = [int.from_bytes(raw[at : at + 4], endian) for at in (0, 132)]  # type: ignore[arg-type]
            if magics == [_LABEL_MAGIC, _LABEL_MAGIC]:
                return _label_entries(source, raw, order)
    return []


def _label_entries(source: Source, raw: bytes, order: str) -> list[Partition]:
    secsize, count = (
        Struct(order + "I").unpack_from(raw, 40)[0],
        Struct(order + "H").unpack_from(raw, 138)[0],
    )
    layout = Struct(order + _PARTITION.format[1:])
    found = []
    for index in range(min(count, 16)):
        size, start, _, kind, _, _ = layout.unpack_from(raw, 148 + 16 * index)
        # "c" and "d" traditionally are the slice and the whole disk.
        if size and kind:
            part = Partition(
                0,
                chr(ord("a") + index),
                source.offset + start * secsize,
                size * secsize,
                _LABEL_TYPES.get(kind, f"type {kind}"),
            )
            found.append(part)
    return found
