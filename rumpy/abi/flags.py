# SPDX-License-Identifier: BSD-2-Clause
"""Flag words where the host's bits and NetBSD's differ, one table for each.

`host` is what a Python program writes (os.O_CREAT), `netbsd` what the kernel
reads.  A host bit without a counterpart is an error of the call, not dropped,
unless dropping it can't be noticed.
"""

from __future__ import annotations

import errno
import os

# open(2): NetBSD's numbers.
O_ACCMODE = 0x3
O_NONBLOCK = 0x4
O_APPEND = 0x8
O_SHLOCK = 0x10
O_EXLOCK = 0x20
O_ASYNC = 0x40
O_SYNC = 0x80
O_NOFOLLOW = 0x100
O_CREAT = 0x200
O_TRUNC = 0x400
O_EXCL = 0x800
O_NOCTTY = 0x8000
O_DSYNC = 0x10000
O_RSYNC = 0x20000
O_DIRECT = 0x80000
O_DIRECTORY = 0x200000
O_CLOEXEC = 0x400000
O_SEARCH = 0x800000
O_REGULAR = 0x2000000
O_EXEC = 0x4000000

_OPEN = (
    (os.O_NONBLOCK, O_NONBLOCK),
    (os.O_APPEND, O_APPEND),
    (os.O_ASYNC, O_ASYNC),
    (os.O_SYNC, O_SYNC),
    (os.O_DSYNC, O_DSYNC),
    (os.O_NOFOLLOW, O_NOFOLLOW),
    (os.O_CREAT, O_CREAT),
    (os.O_TRUNC, O_TRUNC),
    (os.O_EXCL, O_EXCL),
    (os.O_NOCTTY, O_NOCTTY),
    (os.O_DIRECT, O_DIRECT),
    (os.O_DIRECTORY, O_DIRECTORY),
    (os.O_CLOEXEC, O_CLOEXEC),
)
# O_LARGEFILE is always so; O_NOATIME is a hint to Linux only.
_OPEN_IGNORED = 0o100000 | getattr(os, "O_NOATIME", 0)

_open_cache: dict[int, int] = {os.O_RDONLY: 0, os.O_WRONLY: 1, os.O_RDWR: 2}


def open_flags(host: int) -> int:
    """NetBSD's open flags for the host's; EINVAL for a bit NetBSD has not."""
    known = _open_cache.get(host)
    if known is not None:
        return known
    flags, rest = host & O_ACCMODE, host & ~O_ACCMODE & ~_OPEN_IGNORED
    for theirs, ours in _OPEN:
        if rest & theirs == theirs:
            flags |= ours
    for theirs, _ in _OPEN:
        rest &= ~theirs
    if rest or flags & O_ACCMODE == O_ACCMODE:
        raise OSError(errno.EINVAL, f"open flags {rest:#o} unknown to the kernel")
    _open_cache[host] = flags
    return flags


def open_flags_to_host(flags: int) -> int:
    """The host's open flags for NetBSD's, as F_GETFL answers them."""
    host = flags & O_ACCMODE
    for theirs, ours in _OPEN:
        if flags & ours:
            host |= theirs
    return host


# *at(2) flags: NetBSD's numbers.  AT_FDCWD is -100 on both sides.
AT_FDCWD = -100
AT_EACCESS = 0x100
AT_SYMLINK_NOFOLLOW = 0x200
AT_SYMLINK_FOLLOW = 0x400
AT_REMOVEDIR = 0x800

# fcntl(2): NetBSD's numbers.
F_DUPFD = 0
F_GETFD = 1
F_SETFD = 2
F_GETFL = 3
F_SETFL = 4
F_GETLK = 7
F_SETLK = 8
F_SETLKW = 9
F_CLOSEM = 10
F_MAXFD = 11
F_DUPFD_CLOEXEC = 12
F_GETPATH = 15

#: The host's fcntl command to NetBSD's.  (Linux: asm-generic/fcntl.h.)
FCNTL = {
    0: F_DUPFD,
    1: F_GETFD,
    2: F_SETFD,
    3: F_GETFL,
    4: F_SETFL,
    5: F_GETLK,
    6: F_SETLK,
    7: F_SETLKW,
    1030: F_DUPFD_CLOEXEC,
}

#: Lock types: the host's (F_RDLCK 0, F_WRLCK 1, F_UNLCK 2) to NetBSD's.
LOCK_TYPE = {0: 1, 1: 3, 2: 2}
LOCK_TYPE_TO_HOST = {ours: theirs for theirs, ours in LOCK_TYPE.items()}

# lseek(2): SEEK_SET, SEEK_CUR and SEEK_END agree.  NetBSD 10 has no SEEK_DATA
# and SEEK_HOLE; there the ioctls FIOSEEKDATA and FIOSEEKHOLE do that work.

# poll(2) events that differ; the low six bits agree.
_POLL = (
    (0x1, 0x1),
    (0x2, 0x2),
    (0x4, 0x4),
    (0x8, 0x8),
    (0x10, 0x10),
    (0x20, 0x20),
    (0x40, 0x40),
    (0x80, 0x80),
    (0x100, 0x4),
    (0x200, 0x100),
)


def poll_events(host: int) -> int:
    """NetBSD's poll events for the host's."""
    events = 0
    for theirs, ours in _POLL:
        if host & theirs:
            events |= ours
    return events


def poll_events_to_host(events: int) -> int:
    """The host's poll events for NetBSD's."""
    host = 0
    for theirs, ours in _POLL[:8]:
        if events & ours:
            host |= theirs
    return host | (0x200 if events & 0x100 else 0)


# mount(2) flags, NetBSD's numbers, by the name a user writes after -o.
MNT_RDONLY = 0x1
MNT_SYNCHRONOUS = 0x2
MNT_NOEXEC = 0x4
MNT_NOSUID = 0x8
MNT_NODEV = 0x10
MNT_UNION = 0x20
MNT_ASYNC = 0x40
MNT_POSIX1EACLS = 0x800
MNT_UPDATE = 0x10000
MNT_RELATIME = 0x20000
MNT_RELOAD = 0x40000
MNT_FORCE = 0x80000
MNT_NFS4ACLS = 0x200000
MNT_GETARGS = 0x400000
MNT_DISCARD = 0x800000
MNT_EXTATTR = 0x1000000
MNT_LOG = 0x2000000
MNT_NOATIME = 0x4000000
MNT_NODEVMTIME = 0x40000000
#: Of rumpy's own, above what fits into mount(2)'s int.
MNT_NODIRATIME = 1 << 32

MOUNT_OPTIONS = {
    "ro": MNT_RDONLY,
    "sync": MNT_SYNCHRONOUS,
    "noexec": MNT_NOEXEC,
    "nosuid": MNT_NOSUID,
    "nodev": MNT_NODEV,
    "union": MNT_UNION,
    "async": MNT_ASYNC,
    "update": MNT_UPDATE,
    "relatime": MNT_RELATIME,
    "force": MNT_FORCE,
    "discard": MNT_DISCARD,
    "extattr": MNT_EXTATTR,
    "acls": MNT_POSIX1EACLS,
    "posix1eacls": MNT_POSIX1EACLS,
    "nfsv4acls": MNT_NFS4ACLS,
    "log": MNT_LOG,
    "noatime": MNT_NOATIME,
    "nodevmtime": MNT_NODEVMTIME,
    "nodiratime": MNT_NODIRATIME,
}

#: statvfs f_flag bits: NetBSD's (the MNT_ word) to the host's ST_ bits.
_STATVFS = (
    (MNT_RDONLY, 1),
    (MNT_NOSUID, 2),
    (MNT_NODEV, 4),
    (MNT_NOEXEC, 8),
    (MNT_SYNCHRONOUS, 16),
    (MNT_NOATIME, 1024),
    (MNT_RELATIME, 4096),
)

# getvfsstat(2) and statvfs(2): whether to ask the file system.
MNT_WAIT = 1
MNT_NOWAIT = 2


def statvfs_flags_to_host(flags: int) -> int:
    """The host's statvfs flags for NetBSD's mount flags."""
    host = 0
    for ours, theirs in _STATVFS:
        if flags & ours:
            host |= theirs
    return host


# chflags(2): Python's stat.UF_* and SF_* already are the BSD numbers.

# utimensat(2): nanoseconds that mean something else.
UTIME_NOW = 0x3FFFFFFF
UTIME_OMIT = 0x3FFFFFFE

# reboot(2).
RB_NOSYNC = 0x4
RB_HALT = 0x8

# access(2) and the directory entry types have the same numbers on both sides.
