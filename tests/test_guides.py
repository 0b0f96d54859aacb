# SPDX-License-Identifier: BSD-2-Clause
"""What README and the guides show runs as it stands, in a folder made for it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rumpy

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "guide"


@pytest.fixture
def folder(
    built: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The working directory that the guides speak of."""
    from rumpy.linker import locate

    monkeypatch.chdir(tmp_path)
    rumpy.demo_image(tmp_path / "disk.img")
    with rumpy.Kernel() as k, k.mount("ffs", str(tmp_path / "disk.img"), "/mnt"):
        for name in ("etc", "home", "root", "srv"):
            k.mkdir(f"/mnt/{name}")
        for name in ("etc/passwd", "home/secret"):
            k.write_file(f"/mnt/{name}", b"root:*:0:0::/root:/bin/sh\n")
            k.chmod(f"/mnt/{name}", 0o600)
    shutil.copy(locate("hello"), "driver.kmod")
    shutil.copy(locate("chardev"), "big.kmod")
    for name in ("tree", "site", "disk", "there"):
        Path(name).mkdir()
        Path(name, "file").write_text(name)
    os.unlink("disk/file")
    os.unlink("there/file")
    Path("notes.txt").write_text("notes\n")
    Path("script.py").write_text("print(k.listdir('/mnt'), mnt)\n")
    with tarfile.open("root.tar.xz", "w:xz") as archive:
        archive.add("tree", ".")
    yield tmp_path
    assert not os.path.ismount("disk") and not os.path.ismount("there")


def blocks(name: str) -> list[str]:
    """The programs of a guide: fenced, or else indented."""
    text = (GUIDE / name).read_text()
    fenced = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    if fenced:
        return fenced
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE)
    return [re.sub("^    ", "", b, flags=re.MULTILINE) for b in found if "import " in b]


def test_python(folder: Path) -> None:
    names: dict[str, Any] = {"os": os, "subprocess": subprocess}
    first, *others, last = blocks("python.md")
    exec(first, names)
    with rumpy.Kernel() as k:
        names["k"] = k
        for block in others:
            if "k.process(" in block:
                with pytest.raises(PermissionError):
                    exec(block, names)
            else:
                exec(block, names)
        if not os.path.exists("/dev/fuse"):
            pytest.skip("no /dev/fuse: all but the export has been run")
    # The overlay of before has disk.img open as long as somebody knows it.
    shutil.copy("disk.img", "other.img")
    with rumpy.Kernel() as k:
        names["k"] = k
        last = last.replace("disk.img", "other.img")
        exec(last.replace("/home/me/there", str(folder / "there")), names)


def test_hypercalls(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks("hypercalls.md")
    exec(block, {})
    assert capsys.readouterr().out == "3600.0\nTrue\n"


def test_snapshots(folder: Path) -> None:
    (block,) = blocks("snapshots.md")
    exec(block.replace("range(1000)", "range(50)"), {})


def test_differential(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks("differential.md")
    block = block.replace("netbsd:ffs", "ffs").replace("5000", "200")
    names: dict[str, Any] = {}
    exec(block, names)
    assert names["report"].ok, names["report"]


def test_ffs_tools(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks("ffs-tools.md")
    os.unlink("disk.img")
    exec(block, {})
    assert capsys.readouterr().out == "1 512\n"


def test_power_cuts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rumpy.ffstools import newfs

    os.unlink("disk.img")
    newfs("disk.img", size=1 << 20, log=256 << 10)
    (block,) = (b for b in blocks("testing.md") if "explore(" in b)
    exec(block, {})
    assert "all good" in capsys.readouterr().out


def shown() -> list[str]:
    """The lines of README and command.md that are commands."""
    text = (ROOT / "README.md").read_text() + (GUIDE / "command.md").read_text()
    lines = re.findall(r"^    (?:\$ )?(rumpy .*?)(?:  .*)?$", text, re.MULTILINE)
    # These need NetBSD's modules, or a disk with a label, or a hand.
    words = ("netbsd", "modules", "partition=", "umount", "-b 160")
    return [line for line in dict.fromkeys(lines) if not any(w in line for w in words)]


@pytest.mark.parametrize("line", shown())
def test_commands(folder: Path, line: str) -> None:
    if "rumpy newfs" in line:
        os.unlink("disk.img")
    mounts = line.startswith("rumpy mount ")
    if mounts and not os.path.exists("/dev/fuse"):
        pytest.skip("no /dev/fuse")
    line = line.replace("/mnt/disk", str(folder / "disk")).replace("tree/", "tree")
    if "dumpfs" in line:
        line = line.replace("-i 2 --json", "--json")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(line)],
        input="", capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder)},
    )  # fmt: skip
    if mounts and done.returncode == 0:
        assert os.path.ismount("disk")
        from rumpy.fuse import umount

        umount(str(folder / "disk"))
    assert done.returncode == 0, done.stderr
