# SPDX-License-Identifier: BSD-2-Clause
"""Exports by this very process: one kernel, used from both sides."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from ffs import ffscheck
from fusehelp import is_mounted, skip_unmountable, wait_for

import rumpy
from rumpy.ffstools import newfs
from rumpy.fuse import MountError

pytestmark = pytest.mark.usefixtures("built")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A directory of the host to export to."""
    skip_unmountable()
    directory = tmp_path / "export"
    directory.mkdir()
    return directory


@pytest.fixture
def shared(ffs: rumpy.Mount, host: Path) -> Iterator[rumpy.Mount]:
    """A mount of a kernel of this process, which the host sees as well."""
    with ffs.export(host, in_process=True):
        yield ffs
    assert not is_mounted(host)


def outside(script: str) -> str:
    """Python code in a process of its own: ours must not wait for itself."""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def started(
    script: str, *words: str
) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """The same, running, with what it prints."""
    with subprocess.Popen(
        [sys.executable, "-c", script, *words], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout


def test_both_sides_see_each_other(shared: rumpy.Mount, host: Path) -> None:
    k = shared.kernel
    k.write_file("/mnt/inside", b"from the kernel")
    path = str(host / "inside")
    assert outside(f"print(open({path!r}).read())") == "from the kernel\n"
    k.write_file("/mnt/inside", b"changed")
    assert outside(f"print(open({path!r}).read())") == "changed\n"
    outside(f"open({str(host / 'outside')!r}, 'w').write('from the host')")
    assert k.read_file("/mnt/outside") == b"from the host"
    k.unlink("/mnt/inside")
    assert outside(f"import os; print(os.path.exists({path!r}))") == "False\n"


def test_a_busy_python_thread_does_not_stop_it(shared: rumpy.Mount, host: Path) -> None:
    stop = threading.Event()

    def compute() -> None:
        while not stop.is_set():
            sum(range(1000))

    busy = threading.Thread(target=compute)
    # What needed Python would wait for half a second, each time.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.5)
    busy.start()
    try:
        script = f"""
import os, time
os.chdir({str(host)!r})
start = time.monotonic()
for i in range(200):
    os.close(os.open('f', os.O_CREAT | os.O_WRONLY)); os.unlink('f')
print(time.monotonic() - start)
"""
        assert float(outside(script)) < 30
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        busy.join()


@pytest.mark.parametrize("options", [("sync",), ("log", "sync"), ("acls",)])
def test_a_tmpfile_never_has_a_name(
    host: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """No crash can leave its name: none is ever written, but where lists are."""
    skip_unmountable()
    image = tmp_path / "tmpfile.img"
    newfs(image, size=8 << 20)
    with rumpy.Kernel() as k:
        k.load("ffs")
        with k.mount("ffs", str(image), "/mnt", *options) as mnt:
            with mnt.export(host, in_process=True):
                outside(f"""
import os
fd = os.open({str(host)!r}, os.O_TMPFILE | os.O_RDWR, 0o640)
os.write(fd, b"x" * 3000)
os.fsync(fd)
os.link(f"/proc/self/fd/{{fd}}", {str(host / "named")!r}, src_dir_fd=fd)
os.close(os.open({str(host)!r}, os.O_TMPFILE | os.O_RDWR))
os.sync()
""")
            assert k.listdir("/mnt") == ["named"]
            st = k.stat("/mnt/named")
            assert (st.st_size, st.st_nlink, st.st_mode & 0o777) == (3000, 1, 0o640)
    # A directory's blocks keep what was in them.
    assert (b".#rumpy-" in image.read_bytes()) == (options == ("acls",))
    assert ffscheck.check(image.read_bytes()).problems == []


WAITER = """
import fcntl, os, signal, sys
class Alarm(Exception): pass
def rang(*_): raise Alarm
signal.signal(signal.SIGALRM, rang)
fd = os.open(sys.argv[1], os.O_RDWR)
print("ready", flush=True)
signal.alarm(1)
try:
    fcntl.lockf(fd, fcntl.LOCK_EX)
except Alarm:
    print("interrupted", flush=True)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
fcntl.lockf(fd, fcntl.LOCK_EX)
print("locked", flush=True)
"""


def test_locks_are_one_and_waiting_can_be_interrupted(
    shared: rumpy.Mount, host: Path
) -> None:
    k = shared.kernel
    fd = k.open("/mnt/lock", os.O_RDWR | os.O_CREAT, 0o644)
    k.flock(fd, 2)  # LOCK_EX
    with started(WAITER, str(host / "lock")) as (waiter, said):
        assert said.readline() == "ready\n"
        assert said.readline() == "interrupted\n"
        # Other requests go on while the lock is waited for.
        outside(f"import os; os.listdir({str(host)!r})")
        k.flock(fd, 8)  # LOCK_UN
        assert said.readline() == "locked\n"
        assert waiter.wait(10) == 0
    k.close(fd)


def test_close_wakes_who_waits(ffs: rumpy.Mount, host: Path) -> None:
    k = ffs.kernel
    fd = k.open("/mnt/lock", os.O_RDWR | os.O_CREAT, 0o644)
    k.flock(fd, 2)
    export = ffs.export(host, in_process=True)
    script = f"""
import fcntl, os
fd = os.open({str(host / "lock")!r}, os.O_RDWR)
print("ready", flush=True)
try:
    fcntl.lockf(fd, fcntl.LOCK_EX)
except OSError as error:
    print(error.errno, flush=True)
"""
    with started(script) as (_, said):
        assert said.readline() == "ready\n"
        time.sleep(0.2)
        export.close()
        assert int(said.readline()) > 0
    k.close(fd)


def test_exports_leave_no_memory(ffs: rumpy.Mount, host: Path) -> None:
    """Nor when Linux has sent what wants no answer, as FORGET."""
    name = str(host / "f")
    sizes = []
    for _ in range(6):
        with ffs.export(host, in_process=True):
            outside(f"import os; open({name!r}, 'x').close(); os.unlink({name!r})")
        with open("/proc/self/statm", encoding="ascii") as file:
            sizes.append(int(file.read().split()[0]) * os.sysconf("SC_PAGESIZE"))
    # A request takes more than 1 MiB.
    assert sizes[-1] - sizes[1] < 3 << 20, sizes


def test_python_in_the_path_is_refused(
    kernel: rumpy.Kernel, image: Path, host: Path
) -> None:
    from rumpy.block import Recorder, open_device

    with (
        open_device(image) as device,
        kernel.mount("ffs", Recorder(device), "/mnt") as mount,
        pytest.raises(MountError, match="Python"),
    ):
        mount.export(host, in_process=True)


def test_the_default_is_another_process(
    kernel: rumpy.Kernel, image: Path, host: Path
) -> None:
    with (
        kernel.mount("ffs", str(image), "/mnt") as mount,
        pytest.raises(MountError, match="two kernels"),
    ):
        mount.export(host)
    with kernel.mount("ffs", str(image), "/mnt", "ro") as mount, mount.export(host):
        assert sorted(os.listdir(host)) == sorted(kernel.listdir("/mnt"))
    assert not is_mounted(host)


def test_unmounting_in_the_kernel_is_refused_meanwhile(shared: rumpy.Mount) -> None:
    with pytest.raises(OSError):
        shared.unmount()
    assert shared.mounted


def test_end_of_python_unmounts(image: Path, host: Path) -> None:
    script = f"""
import rumpy
k = rumpy.Kernel()
mount = k.mount("ffs", {str(image)!r}, "/mnt")
export = mount.export({str(host)!r}, in_process=True)
print("live", flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "live\n"), done.stderr
    wait_for(lambda: not is_mounted(host))


def test_a_panic_is_eio_for_everybody(
    kernel: rumpy.Kernel, image: Path, host: Path
) -> None:
    script = f"""
import rumpy, subprocess, sys
k = rumpy.Kernel()
k.load("oops")
mount = k.mount("ffs", {str(image)!r}, "/mnt")
fd = k.open("/mnt/lock", 0o102, 0o644)
k.flock(fd, 2)
export = mount.export({str(host)!r}, in_process=True)
waiter = subprocess.Popen([sys.executable, "-c", '''
import fcntl, os, sys
fd = os.open(sys.argv[1] + "/lock", os.O_RDWR)
print("ready", flush=True)
try:
    fcntl.lockf(fd, fcntl.LOCK_EX)
except OSError as error:
    print("errno", error.errno, flush=True)
''', {str(host)!r}], stdout=subprocess.PIPE, text=True)
waiter.stdout.readline()
import time; time.sleep(0.2)
from rumpy.fuse.exporter import PANIC
try:
    k.sysctl("oops.now", b"panic")
except rumpy.KernelPanic:
    print("panicked", flush=True)
print(waiter.stdout.readline().strip(), flush=True)
export.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    if "has no attribute 'sysctl'" in done.stderr:
        pytest.skip("no sysctl from Python yet")
    assert done.stdout.split("\n")[:2] == ["panicked", "errno 5"], done.stderr
    wait_for(lambda: not is_mounted(host))


def test_signal_in_the_middle_of_requests(shared: rumpy.Mount, host: Path) -> None:
    worker = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import os\nos.chdir({str(host)!r})\n"
            "while True:\n open('s','wb').write(b'x'*300000); os.unlink('s')",
        ],
    )
    time.sleep(0.3)
    for _ in range(50):
        worker.send_signal(signal.SIGSTOP)
        worker.send_signal(signal.SIGCONT)
    worker.kill()
    worker.wait()
    outside(f"import os; os.listdir({str(host)!r})")


def test_changes_can_be_announced(ffs: rumpy.Mount, host: Path) -> None:
    from rumpy.fuse import Options
    from rumpy.fuse.exporter import NativeServer

    root = 1
    k, seen = ffs.kernel, f"import os; print('new' in os.listdir({str(host)!r}))"
    there = f"import os; print(os.path.exists({str(host / 'new')!r}))"
    server = NativeServer(ffs, str(host), Options(timeout=300).resolved())
    try:
        assert outside(seen) == outside(there) == "False\n"
        k.mkdir("/mnt/new")
        # Linux believes what it was told, for as long as it was told to.
        assert outside(there) == "False\n"
        server.inval_entry(root, "new")
        server.inval_inode(root)
        wait_for(lambda: outside(there) == "True\n")
        wait_for(lambda: outside(seen) == "True\n")
    finally:
        server.close()


OUTLIVING = """
import os, subprocess, sys, threading, time, rumpy
from rumpy.block import FileDevice
from rumpy.block.protocol import Wrapper
from rumpy.fuse import Options
from rumpy.fuse.exporter import NativeServer

image, host = sys.argv[1:]
waits, go = threading.Event(), threading.Event()

class Gate(Wrapper):
    shut = False
    def read(self, offset, length):
        if self.shut:
            waits.set()
            go.wait()
        return self.lower.read(offset, length)

disk = Gate(FileDevice(image))
with rumpy.Kernel() as k:
    with k.mount("ffs", disk, "/mnt") as mnt:
        (mnt / "f").write_bytes(b"x" * 100_000)
    with k.mount("ffs", disk, "/mnt") as mnt:
        server = NativeServer(mnt, host, Options().resolved())
        disk.shut = True
        reader = subprocess.Popen(["cat", host + "/f"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True)
        assert waits.wait(20)
        # The server is told to end, and gives up waiting, long before the disk
        # answers: the request is answered by a kernel whose server is gone.
        threading.Timer(6.5, go.set).start()
        began = time.monotonic()
        server.close()
        assert reader.wait() != 0, "nobody told the reader"
        disk.shut = False
        assert go.wait(20)
        time.sleep(0.2)
        print("alive", (mnt / "f").stat().st_size, flush=True)
"""


@pytest.mark.slow
def test_request_outlives_its_server(image: Path, host: Path) -> None:
    """A disk that answers after the server was destroyed hurts nobody."""
    done = subprocess.run(
        [sys.executable, "-c", OUTLIVING, str(image), str(host)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert done.stdout == "alive 100000\n"
