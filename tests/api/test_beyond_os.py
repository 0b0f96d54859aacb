# SPDX-License-Identifier: BSD-2-Clause
"""What the API has and `os` has not, and where NetBSD differs."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import select
import stat
import threading
import time
from pathlib import Path

import pytest

import rumpy
from rumpy.abi import ioctl

RDWR = os.O_RDWR | os.O_CREAT


# --- raw calls ---------------------------------------------------------------


def test_raw_calls_by_name_and_number(kernel: rumpy.Kernel) -> None:
    assert kernel.sys.getpid() == kernel.getpid() == kernel.syscall(20)
    kernel.sys.mkdir("/raw", 0o755)
    fd = kernel.sys.openat(-100, b"/raw", 0x200000, 0)
    assert stat.S_ISDIR(kernel.fstat(fd).st_mode)
    assert kernel.sys.close(fd) == 0
    buffer = bytearray(152)
    kernel.sys.stat("/raw", buffer)
    assert int.from_bytes(buffer[16:24], "little") == kernel.stat("/raw").st_ino
    assert "fstatat" in dir(kernel.sys) and "__stat50" in dir(kernel.sys)


def test_raw_calls_check_their_arguments(kernel: rumpy.Kernel) -> None:
    with pytest.raises(
        TypeError, match=r"mkdir\(path, mode\) takes 2 arguments, not 1"
    ):
        kernel.sys.mkdir("/x")
    with pytest.raises(AttributeError, match="no system call 'fork'"):
        kernel.sys.fork()
    with pytest.raises(FileNotFoundError) as info:
        kernel.sys.rmdir("/none")
    assert info.value.kernel_errno == 2  # type: ignore[attr-defined]


def test_a_number_nobody_has_is_enosys(kernel: rumpy.Kernel) -> None:
    with pytest.raises(OSError) as info:
        kernel.syscall(2)
    assert info.value.errno == errno.ENOSYS
    assert info.value.kernel_errno == 78  # type: ignore[attr-defined]


def test_a_bad_pointer_is_efault(kernel: rumpy.Kernel) -> None:
    with pytest.raises(OSError) as info:
        kernel.syscall(5, 16, 0, 0)
    assert info.value.errno == errno.EFAULT
    assert kernel.getpid() > 0


# --- where numbers differ ----------------------------------------------------


def test_numbers_that_differ_arrive_as_the_hosts(kernel: rumpy.Kernel) -> None:
    kernel.mkfifo("/p")
    fd = kernel.open("/p", os.O_RDWR | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError) as info:
        kernel.read(fd, 1)
    assert info.value.errno == errno.EAGAIN
    assert info.value.kernel_errno == 35  # type: ignore[attr-defined]
    kernel.mkdir("/d")
    kernel.mkdir("/d/e")
    with pytest.raises(OSError) as not_empty:
        kernel.rmdir("/d")
    assert not_empty.value.errno == errno.ENOTEMPTY
    assert not_empty.value.kernel_errno == 66  # type: ignore[attr-defined]


# --- FFS's own ---------------------------------------------------------------


def test_birth_time_flags_and_generation(ffs: rumpy.Mount) -> None:
    k, path = ffs.kernel, ffs / "f"
    before = time.time_ns()
    path.write_text("x")
    status = path.stat()
    assert before - 2 * 10**9 < status.st_birthtime_ns < before + 10 * 10**9
    k.chflags(str(path), stat.UF_NODUMP | stat.UF_IMMUTABLE)
    assert path.stat().st_flags == stat.UF_NODUMP | stat.UF_IMMUTABLE
    with pytest.raises(PermissionError):
        path.unlink()
    k.chflags(str(path), 0)
    path.unlink()


def test_device_nodes(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    k.mknod("/mnt/c", stat.S_IFCHR | 0o640, os.makedev(2, 77))
    status = k.stat("/mnt/c")
    assert stat.S_ISCHR(status.st_mode) and status.st_rdev == os.makedev(2, 77)
    k.mknod("/mnt/f", stat.S_IFREG | 0o600)
    assert stat.S_ISREG(k.stat("/mnt/f").st_mode)


def test_extended_attributes(ffs: rumpy.Mount) -> None:
    """By name and by descriptor, with the flags of os.setxattr."""
    k, name = ffs.kernel, "/mnt/README"
    fd = k.open(name, os.O_RDWR)
    for target in (name, fd):
        k.setxattr(target, "user.colour", b"blue", os.XATTR_CREATE)
        with pytest.raises(FileExistsError):
            k.setxattr(target, "user.colour", b"red", os.XATTR_CREATE)
        k.setxattr(target, "user.colour", b"green", os.XATTR_REPLACE)
        assert k.getxattr(target, "user.colour") == b"green"
        assert k.listxattr(target) == ["user.colour"]
        k.removexattr(target, "user.colour")
        with pytest.raises(OSError) as info:
            k.getxattr(target, "user.colour")
        assert info.value.errno == errno.ENODATA
    with pytest.raises(FileNotFoundError):
        k.getxattr("/mnt/none", "user.colour")
    with pytest.raises(FileNotFoundError):
        k.setxattr("/mnt/none", "user.colour", b"blue", follow_symlinks=False)


def test_extended_attributes_reach_the_file_system(kernel: rumpy.Kernel) -> None:
    """The root file system has none; what is tested is that it was asked."""
    fd = kernel.open("/plain", os.O_CREAT | os.O_RDWR)
    for target in ("/plain", fd):
        for call in (
            lambda t=target: kernel.getxattr(t, "user.colour"),
            lambda t=target: kernel.setxattr(t, "user.colour", b"blue"),
            lambda t=target: kernel.listxattr(t),
            lambda t=target: kernel.removexattr(t, "user.colour"),
        ):
            with pytest.raises(OSError) as info:
                call()
            assert info.value.errno == errno.EOPNOTSUPP


# --- locks -------------------------------------------------------------------


def test_flock_between_two_open_files(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    a, b = k.open("/mnt/f", RDWR), k.open("/mnt/f", RDWR)
    k.flock(a, fcntl.LOCK_EX)
    with pytest.raises(BlockingIOError):
        k.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB)
    k.flock(a, fcntl.LOCK_UN)
    k.flock(b, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_record_locks_between_two_processes(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    fd = k.open("/mnt/f", RDWR)
    k.write(fd, b"0123456789")
    k.lseek(fd, 0, os.SEEK_SET)
    k.lockf(fd, os.F_LOCK, 5)
    with k.process() as other:
        theirs = other.open("/mnt/f", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            other.lockf(theirs, os.F_TLOCK, 1)
        other.lseek(theirs, 5, os.SEEK_SET)
        other.lockf(theirs, os.F_TLOCK, 5)
    k.lockf(fd, os.F_TLOCK, 10)


def test_fcntl_with_the_hosts_numbers(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    fd = k.open("/mnt/f", RDWR | os.O_APPEND | os.O_CLOEXEC)
    flags = k.fcntl(fd, fcntl.F_GETFL)
    assert isinstance(flags, int)
    assert flags & os.O_APPEND and flags & os.O_ACCMODE == os.O_RDWR
    k.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK)
    assert not k.get_blocking(fd)
    k.set_blocking(fd, True)
    assert k.get_blocking(fd)
    assert k.fcntl(fd, fcntl.F_GETFD) == fcntl.FD_CLOEXEC
    other = k.fcntl(fd, fcntl.F_DUPFD, 100)
    assert other == 100
    with pytest.raises(OSError, match="Errno 22"):
        k.fcntl(fd, 12345)


# --- poll and ioctl ----------------------------------------------------------


def test_poll(kernel: rumpy.Kernel) -> None:
    kernel.mkfifo("/p")
    fd = kernel.open("/p", os.O_RDWR | os.O_NONBLOCK)
    assert kernel.poll([(fd, select.POLLIN)], 0) == []
    start = time.monotonic()
    assert kernel.poll([(fd, select.POLLIN)], 50) == []
    assert 0.03 < time.monotonic() - start < 5
    kernel.write(fd, b"abc")
    assert kernel.poll([(fd, select.POLLIN), (4000, select.POLLIN)], 1000) == [
        (fd, select.POLLIN),
        (4000, select.POLLNVAL),
    ]
    count = bytearray(4)
    kernel.ioctl(fd, ioctl.FIONREAD, count)
    assert int.from_bytes(count, "little") == 3


def test_a_blocked_read_lets_other_threads_in(kernel: rumpy.Kernel) -> None:
    kernel.mkfifo("/p")
    fd = kernel.open("/p", os.O_RDWR)
    got: list[bytes] = []
    thread = threading.Thread(target=lambda: got.append(kernel.read(fd, 10)))
    thread.start()
    time.sleep(0.05)
    assert thread.is_alive() and kernel.getpid() > 0
    kernel.write(fd, b"wake up")
    thread.join(10)
    assert got == [b"wake up"]


def test_a_deadline_ends_a_sleep(kernel: rumpy.Kernel) -> None:
    kernel.mkfifo("/p")
    fd = kernel.open("/p", os.O_RDWR)
    start = time.monotonic()
    with kernel.deadline(0.1):
        with kernel.deadline(30), pytest.raises(TimeoutError):
            kernel.read(fd, 1)
        with pytest.raises(TimeoutError):
            kernel.read(fd, 1)  # still within the block: no time left
        assert kernel.getpid() > 0
    assert 0.08 < time.monotonic() - start < 5
    kernel.write(fd, b"x")
    with kernel.deadline(0.1):
        assert kernel.read(fd, 1) == b"x"


def test_another_threads_sleep_can_be_cancelled(kernel: rumpy.Kernel) -> None:
    kernel.mkfifo("/p")
    fd = kernel.open("/p", os.O_RDWR)
    errors: list[BaseException] = []

    def sleep() -> None:
        try:
            kernel.read(fd, 1)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=sleep)
    thread.start()
    time.sleep(0.1)
    assert kernel.cancel(thread)
    thread.join(10)
    assert [type(e) for e in errors] == [InterruptedError]
    assert not kernel.cancel(thread)


# --- io objects --------------------------------------------------------------


def test_text_files(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    with k.fopen("/mnt/t", "w", encoding="utf-8") as file:
        assert isinstance(file, io.TextIOWrapper)
        file.write("zwölf\nBoxkämpfer\n")
    with k.fopen("/mnt/t", encoding="utf-8") as file:
        assert isinstance(file, io.TextIOWrapper)
        assert list(file) == ["zwölf\n", "Boxkämpfer\n"]
    with k.fopen("/mnt/t", "a") as file:
        file.write("end")  # type: ignore[arg-type]
    assert (ffs / "t").read_text("utf-8") == "zwölf\nBoxkämpfer\nend"
    with pytest.raises(FileExistsError):
        k.fopen("/mnt/t", "x")


def test_binary_files(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    with k.fopen("/mnt/b", "w+b") as file:
        assert isinstance(file, io.BufferedRandom)
        file.write(bytes(100_000))
        file.seek(-3, os.SEEK_END)
        file.write(b"end")
        file.seek(99_000)
        assert file.read(2000) == bytes(997) + b"end"
        file.truncate(10)
    assert k.stat("/mnt/b").st_size == 10
    with k.fopen("/mnt/b", "rb", buffering=0) as raw:
        assert isinstance(raw, io.RawIOBase)
        assert raw.read(4) == bytes(4) and raw.tell() == 4
        with pytest.raises(io.UnsupportedOperation):
            raw.fileno()
        with pytest.raises(io.UnsupportedOperation):
            raw.write(b"x")


@pytest.mark.parametrize("mode", ["", "rw", "bt", "r+w", "rr", "q"])
def test_bad_modes(kernel: rumpy.Kernel, mode: str) -> None:
    with pytest.raises(ValueError, match="invalid mode"):
        kernel.fopen("/x", mode)


def test_a_forgotten_file_warns_and_is_closed_later(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    file = k.fopen("/mnt/f", "wb", buffering=0)
    fd = file.kernel_fd  # type: ignore[attr-defined]
    with pytest.warns(ResourceWarning, match="unclosed <KernelFile"):
        del file
    assert k.fstat(fd).st_size == 0
    k.load("ffs")  # any work of the kernel's own closes what is left over
    with pytest.raises(OSError, match="Errno 9"):
        k.fstat(fd)


# --- paths -------------------------------------------------------------------


def test_path_methods(ffs: rumpy.Mount) -> None:
    top = ffs / "p"
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "f.txt").write_text("one\r\ntwo", newline="")
    assert (top / "a" / "f.txt").read_text() == "one\ntwo"
    (top / "l").symlink_to("a/f.txt")
    (top / "h").hardlink_to(top / "a" / "f.txt")
    assert (top / "h").samefile(top / "a" / "f.txt")
    assert str((top / "l").readlink()) == "a/f.txt"
    assert (top / "l").resolve() == top / "a" / "f.txt"
    assert (top / "l").is_symlink() and (top / "l").is_file()
    assert sorted(p.name for p in top.iterdir()) == ["a", "h", "l"]
    assert [str(p.relative_to(top)) for p in top.glob("*/*.txt")] == ["a/f.txt"]
    found = sorted(p.relative_to(top) for p in top.rglob("*"))
    assert found == ["a", "a/b", "a/f.txt", "h", "l"]
    assert (top / "new").exists() is False
    (top / "new").touch()
    with pytest.raises(FileExistsError):
        (top / "new").touch(exist_ok=False)
    assert (top / "new").rename(top / "old").name == "old"
    (top / "old").unlink()
    (top / "old").unlink(missing_ok=True)
    (top / "a" / "b").rmdir()
    with pytest.raises(FileExistsError):
        (top / "a").mkdir()
    (top / "a").mkdir(exist_ok=True)
    assert (ffs.path).is_mount() and not top.is_mount()
    assert [str(d) for d, _, _ in top.walk()] == [str(top), str(top / "a")]


def test_realpath_and_cwd(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    k.makedirs("/mnt/x/y")
    k.symlink("/mnt/x", "/mnt/link")
    assert k.realpath("/mnt/link/y/../y/./none") == "/mnt/x/y/none"
    k.chdir("/mnt/link/y")
    assert k.getcwd() == "/mnt/x/y" and k.getcwdb() == b"/mnt/x/y"
    assert k.realpath("..") == "/mnt/x"
    with pytest.raises(FileNotFoundError):
        k.realpath("/mnt/none/x", strict=True)
    k.symlink("loop", "/mnt/loop")
    with pytest.raises(OSError, match="Too many levels"):
        k.realpath("/mnt/loop")
    k.chdir("/")


def test_chroot(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    with k.process() as p:
        p.chroot("/mnt")
        p.chdir("/")
        assert "a_directory" in p.listdir("/")
        assert p.listdir("/..") == p.listdir("/")
    assert "dev" in k.listdir("/")


# --- processes ---------------------------------------------------------------


def test_credentials(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    (ffs / "secret").write_text("s")
    k.chmod("/mnt/secret", 0o640)
    k.chown("/mnt/secret", 0, 50)
    with k.process(uid=1000, gid=100) as user:
        assert (user.getuid(), user.geteuid(), user.getgid()) == (1000, 1000, 100)
        assert user.getpid() != k.getpid()
        with pytest.raises(PermissionError) as info:
            user.open("/mnt/secret", os.O_RDONLY)
        assert info.value.kernel_errno == 13  # type: ignore[attr-defined]
        assert not user.access("/mnt/secret", os.R_OK)
        with pytest.raises(PermissionError):
            user.chown("/mnt/secret", 1000, 100)
        with pytest.raises(PermissionError):
            user.mkdir("/mnt/x")
    with k.process(uid=1000, gid=100, groups=[50, 51]) as member:
        assert set(member.getgroups()) >= {50, 51}
        assert member.read_file("/mnt/secret") == b"s"
    with pytest.raises(ValueError, match="at most 16"):
        k.process(groups=range(17))


def test_descriptors_belong_to_the_process(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    with k.process() as p:
        fd = p.open("/mnt/README", os.O_RDONLY)
        with pytest.raises(OSError, match="Errno 9"):
            k.read(fd + 20, 1)
        assert p.read(fd, 4) == b"This"
        p.chdir("/mnt/a_directory")
        assert p.getcwd() == "/mnt/a_directory" and k.getcwd() == "/"
    with pytest.raises(rumpy.KernelClosed):
        p.getpid()


# --- transfer ----------------------------------------------------------------


def test_a_tree_goes_in_and_comes_out_the_same(
    ffs: rumpy.Mount, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    (here / "sub").mkdir(parents=True)
    (here / "f").write_bytes(os.urandom(100_000))
    os.chmod(here / "f", 0o604)
    os.utime(here / "f", ns=(10**18, 10**18 + 5))
    os.link(here / "f", here / "sub" / "again")
    os.symlink("../f", here / "sub" / "l")
    os.mkfifo(here / "p")
    with (here / "sparse").open("wb") as out:
        out.write(b"start")
        out.truncate(2 << 20)
    os.chmod(here / "sub", 0o711)
    ffs.kernel.upload(here, "/mnt/in")
    status = ffs.kernel.stat("/mnt/in/f")
    assert stat.S_IMODE(status.st_mode) == 0o604 and status.st_nlink == 2
    assert status.st_mtime_ns == 10**18 + 5
    assert ffs.kernel.stat("/mnt/in/sparse").st_blocks * 512 < 1 << 20
    (ffs / "in").download(tmp_path / "out")
    out = tmp_path / "out"
    assert (out / "f").read_bytes() == (here / "f").read_bytes()
    assert (out / "f").stat().st_mtime_ns == 10**18 + 5
    assert (out / "f").stat().st_ino == (out / "sub" / "again").stat().st_ino
    assert os.readlink(out / "sub" / "l") == "../f"
    assert (out / "p").is_fifo()
    assert stat.S_IMODE((out / "sub").stat().st_mode) == 0o711
    assert (out / "sparse").read_bytes() == (here / "sparse").read_bytes()
    assert (out / "sparse").stat().st_blocks * 512 < 1 << 20


def test_copying_into_a_directory_keeps_the_name(
    ffs: rumpy.Mount, tmp_path: Path
) -> None:
    (tmp_path / "x.txt").write_text("x")
    (ffs / "d").mkdir()
    ffs.kernel.upload(tmp_path / "x.txt", "/mnt/d")
    assert (ffs / "d" / "x.txt").read_text() == "x"
    (tmp_path / "o").mkdir()
    (ffs / "d" / "x.txt").download(tmp_path / "o")
    assert (tmp_path / "o" / "x.txt").read_text() == "x"


def test_bytes_read_are_the_readers_own(kernel: rumpy.Kernel) -> None:
    """Each thread gets other bytes, whole or cut, while all of them read."""
    sizes = (1, 100, 4096, 70_000)
    for size in sizes:
        kernel.write_file(f"/own{size}", bytes([size % 251]) * size)
    wrong: list[str] = []

    def reader(size: int) -> None:
        fd = kernel.open(f"/own{size}", os.O_RDONLY)
        want = bytes([size % 251]) * size
        for length in (size, size + 1, size * 2, 1) * 50:
            if kernel.pread(fd, length, 0) != want[:length]:
                wrong.append(f"{length} of {size}")
            if kernel.read_file(f"/own{size}") != want:
                wrong.append(f"all {size}")
        kernel.close(fd)

    threads = [threading.Thread(target=reader, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_file_shorter_than_its_attributes_say(kernel: rumpy.Kernel) -> None:
    """Another process truncated it between the two."""
    kernel.write_file("/short", b"x" * 100_000)
    fd = kernel.open("/short", os.O_RDONLY)
    assert kernel._read_large(fd, 150_000) == b"x" * 100_000
    with pytest.raises(OSError, match="Bad file descriptor"):
        kernel.fstat(fd)


def test_a_thread_that_left_does_not_keep_its_turn(kernel: rumpy.Kernel) -> None:
    """Threads that called once and ended, or compute, hold nobody up for long."""
    gone = threading.Thread(target=kernel.getppid)
    gone.start()
    gone.join()
    busy = threading.Event()

    def compute() -> None:
        kernel.getppid()
        busy.wait(30)

    sleeper = threading.Thread(target=compute)
    sleeper.start()
    start = time.thread_time()
    for _ in range(2000):
        kernel.getppid()
    took = time.thread_time() - start
    busy.set()
    sleeper.join()
    # Looking on at every call would take 2000 times 50 us at the least.
    assert took < 0.1


def test_who_it_is_after_a_restore_and_after_its_end(kernel: rumpy.Kernel) -> None:
    process = kernel.process(uid=7)
    before = process.getpid(), process.getppid(), process.getuid(), process.getegid()
    assert before == (process.getpid(), process.getppid(), 7, 0)
    with kernel.snapshot() as kept:
        later = kernel.process(uid=8)
        assert later.getuid() == 8 and later.getpid() != process.getpid()
        kernel.restore(kept)
    assert process.getpid() == before[0] and process.getuid() == 7
    for call in (later.getpid, later.getuid):
        with pytest.raises(rumpy.SnapshotError):
            call()
    process.close()
    for call in (process.getpid, process.getppid, process.getuid):
        with pytest.raises(rumpy.KernelClosed):
            call()
