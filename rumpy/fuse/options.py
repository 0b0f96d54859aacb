# SPDX-License-Identifier: BSD-2-Clause
"""The options of `rumpy mount -o`, parsed and checked before anything is done."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["NO_DISK", "Options"]

#: In an image's place, for file systems that need none (tmpfs).
NO_DISK = "none"

#: Longest time Linux is told to believe a name or an attribute, in seconds.
#: Nobody but Linux changes the tree, and what does is announced.
VALID_S = 300


def _user(text: str) -> int:
    """A user's number, by number or name."""
    if text.isdecimal():
        return int(text)
    import pwd

    try:
        return pwd.getpwnam(text).pw_uid
    except KeyError:
        raise ValueError(f"no such user: {text!r}") from None


def _group(text: str) -> int:
    """A group's number, by number or name."""
    if text.isdecimal():
        return int(text)
    import grp

    try:
        return grp.getgrnam(text).gr_gid
    except KeyError:
        raise ValueError(f"no such group: {text!r}") from None


def _server(text: str) -> str:
    if text not in ("native", "fusepy"):
        raise ValueError(f"server={text}: native or fusepy")
    return text


def _text(text: str) -> str:
    if not text:
        raise ValueError("a value is missing")
    return text


def _seconds(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"not a number of seconds: {text!r}")
    return int(text)


#: Option -> field and value, for those that take no "=".
_FLAGS: dict[str, tuple[str, object] | None] = {
    "ro": ("ro", True),
    "rw": ("ro", False),
    "allow_other": ("allow_other", True),
    "fakeroot": ("fakeroot", True),
    "overlay": ("overlay", ""),
    "suid": ("suid", True),
    "nosuid": ("suid", False),
    "dev": ("dev", True),
    "nodev": ("dev", False),
    "exec": ("noexec", False),
    "noexec": ("noexec", True),
    "noatime": ("noatime", True),
    "atime": ("noatime", False),
    "nodiratime": ("nodiratime", True),
    "diratime": ("nodiratime", False),
    "writeback": ("writeback", True),
    "locks": ("locks", True),
    "defaults": None,
    "default_permissions": None,
}

#: Options that are the driver's and go on to the kernel's mount(2).
_DRIVER = frozenset(
    {"sync", "async", "log", "discard", "extattr", "relatime", "force"}
    | {"acls", "posix1eacls", "nfsv4acls"}
)

#: Option -> what it takes back of the driver's, said before it.
_WITHDRAWS = {"strictatime": "relatime", "norelatime": "relatime"}

#: Option -> its reader, for those that take a value.
_VALUES: dict[str, Callable[[str], object]] = {
    "uid": _user,
    "gid": _group,
    "offset": _text,
    "partition": _text,
    "overlay": _text,
    "server": _server,
    "timeout": _seconds,
    "memory": _text,
}


@dataclass(frozen=True, slots=True)
class Options:
    """How a file system is shown to the host.

    Attributes:
        ro: refuse changes; None: only if the image can't be written.
        allow_other: users other than the one who mounts may enter; for root
            that is so anyhow, and the kernel checks everybody's rights.
        fakeroot: show all files as owned by uid:gid and act as root inside;
            None: for an ordinary user's mount without allow_other.
        uid, gid: owner that is shown; implies fakeroot.
        offset, partition: where in the image the file system is.
        overlay: None: write to the image; "": keep changes in memory; else
            the file that takes the changes.
        suid, dev, noexec, noatime, nodiratime: as in mount(8).
        server: "native" or "fusepy".
        timeout: how long Linux may believe names and attributes, seconds.
        memory: the kernel's limit, e.g. "64M", or None.
        writeback: let Linux delay writes: quicker small ones, slower big ones.
        locks: keep file locks in the kernel rather than in Linux.
        driver: words for the kernel's mount(2): sync, async, log ..., and the
            file system type's own, see docs/reference/mount-options.md.
    """

    ro: bool | None = None
    allow_other: bool = False
    fakeroot: bool | None = None
    uid: int | None = None
    gid: int | None = None
    offset: str | None = None
    partition: str | None = None
    overlay: str | None = None
    suid: bool = False
    dev: bool = False
    noexec: bool = False
    noatime: bool = False
    nodiratime: bool = False
    server: str = "native"
    timeout: int = VALID_S
    memory: str | None = None
    writeback: bool = False
    locks: bool = False
    driver: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Options:
        """Read "ro,uid=1000,..." as after `-o`; several may be joined by commas.

        Raises:
            ValueError: an unknown option, or a value that makes no sense.
        """
        found: dict[str, Any] = {}
        driver: list[str] = []
        for word in text.split(","):
            if word in _DRIVER or _is_drivers(word):
                driver.append(word)
            elif word in _WITHDRAWS:
                driver = [one for one in driver if one != _WITHDRAWS[word]]
            elif word:
                found.update(_one(word))
        return cls(**found, driver=tuple(driver)).checked()

    def checked(self) -> Options:
        """The same if the options go together.

        Raises:
            ValueError: they don't, or a size is none.
        """
        if self.offset is not None and self.partition is not None:
            raise ValueError("offset= and partition= exclude each other")
        if self.fakeroot is False and (self.uid, self.gid) != (None, None):
            raise ValueError("uid= and gid= need fakeroot")
        from rumpy.probe import parse_size

        for size in (self.offset, self.memory):
            if size is not None:
                parse_size(size)
        return self

    def resolved(self, *, uid: int | None = None, gid: int | None = None) -> Options:
        """With the defaults that depend on who mounts filled in."""
        me = os.getuid() if uid is None else uid
        mine = os.getgid() if gid is None else gid
        mapped = self.fakeroot
        if mapped is None:
            named = self.uid is not None or self.gid is not None
            mapped = named or (me != 0 and not self.allow_other)
        return replace(
            self,
            fakeroot=mapped,
            allow_other=self.allow_other or me == 0,
            uid=(me if self.uid is None else self.uid) if mapped else None,
            gid=(mine if self.gid is None else self.gid) if mapped else None,
        )

    def to_json(self) -> dict[str, object]:
        """As a dict of plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Options:
        """The inverse of to_json(); unknown keys are dropped."""
        names = {field.name for field in fields(cls)}
        known = {k: v for k, v in values.items() if k in names}
        known["driver"] = tuple(known.get("driver", ()))
        return cls(**known)

    def __str__(self) -> str:
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "driver":
                words += value
                continue
            if value is None or value is False or value == field.default:
                continue
            plain = value is True or value == ""
            words.append(field.name if plain else f"{field.name}={value}")
        return ",".join(words)


def _is_drivers(word: str) -> bool:
    """Whether some file system type takes this option, and rumpy does not."""
    name = word.partition("=")[0]
    if name in _FLAGS or name in _VALUES:
        return False
    from rumpy.mountdata import everywhere, known

    owner, dot, rest = name.rpartition(".")
    return rest in known(owner) if dot else name in everywhere()


def _one(word: str) -> dict[str, object]:
    name, equals, value = word.partition("=")
    if equals:
        reader = _VALUES.get(name)
        if reader is None:
            raise ValueError(_unknown(name))
        try:
            return {name: reader(value)}
        except ValueError as error:
            raise ValueError(f"option {name}: {error}") from None
    if name not in _FLAGS:
        if name in _VALUES:
            raise ValueError(f"option {name} needs a value")
        raise ValueError(_unknown(name))
    flag = _FLAGS[name]
    return {} if flag is None else {flag[0]: flag[1]}


def _unknown(name: str) -> str:
    known = sorted({*_FLAGS, *_DRIVER, *_WITHDRAWS, *(f"{n}=" for n in _VALUES)})
    return f"unknown mount option {name!r} (known: {', '.join(known)})"
