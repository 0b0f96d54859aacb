# SPDX-License-Identifier: BSD-2-Clause
"""Python's side of the hypercalls, one file for each group.

    k = rumpy.Kernel(hypercalls=Hypercalls(clock=VirtualClock()))

Each group is a class; a subclass that overrides a method replaces that
hypercall for the kernels it is given to.  What is not replaced stays in C.
"""

from __future__ import annotations

from rumpy import _looked_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rumpy.hypercall.block import BlockGroup as BlockGroup
    from rumpy.hypercall.block import PythonBlockGroup as PythonBlockGroup
    from rumpy.hypercall.clock import Clock as Clock
    from rumpy.hypercall.clock import VirtualClock as VirtualClock
    from rumpy.hypercall.console import ConsoleSink as ConsoleSink
    from rumpy.hypercall.console import KernelConsole as KernelConsole
    from rumpy.hypercall.memory import MemoryPolicy as MemoryPolicy
    from rumpy.hypercall.random import Random as Random
    from rumpy.hypercall.random import SeededRandom as SeededRandom

_HOMES = {
    "BlockGroup": "block",
    "Clock": "clock",
    "ConsoleSink": "console",
    "KernelConsole": "console",
    "MemoryPolicy": "memory",
    "PythonBlockGroup": "block",
    "Random": "random",
    "SeededRandom": "random",
    "VirtualClock": "clock",
}

__all__ = ["Hypercalls", *_HOMES]


class Hypercalls:
    """The groups of one kernel, or of several.

    Attributes:
        memory, block, console, clock, random: the groups.
    """

    def __init__(
        self,
        *,
        memory: MemoryPolicy | None = None,
        block: BlockGroup | None = None,
        console: ConsoleSink | None = None,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        from rumpy.hypercall.block import BlockGroup
        from rumpy.hypercall.clock import Clock
        from rumpy.hypercall.console import ConsoleSink
        from rumpy.hypercall.memory import MemoryPolicy
        from rumpy.hypercall.random import Random

        self.memory = memory or MemoryPolicy()
        self.block = block or BlockGroup()
        self.console = console or ConsoleSink()
        self.clock = clock or Clock()
        self.random = random or Random()
        self._installed: dict[int, Any] = {}

    def install(self, machine: Any) -> KernelConsole:
        """Connect the groups to a kernel that was made and has not booted."""
        from rumpy._hyp import lib
        from rumpy.hypercall.console import KernelConsole
        from rumpy.hypercall.provider import Installed

        installed = Installed(self, machine)
        kernel = machine._raw
        lib.hyp_kernel_provide(kernel, installed.provider)
        self.clock.start(lib, kernel)
        self.random.start(lib, kernel)
        console = KernelConsole(kernel, self.console)
        self._installed[id(machine)] = (installed, console, kernel)
        return console

    def remove(self, machine: Any) -> None:
        """Disconnect them: the kernel is closed.  Twice is once."""
        from rumpy.hypercall.clock import VirtualClock

        found = self._installed.pop(id(machine), None)
        if found is None:
            return
        _, console, kernel = found
        console.close()
        if isinstance(self.clock, VirtualClock):
            self.clock.stop(kernel)


__getattr__, __dir__ = _looked_up(__name__, _HOMES)
