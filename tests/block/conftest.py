# SPDX-License-Identifier: BSD-2-Clause
"""Transfers by C, as a kernel makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("rumpy._hyp", reason="the native part is not built (make ext)")

from rumpy._hyp import ffi, lib
from rumpy.hypercall.block import Attached

Transfer = Callable[..., tuple[int, bytes]]


def run(
    dev: int, op: int, offset: int, length: int, data: bytes = b"", pieces: int = 1
) -> tuple[int, bytes, Any]:
    """One transfer in so many pieces; errno, the buffer, the bio."""
    buffer = ffi.new("char[]", max(length, 1))
    ffi.memmove(buffer, data, len(data))
    iov = ffi.new("struct hyp_iovec[]", pieces)
    step = length // pieces
    for i in range(pieces):
        iov[i].base = buffer + i * step
        iov[i].len = step if i < pieces - 1 else length - step * (pieces - 1)
    bio = ffi.new("struct hyp_bio *")
    bio.op, bio.offset, bio.length = op, offset, length
    bio.iov, bio.iovcnt = iov, pieces
    lib.hyp_block_transfer(dev, bio)
    return int(bio.error), bytes(ffi.buffer(buffer, length)), bio


class Disk:
    """A device as C sees it."""

    def __init__(self, attached: Attached) -> None:
        self.attached = attached

    def read(self, offset: int, length: int, pieces: int = 1) -> tuple[int, bytes]:
        return run(self.attached.dev, lib.HYP_READ, offset, length, pieces=pieces)[:2]

    def write(self, offset: int, data: bytes, pieces: int = 1) -> int:
        return run(self.attached.dev, lib.HYP_WRITE, offset, len(data), data, pieces)[0]

    def flush(self) -> int:
        return run(self.attached.dev, lib.HYP_FLUSH, 0, 0)[0]

    def discard(self, offset: int, length: int) -> int:
        bio = ffi.new("struct hyp_bio *")
        bio.op, bio.offset, bio.length = lib.HYP_DISCARD, offset, length
        lib.hyp_block_transfer(self.attached.dev, bio)
        return int(bio.error)


@pytest.fixture
def attach() -> Iterator[Callable[..., Disk]]:
    """attach(device, native=...): the device as C sees it."""
    with ExitStack() as stack:

        def attach(device: Any, **how: Any) -> Disk:
            attached = Attached(device, **how)
            stack.callback(attached.detach)
            return Disk(attached)

        yield attach
