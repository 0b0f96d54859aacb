# SPDX-License-Identifier: BSD-2-Clause
"""Making a file system, and putting a tree into it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from rumpy._hyp import ffi, lib
from rumpy.errors import ImageError
from rumpy.ffstools.disk import check, name_of, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NOW = -(1 << 63)


@dataclass(frozen=True, slots=True)
class Made:
    """A new file system.

    Attributes:
        size: bytes.
        block_size, fragment_size: bytes.
        groups: cylinder groups.
        inodes, used_inodes: how many there are, and are taken.
        free: bytes that are free, the reserve included.
        files: what was put in, the root included.
        changed: files that got shorter while they were copied.
    """

    size: int
    block_size: int
    fragment_size: int
    groups: int
    inodes: int
    used_inodes: int
    free: int
    files: int
    changed: int


def newfs(
    image: str | os.PathLike[str] | Any,
    *,
    size: int | None = None,
    offset: int = 0,
    version: int = 2,
    attributes: bool = False,
    order: str = "little",
    block_size: int = 0,
    fragment_size: int = 0,
    density: int = 0,
    inodes: int = 0,
    minfree: int = 5,
    optimize: str = "time",
    label: str = "",
    date: int | None = None,
    populate: str | os.PathLike[str] | None = None,
    free: int = 0,
    log: int = 0,
    superblock: int | None = None,
    owner: tuple[int | None, int | None] = (None, None),
    force: bool = False,
    threads: int = 0,
) -> Made:
    """Make an FFS in an image.

    Args:
        image: a path, which is created when a size is given or can be computed
            from what is put in, or a device that is a window of a file.
        size: bytes; None for all of the image, or what the tree needs.
        offset: where in the image, bytes.
        version: 1 for FFSv1, 2 for FFSv2 (UFS2).
        attributes: NetBSD 10's variant of FFSv2 with extended attributes.
        order: "little" or "big".
        block_size, fragment_size: bytes; 0 chooses by size.
        density: bytes for each inode; 0 for four fragments.
        inodes: at least so many.
        minfree: reserve, percent.
        optimize: "time" or "space".
        label: volume name, up to 31 bytes.
        date: seconds since 1970 for the file system itself and the latest date
            of any file in it, which makes the image reproducible; None takes
            SOURCE_DATE_EPOCH of the environment, and else the current time.
        populate: a directory, or a tar archive, to be put in.
        free: bytes to leave free when the size is computed.
        log: bytes of a journal inside the file system, or 0.
        superblock: byte at which it lies: 0, 8192, 65536 or 262144; None for
            8192 (FFSv1) or 65536 (FFSv2).
        owner: user and group of all files put in; None keeps theirs.
        force: overwrite a file system or partition table.
        threads: that copy; 0 for one for each CPU.

    Raises:
        ImageError: what was asked for is not possible, the image is in use, or
            holds something and force was not given.
        OSError: the host refuses something, or the tree does not fit (ENOSPC).
    """
    fixed = _date(date)
    _check_numbers(
        size=size, offset=offset, density=density, inodes=inodes, free=free, log=log
    )
    params = ffi.new("struct fft_newfs *")
    params.version, params.attributes = version, attributes
    params.big_endian = {"little": 0, "big": 1}[order]
    params.bsize, params.fsize = block_size, fragment_size
    params.density, params.inodes = density, inodes
    params.minfree = minfree
    params.optim = {"time": 0, "space": 1}[optimize]
    params.date = _NOW if fixed is None else fixed
    params.log, params.free, params.threads = log, free, threads
    params.superblock = -1 if superblock is None else superblock
    encoded = os.fsencode(label)
    if len(encoded) > 31:
        raise ImageError(f"label {label!r}: up to 31 bytes")
    params.label = encoded
    params.fsid = _fsid(fixed, encoded)
    tree = ffi.gc(lib.fft_tree_new(), lib.fft_tree_free)
    if tree == ffi.NULL:
        raise MemoryError("out of memory")
    with _Source(tree, populate, fixed):
        uid, gid = owner
        lib.fft_tree_owner(tree, -1 if uid is None else uid, -1 if gid is None else gid)
        return _make(image, params, tree, size, offset, force)


def _check_numbers(**numbers: int | None) -> None:
    """Numbers of bytes and inodes, before C sees them."""
    for name, number in numbers.items():
        if number is not None and not 0 <= number < 1 << 62:
            raise ImageError(f"{name} {number}: from 0 to {(1 << 62) - 1}")
    if numbers["size"] == 0:
        raise ImageError("a file system of 0 bytes")


def _date(date: int | None) -> int | None:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if date is None and epoch:
        try:
            date = int(epoch)
        except ValueError:
            raise ValueError(f"SOURCE_DATE_EPOCH is no number: {epoch!r}") from None
    if date is not None and abs(date) >= 1 << 62:
        raise ImageError(f"date {date}: up to {(1 << 62) - 1}")
    return date


def _fsid(date: int | None, label: bytes) -> int:
    """The second half of a file system's id: random, or always the same."""
    if date is None:
        return int.from_bytes(os.urandom(4), "little") & 0x7FFFFFFF
    import zlib

    return zlib.crc32(b"rumpy newfs %d " % date + label) & 0x7FFFFFFF


class _Source:
    """Reads what is to be put in; keeps an archive open."""

    def __init__(self, tree: Any, source: Any, date: int | None) -> None:
        self.tree = tree
        self.archive: Any = None
        if source is None:
            return
        if os.path.isdir(source):
            disk = ffi.new("struct fft_disk *")
            error = lib.fft_tree_scan(tree, disk, os.fsencode(source))
            check(disk, error)
            return
        from rumpy.ffstools.tar import add_archive

        self.archive = add_archive(tree, os.fspath(source))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        if self.archive is not None:
            self.archive.close()


def _make(
    image: Any, params: Any, tree: Any, size: int | None, offset: int, force: bool
) -> Made:
    path = name_of(image)
    if path is None:
        with opened(image, readonly=False, offset=offset, size=size) as disk:
            return _write(disk, params, tree, image)
    if not os.path.exists(path):
        return _create(path, params, tree, size, offset)
    status = os.stat(path)
    regular = stat.S_ISREG(status.st_mode)
    if regular and status.st_size <= offset and size is None:
        size = _plan(params, tree, None, path)
    if not force:
        _refuse_contents(path, offset, size)
    if regular and offset == 0 and (size is None or size >= status.st_size):
        return _anew(path, params, tree, size or status.st_size)
    if regular and size is not None:
        _lengthen(path, offset + size)
    with opened(path, readonly=False, offset=offset, size=size) as disk:
        return _write(disk, params, tree, path)


def _plan(params: Any, tree: Any, size: int | None, path: str) -> int:
    """Fill in what is left to be chosen; the size."""
    disk = ffi.new("struct fft_disk *")
    disk.fd = -1
    disk.size = size or 0
    check(disk, lib.fft_newfs_plan(disk, params, tree), path)
    return int(disk.size)


def _create(path: str, params: Any, tree: Any, size: int | None, offset: int) -> Made:
    size = _plan(params, tree, size, path)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        os.close(fd)
        os.truncate(path, offset + size)
        with opened(path, readonly=False, offset=offset, size=size) as disk:
            disk.fresh = 1
            return _write(disk, params, tree, path)
    except BaseException:
        os.unlink(path)
        raise


def _anew(path: str, params: Any, tree: Any, size: int) -> Made:
    """Make it in a file that is nothing but this file system."""
    _plan(params, tree, size, path)
    _lengthen(path, size)
    with opened(path, readonly=False) as disk:
        os.ftruncate(disk.fd, 0)
        os.ftruncate(disk.fd, size)
        disk.size, disk.fresh = size, 1
        return _write(disk, params, tree, path)


def _lengthen(path: str, size: int) -> None:
    """Make a file at least so long, if nobody uses it."""
    length = os.path.getsize(path)
    if length >= size:
        return
    if length >= 512:  # what is shorter can't be used, nor opened
        with opened(path, readonly=False):
            pass
    os.truncate(path, size)


def _refuse_contents(path: str, offset: int, size: int | None) -> None:
    """Refuse to overwrite what somebody may want to keep."""
    from rumpy.probe import probe

    found = probe(path, offset, size)
    if found.kind not in (None, "empty"):
        raise ImageError(
            f"holds {found.text} already", image=path, hint="--force overwrites it"
        )


def _write(disk: Any, params: Any, tree: Any, image: Any) -> Made:
    made = ffi.new("struct fft_made *")
    check(disk, lib.fft_newfs_plan(disk, params, tree), image)
    check(disk, lib.fft_newfs(disk, params, tree, made), image)
    return Made(
        made.size,
        made.bsize,
        made.fsize,
        made.groups,
        made.inodes,
        made.used_inodes,
        made.free,
        made.files,
        made.changed,
    )
