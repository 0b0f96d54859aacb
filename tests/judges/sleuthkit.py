# SPDX-License-Identifier: BSD-2-Clause
"""The Sleuth Kit (``fls``, ``icat``) as a judge of names, sizes and contents.

Reads UFS1 and UFS2 of both byte orders with the superblock at 65536 (UFS2) or
8192 (UFS1).
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from .tree import HASH_LIMIT


def missing() -> str | None:
    """Name the package that must be installed first, or None."""
    return None if shutil.which("fls") and shutil.which("icat") else "sleuthkit"


def read(image: Path, below: bytes = b"") -> dict[bytes, tuple[int, str]]:
    """List the regular files of an image, or those whose paths start with below.

    Each takes a process.

    :returns: path -> (size in bytes, hex SHA-256 of the contents; empty above
        :data:`~tests.judges.tree.HASH_LIMIT` and for the sparse files that
        this tool cannot read)
    :raises subprocess.CalledProcessError: the tool refuses the image
    """
    body = subprocess.run(
        ["fls", "-r", "-u", "-m", "", str(image)], check=True, capture_output=True
    ).stdout
    files: dict[bytes, tuple[int, str]] = {}
    for line in body.splitlines():
        fields = line.rsplit(b"|", 9)
        name = fields[0].split(b"|", 1)[1]
        inode, mode, size = fields[1].decode(), fields[2], int(fields[5])
        path = name.lstrip(b"/")
        if mode.startswith(b"r/r") and path.startswith(below):
            digest = _digest(image, inode) if size <= HASH_LIMIT else ""
            files[path] = (size, digest)
    return files


def _digest(image: Path, inode: str) -> str:
    """Hash one file, or "" where the tool gives up (large holes)."""
    done = subprocess.run(["icat", str(image), inode], capture_output=True, check=False)
    return "" if done.returncode else hashlib.sha256(done.stdout).hexdigest()
