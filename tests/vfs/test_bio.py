# SPDX-License-Identifier: BSD-2-Clause
"""Buffers, pages and uio, by tests that are a module: modules/iotest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rumpy.block import Device, MemoryDevice

if TYPE_CHECKING:
    import rumpy

MODULES = Path(__file__).resolve().parents[2] / "build" / "modules"
SIZE = 8 << 20


class InPython(Device):
    """A disk whose every request is made in Python, and so completes later."""

    sector_size = 512
    sector_count = SIZE // 512

    def __init__(self) -> None:
        self.data = bytearray(SIZE)

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.data[offset : offset + length])

    def write(self, offset: int, data: memoryview) -> None:
        self.data[offset : offset + len(data)] = data


@pytest.mark.parametrize("device", [lambda: MemoryDevice(SIZE), InPython])
def test_io(kernel: rumpy.Kernel, device: type[Device]) -> None:
    kernel.attach(device(), "/dev/iotest")
    try:
        kernel.load(MODULES / "iotest.kmod")
    finally:
        text = kernel.console.tail(16384)
    assert "iotest: 17 tests, 0 failed" in text, text
