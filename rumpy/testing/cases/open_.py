# SPDX-License-Identifier: BSD-2-Clause
"""open(2): what the flags do, and what is refused."""

from __future__ import annotations

import errno
import os
import stat

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, get, leaves, opened, put, stamps, tree_is


@case()
def creates(fs: FileSystem) -> None:
    "O_CREAT makes an empty regular file with one name."
    put(fs, "f")
    found = fs.stat("f")
    assert stat.S_ISREG(found.mode)
    assert (found.size, found.nlink) == (0, 1)


@case("modes")
def mode_is_masked(fs: FileSystem) -> None:
    "The mode of a new file is what was asked for, without the umask's bits."
    old = fs.umask(0o027)
    try:
        put(fs, "f", mode=0o666)
    finally:
        fs.umask(old)
    assert fs.stat("f").mode & 0o7777 == 0o640


@case("modes")
def mode_counts_from_the_next_open_on(fs: FileSystem) -> None:
    "A file made with mode 0 can be written by who made it."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR, 0) as fd:
        fs.write(fd, b"data")
        assert fs.pread(fd, 10, 0) == b"data"
    assert fs.stat("f").mode & 0o7777 == 0


@case("owners")
def belongs_to_its_maker(fs: FileSystem) -> None:
    "A new file has its maker's uid, and the maker's or the directory's group."
    put(fs, "f")
    found = fs.stat("f")
    assert found.uid == fs.ids[0]
    assert found.gid in (fs.ids[1], fs.stat(".").gid)


@case()
def excl_refuses(fs: FileSystem) -> None:
    "O_CREAT|O_EXCL fails with EEXIST where the name is taken."
    put(fs, "f", b"kept")
    fs.mkdir("d")
    for name in ("f", "d"):
        with fails(errno.EEXIST):
            fs.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR)
    assert get(fs, "f") == b"kept"


@case("symlinks")
def excl_refuses_links(fs: FileSystem) -> None:
    "O_CREAT|O_EXCL fails on a symbolic link, even one that leads nowhere."
    fs.symlink("nowhere", "s")
    with fails(errno.EEXIST):
        fs.open("s", os.O_CREAT | os.O_EXCL | os.O_RDWR)
    tree_is(fs, ".", "s")


@case("symlinks")
def creates_through_links(fs: FileSystem) -> None:
    "O_CREAT on a symbolic link that leads nowhere makes the file it names."
    fs.mkdir("d")
    fs.symlink("d/target", "s")
    with opened(fs, "s", os.O_CREAT | os.O_WRONLY) as fd:
        fs.write(fd, b"there")
    assert get(fs, "d/target") == b"there"
    assert stat.S_ISLNK(fs.lstat("s").mode)


@case("symlinks")
def nofollow_refuses_links(fs: FileSystem) -> None:
    "O_NOFOLLOW fails on a symbolic link."
    put(fs, "f")
    fs.symlink("f", "s")
    # NetBSD says EFTYPE, which arrives as EINVAL.
    with fails(errno.ELOOP, errno.EMLINK, errno.EINVAL):
        fs.open("s", os.O_RDONLY | os.O_NOFOLLOW)


@case()
def directory_wants_directories(fs: FileSystem) -> None:
    "O_DIRECTORY opens directories, and fails with ENOTDIR on files."
    put(fs, "f")
    fs.mkdir("d")
    with fails(errno.ENOTDIR):
        fs.open("f", os.O_RDONLY | os.O_DIRECTORY)
    with opened(fs, "d", os.O_RDONLY | os.O_DIRECTORY) as fd:
        assert stat.S_ISDIR(fs.fstat(fd).mode)


@case()
def directories_cannot_be_written(fs: FileSystem) -> None:
    "Opening a directory for writing fails with EISDIR."
    fs.mkdir("d")
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC):
        with fails(errno.EISDIR):
            fs.open("d", flags)


@case()
def directories_cannot_be_read_as_files(fs: FileSystem) -> None:
    "read(2) of a directory fails with EISDIR, or gives its records (NetBSD)."
    fs.mkdir("d")
    with opened(fs, "d", os.O_RDONLY) as fd:
        try:
            fs.read(fd, 512)
        except OSError as error:
            assert error.errno in (errno.EISDIR, errno.EINVAL)


@case()
def absent(fs: FileSystem) -> None:
    "Without O_CREAT a missing name is ENOENT, and so is a missing directory."
    for flags in (os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC):
        with fails(errno.ENOENT):
            fs.open("none", flags)
    with fails(errno.ENOENT):
        fs.open("none/f", os.O_CREAT | os.O_RDWR)
    with fails(errno.ENOENT):
        fs.open("", os.O_RDONLY)
    tree_is(fs, ".")


@case()
def file_is_no_directory(fs: FileSystem) -> None:
    "A file in the middle of a path, or a slash behind it, is ENOTDIR."
    put(fs, "f")
    for path in ("f/g", "f/", "f/."):
        with fails(errno.ENOTDIR):
            fs.open(path, os.O_RDONLY)
    with fails(errno.ENOTDIR):
        fs.open("f/g", os.O_CREAT | os.O_RDWR)


@case()
def trunc_empties(fs: FileSystem) -> None:
    "O_TRUNC empties the file and keeps it the same file."
    put(fs, "f", b"x" * 10000)
    ino = fs.stat("f").ino
    with opened(fs, "f", os.O_WRONLY | os.O_TRUNC):
        found = fs.stat("f")
    assert (found.size, found.ino) == (0, ino)


@case("nanoseconds")
def trunc_stamps(fs: FileSystem) -> None:
    "O_TRUNC of a file with contents is a modification and a change of it."
    put(fs, "f", b"x")
    with (
        leaves(fs, "."),
        stamps(fs, f="mc"),
        opened(fs, "f", os.O_WRONLY | os.O_TRUNC),
    ):
        pass


@case("nanoseconds")
def creating_stamps(fs: FileSystem) -> None:
    "A new file is a modification of its directory; an old one is not."
    with stamps(fs, _="mc"):
        put(fs, "f")
    made = fs.stat("f")
    assert made.mtime == made.ctime
    with leaves(fs, ".", "f"), opened(fs, "f", os.O_CREAT | os.O_RDWR):
        pass


@case()
def append_writes_at_the_end(fs: FileSystem) -> None:
    "With O_APPEND each write goes to the end, wherever the offset is."
    put(fs, "f", b"one")
    with (
        opened(fs, "f", os.O_WRONLY | os.O_APPEND) as fd,
        opened(fs, "f", os.O_WRONLY | os.O_APPEND) as other,
    ):
        fs.write(fd, b"two")
        fs.write(other, b"three")
        fs.lseek(fd, 0, os.SEEK_SET)
        fs.write(fd, b"four")
    assert get(fs, "f") == b"onetwothreefour"


@case()
def modes_of_access_hold(fs: FileSystem) -> None:
    "What was opened for reading can't be written, and the other way round."
    put(fs, "f", b"x")
    with opened(fs, "f", os.O_RDONLY) as fd, fails(errno.EBADF):
        fs.write(fd, b"y")
    with opened(fs, "f", os.O_WRONLY) as fd, fails(errno.EBADF):
        fs.read(fd, 1)


@case("fifos")
def fifo_without_readers(fs: FileSystem) -> None:
    "A FIFO that nobody reads: writing without blocking is ENXIO, reading works."
    fs.mkfifo("p")
    with fails(errno.ENXIO):
        fs.open("p", os.O_WRONLY | os.O_NONBLOCK)
    with opened(fs, "p", os.O_RDONLY | os.O_NONBLOCK) as fd:
        assert stat.S_ISFIFO(fs.fstat(fd).mode)


@case("tmpfile")
def tmpfile_has_no_name(fs: FileSystem) -> None:
    "O_TMPFILE makes a file that no name leads to."
    with opened(fs, ".", os.O_TMPFILE | os.O_RDWR, 0o600) as fd:
        fs.write(fd, b"x")
        assert fs.fstat(fd).nlink == 0
        tree_is(fs, ".")
