# SPDX-License-Identifier: BSD-2-Clause
"""Extended attributes, with the signatures of `os`, and access control lists.

Names carry their name space as on the host: "user.NAME", "system.NAME".
"""

from __future__ import annotations

import os

from rumpy._hyp import ffi
from rumpy.abi.calls import NUMBERS
from rumpy.api.base import face_ip, face_ipp, face_pp, name_bytes, new_buffer
from rumpy.api.trees import TreeCalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rumpy.abi.acl import AclEntry
    from rumpy.api.base import Buffer, Name

_ROOM = 65536


def _number(verb: str, path: Name | int, follow_symlinks: bool) -> int:
    """The system call for a descriptor, a link itself, or what it leads to."""
    kind = "f" if isinstance(path, int) else "" if follow_symlinks else "l"
    return NUMBERS[f"{kind}{verb}"]


def _acl_number(verb: str, path: Name | int, follow_symlinks: bool) -> int:
    kind = "fd" if isinstance(path, int) else "file" if follow_symlinks else "link"
    return NUMBERS[f"__acl_{verb}_{kind}"]


class AttributeCalls(TreeCalls):
    """getxattr, setxattr, listxattr, removexattr; getacl, setacl, removeacl."""

    def getxattr(
        self, path: Name | int, attribute: Name, *, follow_symlinks: bool = True
    ) -> bytes:
        """The value of an extended attribute."""
        number = _number("getxattr", path, follow_symlinks)
        memory = new_buffer("char[]", _ROOM)
        name = name_bytes(attribute)
        if isinstance(path, int):
            size = face_ipp(self._k, self._p, number, path, name, memory, _ROOM)
        else:
            where = int(ffi.cast("intptr_t", memory))
            size = face_pp(
                self._k, self._p, number, name_bytes(path), name, where, _ROOM
            )
        if size < 0:
            raise self._failed(size, path)
        value: bytes = ffi.unpack(memory, size)
        return value

    def listxattr(
        self, path: Name | int | None = None, *, follow_symlinks: bool = True
    ) -> list[str]:
        """The names of a file's extended attributes; None is "."."""
        path = "." if path is None else path
        number = _number("listxattr", path, follow_symlinks)
        memory = new_buffer("char[]", _ROOM)
        if isinstance(path, int):
            size = face_ip(self._k, self._p, number, path, memory, _ROOM, 0, 0)
        else:
            size = face_pp(self._k, self._p, number, name_bytes(path), memory, _ROOM, 0)
        if size < 0:
            raise self._failed(size, path)
        names = ffi.unpack(memory, size).split(b"\0")
        return [os.fsdecode(name) for name in names if name]

    def setxattr(
        self,
        path: Name | int,
        attribute: Name,
        value: Buffer,
        flags: int = 0,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        """Set an extended attribute; flags are os.XATTR_CREATE, XATTR_REPLACE."""
        from rumpy.api.raw import call

        number = _number("setxattr", path, follow_symlinks)
        target = path if isinstance(path, int) else name_bytes(path)
        call(self, number, (target, name_bytes(attribute), value, len(value), flags))

    def removexattr(
        self, path: Name | int, attribute: Name, *, follow_symlinks: bool = True
    ) -> None:
        """Remove an extended attribute."""
        number = _number("removexattr", path, follow_symlinks)
        name = name_bytes(attribute)
        if isinstance(path, int):
            result = face_ip(self._k, self._p, number, path, name, 0, 0, 0)
        else:
            result = face_pp(self._k, self._p, number, name_bytes(path), name, 0, 0)
        if result < 0:
            raise self._failed(result, path)

    def getacl(
        self, path: Name | int, kind: str = "access", *, follow_symlinks: bool = True
    ) -> tuple[AclEntry, ...]:
        """The access control list of a file (rumpy.abi.acl has the numbers).

        `kind` is "access", "default" (what new files in a directory get) or
        "nfs4".  A file without a list has the one that its mode stands for.

        Raises:
            OSError: EOPNOTSUPP where the mount has no lists, EINVAL where it
                has those of another kind.
        """
        from rumpy.abi.acl import KINDS, decode, empty
        from rumpy.api.raw import call

        number = _acl_number("get", path, follow_symlinks)
        target = path if isinstance(path, int) else name_bytes(path)
        memory = empty()
        call(self, number, (target, KINDS[kind], memory))
        return decode(memory)

    def setacl(
        self,
        path: Name | int,
        entries: Iterable[AclEntry],
        kind: str = "access",
        *,
        follow_symlinks: bool = True,
    ) -> None:
        """Set the access control list of a file; its mode follows."""
        from rumpy.abi.acl import KINDS, encode
        from rumpy.api.raw import call

        number = _acl_number("set", path, follow_symlinks)
        target = path if isinstance(path, int) else name_bytes(path)
        call(self, number, (target, KINDS[kind], encode(entries)))

    def removeacl(
        self, path: Name | int, kind: str = "access", *, follow_symlinks: bool = True
    ) -> None:
        """Remove a list; what the mode says stays."""
        from rumpy.abi.acl import KINDS
        from rumpy.api.raw import call

        number = _acl_number("delete", path, follow_symlinks)
        target = path if isinstance(path, int) else name_bytes(path)
        call(self, number, (target, KINDS[kind]))
