# SPDX-License-Identifier: BSD-2-Clause
"""chmod(2) and fchmod(2)."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, leaves, opened, put, stamps


@case("modes")
def sets_all_twelve_bits(fs: FileSystem) -> None:
    "Every permission bit is kept, of files and of directories."
    put(fs, "f")
    fs.mkdir("d")
    for mode in (0o000, 0o111, 0o444, 0o777, 0o4755, 0o2755, 0o6711, 0o644):
        fs.chmod("f", mode)
        assert fs.stat("f").mode == stat.S_IFREG | mode
    for mode in (0o1777, 0o2775, 0o3777, 0o700):
        fs.chmod("d", mode)
        assert fs.stat("d").mode == stat.S_IFDIR | mode


@case("modes")
def by_descriptor(fs: FileSystem) -> None:
    "fchmod does the same to an open file."
    with opened(fs, "f", os.O_CREAT | os.O_RDONLY, 0o600) as fd:
        fs.fchmod(fd, 0o640)
        assert fs.fstat(fd).mode & 0o7777 == 0o640
    assert fs.stat("f").mode & 0o7777 == 0o640


@case("modes", "symlinks")
def follows_links(fs: FileSystem) -> None:
    "Through a symbolic link the file changes, not the link."
    put(fs, "f", mode=0o600)
    fs.symlink("f", "s")
    before = fs.lstat("s").mode
    fs.chmod("s", 0o644)
    assert fs.stat("f").mode & 0o7777 == 0o644
    assert fs.lstat("s").mode == before


@case("modes", "nanoseconds")
def stamps_the_change(fs: FileSystem) -> None:
    "It is a change of the file, not a modification, and not of the directory."
    put(fs, "f")
    with leaves(fs, "."), stamps(fs, f="c"):
        fs.chmod("f", 0o600)


@case()
def needs_the_file(fs: FileSystem) -> None:
    "A missing name is ENOENT, a file in the path ENOTDIR."
    put(fs, "f")
    with fails(errno.ENOENT):
        fs.chmod("none", 0o600)
    with fails(errno.ENOTDIR):
        fs.chmod("f/g", 0o600)


@case("users")
def only_the_owner(fs: FileSystem) -> None:
    "Who neither owns the file nor is root gets EPERM."
    put(fs, "f", mode=0o666)
    fs.chown("f", 2001, 2001)
    with fails(errno.EPERM):
        fs.as_user(2002, 2001).chmod("f", 0o777)
    fs.as_user(2001, 2001).chmod("f", 0o600)
    assert fs.stat("f").mode & 0o7777 == 0o600


@case("users")
def foreign_group_gets_no_setgid(fs: FileSystem) -> None:
    "An owner outside the file's group can't set its set-group-id bit."
    put(fs, "f", mode=0o755)
    fs.chown("f", 2001, 3000)
    # NetBSD refuses; others drop the bit.
    with contextlib.suppress(PermissionError):
        fs.as_user(2001, 2001).chmod("f", 0o2755)
    assert not fs.stat("f").mode & stat.S_ISGID
    fs.as_user(2001, 2001, [3000]).chmod("f", 0o2755)
    assert fs.stat("f").mode & stat.S_ISGID


@case("users")
def sticky_files(fs: FileSystem) -> None:
    "An owner's sticky bit on a plain file is kept, or refused, never lost."
    put(fs, "f", mode=0o644)
    fs.chown("f", 2001, 2001)
    try:
        fs.as_user(2001, 2001).chmod("f", 0o1600)
    except OSError as error:
        # NetBSD says EFTYPE, which arrives as EINVAL.
        assert error.errno in (errno.EINVAL, errno.EPERM)
        assert fs.stat("f").mode & 0o7777 == 0o644
    else:
        assert fs.stat("f").mode & 0o7777 == 0o1600
