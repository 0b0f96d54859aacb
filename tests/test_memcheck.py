# SPDX-License-Identifier: BSD-2-Clause
"""Kernel(debug=True): what modules do with memory is checked."""

from __future__ import annotations

import gc
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import rumpy
from rumpy.errors import KernelPanic, RumpyError

pytestmark = pytest.mark.usefixtures("built")


@pytest.fixture
def checked() -> Iterator[rumpy.Kernel]:
    with rumpy.Kernel(debug=True) as k:
        k.load("oops")
        yield k


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("overrun", "memory: written to beyond its end: 100 bytes"),
        ("underrun", "memory: written to before its beginning: 5000 bytes"),
        ("freetwice", "memory: freed twice: 64 bytes"),
        ("freesize", "memory: freed with another size: 40 bytes"),
        ("poolrun", "memory: pool oopspool: written to beyond the end of an item"),
        ("poolleak", "memory: pool oopspool is destroyed with 1 items out"),
    ],
)
def test_misuse(checked: rumpy.Kernel, what: str, message: str) -> None:
    with pytest.raises(KernelPanic, match=re.escape(message)) as caught:
        checked.sysctl("oops.now", what)
    if what != "poolrun":
        assert re.search(
            rf"allocated by\n.*oops:oops_{what}\S* at modules/oops/memory.c:\d+",
            str(caught.value),
        )
    if what == "freetwice":
        assert re.search(r"freed by\n.*", str(caught.value))


def test_a_write_after_the_free_is_found_when_somebody_looks(
    checked: rumpy.Kernel,
) -> None:
    checked.check_memory()
    checked.sysctl("oops.now", "afterfree")
    with pytest.raises(KernelPanic, match="written to after it was freed: 200 bytes"):
        checked.check_memory()


def test_it_is_found_when_it_is_handed_on(checked: rumpy.Kernel) -> None:
    """What is held back is looked at before it is allocated again."""
    checked.sysctl("oops.now", "afterfree")
    with pytest.raises(KernelPanic, match="written to after it was freed"):
        for _ in range(400):
            checked.sysctl("oops.now", "bigfree")


def test_leaks_are_named_when_the_module_goes(checked: rumpy.Kernel) -> None:
    checked.sysctl("oops.now", "leak")
    with pytest.warns(ResourceWarning) as caught:
        checked.unload("oops")
    text = "".join(str(w.message) for w in caught)
    assert "module oops left 2 allocations, 1316 bytes:" in text
    assert re.search(
        r"300 bytes, allocated at\s+\S+ oops:oops_leak\S+ at modules/oops/memory", text
    )


def test_without_checks_it_says_how(kernel: rumpy.Kernel) -> None:
    with pytest.raises(RumpyError, match="debug=True"):
        kernel.check_memory()


def test_our_ffs_is_clean(image: Path) -> None:
    """Everything it gets it frees, and it stays within what it got."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with rumpy.Kernel(debug=True) as k:
            with k.mount("ffs", bytearray(image.read_bytes()), "/mnt"):
                for n in range(30):
                    k.mkdir(f"/mnt/d{n}", 0o755)
                    k.rename(f"/mnt/d{n}", f"/mnt/e{n}")
                    k.symlink("x" * 200, f"/mnt/e{n}/s")
                for top, _, files in k.walk("/mnt"):
                    for name in files:
                        k.lstat(f"{top}/{name}")
                k.check_memory()
            k.unload("ffs")
        gc.collect()
