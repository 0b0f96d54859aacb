# SPDX-License-Identifier: BSD-2-Clause
"""rumpy demo: a real FFS image, changed through rumpy, and still changed after.

It runs the very commands a user would type, and shows them.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT = "hello, anykernel"


@click.command("demo", short_help="Try rumpy on a real FFS image.")
@click.option(
    "--directory",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Where to work; kept afterwards. Default: a temporary one.",
)
@click.option("--no-mount", is_flag=True, help="Do not use /dev/fuse.")
def command(directory: str | None, no_mount: bool) -> int:
    """Take a fresh copy of a real FFS image, mount it, list, read, write,
    unmount, mount again, and show that what was written is there.

    Without /dev/fuse, as in most containers, it goes on with ls, cat and cp.
    """
    import tempfile

    if directory is not None:
        os.makedirs(directory, exist_ok=True)
        return _Demo(directory).run(no_mount)
    with tempfile.TemporaryDirectory(prefix="rumpy-demo-") as folder:
        return _Demo(folder).run(no_mount)


class _Demo:
    """One run, in one folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def run(self, no_mount: bool) -> int:
        """The whole demo; its exit code."""
        from rumpy.demo import demo_image

        image = os.path.join(self.folder, "demo.img")
        if os.path.exists(image):
            os.unlink(image)
        demo_image(image)
        self.say("A fresh copy of an FFS image, made by makefs:")
        self.rumpy("info", "demo.img")
        why = "--no-mount" if no_mount else self.why_not_mount()
        done = self.mounted() if why is None else self.unmounted(why)
        if not done:
            self.say("What was written is NOT there.")
            return 1
        self.say("What was written is there.")
        return 0

    def why_not_mount(self) -> str | None:
        """What keeps this machine from mounting; None where nothing does."""
        from rumpy.fuse.errors import MountError
        from rumpy.fuse.mounting import check_host
        from rumpy.fuse.options import Options

        try:
            check_host(Options().resolved())
            with open("/dev/fuse", "r+b", buffering=0):
                return None
        except (MountError, OSError) as error:
            return str(error)

    def mounted(self) -> bool:
        """With the image mounted on a directory of the host."""
        os.makedirs(os.path.join(self.folder, "mnt"), exist_ok=True)
        self.say("Mounted on a directory, it is used like any other:")
        try:
            self.rumpy("mount", "demo.img", "mnt")
        except subprocess.CalledProcessError:
            return self.unmounted("rumpy mount failed, see above")
        try:
            self.shell("ls -l mnt")
            self.shell("cat mnt/a_directory/README")
            self.shell(f"echo {shlex.quote(TEXT)} > mnt/hello.txt")
            self.shell("mkdir mnt/new && cp mnt/numbers.txt mnt/new/copy.txt")
        finally:
            self.rumpy("umount", "mnt")
        self.say("And mounted again, to see whether it was only in memory:")
        self.rumpy("mount", "demo.img", "mnt")
        try:
            text = self.shell("cat mnt/hello.txt")
            self.shell("cmp mnt/numbers.txt mnt/new/copy.txt && ls -l mnt/new")
        finally:
            self.rumpy("umount", "mnt")
        return text == TEXT + "\n"

    def unmounted(self, why: str) -> bool:
        """Without any mount of the host."""
        self.say(f"Left out: the mount on a directory ({why}).")
        self.say("The same without a mount:")
        self.rumpy("ls", "-l", "demo.img")
        self.rumpy("cat", "demo.img:/a_directory/README")
        self.shell(f"echo {shlex.quote(TEXT)} > hello.txt")
        self.rumpy("cp", "hello.txt", "demo.img:/hello.txt")
        self.say("Each command is a kernel of its own; the file is on the image:")
        self.rumpy("stat", "demo.img:/hello.txt")
        return self.rumpy("cat", "demo.img:/hello.txt") == TEXT + "\n"

    def say(self, text: str) -> None:
        """A line of explanation."""
        click.echo(f"\n# {text}", err=True)

    def rumpy(self, *arguments: str) -> str:
        """Show and run a rumpy command; its output, which is shown too."""
        return self._run(
            [sys.executable, "-m", "rumpy", *arguments],
            "rumpy " + shlex.join(arguments),
        )

    def shell(self, line: str) -> str:
        """Show and run a shell command; its output, which is shown too."""
        return self._run(["/bin/sh", "-c", line], line)

    def _run(self, command: Sequence[str], shown: str) -> str:
        click.echo(f"$ {shown}")
        sys.stdout.flush()
        done = subprocess.run(
            command, cwd=self.folder, stdout=subprocess.PIPE, text=True, check=False
        )
        click.echo(done.stdout, nl=False)
        sys.stdout.flush()
        done.check_returncode()
        return done.stdout
