# SPDX-License-Identifier: BSD-2-Clause
"""FFS of OpenBSD and Solaris, and superblocks at all four places.

No image of theirs is at hand: these are NetBSD's, changed to what the layouts
say (flavours.py).
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from pathlib import Path

import pytest

import rumpy
from rumpy import probe
from rumpy.block import MemoryDevice
from rumpy.errors import ImageError
from rumpy.ffstools import fsck, newfs

from . import ffscheck, flavours, images, tree
from .test_damage import change_things

pytestmark = pytest.mark.own_driver("NetBSD's has other answers")

SUNS = ["nb-bsd43be-4k", "nb-bsd43le-8k"]


def same_tree(k: rumpy.Kernel, name: str, *besides: str) -> list[str]:
    """Where /mnt is not what NetBSD read, besides some kinds of times."""
    found = tree.differences(k, b"/mnt", images.manifest(name)["entries"])
    return [d for d in found if not d.split(": ")[1].startswith(("atime", *besides))]


# -- Solaris ---------------------------------------------------------------


@pytest.mark.parametrize("name", SUNS)
def test_solaris_is_read(kernel: rumpy.Kernel, tmp_path: Path, name: str) -> None:
    image = tmp_path / "sun.img"
    image.write_bytes(flavours.solaris(name))
    with kernel.mount("ffs", str(image), "/mnt", "ro"):
        assert same_tree(kernel, name, "mtime", "ctime") == []
    assert "Solaris" not in kernel.console.text
    found = probe.probe(image)
    assert "Solaris UFS" in found.text
    assert found.superblock is not None
    assert found.superblock.clean
    assert found.superblock.journal is None
    report = fsck(image)
    assert report.problems == ()
    assert report.was_clean
    assert any("Solaris" in note for note in report.notes)


@pytest.mark.parametrize("name", SUNS)
def test_large_ids_of_solaris(kernel: rumpy.Kernel, name: str) -> None:
    data = bytearray(flavours.solaris(name))
    order = ">" if "be" in name else "<"
    with kernel.mount("ffs", bytes(data), "/mnt", "ro"):
        path = next(e.path for e in kernel.scandir("/mnt") if e.is_file())
        before = kernel.stat(path)
    flavours.sun_inode(
        data, order, before.st_ino, uid=400000, gid=3000000000, usec=654321
    )
    with kernel.mount("ffs", bytes(data), "/mnt", "ro"):
        after = kernel.stat(path)
    assert (after.st_uid, after.st_gid) == (400000, 3000000000)
    assert after.st_mtime_ns == int(before.st_mtime) * 10**9 + 654321000


@pytest.mark.parametrize("name", SUNS)
@pytest.mark.parametrize("log", [0, 5000])
def test_solaris_is_not_written(kernel: rumpy.Kernel, name: str, log: int) -> None:
    """With a log in it least of all: it may not have been rolled."""
    data = flavours.solaris(
        name, log=log, clean=flavours.SUN_LOG if log else flavours.SUN_STABLE
    )
    with MemoryDevice(data) as disk:
        with pytest.raises(OSError) as caught:
            kernel.mount("ffs", disk, "/mnt")
        assert caught.value.errno == errno.EROFS
        assert ("log" in str(caught.value)) == bool(log)
        assert "Solaris" in str(caught.value)
        with kernel.mount("ffs", disk, "/mnt", "ro"):
            assert same_tree(kernel, name, "mtime", "ctime") == []
        assert ("what is in Solaris' log is not seen" in kernel.console.text) == bool(
            log
        )
        assert disk.read(0, disk.size) == data


@pytest.mark.parametrize("name", SUNS)
def test_solaris_is_checked(tmp_path: Path, name: str) -> None:
    """Also with lists, attributes and a log; nothing is written."""
    order = ">" if "be" in name else "<"
    data = bytearray(flavours.solaris(name))
    reader = ffscheck.Image(bytes(data))
    files = [
        i for _, i in reader.walk() if stat.S_ISREG(i.mode) and i.nlink == 1 and i.size
    ]
    lists, first, second, owner = files[:4]
    folder = next(
        i for p, i in reader.walk() if i.isdir and p.count(b"/") == 1 and i.nlink == 2
    )
    # A file becomes the list of two others, a directory another's attributes.
    for number, mode, links in (
        (lists.number, 0o130000, 2),
        (folder.number, 0o160755, folder.nlink),
    ):
        at = reader.inode_offset(number)
        struct.pack_into(order + "Hh", data, at, mode, links)
    for inode, member, target in (
        (first, 112, lists), (second, 112, lists), (owner, 124, folder),
    ):  # fmt: skip
        at = reader.inode_offset(inode.number) + member
        struct.pack_into(order + "I", data, at, target.number)
    image = tmp_path / "sun.img"
    image.write_bytes(data)
    # Both have names still.
    assert {p.inode for p in fsck(image).problems} <= {lists.number, 2, None}
    for parent in (i for _, i in reader.walk() if i.isdir):
        for block in (b for b in parent.db if b):
            start, end = block * reader.sb.fsize, block * reader.sb.fsize + 8192
            for at in range(start, min(end, len(data)) - 12, 4):
                number, _, length = struct.unpack_from(order + "IHH", data, at)
                if number in (lists.number, folder.number) and length > 2:
                    data[at : at + 4] = bytes(4)
    root = dict(reader.walk())[b""]
    struct.pack_into(order + "h", data, reader.inode_offset(2) + 2, root.nlink - 1)
    image.write_bytes(data)
    assert [p.text for p in fsck(image).problems] == []
    _, place = flavours.sun_log(data, order, rolled=True)
    image.write_bytes(data)
    report = fsck(image)
    assert [p.text for p in report.problems] == []
    assert report.was_clean
    # What is wrong is found, and stays.
    wrong = bytearray(data)
    struct.pack_into(order + "h", wrong, reader.inode_offset(first.number) + 2, 7)
    struct.pack_into(order + "I", wrong, place, 1 << 30)
    image.write_bytes(wrong)
    report = fsck(image, mode="repair")
    assert {p.kind for p in report.problems} >= {"link-count", "journal"}
    assert (report.repaired, report.code) == (False, 4)
    assert image.read_bytes() == wrong


@pytest.mark.parametrize("name", SUNS)
def test_solaris_log_is_rolled_first(tmp_path: Path, name: str) -> None:
    order = ">" if "be" in name else "<"
    data = bytearray(flavours.solaris(name))
    flavours.sun_log(data, order, rolled=False)
    image = tmp_path / "sun.img"
    image.write_bytes(data)
    for mode in ("check", "preen", "repair"):
        with pytest.raises(ImageError, match="run fsck -F ufs on Solaris"):
            fsck(image, mode=mode)
    assert image.read_bytes() == data


@pytest.mark.parametrize("order", "<>")
def test_solaris_beyond_a_terabyte_is_named(kernel: rumpy.Kernel, order: str) -> None:
    data = bytearray(images.unpacked("nb-bsd43be-4k"))
    struct.pack_into(order + "I", data, 8192 + 1372, 0xDECADE)
    with pytest.raises(OSError, match="Solaris"):
        kernel.mount("ffs", bytes(data), "/mnt", "ro")


# -- OpenBSD ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["nb-ffs2le-8k", "nb-ffs2be-16k", "nb-ffs1be-8k"])
def test_openbsd_is_read_and_written(
    kernel: rumpy.Kernel, tmp_path: Path, name: str
) -> None:
    image = tmp_path / "openbsd.img"
    image.write_bytes(flavours.openbsd(name, updated=True))
    with kernel.mount("ffs", str(image), "/mnt", "ro"):
        assert same_tree(kernel, name) == []
    with kernel.mount("ffs", str(image), "/mnt"):
        change_things(kernel, b"/mnt")
    assert ffscheck.check(image.read_bytes()).problems == []
    assert fsck(image).clean
    # Its members are no journal, and none were made.
    home = 8192 if "ffs1" in name else 65536
    assert image.read_bytes()[home + 864 : home + 928] == bytes(64)


@pytest.mark.parametrize("name", ["nb-ffs1be-8k", "nb-ffs1le-16k"])
def test_an_old_superblock_is_read_and_brought_up_to_date(
    kernel: rumpy.Kernel, tmp_path: Path, name: str
) -> None:
    """OpenBSD before 4.2, NetBSD before 2.0: 32-bit counters only."""
    image = tmp_path / "old.img"
    old = flavours.openbsd(name, updated=False)
    image.write_bytes(old)
    with kernel.mount("ffs", str(image), "/mnt", "ro"):
        assert same_tree(kernel, name) == []
    with pytest.raises(OSError, match="old format: run rumpy fsck") as caught:
        kernel.mount("ffs", str(image), "/mnt")
    assert caught.value.errno == errno.EROFS
    assert image.read_bytes() == old
    looked = fsck(image)
    assert looked.problems == ()
    assert any("old format" in note for note in looked.notes)
    assert image.read_bytes() == old
    first = fsck(image, mode="repair")
    assert [p.kind for p in first.problems] == ["old-superblock"]
    assert first.repaired
    again = fsck(image)
    assert again.clean
    assert again.notes == ()
    data = image.read_bytes()
    assert ffscheck.check(data).problems == []
    with kernel.mount("ffs", str(image), "/mnt"):
        assert same_tree(kernel, name) == []
        change_things(kernel, b"/mnt")
    assert ffscheck.check(image.read_bytes()).problems == []


# -- superblocks -----------------------------------------------------------


@pytest.mark.parametrize("place", [0, 8192, 65536, 262144])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", ["little", "big"])
def test_superblocks_at_all_places(
    kernel: rumpy.Kernel, tmp_path: Path, place: int, version: int, order: str
) -> None:
    image = tmp_path / "place.img"
    newfs(
        image,
        size=6 << 20,
        version=version,
        order=order,
        superblock=place,
        block_size=8192,
        date=10**9,
    )
    found = probe.probe(image)
    assert found.superblock is not None
    assert found.superblock.place == place
    assert fsck(image).clean
    for options in ((), ("log",)):
        with kernel.mount("ffs", str(image), "/mnt", *options):
            change_things(kernel, b"/mnt")
            fd = kernel.open("/mnt/kept", os.O_CREAT | os.O_WRONLY, 0o644)
            kernel.write(fd, b"kept" * 3000)
            kernel.close(fd)
        with kernel.mount("ffs", str(image), "/mnt", "ro"):
            assert kernel.read_file("/mnt/kept") == b"kept" * 3000
        assert fsck(image).clean
        assert ffscheck.check(image.read_bytes()).problems == []
    # Damaged, it is found by a copy in a group.
    data = bytearray(image.read_bytes())
    data[place + 1372 : place + 1376] = bytes(4)
    image.write_bytes(data)
    assert fsck(image, mode="repair").repaired
    assert fsck(image).clean
    with kernel.mount("ffs", str(image), "/mnt"):
        assert kernel.read_file("/mnt/kept") == b"kept" * 3000


def test_no_superblock_anywhere_else(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="65536 or 262144"):
        newfs(tmp_path / "f.img", size=4 << 20, superblock=4096)
