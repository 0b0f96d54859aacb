# SPDX-License-Identifier: BSD-2-Clause
"""Objects for the linker's tests: made in memory byte by byte, or by gcc."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rumpy.linker import elf

FLAGS = [
    "-O2", "-g", "-ffreestanding", "-fno-pic", "-fno-pie", "-mcmodel=kernel",
    "-mno-red-zone", "-mgeneral-regs-only", "-fcf-protection=none", "-fno-common",
    "-fno-stack-protector", "-fno-omit-frame-pointer", "-U_FORTIFY_SOURCE",
    "-fno-asynchronous-unwind-tables",
]  # fmt: skip

KERNEL = r"""
int hyp_console_write(const char *, unsigned long);
int counter = 41;
int zeroes[5000];
static const char *const names[] = { "first", "second" };
static int twice(int x) { return 2 * x; }
int (*volatile table[])(int) = { twice };
int kern_boot(void *arg)
{
    counter++;
    zeroes[4999] = 1;
    return hyp_console_write(names[1], 6) + table[0](counter);
}
int exported(int a) { return a + counter; }
int private(int a) { return a - counter; }
const char *volatile panicked;
void panic(const char *fmt, ...) { panicked = fmt; }
"""

MODULE = r"""
struct modinfo {
    unsigned int version;
    int klass;
    int (*modcmd)(int, void *);
    const char *name, *required;
};
#ifndef VERSION
#define VERSION 1000000000u
#endif
#ifndef REQUIRED
#define REQUIRED 0
#endif
static int modcmd(int cmd, void *arg);
static const struct modinfo modinfo = { VERSION, 1, modcmd, NAME, REQUIRED };
static const struct modinfo *const pointer
    __attribute__((section("link_set_modules"), used)) = &modinfo;
"""


def compile_c(
    folder: Path,
    source: str,
    name: str,
    *,
    flags: Sequence[str] = (),
    link: bool = True,
) -> Path:
    """Compile C text; link=True runs it through ld -r as the build does."""
    text = folder / f"{name}.c"
    text.write_text(source)
    first = folder / f"{name}.o"
    subprocess.run(
        ["gcc", *FLAGS, *flags, "-c", text.name, "-o", first.name],
        cwd=folder, check=True,
    )  # fmt: skip
    if not link:
        return first
    output = folder / name
    subprocess.run(["ld", "-r", "-o", output.name, first.name], cwd=folder, check=True)
    return output


def module_source(
    name: str, body: str = "", *, required: str | None = None, version: int = 1000000000
) -> str:
    """C text of a module; body has to define modcmd unless it is empty."""
    lines = [f'#define NAME "{name}"', f"#define VERSION {version}u"]
    if required is not None:
        lines.append(f'#define REQUIRED "{required}"')
    body = body or "static int modcmd(int cmd, void *arg) { return 0; }"
    return "\n".join([*lines, MODULE, body])


@dataclass
class Section:
    """One section to be written; the fields of its header may lie."""

    name: str
    type: int = elf.SHT_PROGBITS
    flags: int = 0
    data: bytes = b""
    size: int | None = None
    offset: int | None = None
    align: int = 8
    link: int = 0
    info: int = 0
    entsize: int = 0


@dataclass
class Symbol:
    """One symbol to be written."""

    name: str
    section: int = 0
    value: int = 0
    bind: int = elf.STB_GLOBAL
    type: int = elf.STT_NOTYPE
    other: int = 0
    size: int = 0


TEXT = elf.SHF_ALLOC | elf.SHF_EXECINSTR
DATA = elf.SHF_ALLOC | elf.SHF_WRITE
RODATA = elf.SHF_ALLOC


@dataclass
class Maker:
    """Writes an object; everything can be made wrong on purpose."""

    sections: list[Section] = field(default_factory=list)
    symbols: list[Symbol] = field(default_factory=list)
    relocations: dict[int, list[tuple[int, int, int, int]]] = field(
        default_factory=dict
    )
    header: dict[str, int] = field(default_factory=dict)
    symtab: dict[str, int] = field(default_factory=dict)
    rela: dict[str, int] = field(default_factory=dict)
    first_global: int = 1

    def add(self, name: str, flags: int, data: bytes, **rest: int) -> int:
        """Add a section; its index."""
        self.sections.append(Section(name, flags=flags, data=data, **rest))
        return len(self.sections)

    def symbol(self, name: str, section: int = 0, value: int = 0, **rest: int) -> int:
        """Add a symbol; its index."""
        self.symbols.append(Symbol(name, section, value, **rest))
        return len(self.symbols)

    def relocate(
        self, section: int, offset: int, kind: int, symbol: int, addend: int = 0
    ) -> None:
        """Add a relocation."""
        entry = (offset, kind, symbol, addend)
        self.relocations.setdefault(section, []).append(entry)

    def build(self) -> bytes:
        """The file."""
        sections = list(self.sections)
        names = bytearray(b"\0")
        table = bytearray(elf.SYM.size)
        for s in self.symbols:
            table += elf.SYM.pack(
                len(names), s.bind << 4 | s.type, s.other, s.section, s.value, s.size
            )
            names += s.name.encode() + b"\0"
        symtab = len(sections) + 1
        sections.append(
            Section(
                ".symtab",
                elf.SHT_SYMTAB,
                0,
                bytes(table),
                link=symtab + 1,
                info=self.first_global,
                entsize=24,
            )
        )
        for key, value in self.symtab.items():
            setattr(sections[-1], key, value)
        sections.append(Section(".strtab", elf.SHT_STRTAB, 0, bytes(names), align=1))
        for target, entries in self.relocations.items():
            data = b"".join(elf.RELA.pack(o, k, s, a) for o, k, s, a in entries)
            rela = Section(
                f".rela{self.sections[target - 1].name}", elf.SHT_RELA, 0, data,
                link=symtab, info=target, entsize=24,
            )  # fmt: skip
            for key, value in self.rela.items():
                setattr(rela, key, value)
            sections.append(rela)
        return self._write(sections)

    def _write(self, sections: list[Section]) -> bytes:
        names = bytearray(b"\0")
        sections.append(Section(".shstrtab", elf.SHT_STRTAB, 0, b"", align=1))
        offsets = []
        for s in sections:
            offsets.append(len(names))
            names += s.name.encode() + b"\0"
        sections[-1].data = bytes(names)
        body = bytearray(elf.EHDR.size)
        headers = bytearray(elf.SHDR.size)
        for s, name in zip(sections, offsets, strict=True):
            body += bytes(-len(body) % 16)
            offset = len(body) if s.offset is None else s.offset
            size = len(s.data) if s.size is None else s.size
            if s.type != elf.SHT_NOBITS:
                body += s.data
            headers += elf.SHDR.pack(
                name, s.type, s.flags, 0, offset, size, s.link, s.info, s.align,
                s.entsize,
            )  # fmt: skip
        body += bytes(-len(body) % 16)
        values = {
            "class": 2, "data": 1, "type": 1, "machine": 62, "version": 1,
            "shoff": len(body), "shentsize": 64, "shnum": len(sections) + 1,
            "shstrndx": len(sections),
        } | self.header  # fmt: skip
        ident = struct.pack("4sBBB9x", b"\x7fELF", values["class"], values["data"], 1)
        body[: elf.EHDR.size] = elf.EHDR.pack(
            ident, values["type"], values["machine"], values["version"], 0, 0,
            values["shoff"], 0, 64, 0, 0, values["shentsize"], values["shnum"],
            values["shstrndx"],
        )  # fmt: skip
        return bytes(body + headers)


def small() -> Maker:
    """An object that links: eight bytes of text, a word of data."""
    maker = Maker()
    maker.add(".text", TEXT, b"\x90" * 7 + b"\xc3")
    maker.add(".data", DATA, bytes(16))
    maker.symbol("start", 1, type=elf.STT_FUNC)
    maker.symbol("word", 2, type=elf.STT_OBJECT)
    return maker
