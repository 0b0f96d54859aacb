# SPDX-License-Identifier: BSD-2-Clause
"""chflags(2): files that resist change."""

from __future__ import annotations

import errno
import os

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, get, opened, put, stamps, tree_is


@case("sysflags")
def are_kept(fs: FileSystem) -> None:
    "Flags that were set are told, until they are cleared."
    put(fs, "f")
    for flags in ({"schg"}, {"sappnd"}, {"schg", "nodump"}, {"nodump"}):
        fs.chflags("f", flags)
        assert fs.stat("f").flags == flags
    fs.chflags("f", ())
    assert fs.stat("f").flags == frozenset()


def _resists(fs: FileSystem, name: str) -> None:
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC):
        with fails(errno.EPERM):
            fs.open(name, flags)
    with fails(errno.EPERM):
        fs.truncate(name, 0)
    with fails(errno.EPERM):
        fs.chmod(name, 0o600)
    with fails(errno.EPERM):
        fs.chown(name, 2001, 2001)
    with fails(errno.EPERM):
        fs.utimens(name, 0, 0)
    with fails(errno.EPERM):
        fs.unlink(name)
    with fails(errno.EPERM):
        fs.rename(name, "other")
    assert get(fs, name) == b"kept"


@case("sysflags")
def immutable_files_resist_root(fs: FileSystem) -> None:
    "schg: no writing, no attributes, no new name, no removing: EPERM."
    put(fs, "f", b"kept")
    fs.chflags("f", {"schg"})
    _resists(fs, "f")


@case("userflags")
def immutable_by_the_owner(fs: FileSystem) -> None:
    "uchg binds like schg, and its owner may clear it."
    put(fs, "f", b"kept")
    fs.chflags("f", {"uchg"})
    _resists(fs, "f")
    fs.chflags("f", ())
    fs.unlink("f")


@case("sysflags", "hardlinks")
def immutable_files_get_no_names(fs: FileSystem) -> None:
    "schg and sappnd: no second name."
    put(fs, "f")
    for flag in ("schg", "sappnd"):
        fs.chflags("f", {flag})
        with fails(errno.EPERM):
            fs.link("f", "g")
        fs.chflags("f", ())
    tree_is(fs, ".", "f")


@case("sysflags")
def immutable_directories(fs: FileSystem) -> None:
    "schg on a directory: no name in it can be made, removed or moved."
    fs.mkdir("d")
    put(fs, "d/f", b"old")
    fs.chflags("d", {"schg"})
    with fails(errno.EPERM):
        put(fs, "d/g")
    with fails(errno.EPERM):
        fs.mkdir("d/g")
    with fails(errno.EPERM):
        fs.unlink("d/f")
    with fails(errno.EPERM):
        fs.rename("d/f", "f")
    with fails(errno.EPERM):
        fs.rename("d/f", "d/g")
    with opened(fs, "d/f", os.O_WRONLY) as fd:
        fs.write(fd, b"new")
    assert get(fs, "d/f") == b"new"
    tree_is(fs, "d", "f")


@case("sysflags")
def append_only_files(fs: FileSystem) -> None:
    "sappnd: writing at the end only."
    put(fs, "f", b"one")
    fs.chflags("f", {"sappnd"})
    for flags in (os.O_WRONLY, os.O_WRONLY | os.O_APPEND | os.O_TRUNC):
        with fails(errno.EPERM):
            fs.open("f", flags)
    with fails(errno.EPERM):
        fs.truncate("f", 0)
    with fails(errno.EPERM):
        fs.unlink("f")
    with opened(fs, "f", os.O_WRONLY | os.O_APPEND) as fd:
        fs.write(fd, b"two")
    assert get(fs, "f") == b"onetwo"


@case("sysflags")
def append_only_directories(fs: FileSystem) -> None:
    "sappnd on a directory: names may come, and not go."
    fs.mkdir("d")
    fs.chflags("d", {"sappnd"})
    put(fs, "d/f")
    with fails(errno.EPERM):
        fs.unlink("d/f")
    with fails(errno.EPERM):
        fs.rename("d/f", "d/g")
    tree_is(fs, "d", "f")


@case("sysflags", "users")
def system_flags_are_roots(fs: FileSystem) -> None:
    "An owner who is not root can neither set nor clear them."
    put(fs, "f")
    fs.chown("f", 2001, 2001)
    owner = fs.as_user(2001, 2001)
    with fails(errno.EPERM):
        owner.chflags("f", {"schg"})
    fs.chflags("f", {"schg"})
    with fails(errno.EPERM):
        owner.chflags("f", ())
    assert fs.stat("f").flags == {"schg"}


@case("sysflags", "nanoseconds")
def stamps_the_change(fs: FileSystem) -> None:
    "Setting a flag is a change of the file, not a modification."
    put(fs, "f")
    with stamps(fs, f="c"):
        fs.chflags("f", {"nodump"})
