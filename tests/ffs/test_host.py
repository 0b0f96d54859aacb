# SPDX-License-Identifier: BSD-2-Clause
"""The driver in a process of its own, under AddressSanitizer: random changes
leave consistent images, and mutated images get errors."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest

from . import fuzz, images
from .ffscheck import check

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program."""
    return fuzz.build(tmp_path_factory.mktemp("host"))


@pytest.mark.parametrize(
    "name",
    [
        "nb-ffs2le-8k",
        "nb-ffs1be-8k",
        "nb-ffs1le-64k",
        "nb-ffs2be-4k",
        "nb-ffs2le-16k-frag1",
        "nb-fbsd-ufs2-16k",
    ],
)
def test_random_changes(host: Path, tmp_path: Path, name: str) -> None:
    image, result = images.copy(name, tmp_path), tmp_path / "result"
    for seed in ("1", "2"):
        subprocess.run(
            [host, "-n", "1500", "-S", seed, image, result],
            check=True,
            capture_output=True,
            timeout=300,
        )
        assert check(result.read_bytes()).problems == []


def test_mutated_images(host: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    for base, number, data in itertools.islice(fuzz.cases(fuzz.BASES, 1), 30):
        image.write_bytes(data)
        assert fuzz.run(host, image, number, 60) is None, (base, number)
