# SPDX-License-Identifier: BSD-2-Clause
"""Processes at the system-call door: identity, credentials, limits, time."""

from __future__ import annotations

import errno
import os
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import rumpy

UNCHANGED = 0xFFFFFFFF
RLIMIT_FSIZE = 1
RLIMIT_NOFILE = 8
RLIMIT_NLIMITS = 12


def fails(number: int, function: Any, *args: Any) -> None:
    """The call raises OSError with this errno."""
    with pytest.raises(OSError) as caught:
        function(*args)
    assert caught.value.errno == number


def buffer(size: int) -> Any:
    """Memory of the host's that a call may fill."""
    from rumpy._hyp import ffi

    return ffi.new("char[]", size)


def content(memory: Any) -> bytes:
    """What is in a buffer."""
    from rumpy._hyp import ffi

    return bytes(ffi.buffer(memory))


def test_unknown_call(kernel: rumpy.Kernel) -> None:
    fails(errno.ENOSYS, kernel.syscall, 2)
    fails(errno.ENOSYS, kernel.syscall, 511)
    fails(errno.ENOSYS, kernel.syscall, 100000)
    fails(errno.ENOSYS, kernel.syscall, -1)


def test_identity(kernel: rumpy.Kernel) -> None:
    with kernel.process(uid=1000, gid=100, groups=[5, 6]) as p:
        assert p.getpid() > 1
        assert p.getppid() == kernel.getpid()
        assert (p.getuid(), p.geteuid()) == (1000, 1000)
        assert (p.getgid(), p.getegid()) == (100, 100)
        assert p.getgroups() == [5, 6]
        assert kernel.getuid() == 0


def test_pids_differ(kernel: rumpy.Kernel) -> None:
    with kernel.process() as p, kernel.process() as q:
        assert len({kernel.getpid(), p.getpid(), q.getpid()}) == 3


def test_superuser_becomes_anybody(kernel: rumpy.Kernel) -> None:
    with kernel.process() as p:
        p.sys.setgid(7)
        p.sys.setuid(9)
        assert (p.getuid(), p.geteuid(), p.getgid()) == (9, 9, 7)
        assert p.sys.issetugid() == 1
        fails(errno.EPERM, p.sys.setuid, 0)
        fails(errno.EPERM, p.sys.setgid, 0)


def test_seteuid_and_back(kernel: rumpy.Kernel) -> None:
    with kernel.process() as p:
        p.sys.seteuid(1000)
        assert (p.getuid(), p.geteuid()) == (0, 1000)
        fails(errno.EPERM, p.sys.seteuid, 1001)
        p.sys.seteuid(0)
        assert p.geteuid() == 0


def test_setreuid(kernel: rumpy.Kernel) -> None:
    with kernel.process(uid=1000) as p:
        fails(errno.EPERM, p.sys.setreuid, 0, UNCHANGED)
        p.sys.setreuid(UNCHANGED, 1000)
        assert p.geteuid() == 1000
    with kernel.process() as p:
        p.sys.setreuid(1, 2)
        p.sys.setreuid(2, 1)
        assert (p.getuid(), p.geteuid()) == (2, 1)


def test_groups(kernel: rumpy.Kernel) -> None:
    with kernel.process() as p:
        groups = buffer(8)
        groups[0:8] = struct.pack("<II", 11, 12)
        p.sys.setgroups(2, groups)
        assert p.getgroups() == [11, 12]
        fails(errno.EINVAL, p.sys.setgroups, 17, groups)
        fails(errno.EFAULT, p.sys.setgroups, 2, 8)
        p.sys.setuid(1)
        fails(errno.EPERM, p.sys.setgroups, 0, groups)


def test_limits(kernel: rumpy.Kernel) -> None:
    with kernel.process() as p, kernel.process() as other:
        old, new = buffer(16), buffer(16)
        p.sys.getrlimit(RLIMIT_NOFILE, old)
        soft, hard = struct.unpack("<QQ", content(old))
        assert 0 < soft <= hard
        new[0:16] = struct.pack("<QQ", 20, 30)
        p.sys.setrlimit(RLIMIT_NOFILE, new)
        p.sys.getrlimit(RLIMIT_NOFILE, old)
        assert struct.unpack("<QQ", content(old)) == (20, 30)
        other.sys.getrlimit(RLIMIT_NOFILE, old)
        assert struct.unpack("<QQ", content(old)) == (soft, hard)
        fails(errno.EINVAL, p.sys.getrlimit, RLIMIT_NLIMITS, old)
        p.sys.setuid(1)
        new[0:16] = struct.pack("<QQ", 20, 31)
        fails(errno.EPERM, p.sys.setrlimit, RLIMIT_NOFILE, new)
        new[0:16] = struct.pack("<QQ", 40, 30)
        fails(errno.EINVAL, p.sys.setrlimit, RLIMIT_NOFILE, new)


def test_bad_addresses(kernel: rumpy.Kernel) -> None:
    for address in (0, 8, 0xDEAD_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFF8):
        signed = address - (1 << 64) if address >= 1 << 63 else address
        fails(errno.EFAULT, kernel.sys.getrlimit, RLIMIT_NOFILE, signed)
        fails(errno.EFAULT, kernel.sys.clock_gettime, 0, signed)


def test_kernel_memory_is_out_of_reach(kernel: rumpy.Kernel) -> None:
    inside = kernel._machine.image.symbols["proc0"]
    fails(errno.EFAULT, kernel.sys.getrlimit, RLIMIT_NOFILE, inside)
    arena = kernel._machine.memory.placement.arena_base
    fails(errno.EFAULT, kernel.sys.getrlimit, RLIMIT_NOFILE, arena + 65536)


def test_time(kernel: rumpy.Kernel) -> None:
    spec = buffer(16)
    kernel.sys.clock_gettime(0, spec)
    seconds, nanoseconds = struct.unpack("<qq", content(spec))
    assert abs(seconds + nanoseconds / 1e9 - time.time()) < 5
    kernel.sys.clock_gettime(3, spec)
    first = struct.unpack("<qq", content(spec))
    kernel.sys.clock_gettime(3, spec)
    assert struct.unpack("<qq", content(spec)) > first
    fails(errno.EINVAL, kernel.sys.clock_gettime, 99, spec)


def test_nanosleep(kernel: rumpy.Kernel) -> None:
    spec = buffer(16)
    spec[0:16] = struct.pack("<qq", 0, 30_000_000)
    before = time.monotonic()
    kernel.sys.nanosleep(spec, 0)
    assert 0.025 <= time.monotonic() - before < 5
    spec[0:16] = struct.pack("<qq", 0, 1_000_000_000)
    fails(errno.EINVAL, kernel.sys.nanosleep, spec, 0)


def test_getrandom(kernel: rumpy.Kernel) -> None:
    a, b = buffer(1000), buffer(1000)
    assert kernel.sys.getrandom(a, 1000, 0) == 1000
    assert kernel.sys.getrandom(b, 1000, 0) == 1000
    assert content(a) != content(b)
    fails(errno.EINVAL, kernel.sys.getrandom, a, 10, 0x100)
    fails(errno.EFAULT, kernel.sys.getrandom, 8, 10, 0)


def test_sysctl(kernel: rumpy.Kernel) -> None:
    assert kernel.sysctl("kern.ostype") == "NetBSD"
    assert kernel.sysctl("kern.osrevision") == 1001000000
    assert kernel.sysctl("hw.pagesize") == 4096
    assert kernel.sysctl("hw.machine_arch") == "x86_64"
    kernel.sysctl("kern.hostname", "elsewhere")
    assert kernel.sysctl("kern.hostname") == "elsewhere"
    with kernel.process(uid=1) as p:
        fails(errno.EPERM, p.sysctl, "kern.hostname", "no")


def test_a_closed_process_is_gone(kernel: rumpy.Kernel) -> None:
    for _ in range(50):
        with kernel.process() as p:
            p.getpid()
    text = kernel.console.tail(65536)
    assert "panic" not in text


def test_verbose_boot() -> None:
    import rumpy

    with rumpy.Kernel(verbose=True) as k:
        text = k.console.tail(65536)
    assert text.startswith("NetBSD 10.1")
    assert "total memory = " in text
    assert "root on " in text


def limit(p: rumpy.Process, which: int, value: int) -> None:
    """Lower a soft limit."""
    new = buffer(16)
    p.sys.getrlimit(which, new)
    _, hard = struct.unpack("<QQ", content(new))
    new[0:16] = struct.pack("<QQ", value, hard)
    p.sys.setrlimit(which, new)


def test_limit_of_descriptors(kernel: rumpy.Kernel) -> None:
    with kernel.process() as p:
        limit(p, RLIMIT_NOFILE, 10)
        opened = []
        with pytest.raises(OSError) as caught:
            for _ in range(20):
                opened.append(p.open("/dev/null", 0))
        assert caught.value.errno == errno.EMFILE
        assert max(opened) == 9
        kernel.close(kernel.open("/dev/null", 0))


def test_limit_of_file_size(ffs: rumpy.Mount, kernel: rumpy.Kernel) -> None:
    with kernel.process() as p:
        limit(p, RLIMIT_FSIZE, 10_000)
        fd = p.open("/mnt/limited", os.O_CREAT | os.O_RDWR, 0o600)
        assert p.write(fd, b"x" * 10_000) == 10_000
        fails(errno.EFBIG, p.write, fd, b"x")
        p.close(fd)
        assert p.stat("/mnt/limited").st_size == 10_000
