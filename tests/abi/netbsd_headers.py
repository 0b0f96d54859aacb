# SPDX-License-Identifier: BSD-2-Clause
"""NetBSD's own headers, out of PyPI's ziglang wheel.

The Zig compiler ships the public headers of NetBSD for cross compiling:
version 0.15.2 those of NetBSD 10.1, 0.17.1 those of 11.  They are somebody
else's statement of the ABI, so they can judge ours.  Nothing of them is kept in
this tree: the wheel is taken from $RUMPY_ZIGLANG_WHEEL (that of NetBSD 10) or
downloaded once into the user's cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

#: NetBSD release -> version of ziglang that has its headers.
VERSIONS = {10: "0.15.2", 11: "0.17.1"}
PLATFORM = "manylinux_2_12_x86_64"
PREFIX = "ziglang/lib/libc/include/"
TREES = ("x86_64-netbsd-none", "generic-netbsd")

#: Headers of the kernel that the package leaves out.  What a structure needs of
#: them is said here, with the sizes the tables state.
STUBS = {
    "sys/kauth.h": (
        "typedef struct kauth_cred *kauth_cred_t; typedef uint64_t kauth_action_t;"
        "uid_t kauth_cred_geteuid(kauth_cred_t); kauth_cred_t kauth_cred_get(void);"
    ),
    "sys/kernel.h": "",
    "sys/spl.h": "",
    "sys/timearith.h": "",
    "sys/timevar.h": "",
    "lib/libkern/libkern.h": (
        "#include <sys/types.h>\n"
        "#ifndef offsetof\n#define offsetof(t, m) __builtin_offsetof(t, m)\n#endif\n"
        "int strcmp(const char *, const char *); size_t strlen(const char *);"
        "int strncmp(const char *, const char *, size_t);"
        "void *memset(void *, int, size_t);"
        "void *memcpy(void *, const void *, size_t);"
    ),
    "machine/cpufunc.h": "",
    "machine/pic.h": "",
    "uvm/uvm_physseg.h": "",
    "uvm/pmap/pmap_pvt.h": "",
    "sys/systm.h": (
        "typedef int (*copyin_t)(const void *, void *, size_t);"
        "typedef int (*copyout_t)(const void *, void *, size_t);"
        "struct uio; int uiomove(void *, size_t, struct uio *);"
        "void printf(const char *, ...); int eopnotsupp(void);\n"
        "#include <lib/libkern/libkern.h>\n"
    ),
    "sys/vmem.h": (
        "typedef struct vmem vmem_t; typedef unsigned int vm_flag_t;"
        "typedef uintptr_t vmem_addr_t; typedef size_t vmem_size_t;"
    ),
    "sys/workqueue.h": "struct work { void *wk_dummy; }; struct workqueue;",
    "sys/cpu_data.h": (
        "#include <sys/sched.h>\nstruct lwp;"
        "struct cpu_data {"
        "unsigned cpu_index; char stub_0[44];"
        "struct schedstate_percpu cpu_schedstate; char stub_1[104];"
        "struct lwp *cpu_idlelwp; char stub_2[136]; uint64_t cpu_cc_freq;"
        "int64_t stub_3; char cpu_name[8]; void *stub_4;"
        "int64_t cpu_counts[48]; char stub_5[16]; };"
    ),
    "sys/kernhist.h": "",
    "sys/module_hook.h": (
        "#define MODULE_HOOK(hook, type, args) extern struct hook##_t hook"
    ),
    "sys/rndsource.h": "typedef struct { char stub_size[1]; } krndsource_t;",
}


class Unavailable(Exception):
    """The wheel can't be had; the message says why."""


def _cache(version: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rumpy" / f"ziglang-{version}"


def _wheel(folder: Path, version: str) -> Path:
    named = os.environ.get("RUMPY_ZIGLANG_WHEEL")
    if named and version == VERSIONS[10]:
        if not Path(named).is_file():
            raise Unavailable(f"RUMPY_ZIGLANG_WHEEL={named}: no such file")
        return Path(named)
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
    ]
    command += [f"--platform={PLATFORM}", f"--dest={folder}", f"ziglang=={version}"]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=300, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable("pip download ziglang: timed out") from error
    wheels = sorted(folder.glob("ziglang-*.whl"))
    if result.returncode != 0 or not wheels:
        reason = (result.stderr.strip().splitlines() or ["no wheel"])[-1]
        raise Unavailable(f"pip download ziglang=={version}: {reason}")
    return wheels[0]


def include_path(release: int = 10) -> list[Path]:
    """The folders to search for a NetBSD release's headers: our stubs first.

    Raises:
        Unavailable: neither cached nor to be had.
    """
    version = VERSIONS[release]
    cache = _cache(version)
    headers, stubs = cache / "include", cache / "stubs"
    if not (cache / "complete").exists():
        cache.mkdir(parents=True, exist_ok=True)
        wheel = _wheel(cache, version)
        with zipfile.ZipFile(wheel) as archive:
            wanted = tuple(f"{PREFIX}{tree}/" for tree in TREES)
            for name in archive.namelist():
                if name.startswith(wanted) and not name.endswith("/"):
                    target = headers / name.removeprefix(PREFIX)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(name))
        if wheel.parent == cache:
            wheel.unlink()
        (cache / "complete").touch()
    for name, text in STUBS.items():
        guard = "STUB_" + name.replace("/", "_").replace(".", "_")
        target = stubs / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"#ifndef {guard}\n#define {guard}\n{text}\n#endif\n")
    return [stubs, *(headers / tree for tree in TREES)]
