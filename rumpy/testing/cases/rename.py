# SPDX-License-Identifier: BSD-2-Clause
"""rename(2), in all its cases."""

from __future__ import annotations

import errno
import os
import stat

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, get, opened, put, stamps, tree_is


@case()
def moves_a_file(fs: FileSystem) -> None:
    "The old name is gone, the new one leads to the same file."
    put(fs, "a", b"data")
    fs.mkdir("d")
    ino = fs.stat("a").ino
    fs.rename("a", "d/b")
    # Without links the name may be all that a file is known by.
    assert fs.stat("d/b").ino == ino or "hardlinks" not in fs.capabilities
    assert get(fs, "d/b") == b"data"
    tree_is(fs, ".", "d")


@case()
def moves_a_directory(fs: FileSystem) -> None:
    "A directory moves with all that is in it, and its .. is the new parent."
    fs.mkdir("a")
    fs.mkdir("a/in")
    put(fs, "a/in/f", b"deep")
    fs.mkdir("other")
    fs.rename("a", "other/b")
    assert get(fs, "other/b/in/f") == b"deep"
    assert fs.stat("other/b/..").ino == fs.stat("other").ino
    tree_is(fs, ".", "other")


@case("dirlinks")
def moving_a_directory_moves_a_link(fs: FileSystem) -> None:
    "The .. of a directory that moves counts for its new parent."
    fs.mkdir("from")
    fs.mkdir("to")
    fs.mkdir("from/d")
    fs.rename("from/d", "to/d")
    assert (fs.stat("from").nlink, fs.stat("to").nlink) == (2, 3)


@case()
def replaces_a_file(fs: FileSystem) -> None:
    "A file that has the new name is replaced."
    put(fs, "a", b"new")
    put(fs, "b", b"old")
    fs.rename("a", "b")
    assert get(fs, "b") == b"new"
    tree_is(fs, ".", "b")


@case("unlinked")
def replaced_file_stays_open(fs: FileSystem) -> None:
    "Who has the replaced file open keeps it."
    put(fs, "a", b"new")
    put(fs, "b", b"old")
    with opened(fs, "b", os.O_RDWR) as fd:
        fs.rename("a", "b")
        assert fs.pread(fd, 9, 0) == b"old"
        assert fs.fstat(fd).nlink == 0 or "hardlinks" not in fs.capabilities
    assert get(fs, "b") == b"new"


@case()
def replaces_an_empty_directory(fs: FileSystem) -> None:
    "An empty directory is replaced by a directory."
    fs.mkdir("a")
    put(fs, "a/f")
    fs.mkdir("b")
    fs.rename("a", "b")
    tree_is(fs, ".", "b")
    tree_is(fs, "b", "f")


@case("dirlinks")
def replacing_a_directory_keeps_links(fs: FileSystem) -> None:
    "The parent's link count is right after a directory replaced another."
    fs.mkdir("p")
    fs.mkdir("p/a")
    fs.mkdir("p/b")
    fs.rename("p/a", "p/b")
    assert fs.stat("p").nlink == 3


@case()
def full_directory_is_not_replaced(fs: FileSystem) -> None:
    "A directory with something in it is ENOTEMPTY or EEXIST."
    fs.mkdir("a")
    fs.mkdir("b")
    put(fs, "b/f")
    with fails(errno.ENOTEMPTY, errno.EEXIST):
        fs.rename("a", "b")
    tree_is(fs, ".", "a", "b")
    tree_is(fs, "b", "f")


@case()
def kinds_must_agree(fs: FileSystem) -> None:
    "A directory does not replace a file (ENOTDIR), nor a file one (EISDIR)."
    fs.mkdir("d")
    put(fs, "f")
    with fails(errno.ENOTDIR):
        fs.rename("d", "f")
    with fails(errno.EISDIR):
        fs.rename("f", "d")
    tree_is(fs, ".", "d", "f")


@case()
def not_into_itself(fs: FileSystem) -> None:
    "A directory can't go below itself: EINVAL."
    fs.mkdir("a")
    fs.mkdir("a/b")
    for target in ("a/c", "a/b/c", "a/b"):
        with fails(errno.EINVAL, errno.ENOTEMPTY, errno.EEXIST):
            fs.rename("a", target)
    tree_is(fs, "a", "b")


@case()
def not_onto_its_ancestor(fs: FileSystem) -> None:
    "Nothing takes the name of a directory it lies in: ENOTEMPTY."
    fs.mkdir("a")
    fs.mkdir("a/b")
    with fails(errno.ENOTEMPTY, errno.EEXIST, errno.EINVAL):
        fs.rename("a/b", "a")
    tree_is(fs, "a", "b")


@case()
def dots_are_refused(fs: FileSystem) -> None:
    ". and .. can neither be moved nor replaced."
    fs.mkdir("d")
    for old, new in (("d/.", "e"), ("d/..", "e"), ("d", "d/."), ("d", "d/..")):
        with fails(errno.EINVAL, errno.EBUSY, errno.ENOTEMPTY, errno.EISDIR):
            fs.rename(old, new)
    tree_is(fs, ".", "d")


@case("hardlinks")
def two_names_of_one_file(fs: FileSystem) -> None:
    "Between two names of one file nothing happens, and both stay."
    put(fs, "a", b"x")
    fs.link("a", "b")
    fs.rename("a", "b")
    tree_is(fs, ".", "a", "b")
    assert fs.stat("a").nlink == 2


@case()
def onto_itself(fs: FileSystem) -> None:
    "To its own name nothing happens."
    put(fs, "a", b"x")
    fs.mkdir("d")
    fs.rename("a", "a")
    fs.rename("d", "d")
    tree_is(fs, ".", "a", "d")


@case()
def needs_both_ends(fs: FileSystem) -> None:
    "Missing names and directories are ENOENT, files in paths ENOTDIR."
    put(fs, "f")
    with fails(errno.ENOENT):
        fs.rename("none", "g")
    with fails(errno.ENOENT):
        fs.rename("f", "none/g")
    with fails(errno.ENOTDIR):
        fs.rename("f/x", "g")
    with fails(errno.ENOTDIR):
        fs.rename("f", "f/x")
    with fails(errno.ENOTDIR, errno.ENOENT):
        fs.rename("f", "g/")
    tree_is(fs, ".", "f")


@case("symlinks")
def moves_links_themselves(fs: FileSystem) -> None:
    "A symbolic link is moved and replaced itself, not what it leads to."
    put(fs, "f", b"kept")
    fs.symlink("f", "s")
    fs.rename("s", "t")
    assert fs.readlink("t") == "f"
    put(fs, "g", b"other")
    fs.rename("g", "t")
    assert (get(fs, "t"), get(fs, "f")) == (b"other", b"kept")
    assert stat.S_ISREG(fs.lstat("t").mode)


@case("nanoseconds")
def stamps_directories(fs: FileSystem) -> None:
    "Both directories are modified; the file's contents are not."
    fs.mkdir("a")
    fs.mkdir("b")
    put(fs, "a/f", b"x")
    mtime = fs.stat("a/f").mtime
    with stamps(fs, a="mc", b="mc"):
        fs.rename("a/f", "b/f")
    assert fs.stat("b/f").mtime == mtime


@case("noreplace")
def noreplace_refuses(fs: FileSystem) -> None:
    "RENAME_NOREPLACE fails with EEXIST where the name is taken."
    put(fs, "a", b"a")
    put(fs, "b", b"b")
    fs.mkdir("d")
    for name in ("b", "d"):
        with fails(errno.EEXIST):
            fs.rename_noreplace("a", name)
    fs.rename_noreplace("a", "c")
    assert (get(fs, "c"), get(fs, "b")) == (b"a", b"b")


@case("users")
def needs_leave_to_write_both(fs: FileSystem) -> None:
    "Both directories must be writable; the file itself need not be."
    for name, mode in (("open", 0o777), ("closed", 0o755), ("to", 0o777)):
        fs.mkdir(name)
        fs.chmod(name, mode)
    put(fs, "open/f", b"x", mode=0o400)
    put(fs, "closed/f", mode=0o666)
    user = fs.as_user(2001, 2001)
    with fails(errno.EACCES):
        user.rename("closed/f", "to/f")
    with fails(errno.EACCES):
        user.rename("open/f", "closed/g")
    user.rename("open/f", "to/f")
    assert get(fs, "to/f") == b"x"
    # Also over somebody else's file.
    put(fs, "open/f", b"y", mode=0o400)
    user.rename("open/f", "to/f")
    assert get(fs, "to/f") == b"y"


@case("users")
def directories_change_their_dotdot(fs: FileSystem) -> None:
    "Who may not write a directory may not give it another parent, if enforced."
    for name in ("a", "b"):
        fs.mkdir(name)
        fs.chmod(name, 0o777)
    fs.mkdir("a/d", 0o755)
    user = fs.as_user(2001, 2001)
    with fails(errno.EACCES, errno.EPERM):
        user.rename("a/d", "b/d")
    user.rename("a/d", "a/e")
    tree_is(fs, "a", "e")
