# SPDX-License-Identifier: BSD-2-Clause
"""What the images hold, what is done to a mounted file system, and comparing."""

from __future__ import annotations

import errno
import os
import random
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import rumpy

#: A link's target, a file's contents, or "" for a directory.
Contents = dict[str, str | bytes]


def make_source(where: Path) -> Path:
    """A directory of the host with what images are made of."""
    random_bytes = random.Random(1).randbytes
    (where / "dir" / "sub").mkdir(parents=True)
    (where / "dir" / "sub" / "deep.txt").write_text("deep")
    (where / "empty").write_bytes(b"")
    (where / "hello.txt").write_text("hello\n")
    (where / "mid.bin").write_bytes(random_bytes(20_000))
    (where / "big.bin").write_bytes(random_bytes(600_001))
    (where / "many").mkdir()
    for number in range(60):
        (where / "many" / f"f{number:03}.dat").write_bytes(b"%d" % number * number)
    return where


def nested(where: Path) -> dict[str, Any]:
    """The directory as tests.netbsd.images takes it."""
    return {
        path.name: nested(path) if path.is_dir() else path.read_bytes()
        for path in sorted(where.iterdir())
    }


def of_host(where: Path) -> Contents:
    """Everything below a directory of the host."""
    return {
        str(path.relative_to(where)): "" if path.is_dir() else path.read_bytes()
        for path in sorted(where.rglob("*"))
    }


def of_kernel(k: rumpy.Kernel, where: str) -> Contents:
    """Everything below a directory of the kernel."""
    found: Contents = {}
    for name in sorted(k.listdir(where)):
        path = f"{where}/{name}"
        mode = k.lstat(path).st_mode
        if stat.S_ISDIR(mode):
            found[name] = ""
            inner = of_kernel(k, path)
            found |= {f"{name}/{below}": what for below, what in inner.items()}
        elif stat.S_ISLNK(mode):
            found[name] = k.readlink(path)
        elif stat.S_ISREG(mode):
            found[name] = get(k, path)
    return found


def get(k: rumpy.Kernel, path: str) -> bytes:
    """A file's contents."""
    with k.fopen(path, "rb") as file:
        data: bytes = file.read()
    return data


def put(k: rumpy.Kernel, path: str, data: bytes) -> None:
    """A new file, or a new text for one."""
    with k.fopen(path, "wb") as file:
        file.write(data)


def fails(number: int, call: Any, *args: Any) -> None:
    """The call fails with that error of the host."""
    with pytest.raises(OSError) as info:
        call(*args)
    assert errno.errorcode[info.value.errno or 0] == errno.errorcode[number]


def write_large(k: rumpy.Kernel, path: str, size: int) -> None:
    """Written in pieces, changed in places, cut; read back all the time."""
    rng = random.Random(7)
    data = bytearray(rng.randbytes(size))
    fd = k.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    done = 0
    while done < size:
        done += k.write(fd, bytes(data[done : done + rng.randrange(1, 70_000)]))
    for _ in range(20):
        offset, piece = rng.randrange(size), rng.randbytes(rng.randrange(1, 9000))
        piece = piece[: size - offset]
        k.pwrite(fd, piece, offset)
        data[offset : offset + len(piece)] = piece
        assert k.pread(fd, 5000, offset) == bytes(data[offset : offset + 5000])
    k.fsync(fd)
    k.ftruncate(fd, size // 2 + 77)
    assert k.fstat(fd).st_size == size // 2 + 77
    k.close(fd)
    assert get(k, path) == bytes(data[: size // 2 + 77])


def change_files(k: rumpy.Kernel, where: str, count: int, size: int) -> None:
    """What every file system that is written to can do, in one directory."""
    put(k, f"{where}/new", b"x" * 10)
    fails(errno.EEXIST, k.open, f"{where}/new", os.O_CREAT | os.O_EXCL)
    fails(errno.ENOENT, k.open, f"{where}/none", os.O_RDONLY)
    write_large(k, f"{where}/large", size)
    for number in range(count):
        put(k, f"{where}/n{number}", b"n%d" % number)
    for number in range(0, count, 2):
        k.unlink(f"{where}/n{number}")
    left = {name for name in k.listdir(where) if name[0] == "n" and name[1:].isdigit()}
    assert left == {f"n{number}" for number in range(1, count, 2)}
    put(k, f"{where}/a", b"a")
    put(k, f"{where}/b", b"bb")
    k.rename(f"{where}/a", f"{where}/b")
    assert get(k, f"{where}/b") == b"a"
    fails(errno.ENOENT, k.rename, f"{where}/a", f"{where}/c")
    fd = k.open(f"{where}/b", os.O_RDWR)
    k.unlink(f"{where}/b")
    assert k.pread(fd, 10, 0) == b"a"
    k.close(fd)


def change_directories(k: rumpy.Kernel, where: str) -> None:
    """Made, moved and removed."""
    k.makedirs(f"{where}/d1/d2/d3")
    put(k, f"{where}/d1/d2/d3/leaf", b"leaf")
    fails(errno.ENOTDIR, k.open, f"{where}/d1/d2/d3/leaf/x", os.O_RDONLY)
    fails(errno.ENOTEMPTY, k.rmdir, f"{where}/d1")
    fails(errno.EISDIR, k.open, f"{where}/d1", os.O_WRONLY)
    k.mkdir(f"{where}/e1")
    k.rename(f"{where}/d1/d2", f"{where}/e1/d2")
    assert k.listdir(f"{where}/d1") == []
    k.rename(f"{where}/d1", f"{where}/d9")
    k.rmdir(f"{where}/d9")
    assert get(k, f"{where}/e1/d2/d3/leaf") == b"leaf"
    assert k.stat(f"{where}/e1/d2/..").st_ino == k.stat(f"{where}/e1").st_ino
