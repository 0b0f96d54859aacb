# SPDX-License-Identifier: BSD-2-Clause
"""What FreeBSD, NetBSD 10 and others add to the format: kept right, or left alone."""

from __future__ import annotations

import errno
import os
import stat
import struct
from pathlib import Path

import pytest

import rumpy
from rumpy import probe

from . import ffscheck, images, tree
from .flavours import (
    CLEAN,
    FLAGS,
    MAGIC,
    METACKHASH,
    NEEDSFSCK,
    SBHASH,
    SBLOCK,
    SOFTDEP,
    SUJ,
    UFS2,
    hashed,
    sb_u32,
    with_flags,
    with_hashes,
)
from .test_damage import change_things

pytestmark = pytest.mark.own_driver("NetBSD's has other answers")

# -- FreeBSD's check hashes ------------------------------------------------


def wrong_hashes(data: bytes) -> list[str]:
    """Which check hashes of an image are wrong; all three kinds."""
    image = ffscheck.Image(data)
    out = []
    size = sb_u32(data, 104)
    raw = data[SBLOCK : SBLOCK + size]
    if sb_u32(data, SBHASH) != hashed(raw, SBHASH):
        out.append("superblock")
    for cg in range(image.sb.ncg):
        at = (image.sb.cgstart(cg) + image.sb.cblkno) * image.sb.fsize
        raw = data[at : at + image.sb.cgsize]
        if struct.unpack_from("<I", raw, 132)[0] != hashed(raw, 132):
            out.append(f"group {cg}")
    for number in range(2, image.sb.ncg * image.sb.ipg):
        at = image.inode_offset(number)
        raw = data[at : at + 256]
        have = struct.unpack_from("<I", raw, 244)[0]
        if image.inode(number) is not None and have != hashed(raw, 244):
            out.append(f"inode {number}")
    return out


def test_check_hashes_of_all_kinds_are_kept(
    kernel: rumpy.Kernel, tmp_path: Path
) -> None:
    image = tmp_path / "hashes.img"
    image.write_bytes(with_hashes())
    assert wrong_hashes(image.read_bytes()) == []
    k = kernel
    k.load("ffs")
    with k.mount("ffs", str(image), "/mnt", "ro"):
        want = images.manifest("nb-fbsd-ufs2-16k")["entries"]
        found = tree.differences(k, b"/mnt", want)
        assert [d for d in found if ": atime" not in d] == []
    with k.mount("ffs", str(image), "/mnt"):
        change_things(k, b"/mnt")
        k.mkdir("/mnt/d")
        k.symlink("s" * 40, "/mnt/d/short")
        k.setxattr("/mnt/d", "user.k", b"v")
        k.chown("/mnt/d", 5, 6)
        k.utime("/mnt/d", (1, 2))
    assert ffscheck.check(image.read_bytes()).problems == []
    assert wrong_hashes(image.read_bytes()) == []


def test_an_inode_with_a_wrong_hash_is_eio(
    kernel: rumpy.Kernel, tmp_path: Path
) -> None:
    image = tmp_path / "hashes.img"
    data = bytearray(with_hashes())
    k = kernel
    k.load("ffs")
    with k.mount("ffs", bytes(data), "/mnt", "ro"):
        name = next(e.name for e in k.scandir("/mnt") if e.is_file())
        ino = k.stat(f"/mnt/{name}").st_ino
    data[ffscheck.Image(bytes(data)).inode_offset(ino) + 4] ^= 1  # its uid
    image.write_bytes(data)
    with k.mount("ffs", str(image), "/mnt"):
        with pytest.raises(OSError) as caught:
            k.stat(f"/mnt/{name}")
        assert caught.value.errno == errno.EIO


def test_hashes_of_an_unknown_kind_are_read_only(kernel: rumpy.Kernel) -> None:
    data = bytearray(images.unpacked(UFS2))
    struct.pack_into("<I", data, SBLOCK + METACKHASH, 0x10)
    kernel.load("ffs")
    with kernel.mount("ffs", bytes(data), "/mnt", "ro"):
        assert kernel.listdir("/mnt")
    with pytest.raises(OSError) as caught:
        kernel.mount("ffs", bytes(data), "/mnt")
    assert caught.value.errno == errno.EROFS


# -- soft updates ----------------------------------------------------------


@pytest.mark.parametrize("flags", [SOFTDEP, SOFTDEP | SUJ])
def test_clean_soft_updates_are_written(
    kernel: rumpy.Kernel, tmp_path: Path, flags: int
) -> None:
    image = tmp_path / "su.img"
    image.write_bytes(with_flags(flags, clean=True))
    kernel.load("ffs")
    with kernel.mount("ffs", str(image), "/mnt"):
        during = image.read_bytes()
        change_things(kernel, b"/mnt")
    after = image.read_bytes()
    assert during[SBLOCK + CLEAN] != 1
    # While it is mounted FreeBSD's journal says nothing: fsck must know.
    assert bool(sb_u32(during, FLAGS) & NEEDSFSCK) == bool(flags & SUJ)
    assert sb_u32(after, FLAGS) & 0xF == flags
    assert after[SBLOCK + CLEAN] == 1
    assert ffscheck.check(after).problems == []


@pytest.mark.parametrize("flags", [SOFTDEP, SOFTDEP | SUJ, NEEDSFSCK])
def test_dirty_soft_updates_are_read_only_and_name_fsck(
    kernel: rumpy.Kernel, tmp_path: Path, flags: int
) -> None:
    image = tmp_path / "su.img"
    image.write_bytes(with_flags(flags, clean=False))
    kernel.load("ffs")
    with pytest.raises(OSError) as caught:
        kernel.mount("ffs", str(image), "/mnt")
    assert caught.value.errno == errno.EROFS
    assert "rumpy fsck" in kernel.console.text
    with kernel.mount("ffs", str(image), "/mnt", "ro"):
        assert kernel.listdir("/mnt")
    assert image.read_bytes() == with_flags(flags, clean=False)


def test_snapshots_are_left_alone(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    data = bytearray(images.unpacked(UFS2))
    struct.pack_into("<I", data, SBLOCK + 1116, 10)  # fs_snapinum[0]
    kernel.load("ffs")
    with kernel.mount("ffs", bytes(data), "/mnt", "ro"):
        assert kernel.listdir("/mnt")
    with pytest.raises(OSError) as caught:
        kernel.mount("ffs", bytes(data), "/mnt")
    assert caught.value.errno == errno.EROFS
    assert "snapshots" in kernel.console.text


# -- what values the format holds ------------------------------------------


def test_netbsd_10s_second_magic(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    image = tmp_path / "ea.img"
    for name, order in ((UFS2, "<"), ("nb-ffs2be-16k", ">")):
        data = bytearray(images.unpacked(name))
        struct.pack_into(order + "I", data, SBLOCK + MAGIC, 0x19012038)
        image.write_bytes(data)
        assert probe.probe(image).kind == "ffs"
        kernel.load("ffs")
        with kernel.mount("ffs", str(image), "/mnt"):
            kernel.mkdir("/mnt/d")
            kernel.setxattr("/mnt/d", "user.k", b"v")
        after = bytearray(image.read_bytes())
        assert struct.unpack_from(order + "I", after, SBLOCK + MAGIC)[0] == 0x19012038
        with kernel.mount("ffs", str(image), "/mnt", "ro"):
            assert kernel.getxattr("/mnt/d", "user.k") == b"v"
        struct.pack_into(order + "I", after, SBLOCK + MAGIC, 0x19540119)
        assert ffscheck.check(bytes(after)).problems == []


TIMES = [-86400 * 365 * 100 * 10**9 - 1, -1, 2**33 * 10**9 + 123456789]


@pytest.mark.parametrize("name", [UFS2, "nb-ffs2be-16k", "nb-ffs1be-8k"])
def test_times_ids_and_names(kernel: rumpy.Kernel, tmp_path: Path, name: str) -> None:
    image = images.copy(name, tmp_path)
    k = kernel
    k.load("ffs")
    odd = b"/mnt/\xff\xfe not utf-8 \x01"
    with k.mount("ffs", str(image), "/mnt"):
        k.close(k.open(odd, os.O_CREAT | os.O_RDWR, 0o600))
        k.chown(odd, 0xFFFFFFF0, 0xFFFFFFF1)
        for i, when in enumerate(TIMES):
            k.mkdir(f"/mnt/t{i}")
            k.utime(f"/mnt/t{i}", ns=(when, when))
    with k.mount("ffs", str(image), "/mnt", "ro"):
        st = k.stat(odd)
        assert (st.st_uid, st.st_gid) == (0xFFFFFFF0, 0xFFFFFFF1)
        for i, when in enumerate(TIMES):
            seconds = when // 10**9
            if "ffs1" in name:  # 32 bits: the nearest
                seconds = max(-(2**31), min(2**31 - 1, seconds))
            got = k.stat(f"/mnt/t{i}").st_mtime_ns
            assert got // 10**9 == seconds
            assert got % 10**9 == when % 10**9
    assert ffscheck.check(image.read_bytes()).problems == []


@pytest.mark.parametrize("name", [UFS2, "nb-ffs1le-16k", "nb-ffs2be-64k"])
def test_a_sparse_tebibyte(kernel: rumpy.Kernel, tmp_path: Path, name: str) -> None:
    image = images.copy(name, tmp_path)
    k = kernel
    k.load("ffs")
    with k.mount("ffs", str(image), "/mnt"):
        fd = k.open("/mnt/big", os.O_CREAT | os.O_RDWR, 0o644)
        k.pwrite(fd, b"end", (1 << 40) - 3)
        k.pwrite(fd, b"middle", 1 << 39)
        k.fsync(fd)
        assert k.fstat(fd).st_size == 1 << 40
        assert k.fstat(fd).st_blocks < 4000
        k.close(fd)
    assert ffscheck.check(image.read_bytes()).problems == []
    with k.mount("ffs", str(image), "/mnt"):
        fd = k.open("/mnt/big", os.O_RDWR)
        assert k.pread(fd, 10, (1 << 40) - 3) == b"end"
        assert k.pread(fd, 8, (1 << 39) - 1) == b"\0middle\0"
        assert k.pread(fd, 4, 1 << 30) == bytes(4)
        k.ftruncate(fd, 10)
        k.close(fd)
        assert stat.S_ISREG(k.stat("/mnt/big").st_mode)
        k.unlink("/mnt/big")
    assert ffscheck.check(image.read_bytes()).problems == []


# -- damage whose outcome the table of damages leaves open ------------------


@pytest.mark.parametrize("base", ["nb-ffs1le-16k", "nb-ffs2le-8k", "nb-ffs2be-16k"])
def test_a_live_block_marked_free_is_not_overwritten(
    kernel: rumpy.Kernel, tmp_path: Path, base: str
) -> None:
    """Fill the disk: the group whose counts belie its map is left alone."""
    image = tmp_path / "freebm.img"
    image.write_bytes(images.damaged(base, "freebm"))
    k = kernel
    k.load("ffs")
    with k.mount("ffs", str(image), "/mnt"):
        fd = k.open("/mnt/fill", os.O_CREAT | os.O_RDWR, 0o644)
        with pytest.raises(OSError) as caught:
            while True:
                k.write(fd, b"F" * 4096)
        assert caught.value.errno == errno.ENOSPC
        k.close(fd)
        assert k.stat("/mnt/fill").st_size > 0
    with k.mount("ffs", str(image), "/mnt", "ro"):
        for name, want in images.manifest(base)["entries"].items():
            if "sha256" in want:
                path = b"/mnt/" + tree.unescape(name)
                assert tree.digest(k, path, 0, want["size"]) == want["sha256"], name
