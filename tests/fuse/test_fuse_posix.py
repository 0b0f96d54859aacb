# SPDX-License-Identifier: BSD-2-Clause
"""What programs expect of a file system, through a mount."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest


def test_data_round_trip(tree: Path) -> None:
    data = os.urandom(3_000_000)
    (tree / "f").write_bytes(data)
    assert (tree / "f").read_bytes() == data
    assert (tree / "f").stat().st_size == len(data)


def test_sparse_offsets_beyond_4_gib(tree: Path) -> None:
    if "toy" in str(tree):
        pytest.skip("the toy keeps holes in memory")
    where = 5 * 2**30 + 123
    fd = os.open(tree / "f", os.O_RDWR | os.O_CREAT)
    try:
        assert os.pwrite(fd, b"far", where) == 3
        assert os.pread(fd, 5, where - 1) == b"\0far"
        assert os.fstat(fd).st_size == where + 3
        assert os.fstat(fd).st_blocks * 512 < 2**20
    finally:
        os.close(fd)


def test_unlinked_while_open(tree: Path) -> None:
    fd = os.open(tree / "f", os.O_RDWR | os.O_CREAT)
    try:
        os.write(fd, b"still here")
        os.unlink(tree / "f")
        assert os.fstat(fd).st_nlink == 0
        assert os.pread(fd, 5, 0) == b"still"
        os.write(fd, b"!")
        os.ftruncate(fd, 5)
        assert os.fstat(fd).st_size == 5
        assert os.listdir(tree) == []
    finally:
        os.close(fd)


def test_unlinked_while_open_does_not_meet_its_successor(tree: Path) -> None:
    fd = os.open(tree / "f", os.O_RDWR | os.O_CREAT)
    try:
        os.write(fd, b"old")
        os.unlink(tree / "f")
        for i in range(20):
            (tree / f"n{i}").write_bytes(b"new")
        assert os.pread(fd, 10, 0) == b"old"
    finally:
        os.close(fd)


def test_rename_over_open_file(tree: Path) -> None:
    (tree / "a").write_bytes(b"aaa")
    (tree / "b").write_bytes(b"bbb")
    fd = os.open(tree / "b", os.O_RDONLY)
    try:
        os.rename(tree / "a", tree / "b")
        assert os.pread(fd, 3, 0) == b"bbb"
        assert os.fstat(fd).st_nlink == 0
    finally:
        os.close(fd)
    assert (tree / "b").read_bytes() == b"aaa"
    assert os.listdir(tree) == ["b"]


def test_rename_moves_directories(tree: Path) -> None:
    (tree / "d1/sub").mkdir(parents=True)
    (tree / "d2").mkdir()
    (tree / "d1/sub/f").write_bytes(b"x")
    os.rename(tree / "d1/sub", tree / "d2/moved")
    assert (tree / "d2/moved/f").read_bytes() == b"x"
    assert (tree / "d1").stat().st_nlink == 2
    assert (tree / "d2").stat().st_nlink == 3
    assert os.path.samefile(tree / "d2/moved/..", tree / "d2")


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (lambda t: os.rmdir(t / "full"), errno.ENOTEMPTY),
        (lambda t: os.rename(t / "empty", t / "full"), errno.ENOTEMPTY),
        (lambda t: os.rename(t / "file", t / "empty"), errno.EISDIR),
        (lambda t: os.rename(t / "full", t / "file"), errno.ENOTDIR),
        (lambda t: os.rename(t / "full", t / "full/inside"), errno.EINVAL),
        (lambda t: os.unlink(t / "empty"), errno.EISDIR),
        (lambda t: os.rmdir(t / "file"), errno.ENOTDIR),
        (lambda t: os.mkdir(t / "file"), errno.EEXIST),
        (lambda t: os.link(t / "empty", t / "l"), errno.EPERM),
        (lambda t: os.stat(t / "none"), errno.ENOENT),
        (lambda t: os.stat(t / "file/below"), errno.ENOTDIR),
        (lambda t: os.stat(t / ("n" * 256)), errno.ENAMETOOLONG),
        (lambda t: os.open(t / "file", os.O_CREAT | os.O_EXCL), errno.EEXIST),
    ],
)
def test_refusals(tree: Path, make: object, number: int) -> None:
    (tree / "empty").mkdir()
    (tree / "full").mkdir()
    (tree / "full/f").touch()
    (tree / "file").touch()
    with pytest.raises(OSError) as caught:
        make(tree)  # type: ignore[operator]
    assert caught.value.errno == number


def test_renameat2(tree: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def rename2(old: str, new: str, flags: int) -> int:
        done = libc.renameat2(
            -100, os.fsencode(tree / old), -100, os.fsencode(tree / new), flags
        )
        return ctypes.get_errno() if done else 0

    (tree / "a").write_bytes(b"a")
    (tree / "b").write_bytes(b"b")
    assert rename2("a", "b", 1) == errno.EEXIST
    assert rename2("a", "c", 1) == 0
    assert sorted(os.listdir(tree)) == ["b", "c"]
    for flags in (3, 4, 8):  # both, whiteout, unknown
        assert rename2("b", "c", flags) == errno.EINVAL
    assert [(tree / name).read_bytes() for name in "bc"] == [b"b", b"a"]


def test_append_by_two(tree: Path) -> None:
    path = tree / "log"
    fds = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for _ in range(2)]
    for i in range(200):
        os.write(fds[i % 2], b"%05d\n" % i)
    for fd in fds:
        os.close(fd)
    assert path.read_bytes() == b"".join(b"%05d\n" % i for i in range(200))


def test_append_by_processes(tree: Path) -> None:
    script = (
        "import os,sys\n"
        "fd=os.open(sys.argv[1],os.O_WRONLY|os.O_CREAT|os.O_APPEND)\n"
        "for i in range(300): os.write(fd, (sys.argv[2]*15+'\\n').encode())\n"
    )
    path = str(tree / "log")
    running = [
        subprocess.Popen([sys.executable, "-c", script, path, letter])
        for letter in "abcd"
    ]
    assert [process.wait() for process in running] == [0] * 4
    lines = Path(path).read_bytes().split(b"\n")[:-1]
    assert len(lines) == 1200
    assert set(lines) == {c * 15 for c in (b"a", b"b", b"c", b"d")}


def test_truncate_both_ways(tree: Path) -> None:
    path = tree / "f"
    path.write_bytes(b"x" * 10000)
    os.truncate(path, 5000)
    os.truncate(path, 20000)
    assert path.read_bytes() == b"x" * 5000 + b"\0" * 15000
    path.open("w").close()
    assert path.stat().st_size == 0


def test_links_and_symlinks(tree: Path) -> None:
    (tree / "f").write_bytes(b"x")
    os.link(tree / "f", tree / "g")
    assert (tree / "f").stat().st_nlink == 2
    assert os.path.samefile(tree / "f", tree / "g")
    os.unlink(tree / "f")
    assert (tree / "g").stat().st_nlink == 1
    for target in ("g", "t" * 59, "t" * 60, "t" * 500):
        os.symlink(target, tree / "l")
        assert os.readlink(tree / "l") == target
        os.unlink(tree / "l")
    os.symlink("loop", tree / "loop")
    with pytest.raises(OSError) as caught:
        os.stat(tree / "loop")
    assert caught.value.errno == errno.ELOOP


def test_chmod_chown_times(tree: Path) -> None:
    path = tree / "f"
    path.touch()
    for mode in (0o600, 0o4755, 0o000, 0o644):
        os.chmod(path, mode)
        assert stat.S_IMODE(path.stat().st_mode) == mode
    os.utime(path, ns=(1_000_000_000_123_456_789, 1_100_000_000_000_000_001))
    found = path.stat()
    assert found.st_atime_ns // 10**9 == 1_000_000_000
    assert found.st_mtime_ns // 10**9 == 1_100_000_000
    if os.geteuid() == 0:
        os.chown(path, 1234, 5678)
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 5678)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_set_id_bits_go_when_others_write(tree: Path) -> None:
    if "toy" in str(tree):
        pytest.skip("the toy has no set-id bits to drop")
    path = tree / "f"
    path.write_bytes(b"#!/bin/true\n")
    os.chmod(path, 0o6777)
    tree.chmod(0o755)
    subprocess.run(
        ["/bin/sh", "-c", f"printf x >>{path}"],
        check=True,
        user=1234,
        group=1234,
        extra_groups=[],
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o777


def test_fifo_and_devices(tree: Path) -> None:
    os.mkfifo(tree / "p", 0o644)
    assert stat.S_ISFIFO((tree / "p").stat().st_mode)
    reader = subprocess.Popen(["cat", str(tree / "p")], stdout=subprocess.PIPE)
    (tree / "p").write_bytes(b"through the pipe")
    assert reader.communicate()[0] == b"through the pipe"
    if os.geteuid() == 0:
        os.mknod(tree / "null", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod(tree / "big", 0o600 | stat.S_IFBLK, os.makedev(259, 65537))
        assert (tree / "null").stat().st_rdev == os.makedev(1, 3)
        assert (tree / "big").stat().st_rdev == os.makedev(259, 65537)


def test_directories_with_many_names(tree: Path) -> None:
    names = {f"file-with-a-longer-name-{i:05d}" for i in range(1500)}
    for name in names:
        (tree / name).touch()
    assert set(os.listdir(tree)) == names
    with os.scandir(tree) as entries:
        assert all(entry.stat().st_size == 0 for entry in entries)
    for name in sorted(names)[::2]:
        os.unlink(tree / name)
    assert set(os.listdir(tree)) == set(sorted(names)[1::2])


def test_removing_while_listing(tree: Path) -> None:
    for i in range(1000):
        (tree / f"f{i:04d}").touch()
    seen = []
    with os.scandir(tree) as entries:
        for entry in entries:
            seen.append(entry.name)
            os.unlink(entry.path)
    assert sorted(seen) == sorted(set(seen))
    for name in os.listdir(tree):
        os.unlink(tree / name)
    assert os.listdir(tree) == []


def test_removed_working_directory(tree: Path) -> None:
    (tree / "d").mkdir()
    fd = os.open(tree / "d", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.rmdir(tree / "d")
        assert os.listdir(fd) in ([], [])
        with pytest.raises(FileNotFoundError):
            os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=fd)
        assert os.fstat(fd).st_nlink == 0
    finally:
        os.close(fd)


def test_shared_mappings_agree_with_read_and_write(tree: Path) -> None:
    path = tree / "f"
    path.write_bytes(b"." * 300_000)
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[100_000:100_005] = b"mmap!"
        assert os.pread(file.fileno(), 5, 100_000) == b"mmap!"
        os.pwrite(file.fileno(), b"pwrite", 200_000)
        assert memory[200_000:200_006] == b"pwrite"
        memory.flush()
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        assert os.pread(file.fileno(), 5, 100_000) == b"mmap!"
    data = path.read_bytes()
    assert data[100_000:100_005] == b"mmap!" and data[200_000:200_006] == b"pwrite"


def test_mapping_of_an_unlinked_file(tree: Path) -> None:
    path = tree / "f"
    with open(path, "w+b") as file:
        file.truncate(100_000)
        memory = mmap.mmap(file.fileno(), 0)
    os.unlink(path)
    memory[50_000] = 7
    memory.flush()
    assert memory[50_000] == 7
    memory.close()


LOCKER = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
try:
    if sys.argv[2] == "flock":
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, int(sys.argv[3]))
except BlockingIOError:
    sys.exit(3)
"""


def test_locks_between_processes(tree: Path) -> None:
    path = tree / "f"
    path.write_bytes(b"x" * 100)

    def other(*words: str) -> int:
        return subprocess.run(
            [sys.executable, "-c", LOCKER, str(path), *words]
        ).returncode

    fd = os.open(path, os.O_RDWR)
    fcntl.lockf(fd, fcntl.LOCK_EX, 10, 20)
    assert other("posix", "25") == 3
    assert other("posix", "40") == 0
    fcntl.lockf(fd, fcntl.LOCK_UN, 10, 20)
    assert other("posix", "25") == 0
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert other("flock") == 3
    os.close(fd)
    assert other("flock") == 0


def test_statfs_and_fsync(tree: Path) -> None:
    found = os.statvfs(tree)
    assert found.f_bsize >= 512 and 0 < found.f_bfree <= found.f_blocks
    assert found.f_namemax == 255
    fd = os.open(tree / "f", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"x")
    os.fsync(fd)
    os.fdatasync(fd)
    os.close(fd)
    fd = os.open(tree, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def test_holes_are_found(tree: Path) -> None:
    fd = os.open(tree / "f", os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(fd, b"x" * 65536, 0)
        os.pwrite(fd, b"y" * 65536, 2**20)
        data = os.lseek(fd, 131072, os.SEEK_DATA)
        hole = os.lseek(fd, 0, os.SEEK_HOLE)
        if "toy" in str(tree):
            assert (data, hole) == (131072, 2**20 + 65536)
        else:
            assert data == 2**20
            assert hole == 65536
        with pytest.raises(OSError) as caught:
            os.lseek(fd, 2**21, os.SEEK_DATA)
        assert caught.value.errno == errno.ENXIO
    finally:
        os.close(fd)


def test_direct_io(tree: Path) -> None:
    path = tree / "f"
    memory = mmap.mmap(-1, 65536)
    memory[:] = bytes(range(256)) * 256
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT)
    try:
        assert os.writev(fd, [memory]) == 65536
        memory[:] = b"\0" * 65536
        assert os.preadv(fd, [memory], 0) == 65536
        assert memory[:] == bytes(range(256)) * 256
    finally:
        os.close(fd)
    assert path.read_bytes() == bytes(range(256)) * 256


def test_inode_numbers_hold(tree: Path) -> None:
    for i in range(50):
        (tree / f"f{i}").touch()
    by_stat = {name: os.stat(tree / name).st_ino for name in os.listdir(tree)}
    with os.scandir(tree) as entries:
        assert {entry.name: entry.inode() for entry in entries} == by_stat
    assert len(set(by_stat.values())) == 50


def test_tar_there_and_back(tree: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for i in range(40):
        folder = source / f"d{i % 7}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{i}").write_bytes(os.urandom(i * 777))
        os.chmod(folder / f"f{i}", 0o600 | i)
    os.symlink("d1/f1", source / "link")
    os.link(source / "d1/f1", source / "hard")
    pack = f"tar -C {source} -cf - . | tar -C {tree} -xpf -"
    subprocess.run(["sh", "-c", pack], check=True)
    subprocess.run(
        ["diff", "-r", "--no-dereference", str(source), str(tree)], check=True
    )
    for path in source.rglob("*"):
        theirs, ours = path.lstat(), (tree / path.relative_to(source)).lstat()
        assert (ours.st_mode, ours.st_size if path.is_file() else 0) == (
            theirs.st_mode,
            theirs.st_size if path.is_file() else 0,
        )
        assert int(ours.st_mtime) == int(theirs.st_mtime)  # tar keeps seconds
