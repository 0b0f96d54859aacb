# SPDX-License-Identifier: BSD-2-Clause
"""A module loaded into a kernel."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rumpy.kernel import Kernel

__all__ = ["Module"]


class Module:
    """A loaded module.

    Attributes:
        kernel: which has it.
        name: as its modinfo says.
        file: where it was read from.
        required: names of the modules it needs.
    """

    def __init__(self, kernel: Kernel, linked: Any, handle: int) -> None:
        self.kernel = kernel
        self.name: str = linked.name
        self.file: str = linked.file
        self.required: tuple[str, ...] = tuple(linked.required)
        self._linked = linked
        self._handle = handle

    @property
    def version(self) -> int:
        """The kernel version it was built for (NetBSD 10.0: 1000000000)."""
        return int(self._linked.modinfo.version)

    @property
    def symbols(self) -> dict[str, int]:
        """Its global symbols and their addresses."""
        return dict(self._linked.symbols)

    @property
    def loaded(self) -> bool:
        """Whether it is still there."""
        return self.kernel._modules.get(self.name) is self

    def unload(self) -> None:
        """Take it out again.

        Raises:
            ModuleError: in use, or needed by another module.
        """
        self.kernel.unload(self)

    def __repr__(self) -> str:
        return f"<Module {self.name} of {self.kernel!r}>"

    def __str__(self) -> str:
        return self.name
