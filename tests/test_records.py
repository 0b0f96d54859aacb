# SPDX-License-Identifier: BSD-2-Clause
"""rumpy.records makes what dataclasses would make, and the start stays cheap."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from rumpy.records import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2

    def total(self) -> int:
        return self.x + self.y


@dataclass(frozen=True, slots=True)
class Named(Point):
    name: str = "n"


@dataclass()
class Loose:
    value: int
    seen: int = 0

    def __post_init__(self) -> None:
        self.seen += self.value


def test_values_defaults_and_inheritance() -> None:
    assert Point(1).total() == 3
    named = Named(1, 5, name="z")
    assert (named.x, named.y, named.name, named.total()) == (1, 5, "z", 6)
    assert repr(named) == "Named(x=1, y=5, name='z')"
    assert Loose(4).seen == 4


def test_a_class_may_have_its_own_init() -> None:
    @dataclass(frozen=True, slots=True)
    class Own:
        x: int
        y: int

        def __init__(self, x: int) -> None:
            object.__setattr__(self, "x", x)
            object.__setattr__(self, "y", -x)

    assert Own(3) == Own(3) and (Own(3).x, Own(3).y) == (3, -3)
    assert repr(Own(1)).endswith("Own(x=1, y=-1)")
    with pytest.raises(AttributeError):
        Own(1).x = 2  # type: ignore[misc]


def test_equality_and_hash() -> None:
    assert Point(1) == Point(1, 2) != Point(2)
    assert len({Point(1), Point(1), Point(2)}) == 2
    assert Point(1) != Named(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Loose(1))


def test_frozen_and_slotted() -> None:
    point: Any = Point(1)
    for action in (lambda: setattr(point, "x", 3), lambda: delattr(point, "x")):
        with pytest.raises(AttributeError, match="frozen"):
            action()
    loose: Any = Loose(1)
    loose.value = 9
    with pytest.raises(AttributeError):
        loose.other = 1
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]


@pytest.mark.parametrize("count", [1, 300])
def test_arguments_before_and_after_init_is_compiled(count: int) -> None:
    @dataclass(frozen=True, slots=True)
    class Triple:
        a: int
        b: int = 2
        c: int = 3

    for _ in range(count):
        assert Triple(1) == Triple(a=1) == Triple(1, c=3) == Triple(c=3, b=2, a=1)
    wrong: list[tuple[tuple[int, ...], dict[str, int], str]] = [
        ((), {}, "missing"), ((), {"b": 2}, "missing"), ((1, 2, 3, 4), {}, "takes"),
        ((1,), {"a": 1}, "multiple values"), ((1,), {"d": 1}, "unexpected keyword"),
    ]  # fmt: skip
    for args, named, text in wrong:
        with pytest.raises(TypeError, match=text):
            Triple(*args, **named)


def test_the_way_to_a_kernel_imports_nothing_heavy() -> None:
    script = """
import sys
import rumpy, rumpy.block.open
kernel = rumpy.Kernel()
kernel.load("ffs")
kernel.close()
heavy = {"array", "bisect", "collections", "weakref",
         "dataclasses", "inspect", "typing", "enum", "re", "pathlib", "elftools",
         "threading", "logging", "functools", "importlib", "traceback"}
sys.exit(", ".join(sorted(heavy & set(sys.modules))) or 0)
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(p for p in sys.path if p)},
    )
    assert done.returncode == 0, done.stderr
