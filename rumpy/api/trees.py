# SPDX-License-Identifier: BSD-2-Clause
"""Directories as a whole: listing, walking, making and removing chains.

A listing crosses the language border once (face_scan), attributes included,
so that `scandir` with `stat` costs one call for a directory and not one for
each entry.
"""

from __future__ import annotations

import os
import stat as _stat
from itertools import chain, repeat

from rumpy._hyp import ffi, lib
from rumpy.abi.structs import StatResult, unpack_stat
from rumpy.api.base import BULK, FDCWD, name_bytes, new_bytes, shown
from rumpy.api.names import NameCalls
from rumpy.path import KernelPath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from rumpy.api.base import Name

# struct face_entry, and the struct stat behind it
_TYPE, _HAS_STAT, _HEAD, _STAT = 8, 9, 16, 152
#: Files up to this many bytes are read in one crossing.
_SMALL = 65536
#: A bulk's memory up to this many bytes is kept for the next one.
_ROOM = 262144
_BULK = ffi.typeof("struct face_bulk *")
_INT64 = ffi.typeof("int64_t *")
_DIR, _REG, _LNK = 4, 8, 10
_KINDS = {_DIR: _stat.S_IFDIR, _REG: _stat.S_IFREG, _LNK: _stat.S_IFLNK}
_OTHERS = bytes((1, 2, 6, _REG, 12))  # neither directories nor links to one


class Listing:
    """A directory as face_scan packs it, which its entries share.

    Attributes:
        process: whose listing it is.
        parent: what scandir was given.
        names: of the entries, in the type of the parent.
        data: a record for each of them.
        stride: bytes of a record.
        stats: whether the records have attributes.
    """

    __slots__ = ("data", "names", "parent", "process", "stats", "stride")

    def __init__(
        self, process: TreeCalls, parent: Any, names: bytes, data: bytes, stats: bool
    ) -> None:
        self.process = process
        self.parent = parent
        self.data = data
        self.stats = stats
        self.stride = _HEAD + _STAT if stats else _HEAD
        self.names: list[Any]
        if isinstance(parent, bytes):
            self.names = names.split(b"\0")
        else:
            self.names = names.decode("utf-8", "surrogateescape").split("\0")
        self.names.pop()  # behind the last NUL

    @property
    def types(self) -> bytes:
        """The d_type of each entry."""
        return self.data[_TYPE :: self.stride]

    def entries(self) -> list[DirEntry]:
        """All of them."""
        at = range(0, len(self.data), self.stride)
        return list(map(DirEntry, repeat(self), at, self.names))

    def sorted_out(self) -> tuple[list[Any], list[Any], set[Any]]:
        """Names of directories, of others, and of links to directories."""
        types = self.types
        dirs: list[Any] = []
        files: list[Any] = []
        links: set[Any] = set()
        if not types.translate(None, _OTHERS):
            return dirs, self.names, links
        for number, (kind, name) in enumerate(zip(types, self.names, strict=True)):
            if kind == _DIR:
                dirs.append(name)
            elif kind in _OTHERS:
                files.append(name)
            else:
                entry = DirEntry(self, number * self.stride, name)
                is_dir = entry.leads_to_dir()
                (dirs if is_dir else files).append(name)
                if is_dir and entry.is_symlink():
                    links.add(name)
        return dirs, files, links


class DirEntry:
    """What os.DirEntry is, for a directory of a kernel.

    The attributes of the name itself came with the listing; those of what a
    symbolic link points to are asked for when wanted.
    """

    __slots__ = ("_at", "_listing", "_lstat", "_stat", "name")

    def __init__(self, listing: Listing, at: int, name: Any) -> None:
        self._listing = listing
        self._at = at  # of its record in the listing
        self._lstat: StatResult | None = None
        self.name = name

    @property
    def _process(self) -> TreeCalls:
        return self._listing.process

    @property
    def path(self) -> Any:
        """The scandir path and the name."""
        return _join(self._listing.parent, self.name)

    def inode(self) -> int:
        """The inode number."""
        return int.from_bytes(self._listing.data[self._at : self._at + 8], "little")

    def _type(self) -> int:
        kind = self._listing.data[self._at + _TYPE]
        mode = _KINDS.get(kind)
        return mode or _stat.S_IFMT(self.stat(follow_symlinks=False).st_mode)

    def leads_to_dir(self) -> bool:
        """is_dir(), and False where nobody can say."""
        try:
            return self.is_dir()
        except OSError:
            return False

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
        found = self._lstat
        if found is None:
            listing, at = self._listing, self._at
            if listing.stats and listing.data[at + _HAS_STAT]:
                found = StatResult(unpack_stat(listing.data, at + _HEAD))
            else:
                found = self._ask(follow_symlinks=False)
            self._lstat = found
        if follow_symlinks and _stat.S_ISLNK(found.st_mode):
            return self._followed()
        return found

    def _followed(self) -> StatResult:
        """Attributes of what the link leads to, asked for once."""
        try:
            return self._stat
        except AttributeError:
            self._stat: StatResult = self._ask(follow_symlinks=True)
            return self._stat

    def _ask(self, *, follow_symlinks: bool) -> StatResult:
        parent = self._listing.parent
        if isinstance(parent, int):
            return self._process.stat(
                self.name, dir_fd=parent, follow_symlinks=follow_symlinks
            )
        return self._process.stat(self.path, follow_symlinks=follow_symlinks)

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"


class Scan(chain):  # type: ignore[type-arg]
    """The iterator and context manager that scandir answers.

    It is an iterator of C, so that a loop over it runs no code of ours.
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: list[DirEntry]) -> None:
        self._entries = entries

    def __enter__(self) -> Scan:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the entries that have not been looked at."""
        self._entries.clear()


class TreeCalls(NameCalls):
    """listdir, scandir, walk, and whole files."""

    #: Memory for listings and small files that is not in use.
    _bulks: list[Any]

    def listdir(self, path: Name | int | None = None) -> list[str]:
        """The names in a directory (bytes where the path is bytes); None is "."."""
        path = "." if path is None else path
        names: list[str] = self._list(path, path, stats=False).names
        return names

    def scandir(self, path: Name | int | None = None, *, stats: bool = True) -> Scan:
        """The entries of a directory; with their attributes unless told not to."""
        path = "." if path is None else path
        parent = shown(path)
        if not isinstance(parent, (bytes, str, int)):
            parent = os.fspath(path)  # type: ignore[arg-type]
        return Scan(self._list(path, parent, stats=stats).entries())

    def _list(self, path: Name | int, parent: Any, *, stats: bool) -> Listing:
        """A directory, read at once."""
        entries, names = self._bulk(), self._bulk()
        by_fd = isinstance(path, int)
        dirfd = path if by_fd else FDCWD
        name = ffi.NULL if by_fd else name_bytes(path)  # type: ignore[arg-type]
        if by_fd:
            self.lseek(path, 0, os.SEEK_SET)  # type: ignore[arg-type]
        try:
            result = lib.face_scan(
                self._k, self._p, BULK, dirfd, name, stats, entries, names
            )
            if result < 0:
                raise self._failed(result, path)
            packed = ffi.buffer(entries.fb_data, entries.fb_size)[:]
            text = ffi.buffer(names.fb_data, names.fb_size)[:]
            return Listing(self, parent, text, packed, stats)
        finally:
            self._keep(entries)
            self._keep(names)

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
                found = self._list(where, where, stats=False)
            except OSError as error:
                if onerror is not None:
                    onerror(error)
                continue
            dirs, files, links = found.sorted_out()
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
        """The contents of a file; those of a small one in one crossing."""
        bulk, opened = self._bulk(), ffi.new(_INT64)
        try:
            result = lib.face_slurp(
                self._k,
                self._p,
                BULK,
                FDCWD if dir_fd is None else dir_fd,
                name_bytes(path),
                _SMALL,
                bulk,
                opened,
            )
            if result < 0:
                raise self._failed(result, path)
            if opened[0] >= 0:
                return self._read_large(opened[0], result)
            data: bytes = ffi.buffer(bulk.fb_data, bulk.fb_size)[:]
            return data
        finally:
            self._keep(bulk)

    def _read_large(self, fd: int, size: int) -> bytes:
        """Read what has `size` bytes by its attributes, and close it."""
        try:
            data = new_bytes(size)
        except MemoryError:
            self.close(fd)
            raise
        got = lib.face_finish(self._k, self._p, BULK, fd, data, size)
        if got < 0:
            raise self._failed(got)
        return data if got == size else data[:got]

    def _bulk(self) -> Any:
        """An empty struct face_bulk; give it back by _keep()."""
        # A list gives and takes atomically, so threads never share one.
        try:
            return self._bulks.pop()
        except IndexError:
            return ffi.gc(ffi.new(_BULK), lib.face_free)

    def _keep(self, bulk: Any) -> None:
        """Keep its memory for the next one, unless that is much."""
        if bulk.fb_room <= _ROOM:
            bulk.fb_size = bulk.fb_count = 0
            self._bulks.append(bulk)
        else:
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


def _join(parent: Any, name: Any) -> Any:
    """parent/name, in the type of the name; the name alone below a descriptor."""
    if isinstance(parent, int):
        return name
    slash = b"/" if isinstance(name, bytes) else "/"
    return parent + name if parent.endswith(slash) else parent + slash + name
