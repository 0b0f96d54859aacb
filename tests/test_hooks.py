# SPDX-License-Identifier: BSD-2-Clause
"""Hooks between a module and the kernel functions it calls."""

from __future__ import annotations

import errno
import os
import stat
import struct
from pathlib import Path

import pytest
from ffs.ffscheck import check

import rumpy
from rumpy.errors import KernelPanic, LinkError

#: modules/chardev's ioctl for another capacity.
QIOCSSIZE = 0x80045102


def test_calls_are_counted_and_one_fails(kernel: rumpy.Kernel, image: Path) -> None:
    module = kernel.load("ffs", hooks=["bread", "uiomove"])
    bread = module.hooks["bread"]
    assert (bread.name, bread.calls) == ("bread", 0)
    with kernel.mount("ffs", image, "/mnt", "ro"):
        mounted = bread.calls
        assert mounted > 0
        bread.fail(1, error=errno.EIO)
        with pytest.raises(OSError) as caught:
            kernel.listdir("/mnt/a_directory")
        assert caught.value.errno == errno.EIO
        assert bread.calls > mounted
        assert kernel.listdir("/mnt/a_directory")
        before = bread.calls
        bread.pass_all()
        assert bread.calls == before
        assert "calls>" in repr(bread)


def test_errors_are_translated(kernel: rumpy.Kernel, image: Path) -> None:
    """ENOTEMPTY and its like have other numbers in NetBSD."""
    bread = kernel.load("ffs", hooks=["bread"]).hooks["bread"]
    with kernel.mount("ffs", image, "/mnt", "ro"):
        bread.fail(error=errno.ENOTEMPTY)
        with pytest.raises(OSError) as caught:
            kernel.stat("/mnt/a_directory/README")
        assert caught.value.errno == errno.ENOTEMPTY
        assert caught.value.kernel_errno == 66  # type: ignore[attr-defined]


def test_every_call_in_its_turn(kernel: rumpy.Kernel, image: Path) -> None:
    """Whichever read of metadata fails: no other error, and a consistent disk."""
    bread = kernel.load("ffs", hooks=["bread"]).hooks["bread"]
    disk = bytearray(image.read_bytes())

    def work() -> None:
        with kernel.mount("ffs", disk, "/mnt"):
            kernel.mkdir("/mnt/new", 0o755)
            fd = kernel.open("/mnt/new/file", os.O_CREAT | os.O_RDWR, 0o600)
            try:
                kernel.write(fd, b"x" * 20_000)
                kernel.fsync(fd)
            finally:
                kernel.close(fd)
            kernel.unlink("/mnt/new/file")
            kernel.rmdir("/mnt/new")

    with kernel.snapshot() as clean:
        work()
        total = bread.calls
        assert total > 5
        failed = 0
        for nth in range(1, total + 1):
            kernel.restore(clean)
            disk[:] = image.read_bytes()
            bread.fail(nth, error=errno.EIO)
            try:
                work()
            except OSError as error:
                assert error.errno == errno.EIO
                failed += 1
            assert check(bytes(disk)).problems == []
        # The others found another cylinder group, or did it later.
        assert failed > 10
        kernel.restore(clean)
        bread.pass_all()
        disk[:] = image.read_bytes()
        work()


def test_an_allocation_that_may_not_fail(image: Path) -> None:
    """What a driver does not expect is a panic, and the other kernel goes on."""
    with rumpy.Kernel() as other, rumpy.Kernel() as k:
        hook = k.load("chardev", hooks=["kmem_alloc"]).hooks["kmem_alloc"]
        k.mknod("/dev/queue0", 0o600 | stat.S_IFCHR, os.makedev(351, 0))
        fd = k.open("/dev/queue0", os.O_RDWR)
        k.write(fd, b"these bytes move to the new memory")
        k.ioctl(fd, QIOCSSIZE, struct.pack("i", 200))
        before = hook.calls
        hook.fail()
        with pytest.raises(KernelPanic, match=r"at address 0\n.*chardev:chardev_ioctl"):
            k.ioctl(fd, QIOCSSIZE, struct.pack("i", 300))
        assert hook.calls == before + 1
        assert other.listdir("/")


def test_only_what_the_module_calls(kernel: rumpy.Kernel) -> None:
    with pytest.raises(LinkError, match="calls no bread, sys_nosys to hook"):
        kernel.load("hello", hooks=["sys_nosys", "bread"])
    assert kernel.modules() == []
    module = kernel.load("hello")
    assert module.hooks == {}


def test_numbers_count_from_one(kernel: rumpy.Kernel) -> None:
    hook = kernel.load("ffs", hooks=["bread"]).hooks["bread"]
    with pytest.raises(ValueError, match="count from 1"):
        hook.fail(0)
