# SPDX-License-Identifier: BSD-2-Clause
"""Pipes of the kernel: order, ends, waiting."""

from __future__ import annotations

import errno
import os
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import rumpy

O_NONBLOCK = 4  # NetBSD's
POLLIN, POLLOUT = 1, 4


def events(fds: Any) -> tuple[int, int]:
    """What poll(2) found of the two."""
    from rumpy._hyp import ffi

    found = struct.unpack("<ihhihh", bytes(ffi.buffer(fds))[:16])
    return found[2], found[5]


def test_bytes_in_order(kernel: rumpy.Kernel) -> None:
    r, w = kernel.sys.pipe()
    assert r != w
    assert kernel.write(w, b"hello ") == 6
    assert kernel.write(w, b"world") == 5
    assert kernel.read(r, 8) == b"hello wo"
    assert kernel.read(r, 100) == b"rld"
    kernel.close(w)
    assert kernel.read(r, 10) == b""
    kernel.close(r)


def test_no_reader(kernel: rumpy.Kernel) -> None:
    r, w = kernel.sys.pipe()
    kernel.close(r)
    with pytest.raises(BrokenPipeError):
        kernel.write(w, b"x")
    kernel.close(w)


def test_wrong_end(kernel: rumpy.Kernel) -> None:
    r, w = kernel.sys.pipe()
    for call in (lambda: kernel.write(r, b"x"), lambda: kernel.read(w, 1)):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == errno.EBADF


def test_without_waiting(kernel: rumpy.Kernel) -> None:
    from rumpy._hyp import ffi

    pair = ffi.new("int[2]")
    kernel.sys.pipe2(pair, O_NONBLOCK)
    r, w = pair
    with pytest.raises(BlockingIOError):
        kernel.read(r, 1)
    written = 0
    with pytest.raises(BlockingIOError):
        while True:
            written += kernel.write(w, b"z" * 1000)
    assert written >= 8192
    assert len(kernel.read(r, 1 << 20)) == written
    with pytest.raises(OSError) as caught:
        kernel.sys.pipe2(pair, 1)
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(OSError) as caught:
        kernel.sys.pipe2(8, 0)
    assert caught.value.errno == errno.EFAULT


def test_a_reader_waits(kernel: rumpy.Kernel) -> None:
    r, w = kernel.sys.pipe()
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(kernel.read(r, 10)))
    reader.start()
    time.sleep(0.05)
    assert not found
    kernel.write(w, b"now")
    reader.join(10)
    assert found == [b"now"]


def test_more_than_fits(kernel: rumpy.Kernel) -> None:
    r, w = kernel.sys.pipe()
    data = os.urandom(300_000)

    def produce() -> None:
        kernel.write(w, data)
        kernel.close(w)

    writer = threading.Thread(target=produce)
    writer.start()
    parts = []
    while part := kernel.read(r, 7001):
        parts.append(part)
    writer.join(10)
    assert b"".join(parts) == data


def test_the_end_wakes_a_reader(kernel: rumpy.Kernel) -> None:
    r, w = kernel.sys.pipe()
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(kernel.read(r, 10)))
    reader.start()
    time.sleep(0.05)
    kernel.close(w)
    reader.join(10)
    assert found == [b""]


def test_poll(kernel: rumpy.Kernel) -> None:
    from rumpy._hyp import ffi

    r, w = kernel.sys.pipe()
    fds = ffi.new("char[]", 16)  # two of struct pollfd
    fds[0:16] = struct.pack("<ihhihh", r, POLLIN, 0, w, POLLOUT, 0)
    assert kernel.sys.poll(fds, 2, 0) == 1
    assert events(fds) == (0, POLLOUT)
    threading.Timer(0.05, lambda: kernel.write(w, b"x")).start()
    assert kernel.sys.poll(fds, 1, 10_000) == 1
    assert events(fds)[0] == POLLIN
