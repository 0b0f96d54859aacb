# SPDX-License-Identifier: BSD-2-Clause
"""The store of NetBSD's modules: archives that are good, bad and hostile."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

import rumpy
from rumpy import store
from rumpy.linker import find_module, locate

ROOT = Path(__file__).resolve().parents[1]

#: Stands for NetBSD's modules: ours are built the same way.
OURS = Path(str(find_module("hello")))

Maker = Callable[..., Path]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, and nothing of the user's."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("RUMPY_NETBSD_MODULES", raising=False)
    return tmp_path / "data" / "rumpy" / "modules"


@pytest.fixture
def module(tmp_path: Path) -> bytes:
    """hello.kmod as the compiler made it, of the release it says it is of."""
    return (ROOT / "build" / "modules" / "hello.kmod").read_bytes()


@pytest.fixture
def release(module: bytes) -> str:
    from rumpy.linker import peek

    return peek(module).release


@pytest.fixture
def archive(tmp_path: Path, module: bytes) -> Maker:
    """archive("name", ...): a tar of hello.kmod and these members."""

    def make(*members: tarfile.TarInfo | tuple[str, bytes], mode: str = "w:gz") -> Path:
        path = tmp_path / "modules.tgz"
        with tarfile.open(path, mode) as tar:
            folder = tarfile.TarInfo("./stand/amd64/10.1/modules/hello")
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
            first = ("./stand/amd64/10.1/modules/hello/hello.kmod", module)
            for member in (first, *members):
                if isinstance(member, tuple):
                    info = tarfile.TarInfo(member[0])
                    info.size = len(member[1])
                    tar.addfile(info, io.BytesIO(member[1]))
                else:
                    tar.addfile(member)
        return path

    return make


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_a_releases_archive(
    archive: Maker, place: Path, module: bytes, release: str, mode: str
) -> None:
    seen: list[str] = []
    more = [
        ("./etc/mtree/set.modules", b"list\n"),
        ("./stand/amd64/10.1/modules/ffs/README", b"text\n"),
        ("./stand/amd64-xen/10.1/modules/ffs/ffs.kmod", b"not taken\n"),
        ("./stand/amd64/10.1/modules/oops/oops.kmod", module),
    ]
    version, count = store.import_modules(
        archive(*more, mode=mode), progress=seen.append
    )
    assert (version, count, seen) == (release, 2, ["hello", "oops"])
    assert store.releases() == [release]
    assert sorted(p.relative_to(place).as_posix() for p in place.rglob("*")) == [
        release,
        f"{release}/hello",
        f"{release}/hello/hello.kmod",
        f"{release}/oops",
        f"{release}/oops/oops.kmod",
    ]
    assert (place / release / "hello" / "hello.kmod").read_bytes() == module


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


HOSTILE = [
    (entry("a/a.kmod", tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
    (entry("a/a.kmod", tarfile.LNKTYPE, "hello/hello.kmod"), "is a link"),
    (entry("etc", tarfile.SYMTYPE, "/etc"), "is a link"),
    (entry("../a/a.kmod"), "out of the archive"),
    (entry("stand/../../a/a.kmod"), "out of the archive"),
    (entry("/a/a.kmod"), "out of the archive"),
    (entry("../up", tarfile.DIRTYPE), "out of the archive"),
    (entry("a/a.kmod", tarfile.FIFOTYPE), "neither a file nor a folder"),
    (entry("a/a.kmod", tarfile.CHRTYPE), "neither a file nor a folder"),
    (entry("a b/a b.kmod"), "not a module's name"),
    (entry("-x/-x.kmod"), "not a module's name"),
    (("a/a.kmod", b"\x7fELF"), "not an ELF object"),
    (("a/a.kmod", b"#!/bin/sh\n" * 9), "not an ELF object"),
    (("hello/hello.kmod", OURS.read_bytes()), "occurs twice"),
    (entry("stand/sparc64/10.1/modules/a/a.kmod"), "for sparc64, not for amd64"),
]


@pytest.mark.parametrize(("member", "message"), HOSTILE)
def test_hostile_archives_leave_nothing(
    archive: Maker,
    place: Path,
    member: tarfile.TarInfo | tuple[str, bytes],
    message: str,
) -> None:
    with pytest.raises(rumpy.errors.ModuleError, match=message):
        store.import_modules(archive(member))
    assert list(place.iterdir()) == []


def patched(module: bytes, offset: int, value: bytes) -> bytes:
    return module[:offset] + value + module[offset + len(value) :]


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (18, b"\xb7\0", "another architecture"),  # e_machine: AArch64
        (4, b"\1", "another architecture"),  # 32 bit
        (16, b"\2\0", "not a relocatable"),  # an executable
    ],
)
def test_another_architecture(
    archive: Maker, module: bytes, offset: int, value: bytes, message: str
) -> None:
    with pytest.raises(rumpy.errors.ModuleError, match=message):
        store.import_modules(archive(("a/a.kmod", patched(module, offset, value))))


@pytest.mark.parametrize("data", [b"", b"no archive\n" * 99, b"\x1f\x8b\x08junk" * 9])
def test_not_an_archive(tmp_path: Path, place: Path, data: bytes) -> None:
    path = tmp_path / "modules.tgz"
    path.write_bytes(data)
    with pytest.raises(rumpy.errors.ModuleError, match=r"not a tar|damaged|no NAME"):
        store.import_modules(path)
    assert list(place.iterdir()) == []


def test_a_cut_off_archive_leaves_what_was_there(
    archive: Maker, place: Path, release: str
) -> None:
    path = archive()
    store.import_modules(path)
    data = path.read_bytes()
    for cut in (len(data) // 4, len(data) // 2, len(data) - 12):
        path.write_bytes(data[:cut])
        with pytest.raises(rumpy.errors.ModuleError):
            store.import_modules(path)
    assert [p.name for p in place.iterdir()] == [release]
    assert store.find("hello").endswith("hello/hello.kmod")


def test_an_archive_without_modules(tmp_path: Path) -> None:
    path = tmp_path / "etc.tgz"
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(entry("etc/passwd"))
    with pytest.raises(rumpy.errors.ModuleError, match=r"no NAME/NAME\.kmod"):
        store.import_modules(path)


def test_import_again_replaces(archive: Maker, module: bytes, place: Path) -> None:
    store.import_modules(archive(("oops/oops.kmod", module)))
    version, count = store.import_modules(archive())
    assert count == 1
    assert list(store.modules(store.folder(version))) == ["hello"]
    assert len(list(place.iterdir())) == 1


def test_both_arrangements_of_folders(tmp_path: Path) -> None:
    flat, deep = tmp_path / "flat", tmp_path / "deep"
    (deep / "hello").mkdir(parents=True)
    flat.mkdir()
    built = ROOT / "build" / "modules"
    shutil.copy(built / "hello.kmod", deep / "hello")
    for name in ("hello", "oops"):
        shutil.copy(built / f"{name}.kmod", flat)
    assert store.import_modules(deep)[1] == 1
    assert store.import_modules(flat)[1] == 2


# --- use ------------------------------------------------------------------------


def test_without_any_the_message_says_how(place: Path) -> None:
    with pytest.raises(rumpy.errors.ModuleError, match="rumpy modules import"):
        locate("netbsd:ffs")


def test_names_of_drivers(
    archive: Maker, release: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store.import_modules(archive())
    path = store.find("hello")
    assert locate("netbsd:hello") == locate(f"netbsd-{release}:hello") == path
    with pytest.raises(rumpy.errors.ModuleError, match=r"nosuch: not among.*hello"):
        locate("netbsd:nosuch")
    with pytest.raises(rumpy.errors.ModuleError, match=r"no modules of NetBSD 9\.4"):
        locate("netbsd-9.4:hello")
    with pytest.raises(rumpy.errors.ModuleError, match="not among"):
        locate("netbsd:..")
    monkeypatch.setenv("RUMPY_NETBSD_MODULES", release)
    assert locate("netbsd:hello") == path
    monkeypatch.setenv("RUMPY_NETBSD_MODULES", str(tmp_path / "gone"))
    with pytest.raises(rumpy.errors.ModuleError, match="no such folder"):
        locate("netbsd:hello")
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(path, other / "hello.kmod")
    monkeypatch.setenv("RUMPY_NETBSD_MODULES", str(other))
    assert locate("netbsd:hello") == str(other / "hello.kmod")
    assert locate(f"netbsd-{release}:hello") == path


def test_the_newest_that_fits(place: Path) -> None:
    for version in ("9.4", "10.0", "10.1", "10.99.12", "77.0", "junk", ".import-x"):
        (place / version).mkdir(parents=True)
    assert store.releases() == ["9.4", "10.0", "10.1", "10.99.12", "77.0"]
    assert store.folder() == str(place / "10.1")


def test_none_that_fits(place: Path) -> None:
    (place / "9.4").mkdir(parents=True)
    with pytest.raises(rumpy.errors.ModuleError, match=r"takes none of.*\(9\.4\)"):
        store.folder()


def test_qualify() -> None:
    assert store.qualify("ffs", "10.1") == "netbsd-10.1:ffs"
    for name in ("./ffs", "a/b.kmod", "x.kmod", "netbsd:ffs"):
        assert store.qualify(name, "10.1") == name


def test_a_kernel_loads_them(archive: Maker, kernel: rumpy.Kernel) -> None:
    store.import_modules(archive())
    module = kernel.load("netbsd:hello")
    assert (module.name, module.file) == ("hello", store.find("hello"))
    assert kernel.load("netbsd:hello") is module
    with pytest.raises(rumpy.errors.ModuleError, match="loaded already, from"):
        kernel.load(str(ROOT / "build" / "modules" / "hello.kmod"))


def test_the_command(archive: Maker, release: str) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rumpy", *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )

    done = run("modules", "import", str(archive()))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"NetBSD {release}: 1 modules\n"
    assert run("modules", "list").stdout.startswith(f"{release}  1 modules  ")
    assert run("modules", "list", release).stdout.startswith("hello  ")
    assert "NetBSD" in run("modinfo", "netbsd:hello").stdout
    assert run("run", "--netbsd", release, "-l", "hello", "/dev/null").returncode == 0
    done = run("run", "--netbsd", "9.4", "-l", "hello", "/dev/null")
    assert done.returncode == 1 and "no modules of NetBSD 9.4" in done.stderr
    assert run("modules", "remove", release).returncode == 0
    assert run("modules", "remove", release).returncode == 1
    assert run("modules", "list").stdout == ""


def test_the_table_of_modules(tmp_path: Path) -> None:
    output = tmp_path / "table.md"
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "tools" / "netbsd-modules",
            ROOT / "build" / "modules",
            "hello",
            "--note",
            "A note.",
            "--output",
            output,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = output.read_text()
    assert "\nA note.\n" in text
    assert "| hello | yes | yes |  |  |  |  | yes |  |" in text
