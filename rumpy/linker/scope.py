# SPDX-License-Identifier: BSD-2-Clause
"""Which names an object may use, and where they are.

A kernel sees the hypercalls and nothing else.  A module sees what the export
list of its personality allows of the kernel's symbols, what an instrumentation
run-time adds, and the globals of modules loaded before it.
"""

from __future__ import annotations

from rumpy.errors import LinkError
from rumpy.linker import hints
from rumpy.linker.reader import ObjectFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterable, KeysView, Mapping
    from dataclasses import dataclass
    from typing import Literal

    Missing = Literal["strict", "trap"]
else:
    from rumpy.records import dataclass

#: What compilers call in instrumented modules; the kernel has them, and NetBSD's
#: export list has not.
RUNTIME = ("__sanitizer_cov_", "__ubsan_handle_")


def read_exports(path: str | os.PathLike[str]) -> frozenset[str]:
    """Names of an export list: one a line, `#` starts a comment."""
    with open(path) as file:
        text = file.read()
    if "#" not in text and "\t" not in text:
        return frozenset(text.split())  # names alone: as they are shipped
    lines = (line.split("#", 1)[0].split(None, 1) for line in text.splitlines())
    return frozenset(words[0] for words in lines if words)


def read_limits(path: str | os.PathLike[str]) -> dict[str, str]:
    """Names of an export list and why they are not supported, "" if they are."""
    with open(path) as file:
        text = file.read()
    lines = (line.split("#", 1)[0].split(None, 1) for line in text.splitlines())
    return {words[0]: words[1].strip() if words[1:] else "" for words in lines if words}


class Scope:
    """Names visible to modules: the kernel's exports, then each module's globals.

    Attributes:
        kernel: the kernel's global symbols.
        exports: those of them that modules may use; asked for when the first
            module comes.
        extra: further providers' symbols (an instrumentation run-time).
        modules: module name -> its globals, in load order.
    """

    def __init__(
        self,
        kernel: Mapping[str, int],
        exports: Callable[[], Collection[str]],
        extra: Mapping[str, int] | None = None,
    ) -> None:
        self.kernel = kernel
        self._ask = exports
        self._exports: frozenset[str] | None = None
        self.extra = extra or {}
        self.modules: dict[str, Mapping[str, int]] = {}

    @property
    def exports(self) -> frozenset[str]:
        """Names of the kernel's that modules may use."""
        if self._exports is None:
            self._exports = frozenset(self._ask())
        return self._exports

    def find(self, name: str, preferred: Iterable[str]) -> tuple[int, str] | None:
        """Address and owner ("" for the kernel) of a name, or None.

        The modules a module requires come first, then any other loaded one:
        NetBSD's own linker looks everywhere, and modules rely on it.
        """
        if name in self.exports and name in self.kernel:
            return self.kernel[name], ""
        if name.startswith(RUNTIME) and name in self.kernel:
            return self.kernel[name], ""
        if name in self.extra:
            return self.extra[name], ""
        for owner in (*preferred, *self.modules):
            address = self.modules.get(owner, {}).get(name)
            if address is not None:
                return address, owner
        return None

    def exported(self, names: Iterable[str]) -> dict[str, int]:
        """Those of the names that are the kernel's to give, with addresses."""
        kernel = self.kernel
        found = self.exports.intersection(names) & kernel.keys()
        return {name: kernel[name] for name in found}

    def owners(self, names: KeysView[str]) -> dict[str, str]:
        """Those of the names that somebody defines: "kernel", or the module."""
        taken = self.exports.intersection(names) & self.kernel.keys()
        for table in (self.extra, *self.modules.values()):
            taken |= names & table.keys()
        found = {name: self.find(name, ()) for name in taken}
        return {name: by[1] or "kernel" for name, by in found.items() if by}


@dataclass(frozen=True, slots=True)
class Resolution:
    """Values for an object's undefined symbols.

    Attributes:
        values: symbol index -> address.
        users: modules whose symbols are used.
        bounds: symbol index -> section index and whether its end is meant, for
            the __start_NAME and __stop_NAME that linkers provide.
        trapped: functions that need a stub which panics, name -> symbol index.
    """

    values: dict[int, int]
    users: frozenset[str]
    bounds: dict[int, tuple[int, bool]]
    trapped: dict[str, int]


def find_hooks(
    obj: ObjectFile,
    resolution: Resolution,
    hooks: Mapping[str, int],
    is_function: Callable[[int], bool],
) -> dict[int, int]:
    """Symbol index -> slot, of the functions that are to be hooked.

    Raises:
        LinkError: the object does not call one of them.
    """
    found = {
        name: obj.undefined[name]
        for name in hooks
        if name in obj.undefined
        and is_function(obj.undefined[name])
        and obj.undefined[name] in resolution.values
    }
    absent = sorted(hooks.keys() - found.keys())
    if absent:
        raise LinkError(f"calls no {', '.join(absent)} to hook", file=obj.name)
    return {index: hooks[name] for name, index in found.items()}


def check_duplicates(obj: ObjectFile, scope: Scope) -> None:
    """Refuse an object that defines what somebody else defines already."""
    owners = scope.owners(obj.defined.keys())
    found = [f"{name} (in {owner})" for name, owner in owners.items()]
    if found:
        raise LinkError(
            f"symbols are defined already: {', '.join(sorted(found))}",
            file=obj.name,
            hint="make them static, or unload the other module",
        )


def missing_error(obj: ObjectFile, names: Collection[str], what: str) -> LinkError:
    """The error that lists every missing symbol at once."""
    ordered = sorted(names)
    return LinkError(
        f"{len(ordered)} undefined {what}: {', '.join(ordered)}",
        file=obj.name,
        symbol=ordered[0] if len(ordered) == 1 else None,
        missing=ordered,
        hint=hints.for_symbols(ordered),
    )


def _check_canary(obj: ObjectFile) -> None:
    """A stack protector's canary has to be the kernel's, a plain variable.

    For user programs compilers take it from %fs or %gs, which a kernel in a
    process has no say over: the first protected function would die.
    """
    wanted = obj.undefined.keys() & {"__stack_chk_fail", "__stack_chk_guard"}
    if wanted == {"__stack_chk_fail"}:
        raise LinkError(
            "is built with a stack protector whose canary is thread-local",
            file=obj.name,
            symbol="__stack_chk_fail",
            hint="compile with -fno-stack-protector"
            " (or -mstack-protector-guard=global)",
        )


def _section_bound(obj: ObjectFile, name: str) -> tuple[int, bool] | None:
    """The section that __start_NAME or __stop_NAME is about, if it is there."""
    for prefix, end in (("__start_", False), ("__stop_", True)):
        if name.startswith(prefix):
            found = obj.named(name.removeprefix(prefix))
            return (found[0].index, end) if len(found) == 1 else None
    return None


def resolve(
    obj: ObjectFile,
    known: Mapping[str, int],
    find: Callable[[str], tuple[int, str] | None] = lambda name: None,
    *,
    missing: Missing = "strict",
    is_function: Callable[[int], bool] = lambda index: False,
) -> Resolution:
    """Find every undefined symbol of an object.

    Args:
        known: addresses of names that are the kernel's or the host's.
        find: address and owner of any other name.
        missing: "strict" makes any missing symbol an error; "trap" lets missing
            functions through, to be given a stub that panics.
        is_function: whether a symbol index is certainly used as a function.

    Raises:
        LinkError: with all missing names at once.
    """
    values: dict[int, int] = {}
    users: set[str] = set()
    absent: dict[str, int] = {}
    bounds: dict[int, tuple[int, bool]] = {}
    for name, index in obj.undefined.items():
        address = known.get(name)
        if address is not None:
            values[index] = address
        elif (found := find(name)) is not None:
            values[index] = found[0]
            if found[1]:
                users.add(found[1])
        elif (bound := _section_bound(obj, name)) is not None:
            bounds[index] = bound
        elif name in obj.weak:
            values[index] = 0
        else:
            absent[name] = index
    if absent and missing == "strict":
        raise missing_error(obj, absent, "symbols" if len(absent) > 1 else "symbol")
    _check_canary(obj)
    if not absent:
        return Resolution(values, frozenset(users), bounds, {})
    trapped = {name: i for name, i in absent.items() if is_function(i)}
    data = absent.keys() - trapped.keys()
    if data:
        raise missing_error(obj, data, "symbols that may be data (no trap possible)")
    return Resolution(values, frozenset(users), bounds, trapped)
