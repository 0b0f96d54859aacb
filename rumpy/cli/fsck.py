# SPDX-License-Identifier: BSD-2-Clause
"""rumpy fsck: check an FFS, and repair it.

Exit codes are those of fsck(8) of the host: 0 nothing wrong, 1 all repaired,
4 something is left, 8 could not check, 16 usage, 32 interrupted.
"""

from __future__ import annotations

import click

from rumpy.cli import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rumpy.ffstools import Report

FAILED, USAGE, INTERRUPTED = 8, 16, 32


class Usage(click.UsageError):
    """Wrong usage, with fsck's exit code for it."""

    exit_code = USAGE


class Fsck(click.Command):
    """A command whose wrong usage is fsck's exit code for it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As in click."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise Usage(error.format_message(), ctx) from None


@click.command(
    "fsck", cls=Fsck, short_help="Check a file system, and repair it if told to."
)
@images.place_options
@click.option("-n", "mode", flag_value="check", default=True, help="Only check.")
@click.option("-y", "mode", flag_value="repair", help="Repair everything.")
@click.option(
    "-p",
    "mode",
    flag_value="preen",
    help="Repair what a crash leaves; with more than that, change nothing. Skips"
    " what is marked as clean.",
)
@click.option("-f", "--force", is_flag=True, help="With -p: also what is clean.")
@click.option(
    "-b",
    "--alternate",
    metavar="SECTOR",
    type=click.IntRange(0),
    help="Use the copy of the superblock at this sector of 512 bytes; found by"
    " itself when left out.",
)
@click.option(
    "--memory",
    metavar="BYTES",
    callback=images.is_size,
    default="1G",
    show_default=True,
    help="Refuse what needs more.",
)
@click.option(
    "--progress/--no-progress",
    default=None,
    help="A progress bar; when left out, on a terminal and after a second.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Only what is wrong.")
@click.argument("image", type=click.Path(exists=True, dir_okay=False))
def command(
    image: str,
    mode: str,
    force: bool,
    alternate: int | None,
    memory: str,
    progress: bool | None,
    as_json: bool,
    quiet: bool,
    offset: str | None,
    partition: str | None,
) -> int:
    """Check the FFS in IMAGE: superblock and its copies, inodes and blocks,
    directories, the tree, link counts, cylinder groups. A dirty journal is
    replayed first, in memory unless -y or -p.

    Nothing is written before everything has been checked. Exit codes: 0 nothing
    wrong, 1 repaired, 4 something is left, 8 could not check, 16 usage, 32
    interrupted.
    """
    from rumpy.cli.group import complain, explain
    from rumpy.errors import RumpyError
    from rumpy.ffstools import fsck
    from rumpy.probe import parse_size

    try:
        start, length = images.place(image, offset, partition)
        with _bar(progress and not as_json, as_json or quiet) as show:
            report = fsck(
                image,
                mode=mode,
                offset=start,
                size=length,
                alternate=None if alternate is None else alternate * 512,
                force=force,
                memory=parse_size(memory),
                progress=show,
            )
    except (OSError, RumpyError, ValueError, MemoryError) as error:
        complain(explain(error))
        return FAILED
    except KeyboardInterrupt:
        complain("interrupted: nothing was written")
        return INTERRUPTED
    if as_json:
        click.echo(_json(image, report))
    else:
        _text(image, report, quiet)
    return report.code


class _bar:
    """A progress bar that is drawn if it is worth it."""

    def __init__(self, wanted: bool | None, silent: bool) -> None:
        import sys

        self._drawn: Any = None
        self._after = 0.0 if wanted else 1.0
        tty = sys.stderr.isatty()
        self._active = bool(wanted) or (wanted is None and tty and not silent)

    def __enter__(self) -> Callable[[int, int, int], None] | None:
        import time

        self._start = time.monotonic()
        return self._show if self._active else None

    def _show(self, phase: int, done: int, total: int) -> None:
        import time

        if self._drawn is None:
            if time.monotonic() - self._start < self._after:
                return
            from rich.console import Console
            from rich.progress import Progress

            self._drawn = Progress(console=Console(stderr=True), transient=True)
            self._drawn.start()
            self._task = self._drawn.add_task("")
        from rumpy.ffstools.checking import PHASES

        self._drawn.update(
            self._task,
            description=PHASES[phase],
            completed=done,
            total=total or None,
        )

    def __exit__(self, *exception: object) -> None:
        if self._drawn is not None:
            self._drawn.stop()


def _json(image: str, report: Report) -> str:
    import dataclasses
    import json

    values = {"image": image} | dataclasses.asdict(report)
    return json.dumps(values | {"clean": report.clean, "code": report.code})


def _text(image: str, report: Report, quiet: bool) -> None:
    from rumpy.cli import show

    for problem in report.problems:
        where = f"inode {problem.inode}: " if problem.inode else ""
        left = "" if problem.repairable else " (can't be repaired)"
        click.echo(f"{image}: {where}{show.printable(problem.text)}{left}")
    if report.count > len(report.problems):
        click.echo(f"{image}: and {report.count - len(report.problems)} more")
    if quiet and report.clean:
        return
    for note in report.notes:
        click.echo(f"{image}: {note}")
    click.echo(f"{image}: {_verdict(report)}")


def _verdict(report: Report) -> str:
    if report.skipped:
        return "marked as clean (-f checks it all the same)"
    what = f"{report.files} files, {report.directories} directories"
    if report.clean:
        return f"clean; {what}"
    plural = "problem" if report.count == 1 else "problems"
    if report.repaired and not report.unrepairable:
        return f"{report.count} {plural} repaired; {what}"
    if report.repaired:
        return f"{report.count} {plural}, {report.unrepairable} of them left; {what}"
    return f"{report.count} {plural}, nothing changed; {what}"
