# SPDX-License-Identifier: BSD-2-Clause
"""Superblocks, by the driver's own pure code compiled for the host."""

from __future__ import annotations

import ctypes
import random
import subprocess
from pathlib import Path

import pytest

from . import images
from .ffscheck import crc32c

ROOT = Path(__file__).resolve().parent.parent.parent
PLACES = (65536, 8192, 0, 262144)
NONE, OK, BAD = 0, 1, 2
BASES = ["nb-ffs1le-16k", "nb-ffs2le-8k", "nb-ffs2be-16k"]
DAMAGES = [
    (base, kind)
    for base in BASES
    for kind in images.damages(base)
    if kind.startswith("sb-") or kind == "sbmagic"
]
# Of an FFSv1 this one damages fs_old_size, which nobody reads any more.
DAMAGES.remove(("nb-ffs1le-16k", "sb-size-beyond"))


class Decoder:
    """ffs_sb_decode() with a struct fs that the host can look at."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.lib = library
        self.lib.ffs_sb_decode.argtypes = [
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.c_int64,
            ctypes.c_int64,
            ctypes.POINTER(ctypes.c_bool),
            ctypes.POINTER(ctypes.c_char_p),
        ]

    def __call__(self, data: bytes) -> tuple[int, str, bytes, bool]:
        """(verdict, reason, decoded superblock, swapped) for an image."""
        why, swap = ctypes.c_char_p(), ctypes.c_bool()
        fs = ctypes.create_string_buffer(1376)
        for place in PLACES:
            raw = bytes(data[place : place + 8192])
            if len(raw) < 8192:
                continue
            verdict = self.lib.ffs_sb_decode(
                fs, raw, place, len(data), ctypes.byref(swap), ctypes.byref(why)
            )
            if verdict != NONE:
                reason = (why.value or b"").decode()
                return verdict, reason, fs.raw, swap.value
        return NONE, "", b"", False


@pytest.fixture(scope="module")
def decode(tmp_path_factory: pytest.TempPathFactory) -> Decoder:
    """The driver's ffs_super.c as a shared library."""
    out = tmp_path_factory.mktemp("super") / "ffs_super.so"
    flags = "-shared -fPIC -O1 -Wall -Wextra -Werror -fsanitize=undefined"
    command = ["cc", *flags.split(), "-fno-sanitize-recover=all"]
    command += [f"-I{ROOT}/csrc/include", f"{ROOT}/modules/ffs/ffs_super.c"]
    subprocess.run([*command, "-o", str(out)], check=True)
    return Decoder(ctypes.CDLL(str(out)))


@pytest.mark.parametrize("name", images.names())
def test_real_superblocks_are_accepted(decode: Decoder, name: str) -> None:
    verdict, why, fs, swapped = decode(images.unpacked(name))
    assert (verdict, why) == (OK, "")
    assert swapped == is_big_endian(name)
    assert int.from_bytes(fs[48:52], "little") in (4096, 8192, 16384, 32768, 65536)


def is_big_endian(name: str) -> bool:
    """Of the journaled images the name does not tell."""
    if name.startswith("wal-"):
        return name in ("wal-clean-end", "wal-mixed2", "wal-truncate", "wal-unlink")
    return "be-" in name


@pytest.mark.parametrize(("base", "kind"), DAMAGES)
def test_absurd_superblocks_are_refused(decode: Decoder, base: str, kind: str) -> None:
    verdict, why, _, _ = decode(bytes(images.damaged(base, kind)))
    assert verdict == (NONE if kind == "sbmagic" else BAD)
    assert why or kind == "sbmagic"


def test_a_truncated_image_is_refused(decode: Decoder) -> None:
    data = images.unpacked("nb-ffs2le-8k")
    verdict, why, _, _ = decode(data[: len(data) - 4096])
    assert verdict == BAD
    assert "truncated" in why


@pytest.mark.parametrize("name", BASES)
def test_encoding_gives_back_what_was_read(decode: Decoder, name: str) -> None:
    data = images.unpacked(name)
    _, _, fs, swapped = decode(data)
    where = 8192 if "ffs1" in name else 65536
    raw = data[where : where + 8192]
    buf = ctypes.create_string_buffer(raw, 8192)
    decode.lib.ffs_sb_encode(buf, fs, ctypes.c_bool(swapped))
    changed = {i for i in range(1376) if buf.raw[i] != raw[i]}
    # Pointers of the kernel that wrote it last may go.
    assert all(728 <= i < 856 for i in changed)


def test_random_damage_never_passes_as_a_geometry_that_overflows(
    decode: Decoder,
) -> None:
    """What passes is safe to compute with: the sanitizer and these say so."""
    rng = random.Random(4)
    for _ in range(3000):
        base = rng.choice(BASES)
        where = 8192 if "ffs1" in base else 65536
        data = bytearray(images.unpacked(base)[: where + 8192])
        for _ in range(rng.randint(1, 4)):
            data[where + rng.randrange(1376)] = rng.randrange(256)
        raw = bytes(data[where : where + 8192])
        fs = ctypes.create_string_buffer(1376)
        swap, why = ctypes.c_bool(), ctypes.c_char_p()
        size = len(images.unpacked(base))
        verdict = decode.lib.ffs_sb_decode(
            fs, raw, where, size, ctypes.byref(swap), ctypes.byref(why)
        )
        if verdict != OK:
            continue

        def i32(off: int, fs: ctypes.Array[ctypes.c_char] = fs) -> int:
            return int.from_bytes(fs.raw[off : off + 4], "little", signed=True)

        frags = int.from_bytes(fs.raw[1080:1088], "little")
        assert frags * i32(52) <= size
        assert i32(44) == -(-frags // i32(188)) > 0
        assert i32(20) <= i32(188)
        assert i32(160) <= i32(48)


def test_superblock_check_hash(decode: Decoder) -> None:
    """As FreeBSD 13 writes them; no image with one is at hand."""
    data = images.unpacked("nb-fbsd-ufs2-16k")
    raw = bytearray(data[65536 : 65536 + 8192])
    raw[1308] |= 1  # fs_metackhash
    data = data[:65536] + bytes(raw) + data[65536 + 8192 :]
    assert decode(data)[:2] == (BAD, "check hash")
    sbsize = int.from_bytes(raw[104:108], "little")
    want = crc32c(bytes(raw[:1304]) + bytes(4) + bytes(raw[1308:sbsize]))
    raw[1304:1308] = want.to_bytes(4, "little")
    data = data[:65536] + bytes(raw) + data[65536 + 8192 :]
    assert decode(data)[0] == OK
    # And what is encoded carries it.
    _, _, fs, _ = decode(data)
    buf = ctypes.create_string_buffer(bytes(raw), 8192)
    decode.lib.ffs_sb_encode(buf, fs, ctypes.c_bool(False))
    out = buf.raw
    want = crc32c(out[:1304] + bytes(4) + out[1308:sbsize])
    assert int.from_bytes(out[1304:1308], "little") == want
