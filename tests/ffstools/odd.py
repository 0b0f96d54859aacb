# SPDX-License-Identifier: BSD-2-Clause
"""A directory of the host with something of everything, and how it is read."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ffs import tree as trees
from judges.tree import HASH_LIMIT, Entry, Tree, of_directory

if TYPE_CHECKING:
    import rumpy

#: Sizes around the borders of fragments, blocks and indirect blocks (4096/512).
SIZES = [0, 1, 511, 512, 513, 4095, 4096, 4097, 12 * 4096 - 1, 12 * 4096]
SIZES += [12 * 4096 + 1, 12 * 4096 + 4096 * 4, 300_000, 5_000_000]


def make(top: Path, many: int = 300) -> Path:
    """Make the tree in `top`, with a directory of `many` files; devices only as
    root."""
    top.mkdir()
    for size in SIZES:
        data = bytes((size + i // 7) & 0xFF for i in range(4096)) * (size // 4096 + 1)
        (top / f"size{size}").write_bytes(data[:size])
    nested = top / "a" / "b" / "c"
    nested.mkdir(parents=True)
    for i in range(many):
        (nested / f"{'n' * (i % 200)}{i}").touch()
    holes(top)
    os.link(top / "size513", top / "hard")
    os.link(top / "size513", nested / "hard too")
    os.symlink("short", top / "link")
    os.symlink("l" * 59, top / "link59")
    os.symlink("l" * 60, top / "link60")
    os.symlink("l" * 119, top / "link119")
    os.symlink("l" * 120, top / "link120")
    os.symlink("l" * 1000, top / "link1000")
    os.mkfifo(top / "fifo", 0o640)
    with socket.socket(socket.AF_UNIX) as s:
        # A path of a socket is short.
        fd = os.open(top, os.O_RDONLY)
        s.bind(f"/proc/self/fd/{fd}/socket")
        os.close(fd)
    if os.geteuid() == 0:
        os.mknod(top / "chr", stat.S_IFCHR | 0o600, os.makedev(5, 7))
        os.mknod(top / "blk", stat.S_IFBLK | 0o660, os.makedev(200, 300))
        os.chown(top / "size1", 70000, 80000)
    os.chmod(top / "size4097", 0o6751)
    os.chmod(top / "a", 0o1777)
    (Path(os.fsdecode(os.fsencode(top) + b"/\xff\xfe odd"))).write_text("x")
    (top / ("m" * 255)).write_text("longest")
    # Not rglob: up to Python 3.12 it follows links, and trips over long targets.
    every = [Path(d, name) for d, dirs, files in os.walk(top) for name in dirs + files]
    for i, path in enumerate(sorted(every)):
        os.utime(path, ns=(10**18 + i, 10**18 + 10**9 * i + 7), follow_symlinks=False)
    os.utime(top / "size0", ns=(0, 5))
    return top


def holes(top: Path) -> None:
    """Files with holes in all places."""
    for name, size, places in (
        ("hole-only", 1_000_000, ()),
        ("hole-end", 700_001, (0,)),
        ("hole-start", 3_000_000, (2_999_999,)),
        ("hole-many", 16_000_000, (5, 100_000, 9_000_000, 15_000_000)),
    ):
        with (top / name).open("wb") as f:
            f.truncate(size)
            for place in places:
                os.pwrite(f.fileno(), b"data at %d" % place, place)
            f.truncate(size)


def by_host(top: Path) -> Tree:
    """The tree as Linux reads it."""
    tree = of_directory(top)
    for path, entry in tree.items():
        if stat.S_ISDIR(entry.mode):
            subdirs = sum(
                stat.S_ISDIR(e.mode)
                for p, e in tree.items()
                if p != b"." and (os.path.dirname(p) or b".") == path
            )
            tree[path] = replaced(entry, size=0, nlink=2 + subdirs)
    return comparable(tree)


def by_driver(k: rumpy.Kernel, image: Path, **options: Any) -> Tree:
    """The tree as the driver reads it."""
    out: Tree = {}
    with k.mount("ffs", str(image), "/mnt", "ro", **options):
        for name in trees.names(k, b"/mnt"):
            path = b"/mnt" if name == b"." else b"/mnt/" + name
            out[name] = _entry(k, path)
    return comparable(out)


def _entry(k: rumpy.Kernel, path: bytes) -> Entry:
    st = k.lstat(path)
    digest, target = "", b""
    if stat.S_ISREG(st.st_mode) and st.st_size <= HASH_LIMIT:
        digest = trees.digest(k, path, 0, st.st_size)
    if stat.S_ISLNK(st.st_mode):
        target = os.fsencode(k.readlink(path))
    return Entry(
        mode=st.st_mode,
        uid=st.st_uid,
        gid=st.st_gid,
        nlink=st.st_nlink,
        size=st.st_size,
        mtime=st.st_mtime_ns // 1_000_000_000,
        rdev=st.st_rdev,
        digest=digest,
        target=target,
    )


def comparable(tree: Tree) -> Tree:
    """Without what only one side means: sizes of directories, device numbers of
    what is no device."""
    out = {}
    for path, e in tree.items():
        device = stat.S_ISCHR(e.mode) or stat.S_ISBLK(e.mode)
        sized = stat.S_ISREG(e.mode) or stat.S_ISLNK(e.mode)
        out[path] = replaced(
            e, size=e.size if sized else 0, rdev=e.rdev if device else 0
        )
    return out


def replaced(entry: Entry, **changes: int) -> Entry:
    """An entry with other numbers."""
    import dataclasses

    return dataclasses.replace(entry, **changes)  # type: ignore[arg-type]
