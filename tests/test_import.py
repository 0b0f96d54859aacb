# SPDX-License-Identifier: BSD-2-Clause
"""What importing costs, and that the public names are what they claim."""

from __future__ import annotations

import subprocess
import sys

import pytest

import rumpy

HEAVY = (
    "elftools", "cffi", "_cffi_backend", "rumpy._hyp", "click", "rich", "logging",
    "dataclasses", "pathlib", "typing", "asyncio", "ctypes",
)  # fmt: skip


def modules_after(statement: str) -> set[str]:
    """Names in sys.modules of a bare interpreter that ran the statement."""
    code = f"{statement}\nimport sys; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {ROOT!r})\n{code}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


ROOT = rumpy.__file__.rpartition("/rumpy/")[0]


def test_importing_rumpy_loads_nothing_heavy() -> None:
    added = modules_after("import rumpy") - modules_after("pass")
    assert not added & set(HEAVY)
    assert added == {"rumpy", "__future__"}


def test_the_abi_and_errors_need_no_native_part() -> None:
    added = modules_after("import rumpy.errors, rumpy.abi.errno, rumpy.abi.flags")
    assert "rumpy._hyp" not in added and "elftools" not in added


@pytest.mark.parametrize("name", rumpy.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(rumpy, name) is not None
    assert name in dir(rumpy)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        rumpy.Nothing  # type: ignore[attr-defined] # noqa: B018


@pytest.mark.parametrize(
    "package", ["", ".block", ".ffstools", ".fuse", ".hypercall", ".testing"]
)
def test_names_of_packages_come_when_they_are_used(package: str) -> None:
    name = f"rumpy{package}"
    code = f"""
import importlib
package = importlib.import_module({name!r})
assert set(package.__all__) <= set(dir(package))
for one in package.__all__:
    assert getattr(package, one) is getattr(package, one), one
try:
    package.nothing
except AttributeError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout == f"module {name!r} has no attribute 'nothing'\n"
