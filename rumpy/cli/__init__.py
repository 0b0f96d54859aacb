# SPDX-License-Identifier: BSD-2-Clause
"""The `rumpy` command.

One file for each verb, loaded when it is asked for.  Data goes to stdout,
messages to stderr; exit codes are 0, 1 (failed) and 2 (usage); users see no
tracebacks, unless RUMPY_TRACEBACK is set.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: Verb -> its line in `rumpy --help`; the file of the same name has `command`.
VERBS = {
    "cat": "Print files of an image.",
    "cp": "Copy files between the host and an image, both ways.",
    "demo": "Take a real FFS image, change it, and show that it stayed changed.",
    "dumpfs": "Print the superblock and groups of an FFS.",
    "fsck": "Check a file system, and repair it if told to.",
    "info": "Say what an image is, and how to mount it.",
    "ls": "List directories of an image.",
    "modinfo": "Say what a kernel module needs and offers.",
    "modules": "Import, list and remove NetBSD's own modules.",
    "mount": "Mount an image on a directory of the host.",
    "mounts": "List what rumpy has mounted.",
    "newfs": "Make a file system in an image.",
    "python": "A Python prompt with a booted kernel `k`.",
    "run": "Run a Python script with a booted kernel `k`.",
    "shell": "A prompt inside an image.",
    "stat": "Print the attributes of files of an image.",
    "tree": "List directories of an image and all below them.",
    "umount": "Unmount, and wait until the image is complete.",
}


#: Verbs that run their user's code: it may need the whole end of a process.
_FOREIGN = ("python", "run")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    from rumpy.cli.start import import_less, open_streams

    open_streams()
    import_less()
    from rumpy.cli.group import run

    return run(sys.argv[1:] if arguments is None else list(arguments))


def program() -> int:
    """What the installed command runs: main(), and then the process ends."""
    from rumpy.cli.start import collect_less, leave

    collect_less()
    code = main()
    if not any(verb in _FOREIGN for verb in sys.argv[1:2]):
        leave(code)
    return code
