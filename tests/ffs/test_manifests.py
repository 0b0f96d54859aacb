# SPDX-License-Identifier: BSD-2-Clause
"""Every real image shows exactly what the NetBSD kernel reads from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import images, tree

if TYPE_CHECKING:
    import rumpy

CLEAN = [n for n in images.every() if images.has_manifest(n)]


@pytest.mark.parametrize("name", CLEAN)
def test_tree(kernel: rumpy.Kernel, tmp_path: Path, name: str) -> None:
    image = images.copy(name, tmp_path)
    manifest = images.manifest(name)
    # Without noatime NetBSD's driver moves times in memory, even of these.
    with kernel.mount("ffs", str(image), "/mnt", "ro", "noatime") as mnt:
        wrong = tree.differences(kernel, b"/mnt", manifest["entries"])
        vfs = mnt.statvfs()
    assert wrong == []
    want = manifest["statvfs"]
    got = {key: getattr(vfs, f"f_{key}") for key in want}
    assert got == want
    assert image.read_bytes() == images.unpacked(name), "a read-only mount wrote"
