# SPDX-License-Identifier: BSD-2-Clause
"""Real images through the mount: what they show, and what is left of work."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ffs import ffscheck, images
from ffs.tree import escape, unescape
from fusehelp import skip_unmountable

from rumpy.fuse import mount, umount

CLEAN = [name for name in images.names("nb-") if images.has_manifest(name)]
QUICK = ("nb-ffs1be-8k", "nb-ffs2le-32k", "nb-bsd43le-8k")

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


def digest(path: bytes, offset: int, length: int) -> str:
    """SHA-256 of a part of a file."""
    hasher = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while length > 0:
            part = os.pread(file.fileno(), min(length, 1 << 20), offset)
            if not part:
                break
            hasher.update(part)
            offset += len(part)
            length -= len(part)
    return hasher.hexdigest()


def describe(path: bytes, want: dict[str, Any]) -> dict[str, Any]:
    """What the host sees of a file, in the manifest's words."""
    st = os.lstat(path)
    got: dict[str, Any] = {
        "type": KINDS[stat.S_IFMT(st.st_mode)],
        "mode": f"{st.st_mode:06o}",
        "ino": st.st_ino,
        "nlink": st.st_nlink,
        "uid": st.st_uid,
        "gid": st.st_gid,
        "size": st.st_size,
        "blocks": st.st_blocks,
        "mtime": list(divmod(st.st_mtime_ns, 1_000_000_000)),
        "ctime": list(divmod(st.st_ctime_ns, 1_000_000_000)),
    }
    if "major" in want:
        # FUSE has 12 bits for the major number and 20 for the minor.
        got["major"] = os.major(st.st_rdev) | want["major"] & ~0xFFF
        got["minor"] = os.minor(st.st_rdev) | want["minor"] & ~0xFFFFF
    if "target" in want:
        got["target"] = escape(os.readlink(path))
    if "sha256" in want:
        got["sha256"] = digest(path, 0, st.st_size)
    if "regions" in want:
        got["regions"] = [[o, n, digest(path, o, n)] for o, n, _ in want["regions"]]
    return got


def differences(top: Path, entries: dict[str, Any]) -> list[str]:
    """Where the tree is not what the manifest says."""
    root = os.fsencode(top)
    found = {"."}
    for where, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.relpath(os.path.join(where, name), root)
            found.add("/".join(escape(part) for part in path.split(b"/")))
    wanted = {
        "/".join(escape(unescape(part)) for part in name.split("/")): entry
        for name, entry in entries.items()
    }
    wrong = [f"{name}: one-sided" for name in sorted(found ^ wanted.keys())]
    for name in sorted(found & wanted.keys()):
        path = root if name == "." else root + b"/" + unescape(name)
        got = describe(path, wanted[name])
        wrong += [
            f"{name}: {key} {value}, not {wanted[name].get(key)}"
            for key, value in got.items()
            if value != wanted[name].get(key)
        ]
    return wrong


@pytest.fixture
def where(built: None, tmp_path: Path) -> Path:
    """A mount point."""
    skip_unmountable()
    directory = tmp_path / "mnt"
    directory.mkdir()
    return directory


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: owners are compared")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
        for name in CLEAN
    ],
)
def test_images_show_what_their_manifests_say(
    where: Path, tmp_path: Path, name: str
) -> None:
    image = images.copy(name, tmp_path)
    mount("ffs", image, where, "ro")
    try:
        assert differences(where, images.manifest(name)["entries"]) == []
    finally:
        umount(where)
    assert image.read_bytes() == images.unpacked(name)


@pytest.fixture
def large(where: Path, tmp_path: Path, need: Callable[[str], str]) -> Path:
    """An empty image with room for real work."""
    empty = tmp_path / "empty"
    empty.mkdir()
    path = tmp_path / "large.img"
    shape = "version=2,bsize=16384,fsize=2048,density=4096"
    subprocess.run(
        [need("makefs"), "-t", "ffs", "-B", "le", "-s", "256m", "-o", shape,
         str(path), str(empty)],
        check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return path


def work_git(top: Path) -> None:
    """Clone, change, collect garbage."""
    root = Path(__file__).resolve().parents[2]
    script = f"""
set -e
git -c init.defaultBranch=main init -q repo && cd repo
cp -r {root}/csrc {root}/rumpy . && rm -rf rumpy/_hyp*.so
git add . && git -c user.name=n -c user.email=e commit -qm one
git clone -q . ../clone && cd ../clone && git mv csrc c && git status --short | wc -l
git -c user.name=n -c user.email=e commit -qm two && git gc -q && git fsck --strict
"""
    subprocess.run(["sh", "-c", script], cwd=top, check=True, capture_output=True)


def work_compile(top: Path) -> None:
    """A C build with its outputs on the mount."""
    source = Path(__file__).resolve().parents[2] / "csrc"
    shutil.copytree(source / "bench", top / "csrc/bench")
    shutil.copytree(source / "fuse", top / "csrc/fuse")
    shutil.copytree(source / "include", top / "csrc/include")
    words = ["make", "-C", str(top / "csrc/bench"), "toy_native", f"OUT={top}/out"]
    subprocess.run(words, check=True, capture_output=True)
    done = subprocess.run([top / "out/toy_native"], capture_output=True)
    assert b"usage" in done.stderr


def work_sqlite(top: Path) -> None:
    """Both journals of sqlite."""
    import sqlite3

    for mode in ("wal", "delete"):
        base = sqlite3.connect(top / f"{mode}.db")
        base.execute(f"pragma journal_mode={mode}")
        base.execute("create table t(a integer primary key, b blob)")
        with base:
            rows = ((i, os.urandom(i % 200)) for i in range(5000))
            base.executemany("insert into t values(?, ?)", rows)
        with base:
            base.execute("delete from t where a % 3 = 0")
        base.execute("vacuum")
        assert base.execute("pragma integrity_check").fetchone() == ("ok",)
        base.close()


def work_fio(top: Path) -> None:
    """fio verifies what it wrote by three ways of writing."""
    if shutil.which("fio") is None:
        pytest.skip("needs package fio: no fio here")
    for name, words in {
        "calls": ["--rw=randwrite", "--bs=4k", "--ioengine=psync"],
        "maps": ["--rw=randrw", "--bsrange=512-64k", "--ioengine=mmap"],
        "direct": ["--rw=randwrite", "--bs=4k", "--direct=1", "--ioengine=psync"],
    }.items():
        subprocess.run(
            ["fio", f"--name={name}", f"--directory={top}", "--size=8m",
             "--verify=crc32c", "--verify_fatal=1", "--minimal", *words],
            check=True, capture_output=True, cwd=top,
        )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("work", [work_git, work_compile, work_sqlite, work_fio])
def test_real_programs(where: Path, large: Path, work: Callable[[Path], None]) -> None:
    mount(None, large, where)
    try:
        work(where)
        before = sums(where)
    finally:
        umount(where)
    mount(None, large, where, "ro")
    try:
        assert sums(where) == before
    finally:
        umount(where)
    assert ffscheck.check(large.read_bytes()).problems == []


def sums(top: Path) -> dict[str, str]:
    """Hashes of all files."""
    return {
        str(path.relative_to(top)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in top.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
