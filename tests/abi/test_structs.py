# SPDX-License-Identifier: BSD-2-Clause
"""Codecs: sizes and offsets against the C layout, values there and back."""

from __future__ import annotations

import copy
import ctypes
import os
import pickle
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumpy.abi import structs

SIZES = {
    "STAT": 152, "STATVFS": 3296, "TIMESPEC": 16, "TIMEVAL": 16, "IOVEC": 16,
    "FLOCK": 24, "POLLFD": 8, "UFS_ARGS": 8, "MODCTL_LOAD": 32, "MODSTAT": 64,
}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_size(name: str) -> None:
    assert getattr(structs, name).size == SIZES[name]


def put(size: int, *fields: tuple[int, int, int]) -> bytes:
    """A structure of zeros with integers at (offset, bytes, value)."""
    data = bytearray(size)
    for offset, width, value in fields:
        data[offset : offset + width] = value.to_bytes(
            width, "little", signed=value < 0
        )
    return bytes(data)


def test_stat_reads_each_member_at_its_offset() -> None:
    raw = put(
        152, (0, 8, 7), (8, 4, stat.S_IFREG | 0o640), (16, 8, 1 << 40), (24, 4, 3),
        (28, 4, 1000), (32, 4, 100), (40, 8, 5 << 8 | 9), (48, 8, 11), (56, 8, 12),
        (64, 8, -2), (72, 8, 500_000_000), (80, 8, 15), (88, 8, 16), (96, 8, 17),
        (104, 8, 18), (112, 8, 1 << 33), (120, 8, 24), (128, 4, 8192), (132, 4, 6),
        (136, 4, 77),
    )  # fmt: skip
    s = structs.StatResult.unpack(raw)
    assert (s.st_dev, s.st_ino, s.st_nlink, s.st_uid, s.st_gid) == (
        7,
        1 << 40,
        3,
        1000,
        100,
    )
    assert stat.S_ISREG(s.st_mode) and stat.S_IMODE(s.st_mode) == 0o640
    assert s.st_atime_ns == 11_000_000_012 and s.st_ctime_ns == 15_000_000_016
    assert s.st_mtime_ns == -1_500_000_000 and s.st_mtime == -1.5
    assert s.st_birthtime_ns == 17_000_000_018
    assert (s.st_size, s.st_blocks, s.st_blksize, s.st_flags, s.st_gen) == (
        1 << 33,
        24,
        8192,
        6,
        77,
    )
    assert s.st_rdev == os.makedev(5, 9)
    assert s[:10] == (s.st_mode, s.st_ino, 7, 3, 1000, 100, 1 << 33, 11, -2, 15)
    assert len(s) == 10 and s[stat.ST_SIZE] == 1 << 33


def test_stat_is_a_sequence_of_ten_as_the_hosts_is() -> None:
    raw = put(152, (8, 4, stat.S_IFREG), (16, 8, 5), (112, 8, 9), (136, 4, 1))
    s = structs.StatResult.unpack(raw)
    ten = (stat.S_IFREG, 5, 0, 0, 0, 0, 9, 0, 0, 0)
    assert tuple(s) == ten and s == ten and ten == s and s != ten[:9]
    assert s != list(ten) and hash(s) == hash(ten) and 9 in s
    mode, ino, *_rest, ctime = s
    assert (mode, ino, ctime) == (stat.S_IFREG, 5, 0) and s[-4] == 9
    assert s == pickle.loads(pickle.dumps(s)) == copy.copy(s)
    assert pickle.loads(pickle.dumps(s)).st_gen == 1
    assert os.stat_result(s).st_size == 9
    with pytest.raises(IndexError):
        s[10]


def test_statvfs_reads_each_member_at_its_offset() -> None:
    values = [9, 8192, 1024, 65536, 100, 90, 80, 10, 70, 60, 50, 5]
    members = [(8 * index, 8, value) for index, value in enumerate(values)]
    members += [(136, 8, 99), (144, 8, 255), (152, 4, 12)]
    raw = bytearray(put(3296, *members))
    raw[192:195] = b"ffs"
    raw[224:228] = b"/mnt"
    raw[1248:1256] = b"/dev/rd0"
    v = structs.StatvfsResult.unpack(raw)
    assert (v.f_bsize, v.f_frsize, v.f_iosize) == (8192, 1024, 65536)
    assert (v.f_blocks, v.f_bfree, v.f_bavail, v.f_bresvd) == (100, 90, 80, 10)
    assert (v.f_files, v.f_ffree, v.f_favail, v.f_fresvd) == (70, 60, 50, 5)
    assert (v.f_fsid, v.f_namemax, v.f_owner, v.f_mntflags) == (99, 255, 12, 9)
    assert v.f_flag == os.ST_RDONLY | os.ST_NOSUID
    assert (v.f_fstypename, v.f_mntonname, v.f_mntfromname) == (
        "ffs",
        "/mnt",
        "/dev/rd0",
    )
    assert len(v) == 10


NAMES = st.binary(min_size=1, max_size=255).filter(
    lambda n: b"\0" not in n and b"/" not in n
)


@given(st.lists(st.tuples(st.integers(1, 2**64 - 1), st.integers(0, 14), NAMES)))
def test_directory_records_round_trip(entries: list[tuple[int, int, bytes]]) -> None:
    data = b"".join(structs.pack_dirent(*e) for e in entries)
    assert list(structs.dirents(data, len(data))) == entries


def test_a_removed_entry_is_skipped() -> None:
    data = structs.pack_dirent(0, 8, b"gone") + structs.pack_dirent(3, 8, b"here")
    assert [e[2] for e in structs.dirents(data, len(data))] == [b"here"]


@pytest.mark.parametrize("reclen", [0, 8, 20, 0xFFF8])
def test_a_bad_record_length_is_an_error_and_no_loop(reclen: int) -> None:
    data = structs.DIRENT.pack(2, reclen, 3, 8) + b"abc".ljust(11, b"\0")
    with pytest.raises(ValueError, match="bad directory record"):
        list(structs.dirents(data, len(data)))


def test_a_record_cut_off_is_an_error() -> None:
    with pytest.raises(ValueError, match="cut off"):
        list(structs.dirents(b"\1\0\0\0", 4))


@given(st.integers(0, 0xFFF), st.integers(0, 0xFFFFF))
def test_device_numbers_round_trip(major: int, minor: int) -> None:
    host = os.makedev(major, minor)
    assert structs.host_dev(structs.kernel_dev(host)) == host


def test_a_device_number_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        structs.kernel_dev(os.makedev(0x1000, 0))


class HostFlock(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_short),
        ("whence", ctypes.c_short),
        ("start", ctypes.c_int64),
        ("len", ctypes.c_int64),
        ("pid", ctypes.c_int),
    ]


def test_locks_translate_both_ways() -> None:
    assert ctypes.sizeof(HostFlock) == structs.HOST_FLOCK.size
    host = bytes(HostFlock(1, 2, 100, 200, 300))
    kernel = structs.lock_to_kernel(host)
    assert structs.FLOCK.unpack(kernel) == (100, 200, 300, 3, 2)
    assert structs.lock_to_host(kernel) == host


@given(st.integers(-(2**62), 2**62))
def test_times_round_trip(ns: int) -> None:
    seconds, rest = structs.TIMESPEC.unpack(structs.timespec(ns))
    assert seconds * 1_000_000_000 + rest == ns and 0 <= rest < 1_000_000_000
