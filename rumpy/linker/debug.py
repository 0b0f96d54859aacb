# SPDX-License-Identifier: BSD-2-Clause
"""Shows linked images to gdb and perf, on request.

    RUMPY_GDB=1 gdb --args python script.py      modules and kernel with source lines
    RUMPY_PERF=1 perf record python script.py    their functions in the report

gdb takes a copy of each object with the addresses of its sections filled in
(its JIT interface); perf reads names and addresses from /tmp/perf-PID.map.
Shipped images carry no DWARF, so gdb knows their functions but not their lines:
those built in a checkout (build/kernel.elf) have both.
"""

from __future__ import annotations

import os

from rumpy.linker import elf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from rumpy.linker.reader import ObjectFile
    from rumpy.linker.symbolize import SymbolTable

# Offset of sh_addr in a section header.
_SH_ADDR: Final = 16


def placed_object(obj: ObjectFile, bases: Mapping[int, tuple[int, int]]) -> bytes:
    """A copy of an object whose section headers tell where the sections are."""
    data = bytearray(obj.data)
    shoff = elf.EHDR.unpack_from(data)[6]
    for index, (address, _) in bases.items():
        at = shoff + index * elf.SHDR.size + _SH_ADDR
        data[at : at + 8] = address.to_bytes(8, "little")
    return bytes(data)


class Debugging:
    """What gdb and perf have been told by one linker.

    Args:
        gdb: tell gdb; None means when RUMPY_GDB is set and not empty.
        perf: write the map; None means when RUMPY_PERF is set and not empty.
    """

    def __init__(self, *, gdb: bool | None = None, perf: bool | None = None) -> None:
        self.gdb = bool(os.environ.get("RUMPY_GDB")) if gdb is None else gdb
        self.perf = bool(os.environ.get("RUMPY_PERF")) if perf is None else perf
        self._tokens: dict[str, int] = {}

    def add(self, obj: ObjectFile, table: SymbolTable) -> None:
        """An image is in memory."""
        if self.gdb:
            from rumpy._hyp import lib

            data = placed_object(obj, table.bases)
            token = int(lib.hyp_gdb_add(data, len(data)))
            if token:
                self._tokens[table.module] = token
        if self.perf:
            append_perf_map(table)

    def remove(self, module: str) -> None:
        """An image is gone; perf's map has no way to say so."""
        token = self._tokens.pop(module, 0)
        if token:
            from rumpy._hyp import lib

            lib.hyp_gdb_remove(token)

    def close(self) -> None:
        """All images are gone."""
        for module in list(self._tokens):
            self.remove(module)


def perf_map_path() -> str:
    """Where perf looks for the names of this process's own code."""
    return f"/tmp/perf-{os.getpid()}.map"


def append_perf_map(table: SymbolTable) -> None:
    """Add an image's functions.

    Raises:
        OSError: the file can't be written, or is a link or somebody else's.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(perf_map_path(), flags, 0o600)
    with open(fd, "w") as file:
        if os.fstat(fd).st_uid != os.geteuid():
            raise PermissionError(f"{perf_map_path()} is somebody else's")
        for address, size, name in table.functions():
            file.write(f"{address:x} {size:x} {table.module}:{name}\n")
