# SPDX-License-Identifier: BSD-2-Clause
"""Calls on names, for trees whose caller has the functions of `os`."""

from __future__ import annotations

from typing import Any

from rumpy.testing.filesystem import Volume

__all__ = ["NamedCalls"]


class NamedCalls:
    """What a directory of the host and one of a kernel have in common.

    Attributes:
        root: the directory, as the caller's functions take it; a kernel's
            root directory is "".
    """

    root: str

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}" if path else ""

    def _os(self, function: str, *arguments: Any, **more: Any) -> Any:
        """Call the caller's function of this name."""
        raise NotImplementedError

    def access(self, path: str, mode: int) -> bool:
        may: bool = self._os("access", self._full(path), mode)
        return may

    def listdir(self, path: str) -> list[str]:
        names: list[str] = self._os("listdir", self._full(path))
        return names

    def readlink(self, path: str) -> str:
        target: str = self._os("readlink", self._full(path))
        return target

    def volume(self) -> Volume:
        st = self._os("statvfs", self.root or "/")
        unit = st.f_frsize
        return Volume(
            st.f_blocks * unit,
            st.f_bfree * unit,
            st.f_bavail * unit,
            st.f_files,
            st.f_ffree,
            st.f_namemax,
        )

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        self._os("mkdir", self._full(path), mode)

    def rmdir(self, path: str) -> None:
        self._os("rmdir", self._full(path))

    def unlink(self, path: str) -> None:
        self._os("unlink", self._full(path))

    def rename(self, old: str, new: str) -> None:
        self._os("rename", self._full(old), self._full(new))

    def link(self, old: str, new: str) -> None:
        self._os("link", self._full(old), self._full(new), follow_symlinks=False)

    def symlink(self, target: str, path: str) -> None:
        self._os("symlink", target, self._full(path))

    def mkfifo(self, path: str, mode: int = 0o666) -> None:
        self._os("mkfifo", self._full(path), mode)

    def mknod(self, path: str, mode: int, device: int) -> None:
        self._os("mknod", self._full(path), mode, device)

    def chmod(self, path: str, mode: int) -> None:
        self._os("chmod", self._full(path), mode)

    def chown(self, path: str, uid: int, gid: int) -> None:
        self._os("chown", self._full(path), uid, gid)

    def lchown(self, path: str, uid: int, gid: int) -> None:
        self._os("lchown", self._full(path), uid, gid)

    def truncate(self, path: str, size: int) -> None:
        self._os("truncate", self._full(path), size)
