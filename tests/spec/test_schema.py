"""The schema for editors against omconf itself: its examples, its defaults, its patterns."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from omconf.formats import names
from omconf.pipeline.compiled import check_spec
from omconf.spec.load import load
from omconf.spec.schema import spec_schema

SCHEMA = spec_schema()
PASSWORD = {"env": "OM_DB_PASSWORD"}
DATABASE = {"kind": "postgresql", "host": "10.1.1.10", "user": "om", "password": PASSWORD}
NODES = {
    name: {"address": f"10.1.1.{number}", "url": f"https://{name}.example.org:5443/openmeetings"}
    for number, name in enumerate(("om1", "om2"), 1)
}
BASE: dict[str, Any] = {
    "omconf": 1,
    "cluster": "conference",
    "openmeetings": {"release": "9.1.0"},
    "database": DATABASE,
    "storage": {"kind": "nfs", "server": "om1"},
    "nodes": NODES,
}
CIFS = {"kind": "cifs", "server": "om1", "password": PASSWORD}
MOUNTED = {"kind": "mounted", "fstab": {"what": "gluster1:/omdata", "type": "glusterfs"}}
BY_NAME = {"discovery": {"kind": "tcp-ip"}, "hazelcast": {"interfaces": "none"}}
BESIDE: dict[str, dict[str, Any]] = {
    "database.service": {"database": {**DATABASE, "kind": "oracle"}},
    "database.tls.ca_password": {
        "database": {**DATABASE, "kind": "mysql", "tls": {"ca": "/etc/ssl/ca.p12"}}
    },
    "database.tls.client_": {
        "database": {
            **DATABASE,
            "tls": {key: f"/etc/om/{key}.pem" for key in ("ca", "client_cert", "client_key")},
        }
    },
    "ignore": {"ignore": [{"rule": "OM204", "why": "known"}]},
    "node_defaults": {"nodes": {"om1": NODES["om1"]}},
    "node_defaults.member": BY_NAME,
    "nodes.om1.member": BY_NAME,
    "secrets": {"openmeetings": {"release": "8.1.0"}},
    "storage.kind=cifs": {"storage": CIFS},
    "storage.kind=mounted": {"storage": MOUNTED},
    "storage.fstab": {"storage": MOUNTED},
    "storage.pseudo_root": {
        "storage": {**BASE["storage"], "type": "nfs4", "export": "/srv/nfs4/omdata"}
    },
    **{f"storage.{key}": {"storage": CIFS} for key in ("share", "user", "password", "credentials")},
    "storage.domain": {"storage": {**CIFS, "server": "nas.example.org"}},
}
"""What a key needs beside it, by the start of its path."""
Place = tuple[str | int, ...]
Schema = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """A key of the spec: where it stands in `BASE`, and what editors are told of it."""

    place: Place
    schema: Schema
    siblings: Schema | None = None
    """For a key of a value with several forms, as `{env: NAME}`: the further keys of its form."""

    def spec(self, value: object) -> bytes:
        """The smallest spec with a value at this place, and what it needs beside it."""
        spec = copy.deepcopy(BASE)
        name = f"{'.'.join(map(str, self.place))}={value}"
        for start, beside in BESIDE.items():
            if name.startswith(start):
                spec.update(copy.deepcopy(beside))
        at: Any = spec
        for depth, key in enumerate(self.place[:-1], 2):
            if self.siblings is not None and depth == len(self.place):
                at[key] = {}
            at = at.setdefault(key, {}) if isinstance(at, dict) else at[key]
        at |= self.siblings or {}
        at[self.place[-1]] = value
        return json.dumps(spec).encode()


def _resolved(schema: Schema) -> Schema:
    name = schema.get("$ref", "").rpartition("/")[2]
    return {**SCHEMA["$defs"][name], **schema} if name else schema


def _forms(schema: Schema) -> Iterator[Schema]:
    """Yield a schema and those of which one has to fit."""
    yield _resolved(schema)
    for form in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _forms(form)


def _keys(section: Schema, place: Place = (), *, whole: bool = True) -> Iterator[Key]:
    """Yield the keys of a section; those of a list in its first item, those of a map in one entry."""
    for name, schema in section.get("properties", {}).items():
        here = (*place, name)
        if whole:
            yield Key(here, schema)
        else:
            required = sorted(set(section["required"]) - {name})
            yield Key(
                here, schema, {key: next(_values(section["properties"][key])) for key in required}
            )
        for form in _forms(schema):
            yield from _keys(form, here, whole="title" in form)
            if "items" in form:
                yield from _keys(_resolved(form["items"]), (*here, 0))
            if name in ("nodes", "removed"):
                entry = "om1" if name == "nodes" else "om9"
                yield from _keys(_resolved(form["additionalProperties"]), (*here, entry))


def _values(schema: Schema) -> Iterator[Any]:
    """Yield each value that an editor proposes."""
    for form in _forms(schema):
        yield from form.get("examples", ())
        yield from form.get("enum", ())
        yield from [form["const"]] if "const" in form else ()
        yield from [form["default"]] if form.get("default") else ()
        if "items" in form:
            yield from ([value] for value in _values(form["items"]))


KEYS = {".".join(map(str, key.place)): key for key in _keys(SCHEMA)}
WHOLE = {"$schema": SCHEMA["$schema"], "$defs": SCHEMA["$defs"]}


def _errors(text: bytes) -> list[str]:
    return [d.message for d in load(text, "cluster.yaml").diagnostics if d.is_error]


@pytest.mark.parametrize("name", KEYS)
def test_what_an_editor_proposes_is_valid(name: str, tmp_path: Path) -> None:
    key = KEYS[name]
    spec = tmp_path / "cluster.yaml"
    (tmp_path / "hazelcast-extra.xml").write_text(
        '<hazelcast xmlns="http://www.hazelcast.com/schema/config"/>'
    )
    for value in _values(key.schema):
        assert Draft202012Validator(WHOLE | key.schema).is_valid(value), value
        spec.write_bytes(key.spec(value))
        errors = [d.message for d in check_spec(str(spec)).diagnostics if d.is_error]
        assert not errors, (value, errors)


@pytest.mark.parametrize("name", KEYS)
def test_an_editor_has_something_to_say_about_each_key(name: str) -> None:
    forms = [*_forms(KEYS[name].schema)]
    inner = [
        _resolved(form[key])
        for form in forms
        for key in ("items", "additionalProperties")
        if isinstance(form.get(key), dict)
    ]
    assert any(form.get("description") for form in forms)
    evident = any(
        form.get("type") in ("integer", "boolean") or "properties" in form
        for form in (*forms, *inner)
    )
    assert evident or [*_values(KEYS[name].schema)], "an editor has no value to propose"


def _patterns() -> dict[str, str]:
    """Return the pattern of each key whose value, or each item of it, is a text of one.

    Of keys with one name and pattern, as the `env` of each secret, the first is enough.
    """
    first: dict[tuple[str | int, str], str] = {}
    for name, key in KEYS.items():
        for form in _forms(key.schema):
            for shape in (form, *_forms(form.get("items", {}))):
                if "pattern" in shape:
                    first.setdefault((key.place[-1], shape["pattern"]), name)
    return {name: pattern for (_, pattern), name in first.items()}


PATTERNS = _patterns()
EXACT = {
    "cluster",
    "database.service",
    "hazelcast.interfaces",
    "network.interface",
    "nodes.om1.instance_name",
    "openmeetings.group",
    "openmeetings.user",
    "openmeetings.webapp",
    "storage.user",
}
"""Keys for which omconf takes each text of the pattern; the checks of the others refuse more."""
ODD = " \t/\\'\"$*?#%&{}@:.,-_=\x00\x7f0aZ\xe9\xb2\u0663\u2028"


@st.composite
def _near(draw: st.DrawFn, pattern: str) -> str:
    """A text that a pattern takes, or one that differs from it in a part."""
    text = draw(st.from_regex(re.compile(pattern), alphabet=st.characters(codec="utf-8")))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, len(text)))
    part = text[start:end] * draw(st.sampled_from((0, 1, 1, 40)))
    return text[:start] + part + draw(st.sampled_from(["", *ODD]) | st.characters()) + text[end:]


def _takes(schema: Schema, value: object) -> bool:
    return Draft202012Validator(WHOLE | schema).is_valid(value)


def _agree(name: str, text: str) -> None:
    """Refuse a text that an editor refuses and omconf takes; for an exact pattern, also the reverse."""
    key = KEYS[name]
    listed = any("items" in form and "pattern" not in form for form in _forms(key.schema))
    value = [text] if listed else text
    errors = _errors(key.spec(value))
    if not _takes(key.schema, value):
        assert errors, text
    elif name in EXACT and "@omconf:" not in text:
        assert not errors, (text, errors)


@pytest.mark.parametrize("name", PATTERNS)
@settings(max_examples=25)
@given(data=st.data())
def test_what_an_editor_refuses_is_refused(name: str, data: st.DataObject) -> None:
    text = data.draw(_near(PATTERNS[name]))
    assume(not text.endswith("\n"))  # `$` is also before it in Python, but not in an editor
    _agree(name, text)


@pytest.mark.parametrize("name", PATTERNS)
def test_each_character_in_each_place(name: str) -> None:
    proposed = [
        value[0] if isinstance(value, list) else value for value in _values(KEYS[name].schema)
    ]
    text = next(v for v in proposed if isinstance(v, str) and re.search(PATTERNS[name], v))
    for odd in ODD:
        for at in (0, len(text) // 2, len(text)):
            _agree(name, text[:at] + odd + text[at:])


@settings(max_examples=50)
@given(name=_near(f"^{names.LABEL.pattern}$") | st.sampled_from(["storage", "database"]))
def test_names_of_nodes_agree(name: str) -> None:
    assume(not name.endswith("\n"))
    spec = BASE | {"nodes": NODES | {name: {**NODES["om2"], "address": "10.1.1.9"}}}
    assert _takes(SCHEMA["properties"]["nodes"], spec["nodes"]) == (
        not _errors(json.dumps(spec).encode())
    )


@pytest.mark.parametrize("name", KEYS)
def test_ranges_agree(name: str) -> None:
    key = KEYS[name]
    for form in _forms(key.schema):
        for end, beyond in (("minimum", -1), ("maximum", 1)):
            if end in form:
                assert not _errors(key.spec(form[end]))
                assert _errors(key.spec(form[end] + beyond))
                assert not _takes(key.schema, form[end] + beyond)


def test_patterns_are_those_of_editors_too() -> None:
    """Editors have ECMA-262's regular expressions, where these mean nothing or something else."""
    python_only = re.compile(r"\(\?(?:P|>|[aiLmsux-]+[:)])|[*+?}]\+|\\[AZwdb]")
    assert PATTERNS.keys() >= EXACT
    for name, pattern in PATTERNS.items():
        without_sets = re.sub(r"\[(?:\\[^wd]|[^\]\\])*\]", "[]", pattern)
        assert not python_only.search(without_sets), name
