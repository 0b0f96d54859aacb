# SPDX-License-Identifier: BSD-2-Clause
"""Access control lists: NetBSD's `struct acl` and its numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

#: Kinds of list: what a file has, what new files in a directory get, NFSv4.
KINDS = {"access": 2, "default": 3, "nfs4": 4}

#: Whom an entry is about.
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER, EVERYONE = 1, 2, 4, 8, 16, 32, 64
#: What it allows, in POSIX.1e lists.
EXECUTE, WRITE, READ = 1, 2, 4
#: What it allows or denies, in NFSv4 lists.
READ_DATA, WRITE_DATA, APPEND_DATA = 0x8, 0x10, 0x20
READ_NAMED_ATTRS, WRITE_NAMED_ATTRS, DELETE_CHILD = 0x40, 0x80, 0x100
READ_ATTRIBUTES, WRITE_ATTRIBUTES, DELETE = 0x200, 0x400, 0x800
READ_ACL, WRITE_ACL, WRITE_OWNER, SYNCHRONIZE = 0x1000, 0x2000, 0x4000, 0x8000
#: Which of the two, in NFSv4 lists.
ALLOW, DENY = 0x100, 0x200
#: How it is inherited, in NFSv4 lists.
FILE_INHERIT, DIRECTORY_INHERIT, NO_PROPAGATE, INHERIT_ONLY = 1, 2, 4, 8
INHERITED = 0x80

#: The id of entries that are about nobody by number.
UNDEFINED = 0xFFFFFFFF
MAX_ENTRIES = 254
_HEAD = struct.Struct("=II16x")
_ENTRY = struct.Struct("=IIIHH")
#: Bytes of `struct acl`.
SIZE = _HEAD.size + MAX_ENTRIES * _ENTRY.size


@dataclass(frozen=True, slots=True)
class AclEntry:
    """One entry of a list.

    `tag` is USER_OBJ, USER, ...; `perm` what is allowed (or denied); `id` the
    uid or gid of USER and GROUP; `type` (ALLOW, DENY) and `flags` are for
    NFSv4 lists.
    """

    tag: int
    perm: int
    id: int = UNDEFINED
    type: int = 0
    flags: int = 0


def empty() -> bytearray:
    """Memory for a list to be fetched into."""
    memory = bytearray(SIZE)
    _HEAD.pack_into(memory, 0, MAX_ENTRIES, 0)
    return memory


def encode(entries: Iterable[AclEntry]) -> bytearray:
    """`struct acl` of some entries.

    Raises:
        ValueError: there are too many.
    """
    listed = list(entries)
    if len(listed) > MAX_ENTRIES:
        raise ValueError(f"a list has at most {MAX_ENTRIES} entries")
    memory = empty()
    _HEAD.pack_into(memory, 0, MAX_ENTRIES, len(listed))
    for i, e in enumerate(listed):
        at = _HEAD.size + i * _ENTRY.size
        _ENTRY.pack_into(memory, at, e.tag, e.id, e.perm, e.type, e.flags)
    return memory


def decode(memory: bytes | bytearray) -> tuple[AclEntry, ...]:
    """The entries of a `struct acl`."""
    _, count = _HEAD.unpack_from(memory, 0)
    out = []
    for i in range(min(count, MAX_ENTRIES)):
        at = _HEAD.size + i * _ENTRY.size
        tag, number, perm, kind, flags = _ENTRY.unpack_from(memory, at)
        out.append(AclEntry(tag, perm, number, kind, flags))
    return tuple(out)
