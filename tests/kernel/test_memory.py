# SPDX-License-Identifier: BSD-2-Clause
"""A kernel lives within its memory, however much it is asked to keep."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import rumpy

MIB = 1 << 20


@pytest.fixture
def roomy(need: Callable[[str], str], tmp_path: Path) -> Path:
    """An empty image of 64 MiB with many inodes."""
    tree = tmp_path / "tree"
    tree.mkdir()
    image = tmp_path / "roomy.img"
    options = "version=1,bsize=8192,fsize=1024,density=4096"
    command = [need("makefs"), "-t", "ffs", "-B", "le", "-s", "64m", "-o", options]
    subprocess.run(
        [*command, str(image), str(tree)], check=True, stdout=subprocess.DEVNULL
    )
    return image


@pytest.fixture
def small(built: None, roomy: Path) -> Iterator[rumpy.Kernel]:
    """A kernel of 4 MiB with that image on /mnt."""
    import rumpy

    with rumpy.Kernel(memory=4 * MIB) as kernel, kernel.mount("ffs", roomy, "/mnt"):
        yield kernel


def test_more_data_than_memory(small: rumpy.Kernel) -> None:
    chunk = os.urandom(MIB)
    fd = small.open("/mnt/big", os.O_CREAT | os.O_RDWR, 0o600)
    for i in range(24):
        assert small.write(fd, chunk[i:] + chunk[:i]) == MIB
        assert small.memory <= 4 * MIB
    small.lseek(fd, 0, os.SEEK_SET)
    for i in range(24):
        assert small.read(fd, MIB) == chunk[i:] + chunk[:i]
        assert small.memory <= 4 * MIB
    small.close(fd)


def test_more_files_than_memory(small: rumpy.Kernel) -> None:
    for i in range(2000):
        fd = small.open(f"/mnt/f{i}", os.O_CREAT | os.O_RDWR, 0o600)
        small.write(fd, b"x" * (i % 5000))
        small.close(fd)
    assert small.memory <= 4 * MIB
    sizes = [small.stat(f"/mnt/f{i}").st_size for i in range(2000)]
    assert sizes == [i % 5000 for i in range(2000)]
    for i in range(2000):
        small.unlink(f"/mnt/f{i}")
    assert small.listdir("/mnt") == []
    assert small.memory <= 4 * MIB


@pytest.mark.parametrize("words", [(), ("log",)], ids=["plain", "log"])
def test_open_files_end_with_enfile(
    built: None, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """What does not fit is refused; with what is open, all goes on."""
    import rumpy
    from rumpy.ffstools import fsck, newfs

    image = tmp_path / "many.img"
    newfs(image, size=32 << 20, density=2048)
    made = 0

    def fill(k: rumpy.Kernel) -> list[tuple[rumpy.Process, int, str]]:
        nonlocal made
        files: list[tuple[rumpy.Process, int, str]] = []
        while True:
            process = k.process()
            for _ in range(500):
                path = f"/mnt/{made}"
                try:
                    fd = process.open(path, os.O_CREAT | os.O_RDWR, 0o600)
                except OSError as error:
                    assert error.errno == errno.ENFILE
                    return files
                made += 1
                files.append((process, fd, path))
                if made % 2:
                    process.unlink(path)

    with rumpy.Kernel(memory=6 * MIB) as k, k.mount("ffs", image, "/mnt", *words):
        k.sysctl("kern.maxfiles", 100_000)
        files = fill(k)
        assert len(files) > 1000
        with pytest.raises(FileNotFoundError):
            k.stat(f"/mnt/{made}")
        for process, fd, _ in files[:200]:
            process.write(fd, bytes(3000))
        k.sync()
        for _, _, path in files[1:400:2]:
            k.unlink(path)
        # Every other one closed: about as many go in again.
        for process, fd, _ in files[::2]:
            process.close(fd)
        rest = files[1::2]
        more = fill(k)
        assert len(more) > len(rest) // 2
        for process, fd, _ in rest + more:
            process.close(fd)
        again = fill(k)
        assert len(again) > len(files) // 2
        for process, fd, _ in again:
            process.close(fd)
        for name in k.listdir("/mnt")[:200]:
            k.unlink(f"/mnt/{name}")
    assert fsck(image).problems == ()


def test_memory_comes_back(kernel: rumpy.Kernel) -> None:
    """Processes, descriptors and pipes leave nothing behind."""

    def use() -> None:
        for _ in range(40):
            with kernel.process(uid=5) as p:
                for _ in range(20):
                    p.open("/dev/null", 0)
                p.sys.pipe()

    use()
    before = kernel.memory
    for _ in range(5):
        use()
    assert kernel.memory - before < 64 * 1024
