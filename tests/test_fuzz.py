# SPDX-License-Identifier: BSD-2-Clause
"""The fuzzer: what it finds, how it says so, and that it is the same each time."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import rumpy
from rumpy.abi.calls import NUMBERS
from rumpy.block import MemoryDevice
from rumpy.testing import Fuzzer, Input, Target, fuzz
from rumpy.testing.calls import (
    CALLS,
    USERS,
    Call,
    Caller,
    Generator,
    parameters,
    read_calls,
    write_calls,
)
from rumpy.testing.fuzzing import Runner, run_one

pytestmark = pytest.mark.usefixtures("built")

IN_MAZE = ("open", "write", "pread", "ioctl", "close")
DOOR, LOSE = 0x20006D4D, 0x20006D4E


def node(k: rumpy.Kernel) -> None:
    """Make the device's node."""
    k.mknod("/dev/maze", 0o666 | stat.S_IFCHR, os.makedev(352, 0))
    k.mknod("/dev/end", 0o666 | stat.S_IFCHR, os.makedev(352, 1))


def the_maze(**changes: Any) -> Target:
    """The device with a bug behind three doors (modules/maze)."""
    more = {"timeout": 30.0, **changes}
    return Target(
        module="maze", prepare=node, root="/dev", paths=["maze"], calls=IN_MAZE, **more
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small FFS with little in it."""
    from rumpy.ffstools import newfs

    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "tree" / "inside").mkdir(parents=True)
    (folder / "tree" / "file").write_bytes(b"x" * 3000)
    newfs(folder / "small.img", size=1 << 20, populate=folder / "tree", date=0)
    return folder / "small.img"


def opened(*more: Call) -> tuple[Call, ...]:
    """Calls on the device, which is open in slot 0."""
    return (Call("open", (("path", "maze"), ("num", 2), ("num", 0)), 0), *more)


def ioctl(command: int) -> Call:
    return Call("ioctl", (("fd", 0), ("num", command), ("hex", "00" * 8)))


WAY_OUT = opened(
    Call("write", (("fd", 0), ("in", 0, 7777), ("num", 7777))),
    ioctl(DOOR),
    Call("pread", (("fd", 0), ("out", 1), ("num", 1), ("num", 0x123456))),
)


# --- calls ---------------------------------------------------------------------


def test_calls_are_typed_by_the_table() -> None:
    generator = Generator(random.Random(1), paths=["there"])
    for name in CALLS:
        assert name in NUMBERS
        for _ in range(20):
            call = generator.changed(generator.make(name, 0))
            assert len(call.args) == len(parameters(name))
            for (kind, what), argument in zip(parameters(name), call.args, strict=True):
                if kind == "int" and what == "fd":
                    assert argument[0] == "fd", call
                if kind == "mode_t":
                    assert argument[0] == "num", call


def test_calls_can_be_stored() -> None:
    generator = Generator(random.Random(2))
    given = Input(0, 0, ((512, b"\1\2"),), generator.sequence(50))
    assert Input.loads(given.dumps()) == given
    assert read_calls(write_calls(given.calls)) == given.calls
    for text in ("", "[]", '[0, 0, [], [["reboot_now", null, 0]]]', "[0,0,[[1]],[]]"):
        with pytest.raises(ValueError):
            Input.loads(text)


@pytest.fixture
def caller() -> Iterator[Caller]:
    with rumpy.Kernel() as k:
        k.mkdir("/w", 0o777)
        yield Caller([k, k.process(*USERS[1])], "/w")


def test_a_wrong_size_does_no_harm(caller: Caller) -> None:
    """The kernel is told of more memory than there is, and runs into its end."""
    opens = Call("open", (("path", "f"), ("num", 0x202), ("num", 0o600)), 3)
    big = ("num", 1 << 20)
    assert caller.do(opens) >= 0
    assert caller.do(Call("write", (("fd", 3), ("in", 5, 100), big))) == -14
    assert caller.do(Call("ftruncate", (("fd", 3), ("num", 1 << 25)))) == 0
    assert caller.do(Call("pread", (("fd", 3), ("out", 100), big, ("num", 0)))) == -14
    vector = ("vec", 300, 10, 20)
    assert caller.do(Call("writev", (("fd", 3), vector, ("num", 2)))) == 30
    assert caller.do(Call("writev", (("fd", 3), vector, ("num", 500)))) == -14
    assert caller.do(Call("fstat", (("fd", 5), ("out", 512)))) == -9
    caller.end()
    assert caller.do(Call("fstat", (("fd", 3), ("out", 512)))) == -9


def test_a_negative_answer_is_an_answer() -> None:
    with rumpy.Kernel() as k:
        k.load("maze")
        node(k)
        fd = k.open("/dev/maze", os.O_RDWR)
        assert k.sys.lseek(fd, -500_000, os.SEEK_SET) == -500_000


# --- what is found ----------------------------------------------------------------


def test_a_panic(tmp_path: Path) -> None:
    result = run_one(the_maze(), Input(calls=WAY_OUT))
    assert result.kind == "panic" and result.place == "maze_read"
    assert "somebody got through" in result.message and "maze.c:" in result.message
    assert len(result.answers) == 3


def test_memory_that_is_left() -> None:
    result = run_one(the_maze(), Input(calls=opened(ioctl(LOSE), ioctl(LOSE))))
    assert result.kind == "leak" and result.message.startswith("2 allocations")
    assert "maze_ioctl" in result.message
    assert run_one(the_maze(memory=False), Input(calls=opened(ioctl(LOSE)))).ok


def test_a_call_that_does_not_come_back() -> None:
    """It is told, and left out of what is tried afterwards."""
    end = Call("open", (("path", "end"), ("num", 4), ("num", 0)), 1)
    with Fuzzer(the_maze(timeout=1.0)) as fuzzer:
        for _ in range(2):
            fuzzer._run(Input(calls=opened(end, ioctl(DOOR))))
        (finding,) = fuzzer.report.findings
        assert fuzzer.report.runs == 2
    assert finding.result.kind == "hang" and finding.repeats
    assert "open does not come back" in finding.result.message
    assert finding.input.calls == opened(end)


def test_a_judge() -> None:
    def judge(k: rumpy.Kernel) -> Sequence[str]:
        return ["there is a b"] if "b" in k.listdir("/dev") else []

    makes = Call("open", (("path", "b"), ("num", 0x202), ("num", 0o600)), 0)
    runner = Runner(the_maze(judge=judge))
    assert runner.run(Input()).ok
    assert runner.run(Input(calls=(makes,))).message == "there is a b"
    assert runner.run(Input()).ok
    runner.close()


def test_images(small: Path) -> None:
    """Each begins with the image as it was; refusals are right; checks are made."""
    seen: list[bytes] = []

    def check(data: bytes) -> Sequence[str]:
        seen.append(data)
        return ["changed"] if len(seen) == 2 else []

    data = small.read_bytes()
    runner = Runner(Target(module="ffs", images=[data], check=check))
    assert "file" in runner.bases[0].paths
    removes = Call("unlink", (("path", "file"),))
    assert runner.run(Input(calls=(removes, removes))).answers == (0, -2)
    assert runner.run(Input(calls=(removes,))).kind == "image"
    assert runner.run(Input(calls=(removes,))).answers == (0,)
    takes = Call("getfh", (("path", "inside"), ("newfh", 1), ("size", 64)))
    opens = Call("fhopen", (("fh", 1), ("num", 28), ("num", 0)), 2)
    answers = runner.run(Input(calls=(opens, takes, opens))).answers
    assert answers[0] < 0 and answers[1] == 0 and answers[2] > 2
    magic = data.find((0x19540119).to_bytes(4, "little"))
    broken = Input(patches=((magic, b"\0"),), calls=(removes,))
    assert runner.run(broken).kind == "refused"
    assert runner.run(Input(patches=((magic, b"\x19"),), calls=(removes,))).ok
    assert len(seen) == 4 and seen[0] != data
    runner.close()


# --- the search -----------------------------------------------------------------


def test_guidance_finds_the_way_out_and_chance_does_not(tmp_path: Path) -> None:
    found = fuzz(
        the_maze(memory=False), seed=8, runs=20_000, first=True, corpus=tmp_path
    )
    (finding,) = found.findings
    assert finding.repeats and finding.result.place == "maze_read"
    assert len(finding.input.calls) <= 6
    assert found.corpus > 3 and found.edges > 10

    chance = fuzz(the_maze(memory=False), seed=3, runs=found.runs, guided=False)
    assert chance.ok and chance.edges < found.edges

    # The script shows it without the fuzzer's help.
    assert finding.script is not None
    command = [sys.executable, "-m", "rumpy", "run", str(finding.script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "somebody got through" in done.stderr
    assert "pread(fd" in done.stdout

    # The corpus leads at once to where chance does not.
    with Fuzzer(the_maze(memory=False), corpus=tmp_path) as again:
        stored = len([*tmp_path.glob("*.json")])
        report = again.run(runs=stored + 1)
        assert report.edges > chance.edges


def test_the_same_seed_is_the_same_search() -> None:
    reports = [fuzz(the_maze(), seed=7, runs=150, shrink=False) for _ in range(2)]
    first, second = reports
    assert (first.edges, first.corpus) == (second.edges, second.corpus)
    assert [f.input for f in first.findings] == [f.input for f in second.findings]
    assert fuzz(the_maze(), seed=8, runs=150, shrink=False).history != first.history


def test_drivers_that_do_not_tell(small: Path) -> None:
    """Ours as it is shipped: no guidance, and all works."""
    report = fuzz(Target(module="ffs", images=[small]), seed=1, runs=60)
    assert report.ok, report
    assert report.edges == 0 and report.runs == 60 and report.corpus == 0
    assert 0 < report.refused < 60


def test_several_jobs(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as executor:
        report = fuzz(
            the_maze(memory=False), seconds=0.4, corpus=tmp_path, jobs=2,
            executor=executor, shrink=False,
        )  # fmt: skip
    assert report.runs > 10 and report.edges > 3
    with pytest.raises(ValueError, match="corpus"):
        fuzz(the_maze(), runs=10, jobs=2)
    with pytest.raises(ValueError, match="how long"):
        fuzz(the_maze())


def test_a_disk_is_patched_in_the_midst_of_sectors() -> None:
    from rumpy.testing.fuzzing import _patch

    with MemoryDevice(4096) as disk:
        _patch(disk, 510, b"abcd")
        _patch(disk, 4094, b"wxyz")
        data = disk.contents()
    assert data[510:514] == b"abcd" and data[4094:] == b"wx"
    assert sum(map(bool, data)) == 6
