# SPDX-License-Identifier: BSD-2-Clause
"""NetBSD's own file systems, as their modules come: each is loaded, mounted, read,
written where it writes, judged by a checker that is not ours, mounted again and
unloaded.

Where a driver lacks something that POSIX promises, or where NetBSD's driver is
wrong, properties.py has the portable cases that fail; no other may.
"""

from __future__ import annotations

import errno
import os
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import rumpy
from netbsd import images
from netbsd.properties import applicable
from netbsd.trees import (
    Contents,
    change_directories,
    change_files,
    fails,
    get,
    make_source,
    nested,
    of_host,
    of_kernel,
    put,
)
from rumpy import store
from rumpy.testing import KernelTree, all_cases, probe, run_cases


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the images hold."""
    return make_source(tmp_path_factory.mktemp("source"))


@pytest.fixture
def kernel(built: None) -> Iterator[rumpy.Kernel]:
    """A kernel with room for tmpfs."""
    with rumpy.Kernel(memory=128 << 20) as k:
        yield k


def load(k: rumpy.Kernel, name: str) -> None:
    """NetBSD's module, or a skip where there is none."""
    if not store.has(name):
        pytest.skip("no NetBSD modules: see docs/guide, or RUMPY_NETBSD_MODULES")
    k.load(f"netbsd:{name}")


def unload_all(k: rumpy.Kernel) -> None:
    """Nothing holds on to a module once its mounts are gone."""
    for mount in reversed(k.mounts()):
        mount.unmount()
    for module in reversed(k.modules()):
        module.unload()
    assert k.modules() == []


def run(*command: str | Path) -> None:
    """A program that has to succeed."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


# --- images ---------------------------------------------------------------------


def blank(image: Path, mebibytes: int) -> None:
    with image.open("wb") as file:
        file.truncate(mebibytes << 20)


def make_ext2(*options: str) -> Callable[[Path, Path], None]:
    def make(image: Path, source: Path) -> None:
        blank(image, 32)
        run("mkfs.ext2", "-q", "-F", *options, "-d", source, image)

    return make


def make_fat(bits: int, mebibytes: int) -> Callable[[Path, Path], None]:
    def make(image: Path, source: Path) -> None:
        blank(image, mebibytes)
        run("mkfs.fat", "-F", str(bits), image)
        run("mcopy", "-s", "-i", image, *sorted(source.iterdir()), "::")

    return make


def make_iso(*options: str) -> Callable[[Path, Path], None]:
    def make(image: Path, source: Path) -> None:
        run("genisoimage", "-quiet", *options, "-o", image, source)

    return make


def make_udf(revision: str) -> Callable[[Path, Path], None]:
    def make(image: Path, source: Path) -> None:
        blank(image, 32)
        run("mkudffs", "--media-type=hd", f"--udfrev={revision}", "-b", "512", image)

    return make


def make_nilfs(image: Path, source: Path) -> None:
    blank(image, 140)
    run("mkfs.nilfs2", "-q", "-f", image)


def make_ntfs(image: Path, source: Path) -> None:
    blank(image, 32)
    run("mkntfs", "-Q", "-q", "-F", image)
    for path in sorted(source.iterdir()):
        if path.is_file():
            run("ntfscp", "-f", image, path, path.name)


def make_hfs(image: Path, source: Path) -> None:
    """An ISO image with the same files as HFS+ in its second half."""
    run("xorriso", "-as", "mkisofs", "-quiet", "-hfsplus", "-o", image, source)


def written_by(
    maker: Callable[[Any], bytes], *, flat: bool = False
) -> Callable[[Path, Path], None]:
    def make(image: Path, source: Path) -> None:
        tree = nested(source)
        image.write_bytes(maker(images.flat(tree) if flat else tree))

    return make


# --- file systems on disks ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A file system on a disk, and what can be expected of it."""

    name: str
    kind: str
    make: Callable[[Path, Path], None]
    needs: tuple[str, ...] = ()
    #: What the image holds: of the source, "all", "files", "none".
    holds: str = "all"
    #: Names that only the file system itself has; fold: not their case.
    ignore: tuple[str, ...] = ()
    fold: bool = False
    writes: bool = True
    directories: bool = True
    files: tuple[int, int] = (200, 600_000)
    judge: tuple[str, ...] = ()
    #: What the judge may say although nothing of ours is wrong.
    forgiven: str = ""
    offset: int = 0
    #: The driver opens its disk for writing even where it only reads.
    writable_disk: bool = False
    options: tuple[str, ...] = field(default=())


ISO = ("genisoimage",)
ON_DISK = [
    OnDisk(
        "ext2fs",
        "ext2fs",
        make_ext2("-b", "1024", "-I", "128"),
        ("mkfs.ext2",),
        ignore=("lost+found",),
        judge=("e2fsck", "-fn"),
    ),
    OnDisk(
        "ext2fs-4k",
        "ext2fs",
        make_ext2("-b", "4096", "-I", "256"),
        ("mkfs.ext2",),
        ignore=("lost+found",),
        judge=("e2fsck", "-fn"),
    ),
    OnDisk(
        "msdos-12",
        "msdos",
        make_fat(12, 4),
        ("mkfs.fat", "mcopy"),
        fold=True,
        judge=("fsck.fat", "-n"),
        files=(60, 300_000),
    ),
    OnDisk(
        "msdos-16",
        "msdos",
        make_fat(16, 32),
        ("mkfs.fat", "mcopy"),
        fold=True,
        judge=("fsck.fat", "-n"),
    ),
    # Its driver leaves an old number of free clusters in the hint for the next one.
    OnDisk(
        "msdos-32",
        "msdos",
        make_fat(32, 64),
        ("mkfs.fat", "mcopy"),
        fold=True,
        judge=("fsck.fat", "-n"),
        forgiven="Free cluster summary wrong",
    ),
    OnDisk("cd9660-rockridge", "cd9660", make_iso("-R"), ISO, writes=False),
    OnDisk("cd9660-joliet", "cd9660", make_iso("-J"), ISO, writes=False),
    OnDisk("cd9660", "cd9660", make_iso("-l"), ISO, writes=False),
    OnDisk("udf-1.02", "udf", make_udf("1.02"), ("mkudffs",), holds="none"),
    OnDisk("udf-2.01", "udf", make_udf("2.01"), ("mkudffs",), holds="none"),
    OnDisk(
        "ntfs",
        "ntfs",
        make_ntfs,
        ("mkntfs", "ntfscp"),
        holds="files",
        writes=False,
        ignore=("$",),
    ),
    OnDisk("hfs", "hfs", make_hfs, ("xorriso",), writes=False, offset=65536),
    OnDisk(
        "nilfs",
        "nilfs",
        make_nilfs,
        ("mkfs.nilfs2",),
        holds="none",
        ignore=(".nilfs",),
        writes=False,
        writable_disk=True,
    ),
    OnDisk(
        "sysvbfs",
        "sysvbfs",
        written_by(images.bfs, flat=True),
        holds="files",
        directories=False,
        files=(20, 100_000),
    ),
    OnDisk("v7fs", "v7fs", written_by(images.v7), files=(60, 200_000)),
    OnDisk("efs", "efs", written_by(images.efs), writes=False),
    OnDisk("adosfs", "adosfs", written_by(images.amiga), writes=False),
]


def held(case: OnDisk, source: Path) -> Contents:
    """What the image should hold."""
    if case.holds == "none":
        return {}
    found = of_host(source)
    if case.holds == "files":
        return {
            name: what
            for name, what in found.items()
            if name == "empty" or (what and "/" not in name)
        }
    return found


def mounted(k: rumpy.Kernel, case: OnDisk, image: Path, *words: str) -> rumpy.Mount:
    disk: Any = str(image)
    if case.writable_disk:
        disk = k.attach(image)
    return k.mount(case.kind, disk, "/mnt", *words, *case.options, offset=case.offset)


def shown(k: rumpy.Kernel, case: OnDisk) -> Contents:
    """What is mounted, without what is the file system's own."""
    found = of_kernel(k, "/mnt")
    mine = {
        n: w
        for n, w in found.items()
        if not (case.ignore and n.startswith(case.ignore))
    }
    return {n.lower(): w for n, w in mine.items()} if case.fold else mine


def judge(case: OnDisk, image: Path) -> None:
    """The checker finds nothing, or nothing but what is forgiven."""
    done = subprocess.run(
        [*case.judge, image], capture_output=True, text=True, check=False
    )
    # fsck.fat indents what it does about a complaint.
    said = [
        line
        for line in done.stdout.splitlines()[1:-1]
        if line[:1].strip() and not line.startswith("Leaving")
    ]
    if done.returncode != 0 and not case.forgiven:
        raise AssertionError(done.stdout + done.stderr)
    if case.forgiven:
        assert [line for line in said if not line.startswith(case.forgiven)] == []


@pytest.mark.parametrize("case", ON_DISK, ids=lambda case: case.name)
def test_on_disk(
    case: OnDisk,
    kernel: rumpy.Kernel,
    source: Path,
    tmp_path: Path,
    need: Callable[[str], str],
) -> None:
    load(kernel, case.kind)
    for program in (*case.needs, *case.judge[:1]):
        need(program)
    image = tmp_path / "image"
    case.make(image, source)
    words = () if case.writes else ("ro",)
    mount = mounted(kernel, case, image, *words)
    assert shown(kernel, case) == held(case, source)
    assert mount.statvfs().f_bsize > 0
    if case.writes:
        change_files(kernel, "/mnt", *case.files)
        if case.directories:
            change_directories(kernel, "/mnt")
        kernel.sync()
        left = shown(kernel, case)
        mount.unmount()
        if case.judge:
            judge(case, image)
        mounted(kernel, case, image, "ro")
        assert shown(kernel, case) == left
    unload_all(kernel)


# --- file systems in memory, and layers -----------------------------------------


def run_applicable(
    mount: rumpy.Mount | KernelTree, kind: str, able: Iterable[str] | None = None
) -> None:
    """Every portable case that applies passes; most of them do apply."""
    names = applicable(kind, [case.name for case in all_cases()])
    report = run_cases(mount, capabilities=able, only=names)
    assert [str(result) for result in report.having("failed")] == []
    assert len(report.having("passed")) > 50


def lower(k: rumpy.Kernel) -> str:
    k.mkdir("/lower")
    put(k, "/lower/below", b"from below")
    return "/lower"


def lower_tmpfs(k: rumpy.Kernel) -> str:
    load(k, "tmpfs")
    k.mount("tmpfs", None, "/lower")
    put(k, "/lower/below", b"from below")
    return "/lower"


def covered(k: rumpy.Kernel) -> str:
    """overlay shows what it covers."""
    k.mkdir("/mnt")
    put(k, "/mnt/below", b"from below")
    return "/mnt"


@dataclass(frozen=True, slots=True)
class InMemory:
    """A file system without a disk."""

    name: str
    below: Callable[[rumpy.Kernel], str] | None = None
    options: tuple[str, ...] = ()


IN_MEMORY = [
    InMemory("tmpfs"),
    InMemory("null", lower),
    InMemory("overlay", covered),
    InMemory("umap", lower, ("users=0:0+1000:1000", "groups=0:0")),
    InMemory("union", lower_tmpfs),
]


@pytest.mark.parametrize("case", IN_MEMORY, ids=lambda case: case.name)
def test_in_memory(case: InMemory, kernel: rumpy.Kernel) -> None:
    load(kernel, case.name)
    below = case.below(kernel) if case.below else None
    mount = kernel.mount(case.name, below, "/mnt", *case.options)
    if below is not None:
        assert get(kernel, "/mnt/below") == b"from below"
    run_applicable(mount, case.name)
    change_files(kernel, "/mnt", 200, 600_000)
    change_directories(kernel, "/mnt")
    unload_all(kernel)


def test_ext2_by_the_portable_cases(
    kernel: rumpy.Kernel, tmp_path: Path, need: Callable[[str], str]
) -> None:
    load(kernel, "ext2fs")
    need("mkfs.ext2")
    image = tmp_path / "image"
    blank(image, 64)
    run("mkfs.ext2", "-q", "-F", "-I", "256", image)
    mount = kernel.mount("ext2fs", str(image), "/mnt")
    run_applicable(mount, "ext2fs")
    unload_all(kernel)
    run("e2fsck", "-fn", image)


def test_msdos_by_the_portable_cases(
    kernel: rumpy.Kernel, tmp_path: Path, need: Callable[[str], str]
) -> None:
    load(kernel, "msdos")
    need("mkfs.fat")
    image = tmp_path / "image"
    blank(image, 32)
    run("mkfs.fat", "-F", "16", image)
    # What the driver is able to do is found out on another image: see properties.
    shutil.copy(image, tmp_path / "probed")
    options = {"longname": True}
    with kernel.mount("msdos", str(tmp_path / "probed"), "/probed", options=options):
        able = probe(KernelTree(kernel, "/probed"))
    mount = kernel.mount("msdos", str(image), "/mnt", options=options)
    run_applicable(mount, "msdos", able)
    unload_all(kernel)
    run("fsck.fat", "-n", image)


# --- special ones ---------------------------------------------------------------


def test_kernfs(kernel: rumpy.Kernel) -> None:
    load(kernel, "kernfs")
    kernel.mount("kernfs", None, "/kern")
    assert {"hostname", "version", "time"} <= set(kernel.listdir("/kern"))
    assert get(kernel, "/kern/version").startswith(b"NetBSD 10")
    assert abs(int(get(kernel, "/kern/time").split()[0]) - time.time()) < 10
    unload_all(kernel)


def test_fdesc(kernel: rumpy.Kernel) -> None:
    load(kernel, "fdesc")
    kernel.mount("fdesc", None, "/dev/fd")
    put(kernel, "/file", b"through a descriptor")
    fd = kernel.open("/file", os.O_RDONLY)
    assert get(kernel, f"/dev/fd/fd/{fd}") == b"through a descriptor"
    kernel.close(fd)
    unload_all(kernel)


def test_ptyfs_is_empty(kernel: rumpy.Kernel) -> None:
    load(kernel, "ptyfs")
    kernel.mount("ptyfs", None, "/dev/pts")
    assert kernel.listdir("/dev/pts") == []
    unload_all(kernel)


def test_procfs(kernel: rumpy.Kernel) -> None:
    """What there is of processes and of the machine; nothing of the host's memory."""
    load(kernel, "procfs")
    kernel.mount("procfs", None, "/proc", "linux")
    user = kernel.process(uid=1000, gid=100)
    number = user.sys.getpid()
    assert {"0", "1", str(number), "curproc", "meminfo"} <= set(kernel.listdir("/proc"))
    status = get(kernel, f"/proc/{number}/status").split()
    assert status[:2] == [b"rumpy", b"%d" % number] and status[-2:] == [b"1000", b"100"]
    assert get(kernel, "/proc/1/cmdline") == b"init\0"
    assert kernel.readlink(f"/proc/{number}/cwd") == "/"
    assert user.readlink("/proc/curproc") == str(number)
    assert b"procfs /proc proc" in get(kernel, "/proc/mounts")
    assert b"wp\t\t: yes" in get(kernel, "/proc/cpuinfo")
    assert get(kernel, "/proc/meminfo").split()[7] == b"%d" % (128 << 20)
    fails(errno.EPERM, get, kernel, "/proc/1/mem")
    fails(errno.EACCES, user.open, "/proc/1/mem", os.O_RDONLY)
    user.close()
    assert str(number) not in kernel.listdir("/proc")
    unload_all(kernel)


def device(kernel: rumpy.Kernel, name: str) -> None:
    """The number that NetBSD's examples give themselves."""
    load(kernel, name)
    kernel.mknod("/dev/example", 0o20666, 351 << 8)


def test_mapper(kernel: rumpy.Kernel) -> None:
    device(kernel, "mapper")
    fd = kernel.open("/dev/example", os.O_RDONLY)
    with pytest.raises(rumpy.ModuleError):
        kernel.unload("mapper")
    kernel.close(fd)
    unload_all(kernel)


def test_fopsmapper(kernel: rumpy.Kernel) -> None:
    """It stays, as it does under NetBSD: it refuses to go."""
    device(kernel, "fopsmapper")
    fd = kernel.open("/dev/example", os.O_RDONLY)
    fails(errno.EOPNOTSUPP, kernel.fstat, fd)
    kernel.close(fd)
    with pytest.raises(rumpy.ModuleError):
        kernel.unload("fopsmapper")


def test_panic_string(
    kernel: rumpy.Kernel, tmp_path: Path, need: Callable[[str], str]
) -> None:
    """What was written before is on the disk when it panics."""
    load(kernel, "ext2fs")
    image = tmp_path / "image"
    blank(image, 8)
    run(need("mkfs.ext2"), "-q", "-F", image)
    kernel.mount("ext2fs", str(image), "/mnt")
    put(kernel, "/mnt/file", b"safe\n" * 100)
    device(kernel, "panic_string")
    fd = kernel.open("/dev/example", os.O_WRONLY)
    with pytest.raises(rumpy.KernelPanic, match="panic string: goodbye"):
        kernel.write(fd, b"goodbye")
    kernel.close()
    with rumpy.Kernel() as other:
        load(other, "ext2fs")
        other.mount("ext2fs", str(image), "/mnt", "ro")
        assert get(other, "/mnt/file") == b"safe\n" * 100


def test_mfs(
    kernel: rumpy.Kernel, source: Path, tmp_path: Path, need: Callable[[str], str]
) -> None:
    """mount(2) stays in the kernel and serves the disk until it is unmounted."""
    from rumpy._hyp import ffi

    load(kernel, "mfs")
    image = tmp_path / "image"
    run(need("makefs"), "-t", "ffs", "-s", "24m", "-f", "4000", image, source)
    memory = ffi.new("char[]", image.read_bytes())
    name = ffi.new("char[]", b"memory")
    address = [int(ffi.cast("uintptr_t", pointer)) for pointer in (name, memory)]
    data = struct.pack("<Q128xQQ", *address, 24 << 20)
    kernel.mkdir("/mnt")
    server = kernel.process()
    thread = threading.Thread(
        target=server.sys.mount, args=(b"mfs", b"/mnt", 0, data, len(data))
    )
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not kernel.listdir("/mnt") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert of_kernel(kernel, "/mnt") == of_host(source)
        change_files(kernel, "/mnt", 200, 600_000)
        change_directories(kernel, "/mnt")
        able = probe(KernelTree(kernel, "/mnt"))
        run_applicable(KernelTree(kernel, "/mnt", able), "mfs", able)
    finally:
        kernel.sys.unmount(b"/mnt", 0)
        thread.join(10)
    assert not thread.is_alive()
    unload_all(kernel)


#: _IOWR('F', 0, struct vnd_ioctl), _IOW('F', 1, struct vnd_ioctl)
VNDIOCSET, VNDIOCCLR = 0xC0284600, 0x80284601


@pytest.mark.parametrize("place", ["/", "/tmpfs"])
def test_vnd(
    place: str,
    kernel: rumpy.Kernel,
    source: Path,
    tmp_path: Path,
    need: Callable[[str], str],
) -> None:
    """A file of the kernel as its disk."""
    from rumpy._hyp import ffi

    for name in ("vnd", "ext2fs", "tmpfs"):
        load(kernel, name)
    need("mkfs.ext2")
    image = tmp_path / "image"
    make_ext2("-b", "4096")(image, source)
    if place != "/":
        kernel.mount("tmpfs", None, place)
    path = f"{place}/image"
    put(kernel, path, image.read_bytes())
    kernel.mknod("/dev/vnd0d", 0o60600, 14 << 8 | 3)
    kernel.mknod("/dev/rvnd0d", 0o20600, 41 << 8 | 3)
    names = [ffi.new("char[]", text.encode()) for text in (path, "/dev/vnd0d")]
    address, fspec = (int(ffi.cast("uintptr_t", pointer)) for pointer in names)
    request = struct.pack("<QiIIIIIQ", address, 0, 0, 0, 0, 0, 0, 0)
    control = kernel.open("/dev/rvnd0d", os.O_RDWR)
    answer = kernel.ioctl(control, VNDIOCSET, request)
    assert isinstance(answer, bytes)
    assert struct.unpack("<QiIIIIIQ", answer)[-1] == image.stat().st_size
    kernel.close(control)
    mount = kernel.mount("ext2fs", None, "/mnt", data=struct.pack("<Q", fspec))
    found = of_kernel(kernel, "/mnt")
    assert found.pop("lost+found") == "" and found == of_host(source)
    change_files(kernel, "/mnt", 50, 300_000)
    mount.unmount()
    control = kernel.open("/dev/rvnd0d", os.O_RDWR)
    kernel.ioctl(control, VNDIOCCLR, request)
    kernel.close(control)
    image.write_bytes(get(kernel, path))
    run("e2fsck", "-fn", image)
    unload_all(kernel)


@pytest.mark.parametrize(
    "name",
    ["hello", "ping", "properties", "readhappy", "sysctl", "lfs", "zlib", "autofs"],
)
def test_initialises(name: str, kernel: rumpy.Kernel) -> None:
    """Modules that nothing here can mount, and NetBSD's examples."""
    load(kernel, name)
    unload_all(kernel)


def test_puffs_initialises(kernel: rumpy.Kernel) -> None:
    """putter stays, as it does under NetBSD: it refuses to go."""
    load(kernel, "puffs")
    kernel.unload("puffs")
    with pytest.raises(rumpy.ModuleError):
        kernel.unload("putter")
