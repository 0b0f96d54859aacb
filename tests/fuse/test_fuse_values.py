# SPDX-License-Identifier: BSD-2-Clause
"""What FFSv2 holds beyond the ordinary, through a FUSE mount and after it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fusehelp import skip_unmountable

import rumpy
from rumpy.ffstools import fsck, newfs

#: Before 1901, before 1970, after 2038 and after 2106, to the nanosecond.
TIMES = [-(2**33) * 10**9 + 7, -1, 2**32 * 10**9 + 123456789, 2**34 * 10**9 + 1]
ODD = b"\xff\xfe not utf-8 \x01"


@pytest.mark.parametrize("order", ["little", "big"])
def test_times_ids_names_and_a_tebibyte(
    built: None, tmp_path: Path, order: str
) -> None:
    skip_unmountable()
    if os.geteuid() != 0:
        pytest.skip("gives files away")
    from rumpy.fuse import mount, umount

    image, where = tmp_path / "v2.img", tmp_path / "mnt"
    newfs(image, size=16 << 20, order=order, block_size=16384)
    where.mkdir()
    mount(None, image, where)
    try:
        top = os.fsencode(where)
        odd = top + b"/" + ODD
        os.close(os.open(odd, os.O_CREAT | os.O_WRONLY, 0o644))
        os.chown(odd, 0xFFFFFFF0, 0xFFFFFFF1)
        for i, when in enumerate(TIMES):
            (where / f"t{i}").mkdir()
            os.utime(where / f"t{i}", ns=(when, when))
        fd = os.open(where / "big", os.O_CREAT | os.O_RDWR)
        try:
            os.pwrite(fd, b"end", (1 << 40) - 3)
        finally:
            os.close(fd)
        look_with(os, top)
    finally:
        umount(where)
    assert fsck(image).clean
    with rumpy.Kernel() as k:
        k.load("ffs")
        with k.mount("ffs", str(image), "/mnt", "ro"):
            look_with(k, b"/mnt")
            assert k.stat("/mnt/big").st_birthtime > 10**9


def look_with(system: object, top: bytes) -> None:
    """The same through the host's calls and through a kernel's."""
    call = system if isinstance(system, rumpy.Kernel) else os
    assert ODD in call.listdir(top)
    st = call.stat(top + b"/" + ODD)
    assert (st.st_uid, st.st_gid) == (0xFFFFFFF0, 0xFFFFFFF1)
    for i, when in enumerate(TIMES):
        st = call.stat(top + b"/t%d" % i)
        assert (st.st_mtime_ns, st.st_atime_ns) == (when, when)
    fd = call.open(top + b"/big", os.O_RDONLY)
    assert call.fstat(fd).st_size == 1 << 40
    assert call.fstat(fd).st_blocks < 1000
    assert call.pread(fd, 4, (1 << 40) - 4) == b"\0end"
    assert call.pread(fd, 4, 1 << 35) == bytes(4)
    call.close(fd)
