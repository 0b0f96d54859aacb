# SPDX-License-Identifier: BSD-2-Clause
"""Long names, long paths, full directories, full disks."""

from __future__ import annotations

import errno
import os

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, get, opened, put, tree_is


@case("longnames")
def names_of_255_bytes(fs: FileSystem) -> None:
    "A name of 255 bytes works for every kind of file."
    name = "n" * 254
    put(fs, name + "f", b"x")
    fs.mkdir(name + "d")
    assert get(fs, name + "f") == b"x"
    fs.rename(name + "f", name + "g")
    tree_is(fs, ".", name + "g", name + "d")
    fs.unlink(name + "g")
    fs.rmdir(name + "d")


@case("longnames")
def names_of_256_bytes(fs: FileSystem) -> None:
    "A longer name is ENAMETOOLONG for every call, in any place of the path."
    put(fs, "f")
    long = "n" * 256
    for path in (long, f"{long}/x"):
        with fails(errno.ENAMETOOLONG):
            fs.open(path, os.O_CREAT | os.O_RDWR)
        with fails(errno.ENAMETOOLONG):
            fs.stat(path)
        with fails(errno.ENAMETOOLONG):
            fs.mkdir(path)
        with fails(errno.ENAMETOOLONG):
            fs.unlink(path)
        with fails(errno.ENAMETOOLONG):
            fs.rmdir(path)
        with fails(errno.ENAMETOOLONG):
            fs.rename("f", path)
        with fails(errno.ENAMETOOLONG):
            fs.rename(path, "g")
        with fails(errno.ENAMETOOLONG):
            fs.truncate(path, 0)
        with fails(errno.ENAMETOOLONG):
            fs.chmod(path, 0o600)
    tree_is(fs, ".", "f")


@case("longnames", "symlinks", "hardlinks")
def long_names_of_links(fs: FileSystem) -> None:
    "The same goes for links."
    put(fs, "f")
    long = "n" * 256
    with fails(errno.ENAMETOOLONG):
        fs.symlink("x", long)
    with fails(errno.ENAMETOOLONG):
        fs.link("f", long)
    with fails(errno.ENAMETOOLONG):
        fs.link(long, "g")
    fs.symlink(long, "s")
    with fails(errno.ENAMETOOLONG):
        fs.stat("s")


@case()
def paths_that_never_end(fs: FileSystem) -> None:
    "A path of more than PATH_MAX bytes is ENAMETOOLONG, though it leads back."
    path = "./" * 5000 + "f"
    with fails(errno.ENAMETOOLONG):
        fs.open(path, os.O_CREAT | os.O_RDWR)
    with fails(errno.ENAMETOOLONG):
        fs.stat(path)
    with fails(errno.ENAMETOOLONG):
        fs.mkdir(path)
    tree_is(fs, ".")


@case("bytes")
def names_are_bytes(fs: FileSystem) -> None:
    "Any byte but / and NUL may be in a name."
    names = [os.fsdecode(bytes([b])) for b in range(1, 256) if b not in b"/."]
    names += [os.fsdecode(b"\xff\xfe\x80"), "...", "a b", "a\nb", "-rf", ".x"]
    for name in names:
        put(fs, name, os.fsencode(name))
    tree_is(fs, ".", *names)
    for name in names:
        assert get(fs, name) == os.fsencode(name)


@case("case")
def case_counts(fs: FileSystem) -> None:
    "Names that differ in case only are two names."
    put(fs, "name", b"1")
    put(fs, "NAME", b"2")
    assert (get(fs, "name"), get(fs, "NAME")) == (b"1", b"2")


@case()
def a_thousand_names(fs: FileSystem) -> None:
    "A directory holds many names, and loses every second one."
    names = [f"file-{number:04}" for number in range(1000)]
    for name in names:
        put(fs, name)
    tree_is(fs, ".", *names)
    for name in names[::2]:
        fs.unlink(name)
    tree_is(fs, ".", *names[1::2])
    for name in names[::2]:
        put(fs, name)
    tree_is(fs, ".", *names)


@case("hardlinks")
def two_hundred_links(fs: FileSystem) -> None:
    "A file has as many links as names."
    put(fs, "f")
    for number in range(200):
        fs.link("f", f"l{number}")
    assert fs.stat("f").nlink == 201
    for number in range(200):
        fs.unlink(f"l{number}")
    assert fs.stat("f").nlink == 1


_MAX_FILL = 1 << 28


@case("small")
def full_disk(fs: FileSystem) -> None:
    "Writing to a full file system is ENOSPC; removing makes room again."
    if fs.volume().available > _MAX_FILL:
        return  # too large to be filled in a moment
    put(fs, "keep", b"k" * 5000)
    piece = b"x" * (1 << 18)
    with opened(fs, "big", os.O_CREAT | os.O_WRONLY) as fd:
        try:
            for _ in range(_MAX_FILL // len(piece) + 1):
                size = fs.write(fd, piece)
                assert 0 < size <= len(piece)
            raise AssertionError("the file system never filled up")
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
    assert get(fs, "keep") == b"k" * 5000
    there = fs.stat("big").size
    with opened(fs, "big", os.O_RDONLY) as fd:
        assert fs.pread(fd, 100, there - 100) == b"x" * 100
    fs.unlink("big")
    put(fs, "again", piece)
    assert get(fs, "again") == piece


@case()
def offsets_that_cannot_be(fs: FileSystem) -> None:
    "Beyond the largest size it is EFBIG, negative offsets are EINVAL."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        with fails(errno.EFBIG, errno.EINVAL):
            fs.pwrite(fd, b"x", (1 << 63) - 1)
        with fails(errno.EINVAL):
            fs.lseek(fd, -1, os.SEEK_SET)
        with fails(errno.EINVAL):
            fs.pread(fd, 1, -1)
        assert fs.fstat(fd).size == 0
