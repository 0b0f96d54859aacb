# SPDX-License-Identifier: BSD-2-Clause
"""What a disk says of itself to those who ask for a label."""

from __future__ import annotations

import os
import struct

import pytest

import rumpy

#: _IOR('d', 101, struct disklabel), and where the raw partition is in it.
DIOCGDINFO, LABEL_SIZE, RAW_PART = 0x41986465, 408, 148 + 16 * 3


@pytest.mark.parametrize(
    ("start", "fsize", "frag", "cpg"),
    [(b"DOS\1", 512, 1, 2), (b"\0" * 4, 0, 0, 0), (b"ISO!", 0, 0, 0)],
)
def test_only_an_amigas_disk_has_its_blocks_in_the_label(
    kernel: rumpy.Kernel, start: bytes, fsize: int, frag: int, cpg: int
) -> None:
    disk = kernel.attach(bytearray(start.ljust(1 << 16, b"\0")))
    label = bytearray(LABEL_SIZE)
    fd = kernel.open(disk.path, os.O_RDONLY)
    kernel.sys.ioctl(fd, DIOCGDINFO, label)
    kernel.close(fd)
    size, offset, *rest = struct.unpack_from("<IIIBBH", label, RAW_PART)
    assert (size, offset) == (128, 0)
    # On a CD, the first of them is the session it begins in.
    assert (rest[0], rest[2], rest[3]) == (fsize, frag, cpg)
