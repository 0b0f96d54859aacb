# SPDX-License-Identifier: BSD-2-Clause
"""Getting a mounted /dev/fuse descriptor, and ending mounts.

As root by mount(2), otherwise through fusermount3, which is set-uid root and
hands a mounted descriptor over a socket.  All that can be wrong is found and
named before anything is changed.
"""

from __future__ import annotations

import array
import contextlib
import errno
import os
import shutil
import socket
import stat
import subprocess
import time

from rumpy.fuse.errors import MountError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumpy.fuse.options import Options

__all__ = [
    "MountPoint",
    "check_host",
    "check_mountpoint",
    "find_mount",
    "is_stale",
    "mount_descriptor",
    "read_ahead",
    "unmount",
]

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_NOATIME = 1024
MS_NODIRATIME = 2048

_CONF = "/etc/fuse.conf"
_DEVICE = "/dev/fuse"
#: Linux's number of the FUSE device, everywhere.
_NUMBER = os.makedev(10, 229)

#: How far Linux reads ahead of who reads a file from start to end, KiB.
_AHEAD_KIB = 512

#: How long a mount may be busy without anybody that we can name, seconds.
_BUSY_S = 1.0


class MountPoint:
    """A line of /proc/self/mountinfo.

    Attributes:
        directory, fstype, source: as mounted.
        device: "major:minor".
    """

    __slots__ = ("device", "directory", "fstype", "source")

    def __init__(self, directory: str, fstype: str, source: str, device: str) -> None:
        self.directory = directory
        self.fstype = fstype
        self.source = source
        self.device = device


def _unescape(text: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n")):
        text = text.replace(code, char)
    return text.replace("\\134", "\\")


def mount_table() -> list[MountPoint]:
    """All mounts of this process's name space, oldest first."""
    table = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as f:
        for line in f:
            head, _, tail = line.partition(" - ")
            words, rest = head.split(" "), tail.split(" ")
            table.append(
                MountPoint(_unescape(words[4]), rest[0], _unescape(rest[1]), words[2])
            )
    return table


def find_mount(directory: str) -> MountPoint | None:
    """What is mounted on top of exactly this directory."""
    found = None
    for entry in mount_table():
        if entry.directory == directory:
            found = entry
    return found


def absolute(mountpoint: str | os.PathLike[str]) -> str:
    """The directory's real name; a dead mount on it does no harm."""
    return os.path.realpath(os.fspath(mountpoint))


def users_of(mountpoint: str, limit: int = 4) -> list[str]:
    """Processes with open files or a working directory there, as we may see."""
    found: list[str] = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        if len(found) == limit:
            break
        with contextlib.suppress(OSError):
            links = [f"/proc/{pid}/cwd", f"/proc/{pid}/root"]
            links += [f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
            if any(_is_below(link, mountpoint) for link in links):
                with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
                    found.append(f"{comm.read().strip()} ({pid})")
    return found


def _is_below(link: str, directory: str) -> bool:
    try:
        target = os.readlink(link)
    except OSError:
        return False
    return target == directory or target.startswith(directory + "/")


def _busy(mountpoint: str) -> MountError:
    users = ", ".join(users_of(mountpoint))
    by = f" by {users}" if users else ""
    return MountError(f"busy: files on it are in use{by}", mountpoint=mountpoint)


def is_stale(mountpoint: str) -> bool:
    """Whether a FUSE mount is there whose server is gone."""
    try:
        # stat might be answered from Linux's cache.
        os.statvfs(mountpoint)
    except OSError as error:
        return error.errno in (errno.ENOTCONN, errno.ECONNABORTED)
    return False


def check_host(options: Options) -> None:
    """See that this machine and user can mount at all.

    Raises:
        MountError: it says what is missing and how to get it.
    """
    lacking = _lacking_device()
    if lacking is not None:
        raise MountError(
            lacking,
            hint="modprobe fuse; a container needs --device /dev/fuse"
            " --cap-add SYS_ADMIN; `rumpy ls`, `cat` and `cp` work without",
        )
    if os.geteuid() == 0:
        return
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise MountError(
            "/dev/fuse is not open to ordinary users",
            hint="chmod 666 /dev/fuse, as udev does where fuse3 is installed",
        )
    if fusermount() is None:
        raise MountError(
            "an ordinary user needs fusermount3 to mount, and it is not here",
            hint="apt install fuse3",
        )
    if options.allow_other and not _users_may_allow_other():
        raise MountError(
            "allow_other is not permitted to ordinary users",
            hint=f"root adds the line user_allow_other to {_CONF}",
        )


def _lacking_device() -> str | None:
    """What is wrong with /dev/fuse; None where it is the device."""
    try:
        found = os.stat(_DEVICE)
    except OSError:
        return "this machine has no /dev/fuse"
    # Sandboxes lay an empty file or /dev/null over what they do not offer; the
    # mount would fail with EINVAL, which tells nobody why.
    if not stat.S_ISCHR(found.st_mode) or found.st_rdev != _NUMBER:
        return "/dev/fuse is not the FUSE device but something that hides it"
    return None


def fusermount() -> str | None:
    """Where fusermount3 is."""
    places = os.environ.get("PATH", "") + ":/bin:/usr/bin"
    return shutil.which("fusermount3", path=places)


def _users_may_allow_other() -> bool:
    try:
        with open(_CONF, encoding="utf-8", errors="replace") as conf:
            return any(line.strip() == "user_allow_other" for line in conf)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # Not readable for us: let fusermount3 decide.


def check_mountpoint(mountpoint: str) -> None:
    """See that the directory can be mounted on.

    Raises:
        MountError: missing, not a directory, busy, or not ours.
    """
    entry = find_mount(mountpoint)
    if entry is not None:
        # Nothing is ever hidden under a mount of ours, least of all /proc.
        if entry.fstype.startswith("fuse") and is_stale(mountpoint):
            raise MountError(
                "a FUSE mount is there whose server is gone",
                mountpoint=mountpoint,
                hint=f"rumpy umount {mountpoint}",
            )
        raise MountError(f"{entry.source} is mounted there", mountpoint=mountpoint)
    try:
        found = os.stat(mountpoint)
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno == errno.ENOENT:
            reason = "no such directory"
        raise MountError(reason, mountpoint=mountpoint) from None
    if not stat.S_ISDIR(found.st_mode):
        raise MountError("not a directory", mountpoint=mountpoint)
    if os.geteuid() != 0 and not os.access(mountpoint, os.W_OK):
        raise MountError(
            "an ordinary user mounts only on directories it can write to",
            mountpoint=mountpoint,
        )


def mount_descriptor(source: str, mountpoint: str, options: Options) -> int:
    """Mount; the /dev/fuse descriptor to be served.

    Raises:
        MountError: it failed; nothing is mounted.
    """
    if os.geteuid() == 0:
        return _mount_as_root(source, mountpoint, options)
    return _mount_as_user(source, mountpoint, options)


def _mount_as_root(source: str, mountpoint: str, options: Options) -> int:
    from rumpy._hyp import ffi, lib

    try:
        fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise MountError(f"/dev/fuse: {error.strerror}") from None
    flags = 0 if options.suid else MS_NOSUID
    flags |= 0 if options.dev else MS_NODEV
    flags |= MS_RDONLY if options.ro else 0
    flags |= MS_NOEXEC if options.noexec else 0
    flags |= MS_NOATIME if options.noatime else 0
    flags |= MS_NODIRATIME if options.nodiratime else 0
    words = ["default_permissions"]
    if options.allow_other:
        words.append("allow_other")
    code = lib.fuse_mount_fd(
        fd,
        ffi.from_buffer(os.fsencode(source) + b"\0"),
        ffi.from_buffer(os.fsencode(mountpoint) + b"\0"),
        flags,
        ",".join(words).encode(),
    )
    if code:
        os.close(fd)
        raise MountError(_why(code), mountpoint=mountpoint)
    return fd


def _why(code: int) -> str:
    if code in (errno.EPERM, errno.EACCES):
        return (
            "mount(2) is not permitted here, even for root (a container without"
            " SYS_ADMIN?)"
        )
    return f"mount: {os.strerror(code)}"


def _mount_as_user(source: str, mountpoint: str, options: Options) -> int:
    program = fusermount()
    if program is None:
        raise MountError("fusermount3 is not here", hint="apt install fuse3")
    words = ["default_permissions", "subtype=rumpy", f"fsname={_escape(source)}"]
    words.append("ro" if options.ro else "rw")
    words += [
        word
        for word, wanted in (
            ("allow_other", options.allow_other),
            ("noexec", options.noexec),
            ("noatime", options.noatime),
        )
        if wanted
    ]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [program, "-o", ",".join(words), "--", mountpoint],
            env={**os.environ, "_FUSE_COMMFD": str(theirs.fileno()), "LC_ALL": "C"},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        theirs.close()
        fd = _receive(ours)
        said = process.communicate()[1].strip()
    if fd is None:
        raise MountError(_said(said), mountpoint=mountpoint)
    return fd


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace(",", "\\,")


def _receive(sock: socket.socket) -> int | None:
    """The descriptor that fusermount3 sends, or None if it sends none."""
    size = array.array("i").itemsize
    _, control, _, _ = sock.recvmsg(1, socket.CMSG_SPACE(size))
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers = array.array("i")
            numbers.frombytes(data[:size])
            os.set_inheritable(numbers[0], False)
            return numbers[0]
    return None


def read_ahead(mountpoint: str) -> None:
    """Have Linux read farther ahead on a live mount than its 128 KiB.

    Fewer requests for the same data.  FUSE_INIT can only make it less; the
    file that makes it more is root's, so that other users' mounts and those
    in containers go without.
    """
    entry = find_mount(mountpoint)
    if entry is None:
        return
    path = f"/sys/class/bdi/{entry.device}/read_ahead_kb"
    with contextlib.suppress(OSError), open(path, "r+b", buffering=0) as file:
        if int(file.read()) < _AHEAD_KIB:
            file.seek(0)
            file.write(b"%d" % _AHEAD_KIB)


def unmount(mountpoint: str, *, lazy: bool = False) -> None:
    """End the mount on a directory.

    Args:
        lazy: take it out of the tree now, even if files are open on it.

    Raises:
        MountError: busy, or not permitted.
    """
    # Whoever only looks at it, such as df(1), keeps it busy for a moment.
    end = time.monotonic() + _BUSY_S
    while not _unmount(mountpoint, lazy=lazy):
        if users_of(mountpoint) or time.monotonic() > end:
            raise _busy(mountpoint)
        time.sleep(0.02)


def _unmount(mountpoint: str, *, lazy: bool) -> bool:
    """Try once; whether it was not busy."""
    if os.geteuid() == 0:
        from rumpy._hyp import lib

        code = lib.fuse_unmount(os.fsencode(mountpoint), lazy)
        if code not in (0, errno.EBUSY):
            raise MountError(os.strerror(code), mountpoint=mountpoint)
        return bool(code == 0)
    program = fusermount()
    if program is None:
        raise MountError("fusermount3 is not here", hint="apt install fuse3")
    done = subprocess.run(
        [program, "-u", *(["-z"] if lazy else []), "--", mountpoint],
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        return True
    said = done.stderr.strip()
    if "busy" in said:
        return False
    raise MountError(_said(said), mountpoint=mountpoint)


def _said(text: str) -> str:
    """The last line of fusermount3's complaint, without its name."""
    last = text.splitlines()[-1] if text else "fusermount3 failed"
    return last.rpartition("fusermount3: ")[2]
