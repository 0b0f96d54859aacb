# SPDX-License-Identifier: BSD-2-Clause
"""mknod(2): device nodes, and regular files by it."""

from __future__ import annotations

import errno
import os
import stat

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, put, stamps, tree_is


@case("devices")
def keeps_the_numbers(fs: FileSystem) -> None:
    "Kind, mode and device number are kept."
    for kind, name in ((stat.S_IFCHR, "c"), (stat.S_IFBLK, "b")):
        fs.mknod(name, kind | 0o640, os.makedev(17, 255))
        found = fs.lstat(name)
        assert found.mode == kind | 0o640
        assert found.rdev == os.makedev(17, 255)


@case("devices")
def does_not_replace(fs: FileSystem) -> None:
    "A taken name is EEXIST."
    put(fs, "f")
    with fails(errno.EEXIST):
        fs.mknod("f", stat.S_IFCHR | 0o600, os.makedev(1, 3))


@case("devices", "users")
def devices_are_roots(fs: FileSystem) -> None:
    "Another user gets EPERM."
    fs.mkdir("d")
    fs.chmod("d", 0o777)
    with fails(errno.EPERM):
        fs.as_user(2001, 2001).mknod("d/c", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    tree_is(fs, "d")


@case()
def makes_regular_files(fs: FileSystem) -> None:
    "Without a kind, or with S_IFREG, it makes a regular file."
    fs.mknod("f", stat.S_IFREG | 0o644, 0)
    assert stat.S_ISREG(fs.stat("f").mode)
    assert fs.stat("f").size == 0


@case("devices", "nanoseconds")
def stamps_the_directory(fs: FileSystem) -> None:
    "A new node is a modification of its directory."
    with stamps(fs, _="mc"):
        fs.mknod("c", stat.S_IFCHR | 0o600, os.makedev(1, 3))
