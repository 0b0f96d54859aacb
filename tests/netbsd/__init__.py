# SPDX-License-Identifier: BSD-2-Clause
"""Tests with NetBSD's own modules, where $RUMPY_NETBSD_MODULES says they are."""
