# SPDX-License-Identifier: BSD-2-Clause
"""Memory of a kernel: where it lies, how large it may get.

MemoryPolicy is the group's replaceable part; Memory is the memory itself,
which the linker puts images into and the kernel takes its arena from.
"""

from __future__ import annotations

import errno
import os

from rumpy.errors import LinkError, UnsupportedPlatform
from rumpy.linker import arena
from rumpy.linker.host import NativeHost
from rumpy.linker.layout import align_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import dataclass
    from types import TracebackType
    from typing import Any, Final
else:
    from rumpy.records import dataclass

MIB: Final = 1 << 20
# Arenas stand 64 GiB apart, in a part of the address space that neither the
# host's allocators nor sanitizers use.
ARENA_BASE: Final = 0x2000_0000_0000
ARENA_STEP: Final = 0x10_0000_0000

_slots = arena.Slots()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a kernel's memory lies; addresses and sizes in bytes.

    Attributes:
        slot: the kernel's number in this process, None beyond the canonical ones.
        low_base, low_size: its range below 2 GiB, for images.
        slab_size: the end of that range, for their writable sections.
        arena_base, arena_size: heap, stacks and page cache.
        canonical: whether these are the addresses the slot always has.
    """

    slot: int | None
    low_base: int
    low_size: int
    slab_size: int
    arena_base: int
    arena_size: int
    canonical: bool


class MemoryPolicy:
    """How much memory a kernel has; subclass it to decide otherwise.

    Attributes:
        limit: bytes of the arena in use at a time.
        arena_size: bytes of address space for the arena.
        low_size: bytes below 2 GiB for the kernel, its modules and their data.
        slab_size: bytes of low_size for writable sections.
    """

    low_size: int = arena.SLOT_SIZE
    slab_size: int = 4 * MIB

    def __init__(self, limit: int = 64 * MIB, *, arena_size: int | None = None) -> None:
        if limit < 4 * MIB:
            raise ValueError(f"a kernel needs at least 4 MiB of memory, not {limit}")
        self.limit = limit
        # Guards and fragmentation take address space, but no memory.
        size = 4 * limit if arena_size is None else arena_size
        self.arena_size = align_up(size, arena.PAGE)

    def grow(self, size: int) -> int | None:
        """The kernel has reached its limit and wants more.

        Args:
            size: how many bytes it needs.

        Returns:
            The new limit in bytes, at most arena_size; None to refuse.
        """
        return None


class Memory:
    """The memfd, windows and images of one kernel.

    Args:
        policy: sizes.

    Raises:
        LinkError: no room below 2 GiB.
        OSError: the host refuses.
    """

    def __init__(self, policy: MemoryPolicy | None = None) -> None:
        try:
            from rumpy._hyp import ffi, lib
        except ImportError as error:
            raise UnsupportedPlatform(
                f"rumpy's native part can't be loaded: {error}"
            ) from error
        self._ffi = ffi
        self._lib = lib
        self.policy = policy or MemoryPolicy()
        self._handle: Any = None
        self._slot = _slots.take()
        try:
            self.placement = self._create()
        except BaseException:
            self._give_slot()
            raise

    @property
    def handle(self) -> Any:
        """The `struct hyp_memory *`."""
        if self._handle is None:
            raise ValueError("the memory was given back")
        return self._handle

    @property
    def resident(self) -> int:
        """Bytes of slab and arena that have backing."""
        return int(self._lib.hyp_memory_resident(self.handle))

    def host(self, hypercalls: Mapping[str, int]) -> NativeHost:
        """The linker's host for this memory."""
        return NativeHost(self.handle, hypercalls=hypercalls)

    def close(self) -> None:
        """Give everything back; nobody may be inside the kernel."""
        if self._handle is not None:
            self._lib.hyp_memory_destroy(self._handle)
            self._handle = None
            self._give_slot()

    def __enter__(self) -> Memory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _give_slot(self) -> None:
        if self._slot is not None:
            _slots.give(self._slot)
            self._slot = None

    def _create(self) -> Placement:
        """Map at the slot's addresses, else wherever there is room."""
        config = self._ffi.new("struct hyp_memory_config *")
        config.low_size = self.policy.low_size
        config.slab_size = self.policy.slab_size
        config.arena_size = self.policy.arena_size
        preferred = None
        if self._slot is not None and self.policy.low_size <= arena.SLOT_SIZE:
            preferred = arena.slot_range(self._slot)
        config.arena_base = ARENA_BASE + (self._slot or 0) * ARENA_STEP
        out = self._ffi.new("struct hyp_memory **")

        def attempt(address: int) -> bool:
            config.low_base = address
            error = self._try_arenas(config, out)
            if error == 0:
                return True
            if error == errno.EEXIST:
                return False
            raise OSError(error, f"memory of a kernel: {os.strerror(error)}")

        low = arena.place(self.policy.low_size, arena.PAGE, preferred, attempt)
        self._handle = out[0]
        canonical = (
            preferred is not None
            and low == preferred[1] - self.policy.low_size
            and config.arena_base == ARENA_BASE + (self._slot or 0) * ARENA_STEP
        )
        return Placement(
            self._slot, low, int(config.low_size), int(config.slab_size),
            int(config.arena_base), int(config.arena_size), canonical,
        )  # fmt: skip

    def _try_arenas(self, config: Any, out: Any) -> int:
        """Try the slot's arena first, then those of slots nobody has."""
        first = ARENA_BASE + (self._slot or 0) * ARENA_STEP
        error = 0
        for i in range(3):
            config.arena_base = first + i * arena.SLOTS * ARENA_STEP
            error = self._lib.hyp_memory_create(config, out)
            if error != errno.EEXIST:
                break
        return int(error)


_hypercalls: dict[str, int] = {}


def hypercall_addresses() -> Mapping[str, int]:
    """Where the stubs of all hypercalls are, by name."""
    if not _hypercalls:
        _hypercalls.update(_read_hypercalls())
    return _hypercalls


def _read_hypercalls() -> dict[str, int]:
    from rumpy._hyp import ffi, lib

    count = ffi.new("int *")
    table = lib.hyp_symbols(count)
    if count[0] <= 0:
        raise LinkError("the native part offers no hypercalls")
    return {
        ffi.string(table[i].name).decode(): int(table[i].address)
        for i in range(count[0])
    }
