# SPDX-License-Identifier: BSD-2-Clause
"""Extended attributes and access control lists through a FUSE mount."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fusehelp import is_mounted, skip_unmountable


@pytest.fixture
def listed(built: None, image: Path, tmp_path: Path) -> Iterator[Path]:
    """A mount with POSIX.1e lists that everybody may use."""
    skip_unmountable()
    if os.geteuid() != 0:
        pytest.skip("acts as other users")
    from rumpy.fuse import mount, umount

    where = tmp_path / "mnt"
    where.mkdir()
    for up in [tmp_path, *tmp_path.parents]:
        if up.stat().st_uid == os.getuid() and up != Path("/"):
            up.chmod(up.stat().st_mode | 0o755)
    mount(None, image, where, "acls,allow_other")
    yield where
    umount(where)
    assert not is_mounted(where)


def test_attributes(mounted: Path) -> None:
    path = mounted / "file"
    path.write_bytes(b"x")
    os.setxattr(path, "user.k", b"value")
    trusted = {"trusted.t"} if os.geteuid() == 0 else set()
    for name in trusted:
        os.setxattr(path, name, b"")
    assert os.getxattr(path, "user.k") == b"value"
    assert set(os.listxattr(path)) == {"user.k"} | trusted
    with pytest.raises(FileExistsError):
        os.setxattr(path, "user.k", b"", os.XATTR_CREATE)
    with pytest.raises(OSError) as caught:
        os.setxattr(path, "user.none", b"", os.XATTR_REPLACE)
    assert caught.value.errno == errno.ENODATA
    os.setxattr(path, "user.k", b"v" * 7000, os.XATTR_REPLACE)
    assert os.getxattr(path, "user.k") == b"v" * 7000
    with pytest.raises(OSError) as caught:
        os.getxattr(path, "user.none")
    assert caught.value.errno == errno.ENODATA
    os.removexattr(path, "user.k")
    assert set(os.listxattr(path)) == trusted
    # Without lists in this mount Linux is told so.
    with pytest.raises(OSError) as caught:
        os.setxattr(path, "system.posix_acl_access", entries((1, 6), (4, 4), (32, 0)))
    assert caught.value.errno == errno.EOPNOTSUPP


def entries(*listed: tuple[int, ...]) -> bytes:
    """A list in Linux's form: (tag, permissions[, id])."""
    out = struct.pack("<I", 2)
    for tag, perm, *who in listed:
        out += struct.pack("<HHI", tag, perm, who[0] if who else 0xFFFFFFFF)
    return out


def as_user(uid: int, code: str) -> int:
    """Run Python as somebody; its exit code."""
    text = f"import os; os.setgroups([]); os.setgid({uid}); os.setuid({uid}); {code}"
    return subprocess.run([sys.executable, "-c", text], stderr=-3).returncode


def test_access_control_lists(listed: Path) -> None:
    listed.chmod(0o755)
    path = listed / "file"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    read, write = (f"open({str(path)!r}, {mode!r})" for mode in ("r", "r+"))
    assert as_user(77, read) != 0
    wanted = entries((1, 6), (2, 6, 77), (4, 0), (16, 4), (32, 0))
    os.setxattr(path, "system.posix_acl_access", wanted)
    assert os.getxattr(path, "system.posix_acl_access") == wanted
    assert path.stat().st_mode & 0o777 == 0o640
    assert as_user(77, read) == 0
    assert as_user(77, write) != 0
    assert as_user(78, read) != 0
    os.removexattr(path, "system.posix_acl_access")
    assert as_user(77, read) != 0
    with pytest.raises(OSError) as caught:
        os.getxattr(path, "system.posix_acl_access")
    assert caught.value.errno == errno.ENODATA
    folder = listed / "folder"
    folder.mkdir()
    default = entries((1, 7), (2, 7, 77), (4, 5), (16, 7), (32, 0))
    os.setxattr(folder, "system.posix_acl_default", default)
    (folder / "new").write_bytes(b"x")
    got = os.getxattr(folder / "new", "system.posix_acl_access")
    assert (2, 7, 77) in struct.iter_unpack("<HHI", got[4:])
    for wrong in (b"\2\0\0\0\1", struct.pack("<I", 9), entries((1, 7))):
        with pytest.raises(OSError):
            os.setxattr(path, "system.posix_acl_access", wrong)
