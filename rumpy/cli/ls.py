# SPDX-License-Identifier: BSD-2-Clause
"""rumpy ls: list directories of an image."""

from __future__ import annotations

import stat as _stat

import click

from rumpy.cli import images, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rumpy.path import KernelPath


@click.command("ls", short_help="List directories of an image.")
@images.driver_option
@images.place_options
@click.option("-l", "long", is_flag=True, help="Modes, owners, sizes, dates too.")
@click.option("-a", "all_", is_flag=True, help="Names that start with a dot too.")
@click.option("-d", "itself", is_flag=True, help="The directory and not its contents.")
@click.option("-F", "classify", is_flag=True, help="Mark directories, links, programs.")
@click.option("-i", "inodes", is_flag=True, help="Inode numbers too.")
@click.option("-h", "human", is_flag=True, help="Sizes as 4.0K, 1.5M.")
@click.argument("images_", metavar="IMAGE[:PATH]...", nargs=-1, required=True)
def command(
    images_: tuple[str, ...],
    driver: str | None,
    offset: str | None,
    partition: str | None,
    **style: bool,
) -> int:
    """List what is at PATH (default the root) of IMAGE, without mounting it.

    Names go to standard output, one a line.
    """
    many = len(images_) > 1
    failed = 0
    for image, paths in images.groups(images_).items():
        with images.opened(
            image, driver=driver, offset=offset, partition=partition
        ) as root:
            for path in paths:
                failed |= show_path(root / path, f"{image}:{path}", many, style)
    return failed


def show_path(path: KernelPath, title: str, many: bool, style: dict[str, bool]) -> int:
    """List a directory or one file; 1 if it can't be."""
    from rumpy.cli.group import complain

    try:
        status = path.lstat()
        if not _stat.S_ISDIR(status.st_mode) or style["itself"]:
            lines = [(path.name or "/", status)]
        else:
            with path.process.scandir(str(path)) as found:
                lines = [(e.name, e.stat(follow_symlinks=False)) for e in found]
    except OSError as error:
        complain(f"{show.printable(title)}: {error.strerror}")
        return 1
    if not style["all_"] and not style["itself"]:
        lines = [line for line in lines if not line[0].startswith(".")]
    lines.sort()
    if many:
        click.echo(f"{show.printable(title)}:")
    _print(path, lines, style)
    return 0


def _print(
    path: KernelPath, lines: list[tuple[str, Any]], style: dict[str, bool]
) -> None:
    rows = [_row(path, name, status, style) for name, status in lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1
    output = []
    for row in rows:
        cells = [
            cell.ljust(width) if index in (last, 1) else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        output.append(" ".join(cells).rstrip() + "\n")
    click.echo("".join(output), nl=False)


def _row(path: KernelPath, name: str, status: Any, style: dict[str, bool]) -> list[str]:
    label = show.printable(name)
    if style["classify"]:
        label += show.mark(status.st_mode)
    row = [str(status.st_ino)] if style["inodes"] else []
    if not style["long"]:
        return [*row, label]
    if _stat.S_ISLNK(status.st_mode):
        at = path / name if path.is_dir() and path.name != name else path
        label += f" -> {show.printable(str(at.readlink()))}"
    length = show.size_or_device(status)
    if style["human"] and _stat.S_ISREG(status.st_mode):
        length = show.size(status.st_size)
    return [
        *row,
        _stat.filemode(status.st_mode),
        str(status.st_nlink),
        str(status.st_uid),
        str(status.st_gid),
        length,
        show.date(status.st_mtime_ns),
        label,
    ]
