# SPDX-License-Identifier: BSD-2-Clause
"""rumpy shell: a prompt inside an image."""

from __future__ import annotations

import atexit
import cmd
import os
import shlex
import stat as _stat
import sys

import click

from rumpy.cli import images, show
from rumpy.cli.group import complain, explain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from rumpy.path import KernelPath


@click.command("shell", short_help="A prompt inside an image.")
@images.driver_option
@images.place_options
@click.option("-r", "--readonly", is_flag=True, help="Change nothing.")
@click.option("-c", "commands", metavar="COMMANDS", help="Run these and no prompt.")
@click.argument("image", metavar="IMAGE")
def command(
    image: str,
    driver: str | None,
    offset: str | None,
    partition: str | None,
    readonly: bool,
    commands: str | None,
) -> int:
    """Look around in IMAGE and change it, without mounting it on the host.

    `help` lists what there is; get and put copy to and from the host. What
    comes by -c or from a pipe, divided by ";" or lines, ends with the first
    failure. A # begins a comment.
    """
    with images.opened(
        image, driver=driver, offset=offset, partition=partition, write=not readonly
    ) as root:
        if commands is None and sys.stdin.isatty():
            shell = Shell(root, prompt=f"{os.path.basename(image)}:{{}}> ")
            shell.remember()
            shell.loop()
            return 0
        text = sys.stdin.read() if commands is None else commands
        return Shell(root).run(text)


class Usage(Exception):
    """A command was given what it can't take."""


class Shell(cmd.Cmd):
    """The commands; each `do_NAME` has its usage and meaning in its docstring."""

    def __init__(self, root: KernelPath, prompt: str = "") -> None:
        super().__init__()
        self._process = root.process
        self._prompt = prompt
        self._failed = False
        self._set_prompt()

    # --- lines --------------------------------------------------------------

    def _set_prompt(self) -> None:
        self.prompt = self._prompt.format(show.printable(self._process.getcwd()))

    def loop(self) -> None:
        """Read commands until the end; Ctrl-C drops a line."""
        while True:
            try:
                self.cmdloop()
                return
            except KeyboardInterrupt:
                click.echo()

    def run(self, text: str) -> int:
        """Run a script; the exit code."""
        for line in text.splitlines():
            if self.onecmd(line):
                break
            if self._failed:
                return 1
        return 0

    def onecmd(self, line: str) -> bool:
        """One line, which may hold several commands."""
        self._failed = False
        try:
            for words in _split(line):
                if self._one(words):
                    return True
        except Usage as error:
            self._say(str(error))
        except (OSError, ValueError) as error:
            self._say(explain(error))
        return False

    def _one(self, words: list[str]) -> bool:
        name, *arguments = words
        if name in ("exit", "quit", "EOF"):
            if name == "EOF":
                click.echo()
            return True
        work: Callable[[list[str]], object] | None
        work = getattr(self, f"do_{name}", None)
        if work is None:
            raise Usage(f"{name}: no such command; there is help")
        work(arguments)
        return False

    def postcmd(self, stop: bool, line: str) -> bool:
        self._set_prompt()
        return stop

    def emptyline(self) -> bool:
        return False

    def _say(self, message: str) -> None:
        complain(message)
        self._failed = True

    def _options(
        self, arguments: list[str], letters: str, least: int, most: int | None = None
    ) -> tuple[set[str], list[str]]:
        """Options of one letter, and the other arguments."""
        import getopt

        try:
            found, rest = getopt.gnu_getopt(arguments, letters)
        except getopt.GetoptError as error:
            raise Usage(str(error)) from None
        if len(rest) < least or (most is not None and len(rest) > most):
            raise Usage("wrong number of arguments; see help")
        return {option[1:] for option, _ in found}, rest

    # --- completion and history ---------------------------------------------

    def remember(self) -> None:
        """Keep the lines typed for the next time, where the home permits it."""
        import readline

        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        file = os.path.join(state, "rumpy", "shell_history")
        readline.set_completer_delims(" \t\n;")
        readline.set_history_length(1000)
        try:
            os.makedirs(os.path.dirname(file), exist_ok=True)
            if os.path.exists(file):
                readline.read_history_file(file)
        except OSError:
            return
        atexit.register(_keep, readline, file)

    def completenames(self, text: str, *ignored: Any) -> list[str]:
        names = [name[3:] for name in dir(self) if name.startswith("do_")]
        return [f"{n} " for n in [*names, "exit"] if n.startswith(text)]

    def completedefault(self, *given: Any) -> list[str]:
        """Names in the image; of the host for the first word of put."""
        text, line = str(given[0]), str(given[1])
        words = line.split()
        first = len(words) - (not line.endswith((" ", "\t"))) == 1
        side: Any = self._process
        if (words[0] == "put" and first) or (words[0] == "get" and not first):
            side = os
        return complete(side, text)

    # --- commands -----------------------------------------------------------

    def do_help(self, arguments: Any) -> None:
        """help [COMMAND]: this list."""
        asked = [arguments] if isinstance(arguments, str) else arguments
        names = [n[3:] for n in dir(self) if n.startswith("do_")]
        for name in [n for n in asked if n] or sorted(names):
            if name not in names:
                raise Usage(f"{name}: no such command")
            click.echo(f"  {getattr(self, f'do_{name}').__doc__}")
        if not any(asked):
            click.echo("  exit: leave; what was changed is on the disk then.")

    def do_ls(self, arguments: list[str]) -> None:
        """ls [-ladFih] [PATH...]: list directories."""
        from rumpy.cli.ls import show_path

        options, rest = self._options(arguments, "ladFih", 0)
        style = {
            "long": "l" in options, "all_": "a" in options, "itself": "d" in options,
            "classify": "F" in options, "inodes": "i" in options,
            "human": "h" in options,
        }  # fmt: skip
        for name in rest or ["."]:
            path = self._process.path(os.path.join(self._process.getcwd(), name))
            self._failed |= bool(show_path(path, name, len(rest) > 1, style))

    def do_cd(self, arguments: list[str]) -> None:
        """cd [PATH]: go to a directory, or to the root."""
        _, rest = self._options(arguments, "", 0, 1)
        self._process.chdir(rest[0] if rest else "/")

    def do_pwd(self, arguments: list[str]) -> None:
        """pwd: where we are."""
        self._options(arguments, "", 0, 0)
        click.echo(show.printable(self._process.getcwd()))

    def do_cat(self, arguments: list[str]) -> None:
        """cat PATH...: print files."""
        _, rest = self._options(arguments, "", 1)
        sys.stdout.flush()
        out = sys.stdout.buffer
        for name in rest:
            fd = self._process.open(name, os.O_RDONLY)
            try:
                while data := self._process.read(fd, 1 << 20):
                    out.write(data)
            finally:
                self._process.close(fd)
        out.flush()

    def do_stat(self, arguments: list[str]) -> None:
        """stat PATH...: attributes of files."""
        from rumpy.cli.stat import print_status

        _, rest = self._options(arguments, "", 1)
        for name in rest:
            print_status(self._process.path(name))

    def do_df(self, arguments: list[str]) -> None:
        """df: how much of the file system is used."""
        self._options(arguments, "", 0, 0)
        v = self._process.statvfs(".")
        used, free = v.f_blocks - v.f_bfree, v.f_bavail
        share = -(-100 * used // (used + free)) if used + free else 0
        unit = v.f_frsize
        click.echo(
            f"{show.size(v.f_blocks * unit)}, {show.size(used * unit)} used ({share}%),"
            f" {show.size(free * unit)} free; {v.f_files - v.f_ffree} of"
            f" {v.f_files} inodes used"
        )

    def do_get(self, arguments: list[str]) -> None:
        """get [-r] PATH... [HOSTPATH]: copy to the host; one PATH goes to `.`."""
        from rumpy.transfer import download

        options, rest = self._options(arguments, "r", 1)
        paths, target = (rest[:-1], rest[-1]) if len(rest) > 1 else (rest, ".")
        if len(paths) > 1 and not os.path.isdir(target):
            raise Usage(f"{target} is no directory of the host")
        for name in paths:
            self._need_r(self._process.lstat(name), name, options)
            download(self._process, name, target, report=self._report)

    def do_put(self, arguments: list[str]) -> None:
        """put [-r] HOSTPATH... [PATH]: copy from the host; one goes to `.`."""
        from rumpy.transfer import upload

        options, rest = self._options(arguments, "r", 1)
        names, target = (rest[:-1], rest[-1]) if len(rest) > 1 else (rest, ".")
        self._need_directory(names, target)
        for name in names:
            self._need_r(os.lstat(name), name, options)
            upload(self._process, name, target, report=self._report)

    def do_cp(self, arguments: list[str]) -> None:
        """cp [-r] PATH... TARGET: copy within the image."""
        from rumpy.transfer import copy_tree

        options, rest = self._options(arguments, "r", 2)
        *names, target = rest
        self._need_directory(names, target)
        for name in names:
            self._need_r(self._process.lstat(name), name, options)
            where = self._into(name, target)
            if self._is_same(name, where):
                raise Usage(f"{name} and {where} are the same file")
            if self._is_below(where, name):
                raise Usage(f"{name} can't be copied into itself")
            copy_tree(self._process, name, self._process, where, report=self._report)

    def do_mv(self, arguments: list[str]) -> None:
        """mv PATH... TARGET: rename, or move into a directory."""
        _, rest = self._options(arguments, "", 2)
        *names, target = rest
        self._need_directory(names, target)
        for name in names:
            self._process.rename(name, self._into(name, target))

    def do_ln(self, arguments: list[str]) -> None:
        """ln [-s] TARGET NAME: make a link, or with -s a symbolic one."""
        options, (target, name) = self._options(arguments, "s", 2, 2)
        if "s" in options:
            self._process.symlink(target, self._into(target, name))
        else:
            self._process.link(target, self._into(target, name), follow_symlinks=False)

    def do_mkdir(self, arguments: list[str]) -> None:
        """mkdir [-p] PATH...: make directories, with -p those above too."""
        options, rest = self._options(arguments, "p", 1)
        for name in rest:
            if "p" in options:
                self._process.makedirs(name, exist_ok=True)
            else:
                self._process.mkdir(name, 0o755)

    def do_rmdir(self, arguments: list[str]) -> None:
        """rmdir PATH...: remove empty directories."""
        _, rest = self._options(arguments, "", 1)
        for name in rest:
            self._process.rmdir(name)

    def do_rm(self, arguments: list[str]) -> None:
        """rm [-rf] PATH...: remove files, with -r directories too."""
        options, rest = self._options(arguments, "rf", 1)
        for name in rest:
            try:
                self._remove(name, "r" in options)
            except FileNotFoundError:
                if "f" not in options:
                    raise

    def do_chmod(self, arguments: list[str]) -> None:
        """chmod MODE PATH...: set permissions; MODE is octal."""
        _, (mode, *names) = self._options(arguments, "", 2)
        try:
            bits = int(mode, 8)
        except ValueError:
            raise Usage(f"{mode}: no octal mode") from None
        if not 0 <= bits <= 0o7777:
            raise Usage(f"{mode}: no octal mode")
        for name in names:
            self._process.chmod(name, bits)

    def do_touch(self, arguments: list[str]) -> None:
        """touch PATH...: make empty files, or set their times to now."""
        _, rest = self._options(arguments, "", 1)
        for name in rest:
            self._process.path(name).touch(0o644)

    # --- helpers ------------------------------------------------------------

    def _report(self, name: str, error: OSError) -> None:
        self._say(f"{show.printable(name)}: {error.strerror}")

    def _is_directory(self, name: str) -> bool:
        try:
            return _stat.S_ISDIR(self._process.stat(name).st_mode)
        except OSError:
            return False

    def _is_same(self, one: str, two: str) -> bool:
        try:
            a, b = self._process.lstat(one), self._process.lstat(two)
        except OSError:
            return False
        return (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)

    def _is_below(self, name: str, top: str) -> bool:
        """Whether a name that need not exist lies in a directory."""
        above = os.path.dirname(os.path.normpath(name)) or "."
        where = str(self._process.path(above).resolve())
        head = str(self._process.path(top).resolve())
        return self._is_directory(top) and f"{where}/".startswith(f"{head}/")

    def _into(self, name: str, target: str) -> str:
        """The target, or the name in it where it is a directory."""
        if not self._is_directory(target):
            return target
        return os.path.join(target, os.path.basename(name.rstrip("/")))

    def _need_directory(self, names: list[str], target: str) -> None:
        if len(names) > 1 and not self._is_directory(target):
            raise Usage(f"{target} is no directory")

    def _need_r(self, status: Any, name: str, options: set[str]) -> None:
        if _stat.S_ISDIR(status.st_mode) and "r" not in options:
            raise Usage(f"{name} is a directory (-r copies it)")

    def _remove(self, name: str, recursive: bool) -> None:
        if not _stat.S_ISDIR(self._process.lstat(name).st_mode):
            self._process.unlink(name)
            return
        if not recursive:
            raise Usage(f"{name} is a directory (-r removes it)")
        for below in self._process.listdir(name):
            self._remove(f"{name.rstrip('/')}/{below}", recursive)
        self._process.rmdir(name)


def _split(line: str) -> Iterable[list[str]]:
    """The commands of a line, as words."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word.strip(";"):
            words.append(word)
        elif words:
            yield words
            words = []


def complete(side: Any, text: str) -> list[str]:
    """Names that begin with the text, on the host (os) or in a process."""
    head, slash, tail = text.rpartition("/")
    top = head + slash
    try:
        names = side.listdir(top or ".")
    except OSError:
        return []
    found = []
    for name in sorted(names):
        if not name.startswith(tail) or (name.startswith(".") and not tail):
            continue
        try:
            is_directory = _stat.S_ISDIR(side.stat(top + name).st_mode)
        except OSError:
            is_directory = False
        found.append(shlex.quote(top + name) + ("/" if is_directory else " "))
    return found


def _keep(readline: Any, file: str) -> None:
    try:
        readline.write_history_file(file)
    except OSError:
        return
