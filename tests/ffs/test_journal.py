# SPDX-License-Identifier: BSD-2-Clause
"""Journals (WAPBL) of kernels that were killed: replayed to the disk, or on a
read-only mount in memory."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

import rumpy

from . import images, tree
from .conftest import Driver
from .ffscheck import check
from .test_damage import ALLOWED, change_things, read_all

DIRTY = [
    n
    for n in images.names("wal-")
    if not n.startswith("wal-clean") and n != "wal-nolog"
]
DAMAGED = [
    (base, kind)
    for base in ("wal-mixed1", "wal-mixed2")
    for kind in images.damages(base)
]
#: Whose "wanted" column leaves it open, or which is other damage.
MAY_MOUNT = {"jmagic-newest", "jfsid", "jflips", "jdaddr-sb"}
#: What the replaying kernel changed itself.
LOOSE = ("atime", "ctime")


def replayed(name: str) -> dict[str, Any]:
    """The tree after the real kernel's replay."""
    manifest: dict[str, Any] = images.manifest(f"{name}.replayed")
    return manifest


def durable(name: str) -> dict[str, Any]:
    """What was known to be on the disk before the kill."""
    packed = images.IMAGES / "manifests" / f"{name}.durable.json.xz"
    loaded: dict[str, Any] = json.loads(lzma.decompress(packed.read_bytes()))
    return loaded


def differences(k: rumpy.Kernel, name: str) -> list[str]:
    """Where /mnt is not what the real kernel's replay gave."""
    found = tree.differences(k, b"/mnt", replayed(name)["entries"])
    return [d for d in found if not d.split(": ")[1].startswith(LOOSE)]


@pytest.mark.parametrize("name", DIRTY)
def test_read_only_replays_in_memory(
    kernel: rumpy.Kernel, driver: Driver, tmp_path: Path, name: str
) -> None:
    if not driver.own and name == "wal-mixed1":
        pytest.skip("NetBSD's driver reads files through the journal, not inodes")
    image = images.copy(name, tmp_path)
    with kernel.mount("ffs", str(image), "/mnt", "ro") as mnt:
        assert differences(kernel, name) == []
        with pytest.raises(OSError):
            mnt.update()
    assert image.read_bytes() == images.unpacked(name)


@pytest.mark.parametrize("name", DIRTY)
def test_replay_to_the_disk(kernel: rumpy.Kernel, tmp_path: Path, name: str) -> None:
    image = images.copy(name, tmp_path)
    with kernel.mount("ffs", str(image), "/mnt"):
        assert differences(kernel, name) == []
        survivors(kernel, durable(name))
    assert check(image.read_bytes()).problems == []
    # The journal is empty now; the tree stays, and can be changed.
    with kernel.mount("ffs", str(image), "/mnt", "ro"):
        assert differences(kernel, name) == []
    with kernel.mount("ffs", str(image), "/mnt"):
        change_things(kernel, b"/mnt")
    assert check(image.read_bytes()).problems == []


def survivors(k: rumpy.Kernel, known: dict[str, Any]) -> None:
    """Nothing durable is missing, nothing durably removed is back."""
    for name, want in known["must_survive"].items():
        path = b"/mnt/" + tree.unescape(name)
        st = k.lstat(path)
        if "sha256" in want:
            assert st.st_size == want["size"]
            assert tree.digest(k, path, 0, st.st_size) == want["sha256"]
    for name in known["must_be_gone"]:
        with pytest.raises(FileNotFoundError):
            k.lstat(b"/mnt/" + tree.unescape(name))


@pytest.mark.own_driver("NetBSD's trusts what is in the journal")
@pytest.mark.parametrize("options", [("ro",), ()])
@pytest.mark.parametrize(("base", "kind"), DAMAGED)
def test_damaged_journals(
    kernel: rumpy.Kernel,
    tmp_path: Path,
    base: str,
    kind: str,
    options: tuple[str, ...],
) -> None:
    image = tmp_path / "damaged.img"
    image.write_bytes(images.damaged(base, kind))
    try:
        with kernel.mount("ffs", str(image), "/mnt", *options):
            _, errors = read_all(kernel, b"/mnt")
        assert errors <= ALLOWED
        assert kind in MAY_MOUNT or (base, kind) == ("wal-mixed2", "jtail-out")
    except rumpy.ImageError:
        assert kind != "jflips"
        assert image.read_bytes() == images.damaged(base, kind), "refused, but changed"
