"""Values behave as the standard library's frozen dataclasses do."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any, ClassVar

import pytest

from handlers.values import dataclass, field, replace


@dataclass(frozen=True)
class Place:
    """Positional, with a default and a class variable."""

    unit: ClassVar[str] = "m"
    x: int
    y: int = 2
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def far(self) -> int:
        return self.x + self.y


@dataclass(frozen=True, kw_only=True)
class Named(Place):
    """Named fields behind a base's."""

    name: str
    size: float = 1.0


@dataclass(frozen=True)
class Kept:
    name: str
    secret: str = field(repr=False)
    seen: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Checked:
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("is negative")


@dataclasses.dataclass(frozen=True)
class Standard:
    x: int
    y: int = 2
    notes: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StandardNamed(Standard):
    name: str
    size: float = 1.0


PAIRS = [(Place, Standard), (Named, StandardNamed)]
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}), ((1,), {}), ((1, 3), {}), ((1, 3, {"a": "b"}), {}), ((1, 3, {}, 4), {}), ((), {"x": 1}), ((1,), {"x": 1}),
    ((1,), {"z": 1}), ((1,), {"name": "n"}), ((1,), {"name": "n", "size": 2.0}), ((1, 2, {}, "n"), {}),
    ((), {"name": "n", "x": 1, "notes": {"a": "b"}}),
]  # fmt: skip


def made(kind: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    try:
        value = kind(*given, **named)
    except TypeError as error:
        return TypeError, str(error).replace(kind.__qualname__, "").removeprefix(".")
    return dataclasses.asdict(value)


@pytest.mark.parametrize(("ours", "standard"), PAIRS)
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_it_is_made_or_refused_as_the_standard_librarys_is(ours: Any, standard: Any, call: Any) -> None:
    assert made(ours, *call) == made(standard, *call)


def test_its_functions_work_on_it() -> None:
    value = Named(x=1, name="n", notes={"a": "b"})
    assert [each.name for each in dataclasses.fields(Named)] == [each.name for each in dataclasses.fields(StandardNamed)]
    assert dataclasses.replace(value, y=5) == replace(value, y=5) == Named(x=1, y=5, name="n", notes={"a": "b"})
    assert dataclasses.asdict(value) == {"x": 1, "y": 2, "notes": {"a": "b"}, "name": "n", "size": 1.0}
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        replace(value, z=1)  # type: ignore[call-arg]


def test_it_is_compared_hashed_and_shown_by_its_fields() -> None:
    assert Place(1) == Place(1, 2)
    assert Place(1) != Place(2)
    assert Named(x=1, name="a") != Place(1)
    assert len({Checked(1), Checked(1)}) == 1
    assert hash(Checked(1)) != hash(Checked(2))
    assert repr(Named(x=1, name="n")) == "Named(x=1, y=2, notes={}, name='n', size=1.0)"


def test_what_is_declared_apart_is_not_shown_or_not_compared() -> None:
    kept = Kept("a", "canary")
    assert repr(kept) == "Kept(name='a', seen=0)"
    assert kept == Kept("a", "canary", 1)
    assert hash(kept) == hash(Kept("a", "canary", 1))
    assert kept != Kept("a", "other")


def test_it_cannot_be_changed() -> None:
    place = Place(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="Place is frozen: x"):
        place.x = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError, match="Place is frozen: x"):
        del place.x
    assert Place.unit == "m"
    assert place.far == 3


def test_each_has_a_default_of_its_own() -> None:
    first, second = Place(1), Place(1)
    assert first.notes is not second.notes


def test_a_check_after_it_is_made_refuses() -> None:
    with pytest.raises(ValueError, match="is negative"):
        Checked(-1)


@dataclass()
class Changing:
    x: int
    seen: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Itself:
    x: int


def test_one_that_is_not_frozen_can_be_changed_and_not_hashed() -> None:
    one = Changing(1)
    one.x = 2
    assert one == Changing(2)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
    assert Itself(1) != Itself(1)
    assert len({Itself(1), Itself(1)}) == 2


def test_threads_that_make_the_first_ones_at_once_all_get_theirs() -> None:
    for _ in range(50):

        @dataclass(frozen=True)
        class Fresh:
            x: int

        found: list[int] = []
        ready = threading.Barrier(4)

        def make(number: int, kind: Any = Fresh, found: list[int] = found, ready: threading.Barrier = ready) -> None:
            ready.wait(5)
            found.append(kind(number).x)

        threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert sorted(found) == [0, 1, 2, 3]


def test_a_class_that_is_not_declared_so_inherits_it() -> None:
    class More(Place):
        """Undecorated."""

    assert More(1).far == 3
    assert More(1) == More(1)
    assert More(1) != Place(1)
