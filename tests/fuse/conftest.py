# SPDX-License-Identifier: BSD-2-Clause
"""Mounts of the host to test on: the toy tree, and images behind a kernel."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fusehelp import is_mounted, skip_unmountable, wait_for

ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / "build" / "bench" / "toy_native"


@pytest.fixture
def tmp_path(public_path: Path) -> Path:
    """Where to mount: as other users, too."""
    return public_path


@pytest.fixture(autouse=True)
def runtime(public: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No server is left behind by a test, whatever went wrong."""
    from rumpy.fuse import mounts

    # Others may mount on this machine meanwhile: theirs stays.
    ours = (f"{tmp_path_factory.getbasetemp().resolve()}/", f"{public}/")
    before = {found.pid for found in mounts()}
    yield
    for found in mounts():
        if (
            found.pid not in before
            and found.state == "live"
            and found.mountpoint.startswith(ours)
        ):
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
    try:
        wait_for(lambda: is_mounted(where) or process.poll() is not None)
        yield where
    finally:
        # Linux gives files back a moment after they are closed: busy till then.
        wait_for(lambda: subprocess.run(["umount", str(where)]).returncode == 0, 60)
        assert process.wait(60) == 0


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
