# SPDX-License-Identifier: BSD-2-Clause
"""The table of what is proved by which test names tests that exist."""

from __future__ import annotations

import pytest

from . import matrix


def test_every_cell_names_a_test() -> None:
    assert matrix.missing() == []


def test_every_test_is_about_its_row() -> None:
    assert matrix.unproved() == []


@pytest.mark.parametrize(
    ("row", "cell"),
    [
        ("Solaris UFS, both byte orders", "ffs/test_manifests.py::test_tree"),
        ("4.3BSD inodes", "ffs/test_flavours.py::test_a_sparse_tebibyte"),
        ("FFSv1, big-endian", "ffstools/test_fsck.py::test_damage_is_repaired"),
        ("FreeBSD UFS2", "ffs/test_journal.py::test_damaged_journals"),
    ],
)
def test_a_wrong_cell_is_found(
    monkeypatch: pytest.MonkeyPatch, row: str, cell: str
) -> None:
    monkeypatch.setitem(matrix.ROWS, row, ("-", "-", cell, "-", "-", "-"))
    assert matrix.unproved() == [f"{row}, attributes and lists: {cell}"]


def test_the_page_is_what_the_table_says() -> None:
    assert matrix.PAGE.read_text() == matrix.page()
