# SPDX-License-Identifier: BSD-2-Clause
"""KernelPath's pure half against pathlib, on generated paths."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumpy.path import KernelPath

NOBODY: Any = object()


def path(text: str) -> KernelPath:
    return KernelPath(NOBODY, text)


names = st.text(st.sampled_from("ab.é "), min_size=1, max_size=5).filter(
    lambda n: n not in (".", "..")
)
paths = st.builds(
    lambda root, parts, end: root + "/".join(parts) + end,
    st.sampled_from(["", "/"]),
    st.lists(st.one_of(names, st.sampled_from(["..", ".", ""])), max_size=5),
    st.sampled_from(["", "/"]),
)


@given(paths)
def test_parts_name_and_parents_agree_with_pathlib(text: str) -> None:
    if text.startswith("//"):
        text = text.lstrip("/")  # POSIX lets two slashes mean something else
    mine, theirs = path(text), PurePosixPath(text)
    assert str(mine) == str(theirs)
    assert mine.parts == theirs.parts
    assert mine.name == theirs.name
    assert str(mine.parent) == str(theirs.parent)
    assert [str(p) for p in mine.parents] == [str(p) for p in theirs.parents]
    assert mine.is_absolute() == theirs.is_absolute()
    assert mine.anchor == theirs.anchor


@given(names)
def test_suffixes_agree_with_pathlib(name: str) -> None:
    mine, theirs = path("/d/" + name), PurePosixPath("/d/" + name)
    assert mine.suffix == theirs.suffix
    assert mine.stem == theirs.stem
    assert mine.suffixes == theirs.suffixes


@given(paths, names)
def test_joining_agrees_with_pathlib(text: str, name: str) -> None:
    text = "/" + text.lstrip("/")
    assert str(path(text) / name) == str(PurePosixPath(text) / name)
    assert str(path(text) / ("/" + name)) == "/" + str(PurePosixPath(name))


def test_with_name_and_suffix() -> None:
    assert str(path("/a/b.txt").with_name("c")) == "/a/c"
    assert str(path("/a/b.txt").with_suffix(".md")) == "/a/b.md"
    assert str(path("/a/b.txt").with_suffix("")) == "/a/b"
    assert str(path("/a/b.txt").with_stem("c")) == "/a/c.txt"
    for bad in ("", "x/y", "."):
        with pytest.raises(ValueError, match="invalid name"):
            path("/a/b").with_name(bad)
    with pytest.raises(ValueError, match="invalid suffix"):
        path("/a/b").with_suffix("md")
    with pytest.raises(ValueError, match="empty name"):
        path("/").with_name("x")


def test_relative_to() -> None:
    assert path("/a/b/c").relative_to("/a") == "b/c"
    assert path("/a").relative_to("/a") == "."
    assert not path("/ab").is_relative_to("/a")
    with pytest.raises(ValueError, match="not below"):
        path("/ab").relative_to("/a")


def test_match() -> None:
    assert path("/a/b.py").match("*.py")
    assert not path("/a/b.py").match("/b.py")


def test_equality_order_and_hash() -> None:
    assert path("/a//b/") == path("/a/b")
    assert hash(path("/a//b/")) == hash(path("/a/b"))
    assert path("/a") < path("/b")
    assert path("/a") != "/a"
    assert KernelPath(object(), "/a") != path("/a")  # type: ignore[arg-type]


def test_the_host_can_not_take_it_for_its_own() -> None:
    here = path("/etc/passwd")
    assert not isinstance(here, os.PathLike)
    with pytest.raises(TypeError):
        open(here)  # type: ignore[call-overload] # noqa: SIM115
    with pytest.raises(TypeError):
        os.stat(here)  # type: ignore[arg-type]


def test_bytes_keep_what_is_no_utf8() -> None:
    assert bytes(path(os.fsdecode(b"/x\xff"))) == b"/x\xff"
