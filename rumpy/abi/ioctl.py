# SPDX-License-Identifier: BSD-2-Clause
"""ioctl request numbers: NetBSD puts direction and size into the number.

void 0x2, out (the kernel writes) 0x4, in (the kernel reads) 0x8 in the top
bits; the parameter's size in bits 16 to 28; group letter; number.
"""

from __future__ import annotations

IOC_VOID = 0x20000000
IOC_OUT = 0x40000000
IOC_IN = 0x80000000
IOC_INOUT = IOC_IN | IOC_OUT
IOC_DIRMASK = 0xE0000000
IOCPARM_MAX = 4096


def _ioc(direction: int, group: str, number: int, size: int) -> int:
    if len(group) != 1 or not 0 <= number <= 0xFF or not 0 <= size <= IOCPARM_MAX:
        raise ValueError(f"no such ioctl: group {group!r} number {number} size {size}")
    return direction | size << 16 | ord(group) << 8 | number


def io(group: str, number: int) -> int:
    """_IO(group, number): no parameter."""
    return _ioc(IOC_VOID, group, number, 0)


def ior(group: str, number: int, size: int) -> int:
    """_IOR: the kernel writes a parameter of `size` bytes."""
    return _ioc(IOC_OUT, group, number, size)


def iow(group: str, number: int, size: int) -> int:
    """_IOW: the kernel reads a parameter of `size` bytes."""
    return _ioc(IOC_IN, group, number, size)


def iowr(group: str, number: int, size: int) -> int:
    """_IOWR: the kernel reads and writes a parameter of `size` bytes."""
    return _ioc(IOC_INOUT, group, number, size)


def size(request: int) -> int:
    """Bytes of the parameter that `request` names."""
    return request >> 16 & 0x1FFF


FIOCLEX = io("f", 1)
FIONCLEX = io("f", 2)
FIONREAD = ior("f", 127, 4)
FIONBIO = iow("f", 126, 4)
FIOASYNC = iow("f", 125, 4)
FIONWRITE = ior("f", 121, 4)
FIONSPACE = ior("f", 120, 4)
FIOSEEKDATA = iowr("f", 97, 8)
FIOSEEKHOLE = iowr("f", 98, 8)
DIOCGMEDIASIZE = ior("d", 132, 8)
DIOCGSECTORSIZE = ior("d", 133, 4)
DIOCCACHESYNC = iow("d", 118, 4)

#: The host's requests that Python programs know by termios/fcntl names.
FROM_HOST = {
    0x5451: FIOCLEX,
    0x5450: FIONCLEX,
    0x541B: FIONREAD,
    0x5421: FIONBIO,
    0x5452: FIOASYNC,
}
