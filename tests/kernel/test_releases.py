# SPDX-License-Identifier: BSD-2-Clause
"""One kernel for the modules of each NetBSD release, out of the same source."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rumpy
from rumpy.abi.releases import DEFAULT, RELEASES, RENAMED
from rumpy.errors import LinkError, ModuleError
from rumpy.linker import export_list, kernel_path, release_of

ROOT = Path(__file__).resolve().parents[2]
OTHERS = [release for release in RELEASES if release != DEFAULT]
DATA = b"the same bytes " * 10_000

pytestmark = pytest.mark.usefixtures("built")


def modules(release: int) -> Path:
    below = "." if release == DEFAULT else f"netbsd-{release}"
    return ROOT / "build" / below / "modules"


def rebuilt(source: Path, target: Path, version: int) -> Path:
    """A module that says it was built for another version."""
    old = RELEASES[release_of(source)].to_bytes(4, "little")
    contents = source.read_bytes()
    assert contents.count(old) == 1
    target.write_bytes(contents.replace(old, version.to_bytes(4, "little")))
    return target


@pytest.mark.parametrize("release", OTHERS)
@pytest.mark.parametrize("module", ["coretest", "vfstest"])
def test_units(release: int, module: str) -> None:
    """The tests from inside hold with the other layouts as well."""
    with rumpy.Kernel(netbsd=release) as k:
        k.load(modules(release) / f"{module}.kmod")
        said = re.search(rf"{module}: (\d+) tests, 0 failed", k.console.tail(16384))
        assert said is not None
        assert int(said[1]) > 10


@pytest.mark.parametrize("release", OTHERS)
def test_export_list(release: int) -> None:
    command = ["nm", "-g", "--defined-only", kernel_path(release)]
    text = subprocess.run(command, text=True, capture_output=True, check=True).stdout
    defined = {line.split()[-1] for line in text.splitlines()}
    assert sorted(export_list(release) - defined) == []
    assert not set(RENAMED[release]) & export_list(release)


def test_two_releases_in_one_process(image: Path) -> None:
    """Each writes what the other then reads."""
    with rumpy.Kernel() as ten, rumpy.Kernel(netbsd=11) as eleven:
        for k, name in ((ten, "ten"), (eleven, "eleven")):
            with k.mount("ffs", image, "/mnt"):
                fd = k.open(f"/mnt/{name}", os.O_CREAT | os.O_RDWR, 0o640)
                k.write(fd, DATA)
                k.fsync(fd)
                k.close(fd)
                k.mkdir(f"/mnt/{name}.d", 0o750)
                k.rename(f"/mnt/{name}", f"/mnt/{name}.d/file")
        assert ten.modules()[0].file != eleven.modules()[0].file
        with ten.mount("ffs", image, "/mnt", "ro"):
            for name in ("ten", "eleven"):
                fd = ten.open(f"/mnt/{name}.d/file", os.O_RDONLY)
                assert ten.read(fd, len(DATA) + 1) == DATA
                ten.close(fd)


def test_snapshots(image: Path) -> None:
    disk = bytearray(image.read_bytes())
    with rumpy.Kernel(netbsd=11) as k, k.mount("ffs", disk, "/mnt"):
        before = k.snapshot()
        k.mkdir("/mnt/new", 0o755)
        k.restore(before)
        assert "new" not in k.listdir("/mnt")
        before.close()


@pytest.mark.parametrize("release", RELEASES)
def test_of_another_release(release: int, tmp_path: Path) -> None:
    """Refused with the way out, and the kernel takes its own afterwards."""
    (other,) = [r for r in RELEASES if r != release]
    module = modules(other) / "hello.kmod"
    assert release_of(module) == other
    with rumpy.Kernel(netbsd=release) as k:
        with pytest.raises(ModuleError, match=rf"Kernel\(netbsd={other}\)"):
            k.load(module)
        assert k.modules() == []
        assert release_of(k.load("hello").file) == release
        assert len(k.modules()) == 1


@pytest.mark.parametrize("version", [900000000, 1099000200, 1200000000])
def test_of_no_release(version: int, tmp_path: Path) -> None:
    module = rebuilt(modules(DEFAULT) / "hello.kmod", tmp_path / "hello.kmod", version)
    assert release_of(module) == DEFAULT
    with rumpy.Kernel() as k:
        with pytest.raises(ModuleError, match=r"supported are .* 10\.x and 11\.x"):
            k.load(module)
        assert k.modules() == []


def test_no_such_kernel() -> None:
    with pytest.raises(LinkError, match="no kernel for modules of NetBSD 9; there are"):
        rumpy.Kernel(netbsd=9)


def test_the_command_takes_the_kernel_that_fits(image: Path) -> None:
    command = [sys.executable, "-m", "rumpy", "ls"]
    command += ["-t", str(modules(11) / "ffs.kmod"), f"{image}:/"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "README" in done.stdout.split()
