# SPDX-License-Identifier: BSD-2-Clause
"""What is mounted, by whom: one small file for each mount.

They lie in the user's runtime directory ($XDG_RUNTIME_DIR/rumpy, /run/rumpy for
root, else /tmp/rumpy-UID), with the log of each server.  A server that ends in
good order removes its record; one that dies or fails leaves it, so that `rumpy
mounts` can say so and `rumpy umount` can clean up.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from dataclasses import asdict, dataclass, fields, replace

from rumpy.fuse.errors import MountError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Record", "find", "load_all", "log_path", "runtime_dir"]


@dataclass(frozen=True, slots=True)
class Record:
    """One mount.

    Attributes:
        name: of its files in the runtime directory.
        mountpoint, image, driver, options: what the user asked for.
        pid, started: the server, and when the host started it (clock ticks
            after boot), since pids are used again.
        device: Linux's "major:minor" of the mount, or "".
        failure: why the server ended in bad order, or "".
    """

    name: str
    mountpoint: str
    image: str
    driver: str
    options: str
    pid: int
    started: int
    device: str = ""
    failure: str = ""

    @property
    def alive(self) -> bool:
        """Whether the server is running."""
        return start_time(self.pid) == self.started

    def save(self) -> None:
        """Write the record, at once or not at all."""
        path = record_path(self.name)
        fresh = f"{path}.{os.getpid()}"
        with open(fresh, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
        os.replace(fresh, path)

    def remove(self, *, log: bool = True) -> None:
        """Forget the mount, and what its server printed."""
        for path in [record_path(self.name), *([log_path(self.name)] if log else [])]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def failed(self, why: str) -> Record:
        """The same with a reason; saved."""
        record = replace(self, failure=why)
        record.save()
        return record


def start_time(pid: int) -> int:
    """When a process started, in clock ticks after boot; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return 0
    rest = text.rpartition(")")[2].split()
    return 0 if rest[0] in "ZX" else int(rest[19])


def runtime_dir() -> str:
    """The user's directory for records and logs, made where it is missing.

    Raises:
        MountError: somebody else's directory is in its place.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    if os.geteuid() == 0:
        path = "/run/rumpy" if os.path.isdir("/run") else "/tmp/rumpy-0"
    elif base and os.path.isdir(base):
        path = os.path.join(base, "rumpy")
    else:
        path = f"/tmp/rumpy-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise MountError(f"{path} is not a directory of this user's")
    return path


def record_path(name: str) -> str:
    """Where a record is."""
    return os.path.join(runtime_dir(), f"{name}.json")


def log_path(name: str) -> str:
    """Where a server's output goes."""
    return os.path.join(runtime_dir(), f"{name}.log")


def _load(path: str) -> Record | None:
    try:
        with open(path, encoding="utf-8") as file:
            values: dict[str, Any] = json.load(file)
        names = {field.name for field in fields(Record)}
        return Record(**{k: v for k, v in values.items() if k in names})
    except (OSError, ValueError, TypeError):
        return None


def load_all() -> list[Record]:
    """All records of this user, by mount point."""
    folder = runtime_dir()
    found = [
        record
        for name in os.listdir(folder)
        if name.endswith(".json")
        and (record := _load(os.path.join(folder, name))) is not None
    ]
    return sorted(found, key=lambda record: record.mountpoint)


def find(mountpoint: str) -> Record | None:
    """The record of a mount point; a live one before a dead one."""
    found = [record for record in load_all() if record.mountpoint == mountpoint]
    found.sort(key=lambda record: record.alive)
    return found[-1] if found else None
