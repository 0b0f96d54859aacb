# SPDX-License-Identifier: BSD-2-Clause
"""The console group: where a kernel's messages go, and what it can read.

The kernel writes into a ring and never waits for anybody.  A thread follows the
ring for a sink written in Python; there is none while nobody wants the lines.
"""

from __future__ import annotations

import _thread
import sys

from rumpy._hyp import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Thread
    from typing import Any, Final

LOGGER: Final = "rumpy.console"
_RING: Final = int(lib.HYP_CONSOLE_RING)


class ConsoleSink:
    """Sends each line to the logger "rumpy.console"; subclass it for more.

    line() and read() are called on threads of their own or of the caller, never
    with the kernel's CPU held.
    """

    def line(self, text: str) -> None:
        """One line that the kernel printed, without its end."""
        import logging

        logging.getLogger(LOGGER).info("%s", text)

    def read(self, length: int) -> bytes:
        """Input for the kernel, at most so many bytes; empty is the end."""
        raise NotImplementedError("input comes from KernelConsole.feed()")

    @property
    def wanted(self) -> bool:
        """Whether anybody listens: line() is replaced, or the logger is on."""
        if type(self).line is not ConsoleSink.line:
            return True
        # Whoever set up logging has imported it.
        logging = sys.modules.get("logging")
        return logging is not None and bool(
            logging.getLogger(LOGGER).isEnabledFor(logging.INFO)
        )

    @property
    def reads(self) -> bool:
        """Whether read() is to be called."""
        return type(self).read is not ConsoleSink.read


class KernelConsole:
    """The console of one kernel.

    Args:
        kernel: the `struct hyp_kernel *`.
        sink: who gets the lines.
    """

    def __init__(self, kernel: Any, sink: ConsoleSink) -> None:
        self._kernel = kernel
        self._sink = sink
        self._lock = _thread.allocate_lock()
        self._thread: Thread | None = None
        self._stop = False
        self._at = ffi.new("uint64_t *")
        self._partial = b""
        self._kept = ""
        if sink.wanted:
            self.follow()

    def tail(self, size: int = 4096) -> str:
        """The last bytes printed, from the start of a line."""
        with self._lock:
            if self._kernel is None:
                return self._kept[-size:]
            buffer = ffi.new("char[]", size)
            got = lib.hyp_console_tail(self._kernel, buffer, size)
            return bytes(ffi.buffer(buffer, got)).decode("utf-8", "replace")

    def position(self) -> int:
        """How many bytes have been printed; for since()."""
        with self._lock:
            if self._kernel is None:
                return 0
            end = ffi.new("uint64_t *", (1 << 64) - 1)
            lib.hyp_console_fetch(self._kernel, end, ffi.new("char[]", 1), 1)
            return int(end[0])

    def since(self, position: int) -> str:
        """What was printed after position(), as far as it is kept."""
        with self._lock:
            if self._kernel is None:
                return ""
            at, buffer = ffi.new("uint64_t *", position), ffi.new("char[]", _RING)
            got = lib.hyp_console_fetch(self._kernel, at, buffer, _RING)
            return bytes(ffi.buffer(buffer, got)).decode("utf-8", "replace")

    @property
    def text(self) -> str:
        """All that is kept: the last 64 KiB."""
        return self.tail(_RING)

    def lines(self) -> Iterator[str]:
        """The lines that are kept, oldest first."""
        yield from self.text.splitlines()

    def feed(self, data: bytes) -> int:
        """Give the kernel input; how many bytes there was room for."""
        with self._lock:
            if self._kernel is None:
                return 0
            lib.hyp_console_input(self._kernel, 1)
            return int(lib.hyp_console_feed(self._kernel, data, len(data)))

    def end_input(self) -> None:
        """No more input: readers get what is there and then the end."""
        with self._lock:
            if self._kernel is not None:
                lib.hyp_console_input(self._kernel, 0)

    def copy_to(self, fd: int) -> None:
        """Also write everything to a descriptor, at once; -1 ends that."""
        with self._lock:
            if self._kernel is not None:
                lib.hyp_console_set_fd(self._kernel, fd)

    def follow(self) -> None:
        """Begin to send lines to the sink, from the oldest kept on."""
        import threading

        with self._lock:
            if self._thread is not None or self._kernel is None:
                return
            self._thread = threading.Thread(
                target=self._run, name="rumpy-console", daemon=True
            )
            self._thread.start()

    def close(self) -> None:
        """Stop following; what was printed until now has reached the sink."""
        thread = self._thread
        kernel = self._kernel
        if kernel is None:
            return
        self._stop = True
        lib.hyp_console_wake(kernel, 1)
        if thread is not None and thread.ident != _thread.get_ident():
            thread.join()
        self._kept = self.text
        with self._lock:
            self._kernel = None

    def _run(self) -> None:
        buffer = ffi.new("char[]", 4096)
        while True:
            stopping = self._stop
            while got := lib.hyp_console_fetch(self._kernel, self._at, buffer, 4096):
                self._deliver(bytes(ffi.buffer(buffer, got)))
            if stopping:
                break
            lib.hyp_console_wait(self._kernel, self._at[0], 1000)
        if self._partial:
            self._deliver(b"\n")

    def _deliver(self, data: bytes) -> None:
        *whole, self._partial = (self._partial + data).split(b"\n")
        for line in whole:
            try:
                self._sink.line(line.rstrip(b"\r").decode("utf-8", "replace"))
            except Exception as error:
                from rumpy.hypercall.exceptions import unraisable

                unraisable(error, "console")
