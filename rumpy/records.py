# SPDX-License-Identifier: BSD-2-Clause
"""Dataclasses for code on the way to a booted kernel.

`import dataclasses` and what it makes of twenty classes take longer than a boot.
Modules that every command needs therefore write

    TYPE_CHECKING = False
    if TYPE_CHECKING:
        from dataclasses import dataclass
    else:
        from rumpy.records import dataclass

and get the same classes: slotted, frozen if asked, with __init__ (unless the
class has its own), __eq__, __hash__ and __repr__.  Not supported: factories,
field(), ordering, and super() without arguments in methods.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_put = object.__setattr__

#: Compiling __init__ takes as long as filling in some hundred records without.
_FEW = 200


def _init(fields: dict[str, Any], frozen: bool, post: bool) -> Callable[..., None]:
    """Compile __init__ for fields with their defaults (or _NONE)."""
    head = ["self"]
    body = []
    names: dict[str, Any] = {"_put": _put}
    for name, default in fields.items():
        if default is _NONE:
            head.append(name)
        else:
            names[f"_{name}"] = default
            head.append(f"{name}=_{name}")
        body.append(f"_put(self,{name!r},{name})" if frozen else f"self.{name}={name}")
    if post:
        body.append("self.__post_init__()")
    text = f"def __init__({','.join(head)}):\n " + "\n ".join(body or ["pass"])
    exec(text, names)
    made: Callable[..., None] = names["__init__"]
    return made


def _make_init_later(cls: Any, frozen: bool) -> None:
    """Compile __init__ when it pays: most classes have a handful of records."""
    fields = cls.__record_fields__
    names = tuple(fields)
    post = hasattr(cls, "__post_init__")
    left = _FEW

    def init(self: Any, *args: Any, **named: Any) -> None:
        nonlocal left
        left -= 1
        given = fields | dict(zip(names, args, strict=False)) | named
        wrong = len(args) > len(names) or len(given) > len(names)
        wrong = wrong or any(value is _NONE for value in given.values())
        if left < 0 or wrong or not named.keys().isdisjoint(names[: len(args)]):
            # What is wrong with the arguments it says as any function does.
            cls.__init__ = _init(fields, frozen, post)
            cls.__init__(self, *args, **named)
            return
        for name, value in given.items():
            _put(self, name, value)
        if post:
            self.__post_init__()

    cls.__init__ = init


_NONE: Any = type("NoDefault", (), {})()


def _values(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, name) for name in type(self).__record_fields__)


def _equal(self: Any, other: object) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return _values(self) == _values(other)


def _hash(self: Any) -> int:
    return hash(_values(self))


def _show(self: Any) -> str:
    fields = type(self).__record_fields__
    inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields)
    return f"{type(self).__name__}({inside})"


def _refuse(self: Any, name: str, *value: Any) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen: {name!r}")


def dataclass(*, frozen: bool = False, slots: bool = True) -> Callable[[type], type]:
    """Like dataclasses.dataclass, as far as the module's text says."""

    def make(cls: type) -> type:
        space = dict(cls.__dict__)
        fields: dict[str, Any] = dict(getattr(cls, "__record_fields__", {}))
        own = list(space.get("__annotations__", {}))
        for name in own:
            fields[name] = space.pop(name, _NONE)
        space.pop("__dict__", None)
        space.pop("__weakref__", None)
        inherited = getattr(cls, "__record_fields__", {})
        space["__slots__"] = tuple(name for name in own if name not in inherited)
        space["__record_fields__"] = fields
        space.setdefault("__eq__", _equal)
        space.setdefault("__repr__", _show)
        if frozen:
            space["__hash__"] = space.get("__hash__") or _hash
            space["__setattr__"] = space["__delattr__"] = _refuse
        else:
            space["__hash__"] = None
        made = type(cls)(cls.__name__, cls.__bases__, space)
        if "__init__" not in space:
            _make_init_later(made, frozen)
        return made

    return make
