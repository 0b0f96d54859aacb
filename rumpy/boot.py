# SPDX-License-Identifier: BSD-2-Clause
"""Brings a kernel up and takes it down: a list of named steps.

A Machine is the host's half of one kernel: its memory, the linked images, the
struct hyp_kernel and what the hypercalls need.  rumpy.kernel puts the face on
it.  Nothing here knows what a file is.
"""

from __future__ import annotations

import os
import sys

from rumpy._hyp import ffi, lib
from rumpy.errors import (
    Frame,
    KernelClosed,
    KernelDeadlock,
    KernelInChild,
    KernelPanic,
    RumpyError,
    SnapshotError,
    UnsupportedPlatform,
)
from rumpy.hypercall import (  # noqa: F401  (the built-in groups, of every kernel)
    Hypercalls,
    block,
    clock,
    console,
    provider,
    random,
)
from rumpy.hypercall.memory import Memory, hypercall_addresses
from rumpy.hypercall.system import prepare_process
from rumpy.linker import Linker, export_list, kernel_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
    from typing import Any
else:
    from rumpy.records import dataclass

#: reboot(2) flags the boot understands.
AB_VERBOSE = 0x20000
AB_QUIET = 0x10000

_CLOSE_MS = 10_000


class Settings:
    """How to boot; see Kernel."""

    def __init__(
        self,
        *,
        hypercalls: Hypercalls | None,
        image: str | bytes | None,
        netbsd: int,
        verbose: bool,
        hz: int,
        watchdog: float | None,
    ) -> None:
        self.hypercalls = hypercalls
        self.image = image
        self.netbsd = netbsd
        self.verbose = verbose
        self.hz = hz
        self.watchdog = watchdog

    @property
    def watchdog_ms(self) -> int:
        """For struct hyp_config: negative for none."""
        return -1 if self.watchdog is None else max(1, int(self.watchdog * 1000))


@dataclass(frozen=True, slots=True)
class Wait:
    """A thread in a hypercall that may take long, such as a device's read.

    Attributes:
        thread: its number, as threading.get_native_id() gives it.
        hypercall: which, without "hyp_".
        seconds: for how long, to a few milliseconds.
    """

    thread: int
    hypercall: str
    seconds: float


class Machine:
    """One booted kernel, seen from the host.

    Attributes:
        k: the `struct hyp_kernel *`; it lives as long as anybody holds it.
        linker: what put the images where they are.
        image: the kernel's image.
        exports: servers that show a mount of it to the host.
        kept: what has to live as long because the kernel knows its address.
        cookie: whatever the module hypercalls should be given.
    """

    def __init__(self, settings: Settings, owner: Any) -> None:
        check_host()
        self.ffi, self.lib = ffi, lib
        self.settings = settings
        self.owner = owner
        self._undo: list[Callable[[], object]] = []
        self.exports: set[Any] = set()
        self.kept: list[object] = []
        self.pid = os.getpid()
        try:
            for step in (
                self._prepare_process,
                self._take_hypercalls,
                self._claim_memory,
                self._link,
                self._create,
                self._provide,
                self._start,
            ):
                step()
        except BaseException:
            self._unwind()
            raise

    # --- the steps ----------------------------------------------------------

    def _prepare_process(self) -> None:
        """Fault handlers and Python's functions, once for each process."""
        prepare_process()

    def _take_hypercalls(self) -> None:
        """The groups of hypercalls: the caller's, or the built-in ones."""
        self.hypercalls = self.settings.hypercalls or Hypercalls()

    def _claim_memory(self) -> None:
        """A range below 2 GiB for images, and the arena."""
        self.memory = Memory(self.hypercalls.memory)
        self._undo.append(self.memory.close)

    def _link(self) -> None:
        """kernel.elf at its place, its undefined names being the hypercalls."""
        self.linker = Linker(self.memory.host(hypercall_addresses()))
        netbsd = self.settings.netbsd
        self.image = self.linker.load_kernel(
            kernel_path(netbsd) if self.settings.image is None else self.settings.image,
            exports=lambda: export_list(netbsd),
            netbsd=netbsd,
        )

    def _create(self) -> None:
        """The struct hyp_kernel."""
        config = self.ffi.new("struct hyp_config *")
        place = self.memory.placement
        config.arena = place.arena_base
        config.arena_size = place.arena_size
        config.memory_limit = self.hypercalls.memory.limit
        config.low_base = place.low_base
        config.low_end = place.low_base + place.low_size
        config.memory = self.memory.handle
        config.hz = self.settings.hz
        config.watchdog_ms = self.settings.watchdog_ms
        config.boothowto = AB_VERBOSE if self.settings.verbose else 0
        error = self.ffi.new("int *")
        raw = self.lib.hyp_kernel_create(config, error)
        if raw == self.ffi.NULL:
            raise OSError(error[0], os.strerror(error[0]), "kernel")
        self._raw = raw
        self._undo.append(lambda: self.lib.hyp_kernel_destroy(raw))

    def _provide(self) -> None:
        """Python's side of the hypercalls that have one."""
        self.console = self.hypercalls.install(self)
        self._undo.append(lambda: self.hypercalls.remove(self))

    def _start(self) -> None:
        """Run kern_boot."""
        entry = self.ffi.new("struct hyp_entry *")
        for name, _ in self.ffi.typeof("struct hyp_entry").fields:
            setattr(entry, name, self.image.symbols.get(name, 0))
        self._entry = entry
        error = self.lib.hyp_kernel_start(self._raw, entry)
        if error:
            failure = self.error(error)
            self.lib.hyp_kernel_close(self._raw, _CLOSE_MS)
            raise failure
        self.initproc = int(self.lib.hyp_kernel_initproc(self._raw))
        # From here on the struct and the memory go when nobody holds them.
        self._undo.clear()
        memory, lib = self.memory, self.lib

        def bury(raw: Any) -> None:
            if lib.hyp_kernel_destroy(raw) == 0:
                memory.close()

        self.k = self.ffi.gc(self._raw, bury)

    def _unwind(self) -> None:
        while self._undo:
            self._undo.pop()()

    # --- doors --------------------------------------------------------------

    def has_door(self, name: str) -> bool:
        """Whether the kernel offers kern_NAME."""
        return bool(self.image.symbols.get(f"kern_{name}"))

    def call(self, door: str, argument: Any, proc: int = 0) -> int:
        """Call kern_DOOR(argument); a NetBSD errno.

        Raises:
            RumpyError: the kernel is dead, closed, or called from inside.
        """
        address = self.image.symbols.get(f"kern_{door}", 0)
        if not address:
            raise RumpyError(f"this kernel has no door kern_{door}")
        error = int(self.lib.hyp_call(self._live(), proc, address, argument))
        if error < 0:
            raise self.error(error)
        return error

    def _live(self) -> Any:
        if self.k is None:
            raise KernelClosed("the kernel is closed")
        return self.k

    # --- what went wrong ----------------------------------------------------

    def error(self, code: int) -> BaseException:
        """The exception for what hyp_call or hyp_syscall answered."""
        lib = self.lib
        if code > 0:
            from rumpy.abi.errno import oserror

            return oserror(code)
        if code == lib.HYP_EPANIC:
            return self.panic()
        if code == lib.HYP_ECLOSED:
            return KernelClosed("the kernel is closed")
        if code == lib.HYP_ESTALE:
            return SnapshotError("a snapshot was restored while the call waited")
        if code == lib.HYP_EDEADLK:
            return KernelDeadlock("this thread is inside that kernel already")
        if code == lib.HYP_ECHILD:
            return KernelInChild(
                "the kernel belongs to the process that forked this one"
            )
        if code == lib.HYP_EEXC:
            from rumpy.hypercall.exceptions import take

            return take() or SystemError("a hypercall failed for no known reason")
        if code == lib.HYP_ENODOOR:
            return RumpyError("the kernel has no such door")
        host = int(lib.hyp_host_errno())
        return (
            OSError(host, os.strerror(host))
            if host
            else RumpyError(f"host error {code}")
        )

    def panic(self) -> KernelPanic:
        """Why the kernel died, with a backtrace in source lines."""
        record = self.ffi.new("struct hyp_panic *")
        k = self.k if self.__dict__.get("k") is not None else self._raw
        self.lib.hyp_panic_get(k, record)
        message = self.ffi.string(record.message).decode("utf-8", "replace")
        names = (
            "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip rflags"
        )
        registers = dict(zip(names.split(), map(int, record.regs), strict=False))
        frames = [
            # Only of a fault the first is where it was, not whom it called.
            self.frame(int(record.frames[i]), caller=i > 0 or not record.signo)
            for i in range(min(record.nframes, len(record.frames)))
        ]
        message = self._with_lines(message)
        return KernelPanic(
            message or "the kernel panicked",
            frames=frames,
            console=self.console.tail(),
            registers=registers,
        )

    def _with_lines(self, message: str) -> str:
        """A message with names and lines for its [<address>]es."""
        if "[<" not in message:
            return message
        import re

        return re.sub(
            r" \[<([0-9a-f]+)>\]",
            lambda found: f"\n    {self.frame(int(found[1], 16), caller=True)}",
            message,
        )

    def frame(self, address: int, *, caller: bool = False) -> Frame:
        """An address as a Frame; of a caller the call and not its return."""
        try:
            return self.linker.symbolizer.resolve(address, caller=caller)
        except Exception:  # a damaged line table must not hide the panic
            return Frame(address)

    # --- the end ------------------------------------------------------------

    @property
    def state(self) -> int:
        """One of the HYP_STATE_ numbers; closed where it is gone."""
        if self.k is None:
            return int(self.lib.HYP_STATE_CLOSED)
        return int(self.lib.hyp_kernel_state(self.k))

    def check(self) -> None:
        """See that calls can succeed.

        Raises:
            KernelClosed, KernelPanic, KernelInChild: they can't.
        """
        if self.pid != os.getpid():
            raise self.error(self.lib.HYP_ECHILD)
        if self.state == self.lib.HYP_STATE_PANICKED:
            raise self.panic()
        if self.state != self.lib.HYP_STATE_RUNNING:
            raise KernelClosed("the kernel is closed")

    def running(self) -> bool:
        """Whether calls can succeed."""
        return self.state == self.lib.HYP_STATE_RUNNING and self.pid == os.getpid()

    def waiting(self) -> list[Wait]:
        """Threads in hypercalls that may take long, longest first."""
        if self.k is None or self.pid != os.getpid():
            return []
        room = 64
        found = self.ffi.new("struct hyp_waiting[]", room)
        count = self.lib.hyp_waiting(self.k, found, room)
        waits = [
            Wait(w.tid, self.ffi.string(w.call).decode(), max(0, w.ns) / 1e9)
            for w in found[0:count]
        ]
        return sorted(waits, key=lambda wait: wait.seconds, reverse=True)

    def what_takes_long(self, least: float = 1.0) -> str:
        """The longest of them for a message, or nothing below so many seconds."""
        for wait in self.waiting()[:1]:
            if wait.seconds >= least:
                call, seconds = wait.hypercall, wait.seconds
                return f", waits in hypercall {call} since {seconds:.0f} s"
        return ""

    def shutdown(self) -> None:
        """Ask the kernel to sync, unmount everything and halt."""
        if self.running() and self.has_door("shutdown"):
            argument = self.ffi.new("struct door_shutdown *")
            argument.howto = 0
            self.call("shutdown", argument)

    def close(self, timeout_ms: int = _CLOSE_MS) -> None:
        """Let nobody in any more, and send everybody out.

        Raises:
            TimeoutError: a thread does not leave (it is in a hypercall).
        """
        if self.k is None:
            return
        if self.pid != os.getpid():
            self.k = None
            return
        error = self.lib.hyp_kernel_close(self.k, timeout_ms)
        if error == 16:
            raise TimeoutError(
                f"a thread is still inside the kernel{self.what_takes_long(0)}"
            )
        if error:
            raise self.error(error)
        self.hypercalls.remove(self)
        self.linker.close()
        self.k = None

    k: Any = None


def check_host() -> None:
    """Refuse what rumpy can't run on.

    Raises:
        UnsupportedPlatform: says what is wrong.
    """
    global _checked
    if _checked:
        return
    if sys.platform != "linux" or sys.maxsize < 2**32:
        raise UnsupportedPlatform("rumpy runs on 64-bit Linux on amd64 only")
    if os.uname().machine != "x86_64":
        raise UnsupportedPlatform(
            f"rumpy runs on amd64 (x86_64) only; this is {os.uname().machine}"
        )
    _checked = True


_checked = False
