"""The spec's JSON Schema, from the same models that validate it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from omconf.formats.names import LABEL
from omconf.releases import RELEASES
from omconf.spec.checks import RESERVED
from omconf.spec.models import Spec
from omconf.spec.models.node import Node, Removed
from omconf.spec.models.openmeetings import OpenMeetings
from omconf.spec.models.section import section_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo


def spec_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of format version 1."""
    schema = Spec.model_json_schema()
    for key in ("nodes", "removed"):
        schema["properties"][key]["propertyNames"] = {
            "pattern": f"^{LABEL.pattern}$",
            "maxLength": 63,
            "not": {"enum": list(RESERVED)},
        }
    release = schema["$defs"][OpenMeetings.__name__]["properties"]["release"]
    release["enum"] = list(RELEASES)
    for section in (schema, *schema["$defs"].values()):
        for key in section["properties"].values():
            if key.get("default", "") is None:
                del key["default"]  # an editor would propose `null`
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def spec_reference() -> str:
    """Return a Markdown table of all keys: meaning and default, from the same models."""
    lines = [
        "# The cluster spec",
        "",
        "Every key of `cluster.yaml`, format version 1. Made by `omconf schema --markdown`.",
        "",
        "| key | default | meaning |",
        "| --- | --- | --- |",
    ]
    return "\n".join([*lines, *_rows(Spec, ""), ""])


def _rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        key = f"{prefix}{name}"
        inner = section_of(info)
        if name == "nodes":
            yield f"| `{key}` | required | {_sentence(info)} |"
            yield from _rows(Node, "nodes.<name>.")
        elif name == "removed":
            yield f"| `{key}` |  | {_sentence(info)} |"
            yield from _rows(Removed, "removed.<name>.")
        elif name == "node_defaults":
            text = (
                "The keys of a node, for all nodes; in `url`, `ssh` and `member`, `{name}` and"
                " `{address}` stand for its own."
            )
            yield f"| `{key}.*` |  | {text} |"
        elif inner:
            yield from _rows(inner, f"{key}.")
        else:
            default = "required" if info.is_required() else _shown(info.default)
            yield f"| `{key}` | {default} | {_sentence(info)} |"


def _sentence(info: FieldInfo) -> str:
    """Return the description as Markdown: outside of code, `<` would begin HTML."""
    parts = re.split("(`[^`]*`)", info.description or "")
    return "".join(p if p.startswith("`") else p.replace("<", "\\<") for p in parts)


def _shown(value: Any) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, list):
        return f"`[{', '.join(value)}]`"
    return f"`{value}`"
