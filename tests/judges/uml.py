# SPDX-License-Identifier: BSD-2-Clause
"""Linux's own ufs.ko as a judge, under user-mode Linux.

One boot reads up to eight images.  Needs the packages ``user-mode-linux``
and a C compiler with a static libc.  Refused by ufs.ko whatever the contents:
UFS2 with its superblock at 8192, block size 65536, block size equal to
fragment size.
"""

from __future__ import annotations

import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .tree import Entry, Tree, unescape

HERE = Path(__file__).resolve().parent
KERNEL = "linux.uml"
MODULES = Path("/usr/lib/uml/modules")


class Refused(Exception):
    """ufs.ko would not mount the image; ``errno`` is Linux's."""

    def __init__(self, errno: int) -> None:
        super().__init__(f"ufs.ko refuses the image: errno {errno}")
        self.errno = errno


def missing() -> str | None:
    """Name the package that must be installed first, or None."""
    if shutil.which(KERNEL) is None or _module() is None:
        return "user-mode-linux"
    if shutil.which("gcc") is None:
        return "gcc"
    return None


def read(images: Mapping[str, tuple[Path, str]]) -> dict[str, Tree | Refused]:
    """Read images with ufs.ko.

    :param images: name -> (image file, ufstype: ``"44bsd"`` or ``"ufs2"``)
    :returns: name -> tree, or :class:`Refused` where ufs.ko refused it
    :raises RuntimeError: user-mode Linux did not run to its end
    """
    if len(images) > 8:
        raise ValueError("one boot takes at most eight images")
    letters = {chr(ord("a") + i): name for i, name in enumerate(images)}
    with tempfile.TemporaryDirectory(prefix="rumpy-uml") as scratch:
        work = Path(scratch)
        initrd = work / "initrd"
        initrd.write_bytes(_initramfs(work))
        disks = [
            f"ubd{ord(letter) - ord('a')}r={images[name][0]}"
            for letter, name in letters.items()
        ]
        arguments = [f"{letter}:{images[n][1]}" for letter, n in letters.items()]
        done = subprocess.run(
            [
                str(_compile(work, "noxstate")),
                KERNEL,
                "mem=128M",
                f"initrd={initrd}",
                *disks,
                "con=null",
                "con0=null,fd:1",
                "ssl=null",
                "quiet",
                "rdinit=/init",
                f"uml_dir={work}",
                "--",
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": str(work),
                "TMPDIR": str(work),
            },
            check=False,
        )
    return _parse(done.stdout.decode("latin-1"), letters)


def _module() -> Path | None:
    return next(iter(sorted(MODULES.glob("*/kernel/fs/ufs/ufs.ko"))), None)


def _initramfs(work: Path) -> bytes:
    """A newc archive with our init and the driver."""
    init = _compile(work, "umlinit")
    module = _module()
    assert module is not None
    members = [
        ("dev", stat.S_IFDIR | 0o755, 0, b""),
        ("dev/console", stat.S_IFCHR | 0o600, (5 << 8) | 1, b""),
        ("init", stat.S_IFREG | 0o755, 0, init.read_bytes()),
        ("ufs.ko", stat.S_IFREG | 0o644, 0, module.read_bytes()),
        ("TRAILER!!!", 0, 0, b""),
    ]
    return b"".join(_newc(i + 1, *member) for i, member in enumerate(members))


def _compile(work: Path, name: str) -> Path:
    """Build the static program NAME.c of this folder into ``work``."""
    program = work / name
    source = str(HERE / f"{name}.c")
    subprocess.run(["gcc", "-static", "-O2", "-o", str(program), source], check=True)
    return program


def _newc(ino: int, name: str, mode: int, rdev: int, data: bytes) -> bytes:
    """One cpio member in the "new ASCII" format of initramfs."""
    raw = name.encode() + b"\0"
    fields = (
        ino,
        mode,
        0,
        0,
        1,
        0,
        len(data),
        0,
        0,
        rdev >> 8,
        rdev & 0xFF,
        len(raw),
        0,
    )
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + raw
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def _parse(text: str, letters: Mapping[str, str]) -> dict[str, Tree | Refused]:
    trees: dict[str, Tree | Refused] = {}
    lines = text.replace("\r", "").split("\n")
    if "BYE" not in lines:
        raise RuntimeError(f"user-mode Linux stopped early:\n{text[-2000:]}")
    current: Tree = {}
    for line in lines:
        words = line.split(" ")
        name = letters.get(words[0]) if len(words) > 1 else None
        if name is None:
            continue
        if words[1] == "BEGIN":
            current = {}
        elif words[1] == "FAIL":
            trees[name] = Refused(int(words[2]))
        elif words[1] == "END":
            trees[name] = current
        elif words[1] == "ERROR":
            raise RuntimeError(f"ufs.ko reading {words[3]} of {name}: errno {words[2]}")
        else:
            current[unescape(words[10])] = _entry(words)
    return trees


def _entry(words: list[str]) -> Entry:
    return Entry(
        mode=int(words[1], 8),
        uid=int(words[2]),
        gid=int(words[3]),
        nlink=int(words[4]),
        size=int(words[5]),
        mtime=int(words[6]),
        rdev=int(words[7]),
        digest="" if words[8] == "-" else words[8],
        target=b"" if words[9] == "-" else unescape(words[9]),
    )
