# SPDX-License-Identifier: BSD-2-Clause
"""Copying files and trees between the host and a kernel.

Both directions are one walk over two Sides with the same few operations, so
that what is kept (modes, times, owners where permitted, hard links, symbolic
links, holes, FIFOs and device nodes) is the same in both.
"""

from __future__ import annotations

import errno
import os
import stat as _stat

from rumpy.path import KernelPath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Protocol, TypeAlias

    from rumpy.process import Process

    Progress: TypeAlias = Callable[[str, int], object]
    Report: TypeAlias = Callable[[str, OSError], object]

    class Side(Protocol):
        """What `os` and a Process have in common, as far as copying needs it."""

        def open(self, path: str, flags: int, mode: int = ...) -> int:
            """os.open."""

        def close(self, fd: int) -> None:
            """os.close."""

        def read(self, fd: int, length: int, /) -> bytes:
            """os.read."""

        def pwrite(self, fd: int, data: Any, offset: int, /) -> int:
            """os.pwrite."""

        def lseek(self, fd: int, position: int, whence: int, /) -> int:
            """os.lseek."""


__all__ = ["copy_tree", "download", "upload"]

CHUNK = 1 << 20
_NO_HOLES = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS)
_ZEROS = bytes(4096)

#: What all further files would meet, too.
_FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def download(
    process: Process,
    source: Any,
    target: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    report: Report | None = None,
) -> None:
    """Copy the kernel's `source` to the host's `target`.

    A `target` that is a directory gets it under its own name.  Owners are kept
    where the host permits it, set-id bits only with them; device nodes that it
    refuses are an error.

    Args:
        progress: called with a name and how many more bytes of it are done.
        report: called with a name below `source` and its error, which then is
            not raised: the copy goes on, unless the disk is full.

    Raises:
        OSError: of either side, naming the file.
    """
    where = os.fspath(target)
    path = str(source) if isinstance(source, KernelPath) else os.fsdecode(source)
    if os.path.isdir(where):
        where = os.path.join(where, _base(path))
    copy_tree(process, path, os, where, progress=progress, report=report)


def upload(
    process: Process,
    source: str | os.PathLike[str],
    target: Any,
    *,
    progress: Progress | None = None,
    report: Report | None = None,
) -> None:
    """Copy the host's `source` to the kernel's `target`; see download."""
    path = os.fspath(source)
    where = str(target) if isinstance(target, KernelPath) else os.fsdecode(target)
    if KernelPath(process, where).is_dir():
        where = f"{where.rstrip('/')}/{_base(path)}"
    copy_tree(os, path, process, where, progress=progress, report=report)


def _base(path: str) -> str:
    name = path.rstrip("/").rpartition("/")[2]
    return "" if name in (".", "..") else name


def copy_tree(
    here: Any,
    source: str,
    there: Any,
    target: str,
    *,
    progress: Progress | None = None,
    report: Report | None = None,
) -> None:
    """Copy `source` of one side to `target` of the other, whatever it is."""
    _Copy(here, there, progress, report).tree(source, target)


class _Copy:
    """One copy: the two sides, and what has been seen of hard links."""

    def __init__(
        self,
        here: Any,
        there: Any,
        progress: Progress | None,
        report: Report | None,
    ) -> None:
        self.here = here
        self.there = there
        self.progress = progress
        self.report = report
        self.flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        self.links: dict[tuple[int, int], str] = {}

    def tree(self, source: str, target: str) -> None:
        """Copy one name, and what is below it."""
        status = self.here.lstat(source)
        if not _stat.S_ISDIR(status.st_mode):
            self.one(source, target, status)
            return
        # Writable while it is filled; the true mode comes at the end.
        try:
            self.there.mkdir(target, 0o700)
        except FileExistsError:
            if not _stat.S_ISDIR(self.there.lstat(target).st_mode):
                raise
        # A damaged directory may have a name twice: never write through a link.
        self.flags |= os.O_NOFOLLOW
        for name in self.here.listdir(source):
            self.below(f"{source.rstrip('/')}/{name}", f"{target}/{name}")
        self.attributes(target, status)

    def below(self, source: str, target: str) -> None:
        """Copy one name of a directory; its failure is not the directory's."""
        try:
            self.tree(source, target)
        except OSError as error:
            if self.report is None or error.errno in _FATAL:
                raise
            self.report(source, error)

    def one(self, source: str, target: str, status: Any) -> None:
        """Copy one name that is not a directory."""
        if status.st_nlink > 1:
            key = (status.st_dev, status.st_ino)
            first = self.links.setdefault(key, target)
            if first != target:
                self._replace(target)
                self.there.link(first, target, follow_symlinks=False)
                return
        kind = _stat.S_IFMT(status.st_mode)
        if kind == _stat.S_IFREG:
            self.contents(source, target, status.st_size)
        elif kind == _stat.S_IFLNK:
            self._replace(target)
            self.there.symlink(self.here.readlink(source), target)
        else:
            self._replace(target)
            self.there.mknod(target, status.st_mode, status.st_rdev)
        self.attributes(target, status)
        if self.progress is not None and kind != _stat.S_IFREG:
            self.progress(source, 0)

    def _replace(self, target: str) -> None:
        try:
            self.there.unlink(target)
        except FileNotFoundError:
            return

    def contents(self, source: str, target: str, size: int) -> None:
        """Copy a regular file's data, holes left out."""
        fd = self.here.open(source, os.O_RDONLY)
        try:
            out = self.there.open(target, self.flags, 0o600)
            try:
                for start, end in _extents(self.here, fd, size):
                    self._span(fd, out, start, end, source)
                self.there.ftruncate(out, size)
            finally:
                self.there.close(out)
        finally:
            self.here.close(fd)

    def _span(self, fd: int, out: int, start: int, end: int, name: str) -> None:
        self.here.lseek(fd, start, os.SEEK_SET)
        while start < end:
            data = self.here.read(fd, min(CHUNK, end - start))
            if not data:
                return  # the file has shrunk meanwhile
            view = memoryview(data)
            for offset, length in _not_zero(data):
                done = 0
                while done < length:
                    rest = view[offset + done : offset + length]
                    done += self.there.pwrite(out, rest, start + offset + done)
            start += len(data)
            if self.progress is not None:
                self.progress(name, len(data))

    def attributes(self, target: str, status: Any) -> None:
        """Owner, mode, times: in an order in which each may still be set."""
        mode = _stat.S_IMODE(status.st_mode)
        try:
            self.there.chown(
                target, status.st_uid, status.st_gid, follow_symlinks=False
            )
        except PermissionError:
            # Not root there: the copy is the caller's, and nobody runs as such.
            mode &= ~(_stat.S_ISUID | _stat.S_ISGID)
        if not _stat.S_ISLNK(status.st_mode):
            self.there.chmod(target, mode)
        self.there.utime(
            target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False
        )


def _extents(side: Any, fd: int, size: int) -> Iterator[tuple[int, int]]:
    """Where a file has data, as far as its file system tells."""
    at = 0
    while at < size:
        try:
            start = side.lseek(fd, at, os.SEEK_DATA)
            end = side.lseek(fd, start, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            if error.errno not in _NO_HOLES:
                raise
            yield at, size
            return
        yield start, end
        at = end


def _not_zero(data: bytes) -> Iterator[tuple[int, int]]:
    """(offset, length) of the runs of pages that hold more than zeros."""
    if data.count(0) < len(_ZEROS) or len(data) % len(_ZEROS):
        yield 0, len(data)
        return
    page, start = len(_ZEROS), -1
    for at in range(0, len(data), page):
        if data[at : at + page] == _ZEROS:
            if start >= 0:
                yield start, at - start
                start = -1
        elif start < 0:
            start = at
    if start >= 0:
        yield start, len(data) - start
