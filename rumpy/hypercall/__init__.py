# SPDX-License-Identifier: BSD-2-Clause
"""Python's side of the hypercalls, one file for each group."""
