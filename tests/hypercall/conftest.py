# SPDX-License-Identifier: BSD-2-Clause
"""The exectest module in a fresh kernel."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from exechelp import Exec

    import rumpy


@pytest.fixture
def exec_(kernel: rumpy.Kernel) -> Exec:
    """exectest in the kernel fixture."""
    from exechelp import Exec

    return Exec(kernel)
