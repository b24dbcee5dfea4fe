"""Text to a validated spec: every mistake of the file at once, each with its place and a way out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from omconf.diagnostics import Diagnostic, Severity, in_order, meant
from omconf.rules import (
    LIMIT,
    MISSING_KEY,
    OUT_OF_RANGE,
    PLAIN_PROPERTY,
    PLAIN_SECRET,
    UNKNOWN_KEY,
    WRONG_VALUE,
    all_rules,
)
from omconf.secrets import SECRET_NAME, hides
from omconf.spec import checks, members, slips
from omconf.spec.document import MAX_FOUND, Document, Path, enough, parse
from omconf.spec.models import Section, Spec, section_of
from omconf.spec.references import node_text, secret
from omconf.spec.urls import url as check_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

    from omconf.origin import Span


ADD_NODE = "Add a node: `om1: {address: 10.1.1.1, url: https://om1.example.org:5443/openmeetings}`."
MAX_NODES = 10_000
"""More nodes than any OpenMeetings cluster; a bound for hostile files."""

_OWN_VARIABLES = frozenset({"properties", "java_options", "options"})
"""Keys whose values may hold `$`, and whose own hints speak of it."""
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


@dataclass(slots=True)
class Loaded:
    """A spec file read: the spec is None when nothing further can be said about the file."""

    document: Document
    spec: Spec | None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    left_out: tuple[Path, ...] = ()
    """What the spec lacks, since its value is a mistake, or its key is misspelt."""


def load(data: bytes, file: str) -> Loaded:
    """Read a spec from the bytes of a file whose name is shown in diagnostics."""
    document, diagnostics = parse(data, file)
    if document.data is None:
        return Loaded(document, None, diagnostics)
    if not isinstance(document.data, dict):
        span = document.span(())
        found = WRONG_VALUE.at(
            span,
            "A spec is a mapping of keys.",
            hint="Start with `omconf: 1`; `omconf init` writes a spec to start from.",
        )
        return _finished(document, None, [*diagnostics, found])
    nodes = document.data.get("nodes")
    if isinstance(nodes, dict) and len(nodes) > MAX_NODES:
        found = LIMIT.at(
            document.key_span(("nodes",)),
            f"{len(nodes):,} nodes stand here; a spec may have {MAX_NODES:,}.",
            hint="Write a spec for each cluster.",
        )
        return _finished(document, None, [*diagnostics, found])
    spec, errors = _validate(document.data)
    misspelt = {_meant(tuple(e["loc"])) for e in errors if e["type"] == "extra_forbidden"}
    found_here = chain(
        _told(document, errors, misspelt),
        _nodes(document, misspelt),
        _storage(document, misspelt),
        members.check(document),
    )
    diagnostics += islice(found_here, MAX_FOUND)
    if len(diagnostics) >= MAX_FOUND:
        last = in_order(diagnostics)[-1].span
        return _finished(document, None, [*diagnostics, enough(last)])
    if spec and not all(_complete(spec, name) for name in spec.nodes):
        spec = None  # left without what was wrong, a node lacks an address or a url
    finished = _finished(document, spec, diagnostics)
    finished.left_out = (*(tuple(e["loc"]) for e in errors), *filter(None, misspelt))
    return finished


def _told(
    document: Document, errors: list[ErrorDetails], misspelt: set[Path | None]
) -> Iterator[Diagnostic]:
    """Say what pydantic found; of a secret in a wrong place, not how long it is."""
    for error in errors:
        if error["type"] == "missing" and tuple(error["loc"]) in misspelt:
            continue
        found = _diagnostic(document, error)
        if found.span and _may_hold_a_secret(document, error):
            document.mask(tuple(error["loc"]))
            place = found.span
            found = replace(
                found, span=replace(place, end_line=place.line, end_column=place.column + 1)
            )
        elif not _OWN_VARIABLES.intersection(map(str, error["loc"])):
            found = _advised(found, document.value(tuple(error["loc"])))
        yield found


def _advised(found: Diagnostic, value: object) -> Diagnostic:
    advice = slips.advice(value)
    return replace(found, hint=advice) if advice else found


def _may_hold_a_secret(document: Document, error: ErrorDetails) -> bool:
    """Tell whether the value may be a secret in plain text: none is missing, or a reference."""
    path = tuple(error["loc"])
    if error["type"] in (PLAIN_PROPERTY.id, PLAIN_SECRET.id):
        return True
    if error["type"] == "missing" or not any(hides(str(part)) for part in path):
        return False
    try:
        secret(document.value(path))
    except PydanticCustomError:
        return True
    return False


def _finished(document: Document, spec: Spec | None, diagnostics: list[Diagnostic]) -> Loaded:
    shown = [d.shown_with(document.source(d.span.line)) if d.span else d for d in diagnostics]
    return Loaded(document, spec, in_order(shown))


_HOSTS = ("database", "host")


def _validate(data: dict[str, Any]) -> tuple[Spec | None, list[ErrorDetails]]:
    """Validate; where the mistakes can be left out, the rest is still a spec to look into."""
    try:
        return Spec.model_validate(data), []
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    for found in errors:
        if found["loc"][:2] == _HOSTS != found["loc"] and not isinstance(
            data["database"]["host"], list
        ):
            found["loc"] = _HOSTS  # there is one, and no list
    if len(errors) > MAX_FOUND:
        return None, errors[:MAX_FOUND]
    rest = data
    for found in errors:
        if found["type"] == "missing":
            return None, errors
        rest = _without(rest, tuple(part for part in found["loc"] if part != "[key]"))
    try:
        return Spec.model_validate(rest), errors
    except ValidationError:
        return None, errors


def _without(data: Any, path: Path) -> Any:
    """Copy what lies on the path, leaving out the key at its end (an item of a list goes with it)."""
    key = path[0]
    if not isinstance(data, dict) or key not in data:
        return data
    copy = dict(data)
    if len(path) > 1 and isinstance(copy[key], dict):
        copy[key] = _without(copy[key], path[1:])
    else:
        del copy[key]
    return copy


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def _name(path: Path) -> str:
    """Name a key as people say it: `storage.kind`, `why` of the first item of `ignore`."""
    for i, part in enumerate(path):
        if isinstance(part, int):
            which = f"the {_ORDINALS[part]} item" if part < len(_ORDINALS) else f"item {part + 1}"
            item = f"{which} of {_name(path[:i])}"
            return f"{_name(path[i + 1 :])} of {item}" if path[i + 1 :] else item
    return f"`{'.'.join(str(part)[:80] for part in path)}`"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _diagnostic(document: Document, error: ErrorDetails) -> Diagnostic:
    path, span = _place(document, error)
    kind = error["type"]
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(document, path)
    if kind == "missing":
        return _missing_key(document, path)
    if kind in _RULES:
        return _RULES[kind].at(
            span,
            context["message"],
            hint=context["hint"] or (_default(path) if kind == OUT_OF_RANGE.id else ""),
            severity=Severity(context["severity"]),
        )
    name = _sentence(_name(path))
    if kind == "literal_error":
        hint = _choice(str(path[-1]), str(document.value(path)), context["expected"])
        return WRONG_VALUE.at(span, f"{name} must be {context['expected']}.", hint=hint)
    if kind in _WANTED:
        hint = _type_hint(document, path, span, kind)
        return WRONG_VALUE.at(span, f"{name} must be {_WANTED[kind]}.", hint=hint)
    if kind in ("string_too_short", "too_short"):
        hint = ADD_NODE if path == ("nodes",) else "Write a value, or remove the key."
        return WRONG_VALUE.at(span, f"{name} must not be empty.", hint=hint)
    return WRONG_VALUE.at(span, f"{name}: {error['msg']}.")


def _type_hint(document: Document, path: Path, span: Span, kind: str) -> str:
    """Advise on a value of the wrong type."""
    value = document.value(path)
    if path == ("nodes",):
        return ADD_NODE
    if span.line == span.end_line and span.column == span.end_column:
        return "Nothing stands behind the colon; remove the key when nothing is meant."
    if kind == "list_type" and isinstance(value, str):
        items = '"-Xmx2g", "-Xms1g"' if path[-1] == "java_options" else "..., ..."
        return f"Write `{path[-1]}: [{items}]`."
    if kind == "string_type" and isinstance(value, (int, float)):
        return "Put it in quotes."
    if isinstance(value, str) and SECRET_NAME.search(value):
        document.masked.add((span.line, span.end_line))  # a secret may stand behind its key
    if isinstance(value, str) and (found := slips.key(value, _fields(path))):
        return f"{found} Write `{slips.key_of(value)}: ...`."
    return ""


def _choice(key: str, value: str, expected: str) -> str:
    """Advise the choice that was meant, or any."""
    choices = re.findall("'([^']+)'", expected)
    near = meant(value, choices)
    return " or ".join(f"`{key}: {choice}`" for choice in ([near] if near else choices)).join(
        ("Write ", ".")
    )


def _default(path: Path) -> str:
    """Advise what the key's default is, of a number that is out of range."""
    model = _model(path[:-1])
    info = model.model_fields.get(str(path[-1])) if model else None
    default = info.default if info else None
    return f"Write `{path[-1]}: {default}`." if default else "Remove the key to have the default."


def _place(document: Document, error: ErrorDetails) -> tuple[Path, Span]:
    """Find what an error speaks of: a value, or the key itself, which pydantic calls `[key]`."""
    path: Path = tuple(error["loc"])
    if path and path[-1] == "[key]":
        return path[:-1], document.key_span(path[:-1])
    return path, document.span(path)


def _meant(path: Path) -> Path | None:
    """Find the key that a misspelt one probably is."""
    near = meant(slips.key_of(str(path[-1])), _fields(path[:-1]))
    return (*path[:-1], near) if near else None


def _unknown_key(document: Document, path: Path) -> Diagnostic:
    key = str(path[-1])
    if key == "<<":
        return UNKNOWN_KEY.at(
            document.key_span(path),
            "A merge key (`<<`) is no part of YAML 1.2: nothing is merged.",
            hint="What the nodes share goes to `node_defaults:`; write anything else out.",
        )
    if message := slips.key(key, _fields(path[:-1])):
        return UNKNOWN_KEY.at(
            document.key_span(path), message, hint=f"Write `{slips.key_of(key)}: ...`."
        )
    if message := slips.in_key(key):
        odd = slips.ODD_SPACE.search(key)
        return UNKNOWN_KEY.at(
            document.key_span(path), message, hint=slips.mend(odd[0]) if odd else ""
        )
    key_meant = _meant(path)
    where = _name(path[:-1]) if len(path) > 1 else "the spec"
    known = ", ".join(_fields(path[:-1]))
    hint = f"Did you mean `{key_meant[-1]}`?" if key_meant else f"Keys there: {known}."
    shown = slips.key_of(key) if hides(key) else key  # what follows may be the secret itself
    message = f"`{shown[:80]}` is no key of {where}."
    return UNKNOWN_KEY.at(document.key_span(path), message, hint=hint)


def _missing_key(document: Document, path: Path) -> Diagnostic:
    parent = path[:-1]
    model = _model(parent)
    info = model.model_fields.get(str(path[-1])) if model else None
    what = f" {info.description}" if info and info.description else ""
    where = f"under {_under(parent)}" if parent else "at the top of the spec"
    return MISSING_KEY.at(
        document.key_span(parent),
        f"{_sentence(_name(path))} is missing.{what}",
        hint=f"Add `{path[-1]}:` {where}.",
    )


def _under(path: Path) -> str:
    name = _name(path)
    return name if " " in name else f"{name[:-1]}:`"


def _model(path: Path) -> type[Section] | None:
    """Return the model of the mapping at a path of the spec."""
    model: type[Section] | None = Spec
    in_mapping = False
    for part in path:
        if in_mapping:  # a name that the user chose, or which one of a list it is
            in_mapping = False
            continue
        info = model.model_fields.get(str(part)) if model else None
        model = section_of(info) if info else None
        in_mapping = str(part) in ("nodes", "removed", "ignore")
    return None if in_mapping else model


def _fields(path: Path) -> Iterator[str]:
    model = _model(path)
    yield from model.model_fields if model else ()


def _nodes(document: Document, misspelt: set[Path | None]) -> Iterator[Diagnostic]:
    """Check what a node's model alone cannot: its name, and keys that the defaults may give."""
    nodes = document.data.get("nodes")
    defaults = document.data.get("node_defaults")
    defaults = defaults if isinstance(defaults, dict) else {}
    for name, node in nodes.items() if isinstance(nodes, dict) else ():
        path: Path = ("nodes", name)
        try:
            checks.node_name(name)
        except PydanticCustomError as error:
            yield _custom(error, document.key_span(path))
        if not isinstance(node, dict):
            continue
        for key in ("address", "url"):
            absent = node.get(key) is None and defaults.get(key) is None
            if absent and (*path, key) not in misspelt and "<<" not in node:
                yield _missing_key(document, (*path, key))
        place = (*path, "url") if "url" in node else ("node_defaults", "url")
        text = node.get("url", defaults.get("url"))
        if isinstance(text, str):
            address = node.get("address", defaults.get("address"))
            if not isinstance(address, str) or not text.isprintable():
                continue  # said of the value itself
            try:
                check_url(node_text(text, name, address), name)
            except PydanticCustomError as error:
                yield _advised(_custom(error, document.span(place)), text)


_GO_WITH = {
    **dict.fromkeys(("export", "options", "mount_from"), ("nfs", "cifs")),
    **dict.fromkeys(("export_options", "type", "pseudo_root", "clients"), ("nfs",)),
    **dict.fromkeys(("share", "user", "domain", "password", "credentials"), ("cifs",)),
    "fstab": ("mounted",),
}
"""Keys of `storage:` that mean something with some kinds alone."""


def _storage(document: Document, misspelt: set[Path | None]) -> Iterator[Diagnostic]:
    """Check which keys go with the kind: what is needed is there, what means nothing is not."""
    given = document.data.get("storage")
    if not isinstance(given, dict):
        return
    kind = str(given.get("kind", "nfs"))
    for key in {"nfs": ("server",), "cifs": ("server", "password")}.get(kind, ()):
        if given.get(key) is None and ("storage", key) not in misspelt:
            yield _missing_key(document, ("storage", key))
    for key, kinds in _GO_WITH.items():
        if key in given and kind not in kinds and kind in ("nfs", "cifs", "mounted"):
            yield WRONG_VALUE.at(
                document.key_span(("storage", key)),
                f"`storage.{key}` means nothing with `kind: {kind}`.",
                hint=f"Remove it, or write `kind: {kinds[0]}`.",
            )
    if kind == "mounted" and None not in (given.get("fstab"), given.get("server")):
        yield WRONG_VALUE.at(
            document.key_span(("storage", "server")),
            "`storage.server` means nothing beside `storage.fstab`, whose `what` names the server.",
            hint="Remove it.",
        )


def _complete(spec: Spec, name: str) -> bool:
    node, defaults = spec.nodes[name], spec.node_defaults
    address, url = node.address or defaults.address, node.url or defaults.url
    if not address or not url:
        return False
    try:
        check_url(node_text(url, name, address), name)
    except PydanticCustomError:
        return False
    return True


def _custom(error: PydanticCustomError, span: Any) -> Diagnostic:
    context = error.context or {}
    rule = _RULES[error.type]
    severity = Severity(context["severity"])
    return rule.at(span, context["message"], hint=context["hint"], severity=severity)
