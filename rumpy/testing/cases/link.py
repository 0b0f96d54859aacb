# SPDX-License-Identifier: BSD-2-Clause
"""link(2): several names of one file."""

from __future__ import annotations

import errno
import os

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import (
    exists,
    fails,
    get,
    leaves,
    opened,
    put,
    stamps,
    tree_is,
)


@case("hardlinks")
def gives_another_name(fs: FileSystem) -> None:
    "Both names lead to one file, whose link count is two."
    put(fs, "a", b"one")
    fs.link("a", "b")
    first, second = fs.stat("a"), fs.stat("b")
    assert (first.ino, first.nlink) == (second.ino, second.nlink)
    assert first.nlink == 2
    with opened(fs, "b", os.O_WRONLY | os.O_APPEND) as fd:
        fs.write(fd, b" more")
    assert get(fs, "a") == b"one more"


@case("hardlinks")
def attributes_are_the_files(fs: FileSystem) -> None:
    "Attributes set by one name show by the other."
    put(fs, "a")
    fs.link("a", "b")
    fs.truncate("b", 77)
    assert fs.stat("a").size == 77


@case("hardlinks", "nanoseconds")
def stamps_file_and_directory(fs: FileSystem) -> None:
    "The file changes; the directory that gets the name is modified."
    put(fs, "a")
    fs.mkdir("d")
    with leaves(fs, "."), stamps(fs, a="c", d="mc"):
        fs.link("a", "d/b")


@case("hardlinks")
def does_not_replace(fs: FileSystem) -> None:
    "A taken name is EEXIST, whatever it leads to."
    put(fs, "a", b"a")
    put(fs, "b", b"b")
    fs.mkdir("d")
    for name in ("b", "d", "a"):
        with fails(errno.EEXIST):
            fs.link("a", name)
    assert get(fs, "b") == b"b"
    assert fs.stat("a").nlink == 1


@case("hardlinks")
def not_of_directories(fs: FileSystem) -> None:
    "A directory can't have a second name: EPERM."
    fs.mkdir("d")
    with fails(errno.EPERM, errno.EISDIR):
        fs.link("d", "e")
    assert not exists(fs, "e")


@case("hardlinks")
def needs_both_ends(fs: FileSystem) -> None:
    "No such file or directory is ENOENT; a file in a path is ENOTDIR."
    put(fs, "a")
    with fails(errno.ENOENT):
        fs.link("none", "b")
    with fails(errno.ENOENT):
        fs.link("a", "none/b")
    with fails(errno.ENOTDIR):
        fs.link("a/x", "b")
    with fails(errno.ENOTDIR):
        fs.link("a", "a/b")
    tree_is(fs, ".", "a")


@case("hardlinks", "symlinks")
def of_a_symbolic_link(fs: FileSystem) -> None:
    "A symbolic link itself may get a second name."
    fs.symlink("target", "s")
    fs.link("s", "t")
    assert fs.readlink("t") == "target"
    assert fs.lstat("s").nlink == 2


@case("hardlinks", "fifos")
def of_a_fifo(fs: FileSystem) -> None:
    "A FIFO may get a second name."
    fs.mkfifo("p")
    fs.link("p", "q")
    assert fs.lstat("q").ino == fs.lstat("p").ino


@case("hardlinks", "users")
def needs_leave_to_write_there(fs: FileSystem) -> None:
    "The new name's directory must be writable, the old one's searchable."
    fs.mkdir("mine", 0o777)
    fs.mkdir("closed", 0o755)
    fs.mkdir("hidden", 0o700)
    fs.chmod("mine", 0o777)
    user = fs.as_user(2001, 2001)
    put(user, "mine/f")
    put(fs, "hidden/f", mode=0o666)
    with fails(errno.EACCES):
        user.link("mine/f", "closed/f")
    with fails(errno.EACCES):
        user.link("hidden/f", "mine/g")
    user.link("mine/f", "mine/g")
    assert fs.stat("mine/f").nlink == 2
