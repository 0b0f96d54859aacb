# SPDX-License-Identifier: BSD-2-Clause
"""What the linker hands out: a kernel or a module in memory."""

from __future__ import annotations

from rumpy.linker.modinfo import ModInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import dataclass
else:
    from rumpy.records import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses [address, address + size); size 0 means there is none."""

    address: int
    size: int

    def __contains__(self, address: int) -> bool:
        return self.address <= address < self.address + self.size


@dataclass(frozen=True, slots=True)
class LinkSet:
    """An array of pointers in the module: address of the first, and how many."""

    address: int
    count: int


@dataclass(frozen=True, slots=True)
class LinkedImage:
    """An object in memory, relocated and sealed.

    Attributes:
        name: "kernel" or the module's name.
        file: where it came from, for messages.
        text, rodata, data: its segments.
        symbols: every visible global symbol's address.
        sections: loaded sections by name (the first of equal names).
    """

    name: str
    file: str
    text: Range
    rodata: Range
    data: Range
    symbols: Mapping[str, int]
    sections: Mapping[str, Range]

    def symbol(self, name: str) -> int:
        """Address of a global symbol.

        Raises:
            KeyError: the image has no such global symbol.
        """
        return self.symbols[name]


@dataclass(frozen=True, slots=True)
class LinkedModule(LinkedImage):
    """A module in memory; nothing of it has run yet.

    Attributes:
        modinfo: what it says about itself.
        modinfo_address: where its struct modinfo is.
        required: modules it needs by name: declared, or because it uses their
            symbols.
        sysctl_funcs, evcnts: its link sets.
        trapped: functions it lacks, whose call will panic.
    """

    modinfo: ModInfo
    modinfo_address: int
    required: tuple[str, ...]
    sysctl_funcs: LinkSet
    evcnts: LinkSet
    trapped: tuple[str, ...]
