# SPDX-License-Identifier: BSD-2-Clause
"""sysctl(7) by name: `k.sysctl("kern.ostype")`.

The kernel's tree is numbered; names are found by asking each node for its
children (CTL_QUERY), as NetBSD's own library does.
"""

from __future__ import annotations

from struct import Struct, pack

from rumpy._hyp import ffi, lib
from rumpy.abi.calls import NUMBERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from rumpy.process import Process

_SYSCTL = NUMBERS["__sysctl"]
_QUERY = -2
_VERSION = 0x01000000
_NODE = Struct("<Ii32sII16sQQQQ")  # struct sysctlnode
_ENOENT, _EINVAL, _ENOMEM = 2, 22, 12

#: CTLTYPE_ numbers, the low four bits of a node's flags.
NODE, INT, STRING, QUAD, STRUCT, BOOL = 1, 2, 3, 4, 5, 6
_NUMBERS = {INT: Struct("<i"), QUAD: Struct("<q"), BOOL: Struct("<?")}


def _call(
    process: Process, mib: tuple[int, ...], new: bytes | None, room: int
) -> bytes:
    """__sysctl(2); the old value, cut at `room` bytes."""
    names = ffi.new("int[]", list(mib))
    old = ffi.new("char[]", max(room, 1))
    size = ffi.new("size_t *", room)
    slots = [names, len(mib), old, size, new, len(new) if new is not None else 0]
    keep = [s if isinstance(s, int) else _address(s) for s in slots]
    result = lib.face_i(process._k, process._p, _SYSCTL, *keep)
    if result < 0:
        raise process._failed(result)
    data: bytes = ffi.buffer(old, min(size[0], room))[:]
    return data


def _address(value: Any) -> int:
    if value is None:
        return 0
    memory = ffi.from_buffer(value) if isinstance(value, bytes) else value
    return int(ffi.cast("intptr_t", memory))


def children(
    process: Process, mib: tuple[int, ...]
) -> Iterator[tuple[str, int, int, int]]:
    """Each (name, number, type, size) below a node."""
    query = _NODE.pack(_VERSION, 0, b"", _VERSION, 0, b"", 0, 0, 0, 0)
    data = _call(process, (*mib, _QUERY), query, 1 << 16)
    for fields in _NODE.iter_unpack(data[: len(data) // _NODE.size * _NODE.size]):
        name = fields[2].split(b"\0", 1)[0].decode()
        yield name, fields[1], fields[0] & 0xF, fields[6]


def find(process: Process, name: str) -> tuple[tuple[int, ...], int, int]:
    """Numbers, type and size of a node; FileNotFoundError where there is none."""
    mib: tuple[int, ...] = ()
    node: tuple[int, ...] = (NODE, 0)
    for part in name.split("."):
        below = {found[0]: found[1:] for found in children(process, mib)}
        if part not in below:
            raise process._failed(-_ENOENT, name)
        mib, node = (*mib, below[part][0]), below[part][1:]
    return mib, node[0], node[1]


def _encode(kind: int, value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode() + b"\0"
    return _NUMBERS[kind].pack(value) if kind in _NUMBERS else pack("<q", value)


def sysctl(process: Process, name: str, new: Any = None) -> Any:
    """See Process.sysctl."""
    mib, kind, size = find(process, name)
    if kind == NODE:
        return {n: number for n, number, _, _ in children(process, mib)}
    data = _call(process, mib, _encode(kind, new), max(size, 4096))
    if kind == STRING:
        return data.split(b"\0", 1)[0].decode("utf-8", "replace")
    return _NUMBERS[kind].unpack(data)[0] if kind in _NUMBERS else data
