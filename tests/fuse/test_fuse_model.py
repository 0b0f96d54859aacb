# SPDX-License-Identifier: BSD-2-Clause
"""Random operations on a mount and on the host's own file system alike.

Every result and every error must be the same, and so must the trees at the
end, also after a new mount.  The seed is in the test's name; RUMPY_FUSE_STEPS
makes it longer.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import random
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from ffs import ffscheck
from fusehelp import skip_unmountable

STEPS = int(os.environ.get("RUMPY_FUSE_STEPS", "1500"))
NAMES = [*"abcdef", "a-rather-longer-name-that-takes-room-in-its-directory"]


class Twin:
    """The same operations on two trees."""

    def __init__(self, one: Path, other: Path, seed: int) -> None:
        self.roots = (one, other)
        self.random = random.Random(seed)
        self.open: list[tuple[int, int]] = []
        self.log: list[str] = []

    def both(self, what: str, do: Callable[[Path], object]) -> None:
        """Do it on both, and compare what comes of it."""
        results = []
        for root in self.roots:
            try:
                results.append(do(root))
            except OSError as error:
                results.append(("errno", error.errno))
        self.log.append(f"{what} -> {results[0]!r:.60}")
        assert results[0] == results[1], "\n".join(self.log[-30:])

    def path(self) -> str:
        """A name somewhere in the tree, which may exist."""
        depth = self.random.choice((1, 1, 1, 2, 2, 3))
        return "/".join(self.random.choice(NAMES) for _ in range(depth))

    def step(self) -> None:
        """One operation."""
        choice = self.random.choice(
            [
                self.write, self.write, self.append, self.truncate, self.mkdir,
                self.unlink, self.unlink, self.rmdir, self.rename, self.rename,
                self.link, self.symlink, self.chmod, self.stat, self.listdir,
                self.read, self.open_file, self.open_file, self.use_open,
                self.use_open, self.use_open, self.close_one,
            ]
        )  # fmt: skip
        choice()

    def data(self) -> bytes:
        size = self.random.choice((0, 1, 511, 4096, 10_000, 40_000, 200_000))
        return self.random.randbytes(8) * (size // 8 + 1)

    def write(self) -> None:
        name, data = self.path(), self.data()
        self.both(f"write {name} {len(data)}", lambda r: (r / name).write_bytes(data))

    def append(self) -> None:
        name, data = self.path(), self.data()

        def do(root: Path) -> int:
            with open(root / name, "ab") as file:
                return file.write(data)

        self.both(f"append {name} {len(data)}", do)

    def truncate(self) -> None:
        name, size = self.path(), self.random.randrange(300_000)
        self.both(f"truncate {name} {size}", lambda r: os.truncate(r / name, size))

    def mkdir(self) -> None:
        name = self.path()
        self.both(f"mkdir {name}", lambda r: os.mkdir(r / name))

    def unlink(self) -> None:
        name = self.path()
        self.both(f"unlink {name}", lambda r: os.unlink(r / name))

    def rmdir(self) -> None:
        name = self.path()
        self.both(f"rmdir {name}", lambda r: os.rmdir(r / name))

    def rename(self) -> None:
        old, new = self.path(), self.path()
        self.both(f"rename {old} {new}", lambda r: os.rename(r / old, r / new))

    def link(self) -> None:
        old, new = self.path(), self.path()

        def do(root: Path) -> None:
            os.link(root / old, root / new, follow_symlinks=False)

        self.both(f"link {old} {new}", do)

    def symlink(self) -> None:
        name, target = self.path(), self.path() * self.random.choice((1, 1, 5))
        self.both(f"symlink {name}", lambda r: os.symlink(target, r / name))

    def chmod(self) -> None:
        name, mode = self.path(), self.random.choice((0o600, 0o644, 0o755, 0o700))

        def change(root: Path) -> None:
            # An ordinary user has to get into directories to compare them.
            enter = 0o700 if (root / name).is_dir() else 0
            os.chmod(root / name, mode | enter)

        self.both(f"chmod {name} {mode:o}", change)

    def stat(self) -> None:
        name = self.path()

        def do(root: Path) -> object:
            found = os.lstat(root / name)
            size = found.st_size if not stat.S_ISDIR(found.st_mode) else 0
            return found.st_mode, found.st_nlink, size

        self.both(f"stat {name}", do)

    def listdir(self) -> None:
        name = self.random.choice(("", self.path()))
        self.both(f"listdir {name}", lambda r: sorted(os.listdir(r / name)))

    def read(self) -> None:
        name = self.path()
        self.both(f"read {name}", lambda r: digest((r / name).read_bytes()))

    def open_file(self) -> None:
        name = self.path()
        flags = self.random.choice((os.O_RDWR, os.O_RDWR | os.O_CREAT))
        fds = []
        for root in self.roots:
            try:
                fds.append(os.open(root / name, flags, 0o644))
            except OSError as error:
                fds.append(-(error.errno or 0))
        self.log.append(f"open {name} -> {fds}")
        assert (fds[0] < 0) == (fds[1] < 0) and (fds[0] > 0 or fds[0] == fds[1]), (
            "\n".join(self.log[-30:])
        )
        if fds[0] >= 0:
            self.open.append((fds[0], fds[1]))

    def use_open(self) -> None:
        if not self.open:
            return
        pair = self.random.choice(self.open)
        where, data = self.random.randrange(200_000), self.data()
        size = self.random.randrange(300_000)
        kind = self.random.choice(("pwrite", "pread", "ftruncate", "fstat", "fsync"))
        index = iter(pair)

        def do(root: Path) -> object:
            fd = next(index)
            if kind == "pwrite":
                return os.pwrite(fd, data, where)
            if kind == "pread":
                return digest(os.pread(fd, size, where))
            if kind == "ftruncate":
                return os.ftruncate(fd, size)
            if kind == "fsync":
                return os.fsync(fd)
            return os.fstat(fd).st_size, os.fstat(fd).st_nlink

        self.both(f"{kind} {pair} {where} {len(data)} {size}", do)

    def close_one(self) -> None:
        if self.open:
            for fd in self.open.pop(self.random.randrange(len(self.open))):
                os.close(fd)

    def close_all(self) -> None:
        while self.open:
            self.close_one()


def digest(data: bytes) -> str:
    """Short for the contents."""
    return f"{len(data)} {hashlib.sha256(data).hexdigest()[:16]}"


def contents(root: Path) -> dict[str, object]:
    """The whole tree."""
    found: dict[str, object] = {}
    # Not rglob: up to Python 3.12 it follows links, and trips over long targets.
    paths = [
        Path(top, name)
        for top, dirs, files in os.walk(root)
        for name in (*dirs, *files)
    ]
    for path in sorted(paths):
        st = path.lstat()
        body: object = None
        if stat.S_ISLNK(st.st_mode):
            body = os.readlink(path)
        elif stat.S_ISREG(st.st_mode):
            body = digest(path.read_bytes())
        links = st.st_nlink
        found[str(path.relative_to(root))] = (st.st_mode, links, body)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_random_operations(built: None, image: Path, tmp_path: Path, seed: int) -> None:
    skip_unmountable()
    from rumpy.fuse import mount, umount

    where, model = tmp_path / "mnt", tmp_path / "model"
    where.mkdir()
    model.mkdir()
    mount(None, image, where)
    try:
        (where / "t").mkdir()
        twin = Twin(where / "t", model, seed)
        try:
            for _ in range(STEPS):
                twin.step()
        finally:
            twin.close_all()
        assert contents(where / "t") == contents(model)
    finally:
        umount(where)
    assert ffscheck.check(image.read_bytes()).problems == []
    mount(None, image, where, "ro")
    try:
        assert contents(where / "t") == contents(model)
    finally:
        umount(where)


def test_direct_reads_see_what_was_written(
    built: None, image: Path, tmp_path: Path
) -> None:
    """Pieces from the disk, from the kernel's cache, and from holes, in one read."""
    skip_unmountable()
    from rumpy.fuse import mount, umount

    pick = random.Random(5)
    where = tmp_path / "mnt"
    where.mkdir()
    size = 300_000 + 777
    data = bytearray(size)
    for turn in range(3):
        mount(None, image, where)
        fd = os.open(where / "direct", os.O_RDWR | os.O_CREAT | os.O_DIRECT)
        plain = os.open(where / "direct", os.O_RDWR)
        os.ftruncate(fd, size)
        for _ in range(40):
            at = pick.randrange(size)
            piece = pick.randbytes(min(pick.choice((10, 5000, 70_000)), size - at))
            if pick.random() < 0.3:
                assert os.pwrite(plain, piece, at) == len(piece)
                data[at : at + len(piece)] = piece
            at = pick.randrange(0, size, 512)
            want = pick.choice((512, 4096, 65536, 131_072, 524_288))
            buffer = mmap.mmap(-1, want)
            got = os.preadv(fd, [buffer], at)
            assert buffer[:got] == data[at : at + want], (turn, at, want)
            buffer.close()
        os.close(fd)
        os.close(plain)
        umount(where)
