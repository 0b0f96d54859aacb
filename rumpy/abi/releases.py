# SPDX-License-Identifier: BSD-2-Clause
# Made by csrc/tables.py from abi/versions.tbl; do not edit.

"""The NetBSD releases whose modules run here."""

#: Major release -> __NetBSD_Version__ of its kernel; the default first.
RELEASES = {
    10: 1001000000,
    11: 1100000000,
}
