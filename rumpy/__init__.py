# SPDX-License-Identifier: BSD-2-Clause
"""A NetBSD-compatible anykernel inside the Python process.

    import os, rumpy
    with rumpy.Kernel() as k:
        k.load("ffs")
        with k.mount("ffs", rumpy.demo_image(), "/mnt") as mnt:
            print(k.listdir("/mnt"))

This is the public face.  Names are looked up on first use, so that
`import rumpy` loads neither the native extension nor anything heavy.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rumpy.demo import demo_image as demo_image
    from rumpy.errors import Frame as Frame
    from rumpy.errors import ImageError as ImageError
    from rumpy.errors import KernelClosed as KernelClosed
    from rumpy.errors import KernelDeadlock as KernelDeadlock
    from rumpy.errors import KernelInChild as KernelInChild
    from rumpy.errors import KernelPanic as KernelPanic
    from rumpy.errors import LinkError as LinkError
    from rumpy.errors import ModuleError as ModuleError
    from rumpy.errors import RumpyError as RumpyError
    from rumpy.errors import SnapshotError as SnapshotError
    from rumpy.errors import UnsupportedPlatform as UnsupportedPlatform
    from rumpy.kernel import Kernel as Kernel
    from rumpy.module import Module as Module
    from rumpy.mount import Mount as Mount
    from rumpy.path import KernelPath as KernelPath
    from rumpy.process import Process as Process

__version__ = "0.1.0"

_HOMES = {
    "Kernel": "kernel",
    "KernelPath": "path",
    "Module": "module",
    "Mount": "mount",
    "Process": "process",
    "demo_image": "demo",
    "Frame": "errors",
    "ImageError": "errors",
    "KernelClosed": "errors",
    "KernelDeadlock": "errors",
    "KernelInChild": "errors",
    "KernelPanic": "errors",
    "LinkError": "errors",
    "ModuleError": "errors",
    "RumpyError": "errors",
    "SnapshotError": "errors",
    "UnsupportedPlatform": "errors",
}

__all__ = [*_HOMES, "__version__"]


def _looked_up(
    package: str, homes: dict[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package that imports its names when used.

    Args:
        package: its full name.
        homes: each name, and the module below the package that has it.
    """
    import sys

    def look_up(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        # importlib's own module takes a millisecond.
        module = __import__(f"{package}.{home}", fromlist=(name,))
        value: object = getattr(module, name)
        # A function may be called like its module: only what was asked for is kept.
        vars(sys.modules[package])[name] = value
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return look_up, names


__getattr__, __dir__ = _looked_up(__name__, _HOMES)
