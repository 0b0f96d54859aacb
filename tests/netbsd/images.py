# SPDX-License-Identifier: BSD-2-Clause
"""Small images of old file systems that no tool here makes.

Each function takes a tree (name -> contents, or -> another tree) and returns an
image.  Only what the formats' descriptions say is written: enough to mount and to
read, nothing of what a real disk would have besides.
"""

from __future__ import annotations

import struct
from typing import TypeAlias, Union

Tree: TypeAlias = dict[str, Union[bytes, "Tree"]]

BLOCK = 512


def flat(tree: Tree) -> dict[str, bytes]:
    """The files of a tree that has no directories."""
    return {name: data for name, data in tree.items() if isinstance(data, bytes)}


class Disk:
    """Blocks of 512 bytes; `take` gives the next free ones."""

    def __init__(self, blocks: int, first: int) -> None:
        self.data = bytearray(blocks * BLOCK)
        self.free = first

    def put(self, block: int, data: bytes) -> None:
        """Write from a block on."""
        assert (block * BLOCK) + len(data) <= len(self.data), "the image is full"
        self.data[block * BLOCK : block * BLOCK + len(data)] = data

    def take(self, data: bytes) -> tuple[int, int]:
        """Write to the next free blocks: the first, and how many."""
        first, count = self.free, -(-len(data) // BLOCK)
        self.put(first, data)
        self.free += count
        return first, count


# --- System V's boot file system -----------------------------------------------


def bfs(tree: Tree, blocks: int = 6000) -> bytes:
    """SCO's and Unixware's BFS: one directory, files one after the other."""
    files = flat(tree)
    inodes = 64
    start = 1 + inodes * 64 // BLOCK
    disk = Disk(blocks, start)
    names = struct.pack("<H14s", 2, b".") + struct.pack("<H14s", 2, b"..")
    for number, name in enumerate(files, 3):
        names += struct.pack("<H14s", number, name.encode())
    # Room for files that are made later.
    room = max(-(-len(names) // BLOCK) * BLOCK, 1024)
    table = bytearray(inodes * 64)

    def inode(number: int, kind: int, first: int, size: int, last: int) -> None:
        mode = 0o40755 if kind == 2 else 0o100644
        end = first * BLOCK + size - 1 if size else 0xFFFFFFFF
        entry = struct.pack("<HhIII", number, 0, first, last, end)
        entry += struct.pack("<IIiiIiii", kind, mode, 0, 0, 1, 10**9, 10**9, 10**9)
        table[(number - 2) * 64 : (number - 2) * 64 + len(entry)] = entry

    first, count = disk.take(names.ljust(room, b"\0"))
    inode(2, 2, first, len(names), first + count - 1)
    for number, data in enumerate(files.values(), 3):
        first, count = disk.take(data)
        last = first + max(count, 1) - 1
        if not data:
            first = last = 0
        inode(number, 1, first, len(data), last)
    head = struct.pack("<III", 0x1BADFACE, start * BLOCK, blocks * BLOCK - 1)
    head += struct.pack("<iiii", -1, -1, -1, -1) + b"rumpy\0test\0\0"
    disk.put(0, head)
    disk.put(1, bytes(table))
    return bytes(disk.data)


# --- Seventh edition ------------------------------------------------------------


def _pdp(value: int) -> bytes:
    """Three bytes of a block's number, little-endian."""
    return struct.pack("<I", value)[:3]


class _V7:
    ILIST = 40  # blocks of inodes

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.start = 2 + self.ILIST
        self.disk = Disk(blocks, self.start)
        self.next = 3

    def addresses(self, data: bytes) -> bytes:
        """Thirteen of them: ten blocks, then one and two levels of lists."""
        first, count = self.disk.take(data)
        numbers = list(range(first, first + count))
        direct, rest = numbers[:10], numbers[10:]
        direct += [0] * (10 - len(direct))
        once, rest = self.lists(rest[:128]), rest[128:]
        twice = 0
        if rest:
            tops = [self.lists(rest[i : i + 128]) for i in range(0, len(rest), 128)]
            twice = self.lists(tops)
        return b"".join(_pdp(n) for n in [*direct, once, twice, 0]) + b"\0"

    def lists(self, numbers: list[int]) -> int:
        if not numbers:
            return 0
        data = struct.pack(f"<{len(numbers)}I", *numbers).ljust(BLOCK, b"\0")
        return self.disk.take(data)[0]

    def inode(self, number: int, mode: int, links: int, data: bytes) -> None:
        entry = struct.pack("<HhhhI", mode, links, 0, 0, len(data))
        entry += self.addresses(data) + struct.pack("<III", 10**9, 10**9, 10**9)
        at = 2 * BLOCK + (number - 1) * 64
        self.disk.data[at : at + 64] = entry

    def add(self, tree: Tree, number: int, parent: int) -> None:
        names = struct.pack("<H14sH14s", number, b".", parent, b"..")
        links = 2
        for name, what in tree.items():
            child, self.next = self.next, self.next + 1
            names += struct.pack("<H14s", child, name.encode())
            if isinstance(what, bytes):
                self.inode(child, 0o100644, 1, what)
            else:
                links += 1
                self.add(what, child, number)
        self.inode(number, 0o40755, links, names)

    def superblock(self) -> None:
        """Free blocks in a chain, fifty to a link, ended by block 0."""
        cache = [0]
        free = range(self.disk.free, self.blocks)
        for block in reversed(free):
            if len(cache) == 50:
                self.disk.put(block, struct.pack(f"<h{len(cache)}I", 50, *cache))
                cache = []
            cache.append(block)
        inodes = list(range(self.next, self.ILIST * 8))
        kept = inodes[:100]
        data = struct.pack(
            "<HIh50I",
            self.start,
            self.blocks,
            len(cache),
            *cache,
            *[0] * (50 - len(cache)),
        )
        data += struct.pack("<h100H", len(kept), *kept, *[0] * (100 - len(kept)))
        data += struct.pack("<bbbbIIH", 0, 0, 0, 0, 10**9, len(free), len(inodes))
        self.disk.put(1, data)


def v7(tree: Tree, blocks: int = 6000) -> bytes:
    """Unix's of 1979, on a little-endian machine."""
    image = _V7(blocks)
    image.add(tree, 2, 2)
    image.inode(1, 0o100000, 0, b"")
    image.superblock()
    return bytes(image.disk.data)


# --- IRIX -----------------------------------------------------------------------


class _Efs:
    FIRST, INODES = 8, 64  # where the one group is; its blocks of inodes

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.disk = Disk(blocks, self.FIRST + self.INODES)
        self.next = 3

    def inode(self, number: int, mode: int, links: int, data: bytes) -> None:
        first, count = self.disk.take(data)
        extents, done = b"", 0
        while done < count:
            n = min(248, count - done)
            extents += struct.pack(">II", first + done, n << 24 | done)
            done += n
        used = len(extents) // 8
        if used > 12:
            where, blocks = self.disk.take(extents)
            extents = struct.pack(">II", where, blocks << 24 | 1)
        entry = struct.pack(">HhHHi", mode, links, 0, 0, len(data))
        entry += struct.pack(">IIIihBB", 10**9, 10**9, 10**9, 1, used, 0, 0)
        at = self.FIRST * BLOCK + number * 128
        self.disk.data[at : at + 128] = (entry + extents).ljust(128, b"\0")

    def directory(self, names: list[tuple[str, int]]) -> bytes:
        """Blocks of names that grow downwards, and of their offsets."""
        data, slots, top = b"", b"", BLOCK
        body = bytearray(BLOCK)
        for name, number in names:
            entry = struct.pack(">IB", number, len(name)) + name.encode()
            entry += b"\0" * (len(entry) % 2)
            if 4 + len(slots) + 1 > top - len(entry):
                data += self.dirblock(body, slots, top)
                slots, top, body = b"", BLOCK, bytearray(BLOCK)
            top -= len(entry)
            body[top : top + len(entry)] = entry
            slots += bytes([top >> 1])
        return data + self.dirblock(body, slots, top)

    def dirblock(self, body: bytearray, slots: bytes, top: int) -> bytes:
        head = struct.pack(">HBB", 0xBEEF, top >> 1, len(slots)) + slots
        return head + bytes(body[len(head) :])

    def add(self, tree: Tree, number: int, parent: int) -> None:
        names, links = [(".", number), ("..", parent)], 2
        for name, what in tree.items():
            child, self.next = self.next, self.next + 1
            names.append((name, child))
            if isinstance(what, bytes):
                self.inode(child, 0o100644, 1, what)
            else:
                links += 1
                self.add(what, child, number)
        self.inode(number, 0o40755, links, self.directory(names))

    def superblock(self) -> None:
        size = self.blocks - self.FIRST
        data = struct.pack(">iii", self.blocks, self.FIRST, size)
        data += struct.pack(">hhhhhh", self.INODES, 1, 1, 1, 0, 0)
        data += struct.pack(">ii6s6s", 10**9, 0x00072959, b"rumpy", b"test")
        data += struct.pack(
            ">iiiiii",
            self.blocks // 8,
            self.blocks - self.disk.free,
            self.INODES * 4 - self.next,
            0,
            0,
            self.next - 1,
        )
        data = data.ljust(88, b"\0")
        check = 0
        for (word,) in struct.iter_unpack(">H", data):
            check ^= word
            check = (check << 1 | check >> 31) & 0xFFFFFFFF
        self.disk.put(1, data + struct.pack(">I", check))


def efs(tree: Tree, blocks: int = 6000) -> bytes:
    """Silicon Graphics' of before XFS, one cylinder group."""
    image = _Efs(blocks)
    image.add(tree, 2, 2)
    image.superblock()
    return bytes(image.disk.data)


# --- Amiga ----------------------------------------------------------------------


class _Amiga:
    FILE, ROOT, DIRECTORY, SHORT, LIST = -3, 1, 2, 2, 16
    SLOTS = 72

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.disk = Disk(blocks, 2)
        self.root = (blocks - 1 + 2) // 2

    def take(self, data: bytes = b"\0") -> int:
        """Blocks of the disk, except for the root's."""
        count = max(1, -(-len(data) // BLOCK))
        if self.disk.free <= self.root < self.disk.free + count:
            self.disk.free = self.root + 1
        return self.disk.take(data.ljust(count * BLOCK, b"\0"))[0]

    def block(self, number: int, words: dict[int, int], name: str = "") -> None:
        """One with a check sum, which makes all its words add up to zero."""
        data = bytearray(BLOCK)
        for index, value in words.items():
            struct.pack_into(">I", data, index * 4, value & 0xFFFFFFFF)
        data[432 : 433 + len(name)] = bytes([len(name)]) + name.encode()
        total = sum(word for (word,) in struct.iter_unpack(">I", data))
        struct.pack_into(">I", data, 20, -total & 0xFFFFFFFF)
        self.disk.put(number, bytes(data))

    def file(
        self, number: int, parent: int, chain: int, name: str, data: bytes
    ) -> None:
        first = self.take(data) if data else 0
        blocks = list(range(first, first + -(-len(data) // BLOCK)))
        parts = [blocks[i : i + 72] for i in range(0, len(blocks), 72)] or [[]]
        keys = [number, *(self.take() for _ in parts[1:])]
        for index, (key, part) in enumerate(zip(keys, parts, strict=True)):
            words = {77 - i: block for i, block in enumerate(part)}
            follows = keys[index + 1] if index + 1 < len(keys) else 0
            words |= {1: key, 2: len(part), 126: follows, 127: self.FILE}
            if index:
                self.block(key, words | {0: self.LIST, 125: number})
            else:
                words |= {0: self.SHORT, 4: first, 81: len(data), 105: 8000}
                self.block(key, words | {124: chain, 125: parent}, name)

    def directory(
        self, number: int, parent: int, chain: int, name: str, tree: Tree
    ) -> None:
        heads: dict[int, int] = {}
        for child, what in tree.items():
            slot, key = self.slot(child), self.take()
            if isinstance(what, bytes):
                self.file(key, number, heads.get(slot, 0), child, what)
            else:
                self.directory(key, number, heads.get(slot, 0), child, what)
            heads[slot] = key
        words = {6 + slot: key for slot, key in heads.items()}
        if number == self.root:
            words |= {3: self.SLOTS, 78: 0xFFFFFFFF, 127: self.ROOT, 105: 8000}
            words |= {79: self.take(b"\xff" * BLOCK)}
        else:
            words |= {1: number, 127: self.DIRECTORY, 105: 8000}
            words |= {124: chain, 125: parent}
        self.block(number, words | {0: self.SHORT}, name)

    def slot(self, name: str) -> int:
        value = len(name)
        for char in name.upper():
            value = (value * 13 + ord(char)) & 0x7FF
        return value % self.SLOTS


def amiga(tree: Tree, blocks: int = 6000) -> bytes:
    """AmigaDOS's "fast" file system."""
    image = _Amiga(blocks)
    image.disk.put(0, b"DOS\1")
    image.directory(image.root, 0, 0, "rumpy", tree)
    return bytes(image.disk.data)
