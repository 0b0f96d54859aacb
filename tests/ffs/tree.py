# SPDX-License-Identifier: BSD-2-Clause
"""Reading a mounted tree in the form of the manifests, and comparing."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import rumpy

#: Times that reading changes or that the manifest's kernel made up.
LOOSE = frozenset({"atime"})
_KIND = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


def unescape(text: str) -> bytes:
    """Undo the %XX of the manifests."""
    head, *rest = text.split("%")
    out = bytearray(head.encode("ascii"))
    for part in rest:
        out += bytes([int(part[:2], 16)]) + part[2:].encode("ascii")
    return bytes(out)


def escape(name: bytes) -> str:
    """Write a name as the manifests do."""
    return "".join(
        chr(c) if 0x21 <= c <= 0x7E and c != 0x25 else f"%{c:02X}" for c in name
    )


def names(k: rumpy.Kernel, top: bytes) -> Iterator[bytes]:
    """All names below `top`, relative to it, with the top itself as b"."."""
    yield b"."
    todo = [b""]
    while todo:
        folder = todo.pop()
        for entry in k.scandir(top + b"/" + folder if folder else top):
            path = os.path.join(folder, entry.name)
            yield path
            if entry.is_dir(follow_symlinks=False):
                todo.append(path)


def _times(nanoseconds: int) -> list[int]:
    return list(divmod(nanoseconds, 1_000_000_000))


def digest(k: rumpy.Kernel, path: bytes, offset: int, length: int) -> str:
    """SHA-256 of a part of a file."""
    fd = k.open(path, os.O_RDONLY)
    try:
        hasher = hashlib.sha256()
        while length > 0:
            part = k.pread(fd, min(length, 1 << 20), offset)
            if not part:
                break
            hasher.update(part)
            offset += len(part)
            length -= len(part)
        return hasher.hexdigest()
    finally:
        k.close(fd)


def describe(k: rumpy.Kernel, path: bytes, want: dict[str, Any]) -> dict[str, Any]:
    """What the kernel says of one file, with the members that `want` has."""
    st = k.lstat(path)
    got: dict[str, Any] = {
        "type": _KIND.get(stat.S_IFMT(st.st_mode), "?"),
        "mode": f"{st.st_mode:06o}",
        "ino": st.st_ino,
        "nlink": st.st_nlink,
        "uid": st.st_uid,
        "gid": st.st_gid,
        "size": st.st_size,
        "blocks": st.st_blocks,
        "mtime": _times(st.st_mtime_ns),
        "ctime": _times(st.st_ctime_ns),
        "atime": _times(st.st_atime_ns),
    }
    if "birthtime" in want:
        got["birthtime"] = _times(st.st_birthtime_ns)
    if st.st_flags:
        got["flags"] = f"0x{st.st_flags:08x}"
    if "major" in want:
        got["major"], got["minor"] = os.major(st.st_rdev), os.minor(st.st_rdev)
        got["rdev"] = want["rdev"]
    if "target" in want:
        got["target"] = escape(os.fsencode(k.readlink(path)))
    if "sha256" in want:
        got["sha256"] = digest(k, path, 0, st.st_size)
    if "regions" in want:
        got["regions"] = [
            [off, n, digest(k, path, off, n)] for off, n, _ in want["regions"]
        ]
    return got


def differences(k: rumpy.Kernel, top: bytes, entries: dict[str, Any]) -> list[str]:
    """Where the tree below `top` is not what the manifest says."""
    found = {escape(name) for name in names(k, top)}
    wanted = {
        "/".join(escape(unescape(p)) for p in name.split("/")): entry
        for name, entry in entries.items()
    }
    out = [f"{name}: not expected" for name in sorted(found - wanted.keys())]
    out += [f"{name}: missing" for name in sorted(wanted.keys() - found)]
    for name in sorted(found & wanted.keys()):
        path = top if name == "." else top + b"/" + unescape(name)
        want = wanted[name]
        got = describe(k, path, want)
        for key in sorted(want.keys() | got.keys()):
            if want.get(key) != got.get(key):
                out.append(f"{name}: {key} {got.get(key)}, not {want.get(key)}")
    return out
