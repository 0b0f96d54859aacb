# SPDX-License-Identifier: BSD-2-Clause
"""Reads the superblock of a Berkeley Fast File System, either byte order.

The offsets are those of `struct fs` (csrc/include/ufs/ffs_format.h).  Only what
`rumpy info` shows and the choice of a driver need; the driver itself checks
everything again.
"""

from __future__ import annotations

from struct import unpack_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.probe.source import Source

#: Where a superblock may lie, in the order in which drivers look.
PLACES = (65536, 8192, 0, 262144)
SIZE = 1376
_MAGIC = {0x00011954: 1, 0x19540119: 2, 0x19012038: 2}

# name: (offset, struct code)
_MEMBERS = {
    "ncg": (44, "I"),
    "bsize": (48, "i"),
    "fsize": (52, "i"),
    "frag": (56, "i"),
    "minfree": (60, "i"),
    "sbsize": (104, "i"),
    "ipg": (184, "I"),
    "fpg": (188, "i"),
    "old_size": (36, "i"),
    "old_dsize": (40, "i"),
    "old_nbfree": (196, "i"),
    "old_nifree": (200, "i"),
    "old_nffree": (204, "i"),
    "clean": (209, "B"),
    "old_flags": (211, "B"),
    "journal_version": (864, "B"),
    "journal_location": (865, "B"),
    "sblockloc": (1000, "q"),
    "nbfree": (1016, "q"),
    "nifree": (1024, "q"),
    "nffree": (1032, "q"),
    "time": (1072, "q"),
    "old_time": (32, "i"),
    "size": (1080, "q"),
    "dsize": (1088, "q"),
    "metackhash": (1308, "I"),
    "flags": (1312, "I"),
    "maxsymlinklen": (1320, "i"),
    "old_inodefmt": (1324, "i"),
    "sun_state_le": (132, "I"),
    "sun_state_be": (1336, "I"),
}
#: Solaris: state and time together.
_SUN_OKAY = 0x7C269D38

_WAPBL, _SUJ, _SOFTDEP = 0x100, 0x8, 0x2
_JOURNALS = {1: "after the file system", 2: "inside"}


class Superblock:
    """An FFS's geometry.

    Attributes:
        place: bytes from the start to the superblock.
        version: 1 or 2.
        endian: "little" or "big".
        volume, mounted_on: names stored by whoever mounted it last.
        values: the members of `struct fs` that _MEMBERS names.
    """

    def __init__(self, data: bytes, place: int, version: int, endian: str) -> None:
        self.place = place
        self.version = version
        self.endian = endian
        order = "<" if endian == "little" else ">"
        self.values: dict[str, int] = {
            name: unpack_from(order + code, data, offset)[0]
            for name, (offset, code) in _MEMBERS.items()
        }
        self.volume = _string(data[680:712])
        self.mounted_on = _string(data[212:680])

    @property
    def absurd(self) -> str | None:
        """The first number that can't be a file system's; None if all can."""
        v = self.values
        bsize, fsize = v["bsize"], v["fsize"]
        checks = (
            ("block size", bsize, bsize in (4096, 8192, 16384, 32768, 65536)),
            ("fragment size", fsize, 512 <= fsize <= bsize and not bsize % fsize),
            ("fragments in a block", v["frag"], v["frag"] * fsize == bsize),
            ("fragments in a block", v["frag"], v["frag"] <= 8),
            ("number of groups", v["ncg"], v["ncg"] > 0),
            ("fragments in a group", v["fpg"], v["fpg"] > 0),
            ("inodes in a group", v["ipg"], v["ipg"] > 0),
            ("superblock size", v["sbsize"], SIZE <= v["sbsize"] <= 8192),
        )
        for what, value, fits in checks:
            if not fits:
                return f"{what} {value}"
        return None

    @property
    def _modern(self) -> bool:
        """Whether an FFSv1's counts are in the new members."""
        return self.version == 2 or bool(self.values["old_flags"] & 0x80)

    @property
    def at_home(self) -> bool:
        """Whether it is the first one and not a copy."""
        if not self._modern:
            return self.place in (8192, 0)
        return self.values["sblockloc"] == self.place

    @property
    def size(self) -> int:
        """Bytes of the file system."""
        fragments = self.values["size" if self._modern else "old_size"]
        return fragments * self.values["fsize"]

    @property
    def free(self) -> int:
        """Bytes that are free."""
        v, prefix = self.values, "" if self._modern else "old_"
        fragments = v[prefix + "nbfree"] * v["frag"] + v[prefix + "nffree"]
        return fragments * v["fsize"]

    @property
    def inodes(self) -> int:
        """How many files it can hold."""
        return self.values["ncg"] * self.values["ipg"]

    @property
    def free_inodes(self) -> int:
        """How many more files it can hold."""
        return self.values["nifree" if self._modern else "old_nifree"]

    @property
    def time(self) -> int:
        """When it was last written, seconds since 1970."""
        return self.values["time" if self._modern else "old_time"]

    @property
    def clean(self) -> bool:
        """Whether it was unmounted."""
        if self.solaris:
            return self.values["clean"] in (1, 2)
        return bool(self.values["clean"] & 0x1)

    @property
    def solaris(self) -> bool:
        """Whether Solaris has written it."""
        v = self.values
        states = {v["sun_state_le"], v["sun_state_be"]}
        okay = _SUN_OKAY - v["old_time"] & 0xFFFFFFFF
        return not self._modern and okay in states

    @property
    def check_hashes(self) -> bool:
        """Whether FreeBSD's check hashes are kept.

        The flag that says so means quotas to NetBSD, so the member that lists
        what carries a hash decides.
        """
        return bool(self.values["flags"] & 0x200 and 0 < self.values["metackhash"] <= 7)

    @property
    def journal(self) -> str | None:
        """What keeps it consistent, if anything does."""
        flags = self.values["flags"]
        if self.solaris:
            logged = self.values["old_inodefmt"] or self.values["clean"] == 0xFD
            return "Solaris' log" if logged else None
        if self.values["journal_version"] and flags & _WAPBL:
            where = _JOURNALS.get(self.values["journal_location"], "of unknown place")
            return f"WAPBL, {where}"
        if flags & _SUJ:
            return "journaled soft updates (FreeBSD)"
        return "soft updates" if flags & _SOFTDEP else None

    @property
    def flavour(self) -> str:
        """What it is, in words."""
        old = self.version == 1 and self.values["old_inodefmt"] < 2
        name = "4.3BSD FFS" if old else f"FFSv{self.version}"
        if self.solaris:
            name = "Solaris UFS"
        whose = ", FreeBSD check hashes" if self.check_hashes else ""
        return f"{name} (UFS{self.version}), {self.endian}-endian{whose}"


def _string(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


def read_at(source: Source, place: int) -> Superblock | None:
    """The superblock at `place`; None where there is none."""
    data = source.at(place, SIZE)
    if len(data) < SIZE:
        return None
    for endian, code in (("little", "<I"), ("big", ">I")):
        version = _MAGIC.get(unpack_from(code, data, 1372)[0])
        if version is not None:
            return Superblock(data, place, version, endian)
    return None


def find(source: Source) -> Superblock | None:
    """The superblock a driver would take: the first that means itself.

    At 65536 an FFSv1 with large blocks may keep a copy; new ones say where
    their superblock belongs, old ones have it at 8192 or 0.
    """
    for place in PLACES:
        found = read_at(source, place)
        if found is None or found.absurd:
            continue
        if not found.at_home:
            continue
        return found
    return None


def absurd(source: Source) -> str | None:
    """What is wrong with the superblock that is there; None without one."""
    for place in PLACES:
        found = read_at(source, place)
        if found is not None and found.absurd:
            return f"a superblock of an FFS at {place}, but with {found.absurd}"
    return None
