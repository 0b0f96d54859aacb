# SPDX-License-Identifier: BSD-2-Clause
"""sdist and wheel: complete, and of use where there is no compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from .conftest import ROOT

#: Only of use to who works on the repository itself.
LEFT_OUT = {".gitignore", ".gitattributes"}


def python(folder: Path, code: str) -> None:
    """Run code with this interpreter, in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs package git: this is no checkout")
    folder = tmp_path_factory.mktemp("sdist")
    # From a copy: building leaves things behind, and others may be at work.
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / "tree" / name)
    python(
        folder / "tree",
        f"from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})",
    )
    (packed,) = folder.glob("*.tar.gz")
    with tarfile.open(packed) as tar:
        # extractall's own parameter is there since 3.11.4 only.
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(folder / "out")
    (unpacked,) = (folder / "out").iterdir()
    return unpacked


@pytest.mark.slow
def test_the_sdist_has_all_that_is_in_the_repository(sdist: Path) -> None:
    tree = sdist.parent.parent / "tree"
    names = (path.relative_to(tree) for path in tree.rglob("*") if path.is_file())
    made = ("build", "rumpykernel.egg-info")
    wanted = {n for n in names if n.parts[0] not in made and n.name not in LEFT_OUT}
    assert {str(n) for n in wanted if not (sdist / n).exists()} == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "kernel", ["as built", pytest.param("compiled again", marks=pytest.mark.campaign)]
)
def test_the_wheel_needs_no_compiler(sdist: Path, tmp_path: Path, kernel: str) -> None:
    """Built from the sdist, used in another folder with next to no PATH.

    The kernel's objects come along, since compiling them takes a minute and is
    how this tree was built as well: make finds nothing to do.
    """
    shutil.rmtree(sdist / "build", ignore_errors=True)
    if kernel == "as built":
        shutil.copytree(ROOT / "build", sdist / "build")
    python(
        sdist,
        f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})",
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert "-cp311-abi3-" in wheel.name
    site, bin_ = tmp_path / "site", tmp_path / "bin"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    modules = (site / "rumpy" / "_data" / "modules").iterdir()
    assert {path.stem for path in modules} == {"chardev", "ffs", "hello", "oops"}
    bin_.mkdir()
    for name in ("sh", "ls", "cat", "cp", "cmp", "mkdir", "echo", "fusermount3"):
        if found := shutil.which(name):
            (bin_ / name).symlink_to(found)
    environment = {"PATH": str(bin_), "PYTHONPATH": str(site), "HOME": str(tmp_path)}
    for arguments, words in (
        (["demo"], "hello, anykernel"),
        (["demo", "--no-mount"], "hello, anykernel"),
        (["modinfo", "ffs"], "this kernel has all of them"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "rumpy", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert words in done.stdout
    where = subprocess.run(
        [sys.executable, "-c", "import rumpy; print(rumpy.__file__)"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(os.fspath(site))
