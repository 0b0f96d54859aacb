# SPDX-License-Identifier: BSD-2-Clause
"""Independent readers that judge the images rumpy writes.

Nothing in here uses rumpy: each judge is somebody else's FFS code, wrapped so
that it yields the same :class:`~tests.judges.tree.Entry` records.
"""
