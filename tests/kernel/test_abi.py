# SPDX-License-Identifier: BSD-2-Clause
"""What the kernel promises to NetBSD's modules: modules/abitest, from outside."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import rumpy

MODULE = Path(__file__).resolve().parents[2] / "build" / "modules" / "abitest.kmod"

#: Numbers for the sysctl node, as in modules/abitest/abitest.c.
PANIC, UNMOUNT, UNMOUNT_FORCED = 1, 2, 3


@pytest.fixture
def tested(built: None) -> Iterator[rumpy.Kernel]:
    """A kernel in which abitest has run; what its close says does not matter."""
    import rumpy

    kernel = rumpy.Kernel()
    kernel.load(MODULE)
    yield kernel
    with contextlib.suppress(rumpy.KernelPanic, OSError):
        kernel.close()


def test_promises(tested: rumpy.Kernel) -> None:
    console = tested.console.tail(16384)
    assert re.search(r"abitest: \d\d+ tests, 0 failed", console), console


def test_promises_of_the_other_release(built: None) -> None:
    import rumpy

    module = MODULE.parents[1] / "netbsd-11" / "modules" / MODULE.name
    with rumpy.Kernel(netbsd=11) as kernel:
        kernel.load(module)
        assert "tests, 0 failed" in kernel.console.tail(200)


def test_vpanic(tested: rumpy.Kernel) -> None:
    import rumpy

    with pytest.raises(rumpy.KernelPanic, match="abitest panics 1"):
        tested.sysctl("abitest.do", PANIC)


def test_unmount_all(tested: rumpy.Kernel) -> None:
    import rumpy

    tested.mount("ffs", rumpy.demo_image(), "/mnt")
    fd = tested.open("/mnt", 0)
    with pytest.raises(OSError):  # in use
        tested.sysctl("abitest.do", UNMOUNT)
    assert "unmount of /mnt failed" in tested.console.tail(200)
    assert tested.listdir("/mnt")
    tested.sysctl("abitest.do", UNMOUNT_FORCED)
    assert tested.listdir("/mnt") == []
    with pytest.raises(OSError):
        tested.fstat(fd)
    tested.sysctl("abitest.do", UNMOUNT)  # nothing is left to do
