# SPDX-License-Identifier: BSD-2-Clause
"""newfs, fsck and dumpfs."""
