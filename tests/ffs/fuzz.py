# SPDX-License-Identifier: BSD-2-Clause
"""Feed the driver damaged images, in a process of its own under sanitizers.

    tools/fuzz [--seconds N] [--seed N] [--count N] [--operations N]
        [--fast | --kernel] [--guided | --script SCRIPT] [IMAGE ...]

Each image is a number: it says which base is damaged, where and how, how it is
mounted and what is then done with it.  `--seed` is the first of them.  A driver
that aborts, hangs, leaks, or writes outside of the image is told with the
command that shows it again; the exit code says whether there was one.

--guided makes most images of those before that reached new code of the driver.
Such an image is told as a script (its number, the changes to it, the operations),
which --script does again.

--kernel does it with a booted kernel instead (kernelfuzz.py).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if __package__:
    from . import flavours, images, kernelfuzz
else:
    sys.path[:0] = [str(Path(__file__).resolve().parents[i]) for i in (1, 2)]
    from ffs import flavours, images, kernelfuzz

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = Path(__file__).resolve().parent / "host" / "build.sh"
#: Images to damage, and how many random operations make of them a new one
#: first: so that there are attributes, lists and names of every kind.
BASES = {
    "nb-fbsd-ufs2-4k-empty": 250,
    "nb-ffs2le-8k": 120,
    "nb-ffs1le-16k-extattr": 0,
    "wal-mixed1": 0,
    "nb-ffs2be-4k": 120,
    "wal-unlink": 0,
    "nb-ffs1be-8k": 0,
    "wal-mixed2": 0,
    "nb-fbsd-ufs2-16k": 0,
    "nb-makefs-ffs1be-4k": 40,
    "wal-rename": 0,
    "nb-makefs-ffs2be-8k": 60,
    "wal-wrap": 0,
    "nb-ffs2le-16k-frag1": 60,
    "wal-open": 0,
}
#: Journals of ours, as a power cut leaves them: operations before, operations
#: while the journal is kept, and how many writes of these arrive.
CUT = {
    "nb-ffs1be-8k": (0, 150, 900),
    "nb-makefs-ffs2le-16k": (60, 200, 400),
    "nb-ffs1le-16k-extattr": (0, 100, 300),
    "wal-clean-end": (80, 250, 700),
}


def build(folder: Path, *, fast: bool = False) -> Path:
    """Compile the driver as a program; fast means without sanitizers."""
    out = folder / ("ffsfast" if fast else "ffshost")
    subprocess.run([str(HOST), str(out), *(["fast"] if fast else [])], check=True)
    return out


def change(program: Path, path: Path, operations: int, *options: str) -> None:
    """Do some random operations on an image."""
    command = [str(program), "-q", "-n", str(operations), "-S", "3", *options]
    subprocess.run([*command, str(path), str(path)], check=True, capture_output=True)


def bases(program: Path, folder: Path, names: dict[str, int]) -> list[Path]:
    """The images that are damaged."""
    out = []
    for name, operations in names.items():
        path = images.copy(name, folder)
        if operations:
            change(program, path, operations)
        out.append(path)
    return out


def more(program: Path, folder: Path) -> list[Path]:
    """Images made here: our own dirty journals, and FreeBSD's hashes and SUJ."""
    out = []
    for name, (before, operations, writes) in CUT.items():
        path = folder / f"cut-{name}.img"
        path.write_bytes(images.unpacked(name))
        if before:
            change(program, path, before)
        change(program, path, operations, "-l", "-c", str(writes))
        out.append(path)
    for number, flags in enumerate((0, flavours.SOFTDEP | flavours.SUJ)):
        path = folder / f"hashes{number}.img"
        path.write_bytes(flavours.with_hashes(flags))
        change(program, path, 150)
        out.append(path)
    return out


def run(
    program: Path,
    paths: list[Path],
    *,
    first: int,
    count: int,
    seconds: float = 1e9,
    operations: int = 60,
    guided: bool = False,
) -> Iterator[str]:
    """Run images by number; a line for each failure, then three of summary.

    Args:
        seconds: of CPU, after which no more images are tried.
        guided: make most images of those that reached new code.
    """
    command = [str(program), "-q", "-f", str(first), "-F", str(count)]
    command += ["-t", str(seconds), "-n", str(operations), *map(str, paths)]
    command[1:1] = ["-g"] * guided
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield line.rstrip()


def repeat(program: Path, paths: list[Path], script: str, operations: int) -> int:
    """Do a script again, with all that is said; the program's exit code."""
    command = [str(program), "-C", script, "-n", str(operations), *map(str, paths)]
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    return subprocess.run(command, env=env, check=False).returncode


def main() -> int:
    """Fuzz until time or count is up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of CPU time")
    parser.add_argument("--count", type=int, default=1 << 60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--operations", type=int, default=60)
    parser.add_argument("--fast", action="store_true", help="without sanitizers")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--kernel", action="store_true", help="in booted kernels")
    mode.add_argument("--guided", action="store_true", help="by new code reached")
    mode.add_argument("--script", help="do one script again")
    parser.add_argument("names", nargs="*", metavar="IMAGE")
    args = parser.parse_args()
    wanted = {n: BASES.get(n, 0) for n in args.names} or BASES
    last = ""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        program = build(folder, fast=args.fast or args.kernel)
        paths = bases(program, folder, wanted)
        if not args.names:
            paths += more(program, folder)
        if args.script is not None:
            return repeat(program, paths, args.script, args.operations)
        lines = (
            kernelfuzz.run(
                paths,
                kernelfuzz.build(folder),
                first=args.seed,
                count=args.count,
                seconds=args.seconds,
            )
            if args.kernel
            else run(
                program,
                paths,
                first=args.seed,
                count=args.count,
                seconds=args.seconds,
                operations=args.operations,
                guided=args.guided,
            )
        )
        for line in lines:
            last = line
            fields = line.split()
            if len(fields) == 4 and fields[2] in ("signal", "exit", "status"):
                number = fields[1].isdecimal()
                again = "--count 1 --seed " if number else "--script "
                again = f"tools/fuzz {again}{fields[1]}" + " --kernel" * args.kernel
                if args.operations != 60:
                    again += f" --operations {args.operations}"
                again = " ".join([again, *args.names])
                print(f"{Path(fields[0]).name}: {' '.join(fields[2:])}: {again}")
            else:
                print(line)
    return 0 if last.endswith(" 0 failures") else 1


if __name__ == "__main__":
    raise SystemExit(main())
