"""Where a value comes from: a place in the spec, a release's fact, a default, a sentence of the page.

Every resolved value carries its origin through the compiler, so that errors point at the user's own
line and each line of a bundle can say why it is there. There is no second table to keep in step.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from omconf.dataclass import dataclass

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text file; lines and columns count from 1, in characters, the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class FromSpec:
    """The value stands in the spec: `key` as the user reads it (`nodes.om1.address`), and where."""

    key: str
    span: Span


@dataclass(frozen=True, slots=True)
class FromRelease:
    """The value is what an OpenMeetings release ships, in the file that is named."""

    release: str
    file: str


@dataclass(frozen=True, slots=True)
class FromDefault:
    """The spec does not say it: omconf's default for `key`, with its reason or source."""

    key: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class FromPage:
    """The clustering page asks for it; `step` names the step in omconf's words."""

    step: str


@dataclass(frozen=True, slots=True)
class FromFormat:
    """The file's format needs it (an XML declaration, a comment, a closing tag)."""

    what: str


Origin = FromSpec | FromRelease | FromDefault | FromPage | FromFormat


@dataclass(frozen=True, slots=True)
class Value(Generic[T_co]):
    """A resolved value together with its origin."""

    value: T_co
    origin: Origin

    @property
    def span(self) -> Span | None:
        """The place in the spec, when the value stands there."""
        return self.origin.span if isinstance(self.origin, FromSpec) else None
