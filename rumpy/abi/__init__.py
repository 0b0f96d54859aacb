# SPDX-License-Identifier: BSD-2-Clause
"""NetBSD's numbers and structures as Python sees them.

Each file is one table and the few functions that read it; none imports
another rumpy package, so that tools without a kernel can use them.
"""
