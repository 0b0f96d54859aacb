# SPDX-License-Identifier: BSD-2-Clause
"""Programs that know nothing of rumpy work on a mount: git, make, SQLite, fio."""

from __future__ import annotations

import mmap
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ffs.ffscheck import check
from judges import sleuthkit, uml
from judges.tree import Tree, differences, of_directory

from .conftest import ROOT, Done, Run

Need = Callable[[str], str]


def make_image(folder: Path, makefs: str, size: str, version: int = 1) -> Path:
    """An empty file system, as Debian's makefs makes it."""
    empty, image = folder / "empty", folder / "disk.img"
    empty.mkdir()
    options = f"version={version},bsize=16384,fsize=2048,density=4096"
    line = [makefs, "-t", "ffs", "-s", size, "-o", options, str(image), str(empty)]
    subprocess.run(line, check=True, capture_output=True)
    return image


@pytest.fixture
def disk(tmp_path: Path, need: Need) -> Path:
    """A new file system of 96 MiB that Linux can read, too."""
    return make_image(tmp_path, need("makefs"), "96m")


@pytest.fixture
def large(run: Run, disk: Path, where: Path) -> Iterator[Path]:
    """The same, mounted; checked after it was unmounted."""
    assert run("mount", disk, where) == Done(0, "", "")
    yield where
    assert run("umount", where) == Done(0, "", "")
    report = check(disk.read_bytes())
    assert report.problems == []


def sh(line: str, folder: Path) -> str:
    """What a shell command prints."""
    done = subprocess.run(
        ["/bin/sh", "-ec", line],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_git(large: Path, need: Need) -> None:
    need("git")
    sh(
        """
        git init -q first; cd first
        git config user.email me@example.org; git config user.name me
        for round in 1 2 3; do
            for n in $(seq 60); do seq $round $((n * 9 + round)) > f$n; done
            git add .; git commit -qm "round $round"
        done
        git mv f1 g1; git commit -qm moved
        cd ..; git clone -q first second; cd second
        git fsck --full --strict; git gc -q --prune=now; git fsck --full
        git checkout -q HEAD~2; git checkout -q -
        git worktree add -q ../third HEAD~1
        """,
        large,
    )
    assert sh("git -C second status --porcelain", large) == ""
    assert sh("git -C third log --oneline | wc -l", large).strip() == "3"


@pytest.mark.slow
def test_a_c_build(large: Path, need: Need) -> None:
    need("gcc")
    need("make")
    sh(f"cp -r {ROOT}/csrc {ROOT}/modules .", large)
    (large / "Makefile").write_text(
        "all: a.out\n\t./a.out\n%.o: %.c\n\tgcc -O1 -g -c -o $@ $<\n"
        "a.out: " + " ".join(f"f{i}.o" for i in range(12)) + "\n\tgcc -o $@ $^\n"
    )
    for i in range(11):
        (large / f"f{i}.c").write_text(f"int f{i}(int x) {{ return x + {i}; }}\n")
    calls = "".join(f"int f{i}(int); " for i in range(11))
    total = " + ".join(f"f{i}(0)" for i in range(11))
    (large / "f11.c").write_text(
        f"#include <stdio.h>\n{calls}\n"
        f'int main(void) {{ printf("%d\\n", {total}); return 0; }}\n'
    )
    assert sh("make -s -j2", large) == "55\n"
    assert sh("make -q a.out && echo nothing to do", large) == "nothing to do\n"
    os.utime(large / "f3.c")
    assert sh("make -n | grep -c gcc", large) == "2\n"
    sh("make -s BUILD=$PWD/build -C csrc ../build/modules/hello.kmod 2>/dev/null"
       " || true; rm -rf csrc modules build", large)  # fmt: skip


@pytest.mark.parametrize(
    "mode", ["delete", "truncate", "persist", "memory", "wal", "off"]
)
def test_sqlite(mounted: Path, mode: str) -> None:
    path = mounted / "data.db"
    db = sqlite3.connect(path)
    assert db.execute(f"pragma journal_mode={mode}").fetchone() == (mode,)
    db.execute("create table t (id integer primary key, body blob)")
    for start in range(0, 300, 100):
        with db:
            db.executemany(
                "insert into t values (?, ?)",
                [(i, bytes([i % 251]) * (i * 7)) for i in range(start, start + 100)],
            )
    db.execute("begin")
    db.execute("delete from t where id % 3 = 0")
    db.rollback() if mode != "off" else db.commit()
    reader = sqlite3.connect(path)
    rows = reader.execute("select count(*), sum(length(body)) from t").fetchone()
    left = [i for i in range(300) if mode != "off" or i % 3]
    assert rows == (len(left), 7 * sum(left))
    db.execute("vacuum")
    assert reader.execute("pragma integrity_check").fetchone() == ("ok",)
    reader.close()
    db.close()
    assert not (mounted / "data.db-wal").exists()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["psync", "mmap", "libaio"])
def test_fio_verifies_what_it_wrote(
    large: Path, tmp_path: Path, need: Need, engine: str
) -> None:
    direct = "--direct=1" if engine == "libaio" else ""
    sh(
        f"{need('fio')} --name=v --directory={large} --ioengine={engine} {direct}"
        " --rw=randwrite --bs=512-64k --bs_unaligned=0 --blockalign=4096"
        " --bsrange=4k-64k --size=12m --numjobs=2 --verify=crc32c --do_verify=1"
        " --verify_fatal=1 --randseed=7 --fsync=64 --output=/dev/null",
        tmp_path,
    )


def test_mappings_read_write_and_truncate_agree(mounted: Path) -> None:
    path = mounted / "shared"
    path.write_bytes(b"." * 40000)
    fd = os.open(path, os.O_RDWR)
    with mmap.mmap(fd, 40000) as one, mmap.mmap(fd, 40000) as two:
        one[100:104] = b"mmap"
        assert os.pread(fd, 4, 100) == b"mmap" == two[100:104]
        os.pwrite(fd, b"pwrite", 20000)
        assert one[20000:20006] == b"pwrite" == two[20000:20006]
        os.ftruncate(fd, 10000)
        os.ftruncate(fd, 40000)
        assert one[9999:10001] == b".\0" and one[20000:20006] == bytes(6)
        one[30000] = 7
        one.flush()
        other = os.open(path, os.O_RDONLY | os.O_DIRECT)
        with mmap.mmap(-1, 4096) as page:
            os.preadv(other, [page], 28672)
            assert page[30000 - 28672] == 7
        os.close(other)
    os.close(fd)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: owners are compared")
def test_strangers_read_what_was_written(
    run: Run, disk: Path, where: Path, tmp_path: Path
) -> None:
    """Linux's ufs.ko, The Sleuth Kit, and we after a new mount: equal hashes."""
    assert run("mount", disk, where) == Done(0, "", "")
    sh(
        f"""
        cp -r {ROOT}/rumpy/cli {ROOT}/docs .
        ln -s cli/ls.py link; ln -s $(printf 'x%.0s' $(seq 200)) long
        ln docs/guide/command.md hard; mkfifo fifo
        for n in 1 11 12 13 96 97 4000; do
            head -c $((n * 2048 + n)) /dev/urandom > size$n
        done
        mkdir many; for n in $(seq 700); do : > many/name-number-$n; done
        for n in $(seq 3 3 700); do rm many/name-number-$n; done
        truncate -s 3000000 sparse; printf end >> sparse
        mv size97 cli/moved; truncate -s 100 size4000; cat size96 >> size4000
        chmod 4711 size11; touch -d 2001-02-03T04:05:06 size12
        """,
        where,
    )
    wanted = of_directory(where)
    assert run("umount", where) == Done(0, "", "")
    assert check(disk.read_bytes()).problems == []
    assert run("mount", "-o", "ro", disk, where) == Done(0, "", "")
    assert differences(wanted, of_directory(where)) == []
    assert run("umount", where) == Done(0, "", "")
    told = 0
    if sleuthkit.missing() is None:
        found = sleuthkit.read(disk)
        for path, entry in wanted.items():
            if entry.digest and path != b"sparse" and entry.size:
                assert found[path] == (entry.size, entry.digest), path
        told += 1
    if uml.missing() is None:
        tree = uml.read({"disk": (disk, "44bsd")})["disk"]
        assert isinstance(tree, dict), tree
        assert differences(plain(wanted), plain(tree)) == []
        told += 1
    if not told:
        pytest.skip("needs package user-mode-linux or sleuthkit: no judge is here")


def plain(tree: Tree) -> Tree:
    """Without the sizes of directories, which Linux rounds as it likes."""
    return {p: e for p, e in tree.items() if e.digest or e.target}
