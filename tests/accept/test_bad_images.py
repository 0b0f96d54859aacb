# SPDX-License-Identifier: BSD-2-Clause
"""Images that are none, damaged, packed, or used by somebody else."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ffs import images

from .conftest import Done, Run, is_mounted

VERBS = ("ls", "mount")


def refuse(run: Run, verb: str, image: Path, where: Path) -> str:
    """The message with which a verb refuses an image; nothing has changed."""
    before = image.read_bytes() if image.is_file() else None
    done = run(verb, image, *([where] if verb == "mount" else []))
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("rumpy: ") and done.err.count("\n") == 1
    assert str(image) in done.err
    assert not is_mounted(where)
    assert before is None or image.read_bytes() == before
    return done.err


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (b"some text\n" * 20000, "nothing that is known"),
        (bytes(1 << 20), "zeros"),
    ],
    ids=["empty", "text", "zeros"],
)
def test_no_file_system(
    run: Run, where: Path, tmp_path: Path, verb: str, data: bytes, words: str
) -> None:
    path = tmp_path / "x.img"
    path.write_bytes(data)
    assert words in refuse(run, verb, path, where)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("keep", [200_000, 3_000_000])
def test_truncated(run: Run, where: Path, image: Path, verb: str, keep: int) -> None:
    with image.open("r+b") as file:
        file.truncate(keep)
    assert "truncated" in refuse(run, verb, image, where)
    done = run("info", image)
    assert done.code == 1 and "FFS" in done.out
    assert f"cut off: {8388608 - keep} bytes" in done.err


@pytest.mark.parametrize(
    ("offset", "words"),
    [(48, "block size"), (52, "fragment size"), (44, "number of groups"),
     (188, "fragments in a group"), (184, "inodes in a group")],
)  # fmt: skip
def test_absurd_superblock(
    run: Run, where: Path, image: Path, offset: int, words: str
) -> None:
    with image.open("r+b") as file:
        file.seek(8192 + offset)
        file.write(bytes(4))
    text = refuse(run, "mount", image, where)
    assert "superblock of an FFS at 8192" in text and f"{words} 0" in text
    done = run("ls", "-t", "ffs", image)
    assert done.code == 1 and "superblock at 8192: bad" in done.err


@pytest.mark.parametrize("suffix", [True, False], ids=["named so", "not named so"])
@pytest.mark.parametrize(
    ("program", "suffix_is", "pack"),
    [
        ("gzip", ".gz", gzip.compress),
        ("xz", ".xz", lzma.compress),
        ("bzip2", ".bz2", bz2.compress),
    ],
)
def test_the_command_named_for_a_packed_image_works(
    run: Run,
    image: Path,
    tmp_path: Path,
    program: str,
    suffix_is: str,
    pack: Callable[[bytes], bytes],
    suffix: bool,
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"needs package {program}: no {program} here")
    path = tmp_path / ("my disk" + (suffix_is if suffix else ".img"))
    path.write_bytes(pack(image.read_bytes()))
    done = run("info", path)
    assert done.code == 1 and f"compressed by {program}" in done.err
    cure = done.err.partition("(to convert: ")[2].rpartition(")")[0]
    subprocess.run(["/bin/sh", "-c", cure], check=True)
    made = Path(shlex.split(cure)[-1])
    assert made != path and made.read_bytes() == image.read_bytes()


def test_qcow2(run: Run, where: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(b"QFI\xfb\0\0\0\3".ljust(1 << 16, b"\0"))
    for verb in VERBS:
        text = refuse(run, verb, path, where)
        assert "qcow2" in text and f"qemu-img convert -O raw {path}" in text


def test_in_use(run: Run, mounted: Path, image: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for arguments in (
        ("mount", image, other),
        ("ls", image),
        ("cp", image, f"{image}:/x"),
    ):
        done = run(*arguments)
        assert done.code == 1 and done.out == ""
        assert "another process" in done.err
    assert run("mount", image, mounted).code == 1
    assert not is_mounted(other)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nb-bsd43le-8k", "4.3BSD"),
        ("nb-ffs2le-8k-quota2", "quotas"),
    ],
)
def test_what_a_driver_cannot_write_is_mounted_read_only(
    run: Run, where: Path, tmp_path: Path, name: str, words: str
) -> None:
    path = images.copy(name, tmp_path)
    before = path.read_bytes()
    done = run("mount", path, where)
    assert (done.code, done.out) == (0, "")
    assert words in done.err and "mounted read-only" in done.err
    with pytest.raises(OSError, match="Read-only"):
        (where / "new").write_text("x")
    assert run("umount", where) == Done(0, "", "")
    assert path.read_bytes() == before
    refused = run("cp", __file__, f"{path}:/new")
    assert refused.code == 1 and words in refused.err
