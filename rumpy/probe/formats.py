# SPDX-License-Identifier: BSD-2-Clause
"""Formats that are not ours: packed images, virtual disks, other file systems.

One table each: offset, magic bytes, name, and what to do about it.
"""

from __future__ import annotations

from rumpy.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.probe.source import Source

# offset, magic, name, the command that makes a raw image of it
_CONVERT = (
    (0, b"\x1f\x8b", "compressed by gzip", "gunzip -k {0}"),
    (0, b"\xfd7zXZ\0", "compressed by xz", "unxz -k {0}"),
    (0, b"\x28\xb5\x2f\xfd", "compressed by zstd", "unzstd {0}"),
    (0, b"BZh", "compressed by bzip2", "bunzip2 -k {0}"),
    (0, b"\x04\x22\x4d\x18", "compressed by lz4", "unlz4 {0}"),
    (0, b"\x1f\x9d", "compressed by compress", "uncompress -k {0}"),
    (0, b"PK\x03\x04", "a zip archive", "unzip {0}"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "7z x {0}"),
    (0, b"QFI\xfb", "a qcow2 disk", "qemu-img convert -O raw {0} {0}.raw"),
    (0, b"KDMV", "a VMDK disk", "qemu-img convert -O raw {0} {0}.raw"),
    (0, b"# Disk Descr", "a VMDK descriptor", "qemu-img convert -O raw {0} {0}.raw"),
    (64, b"\x7f\x10\xda\xbe", "a VDI disk", "qemu-img convert -O raw {0} {0}.raw"),
    (0, b"vhdxfile", "a VHDX disk", "qemu-img convert -O raw {0} {0}.raw"),
    (0, b"conectix", "a VHD disk", "qemu-img convert -f vpc -O raw {0} {0}.raw"),
    (0, b"\x7fELF", "an ELF object and no disk image", None),
    (257, b"ustar", "a tar archive", "tar -xf {0}"),
)

# offset, magic, kind, words
_FILESYSTEMS = (
    (1080, b"\x53\xef", "ext2fs", "ext2/ext3/ext4"),
    (32769, b"CD001", "cd9660", "ISO 9660"),
    (0, b"hsqs", "squashfs", "SquashFS"),
    (0, b"XFSB", "xfs", "XFS"),
    (65600, b"_BHRfS_M", "btrfs", "Btrfs"),
    (8192, b"\x62\x01\x07\x00", "lfs", "NetBSD LFS"),
    (3, b"NTFS    ", "ntfs", "NTFS"),
    (3, b"EXFAT   ", "exfat", "exFAT"),
    (54, b"FAT1", "msdos", "FAT12/FAT16"),
    (82, b"FAT32", "msdos", "FAT32"),
    (1024, b"H+", "hfs", "HFS Plus"),
    (1024, b"BD", "hfs", "HFS"),
    (0, b"LUKS\xba\xbe", "luks", "a LUKS encrypted volume"),
)


def foreign(source: Source) -> None:
    """Refuse what has to be converted before it is an image.

    Raises:
        ImageError: naming the format and the command.
    """
    head = source.at(0, 512)
    for offset, magic, name, command in _CONVERT:
        if head[offset : offset + len(magic)] == magic:
            hint = None if command is None else "to convert: " + command
            raise ImageError(
                f"this is {name}",
                image=source.path,
                hint=hint.format(_quoted(source.path)) if hint else None,
            )


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)


def other_filesystem(source: Source) -> tuple[str, str] | None:
    """Kind and words of a file system that is no FFS; None where unknown."""
    for offset, magic, kind, words in _FILESYSTEMS:
        if source.at(offset, len(magic)) == magic:
            return kind, words
    return None
