# SPDX-License-Identifier: BSD-2-Clause
"""Every error rumpy raises by itself, as one small tree.

What the kernel answers to a system call is not here: that arrives as the host's
own OSError subclasses (see rumpy.abi.errno).  This tree is for what has no
errno: a module that can't be linked, a kernel that died, a kernel that is gone.

The file imports nothing, because every start of Python with rumpy pays for it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Frame",
    "ImageError",
    "KernelClosed",
    "KernelDeadlock",
    "KernelInChild",
    "KernelPanic",
    "LinkError",
    "ModuleError",
    "RumpyError",
    "SnapshotError",
    "UnsupportedPlatform",
]


class RumpyError(Exception):
    """Base of everything rumpy raises that is not an OSError."""


class UnsupportedPlatform(RumpyError):
    """The host is not Linux on amd64, or lacks something rumpy can't do without."""


class LinkError(RumpyError):
    """An ELF image can't be linked.

    The text names what and where; the same facts are attributes, so that a
    tool need not parse them.

    Attributes:
        file: name of the object, as the caller gave it.
        section, symbol, type: section, symbol and relocation type, or None.
        missing: all undefined symbols, when that was the reason.
        hint: what would cure it, typically a compiler flag, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        section: str | None = None,
        symbol: str | None = None,
        type: str | None = None,
        missing: Sequence[str] = (),
        hint: str | None = None,
    ) -> None:
        self.message = message
        self.file = file
        self.section = section
        self.symbol = symbol
        self.type = type
        self.missing = tuple(missing)
        self.hint = hint
        super().__init__(self._text())

    def _text(self) -> str:
        where = [self.file] if self.file else []
        if self.section:
            where.append(f"section {self.section}")
        if self.type:
            where.append(self.type)
        if self.symbol:
            where.append(f"symbol {self.symbol}")
        text = ": ".join([", ".join(where), self.message]) if where else self.message
        return f"{text} ({self.hint})" if self.hint else text


class ModuleError(RumpyError):
    """A module can't be loaded or unloaded: wrong version, dependency, in use.

    Attributes:
        module: the module's name or path, or None.
        kernel_errno: the kernel's (NetBSD) errno when the module itself refused.
    """

    def __init__(
        self,
        message: str,
        *,
        module: str | None = None,
        kernel_errno: int | None = None,
    ) -> None:
        self.module = module
        self.kernel_errno = kernel_errno
        super().__init__(f"{module}: {message}" if module else message)


class ImageError(RumpyError):
    """A disk image is not what it should be: unknown format, truncated, in use.

    Attributes:
        image: the image's name, or None.
        hint: the command that would cure it, or None.
    """

    def __init__(
        self, message: str, *, image: str | None = None, hint: str | None = None
    ) -> None:
        self.image = image
        self.hint = hint
        text = f"{image}: {message}" if image else message
        super().__init__(f"{text} ({hint})" if hint else text)


class Frame:
    """One frame of a kernel backtrace.

    Attributes:
        address: where the kernel was, as an absolute address.
        function: symbol name, or None where no symbol covers the address.
        offset: bytes from the symbol's start.
        module: "kernel" or the module's name, or None.
        file, line: source position from DWARF, or None.
    """

    __slots__ = ("address", "file", "function", "line", "module", "offset")

    def __init__(
        self,
        address: int,
        function: str | None = None,
        offset: int = 0,
        module: str | None = None,
        file: str | None = None,
        line: int | None = None,
    ) -> None:
        self.address = address
        self.function = function
        self.offset = offset
        self.module = module
        self.file = file
        self.line = line

    def __str__(self) -> str:
        name = f"{self.function}+{self.offset:#x}" if self.function else "?"
        text = f"{self.address:#x} {self.module or '?'}:{name}"
        if self.file is not None:
            text += f" at {self.file}:{self.line}"
        return text

    def __repr__(self) -> str:
        return f"<Frame {self}>"


class KernelPanic(RumpyError):
    """The kernel died: panic, failed assertion, fault in its code, or watchdog.

    That kernel answers every later call with this error again.  The process
    and its other kernels go on.

    Attributes:
        message: what the kernel said, without "panic: ".
        frames: backtrace, innermost first.
        console: the last lines the kernel printed.
        registers: register names to values at the fault; empty for a panic by call.
    """

    def __init__(
        self,
        message: str,
        *,
        frames: Sequence[Frame] = (),
        console: str = "",
        registers: dict[str, int] | None = None,
    ) -> None:
        self.message = message
        self.frames = tuple(frames)
        self.console = console
        self.registers = registers or {}
        super().__init__(message)

    def __str__(self) -> str:
        lines = [self.message]
        lines += [f"    {frame}" for frame in self.frames]
        if self.console:
            lines.append("console:")
            lines += [f"    {line}" for line in self.console.splitlines()]
        return "\n".join(lines)


class KernelClosed(RumpyError):
    """The kernel was closed, before the call or while it slept."""


class KernelDeadlock(RumpyError):
    """A hypercall of a kernel called back into the same kernel (EDEADLK)."""


class KernelInChild(RumpyError, ChildProcessError):
    """A kernel was used in a child made by fork: its memory is not there."""


class SnapshotError(RumpyError):
    """A snapshot can't be taken or restored now; the text says why."""
