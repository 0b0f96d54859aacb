# SPDX-License-Identifier: BSD-2-Clause
"""Checking and repairing a file system."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from rumpy._hyp import ffi, lib
from rumpy.ffstools.disk import check, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

PHASES: Final = (
    "reading the superblock",
    "inodes and blocks",
    "directories",
    "the tree",
    "link counts",
    "cylinder groups",
)

_MODES: Final = {"check": 0, "preen": 1, "repair": 2}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong, or was.

    Attributes:
        kind: a word for programs.
        text: a line for people.
        inode: number, or None where it is the file system's.
        serious: more than a crash leaves behind; a preen does not repair it.
        repairable: whether a repair repairs it.
    """

    kind: str
    text: str
    inode: int | None
    serious: bool
    repairable: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What fsck found.

    Attributes:
        version: 1 for FFSv1, 2 for FFSv2.
        order: "little" or "big".
        was_clean: whether the file system was marked as clean.
        skipped: it was, and nothing else was looked at.
        repaired: the problems were, but for those that are not repairable.
        problems: the first ten thousand; count is how many there were.
        notes: what is left alone, and why.
        files, directories: how many there are.
        used, free: fragments of files, and of nobody.
        replayed: sectors that a journal brought.
        unrepairable: problems that nothing was done about.
    """

    version: int
    order: str
    was_clean: bool
    skipped: bool
    repaired: bool
    problems: tuple[Problem, ...]
    count: int
    notes: tuple[str, ...]
    files: int
    directories: int
    used: int
    free: int
    replayed: int
    unrepairable: int

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return self.count == 0

    @property
    def code(self) -> int:
        """The exit code of fsck(8): 0 fine, 1 repaired, 4 problems are left."""
        if self.clean:
            return 0
        return 1 if self.repaired and not self.unrepairable else 4


def fsck(
    image: str | os.PathLike[str] | Any,
    *,
    mode: str = "check",
    offset: int = 0,
    size: int | None = None,
    alternate: int | None = None,
    force: bool = False,
    memory: int = 1 << 30,
    progress: Callable[[int, int, int], None] | None = None,
) -> Report:
    """Check an FFS, and repair it if told to.

    Nothing is written before everything is known, and nothing at all by a
    check, or by a preen that found more than a crash leaves.

    Args:
        image: a path, or a device that is a window of a file.
        mode: "check", "preen" or "repair".
        offset, size: the stretch that is the file system, bytes.
        alternate: byte of the copy of the superblock to use, or None.
        force: preen also what is marked as clean.
        memory: limit for maps and for repairs that wait, bytes; what needs more
            is refused.
        progress: called about ten times a second with phase (an index of
            PHASES), how much of it is done, and of how much.

    Raises:
        ImageError: no superblock, too large for `memory`, Solaris' log is not
            empty, or the image is in use; any use by another if it is to be
            repaired.
        OSError: the host refuses something.
        KeyboardInterrupt: it was interrupted, and nothing has been written. An
            interrupt that comes while repairs are written waits for their end
            and is forgotten.
    """
    state = ffi.new("struct fft_fsck *")
    state.mode = _MODES[mode]
    state.alternate = -1 if alternate is None else alternate
    state.limit = memory
    state.now = int(time.time())
    with opened(image, readonly=mode == "check", offset=offset, size=size) as disk:
        if mode == "preen" and not force and alternate is None:
            done = _marked_clean(disk)
            if done is not None:
                return done
        try:
            check(disk, _watched(disk, state, progress), image)
            if state.committed:
                os.fsync(disk.fd)
            return _report(state)
        finally:
            lib.fft_fsck_free(state)


def _marked_clean(disk: Any) -> Report | None:
    """A report for what a preen need not look at."""
    found = ffi.new("struct fft_super *")
    if lib.fft_super_find(disk, -1, 0, found):
        return None
    fs = found.fs
    journal = fs.fs_flags & 0x100 and fs.fs_journal_version == 1
    if fs.fs_clean != 1 or fs.fs_flags & 4 or journal:
        return None
    return Report(
        version=found.version,
        order="big" if found.swap else "little",
        was_clean=True,
        skipped=True,
        repaired=False,
        problems=(),
        count=0,
        notes=(),
        files=0,
        directories=0,
        used=0,
        free=0,
        replayed=0,
        unrepairable=0,
    )


def _watched(
    disk: Any, state: Any, progress: Callable[[int, int, int], None] | None
) -> int:
    """Run the check in a thread, tell how far it is, and stop it if it is
    interrupted: it uses memory that is this one's, so it is never left behind."""
    import threading

    result: list[int] = []
    thread = threading.Thread(
        target=lambda: result.append(lib.fft_fsck(disk, state)), name="fsck"
    )
    thread.start()
    reason: BaseException | None = None
    while True:
        try:
            if not thread.is_alive():
                break
            if progress is not None and reason is None:
                progress(state.phase, state.done, state.total)
            thread.join(0.1)
        except BaseException as error:  # an interrupt, or progress() failed
            state.stop = 1
            reason = reason or error
    if reason is not None and not state.committed:
        raise reason
    return result[0]


def _report(state: Any) -> Report:
    problems = []
    for i in range(state.nproblems):
        found = state.problem[i]
        problems.append(
            Problem(
                kind=ffi.string(found.kind).decode(),
                text=os.fsdecode(ffi.string(found.text)),
                inode=found.ino or None,
                serious=bool(found.serious),
                repairable=bool(found.repairable),
            )
        )
    return Report(
        version=state.version,
        order="big" if state.swap else "little",
        was_clean=bool(state.clean),
        skipped=False,
        repaired=bool(state.committed),
        problems=tuple(problems),
        count=state.count,
        notes=tuple(ffi.string(state.note[i]).decode() for i in range(state.nnotes)),
        files=state.files,
        directories=state.directories,
        used=state.used,
        free=state.free,
        replayed=state.replayed,
        unrepairable=state.stuck,
    )
