# SPDX-License-Identifier: BSD-2-Clause
"""System calls by name: the generated table with the names people use.

NetBSD puts the version that changed a call into its name (__fstat50); here
"fstat" finds it too, as it would for a C program.
"""

from __future__ import annotations

from rumpy.abi.syscalls import SYSCALLS

#: Calls with two results.
PAIRS = frozenset({"pipe"})


def plain_name(name: str) -> str:
    """The name without leading underscores and version: __fstat50 is fstat."""
    if name.startswith("__"):
        bare = name[2:]
        return bare.rstrip("0123456789") if bare[-2:] in _VERSIONS else bare
    return name


_VERSIONS = {"30", "40", "50", "90"}

#: Every name, NetBSD's own and the plain one, to its number.
NUMBERS: dict[str, int] = {}
for _number, (_name, _result, _args) in SYSCALLS.items():
    NUMBERS[_name] = _number
    NUMBERS.setdefault(plain_name(_name), _number)
# statvfs1 carries a flag argument and the version: __statvfs190.
for _name in ("statvfs1", "fstatvfs1", "fhstatvfs1"):
    NUMBERS[_name] = NUMBERS[f"__{_name}90"]
