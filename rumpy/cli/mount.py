# SPDX-License-Identifier: BSD-2-Clause
"""rumpy mount: mount an image on a directory of the host."""

from __future__ import annotations

import click

from rumpy.cli import images


@click.command("mount", short_help="Mount an image on a directory of the host.")
@images.driver_option
@click.option(
    "-o",
    "options",
    metavar="OPTION,...",
    multiple=True,
    help="ro, allow_other, fakeroot, uid=, gid=, offset=, partition=,"
    " overlay[=FILE], server=native|fusepy, and the driver's: sync, noatime, log ...",
)
@click.option("-f", "--foreground", is_flag=True, help="Serve until unmounted.")
@click.argument("arguments", metavar="[DRIVER] IMAGE MOUNTPOINT", nargs=-1)
def command(
    arguments: tuple[str, ...],
    driver: str | None,
    options: tuple[str, ...],
    foreground: bool,
) -> int:
    """Mount IMAGE on MOUNTPOINT, a directory of the host.

    IMAGE is `none` for a DRIVER that needs no disk, such as tmpfs.

    Returns when the mount is live, or says why it is not.  An ordinary user's
    mount shows all files as the user's own (`fakeroot`), unless allow_other is
    given; root's mounts are nosuid,nodev unless asked otherwise.
    """
    if len(arguments) == 3:
        if driver is not None:
            raise click.UsageError("DRIVER is given twice")
        driver, image, mountpoint = arguments
    elif len(arguments) == 2:
        image, mountpoint = arguments
    else:
        raise click.UsageError("expected [DRIVER] IMAGE MOUNTPOINT")
    from rumpy.cli.group import complain
    from rumpy.fuse import Options, mount

    try:
        wanted = Options.parse(",".join(options)).checked()
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    live = mount(
        driver,
        image,
        mountpoint,
        wanted,
        foreground=foreground,
        netbsd=images.netbsd_release(),
        missing=images.missing(),
    )
    if not foreground:
        for warning in live.warnings:
            complain(warning)
    return 0
