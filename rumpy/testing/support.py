# SPDX-License-Identifier: BSD-2-Clause
"""What cases are written with: expected errors, small files, watched times."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from rumpy.testing.filesystem import FileSystem, Status

__all__ = [
    "exists",
    "fails",
    "get",
    "leaves",
    "opened",
    "put",
    "stamps",
    "tree_is",
]


def _name(number: int | None) -> str:
    return errno.errorcode.get(number or 0, str(number))


@contextmanager
def fails(*errnos: int) -> Iterator[None]:
    """The body must end with an OSError that has one of these numbers."""
    wanted = " or ".join(_name(number) for number in errnos)
    try:
        yield
    except OSError as error:
        if error.errno not in errnos:
            raise AssertionError(
                f"expected {wanted}, got {_name(error.errno)}: {error}"
            ) from error
    else:
        raise AssertionError(f"expected {wanted}, but it worked")


@contextmanager
def opened(fs: FileSystem, path: str, flags: int, mode: int = 0o777) -> Iterator[int]:
    """A descriptor that is closed after the body."""
    fd = fs.open(path, flags, mode)
    try:
        yield fd
    finally:
        fs.close(fd)


def put(fs: FileSystem, path: str, data: bytes = b"", mode: int = 0o644) -> None:
    """Make a file that was not there, with contents."""
    with opened(fs, path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode) as fd:
        while data:
            data = data[fs.write(fd, data) :]


def get(fs: FileSystem, path: str) -> bytes:
    """All that is in a file."""
    parts = []
    with opened(fs, path, os.O_RDONLY) as fd:
        while part := fs.read(fd, 1 << 20):
            parts.append(part)
    return b"".join(parts)


def exists(fs: FileSystem, path: str) -> bool:
    """Whether the name is there, whatever it leads to."""
    try:
        fs.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


_TIMES = {"a": "atime", "m": "mtime", "c": "ctime"}


def _compare(path: str, which: str, before: Status, after: Status) -> None:
    for letter, name in _TIMES.items():
        old, new = getattr(before, name), getattr(after, name)
        if letter in which:
            assert new > old, f"{path}: {name} did not advance: {old} -> {new}"
        elif letter != "a":
            assert new == old, f"{path}: {name} changed: {old} -> {new}"


@contextmanager
def stamps(fs: FileSystem, **paths: str) -> Iterator[None]:
    """The body advances just these times: stamps(fs, name="mc", other="").

    A path with a "/" or a "." is given as "__": stamps(fs, a__b="c") watches
    a/b, and `_` is ".".  Access times count only where "a" is asked for, since
    not every file system keeps them.
    """
    names = {key.replace("__", "/") if key != "_" else ".": key for key in paths}
    before = {path: fs.lstat(path) for path in names}
    fs.pause()
    yield
    for path, key in names.items():
        _compare(path, paths[key], before[path], fs.lstat(path))


@contextmanager
def leaves(fs: FileSystem, *paths: str) -> Iterator[None]:
    """The body changes neither modification nor change times of these."""
    before = {path: fs.lstat(path) for path in paths}
    fs.pause()
    yield
    for path in paths:
        _compare(path, "", before[path], fs.lstat(path))


def tree_is(fs: FileSystem, path: str, *names: str) -> None:
    """The directory holds exactly these names."""
    found = sorted(fs.listdir(path))
    assert found == sorted(names), f"{path} holds {found}, not {sorted(names)}"
