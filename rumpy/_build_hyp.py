# SPDX-License-Identifier: BSD-2-Clause
"""Builds rumpy._hyp, the host side of the kernel, in cffi's API mode.

setup.py takes `ffi` from here.  Run as a program, the file builds the extension
in place, compiling only what changed: `python rumpy/_build_hyp.py`.

The declarations cffi sees are csrc/hypercall/*.cdef (each one is also included
by the C header of the same name) and those csrc/tables.py generates into
build/include/rumpy/*.cdef.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
CSRC = ROOT / "csrc"
GENERATED = ROOT / "build" / "include"
OBJECTS = ROOT / "build" / "host"

# -fexceptions: CPython up to 3.13 ends daemon threads by a forced unwind, and
# the door's clean-up must run then.  initial-exec: the fault handler reads
# thread-local words and must not allocate.
COMPILE = [
    "-std=gnu11",
    "-O2",
    "-g",
    "-Wall",
    "-Wextra",
    "-Wno-missing-field-initializers",
    "-fno-strict-aliasing",
    "-fexceptions",
    "-ftls-model=initial-exec",
    "-fvisibility=hidden",
    "-pthread",
    "-D_GNU_SOURCE",
]
#: Host sources, and what of the driver is pure arithmetic.
FOLDERS = ("hypercall", "fuse", "ffstools")
SHARED = [ROOT / "modules" / "ffs" / "ffs_super.c"]
INCLUDE = [*(CSRC / name for name in FOLDERS), CSRC / "include", GENERATED]
#: Structures on disk that Python reads member by member.
FORMAT = CSRC / "include" / "ufs" / "ffs_format.h"
ON_DISK = ("csum", "csum_total", "fs", "cg", "ufs1_dinode", "ufs2_dinode")


def sources() -> list[Path]:
    """Host sources, relative to the root, in a stable order."""
    found = [
        path
        for folder in FOLDERS
        for pattern in ("*.c", "*.S")
        for path in (CSRC / folder).glob(pattern)
    ]
    return [path.relative_to(ROOT) for path in sorted(found) + SHARED]


def generate() -> None:
    """Make the headers and declarations that come from tables; keeps equal ones."""
    subprocess.run([sys.executable, "tables.py"], cwd=CSRC, check=True)


def declarations() -> str:
    """The text for FFI.cdef: generated parts first, since others use their types."""
    parts = sorted((GENERATED / "rumpy").glob("*.cdef"))
    own = sorted(
        (CSRC / "hypercall").glob("*.cdef"),
        key=lambda path: (path.name != "hyp.cdef", path.name),
    )
    for folder in FOLDERS[1:]:
        own += sorted((CSRC / folder).glob("*.cdef"))
    texts = [path.read_text() for path in [*parts, *own]]
    return "\n".join([on_disk(), *texts])


def on_disk() -> str:
    """Declarations of the structures on disk, with their numbers put in."""
    text = FORMAT.read_text()
    numbers = dict(re.findall(r"^#define\s+(FFS_\w+|UFS_\w+)\s+(\d+)", text, re.M))
    parts = []
    for name in ON_DISK:
        found = re.search(rf"^struct {name} {{.*?^}};", text, re.M | re.S)
        if found is None:
            raise ValueError(f"{FORMAT}: no struct {name}")
        parts.append(
            re.sub(r"\[(\w+)\]", lambda m: f"[{numbers.get(m[1], m[1])}]", found[0])
        )
    return "\n".join(parts)


def prologue() -> str:
    """C text at the head of cffi's file: every header that belongs to a cdef."""
    lines = ["#include <stdint.h>", "#include <stddef.h>"]
    for folder in FOLDERS:
        for path in sorted((CSRC / folder).glob("*.h")):
            if path.name != "internal.h":
                lines.append(f'#include "{path.name}"')
    return "\n".join(lines) + "\n"


def make_ffi() -> FFI:
    """The FFI object, complete with source, for setuptools or for emit_c_code."""
    generate()
    ffi = FFI()
    ffi.cdef(declarations())
    ffi.set_source(
        "rumpy._hyp",
        prologue(),
        sources=[str(path) for path in sources()],
        include_dirs=[str(path.relative_to(ROOT)) for path in INCLUDE],
        extra_compile_args=COMPILE,
        extra_link_args=["-pthread"],
        libraries=[],
    )
    return ffi


def _compile(source: Path, target: Path, flags: list[str]) -> None:
    cc = os.environ.get("CC", "cc")
    command = [cc, *flags, "-MMD", "-c", str(source), "-o", str(target)]
    subprocess.run(command, check=True, cwd=ROOT)


def _stale(target: Path, source: Path) -> bool:
    """Whether the object is older than its source or a header it was made from."""
    depends = target.with_suffix(".d")
    if not target.exists() or not depends.exists():
        return True
    made = target.stat().st_mtime_ns
    names = depends.read_text().replace("\\\n", " ").split(":", 1)[1].split()
    paths = [source, Path(__file__), *(ROOT / name for name in names)]
    return any(not path.exists() or path.stat().st_mtime_ns > made for path in paths)


def build_in_place() -> Path:
    """Compile what changed and link rumpy/_hyp.abi3.so; returns its path."""
    OBJECTS.mkdir(parents=True, exist_ok=True)
    glue = OBJECTS / "_hyp.c"
    make_ffi().emit_c_code(str(glue))
    flags = [*COMPILE, "-fPIC", f"-I{sysconfig.get_paths()['include']}"]
    flags += [f"-I{path}" for path in INCLUDE]
    flags += ["-DPy_LIMITED_API=0x030b0000"]
    work = []
    objects = []
    for source in [*(ROOT / path for path in sources()), glue]:
        target = OBJECTS / f"{source.parent.name}-{source.name}.o"
        objects.append(target)
        if _stale(target, source):
            work.append((source, target))
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(_compile, s, t, flags) for s, t in work]:
            done.result()
    output = ROOT / "rumpy" / "_hyp.abi3.so"
    newest = max(path.stat().st_mtime_ns for path in objects)
    if not output.exists() or output.stat().st_mtime_ns < newest or work:
        fresh = output.with_suffix(f".{os.getpid()}")
        command = [os.environ.get("CC", "cc"), "-shared", "-pthread"]
        command += ["-Wl,-z,noexecstack", "-Wl,-z,relro", "-o", str(fresh)]
        subprocess.run([*command, *map(str, objects)], check=True, cwd=ROOT)
        fresh.replace(output)
    return output


if __name__ == "__main__":
    try:
        print(build_in_place().relative_to(ROOT))
    except subprocess.CalledProcessError as error:
        sys.exit(f"host build failed: {' '.join(map(str, error.cmd[:1]))}")
else:
    ffi = make_ffi()
