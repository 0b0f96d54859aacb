# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of mounts share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest


def skip_unmountable() -> None:
    """Skip where nobody can mount; the kernel's own tests don't need that."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("this machine has no usable /dev/fuse")


def is_mounted(directory: Path) -> bool:
    """Whether something is mounted on exactly this directory."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return any(line.split(" ")[4] == str(directory) for line in table)


def wait_for(what: Callable[[], bool], seconds: float = 10.0) -> None:
    """Poll until true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.005)
