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
    "Kernel": "rumpy.kernel",
    "KernelPath": "rumpy.path",
    "Module": "rumpy.module",
    "Mount": "rumpy.mount",
    "Process": "rumpy.process",
    "demo_image": "rumpy.demo",
    "Frame": "rumpy.errors",
    "ImageError": "rumpy.errors",
    "KernelClosed": "rumpy.errors",
    "KernelDeadlock": "rumpy.errors",
    "KernelInChild": "rumpy.errors",
    "KernelPanic": "rumpy.errors",
    "LinkError": "rumpy.errors",
    "ModuleError": "rumpy.errors",
    "RumpyError": "rumpy.errors",
    "SnapshotError": "rumpy.errors",
    "UnsupportedPlatform": "rumpy.errors",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'rumpy' has no attribute {name!r}")
    # importlib's own module takes a millisecond.
    module = __import__(home, fromlist=(name,))
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOMES))
