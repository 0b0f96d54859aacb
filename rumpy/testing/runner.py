# SPDX-License-Identifier: BSD-2-Clause
"""Run portable cases on a tree, and report."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from rumpy.testing.cases import Case, all_cases
from rumpy.testing.filesystem import FileSystem

if TYPE_CHECKING:
    from rumpy.mount import Mount

__all__ = ["Report", "Result", "empty", "run_case", "run_cases", "tree_of"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case: "passed", "failed" or "skipped", and why."""

    case: Case
    outcome: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.outcome:7} {self.case.name}{': ' if self.why else ''}{self.why}"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of all cases on one target."""

    target: str
    results: tuple[Result, ...]

    def having(self, outcome: str) -> list[Result]:
        """The results with this outcome."""
        return [result for result in self.results if result.outcome == outcome]

    @property
    def ok(self) -> bool:
        """Something ran, and nothing failed."""
        return bool(self.having("passed")) and not self.having("failed")

    def __str__(self) -> str:
        kinds = ("passed", "failed", "skipped")
        counts = ", ".join(f"{len(self.having(kind))} {kind}" for kind in kinds)
        failures = [str(result) for result in self.having("failed")]
        return "\n".join([*failures, f"{self.target}: {counts}"])


def empty(fs: FileSystem, path: str) -> None:
    """Remove all that a directory holds, flags and modes notwithstanding.

    Raises:
        OSError: something can't be removed; ELOOP: a directory holds itself, as
            one driver of NetBSD's has it after a name that is too long.
    """
    own = fs.lstat(path).ino
    for name in fs.listdir(path):
        child = f"{path}/{name}" if path != "." else name
        found = fs.lstat(child)
        if found.flags:
            fs.chflags(child, ())
        if stat.S_ISDIR(found.mode):
            if found.ino == own:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), child)
            with contextlib.suppress(OSError):
                fs.chmod(child, 0o700)
            empty(fs, child)
            fs.rmdir(child)
        else:
            fs.unlink(child)


@contextlib.contextmanager
def _room(fs: FileSystem, case: Case) -> Iterator[FileSystem]:
    """Where a case runs: a directory of its own, which is gone afterwards."""
    if not case.changes:
        yield fs
        return
    name = case.name.replace("/", "-")
    fs.mkdir(name, 0o755)
    try:
        fs.chmod(name, 0o755)
        yield fs.sub(name)
    finally:
        if fs.lstat(name).flags:
            fs.chflags(name, ())
        empty(fs, name)
        fs.rmdir(name)


def run_case(case: Case, fs: FileSystem) -> None:
    """Run one case in a directory of its own below the root of `fs`.

    Raises:
        AssertionError: it does not hold.
        OSError: a call failed that should not have.
        RuntimeError: assertions are switched off (python -O).
    """
    if not __debug__:
        raise RuntimeError("cases are assertions, which `python -O` leaves out")
    with _room(fs, case) as room:
        case.run(room)


def tree_of(target: Any, capabilities: Iterable[str] | None = None) -> Any:
    """The FileSystem of a rumpy.Mount, a directory of the host, or itself.

    Args:
        capabilities: what it can do; None: find out, by trying.
    """
    from rumpy.testing.onhost import HostTree
    from rumpy.testing.onkernel import KernelTree
    from rumpy.testing.probe import probe

    fs: Any
    if isinstance(target, str | os.PathLike):
        fs = HostTree(target)
    elif hasattr(target, "where") and hasattr(target, "kernel"):
        mount: Mount = target
        fs = KernelTree(mount.kernel, mount.where, name=f"kernel:{mount.driver}")
    else:
        return target
    fs.capabilities = frozenset(probe(fs) if capabilities is None else capabilities)
    return fs


def run_cases(
    target: Any,
    *,
    capabilities: Iterable[str] | None = None,
    only: Iterable[str] = ("*",),
) -> Report:
    """Run the cases that fit the target, each in a directory of its own.

    Args:
        target: a rumpy.Mount, a path of the host, or a FileSystem.
        capabilities: what it can do (CAPABILITIES); None: find out, by trying.
        only: patterns of names, as "rename/*".

    Run as root if the cases about other users are to run.
    """
    fs = tree_of(target, capabilities)
    patterns = tuple(only)
    results = []
    for case in all_cases():
        if not any(fnmatchcase(case.name, pattern) for pattern in patterns):
            continue
        missing = case.missing(fs.capabilities)
        if missing:
            results.append(Result(case, "skipped", f"without {', '.join(missing)}"))
            continue
        try:
            run_case(case, fs)
        except Exception as error:  # a panic, or an adapter's own mistake, too
            results.append(Result(case, "failed", _why(error)))
        else:
            results.append(Result(case, "passed"))
    if fs is not target:
        fs.end()
    return Report(fs.name, tuple(results))


def _why(error: BaseException) -> str:
    """The message, and the line of the case it is about."""
    lines = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in lines if "/cases/" in frame.filename]
    if not inside:
        return f"{type(error).__name__}: {error}"
    frame = inside[-1]
    said = str(error) or type(error).__name__
    if not isinstance(error, AssertionError | OSError):
        said = f"{type(error).__name__}: {error}"
    return f"{said} (line {frame.lineno}: {frame.line})"
