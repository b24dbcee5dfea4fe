"""The decorator `dataclass` as the standard library has it, at a quarter of its time.

The standard one compiles up to six functions for each class, which took a quarter of a short command.
This one compiles `__init__` alone; the other methods are closures. It knows the options that omconf
uses; another one is a TypeError at import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414, TID251
else:
    import dataclasses
    from operator import attrgetter

    _SET = object.__setattr__
    _UNSET = object()

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True):
        """Give a class its fields and their methods; see `dataclasses.dataclass`."""
        if cls is None:
            return lambda cls: dataclass(cls, frozen=frozen, slots=slots, eq=eq)
        cls.__doc__ = cls.__doc__ or cls.__name__  # or its signature is inspected, which is slow
        made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)  # noqa: TID251
        cls = made(cls)
        fields = dataclasses.fields(cls)
        methods = {"__init__": _init(cls, fields, frozen), "__repr__": _repr(fields)}
        if eq:
            methods["__eq__"] = _eq([f.name for f in fields if f.compare])
            hashed = [f.name for f in fields if (f.compare if f.hash is None else f.hash)]
            methods["__hash__"] = _hash(hashed) if frozen else None
        if frozen:
            methods |= {"__setattr__": _no_assignment, "__delattr__": _no_deletion}
            methods |= {"__getstate__": _get_state, "__setstate__": _set_state} if slots else {}
        for name, method in methods.items():
            if name not in cls.__dict__:
                setattr(cls, name, method)
        return cls

    def _init(cls, fields, frozen):
        known = {"_set": _SET, "_unset": _UNSET}
        positional, named, lines = ["self"], [], []
        for field in fields:
            name = value = field.name
            default = ""
            if field.default is not dataclasses.MISSING:
                known[f"_default_{name}"] = field.default
                default = f"=_default_{name}"
            elif field.default_factory is not dataclasses.MISSING:
                known[f"_new_{name}"] = field.default_factory
                default = "=_unset"
                value = f"_new_{name}() if {name} is _unset else {name}"
            (named if field.kw_only else positional).append(f"{name}{default}")
            line = f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}"
            lines.append(line)
        if named:
            positional += ["*", *named]
        if hasattr(cls, "__post_init__"):
            lines.append("self.__post_init__()")
        body = "\n ".join(lines or ["pass"])
        exec(f"def __init__({', '.join(positional)}):\n {body}", known)  # noqa: S102 - our own text
        init = known["__init__"]
        init.__qualname__ = f"{cls.__qualname__}.__init__"
        return init

    def _getter(names):
        """Return a function that gives the values of some fields, to compare and to hash."""
        return attrgetter(*names) if names else lambda _: ()

    def _eq(names):
        values = _getter(names)

        def equal(self, other):
            if other.__class__ is not self.__class__:
                return NotImplemented
            return values(self) == values(other)

        return equal

    def _hash(names):
        values = _getter(names)

        def hashed(self):
            return hash(values(self))

        return hashed

    def _repr(fields):
        names = [field.name for field in fields if field.repr]

        def written(self):
            told = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
            return f"{self.__class__.__qualname__}({told})"

        return written

    def _no_assignment(_self, name, _value):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def _no_deletion(_self, name):
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def _get_state(self):
        return [getattr(self, field.name) for field in dataclasses.fields(self)]

    def _set_state(self, state):
        for field, value in zip(dataclasses.fields(self), state, strict=True):
            _SET(self, field.name, value)
