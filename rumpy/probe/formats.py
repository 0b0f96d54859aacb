# SPDX-License-Identifier: BSD-2-Clause
"""Formats that are not ours: packed images, virtual disks, other file systems.

One table each: offset, magic bytes, name, and what to do about it.
"""

from __future__ import annotations

from rumpy.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.probe.source import Source

_QEMU = "qemu-img convert -O raw {0} {1}"
_EWF = "ewfexport -u -f raw -t - {0} > {1}"

# offset (from the end where it is negative), magic, name, the command that makes
# a raw image {1} of the file {0}, whatever its suffix is
_CONVERT = (
    (0, b"\x1f\x8b", "compressed by gzip", "gzip -dc {0} > {1}"),
    (0, b"\xfd7zXZ\0", "compressed by xz", "xz -dc {0} > {1}"),
    (0, b"\x28\xb5\x2f\xfd", "compressed by zstd", "zstd -dc {0} > {1}"),
    (0, b"BZh", "compressed by bzip2", "bzip2 -dc {0} > {1}"),
    (0, b"\x04\x22\x4d\x18", "compressed by lz4", "lz4 -dc {0} > {1}"),
    (0, b"\x1f\x9d", "compressed by compress", "gzip -dc {0} > {1}"),
    (0, b"PK\x03\x04", "a zip archive", "unzip {0}"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "7z x {0}"),
    (0, b"QFI\xfb", "a qcow2 disk", _QEMU),
    (0, b"KDMV", "a VMDK disk", _QEMU),
    (0, b"# Disk Descr", "a VMDK descriptor", _QEMU),
    (64, b"\x7f\x10\xda\xbe", "a VDI disk", _QEMU),
    (0, b"vhdxfile", "a VHDX disk", _QEMU),
    (0, b"conectix", "a VHD disk", "qemu-img convert -f vpc -O raw {0} {1}"),
    (0, b"QED\0", "a QED disk", _QEMU),
    (0, b"WithoutFreeSpace", "a Parallels disk", _QEMU),
    (0, b"WithouFreSpacExt", "a Parallels disk", _QEMU),
    (0, b"EVF\x09\x0d\x0a\xff\0", "an EnCase disk", _EWF),
    (0, b"EVF2\x0d\x0a\x81\0", "an EnCase disk", _EWF),
    (-512, b"koly", "an Apple disk image", _QEMU),
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
    head, tail = source.at(0, 512), source.at(source.size - 512, 512)
    for offset, magic, name, command in _CONVERT:
        place, at = (head, offset) if offset >= 0 else (tail, offset + 512)
        if place[at : at + len(magic)] == magic:
            hint = None if command is None else _command(command, source.path)
            raise ImageError(f"this is {name}", image=source.path, hint=hint)


def _command(command: str, path: str) -> str:
    """The command that converts it, ready for a shell."""
    import os
    import shlex

    path = os.fsdecode(path)
    packed = (".gz", ".xz", ".zst", ".bz2", ".lz4", ".Z")
    stem, suffix = os.path.splitext(path)
    made = f"{path}.raw"
    if suffix in packed and not os.path.exists(stem):
        made = stem
    return "to convert: " + command.format(shlex.quote(path), shlex.quote(made))


def other_filesystem(source: Source) -> tuple[str, str] | None:
    """Kind and words of a file system that is no FFS; None where unknown."""
    for offset, magic, kind, words in _FILESYSTEMS:
        if source.at(offset, len(magic)) == magic:
            return kind, words
    return None
