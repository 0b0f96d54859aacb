# SPDX-License-Identifier: BSD-2-Clause
"""A kernel's life: boot, modules, disks, mounts, panics, ends."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import rumpy
from rumpy.block import FileDevice, MemoryDevice, OverlayDevice

ROOT = Path(__file__).resolve().parent.parent


def run_python(code: str, *arguments: str, timeout: float = 60) -> Any:
    """Run a program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


# --- boot and end ------------------------------------------------------------


def test_the_root_file_system(kernel: rumpy.Kernel) -> None:
    assert "dev" in kernel.listdir("/")
    assert {"console", "null", "zero"} <= set(kernel.listdir("/dev"))
    fd = kernel.open("/dev/zero", os.O_RDONLY)
    assert kernel.read(fd, 100) == bytes(100)
    null = kernel.open("/dev/null", os.O_RDWR)
    assert kernel.write(null, b"gone") == 4 and kernel.read(null, 10) == b""
    assert (kernel.getuid(), kernel.geteuid(), kernel.getcwd()) == (0, 0, "/")


def test_descriptors_0_to_2_are_the_console(kernel: rumpy.Kernel) -> None:
    kernel.write(1, b"to the console\n")
    kernel.write(2, b"and again\n")
    text = kernel.console.tail()
    assert "to the console\n" in text and "and again\n" in text


def test_closing_twice_and_calling_after(built: None) -> None:
    k = rumpy.Kernel()
    assert repr(k) == "<Kernel running>"
    k.close()
    k.close()
    assert repr(k) == "<Kernel closed>"
    for call in (k.getpid, k.sync, lambda: k.open("/", 0), lambda: k.load("ffs")):
        with pytest.raises(rumpy.KernelClosed):
            call()


def test_two_kernels_share_nothing(kernel: rumpy.Kernel, image: Path) -> None:
    with rumpy.Kernel() as other:
        kernel.mkdir("/only-here")
        assert "only-here" not in other.listdir("/")
        kernel.load("ffs")
        assert [m.name for m in other.modules()] == []
        with other.mount("ffs", str(image), "/mnt", "ro") as mnt:
            assert (mnt / "README").exists()
    assert "only-here" in kernel.listdir("/")


def test_many_kernels_one_after_the_other(built: None) -> None:
    for _ in range(20):
        with rumpy.Kernel() as k:
            assert k.getpid() > 0


def test_a_forgotten_kernel_warns_and_is_closed(built: None) -> None:
    k = rumpy.Kernel()
    machine = k._machine
    with pytest.warns(ResourceWarning, match="unclosed <Kernel"):
        del k
        gc.collect()
    rumpy.Kernel().close()
    assert machine.k is None


def test_close_wakes_who_sleeps(built: None) -> None:
    k = rumpy.Kernel()
    k.mkfifo("/p")
    fd = k.open("/p", os.O_RDWR)
    errors: list[BaseException] = []

    def sleep() -> None:
        try:
            k.read(fd, 1)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=sleep) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    k.close()
    for thread in threads:
        thread.join(10)
    assert [type(e) for e in errors] == [rumpy.KernelClosed] * 3


def test_threads_may_call_in(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(50):
                path = f"/mnt/t{number}-{i}"
                k.write_file(path, bytes([number]) * 3000)
                assert k.read_file(path) == bytes([number]) * 3000
                k.unlink(path)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_a_child_of_fork_can_not_use_it(kernel: rumpy.Kernel) -> None:
    done = run_python(
        """
        import os, rumpy
        k = rumpy.Kernel()
        pid = os.fork()
        if pid == 0:
            try:
                k.getpid()
            except ChildProcessError as error:
                os._exit(7 if isinstance(error, rumpy.KernelInChild) else 8)
            os._exit(9)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), k.getpid() > 0)
        k.close()
        """
    )
    assert done.stdout == "7 True\n", done.stderr


def test_the_end_of_the_interpreter_unmounts(image: Path) -> None:
    done = run_python(
        """
        import sys, rumpy
        k = rumpy.Kernel()
        mnt = k.mount("ffs", sys.argv[1], "/mnt")
        (mnt / "new").write_text("kept")
        """,
        str(image),
    )
    assert done.returncode == 0, done.stderr
    from rumpy.probe import probe

    superblock = probe(image).superblock
    assert superblock is not None and superblock.clean
    with rumpy.Kernel() as k, k.mount("ffs", str(image), "/mnt") as mnt:
        assert (mnt / "new").read_text() == "kept"


def test_ctrl_c_ends_a_sleeping_call(built: None) -> None:
    done = run_python(
        """
        import os, signal, threading, time, rumpy
        with rumpy.Kernel() as k:
            k.mkfifo("/p")
            fd = k.open("/p", os.O_RDWR)
            main = threading.main_thread()
            def interrupt():
                time.sleep(0.2)
                os.kill(os.getpid(), signal.SIGINT)
            threading.Thread(target=interrupt).start()
            start = time.monotonic()
            try:
                k.read(fd, 1)
            except KeyboardInterrupt:
                print("interrupted", 0.1 < time.monotonic() - start < 5)
            print(k.getpid() > 0)
        """
    )
    assert done.stdout == "interrupted True\nTrue\n", done.stderr


def test_a_signal_handler_that_returns_lets_the_call_go_on(built: None) -> None:
    done = run_python(
        """
        import os, signal, threading, time, rumpy
        seen = []
        signal.signal(signal.SIGALRM, lambda *a: seen.append(1))
        with rumpy.Kernel() as k:
            k.mkfifo("/p")
            fd = k.open("/p", os.O_RDWR)
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            threading.Timer(0.4, k.write, (fd, b"x")).start()
            print(k.read(fd, 1), seen)
        """
    )
    assert done.stdout == "b'x' [1]\n", done.stderr


@pytest.mark.parametrize("order", ["before", "after"])
def test_faulthandler_and_panics_get_along(built: None, order: str) -> None:
    done = run_python(
        """
        import faulthandler, sys, time, rumpy
        if sys.argv[1] == "before":
            faulthandler.enable()
        k = rumpy.Kernel()
        if sys.argv[1] == "after":
            faulthandler.enable()
            time.sleep(0.5)  # the monitor has looked meanwhile
        k.load("oops")
        try:
            k.sysctl("oops.now", "null")
        except rumpy.KernelPanic as panic:
            print(len(panic.frames) >= 3)
        k.close()
        with rumpy.Kernel() as other:
            print(other.getpid() > 0)
        """,
        order,
    )
    assert done.stdout == "True\nTrue\n", done.stderr
    assert done.stderr == ""


# --- panics ------------------------------------------------------------------


def test_a_panic_is_an_exception_with_a_backtrace(kernel: rumpy.Kernel) -> None:
    with rumpy.Kernel() as dying:
        with pytest.raises(rumpy.KernelPanic) as info:
            oops(dying, "panic")
        assert info.value.message
        assert len([f for f in info.value.frames if f.file and f.line]) >= 3
        assert any(f.module == "oops" for f in info.value.frames)
        with pytest.raises(rumpy.KernelPanic):
            dying.getpid()
        assert repr(dying) == "<Kernel panicked>"
    assert kernel.getpid() > 0


@pytest.mark.parametrize(
    "what", ["null", "kassert", "recursion", "smash", "loop", "jump"]
)
def test_every_way_to_die_ends_one_kernel_only(kernel: rumpy.Kernel, what: str) -> None:
    with rumpy.Kernel(watchdog=0.5) as dying:
        with pytest.raises(rumpy.KernelPanic) as info:
            oops(dying, what)
        assert len([f for f in info.value.frames if f.file and f.line]) >= 3
    assert kernel.getpid() > 0


def oops(k: rumpy.Kernel, what: str) -> None:
    """Make the oops module do `what`."""
    k.load("oops")
    k.sysctl("oops.now", what)


# --- modules -----------------------------------------------------------------


def test_load_and_unload(kernel: rumpy.Kernel) -> None:
    module = kernel.load("hello")
    assert (module.name, str(module), module.loaded) == ("hello", "hello", True)
    assert module.version // 100_000_000 == 10
    assert kernel.modules() == [module]
    assert kernel.load("hello") is module
    assert "hello" in kernel.console.tail()
    module.unload()
    assert not module.loaded and kernel.modules() == []
    with pytest.raises(rumpy.ModuleError, match="not loaded"):
        kernel.unload("hello")
    kernel.load("hello")


def test_no_such_module(kernel: rumpy.Kernel) -> None:
    with pytest.raises(rumpy.ModuleError, match="nothing: no such module"):
        kernel.load("nothing")
    with pytest.raises(rumpy.ModuleError, match="no such file"):
        kernel.load("/none/x.kmod")


def test_a_driver_in_use_can_not_be_unloaded(ffs: rumpy.Mount) -> None:
    with pytest.raises(rumpy.ModuleError, match="in use"):
        ffs.kernel.unload("ffs")
    ffs.unmount()
    ffs.kernel.unload("ffs")


def test_not_a_module(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    path = tmp_path / "x.kmod"
    path.write_bytes(b"#!/bin/sh\n")
    with pytest.raises(rumpy.LinkError, match=r"x\.kmod"):
        kernel.load(str(path))


# --- disks and mounts --------------------------------------------------------


@pytest.mark.parametrize("how", ["path", "pathlike", "bytes", "file", "device"])
def test_what_can_be_mounted(kernel: rumpy.Kernel, image: Path, how: str) -> None:
    with image.open("r+b") as file:
        source: Any = {
            "path": str(image),
            "pathlike": image,
            "bytes": image.read_bytes(),
            "file": file,
            "device": MemoryDevice(image.read_bytes()),
        }[how]
        with kernel.mount("ffs", source, "/mnt") as mnt:
            assert "quick brown fox" in (mnt / "a_directory/deeper/fox.txt").read_text()
            (mnt / "new").write_text("x")
    changed = b"new\0" in image.read_bytes()
    assert changed == (how in ("path", "pathlike", "file"))


def test_attach_and_detach(kernel: rumpy.Kernel, image: Path) -> None:
    disk = kernel.attach(str(image), "/dev/rd5")
    assert disk.path == "/dev/rd5" and "rd5" in kernel.listdir("/dev")
    fd = kernel.open("/dev/rrd5", os.O_RDONLY)
    assert kernel.pread(fd, 8192, 8192)[1372:1376] == bytes.fromhex("19015419")
    kernel.close(fd)
    with kernel.mount("ffs", disk, "/mnt", "ro"):
        with pytest.raises(OSError) as info:
            disk.detach()
        assert info.value.kernel_errno == 16  # type: ignore[attr-defined]
    with kernel.mount("ffs", "/dev/rd5", "/mnt", "ro") as mnt:
        assert mnt.disk is disk
    disk.detach()
    assert "rd5" not in kernel.listdir("/dev")
    kernel.attach(str(image)).detach()


def test_an_image_in_use_is_refused(kernel: rumpy.Kernel, image: Path) -> None:
    with rumpy.Kernel() as other:
        with (
            kernel.mount("ffs", str(image), "/mnt"),
            pytest.raises(rumpy.ImageError, match="in use"),
        ):
            other.mount("ffs", str(image), "/mnt")
        other.mount("ffs", str(image), "/mnt").unmount()


def test_read_only(kernel: rumpy.Kernel, image: Path) -> None:
    before = image.read_bytes()
    with kernel.mount("ffs", str(image), "/mnt", "ro") as mnt:
        assert mnt.readonly and mnt.statvfs().f_flag & os.ST_RDONLY
        with pytest.raises(OSError, match="Read-only"):
            (mnt / "x").touch()
        (mnt / "README").read_bytes()
    assert image.read_bytes() == before


def test_an_overlay_keeps_the_image(kernel: rumpy.Kernel, image: Path) -> None:
    before = image.read_bytes()
    overlay = OverlayDevice(FileDevice(image, readonly=True))
    with kernel.mount("ffs", overlay, "/mnt") as mnt:
        (mnt / "x").write_text("in memory")
    with kernel.mount("ffs", overlay, "/mnt") as mnt:
        assert (mnt / "x").read_text() == "in memory"
    assert image.read_bytes() == before


def test_mounting_fails_by_name(kernel: rumpy.Kernel, tmp_path: Path) -> None:
    junk = tmp_path / "junk.img"
    junk.write_bytes(bytes(1 << 20))
    with pytest.raises(rumpy.ImageError, match=r"junk\.img: no ffs file system"):
        kernel.mount("ffs", str(junk), "/mnt")
    with pytest.raises(FileNotFoundError):
        kernel.mount("ffs", str(tmp_path / "none.img"), "/mnt")
    with pytest.raises(OSError, match="no driver for file system type 'nofs'"):
        kernel.mount("nofs", str(junk), "/mnt")
    with pytest.raises(ValueError, match="unknown mount option 'rubbish'"):
        kernel.mount("ffs", str(junk), "/mnt", "rubbish")
    assert kernel.listdir("/dev") == rumpy_devices(kernel)


def rumpy_devices(kernel: rumpy.Kernel) -> list[str]:
    """/dev without disks: nothing was left behind."""
    return [
        name for name in kernel.listdir("/dev") if not name.startswith(("rd", "rrd"))
    ]


def test_unmount_refuses_while_in_use(ffs: rumpy.Mount) -> None:
    k = ffs.kernel
    fd = k.open("/mnt/README", os.O_RDONLY)
    with pytest.raises(OSError) as info:
        ffs.unmount()
    assert info.value.kernel_errno == 16  # type: ignore[attr-defined]
    k.close(fd)
    ffs.unmount()
    ffs.unmount()
    assert not ffs.mounted and k.listdir("/mnt") == []


def test_update_to_read_only_and_back(ffs: rumpy.Mount) -> None:
    (ffs / "a").write_text("a")
    ffs.update("ro")
    with pytest.raises(OSError, match="Read-only"):
        (ffs / "b").touch()
    ffs.update()
    (ffs / "b").touch()


def test_what_was_written_is_there_after_a_new_mount(
    kernel: rumpy.Kernel, image: Path
) -> None:
    data = os.urandom(300_000)
    with kernel.mount("ffs", str(image), "/mnt") as mnt:
        (mnt / "d").mkdir()
        (mnt / "d" / "f").write_bytes(data)
        (mnt / "bin" / "hello").rename(mnt / "d" / "moved")
        (mnt / "README").unlink()
    with rumpy.Kernel() as other, other.mount("ffs", str(image), "/mnt") as mnt:
        assert (mnt / "d" / "f").read_bytes() == data
        assert (mnt / "d" / "moved").stat().st_mode & 0o777 == 0o755
        assert not (mnt / "README").exists() and (mnt / "same-as-README").exists()


def test_a_disk_that_raises_is_the_calls_error(
    kernel: rumpy.Kernel, image: Path
) -> None:
    class Failing(MemoryDevice):
        window = None  # type: ignore[assignment]
        broken = False

        def read(self, offset: int, length: int) -> Any:
            if self.broken:
                raise ZeroDivisionError("from the disk")
            return super().read(offset, length)

    device = Failing(image.read_bytes())
    from rumpy.hypercall import Hypercalls, PythonBlockGroup

    with rumpy.Kernel(hypercalls=Hypercalls(block=PythonBlockGroup())) as k:
        mnt = k.mount("ffs", device, "/mnt", "ro")
        device.broken = True
        with pytest.raises((ZeroDivisionError, OSError)):
            (mnt / "numbers.txt").read_bytes()
        device.broken = False
        assert (mnt / "numbers.txt").read_bytes()
        mnt.unmount()


def test_a_disk_that_is_a_file_of_another_kernel(
    kernel: rumpy.Kernel, image: Path, tmp_path: Path
) -> None:
    """Kernel A's disk is a file on kernel B's file system."""

    class InKernel:
        sector_size = 512

        def __init__(self, k: rumpy.Kernel, path: str) -> None:
            self.k = k
            self.fd = k.open(path, os.O_RDWR)
            self.sector_count = k.fstat(self.fd).st_size // 512

        def read(self, offset: int, length: int) -> bytes:
            return self.k.pread(self.fd, length, offset)

        def write(self, offset: int, data: memoryview) -> None:
            assert self.k.pwrite(self.fd, data, offset) == len(data)

        def flush(self) -> None:
            self.k.fsync(self.fd)

        def discard(self, offset: int, length: int) -> None:
            return

    outer = tmp_path / "outer.img"
    make = [
        sys.executable,
        "-c",
        "import sys; open(sys.argv[1], 'wb').truncate(64 << 20)",
    ]
    subprocess.run([*make, str(outer)], check=True)
    small = image.read_bytes()[: 4 << 20]
    with kernel.mount("ffs", str(image), "/mnt") as mnt:
        (mnt / "inner.img").write_bytes(small[: 2 << 20])
        device = InKernel(kernel, "/mnt/inner.img")
        with rumpy.Kernel() as inner:
            disk = inner.attach(device, "/dev/rd0")
            fd = inner.open("/dev/rrd0", os.O_RDWR)
            assert inner.pread(fd, 8192, 8192) == small[8192:16384]
            inner.pwrite(fd, b"x" * 512, 1 << 20)
            inner.fsync(fd)
            inner.close(fd)
            disk.detach()
        assert kernel.pread(device.fd, 512, 1 << 20) == b"x" * 512
        kernel.close(device.fd)


def test_no_copies(kernel: rumpy.Kernel) -> None:
    """A shallow copy that went away closed the kernel it was a copy of."""
    for thing in kernel, kernel.process():
        for way in copy.copy, copy.deepcopy, pickle.dumps:
            with pytest.raises(TypeError, match="no copies"):
                way(thing)  # type: ignore[operator]
    for way in copy.deepcopy, pickle.dumps:
        with pytest.raises(TypeError, match="no copies"):
            way(kernel.path("/dev"))  # type: ignore[operator]
    assert kernel.getpid() == 1


def test_another_interpreter_of_the_process() -> None:
    program = """
import rumpy
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    import _interpreters as interpreters
inside = '''
import rumpy
try:
    rumpy.Kernel()
except (ImportError, rumpy.UnsupportedPlatform) as error:
    print("refused:", "interpreter" in str(error), flush=True)
'''
with rumpy.Kernel() as k:
    other = interpreters.create()
    error = interpreters.run_string(other, inside)
    assert error is None, error
    interpreters.destroy(other)
    print(k.getpid(), flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["refused: True", "1"]


@pytest.mark.parametrize(
    "settings",
    [{"hz": 0}, {"hz": -1}, {"hz": 10**9}, {"watchdog": 0}, {"watchdog": -1}],
)
def test_numbers_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        rumpy.Kernel(**settings)


def test_mounts_that_cannot_be(kernel: rumpy.Kernel) -> None:
    with pytest.raises(ValueError, match="ffs needs a disk"):
        kernel.mount("ffs", None, "/mnt")
    with pytest.raises(TypeError, match="a driver is a name"):
        kernel.mount(None, bytes(1 << 20), "/mnt")  # type: ignore[arg-type]


def test_a_node_that_cannot_be_made(kernel: rumpy.Kernel) -> None:
    """The disk is gone again, and its name is free."""
    with pytest.raises(FileNotFoundError):
        kernel.attach(bytes(1 << 20), "/no/such/disk")
    assert "rd0" not in kernel.listdir("/dev")
    assert kernel.attach(bytes(1 << 20)).path == "/dev/rd0"


def test_a_kernel_image_of_nothing() -> None:
    with pytest.raises(rumpy.LinkError):
        rumpy.Kernel(image=b"")


def test_nothing_is_left_of_a_closed_kernel() -> None:
    with rumpy.Kernel() as k:
        hello = k.load("hello")
    assert (k.modules(), k.mounts(), hello.loaded) == ([], [], False)
