# SPDX-License-Identifier: BSD-2-Clause
"""chown(2), lchown(2) and fchown(2)."""

from __future__ import annotations

import errno
import os

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, leaves, opened, put, stamps


@case("owners")
def sets_both_or_one(fs: FileSystem) -> None:
    "Owner and group change; -1 leaves one alone."
    put(fs, "f")
    fs.chown("f", 2001, 2002)
    fs.chown("f", -1, 2003)
    assert (fs.stat("f").uid, fs.stat("f").gid) == (2001, 2003)
    fs.chown("f", 2004, -1)
    assert (fs.stat("f").uid, fs.stat("f").gid) == (2004, 2003)


@case("owners")
def large_ids(fs: FileSystem) -> None:
    "Ids have 32 bits."
    put(fs, "f")
    fs.chown("f", 0xFFFFFFF0, 0x80000001)
    assert (fs.stat("f").uid, fs.stat("f").gid) == (0xFFFFFFF0, 0x80000001)


@case("owners", "symlinks")
def links_and_targets(fs: FileSystem) -> None:
    "chown follows a symbolic link, lchown does not."
    put(fs, "f")
    fs.symlink("f", "s")
    fs.lchown("s", 2001, 2001)
    assert fs.stat("f").uid != 2001
    assert fs.lstat("s").uid == 2001
    fs.chown("s", 2002, 2002)
    assert (fs.stat("f").uid, fs.lstat("s").uid) == (2002, 2001)


@case("owners")
def by_descriptor(fs: FileSystem) -> None:
    "fchown does the same to an open file."
    with opened(fs, "f", os.O_CREAT | os.O_RDONLY) as fd:
        fs.fchown(fd, 2001, 2002)
        assert (fs.fstat(fd).uid, fs.fstat(fd).gid) == (2001, 2002)
    assert fs.stat("f").uid == 2001


@case("owners", "nanoseconds")
def stamps_the_change(fs: FileSystem) -> None:
    "It is a change of the file, not a modification."
    put(fs, "f")
    with leaves(fs, "."), stamps(fs, f="c"):
        fs.chown("f", 2001, 2001)


@case("users")
def owners_may_give_to_their_groups(fs: FileSystem) -> None:
    "An owner may change the group to one of theirs, nothing else."
    put(fs, "f")
    fs.chown("f", 2001, 2001)
    owner = fs.as_user(2001, 2001, [3001])
    owner.chown("f", -1, 3001)
    assert fs.stat("f").gid == 3001
    for uid, gid in ((2002, -1), (-1, 3002), (0, 0)):
        with fails(errno.EPERM):
            owner.chown("f", uid, gid)
    with fails(errno.EPERM):
        fs.as_user(2002, 3001).chown("f", -1, 3001)
    assert (fs.stat("f").uid, fs.stat("f").gid) == (2001, 3001)


@case("users")
def drops_set_id_bits(fs: FileSystem) -> None:
    "When an ordinary user changes the group, the bit that is about it goes."
    put(fs, "f")
    fs.chown("f", 2001, 2001)
    fs.chmod("f", 0o6755)
    fs.as_user(2001, 2001, [3001]).chown("f", -1, 3001)
    # POSIX wants the set-user-id bit to go as well; NetBSD's chown keeps it.
    assert fs.stat("f").mode & 0o3777 == 0o755


@case("owners")
def needs_the_file(fs: FileSystem) -> None:
    "A missing name is ENOENT, a file in the path ENOTDIR."
    put(fs, "f")
    with fails(errno.ENOENT):
        fs.chown("none", 1, 1)
    with fails(errno.ENOTDIR):
        fs.chown("f/g", 1, 1)
