# SPDX-License-Identifier: BSD-2-Clause
"""rumpy mounts: what is mounted."""

from __future__ import annotations

import click

from rumpy.cli.show import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.fuse import MountInfo


@click.command("mounts", short_help="List what rumpy has mounted.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(as_json: bool) -> int:
    """List the live mounts of this user: image, directory, driver, options."""
    from rumpy.fuse import mounts

    for mount in mounts():
        if as_json:
            import json

            click.echo(json.dumps({name: getattr(mount, name) for name in FIELDS}))
        else:
            image, place = printable(mount.image), printable(mount.mountpoint)
            click.echo(
                f"{image} on {place} type {mount.driver}"
                f" ({mount.options or 'rw'}), {_server(mount)}"
            )
    return 0


FIELDS = ("image", "mountpoint", "driver", "options", "pid", "state", "detail")


def _server(mount: MountInfo) -> str:
    if mount.state == "live":
        return f"server {mount.pid}"
    return f"{mount.state}{': ' + mount.detail if mount.detail else ''}"
