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


# -- Solaris ---------------------------------------------------------------

#: Of fs_state and the time together, by which one knows Solaris.
SUN_OKAY = 0x7C269D38
SUN_LOG, SUN_STABLE = 0xFD, 2


def solaris(name: str, *, log: int = 0, clean: int = SUN_STABLE) -> bytes:
    """A 4.3BSD image as Solaris has them: inodes and directories are the same.

    Args:
        name: an image with 4.3BSD's inodes.
        log: block of an embedded log, 0 for none.
        clean: fs_clean.
    """
    order = ">" if "be" in name else "<"
    data = bytearray(images.unpacked(name))
    home = 8192
    (time,) = struct.unpack_from(order + "I", data, home + 32)
    state = 1336 if order == ">" else 132
    struct.pack_into(order + "I", data, home + state, SUN_OKAY - time & 0xFFFFFFFF)
    struct.pack_into(order + "II", data, home + 1320, 0, log)
    data[home + CLEAN] = clean
    # What NetBSD keeps its own ids in is the inode of a list.
    image = ffscheck.Image(bytes(data))
    for number in range(2, image.sb.ncg * image.sb.ipg):
        at = image.inode_offset(number)
        ids = struct.unpack_from(order + "HH", data, at + 4)
        struct.pack_into(order + "4I", data, at + 112, 0, *ids, 0)
    return bytes(data)


def sun_log(data: bytearray, order: str, *, rolled: bool) -> tuple[int, int]:
    """Give Solaris' image a log in free blocks of group 0, which no inode owns.

    Returns:
        the byte of its list of extents, and that of its first extent's place.
    """
    image = ffscheck.Image(bytes(data))
    sb = image.sb
    group = sb.cblkno * sb.fsize
    (free,) = struct.unpack_from(order + "I", data, group + 96)
    blocks = [
        b
        for b in range(sb.fpg // sb.frag)
        if all(
            data[group + free + (f >> 3)] >> (f & 7) & 1
            for f in range(b * sb.frag, (b + 1) * sb.frag)
        )
    ][-5:]
    for f in (f for b in blocks for f in range(b * sb.frag, (b + 1) * sb.frag)):
        data[group + free + (f >> 3)] &= ~(1 << (f & 7))
    for at in (group + 28, sb.csaddr * sb.fsize + 4, sb.where + 196):
        (count,) = struct.unpack_from(order + "i", data, at)
        struct.pack_into(order + "i", data, at, count - 5)
    sectors = [b * sb.bsize // 512 for b in blocks]
    extents = (0, sectors[1], sb.bsize // 512), (8, sectors[2], 3 * sb.bsize // 512)
    at = sectors[0] * 512
    struct.pack_into(order + "5I", data, at, 0, 0, 2, 4 * sb.bsize, 0)
    struct.pack_into(order + "6I", data, at + 20, *extents[0], *extents[1])
    struct.pack_into(order + "I", data, sb.where + 4, 1 if rolled else 2)
    struct.pack_into(order + "I", data, sb.where + 1324, sectors[0])
    data[sb.where + CLEAN] = SUN_LOG
    return at, at + 24


def sun_inode(
    data: bytearray, order: str, number: int, *, uid: int, gid: int, usec: int
) -> None:
    """Give an inode of Solaris large ids and a modification time."""
    at = ffscheck.Image(bytes(data)).inode_offset(number)
    struct.pack_into(order + "HH", data, at + 4, 0xFFFF, 0xFFFF)
    struct.pack_into(order + "II", data, at + 116, uid, gid)
    struct.pack_into(order + "I", data, at + 28, usec)


# -- OpenBSD, and what is of before 2003 -----------------------------------


def openbsd(name: str, *, updated: bool) -> bytes:
    """As OpenBSD's newfs leaves one: nothing of NetBSD's journal and quotas.

    Args:
        updated: FFSv1 with the newer counters (since OpenBSD 4.2), which the
            superblock says with FS_FLAGS_UPDATED in fs_ffs1_flags.
    """
    data = bytearray(images.unpacked(name))
    home = SBLOCK if "ffs2" in name else 8192
    order = ">" if "be" in name else "<"
    data[home + 864 : home + 928] = bytes(64)
    struct.pack_into(order + "i", data, home + 1324, 2)
    sb = ffscheck.Image(bytes(data)).sb
    copies = [(sb.cgstart(cg) + sb.sblkno) * sb.fsize for cg in range(sb.ncg)]
    for at in [home, *copies] if not updated else []:
        size, dsize, csaddr = struct.unpack_from(order + "3q", data, at + 1080)
        totals = struct.unpack_from(order + "4q", data, at + 1008)
        (time,) = struct.unpack_from(order + "q", data, at + 1072)
        struct.pack_into(order + "3i", data, at + 32, time, size, dsize)
        struct.pack_into(order + "i", data, at + 152, csaddr)
        struct.pack_into(order + "4i", data, at + 192, *totals)
        data[at + 211] = 0
        # These members came later; before, the room held other things.
        data[at + 1000 : at + 1112] = b"\x5a" * 112
    return bytes(data)
