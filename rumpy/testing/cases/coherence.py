# SPDX-License-Identifier: BSD-2-Clause
"""One file, many ways to it: all see the same."""

from __future__ import annotations

import errno
import os
import stat

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, get, opened, put


@case()
def every_descriptor_sees_a_write(fs: FileSystem) -> None:
    "What one descriptor writes, every other reads at once."
    with (
        opened(fs, "f", os.O_CREAT | os.O_RDWR) as one,
        opened(fs, "f", os.O_RDWR) as two,
    ):
        for number in range(50):
            piece = f"{number:6}".encode()
            fs.pwrite(one, piece, number * 1000)
            assert fs.pread(two, 6, number * 1000) == piece
            assert fs.fstat(two).size == number * 1000 + 6
        fs.ftruncate(two, 5)
        assert fs.pread(one, 100, 0) == b"     "
        assert fs.stat("f").size == 5


@case()
def offsets_are_each_descriptors(fs: FileSystem) -> None:
    "Two opens have two offsets."
    put(fs, "f", b"0123456789")
    with (
        opened(fs, "f", os.O_RDONLY) as one,
        opened(fs, "f", os.O_RDONLY) as two,
    ):
        assert fs.read(one, 4) == b"0123"
        assert fs.read(two, 2) == b"01"
        assert fs.read(one, 4) == b"4567"
        assert fs.lseek(two, 3, os.SEEK_CUR) == 5
        assert fs.lseek(two, -1, os.SEEK_END) == 9
        assert fs.read(two, 10) == b"9"
        assert fs.read(two, 10) == b""


@case()
def reading_behind_the_end(fs: FileSystem) -> None:
    "Reads stop at the end, and give nothing behind it."
    put(fs, "f", b"x" * 5000)
    with opened(fs, "f", os.O_RDONLY) as fd:
        assert fs.pread(fd, 9000, 0) == b"x" * 5000
        assert fs.pread(fd, 9000, 4999) == b"x"
        assert fs.pread(fd, 1, 5000) == b""
        assert fs.pread(fd, 1, 1 << 40) == b""


@case()
def pieces_of_all_sizes(fs: FileSystem) -> None:
    "Writes over block borders, in no order, give the file one expects."
    size = 150_000
    model = bytearray(size)
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        fs.ftruncate(fd, size)
        for number in range(200):
            offset = number * 7919 % (size - 9000)
            piece = bytes([number % 255 + 1]) * (number * 131 % 9000 + 1)
            fs.pwrite(fd, piece, offset)
            model[offset : offset + len(piece)] = piece
            if number % 17 == 0:
                assert fs.pread(fd, 20_000, offset) == model[offset : offset + 20_000]
        if "sync" in fs.capabilities:
            fs.fsync(fd)
        assert fs.pread(fd, size, 0) == bytes(model)
    assert get(fs, "f") == bytes(model)


@case("hardlinks")
def every_name_sees_a_write(fs: FileSystem) -> None:
    "Names of one file lead to one set of contents and attributes."
    put(fs, "a", b"1")
    fs.link("a", "b")
    with opened(fs, "a", os.O_WRONLY) as fd:
        fs.write(fd, b"2" * 10_000)
        assert fs.stat("b").size == 10_000
        assert get(fs, "b") == b"2" * 10_000
    fs.truncate("b", 3)
    assert get(fs, "a") == b"222"


@case()
def names_at_once(fs: FileSystem) -> None:
    "A name that was looked for in vain is found as soon as it is there."
    for number in range(20):
        name = f"n{number}"
        with fails(errno.ENOENT):
            fs.stat(name)
        put(fs, name, b"x")
        assert fs.stat(name).size == 1
        fs.rename(name, name + "-moved")
        with fails(errno.ENOENT):
            fs.stat(name)
        assert fs.stat(name + "-moved").size == 1
        fs.mkdir(name)
        assert stat.S_ISDIR(fs.stat(name).mode)


@case("users")
def every_user_sees_the_same(fs: FileSystem) -> None:
    "What one user writes and makes, another sees at once."
    fs.mkdir("d")
    fs.chmod("d", 0o777)
    one, two = fs.as_user(2001, 2001), fs.as_user(2002, 2002)
    put(one, "d/f", b"first", 0o666)
    with opened(two, "d/f", os.O_RDWR) as fd:
        assert two.pread(fd, 9, 0) == b"first"
        two.pwrite(fd, b"second", 0)
    assert get(one, "d/f") == b"second"
    one.unlink("d/f")
    with fails(errno.ENOENT):
        two.stat("d/f")


@case("mmap")
def mappings_and_writes(fs: FileSystem) -> None:
    "A shared mapping sees writes, and reads see the mapping, at once."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        fs.ftruncate(fd, 3 * 4096)
        with fs.mmap(fd, 3 * 4096) as memory:
            fs.pwrite(fd, b"written", 4090)
            assert memory[4090:4097] == b"written"
            memory[8190:8198] = b"a-border"
            assert fs.pread(fd, 8, 8190) == b"a-border"
            with opened(fs, "f", os.O_RDWR) as other:
                assert fs.pread(other, 8, 8190) == b"a-border"
                fs.pwrite(other, b"!", 8190)
            assert memory[8190] == ord("!")
            memory.flush()
    assert get(fs, "f")[8190:8198] == b"!-border"


@case("mmap")
def mappings_and_truncate(fs: FileSystem) -> None:
    "A mapping never brings back what was cut, and what grows is zeros."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        fs.ftruncate(fd, 8192)
        with fs.mmap(fd, 8192) as memory:
            memory[:8192] = b"x" * 8192
            fs.ftruncate(fd, 100)
            fs.ftruncate(fd, 8192)
            assert memory[:100] == b"x" * 100
            assert memory[100:8192] == bytes(8092)
            memory[5000:5003] = b"new"
        assert fs.pread(fd, 3, 5000) == b"new"
    assert get(fs, "f") == b"x" * 100 + bytes(4900) + b"new" + bytes(3189)


@case("mmap")
def mapping_outlives_descriptor_and_name(fs: FileSystem) -> None:
    "A mapping needs neither the descriptor nor the name it was made by."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        fs.write(fd, b"y" * 4096)
        memory = fs.mmap(fd, 4096)
    fs.unlink("f")
    assert memory[:4] == b"yyyy"
    memory[:4] = b"zzzz"
    assert memory[:5] == b"zzzzy"
    memory.close()
