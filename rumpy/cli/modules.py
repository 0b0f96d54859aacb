# SPDX-License-Identifier: BSD-2-Clause
"""rumpy modules: NetBSD's own modules, by release."""

from __future__ import annotations

import click


@click.group(
    "modules",
    short_help="Import, list and remove NetBSD's own modules.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def command() -> None:
    """NetBSD's own modules: take them from a release, list, remove.

    A release has them in its sets: amd64/binary/sets/modules.tar.xz (or .tgz).
    Once they are imported, `-t netbsd:ffs` or `--netbsd 10.1` uses them.
    """


@command.command("import", short_help="Take a release's modules.")
@click.option("-q", "--quiet", is_flag=True, help="Never show the progress.")
@click.argument("source", metavar="ARCHIVE|DIR", type=click.Path(exists=True))
def import_(source: str, quiet: bool) -> int:
    """Take the modules of ARCHIVE (modules.tgz, modules.tar.xz) or DIR.

    Those of the same release that were there before are replaced.
    """
    import sys

    from rumpy.store import import_modules

    shown = not quiet and sys.stderr.isatty()
    count = 0

    def progress(name: str) -> None:
        nonlocal count
        count += 1
        if shown:
            click.echo(f"\r\033[K{count} {name}", nl=False, err=True)

    try:
        version, count = import_modules(source, progress=progress)
    finally:
        if shown:
            click.echo("\r\033[K", nl=False, err=True)
    click.echo(f"NetBSD {version}: {count} modules")
    return 0


@command.command("list", short_help="List what is here.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.argument("version", required=False)
def list_(version: str | None, as_json: bool) -> int:
    """List the releases that are here, or the modules of VERSION."""
    import os

    from rumpy import store

    if version is not None:
        rows = store.modules(store.folder(version))
    else:
        rows = {v: os.path.join(store.root(), v) for v in store.releases()}
    if as_json:
        import json

        click.echo(json.dumps(rows))
        return 0
    for name, path in rows.items():
        count = "" if version else f"  {len(store.modules(path))} modules"
        click.echo(f"{name}{count}  {path}")
    return 0


@command.command("remove", short_help="Remove a release's modules.")
@click.argument("version")
def remove(version: str) -> int:
    """Remove the modules of VERSION."""
    from rumpy import store

    store.remove(version)
    click.echo(f"NetBSD {version}: removed")
    return 0
