# SPDX-License-Identifier: BSD-2-Clause
"""The vnode layer from inside, by unit tests that are a module: modules/vfstest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rumpy

MODULES = Path(__file__).resolve().parents[2] / "build" / "modules"


def test_units(kernel: rumpy.Kernel) -> None:
    kernel.load(MODULES / "vfstest.kmod")
    assert "vfstest: 16 tests, 0 failed" in kernel.console.tail(16384)
