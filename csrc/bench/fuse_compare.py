#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mounted file systems side by side: loads of fuse_load on each, as ratios.

Tables: operations (or MiB) a second; the server's CPU time for one of them in
microseconds, which other work on the machine disturbs less; and, with rumpy
and kernel, what the export adds: the server's time less what the kernel needs
for the same by itself, as a ratio to all that the first column needs.

    fuse_compare.py [--rounds N] [--files N] [--mib N] [--pin CPU] [NAME ...]

Names: rumpy (an FFS image behind the native server), fusepy (the same through
fusepy), kernel (the same calls on such an image through a kernel's door, with
no mount), toy (our server over a tree in memory), libfuse (the same tree
behind libfuse3: the measure), libfuse-x (the same with extended attributes,
about which Linux asks once more for each new file, as it asks rumpy), ext4 (on
a loop device), tmpfs.  All are mounted at once and take turns at each load, in
changing order; the best of each row counts, since other work on the machine
only ever makes a row worse.

What a request costs a server depends more than on anything else on whether the
scheduler leaves it on its client's CPU (12 us for the five requests of a small
file, measured for libfuse) or wakes it on another (41 us).  So the last two
tables are best read with --pin, which keeps servers and loads on one CPU;
rates of reading, where a client and its server work side by side, without.
Needs root, makefs, and `make -C csrc/bench`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "bench"
sys.path.insert(0, str(ROOT))


def run(*words: str | Path) -> None:
    """Run a command; its output only if it fails."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{words[0]}: {done.stderr.strip()}")


def mounted(where: Path) -> bool:
    """Whether something is mounted there."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return any(line.split(" ")[4] == str(where) for line in table)


@contextlib.contextmanager
def toy(where: Path, *command: str | Path) -> Iterator[int]:
    """A toy server in the foreground."""
    process = subprocess.Popen([str(word) for word in (*command, where)])
    while not mounted(where):
        time.sleep(0.01)
    try:
        yield process.pid
    finally:
        run("umount", where)
        process.wait()


def ffs_image(work: Path, mib: int) -> Path:
    """An empty FFS image, with room for the loads."""
    path = work / "ffs.img"
    if not path.exists():
        empty = work / "empty"
        empty.mkdir()
        size = f"{2 * mib + 256}m"
        shape = "version=2,bsize=32768,fsize=4096,density=8192"
        run("makefs", "-t", "ffs", "-B", "le", "-s", size, "-o", shape, path, empty)
    return path


@contextlib.contextmanager
def image(where: Path, work: Path, options: str, mib: int) -> Iterator[int]:
    """An FFS image behind rumpy."""
    from rumpy.fuse import mount, umount

    pid = mount(None, ffs_image(work, mib), where, options).pid
    try:
        yield pid
    finally:
        umount(where)


@contextlib.contextmanager
def ext4(where: Path, work: Path, mib: int) -> Iterator[int]:
    """ext4 on a loop device."""
    path = work / "ext4.img"
    if not path.exists():
        with open(path, "wb") as file:
            file.truncate((2 * mib + 256) << 20)
        run("mkfs.ext4", "-q", path)
    run("mount", "-o", "loop", path, where)
    try:
        yield 0
    finally:
        run("umount", where)


@contextlib.contextmanager
def tmpfs(where: Path) -> Iterator[int]:
    """Linux's own file system in memory."""
    run("mount", "-t", "tmpfs", "tmpfs", where)
    try:
        yield 0
    finally:
        run("umount", where)


def peers(
    where: Path, work: Path, mib: int
) -> dict[str, Callable[[], contextlib.AbstractContextManager[int]]]:
    """Everything that can be measured."""
    return {
        "libfuse": lambda: toy(where, TOOLS / "toy_libfuse", "-s", "-f"),
        "libfuse-x": lambda: toy(where, TOOLS / "toy_libfuse", "-x", "-s", "-f"),
        "toy": lambda: toy(where, TOOLS / "toy_native"),
        "rumpy": lambda: image(where, work, "", mib),
        "fusepy": lambda: image(where, work, "server=fusepy", mib),
        "ext4": lambda: ext4(where, work, mib),
        "tmpfs": lambda: tmpfs(where),
    }


#: Loads in their order; the first two make what the others use.
LOADS = (
    "small", "big", "list", "open", "sequential", "direct", "random", "create",
    "write4k",
)  # fmt: skip

#: Programs that people run, in files a second; each uses what the first leaves.
PROGRAMS = {
    "untar": ("tar", "-xf", "{tar}"),
    "find": ("find", "tree", "-type", "f", "-newer", "/", "-size", "+64k"),
    "git": ("git", "-C", "tree", "status", "--porcelain"),
}
_GIT = ("git", "-C", "tree", "-c", "user.name=n", "-c", "user.email=e")

#: Rows by load: a rate, and microseconds of the server.
Rows = dict[str, tuple[float, float]]


def cpu_us(pid: int) -> float:
    """CPU time of all threads of a process, microseconds."""
    total = 0
    if pid:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1000


def forget() -> None:
    """Empty Linux's caches, so that it asks the servers."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def pin(pid: int, cpu: int | None) -> None:
    """Keep all threads of a process (0: this one) on a CPU."""
    if cpu is not None:
        for task in Path(f"/proc/{pid or 'self'}/task").iterdir():
            os.sched_setaffinity(int(task.name), {cpu})


def load(where: Path, name: str, files: int, mib: int, pid: int) -> Rows:
    """Run one load."""
    words = [str(TOOLS / "fuse_load"), str(where), name, str(files), str(mib)]
    before = cpu_us(pid)
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    _, rate, amount = done.stdout.split()
    return {name: (float(rate), (cpu_us(pid) - before) / float(amount))}


def archive(work: Path, files: int) -> Path:
    """A tar archive of sources, as it were: FILES files of 1 to 16 KiB."""
    path = work / "tree.tar"
    if path.exists():
        return path
    with tarfile.open(path, "w") as tar:
        for i in range(files):
            if i % 50 == 0:
                folder = tarfile.TarInfo(f"tree/d{i // 1000}/d{i // 50}")
                folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(folder)
            entry = tarfile.TarInfo(f"tree/d{i // 1000}/d{i // 50}/f{i}")
            entry.size = 1024 << i % 5
            tar.addfile(entry, io.BytesIO(f"{i}\n".encode().ljust(entry.size, b".")))
    return path


def programs(where: Path, work: Path, files: int, pid: int) -> Rows:
    """Run the programs, each on empty caches."""
    tar = str(archive(work, files))
    rows: Rows = {}
    for name, words in PROGRAMS.items():
        if name == "git":
            for more in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all")):
                subprocess.run([*_GIT, *more], cwd=where, check=True)
        forget()
        before, start = cpu_us(pid), time.monotonic()
        subprocess.run(
            [word.format(tar=tar) for word in words],
            cwd=where, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        took = time.monotonic() - start
        rows[name] = (files / took, (cpu_us(pid) - before) / files)
    return rows


def kernel_rows(work: Path, files: int, mib: int) -> Rows:
    """What a kernel with a mount's limits needs by itself, through its door."""
    import cffi
    import kernel_loops

    import rumpy

    ffi = cffi.FFI()
    ffi.cdef(kernel_loops.CDEF)
    lib: Any = ffi.dlopen(str(kernel_loops.build()))
    total = mib << 20
    us: dict[str, float] = {}
    with rumpy.Kernel() as k, k.mount("ffs", str(ffs_image(work, mib)), "/m"):
        target = kernel_loops.door_target(ffi, k)
        loops = kernel_loops.Loops(lib, ffi, target, "/m")
        small = loops.mkdir("small")
        us["small"] = loops.each(lib.loop_create, small, 1024, files, per=files)
        big = loops.open("big", writable=True)
        us["big"] = loops.each(lib.loop_write, big, 1 << 20, total, per=mib)
        us["list"] = loops.each(lib.loop_readdir, small, 1, per=files)
        us["list"] += loops.each(lib.loop_stat_each, small, files, per=files)
        us["open"] = loops.each(lib.loop_open_read, small, 1024, files, per=files)
        path = loops.path("big")
        direct = int(loops.check(lib.plain_open_direct(target, path)))
        loops.opened.append(direct)
        us["sequential"] = loops.each(lib.loop_read, direct, 1 << 17, total, per=mib)
        us["direct"] = loops.each(lib.loop_read, direct, 1 << 20, total, per=mib)
        us["random"] = loops.each(
            lib.loop_random, direct, 4096, total, 50_000, per=50_000
        )
        scratch = loops.path("scratch")
        us["create"] = loops.each(lib.loop_create_unlink, scratch, files, per=files)
        new = loops.open("new", writable=True)
        us["write4k"] = loops.each(lib.loop_write, new, 4096, total, per=mib)
        loops.close()
    return {row: (1e6 / value, value) for row, value in us.items()}


def measure(
    names: list[str], work: Path, files: int, mib: int, cpu: int | None
) -> Iterator[tuple[str, Rows]]:
    """All loads once, on fresh file systems."""
    live: dict[str, tuple[Path, Path, int]] = {}
    with contextlib.ExitStack() as stack:
        for name in names:
            folder = work / name
            where = folder / "mnt"
            where.mkdir(parents=True, exist_ok=True)
            for old in folder.glob("*.img"):
                old.unlink()
            for old in folder.glob("empty"):
                old.rmdir()
            if name == "kernel":
                yield name, kernel_rows(folder, files, mib)
                continue
            pid = stack.enter_context(peers(where, folder, mib)[name]())
            if pid:
                pin(pid, cpu)
            live[name] = where, folder, pid
        for part in LOADS:
            forget()
            for name in random.sample(list(live), len(live)):
                where, _, pid = live[name]
                yield name, load(where, part, files, mib, pid)
        for name, (where, folder, pid) in live.items():
            yield name, programs(where, folder, files, pid)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--mib", type=int, default=128)
    parser.add_argument("--pin", type=int, metavar="CPU")
    parser.add_argument("names", nargs="*", default=["libfuse", "toy", "rumpy"])
    arguments = parser.parse_args()
    best: dict[str, Rows] = {name: {} for name in arguments.names}
    pin(0, arguments.pin)
    folder = os.environ.get("TMPDIR", "/dev/shm")
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for _ in range(arguments.rounds):
            for peer, rows in measure(
                arguments.names, Path(name), arguments.files, arguments.mib,
                arguments.pin,
            ):  # fmt: skip
                for row, (rate, cpu) in rows.items():
                    old = best[peer].get(row, (rate, cpu))
                    best[peer][row] = (max(rate, old[0]), min(cpu, old[1]))
    report("a second", best, 0)
    report("server us", best, 1)
    if "rumpy" in best and "kernel" in best:
        report_overhead(best)


def report(title: str, best: dict[str, Rows], column: int) -> None:
    """A table: values, and ratios to the first column."""
    names = list(best)
    print(f"{title:12}" + "".join(f"{name:>18}" for name in names))
    for row in (*LOADS, *PROGRAMS):
        base = best[names[0]].get(row, (1.0, 1.0))[column] or 1
        cells = (
            f"{best[name][row][column]:11.1f} {best[name][row][column] / base:5.2f}x"
            if row in best[name]
            else " " * 18
            for name in names
        )
        print(f"{row:12}" + " ".join(cells))


def report_overhead(best: dict[str, Rows]) -> None:
    """What the export adds, beside all that the first peer needs."""
    first = next(iter(best))
    print(f"{'overhead us':12}{'rumpy-kernel':>18}   of {first}'s total")
    for row in LOADS:
        added = best["rumpy"][row][1] - best["kernel"][row][1]
        print(f"{row:12}{added:18.1f}{added / (best[first][row][1] or 1):8.2f}x")


if __name__ == "__main__":
    main()
