# SPDX-License-Identifier: BSD-2-Clause
"""The shipped form of images: still ELF, with what is slow to find added.

A section .rumpy.lines holds the line table, decoded, so that a backtrace of a
shipped image needs neither elftools nor the DWARF, which is then left out.  A
section .rumpy.globals holds the global symbols, sorted out.
Everything else stays as the compiler made it: nm, gdb and NetBSD read the file.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
import zlib
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from rumpy.abi.releases import DEFAULT, RELEASES
from rumpy.errors import LinkError
from rumpy.linker.dwarf import SHIFT, DwarfLines, Row
from rumpy.linker.reader import GLOBALS, ObjectFile, pack_globals, read
from rumpy.linker.scope import read_exports

LINES: Final = ".rumpy.lines"
MAGIC: Final = b"rumpylines1\0"
_HEADER = struct.Struct("<12sIII")
MAX_LINES: Final = 64 << 20
#: Modules for users and learners; the others are the tests' own.
SHIPPED: Final = ("chardev", "ffs", "hello", "oops")


@dataclass(frozen=True, slots=True)
class LineTable:
    """Decoded line numbers; see symbolize.LineSource.

    Attributes:
        addresses: section index << 32 plus offset, ascending.
        files: index into names for each address; len(names) ends a sequence.
        lines: line number for each address.
        names: file names.
    """

    addresses: array[int]
    files: array[int]
    lines: array[int]
    names: tuple[str, ...]

    def find(self, section: int, offset: int) -> tuple[str, int] | None:
        """File and line of an offset in a section, or None."""
        address = (section << SHIFT) + offset
        at = bisect_right(self.addresses, address) - 1
        if at < 0 or self.addresses[at] >> SHIFT != section:
            return None
        number = self.files[at]
        if number >= len(self.names):
            return None
        return self.names[number], self.lines[at]

    def pack(self) -> bytes:
        """The section's contents."""
        names = "\0".join(self.names).encode()
        body = b"".join(
            part.tobytes() for part in (self.addresses, self.files, self.lines)
        )
        packed = zlib.compress(names + body, 9)
        return (
            _HEADER.pack(MAGIC, len(self.addresses), len(names), len(packed)) + packed
        )

    @classmethod
    def unpack(cls, data: bytes) -> LineTable | None:
        """Read pack()'s output; None if it is not that."""
        try:
            magic, count, length, size = _HEADER.unpack_from(data)
            total = length + count * 16
            if magic != MAGIC or total > MAX_LINES:
                return None
            packed = data[_HEADER.size : _HEADER.size + size]
            unpacker = zlib.decompressobj()
            raw = unpacker.decompress(packed, total + 1)
        except (struct.error, zlib.error):
            return None
        if len(raw) != total or not unpacker.eof:
            return None
        cuts = [length, length + 8 * count, length + 12 * count, total]
        parts = [raw[a:b] for a, b in pairwise(cuts)]
        arrays = [array(code) for code in ("Q", "I", "I")]
        for part, target in zip(parts, arrays, strict=True):
            target.frombytes(part)
        names = tuple(raw[:length].decode("utf-8", "replace").split("\0"))
        return cls(arrays[0], arrays[1], arrays[2], names)


def line_table(obj: ObjectFile) -> LineTable | None:
    """The line table of a shipped image, None if it carries none."""
    for section in obj.sections:
        if section.name == LINES and section.offset + section.size <= len(obj.data):
            start = section.offset
            return LineTable.unpack(obj.data[start : start + section.size])
    return None


def _shorten(path: str) -> str:
    """Source paths as seen from the tree's root, without the build's folders."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    for root in ("csrc", "modules"):
        if root in parts:
            return "/".join(parts[parts.index(root) :])
    return "/".join(part for part in parts if part != "..")


def make_line_table(rows: list[Row]) -> LineTable:
    """Compact rows: one for each address, equal neighbours merged."""
    names: dict[str, int] = {}
    kept: list[tuple[int, str | None, int]] = []
    for row in rows:
        name = None if row.file is None else _shorten(row.file)
        if kept and kept[-1][0] == row.address:
            kept.pop()
        if kept and kept[-1][1:] == (name, row.line) and name is not None:
            continue
        kept.append((row.address, name, row.line))
    for _, name, _ in kept:
        if name is not None:
            names.setdefault(name, len(names))
    end = len(names)
    return LineTable(
        array("Q", [address for address, _, _ in kept]),
        array("I", [end if name is None else names[name] for _, name, _ in kept]),
        array("I", [line for _, _, line in kept]),
        tuple(names),
    )


def prelink(source: Path, target: Path, *, objcopy: str = "objcopy") -> None:
    """Write the shipped form of an image.

    Args:
        source: what the C build made.
        target: where to write; replaced atomically.

    Raises:
        LinkError: the image can't be linked.
        subprocess.CalledProcessError: objcopy failed.
    """
    data = source.read_bytes()
    obj = read(data, str(source))
    lines = DwarfLines.of(obj)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        stripped = Path(folder) / "image"
        subprocess.run(
            [objcopy, "--strip-debug", str(source), str(stripped)], check=True
        )
        if lines is not None:
            _add_lines(obj, lines, stripped, objcopy)
        _add_globals(stripped, objcopy)
        stripped.chmod(0o644)
        stripped.replace(target)


def _add_section(image: Path, name: str, contents: bytes, objcopy: str) -> None:
    table = image.with_name("section")
    table.write_bytes(contents)
    subprocess.run(
        [objcopy, "--add-section", f"{name}={table}", str(image)], check=True
    )


def _add_globals(image: Path, objcopy: str) -> None:
    """Add the global symbols; what is added last must not move them."""
    before = read(image.read_bytes(), str(image))
    _add_section(image, GLOBALS, pack_globals(before), objcopy)
    data = image.read_bytes()
    renamed = data.replace(GLOBALS.encode(), GLOBALS.upper().encode())
    if _globals_of(read(data, str(image))) != _globals_of(read(renamed, str(image))):
        raise LinkError("objcopy reordered the symbol table", file=str(image))


def _globals_of(obj: ObjectFile) -> tuple[object, ...]:
    return obj.defined, obj.hidden, obj.undefined, obj.weak


def _add_lines(
    obj: ObjectFile, lines: DwarfLines, stripped: Path, objcopy: str
) -> None:
    """Add the table, with section indexes as they are in the stripped file."""
    after = {
        s.name: s.index for s in read(stripped.read_bytes(), "").sections if s.loaded
    }
    rows = []
    for row in lines.rows():
        section = row.address >> SHIFT
        if section >= len(obj.sections):
            continue
        index = after.get(obj.sections[section].name)
        if index is not None:
            offset = row.address & ((1 << SHIFT) - 1)
            rows.append(Row((index << SHIFT) + offset, row.file, row.line))
    rows.sort(key=lambda row: (row.address, row.file is not None))
    _add_section(stripped, LINES, make_line_table(rows).pack(), objcopy)


def prelink_tree(build: Path, target: Path) -> list[Path]:
    """Bring a build's kernel, modules and export lists into shipped form.

    Args:
        build: the folder the C build wrote to.
        target: the package's _data folder.

    Returns:
        What was written or is up to date.
    """
    work = []
    for below in (".", *(f"netbsd-{r}" for r in RELEASES if r != DEFAULT)):
        work.append((build / below / "kernel.elf", target / below / "kernel.elf"))
        work += [
            (path, target / below / "modules" / path.name)
            for path in sorted((build / below / "modules").glob("*.kmod"))
            if path.stem in SHIPPED
        ]
    wanted = {output for _, output in work}
    for stale in set(target.rglob("*.kmod")) - wanted:
        stale.unlink()
    for source, output in work:
        if not output.exists() or output.stat().st_mtime < source.stat().st_mtime:
            prelink(source, output)
    written = [output for _, output in work]
    exports = build.parent / "csrc" / "exports"
    for source in sorted(exports.glob("*.syms")):
        output = target / source.name
        output.write_bytes(source.read_bytes())
        # Loading asks for the names, and nobody else for the reasons.
        names = output.with_suffix(".names")
        names.write_text("\n".join(sorted(read_exports(source))) + "\n")
        written += [output, names]
    return written
