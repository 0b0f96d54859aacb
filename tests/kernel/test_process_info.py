# SPDX-License-Identifier: BSD-2-Clause
"""What the kernel tells modules of processes, maps and the processor."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import rumpy
from rumpy.abi.releases import RELEASES
from rumpy.linker.modinfo import BUILT_IN

BUILD = Path(__file__).resolve().parents[2] / "build"

pytestmark = pytest.mark.usefixtures("built")


@pytest.mark.parametrize("release", RELEASES)
def test_from_inside(release: int) -> None:
    with rumpy.Kernel(netbsd=release) as k:
        k.load("proctest")
        assert "proctest: 9 tests, 0 failed" in k.console.tail(16384)
        assert k.sysctl("kern.osrelease").split(".")[0] == str(release)


def test_modules_that_are_part_of_the_kernel() -> None:
    command = ["nm", str(BUILD / "kernel.elf")]
    text = subprocess.run(command, text=True, capture_output=True, check=True).stdout
    assert set(re.findall(r"__link_set_modules_sym_(\w+)_modinfo", text)) == BUILT_IN
