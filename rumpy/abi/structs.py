# SPDX-License-Identifier: BSD-2-Clause
"""Codecs for the structures that cross the system-call door, NetBSD 10/amd64.

Each is a struct.Struct whose format shows every pad byte, so that its size is
the C size; tests compare offsets and sizes with csrc/abi/layouts.tbl.
"""

from __future__ import annotations

import os
from _operator import itemgetter  # operator itself has to be read
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any
else:
    from _collections_abc import Sequence  # collections.abc has to be read

TIMESPEC = Struct("<qq")  # tv_sec, tv_nsec
TIMEVAL = Struct("<qi4x")  # tv_sec, tv_usec
IOVEC = Struct("<QQ")  # iov_base, iov_len
FLOCK = Struct("<qqihh")  # l_start, l_len, l_pid, l_type, l_whence
HOST_FLOCK = Struct("<hh4xqqi4x")  # l_type, l_whence, l_start, l_len, l_pid
POLLFD = Struct("<ihh")  # fd, events, revents
UFS_ARGS = Struct("<Q")  # fspec
MODCTL_LOAD = Struct("<Qi4xQQ")  # ml_filename, ml_flags, ml_props, ml_propslen
MODSTAT = Struct(
    "<32sQiiIIII"
)  # name, addr, source, class, size, refcnt, flags, reqoff
STAT = Struct("<QI4xQIII4xQqqqqqqqqqqiII12x")
STATVFS = Struct("<16Q2iQQI4x4Q32s1024s1024s1024s")
DIRENT = Struct("<QHHB")  # d_fileno, d_reclen, d_namlen, d_type; d_name follows

#: The values of a StatResult, which takes them as they are.
unpack_stat = STAT.unpack_from
# mode ino dev nlink uid gid size atime mtime ctime
_classic = itemgetter(1, 2, 0, 3, 4, 5, 15, 7, 9, 11)

DIRENT_SIZE = 528
PAGE = 4096


def host_dev(dev: int) -> int:
    """The host's encoding of NetBSD's dev_t."""
    return os.makedev((dev >> 8) & 0xFFF, (dev >> 12) & 0xFFF00 | dev & 0xFF)


def kernel_dev(device: int) -> int:
    """NetBSD's dev_t for a device number made by os.makedev."""
    major, minor = os.major(device), os.minor(device)
    if major > 0xFFF or minor > 0xFFFFF:
        raise ValueError(f"device {major},{minor} does not fit NetBSD's dev_t")
    return (minor & 0xFFF00) << 12 | major << 8 | minor & 0xFF


class StatResult(Sequence[int]):
    """What os.stat_result is, with NetBSD's birth time, flags and generation.

    As a sequence it has the ten classic members, and is equal to a tuple of
    them.  Times in seconds are floats, `_ns` ones are int.
    """

    # Not a tuple of its own: making that took longer than most calls that
    # answer with one, and hardly anybody looks at it.
    __slots__ = ("_all",)

    def __init__(self, values: tuple[int, ...]) -> None:
        self._all = values

    @classmethod
    def unpack(
        cls, data: bytes | bytearray | memoryview, offset: int = 0
    ) -> StatResult:
        """Decode a NetBSD `struct stat` of 152 bytes at `offset`."""
        return cls(unpack_stat(data, offset))

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: Any) -> Any:
        return _classic(self._all)[index]

    def __iter__(self) -> Iterator[int]:
        return iter(_classic(self._all))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StatResult | tuple):
            return NotImplemented
        same: bool = _classic(self._all) == tuple(other)
        return same

    def __hash__(self) -> int:
        return hash(_classic(self._all))

    st_mode = property(lambda s: s._all[1])
    st_ino = property(lambda s: s._all[2])
    st_dev = property(lambda s: s._all[0])
    st_nlink = property(lambda s: s._all[3])
    st_uid = property(lambda s: s._all[4])
    st_gid = property(lambda s: s._all[5])
    st_size = property(lambda s: s._all[15])
    st_blocks = property(lambda s: s._all[16])
    st_blksize = property(lambda s: s._all[17])
    st_flags = property(lambda s: s._all[18])
    st_gen = property(lambda s: s._all[19])
    st_rdev = property(lambda s: host_dev(s._all[6]))
    st_atime_ns = property(lambda s: s._all[7] * 1_000_000_000 + s._all[8])
    st_mtime_ns = property(lambda s: s._all[9] * 1_000_000_000 + s._all[10])
    st_ctime_ns = property(lambda s: s._all[11] * 1_000_000_000 + s._all[12])
    st_birthtime_ns = property(lambda s: s._all[13] * 1_000_000_000 + s._all[14])
    st_atime = property(lambda s: s._all[7] + s._all[8] * 1e-9)
    st_mtime = property(lambda s: s._all[9] + s._all[10] * 1e-9)
    st_ctime = property(lambda s: s._all[11] + s._all[12] * 1e-9)
    st_birthtime = property(lambda s: s._all[13] + s._all[14] * 1e-9)

    def __repr__(self) -> str:
        names = ("mode", "ino", "dev", "nlink", "uid", "gid", "size")
        shown = ", ".join(f"st_{n}={getattr(self, 'st_' + n)}" for n in names)
        return f"StatResult({shown})"


class StatvfsResult(tuple[int, ...]):
    """What os.statvfs_result is, with NetBSD's names and counters.

    Beside the host's members: f_iosize, f_bresvd, f_fresvd, f_owner (uid of
    who mounted), f_fstypename, f_mntonname, f_mntfromname (str), and
    f_mntflags, the untranslated NetBSD mount flags.
    """

    _all: tuple[int | bytes, ...]

    @classmethod
    def unpack(
        cls, data: bytes | bytearray | memoryview, offset: int = 0
    ) -> StatvfsResult:
        """Decode a NetBSD `struct statvfs` of 3296 bytes at `offset`."""
        from rumpy.abi.flags import statvfs_flags_to_host

        f = STATVFS.unpack_from(data, offset)
        self = cls(
            (
                f[1],
                f[2],
                f[4],
                f[5],
                f[6],
                f[8],
                f[9],
                f[10],
                statvfs_flags_to_host(f[0]),
                f[19],
            )
        )
        self._all = f
        return self

    f_bsize = property(lambda s: s[0])
    f_frsize = property(lambda s: s[1])
    f_blocks = property(lambda s: s[2])
    f_bfree = property(lambda s: s[3])
    f_bavail = property(lambda s: s[4])
    f_files = property(lambda s: s[5])
    f_ffree = property(lambda s: s[6])
    f_favail = property(lambda s: s[7])
    f_flag = property(lambda s: s[8])
    f_namemax = property(lambda s: s[9])
    f_mntflags = property(lambda s: s._all[0])
    f_iosize = property(lambda s: s._all[3])
    f_bresvd = property(lambda s: s._all[7])
    f_fresvd = property(lambda s: s._all[11])
    f_fsid = property(lambda s: s._all[18])
    f_owner = property(lambda s: s._all[20])
    f_fstypename = property(lambda s: _text(s._all[25]))
    f_mntonname = property(lambda s: _text(s._all[26]))
    f_mntfromname = property(lambda s: _text(s._all[27]))


def _text(field: bytes) -> str:
    return os.fsdecode(field.split(b"\0", 1)[0])


def dirents(
    data: bytes | bytearray | memoryview, length: int
) -> Iterator[tuple[int, int, bytes]]:
    """Each (inode, d_type, name) of a getdents buffer, "." and ".." included.

    Raises ValueError where a record does not fit: that is the kernel's bug.
    """
    offset = 0
    while offset < length:
        if length - offset < DIRENT.size:
            raise ValueError(f"directory record cut off at {offset} of {length}")
        fileno, reclen, namlen, kind = DIRENT.unpack_from(data, offset)
        if reclen < DIRENT.size + namlen or reclen & 7 or offset + reclen > length:
            raise ValueError(f"bad directory record at {offset}: length {reclen}")
        start = offset + DIRENT.size
        if fileno:
            yield fileno, kind, bytes(data[start : start + namlen])
        offset += reclen


def pack_dirent(fileno: int, kind: int, name: bytes) -> bytes:
    """One directory record as getdents writes it."""
    reclen = (DIRENT.size + len(name) + 1 + 7) & ~7
    return (DIRENT.pack(fileno, reclen, len(name), kind) + name).ljust(reclen, b"\0")


def lock_to_kernel(data: bytes) -> bytes:
    """NetBSD's `struct flock` for the host's, as fcntl.fcntl takes it."""
    from rumpy.abi.flags import LOCK_TYPE

    kind, whence, start, length, pid = HOST_FLOCK.unpack(
        data.ljust(HOST_FLOCK.size, b"\0")
    )
    return FLOCK.pack(start, length, pid, LOCK_TYPE[kind], whence)


def lock_to_host(data: bytes | bytearray) -> bytes:
    """The host's `struct flock` for NetBSD's."""
    from rumpy.abi.flags import LOCK_TYPE_TO_HOST

    start, length, pid, kind, whence = FLOCK.unpack(data)
    return HOST_FLOCK.pack(LOCK_TYPE_TO_HOST[kind], whence, start, length, pid)


def timespec(nanoseconds: int) -> bytes:
    """A timespec of a time in nanoseconds since the epoch (negative allowed)."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return TIMESPEC.pack(seconds, rest)
