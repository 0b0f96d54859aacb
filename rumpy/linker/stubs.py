# SPDX-License-Identifier: BSD-2-Clause
"""Machine code the linker adds at the end of an image's text.

Host functions lie far above 2 GiB, where a 32-bit relocation can't reach, so
each gets a jump of 16 bytes.  Functions that are missing under the "trap"
policy get a stub that calls the kernel's panic() with their name.  Hooked ones
get a stub that counts their calls and can make one fail; those where a module
may be preempted, one that tells the kernel's sched_point() where they lead.
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
HOOK_SIZE = 32
#: What a hook's stub goes by: int64 calls until one fails, uint64 address of the
#: function, uint64 what the call that fails returns.
HOOK_SLOT = struct.Struct("<qQQ")
LOW_LIMIT = 1 << 31
_JUMPS = 256
_TEXT = "call of {name}, which this kernel does not have"


@dataclass(frozen=True, slots=True)
class Stubs:
    """The block of stubs of one image, sized before addresses are known.

    Attributes:
        far: symbol index -> far address.
        trapped: function name -> symbol index.
        hooked: symbol index -> address of a HOOK_SLOT.
        points: symbol index -> address of a function below 2 GiB.
    """

    far: Mapping[int, int]
    trapped: Mapping[str, int]
    hooked: Mapping[int, int]
    points: Mapping[int, int]

    def _strings(self) -> Sequence[bytes]:
        return [
            _TEXT.format(name=name.replace("%", "%%")).encode() + b"\0"
            for name in self.trapped
        ]

    @property
    def size(self) -> int:
        """Bytes the block takes."""
        return self._code_size + sum(map(len, self._strings()))

    @property
    def _code_size(self) -> int:
        plain = len(self.far) + len(self.trapped) + len(self.points)
        return plain * STUB_SIZE + len(self.hooked) * HOOK_SIZE

    def build(
        self, address: int, panic: int, point: int = 0
    ) -> tuple[bytes, dict[int, int]]:
        """The block's bytes for an address, and symbol index -> stub address."""
        code = bytearray()
        values = {}
        for index, target in self.far.items():
            values[index] = address + len(code)
            code += _jumps.get(target) or _jump(target)
        strings = self._strings()
        text = address + self._code_size
        for index, string in zip(self.trapped.values(), strings, strict=True):
            at = address + len(code)
            values[index] = at
            # mov $text,%edi; xor %eax,%eax; jmp panic: the caller stays on top
            code += b"\xbf" + struct.pack("<I", text) + b"\x31\xc0"
            code += b"\xe9" + struct.pack("<i", panic - (at + 12)) + b"\xcc" * 4
            text += len(string)
        for index, target in self.points.items():
            at = address + len(code)
            values[index] = at
            # mov $target,%r11d; jmp sched_point
            code += b"\x41\xbb" + struct.pack("<I", target)
            code += b"\xe9" + struct.pack("<i", point - (at + 11)) + b"\xcc" * 5
        for index, slot in self.hooked.items():
            values[index] = address + len(code)
            code += _hook(slot)
        return bytes(code) + b"".join(strings), values


# Those to the hypercalls are the same for every kernel.
_jumps: dict[int, bytes] = {}


def _jump(target: int) -> bytes:
    """Go on far away."""
    # jmp *0(%rip); the target follows, and two bytes that are not reached
    code = b"\xff\x25\0\0\0\0" + struct.pack("<Q", target) + b"\xcc\xcc"
    if len(_jumps) < _JUMPS:
        _jumps[target] = code
    return code


def _hook(slot: int) -> bytes:
    """Count down; at zero return what the slot says, else go on to the function."""
    code = b"\x49\xbb" + struct.pack("<Q", slot)  # movabs $slot,%r11
    code += b"\xf0\x49\xff\x0b"  # lock decq (%r11)
    code += b"\x74\x04"  # je over the jump
    code += b"\x41\xff\x63\x08"  # jmp *8(%r11)
    code += b"\x49\x8b\x43\x10\xc3"  # mov 16(%r11),%rax; ret
    return code.ljust(HOOK_SIZE, b"\xcc")
