# SPDX-License-Identifier: BSD-2-Clause
"""rumpy run: a Python script with a booted kernel."""

from __future__ import annotations

import sys

import click

from rumpy.cli import session


@click.command(
    "run",
    short_help="Run a Python script with a booted kernel `k`.",
    context_settings={"ignore_unknown_options": True},
)
@session.options
@click.argument("script", type=click.Path(exists=True, dir_okay=False))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    script: str,
    arguments: tuple[str, ...],
    modules: tuple[str, ...],
    mounts: tuple[str, ...],
    memory: str | None,
    verbose: bool,
) -> int:
    """Run SCRIPT with `k`, a booted kernel, among its globals.

    The script's own errors show its traceback, as python would.
    """
    import os

    with session.booted(modules, mounts, memory, verbose) as names:
        with open(script, "rb") as file:
            text = file.read()
        sys.argv = [script, *arguments]
        sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
        names |= {"__name__": "__main__", "__file__": script}
        try:
            exec(compile(text, script, "exec"), names)
        except SystemExit as end:
            return _code(end)
        except Exception:
            _show(script)
            return 1
    return 0


def _code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    click.echo(end.code, err=True)
    return 1


def _show(script: str) -> None:
    """The traceback from the script on, without our own frames."""
    import traceback

    kind, error, trace = sys.exc_info()
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    traceback.print_exception(kind, error, trace)
