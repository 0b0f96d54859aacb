# SPDX-License-Identifier: BSD-2-Clause
"""Long searches on several processes.

    from rumpy.testing import campaign

    def trial(seed):                     # of a module, so that a process finds it
        return races(image, seed, range(1, 100))

    for seed, report in campaign(trial, range(1000), seconds=600):
        assert report.ok, report

By default each piece of work runs in one of as many processes as there are CPUs,
started anew and not forked, because kernels don't survive a fork.  Any other
concurrent.futures.Executor does as well, such as one of a cluster:

    from distributed import Client       # pip install rumpykernel[dask]

    with Client("scheduler:8786") as cluster:
        campaign(trial, seeds, executor=cluster.get_executor(pure=False), jobs=200)
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from itertools import islice
from typing import TypeVar

__all__ = ["campaign", "pieces"]

Item = TypeVar("Item")
Found = TypeVar("Found")


def campaign(
    work: Callable[[Item], Found],
    items: Iterable[Item],
    *,
    seconds: float | None = None,
    executor: Executor | None = None,
    jobs: int | None = None,
) -> Iterator[tuple[Item, Found]]:
    """Do a piece of work for each item; what came of it, as it comes.

    Args:
        work: a function that can be pickled, and answers something that can.
        items: may be endless: no more than needed are taken from it.
        seconds: take no more items after so long.
        executor: who does it; it is not shut down.  Default: local processes.
        jobs: how many at a time; default: the number of CPUs.

    Raises:
        TypeError: the work can't be sent to another process; says why.
        Exception: whatever the work raised.
    """
    jobs = jobs or os.cpu_count() or 1
    end = None if seconds is None else time.monotonic() + seconds
    if executor is None or isinstance(executor, ProcessPoolExecutor):
        _check(work)
    if executor is not None:
        yield from _spread(executor, work, items, jobs, end)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn) as own:
        yield from _spread(own, work, items, jobs, end)


def _check(work: object) -> None:
    """See that work can be sent to another process.

    A pool would say so in the middle of its own affairs, once for each item.
    """
    try:
        pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(
            f"another process can't be given this work: {error}; what is sent has to"
            " be a function of a module, or functools.partial of one, with"
            " arguments that can be pickled"
        ) from error


def pieces(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Items by so many, for work whose start takes longer than one of them."""
    rest = iter(items)
    while piece := list(islice(rest, size)):
        yield piece


def _spread(
    executor: Executor,
    work: Callable[[Item], Found],
    items: Iterable[Item],
    jobs: int,
    end: float | None,
) -> Iterator[tuple[Item, Found]]:
    rest = iter(items)
    busy: dict[Future[Found], Item] = {}
    try:
        while True:
            if end is None or time.monotonic() < end:
                for item in islice(rest, jobs - len(busy)):
                    busy[executor.submit(work, item)] = item
            if not busy:
                return
            done, _ = wait(busy, return_when=FIRST_COMPLETED)
            for future in done:
                yield busy.pop(future), future.result()
    finally:
        for future in busy:
            future.cancel()
