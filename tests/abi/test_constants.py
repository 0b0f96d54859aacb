# SPDX-License-Identifier: BSD-2-Clause
"""Constants have NetBSD's values: macros and enumerators, by both sets of headers.

Every macro of csrc/abi/netbsd without arguments, and every enumerator, whose
value is an integer constant is compared with what NetBSD's own headers call so.
"""

from __future__ import annotations

import re
import subprocess

import netbsd_headers
import pytest
from test_layouts import DEFINES, FLAGS, HEADERS, RELEASES, netbsd_source, our_flags

#: Ours for a reason.
OWN = {
    "__NetBSD_Version__": "10.1's, the headers may be of another 10.x",
}

ENUM = re.compile(r"\benum\b[^{;]*\{([^}]*)\}")
NAME = re.compile(r"\s*([A-Za-z]\w*)")
INCLUDES = "\n".join(f"#include <{h}>" for h in HEADERS)


def compiler(source: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Compile, only for the errors unless a flag says what for."""
    plain = [flag for flag in FLAGS if flag != "-fsyntax-only" or "-S" not in flags]
    return subprocess.run(
        ["cc", *plain, *flags, "-"],
        input=source,
        text=True,
        capture_output=True,
        check=False,
    )


def output(source: str, *flags: str) -> str:
    kept = [flag for flag in FLAGS if flag != "-fsyntax-only"]
    command = ["cc", *kept, *flags, "-"]
    done = subprocess.run(
        command, input=source, text=True, capture_output=True, check=True
    )
    return done.stdout


def candidates(flags: list[str]) -> list[str]:
    """Names of our headers that may be constants."""
    macros = output(INCLUDES, "-E", "-dM", *flags)
    found = set(re.findall(r"^#define ([A-Za-z]\w*) \S", macros, re.MULTILINE))
    for body in ENUM.findall(output(INCLUDES, "-E", "-P", *flags)):
        found |= {m[1] for part in body.split(",") if (m := NAME.match(part))}
    builtin = output("", "-E", "-dM")
    return sorted(found - set(re.findall(r"^#define (\w+)", builtin, re.MULTILINE)))


def bad_lines(errors: str, what: str = "") -> set[int]:
    """Numbers of the lines of TABLE that the compiler complains about."""
    return {int(m[1]) for m in re.finditer(rf"^TABLE:(\d+):.*{what}", errors, re.M)}


def constants(flags: list[str]) -> dict[str, int]:
    """Our integer constants and their values."""
    names = candidates(flags)
    start = f'{INCLUDES}\n#line 1 "TABLE"\n'
    lines = [f"const long long value_of_{n} = (long long)({n});" for n in names]
    for _ in range(30):
        # A name that is not declared is told of once, however many use it.
        done = compiler(start + "\n".join(lines), "-S", "-o", "-", *flags)
        if done.returncode == 0:
            break
        bad = bad_lines(done.stderr)
        lines = [line for i, line in enumerate(lines, 1) if i not in bad]
    assert done.returncode == 0, done.stderr
    assembly = done.stdout
    found = re.findall(
        r"^value_of_(\w+):\n\s+\.(quad|zero)\s+(-?\d+)", assembly, re.MULTILINE
    )
    return {name: 0 if kind == "zero" else int(n) for name, kind, n in found}


@pytest.mark.parametrize("release", RELEASES)
def test_constants(release: int) -> None:
    try:
        folders = netbsd_headers.include_path(release)
    except netbsd_headers.Unavailable as error:
        pytest.skip(str(error))
    version = RELEASES[release]
    ours = constants(our_flags(version))
    assert len(ours) > 1000
    flags = ["-D__NetBSD__", "-D_KERNEL", "-D_MODULE", "-D__POOL_EXPOSE"]
    flags += [f"-D{name}={value}" for name, value in DEFINES.items()]
    flags += ["-DWAPBL_INTERNAL", f"-D__NetBSD_Version__={version}"]
    flags += [f"-I{folders[0]}", *(f"-isystem{folder}" for folder in folders[1:])]
    names = [name for name in ours if name not in OWN]
    lines = [f'_Static_assert(({n}) == {ours[n]}LL, "{n}");' for n in names]
    errors = compiler(netbsd_source(folders, lines), *flags).stderr
    wrong = [names[i - 1] for i in sorted(bad_lines(errors, "static assertion failed"))]
    # A name that NetBSD's headers don't have is an error of another kind.
    known = len(names) - len(bad_lines(errors)) + len(wrong)
    assert known > 800
    assert not wrong, f"not as in NetBSD {release}: {chr(44).join(wrong)}"
