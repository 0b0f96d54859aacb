# SPDX-License-Identifier: BSD-2-Clause
"""The verbs mount, umount and mounts.

mount() checks what can be checked here, starts the server as a process of its
own and returns when the mount is live, or raises with the reason that the
server gave.  Nothing is left behind by a mount that failed.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass, replace

from rumpy.fuse import mounting, records
from rumpy.fuse.errors import MountError
from rumpy.fuse.options import NO_DISK, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["MountInfo", "mount", "mounts", "umount"]

#: How long a server may take to come up, seconds; journals are replayed then.
_START_S = 120.0

#: How long a server may run on after an unmount until it is told to end, seconds.
_NOTICE_S = 3.0

#: How long a server may take to complete an image that is to be mounted again.
_LEAVE_S = 10.0


@dataclass(frozen=True, slots=True)
class MountInfo:
    """A mount, for whoever asked for it.

    Attributes:
        mountpoint, image, driver, options: as asked for and found.
        pid: the server's.
        state: "live", "dead" (the server is gone; umount cleans up) or
            "failed".
        detail: why, for "failed".
        warnings: what was done otherwise than asked, such as read-only.
    """

    mountpoint: str
    image: str
    driver: str
    options: str
    pid: int
    state: str = "live"
    detail: str = ""
    warnings: tuple[str, ...] = ()


def prepare(
    driver: str | None,
    image: str | os.PathLike[str],
    mountpoint: str | os.PathLike[str],
    options: Options | str,
    netbsd: str | None = None,
    missing: str = "strict",
) -> dict[str, Any]:
    """Everything a server needs to know, checked.

    Raises:
        MountError, ImageError, OSError, ValueError: it can't work; says why.
    """
    from rumpy.linker import locate
    from rumpy.probe import choose

    if isinstance(options, str):
        options = Options.parse(options)
    options = options.checked().resolved()
    if options.overlay:
        # The server works in another directory.
        options = replace(options, overlay=os.path.abspath(options.overlay))
    where = mounting.absolute(mountpoint)
    mounting.check_host(options)
    mounting.check_mountpoint(where)
    if needs_no_disk(driver, image):
        from rumpy.probe import Choice

        assert driver is not None
        source, choice = NO_DISK, Choice(_release_of(driver, netbsd), None, 0, None)
    else:
        source = os.path.abspath(os.fspath(image))
        _let_leave(source)
        choice = choose(
            source,
            driver=driver,
            offset=options.offset,
            partition=options.partition,
            netbsd=netbsd,
        )
    module = choice.driver
    if "/" in module or ":" in module or module.endswith(".kmod"):
        # The server works in another directory, and says what it has.
        module = os.path.abspath(locate(module))
    _check_driver_options(module, choice.type, options)
    return {
        "image": source,
        "mountpoint": where,
        "driver": module,
        "type": choice.type,
        "missing": missing,
        "offset": choice.offset,
        "size": choice.size,
        "options": options.to_json(),
        "warnings": (
            [] if source == NO_DISK else _doubts(source, choice.offset, options)
        ),
    }


def _let_leave(image: str) -> None:
    """Wait for servers that complete this image, their mounts being gone.

    The host's umount(8) returns before they have; who mounts again at once
    would find the image in use, and not clean.
    """
    for record in records.load_all():
        if (
            record.alive
            and os.path.realpath(record.image) == os.path.realpath(image)
            and mounting.find_mount(record.mountpoint) is None
        ):
            with contextlib.suppress(OSError):
                fd = os.pidfd_open(record.pid)
                try:
                    _ended(fd, _LEAVE_S)
                finally:
                    os.close(fd)


def needs_no_disk(driver: str | None, image: str | os.PathLike[str]) -> bool:
    """Whether that is tmpfs or another without a disk, and no image is named."""
    if driver is None or os.fspath(image) != NO_DISK:
        return False
    from rumpy.mountdata import source_kind

    kind = os.path.basename(driver).removesuffix(".kmod").rpartition(":")[2]
    return source_kind(kind) == "none"


def _release_of(driver: str, netbsd: str | None) -> str:
    if netbsd is None:
        return driver
    from rumpy.store import qualify

    return qualify(driver, netbsd)


def _check_driver_options(module: str, kind: str | None, options: Options) -> None:
    """Refuse options that are another file system's, before anything is done."""
    if options.driver:
        from rumpy.linker import locate, peek
        from rumpy.mount import mount_flags
        from rumpy.mountdata import check, known, split_words

        kind = kind or peek(locate(module)).name
        flags, named = split_words(kind, options.driver)
        mount_flags(flags, known(kind))
        check(kind, named)


def _doubts(image: str, offset: int, options: Options) -> list[str]:
    """What the user should know about the image."""
    from rumpy.errors import ImageError
    from rumpy.probe import probe

    try:
        found = probe(image, offset).superblock
    except ImageError:
        return []
    if found is None or found.clean or options.ro:
        return []
    return [
        f"{image}: was not unmounted cleanly; what was being written may be damaged"
    ]


def mount(
    driver: str | None,
    image: str | os.PathLike[str],
    mountpoint: str | os.PathLike[str],
    options: Options | str = "",
    *,
    foreground: bool = False,
    netbsd: str | None = None,
    missing: str = "strict",
) -> MountInfo:
    """Show the file system of an image at a directory of the host.

    Args:
        driver: path of a .kmod (contains '/' or ends in .kmod) or the name of
            one; "netbsd:NAME" for NetBSD's; None: found from the image.
        options: as after `-o`.
        foreground: serve in this process and return when it is unmounted.
        netbsd: take NetBSD's driver of this release, see rumpy.store.
        missing: see Kernel.load.

    Returns:
        The mount; its `warnings` say what was done otherwise than asked.

    Raises:
        MountError: this machine, user or directory can't be mounted on.
        ImageError, LinkError, ModuleError: the image or the driver.
        ValueError: the options.
    """
    config = prepare(driver, image, mountpoint, options, netbsd, missing)
    if foreground:
        from rumpy.fuse.server import serve

        return _info(serve(config, foreground=True))
    return _info(_spawn(config))


def _info(answer: dict[str, Any]) -> MountInfo:
    return MountInfo(
        mountpoint=answer["mountpoint"],
        image=answer["image"],
        driver=answer["driver"],
        options=answer["options"],
        pid=answer["pid"],
        warnings=tuple(answer["warnings"]),
    )


def _environment() -> dict[str, str]:
    """The child's: it must find the rumpy that this is."""
    import rumpy

    home = os.path.dirname(os.path.dirname(os.path.abspath(rumpy.__file__)))
    rest = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{home}:{rest}" if rest else home}


def _spawn(config: dict[str, Any]) -> dict[str, Any]:
    name = f"{os.getpid()}-{os.urandom(4).hex()}"
    config["name"] = name
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    log = os.open(
        records.log_path(name),
        os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_EXCL,
        0o600,
    )
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "rumpy.fuse.server", str(theirs_out)],
            stdin=theirs_in,
            stdout=log,
            stderr=log,
            pass_fds=[theirs_out],
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    finally:
        for fd in (theirs_in, theirs_out, log):
            os.close(fd)
    with os.fdopen(ours_out, "w") as pipe, os.fdopen(ours_in) as status:
        try:
            json.dump(config, pipe)
            pipe.close()
        except BrokenPipeError:
            pass  # It died at once; the status pipe tells.
        answer = _await(process, status, name)
    # It goes on without us; nobody will wait for it but init.
    process.returncode = 0
    return answer


def _await(process: subprocess.Popen[bytes], status: Any, name: str) -> dict[str, Any]:
    ready, _, _ = select.select([status], [], [], _START_S)
    line = status.readline() if ready else ""
    if not line:
        if process.poll() is None:
            process.terminate()
        process.wait(10)
        raise MountError(_last_words(name, bool(ready)))
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        process.wait(30)
        os.unlink(records.log_path(name))
        raise MountError(answer["error"])
    return answer


def _reap(pid: int) -> None:
    """Let a server that has ended go, if it is this process's child."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _last_words(name: str, ended: bool) -> str:
    path = records.log_path(name)
    with open(path, encoding="utf-8", errors="replace") as log:
        said = log.read().strip().splitlines()
    os.unlink(path)
    what = "ended" if ended else f"did not come up within {_START_S:.0f} s"
    text = "; ".join(said[-3:])
    return f"the server {what}{': ' + text if text else ''}"


def mounts() -> list[MountInfo]:
    """What this user has mounted, by mount point, the dead ones included."""
    found = []
    for record in records.load_all():
        if not record.alive:
            _reap(record.pid)
        state = "live" if record.alive else "failed" if record.failure else "dead"
        found.append(
            MountInfo(
                mountpoint=record.mountpoint,
                image=record.image,
                driver=record.driver,
                options=record.options,
                pid=record.pid,
                state=state,
                detail=record.failure,
            )
        )
    return found


def umount(
    mountpoint: str | os.PathLike[str], *, lazy: bool = False, timeout: float = 600.0
) -> None:
    """End a mount; returns when its server is gone and the image complete.

    Args:
        lazy: take it out of the tree even if files on it are in use; the
            image is complete when the last of them is closed, and that is not
            waited for.
        timeout: seconds to wait for the server.

    Raises:
        MountError: not ours, busy, or the server failed to write.
    """
    where = mounting.absolute(mountpoint)
    record = records.find(where)
    entry = mounting.find_mount(where)
    if record is None:
        _umount_unknown(where, entry)
        return
    if not record.alive:
        _reap(record.pid)
        _clean(record, entry)
        return
    _umount_live(record, entry, lazy)
    if lazy:
        return
    _wait(record, timeout)
    _reap(record.pid)
    left = records.find(where)
    if left is not None and left.name == record.name:
        left.remove()
        if left.failure:
            raise MountError(left.failure, mountpoint=where)


def _umount_unknown(where: str, entry: mounting.MountPoint | None) -> None:
    """No record: still ours if the table says so, else none of our business."""
    if entry is None:
        raise MountError("nothing is mounted there", mountpoint=where)
    if entry.fstype not in ("fuse.rumpy", "fuse"):
        raise MountError(
            f"not mounted by rumpy ({entry.fstype})",
            mountpoint=where,
            hint=f"umount {where}",
        )
    mounting.unmount(where, lazy=mounting.is_stale(where))


def _clean(record: records.Record, entry: mounting.MountPoint | None) -> None:
    """The server is dead: take what it left out of the tree."""
    if entry is not None and entry.fstype.startswith("fuse"):
        mounting.unmount(record.mountpoint, lazy=True)
    record.remove()
    if record.failure:
        raise MountError(record.failure, mountpoint=record.mountpoint)


def _umount_live(
    record: records.Record, entry: mounting.MountPoint | None, lazy: bool
) -> None:
    # Somebody may have unmounted already; then the server is about to end.
    if entry is not None and entry.fstype.startswith("fuse"):
        mounting.unmount(record.mountpoint, lazy=lazy)


def _ended(fd: int, timeout: float) -> bool:
    """Whether the process of a pidfd ends within so many seconds."""
    return bool(select.select([fd], [], [], timeout)[0])


def _wait(record: records.Record, timeout: float) -> None:
    try:
        fd = os.pidfd_open(record.pid)
    except OSError:
        return
    try:
        if not record.alive or _ended(fd, min(timeout, _NOTICE_S)):
            return
        # Somebody has a copy of the mount in another mount name space, as
        # containers and some services do: they lose it.
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(fd, signal.SIGTERM)
        if not _ended(fd, timeout):
            raise MountError(
                f"unmounted, but its server (pid {record.pid}) still runs after"
                f" {timeout:.0f} s",
                mountpoint=record.mountpoint,
                hint=f"see {records.log_path(record.name)}",
            )
    finally:
        os.close(fd)
