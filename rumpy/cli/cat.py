# SPDX-License-Identifier: BSD-2-Clause
"""rumpy cat: print files of an image."""

from __future__ import annotations

import os
import sys

import click

from rumpy.cli import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.process import Process

CHUNK = 1 << 20


@click.command("cat", short_help="Print files of an image.")
@images.driver_option
@images.place_options
@click.argument("files", metavar="IMAGE:PATH...", nargs=-1, required=True)
def command(
    files: tuple[str, ...],
    driver: str | None,
    offset: str | None,
    partition: str | None,
) -> int:
    """Write the contents of files of IMAGE to standard output."""
    failed = 0
    for image, paths in images.groups(files).items():
        with images.opened(
            image, driver=driver, offset=offset, partition=partition
        ) as root:
            for path in paths:
                failed |= _print(root.process, path, f"{image}:{path}")
    return failed


def _print(process: Process, path: str, title: str) -> int:
    from rumpy.cli.group import complain

    output = sys.stdout.buffer
    try:
        fd = process.open(path, os.O_RDONLY)
    except OSError as error:
        complain(f"{title}: {error.strerror}")
        return 1
    try:
        while True:
            try:
                data = process.read(fd, CHUNK)
            except OSError as error:
                complain(f"{title}: {error.strerror}")
                return 1
            if not data:
                break
            output.write(data)
        output.flush()
    finally:
        process.close(fd)
    return 0
