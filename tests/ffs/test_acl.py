# SPDX-License-Identifier: BSD-2-Clause
"""Access control lists: kept, enforced, inherited, in step with the mode."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest

import rumpy
from rumpy.abi import acl
from rumpy.abi.acl import AclEntry
from rumpy.block import MemoryDevice, PowerCut, Recorder

from . import ffscheck, images

pytestmark = pytest.mark.own_driver("NetBSD's needs FFSv2ea, and is started otherwise")

POSIX = [
    ("nb-ffs2le-8k", "acls"),
    ("nb-ffs2be-16k", "acls"),
    ("nb-ffs1le-4k", "acls,extattr"),
]
#: u::rw-, user 77 r--, g::---, mask r--, o::---
LIST = [
    AclEntry(acl.USER_OBJ, 6),
    AclEntry(acl.USER, 6, 77),
    AclEntry(acl.GROUP_OBJ, 0),
    AclEntry(acl.GROUP, 4, 88),
    AclEntry(acl.MASK, 4),
    AclEntry(acl.OTHER, 0),
]


def touch(k: rumpy.Kernel, path: str, mode: int = 0o644) -> None:
    """Make an empty file."""
    k.close(k.open(path, os.O_CREAT | os.O_RDWR, mode))


def may(k: rumpy.Kernel | rumpy.Process, path: str, flags: int) -> bool:
    """Whether a file can be opened."""
    try:
        k.close(k.open(path, flags))
    except PermissionError:
        return False
    return True


def mode(k: rumpy.Kernel, path: str) -> int:
    """Its permissions."""
    return int(k.stat(path).st_mode) & 0o7777


@pytest.mark.parametrize(("name", "options"), POSIX)
def test_posix_lists(
    kernel: rumpy.Kernel, tmp_path: Path, name: str, options: str
) -> None:
    image = images.copy(name, tmp_path)
    k = kernel
    k.load("ffs")
    with (
        k.mount("ffs", str(image), "/mnt", *options.split(",")),
        k.process(uid=77, gid=77) as named,
        k.process(uid=78, gid=88) as member,
        k.process(uid=79, gid=79) as other,
    ):
        k.chmod("/mnt", 0o755)
        touch(k, "/mnt/a", 0o640)
        assert k.getacl("/mnt/a") == (
            AclEntry(acl.USER_OBJ, 6),
            AclEntry(acl.GROUP_OBJ, 4),
            AclEntry(acl.OTHER, 0),
        )
        assert not may(named, "/mnt/a", os.O_RDONLY)
        k.setacl("/mnt/a", LIST)
        assert k.getacl("/mnt/a") == tuple(LIST)
        assert mode(k, "/mnt/a") == 0o640
        # The mask lets the named user read but not write.
        assert may(named, "/mnt/a", os.O_RDONLY)
        assert not may(named, "/mnt/a", os.O_WRONLY)
        assert may(member, "/mnt/a", os.O_RDONLY)
        assert not may(other, "/mnt/a", os.O_RDONLY)
        # chmod's group bits are the mask.
        k.chmod("/mnt/a", 0o660)
        assert may(named, "/mnt/a", os.O_WRONLY)
        assert k.getacl("/mnt/a")[4] == AclEntry(acl.MASK, 6)
        k.chmod("/mnt/a", 0o600)
        assert not may(named, "/mnt/a", os.O_RDONLY)
        # Only the owner sets lists.
        for who in (named, member, other):
            with pytest.raises(PermissionError):
                who.setacl("/mnt/a", LIST)
        k.setacl("/mnt/a", LIST)
        k.removeacl("/mnt/a")
        assert len(k.getacl("/mnt/a")) == 3
        assert not may(named, "/mnt/a", os.O_RDONLY)
    assert ffscheck.check(image.read_bytes()).problems == []


@pytest.mark.parametrize(("name", "options"), POSIX)
def test_posix_inheritance(
    kernel: rumpy.Kernel, tmp_path: Path, name: str, options: str
) -> None:
    image = images.copy(name, tmp_path)
    k = kernel
    k.load("ffs")
    default = [
        AclEntry(acl.USER_OBJ, 7),
        AclEntry(acl.USER, 7, 77),
        AclEntry(acl.GROUP_OBJ, 5),
        AclEntry(acl.MASK, 7),
        AclEntry(acl.OTHER, 0),
    ]
    with k.mount("ffs", str(image), "/mnt", *options.split(",")):
        k.umask(0)
        k.mkdir("/mnt/d", 0o755)
        assert k.getacl("/mnt/d", "default") == ()
        k.setacl("/mnt/d", default, "default")
        with pytest.raises(OSError):
            touch(k, "/mnt/a")
            k.setacl("/mnt/a", default, "default")
        touch(k, "/mnt/d/f", 0o640)
        k.mkdir("/mnt/d/sub", 0o770)
        k.symlink("f", "/mnt/d/l")
    assert ffscheck.check(image.read_bytes()).problems == []
    with k.mount("ffs", str(image), "/mnt", *options.split(",")):
        assert mode(k, "/mnt/d/f") == 0o640
        assert k.getacl("/mnt/d/f") == (
            AclEntry(acl.USER_OBJ, 6),
            AclEntry(acl.USER, 7, 77),
            AclEntry(acl.GROUP_OBJ, 5),
            AclEntry(acl.MASK, 4),
            AclEntry(acl.OTHER, 0),
        )
        assert k.getacl("/mnt/d/sub", "default") == tuple(default)
        assert k.getacl("/mnt/d/sub") == tuple(default)
        assert mode(k, "/mnt/d/sub") == 0o770
        k.removeacl("/mnt/d", "default")
        touch(k, "/mnt/d/g", 0o640)
        assert len(k.getacl("/mnt/d/g")) == 3


def nfs4(tag: int, perm: int, who: int = acl.UNDEFINED, *, deny: bool = False,
         flags: int = 0) -> AclEntry:  # fmt: skip
    """An NFSv4 entry."""
    return AclEntry(tag, perm, who, acl.DENY if deny else acl.ALLOW, flags)


ALL = 0xFFF9


def test_nfs4_lists(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    image = images.copy("nb-ffs2le-8k", tmp_path)
    k = kernel
    k.load("ffs")
    entries = [
        nfs4(acl.USER, acl.WRITE_DATA | acl.APPEND_DATA, 77, deny=True),
        nfs4(acl.USER, acl.READ_DATA | acl.WRITE_DATA, 77),
        nfs4(acl.USER, acl.WRITE_ACL | acl.READ_ACL, 78),
        nfs4(acl.USER_OBJ, ALL),
        nfs4(acl.GROUP_OBJ, acl.READ_DATA),
        nfs4(acl.EVERYONE, acl.READ_ATTRIBUTES | acl.READ_ACL),
    ]
    with (
        k.mount("ffs", str(image), "/mnt", "nfsv4acls"),
        k.process(uid=77, gid=77) as named,
        k.process(uid=78, gid=78) as keeper,
        k.process(uid=79, gid=79) as other,
    ):
        k.chmod("/mnt", 0o755)
        touch(k, "/mnt/a", 0o600)
        trivial = k.getacl("/mnt/a", "nfs4")
        assert {e.tag for e in trivial} == {
            acl.USER_OBJ, acl.GROUP_OBJ, acl.EVERYONE
        }  # fmt: skip
        with pytest.raises(OSError) as caught:
            k.getacl("/mnt/a", "access")
        assert caught.value.errno == errno.EINVAL
        k.setacl("/mnt/a", entries, "nfs4")
        assert k.getacl("/mnt/a", "nfs4") == tuple(entries)
        assert mode(k, "/mnt/a") == 0o740
        assert may(named, "/mnt/a", os.O_RDONLY)
        assert not may(named, "/mnt/a", os.O_WRONLY)
        assert not may(other, "/mnt/a", os.O_RDONLY)
        with pytest.raises(PermissionError):
            named.chmod("/mnt/a", 0o644)
        keeper.chmod("/mnt/a", 0o644)
        assert may(other, "/mnt/a", os.O_RDONLY)
        # chmod replaced the list.
        assert all(e.tag != acl.USER for e in k.getacl("/mnt/a", "nfs4"))
    assert ffscheck.check(image.read_bytes()).problems == []


def test_nfs4_deletion_and_inheritance(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    image = images.copy("nb-ffs2be-16k", tmp_path)
    k = kernel
    k.load("ffs")
    inherit = acl.FILE_INHERIT | acl.DIRECTORY_INHERIT
    with (
        k.mount("ffs", str(image), "/mnt", "nfsv4acls"),
        k.process(uid=77, gid=77) as named,
    ):
        k.chmod("/mnt", 0o755)
        k.mkdir("/mnt/d", 0o755)
        for i in "abc":
            touch(k, f"/mnt/d/{i}")
        with pytest.raises(PermissionError):
            named.unlink("/mnt/d/a")
        k.setacl(
            "/mnt/d/a",
            [nfs4(acl.USER, acl.DELETE, 77), *k.getacl("/mnt/d/a", "nfs4")],
            "nfs4",
        )
        named.unlink("/mnt/d/a")
        own = k.getacl("/mnt/d", "nfs4")
        k.setacl("/mnt/d", [nfs4(acl.USER, acl.DELETE_CHILD, 77), *own], "nfs4")
        named.unlink("/mnt/d/b")
        k.chmod("/mnt/d", 0o777)
        own = k.getacl("/mnt/d", "nfs4")
        denied = nfs4(acl.USER, acl.DELETE_CHILD, 77, deny=True)
        k.setacl("/mnt/d", [denied, *own], "nfs4")
        with pytest.raises(PermissionError):
            named.unlink("/mnt/d/c")
        passed = nfs4(acl.USER, acl.READ_DATA, 77, flags=inherit)
        k.setacl("/mnt/d", [passed, *own], "nfs4")
        touch(k, "/mnt/d/new", 0o640)
        k.mkdir("/mnt/d/sub", 0o750)
        listed = k.getacl("/mnt/d/new", "nfs4")
        assert listed[0].id == 77
        assert listed[0].flags & inherit == 0
        assert may(named, "/mnt/d/new", os.O_RDONLY)
        assert k.getacl("/mnt/d/sub", "nfs4")[0].flags & inherit == inherit
        assert mode(k, "/mnt/d/new") == 0o640
    assert ffscheck.check(image.read_bytes()).problems == []


def test_the_superblock_says_which(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    k = kernel
    k.load("ffs")
    for flag, kind in ((0x10, "access"), (0x800, "nfs4"), (0x100, "nfs4")):
        data = bytearray(images.unpacked("nb-ffs2le-8k"))
        (flags,) = struct.unpack_from("<I", data, 65536 + 1312)
        struct.pack_into("<I", data, 65536 + 1312, flags | flag)
        with k.mount("ffs", bytes(data), "/mnt", "ro"):
            assert len(k.getacl("/mnt", kind)) >= 3
    data = bytearray(images.unpacked("nb-ffs2le-8k"))
    struct.pack_into("<I", data, 65536 + 1312, 0x810)
    for options in ("ro", "ro,acls"):
        with pytest.raises(OSError):
            k.mount("ffs", bytes(data), "/mnt", *options.split(","))
    with k.mount("ffs", images.unpacked("nb-ffs2le-8k"), "/mnt", "ro"):
        with pytest.raises(OSError) as caught:
            k.getacl("/mnt")
        assert caught.value.errno == errno.EOPNOTSUPP
    with pytest.raises(OSError):
        k.mount("ffs", images.unpacked("nb-bsd43le-8k"), "/mnt", "ro", "acls")


def test_the_list_on_the_disk(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    """As FreeBSD and NetBSD lay it out, in either byte order."""
    k = kernel
    k.load("ffs")
    for name, order in (("nb-ffs2le-8k", "<"), ("nb-ffs2be-16k", ">")):
        image = images.copy(name, tmp_path)
        with k.mount("ffs", str(image), "/mnt", "acls"):
            touch(k, "/mnt/a", 0o640)
            k.setacl("/mnt/a", LIST)
            raw = k.getxattr("/mnt/a", "system.posix1e.acl_access")
            assert len(raw) == 388
            assert struct.unpack_from(order + "i", raw) == (6,)
            assert struct.unpack_from(order + "iII", raw, 16) == (2, 77, 6)
            # A list that can't be true is EIO, not access for all.
            k.setxattr("/mnt/a", "system.posix1e.acl_access", raw[:4] + bytes(384))
            with pytest.raises(OSError) as caught:
                k.getacl("/mnt/a")
            assert caught.value.errno == errno.EIO
            with k.process(uid=77, gid=77) as named:
                k.chmod("/mnt", 0o755)
                with pytest.raises(OSError) as caught:
                    named.open("/mnt/a", os.O_RDONLY)
                assert caught.value.errno == errno.EIO
            k.removeacl("/mnt/a")
            assert mode(k, "/mnt/a") == 0o640


def test_bad_lists_are_refused(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    image = images.copy("nb-ffs2le-8k", tmp_path)
    k = kernel
    k.load("ffs")
    with k.mount("ffs", str(image), "/mnt", "acls"):
        touch(k, "/mnt/a")
        for wrong in (
            [],
            LIST[1:],
            [*LIST[:4], LIST[5]],
            [*LIST, LIST[0]],
            [*LIST, AclEntry(acl.USER, 1)],
            [*LIST, AclEntry(acl.USER, 9, 5)],
            LIST + [AclEntry(acl.USER, 1, n) for n in range(100, 140)],
        ):
            with pytest.raises(OSError) as caught:
                k.setacl("/mnt/a", wrong)
            assert caught.value.errno == errno.EINVAL
        assert len(k.getacl("/mnt/a")) == 3
        k.chflags("/mnt/a", 0x2)
        with pytest.raises(PermissionError):
            k.setacl("/mnt/a", LIST)


@pytest.mark.parametrize(
    ("name", "options"),
    [("nb-ffs1le-16k", ("acls", "extattr")), ("nb-ffs2be-16k", ("acls",))],
)
def test_lists_in_a_journal(
    kernel: rumpy.Kernel, name: str, options: tuple[str, ...]
) -> None:
    """Cut at any write: the list that was synced, or a later one, whole; and
    what the replay leaves is consistent.  Of FFSv1 lists are in files, which
    are made in the journal too."""
    k = kernel
    base = images.unpacked(name)
    disk = Recorder(MemoryDevice(base))
    lists, synced = [], []
    with k.mount("ffs", disk, "/mnt", "log", *options):
        touch(k, "/mnt/a")
        fd = k.open("/mnt/a", os.O_RDWR)
        for uid in range(70, 76):
            user = AclEntry(acl.USER, 6, uid)
            lists.append(tuple(user if e.tag == acl.USER else e for e in LIST))
            k.setacl("/mnt/a", lists[-1])
            touch(k, f"/mnt/b{uid}")
            k.fsync(fd)
            synced.append(len(disk.log))
            k.unlink(f"/mnt/b{uid}")
        k.close(fd)
    power = PowerCut(base, disk.log)
    ends = range(synced[0], len(disk.log), max(1, len(disk.log) // 9))
    for end in ends:
        last = sum(n <= end for n in synced) - 1
        for state in power.states(end, count=3):
            with state:
                with k.mount("ffs", state, "/mnt", "log", *options):
                    assert k.getacl("/mnt/a") in lists[last : last + 2], end
                    touch(k, "/mnt/new")
                    k.setacl("/mnt/new", LIST)
                data = bytes(state.read(0, state.size))
            assert ffscheck.check(data).problems == [], end
