# SPDX-License-Identifier: BSD-2-Clause
"""Files that are holes for the most part."""

from __future__ import annotations

import os
import time
from pathlib import Path

import rumpy
from rumpy.ffstools import fsck, newfs


def test_huge_holes_are_cut_off_at_once(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    """Where many groups and a small journal make transactions of few blocks."""
    path = tmp_path / "groups.img"
    newfs(
        path, size=600 << 20, block_size=4096, fragment_size=512, density=512,
        log=1 << 20,
    )  # fmt: skip
    with kernel.mount("ffs", path, "/mnt", "log"):
        fd = kernel.open("/mnt/f", os.O_RDWR | os.O_CREAT, 0o644)
        kernel.pwrite(fd, b"first", 0)
        for offset in (100 << 20, 5 << 30, 400 << 30):
            kernel.pwrite(fd, b"far", offset - 3)
        start = time.process_time()
        for length in (6 << 30, 5 << 30, 101 << 20, 5):
            kernel.ftruncate(fd, length)
            assert kernel.fstat(fd).st_size == length
            if length > 1 << 30:
                assert kernel.pread(fd, 3, (5 << 30) - 3) == b"far"
            if length > 100 << 20:
                assert kernel.pread(fd, 3, (100 << 20) - 3) == b"far"
        assert time.process_time() - start < 2
        assert kernel.pread(fd, 9, 0) == b"first"
        assert kernel.fstat(fd).st_blocks == 1
        kernel.close(fd)
    assert fsck(path).clean
