# SPDX-License-Identifier: BSD-2-Clause
"""Each test with a kernel runs once for each FFS driver.

"own" is ours, "netbsd" is NetBSD's, from where rumpy.store looks for modules,
and "netbsd-log" that with a journal on what is mounted for writing; both are
left out where there are no modules (the summary's test_netbsd.py says so).  A
test marked own_driver("why") is for ours alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import rumpy


@dataclass(frozen=True, slots=True)
class Driver:
    """What to load, and how to mount with it."""

    name: str
    module: str

    @property
    def own(self) -> bool:
        """Whether it is ours."""
        return self.name == "own"

    def options(self, *words: str) -> tuple[str, ...]:
        """Mount options; a journal where one can be (it asserts: not async)."""
        if not self.name.endswith("log") or {"ro", "async"} & set(words):
            return words
        return (*words, "log")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "own_driver(why): not with NetBSD's ffs")
    config.addinivalue_line("markers", "journaled: with NetBSD's journal as well")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One run for each driver."""
    if "driver" not in metafunc.fixturenames:
        return
    from rumpy import store

    drivers = ["own"]
    if store.has("ffs") and not list(metafunc.definition.iter_markers("own_driver")):
        drivers.append("netbsd")
        if list(metafunc.definition.iter_markers("journaled")):
            drivers.append("netbsd-log")
    metafunc.parametrize("driver", drivers, indirect=True)


@pytest.fixture
def driver(request: pytest.FixtureRequest) -> Driver:
    """The driver under test."""
    from rumpy import store

    name = request.param
    return Driver(name, "ffs" if name == "own" else store.find("ffs"))


@pytest.fixture
def kernel(built: None, driver: Driver) -> Iterator[rumpy.Kernel]:
    """A booted kernel with the driver."""
    from rumpy import Kernel

    with Kernel() as k:
        k.load(driver.module)
        yield k
