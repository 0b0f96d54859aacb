# SPDX-License-Identifier: BSD-2-Clause
"""rumpy stat: print the attributes of files of an image."""

from __future__ import annotations

import stat as _stat

import click

from rumpy.cli import images, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rumpy.path import KernelPath

_KINDS = {
    _stat.S_IFREG: "regular file",
    _stat.S_IFDIR: "directory",
    _stat.S_IFLNK: "symbolic link",
    _stat.S_IFIFO: "FIFO",
    _stat.S_IFSOCK: "socket",
    _stat.S_IFBLK: "block device",
    _stat.S_IFCHR: "character device",
}
_MEMBERS = (
    "mode ino dev nlink uid gid rdev size blocks blksize flags gen"
    " atime_ns mtime_ns ctime_ns birthtime_ns"
)


@click.command("stat", short_help="Print the attributes of files of an image.")
@images.driver_option
@images.place_options
@click.option("-L", "follow", is_flag=True, help="Follow symbolic links.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.argument("files", metavar="IMAGE:PATH...", nargs=-1, required=True)
def command(
    files: tuple[str, ...],
    driver: str | None,
    offset: str | None,
    partition: str | None,
    follow: bool,
    as_json: bool,
) -> int:
    """Print every attribute of files of IMAGE."""
    from rumpy.cli.group import complain

    failed = 0
    for image, paths in images.groups(files).items():
        with images.opened(
            image, driver=driver, offset=offset, partition=partition
        ) as root:
            for name in paths:
                path = root / name
                try:
                    status = path.stat(follow_symlinks=follow)
                    text = _json(path, status) if as_json else _text(path, status)
                except OSError as error:
                    complain(f"{image}:{name}: {error.strerror}")
                    failed = 1
                    continue
                click.echo(text)
    return failed


def print_status(path: KernelPath) -> None:
    """Print the attributes of one file."""
    click.echo(_text(path, path.lstat()))


def _target(path: KernelPath, status: Any) -> str | None:
    if not _stat.S_ISLNK(status.st_mode):
        return None
    return str(path.process.readlink(str(path)))


def _json(path: KernelPath, status: Any) -> str:
    import json

    values: dict[str, Any] = {"path": str(path)}
    values |= {n: getattr(status, f"st_{n}") for n in _MEMBERS.split()}
    values["target"] = _target(path, status)
    return json.dumps(values)


def _text(path: KernelPath, status: Any) -> str:
    kind = _KINDS.get(_stat.S_IFMT(status.st_mode), f"type {status.st_mode:#o}")
    name = show.printable(str(path))
    target = _target(path, status)
    if target is not None:
        name += f" -> {show.printable(target)}"
    mode = f"{_stat.S_IMODE(status.st_mode):04o}/{_stat.filemode(status.st_mode)}"
    lines = [
        f"  File: {name}",
        f"  Type: {kind}   Size: {show.size_or_device(status)}"
        f"   Blocks: {status.st_blocks}   Block size: {status.st_blksize}",
        f" Inode: {status.st_ino}   Links: {status.st_nlink}"
        f"   Generation: {status.st_gen}",
        f"  Mode: {mode}   Uid: {status.st_uid}   Gid: {status.st_gid}"
        f"   Flags: {show.flags(status.st_flags)}",
        f"Access: {show.exact_date(status.st_atime_ns)}",
        f"Modify: {show.exact_date(status.st_mtime_ns)}",
        f"Change: {show.exact_date(status.st_ctime_ns)}",
        f" Birth: {show.exact_date(status.st_birthtime_ns)}",
    ]
    return "\n".join(lines)
