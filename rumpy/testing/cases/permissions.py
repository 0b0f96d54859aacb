# SPDX-License-Identifier: BSD-2-Clause
"""Who may do what, by owner, group and others."""

from __future__ import annotations

import errno
import os

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, get, opened, put, tree_is


@case("users")
def each_class_has_its_bits(fs: FileSystem) -> None:
    "Owner, group and others are judged by their own three bits, and only those."
    put(fs, "f", b"x")
    fs.chown("f", 2001, 3001)
    classes = (
        (fs.as_user(2001, 3001), 6),
        (fs.as_user(2002, 3001), 3),
        (fs.as_user(2003, 3003, [3001]), 3),
        (fs.as_user(2004, 3004), 0),
    )
    for user, shift in classes:
        for bits, flags in ((4, os.O_RDONLY), (2, os.O_WRONLY), (6, os.O_RDWR)):
            fs.chmod("f", bits << shift)
            with opened(user, "f", flags):
                pass
            fs.chmod("f", 0o777 & ~(bits << shift))
            with fails(errno.EACCES):
                user.open("f", flags)


@case("users")
def root_reads_and_writes_all(fs: FileSystem) -> None:
    "Root needs no bits, but executes nothing without any x."
    put(fs, "f", b"x", mode=0)
    fs.mkdir("d", 0)
    with opened(fs, "f", os.O_RDWR) as fd:
        fs.write(fd, b"y")
    put(fs, "d/g")
    assert fs.access("f", os.R_OK | os.W_OK)
    assert not fs.access("f", os.X_OK)
    assert fs.access("d", os.X_OK)


@case("users")
def searching_takes_x(fs: FileSystem) -> None:
    "Without x on a directory nothing in it can be reached; with it alone, all."
    fs.mkdir("d")
    put(fs, "d/f", b"x")
    user = fs.as_user(2001, 2001)
    fs.chmod("d", 0o744)
    with fails(errno.EACCES):
        user.stat("d/f")
    with fails(errno.EACCES):
        user.open("d/f", os.O_RDONLY)
    with fails(errno.EACCES):
        user.stat("d/none")
    assert user.listdir("d") == ["f"]
    fs.chmod("d", 0o711)
    assert get(user, "d/f") == b"x"
    with fails(errno.EACCES):
        user.listdir("d")


@case("users")
def making_takes_w_and_x(fs: FileSystem) -> None:
    "A name in a directory takes both w and x of it."
    fs.mkdir("d")
    user = fs.as_user(2001, 2001)
    for mode in (0o772, 0o771, 0o775):
        fs.chmod("d", mode)
        with fails(errno.EACCES):
            put(user, "d/f")
        with fails(errno.EACCES):
            user.mkdir("d/e")
    fs.chmod("d", 0o773)
    put(user, "d/f")
    tree_is(fs, "d", "f")


@case("users")
def judged_at_open_only(fs: FileSystem) -> None:
    "What is open stays usable when the mode changes."
    put(fs, "f", b"x" * 10)
    fs.chmod("f", 0o666)
    user = fs.as_user(2001, 2001)
    with opened(user, "f", os.O_RDWR) as fd:
        fs.chmod("f", 0)
        user.pwrite(fd, b"y", 0)
        assert user.pread(fd, 2, 0) == b"yx"
    with fails(errno.EACCES):
        user.open("f", os.O_RDONLY)


@case("users")
def access_tells_the_same(fs: FileSystem) -> None:
    "access(2) and open(2) agree."
    user = fs.as_user(2001, 2001)
    for bits in range(8):
        put(fs, "f", mode=0)
        fs.chmod("f", bits)
        assert user.access("f", os.F_OK)
        assert user.access("f", os.R_OK) == bool(bits & 4)
        assert user.access("f", os.W_OK) == bool(bits & 2)
        assert user.access("f", os.X_OK) == bool(bits & 1)
        fs.unlink("f")
    assert not user.access("f", os.F_OK)


@case("users")
def writing_drops_set_id_bits(fs: FileSystem) -> None:
    "A user who is not root takes the set-id bits from a file by writing it."
    put(fs, "f", b"xx")
    fs.chown("f", 2001, 2001)
    fs.chmod("f", 0o6777)
    user = fs.as_user(2002, 2002)
    with opened(user, "f", os.O_WRONLY) as fd:
        assert fs.stat("f").mode & 0o7777 == 0o6777
        user.write(fd, b"y")
    assert fs.stat("f").mode & 0o7777 == 0o777
