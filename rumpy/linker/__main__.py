# SPDX-License-Identifier: BSD-2-Clause
"""`python -m rumpy.linker [--trap] [KERNEL] [MODULE...]`: link, report, run nothing."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rumpy.errors import RumpyError
from rumpy.hypercall.memory import Memory, hypercall_addresses
from rumpy.linker import Linker, export_list, kernel_path, plan
from rumpy.linker.image import LinkedImage

if TYPE_CHECKING:
    from rumpy.linker.scope import Missing


def _report(image: LinkedImage, seconds: float) -> None:
    print(f"{image.name} ({image.file}): {seconds * 1000:.2f} ms")
    for label, part in (
        ("text", image.text), ("rodata", image.rodata), ("data", image.data)
    ):  # fmt: skip
        print(f"  {label:<7}{part.address:#12x} {part.size:>9}")
    print(f"  {len(image.symbols)} global symbols")


def main(arguments: list[str]) -> int:
    missing: Missing = "trap" if "--trap" in arguments else "strict"
    arguments = [argument for argument in arguments if argument != "--trap"]
    kernel = arguments[0] if arguments else kernel_path()
    with Memory() as memory:
        linker = Linker(memory.host(hypercall_addresses()))
        start = time.perf_counter()
        image = linker.load_kernel(kernel, exports=export_list(), missing=missing)
        _report(image, time.perf_counter() - start)
        for name in arguments[1:]:
            for file in plan(name, loaded=linker.modules):
                start = time.perf_counter()
                module = linker.load_module(file.path, missing=missing)
                _report(module, time.perf_counter() - start)
                info = module.modinfo
                print(f"  NetBSD {info.release} {info.class_name} module, requires "
                      f"{', '.join(info.required) or 'nothing'}")  # fmt: skip
                if module.trapped:
                    print(f"  trapped: {', '.join(module.trapped)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (RumpyError, OSError) as error:
        sys.exit(f"{error}")
