# SPDX-License-Identifier: BSD-2-Clause
"""cp: real trees come out whole, and hostile ones harm nobody."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ffs import images, tree

from rumpy.transfer import copy_tree

from .conftest import Done, Run
from .test_manifests import Host

#: What the host's file system keeps in its own way, or not at all.
HOSTS = {"birthtime", "flags", "ino", "ctime", "atime", "blocks", "mtime"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: owners are compared")
@pytest.mark.parametrize("name", ["nb-ffs1le-16k", "nb-ffs2be-4k", "nb-bsd43le-8k"])
def test_a_whole_image_comes_out(run: Run, tmp_path: Path, name: str) -> None:
    image = images.copy(name, tmp_path)
    assert run("cp", "-r", f"{image}:/", "out") == Done(0, "", "")
    entries = {}
    for path, entry in images.manifest(name)["entries"].items():
        wanted = {k: v for k, v in entry.items() if k not in HOSTS}
        if wanted["type"] == "dir":
            del wanted["size"], wanted["nlink"]
        entries[path] = wanted
    out = tmp_path / "out"
    host: Any = Host()
    found = {tree.escape(n) for n in tree.names(host, os.fsencode(out))}
    assert found == {
        "/".join(tree.escape(tree.unescape(p)) for p in n.split("/")) for n in entries
    }
    for path, wanted in entries.items():
        got = tree.describe(host, os.fsencode(out) + b"/" + tree.unescape(path), wanted)
        assert {k: got.get(k) for k in wanted} == wanted, path
    # Holes stay holes.
    used = sum(p.lstat().st_blocks for p in out.rglob("*") if not p.is_symlink())
    assert used * 512 < 2 * image.stat().st_size


class Foreign:
    """`os`, but of somebody who may not give files away."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def chown(self, *arguments: Any, **options: Any) -> None:
        raise PermissionError(1, "no")


def test_set_id_bits_go_with_the_owner(tmp_path: Path) -> None:
    """Else whoever runs the copy would run it as whoever made it."""
    source = tmp_path / "program"
    source.write_text("x")
    source.chmod(0o6755)
    copy_tree(os, str(source), Foreign(), str(tmp_path / "theirs"))
    assert stat.S_IMODE((tmp_path / "theirs").stat().st_mode) == 0o755
    copy_tree(os, str(source), os, str(tmp_path / "own"))
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o6755


class Twice(Foreign):
    """A directory with one name twice: first a link, then a file."""

    def __init__(self, link: Path, file: Path) -> None:
        self.link, self.file, self.seen = link, file, 0

    def listdir(self, path: str) -> list[str]:
        return ["name", "name"]

    def lstat(self, path: str) -> os.stat_result:
        if not path.endswith("name"):
            return os.lstat(path)
        self.seen += 1
        return os.lstat(self.link if self.seen == 1 else self.file)

    def readlink(self, path: str) -> str:
        return os.readlink(self.link)

    def open(self, path: str, flags: int) -> int:
        return os.open(self.file, flags)


def test_nothing_is_written_through_a_link_of_the_image(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "link").symlink_to(victim)
    (tmp_path / "file").write_text("evil")
    (tmp_path / "top").mkdir()
    here = Twice(tmp_path / "link", tmp_path / "file")
    failed: list[str] = []
    copy_tree(
        here,
        str(tmp_path / "top"),
        os,
        str(tmp_path / "out"),
        report=lambda name, error: failed.append(name),
    )
    assert victim.read_text() == "precious"
    assert len(failed) == 1


def test_what_fails_is_told_and_the_rest_is_copied(
    run: Run, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "out" / "a_directory" / "README").mkdir(parents=True)
    done = run("cp", "-r", f"{image}:/a_directory", f"{image}:/bin", "out")
    assert done.code == 1 and done.err.count("\n") == 1
    assert "/a_directory/README: Is a directory" in done.err
    assert (tmp_path / "out/a_directory/deeper/fox.txt").exists()
    assert (tmp_path / "out/bin/hello").exists()


def test_a_full_image_ends_the_copy(run: Run, image: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for n in range(5):
        (tmp_path / "in" / str(n)).write_bytes(os.urandom(3 << 20))
    done = run("cp", "-r", "in", f"{image}:/in")
    assert done.code == 1 and done.err.count("No space left") == 1
