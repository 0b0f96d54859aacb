# SPDX-License-Identifier: BSD-2-Clause
"""A kernel's mount shown at a directory of the host, by the native server.

The server's loop is C (csrc/fuse) on a thread that never takes the GIL; this
file starts and ends it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import weakref
from dataclasses import replace

from rumpy.fuse import mounting
from rumpy.fuse.errors import MountError
from rumpy.fuse.options import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rumpy.mount import Mount

__all__ = ["Export", "NativeServer", "export"]

#: fuse_server_run()'s answers.
UNMOUNTED, STOPPED, PANIC, FAILED = range(4)

#: How long Linux may believe names and attributes that others change as well.
SHARED_VALID_S = 0

_INIT_MS = 10_000
_DETACH_S = 10.0


class NativeServer:
    """The native /dev/fuse server of one mount.

    Attributes:
        mountpoint: the host's directory.
        why: UNMOUNTED, STOPPED, PANIC or FAILED once it has ended, else None.
    """

    def __init__(
        self,
        mount: Mount,
        mountpoint: str,
        options: Options,
        *,
        source: str | None = None,
        shared: bool = False,
    ) -> None:
        from rumpy._hyp import ffi, lib

        self._ffi, self._lib = ffi, lib
        self._machine: Any = mount.kernel._machine
        self.mountpoint = mountpoint
        self._shared = shared
        self._source = source or image_of(mount) or mount.driver
        self.why: int | None = None
        self._ended: list[Callable[[], object]] = []
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self._door = self._attach(mount, options)
        try:
            self._start(options)
        except BaseException:
            self._detach()
            raise

    # --- up -----------------------------------------------------------------

    def _attach(self, mount: Mount, options: Options) -> Any:
        """Make the mount reachable by node ids, in the kernel."""
        lib = self._lib
        door = self._ffi.new("struct door_export *")
        path = self._ffi.new("char[]", mount.where.encode())
        door.path = path
        door.flags = lib.EXPORT_RDONLY if options.ro else 0
        if options.fakeroot:
            door.flags |= lib.EXPORT_MAPPED
            door.map_uid = options.uid
            door.map_gid = options.gid
        # Where names differ in case only, "absent" can't be believed.
        if mount.driver not in _CASELESS:
            door.flags |= lib.EXPORT_NEGATIVE
        door.entry_valid = door.attr_valid = options.timeout
        error = self._machine.call("export_attach", door)
        if error:
            from rumpy.abi.errno import oserror

            raise oserror(error, mount.where)
        self._machine.exports.add(self)
        return door

    def _config(self, fd: int, options: Options) -> Any:
        lib, door = self._lib, self._door
        config = self._ffi.new("struct fuse_config *")
        config.fd = fd
        config.kernel = self._machine.k
        config.proc = self._machine.initproc
        config.entry = self._machine.image.symbols["kern_export"]
        config.export_handle = door.handle
        config.entry_valid = config.attr_valid = options.timeout
        flags = 0
        for wanted, flag in (
            (door.flags & lib.EXPORT_RDONLY, lib.FUSE_SERVER_RDONLY),
            (options.fakeroot, lib.FUSE_SERVER_MAPPED),
            (door.xattr, lib.FUSE_SERVER_XATTR),
            (door.trivial_open, lib.FUSE_SERVER_NO_OPEN),
            (options.locks or self._shared, lib.FUSE_SERVER_LOCKS),
            (self._shared, lib.FUSE_SERVER_SHARED),
            (door.acl, lib.FUSE_SERVER_ACL),
            (options.writeback, lib.FUSE_SERVER_WRITEBACK),
            (os.environ.get("RUMPY_FUSE_TRACE"), lib.FUSE_SERVER_TRACE),
        ):
            flags |= flag if wanted else 0
        config.flags = flags
        return config

    def _start(self, options: Options) -> None:
        fd = mounting.mount_descriptor(self._source, self.mountpoint, options)
        error = self._ffi.new("int *")
        self._server = self._lib.fuse_server_create(self._config(fd, options), error)
        if not self._server:
            self._unmount_quietly()
            os.close(fd)
            raise MountError(os.strerror(error[0]), mountpoint=self.mountpoint)
        self._thread = threading.Thread(
            target=self._run, name=f"fuse {self.mountpoint}", daemon=True
        )
        self._thread.start()
        code = self._lib.fuse_server_wait_init(self._server, _INIT_MS)
        if code:
            self.close()
            raise MountError(
                f"Linux did not accept the server: {os.strerror(code)}",
                mountpoint=self.mountpoint,
            )
        mounting.read_ahead(self.mountpoint)

    def _run(self) -> None:
        self.why = int(self._lib.fuse_server_run(self._server))
        for call in self._ended:
            call()

    # --- down ---------------------------------------------------------------

    def on_end(self, call: Callable[[], object]) -> None:
        """Have `call` called, on the server's thread, when it has ended."""
        self._ended.append(call)
        if self.why is not None:
            call()

    @property
    def running(self) -> bool:
        """Whether requests are served."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def requests(self) -> int:
        """How many messages Linux has sent."""
        return int(self._lib.fuse_server_requests(self._server)) if self._server else 0

    def stop(self) -> None:
        """Stop serving; whoever still uses the mount gets errors."""
        if self._server:
            self._lib.fuse_server_stop(self._server)

    def fail(self) -> None:
        """The kernel is dead: answer EIO to everybody who waits, and stop."""
        if self._server:
            self._lib.fuse_server_fail(self._server)

    def inval_inode(self, node: int, offset: int = 0, length: int = 0) -> None:
        """Tell Linux that a file changed by other hands; length 0 is all."""
        self._lib.fuse_server_inval_inode(self._server, node, offset, length)

    def inval_entry(self, parent: int, name: str) -> None:
        """Tell Linux that a name came, went or means another file."""
        raw = os.fsencode(name)
        self._lib.fuse_server_inval_entry(self._server, parent, raw, len(raw))

    def _unmount_quietly(self) -> None:
        with contextlib.suppress(MountError):
            self.unmount(lazy=True)

    def unmount(self, *, lazy: bool = False) -> None:
        """Take the mount out of the host's tree; the server then ends itself.

        Raises:
            MountError: busy.
        """
        entry = mounting.find_mount(self.mountpoint)
        if entry is not None and entry.fstype.startswith("fuse"):
            mounting.unmount(self.mountpoint, lazy=lazy)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; whether it has."""
        if self._thread is not None:
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True

    def close(self) -> None:
        """End it in any case, and let go of the kernel's mount."""
        if self._server is None:
            return
        if self.why != UNMOUNTED:
            self._unmount_quietly()
        if not self.join(1.0):
            self.stop()
            self.join()
        self._lib.fuse_server_destroy(self._server)
        self._server = None
        self._detach()

    def _detach(self) -> None:
        import time

        self._machine.exports.discard(self)
        if not self._door.handle or not self._machine.running():
            return
        end = time.monotonic() + _DETACH_S
        while (
            self._machine.call("export_detach", self._door) and time.monotonic() < end
        ):
            time.sleep(0.01)


#: Drivers that take "A" and "a" for one name.
_CASELESS = frozenset({"msdosfs", "ntfs", "cd9660", "hfs", "smbfs"})


def image_of(mount: Mount) -> str | None:
    """The image file of a mount, or None if something else is behind it."""
    path = getattr(getattr(mount.disk, "device", None), "path", None)
    return os.path.abspath(path) if isinstance(path, str) else None


class Export:
    """A mount of a kernel of this process, shown to the host; ends with close().

    Attributes:
        mountpoint: the host's directory.
    """

    def __init__(self, server: Any, mountpoint: str) -> None:
        self._server = server
        self.mountpoint = mountpoint
        _live.add(self)

    @property
    def running(self) -> bool:
        """Whether it is being served."""
        return self._server is not None and bool(self._server.running)

    def close(self) -> None:
        """Unmount (at once, even if in use) and stop."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def __enter__(self) -> Export:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "live" if self.running else "closed"
        return f"<Export {self.mountpoint} ({state})>"


_live: weakref.WeakSet[Export] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for found in list(_live):
        found.close()


class _Spawned:
    """An export by a process of its own."""

    def __init__(self, mountpoint: str) -> None:
        self.mountpoint = mountpoint
        self.running = True

    def close(self) -> None:
        from rumpy.fuse.engine import umount

        self.running = False
        umount(self.mountpoint)


def export(
    mount: Mount,
    directory: str | os.PathLike[str],
    options: Options | str = "",
    *,
    in_process: bool = False,
) -> Export:
    """Show a kernel's mount at a directory of the host.

    By default a process of its own serves it, with a kernel of its own; two
    kernels can't write to one image, so the mount must be read-only for that.
    With `in_process` this process serves this kernel's mount.  Then nothing in
    this process may touch the directory while it holds the GIL for what the
    mount needs: no Python block device and no hypercalls in Python.

    Raises:
        MountError: not possible; says why.
    """
    if isinstance(options, str):
        options = Options.parse(options)
    where = mounting.absolute(directory)
    if not in_process:
        return _export_spawned(mount, where, options)
    options = options.checked().resolved()
    if python_on_path(mount):
        raise MountError(
            "Python code serves this kernel's disk, and this process would wait"
            " for itself",
            mountpoint=where,
        )
    mounting.check_host(options)
    mounting.check_mountpoint(where)
    # Others change the tree as well: Linux is to look again soon.
    options = replace(options, timeout=min(options.timeout, SHARED_VALID_S))
    return Export(NativeServer(mount, where, options, shared=True), where)


def python_on_path(mount: Mount) -> bool:
    """Whether serving the mount may run Python code."""
    from rumpy.block.protocol import is_native
    from rumpy.hypercall import PythonBlockGroup

    device = getattr(mount.disk, "device", None)
    if device is not None and not is_native(device):
        return True
    groups = mount.kernel._machine.hypercalls
    return isinstance(groups.block, PythonBlockGroup) or any(
        not type(group).__module__.startswith("rumpy.hypercall.")
        for group in (groups.memory, groups.block, groups.clock, groups.random)
    )


def _export_spawned(mount: Mount, where: str, options: Options) -> Export:
    from rumpy.fuse.engine import mount as mount_image

    image = image_of(mount)
    if image is None or not os.path.isfile(image):
        raise MountError(
            "a process of its own can only serve an image file",
            mountpoint=where,
            hint="in_process=True",
        )
    if not mount.readonly:
        raise MountError(
            "this kernel writes to the image, and two kernels can't",
            mountpoint=where,
            hint='mount it "ro", or export(..., in_process=True)',
        )
    mount_image(mount.driver, image, where, replace(options, ro=True))
    return Export(_Spawned(where), where)
