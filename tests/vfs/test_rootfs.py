# SPDX-License-Identifier: BSD-2-Clause
"""What is below layered file systems by default: the root file system itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumpy.testing import KernelTree, probe, run_cases

if TYPE_CHECKING:
    import rumpy

ABOUT = ["chflags/*", "open/*", "setgid/*", "times/*"]


def test_portable_cases(kernel: rumpy.Kernel) -> None:
    """Flags of directories, times, and who gets set-group-id files."""
    kernel.mkdir("/work")
    able = probe(KernelTree(kernel, "/work"))
    report = run_cases(KernelTree(kernel, "/work", able), only=ABOUT)
    assert [str(result) for result in report.having("failed")] == []
    passed = {result.case.name for result in report.having("passed")}
    assert {
        "chflags/immutable_directories",
        "open/creating_stamps",
        "setgid/foreign_group_gets_no_setgid_file",
        "times/reading_is_access",
    } <= passed
