# SPDX-License-Identifier: BSD-2-Clause
"""Each case runs on the host through `os` and on a kernel's FFS through `k`.

What holds for `os` has to hold for `k`: the host is the oracle.
"""

from __future__ import annotations

import errno
import os
import random
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Side:
    """A file system: the module-like object with its functions, and a folder."""

    os: Any
    base: str
    is_host: bool

    def make(self, name: str, data: bytes = b"", mode: int = 0o644) -> str:
        path = f"{self.base}/{name}"
        fd = self.os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        if data:
            assert self.os.write(fd, data) == len(data)
        self.os.close(fd)
        return path

    def contents(self, path: str) -> bytes:
        fd = self.os.open(path, os.O_RDONLY)
        try:
            parts = []
            while data := self.os.read(fd, 1 << 16):
                parts.append(data)
        finally:
            self.os.close(fd)
        return b"".join(parts)


@pytest.fixture(params=["host", "kernel"])
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Side]:
    old = os.umask(0o022)
    try:
        if request.param == "host":
            yield Side(os, str(tmp_path), True)
        else:
            mount = request.getfixturevalue("ffs")
            mount.kernel.umask(0o022)
            (mount / "work").mkdir()
            yield Side(mount.kernel, "/mnt/work", False)
    finally:
        os.umask(old)


def raises(number: int) -> Any:
    return pytest.raises(OSError, check=lambda e: e.errno == number)


# --- open, read, write -------------------------------------------------------


def test_write_then_read(side: Side) -> None:
    path = side.make("f", b"hello, anykernel\n")
    assert side.contents(path) == b"hello, anykernel\n"
    assert side.os.stat(path).st_size == 17


def test_open_flags(side: Side) -> None:
    path = side.make("f", b"0123456789")
    with raises(errno.EEXIST):
        side.os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    fd = side.os.open(path, os.O_WRONLY | os.O_APPEND)
    assert side.os.write(fd, b"ab") == 2
    side.os.close(fd)
    assert side.contents(path) == b"0123456789ab"
    side.os.close(side.os.open(path, os.O_WRONLY | os.O_TRUNC))
    assert side.contents(path) == b""
    with raises(errno.ENOTDIR):
        side.os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    with raises(errno.EISDIR):
        side.os.open(side.base, os.O_WRONLY)
    side.os.symlink("f", f"{side.base}/l")
    with pytest.raises(OSError) as info:
        side.os.open(f"{side.base}/l", os.O_RDONLY | os.O_NOFOLLOW)
    # NetBSD says EFTYPE here, which the host has not.
    assert info.value.errno in (errno.ELOOP, errno.EINVAL, errno.EMLINK)


def test_bad_descriptors(side: Side) -> None:
    for call in (
        lambda: side.os.read(4000, 1),
        lambda: side.os.write(4000, b"x"),
        lambda: side.os.close(4000),
        lambda: side.os.fstat(4000),
        lambda: side.os.lseek(4000, 0, os.SEEK_SET),
        lambda: side.os.fsync(4000),
    ):
        with raises(errno.EBADF):
            call()
    fd = side.os.open(side.make("f"), os.O_RDONLY)
    with raises(errno.EBADF):
        side.os.write(fd, b"x")
    side.os.close(fd)


def test_positioned_and_vectored(side: Side) -> None:
    path = side.make("f")
    fd = side.os.open(path, os.O_RDWR)
    assert side.os.pwrite(fd, b"world", 6) == 5
    assert side.os.pwrite(fd, b"hello ", 0) == 6
    assert side.os.pread(fd, 5, 6) == b"world"
    assert side.os.lseek(fd, 0, os.SEEK_CUR) == 0
    a, b = bytearray(3), bytearray(20)
    assert side.os.readv(fd, [a, b]) == 11
    assert bytes(a) == b"hel" and bytes(b[:8]) == b"lo world"
    assert side.os.writev(fd, [b"!", bytearray(b"?"), memoryview(b".")]) == 3
    assert side.os.preadv(fd, [a], 11) == 3 and bytes(a) == b"!?."
    assert side.os.pwritev(fd, [b"HE", b"LLO"], 0) == 5
    assert side.os.pread(fd, 100, 0) == b"HELLO world!?."
    assert side.os.read(fd, 10) == b""
    side.os.close(fd)


def test_seek(side: Side) -> None:
    fd = side.os.open(side.make("f", b"x" * 100), os.O_RDWR)
    assert side.os.lseek(fd, 10, os.SEEK_SET) == 10
    assert side.os.lseek(fd, 5, os.SEEK_CUR) == 15
    assert side.os.lseek(fd, -1, os.SEEK_END) == 99
    with raises(errno.EINVAL):
        side.os.lseek(fd, -1, os.SEEK_SET)
    with raises(errno.EINVAL):
        side.os.lseek(fd, 0, 77)
    assert side.os.lseek(fd, 0, os.SEEK_DATA) == 0
    assert side.os.lseek(fd, 0, os.SEEK_HOLE) == 100
    with raises(errno.ENXIO):
        side.os.lseek(fd, 100, os.SEEK_DATA)
    side.os.close(fd)


def test_dup_shares_the_offset(side: Side) -> None:
    fd = side.os.open(side.make("f", b"abcdef"), os.O_RDONLY)
    other = side.os.dup(fd)
    assert side.os.read(fd, 2) == b"ab"
    assert side.os.read(other, 2) == b"cd"
    side.os.close(fd)
    assert side.os.read(other, 2) == b"ef"
    target = side.os.open(side.base, os.O_RDONLY)
    assert side.os.dup2(other, target) == target
    assert side.os.lseek(target, 0, os.SEEK_CUR) == 6
    side.os.close(other)
    side.os.close(target)


def test_truncate_both_ways(side: Side) -> None:
    path = side.make("f", b"abcdef")
    side.os.truncate(path, 3)
    assert side.contents(path) == b"abc"
    fd = side.os.open(path, os.O_RDWR)
    side.os.ftruncate(fd, 6)
    side.os.close(fd)
    assert side.contents(path) == b"abc\0\0\0"
    with raises(errno.EINVAL):
        side.os.truncate(path, -1)


def test_large_file(side: Side) -> None:
    data = bytes(range(256)) * 4096  # 1 MiB
    path = side.make("f", data)
    assert side.contents(path) == data
    fd = side.os.open(path, os.O_RDWR)
    side.os.fsync(fd)
    side.os.fdatasync(fd)
    assert side.os.pread(fd, 256, 1 << 19) == data[:256]
    side.os.close(fd)


# --- names -------------------------------------------------------------------


def test_names_that_are_not_there(side: Side) -> None:
    none = f"{side.base}/none"
    for call in (
        lambda: side.os.stat(none),
        lambda: side.os.unlink(none),
        lambda: side.os.rmdir(none),
        lambda: side.os.open(none, os.O_RDONLY),
        lambda: side.os.listdir(none),
        lambda: side.os.readlink(none),
        lambda: side.os.chmod(none, 0o600),
        lambda: side.os.truncate(none, 0),
        lambda: side.os.utime(none),
        lambda: side.os.mkdir(f"{none}/x"),
        lambda: side.os.rename(none, f"{side.base}/other"),
    ):
        with pytest.raises(FileNotFoundError) as info:
            call()
        if not side.is_host:  # os.utime names no file
            assert str(info.value.filename).startswith(none)
        assert info.value.errno == errno.ENOENT
    assert not side.os.access(none, os.F_OK)


def test_mkdir_rmdir(side: Side) -> None:
    path = f"{side.base}/d"
    side.os.mkdir(path, 0o750)
    assert stat.S_IMODE(side.os.stat(path).st_mode) == 0o750
    assert stat.S_ISDIR(side.os.stat(path).st_mode)
    assert side.os.stat(path).st_nlink == 2
    with raises(errno.EEXIST):
        side.os.mkdir(path)
    side.os.close(side.os.open(f"{path}/f", os.O_CREAT | os.O_WRONLY))
    with raises(errno.ENOTEMPTY):
        side.os.rmdir(path)
    side.os.unlink(f"{path}/f")
    side.os.rmdir(path)
    assert not side.os.access(path, os.F_OK)


def test_links(side: Side) -> None:
    path = side.make("f", b"x")
    side.os.link(path, f"{side.base}/g")
    assert side.os.stat(path).st_nlink == 2
    assert side.os.stat(path).st_ino == side.os.stat(f"{side.base}/g").st_ino
    with raises(errno.EEXIST):
        side.os.link(path, f"{side.base}/g")
    side.os.unlink(path)
    assert side.contents(f"{side.base}/g") == b"x"
    assert side.os.stat(f"{side.base}/g").st_nlink == 1


@pytest.mark.parametrize("target", ["short", "x" * 60, "x" * 119, "y" * 120, "z" * 900])
def test_symbolic_links(side: Side, target: str) -> None:
    path = f"{side.base}/l"
    side.os.symlink(target, path)
    assert side.os.readlink(path) == target
    status = side.os.lstat(path)
    assert stat.S_ISLNK(status.st_mode) and status.st_size == len(target)
    with pytest.raises(OSError):
        side.os.stat(path)
    with raises(errno.EINVAL):
        side.os.readlink(side.make("f"))


def test_links_are_followed(side: Side) -> None:
    side.make("f", b"there")
    side.os.mkdir(f"{side.base}/d")
    side.os.symlink("../f", f"{side.base}/d/l")
    side.os.symlink("d", f"{side.base}/dl")
    assert side.contents(f"{side.base}/dl/l") == b"there"
    side.os.symlink("loop", f"{side.base}/loop")
    with raises(errno.ELOOP):
        side.os.stat(f"{side.base}/loop")


def test_rename(side: Side) -> None:
    path = side.make("f", b"1")
    other = side.make("g", b"2")
    side.os.rename(path, other)
    assert side.contents(other) == b"1"
    assert sorted(side.os.listdir(side.base)) == ["g"]
    side.os.mkdir(f"{side.base}/d")
    side.os.rename(other, f"{side.base}/d/h")
    side.os.mkdir(f"{side.base}/e")
    side.os.rename(f"{side.base}/d", f"{side.base}/e/d")
    assert side.os.listdir(f"{side.base}/e/d") == ["h"]
    with raises(errno.EINVAL):
        side.os.rename(f"{side.base}/e", f"{side.base}/e/d/x")
    with raises(errno.ENOTDIR):
        side.os.rename(f"{side.base}/e", side.make("f"))
    with raises(errno.EISDIR):
        side.os.rename(side.make("f"), f"{side.base}/e")
    side.os.replace(side.make("f", b"3"), side.make("i"))
    assert side.contents(f"{side.base}/i") == b"3"


def test_relative_to_a_descriptor(side: Side) -> None:
    side.os.mkdir(f"{side.base}/d")
    fd = side.os.open(f"{side.base}/d", os.O_RDONLY | os.O_DIRECTORY)
    side.os.mkdir("sub", dir_fd=fd)
    file = side.os.open("f", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=fd)
    side.os.close(file)
    side.os.link("f", "g", src_dir_fd=fd, dst_dir_fd=fd)
    side.os.symlink("f", "l", dir_fd=fd)
    assert side.os.readlink("l", dir_fd=fd) == "f"
    side.os.rename("g", "h", src_dir_fd=fd, dst_dir_fd=fd)
    side.os.chmod("f", 0o640, dir_fd=fd)
    side.os.utime("f", ns=(1, 2), dir_fd=fd)
    assert side.os.stat("f", dir_fd=fd).st_mtime_ns in (2, 0, 1000)
    assert stat.S_IMODE(side.os.stat("f", dir_fd=fd).st_mode) == 0o640
    side.os.mkfifo("p", dir_fd=fd)
    assert stat.S_ISFIFO(side.os.stat("p", dir_fd=fd).st_mode)
    assert side.os.access("f", os.R_OK, dir_fd=fd)
    assert sorted(side.os.listdir(fd)) == ["f", "h", "l", "p", "sub"]
    side.os.unlink("f", dir_fd=fd)
    side.os.rmdir("sub", dir_fd=fd)
    side.os.close(fd)


def test_long_names(side: Side) -> None:
    path = side.make("n" * 255, b"x")
    assert side.contents(path) == b"x"
    with raises(errno.ENAMETOOLONG):
        side.os.stat(f"{side.base}/{'n' * 256}")


def test_names_of_any_bytes(side: Side) -> None:
    base = side.base.encode()
    for name in (b"\xff\xfe", b"a b", b"\n", "ü".encode()):
        side.os.mkdir(base + b"/" + name)
    assert sorted(side.os.listdir(base)) == [b"\n", b"a b", b"\xc3\xbc", b"\xff\xfe"]
    assert os.fsdecode(b"\xff\xfe") in side.os.listdir(side.base)
    with pytest.raises(ValueError, match="null"):
        side.os.mkdir(side.base + "/a\0b")


# --- attributes --------------------------------------------------------------


def test_modes(side: Side) -> None:
    path = side.make("f", mode=0o600)
    for mode in (0o644, 0o000, 0o777, 0o4755, 0o1777):
        side.os.chmod(path, mode)
        assert stat.S_IMODE(side.os.stat(path).st_mode) == mode
    fd = side.os.open(path, os.O_RDONLY)
    side.os.fchmod(fd, 0o640)
    assert stat.S_IMODE(side.os.fstat(fd).st_mode) == 0o640
    side.os.close(fd)


def test_umask(side: Side) -> None:
    old = side.os.umask(0o077)
    assert old == 0o022
    path = side.make("f", mode=0o666)
    assert side.os.umask(old) == 0o077
    assert stat.S_IMODE(side.os.stat(path).st_mode) == 0o600


@pytest.mark.skipif(os.getuid() != 0, reason="the host lets only root give files away")
def test_owners(side: Side) -> None:
    path = side.make("f")
    side.os.chown(path, 12, 34)
    assert (side.os.stat(path).st_uid, side.os.stat(path).st_gid) == (12, 34)
    side.os.chown(path, -1, 56)
    assert (side.os.stat(path).st_uid, side.os.stat(path).st_gid) == (12, 56)
    side.os.symlink("f", f"{side.base}/l")
    side.os.lchown(f"{side.base}/l", 7, 8)
    assert side.os.lstat(f"{side.base}/l").st_uid == 7
    assert side.os.stat(path).st_uid == 12


def test_times(side: Side) -> None:
    path = side.make("f")
    side.os.utime(path, ns=(1_000_000_001, 2_000_000_002))
    status = side.os.stat(path)
    assert (status.st_atime_ns, status.st_mtime_ns) == (1_000_000_001, 2_000_000_002)
    side.os.utime(path, (3.5, 4.25))
    assert side.os.stat(path).st_mtime == 4.25
    before = side.os.stat(path).st_ctime_ns
    side.os.utime(path)
    assert side.os.stat(path).st_mtime > 1_600_000_000
    assert side.os.stat(path).st_ctime_ns >= before
    with pytest.raises(ValueError, match="not both"):
        side.os.utime(path, (1, 2), ns=(1, 2))


def test_statvfs(side: Side) -> None:
    v = side.os.statvfs(side.base)
    assert 0 < v.f_bfree <= v.f_blocks and v.f_namemax == 255
    assert v.f_frsize > 0 and v.f_files > 0
    fd = side.os.open(side.base, os.O_RDONLY)
    assert side.os.fstatvfs(fd).f_blocks == v.f_blocks
    side.os.close(fd)


# --- trees -------------------------------------------------------------------


def test_scandir_and_walk(side: Side) -> None:
    side.os.makedirs(f"{side.base}/a/b/c")
    side.make("a/f", b"12345")
    side.os.symlink("b", f"{side.base}/a/l")
    with side.os.scandir(f"{side.base}/a") as entries:
        found = {e.name: e for e in entries}
    assert set(found) == {"b", "f", "l"}
    assert found["b"].is_dir() and not found["b"].is_file()
    assert found["f"].is_file() and found["f"].stat().st_size == 5
    assert found["l"].is_symlink() and found["l"].is_dir()
    assert not found["l"].is_dir(follow_symlinks=False)
    assert found["f"].path == f"{side.base}/a/f"
    assert found["f"].inode() == side.os.stat(f"{side.base}/a/f").st_ino
    walked = [
        (top.removeprefix(side.base), sorted(dirs), files)
        for top, dirs, files in side.os.walk(side.base)
    ]
    assert walked == [
        ("", ["a"], []),
        ("/a", ["b", "l"], ["f"]),
        ("/a/b", ["c"], []),
        ("/a/b/c", [], []),
    ]
    upward = [top for top, _, _ in side.os.walk(side.base, topdown=False)]
    assert upward == [f"{side.base}{d}" for d in ("/a/b/c", "/a/b", "/a", "")]
    side.os.removedirs(f"{side.base}/a/b/c")
    assert sorted(side.os.listdir(f"{side.base}/a")) == ["f", "l"]


def test_walk_can_be_pruned_and_reports_errors(side: Side) -> None:
    side.os.makedirs(f"{side.base}/a/b")
    side.os.makedirs(f"{side.base}/c/d")
    seen = []
    for top, dirs, _ in side.os.walk(side.base):
        seen.append(top.removeprefix(side.base))
        if "a" in dirs:
            dirs[:] = ["c"]
    assert seen == ["", "/c", "/c/d"]
    errors: list[OSError] = []
    list(side.os.walk(f"{side.base}/none", onerror=errors.append))
    assert [type(e) for e in errors] == [FileNotFoundError]


def test_many_entries(side: Side) -> None:
    names = [f"file-{i:04}" for i in range(700)]
    for name in names:
        side.os.close(side.os.open(f"{side.base}/{name}", os.O_CREAT | os.O_WRONLY))
    assert sorted(side.os.listdir(side.base)) == names
    for name in names[::2]:
        side.os.unlink(f"{side.base}/{name}")
    assert sorted(side.os.listdir(side.base)) == names[1::2]


def test_names_that_are_no_text(side: Side) -> None:
    for raw in (b"caf\xc3\xa9", b"half\xe2\x82", b"\xff\xfe"):
        path = os.fsencode(side.base) + b"/" + raw
        side.os.close(side.os.open(path, os.O_CREAT | os.O_WRONLY))
    names = {"caf\u00e9", "half\udce2\udc82", "\udcff\udcfe"}
    with side.os.scandir(side.base) as entries:
        assert {e.name for e in entries} == names == set(side.os.listdir(side.base))
    with side.os.scandir(os.fsencode(side.base)) as entries:
        assert {e.name for e in entries} == {os.fsencode(name) for name in names}


def test_a_scan_that_is_closed_is_over(side: Side) -> None:
    for name in "abc":
        side.make(name)
    with side.os.scandir(side.base) as entries:
        assert iter(entries) is entries
        assert next(entries).name in "abc"
    assert list(entries) == []
    assert list(side.os.scandir(side.base))
    side.os.mkdir(f"{side.base}/none")
    with side.os.scandir(f"{side.base}/none") as entries:
        assert list(entries) == []


def test_small_directories_in_any_order(side: Side) -> None:
    """A search may begin anywhere: what is there is found, what is not is not."""
    names = [f"{'n' * (i % 9)}{i}" for i in range(120)]
    for name in names:
        side.make(name)
    order = random.Random(7)
    for _ in range(3):
        order.shuffle(names)
        for name in names:
            assert side.os.stat(f"{side.base}/{name}").st_size == 0
            with pytest.raises(FileNotFoundError):
                side.os.stat(f"{side.base}/{name}-")
        side.os.unlink(f"{side.base}/{names.pop()}")
        side.os.rename(f"{side.base}/{names[0]}", f"{side.base}/{names[0]}x")
        names[0] += "x"
    assert sorted(side.os.listdir(side.base)) == sorted(names)


def test_unlinked_but_open(side: Side) -> None:
    path = side.make("f", b"still here")
    fd = side.os.open(path, os.O_RDWR)
    side.os.unlink(path)
    assert side.os.listdir(side.base) == []
    assert side.os.fstat(fd).st_nlink == 0
    side.os.write(fd, b"STILL")
    assert side.os.pread(fd, 100, 0) == b"STILL here"
    side.os.close(fd)


def test_fifo(side: Side) -> None:
    path = f"{side.base}/p"
    side.os.mkfifo(path)
    reader = side.os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(OSError) as info:
        side.os.open(f"{side.base}/p2", os.O_WRONLY | os.O_NONBLOCK)
    assert info.value.errno == errno.ENOENT
    writer = side.os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        side.os.read(reader, 10)
    assert side.os.write(writer, b"through") == 7
    assert side.os.read(reader, 100) == b"through"
    side.os.close(writer)
    assert side.os.read(reader, 100) == b""
    side.os.close(reader)


def test_sparse_file(side: Side) -> None:
    fd = side.os.open(f"{side.base}/s", os.O_RDWR | os.O_CREAT, 0o600)
    side.os.pwrite(fd, b"end", 3 << 20)
    assert side.os.fstat(fd).st_size == (3 << 20) + 3
    assert side.os.fstat(fd).st_blocks * 512 < 1 << 20
    assert side.os.pread(fd, 8, 1 << 20) == bytes(8)
    side.os.close(fd)


def test_arguments_that_are_none_or_wrong(side: Side) -> None:
    path = side.make("file")
    side.os.chdir(side.base)
    try:
        assert side.os.listdir(None) == side.os.listdir() == ["file"]
        with side.os.scandir(None) as entries:
            assert [entry.path for entry in entries] == ["./file"]
        assert side.os.listxattr(None) == side.os.listxattr()
    finally:
        side.os.chdir("/")
    for uid in (-2, 1 << 32, 1 << 70):
        with pytest.raises(OverflowError):
            side.os.chown(path, uid, 0)
        with pytest.raises(OverflowError):
            side.os.chown(path, 0, uid)
    for bad in ((1,), (1, 2, 3), 5, "12"):
        with pytest.raises(TypeError):
            side.os.utime(path, bad)
        with pytest.raises(TypeError):
            side.os.utime(path, ns=bad)
    assert side.os.pathconf(path, "PC_NAME_MAX") == 255
    with pytest.raises(ValueError, match="configuration name"):
        side.os.pathconf(path, "PC_NOTHING")
    fd = side.os.open(path, os.O_RDONLY)
    assert side.os.fpathconf(fd, "PC_NAME_MAX") == 255
    for wrong in ({"dir_fd": fd}, {"follow_symlinks": False}):
        with pytest.raises(ValueError, match="stat: "):
            side.os.stat(fd, **wrong)
    side.os.close(fd)
