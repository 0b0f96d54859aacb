# SPDX-License-Identifier: BSD-2-Clause
"""Addresses become functions and lines, from DWARF and from the shipped form."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rumpy.hypercall.memory import Memory
from rumpy.linker import LinkedImage, Linker, prelink
from rumpy.linker.reader import read

from .conftest import CALLS
from .objects import compile_c, module_source

BODY = """
extern int counter;
__attribute__((noinline)) static int inner(int x)
{
    counter += x;
    return x * 2;
}
static int modcmd(int cmd, void *arg)
{
    return inner(cmd) + inner(2);
}
__attribute__((cold, noinline)) int elsewhere(int x)
{
    return x ? modcmd(x, 0) : 3;
}
"""


def line_of(source: str, text: str) -> int:
    """Line number of the first line that contains the text."""
    return next(
        number for number, line in enumerate(source.splitlines(), 1) if text in line
    )


@pytest.mark.parametrize("flags", [["-gdwarf-4"], ["-gdwarf-5"], ["-gdwarf-5", "-gz"]])
def test_lines_of_a_module(
    linker: Linker, kernel: LinkedImage, tmp_path: Path, flags: list[str]
) -> None:
    source = module_source("lines", BODY)
    path = compile_c(tmp_path, source, "lines.kmod", flags=flags)
    module = linker.load_module(path)
    frame = linker.symbolizer.resolve(module.symbol("elsewhere"))
    assert (frame.module, frame.function, frame.offset) == ("lines", "elsewhere", 0)
    assert frame.file is not None
    assert frame.file.endswith("lines.kmod.c")
    # gcc gives a function's opening to its head or to what it does first.
    assert frame.line is not None
    assert 0 <= frame.line - line_of(source, "int elsewhere") <= 2


def test_kernel_and_unknown_addresses(linker: Linker, kernel: LinkedImage) -> None:
    frame = linker.symbolizer.resolve(kernel.symbol("exported") + 1)
    assert (frame.module, frame.function, frame.offset) == ("kernel", "exported", 1)
    assert str(frame).startswith(f"{kernel.symbol('exported') + 1:#x} kernel:exported")
    for address in (0, 1 << 47, kernel.text.address - 1, (1 << 64) - 1):
        frame = linker.symbolizer.resolve(address)
        assert (frame.module, frame.function, frame.line) == (None, None, None)


def test_a_return_address_is_that_of_the_call(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    """A call at the very end of a function returns into the next one."""
    source = module_source(
        "tail",
        """
        void panic(const char *, ...);
        static int modcmd(int cmd, void *arg) { return 0; }
        asm(".globl first, second\\nfirst:\\ncall panic\\n"
            "second:\\nret\\n.type first,@function\\n.size first,5\\n"
            ".type second,@function\\n.size second,1\\n");
        """,
    )
    module = linker.load_module(compile_c(tmp_path, source, "tail.kmod"))
    returns = module.symbol("second")
    assert returns == module.symbol("first") + 5
    assert linker.symbolizer.resolve(returns).function == "second"
    frame = linker.symbolizer.resolve(returns, caller=True)
    assert (frame.function, frame.offset, frame.address) == ("first", 5, returns)


def test_unloaded_modules_are_forgotten(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    module = linker.load_module(compile_c(tmp_path, module_source("gone"), "gone.kmod"))
    linker.unload(module)
    assert linker.symbolizer.resolve(module.text.address).module is None


def test_a_replaced_file_gives_no_wrong_lines(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    path = compile_c(tmp_path, module_source("changed", BODY), "changed.kmod")
    module = linker.load_module(path)
    path.write_bytes(path.read_bytes() + b"\0" * 8)
    frame = linker.symbolizer.resolve(module.symbol("elsewhere"))
    assert (frame.function, frame.file) == ("elsewhere", None)


def test_damaged_line_table_is_no_error(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    path = compile_c(tmp_path, module_source("torn", BODY), "torn.kmod")
    data = bytearray(path.read_bytes())
    line = next(s for s in read(bytes(data), "").sections if s.name == ".debug_line")
    for at in range(line.offset + 6, line.offset + line.size, 3):
        data[at] ^= 0xA5
    module = linker.load_module(bytes(data), name="torn")
    assert linker.symbolizer.resolve(module.symbol("elsewhere")).function == "elsewhere"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    if shutil.which("objcopy") is None:
        pytest.skip("needs package binutils: no objcopy here")
    path = compile_c(tmp_path, module_source("ship", BODY), "ship.kmod")
    output = tmp_path / "out" / "ship.kmod"
    prelink.prelink(path, output)
    return output


def test_shipped_form_has_the_same_lines(
    linker: Linker, kernel: LinkedImage, tmp_path: Path, shipped: Path
) -> None:
    """Every byte of the text has the line in both forms."""
    plain = linker.load_module(tmp_path / "ship.kmod")
    text = plain.sections[".text"]
    expected = [linker.symbolizer.resolve(text.address + at) for at in range(text.size)]
    linker.unload(plain)
    module = linker.load_module(shipped)
    text = module.sections[".text"]
    for at, wanted in enumerate(expected):
        frame = linker.symbolizer.resolve(text.address + at)
        assert (frame.function, frame.offset, frame.line) == (
            wanted.function, wanted.offset, wanted.line
        )  # fmt: skip
        if wanted.file is not None:
            assert frame.file is not None
            assert wanted.file.endswith(frame.file)
    assert any(frame.line for frame in expected)


def test_shipped_form_is_smaller_and_still_elf(tmp_path: Path, shipped: Path) -> None:
    assert shipped.stat().st_size < (tmp_path / "ship.kmod").stat().st_size / 2
    names = {s.name for s in read(shipped.read_bytes(), "ship").sections}
    assert prelink.LINES in names
    assert not any(name.startswith(".debug") for name in names)
    subprocess.run(["nm", str(shipped)], check=True, stdout=subprocess.DEVNULL)


def test_shipped_form_imports_no_elftools(kernel_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "kernel.elf"
    prelink.prelink(kernel_file, output)
    script = f"""
import sys
from pathlib import Path
from rumpy.hypercall.memory import Memory
from rumpy.linker import Linker
with Memory() as memory:
    linker = Linker(memory.host({{"hyp_console_write": 1 << 40}}))
    image = linker.load_kernel(Path({str(output)!r}))
    frame = linker.symbolizer.resolve(image.symbol("kern_boot"))
    assert frame.line, frame
assert "elftools" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_line_table_round_trip_and_damage() -> None:
    rows = [
        prelink.Row((3 << 32) + at, None if at == 30 else f"/x/csrc/{at % 2}.c", at)
        for at in range(0, 40, 10)
    ]
    table = prelink.make_line_table(rows)
    packed = table.pack()
    again = prelink.LineTable.unpack(packed)
    assert again == table
    assert table.find(3, 5) == ("csrc/0.c", 0)
    assert table.find(3, 19) == ("csrc/0.c", 10)
    assert table.find(3, 35) is None
    assert table.find(4, 0) is None
    assert table.find(2, 5) is None
    for end in range(len(packed)):
        assert prelink.LineTable.unpack(packed[:end]) is None
    assert prelink.LineTable.unpack(b"x" * 100) is None


def test_two_linkers_do_not_mix(
    linker: Linker, kernel: LinkedImage, kernel_file: Path
) -> None:
    with Memory() as memory:
        other = Linker(memory.host(CALLS))
        image = other.load_kernel(kernel_file)
        assert linker.symbolizer.resolve(image.symbol("kern_boot")).module is None
        frame = other.symbolizer.resolve(image.symbol("kern_boot"))
        assert frame.function == "kern_boot"
