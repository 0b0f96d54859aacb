# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures and rules that all tests share.

Markers: `slow` is what takes more than a few seconds, `campaign` what takes so
long that only `make campaign` runs it.  `quick`, which `make quick` runs in less
than a minute, are the first and the last case of each other test, without those
that long.txt names: they take half a second and more.  A test that
needs something of the machine calls `need(...)`, which skips by the missing
package's name; where CI=true such a skip is a failure.

Tests run in several processes at once (`-n`), beside other people's: none may
look at mounts, files or processes that are not its own, nor expect that anything
comes within a certain time.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    import rumpy

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"

#: What a program comes from, where the names differ.
PACKAGES = {
    "fusermount3": "fuse3",
    "fls": "sleuthkit",
    "icat": "sleuthkit",
    "linux": "user-mode-linux",
    "xz": "xz-utils",
    "busybox": "busybox-static",
    "mkfs.ext2": "e2fsprogs",
    "e2fsck": "e2fsprogs",
    "mkfs.fat": "dosfstools",
    "fsck.fat": "dosfstools",
    "mcopy": "mtools",
    "mkudffs": "udftools",
    "mkntfs": "ntfs-3g",
    "ntfscp": "ntfs-3g",
    "mkfs.nilfs2": "nilfs-tools",
}


@pytest.fixture(scope="session")
def public() -> Iterator[Path]:
    """A folder that ordinary users get into.

    Those of pytest are closed to them, and whoever starts pytest closes them
    again.
    """
    folder = Path(tempfile.mkdtemp(prefix="rumpy-tests-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def public_path(public: Path) -> Iterator[Path]:
    """A folder of this test alone that ordinary users get into."""
    folder = Path(tempfile.mkdtemp(dir=public))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, so that --strict-markers knows them."""
    # A shell ignores SIGINT for what it puts into the background, and children
    # inherit that; the tests of Ctrl-C need it as a terminal would have it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Time says nothing on a machine that has other things to do.
    hypothesis.settings.register_profile(
        "loaded",
        deadline=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("loaded")
    config.addinivalue_line("markers", "quick: `make quick` runs it; see above")
    config.addinivalue_line("markers", "slow: takes longer; `make quick` leaves it out")
    config.addinivalue_line("markers", "campaign: for `make campaign` only")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: a worker for each CPU, but none for single tests."""
    if all("::" in argument for argument in config.args):
        return 0
    return min(4, len(os.sched_getaffinity(0)))


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Mark what is quick; what is for campaigns is asked for."""
    asked = "campaign" in str(config.getoption("markexpr"))
    later = [item for item in items if item.get_closest_marker("campaign")]
    if later and not asked:
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item in items if item not in later]
    omitted = set((ROOT / "tests" / "long.txt").read_text().split())
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        name = item.nodeid.partition("[")[0]
        if not (item.get_closest_marker("slow") or item in later or name in omitted):
            cases.setdefault(name, []).append(item)
    for group in cases.values():
        for item in {group[0], group[-1]}:
            item.add_marker(pytest.mark.quick)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    """In CI, a test that lacks a package has failed."""
    outcome = yield
    report = outcome.get_result()
    if not (IN_CI and report.skipped and isinstance(report.longrepr, tuple)):
        return
    reason = str(report.longrepr[2])
    if "needs package" in reason:
        report.outcome = "failed"
        report.longrepr = f"{reason} (CI=true turns this skip into a failure)"


def skip_without(package: str, why: str) -> None:
    """Skip by a package's name."""
    pytest.skip(f"needs package {package}: {why}")


@pytest.fixture(scope="session")
def need() -> Callable[[str], str]:
    """need("fusermount3"): the program's path, or a skip by its package's name."""

    def find(program: str) -> str:
        path = shutil.which(
            program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        )
        if path is None:
            skip_without(PACKAGES.get(program, program), f"no {program} here")
            raise AssertionError
        return path

    return find


@pytest.fixture(scope="session")
def built() -> None:
    """Skip what needs the compiled parts, where nothing was compiled."""
    if not list((ROOT / "rumpy").glob("_hyp*.so")):
        pytest.fail("the native part was not built: run `make build`")


@pytest.fixture
def kernel(built: None) -> Iterator[rumpy.Kernel]:
    """A booted kernel, closed after the test."""
    from rumpy import Kernel

    with Kernel() as k:
        yield k


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A fresh copy of the demo image."""
    from rumpy import demo_image

    return Path(demo_image(tmp_path / "demo.img"))


@pytest.fixture
def ffs(kernel: rumpy.Kernel, image: Path) -> Iterator[rumpy.Mount]:
    """The demo image mounted on /mnt of a kernel, writable."""
    mount = kernel.mount("ffs", str(image), "/mnt")
    yield mount
    mount.unmount(force=True)  # the test may have left files open
