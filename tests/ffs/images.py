# SPDX-License-Identifier: BSD-2-Clause
"""The images in /images: unpacked copies, manifests and damages."""

from __future__ import annotations

import functools
import json
import lzma
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).resolve().parent.parent.parent / "images"


def every() -> list[str]:
    """Names of all images."""
    return sorted(p.name.removesuffix(".img.xz") for p in IMAGES.glob("*.img.xz"))


def names(prefix: str = "") -> list[str]:
    """Names of all images, without what the journal's replay made."""
    return [n for n in every() if n.startswith(prefix) and "." not in n]


@functools.cache
def unpacked(name: str) -> bytes:
    """The bytes of an image."""
    return lzma.decompress((IMAGES / f"{name}.img.xz").read_bytes())


def copy(name: str, folder: Path) -> Path:
    """A fresh copy of an image as a file in `folder`."""
    path = folder / f"{name}.img"
    path.write_bytes(unpacked(name))
    return path


def has_manifest(name: str) -> bool:
    """Whether the tree of this image is known."""
    return (IMAGES / "manifests" / f"{name}.json.xz").exists()


@functools.cache
def manifest(name: str) -> dict[str, Any]:
    """What the NetBSD kernel reads from an image."""
    packed = (IMAGES / "manifests" / f"{name}.json.xz").read_bytes()
    loaded: dict[str, Any] = json.loads(lzma.decompress(packed))
    return loaded


@functools.cache
def damages(base: str) -> dict[str, list[tuple[int, bytes]]]:
    """Kinds of damage of an image: what to write where."""
    path = IMAGES / "patches" / f"{base}.patches.json"
    kinds = json.loads(path.read_text())["kinds"]
    return {
        kind: [(off, bytes.fromhex(text)) for off, text in entry["patch"]]
        for kind, entry in kinds.items()
    }


def damaged(base: str, kind: str) -> bytearray:
    """The bytes of a damaged image."""
    data = bytearray(unpacked(base))
    for off, new in damages(base)[kind]:
        data[off : off + len(new)] = new
    return data
