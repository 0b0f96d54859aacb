# SPDX-License-Identifier: BSD-2-Clause
"""NetBSD's own driver, where it is: what ours does in another way or not."""

from __future__ import annotations

import errno
import os
import random
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import rumpy
from rumpy import store
from rumpy._hyp import ffi
from rumpy.abi import acl
from rumpy.block import Fault, FaultyDevice, MemoryDevice, Recorder

from . import images
from .ffscheck import check
from .test_stress import Worker
from .test_write import one_operation, resync

UFS2EA = 0x19012038
if not store.has("ffs"):
    pytest.skip(
        "no NetBSD modules: see docs/guide, or RUMPY_NETBSD_MODULES",
        allow_module_level=True,
    )

SNAPPER = Path(__file__).resolve().parents[2] / "build" / "modules" / "snapper.kmod"
JOURNAL = [(), ("log",)]


@pytest.fixture
def netbsd() -> str:
    """NetBSD's ffs.kmod."""
    return store.find("ffs")


@pytest.fixture
def kernel(built: None, netbsd: str) -> Iterator[rumpy.Kernel]:
    """A booted kernel with it."""
    with rumpy.Kernel(memory=48 << 20) as k:
        k.load(netbsd)
        yield k


def leave(k: rumpy.Kernel) -> None:
    """All three modules go, and with them what they allocated."""
    for name in ("ffs", "ufs", "wapbl"):
        k.unload(name)


def test_modules_come_with_each_other_and_go(kernel: rumpy.Kernel) -> None:
    assert {m.name for m in kernel.modules()} >= {"ffs", "ufs", "wapbl"}
    with pytest.raises(rumpy.ModuleError):
        kernel.unload("wapbl")
    leave(kernel)


@pytest.mark.parametrize("options", JOURNAL)
def test_attributes_in_files(
    kernel: rumpy.Kernel, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """FFSv1 keeps them below /.attribute, which the mount starts."""
    image = images.copy("nb-ffs1le-16k-extattr", tmp_path)
    for turn in range(2):
        with kernel.mount("ffs", str(image), "/mnt", "extattr", *options):
            if turn == 0:
                kernel.setxattr("/mnt", "user.attrx", b"of the root")
                kernel.setxattr("/mnt", "user.fresh", b"made at need")
            assert kernel.getxattr("/mnt", "user.attrx") == b"of the root"
            assert {"user.attrx", "user.fresh"} <= set(kernel.listxattr("/mnt"))
    assert check(image.read_bytes()).problems == []
    with kernel.mount("ffs", str(image), "/mnt"), pytest.raises(OSError):
        kernel.getxattr("/mnt", "user.attrx")
    leave(kernel)


@pytest.mark.parametrize("options", JOURNAL)
def test_attributes_and_acls_of_ufs2ea(
    kernel: rumpy.Kernel, options: tuple[str, ...]
) -> None:
    data = bytearray(images.unpacked("nb-ffs2le-8k"))
    (magic,) = struct.unpack_from("<I", data, 65536 + 1372)
    assert magic == 0x19540119
    struct.pack_into("<I", data, 65536 + 1372, UFS2EA)
    disk = MemoryDevice(bytes(data))
    wanted = [
        acl.AclEntry(acl.USER_OBJ, 6),
        acl.AclEntry(acl.USER, 5, 1000),
        acl.AclEntry(acl.GROUP_OBJ, 4),
        acl.AclEntry(acl.MASK, 5),
        acl.AclEntry(acl.OTHER, 0),
    ]
    for turn in range(2):
        with kernel.mount("ffs", disk, "/mnt", "acls", *options):
            if turn == 0:
                kernel.close(kernel.open("/mnt/f", os.O_CREAT | os.O_RDWR, 0o640))
                kernel.setxattr("/mnt/f", "user.big", b"x" * 5000)
                kernel.setxattr("/mnt/f", "user.gone", b"y")
                kernel.removexattr("/mnt/f", "user.gone")
                kernel.setacl("/mnt/f", wanted)
            assert kernel.getxattr("/mnt/f", "user.big") == b"x" * 5000
            assert "user.gone" not in kernel.listxattr("/mnt/f")
            assert sorted(kernel.getacl("/mnt/f"), key=repr) == sorted(wanted, key=repr)
            assert kernel.stat("/mnt/f").st_mode & 0o777 == 0o650
    leave(kernel)


@pytest.mark.parametrize("options", JOURNAL)
def test_to_read_only_and_back(
    kernel: rumpy.Kernel, tmp_path: Path, options: tuple[str, ...]
) -> None:
    image = images.copy("nb-ffs2be-16k", tmp_path)
    with kernel.mount("ffs", str(image), "/mnt", *options) as mnt:
        for i in range(3):
            fd = kernel.open(f"/mnt/f{i}", os.O_CREAT | os.O_RDWR, 0o600)
            kernel.write(fd, b"data" * 10_000)
            with pytest.raises(OSError) as caught:
                mnt.update("ro")
            assert caught.value.errno == errno.EBUSY
            kernel.close(fd)
            mnt.update("ro")
            assert check(image.read_bytes()).problems == []
            with pytest.raises(OSError) as caught:
                kernel.unlink(f"/mnt/f{i}")
            assert caught.value.errno == errno.EROFS
            mnt.update(*options)
    leave(kernel)


def quota(k: rumpy.Kernel, operation: int, uid: int, *limits: int) -> tuple[int, ...]:
    """quotactl(2) of a user's blocks: hard limit, soft limit, usage, times."""
    key = ffi.new("unsigned char[]", struct.pack("=iIi", 0, uid, 0))
    value = ffi.new("unsigned char[]", struct.pack("=QQQqq", *limits, 0, 0, 0))
    addresses = [int(ffi.cast("uintptr_t", pointer)) for pointer in (key, value)]
    args = bytearray(struct.pack("=i4xQQ", operation, *addresses).ljust(64, b"\0"))
    getattr(k.sys, "__quotactl")("/mnt", args)
    return struct.unpack("=QQQqq", ffi.buffer(value, 40)[:])


@pytest.mark.parametrize("options", JOURNAL)
def test_quotas(kernel: rumpy.Kernel, tmp_path: Path, options: tuple[str, ...]) -> None:
    get, put, uid = 3, 4, 4321
    image = images.copy("nb-ffs2le-8k-quota2", tmp_path)
    with kernel.mount("ffs", str(image), "/mnt", *options):
        quota(kernel, put, uid, 200, 100)
        kernel.mkdir("/mnt/q")
        kernel.chown("/mnt/q", uid, 100)
        user = kernel.process(uid=uid, gid=100)
        fd = user.open("/mnt/q/f", os.O_CREAT | os.O_RDWR, 0o644)
        with pytest.raises(OSError) as caught:
            for _ in range(30):
                user.write(fd, bytes(8192))
        assert caught.value.errno == errno.EDQUOT
        user.close(fd)
        hard, soft, usage, *_ = quota(kernel, get, uid, 0, 0)
        assert (hard, soft) == (200, 100)
        assert 100 < usage <= 200
        kernel.unlink("/mnt/q/f")
        kernel.sync()
        assert quota(kernel, get, uid, 0, 0)[2] < 100
    assert check(image.read_bytes()).problems == []
    leave(kernel)


@pytest.mark.parametrize("options", JOURNAL)
def test_snapshots(
    kernel: rumpy.Kernel, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """What is overwritten goes into the snapshot first: modules/snapper."""
    image = images.copy("nb-ffs2le-16k-frag1", tmp_path)

    def write(text: bytes) -> None:
        fd = kernel.open("/mnt/f", os.O_CREAT | os.O_RDWR, 0o644)
        kernel.write(fd, text * 5000)
        kernel.fsync(fd)
        kernel.close(fd)

    with kernel.mount("ffs", str(image), "/mnt", *options):
        write(b"before")
        kernel.load(SNAPPER)
        blocks = kernel.stat("/mnt/snapshot").st_blocks
        write(b"later!")
        kernel.mkdir("/mnt/later")
        kernel.sync()
        assert kernel.stat("/mnt/snapshot").st_blocks > blocks
        kernel.unload("snapper")
    then = bytearray()
    fd = kernel.open("/snapshot", os.O_RDONLY)
    while part := kernel.read(fd, 1 << 20):
        then += part
    kernel.close(fd)
    then = then.ljust(image.stat().st_size, b"\0")
    assert check(bytes(then)).problems == []
    with kernel.mount("ffs", MemoryDevice(bytes(then)), "/then", "ro"):
        assert "later" not in kernel.listdir("/then")
        fd = kernel.open("/then/f", os.O_RDONLY)
        assert kernel.read(fd, 40_000) == b"before" * 5000
        kernel.close(fd)
    with kernel.mount("ffs", str(image), "/mnt", *options):
        write(b"again!")  # a snapshot goes on working after a mount
    leave(kernel)


@pytest.mark.slow
@pytest.mark.parametrize("options", JOURNAL)
def test_forced_unmount_under_load(
    kernel: rumpy.Kernel, tmp_path: Path, options: tuple[str, ...]
) -> None:
    image = images.copy("nb-ffs2le-8k", tmp_path)
    for turn in range(3):
        mnt = kernel.mount("ffs", str(image), "/mnt", *options)
        end = time.monotonic() + 1
        tops = [f"/mnt/t{turn}{i}" for i in range(3)]
        workers = [Worker(kernel.process(), top, turn, end) for top in tops]
        for worker in workers:
            worker.start()
        time.sleep(0.5)
        mnt.unmount(force=True)
        for worker in workers:
            worker.join()
            assert worker.failure is None or isinstance(worker.failure, OSError)
        assert check(image.read_bytes()).problems == []
    leave(kernel)


@pytest.mark.parametrize("kind", ["read", "write"])
@pytest.mark.parametrize("share", [0.05, 1.0])
@pytest.mark.parametrize("options", JOURNAL)
def test_transfers_that_fail(
    kernel: rumpy.Kernel, options: tuple[str, ...], share: float, kind: str
) -> None:
    """Errors, and never a panic; all of it can be unmounted and unloaded."""
    k = kernel
    disk = FaultyDevice(MemoryDevice(images.unpacked("nb-ffs2le-8k")), seed=7)
    rng = random.Random(7)
    model: dict[str, bytes | None] = {}
    mnt = k.mount("ffs", disk, "/mnt", *options)
    k.mkdir("/mnt/r")
    for step in range(60):
        one_operation(k, rng, model, step)
    disk.faults.append(Fault("eio", kind, probability=share))  # type: ignore[arg-type]
    failed = set()
    for _ in range(80):
        path = f"/mnt/r/x{rng.randrange(20)}"
        try:
            if rng.random() < 0.5:
                fd = k.open(path, os.O_CREAT | os.O_RDWR, 0o644)
                try:
                    k.write(fd, bytes(rng.randrange(60_000)))
                    k.fsync(fd)
                finally:
                    k.close(fd)
            elif rng.random() < 0.5:
                k.unlink(path)
            else:
                k.mkdir(path + "d")
                k.sync()
        except OSError as e:
            failed.add(e.errno)
    assert errno.EIO in failed or kind == "read"
    disk.faults.clear()
    mnt.unmount(force=True)
    leave(k)


@pytest.mark.parametrize("name", ["nb-ffs2le-8k", "nb-ffs1be-8k"])
def test_power_cuts_with_a_journal(netbsd: str, name: str) -> None:
    """After any prefix of the writes, the replay gives a consistent image."""
    base = images.unpacked(name)
    disk, rng = Recorder(MemoryDevice(base)), random.Random(name)
    model: dict[str, bytes | None] = {}
    with rumpy.Kernel() as k:
        k.load(netbsd)
        with k.mount("ffs", disk, "/mnt", "log"):
            k.mkdir("/mnt/r")
            k.sync()
            first = len(disk.log)
            for step in range(120):
                one_operation(k, rng, model, step)
                if step % 20 == 19:
                    k.sync()
        log = [e for e in disk.log if e.operation == "write"]
        cuts = sorted(rng.sample(range(first, len(log)), 6))
        now, done = bytearray(base), 0
        for cut in cuts:
            for e in log[done:cut]:
                assert e.data is not None
                now[e.offset : e.offset + e.length] = e.data
            done = cut
            copy = MemoryDevice(bytes(now))
            with k.mount("ffs", copy, "/mnt", "log"):
                resync(k, {})
                k.close(k.open("/mnt/after", os.O_CREAT | os.O_RDWR, 0o600))
            assert check(bytes(copy.read(0, len(base)))).problems == [], cut


def test_recycling_with_few_vnodes(kernel: rumpy.Kernel) -> None:
    """Many more files than vnodes, from several threads."""
    k = kernel
    disk = MemoryDevice(images.unpacked("nb-ffs2le-8k"))
    k.sysctl("kern.maxvnodes", 64)
    with k.mount("ffs", disk, "/mnt", "log"):
        k.umask(0)
        for i in range(300):
            k.close(k.open(f"/mnt/n{i}", os.O_CREAT | os.O_RDWR, 0o600 + i % 64))
        wrong: list[int] = []

        def look(start: int) -> None:
            p = k.process()
            for i in range(start, start + 600):
                if p.stat(f"/mnt/n{i % 300}").st_mode & 0o777 != 0o600 + i % 300 % 64:
                    wrong.append(i)

        threads = [threading.Thread(target=look, args=(n * 75,)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
    leave(k)
