#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Generate C, cdef, Python and documentation from the tables in csrc/.

Usage: ``python csrc/tables.py [--check]``

Each table has one function that reads it (``read_*``) and one that answers
every file made from it (``*_outputs``: path -> text).  Files below ``build/``
are made anew when they differ; files that are committed (below ``rumpy/`` and
``docs/``) as well, and ``--check`` fails when one of those is out of date.
Needs nothing but the standard library, because everything else is built with
what it writes.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CSRC = Path(__file__).resolve().parent
ROOT = CSRC.parent

CLASSES = ("held", "released", "cpu", "final")
C_HEAD = """\
/* SPDX-License-Identifier: BSD-2-Clause */
/* Made by csrc/tables.py from {}; do not edit. */
"""
PY_HEAD = """\
# SPDX-License-Identifier: BSD-2-Clause
# Made by csrc/tables.py from {}; do not edit.
"""

# Importing typing takes longer than what the tables are imported for.
PY_FINAL = (
    "TYPE_CHECKING = False",
    "if TYPE_CHECKING:",
    "    from typing import Final",
)

Outputs = Mapping[str, str]


class TableError(Exception):
    """A table that cannot be read: names file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a hypercall: its C type and its name."""

    type: str
    name: str

    def __str__(self) -> str:
        return (
            f"{self.type}{self.name}"
            if self.type.endswith("*")
            else f"{self.type} {self.name}"
        )


@dataclass(frozen=True, slots=True)
class Hypercall:
    """One entry of hypercalls.tbl."""

    group: str
    kind: str
    result: str
    name: str
    args: tuple[Argument, ...]
    meaning: str

    @property
    def short(self) -> str:
        """The name without ``hyp_``."""
        return self.name.removeprefix("hyp_")

    @property
    def c_args(self) -> str:
        """The argument list as C."""
        return ", ".join(map(str, self.args)) or "void"

    def prototype(self, name: str, *, first: str = "") -> str:
        """A C declarator of this shape, optionally with one argument before."""
        args = ", ".join(filter(None, [first, *map(str, self.args)])) or "void"
        space = "" if self.result.endswith("*") else " "
        return f"{self.result}{space}{name}({args})"


@dataclass(frozen=True, slots=True)
class HypercallTable:
    """hypercalls.tbl."""

    version: int
    calls: tuple[Hypercall, ...]


# --- hypercalls.tbl -------------------------------------------------------

_HEAD = re.compile(r"(\w+)\s+(\w+)\s+(.*?)\s*\b(hyp_\w+)\((.*)\)$")


def _parse_argument(text: str) -> Argument:
    match = re.fullmatch(r"(.*?)(\w+)", text.strip())
    if match is None:
        raise ValueError(f"bad argument {text!r}")
    kind = match[1].strip()
    return Argument(kind, match[2])


def _parse_hypercall(line: str, meaning: str) -> Hypercall:
    match = _HEAD.fullmatch(line)
    if match is None:
        raise ValueError(f"not an entry: {line!r}")
    group, kind, result, name, args = match.groups()
    if kind not in CLASSES:
        raise ValueError(f"{name}: unknown class {kind!r}")
    if not meaning:
        raise ValueError(f"{name}: no meaning given")
    parsed = (
        tuple(_parse_argument(a) for a in args.split(",")) if args != "void" else ()
    )
    return Hypercall(group, kind, result, name, parsed, meaning)


def read_hypercalls(path: Path) -> HypercallTable:
    """Read hypercalls.tbl; TableError names the line that is wrong."""
    version = head_number = 0
    calls: list[Hypercall] = []
    meaning: list[str] = []
    head = ""

    def flush() -> None:
        if not head:
            return
        try:
            calls.append(_parse_hypercall(head, " ".join(meaning)))
        except ValueError as error:
            raise TableError(f"{path}:{head_number}: {error}") from error

    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            meaning.append(line.strip())
        elif line.startswith("version "):
            version = int(line.split()[1])
        elif line:
            flush()
            head, meaning, head_number = " ".join(line.split()), [], number
    flush()
    names = [c.name for c in calls]
    if len(set(names)) != len(names):
        raise TableError(f"{path}: a name occurs twice")
    return HypercallTable(version, tuple(calls))


def _kernel_header(table: HypercallTable) -> str:
    lines = [
        C_HEAD.format("hypercalls.tbl"),
        "#ifndef _RUMPY_HYP_H_",
        "#define _RUMPY_HYP_H_",
        "",
        "#include <rumpy/boot.h>",
        "",
        f"#define\tHYP_VERSION\t{table.version}",
        "",
        "#ifdef _KERNEL",
        "struct door_module;",
        "struct export_req;",
        "",
    ]
    for call in table.calls:
        tail = " __attribute__((__noreturn__))" if call.kind == "final" else ""
        lines.append(f"{call.prototype(call.name)}{tail};\t/* {call.kind} */")
    return "\n".join(
        [*lines, "#endif /* _KERNEL */", "", "#endif /* _RUMPY_HYP_H_ */", ""]
    )


def _wrapper(call: Hypercall) -> Iterator[str]:
    """The C function that the stub of CALL runs on the host thread's stack."""
    names = [a.name for a in call.args]
    plain = f"hypercall_{call.short}({', '.join(['k', *names])})"
    keep = "" if call.result == "void" else "r = "
    yield call.prototype(f"hyp_on_{call.short}")
    yield "{"
    yield "\tstruct hyp_kernel *k = hyp_current();"
    if call.group == "cpu" or call.kind == "final":
        yield f"\t{'' if call.result == 'void' else 'return '}{plain};"
        yield "}"
        return
    if keep:
        yield f"\t{call.result}{'' if call.result.endswith('*') else ' '}r;"
    provided = f"k->provider.{call.short}({', '.join(['k->provider.cookie', *names])})"
    yield ""
    # A held call may come from where sleeping is not allowed: built-in then.
    allowed = " && hyp_may_give(k)" if call.kind == "held" else ""
    give = f'\t\thyp_give(k, "{call.short}");'
    test = f"__builtin_expect(k->provider.{call.short} != NULL, 0)"
    yield f"\tif ({test}{allowed}) {{"
    yield give
    yield f"\t\t{keep}{provided};"
    yield "\t\thyp_take(k);"
    if call.kind == "released":
        yield "\t} else {"
        yield give
        yield f"\t\t{keep}{plain};"
        yield "\t\thyp_take(k);"
        yield "\t}"
    else:
        yield "\t} else"
        yield f"\t\t{keep}{plain};"
    if keep:
        yield "\treturn r;"
    yield "}"


def _replaceable(table: HypercallTable) -> Iterator[Hypercall]:
    return (
        c for c in table.calls if c.kind in ("held", "released") and c.group != "cpu"
    )


def _provider(table: HypercallTable) -> str:
    lines = ["struct hyp_provider {", "\tvoid *cookie;"]
    for call in _replaceable(table):
        lines.append(f"\t{call.prototype(f'(*{call.short})', first='void *cookie')};")
    return "\n".join([*lines, "};"])


def _host_header(table: HypercallTable) -> str:
    fixed = {c.name for c in table.calls} - {c.name for c in _replaceable(table)}
    lines = [
        C_HEAD.format("hypercalls.tbl"),
        "/*",
        " * The host's side of the hypercalls: what each group implements",
        " * (hypercall_NAME), the table of replacements, and the list that",
        " * csrc/hypercall/context.S makes stubs from.",
        " */",
        "#ifndef _RUMPY_HYP_STUBS_H_",
        "#define _RUMPY_HYP_STUBS_H_",
        "",
        "#define HYP_STUBS(X) \\",
        *[f"\tX({c.short}) \\" for c in table.calls],
        "",
        "#ifndef __ASSEMBLER__",
        "#include <rumpy/hyp.h>",
        "#include <rumpy/doors.h>",
        "",
        "struct hyp_kernel;",
        "",
        "/*",
        " * A function here replaces the built-in one of this kernel.  It is called",
        " * with the CPU released, whatever the class of the call, so that it may be",
        " * written in Python.  Where the caller of a held one must not sleep, the",
        " * built-in function is called instead.",
        " */",
        _provider(table),
        "",
        *[
            f"{c.prototype(f'hypercall_{c.short}', first='struct hyp_kernel *k')};"
            for c in table.calls
        ],
        "",
        "#endif /* !__ASSEMBLER__ */",
        "#endif /* _RUMPY_HYP_STUBS_H_ */",
        "",
    ]
    assert len(fixed) + sum(1 for _ in _replaceable(table)) == len(table.calls)
    return "\n".join(lines)


def _host_wrappers(table: HypercallTable) -> str:
    lines = [
        C_HEAD.format("hypercalls.tbl"),
        "/* Included by csrc/hypercall/door.c only. */",
        "",
    ]
    for call in table.calls:
        lines += [f"{call.prototype(f'hyp_on_{call.short}')};", *_wrapper(call), ""]
    return "\n".join(lines)


def _cdef(table: HypercallTable) -> str:
    return "\n".join([f"#define HYP_VERSION {table.version}", _provider(table), ""])


def _python_table(table: HypercallTable) -> str:
    lines = [
        PY_HEAD.format("hypercalls.tbl"),
        '"""The hypercalls a kernel may need: name -> (group, class)."""',
        "",
        "from __future__ import annotations",
        "",
        *PY_FINAL,
        "",
        f"VERSION: Final = {table.version}",
        "",
        "HYPERCALLS: Final[dict[str, tuple[str, str]]] = {",
        *[f'    "{c.name}": ("{c.group}", "{c.kind}"),' for c in table.calls],
        "}",
        "",
    ]
    return "\n".join(lines)


def _reference(table: HypercallTable) -> str:
    lines = [
        "<!-- Made by csrc/tables.py from csrc/hypercalls.tbl; do not edit. -->",
        "# Hypercalls",
        "",
        f"Version {table.version}. Everything a kernel asks of its host; the undefined",
        "symbols of `kernel.elf` are these and no others. *Held* calls keep the",
        "virtual CPU and are short C; *released* ones give it away, so that their",
        "caller must be allowed to sleep; *cpu* ones hand the CPU around; *final* ones",
        "do not return.",
    ]
    group = ""
    for call in table.calls:
        if call.group != group:
            group = call.group
            lines += ["", f"## {group}"]
        lines += [
            "",
            f"### `{call.name}` ({call.kind})",
            "",
            f"    {call.prototype(call.name)};",
            "",
            call.meaning,
        ]
    return "\n".join([*lines, ""])


def hypercall_outputs() -> Outputs:
    """Everything made from hypercalls.tbl."""
    table = read_hypercalls(CSRC / "hypercalls.tbl")
    return {
        "build/include/rumpy/hyp.h": _kernel_header(table),
        "build/include/rumpy/hyp_stubs.h": _host_header(table),
        "build/include/rumpy/hyp_wrappers.h": _host_wrappers(table),
        "build/include/rumpy/hypercalls.cdef": _cdef(table),
        "rumpy/abi/hypercalls.py": _python_table(table),
        "docs/reference/hypercalls.md": _reference(table),
    }


# --- the shared headers ---------------------------------------------------

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRUCT = re.compile(r"^struct \w+ \{.*?^\};|^struct \w+;", re.DOTALL | re.MULTILINE)
_CONSTANT = re.compile(r"^#define\s+(\w+)\s+(-?\d\w*)\s*$", re.MULTILINE)


def header_outputs() -> Outputs:
    """The structures and constants of boot.h and doors.h, as cffi reads them."""
    outputs = {}
    for name in ("boot", "doors"):
        source = CSRC / "include" / "rumpy" / f"{name}.h"
        text = _COMMENT.sub("", source.read_text())
        lines = [f"/* Made by csrc/tables.py from {name}.h; do not edit. */"]
        lines += [f"#define {m[1]} {m[2]}" for m in _CONSTANT.finditer(text)]
        lines += [m[0] for m in _STRUCT.finditer(text)]
        outputs[f"build/include/rumpy/{name}.cdef"] = "\n".join([*lines, ""])
    return outputs


# --- syscalls.tbl ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Syscall:
    """One entry of syscalls.tbl."""

    number: int
    result: str
    name: str
    args: tuple[Argument, ...]


def read_syscalls(path: Path) -> tuple[Syscall, ...]:
    """Read syscalls.tbl; TableError names the line that is wrong."""
    calls: list[Syscall] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"(\d+)\s+(\w+)\s+(\w+)\((.*)\)", line)
        if match is None:
            raise TableError(f"{path}:{number}: not an entry: {line!r}")
        try:
            args = (
                tuple(_parse_argument(a) for a in match[4].split(","))
                if match[4] != "void"
                else ()
            )
        except ValueError as error:
            raise TableError(f"{path}:{number}: {error}") from error
        if len(args) > 8:
            raise TableError(f"{path}:{number}: more than 8 arguments")
        calls.append(Syscall(int(match[1]), match[2], match[3], args))
    if [c.number for c in calls] != sorted({c.number for c in calls}):
        raise TableError(f"{path}: numbers are not ascending")
    return tuple(calls)


def _syscall_header(calls: tuple[Syscall, ...]) -> str:
    lines = [
        C_HEAD.format("syscalls.tbl"),
        "#ifndef _SYS_SYSCALLARGS_H_",
        "#define\t_SYS_SYSCALLARGS_H_",
        "",
        "#include <sys/param.h>",
        "",
        "/* Each argument takes a slot as wide as a register. */",
        "#define\tsyscallarg(type)\t\\",
        "\tunion { register_t pad; struct { type datum; } le; }",
        "#ifndef SCARG",
        "#define\tSCARG(p, k)\t((p)->k.le.datum)",
        "#endif",
        "",
        f"#define\tSYS_MAXSYSCALL\t{calls[-1].number + 1}",
        *[f"#define\tSYS_{c.name}\t{c.number}" for c in calls],
        "",
        "struct lwp;",
        "struct pollfd;",
        "struct stat;",
        "struct statvfs;",
        "struct acl;",
        "struct quotactl_args;",
        "",
    ]
    for call in calls:
        lines += [f"struct sys_{call.name}_args {{"]
        lines += [f"\tsyscallarg({a.type}) {a.name};" for a in call.args]
        lines += ["};", ""]
    for call in calls:
        lines.append(f"int\tsys_{call.name}(struct lwp *,")
        lines.append(f"\t    const struct sys_{call.name}_args *, register_t *);")
    return "\n".join([*lines, "", "#endif /* !_SYS_SYSCALLARGS_H_ */", ""])


def _sysent(calls: tuple[Syscall, ...]) -> str:
    lines = [
        C_HEAD.format("syscalls.tbl"),
        "/*",
        " * A weak definition of each handler answers ENOSYS, for the calls that",
        " * nobody has implemented.",
        " */",
        "#include <sys/param.h>",
        "#include <sys/syscallargs.h>",
        "#include <sys/syscallvar.h>",
        "",
    ]
    for call in calls:
        lines.append(f"#pragma weak sys_{call.name} = sys_nosys")
    lines += [
        "",
        "int",
        "sys_nosys(struct lwp *l, const void *v, register_t *retval)",
        "{",
        "\treturn ENOSYS;",
        "}",
        "",
        "struct sysent sysent[SYS_NSYSENT] = {",
    ]
    free = 0
    for call in calls:
        if call.number > free:
            lines.append(
                f"\t[{free} ... {call.number - 1}] = {{ .sy_call = sys_nosys }},"
            )
        free = call.number + 1
        lines.append(
            f"\t[{call.number}] = {{ {len(call.args)}, {8 * len(call.args)}, 0,"
        )
        lines.append(f"\t    (sy_call_t *)sys_{call.name}, 0, 0 }},")
    lines.append(f"\t[{free} ... SYS_NSYSENT - 1] = {{ .sy_call = sys_nosys }},")
    lines += ["};", "", "const char * const syscallnames[SYS_NSYSENT] = {"]
    lines += [f'\t[{c.number}] = "{c.name}",' for c in calls]
    return "\n".join([*lines, "};", ""])


def _syscall_python(calls: tuple[Syscall, ...]) -> str:
    lines = [
        PY_HEAD.format("syscalls.tbl"),
        "# fmt: off",
        "# ruff: noqa: E501",
        '"""NetBSD\'s system calls: number -> (name, result, arguments).',
        "",
        "The name carries NetBSD's version (``__stat50``).  Arguments are pairs of C",
        "type and name, one for each 8-byte slot; ``PAD`` is a slot without meaning.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        *PY_FINAL,
        "",
        "SYSCALLS: Final[dict[int, tuple[str, str, tuple[tuple[str, str], ...]]]] = {",
    ]
    for call in calls:
        args = ", ".join(f'("{a.type}", "{a.name}")' for a in call.args)
        args = f"({args},)" if len(call.args) == 1 else f"({args})"
        lines.append(f'    {call.number}: ("{call.name}", "{call.result}", {args}),')
    return "\n".join([*lines, "}", ""])


def _syscall_reference(calls: tuple[Syscall, ...]) -> str:
    lines = [
        "<!-- Made by csrc/tables.py from csrc/syscalls.tbl; do not edit. -->",
        "# System calls",
        "",
        "NetBSD 10's numbers; `PAD` is a slot without meaning. Calls not listed here",
        "answer `ENOSYS`.",
        "",
        "| number | prototype |",
        "|---|---|",
    ]
    for call in calls:
        args = ", ".join(map(str, call.args)) or "void"
        lines.append(f"| {call.number} | `{call.result} {call.name}({args})` |")
    return "\n".join([*lines, ""])


def syscall_outputs() -> Outputs:
    """Everything made from syscalls.tbl."""
    calls = read_syscalls(CSRC / "syscalls.tbl")
    return {
        "build/include/sys/syscallargs.h": _syscall_header(calls),
        "build/gen/sysent.c": _sysent(calls),
        "rumpy/abi/syscalls.py": _syscall_python(calls),
        "docs/reference/syscalls.md": _syscall_reference(calls),
    }


# --- abi/layouts.tbl ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layout:
    """A structure of abi/layouts.tbl: size, and (member, offset, size)."""

    name: str
    size: int
    exact: bool
    members: tuple[tuple[str, int, int], ...]

    def asserts(self, *, tail: bool) -> Iterator[str]:
        """Static assertions; with TAIL, private members may follow."""
        compare = "==" if self.exact or not tail else ">="
        yield self._assert(f"sizeof(struct {self.name}) {compare} {self.size}", "size")
        for member, offset, size in self.members:
            where = f"__builtin_offsetof(struct {self.name}, {member})"
            yield self._assert(f"{where} == {offset}", member)
            if size:
                what = f"sizeof(((struct {self.name} *)0)->{member})"
                yield self._assert(f"{what} == {size}", f"size of {member}")

    def _assert(self, condition: str, what: str) -> str:
        return f'_Static_assert({condition}, "{self.name}.{what}");'


def read_layouts(path: Path) -> tuple[list[str], list[Layout]]:
    """Read abi/layouts.tbl: the headers to include, and the structures."""
    headers: list[str] = []
    layouts: list[Layout] = []
    name, size, exact = "", 0, True
    members: list[tuple[str, int, int]] = []

    def flush() -> None:
        if name:
            layouts.append(Layout(name, size, exact, tuple(members)))

    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        words = line.split()
        try:
            if line.startswith("\t"):
                members.append((words[0], int(words[1]), int(words[2])))
            elif words[0] == "include":
                headers.append(words[1])
            elif words[0] == "struct":
                flush()
                name, size, exact, members = (
                    words[1],
                    int(words[2].rstrip("+")),
                    words[2][-1] != "+",
                    [],
                )
            else:
                raise ValueError(f"unknown keyword {words[0]!r}")
        except (IndexError, ValueError) as error:
            raise TableError(f"{path}:{number}: {error}") from error
    flush()
    return headers, layouts


def release_layouts(release: int) -> tuple[list[str], list[Layout]]:
    """The layouts of one release: layouts.tbl, with layouts-RELEASE.tbl over it."""
    headers, layouts = read_layouts(CSRC / "abi" / "layouts.tbl")
    own = CSRC / "abi" / f"layouts-{release}.tbl"
    if not own.exists():
        return headers, layouts
    changed = {layout.name: layout for layout in read_layouts(own)[1]}
    unknown = set(changed) - {layout.name for layout in layouts}
    if unknown:
        raise TableError(f"{own}: not in layouts.tbl: {', '.join(sorted(unknown))}")
    return headers, [changed.get(layout.name, layout) for layout in layouts]


def layout_outputs() -> Outputs:
    """The static assertions made from abi/layouts.tbl, for each release."""
    releases, _ = read_versions(CSRC / "abi" / "versions.tbl")
    headers, _ = release_layouts(releases[0].major)
    lines = [
        C_HEAD.format("abi/layouts.tbl"),
        *[f"#include <{h}>" for h in headers],
        "",
    ]
    for release in releases:
        lines.append(f"#if {release.condition}")
        for layout in release_layouts(release.major)[1]:
            lines += layout.asserts(tail=True)
        lines.append("#endif")
    return {"build/gen/layouts.c": "\n".join([*lines, ""])}


# --- abi/mountargs.tbl ----------------------------------------------------

MOUNT_SOURCES = ("disk", "directory", "text", "none")
MEMBER_KINDS = ("source", "text", "pairs", "number")
OPTION_TYPES = {
    "number": "N", "bytes": "BYTES", "mode": "OCTAL", "id": "ID",
    "seconds": "SECONDS", "address": "ADDRESS", "text": "TEXT", "flag": "",
    "choice": "", "pairs": "FROM:TO+...",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MountOption:
    """An option of a file system type; see abi/mountargs.tbl."""

    name: str
    type: str
    member: str
    value: str
    meaning: str

    @property
    def usage(self) -> str:
        """How it is written after -o."""
        if self.type == "flag":
            return self.name
        words = "\\|".join(w.partition("=")[0] for w in self.value.split(","))
        return (
            f"{self.name}={words if self.type == 'choice' else OPTION_TYPES[self.type]}"
        )


@dataclass(slots=True)
class MountType:
    """A file system type of abi/mountargs.tbl."""

    name: str
    struct: str = ""
    size: int = 0
    header: str = ""
    source: str = ""
    data: str = ""
    members: dict[str, tuple[int, int, str, int]] = field(default_factory=dict)
    options: dict[str, MountOption] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        """The structure, for static assertions."""
        members = tuple((m, at, size) for m, (at, size, *_) in self.members.items())
        return Layout(self.struct, self.size, True, members)

    def read(self, word: str, rest: list[str]) -> None:
        """Take one line of the table; ValueError says what is wrong."""
        if word == "struct":
            self.struct, self.size = rest[0], int(rest[1])
            self.header = "".join(rest[2:])
        elif word == "source":
            (self.source,) = rest
            if self.source not in MOUNT_SOURCES:
                raise ValueError(f"unknown source {self.source!r}")
        elif word == "data":
            self.data = " ".join(rest)
        elif word == "member":
            self._member(*rest)
        elif word == "option":
            self._option(rest)
        else:
            raise ValueError(f"unknown keyword {word!r}")

    def _member(
        self, name: str, offset: str, size: str, kind: str, default: str = "0"
    ) -> None:
        if kind not in MEMBER_KINDS or name in self.members:
            raise ValueError(f"bad member {name!r}")
        if int(offset) + int(size) > self.size:
            raise ValueError(f"{name} lies behind the structure")
        value = int(default, 8 if default.startswith("0") else 10)
        self.members[name] = (int(offset), int(size), kind, value)

    def _option(self, rest: list[str]) -> None:
        name, kind, member, *more = rest
        meaning = more.pop()
        if kind not in OPTION_TYPES or name in self.options:
            raise ValueError(f"bad option {name!r}")
        if (kind in ("flag", "choice", "pairs")) != bool(more):
            raise ValueError(f"{name}: {kind} and its value don't go together")
        for wanted in (member, *(more if kind == "pairs" else ())):
            if wanted not in self.members:
                raise ValueError(f"{name}: no member {wanted!r}")
        value = more[0] if more else ""
        self.options[name] = MountOption(name, kind, member, value, meaning)


def read_mountargs(path: Path) -> dict[str, MountType]:
    """Read abi/mountargs.tbl; TableError names the line that is wrong."""
    types: dict[str, MountType] = {}
    current: MountType | None = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        word, *rest = shlex.split(line)
        try:
            if word == "type":
                (name,) = rest
                current = types[name] = MountType(name)
            elif current is None:
                raise ValueError("no type yet")
            else:
                current.read(word, rest)
        except (IndexError, TypeError, ValueError) as error:
            raise TableError(f"{path}:{number}: {error}") from error
    return types


def _mountargs_python(types: Mapping[str, MountType]) -> str:
    lines = [
        PY_HEAD.format("abi/mountargs.tbl"),
        "# fmt: off",
        "# ruff: noqa: E501",
        '"""mount(2)\'s data: type -> (struct, size, source, why, members, options).',
        "",
        "Members: name -> (offset, size, kind, default).  Options: name -> (type,",
        "member, value, meaning).  rumpy.mountdata reads it.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        *PY_FINAL,
        "",
        "Members = dict[str, tuple[int, int, str, int]]",
        "Options = dict[str, tuple[str, str, str, str]]",
        "",
        "TYPES: Final[dict[str, tuple[str, int, str, str, Members, Options]]] = {",
    ]
    for t in types.values():
        lines.append(
            f'    "{t.name}": ("{t.struct}", {t.size}, "{t.source}", "{t.data}", {{'
        )
        for name, (at, size, kind, value) in t.members.items():
            lines.append(f'        "{name}": ({at}, {size}, "{kind}", {value}),')
        lines.append("    }, {")
        for o in t.options.values():
            lines.append(
                f'        "{o.name}": ("{o.type}", "{o.member}", "{o.value}",'
                f' "{o.meaning}"),'
            )
        lines.append("    }),")
    return "\n".join([*lines, "}", ""])


_SOURCES = {
    "disk": "a disk or an image",
    "directory": "a directory of the kernel",
    "text": "a name, shown by statvfs(2)",
    "none": "nothing: `None`",
}


def _mountargs_reference(types: Mapping[str, MountType]) -> str:
    lines = [
        "<!-- Made by csrc/tables.py from csrc/abi/mountargs.tbl; do not edit. -->",
        "# Mount options of each file system type",
        "",
        '`k.mount(type, source, where, options={"NAME": VALUE})`, or after `-o` of the',
        "command; there `TYPE.NAME=VALUE` means the driver's option where rumpy has",
        "one of the same name (`uid`, `gid`). A value of Python may be of its own type",
        "or the text that `-o` takes. Beside these every type has mount(8)'s own:",
        "`ro`, `sync`, `async`, `noatime` and so on.",
    ]
    for t in types.values():
        struct = f"`struct {t.struct}`, {t.size} bytes" if t.struct else "no data"
        lines += ["", f"## {t.name}", "", f"Source: {_SOURCES[t.source]}. {struct}."]
        if t.data:
            lines += ["", f"Needs `data=`: {t.data}."]
        if t.options:
            lines += ["", "| option | meaning | default |", "|---|---|---|"]
        for o in t.options.values():
            lines.append(f"| `{o.usage}` | {o.meaning} | {_mount_default(t, o)} |")
    return "\n".join([*lines, ""])


def _mount_default(t: MountType, o: MountOption) -> str:
    """An option's value when it is not given, in words."""
    kind, value = t.members[o.member][2:]
    if o.type == "flag":
        return "yes" if value & int(o.value) else "no"
    if o.type == "choice":
        words = (word.partition("=") for word in o.value.split(","))
        return next(name for name, _, number in words if int(number) == value)
    if o.type == "mode":
        return f"{value:04o}"
    return "none" if kind in ("text", "pairs") else str(value)


def mountargs_outputs() -> Outputs:
    """Everything made from abi/mountargs.tbl."""
    types = read_mountargs(CSRC / "abi" / "mountargs.tbl")
    return {
        "rumpy/abi/mountargs.py": _mountargs_python(types),
        "docs/reference/mount-options.md": _mountargs_reference(types),
    }


# --- abi/versions.tbl -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Release:
    """A NetBSD release whose modules run here: its number, as one and in full."""

    major: int
    version: int

    @property
    def condition(self) -> str:
        """True for the preprocessor in that release's build."""
        return f"__NetBSD_Version__ / 100000000 == {self.major}"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a header, and what stands there: (first, last release, text).

    A rename is one as well: of the symbol NAME, wherever it stands.
    """

    name: str
    rename: bool
    texts: tuple[tuple[int, int, str], ...]

    def text(self, release: int) -> str:
        """What stands there in a release; empty for nothing."""
        return next(
            (t for first, last, t in self.texts if first <= release <= last), ""
        )


def _span(word: str) -> tuple[int, int]:
    """ "10", "-10" or "11-" as first and last release."""
    first, dash, last = word.partition("-")
    low = int(first or 0)
    return low, int(last or 10**6) if dash else low


def read_versions(path: Path) -> tuple[list[Release], list[Place]]:
    """Read abi/versions.tbl: the releases, the first being the default; the places."""
    releases: list[Release] = []
    places: dict[tuple[str, bool], list[tuple[int, int, str]]] = {}
    texts: list[tuple[int, int, str]] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        words = line.split()
        try:
            if line.startswith("\t"):
                texts.append((*_span(words[0]), line.strip().split(None, 1)[1]))
            elif words[0] == "release":
                releases.append(Release(int(words[1]), int(words[2])))
            elif words[0] in ("at", "rename"):
                key = words[1], words[0] == "rename"
                if key in places:
                    raise ValueError(f"{words[1]} repeated")
                texts = places[key] = []
            else:
                raise ValueError(f"unknown keyword {words[0]!r}")
        except (IndexError, ValueError) as error:
            raise TableError(f"{path}:{number}: {error}") from error
    return releases, [Place(*key, tuple(rows)) for key, rows in places.items()]


def _renamed(release: int, places: list[Place]) -> str:
    names = [(p.name, p.text(release)) for p in places if p.rename]
    pairs = ", ".join(f'"{old}": "{new}"' for old, new in names if new)
    return f"    {release}: {{{pairs}}},"


def version_outputs() -> Outputs:
    """The one header in which the releases differ, and Python's list of them."""
    releases, places = read_versions(CSRC / "abi" / "versions.tbl")
    lines = [
        C_HEAD.format("abi/versions.tbl"),
        "#ifndef _ABI_VERSIONS_H_",
        "#define _ABI_VERSIONS_H_",
        "",
        "#ifndef __NetBSD_Version__",
        f"#define __NetBSD_Version__ {releases[0].version}",
        "#endif",
    ]
    directive = "if"
    for release in releases:
        lines += ["", f"#{directive} {release.condition}"]
        for place in places:
            text = place.text(release.major)
            if not place.rename:
                lines.append(f"#define NETBSD_{place.name} {text}".rstrip())
            elif text:
                lines.append(f"#define {place.name} {text}")
        directive = "elif"
    lines += [
        "",
        "#else",
        '#error "no such release in abi/versions.tbl"',
        "#endif",
        "",
        "#endif",
        "",
    ]
    python = [
        PY_HEAD.format("abi/versions.tbl"),
        '"""The NetBSD releases whose modules run here."""',
        "",
        "#: Major release -> __NetBSD_Version__ of its kernel; the default first.",
        "RELEASES = {",
        *[f"    {release.major}: {release.version}," for release in releases],
        "}",
        "",
        "#: The kernel that boots unless another is asked for.",
        f"DEFAULT = {releases[0].major}",
        "",
        "#: Major release -> symbols of the first one -> what they are called in it.",
        "RENAMED = {",
        *[_renamed(release.major, places) for release in releases],
        "}",
        "",
    ]
    return {
        "build/include/abi/versions.h": "\n".join(lines),
        "rumpy/abi/releases.py": "\n".join(python),
    }


# --- all tables -----------------------------------------------------------

TABLES: tuple[Callable[[], Outputs], ...] = (
    hypercall_outputs,
    header_outputs,
    syscall_outputs,
    layout_outputs,
    mountargs_outputs,
    version_outputs,
)


def _write(path: Path, text: str) -> bool:
    """Write a file unless it has this text already; True when it changed."""
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return True


def main(argv: list[str] | None = None) -> int:
    """Generate, or with --check compare the committed files."""
    parser = argparse.ArgumentParser(description="generate files from csrc/*.tbl")
    parser.add_argument(
        "--check", action="store_true", help="fail if a committed file is out of date"
    )
    parser.add_argument(
        "--build", type=Path, default=ROOT / "build", help="in place of build/"
    )
    options = parser.parse_args(argv)
    stale = []
    try:
        for table in TABLES:
            for name, text in table().items():
                path = ROOT / name
                if name.startswith("build/"):
                    _write(options.build / name.removeprefix("build/"), text)
                elif not options.check:
                    _write(path, text)
                elif not path.exists() or path.read_text() != text:
                    stale.append(name)
    except TableError as error:
        print(error, file=sys.stderr)
        return 1
    for name in stale:
        print(f"{name}: out of date; run python csrc/tables.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
