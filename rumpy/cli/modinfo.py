# SPDX-License-Identifier: BSD-2-Clause
"""rumpy modinfo: what a kernel module needs and offers."""

from __future__ import annotations

import os

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@click.command("modinfo", short_help="Say what a kernel module needs and offers.")
@click.option("-e", "--exports", is_flag=True, help="List what it offers.")
@click.option("-n", "--needs", is_flag=True, help="List all it takes from others.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@click.argument("modules", metavar="MODULE...", nargs=-1, required=True)
def command(modules: tuple[str, ...], exports: bool, needs: bool, as_json: bool) -> int:
    """Describe MODULE: a path, or the name of a shipped one.

    The exit code is 1 where this kernel lacks something a module needs.
    """
    lacking = 0
    for name in modules:
        facts = describe(name)
        click.echo(_json(facts) if as_json else _text(facts, exports, needs))
        lacking |= bool(facts["lacks"]) or not facts["compatible"]
    return int(lacking)


def describe(module: str) -> dict[str, Any]:
    """Everything about a module, without loading it.

    Raises:
        LinkError, ModuleError: it is none.
    """
    from rumpy.abi.releases import DEFAULT
    from rumpy.linker import export_limits, export_list, locate, peek
    from rumpy.linker.link import load_file
    from rumpy.linker.reader import read

    path = locate(module)
    data = load_file(path)
    obj = read(data, str(path))
    info = peek(data, str(path))
    provided = _required_symbols(info.required, path)
    undefined = sorted(obj.undefined)
    weak = set(obj.weak)
    netbsd = info.major if info.compatible else DEFAULT
    offered = export_list(netbsd) | provided
    lacks = [
        name
        for name in undefined
        if name not in offered
        and name not in weak
        and not name.startswith(("__start_", "__stop_"))
    ]
    return {
        "name": info.name,
        "file": str(path),
        "version": info.version,
        "release": info.release,
        "compatible": info.compatible,
        "class": info.class_name,
        "requires": list(info.required),
        "needs": undefined,
        "exports": sorted(obj.defined),
        "lacks": lacks,
        "limited": {n: why for n, why in export_limits().items() if n in obj.undefined},
        "bytes": len(data),
    }


def _required_symbols(required: tuple[str, ...], path: str) -> frozenset[str]:
    """What the modules that a module requires, and those that they do, define."""
    from rumpy.linker import find_module, peek
    from rumpy.linker.link import load_file
    from rumpy.linker.reader import read

    names: set[str] = set()
    seen: set[str] = set()
    folder = os.path.dirname(os.path.realpath(path))
    wanted = [*required]
    while wanted:
        name = wanted.pop()
        found = None if name in seen else find_module(name, [folder])
        seen.add(name)
        if found is not None:
            names |= set(read(load_file(found), found).defined)
            wanted += peek(found).required
    return frozenset(names)


def _json(facts: dict[str, Any]) -> str:
    import json

    return json.dumps(facts)


def _text(facts: dict[str, Any], exports: bool, needs: bool) -> str:
    fit = "" if facts["compatible"] else "  (no kernel here takes it)"
    lines = [
        f"{facts['name']}: {facts['file']}",
        f"  version:   NetBSD {facts['release']} ({facts['version']}){fit}",
        f"  class:     {facts['class']}",
        f"  requires:  {', '.join(facts['requires']) or 'no other module'}",
        f"  needs:     {len(facts['needs'])} symbols",
        f"  exports:   {len(facts['exports'])} symbols",
    ]
    if facts["lacks"]:
        lines.append(f"  this kernel lacks {len(facts['lacks'])}:")
        lines += [f"    {name}" for name in facts["lacks"]]
    else:
        lines.append("  this kernel has all of them")
    if facts["limited"]:
        lines.append("  not supported here, wholly or in part:")
        lines += [f"    {name}: {why}" for name, why in facts["limited"].items()]
    for wanted, title in ((needs, "needs"), (exports, "exports")):
        if wanted:
            lines.append(f"  {title}:")
            lines += [f"    {name}" for name in facts[title]]
    return "\n".join(lines)
