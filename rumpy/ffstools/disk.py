# SPDX-License-Identifier: BSD-2-Clause
"""What the tools share: an opened and locked image as C wants it, and errors."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager

from rumpy._hyp import ffi
from rumpy.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@contextmanager
def opened(
    image: Any,
    *,
    readonly: bool,
    offset: int = 0,
    size: int | None = None,
) -> Iterator[Any]:
    """A struct fft_disk over an image, which is locked meanwhile.

    Args:
        image: a path, or a device of rumpy.block that is a window of a file.
        readonly: whether nothing will be written; then the lock is shared.
        offset, size: the stretch that is the file system, bytes.

    Raises:
        ImageError: in use, or no file.
        OSError: the host refuses.
    """
    from rumpy.block.open import open_device
    from rumpy.block.protocol import native_window

    with open_device(image, readonly=readonly, offset=offset, size=size) as device:
        try:
            window = native_window(device)
        except AttributeError:
            raise ImageError("is no file: the tools work on files only") from None
        disk = ffi.new("struct fft_disk *")
        disk.fd = window.fd
        disk.offset = window.offset
        disk.size = window.length
        yield disk


def name_of(image: object) -> str | None:
    """An image's name for messages; None for a device."""
    return os.fsdecode(image) if isinstance(image, (str, os.PathLike)) else None


def check(disk: Any, error: int, image: object = None) -> None:
    """Raise what C reported.

    Raises:
        ImageError: the image, or what was asked of it.
        MemoryError: no memory.
        OSError: the host refused something.
    """
    if error == 0:
        return
    text = os.fsdecode(ffi.string(disk.error)) or os.strerror(error)
    if error == errno.ENOMEM:
        raise MemoryError(text)
    if error in (errno.EINVAL, errno.ENOTSUP, errno.EFBIG):
        raise ImageError(text, image=name_of(image))
    raise OSError(error, text, name_of(image))
