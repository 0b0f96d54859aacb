# SPDX-License-Identifier: BSD-2-Clause
"""Portable cases that do not apply to a file system of NetBSD, and why.

What a format or a driver is, no kernel can mend: these cases are left out for
that type, by the tests here and by tools/netbsd-modules, which lists the
reasons.  What `rumpy.testing.probe` finds out by itself is not repeated here.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

_SETATTR = "the driver answers EOPNOTSUPP, not EROFS, where it changes nothing"
_NO_ROOM = "the driver counts more free inodes than inodes"

_TMPFS = {
    "permissions/writing_drops_set_id_bits": "tmpfs_write leaves set-id bits alone",
    "setgid/foreign_group_gets_no_setgid_file": "new files have the mode as asked for",
    "unlink/leaves_other_names": "tmpfs_remove stamps the directory, not the file",
    "utimensat/stamps_the_change": "tmpfs_chtimes leaves the time of change alone",
}

#: Type -> case or pattern -> reason.
PROPERTIES: dict[str, dict[str, str]] = {
    "adosfs": {"look/readonly_means_it": _SETATTR},
    "cd9660": {"look/readonly_means_it": _SETATTR},
    "efs": {"look/readonly_means_it": _SETATTR, "look/room_adds_up": _NO_ROOM},
    "ext2fs": {
        "chflags/system_flags_are_roots": (
            "the driver asks who sets them, but not who clears them"
        ),
        "permissions/writing_drops_set_id_bits": (
            "the driver drops them in the inode for the disk, not in what stat shows"
        ),
    },
    "fdesc": {"look/*": "the files are the asking process's descriptors"},
    "hfs": {"look/readonly_means_it": _SETATTR, "look/room_adds_up": _NO_ROOM},
    "kernfs": {
        "look/contents_have_the_size": "files are made when they are read",
        "look/readonly_means_it": "some files are there to be written",
    },
    "msdos": {
        "limits/names_of_255_bytes": (
            "the driver makes names of 254 and 255 characters, but does not find them"
        ),
    },
    "nilfs": {
        "look/readonly_means_it": "files can be opened for writing, but not written",
    },
    "ntfs": {"look/readonly_means_it": _SETATTR},
    "procfs": {"look/*": "what is there comes and goes with the asking process"},
    "ptyfs": {"look/room_adds_up": "the driver leaves f_namemax at 0"},
    "sysvbfs": {
        "look/absent_names": "the driver says ENOENT of what is below a plain file",
        "look/readonly_means_it": "it writes, but has no directories to be probed in",
    },
    "tmpfs": _TMPFS,
    "udf": {
        "limits/long_names_of_links": "the format keeps a link's path by component",
        "limits/names_of_255_bytes": "names take a byte more in the format",
        "permissions/writing_drops_set_id_bits": "the driver leaves set-id bits alone",
        "setgid/foreign_group_gets_no_setgid_file": "new files have the mode asked for",
        "sticky/only_owners_*": "the driver takes the directory's owner for the file's",
        "symlink/holds_its_text": "the format keeps a link's path by component",
        "truncate/grows_with_zeros": "the driver forgets to tell the page cache",
        "truncate/what_was_cut_does_not_come_back": (
            "the driver forgets to tell the page cache"
        ),
    },
    "union": {
        **_TMPFS,
        "look/names_are_names": (
            "names that both layers have come twice; NetBSD's libc drops the second"
        ),
        "look/room_adds_up": "the driver leaves f_namemax at 0",
    },
    "v7fs": {
        "coherence/reading_behind_the_end": "the driver answers EINVAL there",
        "limits/a_thousand_names": "the image written here has fewer inodes",
        "limits/names_of_255_bytes": "the format's names have 14 bytes",
        "look/contents_have_the_size": "the driver answers EINVAL behind the end",
        "look/room_adds_up": _NO_ROOM,
    },
}


def reason(kind: str, case: str) -> str:
    """Why a case does not apply to a type, or ""."""
    for pattern, why in PROPERTIES.get(kind, {}).items():
        if fnmatchcase(case, pattern):
            return why
    return ""


def applicable(kind: str, cases: list[str]) -> list[str]:
    """The cases that do apply."""
    return [case for case in cases if not reason(kind, case)]
