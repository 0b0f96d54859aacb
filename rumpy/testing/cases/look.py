# SPDX-License-Identifier: BSD-2-Clause
"""What holds of every tree, whatever is in it: nothing is changed."""

from __future__ import annotations

import errno
import os
import stat

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, get, opened

_MOST = 2000


def _walk(fs: FileSystem) -> list[str]:
    """Up to _MOST paths of the tree, directories before what is in them."""
    found = ["."]
    for path in found:
        if len(found) >= _MOST:
            break
        if stat.S_ISDIR(fs.lstat(path).mode):
            prefix = "" if path == "." else f"{path}/"
            found += [prefix + name for name in sorted(fs.listdir(path))]
    return found[:_MOST]


def _files(fs: FileSystem) -> list[str]:
    return [path for path in _walk(fs) if stat.S_ISREG(fs.lstat(path).mode)]


@case(changes=False)
def names_are_names(fs: FileSystem) -> None:
    "Listed names are distinct, not . nor .., hold no slash, and are there."
    for path in _walk(fs):
        found = fs.lstat(path)
        assert found.nlink >= 1, path
        assert stat.S_IFMT(found.mode) != 0, path
        if not stat.S_ISDIR(found.mode):
            continue
        names = fs.listdir(path)
        assert len(names) == len(set(names)), path
        for name in names:
            assert name not in ("", ".", "..") and "/" not in name


@case(changes=False)
def dots_lead_home(fs: FileSystem) -> None:
    "DIR/. is the directory, and DIR/NAME/.. is it again."
    for path in _walk(fs):
        found = fs.lstat(path)
        if not stat.S_ISDIR(found.mode):
            continue
        assert fs.stat(f"{path}/.").ino == found.ino, path
        for name in fs.listdir(path)[:50]:
            child = f"{path}/{name}"
            if stat.S_ISDIR(fs.lstat(child).mode):
                assert fs.stat(f"{child}/..").ino == found.ino, child


@case(changes=False)
def contents_have_the_size(fs: FileSystem) -> None:
    "A file has as many bytes as stat(2) says, and pieces agree with the whole."
    for path in _files(fs)[:300]:
        size = fs.stat(path).size
        if size > 1 << 24:
            continue
        data = get(fs, path)
        assert len(data) == size, path
        with opened(fs, path, os.O_RDONLY) as fd:
            for offset in (0, 1, 511, 4095, size // 2, max(size - 1, 0), size):
                piece = fs.pread(fd, 5000, offset)
                assert piece == data[offset : offset + 5000], (path, offset)


@case(changes=False)
def seeking_ends_at_the_size(fs: FileSystem) -> None:
    "SEEK_END is the size, and reading goes on from where it was left."
    for path in _files(fs)[:100]:
        with opened(fs, path, os.O_RDONLY) as fd:
            size = fs.fstat(fd).size
            assert fs.lseek(fd, 0, os.SEEK_END) == size
            assert fs.read(fd, 10) == b""
            fs.lseek(fd, 0, os.SEEK_SET)
            first = fs.read(fd, 100)
            assert fs.lseek(fd, 0, os.SEEK_CUR) == len(first) == min(size, 100)


@case(changes=False)
def links_have_their_text(fs: FileSystem) -> None:
    "A symbolic link's text is as long as its size says."
    for path in _walk(fs):
        found = fs.lstat(path)
        if stat.S_ISLNK(found.mode):
            assert len(os.fsencode(fs.readlink(path))) == found.size, path
        else:
            with fails(errno.EINVAL):
                fs.readlink(path)


@case(changes=False)
def stat_agrees_with_itself(fs: FileSystem) -> None:
    "By name and by descriptor, now and again, the attributes are the same."
    for path in _files(fs)[:300]:
        first = fs.lstat(path)
        with opened(fs, path, os.O_RDONLY) as fd:
            second = fs.fstat(fd)
        third = fs.stat(path)
        for name in ("mode", "ino", "nlink", "uid", "gid", "size", "mtime"):
            values = {getattr(one, name) for one in (first, second, third)}
            assert len(values) == 1, (path, name, values)


@case(changes=False)
def absent_names(fs: FileSystem) -> None:
    "What is not there is ENOENT; behind a file it is ENOTDIR."
    with fails(errno.ENOENT):
        fs.stat("no such name here")
    with fails(errno.ENOENT):
        fs.stat("no such name here/deeper")
    for path in _files(fs)[:20]:
        with fails(errno.ENOTDIR):
            fs.stat(f"{path}/x")


@case(changes=False)
def room_adds_up(fs: FileSystem) -> None:
    "What is free is not more than there is."
    volume = fs.volume()
    assert 0 <= volume.free <= volume.size
    assert volume.available <= volume.free
    assert volume.files_free <= volume.files or volume.files == 0
    assert 8 <= volume.name_max <= 1023


@case(changes=False)
def readonly_means_it(fs: FileSystem) -> None:
    "Where nothing can be written, every call that would is EROFS."
    if "write" in fs.capabilities:
        return
    with fails(errno.EROFS):
        fs.open("new name", os.O_CREAT | os.O_WRONLY)
    with fails(errno.EROFS):
        fs.mkdir("new name")
    with fails(errno.EROFS, errno.EPERM):
        fs.symlink("x", "new name")
    for path in _files(fs)[:5]:
        with fails(errno.EROFS):
            fs.open(path, os.O_WRONLY)
        with fails(errno.EROFS):
            fs.truncate(path, 0)
        with fails(errno.EROFS):
            fs.unlink(path)
        with fails(errno.EROFS):
            fs.rename(path, "new name")
        with fails(errno.EROFS):
            fs.chmod(path, 0o600)
        with fails(errno.EROFS):
            fs.utimens(path, 0, 0)
