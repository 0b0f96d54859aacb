# SPDX-License-Identifier: BSD-2-Clause
"""Linking real objects: they run, are placed well, and go without a trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rumpy._hyp import ffi
from rumpy.errors import LinkError, ModuleError
from rumpy.hypercall.memory import Memory
from rumpy.linker import LinkedImage, Linker, export_list, peek, plan
from rumpy.linker.arena import slot_range
from rumpy.linker.scope import read_exports
from rumpy.linker.search import EXPORTS

from .conftest import CALLS, printed
from .objects import compile_c, module_source

Call = Callable[..., int]


def int_at(address: int) -> int:
    return int(ffi.cast("int *", address)[0])


def protection(address: int) -> str:
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, flags, *_ = line.split()
        start, end = (int(part, 16) for part in span.split("-"))
        if start <= address < end:
            return flags
    return "none"


def test_kernel_runs(kernel: LinkedImage, call: Call) -> None:
    printed.clear()
    assert call(kernel.symbol("kern_boot"), 0) == 1000 + 2 * 42
    assert printed == [b"second"]
    assert int_at(kernel.symbol("counter")) == 42


def test_nothing_is_writable_and_executable(
    kernel: LinkedImage, memory: Memory
) -> None:
    assert protection(kernel.text.address) == "r-xp"
    assert protection(kernel.rodata.address) == "r--p"
    assert protection(kernel.data.address) == "rw-s"
    low = memory.placement.low_base
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, flags, *_ = line.split()
        if low <= int(span.split("-")[0], 16) < low + memory.placement.low_size:
            assert not ("w" in flags and "x" in flags), line


def test_everything_lies_low(kernel: LinkedImage, memory: Memory) -> None:
    low = memory.placement.low_base
    for part in (kernel.text, kernel.rodata, kernel.data):
        assert low <= part.address
        assert part.address + part.size <= low + memory.placement.low_size <= 1 << 31


def test_first_kernel_is_at_the_canonical_place(kernel_file: Path) -> None:
    """Two processes, or a later kernel in the same slot, see equal addresses."""
    addresses = []
    for _ in range(2):
        with Memory() as memory:
            image = Linker(memory.host(CALLS)).load_kernel(kernel_file)
            addresses.append((image.text, image.data, memory.placement.arena_base))
            if memory.placement.canonical and memory.placement.slot is not None:
                start, end = slot_range(memory.placement.slot)
                assert start <= image.text.address < end
    assert addresses[0] == addresses[1]


def test_two_kernels_have_separate_state(
    kernel: LinkedImage, kernel_file: Path, call: Call
) -> None:
    with Memory() as memory:
        other = Linker(memory.host(CALLS)).load_kernel(kernel_file)
        call(kernel.symbol("kern_boot"), 0)
        call(kernel.symbol("kern_boot"), 0)
        call(other.symbol("kern_boot"), 0)
        assert int_at(kernel.symbol("counter")) == 43
        assert int_at(other.symbol("counter")) == 42


def test_module_calls_the_kernel(
    linker: Linker, kernel: LinkedImage, tmp_path: Path, call: Call
) -> None:
    body = """
    int exported(int); extern int counter;
    static int modcmd(int cmd, void *arg) { counter = 7; return exported(cmd); }
    int entry(int x) { return modcmd(x, 0); }
    """
    path = compile_c(tmp_path, module_source("hello", body), "hello.kmod")
    module = linker.load_module(path)
    assert module.name == "hello"
    assert module.modinfo.version == 1000000000
    assert module.modinfo.class_name == "misc"
    assert int_at(module.modinfo_address) == 1000000000
    assert call(module.symbol("entry"), 5) == 12
    assert int_at(kernel.symbol("counter")) == 7


def test_link_sets(linker: Linker, kernel: LinkedImage, tmp_path: Path) -> None:
    body = """
    static int modcmd(int cmd, void *arg) { return 0; }
    void one(void) {} void two(void) {}
    #define SET(s, f) __attribute__((section("link_set_" #s), used)) \\
        static void *const s##_##f = f
    SET(sysctl_funcs, one); SET(sysctl_funcs, two); SET(evcnts, one);
    """
    path = compile_c(tmp_path, module_source("sets", body), "sets.kmod")
    module = linker.load_module(path)
    assert module.sysctl_funcs.count == 2
    assert module.evcnts.count == 1
    pointers = ffi.cast("uint64_t *", module.sysctl_funcs.address)
    assert {pointers[0], pointers[1]} == {module.symbol("one"), module.symbol("two")}


def test_section_bounds_are_provided(
    linker: Linker, kernel: LinkedImage, tmp_path: Path, call: Call
) -> None:
    body = """
    static int modcmd(int cmd, void *arg) { return 0; }
    static const int a __attribute__((section("my_set"), used)) = 3;
    static const int b __attribute__((section("my_set"), used)) = 4;
    extern const int __start_my_set[], __stop_my_set[];
    extern const int __start_no_set[] __attribute__((weak));
    int sum(void)
    {
        int total = __start_no_set == 0 ? 100 : 0;
        for (const int *p = __start_my_set; p < __stop_my_set; p++)
            total += *p;
        return total;
    }
    """
    path = compile_c(tmp_path, module_source("bounds", body), "bounds.kmod")
    assert call(linker.load_module(path).symbol("sum")) == 107


def test_exports_are_the_list_only(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    body = """
    int private(int);
    static int modcmd(int cmd, void *arg) { return private(cmd); }
    """
    path = compile_c(tmp_path, module_source("nosy", body), "nosy.kmod")
    with pytest.raises(LinkError, match="undefined symbol: private") as caught:
        linker.load_module(path)
    assert caught.value.missing == ("private",)


def test_all_missing_symbols_at_once_with_cures(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    body = """
    void __stack_chk_fail(void); void *__memcpy_chk(void *, void *, long, long);
    void mcount(void); void really_gone(void);
    static int modcmd(int cmd, void *arg)
    { __stack_chk_fail(); __memcpy_chk(arg, arg, 1, 2); mcount(); really_gone();
      return 0; }
    """
    path = compile_c(
        tmp_path, module_source("lost", body), "lost.kmod", flags=["-fno-builtin"]
    )
    with pytest.raises(LinkError) as caught:
        linker.load_module(path)
    error = caught.value
    assert error.missing == (
        "__memcpy_chk", "__stack_chk_fail", "mcount", "really_gone"
    )  # fmt: skip
    assert error.file == str(path)
    for cure in ("-fno-stack-protector", "-U_FORTIFY_SOURCE", "-pg"):
        assert cure in str(error)


def test_trap_calls_panic_with_the_name(
    linker: Linker, kernel: LinkedImage, tmp_path: Path, call: Call
) -> None:
    body = """
    int absent_one(int), absent_two(int);
    static int modcmd(int cmd, void *arg) { return 0; }
    int entry(int x) { absent_one(x); return absent_two(x) * 0 + x; }
    """
    path = compile_c(tmp_path, module_source("trapped", body), "trapped.kmod")
    module = linker.load_module(path, missing="trap")
    assert module.trapped == ("absent_one", "absent_two")
    assert call(module.symbol("entry"), 9) == 9
    message = ffi.cast("char **", kernel.symbol("panicked"))[0]
    assert ffi.string(message) == b"call of absent_two, which this kernel does not have"


def test_missing_data_is_an_error_under_trap(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    body = """
    extern int no_such_data;
    static int modcmd(int cmd, void *arg) { return no_such_data; }
    """
    path = compile_c(tmp_path, module_source("data", body), "data.kmod")
    with pytest.raises(LinkError, match="no_such_data"):
        linker.load_module(path, missing="trap")


@pytest.mark.parametrize(
    ("flags", "body", "words"),
    [
        (["-fcommon"], "int shared; static int modcmd(int c, void *a)"
         " { return shared; }", ["shared", "-fno-common"]),
        (["-fpic", "-mcmodel=small"], "extern int counter;"
         "static int modcmd(int c, void *a) { return counter; }", ["-fno-pic"]),
        ([], "static __thread int mine; static int modcmd(int c, void *a)"
         " { return mine++; }", ["thread-local"]),
        ([], "static int modcmd(int c, void *a) { return 0; }"
         "int done; __attribute__((constructor)) void early(void) { done = 1; }",
         ["constructor", ".init_array"]),
        (["-mcmodel=large"], "static int modcmd(int c, void *a) { return 0; }"
         "void f(void); unsigned char low = (unsigned char)(long)1;"
         "asm(\".data\\n.byte exported\");", ["R_X86_64_8", "exported", ".data"]),
    ],
    ids=["common", "pic", "tls", "constructor", "overflow"],
)  # fmt: skip
def test_wrong_flags_are_named(
    linker: Linker,
    kernel: LinkedImage,
    tmp_path: Path,
    flags: list[str],
    body: str,
    words: list[str],
) -> None:
    path = compile_c(
        tmp_path, module_source("wrong", body), "wrong.kmod", flags=flags, link=False
    )
    with pytest.raises(LinkError) as caught:
        linker.load_module(path)
    for word in words:
        assert word in str(caught.value)


def test_failure_leaves_nothing(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    before = Path("/proc/self/maps").read_text()
    body = """
    static int modcmd(int cmd, void *arg) { return 0; }
    asm(".data\\n.byte exported");
    """
    path = compile_c(tmp_path, module_source("bad", body), "bad.kmod", link=False)
    for _ in range(3):
        with pytest.raises(LinkError):
            linker.load_module(path)
    low = [line for line in before.splitlines() if line.split()[1] == "r-xp"]
    after = Path("/proc/self/maps").read_text().splitlines()
    assert [line for line in after if line.split()[1] == "r-xp"] == low
    assert linker.modules == {}


def test_unload_gives_memory_back_zeroed(
    linker: Linker, kernel: LinkedImage, tmp_path: Path, memory: Memory
) -> None:
    body = """
    static int modcmd(int cmd, void *arg) { return 0; }
    int area[4096] = { 1, 2, 3 };
    """
    path = compile_c(tmp_path, module_source("area", body), "area.kmod")
    first = linker.load_module(path)
    resident = memory.resident
    linker.unload(first)
    assert memory.resident < resident
    assert protection(first.text.address) == "---p"
    assert int_at(first.data.address) == 0
    second = linker.load_module(path)
    assert second.text == first.text
    assert second.data == first.data
    with pytest.raises(ModuleError, match="not loaded"):
        linker.unload(first)


def test_a_module_is_loaded_once(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    path = compile_c(tmp_path, module_source("once"), "once.kmod")
    linker.load_module(path)
    with pytest.raises(ModuleError, match="once is loaded already"):
        linker.load_module(path)


def test_duplicate_symbols(linker: Linker, kernel: LinkedImage, tmp_path: Path) -> None:
    body = """
    static int modcmd(int cmd, void *arg) { return 0; }
    int exported(int x) { return x; }
    """
    path = compile_c(tmp_path, module_source("double", body), "double.kmod")
    with pytest.raises(LinkError, match=r"exported \(in kernel\)"):
        linker.load_module(path)


@pytest.mark.parametrize("version", [902000000, 1099001200, 1100000000, 0])
def test_another_version(
    linker: Linker, kernel: LinkedImage, tmp_path: Path, version: int
) -> None:
    source = module_source("old", version=version)
    path = compile_c(tmp_path, source, "old.kmod")
    with pytest.raises(ModuleError, match="was built for NetBSD"):
        linker.load_module(path)


def test_every_release_of_the_major_is_taken(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    for index, version in enumerate((1000000000, 1001000000, 1098000000)):
        source = module_source(f"m{index}", version=version)
        linker.load_module(compile_c(tmp_path, source, f"m{index}.kmod"))
    assert list(linker.modules) == ["m0", "m1", "m2"]


def make_modules(folder: Path, wants: dict[str, str | None]) -> None:
    for name, required in wants.items():
        source = module_source(name, required=required)
        compile_c(folder, source, f"{name}.kmod")


def test_dependencies_are_ordered_and_counted(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    make_modules(tmp_path, {"top": "left,right", "left": "base", "right": "base",
                            "base": None})  # fmt: skip
    files = plan(tmp_path / "top.kmod")
    assert [file.modinfo.name for file in files] == ["base", "left", "right", "top"]
    with pytest.raises(ModuleError, match="requires left, right, not loaded"):
        linker.load_module(files[-1].path)
    loaded = {file.modinfo.name: linker.load_module(file.path) for file in files}
    assert linker.users("base") == {"left", "right"}
    with pytest.raises(ModuleError, match="in use by left, right"):
        linker.unload(loaded["base"])
    for name in ("top", "right", "left", "base"):
        linker.unload(loaded[name])
    assert linker.modules == {}


def test_symbols_of_modules(
    linker: Linker, kernel: LinkedImage, tmp_path: Path, call: Call
) -> None:
    lower = """
    static int modcmd(int cmd, void *arg) { return 0; }
    int helper(int x) { return x * 3; }
    __attribute__((visibility("hidden"))) int secret(int x) { return x; }
    """
    upper = """
    int helper(int);
    static int modcmd(int cmd, void *arg) { return 0; }
    int entry(int x) { return helper(x); }
    """
    one = compile_c(tmp_path, module_source("lower", lower), "lower.kmod")
    two = compile_c(tmp_path, module_source("upper", upper), "upper.kmod")
    with pytest.raises(LinkError, match="helper"):
        linker.load_module(two)
    module = linker.load_module(one)
    assert "secret" not in module.symbols
    # Not declared, but used: NetBSD links it, and it counts.
    user = linker.load_module(two)
    assert user.required == ("lower",)
    assert call(user.symbol("entry"), 4) == 12
    with pytest.raises(ModuleError, match="in use by upper"):
        linker.unload(module)


def test_dependency_cycle(tmp_path: Path) -> None:
    make_modules(tmp_path, {"a": "b", "b": "c", "c": "a"})
    with pytest.raises(ModuleError, match="a -> b -> c -> a"):
        plan(tmp_path / "a.kmod")


def test_search_path_of_netbsd(tmp_path: Path) -> None:
    for name, required in (("above", "below"), ("below", None)):
        (tmp_path / name).mkdir()
        make_modules(tmp_path / name, {name: required})
    files = plan(tmp_path / "above" / "above.kmod")
    assert [file.modinfo.name for file in files] == ["below", "above"]


def test_missing_dependency_says_where(tmp_path: Path) -> None:
    make_modules(tmp_path, {"lonely": "friend"})
    with pytest.raises(ModuleError, match=f"requires friend.*{tmp_path}"):
        plan(tmp_path / "lonely.kmod")


def test_dependency_with_another_name(tmp_path: Path) -> None:
    make_modules(tmp_path, {"one": "two", "three": None})
    (tmp_path / "three.kmod").rename(tmp_path / "two.kmod")
    with pytest.raises(ModuleError, match="holds module three, not two"):
        plan(tmp_path / "one.kmod")


def test_peek(tmp_path: Path) -> None:
    make_modules(tmp_path, {"look": "ufs, wapbl"})
    info = peek(tmp_path / "look.kmod")
    assert (info.name, info.required) == ("look", ("ufs", "wapbl"))
    assert info.release == "10.0"


def test_no_such_module() -> None:
    with pytest.raises(ModuleError, match="no such module; shipped:"):
        plan("nobody_wrote_this")
    with pytest.raises(ModuleError, match="no such file"):
        plan("/nonexistent/x.kmod")


def test_kernel_may_need_hypercalls_only(linker: Linker, tmp_path: Path) -> None:
    source = "int hyp_no_such(void); int kern_boot(void) { return hyp_no_such(); }"
    path = compile_c(tmp_path, source, "kernel.elf")
    with pytest.raises(LinkError, match="hyp_no_such"):
        linker.load_kernel(path)


def test_slab_exhaustion_is_an_error(
    linker: Linker, kernel: LinkedImage, tmp_path: Path
) -> None:
    body = """
    static int modcmd(int cmd, void *arg) { return 0; }
    char large[64 << 20];
    """
    path = compile_c(tmp_path, module_source("large", body), "large.kmod")
    with pytest.raises(LinkError, match="below 2 GiB"):
        linker.load_module(path)


def test_names_are_read_with_and_without_reasons(tmp_path: Path) -> None:
    """Lists are shipped as names alone, which are quicker to read."""
    listed = tmp_path / "a.syms"
    listed.write_text("# a comment\n\none\ntwo\tdoes nothing: # no reason\n  three \n")
    names = tmp_path / "a.names"
    names.write_text("one\ntwo\nthree\n")
    assert read_exports(listed) == read_exports(names) == {"one", "two", "three"}
    assert export_list() == read_exports(Path(EXPORTS) / "netbsd.syms")
