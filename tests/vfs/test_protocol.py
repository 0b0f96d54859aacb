# SPDX-License-Identifier: BSD-2-Clause
"""Kernel(debug=True) catches operations that break the protocol of vnodes.

One module for each way of breaking it: it puts an operation of its own in front
of a directory's.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import rumpy
from rumpy.testing.differential import Driver, Side
from rumpy.testing.sequence import operations
from tests.ffs import images

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
FLAGS = [
    "-O2", "-ffreestanding", "-nostdinc", "-mcmodel=kernel", "-mno-red-zone",
    "-fno-pic", "-fno-pie", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-fno-common",
    "-mgeneral-regs-only", "-fcf-protection=none", "-D_KERNEL", "-D_MODULE",
    f"-I{CSRC / 'abi/netbsd'}", f"-I{CSRC / 'include'}", f"-I{ROOT / 'build/include'}",
]  # fmt: skip

SOURCE = """
#include <sys/param.h>
#include <sys/module.h>
#include <sys/namei.h>
#include <sys/systm.h>
#include <sys/vnode.h>

MODULE(MODULE_CLASS_MISC, breaker, NULL);

typedef int (*op_t)(void *);
static op_t table[VNODE_OPS_COUNT + 8], *original;
static struct vnode *dir;

#define REAL(op) (*original[vop_##op##_desc.vdesc_offset])
#define INSTEAD(op) table[vop_##op##_desc.vdesc_offset] = broken

static int
broken(void *v)
{
	%s
}

static int
breaker_modcmd(modcmd_t cmd, void *arg)
{
	int error;

	if (cmd != MODULE_CMD_INIT)
		return cmd == MODULE_CMD_FINI ? EBUSY : ENOTTY;
	error = namei_simple_kernel("/mnt", NSM_FOLLOW_NOEMULROOT, &dir);
	if (error != 0)
		return error;
	original = dir->v_op;
	memcpy(table, original, VNODE_OPS_COUNT * sizeof(table[0]));
	INSTEAD(%s);
	dir->v_op = table;
	return 0;
}
"""

#: Operation, what it does instead, and what is said of it.
BREAKS = {
    "unlocks its directory": (
        "mkdir",
        "struct vop_mkdir_v3_args *ap = v; int error = REAL(mkdir)(v);"
        " VOP_UNLOCK(ap->a_dvp); return error;",
        "VOP mkdir: returned with its vnode unlocked",
    ),
    "unlocks after an error": (
        "mkdir",
        "struct vop_mkdir_v3_args *ap = v; VOP_UNLOCK(ap->a_dvp); return EIO;",
        "VOP mkdir: returned with its vnode unlocked",
    ),
    "unlocks what it reads": (
        "readdir",
        "struct vop_readdir_args *ap = v; int error = REAL(readdir)(v);"
        " VOP_UNLOCK(ap->a_vp); return error;",
        "VOP readdir: returned with its vnode unlocked",
    ),
    "gives a locked vnode": (
        "lookup",
        "struct vop_lookup_v2_args *ap = v; int error = REAL(lookup)(v);"
        " if (error == 0 && *ap->a_vpp != ap->a_dvp)"
        " vn_lock(*ap->a_vpp, LK_EXCLUSIVE); return error;",
        "VOP lookup: returned a locked vnode",
    ),
    "finds nothing": (
        "lookup",
        "struct vop_lookup_v2_args *ap = v; *ap->a_vpp = NULL; return 0;",
        "VOP lookup: succeeded and found no vnode",
    ),
    "keeps a reference": (
        "rmdir",
        "struct vop_rmdir_v2_args *ap = v; vref(ap->a_vp); return REAL(rmdir)(v);",
        "VOP rmdir: kept a reference",
    ),
    "leaves it locked": (
        "rmdir",
        "struct vop_rmdir_v2_args *ap = v; struct vnode *vp = ap->a_vp; vref(vp);"
        " int error = REAL(rmdir)(v); vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);"
        " return error;",
        "VOP rmdir: left a vnode locked",
    ),
    "releases too much": (
        "rmdir",
        "struct vop_rmdir_v2_args *ap = v; struct vnode *vp = ap->a_vp;"
        " int error = REAL(rmdir)(v); vrele(vp); return error;",
        "VOP rmdir: released too much",
    ),
    "keeps the source of a rename": (
        "rename",
        "struct vop_rename_args *ap = v; vref(ap->a_fvp); return REAL(rename)(v);",
        "VOP rename: kept a reference",
    ),
    "calls without the lock": (
        "mkdir",
        "struct vop_mkdir_v3_args *ap = v; struct vattr va;"
        " VOP_UNLOCK(ap->a_dvp);"
        " return VOP_SETATTR(ap->a_dvp, &va, ap->a_cnp->cn_cred);",
        "VOP setattr: vnode not locked",
    ),
}


def act(k: rumpy.Kernel) -> None:
    """What comes by each of the broken operations."""
    k.listdir("/mnt")
    k.mkdir("/mnt/new")
    k.rename("/mnt/new", "/mnt/newer")
    k.rmdir("/mnt/newer")


def module(folder: Path, operation: str, body: str) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("needs package gcc: no gcc here")
    source = folder / "breaker.c"
    source.write_text(SOURCE % (body, operation))
    target = folder / "breaker.kmod"
    subprocess.run(["gcc", *FLAGS, "-c", "-o", target, source], check=True)
    return target


@pytest.mark.parametrize("how", BREAKS)
def test_it_is_caught(tmp_path: Path, how: str) -> None:
    operation, body, said = BREAKS[how]
    path = module(tmp_path, operation, body)
    other = rumpy.Kernel()
    with rumpy.Kernel(debug=True) as k:
        mount = k.mount("ffs", bytearray(images.unpacked("nb-ffs2le-8k")), "/mnt")
        k.load(path)
        with pytest.raises(rumpy.KernelPanic) as caught:
            act(k)
        assert said in str(caught.value)
        del mount
    other.mkdir("/still-there")
    other.close()


def test_sound_operations_pass(tmp_path: Path) -> None:
    path = module(tmp_path, "mkdir", "return REAL(mkdir)(v);")
    with rumpy.Kernel(debug=True) as k:
        assert k.sysctl("debug.vnodes") == 1
        k.mount("ffs", bytearray(images.unpacked("nb-ffs2le-8k")), "/mnt")
        k.load(path)
        act(k)
        k.sysctl("debug.vnodes", 0)
        act(k)
    with rumpy.Kernel() as k:
        assert k.sysctl("debug.vnodes") == 0


def test_ours_keeps_to_it() -> None:
    from rumpy.hypercall import VirtualClock

    side = Side(Driver("ffs"), images.unpacked("nb-ffs2le-8k"), VirtualClock())
    try:
        side.kernel.sysctl("debug.vnodes", 1)
        done = [side.run(operation)[0] for operation in operations(9, 1500)]
        side.remount()
        side.walk()
    finally:
        side.close()
    assert done.count("ok") > 300
