# SPDX-License-Identifier: BSD-2-Clause
"""rumpy umount: unmount, and wait until the image is complete."""

from __future__ import annotations

import click


@click.command("umount", short_help="Unmount, and wait until the image is complete.")
@click.option("-l", "--lazy", is_flag=True, help="Even if files are open there.")
@click.argument("mountpoints", metavar="MOUNTPOINT...", nargs=-1, required=True)
def command(mountpoints: tuple[str, ...], lazy: bool) -> int:
    """Unmount what `rumpy mount` has mounted on MOUNTPOINT.

    Returns when the server has gone and the image is synced.  Also cleans a
    mount point whose server was killed.
    """
    from rumpy.cli.group import complain, explain
    from rumpy.errors import RumpyError
    from rumpy.fuse import umount

    failed = 0
    for mountpoint in mountpoints:
        try:
            umount(mountpoint, lazy=lazy)
        except (OSError, RumpyError) as error:
            complain(explain(error))
            failed = 1
    return failed
