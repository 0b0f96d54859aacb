# SPDX-License-Identifier: BSD-2-Clause
"""What is in an image: file system, whole disk, or some other format.

Pure Python on a few kilobytes of the file; nothing is mounted and no kernel is
needed.  `choose` is how the commands find a driver when none is named.
"""

from __future__ import annotations

from rumpy.errors import ImageError
from rumpy.probe.formats import foreign, other_filesystem
from rumpy.probe.source import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from rumpy.probe.disk import Partition
    from rumpy.probe.ffs import Superblock

__all__ = ["Choice", "Contents", "choose", "parse_size", "probe"]


class Contents:
    """What one stretch of an image holds.

    Attributes:
        kind: driver or format name ("ffs", "ext2fs", "iso9660", "empty"), or
            None where nobody knows.
        text: the same in words.
        offset, size: where in the image, bytes; size is what lies there.
        superblock: an FFS's geometry.
        partitions: those of a whole disk.
    """

    def __init__(
        self,
        kind: str | None,
        text: str,
        offset: int,
        size: int,
        *,
        superblock: Superblock | None = None,
        partitions: list[Partition] | None = None,
    ) -> None:
        self.kind = kind
        self.text = text
        self.offset = offset
        self.size = size
        self.superblock = superblock
        self.partitions = partitions or []

    @property
    def missing(self) -> int:
        """Bytes of the file system that lie behind the image's end."""
        if self.superblock is None:
            return 0
        return max(self.superblock.size - self.size, 0)


class Choice:
    """A driver for an image, and where in it the file system is.

    Attributes:
        driver: name or path to load.
        type: file system type for mount, or None for the module's own name.
        offset: bytes before the file system.
        size: bytes of it, or None for all that follow.
    """

    def __init__(
        self, driver: str, type: str | None, offset: int = 0, size: int | None = None
    ) -> None:
        self.driver = driver
        self.type = type
        self.offset = offset
        self.size = size


#: Kinds that mean "ask the driver of this name", where there is one.
DRIVERS = frozenset(
    {"ffs", "ext2fs", "lfs", "cd9660", "udf", "ntfs", "msdos", "hfs", "efs", "nilfs"}
)


def probe(
    image: str | os.PathLike[str], offset: int = 0, size: int | None = None
) -> Contents:
    """Look at an image, or at the part of it from `offset`.

    Raises:
        ImageError: a packed or virtual-machine format, named with the command
            that converts it.
        OSError: it can't be read.
    """
    with Source(image, offset, size) as source:
        foreign(source)
        return _filesystem(source) or _disk(source) or _unknown(source)


def _filesystem(source: Source) -> Contents | None:
    from rumpy.probe.ffs import find

    found = find(source)
    if found is not None:
        return Contents(
            "ffs", found.flavour, source.offset, source.size, superblock=found
        )
    other = other_filesystem(source)
    if other is None:
        return None
    return Contents(other[0], other[1], source.offset, source.size)


def _disk(source: Source) -> Contents | None:
    from rumpy.probe.disk import partitions

    table = partitions(source)
    if table is None:
        return None
    text, found = table
    return Contents("disk", text, source.offset, source.size, partitions=found)


def _unknown(source: Source) -> Contents:
    if source.size == 0:
        return Contents("empty", "an empty file", source.offset, 0)
    if not any(source.at(0, 1 << 16)):
        return Contents(None, "zeros at the start", source.offset, source.size)
    from rumpy.probe.ffs import absurd

    text = absurd(source) or "nothing that is known here"
    return Contents(None, text, source.offset, source.size)


def parse_size(text: str) -> int:
    """Bytes of "63s" (sectors), "1k", "4M", "2G" or a plain number.

    Raises:
        ValueError: none of these.
    """
    units = {"s": 512, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
    factor = units.get(text[-1:].lower(), 1)
    digits = text[:-1] if factor != 1 else text
    try:
        return int(digits, 0) * factor
    except ValueError:
        raise ValueError(f"not a size: {text!r}") from None


def choose(
    image: str | os.PathLike[str],
    *,
    driver: str | None = None,
    offset: str | None = None,
    partition: str | None = None,
    netbsd: str | None = None,
) -> Choice:
    """Find the driver for an image, and the place of its file system.

    Without `driver` and `netbsd` a shipped driver comes first, then NetBSD's.

    Args:
        driver: what the user named; then only the place is looked for.
        netbsd: take NetBSD's driver of this release, see rumpy.store.
        offset: bytes as parse_size reads them.
        partition: number or letter, as `rumpy info` lists them.

    Raises:
        ImageError: nothing that a driver is known for.
        ValueError: a bad offset or partition.
    """
    start, size = (parse_size(offset) if offset else 0), None
    contents = None
    if partition is not None:
        found = find_partition(probe(image, start), partition, str(image))
        start, size = found.offset, found.size
    if driver is not None:
        _refuse_foreign(image, start)
        return Choice(_qualified(driver, netbsd), None, start, size)
    contents = probe(image, start, size)
    name = _driver_for(contents.kind, netbsd)
    if name is not None:
        return Choice(name, contents.kind, start, size)
    raise _no_driver(contents, str(image))


def _qualified(driver: str, netbsd: str | None) -> str:
    if netbsd is None:
        return driver
    from rumpy.store import qualify

    return qualify(driver, netbsd)


def _driver_for(kind: str | None, netbsd: str | None) -> str | None:
    """What to load for a kind of file system, or None."""
    from rumpy.linker import find_module

    if kind is None or kind not in DRIVERS:
        return None
    if netbsd is not None or find_module(kind) is not None:
        return _qualified(kind, netbsd)
    from rumpy.store import has

    return f"netbsd:{kind}" if has(kind) else None


def _refuse_foreign(image: str | os.PathLike[str], start: int) -> None:
    with Source(image, start, None) as source:
        foreign(source)


def find_partition(contents: Contents, wanted: str, image: str) -> Partition:
    """The partition of this number or letter.

    Raises:
        ValueError: there is none.
    """
    for found in contents.partitions:
        if wanted in (str(found.number), found.name):
            return found
    known = ", ".join(p.name for p in contents.partitions) or "none"
    raise ValueError(f"{image} has no partition {wanted} (it has: {known})")


def _no_driver(contents: Contents, image: str) -> ImageError:
    if contents.kind == "disk":
        usable = [p for p in contents.partitions if p.contents]
        which = ", ".join(f"{p.name} ({p.contents})" for p in usable) or "none usable"
        return ImageError(
            f"{contents.text}; say which partition: {which}",
            image=image,
            hint=f"rumpy info {image}",
        )
    if contents.kind is None or contents.kind == "empty":
        return ImageError(
            f"{contents.text}: no file system recognised",
            image=image,
            hint="-t DRIVER tries a driver all the same",
        )
    return ImageError(
        f"{contents.text}: rumpy brings no driver for it",
        image=image,
        hint="-t PATH.kmod loads one; NetBSD's: rumpy modules --help",
    )
