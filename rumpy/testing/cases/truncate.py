# SPDX-License-Identifier: BSD-2-Clause
"""truncate(2) and ftruncate(2)."""

from __future__ import annotations

import errno
import os

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, get, leaves, opened, put, stamps


@case()
def cuts(fs: FileSystem) -> None:
    "What lies behind the new end is gone."
    data = bytes(range(256)) * 256
    for size in (65_535, 32_769, 8192, 4095, 1, 0):
        put(fs, "f", data)
        fs.truncate("f", size)
        assert get(fs, "f") == data[:size]
        fs.unlink("f")


@case()
def grows_with_zeros(fs: FileSystem) -> None:
    "What is gained reads as zeros."
    put(fs, "f", b"abc")
    fs.truncate("f", 100_000)
    assert get(fs, "f") == b"abc" + bytes(99_997)


@case()
def what_was_cut_does_not_come_back(fs: FileSystem) -> None:
    "Cut and grown again, the end reads as zeros, at any offset in a block."
    data = b"x" * 70_000
    for size in (1, 511, 512, 4095, 4096, 32_767, 40_000, 65_536):
        put(fs, "f", data)
        fs.truncate("f", size)
        fs.truncate("f", 70_000)
        assert get(fs, "f") == data[:size] + bytes(70_000 - size), size
        fs.unlink("f")


@case()
def writing_behind_the_end(fs: FileSystem) -> None:
    "The gap in front of what was written behind the end reads as zeros."
    put(fs, "f", b"x" * 5000)
    fs.truncate("f", 10)
    with opened(fs, "f", os.O_RDWR) as fd:
        fs.pwrite(fd, b"end", 50_000)
    assert get(fs, "f") == b"x" * 10 + bytes(49_990) + b"end"


@case()
def by_descriptor(fs: FileSystem) -> None:
    "ftruncate keeps the offset."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        fs.write(fd, b"0123456789")
        fs.ftruncate(fd, 4)
        assert fs.fstat(fd).size == 4
        fs.write(fd, b"x")
    assert get(fs, "f") == b"0123" + bytes(6) + b"x"


@case()
def refuses(fs: FileSystem) -> None:
    "A negative size is EINVAL, a directory EISDIR, a read-only descriptor too."
    put(fs, "f", b"kept")
    fs.mkdir("d")
    with fails(errno.EINVAL):
        fs.truncate("f", -1)
    with fails(errno.EISDIR):
        fs.truncate("d", 0)
    with fails(errno.ENOENT):
        fs.truncate("none", 0)
    with fails(errno.ENOTDIR):
        fs.truncate("f/g", 0)
    with opened(fs, "f", os.O_RDONLY) as fd, fails(errno.EINVAL, errno.EBADF):
        fs.ftruncate(fd, 0)
    assert get(fs, "f") == b"kept"


@case("nanoseconds")
def stamps_file_only(fs: FileSystem) -> None:
    "A new size is a modification and a change; the directory's are not."
    put(fs, "f", b"x" * 100)
    for size in (50, 200):
        with leaves(fs, "."), stamps(fs, f="mc"):
            fs.truncate("f", size)


@case("holes")
def growing_takes_no_room(fs: FileSystem) -> None:
    "A gigabyte of nothing takes no blocks to speak of."
    put(fs, "f", b"x")
    fs.truncate("f", 1 << 26)
    found = fs.stat("f")
    assert found.size == 1 << 26
    assert found.blocks <= 256


@case("users")
def needs_leave_to_write(fs: FileSystem) -> None:
    "Who may not write the file gets EACCES."
    put(fs, "f", b"kept", mode=0o644)
    with fails(errno.EACCES):
        fs.as_user(2001, 2001).truncate("f", 0)
    assert get(fs, "f") == b"kept"
