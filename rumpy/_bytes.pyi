# SPDX-License-Identifier: BSD-2-Clause
"""Made by csrc/hypercall/pybytes.c."""

def new_bytes(length: int, /) -> bytes:
    """Bytes with nothing in them yet, for a kernel to fill before others look.

    Raises:
        SystemError: a negative length.
        MemoryError: not so much memory.
    """
