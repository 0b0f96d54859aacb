# SPDX-License-Identifier: BSD-2-Clause
"""Path names: the walk, its errors, and the calls that change names.

Every test runs on the kernel's root file system and on FFS.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import rumpy


@pytest.fixture(params=["rootfs", "ffs"])
def where(request: pytest.FixtureRequest, kernel: rumpy.Kernel) -> Iterator[str]:
    """An empty directory to work in."""
    if request.param == "ffs":
        import rumpy

        kernel.mount("ffs", rumpy.demo_image(), "/mnt")
        kernel.mkdir("/mnt/work")
        yield "/mnt/work"
    else:
        kernel.mkdir("/work")
        yield "/work"


def fails(number: int, call: Any, *args: Any, **kwargs: Any) -> None:
    """The call fails with this errno of the host."""
    with pytest.raises(OSError) as info:
        call(*args, **kwargs)
    assert errno.errorcode[info.value.errno or 0] == errno.errorcode[number]


def touch(kernel: rumpy.Kernel, path: str, data: bytes = b"") -> None:
    with kernel.fopen(path, "wb") as file:
        file.write(data)


def test_lookup_errors(kernel: rumpy.Kernel, where: str) -> None:
    touch(kernel, f"{where}/file")
    kernel.mkdir(f"{where}/dir")
    fails(errno.ENOENT, kernel.stat, "")
    fails(errno.ENOENT, kernel.stat, f"{where}/none")
    fails(errno.ENOENT, kernel.stat, f"{where}/none/below")
    fails(errno.ENOTDIR, kernel.stat, f"{where}/file/")
    fails(errno.ENOTDIR, kernel.stat, f"{where}/file/below")
    fails(errno.ENOTDIR, kernel.stat, f"{where}/file/.")
    kernel.mkfifo(f"{where}/fifo")
    fails(errno.ENOTDIR, kernel.stat, f"{where}/fifo/below")
    fails(errno.ENAMETOOLONG, kernel.stat, f"{where}/" + "x" * 300)
    fails(errno.ENAMETOOLONG, kernel.stat, f"{where}/" + "x/" * 700)
    assert kernel.stat(f"{where}/dir/").st_ino == kernel.stat(f"{where}/dir").st_ino
    # Asked twice, the second answer comes from the cache.
    fails(errno.ENOENT, kernel.stat, f"{where}/none")
    touch(kernel, f"{where}/none")
    assert kernel.stat(f"{where}/none").st_size == 0


def test_dots_and_slashes(kernel: rumpy.Kernel, where: str) -> None:
    kernel.makedirs(f"{where}/a/b/c")
    here = kernel.stat(f"{where}/a/b").st_ino
    for path in ("a/b/.", "a/b/c/..", "a//b", "a/./b", "a/b/c/../../b", "a/b//"):
        assert kernel.stat(f"{where}/{path}").st_ino == here, path
    assert kernel.stat("/..").st_ino == kernel.stat("/").st_ino
    assert kernel.stat("//").st_ino == kernel.stat("/").st_ino
    assert kernel.stat("/../../dev").st_ino == kernel.stat("/dev").st_ino
    assert kernel.stat(f"{where}/../..").st_ino is not None


def test_names_of_all_lengths(kernel: rumpy.Kernel, where: str) -> None:
    names = [
        "n" * length
        for length in (1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 39, 40, 41, 254, 255)
    ]
    for name in names:
        touch(kernel, f"{where}/{name}", name.encode())
    assert sorted(kernel.listdir(where)) == sorted(names)
    for _ in range(2):
        for name in names:
            assert kernel.stat(f"{where}/{name}").st_size == len(name)
    for name in names:
        kernel.unlink(f"{where}/{name}")
        fails(errno.ENOENT, kernel.stat, f"{where}/{name}")


def test_similar_names(kernel: rumpy.Kernel, where: str) -> None:
    names = [f"similar-name-{i:04d}-tail" for i in range(500)]
    for i, name in enumerate(names):
        touch(kernel, f"{where}/{name}", b"x" * i)
    for _ in range(2):
        for i, name in enumerate(names):
            assert kernel.stat(f"{where}/{name}").st_size == i
        for name in names:
            fails(errno.ENOENT, kernel.stat, f"{where}/{name}x")


def test_symlinks(kernel: rumpy.Kernel, where: str) -> None:
    kernel.makedirs(f"{where}/d/e")
    touch(kernel, f"{where}/d/e/file", b"12345")
    kernel.symlink("d/e", f"{where}/rel")
    kernel.symlink(f"{where}/d", f"{where}/abs")
    kernel.symlink("../d/e/file", f"{where}/d/up")
    kernel.symlink("self", f"{where}/self")
    kernel.symlink("nowhere", f"{where}/dangling")
    assert kernel.stat(f"{where}/rel/file").st_size == 5
    assert kernel.stat(f"{where}/abs/e/file").st_size == 5
    assert kernel.stat(f"{where}/d/up").st_size == 5
    assert kernel.stat(f"{where}/rel/").st_ino == kernel.stat(f"{where}/d/e").st_ino
    assert stat.S_ISLNK(kernel.lstat(f"{where}/rel").st_mode)
    assert stat.S_ISDIR(kernel.lstat(f"{where}/rel/").st_mode)
    assert kernel.readlink(f"{where}/dangling") == "nowhere"
    fails(errno.ELOOP, kernel.stat, f"{where}/self")
    fails(errno.ENOENT, kernel.stat, f"{where}/dangling")
    fails(errno.EINVAL, kernel.readlink, f"{where}/d")
    # O_CREAT goes through a dangling link, O_EXCL does not.
    fails(
        errno.EEXIST,
        kernel.open,
        f"{where}/dangling",
        os.O_CREAT | os.O_EXCL | os.O_WRONLY,
    )
    kernel.close(kernel.open(f"{where}/dangling", os.O_CREAT | os.O_WRONLY))
    assert kernel.stat(f"{where}/nowhere").st_size == 0
    with pytest.raises(OSError) as info:
        kernel.open(f"{where}/rel", os.O_RDONLY | os.O_NOFOLLOW)
    assert getattr(info.value, "kernel_errno", None) == 79  # NetBSD's EFTYPE
    # Unlinking removes the link, not what it leads to.
    kernel.unlink(f"{where}/rel")
    assert kernel.stat(f"{where}/d/e/file").st_size == 5


def test_symlink_chain(kernel: rumpy.Kernel, where: str) -> None:
    touch(kernel, f"{where}/end")
    previous = "end"
    for i in range(32):
        kernel.symlink(previous, f"{where}/link{i}")
        previous = f"link{i}"
    assert kernel.stat(f"{where}/link30").st_size == 0
    kernel.symlink(previous, f"{where}/one-more")
    fails(errno.ELOOP, kernel.stat, f"{where}/one-more")


def test_create_rules(kernel: rumpy.Kernel, where: str) -> None:
    touch(kernel, f"{where}/file")
    kernel.mkdir(f"{where}/dir")
    fails(errno.EEXIST, kernel.mkdir, f"{where}/dir")
    fails(errno.EEXIST, kernel.mkdir, f"{where}/file")
    fails(errno.EEXIST, kernel.mkdir, "/")
    fails(errno.EEXIST, kernel.symlink, "x", f"{where}/file")
    fails(errno.ENOENT, kernel.mkdir, f"{where}/none/dir")
    fails(errno.EISDIR, kernel.open, f"{where}/dir", os.O_WRONLY)
    fails(errno.EISDIR, kernel.open, f"{where}/dir", os.O_CREAT | os.O_WRONLY)
    fails(errno.ENOTDIR, kernel.open, f"{where}/file", os.O_RDONLY | os.O_DIRECTORY)
    fails(
        errno.EEXIST, kernel.open, f"{where}/file", os.O_CREAT | os.O_EXCL | os.O_WRONLY
    )
    kernel.mkdir(f"{where}/slash/")
    assert kernel.listdir(f"{where}/slash") == []


def test_remove_rules(kernel: rumpy.Kernel, where: str) -> None:
    touch(kernel, f"{where}/file")
    kernel.makedirs(f"{where}/dir/sub")
    fails(errno.ENOTEMPTY, kernel.rmdir, f"{where}/dir")
    fails(errno.ENOTDIR, kernel.rmdir, f"{where}/file")
    fails(errno.EPERM, kernel.unlink, f"{where}/dir")
    fails(errno.EINVAL, kernel.rmdir, f"{where}/dir/.")
    fails(errno.ENOENT, kernel.unlink, f"{where}/none")
    fails(errno.ENOTDIR, kernel.unlink, f"{where}/file/")
    fails(errno.EBUSY, kernel.rmdir, "/")
    kernel.rmdir(f"{where}/dir/sub/")
    kernel.rmdir(f"{where}/dir")
    fails(errno.ENOENT, kernel.stat, f"{where}/dir")


def test_open_file_outlives_its_name(kernel: rumpy.Kernel, where: str) -> None:
    fd = kernel.open(f"{where}/file", os.O_CREAT | os.O_RDWR)
    kernel.write(fd, b"still here")
    kernel.unlink(f"{where}/file")
    fails(errno.ENOENT, kernel.stat, f"{where}/file")
    assert kernel.fstat(fd).st_nlink == 0
    assert kernel.pread(fd, 100, 0) == b"still here"
    kernel.write(fd, b", and growing")
    assert kernel.pread(fd, 100, 0) == b"still here, and growing"
    kernel.close(fd)


def test_links(kernel: rumpy.Kernel, where: str) -> None:
    touch(kernel, f"{where}/a", b"same")
    kernel.mkdir(f"{where}/d")
    kernel.link(f"{where}/a", f"{where}/d/b")
    assert kernel.stat(f"{where}/a").st_nlink == 2
    assert kernel.stat(f"{where}/a").st_ino == kernel.stat(f"{where}/d/b").st_ino
    fails(errno.EEXIST, kernel.link, f"{where}/a", f"{where}/d/b")
    fails(errno.EPERM, kernel.link, f"{where}/d", f"{where}/e")
    kernel.unlink(f"{where}/a")
    assert kernel.stat(f"{where}/d/b").st_nlink == 1


def test_rename(kernel: rumpy.Kernel, where: str) -> None:
    touch(kernel, f"{where}/a", b"a")
    touch(kernel, f"{where}/b", b"bb")
    kernel.makedirs(f"{where}/d/sub")
    kernel.mkdir(f"{where}/empty")
    ino = kernel.stat(f"{where}/a").st_ino
    kernel.rename(f"{where}/a", f"{where}/b")
    assert kernel.stat(f"{where}/b").st_ino == ino
    fails(errno.ENOENT, kernel.stat, f"{where}/a")
    kernel.rename(f"{where}/b", f"{where}/d/sub/c")
    assert kernel.stat(f"{where}/d/sub/c").st_ino == ino
    fails(errno.EINVAL, kernel.rename, f"{where}/d", f"{where}/d/sub/x")
    fails(errno.EISDIR, kernel.rename, f"{where}/d/sub/c", f"{where}/empty")
    fails(errno.ENOTDIR, kernel.rename, f"{where}/empty", f"{where}/d/sub/c")
    fails(errno.ENOTEMPTY, kernel.rename, f"{where}/empty", f"{where}/d")
    fails(errno.ENOENT, kernel.rename, f"{where}/none", f"{where}/x")
    fails(errno.EINVAL, kernel.rename, f"{where}/d/.", f"{where}/x")
    parent = kernel.stat(f"{where}/d/sub/..").st_ino
    assert parent == kernel.stat(f"{where}/d").st_ino
    kernel.rename(f"{where}/d/sub", f"{where}/empty/moved")
    assert (
        kernel.stat(f"{where}/empty/moved/..").st_ino
        == kernel.stat(f"{where}/empty").st_ino
    )
    assert kernel.stat(f"{where}/d").st_nlink == 2
    assert kernel.stat(f"{where}/empty").st_nlink == 3
    kernel.rename(f"{where}/empty", f"{where}/empty")
    assert kernel.listdir(f"{where}/empty/moved") == ["c"]


def test_rename_of_links_to_one_file(kernel: rumpy.Kernel, where: str) -> None:
    touch(kernel, f"{where}/a")
    kernel.link(f"{where}/a", f"{where}/b")
    kernel.rename(f"{where}/a", f"{where}/b")
    # os.rename is POSIX's: both names stay.
    assert sorted(kernel.listdir(where)) == ["a", "b"]
    kernel.sys.rename(f"{where}/a", f"{where}/b")
    assert kernel.listdir(where) == ["b"]
    assert kernel.stat(f"{where}/b").st_nlink == 1


def test_rename_that_keeps(kernel: rumpy.Kernel, where: str) -> None:
    """noreplace: the new name must be free, whatever has it."""
    touch(kernel, f"{where}/a", b"a")
    kernel.mkdir(f"{where}/d")
    kernel.link(f"{where}/a", f"{where}/b")
    for name in ("d", "b", "a"):
        fails(
            errno.EEXIST,
            kernel.rename,
            f"{where}/a",
            f"{where}/{name}",
            noreplace=True,
        )
    kernel.rename(f"{where}/a", f"{where}/d/c", noreplace=True)
    fails(errno.ENOENT, kernel.rename, f"{where}/a", f"{where}/x", noreplace=True)
    assert sorted(kernel.listdir(where)) == ["b", "d"]
    assert kernel.stat(f"{where}/d/c").st_nlink == 2


def test_exchange(kernel: rumpy.Kernel, where: str) -> None:
    """What the portable cases can't see: descriptors, and drivers that lack it."""
    touch(kernel, f"{where}/a", b"a")
    kernel.makedirs(f"{where}/d/e")
    fails(
        errno.EINVAL,
        kernel.rename,
        f"{where}/a",
        f"{where}/d",
        exchange=True,
        noreplace=True,
    )
    if where == "/work":  # the kernel's own root
        fails(errno.EINVAL, kernel.rename, "/work/a", "/work/d", exchange=True)
        assert kernel.listdir("/work/d") == ["e"]
        return
    fd = kernel.open(f"{where}/d", os.O_RDONLY | os.O_DIRECTORY)
    # The walk has all four in its cache.
    for path in ("a", "d/e", "d/e/..", "d/.."):
        kernel.stat(f"{where}/{path}")
    top = kernel.open(where, os.O_RDONLY | os.O_DIRECTORY)
    kernel.rename("e", "a", src_dir_fd=fd, dst_dir_fd=top, exchange=True)
    assert kernel.read_file(f"{where}/d/e") == b"a"
    assert kernel.listdir(f"{where}/a") == []
    assert kernel.stat(f"{where}/a/..").st_ino == kernel.stat(where).st_ino
    kernel.chdir(f"{where}/a")
    assert kernel.getcwd() == f"{where}/a"
    kernel.rename("../a", f"{where}/d", exchange=True)
    assert kernel.getcwd() == f"{where}/d"
    kernel.chdir("/")
    for done in (fd, top):
        kernel.close(done)
    # What is no matter of one file system, or of none.
    fails(errno.EBUSY, kernel.rename, "/mnt", f"{where}/d", exchange=True)
    fails(errno.EBUSY, kernel.rename, f"{where}/d", "/mnt", exchange=True)
    touch(kernel, "/file")
    fails(errno.EXDEV, kernel.rename, "/file", f"{where}/d", exchange=True)
    fails(errno.EXDEV, kernel.rename, f"{where}/d", "/file", exchange=True)
    fails(errno.EBUSY, kernel.rename, "/", "/file", exchange=True)


def test_exchange_on_a_read_only_mount(kernel: rumpy.Kernel) -> None:
    import rumpy

    kernel.mount("ffs", rumpy.demo_image(), "/mnt", "ro")
    names = [f"/mnt/{name}" for name in kernel.listdir("/mnt")[:2]]
    fails(errno.EROFS, kernel.rename, *names, exchange=True)


def test_cross_device(kernel: rumpy.Kernel) -> None:
    import rumpy

    kernel.mount("ffs", rumpy.demo_image(), "/mnt")
    kernel.mkdir("/other")
    touch(kernel, "/other/file")
    fails(errno.EXDEV, kernel.rename, "/other/file", "/mnt/file")
    fails(errno.EXDEV, kernel.link, "/other/file", "/mnt/file")
    fails(errno.EBUSY, kernel.rmdir, "/mnt")
    fails(errno.EBUSY, kernel.rename, "/mnt", "/elsewhere")


def test_working_directory(kernel: rumpy.Kernel, where: str) -> None:
    kernel.makedirs(f"{where}/a/b")
    kernel.chdir(f"{where}/a/b")
    assert kernel.getcwd() == f"{where}/a/b"
    touch(kernel, "here")
    assert kernel.listdir(f"{where}/a/b") == ["here"]
    kernel.chdir("../..")
    assert kernel.getcwd() == where
    assert kernel.listdir("a/b") == ["here"]
    fd = kernel.open("a", os.O_RDONLY | os.O_DIRECTORY)
    kernel.fchdir(fd)
    assert kernel.getcwd() == f"{where}/a"
    assert kernel.stat("b/here", dir_fd=None).st_size == 0
    assert kernel.stat("here", dir_fd=kernel.open("b", os.O_RDONLY)).st_size == 0
    fails(errno.ENOTDIR, kernel.chdir, "b/here")
    kernel.close(fd)
    # The directory goes away under us.
    kernel.makedirs(f"{where}/gone")
    kernel.chdir(f"{where}/gone")
    kernel.rmdir(f"{where}/gone")
    fails(errno.ENOENT, kernel.getcwd)
    fails(errno.ENOENT, kernel.open, "x", os.O_CREAT | os.O_WRONLY)
    kernel.chdir("/")


def test_chroot(kernel: rumpy.Kernel, where: str) -> None:
    kernel.makedirs(f"{where}/jail/etc")
    touch(kernel, f"{where}/jail/etc/motd", b"inside")
    kernel.symlink("/etc/motd", f"{where}/jail/link")
    with kernel.process() as p:
        p.chroot(f"{where}/jail")
        assert p.stat("/etc/motd").st_size == 6
        assert p.stat("/link").st_size == 6
        assert p.stat("/../../../etc/motd").st_size == 6
        assert p.getcwd() == "/"
        fails(errno.ENOENT, p.stat, "/dev")
    with kernel.process(uid=1000) as p:
        fails(errno.EPERM, p.chroot, f"{where}/jail")


def test_umask(kernel: rumpy.Kernel, where: str) -> None:
    with kernel.process() as p:
        assert p.umask(0o027) == 0o022
        fd = p.open(f"{where}/file", os.O_CREAT | os.O_WRONLY, 0o666)
        p.mkdir(f"{where}/dir", 0o777)
        assert stat.S_IMODE(p.fstat(fd).st_mode) == 0o640
        assert stat.S_IMODE(p.stat(f"{where}/dir").st_mode) == 0o750


def test_permissions(kernel: rumpy.Kernel, where: str) -> None:
    kernel.chmod(where, 0o755)
    kernel.makedirs(f"{where}/closed/below")
    touch(kernel, f"{where}/closed/file", b"secret")
    touch(kernel, f"{where}/private")
    touch(kernel, f"{where}/shared", b"group")
    kernel.chmod(f"{where}/closed", 0o700)
    kernel.chmod(f"{where}/private", 0o600)
    kernel.chown(f"{where}/shared", 0, 50)
    kernel.chmod(f"{where}/shared", 0o640)
    with kernel.process(uid=1000, gid=1000, groups=[50]) as p:
        for _ in range(2):
            fails(errno.EACCES, p.stat, f"{where}/closed/file")
            fails(errno.EACCES, p.listdir, f"{where}/closed")
        assert p.stat(f"{where}/private").st_size == 0
        fails(errno.EACCES, p.open, f"{where}/private", os.O_RDONLY)
        p.close(p.open(f"{where}/shared", os.O_RDONLY))
        fails(errno.EACCES, p.open, f"{where}/shared", os.O_RDWR)
        fails(errno.EACCES, p.mkdir, f"{where}/mine")
        fails(errno.EACCES, p.unlink, f"{where}/private")
        fails(errno.EPERM, p.chmod, f"{where}/private", 0o666)
        fails(errno.EPERM, p.chown, f"{where}/private", 1000, 1000)
        assert p.access(f"{where}/shared", os.R_OK)
        assert not p.access(f"{where}/shared", os.W_OK)
    kernel.chmod(f"{where}/closed", 0o711)
    with kernel.process(uid=1000) as p:
        assert p.stat(f"{where}/closed/file").st_size == 6
        fails(errno.EACCES, p.listdir, f"{where}/closed")
    kernel.chmod(f"{where}/closed", 0o700)
    with kernel.process(uid=1000) as p:
        fails(errno.EACCES, p.stat, f"{where}/closed/file")


def test_sticky_directory(kernel: rumpy.Kernel, where: str) -> None:
    kernel.chmod(where, 0o1777)
    with kernel.process(uid=1000) as p:
        p.close(p.open(f"{where}/theirs", os.O_CREAT | os.O_WRONLY, 0o666))
    with kernel.process(uid=1001) as p:
        fails(errno.EPERM, p.unlink, f"{where}/theirs")
        fails(errno.EPERM, p.rename, f"{where}/theirs", f"{where}/mine")
    with kernel.process(uid=1000) as p:
        p.unlink(f"{where}/theirs")


def test_many_vnodes(kernel: rumpy.Kernel, where: str) -> None:
    limit = kernel.sysctl("kern.maxvnodes")
    kernel.sysctl("kern.maxvnodes", 256)
    try:
        for i in range(1000):
            touch(kernel, f"{where}/f{i}", b"%d" % i)
        for _ in range(2):
            for i in range(1000):
                with kernel.fopen(f"{where}/f{i}", "rb") as file:
                    assert file.read() == b"%d" % i
        for i in range(0, 1000, 2):
            kernel.unlink(f"{where}/f{i}")
        assert len(kernel.listdir(where)) == 500
    finally:
        kernel.sysctl("kern.maxvnodes", limit)
