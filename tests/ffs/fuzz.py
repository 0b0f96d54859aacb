# SPDX-License-Identifier: BSD-2-Clause
"""Feed the driver mutated images, in a process of its own under sanitizers.

    python tests/ffs/fuzz.py [--seconds N] [--seed N] [--count N] [IMAGE ...]

Every image that makes the driver abort, hang or write outside is kept in
build/fuzz/ with the command that shows it again.  The exit code says whether
there was one.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

if __package__:
    from . import images
else:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from ffs import images

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = Path(__file__).resolve().parent / "host" / "build.sh"
BASES = [
    "nb-ffs2le-8k",
    "nb-ffs1le-16k",
    "nb-ffs2be-16k",
    "nb-makefs-ffs1be-4k",
    "wal-mixed1",
    "wal-unlink",
]
TIMEOUT_S = 60
#: Numbers that code is most often wrong about.
WORDS = [b"\xff\xff\xff\xff", bytes(4), b"\xff\xff\xff\x7f", b"\1\0\0\0", b"\0\0\0\1"]


def build(folder: Path) -> Path:
    """Compile the driver as a program."""
    out = folder / "ffshost"
    subprocess.run([str(HOST), str(out)], check=True)
    return out


def mutate(data: bytes, rng: random.Random) -> bytearray:
    """Some damage, mostly where the image is not empty."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 3, 10, 50, 300])):
        at = rng.randrange(len(out))
        while out[at] == 0 and rng.random() < 0.8:
            at = rng.randrange(len(out))
        kind = rng.random()
        if kind < 0.4:
            out[at] ^= 1 << rng.randrange(8)
        elif kind < 0.7:
            out[at] = rng.randrange(256)
        elif kind < 0.85:
            out[at & ~3 : (at & ~3) + 4] = rng.choice(WORDS)
        else:
            other = rng.randrange(len(out) - 512)
            out[at & ~511 : (at & ~511) + 512] = out[other : other + 512]
    return out


def run(program: Path, image: Path, seed: int, operations: int) -> str | None:
    """Run one image; None if the driver behaved, else what it did."""
    command = [str(program), "-q", "-n", str(operations), "-S", str(seed)]
    if seed % 5 == 0:
        command.append("-s")
    if seed % 7 == 0:
        command.append("-r")
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1"}
    try:
        done = subprocess.run(
            [*command, str(image)], capture_output=True, timeout=TIMEOUT_S, env=env
        )
    except subprocess.TimeoutExpired:
        return f"{' '.join(command)}: hangs"
    if done.returncode in (0, 3):
        return None
    return f"{' '.join(command)}: {done.stderr.decode(errors='replace')[-2000:]}"


def cases(bases: list[str], seed: int) -> Iterator[tuple[str, int, bytearray]]:
    """Images without end: (base, seed of the operations, bytes)."""
    number = seed * 1_000_000
    while True:
        number += 1
        base = bases[number % len(bases)]
        yield base, number, mutate(images.unpacked(base), random.Random(number))


def main() -> int:
    """Fuzz until time or count is up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--count", type=int, default=sys.maxsize)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--operations", type=int, default=100)
    parser.add_argument("bases", nargs="*", default=BASES, metavar="IMAGE")
    args = parser.parse_args()
    keep = ROOT / "build" / "fuzz"
    end, bad, n = time.monotonic() + args.seconds, 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        program = build(Path(scratch))
        image = Path(scratch) / "image"
        for base, number, data in cases(args.bases, args.seed):
            if n == args.count or time.monotonic() > end:
                break
            n += 1
            image.write_bytes(data)
            failure = run(program, image, number, args.operations)
            if failure is not None:
                bad += 1
                keep.mkdir(parents=True, exist_ok=True)
                kept = keep / f"{base}.{number}"
                kept.write_bytes(data)
                print(f"{kept}: {failure}", flush=True)
    print(f"{n} images, {bad} of them made the driver fail")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
