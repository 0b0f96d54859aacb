# SPDX-License-Identifier: BSD-2-Clause
"""rumpy python: a prompt with a booted kernel."""

from __future__ import annotations

import sys

import click

from rumpy.cli import session


@click.command("python", short_help="A Python prompt with a booted kernel `k`.")
@session.options
@click.option("-c", "program", metavar="CODE", help="Run this instead of a prompt.")
def command(
    modules: tuple[str, ...],
    mounts: tuple[str, ...],
    memory: str | None,
    verbose: bool,
    program: str | None,
) -> int:
    """Start Python with `k`, a booted kernel; `mnt` is the last --mount."""
    with session.booted(modules, mounts, memory, verbose) as names:
        names["__name__"] = "__main__"
        if program is not None:
            return _run(program, names)
        import code
        from contextlib import suppress

        with suppress(ImportError):
            import readline  # noqa: F401  (line editing, by being imported)
        banner = f"Python {sys.version.split()[0]}; k = {names['k']!r}"
        code.interact(banner, local=names, exitmsg="")
    return 0


def _run(program: str, names: dict[str, object]) -> int:
    import traceback

    try:
        exec(compile(program, "<string>", "exec"), names)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except Exception:
        kind, error, trace = sys.exc_info()
        traceback.print_exception(kind, error, trace.tb_next if trace else None)
        return 1
    return 0
