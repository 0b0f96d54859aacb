# SPDX-License-Identifier: BSD-2-Clause
"""Why a mount of the host could not be made or ended."""

from __future__ import annotations

from rumpy.errors import RumpyError

__all__ = ["MountError"]


class MountError(RumpyError):
    """Mounting, unmounting or exporting failed; nothing was changed.

    Attributes:
        mountpoint: the host's directory, or None.
        hint: what would cure it, or None.
    """

    def __init__(
        self, message: str, *, mountpoint: str | None = None, hint: str | None = None
    ) -> None:
        self.mountpoint = mountpoint
        self.hint = hint
        text = f"{mountpoint}: {message}" if mountpoint else message
        super().__init__(f"{text} ({hint})" if hint else text)
