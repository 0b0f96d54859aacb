# SPDX-License-Identifier: BSD-2-Clause
"""fsck: finds what is wrong, repairs it, and loses nothing that was fine."""

from __future__ import annotations

import functools
import json
import os
import random
import re
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ffs import ffscheck, flavours, images
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rumpy
from rumpy.ffstools import Problem, Report, dumpfs, fsck, newfs

from . import harm

ROOT = Path(__file__).resolve().parents[2]
BASES = ["nb-ffs1le-16k", "nb-ffs2le-8k", "nb-ffs2be-16k"]
DAMAGES = [(base, kind) for base in BASES for kind in images.damages(base)]
DIRTY = [
    n
    for n in images.names("wal-")
    if not n.startswith("wal-clean") and "nolog" not in n
]
#: Nothing is wrong with these: the damage hits what nobody looks at.
HARMLESS = {
    ("nb-ffs1le-16k", "sbsum"),
    ("nb-ffs1le-16k", "sb-size-beyond"),
    ("nb-ffs1le-16k", "flips2"),
    ("nb-ffs2le-8k", "flips5"),
    ("nb-ffs2be-16k", "flips1"),
    ("nb-ffs2be-16k", "flips3"),
}
#: Files whose contents may differ after a repair; else one may, or none.
LOST = {"hole-dir": 50, "orphan": 30, "metaflips": 12}
LOST |= {f"flips{i}": 8 for i in range(6)}
UNTOUCHED = {"freebm", "inobm", "cgsum", "sbsum", "cgmagic", "nlink", "dotdot"}
UNTOUCHED |= {"dtype", "blocks", "dirsize", "cg-iusedoff", "cg-freeoff", "sbmagic"}
UNTOUCHED |= {"dirreclen", "direclen0"}


def contents(data: bytes) -> dict[bytes, bytes]:
    """Contents of all files that are not giants, by path."""
    reader = ffscheck.Image(data)
    found = {}
    for path, inode in reader.walk():
        small = not inode.isdir and inode.size < 1 << 24
        found[path] = reader.content(inode) if small else b""
    return found


@functools.cache
def original(name: str) -> dict[bytes, bytes]:
    """Contents of an undamaged image."""
    return contents(images.unpacked(name))


def settled(image: Path) -> None:
    """Both checkers find nothing (any more)."""
    again = fsck(image)
    assert [(p.kind, p.text) for p in again.problems] == []
    assert again.clean
    assert ffscheck.check(image.read_bytes()).problems == []


@pytest.fixture(scope="module")
def kernel_of_all() -> Iterator[rumpy.Kernel]:
    """One kernel with the driver."""
    with rumpy.Kernel() as k:
        k.load("ffs")
        yield k


@pytest.mark.parametrize("name", [n for n in images.every() if n not in DIRTY])
def test_good_images_are_clean(tmp_path: Path, name: str) -> None:
    image = images.copy(name, tmp_path)
    report = fsck(image)
    if "nolog" in name:
        assert report.code == 4
    else:
        assert [p.text for p in report.problems] == []
        assert (report.clean, report.was_clean, report.code) == (True, True, 0)
    assert image.read_bytes() == images.unpacked(name)
    known = ffscheck.check(images.unpacked(name))
    assert report.directories == known.directories
    assert report.files + report.directories == known.inodes
    # Repairing what is fine changes nothing either.
    if "nolog" not in name:
        assert not fsck(image, mode="repair").repaired
        assert image.read_bytes() == images.unpacked(name)


def test_what_is_left_alone_is_named(tmp_path: Path) -> None:
    quota = fsck(images.copy("nb-ffs2le-8k-quota2", tmp_path))
    assert any("quotas" in note for note in quota.notes)
    image = images.copy("nb-ffs2le-8k", tmp_path)
    patch(image, 65536 + 1312, "<I", 0x8)
    assert any("soft updates" in note for note in fsck(image).notes)
    patch(image, 65536 + 1312, "<I", 0)
    patch(image, 65536 + 1116, "<I", 33)
    assert any("snapshots" in note for note in fsck(image).notes)


@pytest.mark.parametrize("flags", [flavours.SOFTDEP, flavours.SUJ | flavours.SOFTDEP])
def test_soft_updates_are_repaired(tmp_path: Path, flags: int) -> None:
    """As after a crash; then the driver mounts them."""
    image = tmp_path / "soft.img"
    image.write_bytes(flavours.with_flags(flags, clean=False))
    reader = ffscheck.Image(image.read_bytes())
    patch(image, reader.inode_offset(2) + 2, "<h", 99)
    report = fsck(image, mode="preen")
    assert {p.kind for p in report.problems} == {"not-clean", "link-count"}
    assert report.code == 1
    settled(image)
    with dumpfs(image) as dump:
        assert dump.superblock["fs_flags"] & flags == flags
    with rumpy.Kernel() as k:
        k.load("ffs")
        with k.mount("ffs", str(image), "/mnt"):
            k.mkdir("/mnt/after")
    settled(image)


@pytest.mark.parametrize(("base", "kind"), DAMAGES)
def test_damage_is_repaired(
    kernel_of_all: rumpy.Kernel, tmp_path: Path, base: str, kind: str
) -> None:
    image = tmp_path / "damaged.img"
    damaged = bytes(images.damaged(base, kind))
    image.write_bytes(damaged)
    found = fsck(image)
    assert image.read_bytes() == damaged
    assert found.clean == ((base, kind) in HARMLESS)
    assert not found.unrepairable
    report = fsck(image, mode="repair")
    assert [p.text for p in report.problems] == [p.text for p in found.problems]
    assert report.code == (0 if found.clean else 1)
    settled(image)
    before, after = original(base), contents(image.read_bytes())
    # Several names of one file count once.
    paths = dict(ffscheck.Image(images.unpacked(base)).walk())
    changed = {paths[p].number for p in before if after.get(p) != before[p]}
    allowed = LOST.get(kind, 0 if kind in UNTOUCHED or kind[:3] == "sb-" else 1)
    assert len(changed) <= allowed, changed
    with kernel_of_all.mount("ffs", str(image), "/mnt"):
        kernel_of_all.mkdir("/mnt/after")
        assert kernel_of_all.listdir("/mnt")
    assert fsck(image).clean


@pytest.mark.parametrize("name", DIRTY)
def test_journals_are_replayed(tmp_path: Path, name: str) -> None:
    image = images.copy(name, tmp_path)
    found = fsck(image)
    assert image.read_bytes() == images.unpacked(name)
    assert "journal" in {p.kind for p in found.problems}
    assert {p.kind for p in found.problems if p.serious} == set()
    report = fsck(image, mode="preen")
    assert report.code == 1
    assert report.replayed > 0
    settled(image)
    assert contents(image.read_bytes()) == contents(images.unpacked(f"{name}.replayed"))


def test_a_bad_journal_is_given_up(tmp_path: Path) -> None:
    image = images.copy("wal-create", tmp_path)
    with dumpfs(image) as dump:
        start = dump.superblock["fs_journallocs"][0] * 512
    data = bytearray(image.read_bytes())
    data[start : start + 1024] = bytes(1024)
    image.write_bytes(data)
    assert "journal" in {p.kind for p in fsck(image).problems if p.serious}
    assert fsck(image, mode="repair").code == 1
    settled(image)


def patch(image: Path, offset: int, layout: str, *values: int | bytes) -> None:
    """Change bytes of a file."""
    with image.open("r+b") as f:
        f.seek(offset)
        f.write(struct.pack(layout, *values))


def test_preen_leaves_serious_damage_alone(tmp_path: Path) -> None:
    image = tmp_path / "damaged.img"
    damaged = bytes(images.damaged("nb-ffs2le-8k", "badblk"))
    image.write_bytes(damaged)
    report = fsck(image, mode="preen", force=True)
    assert (report.code, report.repaired) == (4, False)
    assert image.read_bytes() == damaged
    assert fsck(image, mode="preen").skipped
    image = images.copy("wal-nolog", tmp_path)
    assert fsck(image, mode="preen").code == 1
    settled(image)


def test_check_hashes(tmp_path: Path) -> None:
    """FreeBSD's, of groups and inodes: found wrong, and made right."""
    image = images.copy("nb-fbsd-ufs2-16k", tmp_path)
    with dumpfs(image) as dump:
        sb = dump.superblock
    at = sb["fs_cblkno"] * sb["fs_fsize"]
    patch(image, at + 132, "<I", 12345)
    assert [p.kind for p in fsck(image).problems] == ["group-hash"]
    assert fsck(image, mode="repair").code == 1
    settled(image)
    patch(image, 65536 + 1308, "<I", 6)
    kinds = {p.kind for p in fsck(image).problems}
    assert kinds == {"inode-hash"}
    fsck(image, mode="repair")
    settled(image)
    # The driver finds them right as well.
    with rumpy.Kernel() as k:
        k.load("ffs")
        with k.mount("ffs", str(image), "/mnt"):
            for name in k.listdir("/mnt"):
                k.lstat(f"/mnt/{name}")
    settled(image)


def test_superblock_copies(tmp_path: Path) -> None:
    image = tmp_path / "new.img"
    newfs(image, size=8 << 20)
    with dumpfs(image) as dump:
        sb = dump.superblock
    places = [
        (c * sb["fs_fpg"] + sb["fs_sblkno"]) * sb["fs_fsize"]
        for c in range(sb["fs_ncg"])
    ]
    whole = image.read_bytes()
    for place in (65536, *places):
        damaged = bytearray(whole)
        damaged[place : place + 8192] = bytes(8192)
        image.write_bytes(damaged)
        kinds = {p.kind for p in fsck(image).problems}
        assert kinds & {"superblock", "superblock-copy"}
        assert fsck(image, mode="repair").code == 1
        settled(image)
    for place in places:
        with dumpfs(image, alternate=place) as dump:
            assert dump.superblock["alternate"]
        report = fsck(image, alternate=place)
        assert {p.kind for p in report.problems} <= {"superblock", "totals"}
    with pytest.raises(rumpy.ImageError, match="no superblock at byte 12288"):
        fsck(image, alternate=12288)


def orphaned(image: Path, count: int, size: int, **options: Any) -> dict[bytes, bytes]:
    """Make a file system whose one directory has been wiped out."""
    top = image.parent / "top"
    (top / "dir").mkdir(parents=True)
    for i in range(count):
        (top / "dir" / f"f{i}").write_bytes(b"%d" % i * size)
    newfs(image, populate=top, **options)
    reader = ffscheck.Image(image.read_bytes())
    wanted = dict(reader.walk())
    at = reader.inode_offset(wanted[b"/dir"].number)
    patch(image, at, "<256x" if reader.sb.v2 else "<128x")
    return {
        b"/lost+found/#%08d" % i.number: reader.content(i)
        for i in wanted.values()
        if not i.isdir
    }


@pytest.mark.parametrize("block", [4096, 16384])
def test_thousands_of_orphans(tmp_path: Path, block: int) -> None:
    """lost+found grows through all its fragments, and into indirect blocks."""
    image = tmp_path / "orphans.img"
    want = orphaned(image, 4000, 3, block_size=block, free=1 << 20)
    assert fsck(image, mode="repair").code == 1
    settled(image)
    found = contents(image.read_bytes())
    assert {p: found.get(p) for p in want} == want


def test_orphans_on_a_full_disk(tmp_path: Path) -> None:
    """With no block free, names go where there is room; what finds none stays,
    and is said to be left."""
    image = tmp_path / "full.img"
    want = orphaned(image, 60, 700, minfree=0, version=1)
    with rumpy.Kernel() as k:
        k.load("ffs")
        k.mount("ffs", str(image), "/mnt", "force").unmount()
    report = fsck(image, mode="repair")
    assert report.code in (1, 4)
    after = contents(image.read_bytes())
    for data in want.values():
        assert data in after.values() or report.unrepairable


def test_doubly_owned_blocks_are_copied(tmp_path: Path) -> None:
    """Two files that point to one block, direct and indirect, keep their data."""
    image = tmp_path / "dup.img"
    top = tmp_path / "top"
    top.mkdir()
    for name in ("a", "b"):
        (top / name).write_bytes(name.encode() * 150_000)
    newfs(image, populate=top, block_size=4096, free=2 << 20)
    reader = ffscheck.Image(image.read_bytes())
    inodes = dict(reader.walk())
    a, b = inodes[b"/a"], inodes[b"/b"]
    patch(image, reader.inode_offset(b.number) + 112, "<q", a.db[0])
    patch(image, reader.inode_offset(b.number) + 112 + 96, "<q", a.ib[0])
    assert "duplicate-block" in {p.kind for p in fsck(image).problems}
    assert fsck(image, mode="repair").code == 1
    settled(image)
    found = contents(image.read_bytes())
    assert found[b"/a"] == b"a" * 150_000
    assert found[b"/b"][:4096] == b"a" * 4096
    assert found[b"/b"][4096 : 12 * 4096] == b"b" * 11 * 4096
    assert found[b"/b"][12 * 4096 :] == b"a" * (150_000 - 12 * 4096)


def test_a_bad_indirect_pointer_of_a_small_file(tmp_path: Path) -> None:
    """Its direct blocks are fragments again, once the pointer has gone."""
    image = tmp_path / "new.img"
    top = tmp_path / "top"
    top.mkdir()
    (top / "small").write_bytes(b"s" * 700)
    newfs(image, populate=top, version=1, block_size=8192, free=1 << 20)
    reader = ffscheck.Image(image.read_bytes())
    inodes = dict(reader.walk())
    for path, value in ((b"/small", 99_999_999), (b"", 5), (b"/small", 0x1234)):
        at = reader.inode_offset(inodes[path].number)
        patch(image, at + 40 + 48, "<i", value)
        patch(image, at + 104, "<I", 0x51515151)
        assert fsck(image, mode="repair").code == 1
        settled(image)
    assert contents(image.read_bytes())[b"/small"][:700] == b"s" * 700


def test_a_sparse_file_cut_short(tmp_path: Path) -> None:
    """What is left when blocks behind the end go may end with a hole."""
    image = tmp_path / "new.img"
    top = tmp_path / "top"
    top.mkdir()
    with (top / "sparse").open("wb") as f:
        f.write(b"head")
        os.pwrite(f.fileno(), b"tail", 3_000_000)
    newfs(image, populate=top, block_size=4096, free=1 << 20)
    reader = ffscheck.Image(image.read_bytes())
    at = reader.inode_offset(dict(reader.walk())[b"/sparse"].number)
    # Neither size nor count fit the blocks.
    patch(image, at + 16, "<Q", 2_000_000)
    patch(image, at + 24, "<Q", 77)
    assert fsck(image, mode="repair").code == 1
    settled(image)
    assert contents(image.read_bytes())[b"/sparse"][:4] == b"head"


def test_a_sparse_giant_that_calls_itself_a_directory(tmp_path: Path) -> None:
    """Its holes are not filled one by one."""
    image = tmp_path / "new.img"
    top = tmp_path / "top"
    top.mkdir()
    with (top / "sparse").open("wb") as f:
        f.truncate(1 << 34)
    (top / "other").write_text("text")
    newfs(image, populate=top, block_size=4096, free=1 << 20)
    reader = ffscheck.Image(image.read_bytes())
    inode = dict(reader.walk())[b"/sparse"]
    patch(image, reader.inode_offset(inode.number), "<H", 0o040755)
    assert fsck(image, mode="repair").code == 1
    settled(image)
    assert contents(image.read_bytes())[b"/other"] == b"text"


@pytest.mark.parametrize(("member", "layout"), [(211, "B"), (1324, "<i")])
def test_formats_do_not_grow_older(tmp_path: Path, member: int, layout: str) -> None:
    """A superblock that turns into one of 4.3BSD is damaged; its copies know."""
    image = images.copy("nb-ffs1le-16k", tmp_path)
    patch(image, 8192 + member, layout, 0)
    report = fsck(image)
    assert "older format" in report.problems[0].text
    assert {p.kind for p in report.problems} <= {"superblock", "totals"}
    assert fsck(image, mode="repair").code == 1
    settled(image)
    assert contents(image.read_bytes()) == contents(images.unpacked("nb-ffs1le-16k"))


OLD = ["nb-bsd43be-4k", "nb-bsd43le-8k"]


@pytest.mark.parametrize("member", [(211, b"\x80"), (1324, b"\0\2\2\0")])
@pytest.mark.parametrize("name", OLD)
def test_formats_do_not_grow_newer(
    tmp_path: Path, name: str, member: tuple[int, bytes]
) -> None:
    """Nor does one of 4.3BSD become one of today, whose directories differ."""
    image = images.copy(name, tmp_path)
    at = 8192 + member[0]
    patch(image, at, f"{len(member[1])}s", member[1])
    report = fsck(image)
    assert {p.kind for p in report.problems} <= {"superblock", "totals"}
    assert fsck(image, mode="repair").code == 1
    settled(image)
    assert contents(image.read_bytes()) == contents(images.unpacked(name))


@pytest.mark.parametrize("name", OLD)
def test_4_3bsd_is_repaired(
    kernel_of_all: rumpy.Kernel, tmp_path: Path, name: str
) -> None:
    """Inodes, directories, groups; the superblock stays one of its time."""
    image = images.copy(name, tmp_path)
    reader = ffscheck.Image(image.read_bytes())
    sb, order = reader.sb, reader.o
    inodes = dict(reader.walk())
    folder = max(
        (p for p, i in inodes.items() if i.isdir and p),
        key=lambda p: sum(q.startswith(p + b"/") for q in inodes),
    )
    below = [i for p, i in inodes.items() if p.startswith(folder + b"/")]
    patch(image, reader.inode_offset(inodes[folder].number), "128x")
    patch(image, reader.inode_offset(2) + 2, order + "h", 99)
    patch(image, (sb.cgstart(1) + sb.cblkno) * sb.fsize, f"{sb.cgsize}x")
    report = fsck(image, mode="repair")
    assert {p.kind for p in report.problems} >= {"no-name", "link-count", "group"}
    assert report.code == 1
    settled(image)
    data = image.read_bytes()
    after = ffscheck.Image(data)
    found = contents(data)
    for inode in below:
        if not inode.isdir and inode.nlink == 1 and inode.size < 1 << 24:
            assert reader.content(inode) in found.values()
    # Nothing was put where others have newer members.
    assert after.sb.old43
    was = images.unpacked(name)
    changed = {i for i in range(1376) if data[8192 + i] != was[8192 + i]}
    assert changed <= {*range(32, 36), *range(192, 212)}
    with kernel_of_all.mount("ffs", str(image), "/mnt", "ro"):
        assert "lost+found" in kernel_of_all.listdir("/mnt")
    # The first superblock comes back as it was, from a copy.
    patch(image, 8192, "8192x")
    assert fsck(image, mode="repair").code == 1
    settled(image)
    data = image.read_bytes()
    assert ffscheck.Image(data).sb.old43
    copy = (sb.cgstart(2) + sb.sblkno) * sb.fsize
    changed = {i for i in range(856, 1376) if data[8192 + i] != was[copy + i]}
    assert changed == set()


def test_groups_of_4_2bsd_are_checked(tmp_path: Path) -> None:
    """Their maps lie elsewhere; they are never written."""
    data = bytearray(images.unpacked("nb-bsd43be-4k"))
    sb = ffscheck.Image(bytes(data)).sb
    copies = [(sb.cgstart(cg) + sb.sblkno) * sb.fsize for cg in range(sb.ncg)]
    for at in [8192, *copies]:
        struct.pack_into(">i", data, at + 160, 2048)
        struct.pack_into(">i", data, at + 1316, 0)
        struct.pack_into(">i", data, at + 1356, -1)
    for cg in range(sb.ncg):
        at = (sb.cgstart(cg) + sb.cblkno) * sb.fsize
        old = bytes(data[at : at + 2048])
        iused, free = struct.unpack_from(">II", old, 92)
        new = bytearray(2048)
        new[8:84] = old[8:84]
        new[724 : 724 + sb.ipg // 8] = old[iused : iused + sb.ipg // 8]
        struct.pack_into(">I", new, 980, 0x090255)
        new[984 : 984 + sb.fpg // 8] = old[free : free + sb.fpg // 8]
        data[at : at + 2048] = new
    image = tmp_path / "old.img"
    image.write_bytes(data)
    report = fsck(image)
    assert report.problems == ()
    assert any("4.2BSD" in note for note in report.notes)
    reader = ffscheck.Image(bytes(data))
    struct.pack_into(">h", data, reader.inode_offset(2) + 2, 99)
    image.write_bytes(data)
    report = fsck(image, mode="repair")
    assert {p.kind for p in report.problems} == {"link-count"}
    assert report.code == 4
    assert image.read_bytes() == data


def test_loops_of_directories_are_cut(tmp_path: Path) -> None:
    image = tmp_path / "loop.img"
    top = tmp_path / "top"
    (top / "a" / "b" / "c").mkdir(parents=True)
    (top / "a" / "b" / "c" / "file").write_text("text")
    newfs(image, populate=top)
    data = bytearray(image.read_bytes())
    reader = ffscheck.Image(bytes(data))
    inodes = dict(reader.walk())
    # The root forgets /a, and c has it as a further child.
    changes = ((b"", b"a", b""), (b"/a/b/c", b"file", b"/a"))
    for path, old, new in changes:
        at = inodes[path].db[0] * reader.sb.fsize
        entry = data.index(old + b"\0", at) - 8
        number = inodes[new].number if new else 0
        struct.pack_into("<I", data, entry, number)
        if new:
            data[entry + 6] = 4
    image.write_bytes(data)
    assert "cycle" in {p.kind for p in fsck(image).problems}
    assert fsck(image, mode="repair").code == 1
    settled(image)
    assert b"text" in contents(image.read_bytes()).values()


def test_a_lost_root_is_made_anew(tmp_path: Path) -> None:
    image = images.copy("nb-ffs2le-8k", tmp_path)
    reader = ffscheck.Image(image.read_bytes())
    patch(image, reader.inode_offset(2), "<256x")
    assert fsck(image, mode="repair").code == 1
    settled(image)
    assert len(contents(image.read_bytes())) > 500


def test_refusals(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    image = images.copy("nb-ffs2le-8k", tmp_path)
    with pytest.raises(rumpy.ImageError, match="too large"):
        fsck(image, memory=512)
    kernel.load("ffs")
    with kernel.mount("ffs", str(image), "/mnt"), pytest.raises(rumpy.ImageError):
        fsck(image)
    with kernel.mount("ffs", str(image), "/mnt", "ro"):
        assert fsck(image).clean
        with pytest.raises(rumpy.ImageError, match="in use"):
            fsck(image, mode="repair")
    empty = tmp_path / "empty.img"
    empty.write_bytes(bytes(1 << 20))
    with pytest.raises(rumpy.ImageError, match="no superblock"):
        fsck(empty)


def test_sparse_giants_take_no_memory(tmp_path: Path) -> None:
    """A superblock may claim as much as the file is long, which costs nothing."""
    image = tmp_path / "giant.img"
    newfs(image, size=1 << 40, density=1 << 20)
    report = fsck(image)
    assert report.clean
    assert report.directories == 1


def mutate(data: bytearray, rng: random.Random) -> None:
    """Change metadata at random."""
    reader = ffscheck.Image(bytes(data))
    sb = reader.sb
    for _ in range(rng.randint(1, 8)):
        cg = rng.randrange(sb.ncg)
        which = rng.randrange(5)
        if which == 0:
            at = (sb.cgstart(cg) + sb.cblkno) * sb.fsize + rng.randrange(sb.cgsize)
        elif which == 1:
            at = sb.where + rng.randrange(1376)
        elif which == 2:
            at = rng.randrange(len(data))
        else:
            number = rng.randrange(2, 60) + rng.choice([0, cg * sb.ipg])
            at = reader.inode_offset(number) + rng.randrange(256)
        new = rng.choice(
            [bytes([data[at] ^ 1 << rng.randrange(8)]), bytes(4), b"\xff\xff"]
        )
        data[at : at + len(new)] = new


FUZZED = [*BASES, "nb-ffs1be-8k-frag2", "nb-ffs2le-16k-frag1", "wal-open", "wal-mixed2"]


@pytest.mark.parametrize("name", FUZZED)
@settings(
    max_examples=12, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(seed=st.integers(0, 1 << 32))
def test_random_damage_is_repaired_in_one_run(
    tmp_path: Path, name: str, seed: int
) -> None:
    data = bytearray(images.unpacked(name))
    mutate(data, random.Random(seed))
    image = tmp_path / "random.img"
    image.write_bytes(data)
    report = fsck(image, mode="repair")
    assert not report.unrepairable
    settled(image)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command."""
    return subprocess.run(
        [sys.executable, "-m", "rumpy.cli", "fsck", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_command(tmp_path: Path) -> None:
    image = images.copy("wal-nolog", tmp_path)
    done = run(str(image))
    assert done.returncode == 4
    assert "inode 332: 2 links, 1 names" in done.stdout
    assert "nothing changed" in done.stdout
    found = json.loads(run("--json", str(image)).stdout)
    assert found["code"] == 4
    assert {p["kind"] for p in found["problems"]} >= {"link-count", "block-map"}
    assert image.read_bytes() == images.unpacked("wal-nolog")
    done = run("-y", "--progress", str(image))
    assert done.returncode == 1
    assert "7 problems repaired" in done.stdout
    done = run("-q", str(image))
    assert (done.returncode, done.stdout) == (0, "")
    assert "marked as clean" in run("-p", str(image)).stdout
    assert run("--no-such").returncode == 16
    assert run(str(tmp_path / "missing.img")).returncode == 16
    (tmp_path / "bad.img").write_bytes(os.urandom(4096))
    assert run(str(tmp_path / "bad.img")).returncode == 8


def test_an_interrupt_stops_a_check(tmp_path: Path) -> None:
    """And a repair before anything is written; no thread is left."""
    image = tmp_path / "large.img"
    newfs(image, size=1 << 36)
    with dumpfs(image) as dump:
        sb = dump.superblock
    at = sb["fs_iblkno"] * sb["fs_fsize"] + 2 * 256
    patch(image, at + 2, "<h", 77)
    calls = []

    def progress(*state: int) -> None:
        calls.append(state)
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fsck(image, mode="repair", progress=progress)
    stopped = time.monotonic() - start
    assert len(calls) == 1
    with image.open("rb") as f:
        f.seek(at)
        assert struct.unpack("<h", f.read(4)[2:]) == (77,)
    assert "fsck" not in [t.name for t in threading.enumerate()]
    start = time.monotonic()
    assert fsck(image, mode="repair").code == 1
    assert stopped < time.monotonic() - start


def test_holes_are_not_searched(tmp_path: Path) -> None:
    """For a superblock, in a file of 4 TiB."""
    image = tmp_path / "none.img"
    with image.open("wb") as f:
        f.truncate(1 << 42)
        f.seek(1 << 41)
        f.write(b"something")
    with pytest.raises(rumpy.ImageError, match="no superblock, and no copy"):
        fsck(image)


def test_kinds_of_problems_are_documented() -> None:
    """All that the sources know, and no other."""
    found = set()
    for path in (ROOT / "csrc/ffstools").glob("fsck*.c"):
        call = r'fsck_(?:problem|stuck)\(\s*[^,"]+,\s*"([a-z-]+)"'
        found |= set(re.findall(call, path.read_text()))
    page = (ROOT / "docs/guide/ffs-tools.md").read_text()
    table = page.partition("| kinds | of |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z-]+)`", table)) == found
    members = page.partition("### What --json says")[2].partition("| kinds |")[0]
    for name in (*Report.__slots__, *Problem.__slots__, "clean", "code", "image"):
        assert f"`{name}`" in members


def test_report_is_small(tmp_path: Path) -> None:
    """However much is wrong, the report keeps ten thousand problems."""
    image = tmp_path / "many.img"
    top = tmp_path / "top"
    top.mkdir()
    for i in range(11_000):
        (top / f"{i}").touch()
    newfs(image, populate=top)
    data = bytearray(image.read_bytes())
    reader = ffscheck.Image(bytes(data))
    for number in range(3, 11_003):
        struct.pack_into("<h", data, reader.inode_offset(number) + 2, 7)
    image.write_bytes(data)
    report: Report = fsck(image, mode="repair")
    assert report.count >= 11_000
    assert len(report.problems) == 10_000
    settled(image)


def test_what_lies_below_anothers_block_is_not_given_back(tmp_path: Path) -> None:
    """A pointer to an indirect block that is another file's data, behind the
    end: taken out; the numbers in those data are no pointers."""
    folder, image = tmp_path / "tree", tmp_path / "f.img"
    folder.mkdir()
    owner, hollow = folder / "a", folder / "b"
    owner.write_bytes(bytes(65536))
    with hollow.open("wb") as file:
        file.seek((12 + 6 * 1024) * 8192)
        file.write(b"far")
    for _ in range(2):  # what is in the second block is known after the first
        newfs(
            image,
            size=8 << 20,
            block_size=8192,
            fragment_size=1024,
            populate=folder,
            date=10**9,
            force=True,
        )
        found = ffscheck.Image(image.read_bytes())
        names = dict(found.walk())
        first, second = names[b"/a"], names[b"/b"]
        numbers = struct.pack("<4Q", *first.db[4:8])
        owner.write_bytes(b"A" * 8192 + numbers + bytes(8192 - 32) + b"A" * 49152)
    assert first.number < second.number
    data = bytearray(image.read_bytes())
    double = second.ib[1] * found.sb.fsize
    assert struct.unpack_from("<Q", data, double + 8 * 5)[0] != 0
    struct.pack_into("<Q", data, double + 8 * 5, first.db[1])
    at = found.inode_offset(second.number)
    struct.pack_into("<Q", data, at + 16, (12 + 1024 + 10) * 8192)
    image.write_bytes(data)
    report = fsck(image, mode="repair")
    assert report.repaired
    assert {"duplicate-block", "behind-end"} <= {p.kind for p in report.problems}
    assert fsck(image).clean
    assert ffscheck.check(image.read_bytes()).problems == []
    after = image.read_bytes()
    for block in range(8):
        where = first.db[block] * found.sb.fsize
        want = numbers if block == 1 else b"A" * 32
        assert after[where : where + 32] == want


@pytest.mark.parametrize("second", [40, 1 << 40])
def test_attributes_that_are_half_damaged(tmp_path: Path, second: int) -> None:
    """Their good half was claimed when the bad one is found: it is given back."""
    image = tmp_path / "f.img"
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a").write_bytes(b"a" * 5000)
    (tree / "b").write_bytes(b"b" * 5000)
    newfs(image, size=8 << 20, block_size=8192, fragment_size=1024, populate=tree)
    data = bytearray(image.read_bytes())
    found = ffscheck.Image(bytes(data))
    names = dict(found.walk())
    at = found.inode_offset(names[b"/a"].number)
    free = names[b"/b"].db[0] + 8 * 40  # nobody's
    size = 1024 if second == 40 else 8192 + 1024
    struct.pack_into("<iqq", data, at + 92, size, free, second)
    image.write_bytes(data)
    report = fsck(image, mode="repair")
    assert "attributes" in {p.kind for p in report.problems}
    assert fsck(image).clean
    assert ffscheck.check(image.read_bytes()).problems == []


def made(image: Path, files: dict[str, bytes], **options: Any) -> ffscheck.Image:
    """A file system with these files."""
    top = image.parent / "made"
    top.mkdir()
    for name, data in files.items():
        (top / name).write_bytes(data)
    newfs(image, populate=top, free=1 << 20, **options)
    return ffscheck.Image(image.read_bytes())


@pytest.mark.parametrize("seed", range(16))
def test_what_was_not_touched_stays(tmp_path: Path, seed: int) -> None:
    """Random damage of all kinds, to images of all kinds."""
    for number in range(16 * seed, 16 * seed + 3):
        assert harm.tried(number, tmp_path) is None


def test_what_lies_below_a_contested_block_is_not_overwritten(tmp_path: Path) -> None:
    """A pointer of one file leads to the indirect block of another: that one's
    data are nobody's until it has its copy, and not free."""
    image = tmp_path / "f.img"
    big = random.Random(1).randbytes(300_000)
    reader = made(image, {"a": b"a" * 4096, "b": big}, block_size=4096)
    inodes = dict(reader.walk())
    first, second = inodes[b"/a"], inodes[b"/b"]
    assert first.number < second.number
    patch(image, reader.inode_offset(first.number) + 112 + 8, "<q", second.ib[0])
    patch(image, reader.inode_offset(first.number) + 16, "<QQ", 8192, 16)
    report = fsck(image, mode="repair")
    assert "duplicate-block" in {p.kind for p in report.problems}
    settled(image)
    found = contents(image.read_bytes())
    assert found[b"/b"] == big
    assert found[b"/a"][:4096] == b"a" * 4096


def test_data_taken_for_pointers_are_not_changed(tmp_path: Path) -> None:
    """The same the other way round: numbers in a file's data look like bad
    pointers to a thief, who must not clear them for both."""
    image = tmp_path / "f.img"
    data = struct.pack("<512q", *range(1 << 40, (1 << 40) + 512)) * 2
    reader = made(image, {"a": b"a" * 4096, "b": data}, block_size=4096)
    inodes = dict(reader.walk())
    first, second = inodes[b"/a"], inodes[b"/b"]
    patch(image, reader.inode_offset(first.number) + 112 + 96, "<q", second.db[0])
    patch(image, reader.inode_offset(first.number) + 16, "<Q", 60_000)
    assert fsck(image, mode="repair").code == 1
    settled(image)
    assert contents(image.read_bytes())[b"/b"] == data


def test_a_flag_alone_makes_no_snapshot(tmp_path: Path) -> None:
    """An accidental flag does not keep an absurd size."""
    image = tmp_path / "f.img"
    reader = made(image, {"a": b"a" * 5000})
    at = reader.inode_offset(dict(reader.walk())[b"/a"].number)
    patch(image, at + 88, "<I", 0x200000)
    assert fsck(image).clean
    patch(image, at + 16, "<Q", 1 << 62)
    assert fsck(image, mode="repair").code == 1
    settled(image)
    assert contents(image.read_bytes())[b"/a"][:5000] == b"a" * 5000


def test_a_superblock_in_a_file_is_none(tmp_path: Path) -> None:
    """At a place where another version has one, and damaged."""
    image = tmp_path / "f.img"
    newfs(image, size=4 << 20, version=1)
    data = bytearray(image.read_bytes())
    data[65536 : 65536 + 8192] = data[8192:16384]
    struct.pack_into("<i", data, 65536 + 48, 0)
    image.write_bytes(data)
    with dumpfs(image) as dump:
        assert dump.superblock["place"] == 8192
    fsck(image, mode="repair")
    settled(image)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("member", "change"),
    [(160, -3072), (16, 8), (12, 8), (20, 8), (152, 64), (156, 4096), (1096, 64),
     (8, 8), (1316, -2), (1320, -40), (1320, 4000)],
)  # fmt: skip
def test_a_plausible_but_wrong_superblock(
    tmp_path: Path, version: int, member: int, change: int
) -> None:
    """Its copies and the groups know better; nothing is built upon it."""
    image = tmp_path / "f.img"
    top = tmp_path / "made"
    top.mkdir()
    for i in range(200):
        (top / f"{i}").write_bytes(b"%d" % i * i * 9)
    (top / "link").symlink_to("l" * 50)
    newfs(image, populate=top, version=version, block_size=8192, free=4 << 20)
    before = contents(image.read_bytes())
    home = 8192 if version == 1 else 65536
    layout = "<q" if member == 1096 else "<i"
    (value,) = struct.unpack_from(layout, image.read_bytes(), home + member)
    patch(image, home + member, layout, value + change)
    report = fsck(image, mode="repair")
    assert report.code in (0, 1)
    settled(image)
    assert contents(image.read_bytes()) == before
    assert {p.kind for p in report.problems} <= {"superblock", "totals"}


@pytest.fixture(scope="module")
def cutter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that loses power during a repair."""
    out = tmp_path_factory.mktemp("cut") / "fsckcut"
    sources = [Path(__file__).with_name("fsckcut.c")]
    sources += sorted((ROOT / "csrc/ffstools").glob("*.c"))
    sources.append(ROOT / "modules/ffs/ffs_super.c")
    command = ["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-pthread"]
    command += [f"-I{ROOT}/csrc/include", f"-I{ROOT}/csrc/ffstools"]
    command += ["-Wl,--wrap=pwrite", "-Wl,--wrap=fdatasync"]
    subprocess.run([*command, *map(str, sources), "-o", str(out)], check=True)
    return out


@pytest.mark.parametrize("name", ["wal-mixed1", "wal-unlink", "damage"])
def test_a_repair_that_is_cut_off(tmp_path: Path, cutter: Path, name: str) -> None:
    """Whenever that happens, the next one ends where it would have ended: a
    journal stays dirty until all of it and all repairs are on the disk."""
    image = tmp_path / "cut.img"
    damaged = (
        bytes(images.damaged("nb-ffs2le-8k", "hole-dir"))
        if name == "damage"
        else images.unpacked(name)
    )
    image.write_bytes(damaged)
    assert fsck(image, mode="repair").code == 1
    want = contents(image.read_bytes())

    def cut(writes: int, seed: int) -> int:
        image.write_bytes(damaged)
        command = [str(cutter), str(image), str(writes), str(seed)]
        done = subprocess.run(command, capture_output=True, check=True)
        return int(done.stdout)

    total = cut(1 << 30, 0)
    settled(image)
    for writes in sorted({*range(3), *range(total - 3, total)} | {total // 2}):
        cut(writes, writes)
        # It does not say that all is well either, once anything was written.
        if image.read_bytes() != damaged and fsck(image, mode="preen").skipped:
            settled(image)
        fsck(image, mode="repair")
        settled(image)
        assert contents(image.read_bytes()) == want
