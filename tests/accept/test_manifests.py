# SPDX-License-Identifier: BSD-2-Clause
"""Every real image shows through the mount what the NetBSD kernel read from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from ffs import images, tree

from rumpy.fuse import mount, umount

if TYPE_CHECKING:
    import rumpy

CLEAN = [n for n in images.names() if images.has_manifest(n)]

#: What Linux's stat has no members for.
UNKNOWN = {"birthtime", "flags"}


class Host:
    """The host's files in the shape of a Kernel's."""

    class Status:
        """os.stat_result, with flags that are always 0."""

        st_flags = 0

        def __init__(self, status: os.stat_result) -> None:
            self._status = status

        def __getattr__(self, name: str) -> Any:
            return getattr(self._status, name)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def lstat(self, path: bytes) -> Host.Status:
        return Host.Status(os.lstat(path))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: owners are compared")
@pytest.mark.parametrize("name", CLEAN)
def test_tree(where: Path, tmp_path: Path, name: str) -> None:
    image = images.copy(name, tmp_path)
    manifest = images.manifest(name)
    entries = {
        path: {k: v for k, v in entry.items() if k not in UNKNOWN}
        for path, entry in manifest["entries"].items()
    }
    mount(None, image, where, "ro")
    try:
        kernel = cast("rumpy.Kernel", Host())
        wrong = tree.differences(kernel, os.fsencode(where), entries)
        vfs = os.statvfs(where)
    finally:
        umount(where)
    assert wrong == []
    for key in ("bsize", "frsize", "blocks", "bfree", "files", "ffree"):
        if key in manifest["statvfs"]:
            assert getattr(vfs, f"f_{key}") == manifest["statvfs"][key], key
    assert image.read_bytes() == images.unpacked(name), "a read-only mount wrote"
