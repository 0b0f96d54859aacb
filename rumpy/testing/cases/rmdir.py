# SPDX-License-Identifier: BSD-2-Clause
"""rmdir(2)."""

from __future__ import annotations

import errno
import os

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import exists, fails, opened, put, stamps, tree_is


@case()
def removes(fs: FileSystem) -> None:
    "An empty directory goes."
    fs.mkdir("d")
    fs.rmdir("d")
    tree_is(fs, ".")
    with fails(errno.ENOENT):
        fs.stat("d")


@case("dirlinks", "nanoseconds")
def parent_has_a_link_less(fs: FileSystem) -> None:
    "The parent has one link less, and is modified."
    fs.mkdir("p")
    fs.mkdir("p/d")
    with stamps(fs, p="mc"):
        fs.rmdir("p/d")
    assert fs.stat("p").nlink == 2


@case()
def full_directory_stays(fs: FileSystem) -> None:
    "With something in it: ENOTEMPTY or EEXIST."
    fs.mkdir("d")
    put(fs, "d/f")
    with fails(errno.ENOTEMPTY, errno.EEXIST):
        fs.rmdir("d")
    fs.unlink("d/f")
    fs.rmdir("d")


@case()
def only_directories(fs: FileSystem) -> None:
    "A file is ENOTDIR, a missing name ENOENT."
    put(fs, "f")
    with fails(errno.ENOTDIR):
        fs.rmdir("f")
    with fails(errno.ENOENT):
        fs.rmdir("none")
    assert exists(fs, "f")


@case("symlinks")
def not_through_links(fs: FileSystem) -> None:
    "A symbolic link to a directory is ENOTDIR."
    fs.mkdir("d")
    fs.symlink("d", "s")
    with fails(errno.ENOTDIR):
        fs.rmdir("s")


@case()
def dots_are_refused(fs: FileSystem) -> None:
    "A path that ends in . is EINVAL; in .. it fails, too."
    fs.mkdir("d")
    fs.mkdir("d/e")
    with fails(errno.EINVAL):
        fs.rmdir("d/e/.")
    with fails(errno.ENOTEMPTY, errno.EEXIST, errno.EINVAL, errno.EBUSY):
        fs.rmdir("d/e/..")
    assert exists(fs, "d/e")


@case("unlinked")
def removed_directory_takes_nothing(fs: FileSystem) -> None:
    "In a directory that was removed while open nothing can be made."
    fs.mkdir("d")
    with opened(fs, "d", os.O_RDONLY | os.O_DIRECTORY) as fd:
        gone = fs.sub("d")
        fs.rmdir("d")
        assert fs.fstat(fd).nlink in (0, 1)
    with fails(errno.ENOENT):
        gone.mkdir("x")


@case("users")
def needs_leave_to_write_the_parent(fs: FileSystem) -> None:
    "Who may not write the parent gets EACCES."
    fs.mkdir("p", 0o755)
    fs.mkdir("p/d")
    fs.chmod("p/d", 0o777)
    user = fs.as_user(2001, 2001)
    with fails(errno.EACCES):
        user.rmdir("p/d")
    assert exists(fs, "p/d")
