# SPDX-License-Identifier: BSD-2-Clause
"""The seam to Linux: no operation of the protocol is overlooked."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WIRE = (ROOT / "csrc/fuse/wire.c").read_text()
EXPORT = (ROOT / "csrc/include/rumpy/export.h").read_text()
DOOR = (ROOT / "csrc/kernel/vfs/export.c").read_text()

#: Those of enum fuse_opcode that are no operations.
NO_OPERATIONS = {"FUSE_INIT_BSWAP_RESERVED"}


def protocol() -> set[str]:
    """Operations of the host's <linux/fuse.h>."""
    text = Path("/usr/include/linux/fuse.h").read_text()
    body = text[text.index("enum fuse_opcode {") :]
    body = body[: body.index("};")]
    return set(re.findall(r"^\s*((?:FUSE|CUSE)_[A-Z0-9_]+)\s*=", body, re.M))


def test_every_operation_is_served_or_left_out_for_a_reason() -> None:
    rows = set(re.findall(r"ROW\((?:RUMPY_)?(FUSE_[A-Z0-9_]+)", WIRE))
    absent = set(re.findall(r"\{ ((?:FUSE|CUSE)_[A-Z0-9_]+), \"[^\"]+\" \}", WIRE))
    assert not rows & absent
    named = {name for name in protocol() if "BSWAP" not in name}
    assert named - rows - absent - NO_OPERATIONS - {"FUSE_STATX"} == set()


def test_every_request_has_its_function_in_the_kernel() -> None:
    wanted = set(re.findall(r"^\t(EXPORT_[A-Z]+),?\t", EXPORT, re.M))
    done = set(re.findall(r"^\t\[(EXPORT_[A-Z]+)\]", DOOR, re.M))
    wanted |= set(re.findall(r"^\t(EXPORT_[A-Z]+),$", EXPORT, re.M))
    assert wanted - {"EXPORT_NOP", "EXPORT_NOPS"} == done
