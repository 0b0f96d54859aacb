# SPDX-License-Identifier: BSD-2-Clause
"""What verbs that look into an image share: arguments, kernel, mount.

IMAGE[:PATH] names a file inside an image.  The image is what exists on the
host: `disk.img:/etc/passwd`; a name with a colon in it works as well, since the
longest prefix that is a file wins.
"""

from __future__ import annotations

import os
from contextlib import contextmanager

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    from rumpy.path import KernelPath

    F = TypeVar("F", bound=Callable[..., Any])

MOUNTPOINT = "/image"


def split(argument: str) -> tuple[str, str]:
    """The image's name and the path inside it ("/" where there is none).

    Raises:
        click.UsageError: no such image.
    """
    image, path = argument, ""
    while not os.path.exists(image):
        image, colon, tail = image.rpartition(":")
        if not colon or not image:
            name = argument.partition(":")[0]
            raise click.UsageError(f"{name}: no such image")
        path = f"{tail}:{path}" if path else tail
    return image, "/" + path.lstrip("/")


def is_inside(argument: str) -> bool:
    """Whether the argument means a file inside an image."""
    if os.path.exists(argument) or ":" not in argument:
        return False
    image = argument
    while ":" in image:
        image = image.rpartition(":")[0]
        if image and os.path.exists(image) and not os.path.isdir(image):
            return True
    return False


def driver_option(function: F) -> F:
    """-t/--driver and --netbsd, for every verb that takes an image."""
    decorate = click.option(
        "-t",
        "--driver",
        metavar="DRIVER",
        help="Path of a .kmod (with a '/' or ending in .kmod) or name of a driver;"
        " netbsd:NAME is NetBSD's; found from the image when left out.",
    )
    return decorate(netbsd_option(function))


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    ctx.meta[f"rumpy.{parameter.name}"] = value


def _remembered(name: str) -> str | None:
    context = click.get_current_context(silent=True)
    value = context.meta.get(f"rumpy.{name}") if context is not None else None
    return value if value is None else str(value)


def netbsd_option(function: F) -> F:
    """--netbsd and --missing; netbsd_release() and missing() have their values."""
    for option in (
        click.option(
            "--missing",
            type=click.Choice(["strict", "trap"]),
            expose_value=False,
            callback=_remember,
            help="trap: load a driver that needs functions which are not here;"
            " the first call of one is a panic.",
        ),
        click.option(
            "--netbsd",
            metavar="VERSION",
            expose_value=False,
            callback=_remember,
            help="Use NetBSD's own drivers, of this release; see `rumpy modules`.",
        ),
    ):
        function = option(function)
    return function


def netbsd_release() -> str | None:
    """What --netbsd said, in the verb that runs."""
    return _remembered("netbsd")


def missing() -> str:
    """What --missing said, in the verb that runs."""
    return _remembered("missing") or "strict"


def is_size(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse an option's value that is no size of bytes."""
    from rumpy.probe import parse_size

    try:
        if value is not None and not 0 <= parse_size(value) < 1 << 63:
            raise ValueError(f"not a size: {value!r}")
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return value


def place_options(function: F) -> F:
    """--offset and --partition: where in the image the file system is."""
    function = click.option(
        "--partition",
        metavar="N|LETTER",
        help="Which partition of a whole disk (see `rumpy info`).",
    )(function)
    return click.option(
        "--offset",
        metavar="BYTES",
        callback=is_size,
        help="Where the file system starts; 63s, 1k, 4M.",
    )(function)


def place(
    image: str, offset: str | None, partition: str | None
) -> tuple[int, int | None]:
    """Where on a disk --offset and --partition say: bytes, and how many or None.

    Raises:
        ValueError: there is no such partition.
    """
    from rumpy.probe import find_partition, parse_size, probe

    start = parse_size(offset) if offset else 0
    if partition is None:
        return start, None
    found = find_partition(probe(image, start), partition, image)
    return found.offset, found.size


@contextmanager
def opened(
    image: str,
    *,
    driver: str | None = None,
    write: bool = False,
    offset: str | None = None,
    partition: str | None = None,
) -> Iterator[KernelPath]:
    """Mount an image in a kernel of its own; its root directory.

    Raises:
        RumpyError, OSError: it can't be mounted; the text says why.
    """
    from rumpy.probe import choose

    choice = choose(
        image,
        driver=driver,
        offset=offset,
        partition=partition,
        netbsd=netbsd_release(),
    )
    from rumpy.kernel import Kernel
    from rumpy.linker import release_of

    with Kernel(netbsd=release_of(choice.driver)) as k:
        module = k.load(choice.driver, missing=missing())
        with (
            k.mount(
                choice.type or module.name,
                image,
                MOUNTPOINT,
                *(() if write else ("ro",)),
                offset=choice.offset,
                size=choice.size,
            ),
            k.process() as inside,
        ):
            # Absolute symbolic links of the image mean the image's root.
            inside.chroot(MOUNTPOINT)
            inside.chdir("/")
            yield inside.path("/")


def groups(arguments: tuple[str, ...]) -> dict[str, list[str]]:
    """IMAGE:PATH arguments by image, so that each is mounted once."""
    found: dict[str, list[str]] = {}
    for argument in arguments:
        image, path = split(argument)
        found.setdefault(image, []).append(path)
    return found
