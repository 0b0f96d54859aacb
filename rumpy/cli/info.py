# SPDX-License-Identifier: BSD-2-Clause
"""rumpy info: what an image is, and how to mount it."""

from __future__ import annotations

import os
import shlex

import click

from rumpy.cli import images, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.probe import Contents
    from rumpy.probe.ffs import Superblock


@click.command("info", short_help="Say what an image is, and how to mount it.")
@click.option(
    "--offset",
    metavar="BYTES",
    callback=images.is_size,
    help="Look from here on; 63s, 1k, 4M.",
)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.argument("image", type=click.Path(exists=True, dir_okay=False))
def command(image: str, offset: str | None, as_json: bool) -> int:
    """Say what IMAGE is: geometry, flavour and state of a file system, or the
    partitions of a whole disk with the command that mounts each.
    """
    from rumpy.probe import parse_size, probe

    contents = probe(image, parse_size(offset) if offset else 0)
    lines = _json(contents) if as_json else _text(image, contents)
    click.echo(lines)
    if contents.missing:
        from rumpy.cli.group import complain

        complain(f"{image}: cut off: {contents.missing} bytes of it are missing")
        return 1
    return 0 if contents.kind not in (None, "empty") else 1


def _rows(contents: Contents) -> dict[str, object]:
    rows: dict[str, object] = {"size": contents.size}
    if contents.offset:
        rows["offset"] = contents.offset
    if contents.superblock is not None:
        rows |= _superblock(contents.superblock)
    return rows


def _superblock(s: Superblock) -> dict[str, object]:
    v = s.values
    rows: dict[str, object] = {
        "block size": v["bsize"],
        "fragment size": v["fsize"],
        "file system size": s.size,
        "free": s.free,
        "inodes": s.inodes,
        "free inodes": s.free_inodes,
        "cylinder groups": v["ncg"],
        "superblock at": s.place,
        "clean": s.clean,
        "journal": s.journal or "none",
        "last written": show.exact_date(s.time * 10**9),
    }
    if s.volume:
        rows["volume"] = s.volume
    if s.mounted_on:
        rows["last mounted on"] = s.mounted_on
    return rows


_BYTES = {"size", "file system size", "free"}


def _text(image: str, contents: Contents) -> str:
    lines = [f"{image}: {contents.text}"]
    for name, value in _rows(contents).items():
        shown = (
            {True: "yes", False: "no"}.get(value, value)
            if isinstance(value, bool)
            else value
        )
        extra = (
            f" ({show.size(value)})"
            if name in _BYTES and isinstance(value, int)
            else ""
        )
        lines.append(f"  {name + ':':<18}{shown}{extra}")
    if contents.partitions:
        lines.append("  partitions:")
        lines += [f"    {line}" for line in _partitions(contents)]
    lines += _mounting(image, contents)
    return "\n".join(lines)


def _partitions(contents: Contents) -> list[str]:
    lines = [f"{'':4}{'offset':>14} {'size':>8}  {'type':<14} contents"]
    for part in contents.partitions:
        lines.append(
            f"{part.name:<4}{part.offset:>14} {show.size(part.size):>8}"
            f"  {part.type:<14} {part.contents or '-'}"
        )
    return lines


def _mounting(image: str, contents: Contents) -> list[str]:
    """The command that mounts it, or each partition that has an FFS."""
    where = os.path.splitext(os.path.basename(image))[0] or "mnt"
    name = shlex.quote(image)
    if contents.kind == "ffs":
        option = f" -o offset={contents.offset}" if contents.offset else ""
        return [f"to mount:  rumpy mount {name} /mnt/{shlex.quote(where)}{option}"]
    commands = [
        f"to mount {part.name}:  rumpy mount {name} /mnt/{shlex.quote(where)}"
        f" -o partition={part.name}"
        for part in contents.partitions
        if part.contents and "FFS" in part.contents
    ]
    return commands


def _json(contents: Contents) -> str:
    import json

    rows = {name.replace(" ", "_"): value for name, value in _rows(contents).items()}
    parts = [
        {
            "name": part.name,
            "offset": part.offset,
            "size": part.size,
            "type": part.type,
            "contents": part.contents,
        }
        for part in contents.partitions
    ]
    head = {"kind": contents.kind, "text": contents.text}
    return json.dumps(head | rows | ({"partitions": parts} if parts else {}))
