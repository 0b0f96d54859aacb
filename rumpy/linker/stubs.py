# SPDX-License-Identifier: BSD-2-Clause
"""Machine code the linker adds at the end of an image's text.

Host functions lie far above 2 GiB, where a 32-bit relocation can't reach, so
each gets a jump of 16 bytes.  Functions that are missing under the "trap"
policy get a stub that calls the kernel's panic() with their name.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from dataclasses import dataclass
else:
    from rumpy.records import dataclass

STUB_SIZE = 16
LOW_LIMIT = 1 << 31
_TEXT = "call of {name}, which this kernel does not have"


@dataclass(frozen=True, slots=True)
class Stubs:
    """The block of stubs of one image, sized before addresses are known.

    Attributes:
        far: symbol index -> far address.
        trapped: function name -> symbol index.
    """

    far: Mapping[int, int]
    trapped: Mapping[str, int]

    def _strings(self) -> Sequence[bytes]:
        return [
            _TEXT.format(name=name.replace("%", "%%")).encode() + b"\0"
            for name in self.trapped
        ]

    @property
    def size(self) -> int:
        """Bytes the block takes."""
        count = len(self.far) + len(self.trapped)
        return count * STUB_SIZE + sum(map(len, self._strings()))

    def build(self, address: int, panic: int) -> tuple[bytes, dict[int, int]]:
        """The block's bytes for an address, and symbol index -> stub address."""
        code = bytearray()
        values = {}
        for index, target in self.far.items():
            values[index] = address + len(code)
            # jmp *0(%rip); the target follows, and two bytes that are not reached
            code += b"\xff\x25\0\0\0\0" + struct.pack("<Q", target) + b"\xcc\xcc"
        strings = self._strings()
        text = address + (len(self.far) + len(self.trapped)) * STUB_SIZE
        for index, string in zip(self.trapped.values(), strings, strict=True):
            at = address + len(code)
            values[index] = at
            # mov $text,%edi; xor %eax,%eax; jmp panic: the caller stays on top
            code += b"\xbf" + struct.pack("<I", text) + b"\x31\xc0"
            code += b"\xe9" + struct.pack("<i", panic - (at + 12)) + b"\xcc" * 4
            text += len(string)
        return bytes(code) + b"".join(strings), values
