"""What all sections of the spec have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo  # noqa: TC002 - not a model field


class Section(BaseModel):
    """A mapping of the spec: unknown keys are refused, and errors never show the input."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True, strict=True)


def section_of(info: FieldInfo) -> type[Section] | None:
    """Return the model of a key's value, or of each of its values; None if it is no section."""
    for choice in (info.annotation, *getattr(info.annotation, "__args__", ())):
        if isinstance(choice, type) and issubclass(choice, Section):
            return choice
    return None
