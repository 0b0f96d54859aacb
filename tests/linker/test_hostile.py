# SPDX-License-Identifier: BSD-2-Clause
"""Objects that lie: each is refused with its reason, none crashes the process."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rumpy.errors import LinkError, ModuleError, RumpyError
from rumpy.hypercall.memory import Memory
from rumpy.linker import LinkedImage, Linker, elf, peek
from rumpy.linker.prelink import prelink
from rumpy.linker.reader import read

from .conftest import CALLS
from .objects import DATA, RODATA, TEXT, Maker, compile_c, module_source, small


def refused(data: bytes, memory: Memory) -> str:
    """Link it as a kernel; the reason why that fails."""
    with pytest.raises(LinkError) as caught:
        Linker(memory.host(CALLS)).load_kernel(data, name="hostile.elf")
    assert caught.value.file == "hostile.elf"
    return str(caught.value)


def test_the_honest_one_links(memory: Memory) -> None:
    image = Linker(memory.host(CALLS)).load_kernel(small().build())
    assert set(image.symbols) == {"start", "word"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"#!/bin/sh\n", "not an ELF file"),
        (b"\x7fELF" + bytes(20), "the ELF header is cut off"),
        (small().build()[:200], "end beyond the file"),
    ],
)
def test_not_an_object(memory: Memory, data: bytes, reason: str) -> None:
    assert reason in refused(data, memory)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"class": 1}, "32-bit"),
        ({"class": 7}, "unknown ELF class 7"),
        ({"data": 2}, "big-endian"),
        ({"machine": 183}, "made for aarch64"),
        ({"machine": 9999}, "made for machine 9999"),
        ({"type": 2}, "executable"),
        ({"type": 3}, "shared object"),
        ({"version": 5}, "ELF version"),
        ({"shentsize": 40}, "section headers of 40 bytes"),
        ({"shnum": 0}, "no section headers"),
        ({"shnum": 60000}, "end beyond the file"),
        ({"shoff": 1 << 63}, "end beyond the file"),
        ({"shoff": (1 << 64) - 64}, "end beyond the file"),
        ({"shstrndx": 99}, "index 99"),
        ({"shstrndx": 1}, "section names"),
    ],
)
def test_header(memory: Memory, header: dict[str, int], reason: str) -> None:
    maker = small()
    maker.header = header
    assert reason in refused(maker.build(), memory)


def change(**fields: int) -> Callable[[Maker], None]:
    def apply(maker: Maker) -> None:
        for name, value in fields.items():
            setattr(maker.sections[1], name, value)

    return apply


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"offset": 1 << 40}, "end beyond the file"),
        ({"size": (1 << 64) - 1}, "end beyond the file"),
        ({"size": 1 << 20}, "end beyond the file"),
        ({"type": elf.SHT_NOBITS, "size": 1 << 50}, "absurd"),
        ({"type": elf.SHT_NOBITS, "size": 1 << 30}, "more than fits"),
        ({"align": 3}, "alignment 3"),
        ({"align": 1 << 40}, "alignment"),
        ({"flags": TEXT | DATA}, "both writable and executable"),
        ({"flags": DATA | elf.SHF_TLS}, "thread-local"),
        ({"flags": DATA | elf.SHF_COMPRESSED}, "compressed"),
        ({"type": elf.SHT_INIT_ARRAY}, "constructors"),
        ({"offset": 64}, "overlaps section"),
    ],
)
def test_section(memory: Memory, fields: dict[str, int], reason: str) -> None:
    maker = small()
    change(**fields)(maker)
    text = refused(maker.build(), memory)
    assert reason in text


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"link": 99}, "wrong index"),
        ({"link": 1}, "string table"),
        ({"entsize": 16}, "malformed symbol table"),
        ({"info": 1000}, "malformed symbol table"),
        ({"size": 1 << 40}, "malformed symbol table"),
        ({"type": elf.SHT_PROGBITS}, "no symbol table"),
    ],
)
def test_symbol_table(memory: Memory, fields: dict[str, int], reason: str) -> None:
    maker = small()
    maker.symtab = fields
    assert reason in refused(maker.build(), memory)


@pytest.mark.parametrize(
    ("symbol", "reason"),
    [
        ({"section": 40}, "lies in section 40"),
        ({"section": elf.SHN_COMMON}, "-fno-common"),
        ({"section": elf.SHN_XINDEX}, "section 65535"),
        ({"section": 2, "value": 17}, "beyond the section"),
        ({"section": 2, "value": (1 << 64) - 1}, "beyond the section"),
        ({"section": 2, "type": elf.STT_TLS}, "thread-local"),
        ({"section": 1, "type": elf.STT_GNU_IFUNC}, "ifunc"),
        ({}, "undefined symbol: odd"),
    ],
)
def test_symbol(memory: Memory, symbol: dict[str, int], reason: str) -> None:
    maker = small()
    maker.symbol("odd", **symbol)
    text = refused(maker.build(), memory)
    assert reason in text
    assert "odd" in text


def test_symbol_defined_twice(memory: Memory) -> None:
    maker = small()
    maker.symbol("word", 1)
    assert "symbol word: defined twice" in refused(maker.build(), memory)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ((0, elf.R_X86_64_64, 999, 0), "symbol 999"),
        ((12, elf.R_X86_64_64, 1, 0), "outside its section"),
        ((1 << 63, elf.R_X86_64_64, 1, 0), "outside its section"),
        (((1 << 64) - 4, elf.R_X86_64_64, 1, 0), "outside its section"),
        ((0, elf.R_X86_64_32, 1, 1 << 40), "R_X86_64_32"),
        ((0, elf.R_X86_64_32, 1, -(1 << 40)), "does not fit"),
        ((0, 2, 1, 1 << 33), "R_X86_64_PC32"),
        ((0, 12, 1, 0), "R_X86_64_16"),
        ((0, 9, 1, 0), "-fno-pic"),
        ((0, 42, 1, 0), "R_X86_64_REX_GOTPCRELX"),
        ((0, 23, 1, 0), "thread-local"),
        ((0, 37, 1, 0), "R_X86_64_IRELATIVE"),
        ((0, 200, 1, 0), "R_X86_64_(200)"),
        ((0, 0xFFFFFFFF, 1, 0), "not supported"),
    ],
)
def test_relocation(
    memory: Memory, place: tuple[int, int, int, int], reason: str
) -> None:
    maker = small()
    maker.relocate(2, *place)
    text = refused(maker.build(), memory)
    assert reason in text
    assert ".data" in text


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"info": 77}, "section 77"),
        ({"entsize": 8}, "malformed relocation table"),
        ({"size": 23}, "malformed relocation table"),
        ({"offset": 1 << 50}, "malformed relocation table"),
        ({"size": 24 << 40}, "malformed relocation table"),
        ({"link": 1}, "another symbol table"),
        ({"type": elf.SHT_REL}, "without addends"),
    ],
)
def test_relocation_table(memory: Memory, fields: dict[str, int], reason: str) -> None:
    maker = small()
    maker.relocate(2, 0, elf.R_X86_64_64, 1)
    maker.rela = fields
    assert reason in refused(maker.build(), memory)


def test_relocation_against_what_is_not_loaded(memory: Memory) -> None:
    maker = small()
    debug = maker.add(".debug_x", 0, bytes(8))
    local = maker.symbol("", debug, bind=elf.STB_LOCAL, type=elf.STT_SECTION)
    maker.first_global = 1
    maker.symbols.insert(0, maker.symbols.pop(local - 1))
    maker.first_global = 2
    maker.relocate(2, 0, elf.R_X86_64_64, 1)
    assert "not loaded" in refused(maker.build(), memory)


def test_nobits_can_not_be_patched(memory: Memory) -> None:
    maker = small()
    maker.sections[1].type = elf.SHT_NOBITS
    maker.sections[1].size = 16
    maker.relocate(2, 0, elf.R_X86_64_64, 1)
    assert "without contents" in refused(maker.build(), memory)


def test_relocations_compute_what_the_abi_says(memory: Memory) -> None:
    maker = small()
    maker.sections[1].data = bytes(64)
    cases = [
        (0, 1, 8),
        (8, 2, 4),
        (12, 4, 4),
        (16, 10, 4),
        (20, 11, 4),
        (24, 24, 8),
    ]
    for offset, kind, _ in cases:
        maker.relocate(2, offset, kind, 1, 5)
    image = Linker(memory.host(CALLS)).load_kernel(maker.build())
    start, word = image.symbol("start") + 5, image.symbol("word")
    host = memory.host(CALLS)
    for offset, kind, size in cases:
        value = int.from_bytes(host.read(word + offset, size), "little", signed=True)
        relative = kind in (2, 4, 24)
        assert value == (start - (word + offset) if relative else start), kind


def module(maker: Maker) -> Maker:
    """Make it a module with a struct modinfo."""
    name = maker.add(".name", RODATA, b"odd\0required\0")
    info = maker.add(".info", RODATA, (1000000000).to_bytes(4, "little") + bytes(28))
    pointer = maker.add("link_set_modules", RODATA, bytes(8))
    symbols = {
        "name": maker.symbol("n", name),
        "info": maker.symbol("i", info),
    }
    maker.relocate(pointer, 0, elf.R_X86_64_64, symbols["info"])
    maker.relocate(info, 8, elf.R_X86_64_64, 1)
    maker.relocate(info, 16, elf.R_X86_64_64, symbols["name"])
    return maker


def test_modinfo_by_hand() -> None:
    info = peek(module(small()).build())
    assert (info.name, info.required, info.version) == ("odd", (), 1000000000)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda m: setattr(m.sections[4], "name", "other"), "no section link_set"),
        (lambda m: setattr(m.sections[4], "data", bytes(16)), "holds 16 bytes"),
        (lambda m: m.relocations.pop(5), "holds no pointer"),
        (lambda m: m.relocate_at(5, addend=1000), "out of the module"),
        (lambda m: m.relocate_at(5, addend=-1), "out of the module"),
        (lambda m: m.relocate_at(5, addend=8), "cut off"),
        (lambda m: m.relocations[4].pop(0), "no command function"),
        (lambda m: m.relocations[4].pop(1), "bad module name None"),
        (lambda m: setattr(m.sections[2], "data", b"x" * 40), "not terminated"),
        (lambda m: setattr(m.sections[2], "data", b"x" * 40 + b"\0"), "bad module"),
        (lambda m: setattr(m.sections[2], "data", b"\0"), "bad module name ''"),
        (lambda m: setattr(m.sections[2], "data", b"\xff\0"), "not ASCII"),
        (lambda m: m.relocate_at(5, kind=11), "not a plain pointer"),
    ],
)
def test_bad_modinfo(spoil: Callable[[Maker], object], reason: str) -> None:
    class Spoiled(Maker):
        def relocate_at(self, target: int, **fields: int) -> None:
            offset, kind, symbol, addend = self.relocations[target][0]
            entry = {"kind": kind, "addend": addend} | fields
            self.relocations[target][0] = (
                offset, entry["kind"], symbol, entry["addend"]
            )  # fmt: skip

    plain = module(small())
    maker = Spoiled(plain.sections, plain.symbols, plain.relocations)
    spoil(maker)
    with pytest.raises(ModuleError) as caught:
        peek(maker.build(), "odd.kmod")
    assert reason in str(caught.value)


def test_every_cut_of_a_real_module(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    body = (
        "int exported(int); static int modcmd(int c, void *a) { return exported(c); }"
    )
    path = compile_c(tmp_path, module_source("cut", body), "cut.kmod")
    whole = path.read_bytes()
    for end in range(0, len(whole) - 1, 97):
        with pytest.raises(RumpyError):
            linker.load_module(whole[:end], name="cut")
    linker.load_module(whole, name="cut")


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bits_never_crash(
    linker: Linker, kernel: LinkedImage, tmp_path: Path, seed: int
) -> None:
    """Whatever the damage: it links, or it is refused with a clear error."""
    body = """
    int exported(int); extern int counter;
    static int state[10] = { 1 };
    static int modcmd(int c, void *a) { counter += state[c]; return exported(c); }
    """
    path = compile_c(tmp_path, module_source("flip", body), "flip.kmod")
    whole = path.read_bytes()
    generator = random.Random(seed)
    outcomes = {"linked": 0, "refused": 0}
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(generator.randint(1, 4)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        try:
            loaded = linker.load_module(bytes(data), name="flip", missing="trap")
        except (LinkError, ModuleError):
            outcomes["refused"] += 1
        else:
            outcomes["linked"] += 1
            linker.symbolizer.resolve(loaded.text.address)
            linker.unload(loaded)
    assert all(outcomes.values()), outcomes


@pytest.mark.parametrize("seed", range(3))
def test_damaged_shipped_form_never_crashes(
    linker: Linker, kernel: LinkedImage, tmp_path: Path, seed: int
) -> None:
    """What was sorted out when building is believed no further than it is safe."""
    if shutil.which("objcopy") is None:
        pytest.skip("needs package binutils: no objcopy here")
    body = """
    int exported(int); extern int counter;
    static int modcmd(int c, void *a) { counter++; return exported(c); }
    int visible(int x) { return x; }
    """
    path = compile_c(tmp_path, module_source("ship", body), "ship.kmod")
    prelink(path, tmp_path / "shipped.kmod")
    whole = (tmp_path / "shipped.kmod").read_bytes()
    added = [s for s in read(whole, "").sections if s.name.startswith(".rumpy")]
    assert len(added) == 2
    generator = random.Random(seed)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(generator.randint(1, 5)):
            section = generator.choice(added)
            at = section.offset + generator.randrange(section.size)
            data[at] = generator.randrange(256)
        try:
            loaded = linker.load_module(bytes(data), name="ship", missing="trap")
        except (LinkError, ModuleError):
            continue
        linker.symbolizer.resolve(loaded.text.address)
        linker.unload(loaded)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_tables_never_crash(memory: Memory, seed: int) -> None:
    """The same on the structural parts, where every byte counts."""
    generator = random.Random(seed)
    maker = small()
    for offset in range(0, 16, 8):
        maker.relocate(2, offset, elf.R_X86_64_64, 1 + offset // 8)
    whole = maker.build()
    linker = Linker(memory.host(CALLS))
    for _ in range(1500):
        data = bytearray(whole)
        for _ in range(generator.randint(1, 3)):
            data[generator.randrange(len(data))] = generator.choice(
                (0, 1, 2, 8, 0x7F, 0x80, 0xFF, generator.randrange(256))
            )
        try:
            obj = read(bytes(data), "damaged")
        except LinkError:
            continue
        assert all(s.size <= 1 << 30 for s in obj.sections if s.loaded)
        try:
            fresh = Linker(memory.host(CALLS))
            fresh.load_kernel(bytes(data), name="damaged")
        except LinkError:
            continue
        fresh._release(fresh._loaded["kernel"].placed)
    assert linker.modules == {}
