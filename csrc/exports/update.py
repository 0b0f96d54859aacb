#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""List what a NetBSD module may resolve: csrc/exports/netbsd.syms.

Usage: ``python csrc/exports/update.py [--check]``

A name is exported when the headers for modules (csrc/abi/netbsd) declare it and
build/kernel.elf defines it, or when the compiler calls it by itself.  The
result is committed, so that a change of the interface is seen in review.  Behind
a name stands, from csrc/exports/limits.tbl, why it is not supported here.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

CSRC = Path(__file__).resolve().parent.parent
BUILD = CSRC.parent / "build"
LIST = CSRC / "exports" / "netbsd.syms"
LIMITS = CSRC / "exports" / "limits.tbl"

#: What the compiler needs without any declaration.
IMPLICIT = {"__stack_chk_fail", "__stack_chk_guard", "lwp0"}

#: Declared for the kernel's own parts only.
PRIVATE = re.compile(
    r"sys_|kern_(?!assert$|malloc$|free$|realloc$|cprng$)|.*_(sys|subsystem)_?init$"
    # Done once, by the boot.
    r"|(bufinit|nchinit|(devsw|dirhash|evcnt|fstrans|kauth|once|spec|sysctl)_init)$"
    r"|sysctl_(basenode_init|finalize)$"
    # NetBSD has no such symbols, or in no header of its modules.
    r"|(rootclock_set|uvn_clean_p|vcache_make_anon|vcache_tryvget|vmspace_host)$"
    r"|vnpanic$"
)

HEAD = """\
# SPDX-License-Identifier: BSD-2-Clause
#
# What a NetBSD module may resolve from the kernel, sorted.  Made by
# csrc/exports/update.py from the headers and the kernel; a test compares.
# Behind a name: why it is not supported here, wholly or in part.
"""


def declared() -> set[str]:
    """Every identifier that the modules' headers mention."""
    root = CSRC / "abi" / "netbsd"
    headers = sorted(p.relative_to(root).as_posix() for p in root.rglob("*.h"))
    first = ["sys/param.h", "sys/proc.h", "uvm/uvm_extern.h", "sys/acl.h"]
    lines = [f"#include <{h}>" for h in [*first, *headers] if h != "sys/syscallargs.h"]
    command = ["cc", "-E", "-P", "-std=gnu11", "-ffreestanding", "-nostdinc"]
    command += [
        "-D_KERNEL",
        "-DDIAGNOSTIC",
        f"-I{root}",
        f"-I{CSRC / 'include'}",
        f"-I{BUILD / 'include'}",
        "-",
    ]
    result = subprocess.run(
        command, input="\n".join(lines), text=True, capture_output=True, check=True
    )
    return set(re.findall(r"\b[A-Za-z_]\w*\b", result.stdout))


def defined() -> set[str]:
    """The global symbols that kernel.elf defines."""
    command = ["nm", "-g", "--defined-only", str(BUILD / "kernel.elf")]
    result = subprocess.run(command, text=True, capture_output=True, check=True)
    return {line.split()[-1] for line in result.stdout.splitlines()}


def limits() -> dict[str, str]:
    """Name -> reason, of limits.tbl."""
    lines = LIMITS.read_text().splitlines()
    return dict(line.split("\t", 1) for line in lines if line and line[0] != "#")


def exports() -> str:
    """The text of the list."""
    have = defined()
    names = {n for n in declared() & have if not PRIVATE.match(n)} | (IMPLICIT & have)
    reasons = limits()
    unknown = sorted(reasons.keys() - names)
    if unknown:
        raise SystemExit(f"{LIMITS}: not exported: {', '.join(unknown)}")
    lines = (f"{n}\t{reasons[n]}" if n in reasons else n for n in sorted(names))
    return HEAD + "".join(f"{line}\n" for line in lines)


def main() -> int:
    """Write the list, or with --check compare it."""
    parser = argparse.ArgumentParser(description="list the kernel's exports")
    parser.add_argument(
        "--check", action="store_true", help="fail if the committed list is out of date"
    )
    options = parser.parse_args()
    text = exports()
    if not options.check:
        LIST.write_text(text)
        return 0
    if LIST.read_text() == text:
        return 0
    print(f"{LIST}: out of date; run {Path(__file__).name}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
