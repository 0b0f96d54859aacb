# SPDX-License-Identifier: BSD-2-Clause
"""rumpy dumpfs: superblock, cylinder groups and inodes of an image."""

from __future__ import annotations

import click

from rumpy.cli import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@click.command("dumpfs", short_help="Print the superblock and groups of an FFS.")
@images.place_options
@click.option(
    "-b",
    "--alternate",
    metavar="SECTOR",
    type=click.IntRange(0),
    help="Use the copy of the superblock at this sector of 512 bytes.",
)
@click.option("-s", "--superblock", "only", is_flag=True, help="The superblock only.")
@click.option(
    "-g", "--group", "groups", type=click.IntRange(0), multiple=True, metavar="N",
    help="These groups only.",
)  # fmt: skip
@click.option(
    "-i", "--inode", "inodes", type=click.IntRange(0), multiple=True, metavar="N",
    help="These inodes, and nothing else.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.argument("image", type=click.Path(exists=True, dir_okay=False))
def command(
    image: str,
    alternate: int | None,
    only: bool,
    groups: tuple[int, ...],
    inodes: tuple[int, ...],
    as_json: bool,
    offset: str | None,
    partition: str | None,
) -> int:
    """Print what the superblock and the cylinder groups of IMAGE say, member by
    member, as they are on disk: nothing is repaired or computed.
    """
    from rumpy.ffstools import dumpfs

    start, length = images.place(image, offset, partition)
    byte = None if alternate is None else alternate * 512
    with dumpfs(image, offset=start, size=length, alternate=byte) as dump:
        found: dict[str, Any] = {}
        if inodes:
            found["inodes"] = [dump.inode(n) for n in inodes]
        else:
            if not groups:
                found["superblock"] = dump.superblock
            wanted = groups or (() if only else range(dump.groups))
            found["groups"] = [dump.group(n) for n in wanted]
    click.echo(_json(found) if as_json else _text(found))
    return 0


def _json(found: dict[str, Any]) -> str:
    import json

    return json.dumps(found)


def _text(found: dict[str, Any]) -> str:
    parts = []
    if "superblock" in found:
        parts.append(_section("superblock", found["superblock"]))
    for group in found.get("groups", ()):
        parts.append(_section(f"group {group['cg_cgx']}", group))
    for inode in found.get("inodes", ()):
        parts.append(_section(f"inode {inode['ino']}", inode))
    return "\n\n".join(parts)


def _section(title: str, members: dict[str, Any]) -> str:
    lines = [f"{title}:"]
    for name, value in members.items():
        lines.append(f"    {name:20} {_shown(name, value)}")
    return "\n".join(lines)


def _shown(name: str, value: Any) -> str:
    from rumpy.cli import show

    if isinstance(value, str):
        return show.printable(value) or "-"
    if isinstance(value, dict):
        return " ".join(f"{k.removeprefix('cs_')}={v}" for k, v in value.items())
    if name in ("free_fragments", "used_inodes"):
        return " ".join(f"{a}-{b}" if a != b else str(a) for a, b in value) or "-"
    if isinstance(value, list):
        return " ".join(map(str, value))
    if name.endswith("magic"):
        return hex(value)
    if name == "mode":
        import stat

        return f"{value:06o} {stat.filemode(value)}"
    if name.endswith("_time"):
        return f"{value} ({show.exact_date(value * 10**9)})"
    return str(value)
