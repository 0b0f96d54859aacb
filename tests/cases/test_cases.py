# SPDX-License-Identifier: BSD-2-Clause
"""The portable cases on all four targets: the model, the host, a kernel, a mount.

What each target can do is stated here, not probed: a driver that loses an
ability must not have its cases skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rumpy import Kernel, demo_image
from rumpy.testing import (
    CAPABILITIES,
    Case,
    HostTree,
    KernelTree,
    Model,
    ModelTree,
    all_cases,
    probe,
    run_case,
    run_cases,
)

CASES = [pytest.param(case, id=case.name) for case in all_cases()]

ROOT = os.geteuid() == 0
BY_ROOT = {"users", "owners", "devices", "sysflags"}

#: What our FFSv2 driver does for a program inside the kernel.
FFS = frozenset(CAPABILITIES) - {"tmpfile", "mmap"}
#: What is left of that on the host, through FUSE.
FUSE = (FFS | {"tmpfile", "mmap"}) - {"userflags", "atime", "bsdgroups"}


def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh FFSv2 image with room."""
    return Path(demo_image(tmp_path_factory.mktemp("blank") / "blank.img"))


def run(case: Case, fs: Any) -> None:
    """Run what fits."""
    missing = case.missing(fs.capabilities)
    if missing:
        pytest.skip(f"without {', '.join(missing)}")
    run_case(case, fs)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("bsd", [False, True], ids=["linux", "bsd"])
def test_model(case: Case, bsd: bool) -> None:
    run(case, Model(bsd=bsd, capacity=1 << 24).tree())


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostTree]:
    where = tmp_path_factory.mktemp("host")
    where.chmod(0o755)
    tree = HostTree(where)
    tree.capabilities = probe(tree)
    yield tree
    tree.end()


@pytest.mark.parametrize("case", CASES)
def test_host(case: Case, host: HostTree) -> None:
    run(case, host)


@pytest.fixture(scope="module")
def kernel_tree(
    built: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KernelTree]:
    image = blank(tmp_path_factory)
    with Kernel() as k, k.mount("ffs", str(image), "/mnt"):
        tree = KernelTree(k, "/mnt", FFS)
        yield tree
        tree.end()


@pytest.mark.parametrize("case", CASES)
def test_kernel(case: Case, kernel_tree: KernelTree) -> None:
    run(case, kernel_tree)


@pytest.fixture(scope="module")
def fuse_tree(
    built: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HostTree]:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("this machine has no usable /dev/fuse")
    from rumpy.fuse import mount, umount

    image = blank(tmp_path_factory)
    where = image.with_suffix(".mnt")
    where.mkdir(mode=0o755)
    mount(None, image, where, "suid,dev" if ROOT else "")
    tree = HostTree(where, FUSE if ROOT else FUSE - BY_ROOT)
    yield tree
    tree.end()
    umount(where)


@pytest.mark.parametrize("case", CASES)
def test_fuse(case: Case, fuse_tree: HostTree) -> None:
    run(case, fuse_tree)


def test_probe_finds_what_is_stated(kernel_tree: KernelTree) -> None:
    """What ffs.kmod is said to do, trying says as well."""
    assert probe(kernel_tree) | {"small"} == FFS


@pytest.mark.skipif(not ROOT, reason="users are root's to impersonate")
def test_probe_of_a_mount(fuse_tree: HostTree) -> None:
    assert probe(fuse_tree) | {"small"} == FUSE


def test_report() -> None:
    """A target that breaks a rule fails just that case, and says where."""

    class Forgetful(ModelTree):
        def rename(self, old: str, new: str) -> None:
            pass

    plain = Model().tree()
    tree = Forgetful(plain.model, plain.model.root, plain._me, plain.capabilities)
    found = run_cases(tree, only=["rename/onto_itself", "rename/replaces_a_file"])
    assert not found.ok
    assert [r.case.name for r in found.having("passed")] == ["rename/onto_itself"]
    [failed] = found.having("failed")
    assert failed.case.name == "rename/replaces_a_file"
    assert "get(fs" in failed.why
    assert "1 passed, 1 failed, 0 skipped" in str(found)


def test_needs_are_checked() -> None:
    """A tree without an ability has the cases about it skipped."""
    tree = Model().tree(without=["hardlinks"])
    found = run_cases(tree, only=["link/*"])
    assert found.having("skipped") == list(found.results)
    assert not found.ok
