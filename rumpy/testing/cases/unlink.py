# SPDX-License-Identifier: BSD-2-Clause
"""unlink(2): a name goes, the file when nobody has it."""

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


@case()
def removes_the_name(fs: FileSystem) -> None:
    "The name is gone, and can be made anew."
    put(fs, "f", b"old")
    fs.unlink("f")
    tree_is(fs, ".")
    with fails(errno.ENOENT):
        fs.stat("f")
    put(fs, "f", b"new")
    assert get(fs, "f") == b"new"


@case("hardlinks", "nanoseconds")
def leaves_other_names(fs: FileSystem) -> None:
    "Other names stay, with one link less and a new change time."
    put(fs, "a", b"data")
    fs.mkdir("d")
    fs.link("a", "d/b")
    with leaves(fs, "."), stamps(fs, a="c", d="mc"):
        fs.unlink("d/b")
    assert fs.stat("a").nlink == 1
    assert get(fs, "a") == b"data"


@case("symlinks")
def removes_links_not_targets(fs: FileSystem) -> None:
    "Of a symbolic link, the link itself goes."
    put(fs, "f", b"kept")
    fs.symlink("f", "s")
    fs.unlink("s")
    assert get(fs, "f") == b"kept"


@case()
def not_of_directories(fs: FileSystem) -> None:
    "A directory is EPERM (POSIX) or EISDIR (Linux), and stays."
    fs.mkdir("d")
    with fails(errno.EPERM, errno.EISDIR):
        fs.unlink("d")
    assert exists(fs, "d")


@case()
def needs_a_name(fs: FileSystem) -> None:
    "A missing name is ENOENT, a file in the path ENOTDIR."
    put(fs, "f")
    with fails(errno.ENOENT):
        fs.unlink("none")
    for path in ("f/g", "f/"):
        with fails(errno.ENOTDIR):
            fs.unlink(path)
    assert exists(fs, "f")


@case("unlinked")
def open_file_lives_on(fs: FileSystem) -> None:
    "An open file without names can be read, written, grown and cut."
    # Without links the name may be all that a file is known by.
    named = "hardlinks" not in fs.capabilities
    with opened(fs, "f", os.O_CREAT | os.O_RDWR, 0o644) as fd:
        fs.write(fd, b"before")
        fs.unlink("f")
        assert named or fs.fstat(fd).nlink == 0
        fs.pwrite(fd, b"after!", 100_000)
        assert fs.pread(fd, 6, 0) == b"before"
        assert fs.fstat(fd).size == 100_006
        fs.ftruncate(fd, 3)
        assert fs.pread(fd, 9, 0) == b"bef"
        put(fs, "f", b"another")
        assert named or fs.fstat(fd).ino != fs.stat("f").ino
        assert fs.pread(fd, 9, 0) == b"bef"
    assert get(fs, "f") == b"another"


@case("users")
def needs_leave_to_write_the_directory(fs: FileSystem) -> None:
    "Who may not write the directory gets EACCES; owning the file is no help."
    fs.mkdir("d", 0o755)
    put(fs, "d/f")
    fs.chown("d/f", 2001, 2001)
    user = fs.as_user(2001, 2001)
    with fails(errno.EACCES):
        user.unlink("d/f")
    assert exists(fs, "d/f")


@case("users")
def others_files_in_a_writable_directory(fs: FileSystem) -> None:
    "Who may write a directory (not sticky) may remove others' files from it."
    fs.mkdir("d")
    fs.chmod("d", 0o777)
    put(fs, "d/f", mode=0o600)
    user = fs.as_user(2001, 2001)
    user.unlink("d/f")
    tree_is(fs, "d")
