# SPDX-License-Identifier: BSD-2-Clause
"""rumpy tree: list directories of an image and all below them."""

from __future__ import annotations

import click

from rumpy.cli import images, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rumpy.path import KernelPath
    from rumpy.process import DirEntry


@click.command("tree", short_help="List directories of an image and all below.")
@images.driver_option
@images.place_options
@click.option("-a", "all_", is_flag=True, help="Names that start with a dot too.")
@click.option("-d", "dirs_only", is_flag=True, help="Directories only.")
@click.option("-L", "depth", type=click.IntRange(min=1), help="At most so deep.")
@click.option("-s", "sizes", is_flag=True, help="Sizes too.")
@click.argument("image", metavar="IMAGE[:PATH]")
def command(
    image: str,
    driver: str | None,
    offset: str | None,
    partition: str | None,
    all_: bool,
    dirs_only: bool,
    depth: int | None,
    sizes: bool,
) -> int:
    """Draw the tree below PATH of IMAGE.

    The summary goes to standard error.
    """
    name, path = images.split(image)
    walk = _Walk(all_, dirs_only, depth, sizes)
    with images.opened(name, driver=driver, offset=offset, partition=partition) as root:
        click.echo(image)
        for line in walk.below(root / path, "", 1):
            click.echo(line)
    click.echo(f"{walk.dirs} directories, {walk.files} other files", err=True)
    return 1 if walk.failed else 0


class _Walk:
    """One drawing: the options, and what has been counted."""

    def __init__(
        self, all_: bool, dirs_only: bool, depth: int | None, sizes: bool
    ) -> None:
        self.all = all_
        self.dirs_only = dirs_only
        self.depth = depth
        self.sizes = sizes
        self.dirs = self.files = 0
        self.failed = False

    def below(self, path: KernelPath, indent: str, level: int) -> Iterator[str]:
        """The lines for everything below one directory."""
        entries = self._entries(path)
        for entry in entries:
            last = entry is entries[-1]
            is_dir = entry.is_dir(follow_symlinks=False)
            self.dirs += is_dir
            self.files += not is_dir
            yield f"{indent}{'└── ' if last else '├── '}{self._label(entry)}"
            if is_dir and (self.depth is None or level < self.depth):
                more = indent + ("    " if last else "│   ")
                yield from self.below(path / entry.name, more, level + 1)

    def _entries(self, path: KernelPath) -> list[DirEntry]:
        from rumpy.cli.group import complain

        try:
            with path.process.scandir(str(path), stats=self.sizes) as found:
                entries = sorted(found, key=lambda e: e.name)
        except OSError as error:
            complain(f"{show.printable(str(path))}: {error.strerror}")
            self.failed = True
            return []
        return [
            e
            for e in entries
            if (self.all or not e.name.startswith("."))
            and (not self.dirs_only or e.is_dir(follow_symlinks=False))
        ]

    def _label(self, entry: DirEntry) -> str:
        text = show.printable(entry.name)
        if self.sizes:
            length = show.size(entry.stat(follow_symlinks=False).st_size)
            text = f"[{length:>5}]  {text}"
        if entry.is_symlink():
            target = entry._process.readlink(entry.path)
            text += f" -> {show.printable(target)}"
        return text
