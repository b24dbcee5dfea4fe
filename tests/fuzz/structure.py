"""Mutations of what a file means: YAML nodes of a spec, elements of XML, values of JSON.

A file is parsed, its nodes are dropped, repeated, renamed, moved or set to values of their key's kind
(nasty.py), and it is written again. The result is still well-formed, so it reaches the checks behind
the parser.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from random import Random
from typing import Any

import yaml
from lxml import etree
from yaml.cyaml import CSafeDumper, CSafeLoader

from tests.command import ROOT
from tests.fuzz import nasty

_STR, _SEQ, _MAP = (f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map"))
_TAGS = (
    "!x",
    "!!python/object:os.system",
    "tag:yaml.org,2002:python/object/apply:os.system",
    "tag:yaml.org,2002:binary",
    "tag:yaml.org,2002:int",
    "tag:yaml.org,2002:null",
    "tag:yaml.org,2002:set",
    "tag:yaml.org,2002:timestamp",
    _STR,
    _SEQ,
    _MAP,
)
_resolver: Any = yaml.resolver.Resolver()


def spec(random: Random, data: bytes, other: bytes) -> bytes:
    """Mutate a spec's nodes a few times and write it anew; comments are lost."""
    root = yaml.compose(data.decode(), Loader=CSafeLoader)
    strange = yaml.compose(other.decode(), Loader=CSafeLoader)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        root = random.choice(_SPEC)(random, root, strange)
    text = yaml.serialize(
        root,
        Dumper=CSafeDumper,
        allow_unicode=random.random() < 0.7,
        width=random.choice((80, 20, 1 << 20)),
        line_break=random.choice(("\n", "\n", "\n", "\r\n")),
    )
    return str(text).encode()


def values(random: Random, data: bytes, other: bytes) -> bytes:
    """Set keys of a spec to values of their own kind, so that what lies deeper is reached."""
    root = yaml.compose(data.decode(), Loader=CSafeLoader)
    for _ in range(random.choice((1, 1, 2, 3))):
        root = (_set_known if random.random() < 0.7 else _replace)(random, root, root)
    return str(yaml.serialize(root, Dumper=CSafeDumper, allow_unicode=True)).encode()


def _slots(root: Any) -> list[tuple[Any, int, str]]:
    """Every place of a value: its mapping or list, the index in it, the key that it goes by."""
    found: list[tuple[Any, int, str]] = []
    stack, seen = [(root, "")], set()
    while stack:
        node, key = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for index, (name, value) in enumerate(node.value):
                inner = name.value if isinstance(name, yaml.ScalarNode) else key
                # What stands in a mapping of a user's own keys goes by the mapping's name.
                inner = key if key in ("properties", "options", "pool") else inner
                found.append((node, index, inner))
                stack.append((value, inner))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                found.append((node, index, key))
                stack.append((value, key))
    return found


def _get(node: Any, index: int) -> Any:
    return node.value[index][1] if isinstance(node, yaml.MappingNode) else node.value[index]


def _put(node: Any, index: int, value: Any) -> None:
    if isinstance(node, yaml.MappingNode):
        node.value[index] = (node.value[index][0], value)
    else:
        node.value[index] = value


def scalar(random: Random, text: str) -> yaml.Node:
    """A scalar, plain or quoted."""
    if random.random() < 0.5:
        return yaml.ScalarNode(_resolver.resolve(yaml.ScalarNode, text, (True, False)), text)
    return yaml.ScalarNode(_STR, text, style=random.choice(("'", '"', "|", ">", '"')))


def _text(random: Random, key: str) -> str:
    kind = nasty.KINDS.get(key)
    if kind and random.random() < 0.7:
        return random.choice(nasty.BY_KIND[kind])
    return random.choice(nasty.TEXTS)


def _value(random: Random, key: str) -> yaml.Node:
    chance = random.random()
    if chance < 0.75:
        return scalar(random, _text(random, key))
    flow = random.random() < 0.5
    if chance < 0.85:
        items = [scalar(random, _text(random, key)) for _ in range(random.randrange(4))]
        return yaml.SequenceNode(_SEQ, items, flow_style=flow)
    names = ("env", "file", "command", "node", "host", "address", "url", "x")
    pairs = [
        (scalar(random, random.choice(names)), scalar(random, _text(random, key)))
        for _ in range(random.randrange(3))
    ]
    return yaml.MappingNode(_MAP, pairs, flow_style=flow)


def _delete(random: Random, root: Any, other: Any) -> Any:
    node, index, _ = random.choice(_slots(root) or [(root, 0, "")])
    if node.value and not isinstance(node, yaml.ScalarNode):
        del node.value[index]
    return root


def _duplicate(random: Random, root: Any, other: Any) -> Any:
    slots = _slots(root)
    if slots:
        node, index, _ = random.choice(slots)
        again = node.value[index] if random.random() < 0.5 else deepcopy(node.value[index])
        node.value.insert(random.randrange(len(node.value) + 1), again)
    return root


def _rename(random: Random, root: Any, other: Any) -> Any:
    places = [slot for slot in _slots(root) if isinstance(slot[0], yaml.MappingNode)]
    if not places:
        return root
    node, index, key = random.choice(places)
    value = node.value[index][1]
    name = node.value[index][0].value
    if isinstance(name, str) and name and random.random() < 0.5:
        at = random.randrange(len(name))
        swapped = random.choice((name[:at] + name[at + 1 :], name[:at] + "x" + name[at:]))
        new: Any = scalar(random, random.choice((swapped, name.upper(), name + " ")))
    elif random.random() < 0.7:
        new = scalar(random, random.choice((*(s[2] for s in places), _text(random, "nodes"))))
    else:
        new = _value(random, key)
    node.value[index] = (new, value)
    return root


def _move(random: Random, root: Any, other: Any) -> Any:
    slots = _slots(root)
    if not slots:
        return root
    node, index, _ = random.choice(slots)
    taken = _get(node, index)
    if random.random() < 0.5:
        del node.value[index]  # moved; otherwise it is an alias, and may hold itself
    slots = _slots(root)
    if slots:
        into, at, _ = random.choice(slots)
        _put(into, at, taken)
    return root


def _splice(random: Random, root: Any, other: Any) -> Any:
    theirs, slots = _slots(other), _slots(root)
    if theirs and slots:
        _put(*random.choice(slots)[:2], _get(*random.choice(theirs)[:2]))
    return root


def _replace(random: Random, root: Any, other: Any) -> Any:
    slots = _slots(root)
    if not slots:
        return _value(random, "")
    node, index, key = random.choice(slots)
    _put(node, index, _value(random, key))
    return root


def _nest(random: Random, root: Any, other: Any) -> Any:
    slots = _slots(root)
    if not slots:
        return root
    node, index, key = random.choice(slots)
    value = _get(node, index)
    for _ in range(random.choice((1, 1, 2, 30, 120))):
        if random.random() < 0.5:
            value = yaml.SequenceNode(_SEQ, [value], flow_style=True)
        else:
            value = yaml.MappingNode(_MAP, [(scalar(random, key or "a"), value)], flow_style=True)
    _put(node, index, value)
    return root


def _tag(random: Random, root: Any, other: Any) -> Any:
    slots = _slots(root)
    if slots:
        value = _get(*random.choice(slots)[:2])
        value.tag = random.choice(_TAGS)
    return root


def _merge(random: Random, root: Any, other: Any) -> Any:
    maps = [s[0] for s in _slots(root) if isinstance(s[0], yaml.MappingNode)]
    if maps:
        into, of = random.choice(maps), random.choice(maps)
        key = yaml.ScalarNode("tag:yaml.org,2002:merge", "<<")
        into.value.insert(random.randrange(len(into.value) + 1), (key, of))
    return root


def _cut(random: Random, root: Any, other: Any) -> Any:
    """Take one value for the whole spec."""
    slots = _slots(root)
    return _get(*random.choice(slots)[:2]) if slots and random.random() < 0.1 else root


def _add(random: Random, root: Any, other: Any) -> Any:
    maps = [(s[0], s[2]) for s in _slots(root) if isinstance(s[0], yaml.MappingNode)]
    if maps:
        node, key = random.choice(maps)
        name = _text(random, key if key in ("properties", "pool") else "nodes")
        node.value.append((scalar(random, name), _value(random, key)))
    return root


def _secret(random: Random, root: Any, other: Any) -> Any:
    """Write a secret in plain text, in a place that says what it is."""
    maps = [root, *(_get(*s[:2]) for s in _slots(root))]
    maps = [node for node in maps if isinstance(node, yaml.MappingNode)]
    value = scalar(random, nasty.SECRET)
    if random.random() < 0.3:
        value = yaml.SequenceNode(_SEQ, [value], flow_style=random.random() < 0.5)
    elif random.random() < 0.2:
        key = scalar(random, random.choice(("env", "file", "command", "plain")))
        value = yaml.MappingNode(_MAP, [(key, value)], flow_style=random.random() < 0.5)
    if maps:
        node = random.choice(maps)
        name = random.choice(nasty.SECRET_NAMES)
        node.value = [p for p in node.value if getattr(p[0], "value", None) != name]
        node.value.append((yaml.ScalarNode(_STR, name), value))
    return root


def _set_known(random: Random, root: Any, other: Any) -> Any:
    """Set a key that the schema knows, present in this spec or not."""
    if not isinstance(root, yaml.MappingNode):
        return root
    path = random.choice(known_keys())
    node = root
    for step in path[:-1]:
        pairs = [p for p in node.value if getattr(p[0], "value", None) == step or step == "*"]
        pairs = [p for p in pairs if isinstance(p[1], yaml.MappingNode)]
        if not pairs:
            inner = yaml.MappingNode(_MAP, [])
            pairs = [(scalar(random, "om9" if step == "*" else step), inner)]
            node.value = [p for p in node.value if getattr(p[0], "value", None) != step]
            node.value.append(pairs[0])
        node = random.choice(pairs)[1]
    node.value = [p for p in node.value if getattr(p[0], "value", None) != path[-1]]
    node.value.append((yaml.ScalarNode(_STR, path[-1]), _value(random, path[-1])))
    return root


@cache
def known_keys() -> tuple[tuple[str, ...], ...]:
    """The paths of all keys of the JSON Schema; `*` is a node's name."""
    schema = json.loads((ROOT / "schemas/cluster.schema.json").read_text())

    def walk(part: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        name = part.get("$ref", "").rpartition("/")[2]
        part = schema["$defs"][name] if name else part
        for key, inner in part.get("properties", {}).items():
            yield (*path, key)
            for choice in (inner, *inner.get("anyOf", ()), *inner.get("allOf", ())):
                yield from walk(choice, (*path, key))
        more = part.get("additionalProperties")
        if isinstance(more, dict) and "$ref" in more:
            yield from walk(more, (*path, "*"))

    return tuple(sorted(set(walk(schema, ()))))


_SPEC: tuple[Callable[[Random, Any, Any], Any], ...] = (
    _delete,
    _duplicate,
    _rename,
    _move,
    _splice,
    _replace,
    _replace,
    _nest,
    _tag,
    _merge,
    _cut,
    _add,
    _set_known,
    _set_known,
    _secret,
)


def xml(random: Random, data: bytes, other: bytes) -> bytes:
    """Mutate the elements of an XML file a few times; data that is no XML stays."""
    try:
        root, strange = etree.fromstring(data), etree.fromstring(other)
    except etree.XMLSyntaxError:
        return data
    for _ in range(random.choice((1, 1, 2, 5))):
        elements = list(root.iter(etree.Element))
        element = random.choice(elements)
        try:
            random.choice(_XML)(random, element, elements, strange)
        except (ValueError, TypeError, AssertionError):
            continue  # what lxml cannot put there; bytes can
    declared = random.choice((True, True, False))
    encoding = random.choice(("UTF-8",) * 8 + ("UTF-16", "ISO-8859-1", "ASCII", "EBCDIC-CP-BE"))
    try:
        text: Any = etree.tostring(root, xml_declaration=declared, encoding=encoding)
    except LookupError:
        text = etree.tostring(root)
    return bytes(text)


def _xml_remove(random: Random, element: Any, elements: list[Any], other: Any) -> None:
    if element.getparent() is not None:
        element.getparent().remove(element)


def _xml_repeat(random: Random, element: Any, elements: list[Any], other: Any) -> None:
    for _ in range(random.choice((1, 1, 2, 120))):
        element.addnext(deepcopy(element))


def _xml_move(random: Random, element: Any, elements: list[Any], other: Any) -> None:
    random.choice(elements).insert(0, deepcopy(element))


def _xml_splice(random: Random, element: Any, elements: list[Any], other: Any) -> None:
    element.append(deepcopy(random.choice(list(other.iter()))))


def _xml_rename(random: Random, element: Any, elements: list[Any], other: Any) -> None:
    names = (etree.QName(random.choice(elements)).localname, "x", "é", "property", "map")
    spaces = ("", "{x}", "{" + (etree.QName(element).namespace or "y") + "}")
    element.tag = random.choice(spaces) + random.choice(names)


def _xml_text(random: Random, element: Any, elements: list[Any], other: Any) -> None:
    text = random.choice((*nasty.TEXTS, *nasty.BY_KIND["address"], *nasty.BY_KIND["number"]))
    if random.random() < 0.3:
        element.tail = text
    else:
        element.text = etree.CDATA(text) if random.random() < 0.2 else text


def _xml_attribute(random: Random, element: Any, elements: list[Any], other: Any) -> None:
    present = [str(name) for name in element.attrib]
    some = ("name", "enabled", "value", "x", "{x}y", "version")
    name = random.choice((*present, *some))
    if name in element.attrib and random.random() < 0.3:
        del element.attrib[name]
        return
    before = element.get(name, "")
    text = random.choice((*nasty.TEXTS, *nasty.BY_KIND["number"]))
    cut = random.randrange(len(before) + 1)
    element.set(name, random.choice((text, before[:cut] + text + before[cut:], before[:cut])))


def _xml_beside(random: Random, element: Any, elements: list[Any], other: Any) -> None:
    text = random.choice(nasty.TEXTS)
    make: Any = random.choice((etree.Comment, lambda t: etree.ProcessingInstruction("x", t)))
    element.append(make(text))


def _xml_deep(random: Random, element: Any, elements: list[Any], other: Any) -> None:
    for _ in range(random.choice((3, 50, 300))):
        element = etree.SubElement(element, element.tag)


def _xml_many(random: Random, element: Any, elements: list[Any], other: Any) -> None:
    for number in range(random.choice((3, 101, 300))):
        element.set(f"a{number}", "b")


_XML: tuple[Callable[[Random, Any, list[Any], Any], None], ...] = (
    _xml_remove,
    _xml_repeat,
    _xml_move,
    _xml_splice,
    _xml_rename,
    _xml_text,
    _xml_text,
    _xml_attribute,
    _xml_attribute,
    _xml_attribute,
    _xml_beside,
    _xml_deep,
    _xml_many,
)


def manifest(random: Random, data: bytes, other: bytes) -> bytes:
    """Mutate a JSON file's values: types, keys, texts."""
    document = json.loads(data)
    for _ in range(random.choice((1, 1, 2))):
        holders: list[Any] = [document, *document.get("files", ())]
        holder = random.choice([h for h in holders if isinstance(h, dict)])
        key = random.choice((*holder, "x"))
        holder[key] = random.choice(_JSON_VALUES + nasty.TEXTS + nasty.BY_KIND["path"])
        if random.random() < 0.2:
            del holder[key]
        if not isinstance(document.get("files", []), list):
            break
    return json.dumps(document, ensure_ascii=random.random() < 0.5).encode("utf-8", "replace")


_JSON_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e400,
    float("nan"),
    [],
    {},
    [[]],
    [{}],
    [None, 1, "x"],
    {"path": "/etc/fstab"},
    "exports",
    "fstab",
    "persistence",
    "hazelcast",
    "jvm",
    "service",
    "multicast_route",
    "openmeetings_properties",
    "file",
    "block",
    "keys",
    "1.0",
    "2.0",
    "1",
    "\ud800",
    "/etc/fstab",
    "/etc/passwd",
)
