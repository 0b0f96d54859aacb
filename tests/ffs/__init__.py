# SPDX-License-Identifier: BSD-2-Clause
"""The FFS driver against real images, and images against their checker."""
