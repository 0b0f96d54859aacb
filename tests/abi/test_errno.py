# SPDX-License-Identifier: BSD-2-Clause
"""Error numbers against the host's own table and NetBSD's header facts."""

from __future__ import annotations

import errno
import os

import pytest

from rumpy.abi import errno as abi

# The numbers where the two systems are known to differ.
DIFFERENT = {
    "EDEADLK": (11, errno.EDEADLK),
    "EAGAIN": (35, errno.EAGAIN),
    "ELOOP": (62, errno.ELOOP),
    "ENAMETOOLONG": (63, errno.ENAMETOOLONG),
    "ENOTEMPTY": (66, errno.ENOTEMPTY),
    "EDQUOT": (69, errno.EDQUOT),
    "ESTALE": (70, errno.ESTALE),
    "ENOLCK": (77, errno.ENOLCK),
    "ENOSYS": (78, errno.ENOSYS),
    "EFTYPE": (79, errno.EINVAL),
    "EOVERFLOW": (84, errno.EOVERFLOW),
    "EILSEQ": (85, errno.EILSEQ),
    "ENOTSUP": (86, errno.EOPNOTSUPP),
    "EOPNOTSUPP": (45, errno.EOPNOTSUPP),
    "ECANCELED": (87, errno.ECANCELED),
    "ENOATTR": (93, errno.ENODATA),
    "ENOTRECOVERABLE": (98, errno.ENOTRECOVERABLE),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_numbers_that_differ(name: str) -> None:
    netbsd, host = DIFFERENT[name]
    assert abi.NUMBERS[name] == netbsd
    assert abi.to_host(netbsd) == host


def test_the_classic_numbers_agree() -> None:
    for number in range(1, 35):
        if number != 11:  # EDEADLK here, EAGAIN there
            assert abi.to_host(number) == number
            assert errno.errorcode[number] == abi.NAMES[number]


def test_every_number_survives_the_round_trip_unless_it_shares_one() -> None:
    lost = {n for n in abi.NAMES if abi.to_kernel(abi.to_host(n)) != n}
    names = {abi.NAMES[n] for n in lost}
    assert names == {
        "EPROCLIM", "EBADRPC", "ERPCMISMATCH", "EPROGUNAVAIL", "EPROGMISMATCH",
        "EPROCUNAVAIL", "EFTYPE", "EAUTH", "ENEEDAUTH", "ENOTSUP", "ENOATTR",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("number", "kind"),
    [(2, FileNotFoundError), (13, PermissionError), (17, FileExistsError),
     (20, NotADirectoryError), (21, IsADirectoryError), (35, BlockingIOError),
     (4, InterruptedError), (1, PermissionError), (32, BrokenPipeError)],
)  # fmt: skip
def test_exceptions_are_the_hosts_own(number: int, kind: type[OSError]) -> None:
    error = abi.oserror(number, "/x")
    assert type(error) is kind
    assert error.kernel_errno == number  # type: ignore[attr-defined]
    assert error.errno == abi.to_host(number)
    assert error.filename == "/x"
    assert str(error) == f"[Errno {error.errno}] {os.strerror(error.errno)}: '/x'"


def test_two_names_appear_as_os_rename_shows_them() -> None:
    error = abi.oserror(18, "/a", "/b")
    assert (error.filename, error.filename2) == ("/a", "/b")
    assert str(error).endswith("'/a' -> '/b'")


def test_what_the_host_has_no_words_for() -> None:
    assert "file type" in abi.oserror(79).strerror
    assert abi.oserror(93).strerror == "Attribute not found"
    assert abi.to_host(4000) == errno.EIO
    assert "4000" in abi.strerror(4000)
