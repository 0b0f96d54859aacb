# SPDX-License-Identifier: BSD-2-Clause
"""Extended attributes: UFS2's in blocks of the file, UFS1's in backing files."""

from __future__ import annotations

import errno
import os
import random
import struct
from pathlib import Path

import pytest

import rumpy
from rumpy.block.faults import PowerCut, Recorder
from rumpy.block.memory import MemoryDevice

from . import ffscheck, images

pytestmark = pytest.mark.own_driver("NetBSD's needs FFSv2ea, and is started otherwise")

UFS2 = ["nb-ffs2le-8k", "nb-ffs2be-16k", "nb-ffs2le-16k-frag1", "nb-fbsd-ufs2-16k"]
UFS1 = ["nb-ffs1le-16k-extattr", "nb-ffs1be-8k", "nb-ffs1le-4k"]


def problems(image: Path) -> list[str]:
    """What the independent checker finds."""
    return ffscheck.check(image.read_bytes()).problems


def touch(k: rumpy.Kernel, path: str) -> None:
    """Make an empty file."""
    k.close(k.open(path, os.O_CREAT | os.O_RDWR, 0o644))


@pytest.mark.parametrize("name", UFS2 + UFS1)
def test_set_get_list_remove(kernel: rumpy.Kernel, tmp_path: Path, name: str) -> None:
    image = images.copy(name, tmp_path)
    k = kernel
    k.load("ffs")
    room = 1000 if "ffs1" in name else 6000
    with k.mount("ffs", str(image), "/mnt", "extattr"):
        touch(k, "/mnt/a")
        k.setxattr("/mnt/a", "user.one", b"1")
        k.setxattr("/mnt/a", "user.none", b"")
        k.setxattr("/mnt/a", "system.two", b"2" * room)
        k.setxattr("/mnt/a", "user.one", b"one")
        assert k.getxattr("/mnt/a", "user.one") == b"one"
        assert k.getxattr("/mnt/a", "user.none") == b""
        assert k.getxattr("/mnt/a", "trusted.two") == b"2" * room
        want = {"user.one", "user.none", "trusted.two"}
        assert set(k.listxattr("/mnt/a")) == want
        with pytest.raises(FileExistsError):
            k.setxattr("/mnt/a", "user.one", b"", os.XATTR_CREATE)
        with pytest.raises(OSError) as caught:
            k.setxattr("/mnt/a", "user.other", b"", os.XATTR_REPLACE)
        assert caught.value.errno == errno.ENODATA
        k.removexattr("/mnt/a", "user.none")
        for _ in range(2):
            with pytest.raises(OSError) as caught:
                k.removexattr("/mnt/a", "user.none")
            assert caught.value.errno == errno.ENODATA
    assert problems(image) == []
    with k.mount("ffs", str(image), "/mnt", "ro"):
        assert k.getxattr("/mnt/a", "user.one") == b"one"
        assert k.getxattr("/mnt/a", "system.two") == b"2" * room
        with pytest.raises(OSError) as caught:
            k.setxattr("/mnt/a", "user.one", b"")
        assert caught.value.errno == errno.EROFS


@pytest.mark.parametrize("name", UFS2)
def test_every_kind_of_file_and_the_blocks_they_take(
    kernel: rumpy.Kernel, tmp_path: Path, name: str
) -> None:
    image = images.copy(name, tmp_path)
    k = kernel
    k.load("ffs")
    with k.mount("ffs", str(image), "/mnt"):
        free = k.statvfs("/mnt").f_bfree
        k.mkdir("/mnt/x")
        k.mknod("/mnt/x/chr", 0o020644, os.makedev(1, 3))
        k.mkfifo("/mnt/x/fifo")
        k.symlink("t", "/mnt/x/link")
        touch(k, "/mnt/x/file")
        frag = k.statvfs("/mnt").f_frsize
        for kind in ("chr", "fifo", "link", "file"):
            path = f"/mnt/x/{kind}"
            k.setxattr(path, "user.k", kind.encode(), follow_symlinks=False)
            assert k.lstat(path).st_blocks == frag // 512
        k.setxattr("/mnt/x", "user.k", b"dir")
        k.setxattr("/mnt/x/file", "user.big", bytes(frag))
        assert k.stat("/mnt/x/file").st_blocks == 2 * frag // 512
    assert problems(image) == []
    with k.mount("ffs", str(image), "/mnt"):
        for kind in ("chr", "fifo", "link", "file"):
            path = f"/mnt/x/{kind}"
            got = k.getxattr(path, "user.k", follow_symlinks=False)
            assert got == kind.encode()
        assert k.readlink("/mnt/x/link") == "t"
        k.removexattr("/mnt/x/file", "user.big")
        k.removexattr("/mnt/x/file", "user.k")
        assert k.stat("/mnt/x/file").st_blocks == 0
        for entry in k.listdir("/mnt/x"):
            k.unlink(f"/mnt/x/{entry}")
        k.rmdir("/mnt/x")
        assert k.statvfs("/mnt").f_bfree == free
    assert problems(image) == []


def parse(area: bytes, order: str) -> dict[tuple[int, bytes], bytes]:
    """The records of an UFS2 area, read here on their own."""
    out, at = {}, 0
    while at < len(area):
        length, space, pad, namelen = struct.unpack_from(order + "IBBB", area, at)
        base = (7 + namelen + 7) & ~7
        assert length % 8 == 0
        assert length >= base + pad
        name = area[at + 7 : at + 7 + namelen]
        out[space, name] = area[at + base : at + length - pad]
        at += length
    return out


@pytest.mark.parametrize("name", UFS2)
def test_the_records_on_the_disk(
    kernel: rumpy.Kernel, tmp_path: Path, name: str
) -> None:
    image = images.copy(name, tmp_path)
    k = kernel
    k.load("ffs")
    rng = random.Random(name)
    model: dict[tuple[int, bytes], bytes] = {}
    with k.mount("ffs", str(image), "/mnt"):
        touch(k, "/mnt/a")
        for _ in range(120):
            key = f"n{'x' * rng.randrange(40)}"
            space = rng.choice(["user.", "system."])
            number = 1 if space == "user." else 2
            if rng.random() < 0.3 and (number, key.encode()) in model:
                k.removexattr("/mnt/a", space + key)
                del model[number, key.encode()]
                continue
            value = rng.randbytes(rng.randrange(200))
            k.setxattr("/mnt/a", space + key, value)
            model[number, key.encode()] = value
        ino = k.stat("/mnt/a").st_ino
    read = ffscheck.Image(image.read_bytes())
    inode = read.inode(ino)
    assert inode is not None
    sb = read.sb
    area = b"".join(
        read.data[b * sb.fsize : b * sb.fsize + sb.bsize] for b in inode.extb if b
    )[: inode.extsize]
    assert parse(area, sb.order) == model


@pytest.mark.parametrize("name", UFS2[:2])
def test_limits_and_a_full_disk(
    kernel: rumpy.Kernel, tmp_path: Path, name: str
) -> None:
    image = images.copy(name, tmp_path)
    k = kernel
    k.load("ffs")
    with k.mount("ffs", str(image), "/mnt"):
        touch(k, "/mnt/a")
        k.setxattr("/mnt/a", "user." + "n" * 255, b"longest")
        with pytest.raises(OSError):
            k.setxattr("/mnt/a", "user." + "n" * 256, b"")
        bsize = k.statvfs("/mnt").f_bsize
        with pytest.raises(OSError) as caught:
            k.setxattr("/mnt/a", "user.big", bytes(2 * bsize))
        assert caught.value.errno == errno.ENOSPC
        k.setxattr("/mnt/a", "user.big", b"b" * (bsize + 1000))
        fd = k.open("/mnt/fill", os.O_CREAT | os.O_RDWR, 0o644)
        with pytest.raises(OSError):
            while True:
                k.write(fd, bytes(512))
        with pytest.raises(OSError) as caught:
            for i in range(1000):
                touch(k, f"/mnt/b{i}")
                k.setxattr(f"/mnt/b{i}", "user.k", b"")
        assert caught.value.errno == errno.ENOSPC
        # What needs no more room is possible all the same.
        k.setxattr("/mnt/a", "user.big", b"c" * (bsize + 900))
        k.setxattr("/mnt/a", "user.big", b"c")
        k.removexattr("/mnt/a", "user.big")
        k.close(fd)
    assert problems(image) == []
    with k.mount("ffs", str(image), "/mnt", "ro"):
        assert k.listxattr("/mnt/a") == ["user." + "n" * 255]


def test_a_damaged_area_is_eio_and_the_file_goes_on(
    kernel: rumpy.Kernel, tmp_path: Path
) -> None:
    image = images.copy("nb-ffs2le-8k", tmp_path)
    k = kernel
    k.load("ffs")
    with k.mount("ffs", str(image), "/mnt"):
        fd = k.open("/mnt/a", os.O_CREAT | os.O_RDWR, 0o644)
        k.write(fd, b"data")
        k.close(fd)
        k.setxattr("/mnt/a", "user.k", b"v" * 100)
        ino = k.stat("/mnt/a").st_ino
    whole = image.read_bytes()
    read = ffscheck.Image(whole)
    inode = read.inode(ino)
    assert inode is not None
    at = inode.extb[0] * read.sb.fsize
    lengths = (0, 1, 7, 12, 8 * 1000, 0x7FFFFFF8, 0xFFFFFFF8)
    for head in [struct.pack("<I", n) for n in lengths] + [b"\x78\0\0\0\1\xff"]:
        image.write_bytes(whole[:at] + head + whole[at + len(head) :])
        with k.mount("ffs", str(image), "/mnt"):
            for call in (
                lambda: k.getxattr("/mnt/a", "user.k"),
                lambda: k.listxattr("/mnt/a"),
                lambda: k.setxattr("/mnt/a", "user.n", b""),
            ):
                with pytest.raises(OSError) as caught:
                    call()
                assert caught.value.errno == errno.EIO
            fd = k.open("/mnt/a", os.O_RDONLY)
            assert k.pread(fd, 10, 0) == b"data"
            k.close(fd)
            k.unlink("/mnt/a")
        assert problems(image) == []


def test_the_attributes_that_netbsd_wrote(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    name = "nb-ffs1le-16k-extattr"
    image = images.copy(name, tmp_path)
    kernel.load("ffs")
    want = images.manifest(name)["notes"][0]["extattr_user"]
    assert any(want.values())
    with kernel.mount("ffs", str(image), "/mnt", "ro"):
        for path, attributes in want.items():
            got = {
                n.removeprefix("user."): kernel.getxattr(f"/mnt/{path}", n).hex()
                for n in kernel.listxattr(f"/mnt/{path}")
            }
            assert got == attributes
    assert image.read_bytes() == images.unpacked(name)


def test_ufs1_needs_its_directory_or_the_option(
    kernel: rumpy.Kernel, tmp_path: Path
) -> None:
    image = images.copy("nb-ffs1le-4k", tmp_path)
    k = kernel
    k.load("ffs")
    with k.mount("ffs", str(image), "/mnt"):
        touch(k, "/mnt/a")
        with pytest.raises(OSError) as caught:
            k.setxattr("/mnt/a", "user.k", b"")
        assert caught.value.errno == errno.EOPNOTSUPP
    with k.mount("ffs", str(image), "/mnt", "extattr"):
        k.setxattr("/mnt/a", "user.k", b"v")
        # Longer than its backing file has room for.
        with pytest.raises(OSError) as caught:
            k.setxattr("/mnt/a", "user.k", bytes(1025))
        assert caught.value.errno == errno.ENOSPC
        with pytest.raises(OSError):
            k.setxattr("/mnt/a", "user.a/b", b"")
        head = k.open("/mnt/.attribute/user/k", os.O_RDONLY)
        magic, version, size = struct.unpack("<III", k.pread(head, 12, 0))
        assert (magic, version, size) == (0x00B5D5EC, 3, 1024)
        ino = k.stat("/mnt/a").st_ino
        flags, length, _ = struct.unpack(
            "<III", k.pread(head, 12, 12 + ino * (12 + 1024))
        )
        assert (flags, length) == (1, 1)
        k.close(head)
        # A backing file has none itself.
        with pytest.raises(OSError):
            k.setxattr("/mnt/.attribute/user/k", "user.k", b"")
    # It is found again without the option, and a new inode has no old value.
    with k.mount("ffs", str(image), "/mnt"):
        assert k.listxattr("/mnt/a") == ["user.k"]
        k.unlink("/mnt/a")
        for i in range(20):
            touch(k, f"/mnt/b{i}")
            assert k.listxattr(f"/mnt/b{i}") == []
        # Without its backing file an attribute is gone.
        k.setxattr("/mnt/b0", "user.k", b"again")
        k.unlink("/mnt/.attribute/user/k")
        assert k.listxattr("/mnt/b0") == []
        k.setxattr("/mnt/b0", "user.k", b"and again")
        assert k.getxattr("/mnt/b0", "user.k") == b"and again"
    assert problems(image) == []


def test_the_bsd_calls(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    image = images.copy("nb-ffs2le-8k", tmp_path)
    k = kernel
    k.load("ffs")
    with k.mount("ffs", str(image), "/mnt"):
        touch(k, "/mnt/a")
        assert k.sys.extattr_set_file("/mnt/a", 1, "k", b"value", 5) == 5
        assert k.sys.extattr_get_file("/mnt/a", 1, "k", None, 0) == 5
        memory = bytearray(9)
        assert k.sys.extattr_get_file("/mnt/a", 1, "k", memory, 9) == 5
        assert bytes(memory[:5]) == b"value"
        assert k.sys.extattr_set_file("/mnt/a", 1, "other", b"", 0) == 0
        size = k.sys.extattr_list_file("/mnt/a", 1, None, 0)
        memory = bytearray(size)
        assert k.sys.extattr_list_file("/mnt/a", 1, memory, size) == size
        assert bytes(memory) == b"\1k\5other"
        fd = k.open("/mnt/a", os.O_RDWR)
        k.sys.extattr_delete_fd(fd, 1, "k")
        assert k.listxattr(fd) == ["user.other"]
        k.close(fd)
        for space in (0, 3):
            with pytest.raises(OSError):
                k.sys.extattr_set_file("/mnt/a", space, "k", b"", 0)


def test_who_may(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    image = images.copy("nb-ffs2le-8k", tmp_path)
    k = kernel
    k.load("ffs")
    with k.mount("ffs", str(image), "/mnt"), k.process(uid=77, gid=77) as other:
        k.chmod("/mnt", 0o755)
        touch(k, "/mnt/a")
        k.setxattr("/mnt/a", "user.k", b"v")
        k.setxattr("/mnt/a", "system.k", b"v")
        assert other.getxattr("/mnt/a", "user.k") == b"v"
        assert other.listxattr("/mnt/a") == ["user.k"]
        for name in ("user.k", "system.k"):
            with pytest.raises(PermissionError):
                other.setxattr("/mnt/a", name, b"w")
        with pytest.raises(PermissionError):
            other.getxattr("/mnt/a", "system.k")
        k.chmod("/mnt/a", 0o600)
        with pytest.raises(PermissionError):
            other.getxattr("/mnt/a", "user.k")


@pytest.mark.parametrize("name", ["nb-ffs2le-8k", "nb-ffs1le-16k-extattr"])
@pytest.mark.parametrize("option", ["", "sync", "log"])
def test_what_was_synced_survives_a_cut_at_any_write(
    kernel: rumpy.Kernel, name: str, option: str
) -> None:
    """The old value or the new one, never another; once fsync returned, the new."""
    base = images.unpacked(name)
    disk = Recorder(MemoryDevice(base))
    k = kernel
    k.load("ffs")
    synced = []
    with k.mount("ffs", disk, "/mnt", option):
        touch(k, "/mnt/a")
        fd = k.open("/mnt/a", os.O_RDWR)
        for i in range(6):
            k.setxattr("/mnt/a", "user.k", b"%d" % i * 300)
            # What was freed is taken by others at once.
            other = k.open(f"/mnt/b{i}", os.O_CREAT | os.O_RDWR, 0o644)
            k.write(other, b"x" * 3000)
            k.fsync(other)
            k.close(other)
            k.fsync(fd)
            synced.append(len(disk.log))
        k.close(fd)
    power = PowerCut(base, disk.log)
    for end in range(synced[0], len(disk.log)):
        last = sum(n <= end for n in synced) - 1
        with k.mount("ffs", power.state(end), "/mnt", "ro"):
            value = k.getxattr("/mnt/a", "user.k")
        assert value in {b"%d" % i * 300 for i in (last, last + 1)}, end
