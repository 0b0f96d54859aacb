# SPDX-License-Identifier: BSD-2-Clause
"""Paths inside a kernel, with pathlib's method names.

A KernelPath is deliberately not os.PathLike: `open(mnt / "x")` or shutil would
otherwise touch the host's file of that name.  What has to cross the border
does so by name: `download` and `upload`.
"""

from __future__ import annotations

import stat as _stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    import io
    import os
    from collections.abc import Iterator

    from rumpy.abi.structs import StatResult
    from rumpy.process import DirEntry, Process

__all__ = ["KernelPath"]


class KernelPath:
    """A path as one process of one kernel sees it.

    Pure operations (`/`, parent, name, suffix, parts, match ...) follow
    pathlib.PurePosixPath; the others are system calls of the process and raise
    what the methods of the same name on Process raise.
    """

    __slots__ = ("_path", "_process")

    def __init__(self, process: Process, path: str = ".") -> None:
        self._process = process
        self._path = _normal(path)

    # --- pure ---------------------------------------------------------------

    def __str__(self) -> str:
        return self._path

    def __bytes__(self) -> bytes:
        return self._path.encode("utf-8", "surrogateescape")

    def __repr__(self) -> str:
        return f"KernelPath({self._path!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KernelPath):
            return NotImplemented
        return self._path == other._path and self._process is other._process

    def __hash__(self) -> int:
        return hash((self._path, id(self._process)))

    def __lt__(self, other: KernelPath) -> bool:
        return self.parts < other.parts

    def __truediv__(self, key: str | KernelPath) -> KernelPath:
        return self.joinpath(key)

    def joinpath(self, *others: str | KernelPath) -> KernelPath:
        """This path and others after it; an absolute one starts anew."""
        path = self._path
        for other in others:
            text = str(other)
            path = text if text.startswith("/") else f"{path}/{text}"
        return KernelPath(self._process, path)

    @property
    def process(self) -> Process:
        """Whose system calls the methods make."""
        return self._process

    @property
    def parts(self) -> tuple[str, ...]:
        """The components, "/" first where the path is absolute."""
        names = tuple(p for p in self._path.split("/") if p and p != ".")
        return ("/", *names) if self._path.startswith("/") else names

    @property
    def name(self) -> str:
        """The last component, "" for the root."""
        return self._path.rpartition("/")[2] if self._path not in ("/", ".") else ""

    @property
    def suffix(self) -> str:
        """The last component's extension, dot included."""
        stem, dot, suffix = self.name.rpartition(".")
        return dot + suffix if stem and suffix else ""

    @property
    def suffixes(self) -> list[str]:
        """All extensions of the last component."""
        name = self.name.lstrip(".")
        return [] if name.endswith(".") else ["." + s for s in name.split(".")[1:]]

    @property
    def stem(self) -> str:
        """The last component without its extension."""
        return self.name.removesuffix(self.suffix) if self.suffix else self.name

    @property
    def parent(self) -> KernelPath:
        """The directory part; that of the root is the root."""
        head, slash, _ = self._path.rpartition("/")
        return KernelPath(self._process, head or slash or ".")

    @property
    def parents(self) -> tuple[KernelPath, ...]:
        """parent, parent of that, and so on."""
        found, path = [], self
        while path.parent != path:
            path = path.parent
            found.append(path)
        return tuple(found)

    @property
    def anchor(self) -> str:
        """ "/" where the path is absolute, else ""."""
        return "/" if self.is_absolute() else ""

    root = anchor

    def is_absolute(self) -> bool:
        """Whether the path starts at the root."""
        return self._path.startswith("/")

    def as_posix(self) -> str:
        """The path as a string."""
        return self._path

    def is_relative_to(self, other: str | KernelPath) -> bool:
        """Whether `other` is this path or one of its parents."""
        theirs = KernelPath(self._process, str(other)).parts
        return self.parts[: len(theirs)] == theirs

    def relative_to(self, other: str | KernelPath) -> str:
        """The rest of this path below `other`; ValueError where it is not."""
        if not self.is_relative_to(other):
            raise ValueError(f"{self._path!r} is not below {str(other)!r}")
        skip = len(KernelPath(self._process, str(other)).parts)
        return "/".join(self.parts[skip:]) or "."

    def match(self, pattern: str) -> bool:
        """Whether the pattern fits, as pathlib.PurePath.match does."""
        from pathlib import PurePosixPath

        return PurePosixPath(self._path).match(pattern)

    def with_name(self, name: str) -> KernelPath:
        """The same directory with another last component."""
        if not self.name:
            raise ValueError(f"{self!r} has an empty name")
        if not name or "/" in name or name == ".":
            raise ValueError(f"invalid name {name!r}")
        return self.parent / name

    def with_suffix(self, suffix: str) -> KernelPath:
        """The same path with another extension ("" removes it)."""
        if suffix and (not suffix.startswith(".") or suffix == "." or "/" in suffix):
            raise ValueError(f"invalid suffix {suffix!r}")
        return self.with_name(self.stem + suffix)

    def with_stem(self, stem: str) -> KernelPath:
        """The same path with another name before the extension."""
        return self.with_name(stem + self.suffix)

    # --- looking ------------------------------------------------------------

    def stat(self, *, follow_symlinks: bool = True) -> StatResult:
        """Attributes of the file."""
        return self._process.stat(self._path, follow_symlinks=follow_symlinks)

    def lstat(self) -> StatResult:
        """Attributes of the name itself, symbolic link or not."""
        return self._process.lstat(self._path)

    def _mode(self, *, follow_symlinks: bool = True) -> int:
        """The mode, 0 for what is not there (as pathlib's is_ methods take it)."""
        try:
            return int(self.stat(follow_symlinks=follow_symlinks).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return 0
        except OSError as error:
            import errno

            if error.errno == errno.ELOOP:
                return 0
            raise

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Whether there is such a file."""
        return self._mode(follow_symlinks=follow_symlinks) != 0

    def is_file(self) -> bool:
        """Whether it is a regular file (or a link to one)."""
        return _stat.S_ISREG(self._mode())

    def is_dir(self) -> bool:
        """Whether it is a directory (or a link to one)."""
        return _stat.S_ISDIR(self._mode())

    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return _stat.S_ISLNK(self._mode(follow_symlinks=False))

    def is_fifo(self) -> bool:
        """Whether it is a FIFO."""
        return _stat.S_ISFIFO(self._mode())

    def is_socket(self) -> bool:
        """Whether it is a socket."""
        return _stat.S_ISSOCK(self._mode())

    def is_block_device(self) -> bool:
        """Whether it is a block device."""
        return _stat.S_ISBLK(self._mode())

    def is_char_device(self) -> bool:
        """Whether it is a character device."""
        return _stat.S_ISCHR(self._mode())

    def is_mount(self) -> bool:
        """Whether a file system is mounted here."""
        if not self.is_dir():
            return False
        here, above = self.stat(), (self / "..").stat()
        return bool(here.st_dev != above.st_dev or here.st_ino == above.st_ino)

    def samefile(self, other: str | KernelPath) -> bool:
        """Whether both names lead to one file."""
        mine, theirs = self.stat(), self._process.stat(str(other))
        return bool(mine.st_ino == theirs.st_ino and mine.st_dev == theirs.st_dev)

    def readlink(self) -> KernelPath:
        """What the symbolic link holds."""
        return KernelPath(self._process, self._process.readlink(self._path))

    def resolve(self, strict: bool = False) -> KernelPath:
        """The absolute path without symbolic links, "." and ".."."""
        return KernelPath(
            self._process, self._process.realpath(self._path, strict=strict)
        )

    def absolute(self) -> KernelPath:
        """The path behind the process's working directory."""
        if self.is_absolute():
            return self
        return KernelPath(self._process, self._process.getcwd()) / self

    def iterdir(self) -> Iterator[KernelPath]:
        """Each entry of the directory, in the file system's order."""
        for name in self._process.listdir(self._path):
            yield self / name

    def walk(
        self, top_down: bool = True, follow_symlinks: bool = False
    ) -> Iterator[tuple[KernelPath, list[str], list[str]]]:
        """Each directory below, as pathlib's (Python 3.12) walk."""
        for top, dirs, files in self._process.walk(
            self._path, topdown=top_down, followlinks=follow_symlinks
        ):
            yield KernelPath(self._process, top), dirs, files

    def glob(self, pattern: str) -> Iterator[KernelPath]:
        """Each path below that fits, `**` included.

        Raises:
            ValueError: an empty pattern.
            NotImplementedError: an absolute pattern.
        """
        if not pattern:
            raise ValueError("unacceptable pattern: ''")
        if pattern.startswith("/"):
            raise NotImplementedError("non-relative patterns are unsupported")
        parts = [p for p in pattern.split("/") if p and p != "."]
        seen: set[str] = set()
        for path in _glob(self, parts):
            if path._path not in seen:
                seen.add(path._path)
                yield path

    def rglob(self, pattern: str) -> Iterator[KernelPath]:
        """glob in this directory and all below."""
        return self.glob(f"**/{pattern}")

    def owner(self) -> int:
        """The file's user id: a kernel has no passwd to look a name up in."""
        return int(self.stat().st_uid)

    def group(self) -> int:
        """The file's group id."""
        return int(self.stat().st_gid)

    # --- contents -----------------------------------------------------------

    def open(
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> io.IOBase:
        """An io object of the file, as the builtin open gives it."""
        return self._process.fopen(
            self._path, mode, buffering, encoding, errors, newline
        )

    def read_bytes(self) -> bytes:
        """The whole contents, in one crossing of the language border."""
        return self._process.read_file(self._path)

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """The whole contents, decoded, with newlines as io reads them."""
        import io

        data = io.BytesIO(self.read_bytes())
        return io.TextIOWrapper(
            data, encoding=io.text_encoding(encoding), errors=errors
        ).read()

    def write_bytes(self, data: bytes | bytearray | memoryview) -> int:
        """Replace the contents; bytes written."""
        return self._process.write_file(self._path, data)

    def write_text(
        self,
        data: str,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> int:
        """Replace the contents by text; characters written."""
        import io

        buffer = io.BytesIO()
        text = io.TextIOWrapper(buffer, io.text_encoding(encoding), errors, newline)
        count = text.write(data)
        text.flush()
        self.write_bytes(buffer.getbuffer())
        return count

    # --- changing -----------------------------------------------------------

    def touch(self, mode: int = 0o666, exist_ok: bool = True) -> None:
        """Create the file, or set its times to now."""
        import os

        if exist_ok:
            try:
                self._process.utime(self._path, None)
            except FileNotFoundError:
                pass
            else:
                return
        flags = os.O_CREAT | os.O_WRONLY | (0 if exist_ok else os.O_EXCL)
        self._process.close(self._process.open(self._path, flags, mode))

    def mkdir(
        self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False
    ) -> None:
        """Make the directory."""
        try:
            self._process.mkdir(self._path, mode)
        except FileNotFoundError:
            if not parents or self.parent == self:
                raise
            self.parent.mkdir(parents=True, exist_ok=True)
            self.mkdir(mode, parents=False, exist_ok=exist_ok)
        except OSError:
            if not exist_ok or not self.is_dir():
                raise

    def rmdir(self) -> None:
        """Remove the empty directory."""
        self._process.rmdir(self._path)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the name."""
        try:
            self._process.unlink(self._path)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def rename(self, target: str | KernelPath) -> KernelPath:
        """Give the file another name; the new path."""
        self._process.rename(self._path, str(target))
        return KernelPath(self._process, str(target))

    replace = rename

    def symlink_to(
        self, target: str | KernelPath, target_is_directory: bool = False
    ) -> None:
        """Make this a symbolic link that holds `target`."""
        self._process.symlink(str(target), self._path, target_is_directory)

    def hardlink_to(self, target: str | KernelPath) -> None:
        """Make this another name of `target`."""
        self._process.link(str(target), self._path)

    def chmod(self, mode: int, *, follow_symlinks: bool = True) -> None:
        """Set the permission bits."""
        self._process.chmod(self._path, mode, follow_symlinks=follow_symlinks)

    def lchmod(self, mode: int) -> None:
        """Set the permission bits of the name itself."""
        self.chmod(mode, follow_symlinks=False)

    # --- across the border --------------------------------------------------

    def download(self, target: str | os.PathLike[str]) -> None:
        """Copy this file or tree out to the host path `target`.

        Keeps modes, times, owners where permitted, links and holes.
        """
        from rumpy.transfer import download

        download(self._process, self._path, target)

    def upload(self, source: str | os.PathLike[str]) -> None:
        """Copy the host's file or tree `source` in, under this very path."""
        from rumpy.transfer import upload

        upload(self._process, source, self._path)


def _normal(path: str) -> str:
    """Without double slashes, single dots and a slash at the end."""
    dots = "//" in path or "/." in path or path.startswith(".")
    if not dots and (path == "/" or not path.endswith("/")):
        return path or "."
    names = [name for name in path.split("/") if name and name != "."]
    return ("/" if path.startswith("/") else "") + "/".join(names) or "."


def _glob(base: KernelPath, parts: list[str]) -> Iterator[KernelPath]:
    """Every path below `base` that the pattern's components fit."""
    if not parts:
        yield base
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _glob(base, rest)
        for entry in _entries(base):
            if entry.is_dir(follow_symlinks=False):
                yield from _glob(base / entry.name, parts)
    elif part == "..":
        yield from _glob(base / part, rest)
    elif not any(c in part for c in "*?["):
        path = base / part
        if path.exists(follow_symlinks=False):
            yield from _glob(path, rest)
    else:
        from fnmatch import fnmatchcase

        for entry in _entries(base):
            if fnmatchcase(entry.name, part) and (not rest or entry.is_dir()):
                yield from _glob(base / entry.name, rest)


def _entries(base: KernelPath) -> list[DirEntry]:
    """The entries of a directory; none where it can't be read."""
    try:
        with base.process.scandir(str(base)) as found:
            return list(found)
    except OSError:
        return []
