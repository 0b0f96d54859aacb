# SPDX-License-Identifier: BSD-2-Clause
"""The engine: coming up, going down, and everything that can go wrong."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import pwd
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fusehelp import is_mounted, skip_unmountable, wait_for

import rumpy
from rumpy.ffstools import fsck, newfs
from rumpy.fuse import MountError, mount, mounts, umount

pytestmark = pytest.mark.usefixtures("built")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(autouse=True)
def mountable() -> None:
    skip_unmountable()


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Path]:
    """A mount point, unmounted afterwards whatever the test did."""
    directory = tmp_path / "mnt"
    directory.mkdir()
    yield directory
    if is_mounted(directory):
        umount(directory, lazy=True)


def digest(path: Path) -> str:
    """Hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run_as(uid: int, script: str, *groups: int) -> subprocess.CompletedProcess[str]:
    """Run Python code as somebody else."""
    return subprocess.run(
        ["/usr/bin/python3", "-c", script],
        user=uid,
        group=uid,
        extra_groups=list(groups),
        capture_output=True,
        text=True,
        cwd="/",
    )


def python_of(uid: int) -> str:
    """A Python of this version that the user can run."""
    version = ".".join(map(str, sys.version_info[:2]))
    for path in (sys.executable, f"/usr/bin/python{version}"):
        try:
            subprocess.run([path, "-c", ""], user=uid, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return path
    pytest.skip(f"ordinary users can't run this Python {version}")


def test_what_was_written_is_there_after_a_new_mount(image: Path, where: Path) -> None:
    found = mount(None, image, where)
    assert (found.driver, found.state, found.warnings) == ("ffs", "live", ())
    assert [m.mountpoint for m in mounts() if m.pid == found.pid] == [str(where)]
    data = os.urandom(500_000)
    (where / "new").write_bytes(data)
    os.rename(where / "new", where / "renamed")
    umount(where)
    assert not is_mounted(where)
    with pytest.raises(ProcessLookupError):
        os.kill(found.pid, 0)
    mount("ffs", image, where, "ro")
    assert (where / "renamed").read_bytes() == data
    umount(where)
    assert found.pid not in [m.pid for m in mounts()]


def test_the_driver_may_be_a_path(image: Path, where: Path) -> None:
    module = Path(rumpy.__file__).parents[1] / "build/modules/ffs.kmod"
    if not module.exists():
        pytest.skip("no build folder beside this rumpy")
    assert mount(str(module), image, where).driver == "ffs"
    assert os.listdir(where)
    umount(where)


def test_the_unmounted_image_is_clean(image: Path, where: Path) -> None:
    from rumpy.probe import probe

    mount(None, image, where)
    (where / "f").write_bytes(b"x" * 100_000)
    umount(where)
    assert probe(image).superblock.clean  # type: ignore[union-attr]


def test_read_only(image: Path, where: Path) -> None:
    before = digest(image)
    mount(None, image, where, "ro")
    assert os.listdir(where)
    for attempt in (
        lambda: (where / "x").touch(),
        lambda: os.mkdir(where / "d"),
        lambda: os.chmod(where, 0o700),
    ):
        with pytest.raises(OSError) as caught:
            attempt()
        assert caught.value.errno == errno.EROFS
    umount(where)
    assert digest(image) == before


def test_overlay_keeps_the_image(
    image: Path, where: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the server, which works in /, is not
    before = digest(image)
    store = tmp_path / "changes"
    for options in ("overlay", "overlay=changes"):
        mount(None, image, where, options)
        (where / "only-here").write_bytes(b"x" * 200_000)
        assert (where / "only-here").read_bytes() == b"x" * 200_000
        umount(where)
        assert digest(image) == before
    assert store.exists()
    mount(None, image, where, f"overlay={store}")
    assert (where / "only-here").stat().st_size == 200_000
    umount(where)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda i, w: mount(None, i, w / "none"), "no such directory"),
        (lambda i, w: mount(None, i, i), "not a directory"),
        (lambda i, w: mount(None, w / "no.img", w), "No such file"),
        (lambda i, w: mount("nodriver", i, w), "nodriver"),
        (lambda i, w: mount(None, i, w, "offset=4096"), "no file system"),
    ],
)
def test_refusals_change_nothing(
    image: Path, where: Path, make: object, words: str
) -> None:
    before = digest(image)
    with pytest.raises((rumpy.RumpyError, OSError)) as caught:
        make(image, where)  # type: ignore[operator]
    assert words in str(caught.value)
    assert not is_mounted(where) and digest(image) == before
    # Others may mount and unmount on this machine meanwhile.
    assert not [found for found in mounts() if found.image == str(image)]


def test_garbage_is_no_file_system(where: Path, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(os.urandom(1 << 20))
    for driver in (None, "ffs"):
        with pytest.raises(rumpy.RumpyError):
            mount(driver, garbage, where)
    assert not is_mounted(where)


def test_one_image_is_mounted_once(image: Path, where: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    mount(None, image, where)
    with pytest.raises(rumpy.RumpyError, match="in use"):
        mount(None, image, other)
    with pytest.raises(MountError, match="is mounted there"):
        mount(None, image, where)
    umount(where)


@needs_root
def test_the_hosts_own_umount_does_as_well(image: Path, where: Path) -> None:
    found = mount(None, image, where)
    (where / "f").write_bytes(b"x" * 10_000)
    subprocess.run(["umount", str(where)], check=True)
    wait_for(lambda: found.pid not in [m.pid for m in mounts()])
    mount(None, image, where, "ro")
    assert (where / "f").stat().st_size == 10_000
    umount(where)


@needs_root
def test_mounting_again_waits_for_the_server(image: Path, where: Path) -> None:
    """The host's umount returns while the server still writes."""
    for _ in range(3):
        found = mount(None, image, where)
        assert found.warnings == ()
        (where / "f").write_bytes(b"x" * 1_000_000)
        subprocess.run(["umount", str(where)], check=True)
    mount(None, image, where)
    umount(where)


@needs_root
def test_a_named_tmpfile_survives_the_server(image: Path, where: Path) -> None:
    """With a journal, its inode is no orphan any more."""
    found = mount(None, image, where, "log")
    top = os.open(where, os.O_RDONLY)
    fds = [os.open(where, os.O_TMPFILE | os.O_RDWR, 0o600) for _ in range(2)]
    for fd in fds:
        os.write(fd, b"text")
    name = os.fsencode(where / "named")
    path = b"/proc/self/fd/%d" % fds[0]
    assert ctypes.CDLL(None).linkat(-100, path, -100, name, 0x400) == 0
    os.fsync(fds[0])
    os.fsync(top)
    os.kill(found.pid, signal.SIGKILL)
    for fd in (*fds, top):
        os.close(fd)
    with contextlib.suppress(MountError):
        umount(where)
    mount(None, image, where, "log")
    assert (where / "named").read_bytes() == b"text"
    assert not [name for name in os.listdir(where) if name.startswith(".#")]
    umount(where)
    command = [sys.executable, "-m", "rumpy", "fsck", "-n", str(image)]
    assert subprocess.run(command).returncode == 0


@needs_root
def test_no_other_mount_is_hidden(image: Path, where: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(where)], check=True)
    try:
        with pytest.raises(MountError, match="tmpfs is mounted there"):
            mount(None, image, where)
    finally:
        subprocess.run(["umount", str(where)], check=True)


def test_a_link_to_the_mountpoint_will_do(
    image: Path, where: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(where)
    assert mount(None, image, link).mountpoint == str(where)
    assert os.listdir(where)
    umount(link)
    assert not is_mounted(where)


def test_busy(image: Path, where: Path) -> None:
    mount(None, image, where)
    with open(where / "open", "wb") as file:
        with pytest.raises(MountError, match=rf"busy.* \({os.getpid()}\)"):
            umount(where)
        file.write(b"still works")
    umount(where)


def test_umount_of_what_is_not_ours(tmp_path: Path) -> None:
    with pytest.raises(MountError, match="nothing is mounted"):
        umount(tmp_path)
    with pytest.raises(MountError, match="not mounted by rumpy"):
        umount("/")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_unmount_cleanly(image: Path, where: Path, number: int) -> None:
    found = mount(None, image, where)
    (where / "f").write_bytes(b"x" * 100_000)
    os.kill(found.pid, number)
    wait_for(lambda: not is_mounted(where))
    wait_for(lambda: found.pid not in [m.pid for m in mounts()])
    mount(None, image, where, "ro")
    assert (where / "f").read_bytes() == b"x" * 100_000
    umount(where)


def test_sigterm_with_an_open_file(image: Path, where: Path) -> None:
    found = mount(None, image, where)
    with open(where / "f", "wb", buffering=0) as file:
        file.write(b"written before")
        os.kill(found.pid, signal.SIGTERM)
        wait_for(lambda: found.pid not in [m.pid for m in mounts()], 20)
        with pytest.raises(OSError):
            file.write(b"too late")
    mount(None, image, where, "ro")
    assert (where / "f").read_bytes() == b"written before"
    umount(where)


def test_kill_leaves_what_umount_cleans(image: Path, where: Path) -> None:
    found = mount(None, image, where)
    stop = threading.Event()

    def write() -> None:
        for i in range(100_000):
            if stop.is_set():
                return
            try:
                (where / f"f{i}").write_bytes(b"x" * i)
            except OSError:
                return

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.3)
    os.kill(found.pid, signal.SIGKILL)
    writer.join(20)
    stop.set()
    wait_for(lambda: [m.state for m in mounts() if m.pid == found.pid] == ["dead"])
    with pytest.raises(OSError) as caught:
        os.listdir(where)
    assert caught.value.errno in (errno.ENOTCONN, errno.ECONNABORTED)
    with pytest.raises(MountError, match="rumpy umount"):
        mount(None, image, where)
    umount(where)
    assert not is_mounted(where) and os.listdir(where) == []
    assert found.pid not in [m.pid for m in mounts()]
    mount(None, image, where, "ro")
    assert os.listdir(where)
    umount(where)
    assert "not unmounted cleanly" in mount(None, image, where).warnings[0]
    umount(where)


@needs_root
def test_others_are_denied_what_is_cached(image: Path, where: Path) -> None:
    mount(None, image, where, "allow_other")
    os.chmod(where, 0o755)
    secret = where / "secret"
    secret.write_text("mine")
    os.chmod(secret, 0o600)
    assert secret.read_text() == "mine"  # now Linux has it in its caches
    done = run_as(4321, f"open({str(secret)!r}).read()")
    assert "PermissionError" in done.stderr
    os.chmod(secret, 0o644)
    done = run_as(4321, f"print(open({str(secret)!r}).read())")
    assert (done.stdout, done.stderr) == ("mine\n", "")
    done = run_as(4321, f"open({str(where / 'new')!r}, 'w')")
    assert "PermissionError" in done.stderr
    umount(where)


@needs_root
def test_linux_reads_far_ahead(image: Path, where: Path) -> None:
    """Fewer requests than by its 128 KiB at a time."""
    mount(None, image, where, "")
    device = next(
        line.split(" ")[2]
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
        if line.split(" ")[4] == str(where)
    )
    ahead = Path(f"/sys/class/bdi/{device}/read_ahead_kb")
    if not os.access(ahead, os.W_OK):
        pytest.skip("this machine's sysfs can't be written")
    assert int(ahead.read_text()) >= 512
    umount(where)


@needs_root
def test_supplementary_groups_count(image: Path, where: Path) -> None:
    mount(None, image, where)
    os.chmod(where, 0o755)
    folder = where / "team"
    folder.mkdir()
    os.chown(folder, 0, 777)
    os.chmod(folder, 0o2775)
    script = f"open({str(folder / 'f')!r}, 'w').write('x')"
    assert "PermissionError" in run_as(4321, script).stderr
    assert run_as(4321, script, 5, 777, 778).stderr == ""
    assert (folder / "f").stat().st_uid == 4321
    assert (folder / "f").stat().st_gid == 777
    umount(where)


@needs_root
def test_sticky_directories(image: Path, where: Path) -> None:
    mount(None, image, where)
    os.chmod(where, 0o755)
    folder = where / "tmp"
    folder.mkdir()
    os.chmod(folder, 0o1777)
    (folder / "mine").touch()
    assert run_as(4321, f"open({str(folder / 'theirs')!r}, 'w')").stderr == ""
    script = f"import os; os.unlink({str(folder / 'mine')!r})"
    assert "Error" in run_as(4321, script).stderr
    script = f"import os; os.unlink({str(folder / 'theirs')!r})"
    assert run_as(4321, script).stderr == ""
    umount(where)


def test_fakeroot_shows_one_owner(image: Path, where: Path) -> None:
    mount(None, image, where, "fakeroot,uid=1234,gid=4321")
    for path in [where, *where.iterdir()]:
        found = path.lstat()
        assert (found.st_uid, found.st_gid) == (1234, 4321)
    if os.geteuid() == 0:
        (where / "f").touch()
        os.chown(where / "f", 1234, 4321)
        with pytest.raises(PermissionError):
            os.chown(where / "f", 1, 1)
    umount(where)


@needs_root
def test_flags_by_chattr(image: Path, where: Path, need: Callable[[str], str]) -> None:
    chattr, lsattr = need("chattr"), need("lsattr")
    mount(None, image, where)
    path = where / "f"
    path.write_text("x")
    subprocess.run([chattr, "+i", path], check=True)
    with pytest.raises(PermissionError):
        path.write_text("y")
    with pytest.raises(PermissionError):
        os.unlink(path)
    done = subprocess.run([lsattr, path], capture_output=True, text=True, check=True)
    assert "i" in done.stdout.split()[0]
    subprocess.run([chattr, "-i", "+a", path], check=True)
    with pytest.raises(PermissionError):
        path.write_text("y")
    with open(path, "a") as file:
        file.write("y")
    subprocess.run([chattr, "-a", path], check=True)
    assert path.read_text() == "xy"
    os.unlink(path)
    umount(where)


@needs_root
def test_mounts_are_nosuid_nodev_unless_asked(image: Path, where: Path) -> None:
    def flags() -> set[str]:
        with open("/proc/self/mounts", encoding="utf-8") as table:
            line = next(line for line in table if line.split()[1] == str(where))
        return set(line.split()[3].split(","))

    mount(None, image, where)
    assert {"nosuid", "nodev", "rw"} <= flags()
    umount(where)
    mount(None, image, where, "suid,dev,ro")
    assert not {"nosuid", "nodev", "rw"} & flags()
    umount(where)


@needs_root
def test_an_ordinary_user_mounts(image: Path, where: Path, need: object) -> None:
    need("fusermount3")  # type: ignore[operator]
    if not os.stat("/dev/fuse").st_mode & stat.S_IROTH:
        pytest.skip("/dev/fuse is not open to ordinary users")
    user = pwd.getpwnam("nobody").pw_uid  # fusermount3 wants a name
    os.chown(where, user, user)
    os.chown(image, user, user)
    root = Path(rumpy.__file__).parents[1]
    packages = [path for path in sys.path if path.endswith("site-packages")]
    environment = {
        **os.environ,
        "PYTHONPATH": ":".join([str(root), *packages]),
        "HOME": "/tmp",
    }
    environment.pop("XDG_RUNTIME_DIR", None)
    python = python_of(user)

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-m", "rumpy.cli", *words],
            user=user,
            group=user,
            extra_groups=[],
            env=environment,
            capture_output=True,
            text=True,
            cwd="/",
        )

    done = command("mount", str(image), str(where))
    assert (done.returncode, done.stderr) == (0, "")
    script = f"""
import os
os.chdir({str(where)!r})
assert all(os.lstat(n).st_uid == {user} for n in os.listdir('.'))
open('f', 'w').write('x' * 5000)
os.chmod('f', 0o640)
os.mkdir('d')
os.rename('f', 'd/f')
print(open('d/f').read() == 'x' * 5000)
"""
    worked = run_as(user, script)
    assert (worked.stdout, worked.stderr) == ("True\n", "")
    assert str(where) in command("mounts").stdout
    assert command("umount", str(where)).stderr == ""
    assert not is_mounted(where)
    refused = command("mount", "-o", "allow_other", str(image), str(where))
    if "user_allow_other" not in Path("/etc/fuse.conf").read_text().splitlines():
        assert refused.returncode == 1 and "user_allow_other" in refused.stderr


def test_an_image_that_cannot_be_written_is_read_only(image: Path, where: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root can write to every file")
    os.chmod(image, 0o444)
    found = mount(None, image, where)
    assert "read-only" in found.warnings[0]
    umount(where)


def test_open_files_end_with_enfile(tmp_path: Path, where: Path) -> None:
    """More nameless files than the kernel's memory holds: the server lives."""
    image = tmp_path / "many.img"
    newfs(image, size=64 << 20, density=2048)
    mount(None, image, where, "memory=8M")
    script = f"""
import errno, os, resource
os.chdir({str(where)!r})
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
flags = os.O_TMPFILE | os.O_RDWR
open('before', 'w').close()
for _ in range(2):
    files = []
    try:
        while True:
            files.append(os.open('.', flags))
    except OSError as error:
        assert error.errno == errno.ENFILE, error
    assert len(files) > 1000, len(files)
    os.write(files[0], b'x' * 5000)
    os.sync()
    assert os.listdir('.') == ['before']
    for fd in files:
        os.close(fd)
files = []
try:
    while True:
        os.mkdir('new')
        os.rmdir('new')  # what Linux has cached is old now
        files.append(os.open('.', os.O_RDONLY))
        with os.scandir(files[-1]) as entries:
            next(entries)
except OSError as error:
    assert error.errno == errno.ENFILE, error
for fd in files:
    os.close(fd)
os.unlink('before')
os.mkdir('after')
print(os.listdir('.'))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("['after']\n", "")
    umount(where)
    assert fsck(image).problems == ()


def test_foreground(image: Path, where: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rumpy.cli", "mount", "-f", str(image), str(where)],
    )
    wait_for(lambda: is_mounted(where))
    (where / "f").write_bytes(b"x")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert not is_mounted(where)


def test_fusepy_shows_the_same_tree(image: Path, where: Path) -> None:
    pytest.importorskip("fuse")

    def contents() -> dict[str, object]:
        found: dict[str, object] = {}
        for path in sorted(where.rglob("*")):
            st = path.lstat()
            data = path.read_bytes() if stat.S_ISREG(st.st_mode) else b""
            found[str(path.relative_to(where))] = (st.st_mode, st.st_uid, data)
        return found

    mount(None, image, where, "ro")
    native = contents()
    umount(where)
    mount(None, image, where, "server=fusepy")
    assert contents() == native
    (where / "new").write_bytes(b"through fusepy")
    os.mkdir(where / "d")
    os.rename(where / "new", where / "d/f")
    umount(where)
    mount(None, image, where, "ro")
    assert (where / "d/f").read_bytes() == b"through fusepy"
    umount(where)
