# SPDX-License-Identifier: BSD-2-Clause
"""NetBSD's drivers behind `rumpy mount`: programs of the host use them."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netbsd.test_filesystems import make_ext2, make_fat, make_iso, run
from netbsd.trees import make_source
from rumpy import store
from rumpy.fuse import mount, umount


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What the images hold."""
    where = tmp_path / "source"
    where.mkdir()
    return make_source(where)


@pytest.fixture
def where(built: None, tmp_path: Path) -> Iterator[Path]:
    """A mount point, free again afterwards."""
    if not os.path.exists("/dev/fuse"):
        pytest.skip("no /dev/fuse here")
    directory = tmp_path / "mnt"
    directory.mkdir()
    yield directory
    if os.path.ismount(directory):
        umount(directory)


def driver(name: str) -> str:
    """NetBSD's module, or a skip where there is none."""
    if not store.has(name):
        pytest.skip(f"these NetBSD modules are without {name}")
    return f"netbsd:{name}"


def same(one: Path, other: Path) -> bool:
    """Two trees hold the same."""
    found = filecmp.dircmp(one, other, ignore=["lost+found"])
    if found.left_only or found.right_only or found.funny_files or found.diff_files:
        return False
    return all(same(one / name, other / name) for name in found.common_dirs)


def work(where: Path, source: Path) -> None:
    """What people do on a mount."""
    shutil.copytree(source, where / "copy")
    assert same(source, where / "copy")
    (where / "copy").rename(where / "moved")
    (where / "moved" / "hello.txt").write_text("changed\n")
    assert (where / "moved" / "hello.txt").read_text() == "changed\n"
    shutil.rmtree(where / "moved")
    assert not (where / "moved").exists()


@pytest.mark.parametrize("name", ["ext2fs", "msdos"])
def test_written(
    name: str, where: Path, source: Path, tmp_path: Path, need: Callable[[str], str]
) -> None:
    module, image = driver(name), tmp_path / "image"
    if name == "ext2fs":
        need("mkfs.ext2")
        make_ext2("-b", "1024")(image, source)
        check = ["e2fsck", "-fn"]
    else:
        need("mkfs.fat")
        need("mcopy")
        make_fat(16, 32)(image, source)
        check = ["fsck.fat", "-n"]
    options = "" if name == "ext2fs" else "longname"
    mount(module, str(image), str(where), options)
    # mcopy leaves it to who reads to put short names in lower case.
    found = {path.name.lower() for path in where.iterdir()} - {"lost+found"}
    assert found == {path.name for path in source.iterdir()}
    work(where, source)
    umount(where)
    run(need(check[0]), *check[1:], image)


def test_read(
    where: Path, source: Path, tmp_path: Path, need: Callable[[str], str]
) -> None:
    module, image = driver("cd9660"), tmp_path / "image"
    need("genisoimage")
    make_iso("-R")(image, source)
    mount(module, str(image), str(where), "ro")
    assert same(source, where)
    with pytest.raises(OSError):
        (where / "new").write_text("no")


def test_without_a_disk(where: Path, source: Path) -> None:
    mount(driver("tmpfs"), "none", str(where), "size=16M")
    work(where, source)
    shown = subprocess.run(
        ["df", "--output=size", where], capture_output=True, text=True, check=True
    )
    assert int(shown.stdout.split()[1]) == 16 << 10
