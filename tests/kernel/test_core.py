# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's core, by unit tests that are a module: modules/coretest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rumpy

MODULES = Path(__file__).resolve().parents[2] / "build" / "modules"


def test_core(kernel: rumpy.Kernel) -> None:
    kernel.load(MODULES / "coretest.kmod")
    assert "coretest: 28 tests, 0 failed" in kernel.console.tail(16384)
    # Fetches from and stores to the caller's memory; EDOM if one goes wrong.
    kernel.sysctl("coretest.user", 0)
    assert "widths.c" not in kernel.console.tail(16384)
