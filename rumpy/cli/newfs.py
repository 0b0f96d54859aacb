# SPDX-License-Identifier: BSD-2-Clause
"""rumpy newfs: make a file system in an image."""

from __future__ import annotations

import click

from rumpy.cli import images, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from rumpy.ffstools import Made

    F = TypeVar("F", bound=Callable[..., Any])


def _owner(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int | None, int | None]:
    """UID[:GID] as numbers."""
    if value is None:
        return None, None
    user, _, group = value.partition(":")
    try:
        return (int(user) if user else None), (int(group) if group else None)
    except ValueError:
        raise click.BadParameter("UID:GID, as numbers") from None


def _size(*names: str, help: str) -> Callable[[F], F]:
    """An option that is a number of bytes."""
    return click.option(*names, metavar="BYTES", callback=images.is_size, help=help)


@click.command("newfs", short_help="Make a file system in an image.")
@images.place_options
@_size(
    "-s",
    "--size",
    help="Size of the file system; 64M. The image is made if it does not exist.",
)
@click.option(
    "-O",
    "--format",
    "version",
    type=click.Choice(["1", "2", "2ea"]),
    default="2",
    show_default=True,
    help="FFSv1, FFSv2, or FFSv2 with NetBSD 10's extended attributes.",
)
@click.option(
    "-B",
    "--byte-order",
    "order",
    type=click.Choice(["le", "be"]),
    default="le",
    show_default=True,
)
@_size("-b", "--block-size", help="4k to 64k; chosen by size.")
@_size("-f", "--frag-size", help="A block to an eighth of it.")
@_size("-i", "--density", help="Bytes for each inode; four fragments.")
@click.option("-n", "--inodes", type=click.IntRange(0), help="At least so many.")
@click.option(
    "-m",
    "--minfree",
    metavar="PERCENT",
    type=click.IntRange(0, 50),
    default=5,
    show_default=True,
    help="Reserve.",
)
@click.option(
    "-o",
    "--optimize",
    type=click.Choice(["time", "space"]),
    default="time",
    show_default=True,
)
@click.option("-L", "--label", default="", help="Volume name.")
@click.option(
    "--populate",
    metavar="DIR|TAR",
    type=click.Path(exists=True),
    help="Put a directory or an archive in; the size is computed if -s is left out.",
)
@_size("--free", help="To leave free when the size is computed.")
@click.option(
    "--owner", metavar="UID:GID", callback=_owner, help="Of all that is put in."
)
@click.option(
    "--date",
    metavar="SECONDS",
    type=int,
    help="Since 1970: of the file system, and the latest of any file. Makes the"
    " image reproducible. Default: SOURCE_DATE_EPOCH, else now.",
)
@_size("--log", help="Room for a journal (WAPBL) inside.")
@click.option(
    "--superblock",
    metavar="BYTE",
    type=click.Choice(["0", "8192", "65536", "262144"]),
    help="Where it lies; 8192 with FFSv1, 65536 with FFSv2.",
)
@click.option("--force", is_flag=True, help="Overwrite what the image holds.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.argument("image", type=click.Path(dir_okay=False))
def command(
    image: str,
    size: str | None,
    version: str,
    order: str,
    block_size: str | None,
    frag_size: str | None,
    density: str | None,
    inodes: int | None,
    minfree: int,
    optimize: str,
    label: str,
    populate: str | None,
    free: str | None,
    owner: tuple[int | None, int | None],
    date: int | None,
    log: str | None,
    superblock: str | None,
    force: bool,
    as_json: bool,
    offset: str | None,
    partition: str | None,
) -> int:
    """Make an FFS in IMAGE: a file, a partition of it, or a block device."""
    import os

    from rumpy.ffstools import newfs
    from rumpy.probe import parse_size

    def number(text: str | None) -> int:
        return parse_size(text) if text else 0

    new = not os.path.exists(image) or (
        os.path.isfile(image) and os.path.getsize(image) == 0
    )
    if size is None and populate is None and new:
        raise click.UsageError("a new image needs --size or --populate")
    if size is not None and number(size) == 0:
        raise click.UsageError("a file system of 0 bytes")
    start, length = images.place(image, offset, partition)
    made = newfs(
        image,
        size=length if size is None else number(size),
        offset=start,
        version=int(version[0]),
        attributes=version == "2ea",
        order={"le": "little", "be": "big"}[order],
        block_size=number(block_size),
        fragment_size=number(frag_size),
        density=number(density),
        inodes=inodes or 0,
        minfree=minfree,
        optimize=optimize,
        label=label,
        date=date,
        populate=populate,
        free=number(free),
        log=number(log),
        superblock=int(superblock) if superblock else None,
        owner=owner,
        force=force,
    )
    _print(image, made, f"FFSv{version} {order}", as_json)
    if made.changed:
        from rumpy.cli.group import complain

        complain(f"{made.changed} files changed while they were copied")
        return 1
    return 0


def _print(image: str, made: Made, kind: str, as_json: bool) -> None:
    if as_json:
        import dataclasses
        import json

        click.echo(json.dumps({"image": image} | dataclasses.asdict(made)))
        return
    click.echo(
        f"{image}: {kind}, {show.size(made.size)}, blocks of {made.block_size}/"
        f"{made.fragment_size}, {made.groups} groups, {made.used_inodes} of"
        f" {made.inodes} inodes used, {show.size(made.free)} free"
    )
