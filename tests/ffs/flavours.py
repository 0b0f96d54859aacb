# SPDX-License-Identifier: BSD-2-Clause
"""Images of other systems' flavours, made of NetBSD's by what the format says."""

from __future__ import annotations

import struct

from . import ffscheck, images

#: Byte offsets of fields of a superblock.
CLEAN, FLAGS, METACKHASH, SBHASH, MAGIC = 209, 1312, 1308, 1304, 1372
#: Bits of fs_flags.
SOFTDEP, NEEDSFSCK, SUJ = 0x2, 0x4, 0x8
UFS2 = "nb-ffs2le-8k"
SBLOCK = 65536


def sb_u32(data: bytes | bytearray, off: int) -> int:
    """A field of the superblock of a little-endian UFS2."""
    return int(struct.unpack_from("<I", data, SBLOCK + off)[0])


def with_flags(flags: int, *, clean: bool) -> bytes:
    """An image with more of fs_flags, unmounted cleanly or not."""
    data = bytearray(images.unpacked(UFS2))
    struct.pack_into("<I", data, SBLOCK + FLAGS, sb_u32(data, FLAGS) | flags)
    data[SBLOCK + CLEAN] = 1 if clean else 0
    return bytes(data)


def hashed(raw: bytes, hole: int) -> int:
    """CRC32C with the field itself taken as 0."""
    return ffscheck.crc32c(raw[:hole] + bytes(4) + raw[hole + 4 :])


def with_hashes(flags: int = 0) -> bytes:
    """An image with all three kinds of FreeBSD's hashes, computed here.

    Args:
        flags: more of fs_flags.
    """
    data = bytearray(images.unpacked("nb-fbsd-ufs2-16k"))
    struct.pack_into("<I", data, SBLOCK + METACKHASH, 7)
    struct.pack_into("<I", data, SBLOCK + FLAGS, sb_u32(data, FLAGS) | flags)
    image = ffscheck.Image(bytes(data))
    for number in range(2, image.sb.ncg * image.sb.ipg):
        at = image.inode_offset(number)
        if image.inode(number) is not None:
            raw = bytes(data[at : at + 256])
            struct.pack_into("<I", data, at + 244, hashed(raw, 244))
    raw = bytes(data[SBLOCK : SBLOCK + sb_u32(data, 104)])
    struct.pack_into("<I", data, SBLOCK + SBHASH, hashed(raw, SBHASH))
    return bytes(data)
