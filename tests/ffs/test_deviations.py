# SPDX-License-Identifier: BSD-2-Clause
"""Where the driver once differed from NetBSD's own, as random sequences found."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import rumpy
from rumpy.hypercall import Hypercalls, VirtualClock

from . import images

Setup = tuple[rumpy.Kernel, VirtualClock]


@pytest.fixture
def setup() -> Iterator[Setup]:
    """A kernel whose time stands still, with an image on /mnt."""
    clock = VirtualClock()
    image = bytearray(images.unpacked("nb-ffs2le-8k"))
    with (
        rumpy.Kernel(hypercalls=Hypercalls(clock=clock)) as k,
        k.mount("ffs", image, "/mnt"),
    ):
        yield k, clock


def put(k: rumpy.Kernel, path: str, mode: int = 0o644, size: int = 0) -> None:
    fd = k.open(path, os.O_CREAT | os.O_WRONLY, mode)
    k.write(fd, bytes(size))
    k.close(fd)


def test_reading_nothing_is_no_access(setup: Setup) -> None:
    k, clock = setup
    put(k, "/mnt/new", size=100)
    before = k.stat("/mnt/new").st_atime_ns
    fd = k.open("/mnt/new", os.O_RDONLY)
    clock.advance(10)
    assert k.pread(fd, 0, 0) == b""
    assert k.stat("/mnt/new").st_atime_ns == before
    assert k.pread(fd, 10, 200) == b""  # at the end, that is one
    assert k.stat("/mnt/new").st_atime_ns == before + 10 * 10**9
    k.close(fd)


@pytest.mark.parametrize("size", [10, 500])
def test_readlink_is_an_access(setup: Setup, size: int) -> None:
    k, clock = setup
    k.symlink("x" * size, "/mnt/link")
    before = k.lstat("/mnt/link")
    clock.advance(10)
    assert k.readlink("/mnt/link") == "x" * size
    after = k.lstat("/mnt/link")
    assert after.st_atime_ns == before.st_atime_ns + 10 * 10**9
    assert after.st_mtime_ns == before.st_mtime_ns


def test_root_may_make_setgid_files_of_any_group(setup: Setup) -> None:
    k, _ = setup
    k.umask(0)
    k.mkdir("/mnt/theirs", 0o777)
    k.chown("/mnt/theirs", 0, 1002)
    put(k, "/mnt/theirs/new", 0o2775)
    found = k.stat("/mnt/theirs/new")
    assert (found.st_gid, found.st_mode & 0o7777) == (1002, 0o2775)
    with k.process(1001, 100) as user:
        user.umask(0)
        fd = user.open("/mnt/theirs/other", os.O_CREAT | os.O_WRONLY, 0o2775)
        user.close(fd)
    assert k.stat("/mnt/theirs/other").st_mode & 0o7777 == 0o775


@pytest.mark.parametrize(
    ("mode", "may"), [(0o555, True), (0o100, True), (0o666, False)]
)
def test_root_may_write_and_execute_where_anyone_may_execute(
    setup: Setup, mode: int, may: bool
) -> None:
    k, _ = setup
    put(k, "/mnt/program")
    k.chmod("/mnt/program", mode)
    for wanted in (os.X_OK, os.W_OK | os.X_OK, os.R_OK | os.X_OK, 7):
        assert k.access("/mnt/program", wanted) is may
    assert k.access("/mnt/program", os.R_OK | os.W_OK)


def test_a_change_is_of_its_own_time(setup: Setup) -> None:
    """NetBSD's driver takes the time when somebody asks, Linux's when it happens."""
    k, clock = setup
    put(k, "/mnt/new", size=100)
    k.link("/mnt/new", "/mnt/other")
    begin = k.stat("/mnt/new").st_mtime_ns
    fd = k.open("/mnt/new", os.O_RDWR)

    def changed(path: str) -> tuple[int, int]:
        """mtime and ctime in seconds since the beginning, asked a while later."""
        clock.advance(10)
        found = k.stat(path)
        return (
            (found.st_mtime_ns - begin) // 10**9,
            (found.st_ctime_ns - begin) // 10**9,
        )

    k.write(fd, b"more")
    assert changed("/mnt/new") == (0, 0)
    k.ftruncate(fd, 10)
    assert changed("/mnt/new") == (10, 10)
    k.fchmod(fd, 0o600)
    assert changed("/mnt/new") == (10, 20)
    k.unlink("/mnt/other")
    assert changed("/mnt") == (30, 30)
    assert k.fstat(fd).st_ctime_ns == begin + 30 * 10**9
    k.rename("/mnt/new", "/mnt/newer")
    assert changed("/mnt") == (40, 40)
    k.mkdir("/mnt/folder")
    assert changed("/mnt/folder") == (50, 50)
    k.mkdir("/mnt/folder/inner")
    assert changed("/mnt/folder") == (60, 60)
    k.close(fd)
