# SPDX-License-Identifier: BSD-2-Clause
"""Where kernels go below 2 GiB, in whatever company."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from rumpy._hyp import ffi, lib
from rumpy.errors import LinkError
from rumpy.hypercall.memory import Memory, MemoryPolicy
from rumpy.linker import arena

PYTHONS = [Path(sys.executable), Path("/usr/bin/python3")]

MAPS = """\
00400000-00acb000 r-xp 00000000 fe:00 1 /usr/bin/python3
01000000-02000000 rw-p 00000000 00:00 0 [heap]
7d000000-7e000000 ---p 00000000 00:00 0
55705fcd7000-55705fcd8000 r--p 00000000 fe:00 26723 /usr/lib/x y
"""


def test_gaps_keep_room_for_the_heap_to_grow() -> None:
    found = arena.gaps(MAPS, 0x100000, 0x80000000)
    assert found[:2] == [(0x100000, 0x400000), (0xACB000, 0x1000000)]
    middle = (0x2000000 + 0x80000000) // 2
    assert found[2:] == [(middle, 0x7D000000), (0x7E000000, 0x80000000)]


def test_gaps_of_nothing() -> None:
    assert arena.gaps("", 0x1000, 0x2000) == [(0x1000, 0x2000)]
    assert arena.gaps("00000000-80000000 rw-p 0 0 0\n", 0x1000, 0x80000000) == []


def test_floor_is_never_below_a_mebibyte(tmp_path: Path) -> None:
    path = tmp_path / "mmap_min_addr"
    for text, expected in (("4096", 1 << 20), ("65536", 1 << 20), ("4194304", 4 << 20)):
        path.write_text(f"{text}\n")
        assert arena.floor(path) == expected
    assert arena.floor(tmp_path / "none") == 1 << 20


def test_free_list_takes_from_the_top_and_merges() -> None:
    pages = arena.FreeList(0x1000, 0x10000)
    first, second = pages.take(0x1000, 0x1000), pages.take(0x2000, 0x4000)
    assert first == 0x10000
    assert second == 0xC000
    assert pages.take(0x1000, 0x1000) == 0xF000
    pages.give(first, 0x1000)
    pages.give(0xF000, 0x1000)
    pages.give(second, 0x2000)
    assert pages.free == 0x10000
    assert pages.take(0x10000, 0x1000) == 0x1000
    with pytest.raises(LinkError, match="no 1 bytes left"):
        pages.take(1, 1)


def test_slots_are_reused_lowest_first() -> None:
    slots = arena.Slots(3)
    assert [slots.take() for _ in range(4)] == [0, 1, 2, None]
    slots.give(1)
    slots.give(0)
    assert slots.take() == 0


def test_a_taken_slot_falls_back_to_the_largest_gap() -> None:
    """Somebody else sits at every canonical place: the kernel goes elsewhere."""
    script = """
import mmap, ctypes
from rumpy.linker import arena
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
i = ctypes.c_int
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, i, i, i, ctypes.c_long]
for slot in range(arena.SLOTS):
    start, end = arena.slot_range(slot)
    if start > 0x50000000:
        got = libc.mmap(start + 0x10000, 0x1000, 0, 0x100000 | 0x22, -1, 0)
        assert got == start + 0x10000, (hex(got), slot)
from rumpy.hypercall.memory import Memory
with Memory() as memory:
    place = memory.placement
    assert not place.canonical
    assert 1 << 20 <= place.low_base < place.low_base + place.low_size <= 1 << 31
    starts = [arena.slot_range(s)[0] + 0x10000 for s in range(arena.SLOTS)]
    inside = [s for s in starts if s > 0x50010000 and
              place.low_base <= s < place.low_base + place.low_size]
    assert not inside, list(map(hex, inside))
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_forty_kernels_in_one_process(python: Path) -> None:
    """In every interpreter: Debian's own is not PIE, its heap lies low."""
    if not python.exists():
        pytest.skip(f"no {python} here")
    site = next(p for p in sys.path if p.endswith("site-packages"))
    root = Path(__file__).resolve().parents[2]
    script = f"""
import sys
sys.path[:0] = [{str(root)!r}, {site!r}]
from rumpy.hypercall.memory import Memory
kernels = [Memory() for _ in range(40)]
ranges = sorted((m.placement.low_base, m.placement.low_size) for m in kernels)
assert all(a + n <= b for (a, n), (b, _) in zip(ranges, ranges[1:]))
filler = [bytearray(1 << 20) for _ in range(64)]   # the heap grows meanwhile
for m in kernels:
    m.close()
with Memory() as again:
    assert again.placement.slot == 0
"""
    version = subprocess.run(
        [str(python), "-c", "import sys; print(sys.version_info[:2] >= (3, 11))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    if version.stdout.strip() != "True":
        pytest.skip(f"{python} is too old")
    probe = subprocess.run([str(python), "-c", script], capture_output=True, text=True)
    if "_cffi_backend" in probe.stderr:
        pytest.skip(f"{python} can't use this environment's cffi")
    assert probe.returncode == 0, probe.stderr


def test_low_memory_is_not_inherited_by_a_child() -> None:
    script = """
import os, sys
from rumpy.hypercall.memory import Memory
with Memory() as memory:
    low = f"{memory.placement.low_base:08x}-"
    assert low in open("/proc/self/maps").read()
    child = os.fork()
    if child == 0:
        os._exit(low in open("/proc/self/maps").read())
    _, status = os.waitpid(child, 0)
    assert status == 0
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)


def test_memory_is_given_back() -> None:
    def low_maps() -> list[str]:
        lines = Path("/proc/self/maps").read_text().splitlines()
        return [line for line in lines if int(line.split("-")[0], 16) < 1 << 31]

    before = low_maps()
    for _ in range(5):
        with Memory():
            assert low_maps() != before
    assert low_maps() == before


def test_geometry_is_checked_in_c() -> None:
    out = ffi.new("struct hyp_memory **")
    page = mmap.PAGESIZE
    good = {"low_base": 0x20000000, "low_size": 1 << 20, "slab_size": 1 << 16,
            "arena_base": 0x2F0000000000, "arena_size": 1 << 20}  # fmt: skip
    for name, value in (
        ("low_base", 0x80000000), ("low_base", 0x20000001), ("low_base", 0),
        ("low_size", 0), ("low_size", 100), ("slab_size", 2 << 20),
        ("slab_size", 0), ("arena_base", 17), ("arena_size", 0),
        ("low_size", (1 << 64) - page),
    ):  # fmt: skip
        config = ffi.new("struct hyp_memory_config *", good | {name: value})
        assert lib.hyp_memory_create(config, out) == 22, (name, value)


def test_policy() -> None:
    assert MemoryPolicy(8 << 20).arena_size == 32 << 20
    assert MemoryPolicy().grow(1 << 20) is None
    with pytest.raises(ValueError, match="at least 4 MiB"):
        MemoryPolicy(1 << 20)


def test_images_stay_in_their_range() -> None:
    with Memory() as memory:
        place, handle = memory.placement, memory.handle
        slab = place.low_base + place.low_size - place.slab_size
        assert lib.hyp_image_map(handle, slab, 4096) == 22
        assert lib.hyp_image_map(handle, place.low_base - 4096, 4096) == 22
        assert lib.hyp_image_map(handle, place.low_base + 1, 4096) == 22
        assert lib.hyp_image_map(handle, place.low_base, 8192) == 0
        assert lib.hyp_image_map(handle, place.low_base + 4096, 4096) == 17
        assert lib.hyp_image_is_text(handle, place.low_base) == 0
        assert lib.hyp_image_seal(handle, place.low_base, 4096, 1) == 0
        assert lib.hyp_image_is_text(handle, place.low_base + 4095) == 1
        assert lib.hyp_image_is_text(handle, place.low_base + 4096) == 0
        assert lib.hyp_image_unmap(handle, place.low_base, 4096) == 2
        assert lib.hyp_image_unmap(handle, place.low_base, 8192) == 0
        assert lib.hyp_image_is_text(handle, place.low_base) == 0
        assert lib.hyp_slab_clear(handle, place.low_base, 4096) == 22
