"""Turns pydantic's errors into diagnostics, each with its place, its rule and a hint."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from omconf.diagnostics import Severity, meant
from omconf.rules import (
    MISSING_KEY,
    OUT_OF_RANGE,
    PLAIN_PROPERTY,
    PLAIN_SECRET,
    UNKNOWN_KEY,
    WRONG_VALUE,
    all_rules,
)
from omconf.secrets import SECRET_NAME, hides
from omconf.spec import checks, keys, mistakes
from omconf.spec.references import secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

    from omconf.diagnostics import Diagnostic
    from omconf.origin import Span
    from omconf.spec.document import Document, Path
    from omconf.spec.models.section import Section

ADD_NODE = "Add a node: `om1: {address: 10.1.1.1, url: https://om1.example.org:5443/openmeetings}`."
_OWN_VARIABLES = frozenset({"properties", "java_options", "options"})
"""Keys whose values may contain `$`, and whose checks have their own hints about it."""
_OTHER_CHOICES = {
    "smb": "cifs",
    "samba": "cifs",
    "glusterfs": "mounted",
    "ceph": "mounted",
    "cephfs": "mounted",
    "efs": "mounted",
}
"""What the kinds of storage are called elsewhere, and here."""
_RULES = all_rules()
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "`true` or `false`",
    "list_type": "a list",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
}


def translate(
    document: Document, errors: list[ErrorDetails], misspelt: set[Path | None]
) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each error; the span of a misplaced secret hides its length.

    A missing key is not reported if it is one of the `misspelt`.
    """
    for error in errors:
        if error["type"] == "missing" and tuple(error["loc"]) in misspelt:
            continue
        found = _diagnostic(document, error)
        if found.span and _may_hold_a_secret(document, error):
            place = found.span
            path = tuple(error["loc"])
            for span in (_secret_span(document, path), document.anchored.get(path)):
                if span:
                    document.mask(span, cut=error["type"] != PLAIN_PROPERTY.id)
            found = replace(
                found, span=replace(place, end_line=place.line, end_column=place.column + 1)
            )
        elif not _OWN_VARIABLES.intersection(map(str, error["loc"])):
            found = advised(found, document.value(tuple(error["loc"])))
        yield found


def advised(found: Diagnostic, value: object) -> Diagnostic:
    """Replace the hint by advice on a common mistake in the value, if it has one."""
    advice = mistakes.advice(value)
    return replace(found, hint=advice) if advice else found


def _may_hold_a_secret(document: Document, error: ErrorDetails) -> bool:
    """Tell whether the value may be a secret in plain text: it exists and is no reference."""
    path = tuple(error["loc"])
    if error["type"] in (PLAIN_PROPERTY.id, PLAIN_SECRET.id):
        return True
    unknown = error["type"] == "extra_forbidden" and _means_a_secret(path)
    if error["type"] == "missing" or not (unknown or any(hides(str(part)) for part in path)):
        return False
    if not unknown and document.value(path) in (None, ""):
        return False
    try:
        secret(document.value(path))
    except PydanticCustomError:
        return True
    return False


def _secret_span(document: Document, path: Path) -> Span:
    """Return the place of a secret in plain text: the value, or the key that ran into it."""
    key = str(path[-1])
    return document.span(path) if mistakes.key_of(key) == key else document.key_span(path)


def _means_a_secret(path: Path) -> bool:
    """Tell whether an unknown key resembles a secret's, or none of a section that has a secret."""
    if near := keys.intended(path):
        return keys.is_secret(str(near[-1]))
    return any(map(keys.is_secret, keys.fields_at(path[:-1]))) and len(path) > 1


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _diagnostic(document: Document, error: ErrorDetails) -> Diagnostic:
    path, span = _place(document, error)
    kind = error["type"]
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(document, path)
    if kind == "missing":
        return missing_key(document, path)
    if kind in _RULES:
        return _RULES[kind].at(
            span,
            context["message"],
            hint=context["hint"] or (_default(path) if kind == OUT_OF_RANGE.id else ""),
            severity=Severity(context["severity"]),
        )
    name = _sentence(keys.name_of(path))
    if kind == "literal_error":
        hint = _choice(str(path[-1]), str(document.value(path)), context["expected"])
        return WRONG_VALUE.at(span, f"{name} must be {context['expected']}.", hint=hint)
    if kind in _WANTED:
        hint = _type_hint(document, path, span, kind)
        return WRONG_VALUE.at(span, f"{name} must be {_WANTED[kind]}.", hint=hint)
    if kind == "greater_than_equal":
        message = f"{name} must be at least {context['ge']}."
        return WRONG_VALUE.at(span, message, hint="Correct the number, or remove the key.")
    if kind == "too_long":
        message = (
            f"{name} has {context['actual_length']} items; at most {context['max_length']} are"
        )
        return WRONG_VALUE.at(span, f"{message} allowed.", hint="Remove items.")
    if kind in ("string_too_short", "too_short"):
        hint = ADD_NODE if path == ("nodes",) else "Write a value, or remove the key."
        return WRONG_VALUE.at(span, f"{name} must not be empty.", hint=hint)
    return WRONG_VALUE.at(span, f"{name}: {error['msg']}.")


def _type_hint(document: Document, path: Path, span: Span, kind: str) -> str:
    """Return a hint for a value of the wrong type; empty if there is none."""
    value = document.value(path)
    if path == ("nodes",):
        return ADD_NODE
    if span.line == span.end_line and span.column == span.end_column:
        return "The value after the colon is empty: write one, or remove the key."
    if kind == "list_type" and isinstance(value, str):
        items = '"-Xmx2g", "-Xms1g"' if path[-1] == "java_options" else "..., ..."
        return f"Write `{path[-1]}: [{items}]`."
    if kind == "string_type" and isinstance(value, (int, float)):
        return _as_text(path, checks.text(value))
    if isinstance(value, str) and SECRET_NAME.search(value):
        document.masked.add((span.line, span.end_line))  # a secret may follow its key
    if isinstance(value, str) and (found := mistakes.key(value, keys.fields_at(path))):
        return f"{found} Write `{mistakes.key_of(value)}: ...`."
    return ""


def _as_text(path: Path, text: str) -> str:
    """Return the hint to quote a number, if its text is allowed there; else what that text lacks."""
    item = isinstance(path[-1], int)
    key = path[:-1] if item else path
    model = keys.model_at(key[:-1])
    if model is not None and key[-1] in model.model_fields:
        try:
            _type_of(model, str(key[-1])).validate_python([text] if item else text)
        except ValidationError as error:
            return str(error.errors()[0].get("ctx", {}).get("hint", ""))
    return "Put it in quotes."


@cache
def _type_of(model: type[Section], key: str) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    info = model.model_fields[key]
    kind: Any = info.annotation
    return TypeAdapter(Annotated[(kind, *info.metadata)] if info.metadata else kind)


def _choice(key: str, value: str, expected: str) -> str:
    """Return a hint with the most similar choice, or with all choices."""
    choices = re.findall("'([^']+)'", expected)
    if value == "nfs4" and "nfs" in choices:
        return "Write `kind: nfs` and `type: nfs4`."
    other = _OTHER_CHOICES.get(value.lower())
    near = other if other in choices else meant(value, choices)
    return " or ".join(f"`{key}: {choice}`" for choice in ([near] if near else choices)).join(
        ("Write ", ".")
    )


def _default(path: Path) -> str:
    """Return a hint with the default of a key whose number is out of range."""
    model = keys.model_at(path[:-1])
    info = model.model_fields.get(str(path[-1])) if model else None
    default = info.default if info else None
    return f"Write `{path[-1]}: {default}`." if default else "Remove the key to use the default."


def _place(document: Document, error: ErrorDetails) -> tuple[Path, Span]:
    """Find the place of an error: a value, or the key itself, which pydantic calls `[key]`."""
    path: Path = tuple(error["loc"])
    if path and path[-1] == "[key]":
        return path[:-1], document.key_span(path[:-1])
    return path, document.span(path)


def _unknown_key(document: Document, path: Path) -> Diagnostic:
    key = str(path[-1])
    if key == "<<":
        return UNKNOWN_KEY.at(
            document.key_span(path),
            "A merge key (`<<`) is not part of YAML 1.2: nothing is merged.",
            hint="Move what the nodes share to `node_defaults:`, and write the rest out.",
        )
    if message := mistakes.key(key, keys.fields_at(path[:-1])):
        return UNKNOWN_KEY.at(
            document.key_span(path), message, hint=f"Write `{mistakes.key_of(key)}: ...`."
        )
    if message := mistakes.in_key(key):
        odd = mistakes.ODD_SPACE.search(key)
        return UNKNOWN_KEY.at(
            document.key_span(path), message, hint=mistakes.mend(odd[0]) if odd else ""
        )
    key_meant = keys.intended(path)
    where = keys.name_of(path[:-1]) if len(path) > 1 else "the spec"
    known = ", ".join(keys.fields_at(path[:-1]))
    if key_meant:
        hint = f"Did you mean `{key_meant[-1]}`?"
    elif section := keys.elsewhere(key):
        hint = f"It is a key of `{section}`: move it there."
    else:
        hint = f"Valid keys here: {known}."
    shown = (
        mistakes.key_of(key) if hides(key) or _means_a_secret(path) else key
    )  # what follows may be the secret itself
    message = f"`{shown[:80]}` is not a key of {where}."
    return UNKNOWN_KEY.at(document.key_span(path), message, hint=hint)


def missing_key(document: Document, path: Path) -> Diagnostic:
    """Report a required key that is absent, with its description from the model."""
    parent = path[:-1]
    model = keys.model_at(parent)
    info = model.model_fields.get(str(path[-1])) if model else None
    what = f" {info.description}" if info and info.description else ""
    where = f"under {keys.place_of(parent)}" if parent else "at the top of the spec"
    return MISSING_KEY.at(
        document.key_span(parent),
        f"{_sentence(keys.name_of(path))} is missing.{what}",
        hint=f"Add `{path[-1]}:` {where}.",
    )


def translate_check(error: PydanticCustomError, span: Span | None) -> Diagnostic:
    """Make a diagnostic of an error that a check of omconf.spec raised (`refusal.refuse`)."""
    context = error.context or {}
    rule = _RULES[error.type]
    severity = Severity(context["severity"])
    return rule.at(span, context["message"], hint=context["hint"], severity=severity)
