# SPDX-License-Identifier: BSD-2-Clause
"""Where Linux and NetBSD differ, a mount does what programs of Linux expect."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fusehelp import skip_unmountable

from rumpy.testing import HostTree
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


def test_exchange_is_refused(host: HostTree) -> None:
    """Nothing in NetBSD's vnode interface swaps names: said, and not done."""
    put(host, "a", b"1")
    put(host, "b", b"22")
    for flags in (2, 4):  # RENAME_EXCHANGE, RENAME_WHITEOUT
        with pytest.raises(OSError) as caught:
            renameat2(host, "a", "b", flags)
        assert caught.value.errno == errno.EINVAL
    assert (host.stat("a").size, host.stat("b").size) == (1, 2)


def test_tmpfile_is_refused(host: HostTree) -> None:
    """So that programs take their other way, with a name."""
    with pytest.raises(OSError) as caught:
        host.open(".", os.O_TMPFILE | os.O_RDWR, 0o600)
    assert caught.value.errno == errno.EOPNOTSUPP


def test_allocation_that_ffs_lacks_is_refused(host: HostTree) -> None:
    """Punching, collapsing, inserting and unsharing: EOPNOTSUPP, no damage."""
    libc = ctypes.CDLL(None, use_errno=True)
    put(host, "f", b"x" * 100_000)
    where = os.path.join(host.directory, host.root, "f")
    fd = os.open(where, os.O_RDWR)
    try:
        # PUNCH|KEEP, COLLAPSE, ZERO, INSERT, UNSHARE
        for mode in (3, 8, 16, 32, 64):
            length = ctypes.c_long(8192)
            done = libc.fallocate(fd, mode, ctypes.c_long(0), length)
            assert (done, ctypes.get_errno()) == (-1, errno.EOPNOTSUPP), mode
        assert os.pread(fd, 200_000, 0) == b"x" * 100_000
    finally:
        os.close(fd)


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
