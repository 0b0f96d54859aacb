#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The loops of fsloops.c on a kernel's FFS and on the host's file systems.

    kernel_loops.py [--quick] [--driver MODULE] [--log] [--image IMAGE]
                    [--peer DIRECTORY ...]

Every figure is CPU time of this process, so that a waiting disk does not
count.  The last columns compare with NetBSD's rump kernel on FFSv2, whose
figures (REFERENCE below) were measured on another machine together with that
machine's tmpfs: what is compared is each kernel's figure divided by the tmpfs
beside it.  Above 1.00 means that rumpy is faster.  --driver takes a path of an
ffs.kmod, or "netbsd:ffs" as rumpy.store finds it; --log mounts with its journal
and compares with the rump kernel's figures for that.

Needs makefs, unless an empty image of at least 1 GiB is given, and a C
compiler.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cffi

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

CDEF = """
struct target {
    int (*door)(void *, uint64_t, int, const int64_t *, int64_t *);
    void *kernel;
    uint64_t proc;
};
double loop_getppid(const struct target *, long);
double loop_badclose(const struct target *, long);
double loop_stat(const struct target *, const char *, long);
double loop_enoent(const struct target *, const char *, long);
double loop_open(const struct target *, const char *, long);
double loop_fstat(const struct target *, int, long);
double loop_pread(const struct target *, int, size_t, long);
double loop_random(const struct target *, int, size_t, int64_t, long);
double loop_create_unlink(const struct target *, const char *, long);
double loop_create(const struct target *, const char *, size_t, long);
double loop_open_read(const struct target *, const char *, size_t, long);
double loop_stat_each(const struct target *, const char *, long);
double loop_unlink(const struct target *, const char *, long);
double loop_rename(const struct target *, const char *, const char *, long);
double loop_mkdir(const struct target *, const char *, long);
double loop_rmdir(const struct target *, const char *, long);
double loop_write(const struct target *, int, size_t, int64_t);
double loop_read(const struct target *, int, size_t, int64_t);
double loop_fsync(const struct target *, int, long);
double loop_sync(const struct target *, long);
double loop_readdir(const struct target *, const char *, long);
int64_t plain_open(const struct target *, const char *, int);
int64_t plain_open_direct(const struct target *, const char *);
int64_t plain_close(const struct target *, int);
int64_t plain_mkdir(const struct target *, const char *);
"""

# Microseconds for one operation: rump kernel (FFSv2, default mount) and host
# tmpfs, both on one machine: medians of five.
REFERENCE: dict[str, tuple[float, float]] = {
    "getppid": (0.023, 0.0445),
    "close(-1)": (0.0301, 0.053),
    "stat": (0.938, 0.163),
    "stat, 5 components": (1.65, 0.202),
    "stat, ENOENT": (0.682, 0.375),
    "open+close": (1.13, 0.317),
    "fstat": (0.126, 0.0963),
    "pread 6 B": (0.261, 0.0935),
    "create+unlink": (1e6 / 59455, 1e6 / 593223),
    "create 1 KiB, of 10k": (1e6 / 40434, 1e6 / 404899),
    "unlink, of 10k": (1e6 / 83228, 1e6 / 613706),
    "rename": (1e6 / 63024, 1e6 / 1110631),
    "mkdir": (1e6 / 41858, 1e6 / 864854),
    "rmdir": (1e6 / 58024, 1e6 / 984432),
    "write 64 KiB, new": (65536 / 1161, 65536 / 5538),
    "write 1 MiB, new": ((1 << 20) / 2799, (1 << 20) / 6634),
    "overwrite 64 KiB": (65536 / 3200, 65536 / 8127),
    "overwrite 1 MiB": ((1 << 20) / 3418, (1 << 20) / 8208),
    "read 64 KiB, warm": (65536 / 5349, 65536 / 9425),
    "read 1 MiB, warm": ((1 << 20) / 8039, (1 << 20) / 9840),
    "pread 4 KiB, random": (1.26, 0.532),
    "pread 512 B, random": (0.908, 0.346),
    "readdir 10,002": (177.0, 617.0),
    "stat each of 10k": (3.38, 0.513),
}


# The same with "-o log".
REFERENCE_LOG: dict[str, tuple[float, float]] = {
    row: (micros, REFERENCE[row][1])
    for row, micros in {
        "getppid": 0.0227,
        "close(-1)": 0.0301,
        "stat": 0.921,
        "stat, 5 components": 1.66,
        "stat, ENOENT": 0.679,
        "open+close": 1.11,
        "fstat": 0.125,
        "pread 6 B": 0.260,
        "create+unlink": 1e6 / 167388,
        "create 1 KiB, of 10k": 1e6 / 66327,
        "unlink, of 10k": 1e6 / 205988,
        "rename": 1e6 / 214899,
        "mkdir": 1e6 / 87037,
        "rmdir": 1e6 / 75435,
        "write 64 KiB, new": 65536 / 1218,
        "write 1 MiB, new": (1 << 20) / 2665,
        "overwrite 64 KiB": 65536 / 1945,
        "overwrite 1 MiB": (1 << 20) / 3332,
        "read 64 KiB, warm": 65536 / 7101,
        "read 1 MiB, warm": (1 << 20) / 8076,
        "pread 4 KiB, random": 1.01,
        "pread 512 B, random": 0.778,
        "readdir 10,002": 155.0,
        "stat each of 10k": 3.70,
    }.items()
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much each loop does."""

    calls: int
    files: int
    bytes: int


class Loops:
    """The loops, for one target and one directory of it."""

    def __init__(self, library: Any, ffi: Any, target: Any, top: str) -> None:
        self.lib, self.ffi, self.target = library, ffi, target
        self.top = top.encode()
        self.opened: list[int] = []

    def check(self, result: float) -> float:
        if result < 0:
            raise OSError(-int(result), os.strerror(-int(result)))
        return result

    def each(self, loop: Callable[..., float], *args: Any, per: int) -> float:
        """Microseconds for one of ``per`` operations."""
        return self.check(loop(self.target, *args)) / per * 1e6

    def path(self, name: str) -> bytes:
        return self.top + b"/" + name.encode()

    def open(self, name: str, *, writable: bool = False) -> int:
        fd = self.check(self.lib.plain_open(self.target, self.path(name), writable))
        self.opened.append(int(fd))
        return int(fd)

    def close(self) -> None:
        """Close what the rows have opened."""
        while self.opened:
            self.check(self.lib.plain_close(self.target, self.opened.pop()))

    def mkdir(self, name: str) -> bytes:
        self.check(self.lib.plain_mkdir(self.target, self.path(name)))
        return self.path(name)

    def run(self, sizes: Sizes) -> Iterator[tuple[str, float]]:
        """Name and microseconds of each row, in an order that builds on itself."""
        lib, n, few = self.lib, sizes.calls, sizes.calls // 20
        for name in ("a", "a/b", "a/b/c", "a/b/c/d"):
            self.mkdir(name)
        fd = self.open("x", writable=True)
        deep = self.path("a/b/c/d/e")
        self.open("a/b/c/d/e", writable=True)
        x = self.path("x")
        self.check(lib.loop_write(self.target, fd, 512, 512))
        yield "getppid", self.each(lib.loop_getppid, n, per=n)
        yield "close(-1)", self.each(lib.loop_badclose, n, per=n)
        yield "stat", self.each(lib.loop_stat, x, n, per=n)
        yield "stat, 5 components", self.each(lib.loop_stat, deep, n, per=n)
        yield "stat, ENOENT", self.each(lib.loop_enoent, self.path("no"), n, per=n)
        yield "open+close", self.each(lib.loop_open, x, n, per=n)
        yield "fstat", self.each(lib.loop_fstat, fd, n, per=n)
        yield "pread 6 B", self.each(lib.loop_pread, fd, 6, n, per=n)
        yield (
            "create+unlink",
            self.each(lib.loop_create_unlink, self.path("cu"), few, per=few),
        )
        yield "rename", self.each(lib.loop_rename, x, self.path("y"), few, per=few)
        many = self.mkdir("many")
        yield (
            "create 1 KiB, of 10k",
            self.each(lib.loop_create, many, 1024, sizes.files, per=sizes.files),
        )
        self.check(lib.loop_sync(self.target, 1))
        yield "readdir 10,002", self.each(lib.loop_readdir, many, 20, per=20)
        yield (
            "stat each of 10k",
            self.each(lib.loop_stat_each, many, sizes.files, per=sizes.files),
        )
        yield (
            "unlink, of 10k",
            self.each(lib.loop_unlink, many, sizes.files, per=sizes.files),
        )
        dirs = self.mkdir("dirs")
        count = min(sizes.files, 2000)
        yield "mkdir", self.each(lib.loop_mkdir, dirs, count, per=count)
        yield "rmdir", self.each(lib.loop_rmdir, dirs, count, per=count)
        yield from self.data(sizes)

    def data(self, sizes: Sizes) -> Iterator[tuple[str, float]]:
        """The rows that move file data."""
        lib, total = self.lib, sizes.bytes
        small, large = 65536, 1 << 20
        for size, word in ((small, "64 KiB"), (large, "1 MiB")):
            fd = self.open(f"data{size}", writable=True)
            per = total // size
            yield (
                f"write {word}, new",
                self.each(lib.loop_write, fd, size, total, per=per),
            )
            self.check(lib.loop_fsync(self.target, fd, 1))
        for size, word in ((small, "64 KiB"), (large, "1 MiB")):
            per = total // size
            yield (
                f"overwrite {word}",
                self.each(lib.loop_write, fd, size, total, per=per),
            )
        for size, word in ((small, "64 KiB"), (large, "1 MiB")):
            self.check(lib.loop_read(self.target, fd, size, total))
            per = total // size
            yield (
                f"read {word}, warm",
                self.each(lib.loop_read, fd, size, total, per=per),
            )
        n = sizes.calls // 4
        for size, word in ((4096, "4 KiB"), (512, "512 B")):
            yield (
                f"pread {word}, random",
                self.each(lib.loop_random, fd, size, total, n, per=n),
            )
        self.close()


def build() -> Path:
    """Compile fsloops.c."""
    out = ROOT / "build" / "bench" / "fsloops.so"
    out.parent.mkdir(parents=True, exist_ok=True)
    source = HERE / "fsloops.c"
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(
            ["cc", "-O2", "-shared", "-fPIC", "-o", str(out), str(source)], check=True
        )
    return out


def empty_image(folder: Path) -> Path:
    """An FFSv2 image of 1 GiB, 16384/2048, with nothing in it."""
    image, tree = folder / "ffs.img", folder / "empty"
    tree.mkdir()
    options = "version=2,bsize=16384,fsize=2048,density=8192"
    subprocess.run(
        ["makefs", "-t", "ffs", "-B", "le", "-s", "1g", "-o", options, image, tree],
        check=True,
        capture_output=True,
    )
    return image


def kernel_rows(
    library: Any,
    ffi: Any,
    image: Path,
    sizes: Sizes,
    driver: str = "ffs",
    *options: str,
) -> dict[str, float]:
    """The rows of a kernel, by default with the shipped ffs."""
    import rumpy

    with rumpy.Kernel(memory=512 << 20) as k:
        k.load(driver)
        with k.mount("ffs", str(image), "/m", *options):
            target = door_target(ffi, k)
            return dict(Loops(library, ffi, target, "/m").run(sizes))


def door_target(ffi: Any, k: Any) -> Any:
    """The struct target that runs loops through a kernel's door."""
    from rumpy._hyp import ffi as hyp_ffi
    from rumpy._hyp import lib as hyp

    door = hyp_ffi.cast("uintptr_t", hyp_ffi.addressof(hyp, "hyp_syscall"))
    target = ffi.new("struct target *")
    target.door = ffi.cast(
        "int (*)(void *, uint64_t, int, const int64_t *, int64_t *)", int(door)
    )
    target.kernel = ffi.cast("void *", int(hyp_ffi.cast("uintptr_t", k._k)))
    target.proc = k._p
    return target


def host_rows(library: Any, ffi: Any, folder: str, sizes: Sizes) -> dict[str, float]:
    """The rows of a host directory."""
    with tempfile.TemporaryDirectory(dir=folder) as top:
        return dict(Loops(library, ffi, ffi.new("struct target *"), top).run(sizes))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--driver", default="ffs")
    parser.add_argument("--log", action="store_true")
    parser.add_argument("--image", type=Path)
    parser.add_argument("--peer", action="append", default=[])
    options = parser.parse_args()
    sizes = (
        Sizes(20_000, 1_000, 32 << 20)
        if options.quick
        else Sizes(400_000, 10_000, 256 << 20)
    )
    ffi = cffi.FFI()
    ffi.cdef(CDEF)
    library = ffi.dlopen(str(build()))
    tmpfs = "/dev/shm"
    columns: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(dir=tmpfs) as scratch:
        image = options.image or empty_image(Path(scratch))
        log = ["log"] if options.log else []
        columns["rumpy"] = kernel_rows(library, ffi, image, sizes, options.driver, *log)
    for folder in [tmpfs, *options.peer]:
        columns[folder] = host_rows(library, ffi, folder, sizes)
    show(columns, tmpfs, REFERENCE_LOG if options.log else REFERENCE)


def show(
    columns: dict[str, dict[str, float]],
    tmpfs: str,
    references: dict[str, tuple[float, float]],
) -> None:
    """Print microseconds for each column, then the ratio to the rump kernel."""
    names = list(columns)
    print(f"{'us an operation':24}", *(f"{name:>12}" for name in names), "  rump/rumpy")
    for row in columns["rumpy"]:
        rump, reference = references[row]
        ours, beside = columns["rumpy"][row], columns[tmpfs][row]
        ratio = (rump / reference) / (ours / beside)
        cells = (f"{columns[name][row]:12.3f}" for name in names)
        print(f"{row:24}", *cells, f"{rump / ours:6.2f} {ratio:6.2f}")
    print("(rump/rumpy: of the plain figures, and of each divided by its tmpfs)")


if __name__ == "__main__":
    main()
