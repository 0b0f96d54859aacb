# SPDX-License-Identifier: BSD-2-Clause
"""What we wrote, as strangers read it: Linux's ufs.ko and The Sleuth Kit."""

from __future__ import annotations

import hashlib
import os
import random
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from judges import sleuthkit, uml
from judges.tree import HASH_LIMIT, Entry, Tree, differences

from . import images, tree
from .test_write import one_operation

if TYPE_CHECKING:
    import rumpy

#: Images that both judges can read, with the name ufs.ko has for the format.
JUDGED = {
    "nb-ffs1le-4k": "44bsd",
    "nb-ffs1be-8k": "44bsd",
    "nb-ffs1le-16k": "44bsd",
    "nb-fbsd-ufs1-32k": "44bsd",
    "nb-ffs2le-8k": "ufs2",
    "nb-ffs2be-16k": "ufs2",
    "nb-ffs2le-32k": "ufs2",
    "nb-fbsd-ufs2-16k": "ufs2",
}


def change(k: rumpy.Kernel, image: Path, seed: str) -> None:
    """Make a subtree by random operations, and some of every kind."""
    rng = random.Random(seed)
    model: dict[str, bytes | None] = {}
    with k.mount("ffs", str(image), "/mnt"):
        k.mkdir("/mnt/r")
        for step in range(250):
            one_operation(k, rng, model, step)
        k.symlink("short", "/mnt/r/short")
        k.symlink("l" * 900, "/mnt/r/long")
        k.mknod("/mnt/r/chr", stat.S_IFCHR | 0o620, os.makedev(7, 33))
        k.mkfifo("/mnt/r/fifo", 0o600)
        for i in range(60):
            k.link("/mnt/r/chr", f"/mnt/r/{'n' * (i + 1)}")


def own_tree(k: rumpy.Kernel, image: Path) -> Tree:
    """The tree as we read it."""
    out: Tree = {}
    with k.mount("ffs", str(image), "/mnt", "ro"):
        for name in tree.names(k, b"/mnt"):
            path = b"/mnt" if name == b"." else b"/mnt/" + name
            out[name] = own_entry(k, path)
    return out


def own_entry(k: rumpy.Kernel, path: bytes) -> Entry:
    """One file as we read it."""
    st = k.lstat(path)
    digest, target = "", b""
    if stat.S_ISREG(st.st_mode) and st.st_size <= HASH_LIMIT:
        digest = tree.digest(k, path, 0, st.st_size)
    if stat.S_ISLNK(st.st_mode):
        target = os.fsencode(k.readlink(path))
    device = stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode)
    return Entry(
        mode=st.st_mode,
        uid=st.st_uid,
        gid=st.st_gid,
        nlink=st.st_nlink,
        size=st.st_size,
        mtime=st.st_mtime_ns // 1_000_000_000,
        rdev=st.st_rdev if device else 0,
        digest=digest,
        target=target,
    )


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[Path, Tree]]:
    """Images that we changed, and what we read from them."""
    from rumpy import Kernel

    folder = tmp_path_factory.mktemp("judged")
    out = {}
    for name in JUDGED:
        image = images.copy(name, folder)
        with Kernel() as k:
            k.load("ffs")
            change(k, image, name)
            out[name] = image, own_tree(k, image)
    return out


@pytest.mark.slow
def test_linux_reads_the_same(written: dict[str, tuple[Path, Tree]]) -> None:
    if (package := uml.missing()) is not None:
        pytest.skip(f"needs package {package}")
    theirs = uml.read({n: (written[n][0], kind) for n, kind in JUDGED.items()})
    for name, (_, ours) in written.items():
        found = theirs[name]
        assert isinstance(found, dict), found
        assert differences(comparable(ours), comparable(found)) == [], name


def comparable(whole: Tree) -> Tree:
    """Without what ufs.ko can't tell: device numbers wider than it knows, and
    the sizes of what has none."""
    out = {}
    for path, e in whole.items():
        special = stat.S_IFMT(e.mode) not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
        out[path] = Entry(
            mode=e.mode,
            uid=e.uid,
            gid=e.gid,
            nlink=e.nlink,
            size=0 if special else e.size,
            mtime=e.mtime & 0xFFFFFFFF,
            digest=e.digest,
            target=e.target,
        )
    return out


SLEUTH = ["nb-ffs1be-8k", "nb-ffs2le-8k"]


@pytest.mark.slow
@pytest.mark.parametrize("name", SLEUTH)
def test_sleuthkit_reads_the_same(
    written: dict[str, tuple[Path, Tree]], name: str
) -> None:
    if (package := sleuthkit.missing()) is not None:
        pytest.skip(f"needs package {package}")
    image, ours = written[name]
    theirs = sleuthkit.read(image, b"r/")
    wanted = {p: e for p, e in ours.items() if p.startswith(b"r/")}
    wanted = {p: e for p, e in wanted.items() if stat.S_ISREG(e.mode)}
    assert wanted
    for path, entry in wanted.items():
        size, digest = theirs[path]
        assert size == entry.size, path
        # It gives up on holes; what it does read must be the same.
        assert digest in ("", entry.digest, empty(entry)), path


def empty(entry: Entry) -> str:
    """Of an empty file it reads nothing."""
    return hashlib.sha256(b"").hexdigest() if entry.size == 0 else entry.digest
