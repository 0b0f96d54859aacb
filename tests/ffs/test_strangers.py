# SPDX-License-Identifier: BSD-2-Clause
"""makefs's images as we read them, and ours as dissect.ffs does."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rumpy

from . import ffscheck, images, tree

pytestmark = pytest.mark.own_driver("what our driver reads and writes")

GEOMETRIES = [(4096, 512), (4096, 4096), (8192, 1024), (16384, 2048), (32768, 4096),
              (65536, 8192)]  # fmt: skip
COMBINATIONS = list(itertools.product((1, 2), ("le", "be"), GEOMETRIES))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with files of every size that matters, and others."""
    top = tmp_path_factory.mktemp("makefs") / "source"
    rng = random.Random(7)
    (top / "dir" / "deep").mkdir(parents=True)
    for size in (0, 1, 511, 512, 4096, 8191, 65536, 65537, 200_000, 900_000):
        (top / "dir" / f"f{size}").write_bytes(rng.randbytes(size))
    for i in range(150):
        (top / "dir" / "deep" / f"{'n' * (i % 60)}{i}").write_bytes(b"%d" % i)
    os.link(top / "dir" / "f511", top / "hard")
    os.symlink("dir/f1", top / "short")
    os.symlink("x" * 200, top / "long")
    os.mkfifo(top / "fifo")
    for path in top.rglob("*"):
        if not path.is_symlink():
            os.utime(path, ns=(1_500_000_000_000_000_000, 1_400_000_000_123_456_000))
    (top / "dir" / "f1").chmod(0o4751)
    (top / "dir").chmod(0o1777)
    return top


def described(path: str | bytes, st: Any, target: str, digest: str) -> tuple[Any, ...]:
    """What two trees have to agree on."""
    isdir = stat.S_ISDIR(st.st_mode)
    return (
        os.fsencode(path),
        st.st_mode,
        0 if isdir else st.st_size,
        st.st_nlink,
        0 if stat.S_ISLNK(st.st_mode) else int(st.st_mtime),
        target,
        digest,
    )


def host_tree(top: Path) -> set[tuple[Any, ...]]:
    """The directory as the host has it."""
    out = set()
    for path in top.rglob("*"):
        st = path.lstat()
        target = os.readlink(path) if path.is_symlink() else ""
        digest = ""
        if stat.S_ISREG(st.st_mode):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        out.add(described(str(path.relative_to(top)), st, target, digest))
    return out


def our_tree(k: rumpy.Kernel, top: bytes) -> set[tuple[Any, ...]]:
    """The same from a mount."""
    out = set()
    for name in tree.names(k, top):
        if name == b".":
            continue
        path = top + b"/" + name
        st = k.lstat(path)
        target = digest = ""
        if stat.S_ISLNK(st.st_mode):
            target = os.fsdecode(k.readlink(path))
        elif stat.S_ISREG(st.st_mode):
            digest = tree.digest(k, path, 0, st.st_size)
        out.add(described(name, st, target, digest))
    return out


@pytest.mark.slow
def test_makefs_images_of_24_kinds(
    kernel: rumpy.Kernel, need: Callable[[str], str], source: Path, tmp_path: Path
) -> None:
    program = need("makefs")
    kernel.load("ffs")
    want = host_tree(source)
    image = tmp_path / "made.img"
    for version, order, (bsize, fsize) in COMBINATIONS:
        image.unlink(missing_ok=True)
        options = f"version={version},bsize={bsize},fsize={fsize}"
        subprocess.run(
            [program, "-t", "ffs", "-B", order, "-s", "12m", "-o", options,
             str(image), str(source)],
            check=True, capture_output=True,
        )  # fmt: skip
        what = (version, order, bsize, fsize)
        with kernel.mount("ffs", str(image), "/mnt", "ro"):
            assert our_tree(kernel, b"/mnt") == want, what
        with kernel.mount("ffs", str(image), "/mnt"):
            kernel.mkdir("/mnt/new")
            fd = kernel.open("/mnt/new/file", os.O_CREAT | os.O_RDWR, 0o644)
            kernel.write(fd, b"w" * 100_000)
            kernel.close(fd)
            kernel.unlink("/mnt/dir/f900000")
        assert ffscheck.check(image.read_bytes()).problems == [], what


#: It reads little-endian images only.
DISSECTED = ["nb-ffs1le-16k", "nb-ffs2le-8k", "nb-ffs2le-32k", "nb-fbsd-ufs2-16k"]


@pytest.mark.slow
@pytest.mark.parametrize("name", DISSECTED)
def test_dissect_reads_what_we_wrote(
    kernel: rumpy.Kernel, tmp_path: Path, name: str
) -> None:
    ffs = pytest.importorskip("dissect.ffs", reason="needs package dissect.ffs").ffs
    image = images.copy(name, tmp_path)
    k = kernel
    k.load("ffs")
    rng = random.Random(name)
    want: dict[str, bytes] = {}
    with k.mount("ffs", str(image), "/mnt"):
        k.mkdir("/mnt/w")
        for i in range(60):
            data = rng.randbytes(rng.choice([0, 1, 900, 5000, 70_000]))
            path = f"w/{'n' * rng.randrange(1, 50)}{i}"
            fd = k.open(f"/mnt/{path}", os.O_CREAT | os.O_RDWR, 0o640)
            k.write(fd, data)
            k.close(fd)
            want[path] = data
        for path in list(want)[::3]:
            k.unlink(f"/mnt/{path}")
            del want[path]
        k.symlink("s" * 30, "/mnt/w/short")
        k.symlink("l" * 300, "/mnt/w/long")
        if "ffs1" not in name:
            k.setxattr("/mnt/w/short", "system.k", b"v", follow_symlinks=False)
        listed = sorted(k.listdir("/mnt/w"))
    with image.open("rb") as handle:
        read = ffs.FFS(handle)
        folder = read.get("/w")
        # It lists the unused entries at the beginning of a block, too.
        names = sorted(
            n for n, e in folder.listdir().items() if n not in (".", "..") and e.inum
        )
        assert names == listed
        for path, data in want.items():
            inode = read.get(f"/{path}")
            assert inode.size == len(data)
            assert inode.open().read() == data, path
        assert read.get("/w/short").link == "s" * 30
        assert read.get("/w/long").link == "l" * 300
