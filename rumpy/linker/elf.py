# SPDX-License-Identifier: BSD-2-Clause
"""ELF facts the linker needs: record formats, numbers, the psABI's names.

Tables are read in bulk by struct, since iterating over objects made for each
symbol costs more than the whole link.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

EHDR: Final = struct.Struct("<16sHHIQQQIHHHHHH")
SHDR: Final = struct.Struct("<IIQQQQIIQQ")
SYM: Final = struct.Struct("<IBBHQQ")
RELA: Final = struct.Struct("<QIIq")

ET_REL: Final = 1
ET_NAMES: Final = {0: "no type", 1: "relocatable", 2: "an executable",
                   3: "a shared object", 4: "a core dump"}  # fmt: skip
EM_X86_64: Final = 62
EM_NAMES: Final = {
    2: "sparc", 3: "i386", 8: "mips", 20: "powerpc", 21: "powerpc64", 22: "s390",
    40: "arm", 43: "sparc64", 50: "ia64", 62: "x86_64", 183: "aarch64", 243: "riscv",
}  # fmt: skip

SHT_PROGBITS: Final = 1
SHT_SYMTAB: Final = 2
SHT_STRTAB: Final = 3
SHT_RELA: Final = 4
SHT_NOTE: Final = 7
SHT_NOBITS: Final = 8
SHT_REL: Final = 9
SHT_INIT_ARRAY: Final = 14
SHT_FINI_ARRAY: Final = 15
SHT_PREINIT_ARRAY: Final = 16
SHT_SYMTAB_SHNDX: Final = 18
SHT_X86_64_UNWIND: Final = 0x70000001

SHF_WRITE: Final = 1
SHF_ALLOC: Final = 2
SHF_EXECINSTR: Final = 4
SHF_TLS: Final = 0x400
SHF_COMPRESSED: Final = 0x800

SHN_UNDEF: Final = 0
SHN_LORESERVE: Final = 0xFF00
SHN_ABS: Final = 0xFFF1
SHN_COMMON: Final = 0xFFF2
SHN_XINDEX: Final = 0xFFFF

STB_LOCAL: Final = 0
STB_GLOBAL: Final = 1
STB_WEAK: Final = 2
STB_GNU_UNIQUE: Final = 10

STT_NOTYPE: Final = 0
STT_OBJECT: Final = 1
STT_FUNC: Final = 2
STT_SECTION: Final = 3
STT_FILE: Final = 4
STT_TLS: Final = 6
STT_GNU_IFUNC: Final = 10

STV_DEFAULT: Final = 0
STV_INTERNAL: Final = 1
STV_HIDDEN: Final = 2

R_X86_64_64: Final = 1
R_X86_64_PLT32: Final = 4
R_X86_64_32: Final = 10

# Every number the psABI gives out for amd64.  Those reloc.c applies are 0, 1,
# 2, 4, 10 to 15 and 24; the others are here so that a refusal has a name.
RELOCATIONS: Final = {
    0: "R_X86_64_NONE",
    1: "R_X86_64_64",
    2: "R_X86_64_PC32",
    3: "R_X86_64_GOT32",
    4: "R_X86_64_PLT32",
    5: "R_X86_64_COPY",
    6: "R_X86_64_GLOB_DAT",
    7: "R_X86_64_JUMP_SLOT",
    8: "R_X86_64_RELATIVE",
    9: "R_X86_64_GOTPCREL",
    10: "R_X86_64_32",
    11: "R_X86_64_32S",
    12: "R_X86_64_16",
    13: "R_X86_64_PC16",
    14: "R_X86_64_8",
    15: "R_X86_64_PC8",
    16: "R_X86_64_DTPMOD64",
    17: "R_X86_64_DTPOFF64",
    18: "R_X86_64_TPOFF64",
    19: "R_X86_64_TLSGD",
    20: "R_X86_64_TLSLD",
    21: "R_X86_64_DTPOFF32",
    22: "R_X86_64_GOTTPOFF",
    23: "R_X86_64_TPOFF32",
    24: "R_X86_64_PC64",
    25: "R_X86_64_GOTOFF64",
    26: "R_X86_64_GOTPC32",
    27: "R_X86_64_GOT64",
    28: "R_X86_64_GOTPCREL64",
    29: "R_X86_64_GOTPC64",
    30: "R_X86_64_GOTPLT64",
    31: "R_X86_64_PLTOFF64",
    32: "R_X86_64_SIZE32",
    33: "R_X86_64_SIZE64",
    34: "R_X86_64_GOTPC32_TLSDESC",
    35: "R_X86_64_TLSDESC_CALL",
    36: "R_X86_64_TLSDESC",
    37: "R_X86_64_IRELATIVE",
    38: "R_X86_64_RELATIVE64",
    41: "R_X86_64_GOTPCRELX",
    42: "R_X86_64_REX_GOTPCRELX",
}

GOT_RELOCATIONS: Final = frozenset({3, 6, 7, 9, 25, 26, 27, 28, 29, 30, 31, 41, 42})
TLS_RELOCATIONS: Final = frozenset({16, 17, 18, 19, 20, 21, 22, 23, 34, 35, 36})


def relocation_name(number: int) -> str:
    """The psABI's name, or the number where there is none."""
    return RELOCATIONS.get(number, f"R_X86_64_({number})")
