"""Dataclasses whose methods are made when the first of their kind is, and not when their module is imported.

The standard library writes and compiles six functions a class, in half a millisecond. A process that takes one restore point
declares seventy classes, and makes values of half of them (tests/bench/README.md). Here ``__init__`` is compiled, too, but at
first use, and the other five are the same for all. To type checkers these are ``dataclasses.dataclass`` and ``replace``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, field, make_dataclass
from typing import TYPE_CHECKING, Any

__all__ = ["Frozen", "dataclass", "field", "names", "replace"]


class Frozen:
    """Compared, hashed and shown by type and by what stands in ``__dict__``, in its order; cannot be changed."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and _of(self, "compare") == _of(other, "compare"))

    def __hash__(self) -> int:
        return hash((type(self), *_of(self, "compare").values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in _of(self, 'repr').items())})"

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"{type(self).__name__} is frozen: {name}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"{type(self).__name__} is frozen: {name}")


def _of(value: object, what: str) -> dict[str, Any]:
    """The fields that take part in ``what``: all whose declaration does not say otherwise."""
    kind = type(value)
    left_out = [name for name in getattr(kind, "__apart__", ()) if not getattr(getattr(kind, name), what)]
    return {name: each for name, each in vars(value).items() if name not in left_out} if left_out else vars(value)


def _first(self: Any, *given: Any, **named: Any) -> None:
    """Stands for ``__init__`` until one is needed."""
    whole: Any = type(self)
    for kind in whole.__mro__:
        if kind.__dict__.get("__init__") is _first:
            kind.__init__ = _init_of(kind)  # perhaps by two threads at once: either will do
            break
    whole.__init__(self, *given, **named)


def _init_of(kind: type) -> Callable[..., None]:
    given: dict[str, Any] = {"MISSING": MISSING}
    plain: list[str] = []
    named: list[str] = []
    body = ["values = self.__dict__"]
    for name, (default, owner) in _declared(kind).items():
        about = default if isinstance(default, Field) else field(default=default)
        required = about.default is MISSING and about.default_factory is MISSING
        given[f"default_{name}"], given[f"made_{name}"] = about.default, about.default_factory
        (named if owner.__dict__["__kw_only__"] else plain).append(name if required else f"{name}=default_{name}")
        made_anew = about.default_factory is not MISSING
        body.append(
            f"values[{name!r}] = made_{name}() if {name} is MISSING else {name}" if made_anew else f"values[{name!r}] = {name}"
        )
    if hasattr(kind, "__post_init__"):
        body.append("self.__post_init__()")
    arguments = ", ".join(["self", *plain, *(["*", *named] if named else [])])
    exec(f"def __init__({arguments}):\n " + "\n ".join(body), given)  # noqa: S102 - names of fields, from our own declarations
    made: Callable[..., None] = given["__init__"]
    return made


def names(kind: type) -> tuple[str, ...]:
    """Of all fields of such a class."""
    return tuple(_declared(kind))


def _declared(kind: type) -> dict[str, tuple[Any, type]]:
    """Of each field its default and the class that declares it, in the order of declaration, a base's first."""
    return {name: (getattr(kind, name, MISSING), each) for each in reversed(kind.__mro__) for name in _own_fields(each)}


def _own_fields(kind: type) -> list[str]:
    """Of a class that is decorated, the fields it declares itself."""
    if "__kw_only__" not in kind.__dict__:
        return []
    return [name for name, hint in kind.__annotations__.items() if not str(hint).startswith("ClassVar")]


def _apart(kind: type) -> list[str]:
    given = {name: kind.__dict__.get(name) for name in kind.__annotations__}
    return [name for name, each in given.items() if isinstance(each, Field) and not (each.repr and each.compare)]


class _Fields:
    """For the standard library's functions, which nothing here uses: the fields of a class of its own, made when they ask."""

    def __get__(self, _: object, kind: type) -> dict[str, Field[Any]]:
        declared = [(name, object, default) for name, (default, _) in _declared(kind).items()]
        told = [each[:2] if each[2] is MISSING else each for each in declared]
        found: dict[str, Field[Any]] = make_dataclass(kind.__name__, told, kw_only=True).__dataclass_fields__  # type: ignore[attr-defined]
        return found


if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:

    def dataclass(*, frozen: bool = False, kw_only: bool = False, eq: bool = True) -> Callable[[type], type]:
        """Of the standard library's arguments those that are used here."""

        def decorated(kind: type) -> type:
            kind.__kw_only__ = kw_only
            kind.__apart__ = (*getattr(kind, "__apart__", ()), *_apart(kind))
            kind.__dataclass_fields__ = _Fields()
            kind.__init__ = _first
            shared = ["__repr__", *(["__eq__"] if eq else []), *(["__hash__", "__setattr__", "__delattr__"] if frozen else [])]
            for name in shared:
                if name not in kind.__dict__:
                    setattr(kind, name, getattr(Frozen, name))
            if eq and not frozen:
                kind.__hash__ = None
            return kind

        return decorated

    def replace(value: Any, /, **changes: Any) -> Any:
        """The same with other values."""
        return type(value)(**(value.__dict__ | changes))
