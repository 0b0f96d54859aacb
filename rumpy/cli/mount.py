# SPDX-License-Identifier: BSD-2-Clause
"""rumpy mount: mount an image on a directory of the host."""

from __future__ import annotations

import click

from rumpy.cli import options as option_text


@click.command("mount", short_help="Mount an image on a directory of the host.")
@click.option(
    "-t",
    "--driver",
    metavar="DRIVER",
    help="Path of a .kmod (with a '/' or ending in .kmod) or name of a driver;"
    " found from the image when left out.",
)
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
    try:
        wanted = option_text.parse(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    from rumpy.fuse import mount
    from rumpy.probe import choose

    choice = choose(
        image,
        driver=driver,
        offset=wanted.pop("offset", None),
        partition=wanted.pop("partition", None),
    )
    live = mount(
        image,
        mountpoint,
        driver=choice.driver,
        fstype=choice.type,
        offset=choice.offset,
        size=choice.size,
        foreground=foreground,
        **wanted,
    )
    for note in getattr(live, "notes", ()):
        click.echo(f"rumpy: {note}", err=True)
    return 0
