# SPDX-License-Identifier: BSD-2-Clause
"""A mounted file system, and the arguments that mount(2) wants for each kind."""

from __future__ import annotations

from rumpy.abi import flags as _flags
from rumpy.abi import structs
from rumpy.path import KernelPath

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from typing import Any

    from rumpy.abi.structs import StatvfsResult
    from rumpy.disks import Disk
    from rumpy.kernel import Kernel

__all__ = ["Mount", "mount_flags"]

#: Drivers whose whole mount(2) data is `char *fspec`.
_FSPEC_ONLY = frozenset({"ffs", "ext2fs", "lfs"})

#: Room for the members behind fspec that other drivers read; zeros are their
#: defaults, and mount(2) accepts more than the driver wants.
_ROOM = 256


def disk_arguments(driver: str, fspec: int) -> bytes:
    """The data of mount(2) for a driver on a disk; `fspec` is an address."""
    data = structs.UFS_ARGS.pack(fspec)
    return data if driver in _FSPEC_ONLY else data.ljust(_ROOM, b"\0")


def mount_flags(options: Iterable[str]) -> int:
    """NetBSD's mount flags for options as after `mount -o`.

    Raises:
        ValueError: an option nobody knows.
    """
    flags = 0
    for option in options:
        if option in ("rw", "defaults", ""):
            continue
        try:
            flags |= _flags.MOUNT_OPTIONS[option]
        except KeyError:
            known = ", ".join(sorted([*_flags.MOUNT_OPTIONS, "rw"]))
            raise ValueError(
                f"unknown mount option {option!r} (known: {known})"
            ) from None
    return flags


class Mount:
    """One mounted file system: a context manager that unmounts.

    `mnt / "name"` is a KernelPath on it.

    Attributes:
        kernel: whose mount it is.
        where: the directory it covers, a str.
        driver: name of the file system type.
        disk: what it is on, or None (tmpfs and the like).
        flags: NetBSD's mount flags.
    """

    def __init__(
        self,
        kernel: Kernel,
        driver: str,
        where: str,
        flags: int,
        *,
        disk: Disk | None = None,
        finish: Callable[[], object] | None = None,
    ) -> None:
        self.kernel = kernel
        self.driver = driver
        self.where = where
        self.flags = flags
        self.disk = disk
        self._finish = finish
        self._mounted = True

    def __truediv__(self, name: str | KernelPath) -> KernelPath:
        return self.path / name

    @property
    def path(self) -> KernelPath:
        """The directory as a KernelPath."""
        return KernelPath(self.kernel, self.where)

    @property
    def mounted(self) -> bool:
        """Whether it has not been unmounted by this object."""
        return self._mounted

    @property
    def readonly(self) -> bool:
        """Whether the kernel refuses to change it."""
        return bool(self.flags & _flags.MNT_RDONLY)

    def statvfs(self) -> StatvfsResult:
        """Size, room and names of the file system."""
        return self.kernel.statvfs(self.where)

    def update(self, *options: str) -> None:
        """Change the options of the live mount, e.g. update("ro").

        Raises:
            OSError: the driver refuses (EBUSY: files are open for writing).
        """
        flags = mount_flags(options)
        self.kernel._mount_again(self, flags)
        self.flags = flags

    def unmount(self, *, force: bool = False) -> None:
        """Write everything back and unmount.  Doing it again does nothing.

        Raises:
            OSError: EBUSY where files are open and `force` is false.
        """
        if not self._mounted:
            return
        self.kernel._unmount(self, _flags.MNT_FORCE if force else 0)
        self._mounted = False
        if self._finish is not None:
            self._finish()

    def export(self, directory: str | os.PathLike[str], **options: Any) -> Any:
        """Show it at `directory` of the host; see rumpy.fuse.export.

        Raises:
            OSError: no /dev/fuse, no such directory, not permitted.
        """
        from rumpy.fuse import export

        return export(self, directory, **options)

    def __enter__(self) -> Mount:
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        # A body that failed may have left files open; its error is the one
        # that matters.
        self.unmount(force=kind is not None)

    def __repr__(self) -> str:
        state = "" if self._mounted else " (unmounted)"
        return f"<Mount {self.driver} at {self.where}{state}>"
