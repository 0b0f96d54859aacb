# SPDX-License-Identifier: BSD-2-Clause
"""`python -m rumpy` is the `rumpy` command."""

from __future__ import annotations

import sys

from rumpy.cli import program

if __name__ == "__main__":
    sys.exit(program())
