# SPDX-License-Identifier: BSD-2-Clause
"""Changing images: what was written is there after a remount, and the image
is consistent by the judgement of a checker that shares nothing with us."""

from __future__ import annotations

import errno
import os
import random
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import images
from .conftest import Driver
from .ffscheck import check

if TYPE_CHECKING:
    import rumpy

WRITABLE = [
    "nb-fbsd-ufs1-32k",
    "nb-fbsd-ufs2-16k",
    "nb-fbsd-ufs2-4k-empty",
    "nb-ffs1be-32k",
    "nb-ffs1be-8k",
    "nb-ffs1be-8k-frag2",
    "nb-ffs1le-16k",
    "nb-ffs1le-4k",
    "nb-ffs1le-64k",
    "nb-ffs2be-16k",
    "nb-ffs2be-4k",
    "nb-ffs2be-64k",
    "nb-ffs2le-16k-frag1",
    "nb-ffs2le-32k",
    "nb-ffs2le-8k",
    "nb-makefs-ffs1be-4k",
    "nb-makefs-ffs2be-8k",
    "nb-makefs-ffs2le-16k",
    "wal-clean-end",
    "wal-clean-inside",
]
SOME = ["nb-ffs1le-4k", "nb-ffs2le-8k", "nb-ffs2be-16k", "nb-ffs2le-16k-frag1"]
Options = tuple[str, ...]
pytestmark = pytest.mark.journaled


class Disk:
    """An image under test: mount it as often as wanted, check it between."""

    def __init__(self, k: rumpy.Kernel, path: Path, driver: Driver) -> None:
        self.k = k
        self.path = path
        self.driver = driver

    @contextmanager
    def mounted(self, *options: str) -> Iterator[rumpy.Mount]:
        options = self.driver.options(*options)
        with self.k.mount("ffs", str(self.path), "/mnt", *options) as mnt:
            yield mnt

    def consistent(self) -> None:
        assert check(self.path.read_bytes()).problems == []


@pytest.fixture
def disk(kernel: rumpy.Kernel, tmp_path: Path, driver: Driver) -> Callable[[str], Disk]:
    """disk(name): a fresh copy of that image."""

    def fresh(name: str) -> Disk:
        if not driver.own and "fbsd-ufs2" in name:
            pytest.skip("NetBSD's driver takes FreeBSD's flag for that of its quotas")
        return Disk(kernel, images.copy(name, tmp_path), driver)

    return fresh


def put(k: rumpy.Kernel, path: str, data: bytes, offset: int = 0) -> None:
    """Write into a file, which is made where it is missing."""
    fd = k.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        while data:
            n = k.pwrite(fd, data, offset)
            data, offset = data[n:], offset + n
    finally:
        k.close(fd)


def get(k: rumpy.Kernel, path: str) -> bytes:
    """All of a file."""
    fd = k.open(path, os.O_RDONLY)
    try:
        out = bytearray()
        while part := k.pread(fd, 1 << 16, len(out)):
            out += part
        return bytes(out)
    finally:
        k.close(fd)


def pattern(seed: int, length: int) -> bytes:
    """Bytes that tell where they belong."""
    return random.Random(seed).randbytes(length)


@pytest.mark.parametrize("name", WRITABLE)
def test_files_of_all_sizes(disk: Callable[[str], Disk], name: str) -> None:
    d = disk(name)
    with d.mounted() as mnt:
        bsize = mnt.statvfs().f_bsize
        fsize = mnt.statvfs().f_frsize
        sizes = [0, 1, fsize - 1, fsize, fsize + 1, bsize - 1, bsize, bsize + 1]
        sizes += [11 * bsize + fsize, 12 * bsize, 12 * bsize + 1]
        room = mnt.statvfs().f_bavail * fsize // 2
        kept = []
        d.k.mkdir("/mnt/sizes")
        for i, size in enumerate(sizes):
            if size + 2 * bsize < room:
                put(d.k, f"/mnt/sizes/{i}", pattern(i, size))
                kept.append((i, size))
                room -= size + bsize
        for i, size in kept:
            assert get(d.k, f"/mnt/sizes/{i}") == pattern(i, size)
    d.consistent()
    with d.mounted("ro"):
        for i, size in kept:
            assert get(d.k, f"/mnt/sizes/{i}") == pattern(i, size)
    with d.mounted():
        for i, _ in kept:
            d.k.unlink(f"/mnt/sizes/{i}")
        d.k.rmdir("/mnt/sizes")
    d.consistent()


@pytest.mark.parametrize("options", [(), ("sync",), ("async",)])
@pytest.mark.parametrize("name", SOME)
def test_appending_in_small_pieces(
    disk: Callable[[str], Disk], name: str, options: Options
) -> None:
    """Fragments grow in place, move, and become blocks."""
    d = disk(name)
    want: dict[str, bytes] = {}
    with d.mounted(*options):
        for step in range(40):
            for file in ("a", "b", "c"):
                piece = pattern(step, 700 + 37 * step)
                old = want.get(file, b"")
                put(d.k, f"/mnt/{file}", piece, len(old))
                want[file] = old + piece
        for file, data in want.items():
            assert get(d.k, f"/mnt/{file}") == data
    d.consistent()
    with d.mounted("ro"):
        for file, data in want.items():
            assert get(d.k, f"/mnt/{file}") == data


@pytest.mark.parametrize("name", SOME)
def test_holes_up_to_triple_indirect(disk: Callable[[str], Disk], name: str) -> None:
    d = disk(name)
    with d.mounted() as mnt:
        bsize = mnt.statvfs().f_bsize
        n = bsize // (8 if "ffs2" in name else 4)
        places = [5 * bsize + 3, (12 + n) * bsize - 5, (12 + n + 7) * bsize + 1]
        if (12 + n + n * n) * bsize < 1 << 40:
            places.append((12 + n + n * n + 3) * bsize + 17)
        for i, off in enumerate(places):
            put(d.k, "/mnt/sparse", pattern(i, 1000), off)
        size = places[-1] + 1000
        assert d.k.stat("/mnt/sparse").st_size == size
        fd = d.k.open("/mnt/sparse", os.O_RDONLY)
        for i, off in enumerate(places):
            assert d.k.pread(fd, 1000, off) == pattern(i, 1000)
            assert d.k.pread(fd, 100, off - 3000) == bytes(100)
        if d.driver.own:  # NetBSD's driver doesn't tell
            start = d.k.lseek(fd, 0, os.SEEK_DATA)
            assert start == places[0] // bsize * bsize
        assert d.k.lseek(fd, places[-1], os.SEEK_HOLE) == size
        d.k.close(fd)
    d.consistent()
    with d.mounted():
        fd = d.k.open("/mnt/sparse", os.O_RDWR)
        for i, off in enumerate(places):
            assert d.k.pread(fd, 1000, off) == pattern(i, 1000)
        for off in reversed(places):
            d.k.ftruncate(fd, off + 500)
            assert d.k.fstat(fd).st_size == off + 500
        d.k.close(fd)
    d.consistent()
    with d.mounted():
        before = d.k.statvfs("/mnt").f_bfree
        d.k.unlink("/mnt/sparse")
        assert d.k.statvfs("/mnt").f_bfree > before
    d.consistent()


@pytest.mark.parametrize("name", SOME)
def test_filling_a_hole_shows_nothing_old(
    disk: Callable[[str], Disk], name: str
) -> None:
    d = disk(name)
    with d.mounted() as mnt:
        bsize = mnt.statvfs().f_bsize
        # Make what lies on the free blocks recognisable.
        put(d.k, "/mnt/dirt", b"\xaa" * (20 * bsize))
        d.k.sync()
        d.k.unlink("/mnt/dirt")
        fd = d.k.open("/mnt/holes", os.O_CREAT | os.O_RDWR, 0o600)
        d.k.ftruncate(fd, 30 * bsize)
        want = bytearray(30 * bsize)
        # Have the hole in the cache too, once.
        assert d.k.pread(fd, 2 * bsize, 3 * bsize) == bytes(2 * bsize)
        for off, n in [(3 * bsize + 100, 10), (7 * bsize + 4096, 1), (9 * bsize, 5)]:
            d.k.pwrite(fd, b"x" * n, off)
            want[off : off + n] = b"x" * n
        d.k.close(fd)
        assert get(d.k, "/mnt/holes") == bytes(want)
    d.consistent()
    with d.mounted("ro"):
        assert get(d.k, "/mnt/holes") == bytes(want)


@pytest.mark.parametrize("name", SOME)
def test_truncating_and_growing_again_gives_zeros(
    disk: Callable[[str], Disk], name: str
) -> None:
    d = disk(name)
    rng = random.Random(name)
    model = bytearray()
    with d.mounted() as mnt:
        limit = 20 * mnt.statvfs().f_bsize
        fd = d.k.open("/mnt/t", os.O_CREAT | os.O_RDWR, 0o600)
        for step in range(150):
            if rng.random() < 0.5:
                size = rng.randrange(limit)
                d.k.ftruncate(fd, size)
                del model[size:]
                model += bytes(size - len(model))
            else:
                off = rng.randrange(limit)
                data = pattern(step, rng.randrange(1, 9000))
                d.k.pwrite(fd, data, off)
                model += bytes(max(0, off - len(model)))
                model[off : off + len(data)] = data
            if step % 10 == 0:
                assert get(d.k, "/mnt/t") == bytes(model)
            if step % 37 == 0:
                d.k.fsync(fd)
        d.k.close(fd)
    d.consistent()
    with d.mounted("ro"):
        assert get(d.k, "/mnt/t") == bytes(model)


@pytest.mark.parametrize("options", [(), ("sync",)])
@pytest.mark.parametrize("name", SOME)
def test_names(disk: Callable[[str], Disk], name: str, options: Options) -> None:
    d = disk(name)
    k = d.k
    with d.mounted(*options):
        k.mkdir("/mnt/n")
        put(k, "/mnt/n/file", b"one")
        k.link("/mnt/n/file", "/mnt/n/hard")
        assert k.stat("/mnt/n/file").st_nlink == 2
        for length in (1, 59, 60, 61, 119, 120, 121, 1000):
            k.symlink("t" * length, f"/mnt/n/sym{length}")
        k.mkfifo("/mnt/n/fifo", 0o640)
        k.mknod("/mnt/n/dev", stat.S_IFCHR | 0o600, os.makedev(5, 77))
        k.mkdir("/mnt/n/d1")
        k.mkdir("/mnt/n/d1/d2")
        k.rename("/mnt/n/d1/d2", "/mnt/n/d3")
        k.rename("/mnt/n/hard", "/mnt/n/d3/hard")
        put(k, "/mnt/n/victim", b"victim")
        k.rename("/mnt/n/file", "/mnt/n/victim")
        with pytest.raises(OSError) as caught:
            k.rename("/mnt/n", "/mnt/n/d1/inside")
        assert caught.value.errno == errno.EINVAL
        with pytest.raises(FileExistsError):
            k.mkdir("/mnt/n/d3")
        with pytest.raises(OSError) as caught:
            k.rmdir("/mnt/n/d3")
        assert caught.value.errno == errno.ENOTEMPTY
        k.mkdir("/mnt/n/empty")
        k.rename("/mnt/n/d1", "/mnt/n/empty")
    d.consistent()
    with d.mounted("ro"):
        assert sorted(k.listdir("/mnt/n")) == sorted(
            ["victim", "fifo", "dev", "d3", "empty"]
            + [f"sym{n}" for n in (1, 59, 60, 61, 119, 120, 121, 1000)]
        )
        assert get(k, "/mnt/n/victim") == b"one"
        assert k.stat("/mnt/n/victim").st_nlink == 2
        assert k.stat("/mnt/n/d3/hard").st_ino == k.stat("/mnt/n/victim").st_ino
        assert k.stat("/mnt/n/d3/..").st_ino == k.stat("/mnt/n").st_ino
        assert k.lstat("/mnt/n/dev").st_rdev == os.makedev(5, 77)
        for length in (1, 59, 60, 61, 119, 120, 121, 1000):
            assert k.readlink(f"/mnt/n/sym{length}") == "t" * length


@pytest.mark.parametrize("name", ["nb-ffs1le-4k", "nb-ffs2be-16k", "nb-ffs2le-8k"])
def test_a_large_directory(disk: Callable[[str], Disk], name: str) -> None:
    d = disk(name)
    k = d.k
    rng = random.Random(7)
    names: set[str] = set()
    with d.mounted():
        k.mkdir("/mnt/big")
        put(k, "/mnt/one", b"1")
        for i in range(1500):
            new = f"{i}-" + "n" * rng.randrange(1, 60)
            k.link("/mnt/one", f"/mnt/big/{new}")
            names.add(new)
            if rng.random() < 0.4:
                gone = rng.choice(sorted(names))
                k.unlink(f"/mnt/big/{gone}")
                names.remove(gone)
            if rng.random() < 0.1:
                old = rng.choice(sorted(names))
                k.rename(f"/mnt/big/{old}", f"/mnt/big/R{i}" + "r" * 30)
                names.remove(old)
                names.add(f"R{i}" + "r" * 30)
        assert set(k.listdir("/mnt/big")) == names
        with pytest.raises(FileNotFoundError):
            k.stat("/mnt/big/not-there")
    d.consistent()
    with d.mounted():
        assert set(k.listdir("/mnt/big")) == names
        assert k.stat("/mnt/one").st_nlink == len(names) + 1
        for name in sorted(names):
            k.unlink(f"/mnt/big/{name}")
        assert k.listdir("/mnt/big") == []
        k.rmdir("/mnt/big")
    d.consistent()


def test_many_files_in_memory(disk: Callable[[str], Disk]) -> None:
    """More inodes than the first table of them has chains for, made twice."""
    d = disk("nb-ffs2le-8k")
    k = d.k
    with d.mounted():
        room = k.statvfs("/mnt").f_favail
        many = min(1200, room - 10)
        assert many > 600, "the image is too small for this"
        k.mkdir("/mnt/many")
        for turn in range(2):
            for i in range(many) if turn == 0 else range(1, many, 2):
                k.close(k.open(f"/mnt/many/{i}", os.O_CREAT | os.O_EXCL))
            inodes = {k.stat(f"/mnt/many/{i}").st_ino for i in range(many)}
            assert len(inodes) == many
            for i in range(1, many, 2):
                k.unlink(f"/mnt/many/{i}")
    d.consistent()


@pytest.mark.parametrize("name", SOME)
def test_a_full_disk(disk: Callable[[str], Disk], name: str) -> None:
    d = disk(name)
    k = d.k
    with d.mounted():
        full = None
        for i in range(2000):
            try:
                put(k, f"/mnt/fill{i}", b"f" * 300_000)
            except OSError as e:
                full = e.errno
                break
        assert full == errno.ENOSPC
        for j in range(3000):
            try:
                put(k, f"/mnt/small{j}", b"s" * 300)
            except OSError as e:
                assert e.errno == errno.ENOSPC
                break
        with pytest.raises(OSError):
            for j in range(100):
                k.mkdir(f"/mnt/dir{j}")
                put(k, f"/mnt/dir{j}/f", b"d" * 10)
    d.consistent()
    with d.mounted():
        for entry in k.listdir("/mnt"):
            if entry.startswith(("fill", "small")):
                k.unlink(f"/mnt/{entry}")
    d.consistent()


def test_an_unlinked_open_file_lives_on(disk: Callable[[str], Disk]) -> None:
    d = disk("nb-ffs2le-8k")
    k = d.k
    with d.mounted() as mnt:
        before = mnt.statvfs().f_bfree, mnt.statvfs().f_ffree
        fd = k.open("/mnt/gone", os.O_CREAT | os.O_RDWR, 0o600)
        k.pwrite(fd, pattern(1, 100_000), 0)
        k.unlink("/mnt/gone")
        assert k.fstat(fd).st_nlink == 0
        assert k.pread(fd, 100_000, 0) == pattern(1, 100_000)
        k.pwrite(fd, b"more", 100_000)
        k.close(fd)
        k.sync()  # a journal gives blocks back when it is written
        assert (mnt.statvfs().f_bfree, mnt.statvfs().f_ffree) == before
    d.consistent()


@pytest.mark.own_driver("NetBSD's has no VOP_FALLOCATE")
@pytest.mark.parametrize("name", SOME)
def test_fallocate(disk: Callable[[str], Disk], name: str) -> None:
    d = disk(name)
    k = d.k
    with d.mounted() as mnt:
        bsize = mnt.statvfs().f_bsize
        fd = k.open("/mnt/fa", os.O_CREAT | os.O_RDWR, 0o600)
        k.pwrite(fd, b"head", 0)
        k.pwrite(fd, b"middle", 5 * bsize + 100)
        k.posix_fallocate(fd, 0, 9 * bsize + 7)
        want = bytearray(9 * bsize + 7)
        want[:4] = b"head"
        want[5 * bsize + 100 : 5 * bsize + 106] = b"middle"
        assert k.fstat(fd).st_blocks * 512 >= len(want)
        assert k.lseek(fd, 0, os.SEEK_HOLE) == len(want)
        k.close(fd)
        assert get(k, "/mnt/fa") == bytes(want)
    d.consistent()
    with d.mounted("ro"):
        assert get(k, "/mnt/fa") == bytes(want)


def test_attributes(disk: Callable[[str], Disk]) -> None:
    d = disk("nb-ffs2le-8k")
    k = d.k
    when = -7_000_000_000, 5_000_000_000_123_456_789
    with d.mounted():
        put(k, "/mnt/at", b"x")
        k.chmod("/mnt/at", 0o6751)
        k.chown("/mnt/at", 70000, 80000)
        k.utime("/mnt/at", ns=when)
        k.chflags("/mnt/at", 1)  # UF_NODUMP
    d.consistent()
    with d.mounted("ro"):
        st = k.stat("/mnt/at")
        assert (st.st_uid, st.st_gid, st.st_flags) == (70000, 80000, 1)
        assert (st.st_atime_ns, st.st_mtime_ns) == when
    with d.mounted():
        k.chflags("/mnt/at", 2)  # UF_IMMUTABLE
        with pytest.raises(PermissionError):
            k.unlink("/mnt/at")
        with pytest.raises(PermissionError):
            k.open("/mnt/at", os.O_WRONLY)
        k.chflags("/mnt/at", 0)
        k.unlink("/mnt/at")
    d.consistent()


def test_clean_flag(disk: Callable[[str], Disk]) -> None:
    d = disk("nb-ffs2le-8k")
    flag = 65536 + 209
    assert d.path.read_bytes()[flag] == 1
    with d.mounted():
        assert d.path.read_bytes()[flag] == 2
        put(d.k, "/mnt/x", b"x")
    assert d.path.read_bytes()[flag] == 1
    with d.mounted() as mnt:
        mnt.update("ro")
        assert d.path.read_bytes()[flag] == 1
        with pytest.raises(OSError) as caught:
            put(d.k, "/mnt/y", b"y")
        assert caught.value.errno == errno.EROFS
    d.consistent()


def test_fsync_makes_the_name_durable(disk: Callable[[str], Disk]) -> None:
    """What fsync(2) of a file alone must leave if the power goes now."""
    d = disk("nb-ffs2le-8k")
    k = d.k
    with d.mounted():
        k.mkdir("/mnt/deep")
        k.mkdir("/mnt/deep/er")
        fd = k.open("/mnt/deep/er/f", os.O_CREAT | os.O_RDWR, 0o600)
        k.write(fd, b"durable")
        k.fsync(fd)
        if d.driver.name == "netbsd-log":
            k.sync()  # fsync alone leaves the name in the journal's memory
        now = d.path.read_bytes()
        k.close(fd)
    if d.driver.name == "netbsd-log":
        d.path.write_bytes(now)
        with d.mounted():
            assert get(k, "/mnt/deep/er/f") == b"durable"
        d.consistent()
        return
    from .ffscheck import Image

    image = Image(now)
    found = dict(image.walk())
    assert image.content(found[b"/deep/er/f"]) == b"durable"


@pytest.mark.parametrize("name", WRITABLE)
def test_random_operations(disk: Callable[[str], Disk], name: str) -> None:
    """Against a model of dicts; remounted in between."""
    d = disk(name)
    rng = random.Random(name)
    model: dict[str, bytes | None] = {}  # None: a directory
    for turn in range(3):
        with d.mounted():
            if turn == 0:
                d.k.mkdir("/mnt/r")
            for step in range(120):
                one_operation(d.k, rng, model, turn * 1000 + step)
            compare(d.k, model)
        d.consistent()
    with d.mounted("ro"):
        compare(d.k, model)


def one_operation(
    k: rumpy.Kernel, rng: random.Random, model: dict[str, bytes | None], seed: int
) -> None:
    """One change, to the kernel and to the model."""
    dirs = [""] + [p for p, data in model.items() if data is None]
    files = [p for p, data in model.items() if data is not None]
    new = f"{rng.choice(dirs)}/{rng.choice('abcdefgh')}{seed}"
    what = rng.random()
    try:
        if what < 0.35 or not files:
            data = pattern(seed, rng.choice([0, 10, 900, 5000, 20000, 100_000]))
            put(k, f"/mnt/r{new}", data)
            model[new] = data
        elif what < 0.5:
            k.mkdir(f"/mnt/r{new}")
            model[new] = None
        elif what < 0.65:
            path = rng.choice(files)
            old = model[path] or b""
            off = rng.randrange(len(old) + 5000)
            data = pattern(seed, rng.randrange(1, 8000))
            put(k, f"/mnt/r{path}", data, off)
            grown = bytearray(old.ljust(off, b"\0"))
            grown[off : off + len(data)] = data
            model[path] = bytes(grown)
        elif what < 0.8:
            path = rng.choice(files)
            k.rename(f"/mnt/r{path}", f"/mnt/r{new}")
            model[new] = model.pop(path)
        elif what < 0.9:
            path = rng.choice(files)
            k.unlink(f"/mnt/r{path}")
            del model[path]
        else:
            path = rng.choice(files)
            size = rng.randrange(30_000)
            k.truncate(f"/mnt/r{path}", size)
            model[path] = (model[path] or b"")[:size].ljust(size, b"\0")
    except OSError as e:
        assert e.errno == errno.ENOSPC
        k.sync()
        resync(k, model)


def resync(k: rumpy.Kernel, model: dict[str, bytes | None]) -> None:
    """After ENOSPC a file may be shorter or empty: take it as it is."""
    model.clear()
    todo = [""]
    while todo:
        folder = todo.pop()
        for entry in list(k.scandir(f"/mnt/r{folder}")):
            path = f"{folder}/{entry.name}"
            if entry.is_dir():
                model[path] = None
                todo.append(path)
            else:
                model[path] = get(k, f"/mnt/r{path}")


def compare(k: rumpy.Kernel, model: dict[str, bytes | None]) -> None:
    """The tree is what the model says."""
    found: dict[str, bytes | None] = {}
    resync(k, found)
    assert found.keys() == model.keys()
    for path, data in model.items():
        assert found[path] == data, path
