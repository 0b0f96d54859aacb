# SPDX-License-Identifier: BSD-2-Clause
"""Tar archives as the tree of a new file system.

Members are looked at once; their contents are copied by C from the archive
itself, so a compressed one is unpacked into a temporary file first.
"""

from __future__ import annotations

import os
import stat
import tarfile

from rumpy._hyp import ffi, lib
from rumpy.errors import ImageError
from rumpy.ffstools.disk import check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

_KINDS = {
    tarfile.REGTYPE: stat.S_IFREG,
    tarfile.AREGTYPE: stat.S_IFREG,
    tarfile.CONTTYPE: stat.S_IFREG,
    tarfile.GNUTYPE_SPARSE: stat.S_IFREG,
    tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.FIFOTYPE: stat.S_IFIFO,
    tarfile.CHRTYPE: stat.S_IFCHR,
    tarfile.BLKTYPE: stat.S_IFBLK,
}


def add_archive(tree: Any, path: str) -> BinaryIO:
    """Add an archive's members to a tree; the open file they are read from.

    Raises:
        ImageError: no tar archive, or names that lead out of it.
        OSError: it can't be read.
    """
    file = _plain(path)
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            members = _members(archive, path)
        _Adder(tree, file.fileno(), path).add(members)
    except tarfile.TarError as error:
        file.close()
        raise ImageError(f"damaged archive: {error}", image=path) from None
    except BaseException:
        file.close()
        raise
    return file


def _plain(path: str) -> BinaryIO:
    """The archive as a file that is not compressed."""
    file = open(path, "rb")  # noqa: SIM115 - the caller closes it
    head = file.read(6)
    file.seek(0)
    opener: Any = None
    if head[:4] == b"\x28\xb5\x2f\xfd":
        file.close()
        raise ImageError("packed by zstd: unpack it first", image=path)
    if head[:2] == b"\x1f\x8b":
        from gzip import open as opener
    elif head[:3] == b"BZh":
        from bz2 import open as opener
    elif head == b"\xfd7zXZ\0":
        from lzma import open as opener
    if opener is None:
        return file
    import shutil
    import tempfile

    plain = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        with file, opener(file, "rb") as packed:
            shutil.copyfileobj(packed, plain, 1 << 20)
    except OSError as error:
        plain.close()
        if error.errno is not None:
            raise
        raise ImageError(f"damaged archive: {error}", image=path) from None
    except Exception as error:  # each packer has errors of its own
        plain.close()
        raise ImageError(f"damaged archive: {error}", image=path) from None
    plain.seek(0)
    return plain


def _members(archive: tarfile.TarFile, path: str) -> dict[bytes, tarfile.TarInfo]:
    """Members by clean name; of equal names the last."""
    found: dict[bytes, tarfile.TarInfo] = {}
    for member in archive:
        name = _clean(member.name)
        if b".." in name.split(b"/"):
            raise ImageError(f"{member.name}: leads out of the archive", image=path)
        found[name] = member
    return found


def _clean(name: str) -> bytes:
    """A member's name without what does not name anything."""
    parts = os.fsencode(name).split(b"/")
    return b"/".join(part for part in parts if part not in (b"", b"."))


class _Adder:
    """Adds members, parents first and hard links last."""

    def __init__(self, tree: Any, fd: int, path: str) -> None:
        self.tree = tree
        self.fd = fd
        self.path = path
        self.disk = ffi.new("struct fft_disk *")
        self.nodes: dict[bytes, int] = {b"": 0}

    def add(self, members: dict[bytes, tarfile.TarInfo]) -> None:
        """Add all."""
        links: list[tuple[bytes, tarfile.TarInfo]] = []
        for name in sorted(members, key=lambda name: name.split(b"/")):
            member = members[name]
            if member.islnk():
                links.append((name, member))
            else:
                self.file(name, member)
        # One may lead to another that comes later.
        while links:
            ready = [(n, m) for n, m in links if _clean(m.linkname) in self.nodes]
            for name, member in ready or links:
                self.link(name, member)
            links = [(n, m) for n, m in links if n not in self.nodes]

    def parent(self, name: bytes) -> tuple[int, bytes]:
        """The directory's node, made if the archive left it out, and the name."""
        folder, _, last = name.rpartition(b"/")
        if folder not in self.nodes:
            above, leaf = self.parent(folder)
            st = ffi.new("struct fft_stat *")
            st.mode = stat.S_IFDIR | 0o755
            self.nodes[folder] = self.enter(above, leaf, st)
        return self.nodes[folder], last

    def enter(
        self, parent: int, name: bytes, st: Any, target: Any = ffi.NULL,
        extents: Any = ffi.NULL, count: int = 0,
    ) -> int:  # fmt: skip
        """One call of C; the node."""
        node = ffi.new("uint32_t *")
        error = lib.fft_tree_add(
            self.tree, self.disk, parent, name, len(name), st, target, self.fd,
            extents, count, node,
        )  # fmt: skip
        check(self.disk, error, self.path)
        return int(node[0])

    def file(self, name: bytes, member: tarfile.TarInfo) -> None:
        """Everything but a hard link."""
        kind = _KINDS.get(member.type)
        if kind is None:
            raise ImageError(f"{member.name}: unknown kind of member", image=self.path)
        parent, leaf = self.parent(name) if name else (0, b"")
        st = ffi.new("struct fft_stat *")
        st.mode = kind | member.mode & 0o7777
        st.uid, st.gid = member.uid & 0xFFFFFFFF, member.gid & 0xFFFFFFFF
        seconds, nanoseconds = _time(member)
        st.time = [seconds] * 4
        st.nsec = [nanoseconds] * 4
        target, extents, count = ffi.NULL, ffi.NULL, 0
        if kind == stat.S_IFLNK:
            raw = os.fsencode(member.linkname)
            target, st.size = ffi.new("char[]", raw), len(raw)
        elif kind == stat.S_IFREG:
            st.size = member.size
            stretches = _stretches(member)
            extents, count = ffi.new("struct fft_extent[]", stretches), len(stretches)
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            st.major, st.minor = member.devmajor, member.devminor
        self.nodes[name] = self.enter(parent, leaf, st, target, extents, count)

    def link(self, name: bytes, member: tarfile.TarInfo) -> None:
        """A further name of a file."""
        node = self.nodes.get(_clean(member.linkname))
        if node is None:
            raise ImageError(
                f"{member.name}: hard link to {member.linkname}, which is not there",
                image=self.path,
            )
        parent, leaf = self.parent(name)
        error = lib.fft_tree_link(self.tree, self.disk, parent, leaf, len(leaf), node)
        check(self.disk, error, self.path)
        self.nodes[name] = node


def _time(member: tarfile.TarInfo) -> tuple[int, int]:
    """Seconds and nanoseconds; exact where a pax header has them."""
    text = member.pax_headers.get("mtime")
    if text is None:
        return int(member.mtime), 0
    from decimal import Decimal

    seconds, rest = divmod(Decimal(text), 1)
    if rest < 0:
        seconds, rest = seconds - 1, rest + 1
    return int(seconds), int(rest * 10**9)


def _stretches(member: tarfile.TarInfo) -> list[tuple[int, int, int]]:
    """(in the file, in the archive, bytes) of each piece of data."""
    if member.sparse is None:
        return [(0, member.offset_data, member.size)] if member.size else []
    found: list[tuple[int, int, int]] = []
    pieces: Any = member.sparse
    at = member.offset_data
    for offset, size in pieces:
        if size:
            found.append((offset, at, size))
        at += size
    return found
