#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a power cut may leave of a file system with a journal.

    crash.py [--seconds N] [--seed N]

A script of operations runs on a disk that records every write and flush.  Then
the disk is rebuilt as it may be when the power fails after any write: what was
written since the last flush arrived in part, in any order, the last of it torn.
Of each such disk this is asked:

 - it mounts, and after the replay ffscheck finds nothing;
 - its tree is the one after some first operations of the script: none half
   done, none before the last fsync or sync missing;
 - what was fsynced of a file's contents is there;
 - a read-only mount shows the same tree without changing the disk.

As a program: all prefixes of all scripts, then random scripts until the time
is up.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import random
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import rumpy
from rumpy.block import MemoryDevice, PowerCut, Recorder
from tests.ffs import images
from tests.ffs.ffscheck import check

#: Of each path: type, inode, links, mode, target of a symbolic link.
Tree = dict[str, tuple[int, int, int, int, str]]
Action = Callable[["Script"], None]


def look(k: rumpy.Kernel, top: str) -> Tree:
    """The tree below a directory."""
    found: Tree = {}
    todo = [top]
    while todo:
        where = todo.pop()
        for name in k.listdir(where):
            path = f"{where}/{name}"
            st = k.lstat(path)
            kind = stat.S_IFMT(st.st_mode)
            target = str(k.readlink(path)) if kind == stat.S_IFLNK else ""
            found[path[len(top) + 1 :]] = (
                kind,
                st.st_ino,
                st.st_nlink,
                stat.S_IMODE(st.st_mode),
                target,
            )
            if kind == stat.S_IFDIR:
                todo.append(path)
    return found


@dataclass(slots=True)
class Contents:
    """What a file held when it was made durable, and until when that is sure.

    Attributes:
        data: its bytes.
        since: the operation that made them durable.
        until: the first later operation that changed more than it appended.
    """

    data: bytes
    since: int
    until: int | None = None


@dataclass(slots=True)
class Run:
    """What one run of a script has left.

    Attributes:
        base: the disk before.
        trees: the tree after each number of operations.
        starts, ends: entries of the log before and after each operation.
        durable: operations that made all before them durable.
        contents: of each inode, what was known of it.
    """

    base: bytes
    log: Recorder
    mounted: int = 0
    trees: list[Tree] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    durable: list[int] = field(default_factory=list)
    contents: dict[int, list[Contents]] = field(default_factory=dict)


class Script:
    """Operations on a mount at /mnt, each of them noted."""

    def __init__(self, k: rumpy.Kernel, run: Run) -> None:
        self.k, self.run = k, run
        self.open: list[int] = []
        self.bytes: dict[int, bytearray] = {}
        run.trees.append(look(k, "/mnt"))

    def op(self, call: Callable[[], object], *, durable: bool = False) -> None:
        """Do one operation."""
        run = self.run
        run.starts.append(len(run.log.log))
        try:
            call()
        except OSError as e:
            if e.errno not in (errno.ENOSPC, errno.ENOENT, errno.ENOTEMPTY):
                raise
        run.ends.append(len(run.log.log))
        run.trees.append(look(self.k, "/mnt"))
        if durable:
            run.durable.append(len(run.ends))

    def _touch(self, ino: int) -> None:
        """The contents of this inode change otherwise than at the end."""
        for known in self.run.contents.get(ino, []):
            if known.until is None:
                known.until = len(self.run.ends)

    def _sure(self, ino: int) -> None:
        """The contents of this inode are durable."""
        if ino in self.bytes:
            self.run.contents.setdefault(ino, []).append(
                Contents(bytes(self.bytes[ino]), len(self.run.ends))
            )

    def write(
        self, path: str, data: bytes, *, at: int | None = None, fsync: bool = False
    ) -> None:
        """Create or change a file: at None appends."""
        k = self.k
        self.op(lambda: k.close(k.open(f"/mnt/{path}", os.O_CREAT | os.O_RDWR, 0o640)))
        try:
            ino = k.lstat(f"/mnt/{path}").st_ino
        except FileNotFoundError:
            return
        have = self.bytes.setdefault(ino, bytearray())
        fd = k.open(f"/mnt/{path}", os.O_RDWR)

        def change() -> None:
            where = len(have) if at is None else at
            done = k.pwrite(fd, data, where)
            have.extend(bytes(max(where - len(have), 0)))
            have[where : where + done] = data[:done]

        if at is not None:
            self._touch(ino)
        self.op(change)
        if fsync:
            self.op(lambda: k.fsync(fd), durable=True)
            self._sure(ino)
        k.close(fd)

    def truncate(self, path: str, size: int) -> None:
        """Set a file's length."""
        ino = self.k.lstat(f"/mnt/{path}").st_ino
        self._touch(ino)
        have = self.bytes.setdefault(ino, bytearray())
        self.op(lambda: self.k.truncate(f"/mnt/{path}", size))
        del have[size:]
        have.extend(bytes(size - len(have)))

    def punch(self, path: str, start: int, size: int) -> None:
        """Make a hole."""
        k = self.k
        ino = k.lstat(f"/mnt/{path}").st_ino
        fd = k.open(f"/mnt/{path}", os.O_RDWR)
        self._touch(ino)
        have = self.bytes.setdefault(ino, bytearray())
        self.op(lambda: k.fdiscard(fd, start, size))
        end = max(min(start + size, len(have)), start)
        have[start:end] = bytes(end - start)
        k.close(fd)

    def fsync(self, path: str) -> None:
        """Make a file or directory durable."""
        k = self.k
        ino = k.lstat(f"/mnt/{path}").st_ino
        fd = k.open(f"/mnt/{path}", os.O_RDONLY)
        self.op(lambda: k.fsync(fd), durable=True)
        self._sure(ino)
        k.close(fd)

    def sync(self) -> None:
        """Make everything durable."""
        self.op(self.k.sync, durable=True)

    def mkdir(self, path: str) -> None:
        """Make a directory."""
        self.op(lambda: self.k.mkdir(f"/mnt/{path}"))

    def rmdir(self, path: str) -> None:
        """Remove a directory."""
        self.op(lambda: self.k.rmdir(f"/mnt/{path}"))

    def unlink(self, path: str, *, keep: bool = False) -> None:
        """Remove a name; keep holds the file open."""
        if keep:
            self.open.append(self.k.open(f"/mnt/{path}", os.O_RDWR))
        st = self.k.lstat(f"/mnt/{path}")
        self._touch(st.st_ino)
        self.op(lambda: self.k.unlink(f"/mnt/{path}"))
        if st.st_nlink == 1 and not keep:
            self.bytes.pop(st.st_ino, None)

    def rename(self, old: str, new: str) -> None:
        """Rename; what had the new name loses it."""
        gone = None
        with contextlib.suppress(FileNotFoundError):
            st = self.k.lstat(f"/mnt/{new}")
            self._touch(st.st_ino)
            if st.st_nlink == 1:
                gone = st.st_ino
        self.op(lambda: self.k.rename(f"/mnt/{old}", f"/mnt/{new}"))
        if gone is not None and gone != self.k.lstat(f"/mnt/{new}").st_ino:
            self.bytes.pop(gone, None)  # the number may come again

    def exchange(self, one: str, other: str) -> None:
        """Let two names change places."""
        self.op(lambda: self.k.rename(f"/mnt/{one}", f"/mnt/{other}", exchange=True))

    def link(self, old: str, new: str) -> None:
        """Give a file another name."""
        self.op(lambda: self.k.link(f"/mnt/{old}", f"/mnt/{new}"))

    def symlink(self, target: str, path: str) -> None:
        """Make a symbolic link."""
        self.op(lambda: self.k.symlink(target, f"/mnt/{path}"))

    def chmod(self, path: str, mode: int) -> None:
        """Change the mode."""
        self.op(lambda: self.k.chmod(f"/mnt/{path}", mode))

    def close(self) -> None:
        """Close what was kept open."""
        for fd in self.open:
            self.k.close(fd)


# --- the scripts -------------------------------------------------------------


def files(s: Script) -> None:
    """Create, append, overwrite, truncate; fragments grow and move."""
    for i in range(6):
        s.write(f"f{i}", bytes([65 + i]) * (700 * i + 10), fsync=i % 2 == 0)
    for i in range(6):
        s.write(f"f{i}", bytes([97 + i]) * 1500, fsync=i == 2)
    s.write("f1", b"over", at=3, fsync=True)
    s.truncate("f4", 100)
    s.truncate("f5", 9000)
    s.fsync("f5")
    s.write("big", b"B" * 300000, fsync=True)
    s.write("big", b"b" * 1000)
    s.truncate("big", 20000)
    s.fsync("big")
    s.unlink("f0")
    s.write("again", b"z" * 40000, fsync=True)


def holes(s: Script) -> None:
    """Punch direct and indirect blocks; what is freed is used again."""
    s.write("f", b"F" * 600_000, fsync=True)
    s.write("g", b"G" * 200_000, fsync=True)
    s.punch("f", 5_000, 150_000)
    s.write("again", b"a" * 120_000, fsync=True)
    s.fsync("f")
    s.punch("f", 100_000, 450_000)
    s.punch("g", 0, 1 << 40)
    s.fsync("g")
    s.write("more", b"m" * 300_000, fsync=True)
    s.write("f", b"back", at=200_000, fsync=True)


def names(s: Script) -> None:
    """Rename over, across directories, links, directories."""
    s.mkdir("a")
    s.mkdir("b")
    for i in range(8):
        s.write(f"a/n{i}", b"n" * i, fsync=i == 3)
    s.rename("a/n0", "b/m0")
    s.rename("a/n1", "a/n2")
    s.fsync("b/m0")
    s.link("a/n3", "b/l3")
    s.mkdir("a/sub")
    s.rename("a/sub", "b/sub")
    s.write("b/sub/deep", b"deep", fsync=True)
    s.symlink("b/sub/deep", "short")
    s.symlink("x" * 500, "long")
    s.chmod("b/sub", 0o700)
    s.mkdir("empty")
    s.mkdir("b/old")
    s.rename("empty", "b/old")
    s.rename("a/n4", "b/l3")
    s.fsync("b")
    s.unlink("b/m0")
    s.rmdir("b/old")
    s.fsync("a")
    s.unlink("long")


def swaps(s: Script) -> None:
    """Names change places: files, directories, and one with the other."""
    for top in ("a", "b"):
        s.mkdir(top)
        s.mkdir(f"{top}/d")
        s.write(f"{top}/d/deep-{top}", b"deep")
        s.write(f"{top}/f", top.encode() * 5000, fsync=True)
    s.exchange("a/f", "b/f")
    s.exchange("a/d", "b/d")
    s.exchange("a/d", "b/f")
    s.fsync("b/f")
    s.exchange("a", "b/f")
    s.exchange("b", "a/d")
    # More than one block of names.
    for number in range(60):
        s.write(f"rather-a-long-name-so-that-few-fit-into-a-block-{number:03}", b"")
    s.exchange("a", "rather-a-long-name-so-that-few-fit-into-a-block-050")
    s.exchange("rather-a-long-name-so-that-few-fit-into-a-block-001", "b")
    s.write("last", b"last", fsync=True)


def reuse(s: Script) -> None:
    """Blocks of metadata become data and the other way round."""
    for i in range(4):
        s.mkdir(f"d{i}")
        for j in range(30):
            s.write(f"d{i}/a-rather-long-name-of-a-file-{j}", b"")
    s.fsync("d0")
    for i in range(4):
        for j in range(30):
            s.unlink(f"d{i}/a-rather-long-name-of-a-file-{j}")
        s.rmdir(f"d{i}")
        s.write(f"data{i}", bytes([48 + i]) * 50000, fsync=True)
    s.unlink("data0")
    s.mkdir("e")
    for j in range(40):
        s.write(f"e/another-rather-long-name-{j}", b"")
    s.fsync("e")
    s.write("data1", b"q" * 200000, fsync=True)


def orphans(s: Script) -> None:
    """Files that are removed while they are open."""
    for i in range(5):
        s.write(f"o{i}", b"o" * (9000 * i + 1), fsync=i == 1)
    for i in range(5):
        s.unlink(f"o{i}", keep=True)
    s.write("other", b"other", fsync=True)
    s.mkdir("dir")
    s.write("dir/late", b"late" * 1000, fsync=True)


def around(s: Script) -> None:
    """Enough to go around the ring of the journal."""
    for i in range(40):
        s.write(f"r{i}", b"r" * 3000, fsync=True)
        if i >= 5:
            s.unlink(f"r{i - 5}")


SCRIPTS: dict[str, Action] = {
    f.__name__: f for f in (files, holes, names, swaps, reuse, orphans, around)
}


def random_script(seed: int, length: int = 60) -> Action:
    """A script of random operations."""

    def act(s: Script) -> None:
        rng = random.Random(seed)
        dirs, paths = [""], list[str]()
        for number in range(length):
            new = f"{rng.choice(dirs)}{rng.choice('pqrs')}{number}"
            old = rng.choice(paths) if paths else ""
            choice = rng.randrange(14)
            fsync = rng.random() < 0.15
            if choice < 4 or not old:
                s.write(new, rng.randbytes(rng.choice((0, 5, 3000, 70000))),
                        fsync=fsync)  # fmt: skip
                paths.append(new)
            elif choice == 4:
                s.mkdir(new)
                dirs.append(f"{new}/")
            elif choice == 5:
                s.unlink(old, keep=rng.random() < 0.3)
                paths.remove(old)
            elif choice == 6:
                s.rename(old, new)
                paths.remove(old)
                paths.append(new)
            elif choice == 7 and len(paths) > 1:
                other = rng.choice([p for p in paths if p != old])
                s.rename(old, other)
                paths.remove(old)
            elif choice == 13 and len(paths) > 1:
                s.exchange(old, rng.choice([p for p in paths if p != old]))
            elif choice == 8:
                s.truncate(old, rng.choice((0, 100, 5000, 40000, 250000)))
            elif choice == 9:
                s.link(old, new)
                paths.append(new)
            elif choice == 10:
                s.fsync(old)
            elif choice == 11:
                s.punch(old, rng.choice((0, 3000, 20000)), rng.choice((100, 60000)))
            else:
                s.write(old, rng.randbytes(rng.choice((1, 2000, 30000))), fsync=fsync)

    return act


# --- running and judging -----------------------------------------------------


def empty(name: str) -> bytes:
    """An image without its files."""
    disk = MemoryDevice(images.unpacked(name))
    with disk, rumpy.Kernel() as k:
        k.load("ffs")
        with k.mount("ffs", disk, "/mnt"):
            found = look(k, "/mnt")
            for path in found:
                k.lchflags(f"/mnt/{path}", 0)
            for path in sorted(found, reverse=True):
                if found[path][0] == stat.S_IFDIR:
                    k.rmdir(f"/mnt/{path}")
                else:
                    k.unlink(f"/mnt/{path}")
        return bytes(disk.read(0, disk.size))


def record(base: bytes, act: Action) -> Run:
    """Run a script; unmount is recorded too."""
    disk = MemoryDevice(base)
    run = Run(base, Recorder(disk))
    with rumpy.Kernel() as k:
        k.load("ffs")
        mnt = k.mount("ffs", run.log, "/mnt", "log", "noatime")
        run.mounted = len(run.log.log)
        script = Script(k, run)
        act(script)
        script.close()
        # Removed open files are gone now, which no tree can see.
        mnt.unmount()
    disk.close()
    return run


def contents_wrong(k: rumpy.Kernel, run: Run, tree: Tree, end: int) -> Iterator[str]:
    """Fsynced contents that are not there."""
    started = sum(1 for s in run.starts if s < end)
    for path, (kind, ino, *_) in tree.items():
        if kind != stat.S_IFREG:
            continue
        for known in run.contents.get(ino, []):
            if run.ends[known.since - 1] > end:
                continue
            if known.until is not None and known.until < started:
                continue
            if k.read_file(f"/mnt/{path}")[: len(known.data)] != known.data:
                yield f"{path}: fsynced contents are lost"


def judge(k: rumpy.Kernel, run: Run, disk: MemoryDevice, end: int) -> list[str]:
    """What is wrong with a disk whose power was cut after so many entries."""
    wrong: list[str] = []
    safe = [d for d in run.durable if run.ends[d - 1] <= end]
    first = max(safe, default=0)
    last = sum(1 for s in run.starts if s < end)
    before = bytes(disk.read(0, disk.size))
    with k.mount("ffs", disk, "/mnt", "ro"):
        shown = look(k, "/mnt")
    if bytes(disk.read(0, disk.size)) != before:
        wrong.append("a read-only mount has changed the disk")
    with k.mount("ffs", disk, "/mnt", *(("log",) if end % 2 else ())):
        tree = look(k, "/mnt")
        wrong += contents_wrong(k, run, tree, end)
    if shown != tree:
        wrong.append("a read-only mount shows another tree")
    if tree not in run.trees[first : last + 1]:
        wrong.append(f"the tree is none of those after operations {first} to {last}")
    wrong += check(bytes(disk.read(0, disk.size))).problems
    return wrong


def cuts(
    run: Run, ends: Iterator[int] | range, *, count: int, seed: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """Cut the power after each of these numbers of entries; what is wrong."""
    power = PowerCut(run.base, run.log.log)
    with rumpy.Kernel() as k:
        k.load("ffs")
        for end in ends:
            for disk in power.states(end, count=count, seed=seed):
                with disk:
                    try:
                        wrong = judge(k, run, disk, end)
                    except OSError as e:
                        wrong = [str(e)]
                    yield end, wrong


def main() -> int:
    """Search until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--script", action="append")
    options = parser.parse_args()
    stop = time.monotonic() + options.seconds
    bases = {n: empty(n) for n in BASES}
    seed, states, bad = options.seed, 0, 0

    def rounds() -> Iterator[tuple[str, str, Action]]:
        for name in options.script or SCRIPTS:
            for base in bases:
                yield base, name, SCRIPTS[name]
        number = seed
        while not options.script:
            for base in bases:
                yield base, f"random {number}", random_script(number)
            number += 1

    for base, name, act in rounds():
        run = record(bases[base], act)
        n = len(run.log.log)
        print(f"{base}: {name}: {n} entries, {run.log.epoch} flushes", flush=True)
        for end, wrong in cuts(run, range(n + 1), count=options.count, seed=seed):
            states += 1
            if wrong:
                bad += 1
                print(f"  after {end}: {wrong[:4]}", flush=True)
            if time.monotonic() > stop:
                print(f"{states} states, {bad} wrong; seed {seed}")
                return 1 if bad else 0
    print(f"{states} states, {bad} wrong; seed {seed}")
    return 1 if bad else 0


#: A journal inside, one behind, and two without one at first.
BASES = ("wal-clean-inside", "wal-clean-end", "nb-makefs-ffs2le-16k", "nb-ffs1be-8k")

if __name__ == "__main__":
    sys.exit(main())
