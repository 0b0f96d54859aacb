# SPDX-License-Identifier: BSD-2-Clause
# Made by csrc/tables.py from abi/mountargs.tbl; do not edit.

# fmt: off
# ruff: noqa: E501
"""mount(2)'s data: type -> (struct, size, source, why, members, options).

Members: name -> (offset, size, kind, default).  Options: name -> (type,
member, value, meaning).  rumpy.mountdata reads it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

Members = dict[str, tuple[int, int, str, int]]
Options = dict[str, tuple[str, str, str, str]]

TYPES: Final[dict[str, tuple[str, int, str, str, Members, Options]]] = {
    "ffs": ("ufs_args", 8, "disk", "", {
        "fspec": (0, 8, "source", 0),
    }, {
    }),
    "ext2fs": ("ufs_args", 8, "disk", "", {
        "fspec": (0, 8, "source", 0),
    }, {
    }),
    "lfs": ("ulfs_args", 8, "disk", "", {
        "fspec": (0, 8, "source", 0),
    }, {
    }),
    "mfs": ("mfs_args", 152, "text", "", {
        "fspec": (0, 8, "source", 0),
        "base": (136, 8, "number", 0),
        "size": (144, 8, "number", 0),
    }, {
        "base": ("address", "base", "", "Where in this process's memory the file system is"),
        "size": ("bytes", "size", "", "Bytes of it"),
    }),
    "msdos": ("msdosfs_args", 168, "disk", "", {
        "fspec": (0, 8, "source", 0),
        "uid": (136, 4, "number", 0),
        "gid": (140, 4, "number", 0),
        "mask": (144, 4, "number", 493),
        "flags": (148, 4, "number", 16),
        "version": (152, 4, "number", 3),
        "dirmask": (156, 4, "number", 493),
        "gmtoff": (160, 4, "number", 0),
    }, {
        "uid": ("id", "uid", "", "Owner of all files"),
        "gid": ("id", "gid", "", "Group of all files"),
        "mask": ("mode", "mask", "", "Permissions that files may have"),
        "dirmask": ("mode", "dirmask", "", "Permissions that directories may have"),
        "gmtoff": ("seconds", "gmtoff", "", "What the image's times are ahead of UTC"),
        "shortname": ("flag", "flags", "1", "Make 8.3 names only"),
        "longname": ("flag", "flags", "2", "Make long names, even where there are none yet"),
        "nowin95": ("flag", "flags", "4", "Ignore long names"),
        "gemdos": ("flag", "flags", "8", "An Atari's variant"),
        "utf8": ("flag", "flags", "32", "Names are UTF-8"),
    }),
    "cd9660": ("iso_args", 144, "disk", "", {
        "fspec": (0, 8, "source", 0),
        "flags": (136, 4, "number", 0),
    }, {
        "norrip": ("flag", "flags", "1", "Ignore Rock Ridge"),
        "gens": ("flag", "flags", "2", "Show all versions of files, with their numbers"),
        "extatt": ("flag", "flags", "4", "Honour extended attributes"),
        "nojoliet": ("flag", "flags", "8", "Ignore Joliet"),
        "nocasetrans": ("flag", "flags", "16", "Leave names in upper case"),
        "rrcaseins": ("flag", "flags", "32", "Rock Ridge names in any case"),
    }),
    "udf": ("udf_args", 80, "disk", "", {
        "version": (0, 4, "number", 1),
        "fspec": (8, 8, "source", 0),
        "sessionnr": (16, 4, "number", 0),
        "udfmflags": (20, 4, "number", 0),
        "gmtoff": (24, 4, "number", 0),
        "anon_uid": (28, 4, "number", 32767),
        "anon_gid": (32, 4, "number", 39),
        "nobody_uid": (36, 4, "number", 32767),
        "nobody_gid": (40, 4, "number", 39),
        "sector_size": (44, 4, "number", 0),
    }, {
        "session": ("number", "sessionnr", "", "Which session; 0 is the last, negative counts back"),
        "closesession": ("flag", "udfmflags", "1", "Close the session when unmounted"),
        "gmtoff": ("seconds", "gmtoff", "", "What the image's times are ahead of UTC"),
        "anonuid": ("id", "anon_uid", "", "Owner of files without one"),
        "anongid": ("id", "anon_gid", "", "Group of files without one"),
        "nobodyuid": ("id", "nobody_uid", "", "Owner that is written as nobody"),
        "nobodygid": ("id", "nobody_gid", "", "Group that is written as nobody"),
        "sectorsize": ("bytes", "sector_size", "", "Sectors of the disk; 0: as the disk says"),
    }),
    "ntfs": ("ntfs_args", 160, "disk", "", {
        "fspec": (0, 8, "source", 0),
        "uid": (136, 4, "number", 0),
        "gid": (140, 4, "number", 0),
        "mode": (144, 4, "number", 493),
        "flag": (152, 8, "number", 0),
    }, {
        "uid": ("id", "uid", "", "Owner of all files"),
        "gid": ("id", "gid", "", "Group of all files"),
        "mask": ("mode", "mode", "", "Permissions of all files"),
        "caseins": ("flag", "flag", "1", "Names in any case"),
        "allnames": ("flag", "flag", "2", "Show the 8.3 names too"),
    }),
    "hfs": ("hfs_args", 8, "disk", "", {
        "fspec": (0, 8, "source", 0),
    }, {
    }),
    "efs": ("efs_args", 16, "disk", "", {
        "fspec": (0, 8, "source", 0),
        "version": (8, 4, "number", 0),
    }, {
    }),
    "nilfs": ("nilfs_args", 64, "disk", "", {
        "version": (0, 4, "number", 1),
        "fspec": (8, 8, "source", 0),
        "nilfsmflags": (16, 4, "number", 0),
        "gmtoff": (20, 4, "number", 0),
        "cpno": (24, 8, "number", 0),
    }, {
        "checkpoint": ("number", "cpno", "", "Which checkpoint; 0 is the last"),
        "gmtoff": ("seconds", "gmtoff", "", "What the image's times are ahead of UTC"),
    }),
    "adosfs": ("adosfs_args", 152, "disk", "", {
        "fspec": (0, 8, "source", 0),
        "uid": (136, 4, "number", 0),
        "gid": (140, 4, "number", 0),
        "mask": (144, 4, "number", 493),
    }, {
        "uid": ("id", "uid", "", "Owner of all files"),
        "gid": ("id", "gid", "", "Group of all files"),
        "mask": ("mode", "mask", "", "Permissions that files may have"),
    }),
    "filecore": ("filecore_args", 152, "disk", "", {
        "fspec": (0, 8, "source", 0),
        "uid": (136, 4, "number", 0),
        "gid": (140, 4, "number", 0),
        "flags": (144, 4, "number", 0),
    }, {
        "uid": ("id", "uid", "", "Owner of all files"),
        "gid": ("id", "gid", "", "Group of all files"),
        "ownaccess": ("flag", "flags", "1", "The user alone has the owner's access"),
        "allaccess": ("flag", "flags", "2", "Everybody has the owner's access"),
        "ownread": ("flag", "flags", "4", "The owner may read all files"),
        "useuid": ("flag", "flags", "8", "Files belong to who mounts"),
        "filetype": ("flag", "flags", "16", "Names end with the file type"),
    }),
    "sysvbfs": ("sysvbfs_args", 8, "disk", "", {
        "fspec": (0, 8, "source", 0),
    }, {
    }),
    "v7fs": ("v7fs_args", 16, "disk", "", {
        "fspec": (0, 8, "source", 0),
        "endian": (8, 4, "number", 1234),
    }, {
        "endian": ("choice", "endian", "little=1234,big=4321,pdp=3412", "Byte order"),
    }),
    "chfs": ("chfs_args", 16, "disk", "", {
        "fspec": (0, 8, "source", 0),
        "fl_index": (8, 4, "number", 0),
    }, {
        "flash": ("number", "fl_index", "", "Which flash device"),
    }),
    "tmpfs": ("tmpfs_args", 40, "none", "", {
        "ta_version": (0, 4, "number", 1),
        "ta_nodes_max": (8, 8, "number", 0),
        "ta_size_max": (16, 8, "number", 0),
        "ta_root_uid": (24, 4, "number", 0),
        "ta_root_gid": (28, 4, "number", 0),
        "ta_root_mode": (32, 4, "number", 493),
    }, {
        "size": ("bytes", "ta_size_max", "", "How much it may hold; 0: what memory there is"),
        "nodes": ("number", "ta_nodes_max", "", "How many files it may hold; 0: no limit"),
        "uid": ("id", "ta_root_uid", "", "Owner of its root"),
        "gid": ("id", "ta_root_gid", "", "Group of its root"),
        "mode": ("mode", "ta_root_mode", "", "Permissions of its root"),
    }),
    "null": ("null_args", 136, "directory", "", {
        "la.target": (0, 8, "source", 0),
    }, {
    }),
    "overlay": ("overlay_args", 136, "directory", "", {
        "la.target": (0, 8, "source", 0),
    }, {
    }),
    "umap": ("umap_args", 168, "directory", "", {
        "la.target": (0, 8, "source", 0),
        "nentries": (136, 4, "number", 0),
        "gnentries": (140, 4, "number", 0),
        "mapdata": (144, 8, "pairs", 0),
        "gmapdata": (152, 8, "pairs", 0),
        "fsid": (160, 8, "number", 0),
    }, {
        "users": ("pairs", "mapdata", "nentries", "Whom the directory's users show as"),
        "groups": ("pairs", "gmapdata", "gnentries", "Whom the directory's groups show as"),
    }),
    "union": ("union_args", 16, "directory", "", {
        "target": (0, 8, "source", 0),
        "mntflags": (8, 4, "number", 1),
    }, {
        "layer": ("choice", "mntflags", "above=1,below=2,replace=3", "Where the directory lies to what is covered"),
    }),
    "fdesc": ("", 0, "none", "", {
    }, {
    }),
    "kernfs": ("", 0, "none", "", {
    }, {
    }),
    "procfs": ("procfs_args", 8, "none", "", {
        "version": (0, 4, "number", 1),
        "flags": (4, 4, "number", 0),
    }, {
        "linux": ("flag", "flags", "1", "Show what Linux's has, too"),
    }),
    "ptyfs": ("ptyfs_args", 16, "none", "", {
        "version": (0, 4, "number", 2),
        "gid": (4, 4, "number", 4),
        "mode": (8, 4, "number", 400),
        "flags": (12, 4, "number", 0),
    }, {
        "gid": ("id", "gid", "", "Group of terminals"),
        "mode": ("mode", "mode", "", "Permissions of terminals"),
    }),
    "autofs": ("autofs_args", 24, "text", "", {
        "from": (0, 8, "source", 0),
        "master_options": (8, 8, "text", 0),
        "master_prefix": (16, 8, "text", 0),
    }, {
        "options": ("text", "master_options", "", "Options of the map's mounts"),
        "prefix": ("text", "master_prefix", "", "What the map's keys begin with"),
    }),
    "puffs": ("puffs_kargs", 3984, "text", "its file server makes the structure, with a descriptor of /dev/puffs in it", {
    }, {
    }),
}
