# SPDX-License-Identifier: BSD-2-Clause
"""Our FFS under damaged images and system calls, in booted kernels.

    tools/fuzz --calls [--seconds N] [--seed N] [--jobs N] [--corpus DIR]
        [--chance] [--plain] [--damage SHARE] [--image NAME ...]

The driver is built to tell where it goes, and to panic where it does what C does
not define; --plain takes it as it is shipped.  What is found is told with a
script that shows it again; the exit code says whether there was something.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if not __package__:
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from ffs import flavours, images  # noqa: E402
from ffs.ffscheck import NotFFS, check  # noqa: E402
from rumpy.block import MemoryDevice  # noqa: E402
from rumpy.ffstools import fsck, newfs  # noqa: E402
from rumpy.testing import Target, fuzz  # noqa: E402

MODULE = ROOT / "build" / "instrumented" / "modules" / "ffs.kmod"
OPTIONS = (
    (), ("log",), ("sync",), ("async", "noatime"), ("posix1eacls",), ("nfsv4acls",),
    ("ro",),
)  # fmt: skip


def build() -> Path:
    """The driver with everything that a fuzzer wants."""
    command = ["make", "-s", "-C", str(ROOT / "csrc"), "MODULES=ffs", "instrumented"]
    command += [f"PYTHON={sys.executable}"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return MODULE


def tree(folder: Path) -> Path:
    """Something to begin with: files with indirect blocks, a longer directory."""
    top = folder / "tree"
    (top / "A" / "B").mkdir(parents=True)
    (top / "a").write_bytes(b"a" * 100)
    (top / "b").write_bytes(bytes(range(256)) * 500)
    (top / "A" / "b").symlink_to("../a")
    for i in range(40):
        (top / "A" / f"name-{i:03}").touch()
    return top


def made(folder: Path) -> dict[str, bytes]:
    """Small images of every format that we write."""
    contents, out = tree(folder), {}
    for version in (1, 2):
        for order in ("little", "big"):
            for log in (0, 1 << 20):
                path = folder / f"v{version}-{order}{'-log' if log else ''}.img"
                newfs(
                    path,
                    size=(1 << 20) + 3 * log,
                    version=version,
                    order=order,
                    block_size=8192 if log else 4096,
                    fragment_size=1024 if log else 512,
                    inodes=200,
                    attributes=version == 2 and log > 0,
                    populate=contents,
                    log=log,
                    date=1_600_000_000,
                )
                out[path.stem] = path.read_bytes()
    out["hashes"] = flavours.with_hashes(0)
    out["attributes"] = images.unpacked("nb-ffs1le-16k-extattr")
    return out


def problems(data: bytes) -> Sequence[str]:
    """What our fsck minds, and of some images what an independent reader does."""
    with MemoryDevice(data) as disk:
        found = [str(problem) for problem in fsck(disk).problems]
    if not found and zlib.crc32(data) % 8 == 0:
        with contextlib.suppress(NotFFS):  # ufs2ea
            found = check(data).problems
    return found


def target(
    module: Path | str, chosen: Sequence[bytes], *, damage: float = 0.5
) -> Target:
    """What is fuzzed."""
    return Target(
        module=str(module), type="ffs", images=chosen, options=OPTIONS, damage=damage,
        check=problems,
    )  # fmt: skip


def main(argv: Sequence[str] | None = None, say: Callable[[str], None] = print) -> int:
    """Fuzz until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--damage", type=float, default=0.5)
    parser.add_argument("--chance", action="store_true", help="without guidance")
    parser.add_argument("--plain", action="store_true", help="the shipped driver")
    parser.add_argument("--image", action="append", help="of those made, only this")
    args = parser.parse_args(argv)
    module = "ffs" if args.plain else build()
    with tempfile.TemporaryDirectory() as scratch:
        every = made(Path(scratch))
        chosen = [every[name] for name in args.image or every]
        report = fuzz(
            target(module, chosen, damage=args.damage),
            seed=args.seed, seconds=args.seconds, runs=args.runs,
            guided=not args.chance, corpus=args.corpus or Path(scratch, "corpus"),
            findings="fuzz-findings", jobs=args.jobs,
        )  # fmt: skip
    say(str(report))
    return 0 if report.ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
