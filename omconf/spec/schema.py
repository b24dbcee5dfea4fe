"""The spec's JSON Schema, from the same models that validate it."""

from __future__ import annotations

from typing import Any

from omconf.spec.models import Spec
from omconf.spec.values import LABEL, RESERVED


def spec_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of format version 1."""
    schema = Spec.model_json_schema()
    nodes = schema["properties"]["nodes"]
    nodes["propertyNames"] = {
        "pattern": f"^{LABEL.pattern}$",
        "maxLength": 63,
        "not": {"enum": list(RESERVED)},
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
