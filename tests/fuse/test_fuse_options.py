# SPDX-License-Identifier: BSD-2-Clause
"""The words after -o."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import rumpy
from rumpy.fuse import Options, engine


def test_words_and_values() -> None:
    found = Options.parse("ro,uid=1000,gid=7,offset=1M,overlay=/tmp/x,log,sync")
    assert found.ro and (found.uid, found.gid) == (1000, 7)
    assert found.offset == "1M" and found.overlay == "/tmp/x"
    assert found.driver == ("log", "sync")
    assert Options.parse("overlay").overlay == ""
    assert Options.parse("rw,defaults").ro is False
    assert Options.parse("uid=root").uid == 0
    assert Options.parse("sync,relatime,strictatime").driver == ("sync",)


@pytest.mark.parametrize(
    "text",
    ["bogus", "uid=", "uid=no-such-user", "offset", "server=x", "offset=1,partition=a"],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Options.parse(text)


def test_defaults_depend_on_who_mounts() -> None:
    user = Options().resolved(uid=1000, gid=100)
    assert user.fakeroot and (user.uid, user.gid) == (1000, 100)
    assert not user.allow_other
    shared = Options(allow_other=True).resolved(uid=1000, gid=100)
    assert not shared.fakeroot and shared.uid is None
    root = Options().resolved(uid=0, gid=0)
    assert not root.fakeroot and root.allow_other
    assert Options(uid=7).resolved(uid=0, gid=0).fakeroot


def test_json_and_text_round_trip() -> None:
    found = Options.parse("ro,uid=1,overlay,sync,nodiratime").resolved(uid=os.getuid())
    assert Options.from_json(found.to_json()) == found
    assert Options.parse(str(found)) == found


def test_options_of_drivers_go_on_to_them() -> None:
    found = Options.parse("utf8,mask=700,msdos.uid=5,uid=6")
    assert found.driver == ("utf8", "mask=700", "msdos.uid=5")
    assert found.uid == 6
    with pytest.raises(ValueError, match="unknown mount option"):
        Options.parse("msdos.nosuch=1")


def test_another_drivers_option_is_refused_first(tmp_path: Path) -> None:
    image = rumpy.demo_image(tmp_path / "demo.img")
    with pytest.raises(ValueError, match="ffs has no option 'mask'"):
        engine.prepare("ffs", image, tmp_path, "mask=700")


def test_only_some_need_no_disk() -> None:
    assert engine.needs_no_disk("tmpfs", "none")
    assert engine.needs_no_disk("netbsd:tmpfs", "none")
    assert engine.needs_no_disk("/modules/kernfs/kernfs.kmod", "none")
    assert not engine.needs_no_disk("tmpfs", "image")
    assert not engine.needs_no_disk("ext2fs", "none")
    assert not engine.needs_no_disk(None, "none")
