# SPDX-License-Identifier: BSD-2-Clause
"""Processes of a kernel: credentials, a descriptor table, a working directory.

`k.process(uid=1000)` makes one; the kernel itself is the first, with uid 0 and
descriptors 0 to 2 on its console.  The methods are those of `os` by name and
signature (rumpy.api); flags and numbers are the host's, errors the host's
OSError subclasses with NetBSD's number in `.kernel_errno`.
"""

from __future__ import annotations

from rumpy._hyp import ffi, lib
from rumpy.abi.calls import NUMBERS
from rumpy.api.attributes import AttributeCalls
from rumpy.api.base import face_own
from rumpy.api.trees import DirEntry
from rumpy.errors import KernelClosed, SnapshotError
from rumpy.path import KernelPath

TYPE_CHECKING = False
if TYPE_CHECKING:
    import io
    import threading
    from collections.abc import Iterable
    from typing import Any

    from rumpy.api.base import Name
    from rumpy.api.limits import Deadline
    from rumpy.api.raw import RawCalls
    from rumpy.kernel import Kernel

__all__ = ["DirEntry", "Process"]

_n = NUMBERS.__getitem__
_GETPID, _GETPPID = _n("getpid"), _n("getppid")
_GETUID, _GETEUID, _GETGID, _GETEGID = (
    _n("getuid"), _n("geteuid"), _n("getgid"), _n("getegid"),
)  # fmt: skip
_GETGROUPS = _n("getgroups")
_NGROUPS = 16


class Process(AttributeCalls):
    """One process; its methods are system calls made by it.

    Any thread may call; a call that sleeps lets the others go on.
    """

    def __init__(self, owner: Kernel, handle: int) -> None:
        self._owner = owner
        self._go_to(owner._k, handle)
        self._sys: RawCalls | None = None
        self._stats = []
        self._bulks = []
        self._left = False

    def _go_to(self, k: Any, handle: int) -> None:
        """From now on calls go there; to NULL where there is nothing any more."""
        self._k, self._p = k, handle
        self._own: dict[int, Any] = {}

    def _prepare(self, number: int) -> Any:
        """A call without arguments, for face_own; made once."""
        prepared, k = self._own, self._k  # in this order: _go_to() has the other
        call = ffi.new("struct face_own *", (k, self._p, number))
        # A thread in such a call holds nothing else of the kernel.
        prepared[number] = call = ffi.gc(call, lambda _: k)
        return call

    def __reduce_ex__(self, protocol: object) -> Any:
        """Neither pickled nor copied: a copy that is forgotten would end it."""
        raise TypeError(f"a {type(self).__name__} is part of this process: no copies")

    # --- life ---------------------------------------------------------------

    def close(self, fd: int | None = None) -> None:
        """Close a descriptor; without one, end the process.

        Ending closes all its descriptors.  Ending it again does nothing.
        """
        if fd is not None:
            super().close(fd)
        elif self._p:
            self._owner._end_process(self)
            self._go_to(ffi.NULL, 0)

    def _failed(
        self, code: int, path: object = None, path2: object = None
    ) -> BaseException:
        """As in Calls; an ended process says so."""
        if self._left and not self._p:
            return SnapshotError(
                "the process was made after the snapshot that has been restored since"
            )
        if not self._p:
            return KernelClosed("the process has ended")
        return super()._failed(code, path, path2)

    def _abandoned(self) -> None:
        """A snapshot from before this process was restored."""
        self._go_to(ffi.NULL, 0)
        self._left = True

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = f"handle {self._p:#x}" if self._p else "ended"
        return f"<{type(self).__name__} {state}>"

    @property
    def kernel(self) -> Kernel:
        """The kernel this is a process of."""
        return self._owner

    def _abandon(self, fd: int | None, holder: object) -> None:
        """A finalizer found something open: warn, and close it at leisure."""
        import warnings

        warnings.warn(f"unclosed {holder!r}", ResourceWarning, stacklevel=3)
        if fd is not None:
            self._owner._later.append((self, fd))

    # --- who it is ----------------------------------------------------------

    def getpid(self) -> int:
        """The process id in the kernel."""
        try:
            call = self._own[_GETPID]
        except KeyError:
            call = self._prepare(_GETPID)
        result: int = face_own(call)
        if result < 0:
            raise self._failed(result)
        return result

    def getppid(self) -> int:
        """The parent's process id."""
        try:
            call = self._own[_GETPPID]
        except KeyError:
            call = self._prepare(_GETPPID)
        result: int = face_own(call)
        if result < 0:
            raise self._failed(result)
        return result

    def _id(self, number: int) -> int:
        result: int = face_own(self._own.get(number) or self._prepare(number))
        if result < 0:
            raise self._failed(result)
        return result

    def getuid(self) -> int:
        """The real user id."""
        return self._id(_GETUID)

    def geteuid(self) -> int:
        """The effective user id."""
        return self._id(_GETEUID)

    def getgid(self) -> int:
        """The real group id."""
        return self._id(_GETGID)

    def getegid(self) -> int:
        """The effective group id."""
        return self._id(_GETEGID)

    def getgroups(self) -> list[int]:
        """The supplementary groups."""
        table = ffi.new("uint32_t[]", _NGROUPS)
        where = int(ffi.cast("uintptr_t", table))
        count = self._int(_GETGROUPS, _NGROUPS, where)
        return list(table[0:count])

    # --- beyond os ----------------------------------------------------------

    def path(self, *parts: str | KernelPath) -> KernelPath:
        """A KernelPath of this process."""
        return KernelPath(self, "").joinpath(*parts) if parts else KernelPath(self)

    def fopen(
        self,
        file: Name | int,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
    ) -> io.IOBase:
        """An io object, as the builtin open gives it, of a file in the kernel.

        `file` may be a descriptor of this process.  The object has no
        fileno(); its raw part has kernel_fd.
        """
        from rumpy.api.files import fopen

        return fopen(self, file, mode, buffering, encoding, errors, newline, closefd)

    def download(self, source: Name, target: Any, **options: Any) -> None:
        """Copy a file or tree out to the host; see rumpy.transfer."""
        from rumpy.transfer import download

        download(self, source, target, **options)

    def upload(self, source: Any, target: Name, **options: Any) -> None:
        """Copy the host's file or tree in; see rumpy.transfer."""
        from rumpy.transfer import upload

        upload(self, source, target, **options)

    def deadline(self, seconds: float) -> Deadline:
        """`with k.deadline(0.5):` lets calls of this thread sleep no longer.

        The call that would raises TimeoutError; see rumpy.api.limits.
        """
        from rumpy.api.limits import Deadline

        return Deadline(seconds)

    def cancel(self, thread: threading.Thread | int) -> bool:
        """End the sleep of another thread in this kernel with InterruptedError.

        Args:
            thread: the thread, or its native_id.

        Returns:
            Whether the thread is inside this kernel.
        """
        number = thread if isinstance(thread, int) else thread.native_id
        return bool(number and self._k and lib.hyp_thread_cancel(self._k, number))

    def sysctl(self, name: str, new: Any = None, /) -> Any:
        """Read, and with `new` also set, a node of the kernel's sysctl tree.

        Returns:
            int, bool, str or bytes, by the node's type; for an inner node its
            children's names and numbers.

        Raises:
            FileNotFoundError: no node of that name.
            PermissionError: not for this process to set.
        """
        from rumpy.api.sysctl import sysctl

        return sysctl(self, name, new)

    @property
    def sys(self) -> RawCalls:
        """The raw NetBSD system calls by name."""
        if self._sys is None:
            from rumpy.api.raw import RawCalls

            self._sys = RawCalls(self)
        return self._sys

    def syscall(self, number: int, /, *args: Any) -> int:
        """A raw NetBSD system call by number, slots as they are; its result."""
        from rumpy.api.raw import call

        return call(self, number, args)[0]


def groups_of(groups: Iterable[int]) -> list[int]:
    """Supplementary groups, checked.

    Raises:
        ValueError: more than the kernel's 16.
    """
    found = list(groups)
    if len(found) > _NGROUPS:
        raise ValueError(f"at most {_NGROUPS} groups, not {len(found)}")
    return found
