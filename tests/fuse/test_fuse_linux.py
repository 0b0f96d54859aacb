# SPDX-License-Identifier: BSD-2-Clause
"""Where Linux and NetBSD differ, a mount does what programs of Linux expect."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import shutil
import stat
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fusehelp import skip_unmountable

from rumpy.testing import HostTree
from rumpy.testing.filesystem import NOW, OMIT
from rumpy.testing.support import opened, put, stamps

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

_SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def whole(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostTree]:
    """A mount that knows owners."""
    skip_unmountable()
    from rumpy import demo_image
    from rumpy.fuse import mount, umount

    folder = tmp_path_factory.mktemp("linux")
    where = folder / "mnt"
    where.mkdir()
    options = "suid,dev" if os.geteuid() == 0 else ""
    mount(None, Path(demo_image(folder / "demo.img")), where, options)
    tree = HostTree(where, {"sysflags"})
    yield tree
    tree.end()
    umount(where)


@pytest.fixture
def host(whole: HostTree, request: pytest.FixtureRequest) -> HostTree:
    """An empty directory of it, which anybody may write."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    whole.mkdir(name, 0o777)
    return whole.sub(name)


@needs_root
def test_owner_makes_a_file_sticky(host: HostTree) -> None:
    """NetBSD leaves that to root; POSIX's suites for Linux want it to work."""
    put(host, "f")
    host.chown("f", 2001, 2001)
    owner = host.as_user(2001, 2001)
    owner.chmod("f", 0o1644)
    assert host.stat("f").mode == stat.S_IFREG | 0o1644
    owner.chmod("f", 0o600)
    assert host.stat("f").mode == stat.S_IFREG | 0o600
    with pytest.raises(PermissionError):
        host.as_user(2002, 2002).chmod("f", 0o1644)


@needs_root
def test_truncating_drops_set_id_bits(host: HostTree) -> None:
    put(host, "f", b"xxxx")
    host.chmod("f", 0o6777)
    host.as_user(2001, 2001).truncate("f", 2)
    assert host.stat("f").mode & 0o7777 == 0o777


@needs_root
def test_a_new_file_keeps_the_set_id_bits_it_is_made_with(host: HostTree) -> None:
    """Its O_TRUNC has nothing to truncate; Linux's caches would hide the loss."""
    flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY
    with opened(host.as_user(2001, 2001), "f", flags, 0o6755):
        pass
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("2")
    assert host.stat("f").mode & 0o7777 == 0o6755


@needs_root
def test_running_takes_leave_to_run_only(host: HostTree) -> None:
    """A program that its caller can't read can be run, and not the other way."""
    where = os.path.join(host.directory, host.root)
    shutil.copy("/bin/true", f"{where}/true")

    def run() -> int:
        return subprocess.run(
            ["./true"], cwd=where, user=2001, group=2001, extra_groups=[], check=False
        ).returncode

    host.chmod("true", 0o001)
    assert run() == 0
    host.chmod("true", 0o004)
    with pytest.raises(PermissionError):
        run()


@needs_root
def test_chattr_advances_the_change_time(host: HostTree) -> None:
    """Linux does not ask for attributes after an ioctl; it is told to."""
    put(host, "f")
    with stamps(host, f="c"):
        host.chflags("f", {"nodump"})
    host.chflags("f", ())


@needs_root
def test_both_ways_to_set_flags(host: HostTree) -> None:
    """FS_IOC_FSSETXATTR is FS_IOC_SETFLAGS with other bits, and more words."""
    put(host, "f")
    fd = os.open(os.path.join(host.directory, host.root, "f"), os.O_RDONLY)
    try:
        words = struct.Struct("7I")
        for bits, flag in ((8, 0x10), (16, 0x20), (128, 0x40), (0, 0)):
            fcntl.ioctl(fd, 0x401C5820, words.pack(bits, 0, 0, 0, 0, 0, 0))
            read = fcntl.ioctl(fd, 0x801C581F, bytes(28))
            assert words.unpack(read) == (bits, 0, 0, 0, 0, 0, 0)
            assert fcntl.ioctl(fd, 0x80086601, bytes(8))[0] == flag
        for wrong in ((0x20, 0, 0, 0, 0, 0, 0), (0, 0, 0, 77, 0, 0, 0)):
            with pytest.raises(OSError) as caught:
                fcntl.ioctl(fd, 0x401C5820, words.pack(*wrong))
            assert caught.value.errno in (errno.EOPNOTSUPP, errno.EINVAL)
    finally:
        os.close(fd)


@pytest.mark.parametrize("seconds", [-1, 0, -2, 1 << 33])
def test_odd_seconds(host: HostTree, seconds: int) -> None:
    """-1 is NetBSD's "leave it": the nearest time is set, not none."""
    put(host, "f")
    host.utimens("f", seconds * _SECOND, seconds * _SECOND)
    found = host.stat("f")
    for when in (found.atime, found.mtime):
        assert abs(when - seconds * _SECOND) <= 1


def renameat2(tree: HostTree, old: str, new: str, flags: int) -> None:
    """The system call that has no place in os."""
    where = os.path.join(tree.directory, tree.root)
    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(f"{where}/{name}") for name in (old, new))
    first, second = names
    if libc.renameat2(-100, first, -100, second, flags) == -1:
        raise OSError(ctypes.get_errno(), "renameat2")


def test_whiteouts_are_refused(host: HostTree) -> None:
    """They are for overlayfs, which takes no FUSE mount for its upper layer."""
    put(host, "a", b"1")
    put(host, "b", b"22")
    for flags in (4, 4 | 2, 3, 8):  # RENAME_WHITEOUT; what is no combination
        with pytest.raises(OSError) as caught:
            renameat2(host, "a", "b", flags)
        assert caught.value.errno == errno.EINVAL
    assert (host.stat("a").size, host.stat("b").size) == (1, 2)


@needs_root
def test_append_only_file_is_touched(host: HostTree) -> None:
    """Its times may be set to now, both of them, and to nothing else."""
    put(host, "f", b"x")
    host.utimens("f", _SECOND, _SECOND)
    host.chflags("f", {"sappnd"})
    try:
        for times in ((_SECOND, _SECOND), (NOW, OMIT), (OMIT, NOW), (NOW, 0)):
            with pytest.raises(PermissionError):
                host.utimens("f", *times)
        host.utimens("f", NOW, NOW)
        assert host.stat("f").mtime > _SECOND < host.stat("f").atime
        host.chflags("f", {"schg"})
        with pytest.raises(PermissionError):
            host.utimens("f", NOW, NOW)
    finally:
        host.chflags("f", ())


@needs_root
def test_immutable_ends_writing(host: HostTree) -> None:
    """Also for who has the file open; on NetBSD that one goes on."""
    put(host, "f", b"before")
    with opened(host, "f", os.O_RDWR) as fd:
        host.pwrite(fd, b"B", 0)
        host.chflags("f", {"schg"})
        for call in (
            lambda: host.pwrite(fd, b"after", 0),
            lambda: host.punch(fd, 0, 9),
        ):
            with pytest.raises(PermissionError):
                call()
        host.chflags("f", ())
        assert host.pread(fd, 9, 0) == b"Before"
        host.pwrite(fd, b"b", 0)
        assert host.pread(fd, 9, 0) == b"before"


@needs_root
def test_flags_come_before_what_is_inside(host: HostTree) -> None:
    """A full directory that may not go is EPERM, as on Linux's own."""
    host.mkdir("d")
    host.mkdir("d/sub")
    put(host, "d/sub/f")
    for path, flag in (("d", "sappnd"), ("d/sub", "schg"), ("d/sub", "sappnd")):
        host.chflags(path, {flag})
        with pytest.raises(PermissionError):
            host.rmdir("d/sub")
        host.chflags(path, ())
    with pytest.raises(OSError) as caught:
        host.rmdir("d/sub")
    assert caught.value.errno == errno.ENOTEMPTY


class Aio:
    """Linux's asynchronous I/O, one write at a time."""

    def __init__(self) -> None:
        self._context = ctypes.c_ulong(0)
        self._call(206, 4, ctypes.byref(self._context))

    def _call(self, number: int, *arguments: object) -> int:
        libc = ctypes.CDLL(None, use_errno=True)
        wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
        done: int = libc.syscall(ctypes.c_long(number), *wide)
        if done < 0:
            raise OSError(ctypes.get_errno(), "asynchronous I/O")
        return done

    def write(self, fd: int, memory: mmap.mmap) -> None:
        """Begin to write all of the memory to the file's beginning."""
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        self._block = ctypes.create_string_buffer(
            struct.pack("QIIHhIQQqQII", 0, 0, 0, 1, 0, fd, address, len(memory), 0, 0,
                        0, 0), 64)  # fmt: skip
        blocks = (ctypes.c_void_p * 1)(ctypes.addressof(self._block))
        assert self._call(209, self._context, 1, blocks) == 1

    def done(self) -> bool:
        """Whether it has ended, and well."""
        event = ctypes.create_string_buffer(32)
        now = (ctypes.c_long * 2)(0, 0)
        if self._call(208, self._context, 0, 1, event, now) == 0:
            return False
        assert struct.unpack("QQqq", event.raw)[2] > 0
        return True

    def close(self) -> None:
        self._call(207, self._context)


def test_reads_beside_asynchronous_direct_writes(host: HostTree) -> None:
    """What a read saw meanwhile is not what later reads see."""
    size = 640 << 10
    put(host, "f", bytes(size))
    where = os.path.join(host.directory, host.root, "f")
    memory, aio, over = mmap.mmap(-1, size), Aio(), threading.Event()
    plain, direct = os.open(where, os.O_RDONLY), os.open(where, os.O_RDWR | os.O_DIRECT)

    def look() -> None:
        while not over.is_set():
            os.pread(plain, size, 0)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for turn in range(1, 61):
            memory[:] = bytes([turn]) * size
            aio.write(direct, memory)
            while not aio.done():
                pass
            assert os.pread(plain, size, 0) == memory[:], f"turn {turn}"
    finally:
        over.set()
        for reader in readers:
            reader.join()
        os.close(plain)
        os.close(direct)
        aio.close()


def libc_call(name: str, *arguments: object) -> None:
    """A call of the C library whose failure is an OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    if getattr(libc, name)(*wide) == -1:
        raise OSError(ctypes.get_errno(), name)


def test_tmpfile_gets_a_name(host: HostTree) -> None:
    """linkat(2) may give one; without it the file goes with its descriptor."""
    where = os.path.join(host.directory, host.root)
    for keep in (True, False):
        fd = os.open(where, os.O_TMPFILE | os.O_RDWR, 0o640)
        os.write(fd, b"nameless")
        assert os.listdir(where) == []
        if keep:
            name = os.fsencode(f"{where}/named")
            libc_call("linkat", -100, b"/proc/self/fd/%d" % fd, -100, name, 0x400)
            assert os.fstat(fd).st_nlink == 1
        os.close(fd)
        assert os.listdir(where) == (["named"] if keep else [])
        host.unlink("named") if keep else None
    with pytest.raises(NotADirectoryError):
        put(host, "f")
        os.open(f"{where}/f", os.O_TMPFILE | os.O_RDWR)


def test_noatime(host: HostTree) -> None:
    """O_NOATIME reads without a trace, small and large pieces."""
    put(host, "f", b"x" * 300_000)
    where = os.path.join(host.directory, host.root, "f")
    for how, moves in ((os.O_NOATIME, False), (0, True)):
        host.utimens("f", _SECOND, _SECOND)
        fd = os.open(where, os.O_RDONLY | how)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        for at, size in ((0, 10), (100_000, 150_000)):
            assert os.pread(fd, size, at) == b"x" * size
        os.close(fd)
        # A change of anything but times makes Linux ask for them.
        host.chmod("f", 0o600 if moves else 0o640)
        assert (host.stat("f").atime != _SECOND) == moves


def test_allocation_that_ffs_lacks_is_refused(host: HostTree) -> None:
    """Collapsing, inserting and unsharing: EOPNOTSUPP, no damage."""
    put(host, "f", b"x" * 100_000)
    where = os.path.join(host.directory, host.root, "f")
    fd = os.open(where, os.O_RDWR)
    try:
        for mode in (8, 32, 64):  # COLLAPSE, INSERT, UNSHARE
            with pytest.raises(OSError) as caught:
                libc_call("fallocate", fd, mode, 0, 8192)
            assert caught.value.errno == errno.EOPNOTSUPP, mode
        assert os.pread(fd, 200_000, 0) == b"x" * 100_000
    finally:
        os.close(fd)


def test_zeroing_takes_room(host: HostTree) -> None:
    """FALLOC_FL_ZERO_RANGE, with and without KEEP_SIZE."""
    put(host, "f", b"x" * 300_000)
    fd = os.open(os.path.join(host.directory, host.root, "f"), os.O_RDWR)
    try:
        before = os.fstat(fd).st_blocks
        libc_call("fallocate", fd, 0x10, 1000, 200_000)
        wanted = b"x" * 1000 + bytes(200_000) + b"x" * 99_000
        assert os.pread(fd, 300_000, 0) == wanted
        assert os.fstat(fd).st_blocks == before
        libc_call("fallocate", fd, 0x11, 290_000, 500_000)
        assert os.fstat(fd).st_size == 300_000
        libc_call("fallocate", fd, 0x10, 295_000, 105_000)
        found = os.fstat(fd)
        assert found.st_size == 400_000
        assert found.st_blocks * 512 >= 400_000
        assert os.pread(fd, 400_000, 0) == wanted[:290_000] + bytes(110_000)
    finally:
        os.close(fd)


@needs_root
@pytest.mark.parametrize(
    ("before", "after"), [(0o6666, 0o666), (0o6676, 0o676), (0o4755, 0o755)]
)
def test_allocation_drops_set_id_bits(host: HostTree, before: int, after: int) -> None:
    """Of others, not of root, who may set them again."""
    put(host, "f", b"x" * 100)
    where = os.path.join(host.directory, host.root, "f")
    fd = os.open(where, os.O_RDWR)
    try:
        host.chmod("f", before)
        libc_call("fallocate", fd, 0, 0, 1000)
        assert host.stat("f").mode & 0o7777 == before
        script = f"import os; os.posix_fallocate({fd}, 0, 2000)"
        subprocess.run(
            ["/usr/bin/python3", "-c", script],
            user=2001, group=2001, extra_groups=[], pass_fds=[fd], check=True,
        )  # fmt: skip
        # Asked for the mode alone, Linux may answer from its cache.
        done = subprocess.run(["stat", "-c", "%a", where], capture_output=True)
        assert int(done.stdout, 8) == after
    finally:
        os.close(fd)


@pytest.mark.parametrize("size", [1023, 1024, 4095])
def test_long_links(host: HostTree, size: int) -> None:
    """Linux follows texts that NetBSD does not: they are kept for it."""
    where = os.path.join(host.directory, host.root)
    put(host, "f", b"there")
    text = "./" * ((size - 1) // 2) + "f"
    text = "./" + "/" * (size - len(text)) + text[2:]
    assert len(text) == size
    os.symlink(text, f"{where}/s")
    assert os.readlink(f"{where}/s") == text
    assert os.lstat(f"{where}/s").st_size == size
    with open(f"{where}/s", "rb") as file:
        assert file.read() == b"there"


def test_data_behind_a_huge_hole(host: HostTree) -> None:
    """Found without a look at each of the hole's blocks, which takes hours."""
    where = os.path.join(host.directory, host.root, "f")
    fd = os.open(where, os.O_CREAT | os.O_RDWR)
    try:
        far = 1 << 42
        os.pwrite(fd, b"x" * 65_536, far)
        assert os.lseek(fd, 0, os.SEEK_DATA) == far
        assert os.lseek(fd, 12_345, os.SEEK_DATA) == far
        assert os.lseek(fd, 12_345, os.SEEK_HOLE) == 12_345
        assert os.lseek(fd, far, os.SEEK_HOLE) == far + 65_536
    finally:
        os.close(fd)


@needs_root
def test_handles_outlive_the_cache(host: HostTree) -> None:
    """open_by_handle_at(2) finds what Linux has forgotten, and no other file."""
    where = os.fsencode(os.path.join(host.directory, host.root))
    host.mkdir("d")
    for name in ("d/f", "d/gone"):
        put(host, name, name.encode())
    handles = {}
    for name in (b"d", b"d/f", b"d/gone"):
        handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 136)
        mount = ctypes.c_int()
        path = where + b"/" + name
        libc_call("name_to_handle_at", -100, path, handle, ctypes.byref(mount), 0)
        handles[name] = handle
    host.unlink("d/gone")
    put(host, "d/other")
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("2")
    libc = ctypes.CDLL(None, use_errno=True)
    top = os.open(where, os.O_RDONLY)
    try:
        fd = libc.open_by_handle_at(top, handles[b"d/f"], os.O_RDONLY)
        assert fd >= 0, os.strerror(ctypes.get_errno())
        assert os.read(fd, 10) == b"d/f"
        os.close(fd)
        fd = libc.open_by_handle_at(top, handles[b"d"], os.O_RDONLY)
        assert sorted(os.listdir(fd)) == ["f", "other"]
        os.close(fd)
        assert libc.open_by_handle_at(top, handles[b"d/gone"], os.O_RDONLY) == -1
        assert ctypes.get_errno() == errno.ESTALE
    finally:
        os.close(top)


def test_allocation_within_the_size(host: HostTree) -> None:
    """FALLOC_FL_KEEP_SIZE fills holes; room behind the end is EOPNOTSUPP."""
    libc = ctypes.CDLL(None, use_errno=True)
    put(host, "f", b"")
    host.truncate("f", 400_000)
    fd = os.open(os.path.join(host.directory, host.root, "f"), os.O_RDWR)
    try:
        before = os.fstat(fd).st_blocks
        size = ctypes.c_long(100_000)
        assert libc.fallocate(fd, 1, ctypes.c_long(100_000), size) == 0
        found = os.fstat(fd)
        assert found.st_size == 400_000
        assert found.st_blocks >= before + 100_000 // 512
        assert libc.fallocate(fd, 1, ctypes.c_long(350_000), size) == -1
        assert ctypes.get_errno() == errno.EOPNOTSUPP
        assert os.fstat(fd).st_size == 400_000
    finally:
        os.close(fd)


def test_no_security_attributes(host: HostTree) -> None:
    """NetBSD has no such name space: none is there, and none can be set."""
    put(host, "f", b"x")
    where = os.path.join(host.directory, host.root, "f")
    for name in ("security.capability", "security.anything"):
        with pytest.raises(OSError) as caught:
            os.getxattr(where, name)
        assert caught.value.errno in (errno.ENODATA, errno.EOPNOTSUPP)
    with pytest.raises(OSError) as caught:
        os.setxattr(where, "security.anything", b"x")
    assert caught.value.errno in (errno.EOPNOTSUPP, errno.EPERM)
    os.setxattr(where, "user.mine", b"x")
    assert os.listxattr(where) == ["user.mine"]
    assert os.getxattr(where, "user.mine") == b"x"


def test_birth_time_is_told(host: HostTree) -> None:
    """statx(2) has it."""
    put(host, "f")
    found = host.stat("f")
    assert found.birthtime is not None
    assert abs(found.birthtime - found.ctime) < 60 * _SECOND
    with opened(host, "f", os.O_WRONLY) as fd:
        host.write(fd, b"x")
    assert host.stat("f").birthtime == found.birthtime
