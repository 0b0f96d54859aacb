# SPDX-License-Identifier: BSD-2-Clause
"""kqueue(2): files, directories, FIFOs, devices, timers and user events."""

from __future__ import annotations

import errno
import os
import stat
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

import rumpy

MODULES = Path(__file__).resolve().parents[2] / "build" / "modules"

KEVENT = struct.Struct("QIII4xqQ")
TIMESPEC = struct.Struct("qq")
READ, WRITE, VNODE, TIMER, USER = 0, 1, 3, 6, 8
ADD, DELETE, ENABLE, DISABLE, ONESHOT, CLEAR, RECEIPT, DISPATCH = (
    1 << bit for bit in range(8)
)
ERROR, EOF = 0x4000, 0x8000
NOTE_DELETE, NOTE_WRITE, NOTE_EXTEND, NOTE_ATTRIB = 1, 2, 4, 8
NOTE_LINK, NOTE_RENAME, NOTE_REVOKE, NOTE_OPEN, NOTE_CLOSE = 16, 32, 64, 128, 256
NOTE_CLOSE_WRITE, NOTE_READ = 512, 1024
NOTE_TRIGGER, NOTE_FFOR, NOTE_FFCOPY = 0x01000000, 0x80000000, 0xC0000000


@dataclass(frozen=True, slots=True)
class Event:
    """A struct kevent, as it came."""

    ident: int
    filter: int
    flags: int
    fflags: int
    data: int
    udata: int


class Queue:
    """A kqueue of a kernel."""

    def __init__(self, kernel: rumpy.Kernel) -> None:
        self.kernel = kernel
        self.fd = int(kernel.sys.kqueue())

    def change(
        self,
        ident: int,
        kind: int,
        flags: int = ADD,
        fflags: int = 0,
        data: int = 0,
        udata: int = 0,
    ) -> None:
        """One change; raises what is wrong with it."""
        change = KEVENT.pack(ident, kind, flags, fflags, data, udata)
        self.kernel.sys.__getattr__("__kevent50")(self.fd, change, 1, 0, 0, 0)

    def wait(self, seconds: float | None = 0.0, most: int = 16) -> list[Event]:
        """The events that are there, or come within the time."""
        memory = bytearray(KEVENT.size * most)
        limit: bytes | int = 0
        if seconds is not None:
            limit = TIMESPEC.pack(int(seconds), int(seconds % 1 * 1e9))
        n = self.kernel.sys.__getattr__("__kevent50")(
            self.fd, 0, 0, memory, most, limit
        )
        return [Event(*KEVENT.unpack_from(memory, i * KEVENT.size)) for i in range(n)]


@pytest.fixture
def queue(kernel: rumpy.Kernel) -> Queue:
    return Queue(kernel)


def write(kernel: rumpy.Kernel, path: str, data: bytes) -> None:
    fd = kernel.open(path, os.O_WRONLY | os.O_CREAT)
    kernel.write(fd, data)
    kernel.close(fd)


def test_fifo(kernel: rumpy.Kernel, queue: Queue) -> None:
    kernel.mkfifo("/fifo")
    reader = kernel.open("/fifo", os.O_RDONLY | os.O_NONBLOCK)
    writer = kernel.open("/fifo", os.O_WRONLY | os.O_NONBLOCK)
    queue.change(reader, READ)
    queue.change(writer, WRITE)
    assert [e.ident for e in queue.wait()] == [writer]
    kernel.write(writer, b"abc")
    assert {e.ident: e.data for e in queue.wait()}[reader] == 3
    kernel.close(writer)
    (event,) = queue.wait()
    assert event.ident == reader and event.flags & EOF


def test_queue_device(kernel: rumpy.Kernel, queue: Queue) -> None:
    kernel.load(MODULES / "chardev.kmod")
    kernel.mknod("/dev/queue0", 0o666 | stat.S_IFCHR, os.makedev(351, 0))
    fd = kernel.open("/dev/queue0", os.O_RDWR | os.O_NONBLOCK)
    queue.change(fd, READ, udata=42)
    assert queue.wait() == []
    kernel.write(fd, b"abcde")
    (event,) = queue.wait()
    assert (event.ident, event.filter, event.data, event.udata) == (fd, READ, 5, 42)
    kernel.read(fd, 2)
    assert [e.data for e in queue.wait()] == [3]  # still true, told again
    kernel.read(fd, 10)
    assert queue.wait() == []
    timer = threading.Timer(0.05, kernel.write, (fd, b"late"))
    timer.start()
    assert [e.data for e in queue.wait(10)] == [4]
    timer.join()
    queue.change(fd, WRITE)
    assert {e.filter for e in queue.wait()} == {READ, WRITE}
    kernel.write(fd, bytes(10_000))
    assert {e.filter for e in queue.wait()} == {READ}
    kernel.close(fd)
    assert queue.wait() == []


@pytest.fixture(params=["/", "/mnt/"])
def where(request: pytest.FixtureRequest, kernel: rumpy.Kernel) -> str:
    if request.param == "/mnt/":
        kernel.mount("ffs", rumpy.demo_image(), "/mnt")
    return str(request.param)


def told(queue: Queue) -> dict[int, int]:
    """What the watched files have to tell: descriptor to NOTE_ bits."""
    return {event.ident: event.fflags for event in queue.wait()}


def test_files(kernel: rumpy.Kernel, queue: Queue, where: str) -> None:
    path = f"{where}watched"
    write(kernel, path, b"12345")
    fd = kernel.open(path, os.O_RDONLY)
    queue.change(fd, VNODE, ADD | CLEAR, 0x7FF)
    assert told(queue) == {}
    write(kernel, path, b"123")
    assert told(queue) == {fd: NOTE_OPEN | NOTE_WRITE | NOTE_CLOSE_WRITE}
    writer = kernel.open(path, os.O_WRONLY | os.O_APPEND)
    kernel.write(writer, b"more")
    assert told(queue) == {fd: NOTE_OPEN | NOTE_WRITE | NOTE_EXTEND}
    kernel.pread(fd, 1, 0)
    assert told(queue) == {fd: NOTE_READ}
    kernel.chmod(path, 0o600)
    assert told(queue) == {fd: NOTE_ATTRIB}
    kernel.link(path, path + "2")
    assert told(queue) == {fd: NOTE_LINK}
    kernel.rename(path + "2", path + "3")
    assert told(queue) == {fd: NOTE_RENAME}
    kernel.unlink(path + "3")
    assert told(queue) == {fd: NOTE_LINK}
    kernel.close(writer)
    kernel.unlink(path)
    assert told(queue) == {fd: NOTE_DELETE | NOTE_CLOSE_WRITE}


def test_directories(kernel: rumpy.Kernel, queue: Queue, where: str) -> None:
    top = f"{where}dir"
    kernel.mkdir(top)
    fd = kernel.open(top, os.O_RDONLY)
    queue.change(fd, VNODE, ADD | CLEAR, NOTE_WRITE | NOTE_LINK | NOTE_DELETE)
    write(kernel, f"{top}/file", b"")
    assert told(queue) == {fd: NOTE_WRITE}
    kernel.mkdir(f"{top}/sub")
    assert told(queue) == {fd: NOTE_WRITE | NOTE_LINK}
    kernel.rename(f"{top}/file", f"{top}/sub/file")
    assert told(queue) == {fd: NOTE_WRITE}
    kernel.symlink("x", f"{top}/link")
    kernel.unlink(f"{top}/link")
    assert told(queue) == {fd: NOTE_WRITE}
    kernel.unlink(f"{top}/sub/file")
    assert told(queue) == {}
    kernel.rmdir(f"{top}/sub")
    assert told(queue) == {fd: NOTE_WRITE | NOTE_LINK}
    kernel.rmdir(top)
    assert told(queue) == {fd: NOTE_DELETE}


def test_file_to_read(kernel: rumpy.Kernel, queue: Queue) -> None:
    write(kernel, "/file", b"")
    fd = kernel.open("/file", os.O_RDONLY)
    queue.change(fd, READ)
    assert queue.wait() == []
    write(kernel, "/file", b"abc")
    assert [e.data for e in queue.wait()] == [3]
    kernel.read(fd, 3)
    assert queue.wait() == []


def test_revoked(kernel: rumpy.Kernel, queue: Queue) -> None:
    mount = kernel.mount("ffs", rumpy.demo_image(), "/mnt")
    fd = kernel.open("/mnt/file", os.O_CREAT | os.O_RDWR)
    queue.change(fd, VNODE, ADD, NOTE_REVOKE)
    mount.unmount(force=True)
    (event,) = queue.wait()
    assert event.fflags == NOTE_REVOKE and event.flags & EOF


def test_timer(kernel: rumpy.Kernel, queue: Queue) -> None:
    before = time.monotonic()
    queue.change(1, TIMER, ADD, 0, 20)
    (event,) = queue.wait(10)
    assert event.ident == 1 and event.data >= 1
    assert time.monotonic() - before > 0.015
    queue.change(2, TIMER, ADD | ONESHOT, 0, 50)
    time.sleep(0.15)
    events = {e.ident: e.data for e in queue.wait(10)}
    assert events[1] > 1 and events[2] == 1
    queue.change(1, TIMER, DELETE)
    with pytest.raises(FileNotFoundError):
        queue.change(2, TIMER, DELETE)
    time.sleep(0.05)
    assert queue.wait() == []


def test_user(queue: Queue) -> None:
    queue.change(7, USER, ADD | CLEAR, 0, 0, 99)
    assert queue.wait() == []
    queue.change(7, USER, 0, NOTE_TRIGGER | NOTE_FFCOPY | 5)
    (event,) = queue.wait()
    assert (event.ident, event.fflags & 0xFFFFFF, event.filter) == (7, 5, USER)
    assert queue.wait() == []
    queue.change(7, USER, 0, NOTE_FFOR | 2)
    assert queue.wait() == []
    queue.change(7, USER, 0, NOTE_TRIGGER)
    assert [e.fflags & 0xFFFFFF for e in queue.wait()] == [7]


def test_disable_and_dispatch(queue: Queue) -> None:
    queue.change(1, USER, ADD | DISABLE)
    queue.change(1, USER, 0, NOTE_TRIGGER)
    assert queue.wait() == []
    queue.change(1, USER, ENABLE)
    assert len(queue.wait()) == 1
    queue.change(1, USER, DELETE)
    queue.change(2, USER, ADD | DISPATCH)
    queue.change(2, USER, 0, NOTE_TRIGGER)
    assert len(queue.wait()) == 1
    assert queue.wait() == []
    queue.change(2, USER, ENABLE)
    assert len(queue.wait()) == 1


def test_errors(kernel: rumpy.Kernel, queue: Queue) -> None:
    call = kernel.sys.__getattr__("__kevent50")
    for kind, ident, number in ((READ, 99, errno.EBADF), (77, 0, errno.EINVAL)):
        with pytest.raises(OSError) as info:
            queue.change(ident, kind)
        assert info.value.errno == number
    # With room for events, the errors come as events.
    changes = KEVENT.pack(99, READ, ADD, 0, 0, 0) + KEVENT.pack(
        5, USER, ADD | RECEIPT, 0, 0, 0
    )
    memory = bytearray(KEVENT.size * 4)
    assert call(queue.fd, changes, 2, memory, 4, 0) == 2
    first, second = (Event(*KEVENT.unpack_from(memory, i * 40)) for i in range(2))
    assert (first.flags, first.data) == (ERROR, 9)  # NetBSD's EBADF
    assert (second.flags, second.data) == (ERROR, 0)
    with pytest.raises(OSError) as info:
        call(0, 0, 0, memory, 4, 0)
    assert info.value.errno == errno.EBADF


def test_poll_and_close(kernel: rumpy.Kernel, queue: Queue) -> None:
    assert kernel.poll([(queue.fd, 1)], 0) == []
    queue.change(1, USER, ADD)
    queue.change(1, USER, 0, NOTE_TRIGGER)
    assert kernel.poll([(queue.fd, 1)], 0) == [(queue.fd, 1)]
    queue.change(3, TIMER, ADD, 0, 10)
    kernel.close(queue.fd)
    time.sleep(0.05)
    # A sleeper is thrown out by a close.
    other = Queue(kernel)
    seen: list[int | None] = []

    def sleep() -> None:
        try:
            other.wait(None)
        except OSError as error:
            seen.append(error.errno)

    thread = threading.Thread(target=sleep)
    thread.start()
    time.sleep(0.05)
    kernel.close(other.fd)
    thread.join(10)
    assert seen == [errno.EBADF]
