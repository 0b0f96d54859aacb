# SPDX-License-Identifier: BSD-2-Clause
"""Tools for those who write or judge file systems.

    from rumpy.testing import run_cases
    report = run_cases("/mnt/anything")      # or a rumpy.Mount, or a FileSystem
    print(report)
    assert report.ok

- `run_cases`: what POSIX says of each call, as small cases that run on a mount in
  a rumpy kernel, on a directory of the host, on a FUSE mount and on a model.
- `KernelTree`, `HostTree`, `ModelTree`: what the cases see (`FileSystem`).
- `explore`: what a power cut may leave of a file system, tried state by state.
- `search`: the order in which tasks run, tried seed by seed.
- `fuzz`: damaged images and system calls, guided by where they lead.
- `campaign`: long searches on several processes.
- `probe`: finds out what a tree can do.
"""

from __future__ import annotations

from rumpy import _looked_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.testing.cases import Case as Case
    from rumpy.testing.cases import all_cases as all_cases
    from rumpy.testing.coverage import Coverage as Coverage
    from rumpy.testing.crash import CrashReport as CrashReport
    from rumpy.testing.crash import CrashTree as CrashTree
    from rumpy.testing.crash import explore as explore
    from rumpy.testing.filesystem import CAPABILITIES as CAPABILITIES
    from rumpy.testing.filesystem import NOW as NOW
    from rumpy.testing.filesystem import OMIT as OMIT
    from rumpy.testing.filesystem import FileSystem as FileSystem
    from rumpy.testing.filesystem import Status as Status
    from rumpy.testing.filesystem import Volume as Volume
    from rumpy.testing.fuzzing import Fuzzer as Fuzzer
    from rumpy.testing.fuzzing import FuzzReport as FuzzReport
    from rumpy.testing.fuzzing import Input as Input
    from rumpy.testing.fuzzing import Target as Target
    from rumpy.testing.fuzzing import fuzz as fuzz
    from rumpy.testing.model import Model as Model
    from rumpy.testing.model import ModelTree as ModelTree
    from rumpy.testing.onhost import HostTree as HostTree
    from rumpy.testing.onkernel import KernelTree as KernelTree
    from rumpy.testing.probe import probe as probe
    from rumpy.testing.runner import Report as Report
    from rumpy.testing.runner import Result as Result
    from rumpy.testing.runner import run_case as run_case
    from rumpy.testing.runner import run_cases as run_cases
    from rumpy.testing.runner import tree_of as tree_of
    from rumpy.testing.schedules import Schedule as Schedule
    from rumpy.testing.schedules import ScheduleReport as ScheduleReport
    from rumpy.testing.schedules import Searcher as Searcher
    from rumpy.testing.schedules import search as search
    from rumpy.testing.spread import campaign as campaign

_HOMES = {
    "CAPABILITIES": "filesystem",
    "NOW": "filesystem",
    "OMIT": "filesystem",
    "Case": "cases",
    "Coverage": "coverage",
    "CrashReport": "crash",
    "CrashTree": "crash",
    "FileSystem": "filesystem",
    "FuzzReport": "fuzzing",
    "Fuzzer": "fuzzing",
    "HostTree": "onhost",
    "Input": "fuzzing",
    "KernelTree": "onkernel",
    "Model": "model",
    "ModelTree": "model",
    "Report": "runner",
    "Result": "runner",
    "Schedule": "schedules",
    "ScheduleReport": "schedules",
    "Searcher": "schedules",
    "Status": "filesystem",
    "Target": "fuzzing",
    "Volume": "filesystem",
    "all_cases": "cases",
    "campaign": "spread",
    "explore": "crash",
    "fuzz": "fuzzing",
    "probe": "probe",
    "run_case": "runner",
    "run_cases": "runner",
    "search": "schedules",
    "tree_of": "runner",
}

__all__ = [*_HOMES]


__getattr__, __dir__ = _looked_up(__name__, _HOMES)
