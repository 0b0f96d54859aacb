# SPDX-License-Identifier: BSD-2-Clause
"""A file system in memory that knows POSIX's rules and nothing else.

It is the reference that cases and random sequences are compared with: small
enough to be read, with no caches, no blocks on a disk and no concurrency.
Where POSIX leaves a choice, it takes Linux's; `bsd=True` takes NetBSD's.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from rumpy.testing.filesystem import (
    CAPABILITIES,
    NOW,
    OMIT,
    SpecialTime,
    Status,
    Volume,
)

__all__ = ["Model", "ModelTree"]

_NAME_MAX = 255
#: The largest file: holes are memory here.
_SIZE_MAX = 1 << 28
_BLOCK = 4096
_R, _W, _X = 4, 2, 1
_KEEP = -1
_SETID = stat.S_ISUID | stat.S_ISGID


def _error(number: int, path: str = "") -> OSError:
    return OSError(number, os.strerror(number), path)


@dataclass(slots=True, eq=False)
class _Node:
    """A file of any kind."""

    ino: int
    kind: int
    mode: int
    uid: int
    gid: int
    nlink: int = 1
    rdev: int = 0
    atime: int = 0
    mtime: int = 0
    ctime: int = 0
    birthtime: int = 0
    flags: frozenset[str] = frozenset()
    data: bytearray = field(default_factory=bytearray)
    blocks: set[int] = field(default_factory=set)
    names: dict[str, _Node] = field(default_factory=dict)
    parent: _Node | None = None
    target: str = ""
    readers: int = 0
    flocks: dict[int, int] = field(default_factory=dict)

    @property
    def is_dir(self) -> bool:
        return self.kind == stat.S_IFDIR

    @property
    def frozen(self) -> bool:
        """No change at all is allowed."""
        return bool(self.flags & {"uchg", "schg"})

    @property
    def grows_only(self) -> bool:
        """Appending is the only change allowed."""
        return bool(self.flags & {"uappnd", "sappnd"})


@dataclass(slots=True)
class _Open:
    node: _Node
    flags: int
    offset: int = 0

    @property
    def reads(self) -> bool:
        return self.flags & os.O_ACCMODE != os.O_WRONLY

    @property
    def writes(self) -> bool:
        return self.flags & os.O_ACCMODE != os.O_RDONLY


@dataclass(slots=True)
class _Caller:
    """Who acts: credentials, umask, descriptors."""

    uid: int
    gid: int
    groups: frozenset[int]
    umask: int = 0
    files: dict[int, _Open] = field(default_factory=dict)

    def has_group(self, gid: int) -> bool:
        return gid == self.gid or gid in self.groups


@dataclass(slots=True)
class _Found:
    """Where a path leads: the directory, the last name, and the file if any."""

    parent: _Node
    name: str
    node: _Node | None
    slash: bool


class Model:
    """The tree and its clock; `tree()` is root's view of it.

    Args:
        bsd: NetBSD's choice where POSIX leaves one.
        capacity: bytes; more is ENOSPC.
        readonly: every change is EROFS.
    """

    def __init__(
        self,
        *,
        bsd: bool = False,
        capacity: int = 1 << 26,
        readonly: bool = False,
    ) -> None:
        self.bsd = bsd
        self.capacity = capacity
        self.readonly = readonly
        self.used = 0
        self._last = time.time_ns()
        self._inos = 1
        self.path_max = 1024 if bsd else 4096
        self.links_max = 32 if bsd else 40
        self.root = self.new(stat.S_IFDIR, 0o755, 0, 0)
        self.root.nlink = 2
        self.root.parent = self.root

    def now(self) -> int:
        """A time that was never told before."""
        self._last = max(self._last + 1, time.time_ns())
        return self._last

    def new(self, kind: int, mode: int, uid: int, gid: int) -> _Node:
        """A file that has no name yet."""
        self._inos += 1
        node = _Node(self._inos, kind, mode, uid, gid)
        node.atime = node.mtime = node.ctime = node.birthtime = self.now()
        if kind == stat.S_IFDIR:
            node.nlink = 2
        return node

    def take(self, node: _Node, first: int, last: int) -> None:
        """Give room to the blocks first to last.

        Raises:
            OSError: ENOSPC; then none of them has got any.
        """
        fresh = {b for b in range(first, last + 1) if b not in node.blocks}
        if self.used + len(fresh) * _BLOCK > self.capacity:
            raise _error(errno.ENOSPC)
        node.blocks |= fresh
        self.used += len(fresh) * _BLOCK

    def give(self, node: _Node, blocks: Iterable[int]) -> None:
        """Take room from blocks."""
        gone = node.blocks & set(blocks)
        node.blocks -= gone
        self.used -= len(gone) * _BLOCK

    def dispose(self, node: _Node) -> None:
        """Free the file if nothing needs it any more."""
        if node.nlink == 0 and node.readers == 0:
            self.give(node, node.blocks)
            node.data.clear()

    def tree(self, *, without: Iterable[str] = ()) -> ModelTree:
        """The whole tree as root sees it; `without` some capabilities."""
        can = set(CAPABILITIES) - {"mmap", "tmpfile"} - set(without)
        if self.readonly:
            can &= {"hardlinks", "symlinks", "users", "case", "bytes", "modes"}
        if not self.bsd:
            can -= {"bsdgroups", "userflags"}
        caller = _Caller(0, 0, frozenset({0}))
        return ModelTree(self, self.root, caller, frozenset(can))


class ModelTree:
    """A Model as one caller sees it: a FileSystem."""

    def __init__(
        self,
        model: Model,
        root: _Node,
        caller: _Caller,
        capabilities: frozenset[str],
        users: dict[tuple[int, int, tuple[int, ...]], _Caller] | None = None,
    ) -> None:
        self.model = model
        self.capabilities = capabilities
        self.name = "model:bsd" if model.bsd else "model"
        self.ids = (caller.uid, caller.gid)
        self._root = root
        self._me = caller
        self._users = {} if users is None else users

    def sub(self, path: str) -> Self:
        root = self._node(path)
        return type(self)(self.model, root, self._me, self.capabilities, self._users)

    def as_user(self, uid: int, gid: int, groups: Iterable[int] = ()) -> Self:
        key = (uid, gid, tuple(groups))
        caller = self._users.get(key)
        if caller is None:
            caller = self._users[key] = _Caller(uid, gid, frozenset(key[2]))
        return type(self)(
            self.model, self._root, caller, self.capabilities, self._users
        )

    def pause(self) -> None:
        self.model.now()

    def end(self) -> None:
        """Close what is open."""
        for caller in (*self._users.values(), self._me):
            for fd in [*caller.files]:
                self._close(caller, fd)

    # --- paths --------------------------------------------------------------

    def _may(self, node: _Node, want: int) -> bool:
        me = self._me
        if me.uid == 0:
            any_x = node.is_dir or node.mode & 0o111
            return not want & _X or bool(any_x)
        if me.uid == node.uid:
            bits = node.mode >> 6
        elif me.has_group(node.gid):
            bits = node.mode >> 3
        else:
            bits = node.mode
        return bits & want == want

    def _need(self, node: _Node, want: int) -> None:
        if not self._may(node, want):
            raise _error(errno.EACCES)

    def _names(self, path: str) -> tuple[list[str], bool]:
        """Names of a path, and whether it must be a directory."""
        if not path:
            raise _error(errno.ENOENT)
        if len(os.fsencode(path)) >= self.model.path_max:
            raise _error(errno.ENAMETOOLONG, path)
        return [name for name in path.split("/") if name], path.endswith("/")

    def _step(self, here: _Node, name: str) -> _Node | None:
        if not here.is_dir:
            raise _error(errno.ENOTDIR)
        self._need(here, _X)
        if name == ".":
            return here
        if name == "..":
            return here.parent
        if len(os.fsencode(name)) > _NAME_MAX:
            raise _error(errno.ENAMETOOLONG)
        return here.names.get(name)

    def _find(self, path: str, *, follow: bool = True) -> _Found:
        """Walk a path; the last name need not exist."""
        names, slash = self._names(path)
        names.reverse()
        here, links = self._root, 0
        while True:
            name = names.pop() if names else "."
            node = self._step(here, name)
            last = not names
            if node is None:
                if last:
                    return _Found(here, name, None, slash)
                raise _error(errno.ENOENT, path)
            if node.kind == stat.S_IFLNK and (not last or follow or slash):
                links += 1
                if links > self.model.links_max:
                    raise _error(errno.ELOOP, path)
                more, ends = self._names(node.target)
                slash = slash or (last and ends)
                names += reversed(more)
                continue
            if last:
                if slash and not node.is_dir:
                    raise _error(errno.ENOTDIR, path)
                return _Found(here, name, node, slash)
            here = node

    def _node(self, path: str, *, follow: bool = True) -> _Node:
        node = self._find(path, follow=follow).node
        if node is None:
            raise _error(errno.ENOENT, path)
        return node

    def _changes(self) -> None:
        if self.model.readonly:
            raise _error(errno.EROFS)

    # --- names in directories -----------------------------------------------

    def _place(self, path: str, *, directory: bool = False) -> _Found:
        """Where a new name is to be made."""
        found = self._find(path, follow=False)
        if found.node is not None:
            raise _error(errno.EEXIST, path)
        if found.slash and not directory:
            raise _error(errno.ENOENT, path)
        self._may_add(found.parent)
        return found

    def _may_add(self, directory: _Node) -> None:
        self._changes()
        if directory.nlink == 0:
            raise _error(errno.ENOENT)
        self._need(directory, _W | _X)
        if directory.frozen:
            raise _error(errno.EPERM)

    def _may_remove(self, directory: _Node, node: _Node) -> None:
        self._changes()
        self._need(directory, _W | _X)
        if directory.frozen or directory.grows_only or node.frozen or node.grows_only:
            raise _error(errno.EPERM)
        mine = self._me.uid in (0, directory.uid, node.uid)
        if directory.mode & stat.S_ISVTX and not mine:
            raise _error(errno.EPERM)

    def _stamp(self, node: _Node, *, data: bool) -> None:
        now = self.model.now()
        node.ctime = now
        if data:
            node.mtime = now

    def _enter(self, directory: _Node, name: str, node: _Node) -> None:
        directory.names[name] = node
        if node.is_dir:
            node.parent = directory
            directory.nlink += 1
        self._stamp(directory, data=True)

    def _leave(self, directory: _Node, name: str) -> None:
        node = directory.names.pop(name)
        if node.is_dir:
            directory.nlink -= 1
        self._stamp(directory, data=True)

    def _make(self, place: _Found, kind: int, mode: int) -> _Node:
        me, parent = self._me, place.parent
        inherits = self.model.bsd or bool(parent.mode & stat.S_ISGID)
        gid = parent.gid if inherits else me.gid
        mode &= 0o7777 & ~me.umask
        if kind == stat.S_IFDIR:
            mode &= ~_SETID
            if not self.model.bsd:
                mode |= parent.mode & stat.S_ISGID
        elif me.uid != 0 and not me.has_group(gid):
            mode &= ~stat.S_ISGID
        node = self.model.new(kind, mode, me.uid, gid)
        self._enter(parent, place.name, node)
        return node

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        self._make(self._place(path, directory=True), stat.S_IFDIR, mode)

    def mkfifo(self, path: str, mode: int = 0o666) -> None:
        self._make(self._place(path), stat.S_IFIFO, mode)

    def mknod(self, path: str, mode: int, device: int) -> None:
        kind = stat.S_IFMT(mode) or stat.S_IFREG
        if kind in (stat.S_IFBLK, stat.S_IFCHR) and self._me.uid != 0:
            raise _error(errno.EPERM, path)
        node = self._make(self._place(path), kind, mode)
        if kind in (stat.S_IFBLK, stat.S_IFCHR):
            node.rdev = device

    def symlink(self, target: str, path: str) -> None:
        if not target:
            raise _error(errno.ENOENT)
        if len(os.fsencode(target)) >= self.model.path_max:
            raise _error(errno.ENAMETOOLONG)
        place = self._place(path)
        mask, self._me.umask = self._me.umask, 0
        node = self._make(place, stat.S_IFLNK, 0o755 if self.model.bsd else 0o777)
        self._me.umask = mask
        node.target = target

    def link(self, old: str, new: str) -> None:
        node = self._node(old, follow=False)
        place = self._place(new)
        if node.is_dir or node.frozen or node.grows_only:
            raise _error(errno.EPERM, old)
        node.nlink += 1
        self._enter(place.parent, place.name, node)
        self._stamp(node, data=False)

    def unlink(self, path: str) -> None:
        found = self._find(path, follow=False)
        node = self._existing(found, path)
        if node.is_dir:
            raise _error(errno.EPERM if self.model.bsd else errno.EISDIR, path)
        self._may_remove(found.parent, node)
        self._leave(found.parent, found.name)
        node.nlink -= 1
        self._stamp(node, data=False)
        self.model.dispose(node)

    def rmdir(self, path: str) -> None:
        last = path.rstrip("/").rpartition("/")[2]
        found = self._find(path, follow=False)
        node = self._existing(found, path)
        if last == ".":
            raise _error(errno.EINVAL, path)
        if last == "..":
            raise _error(errno.EINVAL if self.model.bsd else errno.ENOTEMPTY, path)
        if not node.is_dir:
            raise _error(errno.ENOTDIR, path)
        self._may_remove(found.parent, node)
        if node.names:
            raise _error(errno.ENOTEMPTY, path)
        self._leave(found.parent, found.name)
        node.nlink = 0
        self._stamp(node, data=False)

    def _existing(self, found: _Found, path: str) -> _Node:
        if found.node is None:
            raise _error(errno.ENOENT, path)
        return found.node

    def _ancestors(self, node: _Node) -> Iterator[_Node]:
        while True:
            yield node
            if node.parent is node or node.parent is None:
                return
            node = node.parent

    def _renames(self, old: str, new: str) -> tuple[_Found, _Node, _Found]:
        """What a rename is about, once its names have been judged."""
        for path in (old, new):
            if path.rstrip("/").rpartition("/")[2] in (".", ".."):
                raise _error(errno.EINVAL if self.model.bsd else errno.EBUSY, path)
        source = self._find(old, follow=False)
        node = self._existing(source, old)
        target = self._find(new, follow=False)
        if target.node is None and target.slash and not node.is_dir:
            raise _error(errno.ENOTDIR, new)
        return source, node, target

    def rename(self, old: str, new: str) -> None:
        source, node, target = self._renames(old, new)
        there = target.node
        if there is node:
            return
        if node.is_dir and node in self._ancestors(target.parent):
            raise _error(errno.EINVAL, new)
        self._may_remove(source.parent, node)
        self._may_add(target.parent)
        if there is not None:
            self._replaceable(target.parent, there, node)
        if node.is_dir and source.parent is not target.parent:
            self._need(node, _W)
        if there is not None:
            self._leave(target.parent, target.name)
            there.nlink = 0 if there.is_dir else there.nlink - 1
            self._stamp(there, data=False)
            self.model.dispose(there)
        self._leave(source.parent, source.name)
        self._enter(target.parent, target.name, node)
        self._stamp(node, data=False)

    def _replaceable(self, directory: _Node, there: _Node, node: _Node) -> None:
        self._may_remove(directory, there)
        if node.is_dir and not there.is_dir:
            raise _error(errno.ENOTDIR)
        if there.is_dir and not node.is_dir:
            raise _error(errno.EISDIR)
        if there.names:
            raise _error(errno.ENOTEMPTY)

    def rename_noreplace(self, old: str, new: str) -> None:
        source, node, target = self._renames(old, new)
        del source, node
        if target.node is not None:
            raise _error(errno.EEXIST, new)
        self.rename(old, new)

    def exchange(self, old: str, new: str) -> None:
        source, node, target = self._renames(old, new)
        there = self._existing(target, new)
        if there is node:
            return
        for one, other in ((node, target.parent), (there, source.parent)):
            if one.is_dir and one in self._ancestors(other):
                raise _error(errno.EINVAL, new)
        self._may_remove(source.parent, node)
        self._may_remove(target.parent, there)
        if source.parent is not target.parent:
            for one in (node, there):
                if one.is_dir:
                    self._need(one, _W)
        self._leave(source.parent, source.name)
        self._leave(target.parent, target.name)
        self._enter(source.parent, source.name, there)
        self._enter(target.parent, target.name, node)
        self._stamp(node, data=False)
        self._stamp(there, data=False)

    # --- attributes ---------------------------------------------------------

    def _status(self, node: _Node) -> Status:
        size = len(node.data)
        if node.kind == stat.S_IFLNK:
            size = len(os.fsencode(node.target))
        return Status(
            node.kind | node.mode, node.ino, 1, node.nlink, node.uid, node.gid,
            size, len(node.blocks) * (_BLOCK // 512), node.rdev,
            node.atime, node.mtime, node.ctime, node.birthtime, node.flags,
        )  # fmt: skip

    def stat(self, path: str) -> Status:
        return self._status(self._node(path))

    def lstat(self, path: str) -> Status:
        return self._status(self._node(path, follow=False))

    def access(self, path: str, mode: int) -> bool:
        try:
            node = self._node(path)
        except OSError:
            return False
        if mode & os.W_OK and self.model.readonly:
            return False
        if mode & os.W_OK and node.frozen:
            return False
        return self._may(node, mode)

    def listdir(self, path: str) -> list[str]:
        node = self._node(path)
        if not node.is_dir:
            raise _error(errno.ENOTDIR, path)
        self._need(node, _R)
        if not self.model.readonly:
            node.atime = self.model.now()
        return [*node.names]

    def readlink(self, path: str) -> str:
        node = self._node(path, follow=False)
        if node.kind != stat.S_IFLNK:
            raise _error(errno.EINVAL, path)
        return node.target

    def volume(self) -> Volume:
        free = self.model.capacity - self.model.used
        return Volume(self.model.capacity, free, free, 1 << 20, 1 << 19, _NAME_MAX)

    def _owner(self, node: _Node) -> None:
        self._changes()
        if self._me.uid not in (0, node.uid) or node.frozen or node.grows_only:
            raise _error(errno.EPERM)

    def _chmod(self, node: _Node, mode: int) -> None:
        self._owner(node)
        me = self._me
        if me.uid != 0 and not me.has_group(node.gid) and mode & stat.S_ISGID:
            if self.model.bsd:
                raise _error(errno.EPERM)
            mode &= ~stat.S_ISGID
        node.mode = mode & 0o7777
        self._stamp(node, data=False)

    def chmod(self, path: str, mode: int) -> None:
        self._chmod(self._node(path), mode)

    def fchmod(self, fd: int, mode: int) -> None:
        self._chmod(self._file(fd).node, mode)

    def _chown(self, node: _Node, uid: int, gid: int) -> None:
        me = self._me
        self._owner(node)
        if me.uid != 0:
            if uid not in (_KEEP, node.uid):
                raise _error(errno.EPERM)
            if gid not in (_KEEP, node.gid) and not me.has_group(gid):
                raise _error(errno.EPERM)
        node.uid = node.uid if uid == _KEEP else uid
        node.gid = node.gid if gid == _KEEP else gid
        if me.uid != 0 and not node.is_dir:
            self._lower(node)
        self._stamp(node, data=False)

    def chown(self, path: str, uid: int, gid: int) -> None:
        self._chown(self._node(path), uid, gid)

    def lchown(self, path: str, uid: int, gid: int) -> None:
        self._chown(self._node(path, follow=False), uid, gid)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        self._chown(self._file(fd).node, uid, gid)

    def chflags(self, path: str, flags: Iterable[str]) -> None:
        node, wanted = self._node(path), frozenset(flags)
        self._changes()
        if self._me.uid not in (0, node.uid):
            raise _error(errno.EPERM, path)
        system = frozenset({"schg", "sappnd", "arch"})
        if self._me.uid != 0 and (node.flags | wanted) & system:
            raise _error(errno.EPERM, path)
        node.flags = wanted
        self._stamp(node, data=False)

    def _utimens(
        self, node: _Node, atime: int | SpecialTime, mtime: int | SpecialTime
    ) -> None:
        if atime is OMIT and mtime is OMIT:
            return
        self._changes()
        if atime is NOW and mtime is NOW:
            if self._me.uid not in (0, node.uid):
                self._need(node, _W)
            if node.frozen:
                raise _error(errno.EPERM)
        else:
            self._owner(node)
        self._stamp(node, data=False)
        if atime is not OMIT:
            node.atime = node.ctime if isinstance(atime, SpecialTime) else atime
        if mtime is not OMIT:
            node.mtime = node.ctime if isinstance(mtime, SpecialTime) else mtime

    def utimens(
        self,
        path: str,
        atime: int | SpecialTime,
        mtime: int | SpecialTime,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        self._utimens(self._node(path, follow=follow_symlinks), atime, mtime)

    def futimens(
        self, fd: int, atime: int | SpecialTime, mtime: int | SpecialTime
    ) -> None:
        self._utimens(self._file(fd).node, atime, mtime)

    def umask(self, mask: int) -> int:
        old, self._me.umask = self._me.umask, mask & 0o777
        return old

    # --- open files ---------------------------------------------------------

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        exclusive = flags & os.O_CREAT and flags & os.O_EXCL
        follow = not flags & os.O_NOFOLLOW and not exclusive
        found = self._find(path, follow=follow)
        node = found.node
        made = node is None
        if node is None:
            if not flags & os.O_CREAT:
                raise _error(errno.ENOENT, path)
            if found.slash:
                raise _error(errno.EISDIR, path)
            self._may_add(found.parent)
            node = self._make(found, stat.S_IFREG, mode)
        elif exclusive:
            raise _error(errno.EEXIST, path)
        file = _Open(node, flags)
        if not made:
            self._may_open(file)
        number = 3
        while number in self._me.files:
            number += 1
        if flags & os.O_TRUNC and not made and node.kind == stat.S_IFREG:
            self._resize(node, 0)
        self._me.files[number] = file
        node.readers += 1
        return number

    def _may_open(self, file: _Open) -> None:
        node, flags = file.node, file.flags
        if node.kind == stat.S_IFLNK:
            raise _error(errno.ELOOP)
        if flags & os.O_DIRECTORY and not node.is_dir:
            raise _error(errno.ENOTDIR)
        changes = file.writes or bool(flags & os.O_TRUNC)
        if node.is_dir and (changes or flags & os.O_CREAT):
            raise _error(errno.EISDIR)
        if changes and node.kind == stat.S_IFREG:
            self._changes()
        self._need(node, (_R if file.reads else 0) | (_W if changes else 0))
        if changes and node.frozen:
            raise _error(errno.EPERM)
        if changes and node.grows_only:
            appends = flags & os.O_APPEND and not flags & os.O_TRUNC
            if not appends:
                raise _error(errno.EPERM)
        if node.kind == stat.S_IFIFO and file.writes and not file.reads:
            raise _error(errno.ENXIO)  # there is nobody who could read

    def _file(self, fd: int) -> _Open:
        file = self._me.files.get(fd)
        if file is None:
            raise _error(errno.EBADF)
        return file

    def _close(self, caller: _Caller, fd: int) -> None:
        file = caller.files.pop(fd, None)
        if file is None:
            raise _error(errno.EBADF)
        file.node.flocks.pop(id(file), None)
        file.node.readers -= 1
        self.model.dispose(file.node)

    def close(self, fd: int) -> None:
        self._close(self._me, fd)

    def _readable(self, fd: int) -> _Open:
        file = self._file(fd)
        if not file.reads:
            raise _error(errno.EBADF)
        if file.node.is_dir:
            raise _error(errno.EISDIR)
        return file

    def read(self, fd: int, size: int) -> bytes:
        file = self._readable(fd)
        data = self._get(file.node, size, file.offset)
        file.offset += len(data)
        return data

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        if offset < 0:
            raise _error(errno.EINVAL)
        return self._get(self._readable(fd).node, size, offset)

    def _get(self, node: _Node, size: int, offset: int) -> bytes:
        if not self.model.readonly:
            node.atime = self.model.now()
        return bytes(node.data[offset : offset + size])

    def _writable(self, fd: int) -> _Open:
        file = self._file(fd)
        if not file.writes:
            raise _error(errno.EBADF)
        return file

    def write(self, fd: int, data: bytes) -> int:
        file = self._writable(fd)
        if file.flags & os.O_APPEND:
            file.offset = len(file.node.data)
        size = self._put(file.node, data, file.offset)
        file.offset += size
        return size

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        file = self._writable(fd)
        if offset < 0:
            raise _error(errno.EINVAL)
        if file.flags & os.O_APPEND and not self.model.bsd:
            offset = len(file.node.data)
        return self._put(file.node, data, offset)

    def _lower(self, node: _Node) -> None:
        """Drop the set-id bits of a file that somebody else changes."""
        node.mode &= ~stat.S_ISUID
        if node.mode & stat.S_IXGRP:
            node.mode &= ~stat.S_ISGID

    def _put(self, node: _Node, data: bytes, offset: int) -> int:
        if not data:
            return 0
        end = offset + len(data)
        if end > _SIZE_MAX:
            raise _error(errno.EFBIG)
        first, last = offset // _BLOCK, (end - 1) // _BLOCK
        try:
            self.model.take(node, first, last)
        except OSError:
            # As much as there is room for, block by block.
            for block in range(first, last + 1):
                try:
                    self.model.take(node, block, block)
                except OSError:
                    end = block * _BLOCK
                    break
            if end <= offset:
                raise
            data = data[: end - offset]
        if end > len(node.data):
            node.data.extend(bytes(end - len(node.data)))
        node.data[offset:end] = data
        self._stamp(node, data=True)
        if self._me.uid != 0:
            self._lower(node)
        return len(data)

    def _resize(self, node: _Node, size: int) -> None:
        if size > _SIZE_MAX:
            raise _error(errno.EFBIG)
        if size < len(node.data):
            del node.data[size:]
            keep = (size + _BLOCK - 1) // _BLOCK
            self.model.give(node, [b for b in node.blocks if b >= keep])
        else:
            node.data.extend(bytes(size - len(node.data)))
        self._stamp(node, data=True)
        if self._me.uid != 0:
            self._lower(node)

    def ftruncate(self, fd: int, size: int) -> None:
        file = self._file(fd)
        if not file.writes or size < 0 or file.node.kind != stat.S_IFREG:
            raise _error(errno.EINVAL)
        if file.node.grows_only:
            raise _error(errno.EPERM)
        self._resize(file.node, size)

    def truncate(self, path: str, size: int) -> None:
        if size < 0:
            raise _error(errno.EINVAL, path)
        node = self._node(path)
        if node.is_dir:
            raise _error(errno.EISDIR, path)
        if node.kind != stat.S_IFREG:
            raise _error(errno.EINVAL, path)
        self._changes()
        self._need(node, _W)
        if node.frozen or node.grows_only:
            raise _error(errno.EPERM, path)
        self._resize(node, size)

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        file = self._file(fd)
        size = len(file.node.data)
        if whence in (os.SEEK_DATA, os.SEEK_HOLE):
            where = self._extent(file.node, offset, data=whence == os.SEEK_DATA)
        else:
            bases = {os.SEEK_SET: 0, os.SEEK_CUR: file.offset, os.SEEK_END: size}
            if whence not in bases:
                raise _error(errno.EINVAL)
            where = bases[whence] + offset
        if where < 0:
            raise _error(errno.EINVAL)
        file.offset = where
        return where

    def _extent(self, node: _Node, offset: int, *, data: bool) -> int:
        if offset < 0 or offset >= len(node.data):
            raise _error(errno.ENXIO)
        where = offset
        while where < len(node.data):
            if (where // _BLOCK in node.blocks) == data:
                return where
            where = (where // _BLOCK + 1) * _BLOCK
        if data:
            raise _error(errno.ENXIO)
        return len(node.data)

    def allocate(self, fd: int, offset: int, size: int) -> None:
        file = self._writable(fd)
        if offset < 0 or size <= 0:
            raise _error(errno.EINVAL)
        node, end = file.node, offset + size
        if end > _SIZE_MAX:
            raise _error(errno.EFBIG)
        self.model.take(node, offset // _BLOCK, (end - 1) // _BLOCK)
        if end > len(node.data):
            node.data.extend(bytes(end - len(node.data)))
        self._stamp(node, data=True)

    def punch(self, fd: int, offset: int, size: int) -> None:
        file = self._writable(fd)
        if offset < 0 or size <= 0:
            raise _error(errno.EINVAL)
        node = file.node
        if node.frozen or node.grows_only:
            raise _error(errno.EPERM)
        end = min(offset + size, len(node.data))
        if end <= offset:
            return
        node.data[offset:end] = bytes(end - offset)
        whole = range(-(-offset // _BLOCK), end // _BLOCK)
        self.model.give(node, whole)
        self._stamp(node, data=True)

    def fsync(self, fd: int) -> None:
        self._file(fd)

    def fstat(self, fd: int) -> Status:
        return self._status(self._file(fd).node)

    def flock(self, fd: int, operation: int) -> None:
        file = self._file(fd)
        locks = file.node.flocks
        wanted = operation & ~fcntl.LOCK_NB
        if wanted == fcntl.LOCK_UN:
            locks.pop(id(file), None)
            return
        others = [kind for key, kind in locks.items() if key != id(file)]
        if others and (wanted == fcntl.LOCK_EX or fcntl.LOCK_EX in others):
            if operation & fcntl.LOCK_NB:
                raise _error(errno.EWOULDBLOCK)
            raise _error(errno.EDEADLK)  # one thread: nobody would unlock
        locks[id(file)] = wanted

    def mmap(self, fd: int, size: int, *, write: bool = True) -> Any:
        raise NotImplementedError("nothing can be mapped out of the model")
