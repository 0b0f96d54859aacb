# SPDX-License-Identifier: BSD-2-Clause
"""rumpy cp: copy files between the host and an image, both ways."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

import click

from rumpy.cli import images, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rumpy.path import KernelPath

#: Draw a bar for more than this many bytes.
BAR_BYTES = 8 << 20


@click.command("cp", short_help="Copy files between the host and an image.")
@images.driver_option
@images.place_options
@click.option("-r", "-R", "-a", "recursive", is_flag=True, help="Directories too.")
@click.option("-q", "--quiet", is_flag=True, help="Never draw a progress bar.")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.argument("target", metavar="TARGET")
def command(
    sources: tuple[str, ...],
    target: str,
    driver: str | None,
    offset: str | None,
    partition: str | None,
    recursive: bool,
    quiet: bool,
) -> int:
    """Copy SOURCE to TARGET, one side of which is IMAGE:PATH.

    Keeps modes, times, owners where permitted, links and holes.
    """
    inward = images.is_inside(target)
    outward = [images.is_inside(s) for s in sources]
    if inward == any(outward) or (any(outward) and not all(outward)):
        raise click.UsageError(
            "one side has to be IMAGE:PATH and the other a path of the host"
        )
    if inward:
        image, path = images.split(target)
        with images.opened(
            image, write=True, driver=driver, offset=offset, partition=partition
        ) as root:
            return _copy_in(sources, root / path, recursive, quiet)
    _need_directory(target, len(sources))
    failed = 0
    for image, paths in images.groups(sources).items():
        with images.opened(
            image, driver=driver, offset=offset, partition=partition
        ) as root:
            failed |= _copy_out(root, paths, target, recursive, quiet)
    return failed


def _need_directory(target: str, count: int) -> None:
    if count > 1 and not os.path.isdir(target):
        raise click.UsageError(f"{target} is no directory")


def _copy_in(
    sources: tuple[str, ...], target: KernelPath, recursive: bool, quiet: bool
) -> int:
    from rumpy.transfer import upload

    if len(sources) > 1 and not target.is_dir():
        raise click.UsageError(f"{target} is no directory of the image")
    failed = 0
    total = sum(map(_host_size, sources))
    with _bar(total, quiet) as progress:
        for source in sources:
            if os.path.isdir(source) and not recursive:
                failed |= _directory(source)
                continue
            report = _Report()
            upload(target.process, source, target, progress=progress, report=report)
            failed |= report.failed
    return failed


def _copy_out(
    root: KernelPath, paths: list[str], target: str, recursive: bool, quiet: bool
) -> int:
    from rumpy.transfer import download

    failed = 0
    total = sum(_kernel_size(root / p) for p in paths)
    with _bar(total, quiet) as progress:
        for path in paths:
            if (root / path).is_dir() and not recursive:
                failed |= _directory(path)
                continue
            report = _Report()
            download(root.process, path, target, progress=progress, report=report)
            failed |= report.failed
    return failed


class _Report:
    """Says what could not be copied; the rest goes on."""

    def __init__(self) -> None:
        self.failed = 0

    def __call__(self, name: str, error: OSError) -> None:
        from rumpy.cli.group import complain

        complain(f"{show.printable(name)}: {error.strerror}")
        self.failed = 1


def _directory(name: str) -> int:
    from rumpy.cli.group import complain

    complain(f"{name} is a directory (-r copies it)")
    return 1


def _host_size(path: str) -> int:
    total = 0
    if not os.path.isdir(path):
        return os.lstat(path).st_size
    for top, _, files in os.walk(path):
        total += sum(os.lstat(os.path.join(top, name)).st_size for name in files)
    return total


def _kernel_size(path: KernelPath) -> int:
    status = path.lstat()
    if not path.is_dir():
        return int(status.st_size)
    total = 0
    for top, _, _ in path.walk():
        with path.process.scandir(str(top)) as found:
            total += sum(e.stat(follow_symlinks=False).st_size for e in found)
    return total


@contextmanager
def _bar(total: int, quiet: bool) -> Iterator[Callable[[str, int], object] | None]:
    """A progress bar on a terminal, where there is enough to wait for."""
    if quiet or total < BAR_BYTES or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("copying", total=total)
        yield lambda name, count: progress.update(task, advance=count)
