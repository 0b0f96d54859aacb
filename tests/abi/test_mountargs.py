# SPDX-License-Identifier: BSD-2-Clause
"""mount(2)'s data: the table against NetBSD's headers, options into bytes."""

from __future__ import annotations

import struct
import sys

import netbsd_headers
import pytest
from test_layouts import CSRC, compile_asserts

sys.path.insert(0, str(CSRC))

import tables

from rumpy._hyp import ffi
from rumpy.abi.mountargs import TYPES
from rumpy.mountdata import check, known, pack, split_words

TABLE = tables.read_mountargs(CSRC / "abi" / "mountargs.tbl")

#: Not among the public headers.
NOT_PUBLIC = {"chfs_args"}


def text_at(address: int) -> str:
    return ffi.string(ffi.cast("char *", address)).decode()


def test_netbsd_headers() -> None:
    try:
        folders = netbsd_headers.include_path()
    except netbsd_headers.Unavailable as error:
        pytest.skip(str(error))
    # Not defined by our stubs, and nothing of it is asked for here.
    flags = ["-D__NetBSD__", *(f"-isystem{folder}" for folder in folders)]
    first = ["sys/param.h", "sys/types.h", "sys/mount.h"]
    judged = [t for t in TABLE.values() if t.struct and t.struct not in NOT_PUBLIC]
    for t in judged:
        lines = [f"#include <{h}>" for h in (*first, t.header)]
        lines += t.layout.asserts(tail=False)
        assert compile_asserts("\n".join(lines), flags) == [], t.name
    assert len(judged) > 20


def test_a_wrong_offset_is_noticed() -> None:
    try:
        folders = netbsd_headers.include_path()
    except netbsd_headers.Unavailable as error:
        pytest.skip(str(error))
    wrong = tables.Layout("iso_args", 144, True, (("flags", 132, 4),))
    lines = ["#include <sys/param.h>", "#include <isofs/cd9660/cd9660_mount.h>"]
    flags = ["-D__NetBSD__", *(f"-isystem{folder}" for folder in folders)]
    errors = compile_asserts(
        "\n".join([*lines, *wrong.asserts(tail=False)]),
        [*flags, "-include", "sys/mount.h"],
    )
    assert any("iso_args.flags" in error for error in errors)


def test_members_do_not_overlap() -> None:
    for t in TABLE.values():
        end = 0
        for name, (offset, size, *_) in sorted(
            t.members.items(), key=lambda item: item[1][0]
        ):
            assert offset >= end, f"{t.name}.{name}"
            end = offset + size


def test_source_is_the_disks_name() -> None:
    data, keep = pack("ffs", "/dev/rd0", {})
    assert len(data) == 8
    assert text_at(int.from_bytes(data, "little")) == "/dev/rd0"
    assert keep


def test_values_land_in_their_members() -> None:
    options = {"uid": 7, "gid": "8", "mask": "640", "dirmask": 0o700, "utf8": ""}
    data, keep = pack("msdos", "/dev/rd0", {**options, "gmtoff": -3600})
    assert keep
    uid, gid, mask, flags, version, dirmask, gmtoff = struct.unpack_from(
        "<IIIIIIi", data, 136
    )
    assert (uid, gid, mask, dirmask, gmtoff) == (7, 8, 0o640, 0o700, -3600)
    assert flags == 16 | 32  # versioned, as always, and UTF-8
    assert version == 3


def test_defaults() -> None:
    data, _ = pack("tmpfs", None, {})
    assert struct.unpack("<i4xQqIIIi", data) == (1, 0, 0, 0, 0, 0o755, 0)
    data, _ = pack("tmpfs", None, {"size": "4M", "nodes": 100, "mode": "1777"})
    assert struct.unpack("<i4xQqIIIi", data) == (1, 100, 4 << 20, 0, 0, 0o1777, 0)


def test_a_flag_can_be_taken_back() -> None:
    data, _ = pack("cd9660", "", {"norrip": "yes", "gens": True, "extatt": "no"})
    assert int.from_bytes(data[136:140], "little") == 3


def test_choice_text_and_pairs() -> None:
    data, _ = pack("union", "/a", {"layer": "below"})
    assert int.from_bytes(data[8:12], "little") == 2
    data, keep = pack("autofs", "map", {"prefix": "/net"})
    assert [text_at(a) for a in struct.unpack("<Q8xQ", data)] == ["map", "/net"]
    data, keep = pack("umap", "/a", {"users": "0:1000+5:6", "groups": {1: 2}})
    count, groups, users, table = struct.unpack_from("<iiQQ", data, 136)
    assert (count, groups) == (2, 1)
    assert list(ffi.cast("uint64_t *", users)[0:4]) == [0, 1000, 5, 6]
    assert list(ffi.cast("uint64_t *", table)[0:2]) == [1, 2]
    assert keep


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("ffs", {"uid": 1}, "ffs has no option 'uid' (it has: none)"),
        ("tmpfs", {"sise": 1}, "it has: gid, mode, nodes, size, uid"),
        ("tmpfs", {"size": "much"}, "option size of tmpfs: not a size"),
        ("tmpfs", {"mode": "9"}, "not an octal mode"),
        ("tmpfs", {"uid": -1}, "may not be negative"),
        ("msdos", {"utf8": "maybe"}, "yes or no"),
        ("union", {"layer": "beside"}, "above or below or replace"),
        ("umap", {"users": "1"}, "pairs are"),
        ("umap", {"users": "+".join(["1:2"] * 65)}, "1 to 64 pairs"),
        ("nosuchfs", {"uid": 1}, "nosuchfs has no option"),
    ],
)
def test_bad_options(kind: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        check(kind, options)
    assert message in str(caught.value)


def test_a_number_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="does not fit 4 bytes"):
        pack("msdos", "", {"uid": 1 << 32})


def test_puffs_needs_its_server() -> None:
    with pytest.raises(ValueError, match="puffs needs data="):
        pack("puffs", "x", {})


def test_words() -> None:
    assert split_words("msdos", ("ro", "uid=5", "utf8", "msdos.gid=6")) == (
        ["ro"],
        {"uid": "5", "utf8": "", "gid": "6"},
    )
    with pytest.raises(ValueError, match="is for tmpfs, and this is msdos"):
        split_words("msdos", ("tmpfs.size=1",))


def test_every_option_packs() -> None:
    samples = {
        "number": 1, "bytes": "4k", "mode": "700", "id": 3, "seconds": 60,
        "address": 4096, "text": "x", "flag": True, "pairs": "1:2",
    }  # fmt: skip
    for kind, row in TYPES.items():
        for name, (option, _, value, _) in row[5].items():
            last = value.rpartition(",")[2].partition("=")[0]
            sample = last if option == "choice" else samples[option]
            assert name in known(kind)
            once = check(kind, {name: sample})
            assert check(kind, once) == once
            data, _ = pack(kind, None, {name: sample})
            assert len(data) == row[1]
            assert data != pack(kind, None, {})[0]
