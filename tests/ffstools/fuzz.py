# SPDX-License-Identifier: BSD-2-Clause
"""Random damage for fsck, for as long as one likes, under sanitizers.

    python tests/ffstools/fuzz.py [--seconds N] [--first SEED]

Not a test of `make test`: that one damages a hundred images (test_fsck.py).
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from ffs import images  # noqa: E402

#: One of each format and geometry.
NAMES = ["nb-ffs1be-8k", "nb-ffs1le-4k", "nb-ffs2le-8k", "nb-ffs2be-4k"]
NAMES += ["nb-ffs2le-16k-frag1", "nb-fbsd-ufs2-16k", "wal-open", "wal-mixed1"]
NAMES += ["nb-ffs1be-8k-frag2", "nb-ffs2le-8k-full"]
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-pthread"]
FLAGS += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]


def main() -> int:
    """Build, unpack, run; the exit code of the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--first", type=int, default=random.randrange(1 << 40))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rumpy-fsckfuzz") as scratch:
        folder = Path(scratch)
        program = folder / "fsckfuzz"
        sources = [Path(__file__).with_name("fsckfuzz.c")]
        sources += sorted((ROOT / "csrc/ffstools").glob("*.c"))
        sources.append(ROOT / "modules/ffs/ffs_super.c")
        include = [f"-I{ROOT}/csrc/include", f"-I{ROOT}/csrc/ffstools"]
        subprocess.run(["cc", *FLAGS, *include, *sources, "-o", program], check=True)
        files = [images.copy(name, folder) for name in NAMES]
        command = [
            str(program),
            str(options.first),
            str(options.seconds),
            *map(str, files),
        ]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
