# SPDX-License-Identifier: BSD-2-Clause
# Made by csrc/tables.py from abi/versions.tbl; do not edit.

"""The NetBSD releases whose modules run here."""

#: Major release -> __NetBSD_Version__ of its kernel; the default first.
RELEASES = {
    10: 1001000000,
    11: 1100000000,
}

#: The kernel that boots unless another is asked for.
DEFAULT = 10

#: Major release -> symbols of the first one -> what they are called in it.
RENAMED = {
    10: {},
    11: {"time_second": "time__second", "time_uptime": "time__uptime"},
}
