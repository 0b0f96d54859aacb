# SPDX-License-Identifier: BSD-2-Clause
"""What can this tree do?  Try, in a directory that is removed again."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Callable

from rumpy.testing.filesystem import OMIT, FileSystem
from rumpy.testing.support import exists, get, opened, put

__all__ = ["probe"]

_SECOND = 1_000_000_000
_OLD, _ODD = -86_400 * _SECOND, 1_234_567_890 * _SECOND + 123_456_789
_LATE = 5_000_000_000 * _SECOND
_WHERE = "capability-probe"
_OTHER = 54_321


def _modes(fs: FileSystem) -> bool:
    put(fs, "m", mode=0o600)
    fs.chmod("m", 0o751)
    fs.mkdir("mm", 0o700)
    return (fs.stat("m").mode & 0o7777, fs.stat("mm").mode & 0o777) == (0o751, 0o700)


def _owners(fs: FileSystem) -> bool:
    put(fs, "o")
    fs.chown("o", _OTHER, _OTHER + 1)
    found = fs.stat("o")
    return (found.uid, found.gid) == (_OTHER, _OTHER + 1)


def _users(fs: FileSystem) -> bool:
    if fs.ids[0] != 0 or not (_modes(fs) and _owners(fs)):
        return False
    fs.mkdir("u", 0o777)
    fs.chmod("u", 0o777)
    other = fs.as_user(_OTHER, _OTHER)
    put(other, "u/f", mode=0o600)
    third = fs.as_user(_OTHER + 1, _OTHER + 1)
    try:
        third.close(third.open("u/f", os.O_RDONLY))
    except PermissionError:
        return fs.stat("u/f").uid == _OTHER
    return False


def _hardlinks(fs: FileSystem) -> bool:
    put(fs, "h")
    fs.link("h", "h2")
    return fs.stat("h2").nlink == 2


def _symlinks(fs: FileSystem) -> bool:
    fs.symlink("none", "s")
    return fs.readlink("s") == "none"


def _fifos(fs: FileSystem) -> bool:
    fs.mkfifo("p")
    return stat.S_ISFIFO(fs.stat("p").mode)


def _devices(fs: FileSystem) -> bool:
    fs.mknod("d", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    found = fs.stat("d")
    return stat.S_ISCHR(found.mode) and found.rdev == os.makedev(1, 3)


def _holes(fs: FileSystem) -> bool:
    put(fs, "holes")
    fs.truncate("holes", 1 << 20)
    with opened(fs, "holes", os.O_RDWR) as fd:
        fs.pwrite(fd, b"x", 1 << 19)
        fs.fsync(fd)
        there = fs.lseek(fd, 0, os.SEEK_DATA) > 0
    return there and fs.stat("holes").blocks < 1024


def _flag(fs: FileSystem, name: str) -> bool:
    put(fs, name)
    fs.chflags(name, {name})
    try:
        with opened(fs, name, os.O_WRONLY):
            return False
    except PermissionError:
        return True
    finally:
        fs.chflags(name, ())


def _sysflags(fs: FileSystem) -> bool:
    return fs.ids[0] == 0 and _flag(fs, "schg")


def _userflags(fs: FileSystem) -> bool:
    return _flag(fs, "uchg")


def _nanoseconds(fs: FileSystem) -> bool:
    put(fs, "n")
    fs.utimens("n", OMIT, _ODD)
    return fs.stat("n").mtime == _ODD


def _oldtimes(fs: FileSystem) -> bool:
    put(fs, "old")
    fs.utimens("old", OMIT, _OLD)
    old = fs.stat("old").mtime
    fs.utimens("old", OMIT, _LATE)
    return (old, fs.stat("old").mtime) == (_OLD, _LATE)


def _birthtime(fs: FileSystem) -> bool:
    put(fs, "b")
    return fs.stat("b").birthtime is not None


def _atime(fs: FileSystem) -> bool:
    put(fs, "a", b"x")
    fs.utimens("a", _ODD, _ODD)
    fs.pause()
    with opened(fs, "a", os.O_RDONLY) as fd:
        fs.read(fd, 1)
    first = fs.stat("a").atime
    fs.pause()
    with opened(fs, "a", os.O_RDONLY) as fd:
        fs.read(fd, 1)
    # "relatime" moves it once, and then not for a day.
    return _ODD < first < fs.stat("a").atime


def _unlinked(fs: FileSystem) -> bool:
    with opened(fs, "gone", os.O_RDWR | os.O_CREAT) as fd:
        fs.write(fd, b"still")
        fs.unlink("gone")
        return not exists(fs, "gone") and fs.pread(fd, 9, 0) == b"still"


def _bytes(fs: FileSystem) -> bool:
    names = {os.fsdecode(b"\xff\xfe?*"), " "}
    for name in names:
        put(fs, name)
    return names <= set(fs.listdir("."))


def _case(fs: FileSystem) -> bool:
    put(fs, "CASE")
    return not exists(fs, "case")


def _longnames(fs: FileSystem) -> bool:
    put(fs, "l" * 255)
    if not exists(fs, "l" * 255):
        return False
    try:
        put(fs, "l" * 256)
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def _dirlinks(fs: FileSystem) -> bool:
    fs.mkdir("links")
    fs.mkdir("links/sub")
    return fs.stat("links").nlink == 3


def _noreplace(fs: FileSystem) -> bool:
    put(fs, "r1")
    put(fs, "r2")
    try:
        fs.rename_noreplace("r1", "r2")
    except FileExistsError:
        return True
    return False


def _exchange(fs: FileSystem) -> bool:
    put(fs, "e1", b"one")
    fs.mkdir("e2")
    fs.exchange("e1", "e2")
    return get(fs, "e2") == b"one"


def _tmpfile(fs: FileSystem) -> bool:
    with opened(fs, ".", os.O_TMPFILE | os.O_RDWR, 0o600) as fd:
        return fs.fstat(fd).nlink == 0


def _allocate(fs: FileSystem) -> bool:
    with opened(fs, "alloc", os.O_CREAT | os.O_RDWR) as fd:
        fs.allocate(fd, 0, 65536)
        return fs.fstat(fd).size == 65536


def _punch(fs: FileSystem) -> bool:
    with opened(fs, "punch", os.O_CREAT | os.O_RDWR) as fd:
        fs.write(fd, b"x" * 65536)
        fs.punch(fd, 0, 65536)
        return fs.pread(fd, 4, 0) == bytes(4)


def _locks(fs: FileSystem) -> bool:
    with (
        opened(fs, "lock", os.O_CREAT | os.O_RDWR) as one,
        opened(fs, "lock", os.O_RDWR) as two,
    ):
        fs.flock(one, fcntl.LOCK_EX)
        try:
            fs.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _mmap(fs: FileSystem) -> bool:
    with opened(fs, "map", os.O_CREAT | os.O_RDWR) as fd:
        fs.ftruncate(fd, 4096)
        with fs.mmap(fd, 4096) as memory:
            memory[:2] = b"ok"
        return fs.pread(fd, 2, 0) == b"ok"


def _bsdgroups(fs: FileSystem) -> bool:
    fs.mkdir("groups")
    fs.chown("groups", -1, _OTHER)
    put(fs, "groups/f")
    return fs.ids[1] != _OTHER and fs.stat("groups/f").gid == _OTHER


def _sync(fs: FileSystem) -> bool:
    with opened(fs, "sync", os.O_CREAT | os.O_RDWR) as fd:
        fs.fsync(fd)
    return True


_TRIALS: dict[str, Callable[[FileSystem], bool]] = {
    "modes": _modes,
    "owners": _owners,
    "users": _users,
    "hardlinks": _hardlinks,
    "symlinks": _symlinks,
    "fifos": _fifos,
    "devices": _devices,
    "holes": _holes,
    "sysflags": _sysflags,
    "userflags": _userflags,
    "nanoseconds": _nanoseconds,
    "oldtimes": _oldtimes,
    "birthtime": _birthtime,
    "atime": _atime,
    "unlinked": _unlinked,
    "bytes": _bytes,
    "case": _case,
    "longnames": _longnames,
    "dirlinks": _dirlinks,
    "noreplace": _noreplace,
    "exchange": _exchange,
    "tmpfile": _tmpfile,
    "allocate": _allocate,
    "punch": _punch,
    "locks": _locks,
    "mmap": _mmap,
    "bsdgroups": _bsdgroups,
    "sync": _sync,
}


def probe(fs: FileSystem) -> frozenset[str]:
    """The capabilities of a tree (all but "small", which is a permission).

    A tree that can't be written has none of them: what it could do can't be
    tried.  What a driver makes and then can't remove stays behind.
    """
    from rumpy.testing.runner import empty

    try:
        fs.mkdir(_WHERE, 0o755)
    except OSError:
        return frozenset()
    found = {"write"}
    for name, trial in _TRIALS.items():
        place = f"{_WHERE}/{name}"
        fs.mkdir(place, 0o755)
        with contextlib.suppress(OSError, NotImplementedError, ValueError):
            if trial(fs.sub(place)):
                found.add(name)
        with contextlib.suppress(OSError):
            empty(fs, place)
            fs.rmdir(place)
    with contextlib.suppress(OSError):
        fs.rmdir(_WHERE)
    return frozenset(found)
