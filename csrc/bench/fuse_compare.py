#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mounted file systems side by side: loads of fuse_load on each, as ratios.

Two tables: operations (or MiB) a second, and the server's CPU time for one of
them in microseconds, which other work on the machine disturbs less.

    fuse_compare.py [--rounds N] [--files N] [--mib N] [NAME ...]

Names: rumpy (an FFS image behind the native server), fusepy (the same through
fusepy), toy (our server over a tree in memory), libfuse (the same tree behind
libfuse3: the measure), ext4 (on a loop device), tmpfs.  Rounds are interleaved
and the best of each row counts, since other work on the machine only ever
makes a row worse.  Needs root, makefs, and `make -C csrc/bench`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

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
    yield process.pid
    run("umount", where)
    process.wait()


@contextlib.contextmanager
def image(where: Path, work: Path, options: str, mib: int) -> Iterator[int]:
    """An FFS image behind rumpy."""
    from rumpy.fuse import mount, umount

    path = work / "ffs.img"
    if not path.exists():
        empty = work / "empty"
        empty.mkdir()
        size = f"{2 * mib + 256}m"
        shape = "version=2,bsize=32768,fsize=4096,density=8192"
        run("makefs", "-t", "ffs", "-B", "le", "-s", size, "-o", shape, path, empty)
    yield mount(None, path, where, options).pid
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
    yield 0
    run("umount", where)


@contextlib.contextmanager
def tmpfs(where: Path) -> Iterator[int]:
    """Linux's own file system in memory."""
    run("mount", "-t", "tmpfs", "tmpfs", where)
    yield 0
    run("umount", where)


def peers(
    where: Path, work: Path, mib: int
) -> dict[str, Callable[[], contextlib.AbstractContextManager[int]]]:
    """Everything that can be measured."""
    return {
        "libfuse": lambda: toy(where, TOOLS / "toy_libfuse", "-s", "-f"),
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


def load(where: Path, name: str, files: int, mib: int, pid: int) -> Rows:
    """Run one load."""
    words = [str(TOOLS / "fuse_load"), str(where), name, str(files), str(mib)]
    before = cpu_us(pid)
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    _, rate, amount = done.stdout.split()
    return {name: (float(rate), (cpu_us(pid) - before) / float(amount))}


def measure(name: str, where: Path, work: Path, files: int, mib: int) -> Rows:
    """All loads once, on a fresh file system."""
    for old in work.glob("*.img"):
        old.unlink()
    for old in work.glob("empty"):
        old.rmdir()
    peer = peers(where, work, mib)[name]
    rows: Rows = {}
    with peer() as pid:
        for part in LOADS:
            forget()
            rows |= load(where, part, files, mib, pid)
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--mib", type=int, default=128)
    parser.add_argument("names", nargs="*", default=["libfuse", "toy", "rumpy"])
    arguments = parser.parse_args()
    best: dict[str, Rows] = {name: {} for name in arguments.names}
    folder = os.environ.get("TMPDIR", "/dev/shm")
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = Path(name)
        where = work / "mnt"
        where.mkdir()
        for _ in range(arguments.rounds):
            for peer in arguments.names:
                rows = measure(peer, where, work, arguments.files, arguments.mib)
                for row, (rate, cpu) in rows.items():
                    old = best[peer].get(row, (rate, cpu))
                    best[peer][row] = (max(rate, old[0]), min(cpu, old[1]))
    report("a second", best, 0)
    report("server us", best, 1)


def report(title: str, best: dict[str, Rows], column: int) -> None:
    """A table: values, and ratios to the first column."""
    names = list(best)
    print(f"{title:12}" + "".join(f"{name:>18}" for name in names))
    for row in LOADS:
        base = best[names[0]][row][column] or 1
        cells = (
            f"{best[name][row][column]:11.1f} {best[name][row][column] / base:5.2f}x"
            for name in names
        )
        print(f"{row:12}" + " ".join(cells))


if __name__ == "__main__":
    main()
