# SPDX-License-Identifier: BSD-2-Clause
"""Sticky directories: names are their owners."""

from __future__ import annotations

import errno
import os

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, get, opened, put, tree_is


def _room(fs: FileSystem) -> None:
    """A directory like /tmp: files of 2001 and 2002, and a directory of 2001."""
    fs.mkdir("t")
    fs.chmod("t", 0o1777)
    for uid in (2001, 2002):
        user = fs.as_user(uid, 3000)
        put(user, f"t/f{uid}", b"x", 0o666)
    fs.as_user(2001, 3000).mkdir("t/d")


@case("users")
def only_owners_remove(fs: FileSystem) -> None:
    "Neither file nor directory of another user can be removed."
    _room(fs)
    other = fs.as_user(2002, 3000)
    with fails(errno.EPERM, errno.EACCES):
        other.unlink("t/f2001")
    with fails(errno.EPERM, errno.EACCES):
        other.rmdir("t/d")
    other.unlink("t/f2002")
    tree_is(fs, "t", "f2001", "d")
    fs.as_user(2001, 3000).rmdir("t/d")


@case("users")
def only_owners_rename(fs: FileSystem) -> None:
    "Another user's file can neither be moved nor replaced."
    _room(fs)
    other = fs.as_user(2002, 3000)
    with fails(errno.EPERM, errno.EACCES):
        other.rename("t/f2001", "t/new")
    with fails(errno.EPERM, errno.EACCES):
        other.rename("t/f2002", "t/f2001")
    other.rename("t/f2002", "t/new")
    tree_is(fs, "t", "f2001", "new", "d")


@case("users")
def directory_owner_may_all(fs: FileSystem) -> None:
    "The owner of the directory, and root, may remove what is in it."
    _room(fs)
    fs.chown("t", 2003, 3003)
    fs.as_user(2003, 3003).unlink("t/f2001")
    fs.unlink("t/f2002")
    tree_is(fs, "t", "d")


@case("users")
def writing_is_another_matter(fs: FileSystem) -> None:
    "The file's own mode decides about its contents."
    _room(fs)
    with opened(fs.as_user(2002, 3000), "t/f2001", os.O_WRONLY) as fd:
        fs.as_user(2002, 3000).write(fd, b"y")
    assert get(fs, "t/f2001") == b"y"
