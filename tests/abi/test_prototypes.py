# SPDX-License-Identifier: BSD-2-Clause
"""Exported functions have NetBSD's types, by both sets of headers.

Each exported name is declared again, after the headers, as something that it
can't be.  The compiler then says what type the name had, without typedefs.
"""

from __future__ import annotations

import os
import re
import subprocess

import netbsd_headers
import pytest
from test_constants import INCLUDES
from test_exports import functions
from test_layouts import DEFINES, FLAGS, RELEASES, netbsd_source, our_flags

#: Not the same, for a reason.
OWN = {
    "ttyvenodev": "answers NULL where NetBSD's answers nothing",
}

TYPE = re.compile(
    r"note: previous (?:declaration|definition) of '(\w+)'"
    r" with type '([^']*)'(?: \{aka '([^']*)'\})?"
)


def types(includes: str, names: list[str], flags: list[str]) -> dict[str, str]:
    """The type of each name that the headers declare.

    Args:
        includes: C source that includes the headers.
        names: identifiers; one may be a macro as well.
        flags: options for the compiler.
    """
    lines = [f"#undef {name}\nextern struct probe {name};" for name in names]
    source = "\n".join([includes, "struct probe { int x; };", *lines])
    command = ["cc", *FLAGS, *flags, "-"]
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        command,
        input=source,
        text=True,
        capture_output=True,
        check=False,
        env=environment,
    )
    found = ((m[1], m[3] or m[2]) for m in TYPE.finditer(done.stderr))
    return {name: plain(text) for name, text in found}


def plain(text: str) -> str:
    """A type without what makes no difference to a caller."""
    return " ".join(re.sub(r"\brestrict\b", "", text).split()).replace("* ,", "*,")


def test_a_wrong_type_is_noticed() -> None:
    source = "typedef long off; int one(off *restrict, char); int two(void);"
    found = types(source, ["one", "two", "three"], [])
    assert found == {"one": "int(long int *, char)", "two": "int(void)"}


@pytest.mark.parametrize("release", RELEASES)
def test_prototypes(release: int) -> None:
    try:
        folders = netbsd_headers.include_path(release)
    except netbsd_headers.Unavailable as error:
        pytest.skip(str(error))
    version = RELEASES[release]
    names = sorted(functions())
    more = '\n#include <prop/proplib.h>\n#include "lib/libkern/libkern.h"'
    ours = types(INCLUDES + more, names, our_flags(version))
    assert len(ours) > 900
    flags = ["-D__NetBSD__", "-D_KERNEL", "-D_MODULE", "-D__POOL_EXPOSE"]
    flags += [f"-D{name}={value}" for name, value in DEFINES.items()]
    flags += ["-DWAPBL_INTERNAL", f"-D__NetBSD_Version__={version}"]
    flags += [f"-I{folders[0]}", *(f"-isystem{folder}" for folder in folders[1:])]
    theirs = types(netbsd_source(folders, []), names, flags)
    both = ours.keys() & theirs.keys()
    assert len(both) > 700
    wrong = [
        f"{name}: {ours[name]}, NetBSD {release}: {theirs[name]}"
        for name in sorted(both - OWN.keys())
        if ours[name] != theirs[name]
    ]
    assert not wrong, "\n".join(wrong)
