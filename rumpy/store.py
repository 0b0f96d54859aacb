# SPDX-License-Identifier: BSD-2-Clause
"""NetBSD's own modules: a folder for each release, filled by import_modules().

    $XDG_DATA_HOME/rumpy/modules/10.1/ffs/ffs.kmod

A driver that is called "netbsd:ffs" is looked for there, in the newest release
that this kernel takes; "netbsd-10.1:ffs" says which.  $RUMPY_NETBSD_MODULES is
a folder of modules, or the version, that "netbsd:" means instead.
"""

from __future__ import annotations

import os
import re
import struct

from rumpy.abi.releases import DEFAULT, RELEASES
from rumpy.errors import LinkError, ModuleError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    #: Called with the name of each module that has been taken.
    Progress = Callable[[str], object]

__all__ = [
    "find",
    "folder",
    "import_modules",
    "major_of",
    "modules",
    "qualify",
    "releases",
    "remove",
    "root",
]

#: Where to read how modules are had.
GUIDE = "docs/guide/netbsd-modules.md"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,30}")
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")
_SCHEME = re.compile(r"netbsd(?:-(?P<version>[^:/]+))?:(?P<name>.+)")

#: Where a release's archive has them, below its root.
_PLACE = re.compile(
    r"(?:stand/(?P<arch>[^/]+)/[^/]+/modules/)?(?P<a>[^/]+)/(?P<b>[^/]+)"
)

#: No release comes near: an archive that does is none of theirs.
MAX_MODULE = 64 << 20
MAX_COUNT = 2000

EM_X86_64, ET_REL = 62, 1


def root() -> str:
    """The folder of the store; need not exist."""
    base = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return os.path.join(base, "rumpy", "modules")


def releases() -> list[str]:
    """Versions that are in the store, oldest first."""
    try:
        names = os.listdir(root())
    except OSError:
        return []
    found = [name for name in names if _VERSION.fullmatch(name)]
    return sorted(found, key=_order)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def folder(version: str | None = None, major: int | None = None) -> str:
    """The folder of a release's modules.

    Args:
        version: such as "10.1"; None: what $RUMPY_NETBSD_MODULES says, or the
            newest that can run here.
        major: a kernel's release, for the newest that it takes; None: any's.

    Raises:
        ModuleError: there is none; says how to get it.
    """
    wanted = version or os.environ.get("RUMPY_NETBSD_MODULES", "")
    if version is None and os.sep in wanted:
        if not os.path.isdir(wanted):
            raise ModuleError("RUMPY_NETBSD_MODULES: no such folder", module=wanted)
        return wanted
    have = releases()
    if wanted:
        if wanted not in have:
            known = ", ".join(have) or "no release"
            raise ModuleError(
                f"no modules of NetBSD {wanted} here (imported: {known}); see {GUIDE}"
            )
        return os.path.join(root(), wanted)
    fitting = [v for v in have if _fits(v, major)]
    if not fitting:
        why = "NetBSD's modules are not here"
        if have:
            why = f"this kernel takes none of the releases here ({', '.join(have)})"
        raise ModuleError(f"{why}; `rumpy modules import` takes them, see {GUIDE}")
    return os.path.join(root(), fitting[-1])


def _fits(version: str, kernel: int | None) -> bool:
    """Whether a kernel (None: any there is) loads modules of a release."""
    from rumpy.linker.modinfo import compatible

    major, minor, *_ = _order(version)
    return compatible(major * 100_000_000 + minor * 1_000_000, kernel)


def major_of(version: str | None) -> int:
    """The kernel for a release's modules; the default one where none is named."""
    major = _order(version)[0] if version and _VERSION.fullmatch(version) else DEFAULT
    return major if major in RELEASES else DEFAULT


def split(driver: str) -> tuple[str | None, str] | None:
    """Version and name of "netbsd:NAME" or "netbsd-VERSION:NAME"; None: neither."""
    match = _SCHEME.fullmatch(driver)
    return (match["version"], match["name"]) if match else None


def qualify(driver: str, version: str) -> str:
    """A driver's name as that of a release, unless it is a path or says more."""
    if "/" in driver or ":" in driver or driver.endswith(".kmod"):
        return driver
    return f"netbsd-{version}:{driver}"


def find(name: str, version: str | None = None, major: int | None = None) -> str:
    """The file of one of NetBSD's modules.

    Raises:
        ModuleError: no such release or module; lists what there is.
    """
    where = folder(version, major)
    for path in (
        os.path.join(where, name, f"{name}.kmod"),
        os.path.join(where, f"{name}.kmod"),
    ):
        if _NAME.fullmatch(name) and os.path.isfile(path):
            return path
    known = ", ".join(modules(where)) or "none"
    raise ModuleError(f"not among the modules of {where}: {known}", module=name)


def has(name: str) -> bool:
    """Whether "netbsd:NAME" would be found."""
    try:
        find(name)
    except ModuleError:
        return False
    return True


def modules(where: str) -> dict[str, str]:
    """Name -> path of the modules in a folder, in either arrangement."""
    found = {}
    for entry in sorted(os.listdir(where)):
        path = os.path.join(where, entry)
        inner = os.path.join(path, f"{entry}.kmod")
        if os.path.isfile(inner):
            found[entry] = inner
        elif entry.endswith(".kmod") and os.path.isfile(path):
            found[entry.removesuffix(".kmod")] = path
    return found


# --- import -----------------------------------------------------------------------


def import_modules(
    source: str | os.PathLike[str], *, progress: Progress | None = None
) -> tuple[str, int]:
    """Put a release's modules into the store; all of them, or nothing.

    Args:
        source: the release's set of modules (modules.tgz, modules.tar.xz), or a
            folder with NAME/NAME.kmod or NAME.kmod.
        progress: called with each module's name.

    Returns:
        The release's version, and how many modules there are.  Modules of that
        version that were there before are replaced.

    Raises:
        ModuleError: not a set of modules for amd64; names the member.
        OSError: what the host says.
    """
    import contextlib
    import shutil
    import tempfile

    os.makedirs(root(), exist_ok=True)
    work = tempfile.mkdtemp(prefix=".import-", dir=root())
    try:
        path = os.fspath(source)
        members = _from_folder(path) if os.path.isdir(path) else _from_archive(path)
        versions: dict[str, str] = {}
        count = 0
        with contextlib.closing(members):
            for name, data in members:
                count += 1
                if count > MAX_COUNT:
                    raise ModuleError(f"more than {MAX_COUNT} modules", module=path)
                release = _write(work, name, data)
                if release is not None:
                    versions.setdefault(release, name)
                if progress is not None:
                    progress(name)
        if not versions:
            raise ModuleError("no NAME/NAME.kmod for amd64 in it", module=path)
        if len(versions) > 1:
            mix = ", ".join(f"{v} ({name})" for v, name in sorted(versions.items()))
            raise ModuleError(f"modules of several versions: {mix}", module=path)
        version = next(iter(versions))
        _settle(work, os.path.join(root(), version))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return version, count


def _write(work: str, name: str, data: bytes) -> str | None:
    """One module into the folder that becomes the release's; its release.

    A module that this linker can't read is kept: it fails where it is loaded,
    and not the other ones with it.
    """
    from rumpy.linker import peek

    _check_object(name, data)
    target = os.path.join(work, name)
    try:
        os.mkdir(target)
    except FileExistsError:
        raise ModuleError("occurs twice", module=name) from None
    with open(os.path.join(target, f"{name}.kmod"), "xb") as file:
        file.write(data)
    try:
        return peek(data, f"{name}.kmod").release
    except (LinkError, ModuleError):
        return None


def _check_object(name: str, data: bytes) -> None:
    """Refuse what is not a relocatable object for amd64."""
    head = data[:20]
    if len(head) < 20 or head[:4] != b"\x7fELF":
        raise ModuleError("not an ELF object", module=name)
    kind, machine = struct.unpack_from("<HH", head, 16)
    if head[4:6] != b"\2\1" or machine != EM_X86_64:
        raise ModuleError("for another architecture than amd64", module=name)
    if kind != ET_REL:
        raise ModuleError("not a relocatable object", module=name)


def _settle(work: str, target: str) -> None:
    """Give the finished folder its name; one that was there goes."""
    import shutil

    os.chmod(work, 0o755)
    old = f"{work}.old"
    try:
        os.rename(target, old)
    except FileNotFoundError:
        old = ""
    try:
        os.rename(work, target)
    except OSError:
        if old:
            os.rename(old, target)
        raise
    if old:
        shutil.rmtree(old)


def _from_folder(path: str) -> Generator[tuple[str, bytes]]:
    from rumpy.linker.link import load_file

    for name, file in modules(path).items():
        _check_name(name, file)
        yield name, load_file(file)


def _from_archive(path: str) -> Generator[tuple[str, bytes]]:
    """The modules of an archive, whose members nobody has checked yet."""
    import tarfile

    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                name = _member(member)
                if name is None:
                    continue
                file = archive.extractfile(member)
                if file is None:
                    raise ModuleError("has no contents", module=member.name)
                with file:
                    yield name, file.read(MAX_MODULE)
            # The packer's checksum comes behind what tar needs.
            rest = archive.fileobj
            while rest is not None and rest.read(1 << 20):
                pass
    except (tarfile.TarError, EOFError) as error:
        raise ModuleError(f"not a tar archive: {error}", module=path) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise ModuleError(f"damaged: {error}", module=path) from error
    except Exception as error:
        # The decompressors have exceptions of their own.
        if type(error).__module__ not in ("lzma", "_lzma", "zlib", "bz2"):
            raise
        raise ModuleError(f"damaged: {error}", module=path) from error


def _member(member: object) -> str | None:
    """The module's name if a member of an archive is one.

    Raises:
        ModuleError: the member is of a kind that no set of modules has.
    """
    import tarfile

    assert isinstance(member, tarfile.TarInfo)
    name = member.name
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise ModuleError("a member's path leads out of the archive", module=name)
    if member.issym() or member.islnk():
        raise ModuleError("a member is a link", module=name)
    if member.isdir():
        return None
    if not member.isreg():
        raise ModuleError("a member is neither a file nor a folder", module=name)
    match = _PLACE.fullmatch("/".join(parts))
    if match is None or match["b"] != f"{match['a']}.kmod":
        return None
    if match["arch"] not in (None, "amd64"):
        if match["arch"] == "amd64-xen":
            return None
        raise ModuleError(f"for {match['arch']}, not for amd64", module=name)
    if member.size > MAX_MODULE:
        raise ModuleError(f"{member.size} bytes are no module", module=name)
    _check_name(match["a"], name)
    return str(match["a"])


def _check_name(name: str, where: str) -> None:
    if not _NAME.fullmatch(name):
        raise ModuleError("not a module's name", module=where)


def remove(version: str) -> None:
    """Take a release's modules out of the store.

    Raises:
        ModuleError: they are not there.
    """
    import shutil

    if version not in releases():
        known = ", ".join(releases()) or "none"
        raise ModuleError(f"no modules of NetBSD {version} here (imported: {known})")
    doomed = os.path.join(root(), f".remove-{version}-{os.getpid()}")
    os.rename(os.path.join(root(), version), doomed)
    shutil.rmtree(doomed)
