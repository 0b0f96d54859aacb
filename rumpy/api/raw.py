# SPDX-License-Identifier: BSD-2-Clause
"""The raw system calls: `k.sys.NAME(...)` and `k.syscall(number, ...)`.

NetBSD's names, argument order, numbers and flags, nothing translated but the
error.  Names and arguments come from csrc/syscalls.tbl.
"""

from __future__ import annotations

from rumpy._hyp import ffi, lib
from rumpy.abi.calls import NUMBERS, PAIRS
from rumpy.abi.errno import oserror
from rumpy.abi.syscalls import SYSCALLS
from rumpy.api.base import name_bytes
from rumpy.path import KernelPath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rumpy.api.base import Calls

_SLOTS = 8


def _slot(argument: Any, keep: list[Any]) -> int:
    """One argument as the 8-byte slot of a system call; `keep` holds memory."""
    if isinstance(argument, int):
        # The kernel reads the width it wants; so wrap as C would.
        return (argument + (1 << 63)) % (1 << 64) - (1 << 63)
    if argument is None:
        return 0
    if isinstance(argument, str | KernelPath):
        argument = name_bytes(argument)
    if isinstance(argument, bytes):
        memory = ffi.from_buffer(argument)  # CPython ends bytes with a NUL
    elif isinstance(argument, ffi.CData):
        memory = argument
    else:
        memory = ffi.from_buffer(argument)
    keep.append(memory)
    return int(ffi.cast("intptr_t", memory))


def call(process: Calls, number: int, args: tuple[Any, ...]) -> tuple[int, int]:
    """Make a system call; both results.

    Integers go by value, str and bytes as NUL-terminated strings, writable
    buffers and cffi pointers by address, None as NULL.

    Raises:
        OSError: what the kernel says, with `.kernel_errno`.
    """
    if len(args) > _SLOTS:
        raise TypeError(f"a system call takes at most {_SLOTS} arguments")
    keep: list[Any] = []
    slots = [_slot(a, keep) for a in args]
    memory = ffi.new("int64_t[8]", slots)
    results = ffi.new("int64_t[2]")
    code = lib.face_raw(process._k, process._p, number, memory, results)
    # A call may answer with a negative number, as lseek does of a device.
    if code < 0 and code != results[0]:
        raise process._failed(code) if code < -1000 else oserror(-code)
    return int(results[0]), int(results[1])


class RawCalls:
    """`k.sys`: every system call the kernel has, by NetBSD's name."""

    __slots__ = ("__dict__", "_process")

    def __init__(self, process: Calls) -> None:
        self._process = process

    def __getattr__(self, name: str) -> Callable[..., Any]:
        number = NUMBERS.get(name)
        if number is None:
            raise AttributeError(f"the kernel has no system call {name!r}")
        function = self._make(name, number)
        self.__dict__[name] = function
        return function

    def _make(self, name: str, number: int) -> Callable[..., Any]:
        exact, _, arguments = SYSCALLS[number]
        slot_names = [n for _, n in arguments]
        names = [n for n in slot_names if n != "PAD"]
        process = self._process

        def raw(*args: Any) -> Any:
            if len(args) != len(names):
                raise TypeError(
                    f"{name}({', '.join(names)}) takes {len(names)} arguments,"
                    f" not {len(args)}"
                )
            given = iter(args)
            slots = tuple(0 if n == "PAD" else next(given) for n in slot_names)
            results = call(process, number, slots)
            return results if exact in PAIRS else results[0]

        raw.__name__ = raw.__qualname__ = name
        raw.__doc__ = f"{name}({', '.join(names)}): NetBSD system call {number}."
        return raw

    def __dir__(self) -> list[str]:
        return sorted(NUMBERS)
