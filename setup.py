# SPDX-License-Identifier: BSD-2-Clause
"""Glue between setuptools and the two C builds; metadata is in pyproject.toml.

csrc/Makefile builds what is freestanding (the kernel image and the modules)
with flags of its own; cffi builds the host side as rumpy._hyp.  The images are
then brought into the form that needs no parsing at boot and put into
rumpy/_data.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent

if sys.platform != "linux" or platform.machine() != "x86_64" or sys.maxsize < 2**32:
    raise SystemExit(
        "rumpy runs on Linux on amd64 (x86_64) only; this is "
        f"{platform.system()} on {platform.machine()}, "
        f"{64 if sys.maxsize > 2**32 else 32} bit"
    )

# pip runs this file by path: neither the package nor its builder is importable yet.
sys.path.insert(0, str(ROOT))


class BuildNative(build_ext):
    """Build the kernel first: the host side includes headers made there."""

    def run(self) -> None:
        if self.inplace and os.environ.get("RUMPY_IS_BUILT"):
            return  # tools/setup has just done all of this
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("CFLAGS", "CPPFLAGS", "LDFLAGS", "MAKEFLAGS")
        }
        subprocess.run(
            ["make", "-C", str(ROOT / "csrc"), f"-j{os.cpu_count() or 1}"],
            check=True,
            env=environment,
        )
        super().run()
        from rumpy.linker.prelink import prelink_tree

        package = ROOT if self.inplace else Path(self.build_lib)
        prelink_tree(ROOT / "build", package / "rumpy" / "_data")

    def build_extensions(self) -> None:
        self.compiler.src_extensions.append(".S")
        super().build_extensions()


setup(
    cffi_modules=["rumpy/_build_hyp.py:ffi"],
    cmdclass={"build_ext": BuildNative},
)
