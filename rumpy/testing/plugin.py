# SPDX-License-Identifier: BSD-2-Clause
"""The pytest plugin: a kernel and mounts as fixtures, the console in failures.

Installed with rumpy, so that a test just asks:

    def test_writes(mount):
        mnt = mount("ffs", "disk.img")
        (mnt / "f").write_text("x")

Fixtures:
    kernel: a booted Kernel, closed after the test.
    mount: mount(driver, source=None, *words, where="/mnt", ...) -> Mount in that
        kernel, by the arguments of Kernel.mount; unmounted after the test.

Where a test that uses `kernel` fails, what the kernel printed is a section of the
report; a panic's backtrace in source lines is part of the error itself.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rumpy.kernel import Kernel
    from rumpy.mount import Mount

__all__ = ["kernel", "mount"]

_KERNEL = pytest.StashKey["Kernel"]()
_TAIL = 4096


@pytest.fixture
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    """A booted kernel, closed after the test."""
    from rumpy import Kernel

    with Kernel() as k:
        request.node.stash[_KERNEL] = k
        yield k


@pytest.fixture
def mount(kernel: Kernel) -> Iterator[Callable[..., Mount]]:
    """mount(driver, source=None, *words, where="/mnt", ...): one in `kernel`."""
    made: list[Mount] = []

    def make(
        driver: str,
        source: Any = None,
        *words: str,
        where: str = "/mnt",
        **more: Any,
    ) -> Mount:
        made.append(kernel.mount(driver, source, where, *words, **more))
        return made[-1]

    yield make
    for one in reversed(made):
        # A test that failed may have left files open: its error is what counts.
        one.unmount(force=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the kernel printed to the report of a failure."""
    report = yield
    k = item.stash.get(_KERNEL, None)
    if k is not None and report.failed:
        said = k.console.tail(_TAIL)
        if said:
            report.sections.append(("rumpy console", said))
    return report
