# SPDX-License-Identifier: BSD-2-Clause
"""Mounts as the vnode layer sees them: busy, forced, updated, stacked."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import rumpy
from rumpy._hyp import ffi
from rumpy.block import Fault, FaultyDevice, FileDevice
from rumpy.mount import mount_flags

EOPNOTSUPP = 45  # NetBSD's


def fails(number: int, call: Any, *args: Any, **kwargs: Any) -> None:
    """The call fails with this errno of the host."""
    with pytest.raises(OSError) as info:
        call(*args, **kwargs)
    assert errno.errorcode[info.value.errno or 0] == errno.errorcode[number]


@pytest.fixture
def mount(kernel: rumpy.Kernel, image: Path) -> rumpy.Mount:
    return kernel.mount("ffs", str(image), "/mnt")


def test_busy(kernel: rumpy.Kernel, mount: rumpy.Mount) -> None:
    fd = kernel.open("/mnt/file", os.O_CREAT | os.O_RDWR)
    fails(errno.EBUSY, mount.unmount)
    assert kernel.write(fd, b"still mounted") == 13
    kernel.close(fd)
    kernel.mkdir("/mnt/here")
    kernel.chdir("/mnt/here")
    fails(errno.EBUSY, mount.unmount)
    kernel.chdir("/")
    mount.unmount()
    assert kernel.listdir("/mnt") == []


def test_forced(kernel: rumpy.Kernel, mount: rumpy.Mount, image: Path) -> None:
    fd = kernel.open("/mnt/file", os.O_CREAT | os.O_RDWR)
    kernel.write(fd, b"written before")
    kernel.chdir("/mnt")
    mount.unmount(force=True)
    fails(errno.EIO, kernel.read, fd, 10)
    fails(errno.EIO, kernel.write, fd, b"x")
    fails(errno.EBADF, kernel.fstat, fd)
    kernel.close(fd)
    with pytest.raises(OSError):
        kernel.stat("file")
    kernel.chdir("/")
    again = kernel.mount("ffs", str(image), "/mnt")
    assert kernel.read_file("/mnt/file") == b"written before"
    again.unmount()


def test_forced_with_sleepers(kernel: rumpy.Kernel, mount: rumpy.Mount) -> None:
    """Who sleeps in a FIFO of the file system is thrown out."""
    kernel.mkfifo("/mnt/one")
    kernel.mkfifo("/mnt/two")
    keep = kernel.open("/mnt/one", os.O_RDWR)
    reader = kernel.open("/mnt/one", os.O_RDONLY)
    seen: list[int | None] = []

    def sleep(call: Any, *args: Any) -> None:
        try:
            call(*args)
        except OSError as error:
            seen.append(error.errno)

    threads = [
        threading.Thread(target=sleep, args=(kernel.read, reader, 10)),
        threading.Thread(target=sleep, args=(kernel.open, "/mnt/two", os.O_RDONLY)),
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    mount.unmount(force=True)
    for thread in threads:
        thread.join(10)
    assert sorted(map(str, seen)) == sorted(map(str, [errno.EIO, errno.EBADF]))
    kernel.close(reader)
    kernel.close(keep)


def test_mount_point_rules(
    kernel: rumpy.Kernel, mount: rumpy.Mount, image: Path
) -> None:
    with kernel.fopen("/plain", "wb"):
        pass
    arguments = b"\0" * 8
    for path, number in ((b"/plain", 20), (b"/none", 2)):
        with pytest.raises(OSError) as info:
            kernel.sys.__mount50("ffs", path, 0, arguments, len(arguments))
        assert vars(info.value)["kernel_errno"] == number
    with pytest.raises(OSError) as info:
        kernel.sys.__mount50("nosuchfs", "/mnt", 0, arguments, len(arguments))
    assert vars(info.value)["kernel_errno"] == 19
    with kernel.process(uid=1000) as p:
        fails(errno.EPERM, p.sys.unmount, "/mnt", 0)
    fails(errno.EINVAL, kernel.sys.unmount, "/dev", 0)
    fails(errno.EINVAL, kernel.sys.unmount, "/", 0)


def test_below_a_mount(
    kernel: rumpy.Kernel, mount: rumpy.Mount, tmp_path: Path
) -> None:
    kernel.mkdir("/mnt/inner")
    hidden = kernel.stat("/mnt/inner").st_ino
    second = rumpy.demo_image(tmp_path / "second.img")
    inner = kernel.mount("ffs", second, "/mnt/inner")
    assert kernel.stat("/mnt/inner").st_ino == 2
    assert kernel.stat("/mnt/inner").st_dev != kernel.stat("/mnt").st_dev
    assert kernel.stat("/mnt/inner/..").st_dev == kernel.stat("/mnt").st_dev
    kernel.chdir("/mnt/inner")
    assert kernel.getcwd() == "/mnt/inner"
    kernel.chdir("/")
    fails(errno.EBUSY, mount.unmount)
    inner.unmount()
    assert kernel.stat("/mnt/inner").st_ino == hidden


def test_one_disk_once(kernel: rumpy.Kernel, image: Path) -> None:
    disk = kernel.attach(str(image))
    first = kernel.mount("ffs", disk, "/a")
    fails(errno.EBUSY, kernel.mount, "ffs", disk, "/b")
    first.unmount()
    kernel.mount("ffs", disk, "/b").unmount()


def test_read_only(kernel: rumpy.Kernel, image: Path) -> None:
    mount = kernel.mount("ffs", str(image), "/mnt", "ro")
    fails(errno.EROFS, kernel.open, "/mnt/new", os.O_CREAT | os.O_WRONLY)
    fails(errno.EROFS, kernel.mkdir, "/mnt/new")
    fails(errno.EROFS, kernel.chmod, "/mnt", 0o700)
    fails(errno.EROFS, kernel.unlink, "/mnt/" + kernel.listdir("/mnt")[0])
    assert not kernel.access("/mnt", os.W_OK)
    mount.unmount()


def test_statvfs_list(kernel: rumpy.Kernel, mount: rumpy.Mount) -> None:
    assert kernel.sys.__getvfsstat90(0, 0, 2) == 2
    assert kernel.statvfs("/mnt").f_files > kernel.statvfs("/mnt").f_ffree
    assert kernel.statvfs("/").f_bsize != 0
    assert "ffs" in kernel.sysctl("vfs.generic.fstypes")


def test_unmount_under_traffic(kernel: rumpy.Kernel, image: Path) -> None:
    """Threads keep working below the mount point while it comes and goes."""
    stop = threading.Event()
    surprises: list[BaseException] = []

    def work(number: int) -> None:
        while not stop.is_set():
            try:
                with kernel.fopen(f"/mnt/t{number}", "wb") as file:
                    file.write(b"x" * 1000)
                kernel.stat(f"/mnt/t{number}")
                kernel.unlink(f"/mnt/t{number}")
            except OSError:
                pass  # what an unmount does to others is an errno
            except BaseException as error:
                surprises.append(error)
                return

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        mount = kernel.mount("ffs", str(image), "/mnt")
        mount.unmount(force=True)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert not surprises
    mount = kernel.mount("ffs", str(image), "/mnt")
    mount.unmount()


def test_what_a_file_system_sees_of_updates(kernel: rumpy.Kernel) -> None:
    """Modules/mountspy in the place of the root file system."""
    k = kernel
    build = Path(__file__).resolve().parents[2] / "build" / "modules"

    def change(*words: str) -> None:
        k.sys.mount("", "/", mount_flags(["update", *words]), None, 0)

    with pytest.raises(OSError) as caught:
        change("ro")
    assert caught.value.errno == errno.EOPNOTSUPP
    k.load(build / "mountspy.kmod")
    with pytest.raises(OSError):
        change("ro", "force")
    k.mkdir("/still-writable")
    change("ro")
    assert k.statvfs("/").f_flag & os.ST_RDONLY
    change()
    change("extattr")
    change("extattr")
    change()
    said = [
        line.removeprefix("mountspy: ")
        for line in k.console.tail(4096).splitlines()
        if line.startswith("mountspy:")
    ]
    k.unload("mountspy")
    ro = "mount update wantro alone"
    rw = "mount update alone"
    assert said == [
        ro,
        ro,
        "mount update wantrw alone",
        rw,
        "extattr start",
        rw,
        rw,
        "extattr stop",
    ]


def test_unmounted_from_inside(kernel: rumpy.Kernel, image: Path) -> None:
    """Not by the object that Python has of it: it goes, and so does its disk."""
    mount = kernel.mount("ffs", str(image), "/mnt")
    assert mount.mounted
    kernel.sys.unmount("/mnt", 0)
    assert not mount.mounted and kernel.mounts() == []
    assert "rd0" not in kernel.listdir("/dev")
    mount.unmount()
    # What is there now is another.
    kernel.mount("ffs", str(image), "/mnt")
    kernel.sys.unmount("/mnt", 0)
    kernel.close()


def test_whose_path_is_another_now(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    """A mount is unmounted by what it is, not by where it was."""
    first = kernel.mount("ffs", rumpy.demo_image(tmp_path / "1.img"), "/a/mnt")
    second = kernel.mount("ffs", rumpy.demo_image(tmp_path / "2.img"), "/a/mnt")
    kernel.mkdir("/a/mnt/in the second")
    fails(errno.EBUSY, first.unmount)
    fails(errno.EINVAL, first.update, "ro")
    assert [first.mounted, second.mounted] == [True, True]
    kernel.rename("/a", "/b")
    second.unmount()
    assert "in the second" not in kernel.listdir("/b/mnt")
    first.unmount()
    assert kernel.listdir("/b/mnt") == []


def test_end_behind_another_root(tmp_path: Path) -> None:
    """What was written to is complete although no path leads there any more."""
    image = rumpy.demo_image(tmp_path / "image")
    with rumpy.Kernel() as k:
        k.mount("ffs", image, "/mnt")
        k.write_file("/mnt/late", b"x" * 100_000)
        k.mkdir("/jail")
        k.chroot("/jail")
    with rumpy.Kernel() as k, k.mount("ffs", image, "/mnt", "ro"):
        assert k.read_file("/mnt/late") == b"x" * 100_000


def test_end_of_one_that_fails(tmp_path: Path) -> None:
    """A disk that fails keeps no other file system from its end."""
    image = rumpy.demo_image(tmp_path / "image")
    disk = FaultyDevice(FileDevice(rumpy.demo_image(tmp_path / "bad")))
    kernel = rumpy.Kernel()
    kernel.mount("ffs", image, "/good")
    kernel.mount("ffs", disk, "/bad")
    for where in "/good", "/bad":
        kernel.write_file(f"{where}/late", b"x" * 100_000)
    disk.faults.append(Fault("eio", "write"))
    with pytest.raises(OSError) as info:
        kernel.close()
    assert info.value.errno == errno.EIO
    with rumpy.Kernel() as k, k.mount("ffs", image, "/mnt", "ro"):
        assert k.read_file("/mnt/late") == b"x" * 100_000


def test_nodiratime(tmp_path: Path) -> None:
    """Directories keep their access times, files do not; update() ends that."""
    image = rumpy.demo_image(tmp_path / "image")
    old = (1_000_000_000, 1_000_000_000)
    with rumpy.Kernel() as k, k.mount("ffs", image, "/mnt", "nodiratime") as mnt:
        k.mkdir("/mnt/d")
        k.write_file("/mnt/d/f", b"x")

        def moved() -> list[bool]:
            for path in "/mnt/d", "/mnt/d/f":
                k.utime(path, old)
            assert k.listdir("/mnt/d") == ["f"] and k.read_file("/mnt/d/f") == b"x"
            paths = "/mnt/d", "/mnt/d/f"
            return [k.stat(path).st_atime != old[0] for path in paths]

        assert moved() == [False, True]
        mnt.update()
        assert moved() == [True, True]
        mnt.update("nodiratime")
        assert moved() == [False, True]


def test_nodiratime_that_the_driver_does_not_heed(kernel: rumpy.Kernel) -> None:
    """The root file system, as NetBSD's drivers, has no such thing."""
    root = ffi.new("struct door_mount *")
    root.gen, root.flags = kernel._mounts._number_at("/"), 1
    assert root.gen != 0
    assert kernel._machine.call("mount_nodiratime", root) == EOPNOTSUPP
