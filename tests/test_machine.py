# SPDX-License-Identifier: BSD-2-Clause
"""The state machine: our driver agrees with the model, and a liar is found out."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from rumpy.testing.machine import FileSystemMachine
from rumpy.testing.onkernel import KernelTree

pytestmark = pytest.mark.usefixtures("built")

SETTINGS = settings(
    max_examples=int(os.environ.get("RUMPY_MACHINE_EXAMPLES", "15")),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class FfsMachine(FileSystemMachine):
    exchanges = True


def test_ffs_agrees_with_the_model() -> None:
    try:
        run_state_machine_as_test(FfsMachine, settings=SETTINGS)
    finally:
        FfsMachine.close()


class Liar(KernelTree):
    """Gives every directory the same mode."""

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        super().mkdir(path, 0o777)


class LiarMachine(FileSystemMachine):
    def __init__(self) -> None:
        super().__init__()
        self.real.__class__ = Liar


def test_a_difference_is_found_and_shortened() -> None:
    more = settings(SETTINGS, database=None, stateful_step_count=8)
    try:
        with pytest.raises(AssertionError) as caught:
            run_state_machine_as_test(LiarMachine, settings=more)
    finally:
        LiarMachine.close()
    notes = "\n".join(getattr(caught.value, "__notes__", ()))
    steps = [line for line in notes.splitlines() if line.startswith("state.")]
    assert any("mkdir" in step for step in steps)
    assert len(steps) <= 6
