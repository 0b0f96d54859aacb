# SPDX-License-Identifier: BSD-2-Clause
"""What guidance is worth: bugs planted in a copy of our FFS, and who finds them.

    python tests/ffs/planted.py [--cpu SECONDS] [--seeds N]

Each bug is a panic under a condition that calls or an image have to meet.  Guided
and unguided searches get the same CPU time; a line for each bug says after how
many inputs it was found.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if not __package__:
    sys.path[:0] = [str(Path(__file__).resolve().parents[i]) for i in (1, 2)]

from ffs import callfuzz
from rumpy.testing import Fuzzer

#: Name, file, the line behind which it goes, condition.
BUGS = (
    (
        "a directory moved over another one in another directory",
        "ffs_rename.c",
        "	if (fp->i_nlink >= UFS_LINK_MAX)\n		return EMLINK;\n"
        "	error = ffs_begin(fp->i_fm, &tx);\n",
        "isdir && reparent && tp != NULL",
    ),
    (
        "a fifth name",
        "ffs_vnops.c",
        "		ip->i_nlink++;\n",
        "ip->i_nlink == 5",
    ),
    (
        "fsync of a large file without a name",
        "ffs_vnops.c",
        "	int error, force = 1;\n",
        "ip->i_nlink == 0 && ip->i_size > 70000",
    ),
    (
        "a length of 74565",
        "ffs_truncate.c",
        "	if (ip->i_fm->fm_ronly)\n		return EROFS;\n"
        "	if ((ip->i_flag & IN_SHORTLINK) != 0) {\n",
        "length == 74565",
    ),
    (
        "an attribute of 777 bytes",
        "ffs_extattr.c",
        "	len = ap->a_uio->uio_resid;\n",
        "len == 777",
    ),
    (
        "a second link where minfree is 77",
        "ffs_vnops.c",
        "	ip = VTOI(vp);\n	if (vp->v_type == VDIR)\n",
        "ip->i_fm->fm_fs->fs_minfree == 77 && ip->i_nlink == 2",
    ),
)


def plant(folder: Path) -> Path:
    """Build the driver with the bugs."""
    shutil.copytree(callfuzz.ROOT / "csrc", folder / "csrc")
    ffs = folder / "modules" / "ffs"
    shutil.copytree(callfuzz.ROOT / "modules" / "ffs", ffs)
    for name, file, line, condition in BUGS:
        text = (ffs / file).read_text()
        if text.count(line) != 1:
            raise ValueError(f"{name}: {file} has no such line, or several")
        # Before a line that opens a block, after any other.
        last = line.rstrip("\n").rpartition("\n")[2]
        bug = f'	if ({condition})\n		panic("planted: {name}");\n'
        opens = last.endswith("{") or last.startswith("	if (")
        new = line[: -len(last) - 1] + bug + last + "\n" if opens else line + bug
        (ffs / file).write_text(text.replace(line, new))
    command = ["make", "-s", "-C", str(folder / "csrc"), "BUILD=../build"]
    command += ["MODULES=ffs", "instrumented", f"PYTHON={sys.executable}"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return folder / "build" / "instrumented" / "modules" / "ffs.kmod"


def search(module: Path, seed: int, cpu: float, *, guided: bool) -> dict[str, int]:
    """Name of each bug that was found -> inputs that were tried before."""
    with tempfile.TemporaryDirectory() as scratch:
        chosen = [*callfuzz.made(Path(scratch)).values()]
    target = callfuzz.target(module, chosen)
    start, found = time.process_time(), {}
    with Fuzzer(target, seed=seed, guided=guided, shrink=False) as fuzzer:
        while time.process_time() - start < cpu:
            fuzzer.run(runs=fuzzer.report.runs + 100)
        for finding in fuzzer.report.findings:
            name = finding.result.message.partition("\n")[0]
            found[name.removeprefix("planted: ")] = finding.runs
        found["(inputs)"] = fuzzer.report.runs
        found["(edges)"] = fuzzer.report.edges
    return found


def main() -> None:
    """Search, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cpu", type=float, default=30.0, help="seconds of each")
    parser.add_argument("--seeds", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        module = plant(Path(scratch))
        for seed in range(1, args.seeds + 1):
            both = [search(module, seed, args.cpu, guided=g) for g in (True, False)]
            for name in dict.fromkeys([*both[0], *both[1]]):
                values = [str(found.get(name, "-")).rjust(8) for found in both]
                print(f"seed {seed}  guided {values[0]}  chance {values[1]}  {name}")


if __name__ == "__main__":
    main()
