# SPDX-License-Identifier: BSD-2-Clause
"""An exchange of names: renameat2(2) with RENAME_EXCHANGE, and rumpy's own call."""

from __future__ import annotations

import errno
import os
import stat

from rumpy.testing.cases import case
from rumpy.testing.filesystem import FileSystem
from rumpy.testing.support import exists, fails, get, opened, put, stamps, tree_is


@case("exchange")
def files_change_places(fs: FileSystem) -> None:
    "Each name leads to the other's file; both files are what they were."
    put(fs, "a", b"first")
    fs.mkdir("d")
    put(fs, "d/b", b"second")
    inos = fs.stat("a").ino, fs.stat("d/b").ino
    fs.exchange("a", "d/b")
    assert (get(fs, "a"), get(fs, "d/b")) == (b"second", b"first")
    assert (fs.stat("d/b").ino, fs.stat("a").ino) == inos
    tree_is(fs, ".", "a", "d")
    tree_is(fs, "d", "b")


@case("exchange")
def in_one_directory(fs: FileSystem) -> None:
    "Both names may lie in one directory; twice is as not at all."
    put(fs, "a", b"first")
    put(fs, "b", b"second")
    fs.exchange("a", "b")
    assert (get(fs, "a"), get(fs, "b")) == (b"second", b"first")
    fs.exchange("a", "b")
    assert (get(fs, "a"), get(fs, "b")) == (b"first", b"second")


@case("exchange")
def directories_that_are_full(fs: FileSystem) -> None:
    "Directories change places with all that is in them, and so do their .."
    for top in ("p", "q"):
        fs.mkdir(top)
        fs.mkdir(f"{top}/d")
        put(fs, f"{top}/d/in-{top}")
    fs.exchange("p/d", "q/d")
    tree_is(fs, "p/d", "in-q")
    tree_is(fs, "q/d", "in-p")
    assert fs.stat("p/d/..").ino == fs.stat("p").ino
    assert fs.stat("q/d/..").ino == fs.stat("q").ino


@case("exchange", "dirlinks")
def keeps_links_of_directories(fs: FileSystem) -> None:
    "Where directories change places, the links of their parents stay."
    for name in ("p", "p/d", "p/e", "q", "q/d"):
        fs.mkdir(name)
    fs.exchange("p/d", "q/d")
    fs.exchange("p/d", "p/e")
    assert (fs.stat("p").nlink, fs.stat("q").nlink) == (4, 3)


@case("exchange", "dirlinks")
def moves_a_link_with_a_directory(fs: FileSystem) -> None:
    "A file and a directory change places; the parents' links follow."
    for name in ("p", "q", "q/d"):
        fs.mkdir(name)
    put(fs, "p/f", b"x")
    fs.exchange("p/f", "q/d")
    assert stat.S_ISDIR(fs.stat("p/f").mode)
    assert get(fs, "q/d") == b"x"
    assert (fs.stat("p").nlink, fs.stat("q").nlink) == (3, 2)
    assert fs.stat("p/f/..").ino == fs.stat("p").ino
    fs.rmdir("p/f")
    fs.rmdir("p")


@case("exchange")
def any_kinds(fs: FileSystem) -> None:
    "No kind of file stands in the way of another."
    put(fs, "f", b"x")
    fs.mkdir("d")
    put(fs, "d/in")
    fs.exchange("d", "f")
    assert get(fs, "d") == b"x"
    tree_is(fs, "f", "in")
    if "symlinks" in fs.capabilities:
        fs.symlink("nowhere", "s")
        fs.exchange("f", "s")
        assert fs.readlink("f") == "nowhere"
        tree_is(fs, "s", "in")
    if "fifos" in fs.capabilities:
        fs.mkfifo("p")
        fs.exchange("p", "d")
        assert stat.S_ISFIFO(fs.stat("d").mode) and get(fs, "p") == b"x"


@case("exchange")
def lists_the_new_kinds(fs: FileSystem) -> None:
    "Other names of the directory stay, also where it has many."
    names = [f"some-longer-name-{number:04}" for number in range(300)]
    fs.mkdir("big")
    for name in names:
        put(fs, f"big/{name}", name.encode())
    fs.mkdir("d")
    fs.exchange("d", f"big/{names[250]}")
    fs.exchange(f"big/{names[1]}", f"big/{names[299]}")
    tree_is(fs, "big", *names)
    assert get(fs, "d") == names[250].encode()
    assert get(fs, f"big/{names[1]}") == names[299].encode()
    assert get(fs, f"big/{names[299]}") == names[1].encode()
    tree_is(fs, f"big/{names[250]}")


@case("exchange")
def both_must_be_there(fs: FileSystem) -> None:
    "A name that is missing is ENOENT, whichever it is."
    put(fs, "f", b"x")
    for old, new in (("f", "none"), ("none", "f"), ("f", "none/g")):
        with fails(errno.ENOENT):
            fs.exchange(old, new)
    with fails(errno.ENOTDIR):
        fs.exchange("f", "f/x")
    assert get(fs, "f") == b"x"
    tree_is(fs, ".", "f")


@case("exchange")
def not_with_an_ancestor(fs: FileSystem) -> None:
    "A directory can't take the place of what lies in it, nor the other way."
    for name in ("a", "a/b", "a/b/c"):
        fs.mkdir(name)
    for old, new in (("a", "a/b"), ("a", "a/b/c"), ("a/b", "a"), ("a/b/c", "a")):
        with fails(errno.EINVAL):
            fs.exchange(old, new)
    tree_is(fs, ".", "a")
    tree_is(fs, "a/b", "c")


@case("exchange")
def dots_are_refused(fs: FileSystem) -> None:
    ". and .. can't be exchanged."
    fs.mkdir("d")
    fs.mkdir("e")
    for old, new in (("d/.", "e"), ("e", "d/."), ("d/..", "e"), ("e", "d/..")):
        with fails(errno.EINVAL, errno.EBUSY):
            fs.exchange(old, new)
    tree_is(fs, ".", "d", "e")


@case("exchange", "hardlinks")
def two_names_of_one_file(fs: FileSystem) -> None:
    "Between two names of one file, and a name and itself, nothing happens."
    put(fs, "a", b"x")
    fs.link("a", "b")
    fs.exchange("a", "b")
    fs.exchange("a", "a")
    tree_is(fs, ".", "a", "b")
    assert fs.stat("a").nlink == 2


@case("exchange", "unlinked")
def open_files_stay(fs: FileSystem) -> None:
    "Who has one of them open keeps it, and no link is lost."
    put(fs, "a", b"first")
    put(fs, "b", b"second")
    with opened(fs, "a", os.O_RDWR) as fd:
        fs.exchange("a", "b")
        assert fs.pread(fd, 9, 0) == b"first"
        assert fs.fstat(fd).nlink == 1
        fs.unlink("b")
        assert fs.pread(fd, 9, 0) == b"first"
        assert fs.fstat(fd).nlink == 0 or "hardlinks" not in fs.capabilities
    assert get(fs, "a") == b"second"
    assert not exists(fs, "b")


@case("exchange", "nanoseconds")
def stamps_all_four(fs: FileSystem) -> None:
    "Both directories are modified, both files changed; their contents are not."
    fs.mkdir("p")
    fs.mkdir("q")
    put(fs, "p/f", b"x")
    put(fs, "q/g", b"y")
    mtimes = fs.stat("p/f").mtime, fs.stat("q/g").mtime
    before = fs.stat("p/f").ctime, fs.stat("q/g").ctime
    with stamps(fs, p="mc", q="mc"):
        fs.exchange("p/f", "q/g")
    after = fs.stat("q/g"), fs.stat("p/f")
    assert (after[0].mtime, after[1].mtime) == mtimes
    assert after[0].ctime > before[0] and after[1].ctime > before[1]


@case("exchange", "users")
def needs_leave_to_write_both(fs: FileSystem) -> None:
    "Both directories must be writable, and sticky ones guard both names."
    for name, mode in (("open", 0o777), ("closed", 0o755), ("sticky", 0o1777)):
        fs.mkdir(name)
        fs.chmod(name, mode)
        put(fs, f"{name}/f", name.encode(), mode=0o444)
    user = fs.as_user(2001, 2001)
    for old, new in (("open/f", "closed/f"), ("closed/f", "open/f")):
        with fails(errno.EACCES):
            user.exchange(old, new)
    put(user, "open/mine", b"mine")
    for old, new in (("open/mine", "sticky/f"), ("sticky/f", "open/mine")):
        with fails(errno.EPERM, errno.EACCES):
            user.exchange(old, new)
    user.exchange("open/mine", "open/f")
    assert get(fs, "open/f") == b"mine"
    assert get(fs, "sticky/f") == b"sticky"


@case("exchange", "users")
def directories_change_their_dotdot(fs: FileSystem) -> None:
    "Who may not write a directory may not give it another parent, as either end."
    for name in ("a", "b"):
        fs.mkdir(name)
        fs.chmod(name, 0o777)
    fs.mkdir("a/d", 0o755)
    user = fs.as_user(2001, 2001)
    put(user, "b/mine")
    put(user, "a/mine")
    for old, new in (("a/d", "b/mine"), ("b/mine", "a/d")):
        with fails(errno.EACCES, errno.EPERM):
            user.exchange(old, new)
    user.exchange("a/d", "a/mine")
    assert stat.S_ISDIR(fs.stat("a/mine").mode)


@case("exchange", "userflags")
def flags_forbid_it(fs: FileSystem) -> None:
    "What can't be renamed can't be exchanged, as either end."
    put(fs, "f", b"fixed")
    put(fs, "g", b"loose")
    for flag in ("uchg", "uappnd"):
        fs.chflags("f", {flag})
        for old, new in (("f", "g"), ("g", "f")):
            with fails(errno.EPERM, errno.EACCES):
                fs.exchange(old, new)
        fs.chflags("f", ())
    assert (get(fs, "f"), get(fs, "g")) == (b"fixed", b"loose")
