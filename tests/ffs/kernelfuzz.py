# SPDX-License-Identifier: BSD-2-Clause
"""Damaged images for the FFS driver in a booted kernel, as users have it.

    tools/fuzz --kernel [--seconds N] [--seed N] [--count N]

The damage is that of fuzz.py's program; what is different is all around the
driver: the page cache, the name cache, threads, the syncer, the journal's
writes.  Each image gets a kernel of its own.  A number says which base, what
damage, which options; a panic, a hang or a write to a read-only image is told
with the number.
"""

from __future__ import annotations

import ctypes
import errno
import os
import random
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import rumpy
from rumpy.block import MemoryDevice

ROOT = Path(__file__).resolve().parent.parent.parent
_T = TypeVar("_T")

#: Images that one child process looks at.
BATCH = 40
#: Seconds for one image.
PATIENCE = 300
#: Names and bytes that are looked at in one image.
NAMES, BYTES = 1500, 32 << 20

_Note = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_size_t)


def build(folder: Path) -> Path:
    """Compile the fuzzer's damage as a library."""
    out = folder / "mutate.so"
    here = Path(__file__).resolve().parent / "host"
    command = ["cc", "-std=gnu11", "-O2", "-shared", "-fPIC"]
    command += [f"-I{ROOT}/csrc/include", str(here / "mutate.c")]
    command += [str(ROOT / "modules/ffs/ffs_super.c"), "-o", str(out)]
    subprocess.run(command, check=True)
    return out


class Mutator:
    """The fuzzer's damage (host/mutate.c)."""

    def __init__(self, library: Path) -> None:
        self._lib = ctypes.CDLL(str(library))
        self._lib.targets_find.restype = ctypes.c_void_p
        self._lib.targets_find.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self._lib.mutate.restype = None
        self._lib.mutate.argtypes = [
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_uint64,
            _Note,
        ]
        self._known: dict[int, tuple[bytes, int]] = {}

    def damaged(self, base: bytes, number: int) -> bytearray:
        """A copy of an image with the damage of this number."""
        if id(base) not in self._known:
            found = self._lib.targets_find(base, len(base))
            assert found, "no file system"
            self._known[id(base)] = base, found
        data = bytearray(base)
        raw = (ctypes.c_char * len(data)).from_buffer(data)
        self._lib.mutate(self._known[id(base)][1], raw, number, _Note(lambda *_: None))
        del raw
        return data


class Visitor:
    """Looks at everything, and changes some of it, whatever the errors."""

    def __init__(self, k: rumpy.Kernel, rng: random.Random) -> None:
        self.k, self.rng = k, rng
        self.names, self.bytes = NAMES, BYTES
        self.errors: set[int] = set()
        self.paths: list[bytes] = [b"/mnt"]

    def try_(self, call: Callable[..., _T], *args: object) -> _T | None:
        """A call's result, or None where it said no."""
        try:
            return call(*args)
        except OSError as e:
            self.errors.add(e.errno or 0)
            return None

    def walk(self) -> None:
        """Names, attributes, contents."""
        todo = [b"/mnt"]
        while todo and self.names > 0:
            folder = todo.pop()
            for name in self.try_(self.names_of, folder) or ():
                self.names -= 1
                if self.names <= 0:
                    break
                path = folder + b"/" + name
                st = self.try_(self.k.lstat, path)
                if st is None:
                    continue
                self.paths.append(path)
                self.try_(self.k.listxattr, path)
                if stat.S_ISDIR(st.st_mode) and path.count(b"/") < 9:
                    todo.append(path)
                elif stat.S_ISLNK(st.st_mode):
                    self.try_(self.k.readlink, path)
                elif stat.S_ISREG(st.st_mode):
                    self.read(path, st.st_size)

    def names_of(self, folder: bytes) -> list[bytes]:
        """What is in a directory."""
        return [entry.name for entry in self.k.scandir(folder, stats=False)]

    def read(self, path: bytes, size: int) -> None:
        """The beginning and the end of a file."""
        fd = self.try_(self.k.open, path, os.O_RDONLY)
        if fd is None:
            return
        for off in (*range(0, min(size, 1 << 19), 65536), max(0, size - 65536)):
            if self.bytes > 0:
                data = self.try_(self.k.pread, fd, 65536, off)
                self.bytes -= len(data or b"")
        self.try_(self.k.close, fd)

    def change(self, times: int) -> None:
        """Random calls on what was found."""
        k, rng = self.k, self.rng
        for i in range(times):
            path = rng.choice(self.paths)
            new = path + b"/n%d" % i if rng.random() < 0.5 else path + b"~%d" % i
            match rng.randrange(12):
                case 0 | 1 | 2:
                    self.write(new, os.O_CREAT | os.O_RDWR)
                case 3:
                    self.write(path, os.O_RDWR)
                case 4:
                    self.try_(k.mkdir, new)
                case 5:
                    self.try_(k.rename, path, new)
                case 6:
                    self.try_(k.unlink, path)
                case 7:
                    self.try_(k.rmdir, path)
                case 8:
                    self.try_(k.truncate, path, rng.choice((0, 5, 70000)))
                case 9:
                    self.try_(k.link, path, new)
                case 10:
                    self.try_(k.setxattr, path, "user.f", bytes(rng.randrange(3000)))
                case 11:
                    self.try_(k.symlink, "t" * rng.randrange(1, 200), new)
            if rng.random() < 0.02:
                self.try_(k.sync)
            self.paths.append(new)

    def write(self, path: bytes, flags: int) -> None:
        """Some bytes somewhere in a file; often made durable."""
        fd = self.try_(self.k.open, path, flags, 0o644)
        if fd is None:
            return
        size = self.rng.choice((10, 5000, 70000))
        self.try_(self.k.pwrite, fd, b"w" * size, self.rng.choice((0, 4000, 1 << 22)))
        if self.rng.random() < 0.2:
            self.try_(self.k.fsync, fd)
        self.try_(self.k.close, fd)


def options(rng: random.Random) -> list[str]:
    """How to mount."""
    out = [rng.choice(("ro", "log", "log", "rw", "sync", "async"))]
    if rng.random() < 0.2:
        out.append(rng.choice(("posix1eacls", "nfsv4acls", "noatime")))
    return out


def one(data: bytearray, number: int) -> str:
    """Try one image; what happened, for curiosity."""
    rng = random.Random(number)
    with rumpy.Kernel() as k, MemoryDevice(bytes(data)) as disk:
        k.load("ffs")
        visitor = Visitor(k, rng)
        mount = None
        wanted = options(rng)
        for words in (wanted, [w for w in wanted if w != "log"], ["ro"]):
            try:
                mount = k.mount("ffs", disk, "/mnt", *words)
                break
            except OSError as e:
                if e.errno not in (errno.EOPNOTSUPP, errno.ENOSPC, errno.EROFS):
                    return f"refused {e.errno}"
        else:
            return "refused"
        visitor.walk()
        if "ro" not in words:
            visitor.change(rng.randrange(60))
        try:
            mount.unmount()
        except OSError:
            mount.unmount(force=True)
        if "ro" in words:
            assert disk.read(0, disk.size) == data, "a read-only image has changed"
        return " ".join(words)


def run(
    images: list[Path], library: Path, *, first: int, count: int, seconds: float
) -> Iterator[str]:
    """Run images by number in other processes; a line for each failure.

    Args:
        library: where build() put the damage.
        seconds: of CPU, after which no more processes are started.
    """
    number, end, failures = first, first + count, 0
    start = used()
    while number < end and used() - start < seconds:
        last = min(end, number + BATCH)
        command = [sys.executable, "-u", __file__, str(library), str(number)]
        command += [str(last), *map(str, images)]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                number = int(line.split()[0]) + 1
                if "RUMPY_FUZZ_TELL" in os.environ:
                    print(line, end="")
        if process.returncode != 0:
            failures += 1
            yield f"kernel {number} status {process.returncode}"
            number += 1
    yield f"{used() - start:.0f} seconds of CPU"
    yield f"{number - first} images, {failures} failures"


def used() -> float:
    """Seconds of CPU that child processes took so far."""
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken.ru_utime + taken.ru_stime


def main(library: str, first: str, end: str, *images: str) -> None:
    """Some images, in this process, which ends when one goes wrong."""
    mutator = Mutator(Path(library))
    bases = [Path(name).read_bytes() for name in images]
    for number in range(int(first), int(end)):
        signal.alarm(PATIENCE)
        said = one(mutator.damaged(bases[number % len(bases)], number), number)
        print(number, said)


if __name__ == "__main__":
    main(*sys.argv[1:])
