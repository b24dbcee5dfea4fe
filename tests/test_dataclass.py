"""omconf's `dataclass` behaves as the standard library's."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import re
from collections.abc import Callable
from dataclasses import field
from typing import Any

import pytest

from omconf.dataclass import dataclass

Maker = Callable[..., Any]
OPTIONS = [
    {"frozen": True, "slots": True},
    {"frozen": True, "slots": True, "eq": False},
    {"frozen": True},
    {"slots": True},
    {},
]


def classes(make: Maker, options: dict[str, bool]) -> tuple[Any, Any]:
    @make(**options)
    class Point:
        """A class of every sort of field."""

        x: int
        y: list[int] = field(default_factory=list)
        z: str = "z"
        hidden: int = field(default=0, compare=False, repr=False)
        named: int = field(default=1, kw_only=True)

    @make(**options)
    class Further(Point):
        """One that has more."""

        more: int = 5

        def __post_init__(self) -> None:
            object.__setattr__(self, "z", f"{self.z[:1]}{self.more}")

    return Point, Further


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_the_standard_one(options: dict[str, bool]) -> None:
    made, meant = classes(dataclass, options), classes(dataclasses.dataclass, options)
    for own, standard in zip(made, meant, strict=True):
        assert [f.name for f in dataclasses.fields(own)] == [
            f.name for f in dataclasses.fields(standard)
        ]
        assert list(inspect.signature(own).parameters) == list(
            inspect.signature(standard).parameters
        )
        assert own.__match_args__ == standard.__match_args__
        for arguments in ((1,), (1, [2]), (1, [2], "a", 7)):
            for named in ({}, {"named": 3}):
                a, b = own(*arguments, **named), standard(*arguments, **named)
                assert repr(a) == repr(b)
                assert dataclasses.asdict(a) == dataclasses.asdict(b)
                equal = options.get("eq", True)
                assert (a == own(*arguments, **named)) is equal
                assert (a == dataclasses.replace(a, hidden=9)) is equal
                assert a != dataclasses.replace(a, x=8)
                assert a != b
                copied = copy.deepcopy(a)
                assert dataclasses.asdict(copied) == dataclasses.asdict(a)
                assert hasattr(a, "__dict__") == hasattr(b, "__dict__")
        assert own(1).y is not own(1).y
        with pytest.raises(TypeError, match=f"{own.__name__}.__init__.*unexpected keyword"):
            own(1, unknown=2)
        with pytest.raises(TypeError, match="positional"):
            own(1, [2], "a", 7, 8, 9)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_frozen_is_frozen(options: dict[str, bool]) -> None:
    point = classes(dataclass, options)[0](1)
    if options.get("frozen"):
        for name in ("x", "new"):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(point, name, 2)
            with pytest.raises(dataclasses.FrozenInstanceError):
                delattr(point, name)
    else:
        point.x = 2
        assert point.x == 2


def test_hashes() -> None:
    @dataclass(frozen=True, slots=True)
    class Fixed:
        """One with a hash."""

        x: int
        y: str = ""
        beside: int = field(default=0, compare=False)
        unhashed: dict[str, str] = field(default_factory=dict, hash=False)

    @dataclass(slots=True)
    class Open:
        """One without."""

        x: int

    @dataclass(frozen=True, slots=True, eq=False)
    class Itself:
        """One that is equal to itself alone."""

    assert hash(Fixed(1, "a", 2)) == hash(Fixed(1, "a", 3, {"b": "c"})) != hash(Fixed(2, "a"))
    assert Fixed(1, unhashed={"b": "c"}) != Fixed(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Open(1))
    assert len({Itself(), Itself()}) == 2


def test_what_a_class_defines_itself_is_left() -> None:
    @dataclass(frozen=True, slots=True)
    class Own:
        """One that writes itself."""

        x: int

        def __repr__(self) -> str:
            return "own"

    assert repr(Own(1)) == "own"


def test_another_option_is_an_error() -> None:
    with pytest.raises(TypeError, match="order"):

        @dataclass(order=True)
        class Ordered:
            """One with an option that omconf does not use."""


def test_it_compiles_one_function_for_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """This is what it is for: the standard one compiles six for a frozen class."""
    compiled: list[str] = []

    def counted(text: Any, *scopes: Any) -> None:
        # Python 3.13 compiles all functions of a class at once, also none.
        compiled.extend(re.findall(r"def (?!__create_fn__)\w+", text))
        exec(text, *scopes)

    monkeypatch.setattr("omconf.dataclass.exec", counted, raising=False)
    monkeypatch.setattr("dataclasses.exec", counted, raising=False)
    classes(dataclass, {"frozen": True, "slots": True})
    assert len(compiled) == 2
    classes(dataclasses.dataclass, {"frozen": True, "slots": True})
    assert len(compiled) > 4
