# SPDX-License-Identifier: BSD-2-Clause
"""Misuse of memory is a panic that says what happened, and where."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import rumpy

MODULES = Path(__file__).resolve().parents[2] / "build" / "modules"

#: Number of the misuse in modules/coretest/misuse.c: function, message.
MISUSES = {
    0: ("free_twice", "freed twice"),
    1: ("write_after_free", "written to after it was freed"),
    2: ("free_wrong_size", "does not belong to the objects of 512 bytes"),
    3: ("free_wild", "is not in the arena"),
    4: ("free_unallocated", "was not malloc'ed"),
    5: ("free_pages_twice", "freed twice"),
    6: ("destroy_busy_pool", "still out: 1"),
    7: ("put_twice", "put twice"),
}


@pytest.fixture
def dying_kernel(built: None) -> Iterator[rumpy.Kernel]:
    """A kernel whose close tells of its panic."""
    import rumpy

    kernel = rumpy.Kernel()
    yield kernel
    with contextlib.suppress(rumpy.KernelPanic):
        kernel.close()


@pytest.mark.parametrize("number", MISUSES)
def test_misuse_is_noticed(dying_kernel: rumpy.Kernel, number: int) -> None:
    import rumpy

    function, message = MISUSES[number]
    kernel = dying_kernel
    kernel.load(MODULES / "coretest.kmod")
    with pytest.raises(rumpy.KernelPanic) as caught:
        kernel.sysctl("debug.misuse", number)
    text = str(caught.value)
    assert message in text
    assert function in text
    with pytest.raises(rumpy.KernelPanic):
        kernel.getpid()


def test_an_unknown_misuse(kernel: rumpy.Kernel) -> None:
    kernel.load(MODULES / "coretest.kmod")
    with pytest.raises(OSError, match="Invalid"):
        kernel.sysctl("debug.misuse", 1000)
