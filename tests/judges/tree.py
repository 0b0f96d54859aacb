# SPDX-License-Identifier: BSD-2-Clause
"""The common form in which every judge reports a file tree."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

#: Files longer than this many bytes are not hashed (sparse giants).
HASH_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a tree, as an independent reader sees it.

    ``mode`` is the whole ``st_mode``; ``size`` is in bytes; ``digest`` is the
    hex SHA-256 of a regular file's contents (empty above
    :data:`HASH_LIMIT`) and ``target`` a symbolic link's text.
    """

    mode: int
    uid: int
    gid: int
    nlink: int
    size: int
    mtime: int
    rdev: int = 0
    digest: str = ""
    target: bytes = b""


Tree = dict[bytes, Entry]


def escape(name: bytes) -> str:
    """Write bytes outside 0x21..0x7e and ``%`` as ``%XX``."""
    return "".join(
        chr(c) if 0x21 <= c <= 0x7E and c != 0x25 else f"%{c:02X}" for c in name
    )


def unescape(text: str) -> bytes:
    """Undo :func:`escape`."""
    parts = text.split("%")
    out = bytearray(parts[0].encode("ascii"))
    for part in parts[1:]:
        out.append(int(part[:2], 16))
        out += part[2:].encode("ascii")
    return bytes(out)


def of_directory(top: str | os.PathLike[str]) -> Tree:
    """Describe the tree below ``top`` on a mounted file system.

    Paths are relative to ``top``; the top itself is ``b"."``.
    """
    root = os.fsencode(os.fspath(top))
    tree: Tree = {b".": _host_entry(root)}
    for where, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(where, name)
            tree[os.path.relpath(path, root)] = _host_entry(path)
    return tree


def _host_entry(path: bytes) -> Entry:
    st = os.lstat(path)
    digest = ""
    target = b""
    if stat.S_ISREG(st.st_mode) and st.st_size <= HASH_LIMIT:
        digest = hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest()
    elif stat.S_ISLNK(st.st_mode):
        target = os.readlink(path)
    return Entry(
        mode=st.st_mode,
        uid=st.st_uid,
        gid=st.st_gid,
        nlink=st.st_nlink,
        size=st.st_size,
        mtime=int(st.st_mtime // 1),
        rdev=st.st_rdev,
        digest=digest,
        target=target,
    )


def differences(ours: Tree, theirs: Tree) -> list[str]:
    """Say, a line each, where two trees disagree."""
    out = [f"only in the first: {escape(p)}" for p in sorted(ours.keys() - theirs)]
    out += [f"only in the second: {escape(p)}" for p in sorted(theirs.keys() - ours)]
    for path in sorted(ours.keys() & theirs.keys()):
        if ours[path] != theirs[path]:
            out.append(f"{escape(path)}: {ours[path]} != {theirs[path]}")
    return out
