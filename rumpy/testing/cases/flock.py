# SPDX-License-Identifier: BSD-2-Clause
"""flock(2)."""

from __future__ import annotations

import errno
import fcntl
import os

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import fails, opened, put


@case("locks")
def exclusive_excludes(fs: FileSystem) -> None:
    "While one has it exclusively, nobody else gets it; afterwards they do."
    with (
        opened(fs, "f", os.O_CREAT | os.O_RDWR) as one,
        opened(fs, "f", os.O_RDWR) as two,
    ):
        fs.flock(one, fcntl.LOCK_EX)
        for kind in (fcntl.LOCK_EX, fcntl.LOCK_SH):
            with fails(errno.EWOULDBLOCK):
                fs.flock(two, kind | fcntl.LOCK_NB)
        fs.flock(one, fcntl.LOCK_UN)
        fs.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)


@case("locks")
def shared_is_shared(fs: FileSystem) -> None:
    "Many may share it, and none of them may then have it alone."
    with (
        opened(fs, "f", os.O_CREAT | os.O_RDWR) as one,
        opened(fs, "f", os.O_RDONLY) as two,
    ):
        fs.flock(one, fcntl.LOCK_SH)
        fs.flock(two, fcntl.LOCK_SH | fcntl.LOCK_NB)
        with fails(errno.EWOULDBLOCK):
            fs.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)


@case("locks")
def closing_unlocks(fs: FileSystem) -> None:
    "The lock goes with the descriptor."
    put(fs, "f")
    with opened(fs, "f", os.O_RDWR) as two:
        with opened(fs, "f", os.O_RDWR) as one:
            fs.flock(one, fcntl.LOCK_EX)
        fs.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)
