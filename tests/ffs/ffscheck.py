# SPDX-License-Identifier: BSD-2-Clause
"""An independent reading of FFS images, and a check of their consistency.

Shares nothing with the driver but knowledge of the format.  ``check()`` walks
all inodes and all directories of an image and compares what it finds with the
link counts, block counts, bitmaps, group summaries and the superblock's
totals.  Knows FFSv1, FFSv2 and 4.3BSD inodes in both byte orders.
"""

from __future__ import annotations

import stat
import struct
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MAGIC1, MAGIC2, CG_MAGIC = 0x011954, 0x19540119, 0x090255
ROOT = 2
NDADDR, NIADDR = 12, 3
DIRBLK = 512


class NotFFS(Exception):
    """No believable superblock was found."""


@dataclass(slots=True)
class Super:
    """What of a superblock the checker needs, in fragments unless said."""

    order: str
    v2: bool
    old43: bool
    where: int
    sblkno: int
    cblkno: int
    iblkno: int
    dblkno: int
    cgoffset: int
    cgmask: int
    ncg: int
    bsize: int
    fsize: int
    frag: int
    ipg: int
    fpg: int
    cgsize: int
    size: int
    csaddr: int
    cssize: int
    contigsumsize: int
    maxsymlinklen: int
    clean: int
    flags: int
    metackhash: int
    totals: tuple[int, int, int, int]

    @property
    def nindir(self) -> int:
        """Pointers in an indirect block."""
        return self.bsize // (8 if self.v2 else 4)

    def cgstart(self, cg: int) -> int:
        """First fragment of a group's metadata frame."""
        base = self.fpg * cg
        if self.v2:
            return base
        return base + self.cgoffset * (cg & ~self.cgmask & 0xFFFFFFFF)


@dataclass(slots=True)
class Inode:
    """One allocated inode."""

    number: int
    mode: int
    nlink: int
    size: int
    blocks: int
    db: tuple[int, ...]
    ib: tuple[int, ...]
    raw: bytes
    flags: int = 0
    extsize: int = 0
    extb: tuple[int, ...] = ()

    @property
    def isdir(self) -> bool:
        """Whether it is a directory."""
        return stat.S_IFMT(self.mode) == stat.S_IFDIR


@dataclass(slots=True)
class Report:
    """What a check found wrong, and what it counted."""

    problems: list[str] = field(default_factory=list)
    inodes: int = 0
    directories: int = 0
    fragments: int = 0

    def add(self, text: str) -> None:
        """Note a problem (at most a hundred are kept)."""
        if len(self.problems) < 100:
            self.problems.append(text)


def crc32c(data: bytes) -> int:
    """CRC32C with all-ones start and no final inversion, as on disk."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc


def _crc_table() -> list[int]:
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    return table


_CRC = _crc_table()


class Image:
    """An FFS image in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.sb = self._superblock()
        self.o = self.sb.order

    # -- superblock ----------------------------------------------------

    def _superblock(self) -> Super:
        for where in (65536, 8192, 0, 262144):
            raw = self.data[where : where + 1376]
            if len(raw) < 1376:
                continue
            for order in "<>":
                (magic,) = struct.unpack_from(order + "I", raw, 1372)
                if magic in (MAGIC1, MAGIC2):
                    sb = self._decode(raw, where, order, magic == MAGIC2)
                    if sb is not None:
                        return sb
        raise NotFFS("no superblock")

    @staticmethod
    def _decode(raw: bytes, where: int, order: str, v2: bool) -> Super | None:
        def i32(off: int) -> int:
            return int(struct.unpack_from(order + "i", raw, off)[0])

        def i64(off: int) -> int:
            return int(struct.unpack_from(order + "q", raw, off)[0])

        updated = v2 or raw[211] & 0x80 != 0
        if updated and i64(1000) != where:
            return None
        if not updated and where not in (8192, 0):
            return None
        old = not updated
        return Super(
            order=order,
            v2=v2,
            old43=not v2 and i32(1324) < 2,
            where=where,
            sblkno=i32(8),
            cblkno=i32(12),
            iblkno=i32(16),
            dblkno=i32(20),
            cgoffset=i32(24),
            cgmask=i32(28),
            ncg=i32(44),
            bsize=i32(48),
            fsize=i32(52),
            frag=i32(56),
            ipg=i32(184),
            fpg=i32(188),
            cgsize=i32(160),
            size=i32(36) if old else i64(1080),
            csaddr=i32(152) if old else i64(1096),
            cssize=i32(156),
            contigsumsize=i32(1316),
            maxsymlinklen=max(0, i32(1320)),
            clean=raw[209],
            flags=raw[211] if old else i32(1312),
            metackhash=0 if old else i32(1308) & 0xFFFFFFFF,
            totals=(i32(192), i32(196), i32(200), i32(204))
            if old
            else (i64(1008), i64(1016), i64(1024), i64(1032)),
        )

    # -- reading -------------------------------------------------------

    def frags(self, first: int, nbytes: int) -> bytes:
        """Bytes from fragment *first* on."""
        off = first * self.sb.fsize
        return self.data[off : off + nbytes]

    def inode_offset(self, number: int) -> int:
        """Where an inode lies, in bytes."""
        sb = self.sb
        cg, idx = divmod(number, sb.ipg)
        size = 256 if sb.v2 else 128
        return (sb.cgstart(cg) + sb.iblkno) * sb.fsize + idx * size

    def inode(self, number: int) -> Inode | None:
        """One inode, or None if its mode is 0."""
        off = self.inode_offset(number)
        if self.sb.v2:
            raw = self.data[off : off + 256]
            mode, nlink = struct.unpack_from(self.o + "Hh", raw, 0)
            size, blocks = struct.unpack_from(self.o + "QQ", raw, 16)
            (flags,) = struct.unpack_from(self.o + "I", raw, 88)
            (extsize,) = struct.unpack_from(self.o + "i", raw, 92)
            extb = struct.unpack_from(self.o + "2q", raw, 96)
            ptrs = struct.unpack_from(self.o + "15q", raw, 112)
            data = raw[112:232]
        else:
            raw = self.data[off : off + 128]
            mode, nlink = struct.unpack_from(self.o + "Hh", raw, 0)
            (size,) = struct.unpack_from(self.o + "Q", raw, 8)
            ptrs = struct.unpack_from(self.o + "15i", raw, 40)
            (flags, blocks) = struct.unpack_from(self.o + "II", raw, 100)
            extsize, extb = 0, ()
            data = raw[40:100]
        if mode == 0:
            return None
        return Inode(
            number,
            mode,
            nlink,
            size,
            blocks,
            ptrs[:12],
            ptrs[12:],
            data,
            flags,
            extsize,
            extb,
        )

    def is_shortlink(self, ino: Inode) -> bool:
        """Whether a symbolic link's target lies in its inode."""
        if not stat.S_ISLNK(ino.mode):
            return False
        if self.sb.maxsymlinklen == 0:
            return ino.blocks == 0
        return ino.size < self.sb.maxsymlinklen

    def blocks(self, ino: Inode) -> Iterator[tuple[int | None, int, int]]:
        """(logical block or None, first fragment, fragments) of a file."""
        sb = self.sb
        if stat.S_IFMT(ino.mode) not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
            return
        if self.is_shortlink(ino):
            return
        for lbn, ptr in enumerate(ino.db):
            if ptr == 0:
                continue
            n = sb.frag
            left = ino.size - lbn * sb.bsize
            if 0 < left < sb.bsize:
                n = -(-left // sb.fsize)
            yield lbn, ptr, n
        first, span = NDADDR, 1
        for level, ptr in enumerate(ino.ib, 1):
            span *= sb.nindir
            if ptr != 0:
                yield from self._indirect(ptr, level, first)
            first += span

    def _indirect(
        self, ptr: int, level: int, first: int
    ) -> Iterator[tuple[int | None, int, int]]:
        sb = self.sb
        yield None, ptr, sb.frag
        raw = self.frags(ptr, sb.bsize)
        if len(raw) < sb.bsize:
            return
        span = sb.nindir ** (level - 1)
        ptrs = struct.unpack(f"{self.o}{sb.nindir}{'q' if sb.v2 else 'i'}", raw)
        for i, child in enumerate(ptrs):
            if child == 0:
                continue
            if level == 1:
                yield first + i, child, sb.frag
            else:
                yield from self._indirect(child, level - 1, first + i * span)

    def content(self, ino: Inode) -> bytes:
        """All of a (small) file."""
        if self.is_shortlink(ino):
            return ino.raw[: ino.size]
        out = bytearray(ino.size)
        bsize = self.sb.bsize
        for lbn, ptr, n in self.blocks(ino):
            if lbn is None or lbn * bsize >= ino.size:
                continue
            part = self.frags(ptr, n * self.sb.fsize)
            part = part[: ino.size - lbn * bsize]
            out[lbn * bsize : lbn * bsize + len(part)] = part
        return bytes(out)

    def entries(self, ino: Inode) -> Iterator[tuple[int, int, bytes] | str]:
        """(inode, d_type, name) of a directory, or a problem's text."""
        data = self.content(ino)
        for base in range(0, len(data), DIRBLK):
            off, end = base, min(base + DIRBLK, len(data))
            while off < end:
                number, reclen = struct.unpack_from(self.o + "IH", data, off)
                kind, namlen = data[off + 6], data[off + 7]
                if self.sb.old43:
                    (namlen,) = struct.unpack_from(self.o + "H", data, off + 6)
                    kind = 0
                if reclen < 12 or reclen % 4 or off + reclen > end:
                    yield f"bad d_reclen {reclen} at {off}"
                    break
                if number != 0:
                    if (8 + namlen + 1 + 3) & ~3 > reclen or namlen == 0:
                        yield f"bad d_namlen {namlen} at {off}"
                    name = data[off + 8 : off + 8 + namlen]
                    if b"/" in name or b"\0" in name:
                        yield f"bad name {name!r} at {off}"
                    if data[off + 8 + namlen] != 0:
                        yield f"name without NUL at {off}"
                    yield number, kind, name
                off += reclen

    def walk(self) -> Iterator[tuple[bytes, Inode]]:
        """(path, inode) of every name below the root."""
        root = self.inode(ROOT)
        assert root is not None
        todo = [(b"", root)]
        while todo:
            path, directory = todo.pop()
            yield path, directory
            for entry in self.entries(directory):
                if isinstance(entry, str) or entry[2] in (b".", b".."):
                    continue
                child = self.inode(entry[0])
                if child is None:
                    continue
                name = path + b"/" + entry[2]
                if child.isdir:
                    todo.append((name, child))
                else:
                    yield name, child


class Checker:
    """One check of one image."""

    def __init__(self, image: Image) -> None:
        self.im = image
        self.sb = image.sb
        self.report = Report()
        self.owner: dict[int, int] = {}
        self.inodes: dict[int, Inode] = {}
        self.links: dict[int, int] = defaultdict(int)

    def run(self) -> Report:
        """Do all of it."""
        self.reserve_metadata()
        self.scan_inodes()
        self.scan_directories()
        self.compare_links()
        self.compare_groups()
        self.report.inodes = len(self.inodes)
        return self.report

    def own(self, first: int, count: int, number: int) -> None:
        """Note that fragments belong to an inode (0: to the file system)."""
        for frag in range(first, first + count):
            if frag in self.owner:
                self.report.add(
                    f"inode {number}: fragment {frag} belongs to "
                    f"{self.owner[frag]} already"
                )
            self.owner[frag] = number

    def reserve_metadata(self) -> None:
        """Superblocks, groups' maps, inodes and the summary are taken."""
        sb = self.sb
        for cg in range(sb.ncg):
            start = sb.cgstart(cg)
            first = start + sb.sblkno if cg > 0 else 0
            self.own(first, min(start + sb.dblkno, sb.size) - first, 0)
        self.own(sb.csaddr, -(-sb.cssize // sb.fsize), 0)

    def initialised(self, cg: int) -> int:
        """Inodes of a group that were ever written."""
        if not self.sb.v2:
            return self.sb.ipg
        raw = self.cg_raw(cg)
        return min(int(struct.unpack_from(self.im.o + "I", raw, 120)[0]), self.sb.ipg)

    def cg_raw(self, cg: int) -> bytes:
        """The block of maps of a group."""
        sb = self.sb
        return self.im.frags(sb.cgstart(cg) + sb.cblkno, sb.cgsize)

    def scan_inodes(self) -> None:
        """Find all inodes, and who owns which fragment."""
        for cg in range(self.sb.ncg):
            for idx in range(self.initialised(cg)):
                number = cg * self.sb.ipg + idx
                ino = self.im.inode(number) if number >= ROOT else None
                if ino is not None:
                    self.inodes[number] = ino
                    self.scan_blocks(ino)

    def scan_blocks(self, ino: Inode) -> None:
        """Check the blocks of one file."""
        sb, used, last = self.sb, 0, -1
        for lbn, first, count in self.im.blocks(ino):
            if first <= 0 or first + count > sb.size:
                self.report.add(f"inode {ino.number}: bad block {first}")
                continue
            if lbn is not None and lbn * sb.bsize >= ino.size:
                self.report.add(f"inode {ino.number}: block {lbn} behind EOF")
            if first % sb.frag + count > sb.frag:
                self.report.add(
                    f"inode {ino.number}: block {lbn} at {first} is not aligned"
                )
            self.own(first, count, ino.number)
            used += count
            last = max(last, -1 if lbn is None else lbn)
        for i, ptr in enumerate(ino.extb):
            if ptr != 0 and ino.extsize > i * sb.bsize:
                left = min(ino.extsize - i * sb.bsize, sb.bsize)
                count = -(-left // sb.fsize)
                self.own(ptr, count, ino.number)
                used += count
        if used * sb.fsize // 512 != ino.blocks:
            self.report.add(
                f"inode {ino.number}: di_blocks {ino.blocks}, "
                f"counted {used * sb.fsize // 512}"
            )
        kind = stat.S_IFMT(ino.mode)
        if (
            kind in (stat.S_IFREG, stat.S_IFDIR)
            and ino.size > 0
            and last != (ino.size - 1) // sb.bsize
        ):
            self.report.add(f"inode {ino.number}: last block is a hole")
        if kind not in (
            stat.S_IFREG,
            stat.S_IFDIR,
            stat.S_IFLNK,
            stat.S_IFCHR,
            stat.S_IFBLK,
            stat.S_IFIFO,
            stat.S_IFSOCK,
        ):
            self.report.add(f"inode {ino.number}: mode {ino.mode:o}")

    def scan_directories(self) -> None:
        """Follow all names from the root."""
        seen: set[int] = set()
        todo = [(ROOT, ROOT)]
        while todo:
            number, parent = todo.pop()
            if number in seen:
                self.report.add(f"directory {number} has several names")
                continue
            seen.add(number)
            ino = self.inodes.get(number)
            if ino is None or not ino.isdir:
                self.report.add(f"inode {number} is no directory")
                continue
            if ino.size % DIRBLK:
                self.report.add(f"directory {number}: size {ino.size}")
            todo += self.scan_directory(ino, parent)
        self.report.directories = len(seen)
        for number, ino in self.inodes.items():
            if ino.isdir and number not in seen:
                self.report.add(f"directory {number} is not reachable")

    def scan_directory(self, ino: Inode, parent: int) -> list[tuple[int, int]]:
        """Check the entries of one directory; its subdirectories."""
        children = []
        names: set[bytes] = set()
        for entry in self.im.entries(ino):
            if isinstance(entry, str):
                self.report.add(f"directory {ino.number}: {entry}")
                continue
            number, kind, name = entry
            if name in names:
                self.report.add(f"directory {ino.number}: {name!r} twice")
            names.add(name)
            self.links[number] += 1
            expect = {b".": ino.number, b"..": parent}.get(name, number)
            if number != expect:
                self.report.add(
                    f"directory {ino.number}: {name!r} leads to {number}, not {expect}"
                )
            child = self.inodes.get(number)
            if child is None:
                self.report.add(
                    f"directory {ino.number}: {name!r} leads to free inode {number}"
                )
                continue
            if kind not in (0, stat.S_IFMT(child.mode) >> 12):
                self.report.add(f"directory {ino.number}: {name!r} has d_type {kind}")
            if child.isdir and name not in (b".", b".."):
                children.append((number, ino.number))
        if not {b".", b".."} <= names:
            self.report.add(f"directory {ino.number}: no . or ..")
        return children

    def compare_links(self) -> None:
        """Link counts against names."""
        for number, ino in self.inodes.items():
            # Quota files and a journal inside have no names.
            if ino.flags & 0x400000 or (
                self.links[number] == 0 and self.sb.flags & 0x200
            ):
                continue
            if ino.nlink != self.links[number]:
                self.report.add(
                    f"inode {number}: {ino.nlink} links, {self.links[number]} names"
                )

    def compare_groups(self) -> None:
        """Bitmaps, run counts and summaries."""
        sb = self.sb
        total = [0, 0, 0, 0]
        table = self.im.frags(sb.csaddr, sb.cssize)
        for cg in range(sb.ncg):
            sums = self.compare_group(cg)
            listed = struct.unpack_from(self.im.o + "4i", table, 16 * cg)
            if listed != sums:
                self.report.add(f"group {cg}: summary {listed}, is {sums}")
            for i in range(4):
                total[i] += sums[i]
        if tuple(total) != sb.totals:
            self.report.add(f"superblock totals {sb.totals}, are {tuple(total)}")

    def compare_group(self, cg: int) -> tuple[int, int, int, int]:
        """Check one group; the summary it should have."""
        sb, o = self.sb, self.im.o
        raw = self.cg_raw(cg)
        magic, _, cgx = struct.unpack_from(o + "III", raw, 4)
        (ndblk,) = struct.unpack_from(o + "I", raw, 20)
        base = sb.fpg * cg
        nfrags = min(sb.fpg, sb.size - base)
        if magic != CG_MAGIC or cgx != cg or ndblk != nfrags:
            self.report.add(f"group {cg}: bad head")
            return (0, 0, 0, 0)
        if sb.metackhash & 2:
            (want,) = struct.unpack_from(o + "I", raw, 132)
            if crc32c(raw[:132] + bytes(4) + raw[136:]) != want:
                self.report.add(f"group {cg}: check hash")
        iused, free = struct.unpack_from(o + "II", raw, 92)
        sums = (self.count_dirs(cg), *self.compare_frags(cg, raw[free:], nfrags, raw))
        nifree = self.compare_inodes(cg, raw[iused:])
        result = (sums[0], sums[1], nifree, sums[2])
        listed = struct.unpack_from(o + "4i", raw, 24)
        if listed != result:
            self.report.add(f"group {cg}: counts {listed}, are {result}")
        return result

    def count_dirs(self, cg: int) -> int:
        """Directories in a group."""
        return sum(
            ino.isdir and number // self.sb.ipg == cg
            for number, ino in self.inodes.items()
        )

    def compare_inodes(self, cg: int, bits: bytes) -> int:
        """The map of used inodes; how many are free."""
        free = 0
        for idx in range(self.sb.ipg):
            number = cg * self.sb.ipg + idx
            used = number < ROOT or number in self.inodes
            marked = bits[idx >> 3] >> (idx & 7) & 1 == 1
            if used != marked:
                self.report.add(f"inode {number}: used {used}, marked {marked}")
            free += not used
        return free

    def compare_frags(
        self, cg: int, bits: bytes, nfrags: int, raw: bytes
    ) -> tuple[int, int]:
        """The map of free fragments; free blocks and loose fragments."""
        sb = self.sb
        base, nb, nf = sb.fpg * cg, 0, 0
        frsum = [0] * 8
        isfree = []
        for frag in range(nfrags):
            used = base + frag in self.owner
            marked = bits[frag >> 3] >> (frag & 7) & 1 == 0
            if used != marked:
                self.report.add(
                    f"fragment {base + frag}: used {used} (by "
                    f"{self.owner.get(base + frag)}), marked "
                    f"{marked}"
                )
            isfree.append(not used)
        blockmap = []
        for blk in range(0, nfrags, sb.frag):
            part = isfree[blk : blk + sb.frag]
            whole = len(part) == sb.frag and all(part)
            blockmap.append(whole)
            if whole:
                nb += 1
                continue
            nf += sum(part)
            for run in "".join("1" if p else "0" for p in part).split("0"):
                if run:
                    frsum[len(run)] += 1
        self.report.fragments += nfrags - nb * sb.frag - nf
        listed = list(struct.unpack_from(self.im.o + "8I", raw, 52))
        if listed != frsum:
            self.report.add(f"group {cg}: cg_frsum {listed}, is {frsum}")
        self.compare_clusters(cg, raw, blockmap[: nfrags // sb.frag])
        return nb, nf

    def compare_clusters(self, cg: int, raw: bytes, blockmap: list[bool]) -> None:
        """The counts of free runs of blocks."""
        limit = self.sb.contigsumsize
        if limit <= 0 or self.sb.old43:
            return
        sumoff, mapoff = struct.unpack_from(self.im.o + "II", raw, 104)
        want = [0] * (limit + 1)
        for run in "".join("1" if b else "0" for b in blockmap).split("0"):
            if run:
                want[min(len(run), limit)] += 1
        listed = list(struct.unpack_from(f"{self.im.o}{limit + 1}i", raw, sumoff))
        if listed[1:] != want[1:]:
            self.report.add(f"group {cg}: clusters {listed}, are {want}")
        for blk, whole in enumerate(blockmap):
            if (raw[mapoff + (blk >> 3)] >> (blk & 7) & 1 == 1) != whole:
                self.report.add(f"group {cg}: cluster map at block {blk}")


def check(data: bytes) -> Report:
    """Check an image given as bytes.  Raises NotFFS."""
    return Checker(Image(data)).run()


def main() -> int:
    """Check the images named on the command line."""
    bad = 0
    for name in sys.argv[1:]:
        report = check(Path(name).read_bytes())
        print(
            f"{name}: {report.inodes} inodes, {report.directories} "
            f"directories, {len(report.problems)} problems"
        )
        for text in report.problems[:20]:
            print("   ", text)
        bad += bool(report.problems)
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
