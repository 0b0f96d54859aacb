# SPDX-License-Identifier: BSD-2-Clause
"""rumpy shell: a prompt, a script, and what is on the disk afterwards."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rumpy.cli.images import opened
from rumpy.cli.shell import Shell as Inside
from rumpy.cli.shell import complete
from rumpy.ffstools import fsck, newfs
from rumpy.path import KernelPath

ROOT = Path(__file__).resolve().parent.parent.parent
Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def disk(tmp_path: Path, built: None) -> Path:
    path = tmp_path / "disk.img"
    newfs(path, size=2 << 20)
    return path


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelPath]:
    """The root of an image, in this process."""
    path = tmp_path_factory.mktemp("shell") / "disk.img"
    newfs(path, size=2 << 20)
    with opened(str(path), write=True) as root:
        yield root


@pytest.fixture
def root(mounted: KernelPath) -> Iterator[KernelPath]:
    """The same, empty."""
    yield mounted
    process = mounted.process
    process.chdir("/")
    Inside(mounted).run("rm -rf " + " ".join(process.listdir("/") or ["none"]))


@pytest.fixture
def shell(tmp_path: Path, disk: Path) -> Shell:
    """shell(script): what `rumpy shell disk.img -c script` did."""

    def run(script: str | None, *options: str, **more: object) -> object:
        words = [*options, *(["-c", script] if script is not None else [])]
        return subprocess.run(
            [sys.executable, "-m", "rumpy", "shell", *words, str(disk)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TZ": "UTC"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **more,  # type: ignore[call-overload]
        )

    return run  # type: ignore[return-value]


def test_a_script(shell: Shell, disk: Path, tmp_path: Path) -> None:
    (tmp_path / "here").write_text("from the host\n")
    done = shell(
        "mkdir -p a/b; put here a/b  # a comment\n"
        "cd a/b; pwd; mv here there; ln there again; ln -s there 'a link'\n"
        "cp there ../copy; cd; chmod 600 a/copy; touch 'two words'\n"
        "cat a/b/again; ls -l a; ls; stat a/copy; df\n"
        "get -r a out; get a/copy"
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["/a/b", "from the host"]
    assert any(line.startswith("-rw------- 1") and "copy" in line for line in lines)
    assert "two words" in lines
    assert "  Mode: 0600/-rw-------" in done.stdout
    assert "inodes used" in lines[-1]
    out = tmp_path / "out"
    assert (out / "b/again").read_text() == "from the host\n"
    assert (out / "b/again").stat().st_nlink == 2
    assert os.readlink(out / "b/a link") == "there"
    assert (tmp_path / "copy").read_text() == "from the host\n"
    assert fsck(disk).clean
    done = shell("rm -r a", "-r")
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("cd nowhere", "nowhere: No such file or directory"),
        ("frobnicate", "frobnicate: no such command; there is help"),
        ("mkdir d; rm d", "d is a directory (-r removes it)"),
        ("mkdir d; cp d e", "d is a directory (-r copies it)"),
        ("mkdir d; cp -r d d/e", "d can't be copied into itself"),
        ("touch f; cp f f", "f and f are the same file"),
        ("touch f; chmod 9 f", "9: no octal mode"),
        ("touch f; chmod 77777 f", "77777: no octal mode"),
        ("touch a b; mv a b c", "c is no directory"),
        ("ln one", "wrong number of arguments; see help"),
        ("ls -Z", "option -Z not recognized"),
        ("put nothing", "nothing: No such file or directory"),
        ("cat 'open", "No closing quotation"),
        ("ls none; touch never", "none: No such file or directory"),
    ],
)
def test_a_script_ends_with_the_first_failure(
    root: KernelPath, capsys: pytest.CaptureFixture[str], script: str, message: str
) -> None:
    assert Inside(root).run(f"{script}\ntouch after") == 1
    assert capsys.readouterr().err == f"rumpy: {message}\n"
    assert "after" not in root.process.listdir("/")


def test_from_a_pipe(shell: Shell) -> None:
    done = shell(None, input="mkdir d\nls\nexit\nmkdir never\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "d\n", "")


def test_help_names_every_command(
    root: KernelPath, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = Inside(root)
    assert inside.run("help") == 0
    text = capsys.readouterr().out
    names = "cat cd chmod cp df get help ln ls mkdir mv put pwd rm stat"
    for name in names.split():
        assert f"\n  {name} " in f"\n{text}" or f"\n  {name}:" in f"\n{text}"
    assert inside.run("help cd") == 0
    assert capsys.readouterr().out.startswith("  cd [PATH]: ")
    assert inside.run("help nothing") == 1


def test_completion(root: KernelPath) -> None:
    inside = Inside(root)
    assert inside.run("mkdir one; touch one/file 'one/a b' other .hidden") == 0
    assert complete(root.process, "o") == ["one/", "other "]
    assert complete(root.process, "one/") == ["'one/a b' ", "one/file "]
    assert complete(root.process, "") == ["one/", "other "]
    assert complete(root.process, "none/x") == []
    assert inside.completedefault("ot", "cat ot", 4, 6) == ["other "]
    assert inside.completedefault("/proc/self/stat", "put /proc/self/stat", 4, 9)[0]
    assert inside.completenames("rmd") == ["rmdir "]


def test_a_prompt_with_completion_and_history(disk: Path, tmp_path: Path) -> None:
    primary, secondary = pty.openpty()
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(tmp_path),
        "TERM": "dumb",
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "rumpy", "shell", str(disk)],
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(secondary)

        def until(text: str) -> str:
            seen = ""
            while text not in seen:
                seen += os.read(primary, 4096).decode()
            return seen

        until("disk.img:/> ")
        os.write(primary, b"mkdir directory\n")
        until("disk.img:/> ")
        os.write(primary, b"cd dir\t\n")
        until("disk.img:/directory> ")
        os.write(primary, b"cd nowhere\n")
        assert "nowhere: No such file" in until("disk.img:/directory> ")
        os.write(primary, b"exit\n")
        assert process.wait(30) == 0
    os.close(primary)
    kept = (tmp_path / "rumpy/shell_history").read_text()
    assert "mkdir directory" in kept
    assert fsck(disk).clean
