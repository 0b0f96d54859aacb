# SPDX-License-Identifier: BSD-2-Clause
"""Open files: descriptors, offsets, locks, FIFOs, devices, poll."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import struct
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import rumpy

MODULES = Path(__file__).resolve().parents[2] / "build" / "modules"

#: NetBSD's ioctl numbers of modules/chardev.
QIOCGSIZE, QIOCSSIZE, QIOCFLUSH = 0x40045101, 0x80045102, 0x20005103
FIONREAD = 0x4004667F


def fails(number: int, call: Any, *args: Any, **kwargs: Any) -> None:
    """The call fails with this errno of the host."""
    with pytest.raises(OSError) as info:
        call(*args, **kwargs)
    assert errno.errorcode[info.value.errno or 0] == errno.errorcode[number]


def touch(kernel: rumpy.Kernel, path: str, data: bytes = b"") -> None:
    with kernel.fopen(path, "wb") as file:
        file.write(data)


def test_lowest_descriptor(kernel: rumpy.Kernel) -> None:
    touch(kernel, "/file")
    fds = [kernel.open("/file", os.O_RDONLY) for _ in range(100)]
    assert fds == list(range(3, 103))
    for fd in (50, 7, 90):
        kernel.close(fd)
    assert [kernel.dup(3) for _ in range(3)] == [7, 50, 90]
    assert kernel.dup2(3, 120) == 120
    assert kernel.fcntl(3, fcntl.F_DUPFD, 110) == 110
    fails(errno.EBADF, kernel.close, 111)
    fails(errno.EBADF, kernel.read, 4000, 1)
    fails(errno.EBADF, kernel.fstat, -1)


def test_duplicates_share_the_offset(kernel: rumpy.Kernel) -> None:
    touch(kernel, "/file", b"0123456789")
    fd = kernel.open("/file", os.O_RDONLY)
    other, dup = kernel.open("/file", os.O_RDONLY), kernel.dup(fd)
    assert kernel.read(fd, 3) == b"012"
    assert kernel.read(dup, 3) == b"345"
    assert kernel.read(other, 3) == b"012"
    assert kernel.lseek(dup, 0, os.SEEK_CUR) == 6
    kernel.close(fd)
    assert kernel.read(dup, 100) == b"6789"
    assert kernel.read(dup, 100) == b""


def test_modes(kernel: rumpy.Kernel) -> None:
    touch(kernel, "/file", b"abc")
    reader = kernel.open("/file", os.O_RDONLY)
    writer = kernel.open("/file", os.O_WRONLY)
    fails(errno.EBADF, kernel.write, reader, b"x")
    fails(errno.EBADF, kernel.read, writer, 1)
    fails(errno.EINVAL, kernel.ftruncate, reader, 0)
    kernel.ftruncate(writer, 1)
    assert kernel.read(reader, 10) == b"a"
    kernel.close(kernel.open("/file", os.O_WRONLY | os.O_TRUNC))
    assert kernel.stat("/file").st_size == 0


def test_append(kernel: rumpy.Kernel) -> None:
    touch(kernel, "/file", b"one")
    a = kernel.open("/file", os.O_WRONLY | os.O_APPEND)
    b = kernel.open("/file", os.O_WRONLY | os.O_APPEND)
    kernel.write(a, b"two")
    kernel.write(b, b"three")
    kernel.lseek(a, 0, os.SEEK_SET)
    kernel.write(a, b"four")
    assert kernel.read_file("/file") == b"onetwothreefour"


def test_seek(kernel: rumpy.Kernel) -> None:
    fd = kernel.open("/file", os.O_CREAT | os.O_RDWR)
    kernel.write(fd, b"0123456789")
    assert kernel.lseek(fd, -3, os.SEEK_END) == 7
    assert kernel.read(fd, 10) == b"789"
    fails(errno.EINVAL, kernel.lseek, fd, -1, os.SEEK_SET)
    fails(errno.EINVAL, kernel.lseek, fd, 0, 77)
    assert kernel.lseek(fd, 100, os.SEEK_SET) == 100
    kernel.write(fd, b"x")
    assert kernel.pread(fd, 200, 0) == b"0123456789" + bytes(90) + b"x"


def test_vectors(kernel: rumpy.Kernel) -> None:
    fd = kernel.open("/file", os.O_CREAT | os.O_RDWR)
    parts = [bytes([i]) * i for i in range(1, 30)]
    assert kernel.writev(fd, parts) == sum(map(len, parts))
    assert kernel.pwritev(fd, [b"AB", b"", b"C"], 0) == 3
    buffers = [bytearray(2), bytearray(4)]
    assert kernel.preadv(fd, buffers, 0) == 6
    assert bytes(buffers[0] + buffers[1]) == b"ABC" + b"\x03" * 3


def test_process_descriptors(kernel: rumpy.Kernel) -> None:
    touch(kernel, "/file", b"abc")
    fd = kernel.open("/file", os.O_RDONLY)
    with kernel.process() as p:
        fails(errno.EBADF, p.read, fd, 1)
        mine = p.open("/file", os.O_RDONLY)
        assert p.read(mine, 3) == b"abc"
    assert kernel.read(fd, 3) == b"abc"


def test_record_locks(kernel: rumpy.Kernel) -> None:
    touch(kernel, "/file", bytes(100))
    fd = kernel.open("/file", os.O_RDWR)
    kernel.lockf(fd, os.F_LOCK, 10)
    with kernel.process() as p:
        theirs = p.open("/file", os.O_RDWR)
        fails(errno.EAGAIN, p.lockf, theirs, os.F_TLOCK, 5)
        p.lseek(theirs, 10, os.SEEK_SET)
        p.lockf(theirs, os.F_TLOCK, 10)
        p.lseek(theirs, 0, os.SEEK_SET)
        got = threading.Event()

        def wait() -> None:
            p.lockf(theirs, os.F_LOCK, 5)
            got.set()

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.05)
        assert not got.is_set()
        kernel.lockf(fd, os.F_ULOCK, 10)
        thread.join(10)
        assert got.is_set()
        # Closing any descriptor of the file drops them all.
        p.close(p.open("/file", os.O_RDONLY))
        kernel.lockf(fd, os.F_TLOCK, 100)


def test_flock(kernel: rumpy.Kernel) -> None:
    touch(kernel, "/file")
    a, b = kernel.open("/file", os.O_RDONLY), kernel.open("/file", os.O_RDONLY)
    kernel.flock(a, fcntl.LOCK_SH)
    kernel.flock(b, fcntl.LOCK_SH | fcntl.LOCK_NB)
    fails(errno.EAGAIN, kernel.flock, b, fcntl.LOCK_EX | fcntl.LOCK_NB)
    kernel.flock(a, fcntl.LOCK_UN)
    kernel.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB)
    kernel.close(b)
    kernel.flock(a, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_fifo(kernel: rumpy.Kernel) -> None:
    kernel.mkfifo("/fifo")
    assert stat.S_ISFIFO(kernel.stat("/fifo").st_mode)
    fails(errno.ENXIO, kernel.open, "/fifo", os.O_WRONLY | os.O_NONBLOCK)
    reader = kernel.open("/fifo", os.O_RDONLY | os.O_NONBLOCK)
    assert kernel.read(reader, 10) == b""
    writer = kernel.open("/fifo", os.O_WRONLY | os.O_NONBLOCK)
    fails(errno.EAGAIN, kernel.read, reader, 10)
    assert kernel.write(writer, b"through the pipe") == 16
    assert kernel.read(reader, 7) == b"through"
    assert kernel.read(reader, 100) == b" the pipe"
    filled = 0
    with pytest.raises(BlockingIOError):
        while True:
            filled += kernel.write(writer, bytes(500))
    assert filled > 4096
    kernel.close(writer)
    drained = 0
    while data := kernel.read(reader, 4096):
        drained += len(data)
    assert drained == filled
    writer = kernel.open("/fifo", os.O_WRONLY)
    kernel.close(reader)
    fails(errno.EPIPE, kernel.write, writer, b"x")
    fails(errno.ESPIPE, kernel.lseek, writer, 0, os.SEEK_SET)


def test_fifo_waits(kernel: rumpy.Kernel) -> None:
    kernel.mkfifo("/fifo")
    total, seen = 1_000_000, 0

    def write() -> None:
        fd = kernel.open("/fifo", os.O_WRONLY)  # waits for the reader
        left = total
        while left > 0:
            left -= kernel.write(fd, bytes(min(left, 70_000)))
        kernel.close(fd)

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.05)
    fd = kernel.open("/fifo", os.O_RDONLY)
    while data := kernel.read(fd, 9999):
        seen += len(data)
    thread.join(10)
    assert seen == total


def test_close_under_a_sleeper(kernel: rumpy.Kernel) -> None:
    """The close returns; who sleeps goes on until he has got what he wanted."""
    kernel.mkfifo("/fifo")
    writer = kernel.open("/fifo", os.O_RDWR)
    reader = kernel.open("/fifo", os.O_RDONLY)
    seen: list[bytes] = []
    thread = threading.Thread(target=lambda: seen.append(kernel.read(reader, 10)))
    thread.start()
    time.sleep(0.05)
    kernel.close(reader)
    fails(errno.EBADF, kernel.read, reader, 1)
    other = kernel.open("/fifo", os.O_RDONLY)
    assert other != reader  # the number is still taken
    kernel.write(writer, b"at last")
    thread.join(10)
    assert seen == [b"at last"]
    assert kernel.open("/fifo", os.O_RDONLY) == reader


def test_poll_fifo(kernel: rumpy.Kernel) -> None:
    kernel.mkfifo("/fifo")
    reader = kernel.open("/fifo", os.O_RDONLY | os.O_NONBLOCK)
    writer = kernel.open("/fifo", os.O_WRONLY | os.O_NONBLOCK)
    assert kernel.poll([(reader, select.POLLIN)], 0) == []
    assert kernel.poll([(writer, select.POLLOUT)], 0) == [(writer, select.POLLOUT)]
    before = time.monotonic()
    assert kernel.poll([(reader, select.POLLIN)], 100) == []
    assert 0.09 < time.monotonic() - before < 5
    timer = threading.Timer(0.05, kernel.write, (writer, b"x"))
    timer.start()
    assert kernel.poll([(reader, select.POLLIN)], 10_000) == [(reader, select.POLLIN)]
    timer.join()
    kernel.read(reader, 10)
    kernel.close(writer)
    ((fd, events),) = kernel.poll([(reader, select.POLLIN)], 1000)
    assert fd == reader and events & select.POLLHUP


def test_devices(kernel: rumpy.Kernel) -> None:
    null = kernel.open("/dev/null", os.O_RDWR)
    assert kernel.write(null, bytes(100_000)) == 100_000
    assert kernel.read(null, 10) == b""
    zero = kernel.open("/dev/zero", os.O_RDONLY)
    assert kernel.read(zero, 10_000) == bytes(10_000)
    full = kernel.open("/dev/full", os.O_WRONLY)
    fails(errno.ENOSPC, kernel.write, full, b"x")
    rnd = kernel.open("/dev/urandom", os.O_RDONLY)
    assert len({kernel.read(rnd, 16) for _ in range(10)}) == 10
    kernel.mknod("/nothing", 0o666 | stat.S_IFCHR, os.makedev(123, 4))
    assert kernel.stat("/nothing").st_rdev == os.makedev(123, 4)
    fails(errno.ENXIO, kernel.open, "/nothing", os.O_RDWR)
    fails(errno.ENOTTY, kernel.ioctl, null, QIOCGSIZE, bytes(4))


def test_disk_nodes(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    image = tmp_path / "disk"
    image.write_bytes(bytes(range(256)) * 512)
    disk = kernel.attach(str(image))
    name = disk.path.rpartition("/")[2]
    block = kernel.open(f"/dev/{name}", os.O_RDWR)
    assert kernel.pread(block, 300, 100) == (bytes(range(256)) * 2)[100:400]
    # A block device is open through one vnode at a time, as a mount needs it.
    raw = kernel.open(f"/dev/r{name}", os.O_RDWR)
    assert kernel.pread(raw, 512, 512) == bytes(range(256)) * 2
    fails(errno.EINVAL, kernel.pread, raw, 100, 0)
    assert kernel.pwrite(block, b"buffered", 1000) == 8
    kernel.fsync(block)
    assert kernel.pread(raw, 1024, 512)[488:496] == b"buffered"
    size = 131072
    assert kernel.pread(block, 100, size - 50) == bytes(range(206, 256))
    assert kernel.pread(raw, 1024, size - 512) == bytes(range(256)) * 2
    assert kernel.pread(raw, 512, size) == b""
    fails(errno.EBUSY, disk.detach)
    kernel.close(block)
    kernel.close(raw)
    disk.detach()
    fails(errno.ENOENT, kernel.stat, f"/dev/{name}")
    assert image.read_bytes()[1000:1008] == b"buffered"


@pytest.fixture
def queue(kernel: rumpy.Kernel) -> int:
    """An open, non-blocking descriptor of modules/chardev's first queue."""
    kernel.load(MODULES / "chardev.kmod")
    kernel.mknod("/dev/queue0", 0o666 | stat.S_IFCHR, os.makedev(351, 0))
    return kernel.open("/dev/queue0", os.O_RDWR | os.O_NONBLOCK)


def answer(kernel: rumpy.Kernel, fd: int, request: int) -> int:
    """The integer that an ioctl answers."""
    memory = bytearray(4)
    kernel.ioctl(fd, request, memory)
    return int(struct.unpack("i", memory)[0])


def test_queue(kernel: rumpy.Kernel, queue: int) -> None:
    fails(errno.EAGAIN, kernel.read, queue, 1)
    assert kernel.write(queue, b"first ") == 6
    assert kernel.write(queue, b"second") == 6
    assert answer(kernel, queue, FIONREAD) == 12
    assert kernel.read(queue, 8) == b"first se"
    assert kernel.read(queue, 100) == b"cond"
    assert kernel.write(queue, bytes(10_000)) == 4096
    fails(errno.EAGAIN, kernel.write, queue, b"x")
    fails(errno.EBUSY, kernel.ioctl, queue, QIOCSSIZE, struct.pack("i", 100))
    kernel.ioctl(queue, QIOCFLUSH)
    kernel.ioctl(queue, QIOCSSIZE, struct.pack("i", 100))
    assert answer(kernel, queue, QIOCGSIZE) == 100
    assert kernel.write(queue, bytes(range(200))) == 100
    assert kernel.read(queue, 60) == bytes(range(60))
    assert kernel.write(queue, bytes(range(100, 160))) == 60
    assert kernel.read(queue, 200) == bytes(range(60, 160))


def test_queue_waits(kernel: rumpy.Kernel, queue: int) -> None:
    fd = kernel.open("/dev/queue0", os.O_RDWR)
    timer = threading.Timer(0.05, kernel.write, (queue, b"late"))
    timer.start()
    assert kernel.read(fd, 100) == b"late"
    timer.join()
    data = os.urandom(300_000)
    thread = threading.Thread(target=kernel.write, args=(fd, data))
    thread.start()
    got = b""
    while len(got) < len(data):
        kernel.poll([(queue, select.POLLIN)], 10_000)
        got += kernel.read(queue, 3000)
    thread.join(10)
    assert got == data


def test_queue_keeps_its_module(kernel: rumpy.Kernel, queue: int) -> None:
    with pytest.raises(rumpy.ModuleError, match="in use"):
        kernel.unload("chardev")
    kernel.close(queue)
    kernel.unload("chardev")
    fails(errno.ENXIO, kernel.open, "/dev/queue0", os.O_RDWR)


def test_many_open_files_cost_the_same(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    """More vnodes in use than are to be kept: none can go, and nobody minds."""
    from rumpy.ffstools import newfs

    newfs(tmp_path / "many.img", size=64 << 20, density=2048)
    kernel.mount("ffs", str(tmp_path / "many.img"), "/mnt")
    kernel.sysctl("kern.maxfiles", 20000)
    kernel.sysctl("kern.maxvnodes", 200)
    took = []
    for turn in range(8):
        process = kernel.process()
        start = time.process_time()
        for number in range(1000):
            process.open(f"/mnt/{turn}-{number}", os.O_CREAT | os.O_RDWR, 0o600)
        took.append(time.process_time() - start)
    # Looking at all of them for each new one made this 45.
    assert took[-1] < 12 * took[0], took
