# SPDX-License-Identifier: BSD-2-Clause
"""How the process of a command starts and ends, without work that nobody needs.

Of the time of `rumpy ls` a third was importing what click might want, looking
for garbage among modules, and freeing each of their objects at the end.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Objects to be made before garbage is looked for; a start makes a fifth of them.
_MANY = 100_000

#: What runs a program, and wants to go on when that has ended.
_WATCHERS = ("bdb", "cProfile", "coverage", "profile", "trace")


class Inspect(type(sys)):  # type: ignore[misc]  # types.ModuleType
    """Stands for the module inspect until something of it is asked for.

    click cleans every option's help with it, and a help of one line is clean.
    With inspect come the modules of Python's grammar: ast, dis, tokenize.
    """

    def __init__(self) -> None:
        super().__init__("inspect")

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get("inspect") is self:
            del sys.modules["inspect"]
        return getattr(__import__("inspect"), name)

    def cleandoc(self, doc: str) -> str:
        """As inspect.cleandoc."""
        if doc and doc.isprintable() and doc[0] != " ":
            return doc
        text: str = self.__getattr__("cleandoc")(doc)
        return text


def import_less() -> None:
    """Have inspect imported only if it is used."""
    sys.modules.setdefault("inspect", Inspect())


def collect_less() -> None:
    """Look for garbage only where there may be a lot of it."""
    import gc

    gc.set_threshold(_MANY, 20, 20)


def open_streams() -> None:
    """Give a command without standard streams some (`>&-`, some cron jobs).

    Else the next file that is opened, such as the image, is what messages go
    to.  Nothing can be written to such a stdout, and that is an error.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    import os

    for number, name, mode in (
        (0, "stdin", "r"),
        (1, "stdout", "w"),
        (2, "stderr", "w"),
    ):
        if getattr(sys, name) is None:
            flags = os.O_WRONLY if name == "stderr" else os.O_RDONLY
            fd = os.open(os.devnull, flags)
            if fd != number:
                os.dup2(fd, number)
                os.close(fd)
            stream = open(number, mode, closefd=False)  # noqa: SIM115  # until the end
            setattr(sys, name, stream)


def leave(code: int) -> None:
    """End the process: as Python does, but without freeing every object.

    Threads are waited for, functions of atexit run, and streams flushed.

    Returns where something is amiss, or somebody wants to go on; then the
    caller ends in the usual way.
    """
    import atexit
    import os

    if sys.flags.interactive or any(name in sys.modules for name in _WATCHERS):
        return
    try:
        threading = sys.modules.get("threading")
        if threading is not None:
            threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        return  # and Python complains about it once more, as it always does
    os._exit(code)
