# SPDX-License-Identifier: BSD-2-Clause
"""Damaged images are repaired once; then nobody finds anything.

    python tests/ffstools/twice.py [--seconds N] [--first SEED] [--count N]

Neither a second fsck, nor ffscheck.py, which shares no code with it.  The
damage is that of the driver's fuzzer, so a number shows the same again.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[i]) for i in (1, 2)]

from ffs import ffscheck, fuzz, kernelfuzz  # noqa: E402

from rumpy.ffstools import fsck  # noqa: E402


def wrong(image: Path) -> str | None:
    """Repair an image; what is still wrong then."""
    fsck(image, mode="repair")
    again = fsck(image)
    if not again.clean:
        return f"a second run finds: {again.problems[0].text}"
    found = ffscheck.check(image.read_bytes()).problems
    return f"ffscheck finds: {found[0]}" if found else None


def main() -> int:
    """Until time or count is up; exit code 1 if there was one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--first", type=int, default=random.randrange(1 << 40))
    parser.add_argument("--count", type=int, default=1 << 60)
    args = parser.parse_args()
    end = time.monotonic() + args.seconds
    bad = number = 0
    with tempfile.TemporaryDirectory(prefix="rumpy-twice") as scratch:
        folder = Path(scratch)
        program = fuzz.build(folder, fast=True)
        paths = fuzz.bases(program, folder, fuzz.BASES) + fuzz.more(program, folder)
        bases = [path.read_bytes() for path in paths]
        mutator = kernelfuzz.Mutator(kernelfuzz.build(folder))
        image = folder / "damaged.img"
        while number < args.count and time.monotonic() < end:
            seed = args.first + number
            number += 1
            which = seed % len(bases)
            image.write_bytes(mutator.damaged(bases[which], seed))
            text = wrong(image)
            if text is not None:
                bad += 1
                print(f"{paths[which].name} --first {seed} --count 1: {text}")
    print(f"{number} images, {bad} of them not mended at once")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
