# SPDX-License-Identifier: BSD-2-Clause
"""The same tree through fusepy: for Python code in the path, and to compare with.

`KernelOperations` is fusepy's Operations (fusepy, or its maintained fork
mfusepy, which also speaks libfuse 3) over the system calls of a kernel.  Derive
from it to put something of your own in between:

    class Upper(KernelOperations):
        def read(self, path, size, offset, fh):
            return super().read(path, size, offset, fh).upper()

    serve(Upper(mount), "/host/dir")

It is path-based and takes the GIL for every operation; the native server is
five to ten times faster.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading

from rumpy.fuse import mounting
from rumpy.fuse.errors import MountError
from rumpy.fuse.exporter import STOPPED, UNMOUNTED
from rumpy.fuse.options import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from rumpy.mount import Mount
    from rumpy.process import Process

__all__ = ["FusepyServer", "KernelOperations", "serve"]

_INIT_S = 10.0

#: Open flags that mean something to the kernel; Linux adds others (O_LARGEFILE).
_OPEN_FLAGS = (
    os.O_ACCMODE | os.O_APPEND | os.O_TRUNC | os.O_SYNC | os.O_DSYNC | os.O_NONBLOCK
)


def fuse_module() -> Any:
    """fusepy or mfusepy, whichever is installed.

    Raises:
        MountError: neither is.
    """
    try:
        import fuse

        return fuse
    except (ImportError, OSError):
        pass
    os.environ.setdefault("FUSE_LIBRARY_NAME", "fuse3")
    try:
        import mfusepy

        return mfusepy
    except (ImportError, OSError):
        raise MountError(
            "server=fusepy needs fusepy or mfusepy, and libfuse",
            hint="pip install 'rumpykernel[fuse]'; apt install libfuse3-3",
        ) from None


class KernelOperations:
    """A mount as fusepy Operations.

    Args:
        mount: what is to be shown.
        options: whose rights count, and which owner is shown.
    """

    # fusepy asks for these on every write if they are there.
    getxattr = None
    setxattr = None
    listxattr = None
    removexattr = None
    access = None
    bmap = None
    ioctl = None
    lock = None
    use_ns = True

    def __init__(self, mount: Mount, options: Options | None = None) -> None:
        self._fuse = fuse_module()
        self._root = mount.where
        self._kernel = mount.kernel
        self._options = (options or Options()).resolved()
        self._users: dict[tuple[int, int], Process] = {}
        self._files: dict[int, tuple[Process, int]] = {}
        self._next = 1
        self._lock = threading.Lock()
        self.live = threading.Event()

    def __call__(self, op: str, *args: Any) -> Any:
        """fusepy's entry: one operation by name."""
        function: Callable[..., Any] | None = getattr(self, op, None)
        if function is None:
            raise self._fuse.FuseOSError(errno.ENOSYS)
        try:
            return function(*args)
        except OSError as error:
            raise self._fuse.FuseOSError(error.errno or errno.EIO) from None

    # --- who asks, and for what ---------------------------------------------

    def _process(self) -> Process:
        """A process of the kernel with the caller's credentials."""
        if self._options.fakeroot:
            return self._kernel
        uid, gid, _ = self._fuse.fuse_get_context()
        with self._lock:
            found = self._users.get((uid, gid))
            if found is None:
                found = self._kernel.process(uid=uid, gid=gid)
                self._users[uid, gid] = found
            return found

    def _path(self, path: str) -> str:
        return self._root + path if path != "/" else self._root

    def _keep(self, process: Process, fd: int) -> int:
        with self._lock:
            handle = self._next
            self._next += 1
            self._files[handle] = (process, fd)
            return handle

    def _shown(self, st: Any) -> dict[str, Any]:
        found = {
            "st_ino": st.st_ino,
            "st_mode": st.st_mode,
            "st_nlink": st.st_nlink,
            "st_uid": st.st_uid,
            "st_gid": st.st_gid,
            "st_size": st.st_size,
            "st_blocks": st.st_blocks,
            "st_blksize": st.st_blksize,
            "st_rdev": st.st_rdev,
            "st_atime": st.st_atime_ns,
            "st_mtime": st.st_mtime_ns,
            "st_ctime": st.st_ctime_ns,
        }
        if self._options.fakeroot:
            found["st_uid"], found["st_gid"] = self._options.uid, self._options.gid
        return found

    # --- life ---------------------------------------------------------------

    def init(self, path: str) -> None:
        """Linux has accepted us."""
        self.live.set()

    def destroy(self, path: str) -> None:
        """Unmounted: close what Linux left open."""
        for process, fd in self._files.values():
            with contextlib.suppress(OSError):
                process.close(fd)
        self._files.clear()

    # --- attributes ---------------------------------------------------------

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """lstat, or fstat where the file is open."""
        if fh is not None and fh in self._files:
            process, fd = self._files[fh]
            return self._shown(process.fstat(fd))
        # Whether the caller may see it has been decided by Linux.
        return self._shown(self._kernel.lstat(self._path(path)))

    def chmod(self, path: str, mode: int) -> int:
        """chmod of a file that is no symbolic link."""
        self._process().chmod(self._path(path), stat.S_IMODE(mode))
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        """lchown; under fakeroot only to the owner that is shown anyhow."""
        none = 0xFFFFFFFF
        uid, gid = (-1 if n in (-1, none) else n for n in (uid, gid))
        if self._options.fakeroot:
            if uid not in (-1, self._options.uid) or gid not in (-1, self._options.gid):
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
            return 0
        self._process().lchown(self._path(path), uid, gid)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        """Access and modification time, in nanoseconds."""
        self._process().utime(self._path(path), ns=times, follow_symlinks=False)
        return 0

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        """truncate, or ftruncate where the file is open."""
        if fh is not None and fh in self._files:
            process, fd = self._files[fh]
            process.ftruncate(fd, length)
        else:
            self._process().truncate(self._path(path), length)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        """The file system's figures."""
        found = self._kernel.statvfs(self._path(path))
        names = "f_bsize f_frsize f_blocks f_bfree f_bavail f_files f_ffree f_favail"
        return {name: max(0, int(getattr(found, name))) for name in names.split()} | {
            "f_namemax": found.f_namemax
        }

    # --- names --------------------------------------------------------------

    def readdir(self, path: str, fh: int) -> Iterator[str]:
        """All names."""
        yield "."
        yield ".."
        yield from self._kernel.listdir(self._path(path))

    def readlink(self, path: str) -> str:
        """Where a symbolic link leads."""
        return self._process().readlink(self._path(path))

    def mknod(self, path: str, mode: int, dev: int) -> int:
        """A FIFO, socket, device or empty file."""
        self._process().mknod(self._path(path), mode, dev)
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        """A directory."""
        self._process().mkdir(self._path(path), mode)
        return 0

    def unlink(self, path: str) -> int:
        """Remove a name; libfuse hides files that are open."""
        self._process().unlink(self._path(path))
        return 0

    def rmdir(self, path: str) -> int:
        """Remove an empty directory."""
        self._process().rmdir(self._path(path))
        return 0

    def symlink(self, target: str, source: str) -> int:
        """fusepy's order: the new name, then what it points to."""
        self._process().symlink(source, self._path(target))
        return 0

    def rename(self, old: str, new: str) -> int:
        """Rename, over an existing file if there is one."""
        self._process().rename(self._path(old), self._path(new))
        return 0

    def link(self, target: str, source: str) -> int:
        """fusepy's order: the new name, then the file."""
        self._process().link(self._path(source), self._path(target))
        return 0

    # --- files --------------------------------------------------------------

    def open(self, path: str, flags: int) -> int:
        """A handle."""
        process = self._process()
        return self._keep(process, process.open(self._path(path), flags & _OPEN_FLAGS))

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        """A handle of a new file."""
        process = self._process()
        flags = os.O_CREAT | os.O_RDWR
        return self._keep(process, process.open(self._path(path), flags, mode & 0o7777))

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """Bytes of an open file."""
        process, fd = self._files[fh]
        return process.pread(fd, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """Write to an open file."""
        process, fd = self._files[fh]
        return process.pwrite(fd, data, offset)

    def flush(self, path: str, fh: int) -> int:
        """A descriptor of the file was closed: nothing is held back here."""
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        """Write a file to the image."""
        process, fd = self._files[fh]
        (process.fdatasync if datasync else process.fsync)(fd)
        return 0

    def release(self, path: str, fh: int) -> int:
        """The last descriptor was closed."""
        with self._lock:
            process, fd = self._files.pop(fh)
        process.close(fd)
        return 0

    def opendir(self, path: str) -> int:
        """Directories have no handles."""
        return 0

    def releasedir(self, path: str, fh: int) -> int:
        """Directories have no handles."""
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        """Write a directory to the image."""
        fd = self._kernel.open(self._path(path), os.O_RDONLY)
        try:
            self._kernel.fsync(fd)
        finally:
            self._kernel.close(fd)
        return 0


def serve(
    operations: KernelOperations,
    mountpoint: str | os.PathLike[str],
    options: Options | None = None,
) -> None:
    """Serve until unmounted, on this thread.

    Raises:
        MountError: libfuse could not mount.
    """
    chosen = (options or Options()).resolved()
    words: dict[str, Any] = {
        "fsname": "rumpy",
        "subtype": "rumpy",
        "default_permissions": True,
    }
    if chosen.allow_other:
        words["allow_other"] = True
    if chosen.ro:
        words["ro"] = True
    where = os.fspath(mountpoint)
    try:
        fuse_module().FUSE(operations, where, foreground=True, nothreads=True, **words)
    except RuntimeError as error:
        raise MountError(f"libfuse failed: {error}", mountpoint=where) from None


class FusepyServer:
    """fusepy in the place of NativeServer.

    Attributes:
        mountpoint: the host's directory.
        why: UNMOUNTED or STOPPED once it has ended, else None.
    """

    def __init__(self, mount: Mount, mountpoint: str, options: Options) -> None:
        self.mountpoint = mountpoint
        self.why: int | None = None
        self._ended: list[Callable[[], object]] = []
        self._error: BaseException | None = None
        self._operations = KernelOperations(mount, options)
        self._options = options
        self._machine: Any = mount.kernel._machine
        self._machine.exports.add(self)
        self._thread = threading.Thread(
            target=self._run, name=f"fusepy {mountpoint}", daemon=True
        )
        self._thread.start()
        while not self._operations.live.wait(0.05):
            if not self._thread.is_alive():
                raise self._error or MountError("fusepy ended", mountpoint=mountpoint)

    def _run(self) -> None:
        try:
            serve(self._operations, self.mountpoint, self._options)
        except BaseException as error:
            self._error = error
        self._machine.exports.discard(self)
        self.why = UNMOUNTED
        for call in self._ended:
            call()

    def on_end(self, call: Callable[[], object]) -> None:
        """Have `call` called when it has ended."""
        self._ended.append(call)
        if self.why is not None:
            call()

    @property
    def running(self) -> bool:
        """Whether requests are served."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop serving; libfuse ends when the mount is gone."""
        self.why = STOPPED
        with contextlib.suppress(MountError):
            mounting.unmount(self.mountpoint, lazy=True)

    fail = stop

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
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self) -> None:
        """End it in any case."""
        if self.running:
            self.stop()
            self.join(5.0)
