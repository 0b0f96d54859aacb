# SPDX-License-Identifier: BSD-2-Clause
"""Sparse files: holes, SEEK_HOLE and SEEK_DATA, reserving room."""

from __future__ import annotations

import errno
import os

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, opened, put

_MB = 1 << 20


@case("holes")
def are_found(fs: FileSystem) -> None:
    "SEEK_DATA and SEEK_HOLE find where data begins and ends."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        fs.pwrite(fd, b"x" * 65_536, 4 * _MB)
        fs.ftruncate(fd, 8 * _MB)
        fs.fsync(fd)
        data = fs.lseek(fd, 0, os.SEEK_DATA)
        assert 0 < data <= 4 * _MB
        hole = fs.lseek(fd, data, os.SEEK_HOLE)
        assert 4 * _MB + 65_536 <= hole < 8 * _MB
        assert fs.lseek(fd, 0, os.SEEK_HOLE) == 0
        # NetBSD gives the last block room, so that it is data again.
        try:
            assert fs.lseek(fd, hole, os.SEEK_DATA) >= 8 * _MB - 65_536
        except OSError as error:
            assert error.errno == errno.ENXIO
        with fails(errno.ENXIO):
            fs.lseek(fd, 8 * _MB, os.SEEK_DATA)
        with fails(errno.ENXIO):
            fs.lseek(fd, 8 * _MB, os.SEEK_HOLE)


@case("holes")
def the_end_is_a_hole(fs: FileSystem) -> None:
    "Behind the last byte of a file without holes there is one."
    put(fs, "f", b"x" * 100_000)
    with opened(fs, "f", os.O_RDONLY) as fd:
        assert fs.lseek(fd, 0, os.SEEK_DATA) == 0
        assert fs.lseek(fd, 5, os.SEEK_DATA) == 5
        assert fs.lseek(fd, 0, os.SEEK_HOLE) == 100_000


@case("holes")
def read_as_zeros(fs: FileSystem) -> None:
    "Holes read as zeros, and take writing in any place."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        for offset in (3 * _MB, _MB, 2 * _MB, 12_345):
            fs.pwrite(fd, b"data", offset)
        assert fs.fstat(fd).size == 3 * _MB + 4
        assert fs.pread(fd, 12_349, 0) == bytes(12_345) + b"data"
        assert fs.pread(fd, 8, 2 * _MB - 4) == bytes(4) + b"data"
        assert fs.pread(fd, 100_000, _MB + 4) == bytes(100_000)


@case("holes")
def a_long_way_out(fs: FileSystem) -> None:
    "A byte far out takes next to no room."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        fs.pwrite(fd, b"!", 32 * _MB)
        fs.fsync(fd)
        assert fs.fstat(fd).size == 32 * _MB + 1
        assert fs.fstat(fd).blocks <= 1024


@case("allocate")
def reserving_grows(fs: FileSystem) -> None:
    "Reserved room reads as zeros, is part of the file, and spares its data."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        fs.write(fd, b"kept")
        fs.allocate(fd, 0, 100_000)
        assert fs.fstat(fd).size == 100_000
        assert fs.fstat(fd).blocks * 512 >= 100_000
        assert fs.pread(fd, 100_000, 0) == b"kept" + bytes(99_996)
        fs.allocate(fd, 10, 10)
        assert fs.fstat(fd).size == 100_000


@case("allocate")
def reserving_refuses(fs: FileSystem) -> None:
    "Negative offsets and empty ranges are EINVAL."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        with fails(errno.EINVAL):
            fs.allocate(fd, -1, 10)
        with fails(errno.EINVAL):
            fs.allocate(fd, 0, 0)
    with opened(fs, "f", os.O_RDONLY) as fd, fails(errno.EBADF):
        fs.allocate(fd, 0, 10)


@case("punch")
def punching_makes_zeros(fs: FileSystem) -> None:
    "A punched range reads as zeros; size and neighbours stay."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        fs.write(fd, b"x" * 300_000)
        fs.punch(fd, 1000, 200_000)
        assert fs.fstat(fd).size == 300_000
        assert fs.pread(fd, 300_000, 0) == (
            b"x" * 1000 + bytes(200_000) + b"x" * 99_000
        )


@case("punch", "holes")
def punching_gives_room_back(fs: FileSystem) -> None:
    "What is punched takes no room, is a hole, and can be written again."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        fs.write(fd, b"x" * (4 * _MB))
        fs.fsync(fd)
        before = fs.fstat(fd).blocks
        fs.punch(fd, _MB, 2 * _MB)
        fs.fsync(fd)
        assert fs.fstat(fd).blocks <= before - 3 * _MB // 2 // 512
        hole = fs.lseek(fd, 0, os.SEEK_HOLE)
        assert _MB <= hole <= _MB + 65_536
        assert 3 * _MB - 65_536 <= fs.lseek(fd, hole, os.SEEK_DATA) <= 3 * _MB
        fs.pwrite(fd, b"again", 2 * _MB)
        assert fs.pread(fd, 9, 2 * _MB - 2) == b"\0\0again\0\0"
        assert fs.pread(fd, 2, 3 * _MB - 1) == b"\0x"


@case("punch")
def punching_keeps_the_size(fs: FileSystem) -> None:
    "Up to the end and beyond it only what is there becomes zeros."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        fs.write(fd, b"x" * 100_000)
        fs.punch(fd, 50_000, 1 << 40)
        assert fs.fstat(fd).size == 100_000
        fs.punch(fd, 200_000, 1000)
        assert fs.fstat(fd).size == 100_000
        fs.pwrite(fd, b"y", 100_000)
        assert fs.pread(fd, 200_000, 0) == b"x" * 50_000 + bytes(50_000) + b"y"
        fs.ftruncate(fd, 10_000)
        fs.ftruncate(fd, 60_000)
        assert fs.pread(fd, 200_000, 0) == b"x" * 10_000 + bytes(50_000)


@case("punch", "sysflags")
def punching_asks_the_flags(fs: FileSystem) -> None:
    "What may only be appended to may not be punched."
    put(fs, "f", b"x" * 100_000)
    with opened(fs, "f", os.O_RDWR) as fd:
        fs.chflags("f", {"sappnd"})
        with fails(errno.EPERM):
            fs.punch(fd, 0, 50_000)
        fs.chflags("f", ())
        assert fs.pread(fd, 3, 0) == b"xxx"
    with opened(fs, "f", os.O_RDONLY) as fd, fails(errno.EBADF):
        fs.punch(fd, 0, 50_000)
