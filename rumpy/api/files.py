# SPDX-License-Identifier: BSD-2-Clause
"""io objects of files in a kernel: `k.fopen`, as the builtin `open` does it."""

from __future__ import annotations

import io
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.api.base import Name
    from rumpy.process import Process

_MODES = {
    "r": os.O_RDONLY,
    "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "x": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
}


class KernelFile(io.RawIOBase):
    """An unbuffered file: system calls and nothing else.

    `kernel_fd` is the descriptor; there is no fileno(), because no host
    function may take it for the host's.
    """

    def __init__(
        self,
        process: Process,
        fd: int,
        mode: str,
        *,
        closefd: bool,
        name: object,
    ) -> None:
        self._process = process
        self._closefd = closefd
        self._fd = fd
        self._epoch = process.kernel._books.epoch
        self.mode = mode
        self.name = name

    @property
    def kernel_fd(self) -> int:
        """The descriptor.

        Raises:
            SnapshotError: the file was opened after the snapshot that has been
                restored; the number may be another file's now.
        """
        books = self._process.kernel._books
        if self._epoch != books.epoch:
            books.check(self._epoch)
        return self._fd

    def readable(self) -> bool:
        """Whether the mode allows reading."""
        return "r" in self.mode or "+" in self.mode

    def writable(self) -> bool:
        """Whether the mode allows writing."""
        return "r" not in self.mode or "+" in self.mode

    def seekable(self) -> bool:
        """Whether the file has an offset (a FIFO has none)."""
        self._checkClosed()
        try:
            self._process.lseek(self.kernel_fd, 0, os.SEEK_CUR)
        except OSError:
            return False
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int | None:  # type: ignore[override]
        """Fill the buffer; None where a non-blocking file has nothing now."""
        self._checkReadable()  # type: ignore[attr-defined]
        try:
            return self._process.readinto(self.kernel_fd, buffer)
        except BlockingIOError:
            return None

    def write(self, data: bytes | bytearray | memoryview) -> int | None:  # type: ignore[override]
        """Write; None where a non-blocking file takes nothing now."""
        self._checkWritable()  # type: ignore[attr-defined]
        try:
            return self._process.write(self.kernel_fd, data)
        except BlockingIOError:
            return None

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the offset."""
        self._checkClosed()
        return self._process.lseek(self.kernel_fd, offset, whence)

    def truncate(self, size: int | None = None, /) -> int:
        """Set the file's size, by default to the offset."""
        self._checkWritable()  # type: ignore[attr-defined]
        size = self.tell() if size is None else size
        self._process.ftruncate(self.kernel_fd, size)
        return size

    def isatty(self) -> bool:
        """Whether the file is a terminal."""
        self._checkClosed()
        return self._process.isatty(self.kernel_fd)

    def close(self) -> None:
        """Close the descriptor, unless it was somebody else's."""
        if self.closed:
            return
        try:
            super().close()
        finally:
            if self._closefd and self._epoch in self._process.kernel._books.epochs:
                self._process.close(self._fd)

    def __del__(self) -> None:
        # A finalizer may run in the middle of a call of the same kernel, so it
        # only hands the descriptor over; the next call closes it.
        if not self.closed and self._epoch in self._process.kernel._books.epochs:
            self._process._abandon(self._fd if self._closefd else None, self)

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"kernel_fd={self._fd}"
        return f"<KernelFile name={self.name!r} mode={self.mode!r} {state}>"


def _plain_mode(mode: str) -> tuple[str, bool]:
    """The mode without b and t, and whether it is binary; as open() checks it."""
    plain = mode.replace("b", "", 1).replace("t", "", 1)
    kinds = plain.replace("+", "", 1)
    if kinds not in _MODES or ("b" in mode and "t" in mode):
        raise ValueError(f"invalid mode: {mode!r}")
    return kinds + ("+" if "+" in plain else ""), "b" in mode


def fopen(
    process: Process,
    file: Name | int,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
) -> io.IOBase:
    """See Process.fopen."""
    plain, binary = _plain_mode(mode)
    if binary and (encoding or errors or newline):
        raise ValueError("binary mode takes no encoding, errors or newline argument")
    if buffering == 0 and not binary:
        raise ValueError("can't have unbuffered text I/O")
    if isinstance(file, int):
        fd = file
    else:
        flags = _MODES[plain[0]]
        if "+" in plain:
            flags = flags & ~os.O_WRONLY | os.O_RDWR
        fd = process.open(file, flags | os.O_CLOEXEC, 0o666)
        closefd = True
    raw = KernelFile(process, fd, plain, closefd=closefd, name=file)
    if buffering == 0:
        return raw
    buffered = _buffered(raw, plain, buffering)
    if binary:
        return buffered
    text = io.TextIOWrapper(
        buffered,
        io.text_encoding(encoding),
        errors,
        newline,
        line_buffering=buffering == 1,
    )
    text.mode = mode  # type: ignore[misc]
    return text


def _buffered(
    raw: KernelFile, mode: str, size: int
) -> io.BufferedReader | io.BufferedWriter | io.BufferedRandom:
    size = size if size > 1 else 65536
    if "+" in mode:
        return io.BufferedRandom(raw, size)
    if mode == "r":
        return io.BufferedReader(raw, size)
    return io.BufferedWriter(raw, size)  # type: ignore[arg-type]
