# SPDX-License-Identifier: BSD-2-Clause
"""Which test proves what of the FFS driver, and the table made of it.

    python tests/ffs/matrix.py          writes docs/reference/ffs-matrix.md
    python tests/ffs/matrix.py --check  fails if it is not what is written there

A cell is a test, as FILE::FUNCTION below tests/; test_matrix.py fails if there
is no such function.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "reference" / "ffs-matrix.md"

OPERATIONS = (
    "read",
    "write",
    "attributes and lists",
    "damage",
    "judged by others",
    "check and repair",
)

_MANIFEST = "ffs/test_manifests.py::test_tree"
_WRITE = "ffs/test_write.py::test_files_of_all_sizes"
_EA = "ffs/test_extattr.py::test_set_get_list_remove"
_READING = "ffs/test_damage.py::test_reading"
_LINUX = "ffs/test_judges.py::test_linux_reads_the_same"
_MAKEFS = "ffs/test_strangers.py::test_makefs_images_of_24_kinds"
_DISSECT = "ffs/test_strangers.py::test_dissect_reads_what_we_wrote"
_JOURNAL = "ffs/test_journal.py::"
_FLAVOURS = "ffs/test_flavours.py::"
_SYSTEMS = "ffs/test_systems.py::"
_HOST = "ffs/test_host.py::test_damaged_images"
_FSCK = "ffstools/test_fsck.py::"
_NEWFS = "ffstools/test_newfs.py::"
_REPAIR = _FSCK + "test_damage_is_repaired"
_RANDOM = _FSCK + "test_random_damage_is_repaired_in_one_run"

#: Format or flavour -> a test for each operation; "-": does not apply.
ROWS: dict[str, tuple[str, str, str, str, str, str]] = {
    "4.3BSD inodes": (
        _MANIFEST,
        "ffs/test_damage.py::test_what_cannot_be_written_is_refused",
        "ffs/test_acl.py::test_the_superblock_says_which",
        "-",
        "-",
        _FSCK + "test_4_3bsd_is_repaired",
    ),
    "FFSv1, little-endian": (_MANIFEST, _WRITE, _EA, _READING, _LINUX, _REPAIR),
    "FFSv1, big-endian": (_MANIFEST, _WRITE, _EA, _HOST, _LINUX, _RANDOM),
    "FFSv2, little-endian": (_MANIFEST, _WRITE, _EA, _READING, _DISSECT, _REPAIR),
    "FFSv2, big-endian": (_MANIFEST, _WRITE, _EA, _READING, _LINUX, _REPAIR),
    "geometries 4096/512 to 65536/8192, bsize = fsize": (
        _MAKEFS,
        _MAKEFS,
        "ffs/test_extattr.py::test_every_kind_of_file_and_the_blocks_they_take",
        "ffs/test_super.py::test_absurd_superblocks_are_refused",
        _MAKEFS,
        _FSCK + "test_what_was_not_touched_stays",
    ),
    "superblock at 65536, 8192, 0, 262144": (
        _SYSTEMS + "test_superblocks_at_all_places",
        _SYSTEMS + "test_superblocks_at_all_places",
        "-",
        _SYSTEMS + "test_superblocks_at_all_places",
        "-",
        _SYSTEMS + "test_superblocks_at_all_places",
    ),
    "superblock of before FFSv2 (old OpenBSD, NetBSD 1)": (
        _SYSTEMS + "test_an_old_superblock_is_read_and_brought_up_to_date",
        _SYSTEMS + "test_an_old_superblock_is_read_and_brought_up_to_date",
        "-",
        "-",
        "-",
        _SYSTEMS + "test_an_old_superblock_is_read_and_brought_up_to_date",
    ),
    "OpenBSD FFSv1 and FFSv2": (
        _SYSTEMS + "test_openbsd_is_read_and_written",
        _SYSTEMS + "test_openbsd_is_read_and_written",
        "-",
        "-",
        "-",
        _SYSTEMS + "test_openbsd_is_read_and_written",
    ),
    "Solaris UFS, both byte orders": (
        _SYSTEMS + "test_solaris_is_read",
        _SYSTEMS + "test_solaris_is_not_written",
        _SYSTEMS + "test_large_ids_of_solaris",
        _SYSTEMS + "test_solaris_beyond_a_terabyte_is_named",
        "-",
        _SYSTEMS + "test_solaris_is_checked",
    ),
    "NetBSD 10 FFSv2ea": (
        _FLAVOURS + "test_netbsd_10s_second_magic",
        _FLAVOURS + "test_netbsd_10s_second_magic",
        _FLAVOURS + "test_netbsd_10s_second_magic",
        "-",
        "-",
        _NEWFS + "test_attributes",
    ),
    "NetBSD journal (WAPBL), dirty": (
        _JOURNAL + "test_read_only_replays_in_memory",
        _JOURNAL + "test_replay_to_the_disk",
        "-",
        _JOURNAL + "test_damaged_journals",
        "-",
        _FSCK + "test_journals_are_replayed",
    ),
    "NetBSD journal (WAPBL), kept with -o log": (
        "ffs/test_log.py::test_first_and_second_mount",
        "ffs/test_log.py::test_power_cuts",
        "-",
        "ffs/test_log.py::test_a_disk_that_fails",
        "-",
        _SYSTEMS + "test_superblocks_at_all_places",
    ),
    "NetBSD quota2": (
        _MANIFEST,
        "ffs/test_damage.py::test_what_cannot_be_written_is_refused",
        "-",
        "-",
        "-",
        _FSCK + "test_what_is_left_alone_is_named",
    ),
    "FreeBSD UFS2": (
        _MANIFEST,
        _WRITE,
        "ffs/test_extattr.py::test_the_records_on_the_disk",
        "-",
        _DISSECT,
        _FSCK + "test_good_images_are_clean",
    ),
    "FreeBSD check hashes": (
        _FLAVOURS + "test_check_hashes_of_all_kinds_are_kept",
        _FLAVOURS + "test_check_hashes_of_all_kinds_are_kept",
        _FLAVOURS + "test_check_hashes_of_all_kinds_are_kept",
        _FLAVOURS + "test_an_inode_with_a_wrong_hash_is_eio",
        "-",
        _FSCK + "test_check_hashes",
    ),
    "soft updates and SUJ, clean": (
        _FLAVOURS + "test_clean_soft_updates_are_written",
        _FLAVOURS + "test_clean_soft_updates_are_written",
        "-",
        "-",
        "-",
        _FSCK + "test_what_is_left_alone_is_named",
    ),
    "soft updates and SUJ, dirty": (
        _FLAVOURS + "test_dirty_soft_updates_are_read_only_and_name_fsck",
        _FLAVOURS + "test_dirty_soft_updates_are_read_only_and_name_fsck",
        "-",
        "-",
        "-",
        _FSCK + "test_soft_updates_are_repaired",
    ),
    "snapshots": (
        _FLAVOURS + "test_snapshots_are_left_alone",
        _FLAVOURS + "test_snapshots_are_left_alone",
        "-",
        "-",
        "-",
        _FSCK + "test_what_is_left_alone_is_named",
    ),
    "UFS1 attribute files": (
        "ffs/test_extattr.py::test_the_attributes_that_netbsd_wrote",
        "ffs/test_extattr.py::test_ufs1_needs_its_directory_or_the_option",
        "ffs/test_acl.py::test_posix_lists",
        "ffs/test_host.py::test_damaged_images",
        "-",
        _FSCK + "test_good_images_are_clean",
    ),
    "UFS2 attribute areas": (
        "ffs/test_extattr.py::test_the_records_on_the_disk",
        "ffs/test_extattr.py::test_limits_and_a_full_disk",
        "ffs/test_extattr.py::test_what_was_synced_survives_a_cut_at_any_write",
        "ffs/test_extattr.py::test_a_damaged_area_is_eio_and_the_file_goes_on",
        "-",
        _FSCK + "test_attributes_that_are_half_damaged",
    ),
    "POSIX.1e lists": (
        "ffs/test_acl.py::test_the_list_on_the_disk",
        "ffs/test_acl.py::test_posix_inheritance",
        "ffs/test_acl.py::test_posix_lists",
        "ffs/test_acl.py::test_bad_lists_are_refused",
        "fuse/test_fuse_attributes.py::test_access_control_lists",
        "-",
    ),
    "NFSv4 lists": (
        "ffs/test_acl.py::test_nfs4_lists",
        "ffs/test_acl.py::test_nfs4_deletion_and_inheritance",
        "ffs/test_acl.py::test_nfs4_lists",
        "ffs/test_host.py::test_damaged_images",
        "-",
        "-",
    ),
    "1 TiB sparse, times, ids, names": (
        _FLAVOURS + "test_a_sparse_tebibyte",
        _FLAVOURS + "test_times_ids_and_names",
        "-",
        _FLAVOURS + "test_a_live_block_marked_free_is_not_overwritten",
        "-",
        _FSCK + "test_sparse_giants_take_no_memory",
    ),
}


_ANY = r"images\.(names|every)\(|manifest"
#: What a test of a row must mention, itself or by what it uses.
EVIDENCE: dict[str, str] = {
    "4.3BSD inodes": rf"bsd43|old43|{_ANY}",
    "FFSv1, little-endian": rf"ffs1le|{_ANY}",
    "FFSv1, big-endian": rf"ffs1be|{_ANY}|fuzz\.bases",
    "FFSv2, little-endian": rf"ffs2le|{_ANY}",
    "FFSv2, big-endian": rf"ffs2be|{_ANY}",
    "geometries 4096/512 to 65536/8192, bsize = fsize": r"65536|frag1|harm|fsize",
    "superblock at 65536, 8192, 0, 262144": r"262144",
    "superblock of before FFSv2 (old OpenBSD, NetBSD 1)": r"updated=False",
    "OpenBSD FFSv1 and FFSv2": r"flavours\.openbsd",
    "Solaris UFS, both byte orders": r"flavours\.solaris|DECADE",
    "NetBSD 10 FFSv2ea": r"19012038|attributes=True",
    "NetBSD journal (WAPBL), dirty": r"wal-",
    "NetBSD journal (WAPBL), kept with -o log": r'"log"|wal-|\blog\b',
    "NetBSD quota2": rf"quota2|{_ANY}",
    "FreeBSD UFS2": rf"fbsd|{_ANY}",
    "FreeBSD check hashes": r"hash",
    "soft updates and SUJ, clean": r"SUJ|SOFTDEP|soft",
    "soft updates and SUJ, dirty": r"SUJ|SOFTDEP|soft",
    "snapshots": r"snap",
    "UFS1 attribute files": rf"extattr|{_ANY}|fuzz\.bases",
    "UFS2 attribute areas": r"ffs2|attr",
    "POSIX.1e lists": r"acl",
    "NFSv4 lists": r"nfs4|nfsv4|fuzz\.bases",
    "1 TiB sparse, times, ids, names": r"1 << 40|time|uid|tebibyte|nb-",
}


@functools.cache
def _parts(path: Path) -> dict[str, ast.stmt]:
    """Functions, classes and constants of a file."""
    parts: dict[str, ast.stmt] = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            parts[node.name] = node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    parts[target.id] = node
    return parts


def text_of(path: Path, function: str) -> str:
    """A test's source, with what of its file it uses."""
    lines = path.read_text().splitlines()
    parts = dict(_parts(path))
    found, todo = [], [function]
    while todo:
        part = parts.pop(todo.pop(), None)
        if part is None:
            continue
        first = min(
            [part.lineno, *(d.lineno for d in getattr(part, "decorator_list", []))]
        )
        found.append("\n".join(lines[first - 1 : part.end_lineno]))
        todo += [n.id for n in ast.walk(part) if isinstance(n, ast.Name)]
        todo += [n.arg for n in ast.walk(part) if isinstance(n, ast.arg)]
    return "\n".join(found)


def unproved() -> list[str]:
    """Cells whose test says nothing of their row."""
    out = []
    for row, cells in ROWS.items():
        for operation, cell in zip(OPERATIONS, cells, strict=True):
            name, _, function = cell.partition("::")
            if cell != "-" and not re.search(
                EVIDENCE[row], text_of(ROOT / "tests" / name, function)
            ):
                out.append(f"{row}, {operation}: {cell}")
    return out


def functions(path: Path) -> set[str]:
    """The test functions of a file."""
    body = ast.parse(path.read_text()).body
    return {n.name for n in body if isinstance(n, ast.FunctionDef)}


def missing() -> list[str]:
    """Cells that name no test."""
    out = []
    for row, cells in ROWS.items():
        for operation, cell in zip(OPERATIONS, cells, strict=True):
            if cell == "-":
                continue
            name, _, function = cell.partition("::")
            path = ROOT / "tests" / name
            if not path.exists() or function not in functions(path):
                out.append(f"{row}, {operation}: {cell}")
    return out


def page() -> str:
    """The table as Markdown."""
    lines = [
        "# What proves the FFS driver",
        "",
        "Format or flavour, operation, and the test below `tests/` that proves it.",
        "Written by `tests/ffs/matrix.py`; a test fails when a name leads nowhere.",
        "[ffs.md](ffs.md) says what the driver does with each.",
        "",
        f"| | {' | '.join(OPERATIONS)} |",
        f"|---|{'---|' * len(OPERATIONS)}",
    ]
    for row, cells in ROWS.items():
        shown = (c if c == "-" else f"`{c}`" for c in cells)
        lines.append(f"| {row} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write or check the page."""
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.read_text() == page() and not missing() else 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
