# SPDX-License-Identifier: BSD-2-Clause
"""newfs: what it makes is right for the checker, the driver and strangers."""

from __future__ import annotations

import io
import itertools
import os
import random
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from ffs import ffscheck
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judges import sleuthkit, uml
from judges.tree import Tree, differences

import rumpy
from rumpy.ffstools import dumpfs, fsck, newfs

from . import odd

#: Block and fragment sizes.
GEOMETRIES = [(b, b // f) for b in (4096, 8192, 16384, 32768, 65536) for f in (1, 8)]
GEOMETRIES += [(8192, 4096), (16384, 4096)]
GEOMETRIES = [(b, f) for b, f in GEOMETRIES if f >= 512]
ORDERS = ["little", "big"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tree]:
    """A directory with something of everything, and how Linux reads it."""
    top = odd.make(tmp_path_factory.mktemp("tree") / "top")
    return top, odd.by_host(top)


def clean(image: Path) -> ffscheck.Report:
    """The image's report, after asserting that it has no problems."""
    report = ffscheck.check(image.read_bytes())
    assert report.problems == []
    return report


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("block", "frag"), GEOMETRIES)
def test_empty(
    kernel: rumpy.Kernel,
    tmp_path: Path,
    version: int,
    order: str,
    block: int,
    frag: int,
) -> None:
    image = tmp_path / "new.img"
    made = newfs(
        image, size=12 << 20, version=version, order=order, block_size=block,
        fragment_size=frag, label="a label",
    )  # fmt: skip
    assert clean(image).inodes == 1
    assert made.size <= image.stat().st_size == 12 << 20
    kernel.load("ffs")
    with kernel.mount("ffs", str(image), "/mnt"):
        kernel.mkdir("/mnt/new")
        fd = kernel.open("/mnt/new/file", os.O_CREAT | os.O_RDWR, 0o600)
        kernel.write(fd, b"x" * 200_000)
        kernel.close(fd)
    assert clean(image).inodes == 3
    with dumpfs(image) as dump:
        sb = dump.superblock
    assert (sb["fs_bsize"], sb["fs_fsize"]) == (block, frag)
    assert (sb["version"], sb["order"], sb["fs_volname"]) == (version, order, "a label")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("block", "frag"), [(4096, 512), (16384, 16384), (65536, 8192)]
)
def test_populate(
    kernel: rumpy.Kernel,
    tmp_path: Path,
    tree: tuple[Path, Tree],
    version: int,
    order: str,
    block: int,
    frag: int,
) -> None:
    image = tmp_path / "new.img"
    made = newfs(
        image, version=version, order=order, block_size=block, fragment_size=frag,
        populate=tree[0],
    )  # fmt: skip
    clean(image)
    assert made.size == image.stat().st_size
    assert made.changed == 0
    kernel.load("ffs")
    assert differences(tree[1], odd.by_driver(kernel, image)) == []


def test_sleuthkit_reads_it(tmp_path: Path) -> None:
    """Names, sizes and contents."""
    if (package := sleuthkit.missing()) is not None:
        pytest.skip(f"needs package {package}")
    top = odd.make(tmp_path / "few", many=4)
    for version, order in ((1, "big"), (2, "little")):
        image = tmp_path / f"{version}.img"
        newfs(image, version=version, order=order, populate=top)
        theirs = sleuthkit.read(image)
        wanted = odd.by_host(top)
        wanted = {p: e for p, e in wanted.items() if stat.S_ISREG(e.mode)}
        # It prints what is not UTF-8 in its own way.
        wanted = {p: e for p, e in wanted.items() if b"\xff" not in p}
        for path, entry in wanted.items():
            size, digest = theirs[path]
            assert size == entry.size, path
            assert digest in ("", entry.digest) or entry.size == 0, path


@pytest.mark.slow
def test_linux_reads_it(tmp_path: Path, tree: tuple[Path, Tree]) -> None:
    if (package := uml.missing()) is not None:
        pytest.skip(f"needs package {package}")
    made = {}
    for version, order, block in (
        (1, "big", 8192), (1, "little", 16384), (2, "little", 4096), (2, "big", 32768),
    ):  # fmt: skip
        image = tmp_path / f"{version}{order}{block}.img"
        newfs(image, version=version, order=order, block_size=block, populate=tree[0])
        made[image.name] = (image, "44bsd" if version == 1 else "ufs2")
    for name, theirs in uml.read(made).items():
        assert isinstance(theirs, dict), (name, theirs)
        ours = odd.comparable(tree[1])
        assert differences(no_devices(ours), no_devices(odd.comparable(theirs))) == []


def no_devices(tree: Tree) -> Tree:
    """Without device numbers, which are NetBSD's in the image."""
    return {path: odd.replaced(e, rdev=0) for path, e in tree.items()}


def test_fixed_date_gives_equal_images(tmp_path: Path, tree: tuple[Path, Tree]) -> None:
    first, second = tmp_path / "1.img", tmp_path / "2.img"
    newfs(first, populate=tree[0], date=1_100_000_000, threads=1)
    for folder, _, files in os.walk(tree[0]):  # which reads the directories
        for name in files:
            os.lstat(os.path.join(folder, name))
    newfs(second, populate=tree[0], date=1_100_000_000, threads=3)
    assert first.read_bytes() == second.read_bytes()
    with dumpfs(first) as dump:
        assert dump.superblock["fs_time"] == 1_100_000_000
        for first_inode, last in dump.group(0)["used_inodes"]:
            for ino in range(max(first_inode, 2), last + 1):
                assert max(dump.inode(ino)["time"]) <= 1_100_000_000


def test_source_date_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    newfs(tmp_path / "1.img", size=1 << 20)
    newfs(tmp_path / "2.img", size=1 << 20)
    assert (tmp_path / "1.img").read_bytes() == (tmp_path / "2.img").read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    with pytest.raises(ValueError, match="SOURCE_DATE_EPOCH"):
        newfs(tmp_path / "3.img", size=1 << 20)


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_packed_archive(tmp_path: Path, mode: str) -> None:
    archive = tmp_path / "tree.tar"
    (tmp_path / "file").write_bytes(b"data" * 5000)
    with tarfile.open(archive, mode) as tar:  # type: ignore[call-overload]
        tar.add(tmp_path / "file", arcname="dir/file")
    image = tmp_path / "new.img"
    newfs(image, populate=archive)
    clean(image)
    reader = ffscheck.Image(image.read_bytes())
    assert reader.content(dict(reader.walk())[b"/dir/file"]) == b"data" * 5000


def test_archive(kernel: rumpy.Kernel, tmp_path: Path, tree: tuple[Path, Tree]) -> None:
    top, want = tree
    archive = tmp_path / "tree.tar"
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(top, arcname=".")
    image = tmp_path / "new.img"
    newfs(image, populate=archive, order="big")
    clean(image)
    kernel.load("ffs")
    # Archives have no sockets.
    want = {p: e for p, e in want.items() if not stat.S_ISSOCK(e.mode)}
    assert differences(want, odd.by_driver(kernel, image)) == []


def test_sparse_archive(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    """A GNU archive with holes, missing directories and a repeated member."""
    (tmp_path / "sparse").mkdir()
    odd.holes(tmp_path / "sparse")
    archive = tmp_path / "s.tar"
    command = ["tar", "-C", str(tmp_path), "-Scf", str(archive)]
    subprocess.run([*command, "--transform=s,^,x/y/,", "sparse"], check=True)
    with tarfile.open(archive, "a", format=tarfile.GNU_FORMAT) as tar:
        for text in (b"first", b"second"):
            member = tarfile.TarInfo("made/up/file")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    image = tmp_path / "new.img"
    newfs(image, populate=archive)
    clean(image)
    kernel.load("ffs")
    found = odd.by_driver(kernel, image)
    host = odd.by_host(tmp_path / "sparse")
    for name, entry in host.items():
        if stat.S_ISREG(entry.mode):
            assert found[b"x/y/sparse/" + name].digest == entry.digest
    assert found[b"made/up/file"].size == 6


@pytest.mark.parametrize("name", ["../out", "a/../../out"])
def test_archives_do_not_lead_out(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "bad.tar"
    with tarfile.open(archive, "w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(rumpy.ImageError, match="leads out"):
        newfs(tmp_path / "new.img", populate=archive)
    assert not (tmp_path / "new.img").exists()


Member = tuple[str, bytes, str]


@pytest.mark.parametrize(
    ("members", "match"),
    [
        ([(".", tarfile.REGTYPE, "")], "the root is no directory"),
        ([("", tarfile.SYMTYPE, "x")], "the root is no directory"),
        ([("d", tarfile.DIRTYPE, ""), ("h", tarfile.LNKTYPE, "d")], "h: a hard link"),
        ([("s", tarfile.SYMTYPE, "/etc"), ("s/f", tarfile.REGTYPE, "")], "f: what it"),
        ([("a", tarfile.LNKTYPE, "b"), ("b", tarfile.LNKTYPE, "a")], "not there"),
    ],
)
def test_archives_that_make_no_tree(
    tmp_path: Path, members: list[Member], match: str
) -> None:
    archive = tmp_path / "bad.tar"
    with tarfile.open(archive, "w") as tar:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            tar.addfile(member)
    with pytest.raises((rumpy.ImageError, OSError), match=match):
        newfs(tmp_path / "new.img", populate=archive)
    assert not (tmp_path / "new.img").exists()


def test_links_to_links_in_archives(tmp_path: Path) -> None:
    """In any order."""
    archive = tmp_path / "links.tar"
    with tarfile.open(archive, "w") as tar:
        tar.addfile(tarfile.TarInfo("z"))
        for name, target in (("b", "c"), ("c", "y"), ("y", "z")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.LNKTYPE, target
            tar.addfile(member)
    image = tmp_path / "new.img"
    newfs(image, populate=archive)
    clean(image)
    found = dict(ffscheck.Image(image.read_bytes()).walk())
    assert {found[n].number for n in (b"/b", b"/c", b"/y", b"/z")} == {
        found[b"/z"].number
    }


@pytest.mark.parametrize(
    "head", [b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"]
)
def test_damaged_packed_archives(tmp_path: Path, head: bytes) -> None:
    archive = tmp_path / "bad.tar"
    archive.write_bytes(head + bytes(range(200)))
    with pytest.raises(rumpy.ImageError, match=r"bad.tar: (damaged|packed by zstd)"):
        newfs(tmp_path / "new.img", populate=archive)


def test_absurd_numbers_are_refused(tmp_path: Path) -> None:
    image = tmp_path / "new.img"
    for options in (
        {"size": 0}, {"size": -1}, {"size": 1 << 80},
        {"size": 1 << 22, "date": 1 << 70},
        {"size": 1 << 22, "density": -1}, {"size": 1 << 22, "inodes": 1 << 63},
        {"size": 1 << 22, "log": 4096}, {"size": 1 << 22, "log": -1},
        {"size": 1 << 22, "free": 1 << 64},
    ):  # fmt: skip
        values: dict[str, Any] = options
        with pytest.raises(rumpy.ImageError):
            newfs(image, **values)
    assert not image.exists()


def test_a_used_image_keeps_its_length(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    image = tmp_path / "new.img"
    newfs(image, size=4 << 20)
    kernel.load("ffs")
    with kernel.mount("ffs", str(image), "/mnt"):
        for offset in (0, 1 << 20):
            with pytest.raises(rumpy.ImageError, match="in use"):
                newfs(image, size=64 << 20, offset=offset, force=True)
    assert image.stat().st_size == 4 << 20


def test_groups_have_room_for_the_journal(tmp_path: Path) -> None:
    """Also where the size is computed and would make small ones."""
    image = tmp_path / "new.img"
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "file").write_text("text")
    for version in (1, 2):
        for block, free in itertools.product((4096, 16384, 65536), range(0, 400, 40)):
            newfs(
                image, populate=tmp_path / "top", log=2 << 20, version=version,
                block_size=block, free=free * block,
            )  # fmt: skip
            assert fsck(image).clean
            with dumpfs(image) as dump:
                assert dump.superblock["fs_journallocs"][1] == (2 << 20) // 512
            image.unlink()
    with pytest.raises(OSError, match="in one piece"):
        newfs(image, size=40 << 20, block_size=4096, log=20 << 20)


def test_what_does_not_fit_is_refused(tmp_path: Path, tree: tuple[Path, Tree]) -> None:
    image = tmp_path / "small.img"
    with pytest.raises(OSError, match="does not fit") as caught:
        newfs(image, size=2 << 20, populate=tree[0])
    assert not image.exists()
    # It says what it would fit into.
    needed = int(str(caught.value).rpartition("about ")[2].partition(":")[0])
    newfs(image, size=needed, populate=tree[0])
    image.unlink()
    with pytest.raises(OSError, match="too few"):
        newfs(image, size=64 << 10)
    with pytest.raises(rumpy.ImageError, match="block size"):
        newfs(image, size=8 << 20, block_size=3000)
    with pytest.raises(rumpy.ImageError, match="fragment size"):
        newfs(image, size=8 << 20, block_size=65536, fragment_size=512)
    assert not image.exists()


def test_contents_are_not_overwritten_unasked(tmp_path: Path) -> None:
    image = tmp_path / "new.img"
    newfs(image, size=4 << 20)
    before = image.read_bytes()
    with pytest.raises(rumpy.ImageError, match="force"):
        newfs(image)
    assert image.read_bytes() == before
    newfs(image, version=1, force=True)
    with dumpfs(image) as dump:
        assert dump.superblock["version"] == 1


def test_used_images_are_refused(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    image = tmp_path / "new.img"
    newfs(image, size=4 << 20)
    kernel.load("ffs")
    with kernel.mount("ffs", str(image), "/mnt"):
        with pytest.raises(rumpy.ImageError, match="in use"):
            newfs(image, force=True)
        with pytest.raises(rumpy.ImageError, match="being written"), dumpfs(image):
            pass


def test_old_contents_of_a_stretch_do_not_shine_through(
    kernel: rumpy.Kernel, tmp_path: Path, tree: tuple[Path, Tree]
) -> None:
    """In a partition nothing can be taken for zero."""
    image = tmp_path / "disk.img"
    rng = random.Random(3)
    image.write_bytes(rng.randbytes(1 << 20) * 24)
    for version, old in ((1, 2), (2, 1)):
        newfs(image, offset=1 << 20, size=20 << 20, version=old, force=True)
        newfs(
            image, offset=1 << 20, size=20 << 20, version=version, force=True,
            populate=tree[0], log=1 << 20,
        )  # fmt: skip
        part = tmp_path / "part.img"
        part.write_bytes(image.read_bytes()[1 << 20 : 21 << 20])
        clean(part)
        with dumpfs(part) as dump:
            assert dump.superblock["version"] == version
        kernel.load("ffs")
        found = odd.by_driver(kernel, image, offset=1 << 20)
        assert differences(tree[1], found) == []


def test_attributes(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    """NetBSD 10's FFSv2ea."""
    image = tmp_path / "ea.img"
    newfs(image, size=8 << 20, attributes=True)
    assert fsck(image).clean
    with dumpfs(image) as dump:
        assert dump.superblock["fs_magic"] == 0x19012038
    kernel.load("ffs")
    with kernel.mount("ffs", str(image), "/mnt"):
        kernel.mkdir("/mnt/new")
        kernel.setxattr("/mnt/new", "user.name", b"value")
    assert fsck(image).clean
    with pytest.raises(rumpy.ImageError, match="attributes"):
        newfs(tmp_path / "v1.img", size=8 << 20, version=1, attributes=True)


@pytest.mark.parametrize(("version", "old"), [(1, 2), (2, 1), (1, 1)])
def test_no_old_superblock_is_found(tmp_path: Path, version: int, old: int) -> None:
    """What lay in the stretch before can't be taken for the new one."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(9 << 20))
    where: dict[str, Any] = {"offset": 1 << 20, "size": 8 << 20}
    newfs(image, **where, version=old, block_size=4096, density=1 << 20, force=True)
    newfs(image, **where, version=version, density=1 << 20, block_size=4096, force=True)
    with dumpfs(image, **where) as dump:
        assert dump.superblock["version"] == version
    assert fsck(image, **where).clean


def test_journal(tmp_path: Path) -> None:
    image = tmp_path / "log.img"
    newfs(image, size=16 << 20, log=2 << 20)
    clean(image)
    with dumpfs(image) as dump:
        sb = dump.superblock
        start, count, size, ino = sb["fs_journallocs"]
        inode = dump.inode(ino)
    assert (sb["fs_journal_version"], sb["fs_journal_location"]) == (1, 2)
    assert count * size == 2 << 20 == inode["size"]
    assert start == inode["db"][0] * sb["fs_fsize"] // 512
    assert inode["flags"] == 0x400000


names = st.binary(min_size=1, max_size=40).filter(
    lambda n: b"/" not in n and b"\0" not in n and n not in (b".", b"..")
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    files=st.dictionaries(names, st.integers(0, 400_000), max_size=12),
    folders=st.sets(names, max_size=4),
    version=st.sampled_from([1, 2]),
    order=st.sampled_from(ORDERS),
    geometry=st.sampled_from(GEOMETRIES),
)
def test_any_tree(
    tmp_path_factory: pytest.TempPathFactory,
    files: dict[bytes, int],
    folders: set[bytes],
    version: int,
    order: str,
    geometry: tuple[int, int],
) -> None:
    """Every file is found again, bit by bit, by the independent reader."""
    folder = tmp_path_factory.mktemp("any")
    top = os.fsencode(folder / "top")
    os.mkdir(top)
    tops = [top]
    for name in folders - files.keys():
        os.mkdir(top + b"/" + name)
        tops.append(top + b"/" + name)
    want = {}
    for i, (name, size) in enumerate(files.items()):
        path = tops[i % len(tops)] + b"/" + name
        want[path[len(top) :]] = data = random.Random(size).randbytes(size)
        Path(os.fsdecode(path)).write_bytes(data)
    image = folder / "new.img"
    newfs(
        image, populate=os.fsdecode(top), version=version, order=order,
        block_size=geometry[0], fragment_size=geometry[1],
    )  # fmt: skip
    clean(image)
    reader = ffscheck.Image(image.read_bytes())
    found = {p: reader.content(i) for p, i in reader.walk() if not i.isdir}
    assert found == want
    image.unlink()


def test_command(tmp_path: Path, tree: tuple[Path, Tree]) -> None:
    image = tmp_path / "cli.img"

    def rumpy_command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rumpy.cli", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    assert rumpy_command("newfs", str(image)).returncode == 2
    done = rumpy_command(
        "newfs", "-O1", "-B", "be", "-b", "8k", "--populate", str(tree[0]),
        "--owner", "12:34", "--json", str(image),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"block_size": 8192' in done.stdout
    done = rumpy_command("ls", "-l", f"{image}:/size1")
    assert " 12 " in done.stdout
    assert " 34 " in done.stdout
    done = rumpy_command("dumpfs", "-s", str(image))
    assert "fs_magic             0x11954" in done.stdout
    done = rumpy_command("dumpfs", "-i", "2", "--json", str(image))
    assert '"ino": 2' in done.stdout
    assert rumpy_command("newfs", "-s", "1M", str(image)).returncode == 1
