# SPDX-License-Identifier: BSD-2-Clause
"""Mounts that keep a journal (-o log)."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest

import rumpy
from rumpy import store
from rumpy.block import Fault, FaultyDevice, MemoryDevice, PowerCut, Recorder
from rumpy.ffstools import fsck, newfs
from rumpy.hypercall import Hypercalls, VirtualClock
from rumpy.mount import mount_flags

from . import crash, images
from .ffscheck import check
from .test_damage import change_things

pytestmark = pytest.mark.own_driver("what ours promises")

#: Superblock fields of NetBSD: where the journal is noted.
LOCATION, LOCATIONS, FLAGS, CLEAN = 865, 872, 1312, 209
DOWAPBL = 0x100


def superblock(data: bytes) -> tuple[int, bytes, str]:
    """Where a superblock is, its bytes and its byte order."""
    for where in (65536, 8192):
        for order in "<>":
            (magic,) = struct.unpack_from(f"{order}I", data, where + 1372)
            (home,) = struct.unpack_from(f"{order}q", data, where + 1000)
            if magic in (0x011954, 0x19540119) and home == where:
                return where, data[where : where + 1376], order
    raise AssertionError("no superblock")


def flags(data: bytes) -> int:
    """fs_flags."""
    _, sb, order = superblock(data)
    return int(struct.unpack_from(f"{order}I", sb, FLAGS)[0])


def contents(disk: MemoryDevice) -> bytes:
    """All bytes of a disk."""
    return bytes(disk.read(0, disk.size))


def create(k: rumpy.Kernel, path: str, data: bytes) -> int:
    """Make a file; its descriptor."""
    fd = k.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    k.write(fd, data)
    return fd


def write(k: rumpy.Kernel, path: str, data: bytes) -> None:
    """Make a file."""
    k.close(create(k, path, data))


@pytest.mark.parametrize(
    "name",
    [
        "nb-ffs1be-8k",
        "nb-ffs1le-64k",
        "nb-ffs2be-16k",
        "nb-ffs2le-8k",
        "nb-ffs2le-16k-frag1",
        "wal-clean-end",
        "wal-clean-inside",
    ],
)
def test_first_and_second_mount(kernel: rumpy.Kernel, name: str) -> None:
    kernel.load("ffs")
    with MemoryDevice(images.unpacked(name)) as disk:
        with kernel.mount("ffs", disk, "/mnt", "log"):
            assert flags(contents(disk)) & DOWAPBL
            change_things(kernel, b"/mnt")
        data = contents(disk)
        assert check(data).problems == []
        assert flags(data) & DOWAPBL == 0
        where, sb, _ = superblock(data)
        assert sb[LOCATION] == (1 if name == "wal-clean-end" else 2)
        assert sb[CLEAN] == 1
        with kernel.mount("ffs", disk, "/mnt", "log"):
            write(kernel, "/mnt/second", b"2" * 5000)
        again = contents(disk)
        assert check(again).problems == []
        assert (
            again[where + LOCATIONS : where + LOCATIONS + 32]
            == sb[LOCATIONS : LOCATIONS + 32]
        )  # the journal stays where it is


@pytest.mark.parametrize(
    "name", [name for name in images.names("wal-") if name != "wal-nolog"]
)
def test_goes_on_with_a_dirty_journal(kernel: rumpy.Kernel, name: str) -> None:
    kernel.load("ffs")
    with MemoryDevice(images.unpacked(name)) as disk:
        with kernel.mount("ffs", disk, "/mnt", "ro"):
            shown = crash.look(kernel, "/mnt")
        with kernel.mount("ffs", disk, "/mnt", "log"):
            assert crash.look(kernel, "/mnt") == shown
            write(kernel, "/mnt/new", b"new")
        assert check(contents(disk)).problems == []


@pytest.mark.parametrize(
    ("script", "base"),
    [
        ("files", "nb-ffs1be-8k"),
        ("holes", "wal-clean-end"),
        ("names", "wal-clean-inside"),
        ("swaps", "wal-clean-inside"),
        ("reuse", "wal-clean-end"),
        ("orphans", "nb-makefs-ffs2le-16k"),
        ("around", "wal-clean-inside"),
    ],
)
def test_power_cuts(script: str, base: str) -> None:
    """A few of the states that crash.py tries in campaigns."""
    run = crash.record(crash.empty(base), crash.SCRIPTS[script])
    n = len(run.log.log)
    ends = sorted({n * i // 6 + 1 for i in range(6)} | {run.mounted, n})
    for end, wrong in crash.cuts(run, iter(ends), count=2):
        assert wrong == [], f"after {end} of {n}"


@pytest.mark.parametrize("script", ["around", "names", "orphans"])
def test_netbsd_replays_ours(script: str) -> None:
    """NetBSD's own driver makes the same tree of our journals as we do."""
    if not store.has("ffs"):
        pytest.skip("no NetBSD modules: see docs/guide, or RUMPY_NETBSD_MODULES")
    run = crash.record(crash.empty("nb-makefs-ffs2le-16k"), crash.SCRIPTS[script])
    power = PowerCut(run.base, run.log.log)
    with rumpy.Kernel() as own, rumpy.Kernel() as other:
        own.load("ffs")
        other.load(store.find("ffs"))
        for end in range(run.mounted, len(run.log.log), len(run.log.log) // 8):
            with power.state(end) as disk:
                with own.mount("ffs", MemoryDevice(contents(disk)), "/mnt", "ro"):
                    ours = crash.look(own, "/mnt")
                with other.mount("ffs", disk, "/mnt", "log"):
                    assert crash.look(other, "/mnt") == ours
                # NetBSD's replay does not count the superblock's totals anew.
                assert [
                    p
                    for p in check(contents(disk)).problems
                    if "summary" not in p and "totals" not in p
                ] == []


def test_fsync_takes_two_flushes() -> None:
    still = Hypercalls(clock=VirtualClock())  # the syncer has no part in this
    with (
        MemoryDevice(images.unpacked("wal-clean-inside")) as disk,
        Recorder(disk) as log,
        rumpy.Kernel(hypercalls=still) as kernel,
        kernel.mount("ffs", log, "/mnt", "log", "noatime"),
    ):
        fd = create(kernel, "/mnt/small", b"x" * 100)
        before = log.epoch
        kernel.fsync(fd)
        assert log.epoch == before + 2
        # Nothing new: the disk is flushed, and that is all.
        entries = len(log.log)
        kernel.fsync(fd)
        assert [e.operation for e in log.log[entries:]] == ["flush"]
        kernel.close(fd)


def test_transactions_are_long(tmp_path: Path) -> None:
    """Directories in many groups neither fill a transaction nor go home one by one."""
    image = tmp_path / "many.img"
    newfs(image, size=64 << 20, block_size=8192, fragment_size=1024, version=2)
    names = [f"/mnt/d{i}" for i in range(400)]
    still = Hypercalls(clock=VirtualClock())
    with (
        MemoryDevice(image.read_bytes()) as disk,
        Recorder(disk) as log,
        rumpy.Kernel(hypercalls=still) as kernel,
    ):
        kernel.load("ffs")
        with kernel.mount("ffs", log, "/mnt", "log", "noatime"):
            before, entries = log.epoch, len(log.log)
            for name in names:
                kernel.mkdir(name)
            kernel.sync()
            writes = [e for e in log.log[entries:] if e.operation == "write"]
            assert log.epoch - before <= 12
            assert len(writes) < len(names) / 2
            assert max(e.length for e in writes) <= 65536
            before = log.epoch
            for name in names:
                kernel.rmdir(name)
            kernel.sync()
            assert log.epoch - before <= 12
        assert check(contents(disk)).problems == []


def test_a_commit_between_removal_and_the_end(kernel: rumpy.Kernel) -> None:
    """What waits for the commit to be encoded is what the commit shows."""
    kernel.load("ffs")
    with (
        MemoryDevice(images.unpacked("wal-clean-inside")) as disk,
        Recorder(disk) as log,
    ):
        base = contents(disk)
        with kernel.mount("ffs", log, "/mnt", "log", "noatime"):
            for i in range(20):
                write(kernel, f"/mnt/f{i}", bytes([i]) * 100 * i)
            kernel.link("/mnt/f3", "/mnt/g3")
            kernel.rename("/mnt/f4", "/mnt/g4")
            kernel.truncate("/mnt/f19", 7)
            fd = kernel.open("/mnt/f5", os.O_RDWR)
            kernel.unlink("/mnt/f5")
            kernel.chmod("/mnt/f6", 0o600)
            kernel.fsync(fd)
            mark = len(log.log)
            tree = crash.look(kernel, "/mnt")
            for i in range(7, 12):
                kernel.unlink(f"/mnt/f{i}")
            kernel.close(fd)
        with (
            PowerCut(base, log.log).state(mark) as cut,
            kernel.mount("ffs", cut, "/mnt", "log"),
        ):
            assert crash.look(kernel, "/mnt") == tree
            assert kernel.stat("/mnt/f19").st_size == 7


def patch(disk: MemoryDevice, offset: int, data: bytes) -> None:
    """Change some bytes of a disk that is written by sectors."""
    at, skip = offset // 512 * 512, offset % 512
    sectors = bytearray(disk.read(at, 512))
    sectors[skip : skip + len(data)] = data
    disk.write(at, bytes(sectors))


def journal(data: bytes) -> tuple[int, int, int, tuple[int, ...]]:
    """Version, place, flags and, in this machine's order, numbers of a journal."""
    _, sb, order = superblock(data)
    version, location, flags = struct.unpack_from(f"{order}BB2xI", sb, LOCATION - 1)
    return version, location, flags, struct.unpack_from("<4Q", sb, LOCATIONS)


@pytest.mark.parametrize(
    ("version", "order", "noted"),
    [(1, "little", "<"), (2, "little", "<"), (1, "big", ">"), (2, "big", "<")],
)
@pytest.mark.parametrize("size", [0, 2 << 20, 5 << 30])
def test_a_journal_of_the_size_that_was_asked_for(
    kernel: rumpy.Kernel, version: int, order: str, noted: str, size: int
) -> None:
    """NetBSD's tunefs(8) leaves a note of it for the next mount."""
    kernel.load("ffs")
    with MemoryDevice(32 << 20) as disk:
        newfs(disk, version=version, order=order)
        where, _, code = superblock(contents(disk))
        note = struct.pack(f"{code}BB2xI", 0, 2, 1)
        note += struct.pack(f"{noted}4Q", 0, size, 0, 0)
        patch(disk, where + LOCATION - 1, note)
        with kernel.mount("ffs", disk, "/mnt", "log"):
            write(kernel, "/mnt/f", b"f" * 5000)
        found, place, left, (_, sectors, unit, _) = journal(contents(disk))
        assert (found, place, left, unit) == (1, 2, 0, 512)
        if size <= 2 << 20:
            assert sectors * 512 == max(size, 1 << 20)
        else:  # as much of it as there is room for in one piece
            assert 1 << 20 <= sectors * 512 <= 32 << 20
        assert check(contents(disk)).problems == []
        with kernel.mount("ffs", disk, "/mnt", "log"):
            assert kernel.read_file("/mnt/f") == b"f" * 5000


@pytest.mark.parametrize("version", [1, 2])
def test_a_journal_that_shall_go(kernel: rumpy.Kernel, version: int) -> None:
    """The note to remove it is heeded when the next one is made."""
    kernel.load("ffs")
    with MemoryDevice(32 << 20) as disk, Recorder(disk) as log:
        newfs(disk, version=version)
        with kernel.mount("ffs", disk, "/mnt", "log"):
            write(kernel, "/mnt/f", b"f" * 5000)
            free = kernel.statvfs("/mnt").f_bfree
        where, _, _ = superblock(contents(disk))
        patch(disk, where + LOCATION + 3, struct.pack("<I", 2))
        with kernel.mount("ffs", disk, "/mnt"):
            assert kernel.statvfs("/mnt").f_bfree == free
        assert journal(contents(disk))[2] == 2  # nobody needed one
        base = contents(disk)
        with kernel.mount("ffs", log, "/mnt", "log"):
            assert kernel.statvfs("/mnt").f_bfree == free
            assert kernel.read_file("/mnt/f") == b"f" * 5000
            mounted = len(log.log)
        assert journal(contents(disk))[:3] == (1, 2, 0)
        assert check(contents(disk)).problems == []
        for end in range(mounted + 1):
            with PowerCut(base, log.log).state(end) as cut:
                assert not [
                    p
                    for p in fsck(cut, mode="repair").problems
                    if p.kind in ("duplicate-block", "bad-block")
                ]
                with kernel.mount("ffs", cut, "/mnt", "log"):
                    assert kernel.read_file("/mnt/f") == b"f" * 5000


def test_a_journal_that_is_begun_again(kernel: rumpy.Kernel) -> None:
    """Files in memory don't take its transactions for those of the last one."""
    kernel.load("ffs")

    def change(*words: str) -> None:
        flags = mount_flags(["update", "noatime", *words])
        kernel.sys.mount("ffs", "/mnt", flags, bytes(8), 8)

    with MemoryDevice(64 << 20) as disk:
        newfs(disk, block_size=8192, fragment_size=1024, inodes=7000, log=1 << 20)
        with kernel.mount("ffs", disk, "/mnt", "log", "noatime"):
            fds = []  # each inode in a block of its own, of 32
            for i in range(180 * 32):
                fd = create(kernel, f"/mnt/f{i}", b"")
                if i % 32 == 0:
                    fds.append(fd)
                else:
                    kernel.close(fd)
            assert len({kernel.fstat(fd).st_ino // 32 for fd in fds}) == 180
            for some, size in ((fds[:90], 500), (fds[90:] + fds[:90], 1900)):
                change()
                change("log")
                for fd in some:
                    kernel.pwrite(fd, bytes(size), 0)
            kernel.sync()
            kernel.write_file("/mnt/last", b"still working")
            for fd in fds:
                kernel.close(fd)
        assert check(contents(disk)).problems == []


@pytest.mark.parametrize("version", [1, 2])
def test_an_orphan_on_a_full_disk(kernel: rumpy.Kernel, version: int) -> None:
    """It works on, and goes, though there is no block to be had."""
    kernel.load("ffs")
    data = os.urandom(500_000)
    with MemoryDevice(8 << 20) as disk:
        newfs(disk, version=version, minfree=0)
        with kernel.mount("ffs", disk, "/mnt", "log", "noatime"):
            fd = create(kernel, "/mnt/big", data)
            kernel.mkdir("/mnt/d")
            for size in (40_000, 4_000, 500):
                with pytest.raises(OSError) as full:
                    for i in range(10_000):
                        kernel.write_file(f"/mnt/d/f{size}-{i}", bytes(size))
                assert full.value.errno == errno.ENOSPC
            kernel.unlink("/mnt/big")
            kernel.sync()
            assert kernel.statvfs("/mnt").f_bavail < 200  # of 512 bytes
            assert kernel.pread(fd, len(data), 0) == data
            kernel.pwrite(fd, b"still here", 250_000)
            with pytest.raises(OSError) as full:
                kernel.pwrite(fd, bytes(200_000), len(data))
            assert full.value.errno == errno.ENOSPC
            kernel.fsync(fd)
            cut = contents(disk)
            with MemoryDevice(cut) as after:
                with kernel.mount("ffs", after, "/tmp", "log"):
                    assert kernel.listdir("/tmp") == ["d"]
                    assert kernel.statvfs("/tmp").f_bfree * 512 > 400_000
                    write(kernel, "/tmp/new", data[:400_000])
                assert check(contents(after)).problems == []
            kernel.close(fd)
            write(kernel, "/mnt/new", data[:400_000])
            kernel.sync()
            assert kernel.read_file("/mnt/new") == data[:400_000]
        assert check(contents(disk)).problems == []


def test_sync_leaves_an_empty_journal(kernel: rumpy.Kernel) -> None:
    kernel.load("ffs")
    with (
        MemoryDevice(images.unpacked("wal-clean-inside")) as disk,
        kernel.mount("ffs", disk, "/mnt", "log", "noatime"),
    ):
        write(kernel, "/mnt/f", b"f" * 3000)
        kernel.sync()
        data = contents(disk)
        _, sb, order = superblock(data)
        (at,) = struct.unpack_from(f"{order}Q", sb, LOCATIONS)
        headers = [
            struct.unpack_from("<12x I 32x qq", data, at * 512 + 512 * i)
            for i in range(2)
        ]
        assert max(headers)[1:] == (0, 0)
        assert check(data).problems == []


def test_switching_it_on_and_off(kernel: rumpy.Kernel) -> None:
    kernel.load("ffs")
    with MemoryDevice(images.unpacked("nb-ffs2le-8k")) as disk:
        with kernel.mount("ffs", disk, "/mnt") as mnt:
            write(kernel, "/mnt/before", b"b")
            mnt.update("log")
            assert flags(contents(disk)) & DOWAPBL
            write(kernel, "/mnt/with", b"w" * 9000)
            mnt.update()
            assert flags(contents(disk)) & DOWAPBL == 0
            write(kernel, "/mnt/without", b"o")
            mnt.update("log")
            kernel.unlink("/mnt/with")
            mnt.update("log", "ro")
            assert check(contents(disk)).problems == []
            assert flags(contents(disk)) & DOWAPBL == 0
            mnt.update("log")
            assert flags(contents(disk)) & DOWAPBL
            kernel.unlink("/mnt/without")
        assert check(contents(disk)).problems == []


def test_a_journal_and_no_log(kernel: rumpy.Kernel) -> None:
    """Without -o log it is replayed and then left alone."""
    kernel.load("ffs")
    with MemoryDevice(images.unpacked("wal-create")) as disk:
        with kernel.mount("ffs", disk, "/mnt"):
            assert flags(contents(disk)) & DOWAPBL == 0
            write(kernel, "/mnt/f", b"f")
        assert check(contents(disk)).problems == []
        assert superblock(contents(disk))[1][LOCATION] == 2


def test_freed_blocks_are_free_at_once(kernel: rumpy.Kernel) -> None:
    """Though they can't be used before the commit: that comes when needed."""
    kernel.load("ffs")
    with (
        MemoryDevice(images.unpacked("nb-ffs2le-8k")) as disk,
        kernel.mount("ffs", disk, "/mnt", "log"),
    ):
        free = kernel.statvfs("/mnt").f_bfree
        for _ in range(6):
            fd = kernel.open("/mnt/fill", os.O_CREAT | os.O_RDWR, 0o644)
            with pytest.raises(OSError) as full:
                while True:
                    if kernel.write(fd, bytes(65536)) < 65536:
                        raise OSError(errno.ENOSPC, "short")
            assert full.value.errno == errno.ENOSPC
            kernel.close(fd)
            kernel.unlink("/mnt/fill")
            assert kernel.statvfs("/mnt").f_bfree == free


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nb-fbsd-ufs2-16k", errno.EOPNOTSUPP),
        ("nb-ffs2be-4k", errno.ENOSPC),
        ("nb-bsd43le-8k", errno.EROFS),
    ],
)
def test_where_none_can_be(kernel: rumpy.Kernel, name: str, error: int) -> None:
    kernel.load("ffs")
    with MemoryDevice(images.unpacked(name)) as disk:
        with pytest.raises(OSError) as refused:
            kernel.mount("ffs", disk, "/mnt", "log")
        assert refused.value.errno == error
        assert contents(disk) == images.unpacked(name)


def test_a_disk_that_fails(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    """No commit, no change: what was durable stays, the rest is an error."""
    kernel.load("ffs")
    with MemoryDevice(images.unpacked("wal-clean-inside")) as disk:
        faulty = FaultyDevice(disk)
        mnt = kernel.mount("ffs", faulty, "/mnt", "log")
        fd = create(kernel, "/mnt/kept", b"kept")
        kernel.fsync(fd)
        top = kernel.open("/mnt", os.O_RDONLY)
        faulty.faults.append(Fault("eio", "write"))
        # What the first commit has written may still be on its way home.
        with pytest.raises(OSError):
            kernel.write(fd, b"lost")
            kernel.fsync(fd)
        with pytest.raises(OSError):
            kernel.mkdir("/mnt/dir")
            kernel.fsync(top)
        with pytest.raises(OSError):
            kernel.mkdir("/mnt/dir/below")
        with pytest.raises(OSError):
            kernel.mkdir("/mnt/dir2")
        kernel.close(top)
        kernel.close(fd)
        mnt.unmount(force=True)
        faulty.faults.clear()
        with kernel.mount("ffs", disk, "/mnt", "log"):
            assert kernel.read_file("/mnt/kept")[:4] == b"kept"
            assert "dir" not in kernel.listdir("/mnt")
        assert check(contents(disk)).problems == []
