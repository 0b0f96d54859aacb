# SPDX-License-Identifier: BSD-2-Clause
"""Mounted file systems: one, the table of all, and mount(2)'s arguments."""

from __future__ import annotations

from rumpy._hyp import ffi, lib
from rumpy.abi import flags as _flags
from rumpy.abi.calls import NUMBERS
from rumpy.abi.errno import oserror
from rumpy.errors import ImageError
from rumpy.path import KernelPath

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from rumpy.abi.structs import StatvfsResult
    from rumpy.disks import Disk
    from rumpy.kernel import Kernel

__all__ = ["Mount", "MountTable", "mount_flags"]

_MOUNT = NUMBERS["mount"]
_ENOENT, _EIO, _EBUSY, _ENODEV, _EINVAL, _EFTYPE = 2, 5, 16, 19, 22, 79
_EOPNOTSUPP = 45


def mount_flags(options: Iterable[str], others: Iterable[str] = ()) -> int:
    """NetBSD's mount flags for options as after `mount -o`.

    Args:
        options: the words.
        others: further options that there are, for the message.

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
            known = ", ".join(sorted([*_flags.MOUNT_OPTIONS, *others, "rw"]))
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
        source: name of what it is on, in the kernel, or None.
        options: the driver's own options it was mounted with.
        flags: NetBSD's mount flags.
    """

    def __init__(
        self,
        kernel: Kernel,
        driver: str,
        where: str,
        flags: int,
        *,
        number: int,
        disk: Disk | None = None,
        source: str | None = None,
        options: Mapping[str, Any] | None = None,
        finish: Callable[[], object] | None = None,
    ) -> None:
        self.kernel = kernel
        self.driver = driver
        self.where = where
        self.flags = flags
        self.disk = disk
        self.source = source
        self.options = dict(options or {})
        self._number = number
        self._finish = finish
        self._mounted = True
        self._epoch = kernel._books.epoch

    def __truediv__(self, name: str | KernelPath) -> KernelPath:
        return self.path / name

    @property
    def path(self) -> KernelPath:
        """The directory as a KernelPath.

        Raises:
            SnapshotError: it was mounted after the snapshot that was restored.
        """
        self.kernel._books.check(self._epoch)
        return KernelPath(self.kernel, self.where)

    @property
    def mounted(self) -> bool:
        """Whether it is there: something in the kernel may have unmounted it."""
        return self._mounted and self.kernel._has_mount(self)

    @property
    def readonly(self) -> bool:
        """Whether the kernel refuses to change it."""
        return bool(self.flags & _flags.MNT_RDONLY)

    def statvfs(self) -> StatvfsResult:
        """Size, room and names of the file system."""
        self.kernel._books.check(self._epoch)
        return self.kernel.statvfs(self.where)

    def update(self, *options: str) -> None:
        """Change the options of the live mount, e.g. update("ro").

        Raises:
            OSError: the driver refuses (EBUSY: files are open for writing).
        """
        flags = mount_flags(options)
        self.kernel._books.check(self._epoch)
        self.kernel._update_mount(self, flags)
        self.flags = flags

    def unmount(self, *, force: bool = False) -> None:
        """Write everything back and unmount.  Doing it again does nothing.

        Raises:
            OSError: EBUSY where files are open and `force` is false.
        """
        if not self._mounted:
            return
        self.kernel._unmount(self, _flags.MNT_FORCE if force else 0)
        self._gone()

    def _end(self) -> None:
        """Unmount, whatever is open.

        Raises:
            OSError: not all could be written back; it is unmounted all the same.
        """
        try:
            self.unmount()
        except OSError as error:
            self.unmount(force=True)
            if getattr(error, "kernel_errno", 0) != _EBUSY:
                raise

    def _gone(self) -> None:
        """It is not mounted any more: its disk goes, if it came with it."""
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


class MountTable:
    """What one kernel has mounted; its methods are Kernel's, under its lock."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._live: list[Mount] = []

    def mount(
        self,
        kind: str,
        source: Any,
        where: str,
        flags: int,
        *,
        options: Mapping[str, Any],
        data: bytes | None,
        offset: int,
        size: int | None,
    ) -> Mount:
        """See Kernel.mount."""
        from rumpy.mountdata import check, source_kind

        if data is None:
            options = check(kind, options)
        elif options:
            raise ValueError("data= and options of the driver exclude each other")
        self._need_driver(kind)
        disk, own, name = None, False, None
        if source is None and data is None and source_kind(kind) == "disk":
            raise ValueError(f"{kind} needs a disk to be mounted")
        if source_kind(kind) in ("disk", ""):
            disk, own = self._disk_of(source, flags, offset, size)
            name = disk.path if disk is not None else None
        elif source is not None:
            name = str(source)
        if name is not None and source_kind(kind) == "directory":
            name = self._kernel.realpath(name)
        try:
            if disk is not None and disk.readonly:
                flags |= _flags.MNT_RDONLY
            path = self._mount_point(where)
            self._call(kind, path, flags, name, options, data, source)
        except BaseException:
            if own and disk is not None:
                self._give_back(disk)
            raise
        finish = disk.detach if own and disk is not None else None
        mount = Mount(
            self._kernel,
            kind,
            path,
            flags,
            number=self._number_at(path),
            disk=disk,
            source=name,
            options=options,
            finish=finish,
        )
        self._live.append(mount)
        if flags & _flags.MNT_NODIRATIME:
            try:
                self._nodiratime(mount, True)
            except OSError:
                mount.unmount(force=True)
                raise
        return mount

    def _need_driver(self, kind: str) -> None:
        """Load a shipped driver that is not there."""
        from rumpy.linker import find_module

        netbsd = self._kernel._machine.linker.netbsd
        shipped = find_module(kind, netbsd=netbsd) is not None
        if shipped and kind not in self._kernel._modules:
            self._kernel.load(kind)

    def _disk_of(
        self, source: Any, flags: int, offset: int, size: int | None
    ) -> tuple[Disk | None, bool]:
        """The disk to mount, and whether it goes with the mount."""
        kernel = self._kernel
        if source is None:
            return None, False
        if getattr(source, "kernel", None) is kernel:
            return source, False  # a Disk of ours
        found = kernel._disks.get(source)
        if found is not None:
            return found, False
        readonly = True if flags & _flags.MNT_RDONLY else None
        return kernel.attach(source, readonly=readonly, offset=offset, size=size), True

    def _give_back(self, disk: Disk) -> None:
        """Detach after a failure that is the one to report."""
        try:
            disk.detach()
        except OSError as error:
            self._kernel.log.warning("%s stays attached: %s", disk.path, error)

    def _mount_point(self, where: str) -> str:
        """The directory to cover, made where it is missing."""
        path = self._kernel.realpath(where)
        self._kernel.makedirs(path, exist_ok=True)
        return path

    def _call(
        self,
        kind: str,
        path: str,
        flags: int,
        name: str | None,
        options: Mapping[str, Any],
        data: bytes | None,
        source: Any,
    ) -> None:
        """mount(2); what a driver prints becomes part of the error."""
        kernel = self._kernel
        alive: list[Any] = []
        if data is None:
            from rumpy.mountdata import pack

            data, alive = pack(kind, name, options)
        printed = kernel.console.position()
        names = kind.encode(), path.encode()
        result = lib.face_mount(
            kernel._k, kernel._p, _MOUNT, *names, flags & 0xFFFFFFFF, data, len(data)
        )
        alive.clear()  # what the data pointed to
        if result >= 0:
            return
        error = kernel._failed(result, path)
        if isinstance(error, OSError):
            said = kernel.console.since(printed)
            raise _mount_error(error, kind, source, _reason(said)) from None
        raise error

    def _number_at(self, path: str) -> int:
        """The kernel's number of the mount whose root the path is; 0: of none."""
        text = ffi.new("char[]", path.encode("utf-8", "surrogateescape"))
        door = ffi.new("struct door_mount *")
        door.path = text
        if self._kernel._machine.call("mount_find", door, self._kernel._p):
            return 0
        return int(door.gen)

    def update(self, mount: Mount, flags: int) -> None:
        """Change the flags of a live mount."""
        if self._number_at(mount.where) != mount._number:
            raise oserror(_EINVAL, mount.where)  # something else is there now
        flags |= _flags.MNT_UPDATE
        self._call(
            mount.driver, mount.where, flags, mount.source, mount.options, None, None
        )
        self._nodiratime(mount, bool(flags & _flags.MNT_NODIRATIME))

    def _nodiratime(self, mount: Mount, wanted: bool) -> None:
        """Whether directories have no access times: mount(2) has no flag for it."""
        error = self._ask("mount_nodiratime", mount, wanted)
        if error != 0 and (wanted or error != _EOPNOTSUPP):
            raise oserror(error, f"{mount.driver}: nodiratime")

    def unmount(self, mount: Mount, flags: int) -> None:
        """Unmount, unless that has been done."""
        if mount not in self._live:
            return
        error = self._ask("mount_end", mount, flags)
        if error not in (0, _ENOENT):
            raise oserror(error, mount.where)
        self._live.remove(mount)

    def _ask(self, door: str, mount: Mount, flags: int = 0) -> int:
        """Something of one mount, by number; a NetBSD errno."""
        machine = self._kernel._machine
        if not machine.running():
            return 0
        argument = ffi.new("struct door_mount *")
        argument.gen = mount._number
        argument.flags = flags
        return machine.call(door, argument)

    def has(self, mount: Mount) -> bool:
        """Whether the kernel still has it mounted."""
        return mount in self._live and self._ask("mount_live", mount) == 0

    def live(self) -> list[Mount]:
        """What is mounted, oldest first."""
        for mount in [*self._live]:
            if not self.has(mount):
                self._live.remove(mount)
                self._lost(mount)
        return [*self._live]

    def _lost(self, mount: Mount) -> None:
        """Something in the kernel has unmounted it."""
        try:
            mount._gone()
        except OSError as error:
            self._kernel.log.warning("%s: %s", mount, error)

    def snapshot(self) -> list[tuple[Mount, int]]:
        """What is mounted, with its flags."""
        return [(mount, mount.flags) for mount in self._live]

    def restore(self, then: list[tuple[Mount, int]]) -> None:
        """These are mounted again, and no others."""
        for mount in self._live:
            mount._mounted = False
        for mount, flags in then:
            mount._mounted, mount.flags = True, flags
        self._live = [mount for mount, _ in then]

    def clear(self) -> None:
        """The kernel is gone, and its mounts with it."""
        for mount in self._live:
            mount._mounted = False
        self._live.clear()


def _reason(said: str) -> str:
    """What a driver said last on the console, without its name and the disk's."""
    line = said.strip().rpartition("\n")[2]
    for _ in range(2):
        name, colon, rest = line.partition(": ")
        line = rest if colon and name.replace("/", "").isalnum() else line
    return line


def _mount_error(error: OSError, kind: str, source: Any, why: str) -> BaseException:
    """What mount(2) and the driver said, in the words of who mounts an image."""
    number = getattr(error, "kernel_errno", 0)
    if number == _ENODEV:
        return oserror(number, f"no driver for file system type {kind!r}")
    name = str(source) if isinstance(source, str) or hasattr(source, "parts") else None
    if number in (_EINVAL, _EFTYPE, _EIO) and name is not None:
        return ImageError(
            f"no {kind} file system that can be mounted ({why or error.strerror})",
            image=name,
        )
    if why:
        error.filename = name or error.filename
        error.strerror = why
    return error
