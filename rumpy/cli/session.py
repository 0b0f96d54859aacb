# SPDX-License-Identifier: BSD-2-Clause
"""What `rumpy run` and `rumpy python` share: a booted kernel with mounts."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

import click

from rumpy.cli import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])


def options(function: F) -> F:
    """--load, --mount, --netbsd, --missing, --memory and --verbose."""
    for option in (
        images.netbsd_option,
        click.option("-v", "--verbose", is_flag=True, help="Show the console."),
        click.option(
            "--memory",
            metavar="BYTES",
            callback=images.is_size,
            help="Memory limit; 64M.",
        ),
        click.option(
            "-m",
            "--mount",
            "mounts",
            metavar="IMAGE:DIR",
            multiple=True,
            help="Mount an image on a directory of the kernel.",
        ),
        click.option(
            "-l", "--load", "modules", metavar="MODULE", multiple=True, help="Load."
        ),
    ):
        function = option(function)
    return function


@contextmanager
def booted(
    modules: tuple[str, ...],
    mounts: tuple[str, ...],
    memory: str | None,
    verbose: bool,
) -> Iterator[dict[str, Any]]:
    """The names a script or a prompt starts with: `k`, `rumpy`, `mnt`."""
    import rumpy
    from rumpy.linker import release_of
    from rumpy.probe import choose, parse_size
    from rumpy.store import major_of, qualify

    if verbose:
        import logging

        logging.basicConfig(level=logging.INFO, format="%(message)s")
    limit = parse_size(memory) if memory else None
    with ExitStack() as stack:
        release = images.netbsd_release()
        drivers = [qualify(name, release) if release else name for name in modules]
        k = stack.enter_context(
            rumpy.Kernel(
                netbsd=release_of(drivers[0]) if drivers else major_of(release),
                memory=limit,
                verbose=verbose,
            )
        )
        for driver in drivers:
            k.load(driver, missing=images.missing())
        names: dict[str, Any] = {"k": k, "rumpy": rumpy}
        for argument in mounts:
            image, colon, where = argument.rpartition(":")
            if not colon or not where.startswith("/"):
                raise click.UsageError(f"{argument}: not IMAGE:DIR")
            choice = choose(image, netbsd=release)
            module = k.load(choice.driver, missing=images.missing())
            kind = choice.type or module.name
            names["mnt"] = stack.enter_context(k.mount(kind, image, where))
        yield names
