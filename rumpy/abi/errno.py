# SPDX-License-Identifier: BSD-2-Clause
"""Error numbers: NetBSD's, the host's, and the exceptions made of them.

The first 34 agree by history; from EAGAIN on both sides went their own way.
A number that the host has no name for becomes the nearest host errno, and the
exception keeps the true one in `.kernel_errno`.
"""

from __future__ import annotations

import errno as _host

# NetBSD's names in the order of their numbers, 1 upwards.
_TEXT = """
EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EDEADLK ENOMEM
EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE
EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE
EAGAIN EINPROGRESS EALREADY ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE
ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT
EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET
ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS
ETIMEDOUT ECONNREFUSED ELOOP ENAMETOOLONG EHOSTDOWN EHOSTUNREACH ENOTEMPTY
EPROCLIM EUSERS EDQUOT ESTALE EREMOTE EBADRPC ERPCMISMATCH EPROGUNAVAIL
EPROGMISMATCH EPROCUNAVAIL ENOLCK ENOSYS EFTYPE EAUTH ENEEDAUTH EIDRM ENOMSG
EOVERFLOW EILSEQ ENOTSUP ECANCELED EBADMSG ENODATA ENOSR ENOSTR ETIME ENOATTR
EMULTIHOP ENOLINK EPROTO EOWNERDEAD ENOTRECOVERABLE
"""
_NAMES = tuple(_TEXT.split())

# What the host lacks: the errno a host program would expect, and NetBSD's words.
_NEAREST = {
    "EPROCLIM": ("EAGAIN", "Too many processes"),
    "EBADRPC": ("EPROTO", "RPC struct is bad"),
    "ERPCMISMATCH": ("EPROTO", "RPC version wrong"),
    "EPROGUNAVAIL": ("EPROTO", "RPC program not available"),
    "EPROGMISMATCH": ("EPROTO", "RPC program version wrong"),
    "EPROCUNAVAIL": ("EPROTO", "RPC procedure unavailable"),
    "EFTYPE": ("EINVAL", "Inappropriate file type or format"),
    "EAUTH": ("EACCES", "Authentication error"),
    "ENEEDAUTH": ("EACCES", "Need authenticator"),
    "ENOATTR": ("ENODATA", "Attribute not found"),
}

#: NetBSD's name to NetBSD's number.
NUMBERS: dict[str, int] = {name: i for i, name in enumerate(_NAMES, 1)}
NUMBERS["EWOULDBLOCK"] = NUMBERS["EAGAIN"]

#: NetBSD's number to its name.
NAMES: dict[int, str] = dict(enumerate(_NAMES, 1))


def _host_number(name: str) -> int:
    nearest = _NEAREST.get(name)
    number: int = getattr(_host, nearest[0] if nearest else name)
    return number


#: NetBSD's number to the host's; index 0 is "no error".
TO_HOST: list[int] = [0, *map(_host_number, _NAMES)]

#: The host's number to NetBSD's.  Where two share one, the plain one wins.
FROM_HOST: dict[int, int] = {}
for _name in [*_NEAREST, *(n for n in _NAMES if n not in _NEAREST)]:
    FROM_HOST[_host_number(_name)] = NUMBERS[_name]
FROM_HOST[_host.EOPNOTSUPP] = NUMBERS["EOPNOTSUPP"]


def to_host(number: int) -> int:
    """The host's errno for NetBSD's `number`; EIO for one NetBSD has not."""
    return TO_HOST[number] if 0 <= number < len(TO_HOST) else _host.EIO


def to_kernel(number: int) -> int:
    """NetBSD's errno for the host's `number`; EIO where NetBSD has none."""
    return FROM_HOST.get(number, NUMBERS["EIO"])


def strerror(number: int) -> str:
    """What to tell a user about NetBSD's errno `number`."""
    import os

    name = NAMES.get(number)
    if name is None:
        return f"Unknown kernel error {number}"
    return _NEAREST[name][1] if name in _NEAREST else os.strerror(TO_HOST[number])


def oserror(number: int, path: object = None, path2: object = None) -> OSError:
    """The exception for NetBSD's errno `number`.

    It is the host's own subclass (FileNotFoundError, PermissionError, ...)
    with the host's number in `.errno` and NetBSD's in `.kernel_errno`.
    """
    host = to_host(number)
    text = strerror(number)
    if path2 is not None:
        error = OSError(host, text, path, None, path2)
    elif path is not None:
        error = OSError(host, text, path)
    else:
        error = OSError(host, text)
    error.kernel_errno = number  # type: ignore[attr-defined]
    return error
