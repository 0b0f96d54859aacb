# SPDX-License-Identifier: BSD-2-Clause
"""Campaigns: work on several processes, with kernels in them."""

from __future__ import annotations

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rumpy.testing import campaign

pytestmark = pytest.mark.usefixtures("built")


def boot(number: int) -> tuple[int, int, str]:
    """Work that needs a process that can boot: who did it, and what came of it."""
    import rumpy

    with rumpy.Kernel() as k:
        k.mkdir(f"/d{number}", 0o755)
        return os.getpid(), number, k.lstat(f"/d{number}").st_mode.__format__("o")


def where(number: int) -> tuple[int, str]:
    if number == 13:
        raise LookupError("thirteen")
    return number, threading.current_thread().name


def test_in_processes_of_their_own() -> None:
    found = dict(campaign(boot, range(4), jobs=2))
    assert set(found) == {0, 1, 2, 3}
    assert all(found[n][1:] == (n, "40755") for n in found)
    assert os.getpid() not in {pid for pid, _, _ in found.values()}


def test_an_executor_of_ones_own() -> None:
    with ThreadPoolExecutor(2, thread_name_prefix="mine") as pool:
        found = dict(campaign(where, range(9), executor=pool, jobs=2))
        assert sorted(found) == list(range(9))
        assert all(name.startswith("mine") for _, name in found.values())
        # An endless series ends with the time; the pool is still ours.
        assert list(campaign(where, itertools.count(), executor=pool, seconds=0)) == []
        some = list(
            itertools.islice(campaign(where, itertools.count(), executor=pool), 5)
        )
        assert len(some) == 5
        assert pool.submit(where, 1).result()[0] == 1


def test_what_fails_is_raised() -> None:
    with (
        ThreadPoolExecutor(2) as pool,
        pytest.raises(LookupError, match="thirteen"),
    ):
        list(campaign(where, range(20), executor=pool))
