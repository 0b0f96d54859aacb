# SPDX-License-Identifier: BSD-2-Clause
"""Journals (WAPBL) of kernels that were killed: replayed to the disk, or on a
read-only mount in memory."""

from __future__ import annotations

import errno
import json
import lzma
import struct
from pathlib import Path
from typing import Any

import pytest

import rumpy
from rumpy.block import MemoryDevice

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
MAY_MOUNT = {"jmagic-newest", "jfsid", "jflips"}
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
        assert kind not in ("jflips", "jfsid")
        assert image.read_bytes() == images.damaged(base, kind), "refused, but changed"


@pytest.mark.own_driver("refuses what NetBSD's does not look at")
@pytest.mark.parametrize("name", ["wal-mixed1", "wal-mixed2"])
def test_another_file_systems_number(kernel: rumpy.Kernel, name: str) -> None:
    """NetBSD leaves wc_fsid 0, so it can't tell whose journal this is: the
    superblock says where it lies, and that counts."""
    data = bytes(images.damaged(name, "jfsid"))
    with kernel.mount("ffs", data, "/mnt", "ro"):
        assert differences(kernel, name) == []
    with MemoryDevice(data) as disk:
        with kernel.mount("ffs", disk, "/mnt"):
            assert differences(kernel, name) == []
        assert check(bytes(disk.read(0, disk.size))).problems == []


def journal(data: bytearray) -> tuple[int, int, str, int]:
    """Bytes where a journal begins, how many, its byte order, the superblock."""
    for where, order in ((w, o) for w in (65536, 8192) for o in "<>"):
        (home,) = struct.unpack_from(order + "q", data, where + 1000)
        if home != where:
            continue
        for there in "<>":  # not always the order of the file system
            loc = struct.unpack_from(there + "4Q", data, where + 872)
            if loc[2] == 512:
                return loc[0] * 512, loc[1] * 512, there, where
    raise AssertionError("no journal")


def runs(data: bytearray) -> list[tuple[int, int, int]]:
    """Where records name runs of blocks; their first block, and bytes."""
    base = journal(data)[0]
    heads = [struct.unpack_from("<12x I 32x 4q", data, base + 512 * i) for i in (0, 1)]
    _, head, off, first, ring = max(heads)[:5]
    found = []
    while off != head:
        kind, length, count = struct.unpack_from("<IiI", data, base + off)
        if kind == 0x5741424F:
            for i in range(count):
                at = base + off + 16 + 16 * i
                block, _, n = struct.unpack_from("<qIi", data, at)
                found.append((at, block, n))
        off += length
        if off >= first + ring:
            off -= ring
    return found


@pytest.mark.own_driver("NetBSD's replays it")
@pytest.mark.parametrize("target", ["super", "inside the super", "journal", "beside"])
def test_where_a_journal_may_not_write(kernel: rumpy.Kernel, target: str) -> None:
    """Not over the superblock, though later records may mend it, nor over
    itself; what is beside the superblock is no concern."""
    data = bytearray(images.unpacked("wal-create"))
    base, _, _, sb = journal(data)
    at, _, _ = next(r for r in runs(data) if r[1] * 512 != sb and r[2] <= 8192)
    where = {
        "super": sb,
        "inside the super": sb + 1024,
        "journal": base + 8192,
        "beside": sb + 8192,
    }[target]
    struct.pack_into("<q", data, at, where // 512)
    for options in (("ro",), (), ("log",)):
        with MemoryDevice(bytes(data)) as disk:
            if target == "beside":
                with kernel.mount("ffs", disk, "/mnt", *options):
                    read_all(kernel, b"/mnt")
                continue
            with pytest.raises(OSError) as caught:
                kernel.mount("ffs", disk, "/mnt", *options)
            over = "over the superblock" if "super" in target else "of the journal"
            assert caught.value.errno == errno.EINVAL
            assert f"bad journal: block {over}" in str(caught.value)
            assert disk.read(0, disk.size) == data


@pytest.mark.own_driver("NetBSD's allocates what it says")
def test_a_journal_larger_than_the_disk(kernel: rumpy.Kernel) -> None:
    """Superblock and headers agree on a size that no memory would hold."""
    data = bytearray(images.unpacked("wal-create"))
    base, _, order, sb = journal(data)
    struct.pack_into(order + "Q", data, sb + 880, 1 << 50)
    for i in (0, 1):
        struct.pack_into("<q", data, base + 512 * i + 72, (1 << 59) - 1024)
        struct.pack_into("<q", data, base + 512 * i + 48, 1 << 58)
    with pytest.raises(OSError, match="bad journal: place"):
        kernel.mount("ffs", bytes(data), "/mnt", "ro")


@pytest.mark.own_driver("NetBSD's may write it")
def test_what_may_not_be_written_is_not_replayed(kernel: rumpy.Kernel) -> None:
    data = bytearray(images.unpacked("wal-create"))
    _, _, _, sb = journal(data)
    struct.pack_into("<I", data, sb + 1116, 10)  # fs_snapinum: a snapshot
    with MemoryDevice(bytes(data)) as disk:
        with pytest.raises(OSError) as caught:
            kernel.mount("ffs", disk, "/mnt")
        assert caught.value.errno == errno.EROFS
        assert disk.read(0, disk.size) == data
        with kernel.mount("ffs", disk, "/mnt", "ro"):
            assert differences(kernel, "wal-create") == []
