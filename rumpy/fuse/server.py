# SPDX-License-Identifier: BSD-2-Clause
"""The process that serves one mount: `python -m rumpy.fuse.server FD`.

It reads what to do from its standard input, boots a kernel, mounts the image,
mounts the host's directory, says so on FD, and serves until it is unmounted or
told to end.  Then the kernel writes everything back, and the process ends.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import sys

from rumpy.fuse import mounting, records
from rumpy.fuse.errors import MountError
from rumpy.fuse.options import NO_DISK, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any

    from rumpy.kernel import Kernel
    from rumpy.mount import Mount

__all__ = ["main", "serve"]

#: Where the image is mounted in the kernel.
_INSIDE = "/export"

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

#: How often a live server looks whether its kernel is well, seconds.
_PULSE_S = 1.0

#: How long files may stay open after SIGTERM before their users get errors.
_GRACE_S = 3.0

#: How long Linux may take to tell that nobody has the mount any more, seconds.
_NOTICE_S = 1.0


def _say(text: str) -> None:
    """A line for the log, or for whoever runs us in the foreground."""
    print(f"rumpy: {text}", file=sys.stderr, flush=True)


class _Plan:
    """What is to be served, with the decisions that the image forces."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.image: str = config["image"]
        self.mountpoint: str = config["mountpoint"]
        self.driver: str = config["driver"]
        self.type: str | None = config["type"]
        self.missing: str = config.get("missing", "strict")
        self.offset: int = config["offset"]
        self.size: int | None = config["size"]
        self.name: str = config.get("name") or f"{os.getpid()}-{os.urandom(4).hex()}"
        self.options = Options.from_json(config["options"])
        self.warnings: list[str] = list(config.get("warnings", ()))
        self._choose_mode()

    def _choose_mode(self) -> None:
        """An image that can't be written is shown read-only."""
        if self.options.ro is not None or self.options.overlay is not None:
            return
        if self.image == NO_DISK:
            return
        why = _unwritable(self.image)
        if why:
            from dataclasses import replace

            self.options = replace(self.options, ro=True)
            self.warnings.append(f"{self.image}: {why}: mounted read-only")

    def now_readonly(self, why: str) -> None:
        """The kernel mounted it read-only, whatever we asked for."""
        from dataclasses import replace

        self.options = replace(self.options, ro=True)
        self.warnings.append(f"{self.image}: {why}: mounted read-only")

    def answer(self, driver: str) -> dict[str, Any]:
        """What the one who started us is told."""
        return {
            "mountpoint": self.mountpoint,
            "image": self.image,
            "driver": driver,
            "options": str(self.options),
            "pid": os.getpid(),
            "warnings": self.warnings,
        }


def _unwritable(image: str) -> str:
    """Why an image can't be written, or "" if it can."""
    try:
        os.close(os.open(image, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ETXTBSY):
            return error.strerror or "not writable"
        raise
    return ""


@contextlib.contextmanager
def _source(plan: _Plan) -> Iterator[Any]:
    """What the kernel is to mount: the image, or an overlay on it."""
    if plan.image == NO_DISK:
        yield None
        return
    if plan.options.overlay is None:
        yield plan.image
        return
    from rumpy.block import OverlayDevice, open_device

    with (
        open_device(plan.image, readonly=True) as base,
        OverlayDevice(base, plan.options.overlay or None) as device,
    ):
        yield device


def _boot(plan: _Plan) -> Kernel:
    from rumpy.kernel import Kernel
    from rumpy.linker import release_of
    from rumpy.probe import parse_size

    memory = plan.options.memory
    return Kernel(
        netbsd=release_of(plan.driver),
        memory=None if memory is None else parse_size(memory),
    )


def _mount_inside(k: Kernel, plan: _Plan, source: Any) -> Mount:
    """Load the driver and mount the image in the kernel."""
    module = k.load(plan.driver, missing=plan.missing)
    words = [
        word
        for word, wanted in (
            ("ro", plan.options.ro),
            ("noatime", plan.options.noatime),
            ("nodiratime", plan.options.nodiratime),
        )
        if wanted
    ]
    words += plan.options.driver

    def attempt(*more: str) -> Mount:
        return k.mount(
            plan.type or module.name,
            source,
            _INSIDE,
            *words,
            *more,
            offset=plan.offset,
            size=plan.size,
        )

    try:
        mount = attempt()
    except OSError as error:
        if error.errno != errno.EROFS or plan.options.ro:
            raise
        # The driver reads this flavour, and can't write it.
        mount = attempt("ro")
        plan.now_readonly(error.strerror or "can't be written")
    if mount.readonly and not plan.options.ro:
        device = mount.disk.device if mount.disk is not None else None
        plan.now_readonly(getattr(device, "reason", None) or "can't be written")
    return mount


def _server(mount: Mount, plan: _Plan) -> Any:
    if plan.options.server == "fusepy":
        from rumpy.fuse.operations import FusepyServer

        return FusepyServer(mount, plan.mountpoint, plan.options)
    from rumpy.fuse.exporter import NativeServer

    return NativeServer(mount, plan.mountpoint, plan.options, source=plan.image)


class _Bell:
    """Wakes the main thread: signals and the server's end ring it."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)
        self.asked = False
        self._old: dict[int, Any] = {}
        for number in _SIGNALS:
            self._old[number] = signal.signal(number, self._signal)
        self._old_fd = signal.set_wakeup_fd(
            self._theirs.fileno(), warn_on_full_buffer=False
        )

    def _signal(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def ring(self) -> None:
        """From any thread."""
        with contextlib.suppress(OSError):
            self._theirs.send(b"\0")

    def wait(self, timeout: float) -> None:
        """Until rung, or the time is over."""
        ready, _, _ = select.select([self._ours], [], [], timeout)
        if ready:
            with contextlib.suppress(OSError):
                self._ours.recv(64)

    def close(self) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(self._old_fd)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._ours.close()
        self._theirs.close()


def _serve_until_end(k: Kernel, server: Any, bell: _Bell) -> str:
    """Watch over a live server; why it ended in bad order, or ""."""
    server.on_end(bell.ring)
    while server.running:
        bell.wait(_PULSE_S)
        if bell.asked:
            bell.asked = False
            _end(server)
        if not k._machine.running():
            server.fail()
            break
    server.join(_GRACE_S)
    return _panic_text(k)


def _panic_text(k: Kernel) -> str:
    machine = k._machine
    if machine.state != machine.lib.HYP_STATE_PANICKED:
        return ""
    panic = machine.panic()
    _say(f"panic: {panic}")
    return f"the kernel panicked: {panic.message}"


def _end(server: Any) -> None:
    """SIGTERM: unmount, in good order if nobody uses it, else anyhow."""
    grace = _NOTICE_S
    try:
        server.unmount()
    except MountError as error:
        _say(f"{error}; unmounting lazily")
        grace = _GRACE_S
        with contextlib.suppress(MountError):
            server.unmount(lazy=True)
    # Open files keep it alive, and so do copies in other mount name spaces.
    if not server.join(grace):
        server.stop()


def _record(plan: _Plan, driver: str) -> records.Record:
    pid = os.getpid()
    entry = mounting.find_mount(plan.mountpoint)
    record = records.Record(
        name=plan.name,
        mountpoint=plan.mountpoint,
        image=plan.image,
        driver=driver,
        options=str(plan.options),
        pid=pid,
        started=records.start_time(pid),
        device=entry.device if entry is not None else "",
    )
    record.save()
    return record


def serve(
    config: dict[str, Any],
    *,
    foreground: bool = False,
    ready: Callable[[dict[str, Any]], object] | None = None,
) -> dict[str, Any]:
    """Mount and serve until unmounted.

    Args:
        config: as rumpy.fuse.engine.prepare() makes it.
        foreground: this process has a user in front of it.
        ready: called with the answer when the mount is live.

    Returns:
        The answer that `ready` was called with.

    Raises:
        MountError: it could not be mounted, or the kernel failed later.
        RumpyError, OSError: as raised by the kernel or the driver.
    """
    plan = _Plan(config)
    failure = ""
    bell = _Bell()
    record: records.Record | None = None
    try:
        with _source(plan) as source, _boot(plan) as k:
            mount = _mount_inside(k, plan, source)
            server = _server(mount, plan)
            try:
                record = _record(plan, mount.driver)
                answer = plan.answer(mount.driver)
                if foreground:
                    for warning in plan.warnings:
                        _say(warning)
                if ready is not None:
                    ready(answer)
                failure = _serve_until_end(k, server, bell)
            finally:
                server.close()
            if not failure:
                mount.unmount()
    except BaseException as error:
        if record is not None:
            failure = failure or _failure(plan, error)
            record.failed(failure)
        raise
    finally:
        bell.close()
    if failure and record is not None:
        record.failed(failure)
        raise MountError(failure, mountpoint=plan.mountpoint)
    if record is not None:
        record.remove(log=not foreground)
    return answer


def _failure(plan: _Plan, error: BaseException) -> str:
    """What the one who unmounts is to be told."""
    if isinstance(error, OSError) and error.strerror:
        return f"{plan.image} could not be completed: {error.strerror}"
    return f"{type(error).__name__}: {error}"


def _explain(error: BaseException) -> str:
    from rumpy.cli.group import explain

    return explain(error)


def main(arguments: list[str] | None = None) -> int:
    """The process: configuration on stdin, one line of JSON on the descriptor."""
    status = int((sys.argv[1:] if arguments is None else arguments)[0])
    os.set_inheritable(status, False)
    config: dict[str, Any] = json.load(sys.stdin)
    told = False

    def tell(message: dict[str, Any]) -> None:
        nonlocal told
        if not told:
            told = True
            with contextlib.suppress(OSError):
                os.write(status, json.dumps(message).encode() + b"\n")
            os.close(status)

    try:
        serve(config, ready=tell)
    except Exception as error:
        if not told:
            tell({"error": _explain(error)})
        else:
            import traceback

            traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
