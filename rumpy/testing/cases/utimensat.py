# SPDX-License-Identifier: BSD-2-Clause
"""utimensat(2) and futimens(2)."""

from __future__ import annotations

import errno
import os

from rumpy.testing.cases import case
from rumpy.testing.filesystem import NOW, OMIT, FileSystem
from rumpy.testing.support import fails, leaves, opened, put

_S = 1_000_000_000
_A, _M = 1_000_000_000 * _S + 1, 1_100_000_000 * _S + 999_999_999


@case("nanoseconds")
def sets_both_times(fs: FileSystem) -> None:
    "Access and modification time are kept to the nanosecond."
    put(fs, "f")
    fs.mkdir("d")
    for name in ("f", "d"):
        fs.utimens(name, _A, _M)
        assert (fs.stat(name).atime, fs.stat(name).mtime) == (_A, _M)


@case("nanoseconds")
def by_descriptor(fs: FileSystem) -> None:
    "futimens does the same to an open file, even one open for reading."
    put(fs, "f")
    with opened(fs, "f", os.O_RDONLY) as fd:
        fs.futimens(fd, _A, _M)
        assert (fs.fstat(fd).atime, fs.fstat(fd).mtime) == (_A, _M)
    assert fs.stat("f").mtime == _M


@case("nanoseconds")
def stamps_the_change(fs: FileSystem) -> None:
    "It is a change of the file."
    put(fs, "f")
    with leaves(fs, "."):
        before = fs.stat("f").ctime
        fs.utimens("f", _A, _M)
        assert fs.stat("f").ctime > before


@case("nanoseconds")
def omit_leaves_one_alone(fs: FileSystem) -> None:
    "UTIME_OMIT keeps a time."
    put(fs, "f")
    fs.utimens("f", _A, _M)
    fs.utimens("f", OMIT, _M + 5)
    assert (fs.stat("f").atime, fs.stat("f").mtime) == (_A, _M + 5)
    fs.utimens("f", _A + 5, OMIT)
    assert (fs.stat("f").atime, fs.stat("f").mtime) == (_A + 5, _M + 5)


@case("nanoseconds")
def omitting_both_does_nothing(fs: FileSystem) -> None:
    "UTIME_OMIT twice leaves all times alone."
    put(fs, "f")
    with leaves(fs, "f"):
        before = fs.stat("f").atime
        fs.utimens("f", OMIT, OMIT)
        assert fs.stat("f").atime == before


@case("nanoseconds")
def now_is_now(fs: FileSystem) -> None:
    "UTIME_NOW sets the time that a new file gets."
    put(fs, "f")
    fs.utimens("f", _A, _M)
    fs.utimens("f", NOW, NOW)
    fs.pause()
    put(fs, "later")
    found, later = fs.stat("f"), fs.stat("later")
    assert found.birthtime is None or found.mtime >= found.birthtime
    assert _M < found.atime <= later.mtime
    assert _M < found.mtime <= later.mtime


@case("nanoseconds")
def now_and_omit_mix(fs: FileSystem) -> None:
    "One time may be now, and the other kept or given."
    put(fs, "f")
    fs.utimens("f", _A, _M)
    fs.utimens("f", OMIT, NOW)
    assert fs.stat("f").atime == _A
    assert fs.stat("f").mtime > _M
    fs.utimens("f", NOW, _M)
    assert fs.stat("f").atime > _M
    assert fs.stat("f").mtime == _M


@case("nanoseconds", "symlinks")
def of_the_link_itself(fs: FileSystem) -> None:
    "Without following, the symbolic link's own times are set."
    put(fs, "f")
    fs.symlink("f", "s")
    with leaves(fs, "f"):
        fs.utimens("s", _A, _M, follow_symlinks=False)
        assert (fs.lstat("s").atime, fs.lstat("s").mtime) == (_A, _M)
    fs.utimens("s", _A + 7, _M + 7)
    assert (fs.stat("f").mtime, fs.lstat("s").mtime) == (_M + 7, _M)


@case("oldtimes")
def far_times(fs: FileSystem) -> None:
    "Before 1970, at 1970, and after 2038."
    put(fs, "f")
    for when in (-_S * 86_400 * 365 * 50, -2 * _S, 0, 2**31 * _S, 2**32 * _S + 7):
        fs.utimens("f", when, when)
        assert (fs.stat("f").atime, fs.stat("f").mtime) == (when, when)


@case("users")
def who_may_write_may_touch(fs: FileSystem) -> None:
    "Now for both times takes leave to write; without it is EACCES."
    put(fs, "f", mode=0o602)
    put(fs, "g", mode=0o604)
    fs.chmod("f", 0o602)
    user = fs.as_user(2001, 2001)
    user.utimens("f", NOW, NOW)
    with fails(errno.EACCES):
        user.utimens("g", NOW, NOW)


@case("users")
def given_times_are_the_owners(fs: FileSystem) -> None:
    "Any other time takes the owner; leave to write is not enough: EPERM."
    put(fs, "f")
    fs.chmod("f", 0o666)
    fs.chown("f", 2001, 2001)
    for atime, mtime in ((_A, _M), (_A, OMIT), (OMIT, _M)):
        with fails(errno.EPERM):
            fs.as_user(2002, 2002).utimens("f", atime, mtime)
    second = _M // _S * _S
    fs.as_user(2001, 2001).utimens("f", _A, second)
    assert fs.stat("f").mtime == second


@case()
def needs_the_file(fs: FileSystem) -> None:
    "A missing name is ENOENT."
    with fails(errno.ENOENT):
        fs.utimens("none", _A, _M)


@case("birthtime", "nanoseconds")
def birth_stays(fs: FileSystem) -> None:
    "The time of making is not changed by writing, and is not in the future."
    put(fs, "f", b"x")
    born = fs.stat("f").birthtime
    assert born is not None
    assert abs(born - fs.stat("f").ctime) < 60 * _S
    fs.pause()
    with opened(fs, "f", os.O_WRONLY) as fd:
        fs.write(fd, b"yy")
    fs.chmod("f", 0o600)
    assert fs.stat("f").birthtime == born
