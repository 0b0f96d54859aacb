# SPDX-License-Identifier: BSD-2-Clause
"""Files, memory and Python objects as disks, through the C side."""

from __future__ import annotations

import errno
import io
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rumpy.block import (
    FileDevice,
    MemoryDevice,
    OverlayDevice,
    ReadOnlyDevice,
    WindowDevice,
    is_device,
    is_native,
    open_device,
)
from rumpy.errors import ImageError

Attach = Callable[..., Any]
EIO, ENXIO, EINVAL, ENOSPC, EROFS = 5, 6, 22, 28, 30


class Plain:
    """The least a disk has to have."""

    sector_size = 512
    sector_count = 64

    def __init__(self) -> None:
        self.data = bytearray(512 * 64)
        self.flushes = 0

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.data[offset : offset + length])

    def write(self, offset: int, data: memoryview) -> None:
        self.data[offset : offset + len(data)] = data

    def flush(self) -> None:
        self.flushes += 1

    def discard(self, offset: int, length: int) -> None:
        self.data[offset : offset + length] = bytes(length)


def make(kind: str, folder: Path) -> Any:
    if kind == "memory":
        return MemoryDevice(32768)
    if kind == "plain":
        return Plain()
    path = folder / "disk.img"
    path.write_bytes(bytes(32768))
    return FileDevice(path)


@pytest.mark.parametrize("kind", ["memory", "file", "plain"])
@pytest.mark.parametrize("native", [True, False])
def test_all_kinds_behave_alike(
    attach: Attach, tmp_path: Path, kind: str, native: bool
) -> None:
    device = make(kind, tmp_path)
    assert is_device(device)
    if native and not is_native(device):
        pytest.skip("a Python object is never native")
    disk = attach(device, native=native)
    model = bytearray(32768)
    generator = random.Random(kind)
    for _ in range(200):
        offset = generator.randrange(64) * 512
        length = generator.randrange(1, 64 - offset // 512 + 1) * 512
        choice = generator.random()
        if choice < 0.5:
            data = generator.randbytes(length)
            assert disk.write(offset, data, pieces=generator.choice((1, 3))) == 0
            model[offset : offset + length] = data
        elif choice < 0.9:
            pieces = generator.choice((1, 2))
            assert disk.read(offset, length, pieces) == (
                0, bytes(model[offset : offset + length])
            )  # fmt: skip
        elif choice < 0.95:
            assert disk.flush() == 0
        else:
            assert disk.discard(offset, length) == 0
            model[offset : offset + length] = bytes(length)
    assert disk.read(0, 32768)[1] == bytes(model)
    assert bytes(device.read(0, 32768)) == bytes(model)
    counted = disk.attached.statistics
    assert counted.writes and counted.reads and not counted.errors


@pytest.mark.parametrize("native", [True, False])
def test_transfers_outside_are_refused(attach: Attach, native: bool) -> None:
    disk = attach(MemoryDevice(8192), native=native)
    assert disk.read(8192, 512)[0] == EINVAL
    assert disk.read(4096, 8192)[0] == EINVAL
    assert disk.read(-512, 512)[0] == EINVAL
    assert disk.write(7680, bytes(1024)) == EINVAL
    assert disk.read(7680, 512) == (0, bytes(512))


def test_many_pieces(attach: Attach) -> None:
    """More pieces than one system call is given at a time."""
    disk = attach(MemoryDevice(1 << 20))
    data = random.Random(1).randbytes(300 * 512)
    assert disk.write(512, data, pieces=300) == 0
    assert disk.read(512, len(data), pieces=257) == (0, data)


def test_a_closed_number_reaches_nobody(attach: Attach) -> None:
    first = attach(MemoryDevice(8192))
    dev = first.attached.dev
    first.attached.detach()
    second = attach(MemoryDevice(8192))
    assert second.attached.dev != dev
    first.attached.dev = dev
    assert first.write(0, b"x" * 512) == ENXIO
    first.attached.dev = 0
    assert second.read(0, 512) == (0, bytes(512))


def test_truncated_file_is_eio(attach: Attach, tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(b"a" * 65536)
    disk = attach(FileDevice(path))
    assert disk.read(32768, 4096)[0] == 0
    os.truncate(path, 16384)
    assert disk.read(32768, 4096)[0] == EIO
    assert disk.read(14336, 4096)[0] == EIO
    assert disk.read(8192, 4096) == (0, b"a" * 4096)


def test_a_write_does_not_mend_a_truncated_file(attach: Attach, tmp_path: Path) -> None:
    """It would leave a hole where data were, and no sign of that."""
    path = tmp_path / "disk.img"
    path.write_bytes(b"a" * 65536)
    device = FileDevice(path)
    disk = attach(device)
    assert disk.write(0, b"b" * 4096) == 0
    os.truncate(path, 16384)
    time.sleep(0.02)  # it is looked at once in a tick
    assert disk.write(49152, b"b" * 4096) == EIO
    assert disk.write(8192, b"b" * 4096) == EIO
    assert disk.flush() == EIO
    with pytest.raises(OSError) as caught:
        device.write(49152, memoryview(b"b" * 4096))
    assert caught.value.errno == EIO
    assert path.stat().st_size == 16384
    os.truncate(path, 65536)
    assert disk.write(49152, b"b" * 4096) == 0
    assert disk.flush() == 0


def test_no_write_hides_a_cut(attach: Attach, tmp_path: Path) -> None:
    """The last sector would; and what came at once is told by the next sync."""
    path = tmp_path / "disk.img"
    path.write_bytes(b"a" * 65536)
    disk = attach(FileDevice(path))
    for at, told in ((61440, (EIO,)), (32768, (0, EIO))):
        os.truncate(path, 65536)
        assert disk.write(0, b"b" * 4096) == 0
        os.truncate(path, 16384)
        assert disk.write(at, b"b" * 4096) in told
        assert path.stat().st_size < 65536
        assert disk.flush() == EIO
        assert disk.write(0, b"b" * 4096) == EIO


def test_full_disk_is_enospc(attach: Attach, tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands in for a full file system: EFBIG, and nothing else."""
    script = f"""
import os, resource, signal
from rumpy.block import FileDevice
from rumpy.hypercall.block import Attached
from tests.block.conftest import Disk
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = {str(tmp_path / "disk.img")!r}
open(path, "wb").truncate(1 << 20)
disk = Disk(Attached(FileDevice(path)))
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
assert disk.write(0, b"x" * 4096) == 0
assert disk.write(131072, b"x" * 4096) == 27, "EFBIG"
assert disk.read(0, 4096) == (0, b"x" * 4096)
"""
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root)


def test_enospc_on_a_small_tmpfs(attach: Attach, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(tmp_path)],
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("no permission to mount")
    try:
        path = tmp_path / "disk.img"
        with path.open("wb") as file:
            file.truncate(1 << 20)
        device = FileDevice(path)
        disk = attach(device)
        results = [disk.write(at << 16, b"x" * 65536) for at in range(4)]
        assert results == [0, 0, ENOSPC, ENOSPC]
        assert disk.read(0, 65536) == (0, b"x" * 65536)
        disk.attached.detach()
        device.close()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_read_only(attach: Attach, tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(b"r" * 8192)
    disk = attach(FileDevice(path, readonly=True))
    assert disk.attached.readonly
    assert disk.write(0, bytes(512)) == EROFS
    assert disk.discard(0, 4096) == EROFS
    assert disk.read(0, 512) == (0, b"r" * 512)
    wrapped = attach(ReadOnlyDevice(MemoryDevice(b"m" * 4096)))
    assert wrapped.attached.native
    assert wrapped.write(0, bytes(512)) == EROFS


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_read_only_fallback_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(4096))
    path.chmod(0o444)
    with FileDevice(path) as device:
        assert device.readonly
        assert device.reason == "Permission denied"
    with pytest.raises(PermissionError):
        FileDevice(path, readonly=False)


def test_images_are_locked(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(8192))
    with FileDevice(path):
        with pytest.raises(ImageError, match="in use") as caught:
            FileDevice(path)
        assert "-o ro" not in str(caught.value)  # would not help
        with pytest.raises(ImageError, match="being written"):
            FileDevice(path, readonly=True)
        FileDevice(path, lock=False).close()
    with (
        FileDevice(path, readonly=True),
        FileDevice(path, readonly=True),
        pytest.raises(ImageError, match=r"in use.*-o ro"),
    ):
        FileDevice(path)
    FileDevice(path).close()


def test_the_lock_lasts_while_the_kernel_has_the_file(
    attach: Attach, tmp_path: Path
) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(8192))
    device = FileDevice(path)
    disk = attach(device)
    device.close()
    with pytest.raises(ImageError, match="in use"):
        FileDevice(path)
    disk.attached.detach()
    FileDevice(path).close()


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\x1f\x8b", ["gzip", "gzip -dc"]),
        (b"\xfd7zXZ\0", ["xz", "xz -dc"]),
        (b"\x28\xb5\x2f\xfd", ["zstd", "zstd -dc"]),
        (b"QFI\xfb", ["qcow2", "qemu-img convert"]),
        (b"KDMV", ["VMDK", "qemu-img convert"]),
    ],
)
def test_other_formats_name_the_cure(
    tmp_path: Path, head: bytes, words: list[str]
) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(head.ljust(8192, b"\1"))
    with pytest.raises(ImageError) as caught:
        FileDevice(path)
    for word in words:
        assert word in str(caught.value)
    # Nothing stays locked or open.
    path.write_bytes(bytes(8192))
    FileDevice(path).close()


def test_what_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "tiny").write_bytes(b"x" * 100)
    for name, reason in (("empty", "is empty"), ("tiny", "smaller than one sector")):
        with pytest.raises(ImageError, match=reason):
            FileDevice(tmp_path / name)
    with pytest.raises(ImageError, match="directory"):
        FileDevice(tmp_path)
    with pytest.raises(ImageError, match="neither"):
        FileDevice("/dev/null")
    with pytest.raises(FileNotFoundError):
        FileDevice(tmp_path / "none")


def test_windows(attach: Attach, tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(b"".join(bytes([i]) * 512 for i in range(16)))
    inner = attach(FileDevice(path, offset=2048, length=1024))
    assert inner.attached.sector_count == 2
    assert inner.read(512, 512) == (0, b"\5" * 512)
    assert inner.read(1024, 512)[0] == EINVAL
    inner.attached.detach()
    inner.attached.device.close()
    window = WindowDevice(WindowDevice(FileDevice(path), 1024, 4096), 512, 1024)
    for native in (True, False):
        disk = attach(window, native=native)
        assert disk.read(0, 512) == (0, b"\3" * 512)
        assert disk.write(512, b"w" * 512) == 0
    assert path.read_bytes()[2048:2560] == b"w" * 512
    for offset, length in ((1 << 30, 512), (100, 512), (0, 1 << 30)):
        with pytest.raises((ImageError, ValueError)):
            WindowDevice(MemoryDevice(8192), offset, length)


def test_open_device(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(b"p" * 4096)
    with open_device(path) as device:
        assert bytes(device.read(0, 512)) == b"p" * 512
    with open_device(b"b" * 1024, readonly=True) as device:
        assert device.readonly and device.sector_count == 2
    with open_device(b"a" * 512 + b"b" * 512, offset=512, size=512) as device:
        assert bytes(device.read(0, 512)) == b"b" * 512
    plain = Plain()
    with open_device(plain, offset=512, size=1024) as device:
        device.write(0, memoryview(b"z" * 512))
    assert plain.data[512:514] == b"zz"
    with path.open("rb") as file, open_device(file) as device:
        assert device.readonly
    with path.open("r+b") as file, open_device(file) as device:
        device.write(0, memoryview(b"q" * 512))
    assert path.read_bytes()[:512] == b"q" * 512
    for bad in (io.BytesIO, 17, None):
        with pytest.raises(TypeError):
            open_device(bad)
    with pytest.raises(ImageError):
        open_device(b"short")


def test_borrowed_devices_stay_open(attach: Attach) -> None:
    mine = MemoryDevice(4096)
    with open_device(mine) as device:
        assert is_native(device)
    assert bytes(mine.read(0, 512)) == bytes(512)


class Broken(Plain):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def read(self, offset: int, length: int) -> bytes:
        raise self.error


def test_errors_of_python_devices(
    attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    for error, number in (
        (OSError(errno.ENOSPC, "full"), 28),
        (OSError(errno.EAGAIN, "later"), 35),
        (OSError("no number"), EIO),
        (PermissionError(errno.EPERM, "no"), 1),
    ):
        assert attach(Broken(error)).read(0, 512)[0] == number
    assert reported == []
    # Not an OSError: EIO, and since no kernel is there to raise it, a report.
    assert attach(Broken(ZeroDivisionError("oops"))).read(0, 512)[0] == EIO
    assert [entry.exc_type for entry in reported] == [ZeroDivisionError]


def test_short_reads_of_python_devices(
    attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    device = Plain()
    device.read = lambda offset, length: b"short"  # type: ignore[method-assign]
    assert attach(device).read(0, 512)[0] == EIO
    assert "returned 5 bytes, not 512" in str(reported[0].exc_value)


def test_absurd_geometry(attach: Attach) -> None:
    for size, count in ((0, 8), (500, 8), (1 << 20, 8), (512, 0), (512, 1 << 60)):
        device = Plain()
        device.sector_size, device.sector_count = size, count
        with pytest.raises(ImageError, match="not possible"):
            attach(device)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("stored", [True, False])
def test_overlay_keeps_the_lower_device(
    attach: Attach, tmp_path: Path, native: bool, stored: bool
) -> None:
    path = tmp_path / "disk.img"
    original = random.Random(3).randbytes(64 * 512)
    path.write_bytes(original)
    store = tmp_path / "changes" if stored else None
    overlay = OverlayDevice(FileDevice(path, readonly=True), store)
    assert is_native(overlay)
    disk = attach(overlay, native=native)
    model = bytearray(original)
    generator = random.Random(4)
    for _ in range(150):
        offset = generator.randrange(64) * 512
        length = generator.randrange(1, 64 - offset // 512 + 1) * 512
        if generator.random() < 0.5:
            data = generator.randbytes(length)
            assert disk.write(offset, data) == 0
            model[offset : offset + length] = data
        elif generator.random() < 0.2:
            assert disk.discard(offset, length) == 0
            model[offset : offset + length] = bytes(length)
        assert disk.read(0, len(model), pieces=3) == (0, bytes(model))
    assert bytes(overlay.read(0, len(model))) == bytes(model)
    assert path.read_bytes() == original
    assert overlay.changed
    assert disk.flush() == 0
    disk.attached.detach()
    overlay._upper.close()
    if stored:
        again = OverlayDevice(FileDevice(path, readonly=True), store)
        assert bytes(again.read(0, len(model))) == bytes(model)


def test_overlay_writes_take_space_only_where_they_are() -> None:
    overlay = OverlayDevice(MemoryDevice(1 << 30))
    assert overlay.changed == 0
    overlay.write(512 << 20, memoryview(b"x" * 512))
    assert overlay.changed == 512
    overlay.close()


def test_overlay_in_a_file(tmp_path: Path) -> None:
    base = MemoryDevice(b"base" * 8192)
    store = tmp_path / "changes"
    overlay = OverlayDevice(base, store)
    overlay.write(512, memoryview(b"n" * 512))
    overlay.write(16384, memoryview(b"m" * 8192))
    overlay.flush()
    with pytest.raises(ImageError, match="in use"):
        OverlayDevice(base, store)
    overlay._upper.close()
    again = OverlayDevice(base, store)
    assert bytes(again.read(0, 1536)) == b"base" * 128 + b"n" * 512 + b"base" * 128
    assert bytes(again.read(16384, 8192)) == b"m" * 8192
    again.commit()
    assert bytes(base.read(512, 512)) == b"n" * 512
    assert again.changed == 0
    again.close()
    other = MemoryDevice(4096)
    with pytest.raises(ImageError, match="not an overlay"):
        OverlayDevice(other, store)
    (tmp_path / "foreign").write_bytes(b"x" * 65536)
    with pytest.raises(ImageError, match="not an overlay"):
        OverlayDevice(other, tmp_path / "foreign")


def test_overlay_forgets_what_was_not_flushed(tmp_path: Path) -> None:
    """The map says a block is there only when its data is."""
    base = MemoryDevice(b"base" * 8192)
    overlay = OverlayDevice(base, tmp_path / "changes")
    overlay.write(0, memoryview(b"1" * 4096))
    overlay.flush()
    overlay.write(8192, memoryview(b"2" * 4096))
    overlay._upper.close()
    again = OverlayDevice(base, tmp_path / "changes")
    assert bytes(again.read(0, 4096)) == b"1" * 4096
    assert bytes(again.read(8192, 4096)) == b"base" * 1024
    again.close()


def test_snapshots(attach: Attach) -> None:
    overlay = OverlayDevice(MemoryDevice(b"x" * 16384))
    overlay.write(0, memoryview(b"a" * 4096))
    token = overlay.snapshot()
    overlay.write(0, memoryview(b"b" * 8192))
    overlay.restore(token)
    assert bytes(overlay.read(0, 8192)) == b"a" * 4096 + b"x" * 4096
    memory = MemoryDevice(b"x" * 4096)
    kept = memory.snapshot()
    memory.write(0, memoryview(bytes(4096)))
    memory.restore(kept)
    assert memory.contents() == b"x" * 4096


def test_memory_device_keeps_holes() -> None:
    with MemoryDevice(bytes(8 << 20)) as device:
        assert os.fstat(device.fileno()).st_blocks == 0
        device.write(0, memoryview(b"x" * 4096))
        device.write(1 << 20, memoryview(b"x" * 4096))
        device.discard(0, 1 << 20)
        assert os.fstat(device.fileno()).st_blocks == 8
    with pytest.raises(ValueError, match="closed"):
        device.read(0, 512)
    with pytest.raises(ValueError, match="whole number"):
        MemoryDevice(b"x" * 100)


def test_a_path_is_no_contents() -> None:
    with pytest.raises(TypeError, match="bytes"):
        MemoryDevice("x" * 512)  # type: ignore[arg-type]
