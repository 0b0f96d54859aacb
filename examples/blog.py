#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The kernel drivers of NetBSD in a program, step by step.

In 2012 a blog post showed a C program that booted a rump kernel, loaded an
unmodified ffs.kmod with modctl(2), mounted an image and read a file.  This is
the same, in the same order, by raw system calls where the C program used them.

    python examples/blog.py [FFS.KMOD [IMAGE]]
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from struct import pack

import rumpy
from rumpy._hyp import ffi

RB_AUTOBOOT = 0
MODCTL_LOAD = 0


def address(buffer: object) -> int:
    """Where the kernel finds a buffer: its "user" memory is this process."""
    return int(ffi.cast("uintptr_t", buffer))


def main(arguments: list[str]) -> int:
    """Run the steps; 0 if the file could be read and written."""
    from rumpy.linker import locate

    module = arguments[0] if arguments else str(locate("ffs"))
    image = arguments[1] if len(arguments) > 1 else rumpy.demo_image()

    # The boot console, as it comes.
    logging.basicConfig(level=logging.DEBUG, format="%(message)s", stream=sys.stderr)

    # 1. Boot.
    k = rumpy.Kernel(verbose=True)
    try:
        # 2. Files of the host in the kernel's name space: the module as a file,
        #    the image as a block device.
        k.upload(module, "/ffsmod")
        k.attach(image, "/ffsimg")

        # 3. modctl(MODCTL_LOAD) from inside: the kernel reads /ffsmod.
        path = ffi.new("char[]", b"/ffsmod")
        load = ffi.from_buffer(pack("<Qi4xQQ", address(path), 0, 0, 0))
        k.sys.modctl(MODCTL_LOAD, load)

        # 4. A directory to mount on, and mount(2) with ufs_args.
        k.sys.mkdir("/mnt", 0o755)
        fspec = ffi.new("char[]", b"/ffsimg")
        ufs_args = ffi.from_buffer(pack("<Q", address(fspec)))
        k.sys.mount("ffs", "/mnt", 0, ufs_args, 8)

        # 5. Read a file.
        fd = k.sys.open("/mnt/a_directory/README", 2, 0)
        buffer = bytearray(1024)
        count = k.sys.read(fd, buffer, len(buffer))
        text = bytes(buffer[:count])
        sys.stdout.write(text.decode())

        # 6. Change it: cut it off, and write something else.
        k.sys.ftruncate(fd, 0)
        k.sys.pwrite(fd, text.upper(), len(text), 0)
        k.sys.close(fd)
        written = k.open("/mnt/a_directory/README", os.O_RDONLY)
        same = k.read(written, 1024) == text.upper()
        k.close(written)

        # 7. reboot(2): the kernel unmounts and halts.
        with contextlib.suppress(rumpy.KernelClosed):
            k.sys.reboot(RB_AUTOBOOT, None)  # ends the kernel, so never returns
    finally:
        k.close()
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
