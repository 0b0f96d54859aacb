# SPDX-License-Identifier: BSD-2-Clause
"""Mounts of the host to test on: the toy tree, and images behind a kernel."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / "build" / "bench" / "toy_native"


def skip_unmountable() -> None:
    """Skip where nobody can mount; the kernel's own tests don't need that."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("this machine has no usable /dev/fuse")


def is_mounted(directory: Path) -> bool:
    """Whether something is mounted on exactly this directory."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return any(line.split(" ")[4] == str(directory) for line in table)


def wait_for(what: Callable[[], bool], seconds: float = 10.0) -> None:
    """Poll until true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No server is left behind by a test, whatever went wrong."""
    from rumpy.fuse import mounts

    before = {found.pid for found in mounts()}
    yield
    for found in mounts():
        if found.pid not in before and found.state == "live":
            subprocess.run(["umount", "-l", found.mountpoint], check=False)


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Path]:
    """The in-memory tree behind our /dev/fuse server: no kernel involved."""
    skip_unmountable()
    if os.geteuid() != 0:
        pytest.skip("the toy mounts as root only")
    if not TOY.exists():
        subprocess.run(
            ["make", "-C", str(ROOT / "csrc" / "bench"), "toy_native"], check=True
        )
    where = tmp_path / "toy"
    where.mkdir()
    process = subprocess.Popen([str(TOY), str(where)])
    wait_for(lambda: is_mounted(where))
    yield where
    subprocess.run(["umount", str(where)], check=True)
    assert process.wait(10) == 0


@pytest.fixture
def mounted(built: None, image: Path, tmp_path: Path) -> Iterator[Path]:
    """A fresh FFS image, mounted by the engine with its defaults."""
    skip_unmountable()
    from rumpy.fuse import mount, umount

    where = tmp_path / "mnt"
    where.mkdir()
    mount(None, image, where)
    yield where
    umount(where)
    assert not is_mounted(where)


@pytest.fixture(params=["toy", "kernel"])
def tree(request: pytest.FixtureRequest) -> Path:
    """An empty directory on each kind of mount."""
    name = "toy" if request.param == "toy" else "mounted"
    base: Path = request.getfixturevalue(name)
    fresh = base / "fresh"
    fresh.mkdir()
    return fresh
