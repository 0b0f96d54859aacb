# SPDX-License-Identifier: BSD-2-Clause
"""Damaged images: whatever is in them, an errno and never more than that."""

from __future__ import annotations

import errno
import os
import stat
import struct
from pathlib import Path

import pytest

import rumpy
from rumpy.block import Fault, FaultyDevice, MemoryDevice
from rumpy.probe import probe

from . import images
from .ffscheck import Image

pytestmark = pytest.mark.own_driver("NetBSD's trusts what is on the disk")
BASES = ["nb-ffs1le-16k", "nb-ffs2le-8k", "nb-ffs2be-16k"]
CASES = [(base, kind) for base in BASES for kind in images.damages(base)]
#: What a file of a damaged image may answer.
ALLOWED = {errno.EIO, errno.EINVAL, errno.ENOENT, errno.ESTALE}
#: As those, and what a damaged disk may answer to changes.
CHANGING = ALLOWED | {errno.ENOSPC, errno.EPERM, errno.ENOTEMPTY, errno.EFBIG}
CHANGING |= {errno.EMLINK, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EROFS}
#: Kinds whose "wanted" column says that the mount is refused.
REFUSED = {k for k in images.damages(BASES[0]) if k.startswith("sb-")} | {"sbmagic"}


def read_all(k: rumpy.Kernel, top: bytes) -> tuple[int, set[int]]:
    """Walk and read everything; how many names, and which errors."""
    seen, errors, todo, dirs = 0, set(), [top], 0
    while todo:
        folder = todo.pop()
        dirs += 1
        assert dirs < 2000, "a directory loop"
        try:
            entries = list(k.scandir(folder, stats=False))
        except OSError as e:
            errors.add(e.errno)
            continue
        for entry in entries:
            path = folder + b"/" + entry.name
            seen += 1
            try:
                touch(k, path, todo, top)
            except OSError as e:
                errors.add(e.errno)
    return seen, errors


def touch(k: rumpy.Kernel, path: bytes, todo: list[bytes], top: bytes) -> None:
    """Look at one file, and at the beginning and the end of its contents."""
    st = k.lstat(path)
    if stat.S_ISDIR(st.st_mode):
        if path.count(b"/") < 12:
            todo.append(path)
    elif stat.S_ISLNK(st.st_mode):
        k.readlink(path)
    elif stat.S_ISREG(st.st_mode):
        fd = k.open(path, os.O_RDONLY)
        try:
            for off in range(0, min(st.st_size, 1 << 20), 65536):
                k.pread(fd, 65536, off)
            k.pread(fd, 65536, max(0, st.st_size - 65536))
        finally:
            k.close(fd)


def change_things(k: rumpy.Kernel, top: bytes) -> set[int]:
    """Create, write, rename and remove; which errors."""
    errors: set[int] = set()

    def attempt(call: object, *args: object) -> object:
        try:
            return call(*args)  # type: ignore[operator]
        except OSError as e:
            errors.add(e.errno)
            return None

    for i in range(20):
        name = b"%s/new%d" % (top, i)
        fd = attempt(k.open, name, os.O_CREAT | os.O_RDWR, 0o644)
        if isinstance(fd, int):
            attempt(k.write, fd, bytes([i]) * (i * 3000 + 1))
            attempt(k.close, fd)
        attempt(k.mkdir, name + b".d")
        attempt(k.rename, name, name + b".d/in")
        attempt(k.symlink, "x" * (10 * i + 1), name + b".l")
    for entry in attempt(k.listdir, top.decode()) or ():  # type: ignore[attr-defined]
        path = top + b"/" + os.fsencode(entry)
        attempt(k.rename, path, path + b"~")
        attempt(k.truncate, path + b"~", 5)
        attempt(k.unlink, path + b"~")
        attempt(k.rmdir, path + b"~")
    return errors


def is_refused(base: str, kind: str) -> bool:
    """Whether what is damaged is known from the superblock alone."""
    return kind in REFUSED and (base, kind) != ("nb-ffs1le-16k", "sb-size-beyond")


@pytest.mark.parametrize(("base", "kind"), CASES)
def test_reading(kernel: rumpy.Kernel, tmp_path: Path, base: str, kind: str) -> None:
    image = tmp_path / "damaged.img"
    image.write_bytes(images.damaged(base, kind))
    if is_refused(base, kind):
        with pytest.raises(rumpy.ImageError):
            kernel.mount("ffs", str(image), "/mnt", "ro")
        return
    with kernel.mount("ffs", str(image), "/mnt", "ro"):
        seen, errors = read_all(kernel, b"/mnt")
    assert seen > 0 or errors
    assert errors <= ALLOWED
    expectation(kind, seen, errors)
    assert image.read_bytes() == images.damaged(base, kind)


def expectation(kind: str, seen: int, errors: set[int]) -> None:
    """What the table of damages wants to be seen."""
    if kind in ("badblk", "negblk", "indirect-bad", "sizeneg"):
        assert errno.EIO in errors
    if kind in ("dirreclen", "direclen0", "direclenbig", "hole-dir", "modejunk"):
        assert errors & {errno.EIO}
    if kind in ("entfree", "mode"):
        assert errors & {errno.ESTALE, errno.EIO, errno.ENOENT}
    if kind == "entrange":
        assert errors & {errno.EIO, errno.EINVAL}
    if kind in ("nlink", "cgsum", "sbsum", "blocks", "freebm", "inobm", "cgmagic"):
        assert not errors
        assert seen > 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "kind"), [case for case in CASES if not is_refused(*case)]
)
def test_writing(kernel: rumpy.Kernel, tmp_path: Path, base: str, kind: str) -> None:
    image = tmp_path / "damaged.img"
    image.write_bytes(images.damaged(base, kind))
    with kernel.mount("ffs", str(image), "/mnt"):
        errors = change_things(kernel, b"/mnt")
        read_all(kernel, b"/mnt")
    assert errors <= CHANGING
    assert len(image.read_bytes()) == len(images.unpacked(base))
    # And what is left can be mounted again.
    with kernel.mount("ffs", str(image), "/mnt", "ro"):
        _, errors = read_all(kernel, b"/mnt")
    assert errors <= ALLOWED


@pytest.mark.parametrize("name", ["nb-ffs2le-8k-quota2", "nb-bsd43le-8k"])
def test_what_cannot_be_written_is_refused(
    kernel: rumpy.Kernel, tmp_path: Path, name: str
) -> None:
    image = images.copy(name, tmp_path)
    with pytest.raises(OSError) as caught:
        kernel.mount("ffs", str(image), "/mnt")
    assert caught.value.errno == errno.EROFS
    assert image.read_bytes() == images.unpacked(name)


def test_no_file_system_is_refused(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    image = tmp_path / "zero.img"
    image.write_bytes(bytes(1 << 20))
    with pytest.raises(rumpy.ImageError):
        kernel.mount("ffs", str(image), "/mnt", "ro")


def test_a_directory_of_absurd_size(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    """Its table of names is not built: it would take all memory, or for ever."""
    data = bytearray(images.unpacked("nb-ffs2le-8k"))
    found = Image(bytes(data))
    path, inode = next((p, i) for p, i in found.walk() if p and i.isdir)
    for size in (1 << 31, 1 << 33, (1 << 40) - 512):
        at = found.inode_offset(inode.number) + 16
        struct.pack_into("<QQ", data, at, size, size // 512)
        with kernel.mount("ffs", data, "/mnt", "ro"), pytest.raises(OSError):
            kernel.stat(b"/mnt" + path + b"/no such name")


@pytest.mark.parametrize(("mode", "links"), [(0, 0), (0o100644, 1), (0o040755, 0)])
@pytest.mark.parametrize("options", [("ro",), (), ("log",)])
def test_a_damaged_root_is_refused(
    kernel: rumpy.Kernel, mode: int, links: int, options: tuple[str, ...]
) -> None:
    """It could not be looked into, nor found again to be unmounted."""
    data = bytearray(images.unpacked("nb-ffs2le-8k"))
    at = Image(bytes(data)).inode_offset(2)
    struct.pack_into("<HH", data, at, mode, links)
    with MemoryDevice(bytes(data)) as disk:
        with pytest.raises(OSError, match="the root directory is damaged"):
            kernel.mount("ffs", disk, "/mnt", *options)
        assert disk.read(0, disk.size) == data
    with kernel.mount("ffs", images.unpacked("nb-ffs2le-8k"), "/mnt", "ro"):
        assert kernel.listdir("/mnt")


def test_a_page_that_cannot_be_written_is_not_tried_for_ever(
    kernel: rumpy.Kernel, tmp_path: Path
) -> None:
    """sync(2) doesn't wait for pages; one without a block is dirty at once."""
    image = images.copy("nb-ffs2le-8k", tmp_path)
    with kernel.mount("ffs", str(image), "/mnt"):
        fd = kernel.open("/mnt/f", os.O_CREAT | os.O_WRONLY, 0o644)
        kernel.write(fd, b"ab")
        kernel.close(fd)
        number = kernel.stat("/mnt/f").st_ino
    data = bytearray(image.read_bytes())
    at = Image(bytes(data)).inode_offset(number)
    struct.pack_into("<q", data, at + 112, 1 << 40)  # di_db[0]
    with MemoryDevice(bytes(data)) as disk:
        mnt = kernel.mount("ffs", disk, "/mnt")
        fd = kernel.open("/mnt/f", os.O_WRONLY)
        kernel.write(fd, b"0123456789")
        kernel.sync()
        with pytest.raises(OSError) as caught:
            kernel.fsync(fd)
        assert caught.value.errno == errno.EIO
        kernel.sync()
        kernel.close(fd)
        mnt.unmount(force=True)


def test_sync_of_a_disk_that_refuses_comes_back(kernel: rumpy.Kernel) -> None:
    with MemoryDevice(images.unpacked("nb-ffs2le-8k")) as disk:
        faulty = FaultyDevice(disk)
        mnt = kernel.mount("ffs", faulty, "/mnt")
        fd = kernel.open("/mnt/f", os.O_CREAT | os.O_WRONLY, 0o644)
        kernel.write(fd, b"x" * 500_000)
        faulty.faults.append(Fault("eio", "write"))
        for _ in range(3):
            kernel.sync()
        faulty.faults.clear()
        kernel.fsync(fd)
        kernel.close(fd)
        mnt.unmount()
        with kernel.mount("ffs", disk, "/mnt", "ro"):
            assert kernel.read_file("/mnt/f") == b"x" * 500_000


@pytest.mark.parametrize("whole", [True, False])
def test_what_was_lost_is_not_called_clean(
    kernel: rumpy.Kernel, tmp_path: Path, whole: bool
) -> None:
    """A write that failed may be missing, though the disk works again."""
    kernel.load("ffs")
    with MemoryDevice(images.unpacked("nb-ffs2le-8k")) as disk:
        faulty = FaultyDevice(disk)
        mnt = kernel.mount("ffs", faulty, "/mnt")
        if not whole:
            faulty.faults.append(Fault("eio", "write", error=errno.ENOSPC))
        kernel.mkdir("/mnt/made")
        fd = kernel.open("/mnt/made/f", os.O_CREAT | os.O_WRONLY, 0o644)
        kernel.write(fd, b"x" * 100_000)
        if whole:
            kernel.fsync(fd)
        else:
            with pytest.raises(OSError):
                kernel.fsync(fd)
        kernel.close(fd)
        faulty.faults.clear()
        mnt.unmount(force=True)
        path = tmp_path / "image"
        path.write_bytes(disk.read(0, disk.sector_count * disk.sector_size))
        superblock = probe(path).superblock
        assert superblock is not None
        assert superblock.clean == whole
