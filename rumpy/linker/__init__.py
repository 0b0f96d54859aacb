# SPDX-License-Identifier: BSD-2-Clause
"""Linking kernels and modules below 2 GiB.

    linker = Linker(host)
    kernel = linker.load_kernel(kernel_path(), exports=export_list())
    for file in plan("ffs", loaded=linker.modules):
        module = linker.load_module(file.path)
    frame = linker.symbolizer.resolve(address)

reader checks an object, layout orders its sections, arena finds room, scope
resolves names, link puts it together, symbolize looks back.
"""

from __future__ import annotations

from rumpy.linker.host import LinkHost, NativeHost
from rumpy.linker.image import LinkedImage, LinkedModule, LinkSet, Range
from rumpy.linker.link import Linker
from rumpy.linker.modinfo import ModInfo
from rumpy.linker.search import (
    ModuleFile,
    export_limits,
    export_list,
    find_module,
    kernel_path,
    locate,
    peek,
    plan,
    release_of,
    shipped_modules,
)
from rumpy.linker.symbolize import Symbolizer

__all__ = [
    "LinkHost",
    "LinkSet",
    "LinkedImage",
    "LinkedModule",
    "Linker",
    "ModInfo",
    "ModuleFile",
    "NativeHost",
    "Range",
    "Symbolizer",
    "export_limits",
    "export_list",
    "find_module",
    "kernel_path",
    "locate",
    "peek",
    "plan",
    "release_of",
    "shipped_modules",
]
