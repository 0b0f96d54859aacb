# SPDX-License-Identifier: BSD-2-Clause
"""What the host does to a mount: full disks, lost files, signals, no FUSE."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ffs import images
from ffs.ffscheck import check

from .conftest import ROOT, Done, Run, is_mounted

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def wait_until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.01)


def server_of(run: Run, where: Path) -> int:
    """The process that serves a mount, as `rumpy mounts` prints it."""
    out = run("mounts").out
    found = re.search(rf" on {re.escape(str(where))} .*server (\d+)", out)
    assert found, out
    return int(found[1])


def problems(image: Path) -> list[str]:
    return check(image.read_bytes()).problems


def sparse_copy(name: str, path: Path) -> None:
    """An image with holes where its zeros are."""
    data = images.unpacked(name)
    with path.open("wb") as file:
        file.truncate(len(data))
        for at in range(0, len(data), 4096):
            if any(data[at : at + 4096]):
                file.seek(at)
                file.write(data[at : at + 4096])


@needs_root
@pytest.mark.parametrize("again", [True, False], ids=["room again", "no room"])
def test_a_full_host_disk(
    run: Run, where: Path, tmpfs: Callable[[int], Path], again: bool
) -> None:
    """ENOSPC of the call; with room again nothing is lost, without some is
    said to be."""
    disk = tmpfs(14 << 20)
    path, filler = disk / "sparse.img", disk / "filler"
    sparse_copy("nb-ffs2le-16k-frag1", path)
    assert run("mount", path, where) == Done(0, "", "")
    (where / "before").write_bytes(b"whole")
    os.sync()
    left = os.statvfs(disk)
    filler.write_bytes(b"x" * (left.f_bavail * left.f_bsize))
    text = os.urandom(65536)
    fd = os.open(where / "new", os.O_CREAT | os.O_WRONLY)
    with pytest.raises(OSError) as caught:
        for _ in range(64):
            os.write(fd, text)
        os.fsync(fd)
    assert caught.value.errno == errno.ENOSPC
    os.close(fd)
    assert (where / "before").read_bytes() == b"whole"
    if again:
        filler.unlink()
        (where / "after").write_bytes(b"there is room again")
        assert run("umount", where) == Done(0, "", "")
        assert problems(path) == []
        assert run("cat", f"{path}:/after").out == "there is room again"
        new = path.parent / "new"
        assert run("cp", f"{path}:/new", new) == Done(0, "", "")
        assert new.read_bytes() == text * 64
    else:
        done = run("umount", where)
        assert done.code == 1 and "No space left" in done.err
        assert [p for p in problems(path) if serious(p)] == []
        assert "clean:            no" in run("info", path).out
    assert run("cat", f"{path}:/before").out == "whole"


def test_the_host_cuts_the_file_off(run: Run, image: Path, mounted: Path) -> None:
    """EIO for what is gone; the server goes on, and so does all with the rest."""
    data = image.read_bytes()
    os.truncate(image, 400_000)
    with pytest.raises(OSError) as caught:
        (mounted / "numbers.txt").read_bytes()
    assert caught.value.errno == errno.EIO
    os.statvfs(mounted)
    image.write_bytes(data)
    assert (mounted / "numbers.txt").read_bytes()[:2] == b"0 "
    assert run("umount", mounted).code in (0, 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_unmount(run: Run, image: Path, where: Path, number: int) -> None:
    assert run("mount", image, where).code == 0
    (where / "new").write_bytes(b"n" * 200_000)
    server = server_of(run, where)
    os.kill(server, number)
    wait_until(lambda: not is_mounted(where) and not os.path.exists(f"/proc/{server}"))
    assert problems(image) == []
    assert run("info", image).out.count("clean:            yes") == 1
    assert run("cat", f"{image}:/new").out == "n" * 200_000


def archive(path: Path) -> list[str]:
    """A tar file of the sources; its members."""
    with tarfile.open(path, "w") as tar:
        for folder in ("csrc", "rumpy/cli", "tests/ffs"):
            tar.add(ROOT / folder, folder)
        return tar.getnames()


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.02, 0.1, 0.3])
def test_kill_while_unpacking(
    run: Run, where: Path, tmp_path: Path, need: Callable[[str], str], after: float
) -> None:
    """No more than a power cut does, and `umount` cleans the directory."""
    (tmp_path / "empty").mkdir()
    image = tmp_path / "disk.img"
    subprocess.run(
        [need("makefs"), "-t", "ffs", "-s", "64m", "-o",
         "version=1,bsize=16384,fsize=2048,density=8192", image, tmp_path / "empty"],
        check=True, capture_output=True,
    )  # fmt: skip
    archive(tmp_path / "a.tar")
    assert run("mount", image, where) == Done(0, "", "")
    server = server_of(run, where)
    (where / "synced").write_bytes(b"on the disk" * 1000)
    fd = os.open(where / "synced", os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    tar = subprocess.Popen(
        ["tar", "-xf", tmp_path / "a.tar", "-C", where],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(after)
    os.kill(server, signal.SIGKILL)
    tar.wait(20)
    with pytest.raises(OSError):
        os.statvfs(where)
    assert "server gone" in run("mounts").out or "dead" in run("mounts").out
    again = run("mount", image, where)
    assert again.code == 1 and "rumpy umount" in again.err
    assert run("umount", where) == Done(0, "", "")
    assert not is_mounted(where)
    assert [p for p in problems(image) if serious(p)] == []
    # It mounts, everything can be read, and what was synced is whole.
    done = run("mount", image, where)
    assert done.code == 0
    assert (where / "synced").read_bytes() == b"on the disk" * 1000
    for top, _, files in os.walk(where):
        for name in files:
            Path(top, name).read_bytes()
    (where / "more").write_bytes(b"goes on")
    assert run("umount", where) == Done(0, "", "")


#: What loses or mixes up files.  Blocks and inodes that are marked although
#: nobody uses them, and counts, are what fsck sets right without a loss.
_SERIOUS = re.compile(
    r"bad block|belongs to|leads to|directory|mode|bad head|not aligned|d_type"
)
_LINKS = re.compile(r"(\d+) links, (\d+) names")


def serious(problem: str) -> bool:
    """Whether a power cut may not leave this."""
    links = _LINKS.search(problem)
    if links:
        return int(links[1]) < int(links[2])
    return bool(_SERIOUS.search(problem))


def in_namespace(script: str, *, user: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a shell script where mounts are nobody else's business."""
    if shutil.which("unshare") is None or shutil.which("setpriv") is None:
        pytest.skip("needs package util-linux: no unshare or setpriv here")
    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("no mount name spaces here")
    return subprocess.run(
        ["unshare", "-m", "--propagation", "private", "/bin/sh", "-ec", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PY": sys.executable,
             "WHO": str(user)},
    )  # fmt: skip


@pytest.mark.slow
@needs_root
def test_a_copy_in_another_name_space_does_not_keep_it(
    run: Run, image: Path, where: Path
) -> None:
    """As containers have that were started meanwhile."""
    assert run("mount", image, where).code == 0
    (where / "new").write_bytes(b"n" * 100_000)
    assert in_namespace("true").returncode == 0
    holder = subprocess.Popen(["unshare", "-m", "sleep", "60"])
    try:
        own = os.readlink("/proc/self/ns/mnt")
        wait_until(lambda: os.readlink(f"/proc/{holder.pid}/ns/mnt") != own)
        start = time.monotonic()
        assert run("umount", where) == Done(0, "", "")
        assert time.monotonic() - start < 20
        assert problems(image) == []
        assert run("cat", f"{image}:/new").out == "n" * 100_000
    finally:
        holder.kill()
        holder.wait()


@needs_root
def test_no_dev_fuse(image: Path, where: Path) -> None:
    done = in_namespace(
        "mount -t tmpfs tmpfs /dev; : > /dev/null;"
        f' "$PY" -m rumpy ls {image} | grep -q README;'
        f' "$PY" -m rumpy mount {image} {where}'
    )
    assert done.returncode == 1, done
    assert "no /dev/fuse" in done.stderr and "modprobe" in done.stderr
    assert "Traceback" not in done.stderr
    assert not is_mounted(where)


@needs_root
def test_no_fusermount3(built: None, image: Path, public_path: Path) -> None:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("this machine has no usable /dev/fuse")
    image = Path(shutil.copy(image, public_path))
    image.chmod(0o666)
    where = public_path / "mnt"
    where.mkdir()
    os.chown(where, 1000, 1000)
    program = shutil.which("fusermount3")
    hide = f"mount --bind /dev/null $(readlink -f {program});" if program else ""
    user = "setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/tmp"
    reach = in_namespace(f'{user} "$PY" -c "import rumpy"')
    if reach.returncode:
        pytest.skip("ordinary users can't run this Python or reach this tree")
    done = in_namespace(f'{hide} {user} "$PY" -m rumpy mount {image} {where}')
    assert done.returncode == 1, done
    assert "fusermount3" in done.stderr and "apt install fuse3" in done.stderr
    assert not is_mounted(where)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: None, "no such directory"),
        (lambda p: p.write_text("x"), "not a directory"),
    ],
    ids=["missing", "a file"],
)
def test_mount_points(
    run: Run, image: Path, where: Path, make: Callable[[Path], object], words: str
) -> None:
    point = where / "point"
    make(point)
    done = run("mount", image, point)
    assert (done.code, done.out) == (1, "")
    assert words in done.err and str(point) in done.err


@needs_root
def test_what_the_machine_needs_is_no_mount_point(image: Path) -> None:
    for needed in ("/", "/proc", "/dev"):
        done = in_namespace(f'"$PY" -m rumpy mount {image} {needed}')
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr.startswith(f"rumpy: {needed}: ")


def test_busy(run: Run, mounted: Path) -> None:
    with open(mounted / "README"):
        done = run("umount", mounted)
        assert done.code == 1 and "busy" in done.err
        assert is_mounted(mounted)
    assert run("umount", mounted) == Done(0, "", "")
    done = run("umount", mounted)
    assert done.code == 1 and "nothing is mounted there" in done.err
