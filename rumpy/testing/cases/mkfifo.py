# SPDX-License-Identifier: BSD-2-Clause
"""mkfifo(2)."""

from __future__ import annotations

import errno
import stat

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, put, stamps


@case("fifos")
def makes_a_fifo(fs: FileSystem) -> None:
    "It is there, a FIFO, and empty."
    fs.mkfifo("p", 0o644)
    found = fs.lstat("p")
    assert stat.S_ISFIFO(found.mode)
    assert found.size == 0


@case("fifos", "modes")
def mode_is_masked(fs: FileSystem) -> None:
    "The mode is what was asked for, without the umask's bits."
    old = fs.umask(0o027)
    try:
        fs.mkfifo("p", 0o666)
    finally:
        fs.umask(old)
    assert fs.lstat("p").mode & 0o7777 == 0o640


@case("fifos")
def does_not_replace(fs: FileSystem) -> None:
    "A taken name is EEXIST, a missing directory ENOENT, a file for one ENOTDIR."
    put(fs, "f")
    with fails(errno.EEXIST):
        fs.mkfifo("f")
    with fails(errno.ENOENT):
        fs.mkfifo("none/p")
    with fails(errno.ENOTDIR):
        fs.mkfifo("f/p")


@case("fifos", "nanoseconds")
def stamps_the_directory(fs: FileSystem) -> None:
    "A new FIFO is a modification of its directory."
    with stamps(fs, _="mc"):
        fs.mkfifo("p")


@case("fifos", "users")
def anybody_may(fs: FileSystem) -> None:
    "Who may write the directory may make one."
    fs.mkdir("d")
    fs.chmod("d", 0o777)
    user = fs.as_user(2001, 2001)
    user.mkfifo("d/p")
    assert fs.lstat("d/p").uid == 2001
    fs.chmod("d", 0o755)
    with fails(errno.EACCES):
        user.mkfifo("d/q")
