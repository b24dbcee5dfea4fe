"""A case: some files of a base, mutated. Its number makes it, the same on every machine.

The family says which files are mutated and how: a spec by its YAML nodes, a deployed tree by the lines
of its formats, a repository by its objects. A case that found a mistake is kept as JSON in seeds/, by
content, as a later change of the mutations gives its number another content.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random

from tests.fuzz import answers, git_stores, mutate, nasty, structure
from tests.fuzz.bases import Base, Bases

SENT = ("stream", "check")
FAMILIES = ("spec", "further", "deployed", "git", *SENT)
"""Mutated is: the spec; the file of further Hazelcast elements beside it; what is deployed; the
repository that the bundles are committed in; what nodes send to `plan --ssh`; what they print for
`verify --ssh`."""

ODD = ("gone", "folder", "fifo", "link:/etc/passwd", "link:.", "link:../../etc/fstab", "link:x")
"""What may stand in a file's place."""


@dataclass(frozen=True)
class Case:
    """Files of a base by their paths in it: other bytes, or one of `ODD` instead."""

    family: str
    base: str
    files: Mapping[str, bytes | str]
    number: int = -1

    @cached_property
    def name(self) -> str:
        return f"{self.family}:{self.number}"

    def to_json(self, why: str) -> str:
        """Write the case as a seed; bytes that are no UTF-8 become lone surrogates."""
        files = {
            path: {"odd": content}
            if isinstance(content, str)
            else {"text": content.decode("utf-8", "surrogateescape")}
            for path, content in self.files.items()
        }
        seed = {"why": why, "family": self.family, "base": self.base, "files": files}
        return json.dumps(seed, indent=1) + "\n"

    @classmethod
    def from_json(cls, path: Path) -> Case:
        seed = json.loads(path.read_text())
        files = {
            name: said["odd"] if "odd" in said else said["text"].encode("utf-8", "surrogateescape")
            for name, said in seed["files"].items()
        }
        return cls(seed["family"], seed["base"], files)


def case(bases: Bases, family: str, number: int) -> Case:
    """Make the case of this number."""
    random = Random(f"{family} {number}")
    make = {
        "spec": _spec,
        "further": _further,
        "deployed": _deployed,
        "git": _git,
        "stream": _stream,
        "check": _check,
    }[family]
    base = random.choice(bases.of("deployed" if family in SENT else family))
    return Case(family, base.name, make(random, bases, base), number)


def _spec(random: Random, bases: Bases, base: Base) -> dict[str, bytes | str]:
    data = base.files["cluster.yaml"]
    other = random.choice(bases.of("spec")).files["cluster.yaml"]
    level = random.random()
    if level < 0.35:
        data = structure.values(random, data, other)
    elif level < 0.75:
        data = structure.spec(random, data, other)
    if level > 0.65:
        data = mutate.at_random(random, data, other)
    return {"cluster.yaml": data}


def _further(random: Random, bases: Bases, base: Base) -> dict[str, bytes | str]:
    name = base.further
    other = random.choice(bases.xml)
    return {name: _xml(random, base.files[name], other)}


def _xml(random: Random, data: bytes, other: bytes) -> bytes:
    level = random.random()
    if level < 0.65:
        data = structure.xml(random, data, other)
    if level > 0.55:
        data = mutate.at_random(random, data, other)
    return data


def _deployed(random: Random, bases: Bases, base: Base) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {}
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        path = random.choice(base.deployed)
        if random.random() < 0.04:
            # A folder above the file may be the odd one, too.
            parts = path.split("/")
            place = path if random.random() < 0.5 else "/".join(parts[: random.randint(2, 5)])
            if not any(p.startswith(place + "/") or place.startswith(p + "/") for p in files):
                files[place] = random.choice(ODD)
        elif not any(path.startswith(odd + "/") for odd in files):
            files[path] = _content(random, bases, path, base.files[path])
    return files


def _stream(random: Random, bases: Bases, base: Base) -> dict[str, bytes | str]:
    """One or two nodes, with what lies on them."""
    files: dict[str, bytes | str] = {}
    nodes = sorted({path.split("/")[1] for path in base.deployed})
    for node in random.sample(nodes, min(len(nodes), random.choice((1, 1, 2)))):
        head = f"deployed/{node}"
        own = {p[len(head) :]: base.files[p] for p in base.deployed if p.startswith(head + "/")}
        files[f"{node}/stream"] = answers.stream(random, own)
        files[f"{node}/stderr"] = answers.stderr(random, sorted(own))
    return files


def _check(random: Random, bases: Bases, base: Base) -> dict[str, bytes | str]:
    assert base.compiled is not None
    assert base.compiled.cluster is not None
    nodes = base.compiled.cluster.nodes
    names = [node.name.value for node in nodes]
    addresses = [node.seen_at.value for node in nodes]
    return {
        f"{name}/{mode}": answers.check(random, name, names, addresses)
        for name in names
        for mode in ("first", "second")
    }


def _content(random: Random, bases: Bases, path: str, data: bytes) -> bytes:
    other = random.choice(bases.of("deployed"))
    splice = other.files[random.choice(other.deployed)]
    if path.endswith(".xml"):
        return _xml(random, data, random.choice(bases.xml))
    if path.endswith("manifest.json") and random.random() < 0.5:
        return structure.manifest(random, data, splice)
    lines = next((lines for word, lines in nasty.PLACES.items() if word in path), ())
    return mutate.at_random(random, data, splice, lines)


def _git(random: Random, bases: Bases, base: Base) -> dict[str, bytes | str]:
    revision, files = git_stores.case(random, base.bundles)
    return {"revision": revision.encode(), **files}
