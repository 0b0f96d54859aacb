# SPDX-License-Identifier: BSD-2-Clause
"""A real FFS image to try things on, made by makefs (tools/make-demo-image)."""

from __future__ import annotations

import os

__all__ = ["demo_image"]

_PACKED = os.path.join(os.path.dirname(__file__), "share", "demo.img.xz")


def _unpack(path: str) -> None:
    import lzma
    import shutil

    with lzma.open(_PACKED) as packed, open(path, "xb") as image:
        shutil.copyfileobj(packed, image, 1 << 20)


def demo_image(path: str | os.PathLike[str] | None = None) -> str:
    """Write a fresh copy of the demo image and return its path.

    Without `path` it is a temporary file, removed when Python exits.

    Raises:
        FileExistsError: there is something at `path` already.
    """
    if path is not None:
        name = os.fspath(path)
        _unpack(name)
        return name
    import atexit
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="rumpy-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    name = os.path.join(folder, "demo.img")
    _unpack(name)
    return name
