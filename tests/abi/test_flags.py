# SPDX-License-Identifier: BSD-2-Clause
"""Flag words: every bit of the tables, both ways, and bits that must not pass."""

from __future__ import annotations

import os
import select

import pytest

from rumpy.abi import flags, ioctl

# name, NetBSD's number (sys/fcntl.h)
OPEN = {
    "O_NONBLOCK": 0x4, "O_APPEND": 0x8, "O_SYNC": 0x80, "O_NOFOLLOW": 0x100,
    "O_CREAT": 0x200, "O_TRUNC": 0x400, "O_EXCL": 0x800, "O_NOCTTY": 0x8000,
    "O_DSYNC": 0x10000, "O_DIRECT": 0x80000, "O_DIRECTORY": 0x200000,
    "O_CLOEXEC": 0x400000,
}  # fmt: skip


@pytest.mark.parametrize("name", OPEN)
def test_open_flag(name: str) -> None:
    kernel = flags.open_flags(getattr(os, name))
    assert kernel & OPEN[name]
    # Linux's O_SYNC contains O_DSYNC; nothing else may bring a second bit.
    assert kernel & ~OPEN[name] == (0x10000 if name == "O_SYNC" else 0)


def test_open_flags_round_trip() -> None:
    host = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
    assert flags.open_flags_to_host(flags.open_flags(host)) == host


def test_access_modes_agree() -> None:
    assert [flags.open_flags(m) for m in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)] == [
        0,
        1,
        2,
    ]


@pytest.mark.parametrize(
    "flag", [os.O_PATH, os.O_TMPFILE & ~os.O_DIRECTORY, 3, 1 << 30]
)
def test_a_flag_the_kernel_has_not_is_refused(flag: int) -> None:
    with pytest.raises(OSError, match="Errno 22"):
        flags.open_flags(flag)


def test_directory_entries_and_poll_events() -> None:
    both = (
        select.POLLIN
        | select.POLLPRI
        | select.POLLERR
        | select.POLLHUP
        | select.POLLNVAL
    )
    assert flags.poll_events(both) == both
    assert flags.poll_events(select.POLLOUT | select.POLLWRNORM) == 0x4
    assert flags.poll_events(select.POLLWRBAND) == 0x100
    assert flags.poll_events_to_host(0x104) == select.POLLOUT | select.POLLWRBAND


def test_lock_types_round_trip() -> None:
    import fcntl

    assert flags.LOCK_TYPE == {fcntl.F_RDLCK: 1, fcntl.F_WRLCK: 3, fcntl.F_UNLCK: 2}
    for host, kernel in flags.LOCK_TYPE.items():
        assert flags.LOCK_TYPE_TO_HOST[kernel] == host


def test_fcntl_commands_cover_pythons() -> None:
    import fcntl

    assert flags.FCNTL[fcntl.F_DUPFD_CLOEXEC] == 12
    assert flags.FCNTL[fcntl.F_GETLK] == 7
    assert flags.FCNTL[fcntl.F_SETLK] == 8
    assert flags.FCNTL[fcntl.F_SETLKW] == 9


def test_ioctl_numbers() -> None:
    assert ioctl.FIONREAD == 0x4004667F
    assert ioctl.FIONBIO == 0x8004667E
    assert ioctl.FIOSEEKDATA == 0xC0086661
    assert ioctl.size(ioctl.FIONREAD) == 4
    with pytest.raises(ValueError, match="size 5000"):
        ioctl.ior("f", 1, 5000)


def test_statvfs_flags() -> None:
    assert flags.statvfs_flags_to_host(flags.MNT_RDONLY | flags.MNT_NOSUID) == (
        os.ST_RDONLY | os.ST_NOSUID
    )
    assert flags.statvfs_flags_to_host(flags.MNT_NODEV | flags.MNT_NOATIME) == (
        os.ST_NODEV | os.ST_NOATIME
    )
