# SPDX-License-Identifier: BSD-2-Clause
"""A stretch of a file or block device to look at, never to change."""

from __future__ import annotations

import errno
import os
import stat

from rumpy.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from struct import Struct
    from typing import Any


class Source:
    """`size` bytes of `path` from `offset`; reads beyond the end are short.

    Raises:
        ImageError: neither a file nor a block device.
        OSError: the host refuses.
    """

    def __init__(
        self, path: str | os.PathLike[str], offset: int = 0, size: int | None = None
    ) -> None:
        self.path = os.fspath(path)
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode) and not stat.S_ISBLK(mode):
            # To open a FIFO waits for a writer; a terminal has other effects.
            raise ImageError("neither a file nor a block device", image=self.path)
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        whole = os.lseek(self.fd, 0, os.SEEK_END)
        self.offset = offset
        rest = max(whole - offset, 0)
        self.size = rest if size is None else min(size, rest)

    def at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes; fewer at the end, none behind it."""
        length = max(min(length, self.size - offset), 0)
        if not length or offset < 0:
            return b""
        return os.pread(self.fd, length, self.offset + offset)

    def fields(self, layout: Struct, offset: int) -> tuple[Any, ...] | None:
        """Unpack at `offset`; None where the image ends before."""
        data = self.at(offset, layout.size)
        return layout.unpack(data) if len(data) == layout.size else None

    def part(self, offset: int, size: int) -> Source:
        """Another stretch of the same file, relative to this one."""
        return Source(self.path, self.offset + offset, size)

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
