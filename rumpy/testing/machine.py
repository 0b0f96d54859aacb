# SPDX-License-Identifier: BSD-2-Clause
"""A Hypothesis state machine: a driver and a model do the same, and must agree.

    from rumpy.testing.machine import FileSystemMachine

    class MyDriver(FileSystemMachine):
        driver = "/path/to/mine.kmod"
        image = "small.img"

    TestMyDriver = MyDriver.TestCase

One kernel boots for the whole run.  Every example begins with the same mounted
file system: the kernel goes back to a snapshot, which takes a fraction of a
millisecond.  Hypothesis shortens a sequence that shows a difference to a few
calls, and prints them.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rumpy.testing.filesystem import FileSystem
from rumpy.testing.model import Model
from rumpy.testing.onkernel import KernelTree

if TYPE_CHECKING:
    from rumpy.kernel import Kernel
    from rumpy.snapshot import Snapshot

__all__ = ["FileSystemMachine"]

MOUNTPOINT = "/mnt"
#: Few names, so that operations meet.
NAMES = ("a", "b", "c", "d", "." * 3, "e" * 255)
_LENGTHS = (0, 1, 511, 512, 513, 4096, 8191, 8192, 8193, 20_000, 98_305)

_paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
_modes = st.sampled_from((0o777, 0o755, 0o640, 0o600, 0o444))
_lengths = st.sampled_from(_LENGTHS)
_bytes = st.integers(0, 255)
_targets = st.one_of(_paths, st.sampled_from((".", "a/../b", "nothing")))

Outcome = tuple[str, Any]


class FileSystemMachine(RuleBasedStateMachine):
    """The machine; subclass it and say what to test.

    Attributes:
        driver: a file system type or what Kernel.load() takes.
        type: the file system type, where the driver's name is another.
        image: path of an empty, mountable file system; None: rumpy's demo image.
        options: as Kernel.mount() takes them.
        exchanges: two names can change places (rename with exchange=True).
    """

    driver: ClassVar[str] = "ffs"
    type: ClassVar[str | None] = None
    image: ClassVar[str | os.PathLike[str] | None] = None
    options: ClassVar[tuple[str, ...]] = ()
    exchanges: ClassVar[bool] = False

    _kernel: ClassVar[Kernel | None] = None
    _start: ClassVar[Snapshot]
    _below: ClassVar[KernelTree]

    def __init__(self) -> None:
        super().__init__()
        cls = type(self)
        if cls.__dict__.get("_kernel") is None:
            cls._boot()
        assert cls._kernel is not None
        cls._kernel.restore(cls._start)
        self.real: FileSystem = cls._below
        self.model: FileSystem = Model(bsd=True).tree()

    @classmethod
    def _boot(cls) -> None:
        """Mount the image in memory, make room for the examples, and keep that."""
        from rumpy import Kernel, demo_image

        source = demo_image() if cls.image is None else cls.image
        disk = bytearray(Path(source).read_bytes())
        k = Kernel()
        module = k.load(cls.driver)
        k.mount(cls.type or module.name, disk, MOUNTPOINT, *cls.options)
        root = f"{MOUNTPOINT}/machine"
        k.mkdir(root, 0o755)
        cls._below = KernelTree(k, root)
        cls._start = k.snapshot()
        cls._kernel = k

    @classmethod
    def close(cls) -> None:
        """Close the kernel; the next example boots another."""
        if cls.__dict__.get("_kernel") is not None:
            assert cls._kernel is not None
            cls._start.close()
            cls._kernel.close()
            cls._kernel = None

    def _both(self, operation: Callable[[FileSystem], Any]) -> None:
        """Do it on both; the same result or the same error."""
        real, model = _outcome(operation, self.real), _outcome(operation, self.model)
        # POSIX does not say which error comes first when a directory is linked.
        either = real == ("error", "EPERM") and model[0] == "error"
        # Nor whether links in a circle are too many or too long first.
        either |= (real[1], model[1]) == ("ENAMETOOLONG", "ELOOP")
        assert real == model or either, f"driver: {real}, model: {model}"

    # --- what is done -------------------------------------------------------

    @rule(path=_paths, mode=_modes)
    def mkdir(self, path: str, mode: int) -> None:
        self._both(lambda fs: fs.mkdir(path, mode))

    @rule(path=_paths)
    def rmdir(self, path: str) -> None:
        self._both(lambda fs: fs.rmdir(path))

    @rule(
        path=_paths,
        flags=st.sampled_from((0, os.O_TRUNC, os.O_EXCL, os.O_APPEND)),
        mode=_modes,
        offset=_lengths,
        length=_lengths,
        byte=_bytes,
    )
    def write(
        self, path: str, flags: int, mode: int, offset: int, length: int, byte: int
    ) -> None:
        def operation(fs: FileSystem) -> int:
            fd = fs.open(path, os.O_CREAT | os.O_RDWR | flags, mode)
            try:
                fs.lseek(fd, offset, os.SEEK_SET)
                return fs.write(fd, bytes([byte]) * length)
            finally:
                fs.close(fd)

        self._both(operation)

    @rule(path=_paths, length=_lengths)
    def truncate(self, path: str, length: int) -> None:
        self._both(lambda fs: fs.truncate(path, length))

    @rule(path=_paths)
    def unlink(self, path: str) -> None:
        self._both(lambda fs: fs.unlink(path))

    @rule(old=_paths, new=_paths)
    def rename(self, old: str, new: str) -> None:
        self._both(lambda fs: fs.rename(old, new))

    @precondition(lambda self: self.exchanges)
    @rule(old=_paths, new=_paths)
    def exchange(self, old: str, new: str) -> None:
        self._both(lambda fs: fs.exchange(old, new))

    @rule(old=_paths, new=_paths)
    def link(self, old: str, new: str) -> None:
        self._both(lambda fs: fs.link(old, new))

    @rule(text=_targets, path=_paths)
    def symlink(self, text: str, path: str) -> None:
        self._both(lambda fs: fs.symlink(text, path))

    @rule(path=_paths, mode=_modes)
    def chmod(self, path: str, mode: int) -> None:
        self._both(lambda fs: fs.chmod(path, mode))

    @rule(path=_paths, offset=_lengths, length=_lengths)
    def read(self, path: str, offset: int, length: int) -> None:
        def operation(fs: FileSystem) -> bytes:
            fd = fs.open(path, os.O_RDONLY)
            try:
                return fs.pread(fd, length, offset)
            finally:
                fs.close(fd)

        self._both(operation)

    # --- what must hold -----------------------------------------------------

    @invariant()
    def same_tree(self) -> None:
        """Names, types, permissions, links and sizes are equal."""
        assert dict(_walk(self.real, ".")) == dict(_walk(self.model, "."))


def _outcome(operation: Callable[[FileSystem], Any], fs: FileSystem) -> Outcome:
    """What an operation did: its result, or its error's name."""
    try:
        return "result", operation(fs)
    except OSError as error:
        return "error", errno.errorcode.get(error.errno or 0, str(error))


def _walk(fs: FileSystem, path: str) -> Any:
    """Pairs of path and what is compared of it."""
    for name in sorted(fs.listdir(path)):
        child = name if path == "." else f"{path}/{name}"
        found = fs.lstat(child)
        kind = stat.S_IFMT(found.mode)
        if kind == stat.S_IFDIR:
            yield child, (found.mode, found.nlink)
            yield from _walk(fs, child)
        elif kind == stat.S_IFLNK:
            yield child, (kind, fs.readlink(child), found.nlink)
        else:
            yield child, (found.mode, found.nlink, found.size)
