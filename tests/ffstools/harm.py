# SPDX-License-Identifier: BSD-2-Clause
"""Harm done to images by chance, and what a repair may not lose then.

A number says which image is made, of which format, geometry and flavour, and
what is done to it.  promise() repairs a harmed image and tells what is wrong:
something is left that a second run or ffscheck.py finds, or an inode that was
not touched, nor any of its blocks, is no longer what it was.

    python tests/ffstools/harm.py [--seconds N] [--first SEED] [--count N]
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import random
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[i]) for i in (1, 2)]

from ffs import ffscheck, flavours, images  # noqa: E402

from rumpy.errors import ImageError  # noqa: E402
from rumpy.ffstools import fsck, newfs  # noqa: E402

#: Block and fragment sizes.
GEOMETRIES = [(4096, 512), (4096, 4096), (8192, 1024), (8192, 4096), (16384, 2048)]
GEOMETRIES += [(16384, 16384), (32768, 4096), (65536, 8192)]
#: Images of other systems and with things that newfs does not make.
FIXTURES = ["nb-bsd43be-4k", "nb-bsd43le-8k", "nb-ffs1le-16k-extattr", "wal-mixed1"]
FIXTURES += ["wal-open", "wal-unlink", "nb-ffs2le-8k-quota2", "nb-ffs1be-8k-frag2"]
FIXTURES += ["wal-rename", "nb-makefs-ffs2be-8k", "nb-fbsd-ufs2-16k", "wal-truncate"]


@dataclass(frozen=True, slots=True)
class Known:
    """What an inode was before the harm.

    Attributes:
        digest: of contents and of what stat() tells.
        places: (from, to) in the image, bytes, that are its own.
    """

    digest: str
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Base:
    """An image without fault.

    Attributes:
        data: its bytes.
        journal: whether a journal is replayed before anything else.
        known: inode number -> what it was.
        directories: which of them are directories.
    """

    name: str
    data: bytes
    journal: bool
    known: dict[int, Known]
    directories: frozenset[int]


def _inodes(reader: ffscheck.Image) -> list[ffscheck.Inode]:
    checker = ffscheck.Checker(reader)
    checker.scan_inodes()
    return list(checker.inodes.values())


def _digest(reader: ffscheck.Image, inode: ffscheck.Inode) -> str:
    """Of a file's contents, mode, owners, size, times and attributes."""
    at = reader.inode_offset(inode.number)
    raw = reader.data[at : at + (256 if reader.sb.v2 else 128)]
    found = hashlib.blake2b(digest_size=12)
    if reader.sb.v2:
        found.update(raw[0:2] + raw[4:24] + raw[32:92])
        for k, ptr in enumerate(inode.extb):
            left = min(inode.extsize - k * reader.sb.bsize, reader.sb.bsize)
            if ptr != 0 and left > 0:
                found.update(reader.frags(ptr, left))
    else:
        found.update(raw[0:2] + raw[4:40] + raw[100:104] + raw[108:120])
    if not inode.isdir:
        size = inode.size if inode.size < 1 << 24 else 0
        found.update(reader.content(inode) if size else b"")
    return found.hexdigest()


def _places(
    reader: ffscheck.Image, inode: ffscheck.Inode
) -> tuple[tuple[int, int], ...]:
    sb = reader.sb
    at = reader.inode_offset(inode.number)
    found = [(at, at + (256 if sb.v2 else 128))]
    for _, first, count in reader.blocks(inode):
        found.append((first * sb.fsize, (first + count) * sb.fsize))
    for k, ptr in enumerate(inode.extb):
        if ptr != 0 and inode.extsize > k * sb.bsize:
            found.append((ptr * sb.fsize, ptr * sb.fsize + sb.bsize))
    return tuple(found)


def base_of(name: str, data: bytes, *, journal: bool = False) -> Base:
    """Take stock of an image."""
    reader = ffscheck.Image(data)
    inodes = _inodes(reader)
    return Base(
        name=name,
        data=data,
        journal=journal,
        known={
            i.number: Known(_digest(reader, i), _places(reader, i))
            for i in inodes
            # Journals and quotas are the system's.
            if not i.flags & 0x400000
        },
        directories=frozenset(i.number for i in inodes if i.isdir),
    )


# -- images ----------------------------------------------------------------


def _tree(top: Path, rng: random.Random) -> None:
    """A small tree with something of everything that newfs puts in."""
    folders = [top]
    top.mkdir()
    for i in range(rng.randint(1, 8)):
        folders.append(rng.choice(folders) / ("d" * rng.randint(1, 40) + f"{i}"))
        folders[-1].mkdir()
    for i in range(rng.randint(3, 60)):
        path = rng.choice(folders) / ("n" * rng.choice([1, 8, 30, 200]) + f"{i}")
        kind = rng.randrange(10)
        if kind == 0:
            path.symlink_to("x" * rng.choice([5, 59, 60, 119, 120, 900]))
        elif kind == 1:
            with path.open("wb") as f:
                f.seek(rng.randrange(1 << rng.randint(10, 23)))
                f.write(rng.randbytes(3000))
        else:
            path.write_bytes(rng.randbytes(rng.randrange(1 << rng.randint(1, 18))))
            if kind == 2:
                (rng.choice(folders) / f"link{i}").hardlink_to(path)
    if rng.random() < 0.3:
        for i in range(rng.randint(50, 700)):
            (folders[-1] / f"{i}{'m' * (i % 40)}").touch()


def _hashed(data: bytearray) -> bytes:
    """The image with all of FreeBSD's hashes; fsck computes most of them."""
    home = flavours.SBLOCK
    (flags,) = struct.unpack_from("<I", data, home + flavours.FLAGS)
    struct.pack_into("<I", data, home + flavours.METACKHASH, 7)
    struct.pack_into("<I", data, home + flavours.FLAGS, flags | 0x200)
    struct.pack_into("<I", data, home + flavours.SBHASH, 0)
    raw = bytes(data[home : home + flavours.sb_u32(data, 104)])
    struct.pack_into(
        "<I", data, home + flavours.SBHASH, flavours.hashed(raw, flavours.SBHASH)
    )
    return bytes(data)


@functools.lru_cache(maxsize=64)
def base(seed: int, folder: Path) -> Base:
    """The image of a number."""
    rng = random.Random(f"base {seed}")
    if rng.random() < 0.2:
        name = rng.choice(FIXTURES)
        dirty = name.startswith("wal-")
        replayed = images.unpacked(f"{name}.replayed" if dirty else name)
        found = base_of(name, replayed)
        return Base(name, images.unpacked(name), dirty, found.known, found.directories)
    block, frag = rng.choice(GEOMETRIES)
    version, order = rng.choice([1, 2]), rng.choice(["little", "big"])
    top, image = folder / f"tree{seed}", folder / f"base{seed}.img"
    _tree(top, rng)
    small = block < 8192
    newfs(
        image,
        populate=top,
        version=version,
        order=order,
        block_size=block,
        fragment_size=frag,
        free=rng.choice([20, 60]) * block,
        log=rng.choice([0, 0, 1 << 18 if small else 1 << 20]),
        superblock=rng.choice([None, None, 0, 8192, 65536, 262144]),
        date=10**9,
    )
    data = image.read_bytes()
    name = f"FFSv{version} {order} {block}/{frag}"
    at = ffscheck.Image(data).sb.where
    if version == 2 and order == "little" and at == 65536 and rng.random() < 0.5:
        image.write_bytes(_hashed(bytearray(data)))
        fsck(image, mode="repair")
        data = image.read_bytes()
        name += " with hashes"
    image.unlink()
    return base_of(name, data)


# -- harm ------------------------------------------------------------------


class Harm:
    """Changes bytes, and notes which."""

    def __init__(self, data: bytearray, rng: random.Random) -> None:
        self.data = data
        self.rng = rng
        self.reader = ffscheck.Image(bytes(data))
        self.inodes = _inodes(self.reader)
        self.touched: list[tuple[int, int]] = []

    def put(self, at: int, new: bytes) -> None:
        """Write, if it lies in the image."""
        new = new[: max(0, len(self.data) - at)]
        if at >= 0 and new:
            self.data[at : at + len(new)] = new
            self.touched.append((at, at + len(new)))

    def block(self) -> int:
        """Where some block lies: one of a file, of metadata, or any."""
        sb, rng = self.reader.sb, self.rng
        kind = rng.randrange(4)
        if kind == 0:
            return rng.randrange(max(1, len(self.data) // sb.bsize)) * sb.bsize
        cg = rng.randrange(sb.ncg)
        start = sb.cgstart(cg)
        if kind == 1:
            frag = rng.choice([sb.sblkno, sb.cblkno, sb.iblkno])
            return (start + frag) * sb.fsize
        if kind == 2:
            return (start + sb.iblkno) * sb.fsize + rng.randrange(4) * sb.bsize
        places = _places(self.reader, rng.choice(self.inodes))
        return rng.choice(places)[0] // sb.fsize * sb.fsize

    def flips(self) -> None:
        """Single bits, near each other or not."""
        for _ in range(self.rng.randint(1, 20)):
            at = self.block() + self.rng.randrange(self.reader.sb.bsize)
            if at < len(self.data):
                self.put(at, bytes([self.data[at] ^ 1 << self.rng.randrange(8)]))

    def zero(self) -> None:
        """Blocks and sectors that were never written."""
        for _ in range(self.rng.randint(1, 3)):
            size = self.rng.choice([512, 4096, self.reader.sb.bsize])
            self.put(self.block(), bytes(size))

    def noise(self) -> None:
        """A block of anything."""
        size = self.rng.choice([512, self.reader.sb.bsize])
        self.put(self.block(), self.rng.randbytes(size))

    def swap(self) -> None:
        """Two blocks change places, or one is written to two."""
        size = self.rng.choice([512, 4096, self.reader.sb.bsize])
        a, b = self.block(), self.block()
        first, second = self.data[a : a + size], self.data[b : b + size]
        if len(first) == len(second) == size and abs(a - b) >= size:
            self.put(b, bytes(first))
            if self.rng.random() < 0.5:
                self.put(a, bytes(second))

    def groups(self) -> None:
        """Two groups change places, as a whole or their maps only."""
        sb, rng = self.reader.sb, self.rng
        a, b = (sb.cgstart(rng.randrange(sb.ncg)) for _ in range(2))
        first, last = rng.choice(
            [(sb.cblkno, sb.iblkno), (sb.sblkno, sb.iblkno), (sb.iblkno, sb.dblkno)]
        )
        size = (last - first) * sb.fsize
        a, b = (a + first) * sb.fsize, (b + first) * sb.fsize
        if a == b:
            return
        one, two = self.data[a : a + size], self.data[b : b + size]
        self.put(b, bytes(one))
        self.put(a, bytes(two))

    def superblock(self) -> None:
        """Members of the first superblock."""
        for _ in range(self.rng.randint(1, 4)):
            at = self.reader.sb.where + 4 * self.rng.randrange(1376 // 4)
            self.put(at, self.value(4))

    def value(self, width: int) -> bytes:
        """A number that may mean something."""
        rng, sb = self.rng, self.reader.sb
        kind = rng.randrange(6)
        number = (
            0,
            rng.randrange(256),
            rng.randrange(sb.size),
            rng.randrange(sb.size) // sb.frag * sb.frag,
            (1 << (8 * width)) - 1 - rng.randrange(3),
            rng.randrange(1 << (8 * width)),
        )[kind]
        order = "big" if sb.order == ">" else "little"
        return number.to_bytes(8, "little" if order == "little" else "big")[
            : width if order == "little" else None
        ][-width:]

    def inode(self) -> None:
        """Members of inodes, used or free."""
        for _ in range(self.rng.randint(1, 5)):
            sb = self.reader.sb
            size = 256 if sb.v2 else 128
            number = self.rng.choice(self.inodes).number
            if self.rng.random() < 0.2:
                number = self.rng.randrange(2, sb.ipg * sb.ncg)
            width = self.rng.choice([2, 4, 8])
            at = self.rng.randrange(size // width) * width
            self.put(self.reader.inode_offset(number) + at, self.value(width))

    def modes(self) -> None:
        """Files become directories, directories files, links devices."""
        for _ in range(self.rng.randint(1, 3)):
            inode = self.rng.choice(self.inodes)
            mode = self.rng.choice(
                [0o040755, 0o100644, 0o120777, 0o020600, 0, 0o130000, 0o160000]
            )
            order = self.reader.o
            self.put(
                self.reader.inode_offset(inode.number), struct.pack(order + "H", mode)
            )

    def stolen(self) -> None:
        """A pointer of one file leads to another's block, as any level."""
        sb, rng = self.reader.sb, self.rng
        width = 8 if sb.v2 else 4
        pointers = 112 if sb.v2 else 40
        for _ in range(rng.randint(1, 3)):
            thief, owner = rng.choice(self.inodes), rng.choice(self.inodes)
            places = _places(self.reader, owner)[1:]
            if not places:
                continue
            frag = rng.choice(places)[0] // sb.fsize + rng.choice([0, 0, 0, 1])
            raw = struct.pack(self.reader.o + ("q" if sb.v2 else "i"), frag)
            at = self.reader.inode_offset(thief.number) + pointers
            self.put(at + width * rng.randrange(15), raw)

    def entries(self) -> None:
        """Bytes and numbers in directories."""
        folders = [i for i in self.inodes if i.isdir]
        for _ in range(self.rng.randint(1, 6)):
            start, end = self.rng.choice(
                _places(self.reader, self.rng.choice(folders))[1:] or [(0, 4)]
            )
            end = min(end, start + 1024)
            width = self.rng.choice([1, 2, 4])
            at = self.rng.randrange(start, end) // width * width
            self.put(at, self.value(8)[:width])

    def indirect(self) -> None:
        """Pointers in indirect blocks."""
        sb = self.reader.sb
        width = 8 if sb.v2 else 4
        big = [i for i in self.inodes if any(i.ib) and not self.reader.is_shortlink(i)]
        for _ in range(self.rng.randint(1, 6)):
            if not big:
                return
            inode = self.rng.choice(big)
            for lbn, first, _ in self.reader.blocks(inode):
                if lbn is None and self.rng.random() < 0.7:
                    at = first * sb.fsize + width * self.rng.choice(
                        [0, 1, 5, self.rng.randrange(sb.nindir)]
                    )
                    self.put(at, self.value(width))


KINDS: list[Callable[[Harm], None]] = [
    Harm.flips, Harm.zero, Harm.noise, Harm.swap, Harm.groups, Harm.superblock,
    Harm.inode, Harm.modes, Harm.stolen, Harm.entries, Harm.indirect,
]  # fmt: skip


def harmed(base: Base, seed: int) -> tuple[bytearray, list[tuple[int, int]], str]:
    """An image with the harm of a number, where it was done, and its kinds."""
    rng = random.Random(f"harm {seed}")
    harm = Harm(bytearray(base.data), rng)
    kinds = rng.choices(KINDS, k=rng.choice([1, 1, 1, 2, 3]))
    for kind in kinds:
        kind(harm)
    return harm.data, harm.touched, " ".join(k.__name__ for k in kinds)


def _hit(place: tuple[int, int], touched: list[tuple[int, int]]) -> bool:
    return any(a < place[1] and b > place[0] for a, b in touched)


def promise(base: Base, image: Path, touched: list[tuple[int, int]]) -> str | None:
    """Repair an image; which promise is broken then, or None."""
    try:
        report = fsck(image, mode="repair")
    except ImageError as error:
        return None if _headless(base, touched) else f"refused: {error}"
    if report.unrepairable:
        return f"left: {next(p.text for p in report.problems if not p.repairable)}"
    again = fsck(image)
    if not again.clean:
        return f"a second run finds: {again.problems[0]}"
    data = image.read_bytes()
    found = ffscheck.check(data).problems
    if found:
        return f"ffscheck finds: {found[0]}"
    kinds = {p.kind for p in report.problems}
    if "no-space" in kinds or (base.journal and "journal" in kinds & _serious(report)):
        return None
    reader = ffscheck.Image(data)
    after = {i.number: i for i in _inodes(reader)}
    for number, known in base.known.items():
        if any(_hit(place, touched) for place in known.places):
            continue
        if number not in after:
            return f"inode {number} was not touched, and is gone"
        if number in base.directories:
            continue
        if _digest(reader, after[number]) != known.digest:
            return f"inode {number} was not touched, and is another"
    return None


def _headless(base: Base, touched: list[tuple[int, int]]) -> bool:
    """Whether no superblock is left whole."""
    sb = ffscheck.Image(base.data).sb
    copies = [(sb.cgstart(cg) + sb.sblkno) * sb.fsize for cg in range(sb.ncg)]
    return all(_hit((at, at + 1376), touched) for at in [sb.where, *copies])


def _serious(report: object) -> set[str]:
    return {p.kind for p in getattr(report, "problems", ()) if p.serious}


def tried(seed: int, folder: Path) -> str | None:
    """Harm and repair the image of a number; what is wrong, or None."""
    good = base(seed // 16, folder)
    data, touched, kinds = harmed(good, seed)
    image = folder / "harmed.img"
    image.write_bytes(data)
    if good.journal:
        # What the journal brings lies over the harm, or beside it.
        touched = [(0, len(data))]
    wrong = promise(good, image, touched)
    return None if wrong is None else f"{good.name}, {kinds}: {wrong}"


def main() -> int:
    """Until time or count is up; exit code 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--first", type=int, default=random.randrange(1 << 40))
    parser.add_argument("--count", type=int, default=1 << 60)
    args = parser.parse_args()
    end = time.monotonic() + args.seconds
    bad = number = 0
    with tempfile.TemporaryDirectory(prefix="rumpy-harm") as scratch:
        while number < args.count and time.monotonic() < end:
            text = tried(args.first + number, Path(scratch))
            if text is not None:
                bad += 1
                print(f"--first {args.first + number} --count 1: {text}", flush=True)
            number += 1
    print(f"{number} images, {bad} of them not as promised")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
