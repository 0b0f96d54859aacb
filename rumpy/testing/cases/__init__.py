# SPDX-License-Identifier: BSD-2-Clause
"""The portable cases: what POSIX says of a file system's calls.

One file for each call.  A case is a function that gets an empty directory as a
`FileSystem` whose caller is root where the target has users; it raises
AssertionError, or an OSError nobody expected.  Its docstring says what holds.

    @case("hardlinks")
    def counts_links(fs: FileSystem) -> None:
        "link(2) adds one to the link count."

The words are capabilities (`rumpy.testing.CAPABILITIES`) that the case needs;
"write" goes without saying unless `changes=False`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rumpy.testing.filesystem import CAPABILITIES, FileSystem

__all__ = ["Case", "all_cases", "case"]


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Attributes:
        name: "call/what", unique.
        about: what holds, one sentence.
        needs: capabilities without which it has no meaning.
        changes: it gets an empty directory to work in; otherwise the tree's root
            as it is, of which nothing is known.
        run: the function.
    """

    name: str
    about: str
    needs: frozenset[str]
    changes: bool
    run: Callable[[FileSystem], None]

    def missing(self, capabilities: Iterable[str]) -> list[str]:
        """What a tree with these capabilities lacks."""
        return sorted(self.needs - set(capabilities))


_registry: dict[str, Case] = {}


def case(
    *needs: str, changes: bool = True
) -> Callable[[Callable[[FileSystem], None]], Callable[[FileSystem], None]]:
    """Declare a function to be a case that needs these capabilities."""
    wanted = {*needs, "write"} if changes else {*needs}
    unknown = wanted - set(CAPABILITIES)
    if unknown:
        raise ValueError(f"unknown capabilities: {', '.join(sorted(unknown))}")

    def declare(run: Callable[[FileSystem], None]) -> Callable[[FileSystem], None]:
        home = run.__module__.rpartition(".")[2].rstrip("_")
        name = f"{home}/{run.__name__}"
        if name in _registry:
            raise ValueError(f"two cases are called {name}")
        about = " ".join((run.__doc__ or "").split())
        if not about:
            raise ValueError(f"{name} does not say what holds")
        _registry[name] = Case(name, about, frozenset(wanted), changes, run)
        return run

    return declare


def all_cases() -> list[Case]:
    """Every case there is, by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return [_registry[name] for name in sorted(_registry)]
