# SPDX-License-Identifier: BSD-2-Clause
"""The table of what is proved by which test names tests that exist."""

from __future__ import annotations

from . import matrix


def test_every_cell_names_a_test() -> None:
    assert matrix.missing() == []


def test_the_page_is_what_the_table_says() -> None:
    assert matrix.PAGE.read_text() == matrix.page()
