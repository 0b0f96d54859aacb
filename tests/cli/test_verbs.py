# SPDX-License-Identifier: BSD-2-Clause
"""The command as a user runs it: exit codes, streams, what is printed."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rumpy.cli import VERBS

ROOT = Path(__file__).resolve().parent.parent.parent
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """run("ls", ...): the finished process, in an empty folder."""

    def call(*arguments: str | Path, **options: Any) -> Any:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TZ": "UTC"}
        return subprocess.run(
            [sys.executable, "-m", "rumpy", *map(str, arguments)],
            capture_output=True,
            text=options.pop("text", True),
            cwd=tmp_path,
            env=environment | options.pop("env", {}),
            timeout=120,
            check=False,
            **options,
        )

    return call


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# --- without a kernel --------------------------------------------------------


def test_every_verb_has_help(run: Run) -> None:
    text = ok(run("--help"))
    for verb in VERBS:
        assert f"  {verb} " in text
        assert f"Usage: rumpy {verb}" in ok(run(verb, "--help"))


def test_version(run: Run) -> None:
    import rumpy

    assert ok(run("--version")) == f"rumpy {rumpy.__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["ls"], ["ls", "--nonsense", "x"], ["mount", "x"],
                  ["cp", "a", "b"], ["ls", "none.img"]]
)  # fmt: skip
def test_usage_errors(run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert "Traceback" not in done.stderr and done.stderr


def test_info(run: Run, image: Path) -> None:
    text = ok(run("info", image))
    assert "FFSv2 (UFS2), little-endian" in text and "rumpy mount" in text
    facts = json.loads(ok(run("info", "--json", image)))
    assert facts["kind"] == "ffs" and facts["block_size"] == 16384
    assert facts["clean"] is True


def test_info_of_what_is_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    done = run("info", "x")
    assert done.returncode == 1 and "nothing that is known" in done.stdout
    (tmp_path / "x.gz").write_bytes(b"\x1f\x8b" + bytes(1000))
    done = run("info", "x.gz")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "rumpy: x.gz: this is compressed by gzip"
        " (to convert: gzip -dc x.gz > x.gz.raw)\n"
    )


# --- with a kernel -----------------------------------------------------------

pytestmark = pytest.mark.usefixtures("built")


def test_ls(run: Run, image: Path) -> None:
    assert ok(run("ls", image)).split("\n") == [
        "README", "a_directory", "bin", "numbers.txt", "same-as-README", "shortcut", "",
    ]  # fmt: skip
    assert ok(run("ls", f"{image}:/a_directory")) == "README\ndeeper\n"
    assert ok(run("ls", "-F", f"{image}:")).split() == [
        "README", "a_directory/", "bin/", "numbers.txt", "same-as-README", "shortcut@",
    ]  # fmt: skip


def test_ls_long(run: Run, image: Path) -> None:
    lines = ok(run("ls", "-l", image)).splitlines()
    assert lines[0].split() == [
        "-rw-r--r--", "2", "0", "0", "257", "2012-11-19", "12:00", "README",
    ]  # fmt: skip
    assert lines[-1].endswith("shortcut -> a_directory/README")
    assert ok(run("ls", "-ld", image)).split()[0] == "drwxr-xr-x"
    assert ok(run("ls", "-i", f"{image}:/bin")).split()[1] == "hello"


def test_ls_of_several(run: Run, image: Path) -> None:
    done = run("ls", f"{image}:/bin", f"{image}:/none", f"{image}:/a_directory")
    assert done.returncode == 1
    assert done.stdout == (
        f"{image}:/bin:\nhello\n{image}:/a_directory:\nREADME\ndeeper\n"
    )
    assert done.stderr == f"rumpy: {image}:/none: No such file or directory\n"


def test_looking_never_changes_the_image(run: Run, image: Path) -> None:
    before = (image.read_bytes(), image.stat().st_mtime_ns)
    ok(run("ls", "-l", image))
    ok(run("cat", f"{image}:/README"))
    assert run("tree", image).returncode == 0
    assert (image.read_bytes(), image.stat().st_mtime_ns) == before


def test_cat(run: Run, image: Path) -> None:
    fox = f"{image}:/a_directory/deeper/fox.txt"
    line = "The quick brown fox jumps over the lazy dog.\n"
    assert ok(run("cat", fox, fox)) == line * 2
    assert ok(run("cat", f"{image}:/shortcut")).startswith("Directories of a Fast")
    done = run("cat", f"{image}:/bin")
    assert done.returncode == 1 and done.stderr.endswith("/bin: Is a directory\n")
    numbers = ok(run("cat", f"{image}:/numbers.txt")).splitlines()
    assert numbers == [f"{i} {i * i}" for i in range(40000)]


def test_cat_into_a_pipe_that_closes(image: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m rumpy cat {image}:/numbers.txt | head -1",
        shell=True, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout == "0 0\n" and done.stderr == ""


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("ls -l {} >/dev/full", 1, "rumpy: No space left on device\n"),
        ("ls -l {} >&-", 1, "rumpy: Bad file descriptor\n"),
        ("cat {}:/numbers.txt >&-", 1, "rumpy: Bad file descriptor\n"),
        ("cp -r {0}:/bin {0}.out >&- <&-", 0, ""),
        ("ls {}x 2>&-", 2, ""),
        ("python <&-", 0, None),
    ],
)
def test_streams_that_are_closed(
    image: Path, line: str, code: int, words: str | None
) -> None:
    """No traceback, and no message that ends in the image."""
    before = image.read_bytes()
    done = subprocess.run(
        f"{sys.executable} -m rumpy {line.format(image)}",
        shell=True, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == code and "Traceback" not in done.stderr
    assert words is None or done.stderr == words
    assert image.read_bytes() == before


def test_stat(run: Run, image: Path) -> None:
    facts = json.loads(ok(run("stat", "--json", f"{image}:/shortcut")))
    assert facts["target"] == "a_directory/README" and stat.S_ISLNK(facts["mode"])
    facts = json.loads(ok(run("stat", "-L", "--json", f"{image}:/shortcut")))
    assert stat.S_ISREG(facts["mode"])
    text = ok(run("stat", f"{image}:/README"))
    assert "Size: 257" in text and "Links: 2" in text
    assert "Modify: 2012-11-19 12:00:00.000000000 +0000" in text


def test_tree(run: Run, image: Path) -> None:
    done = run("tree", image)
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == [
        "├── README",
        "├── a_directory",
        "│   ├── README",
        "│   └── deeper",
        "│       └── fox.txt",
        "├── bin",
        "│   └── hello",
        "├── numbers.txt",
        "├── same-as-README",
        "└── shortcut -> a_directory/README",
    ]
    assert done.stderr == "3 directories, 7 other files\n"
    assert len(run("tree", "-L", "1", "-d", image).stdout.splitlines()) == 3


def test_cp_both_ways(run: Run, image: Path, tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "f").write_bytes(os.urandom(50_000))
    os.chmod(tmp_path / "in" / "f", 0o640)
    os.utime(tmp_path / "in" / "f", ns=(10**18, 10**18))
    os.symlink("../f", tmp_path / "in" / "sub" / "l")
    ok(run("cp", "-r", "in", f"{image}:/in"))
    ok(run("cp", "-r", f"{image}:/in", "out"))
    assert (tmp_path / "out" / "f").read_bytes() == (tmp_path / "in" / "f").read_bytes()
    status = (tmp_path / "out" / "f").stat()
    assert stat.S_IMODE(status.st_mode) == 0o640 and status.st_mtime_ns == 10**18
    assert os.readlink(tmp_path / "out" / "sub" / "l") == "../f"


def test_cp_refuses(run: Run, image: Path, tmp_path: Path) -> None:
    done = run("cp", f"{image}:/bin", "out")
    assert done.returncode == 1 and "-r copies it" in done.stderr
    assert not (tmp_path / "out").exists()
    assert run("cp", f"{image}:/README", f"{image}:/x").returncode == 2
    done = run("cp", f"{image}:/none", "out")
    assert done.returncode == 1 and "No such file" in done.stderr


def test_cp_to_a_full_image(run: Run, image: Path, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(9 << 20))
    done = run("cp", "big", f"{image}:/big")
    assert done.returncode == 1 and "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "fox" in ok(run("cat", f"{image}:/a_directory/deeper/fox.txt"))


def test_an_image_in_use(run: Run, image: Path) -> None:
    import rumpy

    with rumpy.Kernel() as k, k.mount("ffs", str(image), "/mnt"):
        done = run("ls", image)
    assert done.returncode == 1 and done.stdout == ""
    assert "by another process or kernel" in done.stderr


def test_a_name_that_could_harm_a_terminal(run: Run, image: Path) -> None:
    import rumpy

    with rumpy.Kernel() as k, k.mount("ffs", str(image), "/mnt") as mnt:
        (mnt / "a\x1b[31mred").touch()
    assert "a\\x1b[31mred" in ok(run("ls", image))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_unmounts(image: Path, tmp_path: Path, number: int) -> None:
    script = tmp_path / "s.py"
    script.write_text("(mnt / 'new').write_text('x')\nprint('ready', flush=True)\n"
                      "import time\ntime.sleep(60)\n")  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "rumpy", "run", "-m", f"{image}:/mnt", script],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(30) == 128 + number
    from rumpy.probe import probe

    superblock = probe(image).superblock
    assert superblock is not None and superblock.clean


def test_modinfo(run: Run) -> None:
    text = ok(run("modinfo", "ffs"))
    assert "class:     vfs" in text and "this kernel has all of them" in text
    facts = json.loads(ok(run("modinfo", "--json", "hello")))
    assert facts["name"] == "hello" and facts["lacks"] == []
    done = run("modinfo", "nothing")
    assert done.returncode == 1 and "no such module" in done.stderr


def test_run(run: Run, image: Path, tmp_path: Path) -> None:
    script = tmp_path / "s.py"
    script.write_text("import sys\nprint(k.listdir('/mnt')[:0], sys.argv, __name__)\n"
                      "print(mnt / 'x')\nsys.exit(3)\n")  # fmt: skip
    done = run("run", "-l", "ffs", "-m", f"{image}:/mnt", script, "a", "-b")
    assert done.returncode == 3
    assert done.stdout == f"[] ['{script}', 'a', '-b'] __main__\n/mnt/x\n"
    script.write_text("1 / 0\n")
    done = run("run", script)
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr
    assert "rumpy/cli" not in done.stderr


def test_python(run: Run) -> None:
    assert ok(run("python", "-c", "print(k.getuid())")) == "0\n"
    done = run("python", input="k.getuid() + 41\n")
    assert "41" in done.stdout and "k = <Kernel running>" in done.stderr


def test_demo_without_a_mount(run: Run) -> None:
    done = run("demo", "--no-mount")
    assert done.returncode == 0
    assert (
        "hello, anykernel\n" in done.stdout
        and "What was written is there" in done.stderr
    )


def cpu_seconds(*command: str) -> float:
    """Processor time of the quickest of some runs: a busy machine shifts it little."""
    best = 10.0
    for _ in range(7):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, used)
    return best


def test_looking_is_quick(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The budget is 80 ms where bare Python takes 12.  Without bytecode every
    # run would compile rumpy anew.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    listed = cpu_seconds(sys.executable, "-m", "rumpy", "ls", str(image))
    assert listed < 10 * cpu_seconds(sys.executable, "-c", "pass")
