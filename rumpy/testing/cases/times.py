# SPDX-License-Identifier: BSD-2-Clause
"""Which call advances which time of what."""

from __future__ import annotations

import os

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import get, leaves, opened, put, stamps


@case("nanoseconds")
def writing(fs: FileSystem) -> None:
    "Writing modifies the file, not its directory."
    put(fs, "f", b"x")
    with (
        leaves(fs, "."),
        stamps(fs, f="mc"),
        opened(fs, "f", os.O_WRONLY) as fd,
    ):
        fs.write(fd, b"y")


@case("nanoseconds")
def writing_by_descriptor(fs: FileSystem) -> None:
    "The new times are told of an open file as of its name."
    with opened(fs, "f", os.O_CREAT | os.O_RDWR) as fd:
        before = fs.fstat(fd)
        fs.pause()
        fs.write(fd, b"y")
        after = fs.fstat(fd)
        assert after.mtime > before.mtime
        assert after.ctime > before.ctime
        assert fs.stat("f").mtime == after.mtime


@case("nanoseconds")
def writing_nothing(fs: FileSystem) -> None:
    "A write of no bytes does nothing."
    put(fs, "f", b"x")
    with leaves(fs, "f"), opened(fs, "f", os.O_WRONLY) as fd:
        assert fs.write(fd, b"") == 0


@case("nanoseconds")
def reading_modifies_nothing(fs: FileSystem) -> None:
    "Reading a file or a directory modifies neither."
    fs.mkdir("d")
    put(fs, "d/f", b"x")
    with leaves(fs, "d/f", "d", "."):
        get(fs, "d/f")
        fs.listdir("d")
        fs.stat("d/f")


@case("nanoseconds", "atime")
def reading_is_access(fs: FileSystem) -> None:
    "Reading sets the access time of a file, and listing that of a directory."
    fs.mkdir("d")
    put(fs, "d/f", b"x")
    before = fs.stat("d/f").atime, fs.stat("d").atime
    fs.pause()
    get(fs, "d/f")
    fs.listdir("d")
    assert fs.stat("d/f").atime > before[0]
    assert fs.stat("d").atime > before[1]


@case("nanoseconds")
def failing_changes_nothing(fs: FileSystem) -> None:
    "Calls that fail leave all times alone."
    fs.mkdir("d")
    put(fs, "d/f", b"x")
    with leaves(fs, "d", "d/f", "."):
        for call in (
            lambda: fs.mkdir("d"),
            lambda: fs.mkdir("d/f"),
            lambda: fs.rmdir("d"),
            lambda: fs.unlink("d/none"),
            lambda: fs.rename("d/none", "d/other"),
            lambda: fs.open("d/f", os.O_CREAT | os.O_EXCL | os.O_RDWR),
            lambda: fs.truncate("d/f", -1),
        ):
            try:
                call()
            except OSError:
                continue
            raise AssertionError("a call that must fail worked")


@case("nanoseconds")
def a_new_file_is_one_moment_old(fs: FileSystem) -> None:
    "All times of a new file, and its directory's, are about one and now."
    put(fs, "first")
    fs.pause()
    put(fs, "f")
    fs.pause()
    put(fs, "last")
    first, found, last = fs.stat("first"), fs.stat("f"), fs.stat("last")
    for when in (found.atime, found.mtime, found.ctime):
        assert first.ctime < when < last.ctime
