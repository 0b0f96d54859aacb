# SPDX-License-Identifier: BSD-2-Clause
"""What a machine may lack, and how that is said; no mount is made here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from rumpy.fuse import MountError, Options, mounting, records


def test_no_dev_fuse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mounting, "_DEVICE", str(tmp_path / "fuse"))
    with pytest.raises(MountError, match="no /dev/fuse") as caught:
        mounting.check_host(Options())
    assert "--device /dev/fuse" in str(caught.value)


@pytest.mark.parametrize("hiding", ["fuse", "/dev/null"])
def test_something_hides_dev_fuse(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hiding: str
) -> None:
    (tmp_path / "fuse").touch()
    monkeypatch.setattr(mounting, "_DEVICE", str(tmp_path / hiding))
    with pytest.raises(MountError, match="not the FUSE device") as caught:
        mounting.check_host(Options())
    assert "--device /dev/fuse" in str(caught.value)


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As if an ordinary user ran us, where there is a FUSE device."""
    monkeypatch.setattr(mounting, "_DEVICE", os.devnull)
    monkeypatch.setattr(mounting, "_NUMBER", os.stat(os.devnull).st_rdev)
    monkeypatch.setattr(os, "access", lambda path, mode: True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return monkeypatch


def test_no_fusermount(ordinary: pytest.MonkeyPatch) -> None:
    ordinary.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(MountError, match="apt install fuse3"):
        mounting.check_host(Options())


def test_dev_fuse_is_closed_to_users(ordinary: pytest.MonkeyPatch) -> None:
    ordinary.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(MountError, match="chmod 666 /dev/fuse"):
        mounting.check_host(Options())


def test_allow_other_needs_the_administrator(
    ordinary: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    conf = tmp_path / "fuse.conf"
    conf.write_text("# user_allow_other\nmount_max = 5\n")
    ordinary.setattr(mounting, "_CONF", str(conf))
    ordinary.setattr(shutil, "which", lambda *_, **__: "/bin/fusermount3")
    with pytest.raises(MountError, match="user_allow_other"):
        mounting.check_host(Options(allow_other=True))
    mounting.check_host(Options())
    conf.write_text("user_allow_other\n")
    mounting.check_host(Options(allow_other=True))


def test_names_in_the_mount_table_are_unescaped() -> None:
    assert mounting._unescape(r"/a\040b\134c\011d") == "/a b\\c\td"
    assert mounting.find_mount("/") is not None


def test_a_record_of_somebody_elses_process_is_dead(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(records, "runtime_dir", lambda: str(tmp_path))
    mine = records.start_time(os.getpid())
    record = records.Record("n", "/m", "/i", "ffs", "", os.getpid(), mine)
    record.save()
    assert record.alive and records.find("/m") == record
    other = records.Record("o", "/m", "/i", "ffs", "", os.getpid(), mine + 1)
    other.save()
    assert not other.alive
    assert records.find("/m") == record  # the live one
    record.remove()
    assert records.load_all() == [other]
    (tmp_path / "broken.json").write_text("{")
    assert records.load_all() == [other]


def test_the_runtime_directory_is_our_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(MountError, match="not a directory of this user's"):
        records.runtime_dir()
