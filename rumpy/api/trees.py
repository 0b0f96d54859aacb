# SPDX-License-Identifier: BSD-2-Clause
"""Directories as a whole: listing, walking, making and removing chains.

A listing crosses the language border once (face_scan), attributes included,
so that `scandir` with `stat` costs one call for a directory and not one for
each entry.
"""

from __future__ import annotations

import os
import stat as _stat
from struct import Struct

from rumpy._hyp import ffi, lib
from rumpy.abi.structs import StatResult
from rumpy.api.base import BULK, FDCWD, name_bytes, shown
from rumpy.api.names import NameCalls
from rumpy.path import KernelPath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from rumpy.api.base import Name

_HEAD = Struct("<QHHBBH")  # struct face_entry
_STAT = 152
_DIR, _REG, _LNK = 4, 8, 10
_KINDS = {_DIR: _stat.S_IFDIR, _REG: _stat.S_IFREG, _LNK: _stat.S_IFLNK}


class DirEntry:
    """What os.DirEntry is, for a directory of a kernel.

    The attributes of the name itself came with the listing; those of what a
    symbolic link points to are asked for when wanted.
    """

    __slots__ = (
        "_data",
        "_inode",
        "_kind",
        "_lstat",
        "_offset",
        "_parent",
        "_process",
        "_stat",
        "name",
    )

    def __init__(
        self,
        process: TreeCalls,
        parent: Any,
        name: Any,
        inode: int,
        kind: int,
        data: bytes | None,
        offset: int,
    ) -> None:
        self._process = process
        self._parent = parent
        self._inode = inode
        self._kind = kind
        self._data = data  # of the whole listing, with a struct stat at _offset
        self._offset = offset
        self._lstat: StatResult | None = None
        self._stat: StatResult | None = None
        self.name = name

    @property
    def path(self) -> Any:
        """The scandir path and the name."""
        return _join(self._parent, self.name)

    def inode(self) -> int:
        """The inode number."""
        return self._inode

    def _type(self) -> int:
        return _KINDS.get(self._kind) or _stat.S_IFMT(
            self.stat(follow_symlinks=False).st_mode
        )

    def _is(self, kind: int, follow_symlinks: bool) -> bool:
        mine = self._type()
        if mine != _stat.S_IFLNK or not follow_symlinks:
            return mine == kind
        try:
            return _stat.S_IFMT(self.stat().st_mode) == kind
        except FileNotFoundError:
            return False

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a directory (or a link to one)."""
        return self._is(_stat.S_IFDIR, follow_symlinks)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a regular file (or a link to one)."""
        return self._is(_stat.S_IFREG, follow_symlinks)

    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return self._type() == _stat.S_IFLNK

    def is_junction(self) -> bool:
        """False: NetBSD has none."""
        return False

    def stat(self, *, follow_symlinks: bool = True) -> StatResult:
        """Attributes as they were when first known."""
        if self._lstat is None:
            if self._data is not None:
                self._lstat = StatResult.unpack(self._data, self._offset)
            else:
                self._lstat = self._ask(follow_symlinks=False)
        if not follow_symlinks or not _stat.S_ISLNK(self._lstat.st_mode):
            return self._lstat
        if self._stat is None:
            self._stat = self._ask(follow_symlinks=True)
        return self._stat

    def _ask(self, *, follow_symlinks: bool) -> StatResult:
        if isinstance(self._parent, int):
            return self._process.stat(
                self.name, dir_fd=self._parent, follow_symlinks=follow_symlinks
            )
        return self._process.stat(self.path, follow_symlinks=follow_symlinks)

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"


class Scan:
    """The iterator and context manager that scandir answers."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterator[DirEntry]) -> None:
        self._entries = entries

    def __iter__(self) -> Scan:
        return self

    def __next__(self) -> DirEntry:
        return next(self._entries)

    def __enter__(self) -> Scan:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the entries that have not been looked at."""
        self._entries = iter(())


class TreeCalls(NameCalls):
    """listdir, scandir, walk, and whole files."""

    def listdir(self, path: Name | int = ".") -> list[str]:
        """The names in a directory (bytes where the path is bytes)."""
        data = self._scan(path, stats=False)
        names = [name for _, _, name, _, _ in _records(data, stats=False)]
        if isinstance(path, bytes):
            return names  # type: ignore[return-value]
        return [name.decode("utf-8", "surrogateescape") for name in names]

    def scandir(self, path: Name | int = ".", *, stats: bool = True) -> Scan:
        """The entries of a directory; with their attributes unless told not to."""
        data = self._scan(path, stats=stats)
        parent = shown(path)
        if not isinstance(parent, (bytes, str, int)):
            parent = os.fspath(path)  # type: ignore[arg-type]
        return Scan(self._dir_entries(parent, data, stats))

    def _dir_entries(self, parent: Any, data: bytes, stats: bool) -> Iterator[DirEntry]:
        text = not isinstance(parent, bytes)
        for inode, kind, name, has_stat, offset in _records(data, stats=stats):
            yield DirEntry(
                self,
                parent,
                name.decode("utf-8", "surrogateescape") if text else name,
                inode,
                kind,
                data if has_stat else None,
                offset,
            )

    def _scan(self, path: Name | int, *, stats: bool) -> bytes:
        """What face_scan packs of a directory."""
        bulk = ffi.new("struct face_bulk *")
        by_fd = isinstance(path, int)
        dirfd = path if by_fd else FDCWD
        name = ffi.NULL if by_fd else name_bytes(path)  # type: ignore[arg-type]
        if by_fd:
            self.lseek(path, 0, os.SEEK_SET)  # type: ignore[arg-type]
        try:
            result = lib.face_scan(self._k, self._p, BULK, dirfd, name, stats, bulk)
            if result < 0:
                raise self._failed(result, path)
            packed: bytes = ffi.buffer(bulk.fb_data, bulk.fb_size)[:]
            return packed
        finally:
            lib.face_free(bulk)

    def walk(
        self,
        top: Name,
        topdown: bool = True,
        onerror: Callable[[OSError], object] | None = None,
        followlinks: bool = False,
    ) -> Iterator[tuple[str, list[str], list[str]]]:
        """os.walk: each directory with the names of directories and others."""
        start = str(top) if isinstance(top, KernelPath) else os.fspath(top)
        stack: list[Any] = [start]
        while stack:
            where = stack.pop()
            if isinstance(where, tuple):
                yield where
                continue
            try:
                entries = list(self.scandir(where, stats=False))
            except OSError as error:
                if onerror is not None:
                    onerror(error)
                continue
            dirs, files, links = _sorted_out(entries)
            if topdown:
                yield where, dirs, files  # the caller may change dirs
            else:
                stack.append((where, dirs, files))
            below = [n for n in dirs if followlinks or n not in links]
            stack += [_join(where, name) for name in reversed(below)]

    # --- chains of directories ----------------------------------------------

    def makedirs(self, name: Name, mode: int = 0o777, exist_ok: bool = False) -> None:
        """Make a directory and those above it."""
        path = KernelPath(self, os.fsdecode(name_bytes(name)))  # type: ignore[arg-type]
        path.mkdir(mode, parents=True, exist_ok=exist_ok)

    def removedirs(self, name: Name) -> None:
        """Remove a directory and those above that are empty then."""
        path = os.fsdecode(name_bytes(name)).rstrip("/")
        self.rmdir(path)
        while path := path.rpartition("/")[0]:
            try:
                self.rmdir(path)
            except OSError:
                break

    def renames(self, old: Name, new: Name) -> None:
        """rename, making and removing directories as needed."""
        source, target = (os.fsdecode(name_bytes(n)) for n in (old, new))
        head = target.rpartition("/")[0]
        if head:
            self.makedirs(head, exist_ok=True)
        self.rename(source, target)
        head = source.rpartition("/")[0]
        if head:
            try:
                self.removedirs(head)
            except OSError:
                return

    # --- whole files --------------------------------------------------------

    def read_file(self, path: Name, *, dir_fd: int | None = None) -> bytes:
        """The contents of a file, in one crossing of the language border."""
        bulk = ffi.new("struct face_bulk *")
        try:
            result = lib.face_slurp(
                self._k,
                self._p,
                BULK,
                FDCWD if dir_fd is None else dir_fd,
                name_bytes(path),
                bulk,
            )
            if result < 0:
                raise self._failed(result, path)
            data: bytes = ffi.buffer(bulk.fb_data, bulk.fb_size)[:]
            return data
        finally:
            lib.face_free(bulk)

    def write_file(
        self, path: Name, data: bytes | bytearray | memoryview, mode: int = 0o666
    ) -> int:
        """Replace the contents of a file, creating it; bytes written."""
        fd = self.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        try:
            view, done = memoryview(data).cast("B"), 0
            while done < len(view):
                done += self.write(fd, view[done:])
        finally:
            self.close(fd)
        return done


def _records(data: bytes, *, stats: bool) -> Iterator[tuple[int, int, bytes, int, int]]:
    """Each (inode, d_type, name, has attributes, their offset) of face_scan."""
    unpack, head = _HEAD.unpack_from, _HEAD.size
    offset, end, skip = 0, len(data), head + (_STAT if stats else 0)
    while offset < end:
        inode, length, namelen, kind, has_stat, _ = unpack(data, offset)
        start = offset + skip
        yield inode, kind, data[start : start + namelen], has_stat, offset + head
        offset += length


def _sorted_out(entries: list[DirEntry]) -> tuple[list[Any], list[Any], set[Any]]:
    """Names of directories, of others, and of links to directories."""
    dirs: list[Any] = []
    files: list[Any] = []
    links: set[Any] = set()
    for entry in entries:
        try:
            is_dir = entry.is_dir()
        except OSError:
            is_dir = False
        (dirs if is_dir else files).append(entry.name)
        if is_dir and entry.is_symlink():
            links.add(entry.name)
    return dirs, files, links


def _join(parent: Any, name: Any) -> Any:
    """parent/name, in the type of the name; the name alone below a descriptor."""
    if isinstance(parent, int):
        return name
    slash = b"/" if isinstance(name, bytes) else "/"
    return parent + name if parent.endswith(slash) else parent + slash + name
