"""The reference of the JSON documents: `python -m tests.json_page` prints docs/json.md."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.cli_page import sentence
from tests.command import ROOT

PAGE = ROOT / "docs/json.md"
DOCUMENTS = (
    ("plan", ("omconf plan --json", "omconf show --json", "omconf plan --out FILE")),
    ("events", ("omconf apply --json", "omconf undo --json")),
    ("verify", ("omconf verify --json",)),
)

Schema = dict[str, Any]


def page() -> str:
    """Write the page: each document, then the objects in it."""
    lines = [
        "# JSON documents",
        "",
        "`make schemas` generates this page from the schemas. Only they have every detail, such as",
        "patterns and limits. A key that is not required may be missing.",
    ]
    written: list[Schema] = []
    for name, commands in DOCUMENTS:
        file = f"schemas/{name}.schema.json"
        schema = json.loads((ROOT / file).read_text("utf-8"))
        lines += ["", f"## {schema['title'].replace('`', '')}", ""]
        printed = ", ".join(f"`{command}`" for command in commands)
        lines += [f"From {printed}. Schema: [{file}](../{file}).", ""]
        lines += [sentence(schema["description"]), *_object(schema)]
        for part, inner in schema["$defs"].items():
            # Events hold the objects of a plan, too.
            if "properties" in inner and inner not in written:
                written.append(inner)
                lines += ["", f"### {name}: {part}", ""]
                lines += [sentence(inner.get("description", "")), *_object(inner)]
    return "\n".join(lines) + "\n"


def _object(schema: Schema) -> list[str]:
    """Write an object's keys, or which objects it is one of."""
    if "oneOf" in schema:
        return ["", f"One of: {_type(schema)}."]
    required = set(schema.get("required", ()))
    lines = ["", "| key | type | required | meaning |", "| --- | --- | --- | --- |"]
    for key, value in schema["properties"].items():
        cells = (
            f"`{key}`",
            _type(value),
            "yes" if key in required else "",
            sentence(_said(value)),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _said(schema: Schema) -> str:
    return str(schema.get("description", ""))


def _type(schema: Schema) -> str:
    """Say a type in a few words; `|` stands escaped, for a table."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_type(one) for one in schema[several])
    kind = schema.get("type", "any")
    if kind == "array" and "items" in schema:
        return f"list of {_type(schema['items'])}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


if __name__ == "__main__":
    sys.stdout.write(page())
