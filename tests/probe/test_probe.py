# SPDX-License-Identifier: BSD-2-Clause
"""What an image is: real ones, disks made here, and formats to be converted."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import pytest

from rumpy.demo import demo_image
from rumpy.errors import ImageError
from rumpy.probe import choose, parse_size, probe

SECTOR = 512
START = 2048


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    return Path(demo_image(tmp_path / "demo.img"))


def test_the_demo_image(demo: Path) -> None:
    found = probe(demo)
    assert found.kind == "ffs" and found.text == "FFSv2 (UFS2), little-endian"
    assert found.superblock is not None
    s = found.superblock
    assert (s.values["bsize"], s.values["fsize"], s.place) == (16384, 2048, 8192)
    assert s.size == 8 << 20 and s.inodes == 2048 and s.clean
    assert 0 < s.free < s.size and s.free_inodes == s.inodes - 12


def mbr(*entries: tuple[int, int, int]) -> bytearray:
    """A boot sector with (type, start, sectors) partitions."""
    sector = bytearray(SECTOR)
    for index, (kind, start, count) in enumerate(entries):
        struct.pack_into("<B3sB3sII", sector, 446 + 16 * index,
                         0, b"", kind, b"", start, count)  # fmt: skip
    sector[510:] = b"\x55\xaa"
    return sector


def label(start: int, count: int, *, at: int) -> bytes:
    """A disklabel with partition a = (start, count) and c = the slice."""
    raw = bytearray(404)
    magic = 0x82564557
    struct.pack_into("<I", raw, 0, magic)
    struct.pack_into("<I", raw, 40, SECTOR)
    struct.pack_into("<IHH", raw, 132, magic, 0, 3)
    struct.pack_into("<IIIBBH", raw, 148, count, start, 0, 7, 0, 0)
    struct.pack_into("<IIIBBH", raw, 148 + 32, count, start, 0, 0, 0, 0)
    return bytes(at) + bytes(raw)


@pytest.fixture
def disk(tmp_path: Path, demo: Path) -> Path:
    """A whole disk: an MBR, a NetBSD slice with a label, and the demo in it."""
    path = tmp_path / "disk.img"
    contents = demo.read_bytes()
    count = len(contents) // SECTOR
    with path.open("wb") as out:
        out.write(mbr((0x83, 63, 100), (0xA9, START, count)))
        out.seek(START * SECTOR)
        out.write(contents)
        out.seek(START * SECTOR)
        out.write(label(START, count, at=SECTOR))
    return path


def test_a_whole_disk_lists_its_partitions(disk: Path) -> None:
    found = probe(disk)
    assert found.kind == "disk" and found.text == "a disk with an MBR"
    table = {p.name: (p.type, p.offset, p.contents) for p in found.partitions}
    assert table["1"] == ("Linux", 63 * SECTOR, None)
    assert table["2"] == ("NetBSD", START * SECTOR, "FFSv2 (UFS2), little-endian")
    assert table["a"] == ("4.2BSD FFS", START * SECTOR, "FFSv2 (UFS2), little-endian")
    assert "c" not in table


@pytest.mark.parametrize("name", ["2", "a"])
def test_a_partition_is_chosen_by_number_or_letter(disk: Path, name: str) -> None:
    choice = choose(disk, partition=name)
    assert (choice.driver, choice.offset) == ("ffs", START * SECTOR)


def test_a_disk_without_a_choice_says_what_there_is(disk: Path) -> None:
    with pytest.raises(ImageError, match=r"which partition: 2 \(FFSv2"):
        choose(disk)
    with pytest.raises(ValueError, match=r"no partition 7 \(it has: 1, 2, a\)"):
        choose(disk, partition="7")


def test_an_offset_chooses_too(disk: Path) -> None:
    assert choose(disk, offset=f"{START}s").offset == START * SECTOR


def test_a_gpt(tmp_path: Path, demo: Path) -> None:
    path = tmp_path / "gpt.img"
    contents = demo.read_bytes()
    last = START + len(contents) // SECTOR - 1
    guid = bytes.fromhex("5a2df449b10edc11b99b0019d1879648")
    entry = struct.pack("<16s16sQQQ72s", guid, b"x" * 16, START, last, 0,
                        "root".encode("utf-16-le"))  # fmt: skip
    head = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, 1, 9, 34,
                       99, b"", 2, 1, 128, 0)  # fmt: skip
    with path.open("wb") as out:
        out.write(mbr((0xEE, 1, last)))
        out.write(head)
        out.seek(2 * SECTOR)
        out.write(entry)
        out.seek(START * SECTOR)
        out.write(contents)
    found = probe(path)
    assert found.text == "a disk with a GPT"
    [part] = found.partitions
    assert (part.name, part.type, part.size) == ("1", "NetBSD FFS", len(contents))
    assert part.contents == "FFSv2 (UFS2), little-endian"


def test_a_loop_of_logical_partitions_ends(tmp_path: Path) -> None:
    path = tmp_path / "loop.img"
    chain = mbr((0x83, 1, 10), (0x05, 0, 10))
    path.write_bytes(bytes(mbr((0x05, 1, 100))) + bytes(chain) + bytes(100 * SECTOR))
    assert [p.type for p in probe(path).partitions] == ["extended", "Linux"]


@pytest.mark.parametrize(
    ("head", "words", "command"),
    [
        (b"\xfd7zXZ\0", "xz", "xz -dc"),
        (b"QFI\xfb\0\0\0\3", "qcow2", "qemu-img convert -O raw"),
        (b"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"),
        (b"KDMV", "VMDK", "qemu-img"),
        (b"EVF\x09\x0d\x0a\xff\0", "EnCase", "ewfexport"),
        (bytes(65536) + b"koly".ljust(512, b"\0"), "Apple", "qemu-img"),
        (b"vhdxfile", "VHDX", "qemu-img"),
        (b"BZh91AY", "bzip2", "bzip2 -dc"),
    ],
)
def test_a_format_to_be_converted_names_the_command(
    tmp_path: Path, head: bytes, words: str, command: str
) -> None:
    path = tmp_path / "odd name.img"
    path.write_bytes(head.ljust(8192, b"\0"))
    for attempt in (probe, choose):
        with pytest.raises(ImageError) as info:
            attempt(path)
        assert words in str(info.value) and command in str(info.value)
        assert f"'{path}'" in str(info.value)


def test_a_real_gzip_file(tmp_path: Path, demo: Path) -> None:
    path = tmp_path / "demo.img.gz"
    path.write_bytes(gzip.compress(demo.read_bytes()[:65536]))
    with pytest.raises(ImageError, match=r"compressed by gzip.*gzip -dc"):
        probe(path)


def test_nothing_that_is_known(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    assert probe(path).kind == "empty"
    path.write_bytes(b"hello" * 5000)
    assert probe(path).kind is None
    with pytest.raises(ImageError, match="-t DRIVER"):
        choose(path)
    assert choose(path, driver="ffs").driver == "ffs"


def test_a_superblock_with_absurd_numbers_is_none(tmp_path: Path, demo: Path) -> None:
    data = bytearray(demo.read_bytes())
    for offset, value in ((48, 0), (52, 0), (56, 99), (44, 0)):
        broken = bytearray(data)
        struct.pack_into("<i", broken, 8192 + offset, value)
        path = tmp_path / f"{offset}.img"
        path.write_bytes(broken)
        assert probe(path).kind is None


def test_other_file_systems_have_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # no NetBSD modules
    monkeypatch.delenv("RUMPY_NETBSD_MODULES", raising=False)
    path = tmp_path / "x"
    path.write_bytes(bytes(1080) + b"\x53\xef" + bytes(8192))
    assert probe(path).kind == "ext2fs"
    path.write_bytes(bytes(32769) + b"CD001" + bytes(8192))
    with pytest.raises(ImageError, match="ISO 9660: rumpy brings no driver"):
        choose(path)
    found = choose(path, netbsd="10.1")
    assert (found.driver, found.type) == ("netbsd-10.1:cd9660", "cd9660")
    (tmp_path / "cd9660.kmod").touch()
    monkeypatch.setenv("RUMPY_NETBSD_MODULES", str(tmp_path))
    assert choose(path).driver == "netbsd:cd9660"


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("63s", 32256), ("1k", 1024), ("4M", 4 << 20), ("0x10", 16)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "1.5", "k"])
def test_bad_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


def test_a_directory_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        probe(tmp_path)


def test_what_is_no_image_is_not_opened(tmp_path: Path) -> None:
    """A FIFO would wait for a writer, and /dev/zero looks like an empty file."""
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(ImageError, match="neither a file nor a block device"):
            probe(path)
