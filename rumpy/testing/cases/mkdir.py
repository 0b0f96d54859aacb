# SPDX-License-Identifier: BSD-2-Clause
"""mkdir(2)."""

from __future__ import annotations

import errno
import stat

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, get, put, stamps, tree_is


@case()
def makes_an_empty_directory(fs: FileSystem) -> None:
    "It is there, a directory, and empty."
    fs.mkdir("d")
    assert stat.S_ISDIR(fs.lstat("d").mode)
    tree_is(fs, "d")
    assert fs.stat("d/.").ino == fs.stat("d").ino
    assert fs.stat("d/..").ino == fs.stat(".").ino


@case("modes")
def mode_is_masked(fs: FileSystem) -> None:
    "The mode is what was asked for, without the umask's bits."
    old = fs.umask(0o027)
    try:
        fs.mkdir("d", 0o777)
    finally:
        fs.umask(old)
    assert fs.stat("d").mode & 0o777 == 0o750


@case("dirlinks")
def counts_links(fs: FileSystem) -> None:
    "A new directory has two links, and its parent one more."
    fs.mkdir("d")
    fs.mkdir("d/a")
    fs.mkdir("d/b")
    assert (fs.stat("d").nlink, fs.stat("d/a").nlink) == (4, 2)


@case("nanoseconds")
def stamps_the_parent(fs: FileSystem) -> None:
    "The parent is modified."
    with stamps(fs, _="mc"):
        fs.mkdir("d")


@case()
def does_not_replace(fs: FileSystem) -> None:
    "A taken name is EEXIST, whatever it leads to."
    put(fs, "f")
    fs.mkdir("d")
    for name in ("f", "d", ".", "d/."):
        with fails(errno.EEXIST, errno.EISDIR, errno.EINVAL):
            fs.mkdir(name)


@case("symlinks")
def not_through_links(fs: FileSystem) -> None:
    "A symbolic link in the place of the name is EEXIST, even a dangling one."
    fs.symlink("nowhere", "s")
    with fails(errno.EEXIST):
        fs.mkdir("s")
    tree_is(fs, ".", "s")


@case()
def needs_a_parent(fs: FileSystem) -> None:
    "A missing parent is ENOENT, a file as a parent ENOTDIR."
    put(fs, "f")
    with fails(errno.ENOENT):
        fs.mkdir("none/d")
    with fails(errno.ENOTDIR):
        fs.mkdir("f/d")


@case()
def slash_behind_the_name(fs: FileSystem) -> None:
    "A slash behind the name does no harm."
    fs.mkdir("d/")
    assert stat.S_ISDIR(fs.stat("d").mode)


@case()
def many_levels(fs: FileSystem) -> None:
    "A hundred directories in each other."
    path = "d"
    for _ in range(100):
        fs.mkdir(path)
        path += "/d"
    put(fs, path, b"deep")
    assert get(fs, path) == b"deep"


@case("users")
def needs_leave_to_write(fs: FileSystem) -> None:
    "Who may not write the parent gets EACCES."
    fs.mkdir("d", 0o755)
    user = fs.as_user(2001, 2001)
    with fails(errno.EACCES):
        user.mkdir("d/sub")
    tree_is(fs, "d")
