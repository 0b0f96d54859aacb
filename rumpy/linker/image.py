# SPDX-License-Identifier: BSD-2-Clause
"""What the linker hands out: a kernel or a module in memory."""

from __future__ import annotations

from rumpy.linker.modinfo import ModInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from dataclasses import dataclass
    from typing import Any

    _Base = Mapping[str, int]
else:
    from rumpy.records import dataclass

    _Base = object


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses [address, address + size); size 0 means there is none."""

    address: int
    size: int

    # Each kernel has some thirty of them: see reader.Section.
    def __init__(self, address: int, size: int) -> None:
        object.__setattr__(self, "address", address)
        object.__setattr__(self, "size", size)

    def __contains__(self, address: int) -> bool:
        return self.address <= address < self.address + self.size


@dataclass(frozen=True, slots=True)
class LinkSet:
    """An array of pointers in the module: address of the first, and how many."""

    address: int
    count: int


class SymbolMap(_Base):
    """Global symbols' addresses by name, looked up when they are asked for.

    Args:
        indexes: name -> symbol index.
        values: address of each symbol index.
    """

    __slots__ = ("_indexes", "_values")

    def __init__(self, indexes: dict[str, int], values: memoryview) -> None:
        self._indexes = indexes
        self._values = values

    def __getitem__(self, name: str) -> int:
        return int(self._values[self._indexes[name]])

    def __contains__(self, name: object) -> bool:
        return name in self._indexes

    def __iter__(self) -> Iterator[str]:
        return iter(self._indexes)

    def __len__(self) -> int:
        return len(self._indexes)

    def get(self, name: str, default: Any = None) -> Any:
        """The address, or the default."""
        return self[name] if name in self._indexes else default

    def keys(self) -> Any:
        """The names."""
        return self._indexes.keys()

    def items(self) -> Any:
        """Pairs of name and address."""
        return [(name, self[name]) for name in self._indexes]

    def values(self) -> Any:
        """The addresses."""
        return [self[name] for name in self._indexes]

    def __eq__(self, other: object) -> bool:
        return dict(self) == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self)} symbols>"


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
        hooked: functions whose calls go through a slot -> their addresses.
        traced: it tells where it goes (-fsanitize-coverage).
    """

    modinfo: ModInfo
    modinfo_address: int
    required: tuple[str, ...]
    sysctl_funcs: LinkSet
    evcnts: LinkSet
    trapped: tuple[str, ...]
    hooked: dict[str, int]
    traced: bool
