# SPDX-License-Identifier: BSD-2-Clause
"""A short run of the fuzzer with our FFS, as `tools/fuzz --calls` does it for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from rumpy.testing import fuzz

from . import callfuzz, planted


@pytest.mark.usefixtures("built")
def test_images_of_every_format(tmp_path: Path) -> None:
    """Of those that we make small."""
    made = callfuzz.made(tmp_path)
    assert all(callfuzz.problems(data) == [] for data in made.values())
    small = [data for data in made.values() if len(data) < 8 << 20]
    report = fuzz(callfuzz.target("ffs", small), seed=1, runs=80, shrink=False)
    assert report.ok, report
    assert report.refused < 70


def test_the_check_minds_what_is_wrong(tmp_path: Path) -> None:
    data = bytearray(callfuzz.made(tmp_path)["v2-little"])
    at = data.index(b"name-017")
    data[at - 8 : at - 4] = bytes(4)  # its inode
    assert callfuzz.problems(bytes(data)) != []


def test_planted_bugs_have_their_places() -> None:
    """The sources have changed, perhaps; see planted.BUGS."""
    for name, file, line, _ in planted.BUGS:
        text = (callfuzz.ROOT / "modules" / "ffs" / file).read_text()
        assert text.count(line) == 1, name
