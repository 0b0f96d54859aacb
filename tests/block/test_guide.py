# SPDX-License-Identifier: BSD-2-Clause
"""The examples of docs/guide/disks.md run, and print what the text promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "disks.md"


def test_examples(built: None, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    outcomes, states = capsys.readouterr().out.splitlines()
    assert outcomes.count("read") == 3 and "Input/output error" in outcomes
    # Whatever arrived of the rest, what was flushed is there.
    found = eval(states)
    assert len(found) > 2 and all(state.startswith(b"a") for state in found)
    assert {b"a\0\0", b"abc"} <= set(found)
