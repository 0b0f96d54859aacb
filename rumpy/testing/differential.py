# SPDX-License-Identifier: BSD-2-Clause
"""One random sequence of operations on two drivers, and what they answer.

    from rumpy.testing.differential import Driver, compare
    report = compare(Driver("ffs"), Driver("netbsd:ffs"), image, seed=7, count=5000)
    print(report)
    assert report.ok

Each driver runs in a kernel of its own in this process, on its own copy of the
image, with a clock that both share.  Compared are results and errors of each
call, now and then the whole tree (attributes, contents, which names are one
file, the order of directories), and what a checker says of the images.

    python -m rumpy.testing.differential ffs netbsd:ffs IMAGE [--seed N]
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rumpy.testing.filesystem import NOW, Status
from rumpy.testing.sequence import USERS, Operation, operations, pattern, text

if TYPE_CHECKING:
    from rumpy.block import MemoryDevice
    from rumpy.hypercall import VirtualClock
    from rumpy.kernel import Kernel
    from rumpy.mount import Mount
    from rumpy.testing.onkernel import KernelTree

__all__ = ["RULES", "Difference", "Driver", "Report", "Rule", "compare", "shrink"]

#: Operations in each second of the shared clock.
TICK = 10

#: A checker: complaints about an image, none if it is sound.
Checker = Callable[[bytes], Sequence[str]]

#: What an operation came to: ("ok", value) or ("error", name of the errno).
Outcome = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Driver:
    """One side: what to load, and how to mount with it.

    Attributes:
        name: driver, as Kernel.load takes it.
        words: mount options.
    """

    name: str
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} -o {','.join(self.words)}" if self.words else self.name


@dataclass(frozen=True, slots=True)
class Rule:
    """A difference that is known and explained: counted, and not an error.

    Attributes:
        name: a word for it.
        why: the explanation.
        fits: whether it covers two outcomes; called with the operation (None
            where whole trees are compared) and the two values: outcomes, or
            parts of trees: attributes, names, contents.
    """

    name: str
    why: str
    fits: Callable[[Operation | None, Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two drivers part.

    Attributes:
        index: number of operations before it.
        operation: the call, or None where the trees or images were compared.
        what: path or part that differs.
        left, right: what was found.
    """

    index: int
    operation: Operation | None
    what: str
    left: Any
    right: Any

    def __str__(self) -> str:
        call = f" {self.operation}" if self.operation is not None else ""
        return f"#{self.index}{call}: {self.what}: {self.left!r} | {self.right!r}"


@dataclass(slots=True)
class Report:
    """What came of a comparison.

    Attributes:
        left, right: the drivers.
        seed: of the sequence.
        done: operations that ran on both.
        succeeded: how many of them did not fail.
        difference: the first that no rule explains, or None.
        explained: rule -> how often it was needed.
        verbs: verb -> how often it ran.
    """

    left: Driver
    right: Driver
    seed: int
    done: int = 0
    succeeded: int = 0
    difference: Difference | None = None
    explained: Counter[str] = field(default_factory=Counter)
    verbs: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        """Nothing differs but what is explained."""
        return self.difference is None

    def __str__(self) -> str:
        lines = [
            f"{self.left} | {self.right}: seed {self.seed}, {self.done} operations"
            f" ({self.succeeded} succeeded)"
        ]
        lines += [f"  explained: {name}: {n}" for name, n in self.explained.items()]
        lines.append(
            f"  DIFFERENCE {self.difference}" if self.difference else "  equal"
        )
        return "\n".join(lines)


class Side:
    """A driver with its kernel, its disk, and the processes that act."""

    def __init__(self, driver: Driver, image: bytes, clock: VirtualClock) -> None:
        from rumpy.block import MemoryDevice
        from rumpy.hypercall import Hypercalls, SeededRandom
        from rumpy.kernel import Kernel

        self.driver = driver
        self.device: MemoryDevice = MemoryDevice(image)
        self.kernel: Kernel = Kernel(
            hypercalls=Hypercalls(clock=clock, random=SeededRandom(1)), watchdog=60.0
        )
        self.mount: Mount
        self.trees: dict[int, KernelTree] = {}
        self.slots: dict[int, tuple[KernelTree, int]] = {}
        self.folders: set[int] = set()  # slots that hold directories
        try:
            self.type = self.kernel.load(driver.name).name
            self._up()
        except BaseException:
            self.close()
            raise

    def _up(self) -> None:
        from rumpy.testing.onkernel import KernelTree

        self.mount = self.kernel.mount(
            self.type, self.device, "/mnt", *self.driver.words
        )
        root = KernelTree(self.kernel, "/mnt")
        self.trees = {
            key: root.as_user(*who) if who[0] else root for key, who in USERS.items()
        }

    def _down(self) -> None:
        for tree, fd in self.slots.values():
            tree.close(fd)
        self.slots.clear()
        self.trees[0].end()
        self.mount.unmount()

    def remount(self) -> None:
        """Close, unmount, mount again: what only a cache knew is gone."""
        self._down()
        self._up()

    def image(self) -> bytes:
        """The disk as it lies."""
        return os.pread(self.device.fileno(), self.device.size, 0)

    def close(self) -> None:
        """End the kernel."""
        self.kernel.shutdown()
        self.device.close()

    # --- operations -----------------------------------------------------------

    def run(self, operation: Operation) -> Outcome:
        """What an operation came to."""
        tree = self.trees[operation.user]
        try:
            return "ok", getattr(self, f"_do_{operation.verb}", self._plain)(
                tree, operation
            )
        except OSError as error:
            return "error", errno.errorcode.get(error.errno or 0, str(error.errno))

    def _plain(self, tree: KernelTree, operation: Operation) -> Any:
        """A call of a tree that takes what the operation has."""
        return _comparable(getattr(tree, operation.verb)(*operation.args))

    def _descriptor(self, slot: int) -> tuple[KernelTree, int]:
        if slot not in self.slots:
            raise OSError(errno.EBADF, "empty slot")
        return self.slots[slot]

    def _do_open(self, tree: KernelTree, operation: Operation) -> None:
        slot, path, flags, mode = operation.args
        if slot in self.slots:
            holder, old = self.slots.pop(slot)
            holder.close(old)
        fd = tree.open(path, flags, mode)
        self.slots[slot] = tree, fd
        if stat.S_ISDIR(tree.fstat(fd).mode):
            self.folders.add(slot)
        else:
            self.folders.discard(slot)

    def _do_close(self, tree: KernelTree, operation: Operation) -> Any:
        holder, fd = self._descriptor(operation.args[0])
        del self.slots[operation.args[0]]
        holder.close(fd)

    def _do_write(self, tree: KernelTree, operation: Operation) -> Any:
        slot, seed, size = operation.args
        holder, fd = self._descriptor(slot)
        return holder.write(fd, pattern(seed, size)[:size])

    def _do_pwrite(self, tree: KernelTree, operation: Operation) -> Any:
        slot, seed, size, offset = operation.args
        holder, fd = self._descriptor(slot)
        return holder.pwrite(fd, pattern(seed, size)[:size], offset)

    def _on_slot(self, tree: KernelTree, operation: Operation) -> Any:
        """A call of a tree whose first argument is a descriptor."""
        holder, fd = self._descriptor(operation.args[0])
        return _comparable(getattr(holder, operation.verb)(fd, *operation.args[1:]))

    def _on_file(self, tree: KernelTree, operation: Operation) -> Any:
        """The same; what read(2) does with a directory is the driver's affair."""
        if operation.args[0] in self.slots and operation.args[0] in self.folders:
            raise OSError(errno.EISDIR, "not tried")
        return self._on_slot(tree, operation)

    _do_read = _do_pread = _do_lseek = _on_file
    _do_ftruncate = _do_fsync = _do_fstat = _do_fchmod = _do_fchown = _on_slot

    def _do_futimens(self, tree: KernelTree, operation: Operation) -> Any:
        slot, atime, mtime = operation.args
        holder, fd = self._descriptor(slot)
        holder.futimens(fd, _when(atime), _when(mtime))

    def _do_utimens(self, tree: KernelTree, operation: Operation) -> Any:
        path, atime, mtime, follow = operation.args
        tree.utimens(path, _when(atime), _when(mtime), follow_symlinks=follow)

    # --- the whole tree --------------------------------------------------------

    def walk(self) -> dict[str, Any]:
        """Everything that can be seen, by path."""
        tree = self.trees[0]
        found: dict[str, Any] = {}
        names: dict[int, list[str]] = {}
        todo = ["."]
        while todo:
            path = todo.pop()
            status = tree.lstat(path)
            entry: dict[str, Any] = {"status": _comparable(status)}
            if stat.S_ISDIR(status.mode):
                entry["names"] = children = tree.listdir(path)
                # Reading sets times: the order has to be the same on both sides.
                todo += [f"{path}/{name}" for name in sorted(children)]
            elif stat.S_ISLNK(status.mode):
                entry["target"] = tree.readlink(path)
            elif stat.S_ISREG(status.mode):
                entry["contents"] = _contents(tree, path, status.size)
            found[path] = entry
            names.setdefault(status.ino, []).append(path)
        found["(links)"] = sorted(sorted(same) for same in names.values())
        return found


def _contents(tree: KernelTree, path: str, size: int) -> bytes:
    """A file's bytes; of a very long one both ends, since the middle is a hole."""
    fd = tree.open(path, os.O_RDONLY)
    try:
        most = 1 << 20
        data = tree.pread(fd, min(size, most), 0)
        return data + tree.pread(fd, most, size - most) if size > 2 * most else data
    finally:
        tree.close(fd)


def _when(value: int | None) -> Any:
    return NOW if value is None else value


def _comparable(value: Any) -> Any:
    """What must be the same on both sides: not inode and device numbers."""
    if isinstance(value, Status):
        kept = {
            name: getattr(value, name)
            for name in ("mode", "nlink", "uid", "gid", "atime", "mtime", "ctime",
                         "birthtime", "blocks")
        }  # fmt: skip
        # How long a directory is, and its blocks, is the driver's affair.
        if stat.S_ISDIR(value.mode):
            del kept["blocks"]
        else:
            kept["size"] = value.size
        if stat.S_ISBLK(value.mode) or stat.S_ISCHR(value.mode):
            kept["rdev"] = value.rdev
        return kept | {"flags": sorted(value.flags)}
    if hasattr(value, "files_free"):
        return {n: getattr(value, n) for n in ("size", "free", "files", "files_free",
                                               "name_max")}  # fmt: skip
    return value


# --- comparing ------------------------------------------------------------------


def _value(outcome: Any) -> Any:
    """What an operation answered, if it did; else the part of a tree."""
    if isinstance(outcome, tuple):
        return outcome[1] if outcome[0] == "ok" else None
    return outcome


def _same_names(operation: Operation | None, left: Any, right: Any) -> bool:
    mine, yours = _value(left), _value(right)
    if not isinstance(mine, list) or not isinstance(yours, list):
        return False
    return all(isinstance(n, str) for n in mine + yours) and sorted(mine) == sorted(
        yours
    )


def _only(
    names: frozenset[str], kind: Callable[[int], bool]
) -> Callable[[Operation | None, Any, Any], bool]:
    """A test for attributes that differ in these alone."""

    def fits(operation: Operation | None, left: Any, right: Any) -> bool:
        mine, yours = _value(left), _value(right)
        if not isinstance(mine, dict) or not isinstance(yours, dict):
            return False
        if not kind(mine.get("mode", 0)):
            return False
        return {n for n in mine if mine[n] != yours.get(n)} <= names

    return fits


def _errors(
    verbs: tuple[str, ...], *names: str
) -> Callable[[Operation | None, Any, Any], bool]:
    """A test for a call that fails on both sides, with two of these."""

    def fits(operation: Operation | None, left: Any, right: Any) -> bool:
        if operation is None or operation.verb not in verbs:
            return False
        both = left[0] == right[0] == "error"
        return both and {left[1], right[1]} <= {*names}

    return fits


#: What two drivers of one format may do in different ways.
RULES: tuple[Rule, ...] = (
    Rule(
        "order of directories",
        "POSIX promises none, and a free place of a directory may be filled or not",
        _same_names,
    ),
    Rule(
        "access times of directories",
        "whether a directory that the driver reads for its own ends (is it empty, "
        "where does .. lead) counts as read is not said anywhere",
        _only(frozenset({"atime"}), stat.S_ISDIR),
    ),
    Rule(
        "access times of symbolic links",
        "NetBSD's driver leaves that of a link alone that lies in its inode; POSIX "
        "wants all of them set",
        _only(frozenset({"atime"}), stat.S_ISLNK),
    ),
    Rule(
        "which of several errors",
        "where several are true, as for . in a directory that may not be written, "
        "POSIX does not say which comes first",
        _errors(("rename", "unlink", "rmdir"), "EINVAL", "EACCES"),
    ),
    Rule(
        "blocks of files with holes",
        "a file that ends in a hole may be given its last block, so that st_blocks "
        "and the free room differ; the checker counts that both are right",
        _only(frozenset({"blocks", "free"}), lambda mode: True),
    ),
)


class _Comparison:
    """One run: both sides, and what has been found."""

    def __init__(
        self,
        drivers: tuple[Driver, Driver],
        image: bytes,
        *,
        rules: Sequence[Rule],
        check: Checker | None,
        report: Report,
    ) -> None:
        from rumpy.hypercall import VirtualClock

        self.clock = VirtualClock()
        self.rules = rules
        self.check = check
        self.report = report
        self.sides: list[Side] = []
        try:
            for driver in drivers:
                self.sides.append(Side(driver, image, self.clock))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for side in self.sides:
            side.close()

    def step(self, operation: Operation) -> Difference | None:
        """Run an operation on both sides."""
        if self.report.done % TICK == 0:
            # Calls mark times to be set, and drivers are free to set them
            # later: all that is marked is set before the clock goes on.
            for side in self.sides:
                side.kernel.sync()
            self.clock.advance(1)
        left, right = (side.run(operation) for side in self.sides)
        index = self.report.done
        self.report.done += 1
        self.report.verbs[operation.verb] += 1
        self.report.succeeded += left[0] == "ok"
        if left == right:
            return None
        if self._explained(operation, left, right):
            return None
        return Difference(index, operation, "result", *_parts(left, right))

    def _explained(self, operation: Operation | None, left: Any, right: Any) -> bool:
        """Whether a rule covers a difference."""
        for rule in self.rules:
            if rule.fits(operation, left, right):
                self.report.explained[rule.name] += 1
                return True
        return False

    def trees(self) -> Difference | None:
        """Compare everything that can be seen."""
        left, right = (side.walk() for side in self.sides)
        for path in sorted(left.keys() | right.keys()):
            mine, yours = left.get(path), right.get(path)
            if mine == yours:
                continue
            if not isinstance(mine, dict) or not isinstance(yours, dict):
                return Difference(self.report.done, None, path, mine, yours)
            for part in mine:
                pair = mine[part], yours.get(part)
                if pair[0] != pair[1] and not self._explained(None, *pair):
                    what = f"{path} {part}"
                    return Difference(self.report.done, None, what, *_parts(*pair))
        return None

    def images(self) -> Difference | None:
        """Unmount, see what the checker says, mount again."""
        for side in self.sides:
            side.remount()
        if self.check is None:
            return None
        found = [[*self.check(_unmounted(side))] for side in self.sides]
        if any(found):
            return Difference(self.report.done, None, "checker", *found)
        return None


def _unmounted(side: Side) -> bytes:
    """The image while it is not mounted."""
    side._down()
    data = side.image()
    side._up()
    return data


def _parts(left: Any, right: Any) -> tuple[Any, Any]:
    """Of two values those parts that differ, so that they can be read."""
    if isinstance(left, tuple) and isinstance(right, tuple) and left[0] == right[0]:
        left, right = left[1], right[1]
    if isinstance(left, dict) and isinstance(right, dict):
        names = [n for n in left if left[n] != right.get(n)]
        return {n: left[n] for n in names}, {n: right.get(n) for n in names}
    if isinstance(left, bytes) and isinstance(right, bytes):
        at = next((i for i, (a, b) in enumerate(zip(left, right, strict=False))
                   if a != b), min(len(left), len(right)))  # fmt: skip
        return (len(left), at, left[at : at + 16]), (
            len(right),
            at,
            right[at : at + 16],
        )
    return left, right


def compare(
    left: Driver,
    right: Driver,
    image: bytes,
    *,
    seed: int = 0,
    count: int = 1000,
    sequence: Iterable[Operation] | None = None,
    rules: Sequence[Rule] = RULES,
    check: Checker | None = None,
    walk_every: int = 200,
    remount_every: int = 1000,
    users: bool = True,
    without: Iterable[str] = (),
) -> Report:
    """Run one sequence on both drivers, until they differ or it ends.

    Args:
        image: what both start from; each has its own copy.
        seed, count: of the sequence, unless `sequence` is given.
        rules: differences that are known and explained.
        check: says what is wrong with an image.
        walk_every, remount_every: operations between comparisons of the whole
            trees, and between unmounts with a check of the images.
        users, without: see rumpy.testing.sequence.operations.

    Raises:
        KernelPanic: one of the drivers.
    """
    report = Report(left, right, seed)
    if sequence is None:
        sequence = operations(seed, count, users=users, without=frozenset(without))
    run = _Comparison((left, right), image, rules=rules, check=check, report=report)
    with contextlib.closing(run):
        for operation in sequence:
            report.difference = run.step(operation)
            if report.difference is None and report.done % walk_every == 0:
                report.difference = run.trees()
            if report.difference is None and report.done % remount_every == 0:
                report.difference = run.images() or run.trees()
            if report.difference is not None:
                return report
        report.difference = run.trees() or run.images() or run.trees()
    return report


def shrink(
    left: Driver,
    right: Driver,
    image: bytes,
    sequence: Sequence[Operation],
    *,
    budget: int = 400,
    **options: Any,
) -> list[Operation]:
    """A shorter sequence on which the drivers still differ.

    Parts are left out while the drivers differ without them: halves at first,
    then ever smaller ones.

    Args:
        sequence: one on which they differ.
        budget: how many sequences to try.
        options: those of compare().
    """

    def fails(candidate: Sequence[Operation]) -> bool:
        nonlocal budget
        budget -= 1
        report = compare(left, right, image, sequence=candidate, **options)
        return not report.ok

    kept = list(sequence)
    size = max(len(kept) // 2, 1)
    while budget > 0:
        start, found = 0, False
        while start < len(kept) and budget > 0:
            candidate = kept[:start] + kept[start + size :]
            if candidate and fails(candidate):
                kept, found = candidate, True
            else:
                start += size
        if size == 1 and not found:
            break
        size = max(size // 2, 1)
    return kept


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 if the drivers agree."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="python -m rumpy.testing.differential", description=main.__doc__
    )
    parser.add_argument("left", help="driver, with its mount options: ffs,sync")
    parser.add_argument("right")
    parser.add_argument("image")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--shrink", action="store_true", help="print a short sequence")
    options = parser.parse_args(arguments)
    with open(options.image, "rb") as file:
        image = file.read()
    left, right = _driver(options.left), _driver(options.right)
    report = compare(left, right, image, seed=options.seed, count=options.count)
    print(report)
    if options.shrink and not report.ok:
        sequence = list(operations(options.seed, report.done))
        print(text(shrink(left, right, image, sequence)), end="")
    return 0 if report.ok else 1


def _driver(argument: str) -> Driver:
    name, _, words = argument.partition(",")
    return Driver(name, tuple(word for word in words.split(",") if word))


if __name__ == "__main__":
    import sys

    sys.exit(main())
