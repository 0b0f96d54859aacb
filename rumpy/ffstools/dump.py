# SPDX-License-Identifier: BSD-2-Clause
"""Superblock, cylinder groups and inodes of an FFS, member by member."""

from __future__ import annotations

import os

from rumpy._hyp import ffi, lib
from rumpy.ffstools.disk import check, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: Pointers of some kernel, and what has no meaning.
_LEFT_OUT = {"fs_incore", "fs_firstfield", "fs_unused_1", "cg_firstfield", "fs_pad"}
_TEXTS = {"fs_fsmnt", "fs_volname"}


class Dump:
    """What is in an open image; made by dumpfs()."""

    def __init__(self, disk: Any, image: Any, where: int, search: bool) -> None:
        self._disk = disk
        self._image = image
        self._super = ffi.new("struct fft_super *")
        error = lib.fft_super_find(disk, where, search, self._super)
        check(disk, error, image)

    @property
    def superblock(self) -> dict[str, Any]:
        """Members of `struct fs` by name, with where it was found, bytes, its
        version and its byte order."""
        found = self._super
        return {
            "place": found.where,
            "alternate": bool(found.alternate),
            "version": found.version,
            "order": "big" if found.swap else "little",
        } | _members(found.fs)

    @property
    def groups(self) -> int:
        """How many cylinder groups there are."""
        return int(self._super.fs.fs_ncg)

    def group(self, number: int) -> dict[str, Any]:
        """Members of `struct cg`, and what its maps say: ranges of free
        fragments of the file system, and of used inodes.

        Raises:
            ImageError: there is no such group, or it can't be read.
        """
        fs = self._super.fs
        head = ffi.new("struct cg *")
        raw = ffi.new("uint8_t[]", int(fs.fs_cgsize))
        error = lib.fft_group_read(self._disk, self._super, number, head, raw)
        check(self._disk, error, self._image)
        data = bytes(ffi.buffer(raw))
        base, inodes = fs.fs_fpg * number, fs.fs_ipg * number
        return _members(head[0]) | {
            "free_fragments": list(
                _ranges(data[head.cg_freeoff :], min(head.cg_ndblk, fs.fs_fpg), base)
            ),
            "used_inodes": list(_ranges(data[head.cg_iusedoff :], fs.fs_ipg, inodes)),
        }

    def inode(self, number: int) -> dict[str, Any]:
        """Members of an inode; times in seconds and nanoseconds.

        Raises:
            ImageError: there is no such inode, or it can't be read.
        """
        inode = ffi.new("struct fft_dinode *")
        error = lib.fft_inode_read(self._disk, self._super, number, inode)
        check(self._disk, error, self._image)
        return {"ino": number} | _members(inode[0])


class dumpfs:
    """Open an image to look at: `with dumpfs("disk.img") as dump: ...`.

    Args:
        image: a path, or a device that is a window of a file.
        offset, size: the stretch that is the file system, bytes.
        alternate: byte of the copy of the superblock to use, or None.
        search: look for a copy if the first one is damaged.

    Raises:
        ImageError: no superblock, or the image is being written.
    """

    def __init__(
        self,
        image: str | os.PathLike[str] | Any,
        *,
        offset: int = 0,
        size: int | None = None,
        alternate: int | None = None,
        search: bool = False,
    ) -> None:
        self._image = image
        self._opened = opened(image, readonly=True, offset=offset, size=size)
        self._where = -1 if alternate is None else alternate
        self._search = search

    def __enter__(self) -> Dump:
        disk = self._opened.__enter__()
        try:
            return Dump(disk, self._image, self._where, self._search)
        except BaseException:
            self._opened.__exit__(None, None, None)
            raise

    def __exit__(self, *exception: Any) -> None:
        self._opened.__exit__(*exception)


def _members(struct: Any) -> dict[str, Any]:
    """All members of a C structure."""
    found: dict[str, Any] = {}
    for name, _ in ffi.typeof(struct).fields:
        if name in _LEFT_OUT or "spare" in name or "reserved" in name:
            continue
        found[name] = _value(name, getattr(struct, name))
    return found


def _value(name: str, value: Any) -> Any:
    if isinstance(value, int):
        return value
    if name in _TEXTS:
        return os.fsdecode(bytes(value).partition(b"\0")[0])
    if ffi.typeof(value).kind == "array":
        return list(value)
    return _members(value)


def _ranges(bits: bytes, count: int, base: int) -> Iterator[tuple[int, int]]:
    """(first, last) of every run of set bits."""
    count = min(count, len(bits) * 8)
    number = int.from_bytes(bits[: (count + 7) // 8], "little") & ((1 << count) - 1)
    text = f"{number:b}"[::-1]
    at = text.find("1")
    while at >= 0:
        end = text.find("0", at)
        if end < 0:
            end = len(text)
        yield base + at, base + end - 1
        at = text.find("1", end)
