# SPDX-License-Identifier: BSD-2-Clause
"""symlink(2), readlink(2), and what paths do with links."""

from __future__ import annotations

import errno
import os
import stat

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, get, put, stamps, tree_is


@case("symlinks")
def holds_its_text(fs: FileSystem) -> None:
    "The text is kept as it is, and is the link's size."
    texts = ["a", "../..", "none/../such", "a b", "/", "x" * 60, "y/" * 200]
    for number, text in enumerate(texts):
        name = f"s{number}"
        fs.symlink(text, name)
        assert fs.readlink(name) == text
        assert fs.lstat(name).size == len(text)
        assert stat.S_ISLNK(fs.lstat(name).mode)


@case("symlinks")
def leads_on(fs: FileSystem) -> None:
    "A path goes through links: relative to where the link is, and through ..."
    fs.mkdir("a")
    fs.mkdir("b")
    put(fs, "b/f", b"there")
    fs.symlink("../b", "a/s")
    fs.symlink("a/s/f", "t")
    assert get(fs, "t") == b"there"
    assert fs.stat("t").ino == fs.stat("b/f").ino
    assert fs.stat("a/s/..").ino == fs.stat(".").ino
    tree_is(fs, "a/s", "f")


@case("symlinks")
def slash_behind_a_link(fs: FileSystem) -> None:
    "With a slash behind it, a link is followed by all."
    fs.mkdir("d")
    fs.symlink("d", "s")
    assert stat.S_ISDIR(fs.lstat("s/").mode)
    with fails(errno.EINVAL, errno.ENOENT):
        fs.readlink("s/")


@case("symlinks")
def loops_end(fs: FileSystem) -> None:
    "Links that lead to each other are ELOOP."
    fs.symlink("b", "a")
    fs.symlink("a", "b")
    fs.symlink("self/x", "self")
    for name in ("a", "a/x", "self"):
        with fails(errno.ELOOP):
            fs.stat(name)
        with fails(errno.ELOOP):
            fs.open(name, os.O_RDONLY)
    assert fs.readlink("a") == "b"


@case("symlinks")
def eight_in_a_row(fs: FileSystem) -> None:
    "A chain of as many links as POSIX demands (8) is followed."
    put(fs, "f", b"end")
    last = "f"
    for number in range(8):
        fs.symlink(last, f"s{number}")
        last = f"s{number}"
    assert get(fs, last) == b"end"


@case("symlinks")
def does_not_replace(fs: FileSystem) -> None:
    "A taken name is EEXIST."
    put(fs, "f")
    fs.mkdir("d")
    fs.symlink("none", "s")
    for name in ("f", "d", "s"):
        with fails(errno.EEXIST):
            fs.symlink("x", name)
    assert fs.readlink("s") == "none"


@case("symlinks")
def needs_a_directory(fs: FileSystem) -> None:
    "A missing directory is ENOENT, a file for one ENOTDIR, no text ENOENT."
    put(fs, "f")
    with fails(errno.ENOENT):
        fs.symlink("x", "none/s")
    with fails(errno.ENOTDIR):
        fs.symlink("x", "f/s")
    try:
        fs.symlink("", "s")
    except OSError as error:
        assert error.errno == errno.ENOENT
    else:
        assert fs.readlink("s") == ""  # POSIX allows it


@case("symlinks")
def readlink_wants_links(fs: FileSystem) -> None:
    "readlink of anything else is EINVAL."
    put(fs, "f")
    fs.mkdir("d")
    for name in ("f", "d", "."):
        with fails(errno.EINVAL):
            fs.readlink(name)
    with fails(errno.ENOENT):
        fs.readlink("none")


@case("symlinks", "nanoseconds")
def stamps_the_directory(fs: FileSystem) -> None:
    "A new link is a modification of its directory, not of what it names."
    put(fs, "f")
    with stamps(fs, _="mc", f=""):
        fs.symlink("f", "s")
