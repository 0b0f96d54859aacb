# SPDX-License-Identifier: BSD-2-Clause
"""Acceptance: what a newcomer does and may expect, through the outside only."""
