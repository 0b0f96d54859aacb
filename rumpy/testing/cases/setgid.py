# SPDX-License-Identifier: BSD-2-Clause
"""Which group a new file gets."""

from __future__ import annotations

import os
import stat

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import opened, put


@case("users")
def new_files_group(fs: FileSystem) -> None:
    "The maker's group, or the directory's where that is the rule."
    fs.mkdir("d")
    fs.chown("d", 0, 3001)
    fs.chmod("d", 0o777)
    put(fs.as_user(2001, 2001), "d/f")
    wanted = 3001 if "bsdgroups" in fs.capabilities else 2001
    assert fs.stat("d/f").gid == wanted


@case("users")
def setgid_directory(fs: FileSystem) -> None:
    "In a set-group-id directory new files and directories have its group."
    fs.mkdir("d")
    fs.chown("d", 0, 3001)
    fs.chmod("d", 0o2777)
    user = fs.as_user(2001, 2001)
    put(user, "d/f")
    user.mkdir("d/sub")
    assert fs.stat("d/f").gid == 3001
    assert fs.stat("d/sub").gid == 3001
    if "bsdgroups" not in fs.capabilities:
        assert fs.stat("d/sub").mode & stat.S_ISGID


@case("users")
def foreign_group_gets_no_setgid_file(fs: FileSystem) -> None:
    "A file in a group that is not its maker's is not set-group-id, if executable."
    fs.mkdir("d")
    fs.chown("d", 0, 3001)
    fs.chmod("d", 0o2777)
    user = fs.as_user(2001, 2001)
    with opened(user, "d/f", os.O_CREAT | os.O_WRONLY, 0o2775):
        pass
    found = fs.stat("d/f")
    assert found.gid == 3001
    assert not found.mode & stat.S_ISGID
