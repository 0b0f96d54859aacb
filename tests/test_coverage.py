# SPDX-License-Identifier: BSD-2-Clause
"""Where instrumented modules went, and what they do that C does not define."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator

import pytest

import rumpy
from rumpy.errors import KernelPanic, RumpyError
from rumpy.testing.coverage import Coverage

pytestmark = pytest.mark.usefixtures("built")

MAZE = "/dev/maze"


@pytest.fixture
def maze() -> Iterator[tuple[rumpy.Kernel, Coverage]]:
    """A kernel with the device, and its coverage."""
    with rumpy.Kernel() as k:
        assert k.load("maze").traced
        k.mknod(MAZE, 0o666 | stat.S_IFCHR, os.makedev(352, 0))
        yield k, k.coverage(comparisons=100)


def functions(coverage: Coverage) -> set[str]:
    """Of the run."""
    frames = [coverage.frame(edge.target) for edge in coverage.edges()]
    assert all(f.module == "maze" for f in frames)
    return {f.function or "" for f in frames}


def test_lines_and_functions(maze: tuple[rumpy.Kernel, Coverage]) -> None:
    k, coverage = maze
    assert coverage.edges() == {}
    fd = k.open(MAZE, os.O_RDWR)
    assert functions(coverage) == {"maze_open"}
    k.write(fd, b"abc")
    assert functions(coverage) == {"maze_open", "maze_write"}
    files = {os.path.basename(file) for file, _ in coverage.lines()}
    assert files == {"maze.c"}
    coverage.begin()
    assert coverage.edges() == {}
    assert {e.source for e in coverage.edges(everything=True)} != {0}


def test_what_is_new_is_new_once(maze: tuple[rumpy.Kernel, Coverage]) -> None:
    k, coverage = maze
    fd = k.open(MAZE, os.O_RDWR)
    fresh, oftener = coverage.judge()
    assert fresh == coverage.known > 0 and oftener == 0
    assert coverage.reached(coverage.fresh())
    for times, expected in ((1, 0), (1, 0), (3, 1), (3, 0)):
        coverage.begin()
        for _ in range(times):
            coverage.enter()
            k.pread(fd, 1, 5)
        fresh, oftener = coverage.judge()
        assert (oftener > 0) == bool(expected), times
    assert fresh == 0


def test_another_way_is_another_edge(maze: tuple[rumpy.Kernel, Coverage]) -> None:
    k, coverage = maze
    fd = k.open(MAZE, os.O_RDWR)
    k.write(fd, b"abc")
    coverage.judge()
    wrong = coverage.edges()
    coverage.begin()
    k.write(fd, bytes(7777))
    assert coverage.judge()[0] > 0
    assert not coverage.edges().keys() <= wrong.keys()


def test_comparisons(maze: tuple[rumpy.Kernel, Coverage]) -> None:
    k, coverage = maze
    fd = k.open(MAZE, os.O_RDWR)
    k.write(fd, bytes(1000))
    assert coverage.comparisons() == []
    coverage.begin(comparisons=True)
    k.write(fd, bytes(1000))
    assert (7777, 1000) in {(c.left, c.right) for c in coverage.comparisons()}


def test_a_snapshot_leaves_it_alone(maze: tuple[rumpy.Kernel, Coverage]) -> None:
    k, coverage = maze
    with k.snapshot() as snapshot:
        k.open(MAZE, os.O_RDWR)
        before = coverage.edges()
        k.restore(snapshot)
        assert coverage.edges() == before
        k.open(MAZE, os.O_RDWR)
        assert {e: n * 2 for e, n in before.items() if e.source} == {
            e: n for e, n in coverage.edges().items() if e.source and e in before
        }


def test_room_for_few_edges_is_no_harm() -> None:
    with rumpy.Kernel() as k:
        k.load("maze")
        k.mknod(MAZE, 0o666 | stat.S_IFCHR, os.makedev(352, 0))
        coverage = k.coverage(edges=1)
        assert coverage.lost == 0
        with pytest.raises(RumpyError, match="by somebody already"):
            k.coverage()
        k.open(MAZE, os.O_RDWR)
        coverage.close()
        k.open(MAZE, os.O_RDWR)
        assert coverage.known == len(coverage.edges(everything=True))


def test_others_do_not_tell() -> None:
    with rumpy.Kernel() as k:
        assert not k.load("hello").traced
        assert k.coverage().edges() == {}


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("add", "1 + 2147483647 does not fit into 'int'"),
        ("sub", "9223372036854775807 - -5 does not fit into 'long int'"),
        ("mul", "2 * 2147483647 does not fit into 'int'"),
        ("negate", "-(-2147483648) does not fit into 'int'"),
        ("divide", "2147483647 is divided by 0 as 'int'"),
        ("shift", "1 of type 'int' is shifted by 40"),
        ("index", "index 4 is outside of 'int [4]'"),
        ("align", "which is not aligned to 4"),
        ("null", "load of 'volatile int' at NULL"),
        ("value", "load of 2, which is no value of '_Bool'"),
        ("unreachable", "what can't be reached was"),
        ("bits", "zero has no first or last bit that is set"),
        ("argument", "NULL is argument 1, which must not be"),
        ("return", "NULL is returned, which must not be"),
        ("pointer", "arithmetic makes 0x800000"),
        ("array", "an array has -1 elements"),
    ],
)
def test_undefined_behaviour_is_a_panic(what: str, said: str) -> None:
    """modules/oops/undefined.c is built with -fsanitize=undefined."""
    with rumpy.Kernel() as k:
        k.load("oops")
        with pytest.raises(KernelPanic) as caught:
            k.sysctl("oops.now", f"ub_{what}")
    message = caught.value.message
    assert said in message
    assert re.search(r"at \S*modules/oops/undefined\.c:\d+:\d+: ", message)
