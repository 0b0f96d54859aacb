# SPDX-License-Identifier: BSD-2-Clause
"""The error tree: texts that name what and where."""

from __future__ import annotations

from rumpy import errors


def test_a_link_error_names_file_section_symbol_type_and_cure() -> None:
    error = errors.LinkError(
        "value does not fit",
        file="x.kmod",
        section=".text",
        symbol="foo",
        type="R_X86_64_32",
        hint="compile with -mcmodel=kernel",
    )
    assert str(error) == (
        "x.kmod, section .text, R_X86_64_32, symbol foo: value does not fit"
        " (compile with -mcmodel=kernel)"
    )
    assert error.missing == ()


def test_a_link_error_without_a_place() -> None:
    assert str(errors.LinkError("no room")) == "no room"


def test_a_panic_shows_message_frames_and_console() -> None:
    frame = errors.Frame(0x1234, "ffs_read", 16, "ffs", "ffs_vnops.c", 77)
    panic = errors.KernelPanic(
        "oops", frames=[frame, errors.Frame(9)], console="a\nb\n"
    )
    text = str(panic)
    assert text.splitlines() == [
        "oops",
        "    0x1234 ffs:ffs_read+0x10 at ffs_vnops.c:77",
        "    0x9 ?:?",
        "console:",
        "    a",
        "    b",
    ]
    assert panic.message == "oops" and panic.frames[0].line == 77


def test_the_tree() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        if name != "Frame":
            assert issubclass(kind, errors.RumpyError)
    assert issubclass(errors.KernelInChild, ChildProcessError)
    assert not issubclass(errors.LinkError, OSError)


def test_module_and_image_errors_name_theirs() -> None:
    assert str(errors.ModuleError("in use", module="ffs")) == "ffs: in use"
    assert str(errors.ImageError("is empty", image="a.img")) == "a.img: is empty"
    assert (
        str(errors.ImageError("gz", image="a", hint="gunzip a")) == "a: gz (gunzip a)"
    )
