"""What every artifact kind is made of: lines with origins, placeholders, ownership, and the Kind."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from omconf.cluster import places
from omconf.formats import header
from omconf.formats.block import MAX_ENTRIES, too_many
from omconf.origin import Value
from omconf.rules import UNUSABLE_FILE
from omconf.secrets import Secret, hides, masked, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from omconf.actions import Manual, Stage
    from omconf.artifacts.effect import Change, Effect
    from omconf.cluster.model import Cluster, Node
    from omconf.diagnostics import Diagnostic, Finding
    from omconf.formats.block import Entry
    from omconf.origin import Origin
    from omconf.secrets import SecretRef

    Texts = Mapping[str, str]
    """Files of a node by their paths."""


class Ownership(StrEnum):
    """How much of a file on the node is omconf's."""

    FILE = "file"
    BLOCK = "block"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A secret's place in a file: `@omconf:NAME@` stands for the whole encoded value.

    `encode` turns the plain secret into what the file's format needs there; it raises ValueError
    (without the value) for one that the format cannot carry.
    """

    name: str
    ref: SecretRef
    encode: Callable[[str], str] = field(compare=False)

    @property
    def text(self) -> str:
        """The placeholder as it stands in a bundle."""
        return f"@omconf:{self.name}@"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an artifact, without its line end, and the origins of what stands in it."""

    text: str
    origins: tuple[Origin, ...]


def line(*parts: str | Value[Any] | Placeholder, why: Iterable[Origin] = ()) -> Line:
    """Join text and values to a line; the values' origins become the line's, after `why`."""
    text = "".join(
        str(p.value) if isinstance(p, Value) else p.text if isinstance(p, Placeholder) else p
        for p in parts
    )
    origins = (*why, *(p.origin for p in parts if isinstance(p, Value)))
    return Line(text, tuple(dict.fromkeys(origins)))


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the reader of a file's own format must find in it: the second guard of its grammar.

    XML has none: the schemas guard it, and no text that is escaped can end its element.

    `items` are in the file's own words, by key. With `whole` nothing else may be found. `sample` are
    lines that stand for the file where the others differ from them in an IPv4 address alone.
    """

    read: Callable[[str], Reading]
    items: Mapping[str, str]
    whole: bool = True
    sample: tuple[Line, ...] = ()

    def fault(self, lines: tuple[Line, ...]) -> str:
        """Say what is read otherwise than it is meant, without any value; nothing where all is."""
        reading = self.read("".join([line.text + "\n" for line in self.sample or lines]))
        refused = next((f for f in reading.findings if f.rule is UNUSABLE_FILE), None)
        if reading.broken or refused:
            return f"its program would refuse it{f' at line {refused.line}' if refused else ''}"
        for key, value in self.items.items():
            if reading.items.get(key) not in (value, masked(value)):
                return f"`{quoted(key)}` is read back otherwise than it is meant"
        more = len(reading.items) - len(self.items)
        return f"{more} more than what is meant would be read" if self.whole and more else ""


class Contents:
    """What stands in a file: its lines, and the places in them that secrets take."""

    lines: tuple[Line, ...]
    mode: int
    placeholders: tuple[Placeholder, ...]
    path: str
    meaning: Meaning | None
    whole_secret: bool = False
    """Whether a secret is all of the file, byte by byte, which may be no text."""

    @property
    def text(self) -> str:
        """The whole text, placeholders unfilled."""
        return self.data.decode()

    @cached_property
    def data(self) -> bytes:
        """The text as it stands in a bundle, in UTF-8."""
        return "".join([line.text + "\n" for line in self.lines]).encode()

    @property
    def sensitive(self) -> bool:
        """True when the file, filled in, holds a secret."""
        return bool(self.placeholders)

    def filled(self, secrets: Mapping[str, Secret]) -> str:
        """Put secrets (by placeholder name) in their places, in one pass over the text.

        Raises ValueError, without the value, for a secret that the format cannot carry.
        """
        if not self.placeholders:
            return self.text
        if self.whole_secret:
            (place,) = self.placeholders
            return secrets[place.name].reveal()
        values = {p.text: p.encode(secrets[p.name].reveal()) for p in self.placeholders}
        if any("\ud800" <= char <= "\udfff" for value in values.values() for char in value):
            raise ValueError("a file cannot carry half a character")
        pattern = "|".join(re.escape(text) for text in values)
        return re.sub(pattern, lambda found: values[found.group()], self.text)


@dataclass(frozen=True)
class Artifact(Contents):
    """One file (or block, or set of keys) of one node: where it lands and what stands in it."""

    kind: str
    path: str
    ownership: Ownership
    lines: tuple[Line, ...]
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    placeholders: tuple[Placeholder, ...] = ()
    schema: str | None = None
    """The XSD in schemas/ that the text must pass, where it is XML."""
    meaning: Meaning | None = field(default=None, compare=False, repr=False)
    aliases: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    whole_secret: bool = False
    """Keys of hand-made entries that mean one of this block's: a client by its name."""

    def is_filled(self, text: str) -> bool:
        """Tell whether a text is this one with its secrets filled in, to the byte.

        A secret's own text may stand there in any form: whether it is the right one is not asked.
        """
        if self.whole_secret:
            return True
        pattern = "|".join(re.escape(p.text) for p in self.placeholders)
        head, *others = re.split(pattern, self.text) if pattern else [self.text]
        if not others:
            return text == head
        if not text.startswith(head):
            return False
        position = len(head)
        for part in others:
            position = text.find(part, position)
            if position < 0:
                return False
            position += len(part)
        return position == len(text)

    @cached_property
    def sha256(self) -> str:
        """Digest of `data` in hex; what a node's manifest lists."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class HandOver(Contents):
    """A file for whoever runs the data or database server, relative to the bundle directory."""

    path: str
    lines: tuple[Line, ...]
    mode: int = 0o644
    placeholders: tuple[Placeholder, ...] = ()
    meaning: Meaning | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class Reading:
    """A deployed (or rendered) file read back: its items by key, in the file's own words.

    `secrets` holds values that must not be shown, by the same kind of key. `lines` says in which
    line of the file an item stands. With `broken` the file as a whole could not be read.
    """

    items: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    broken: bool = False

    @classmethod
    def by_line(cls, text: str) -> Reading:
        """Read a script or a unit as text: an item is a line, its key the line's number."""
        if text.count("\n") >= MAX_ENTRIES:
            return cls(findings=[too_many(MAX_ENTRIES + 1)], broken=True)
        lines = {str(number): text for number, text in enumerate(text.split("\n"), 1)}
        return cls(lines, lines={number: int(number) for number in lines})

    def add(self, key: str, value: str, line: int) -> None:
        """Take an item in, as a secret where its key says so; secrets inside a value are masked.

        Beyond MAX_ENTRIES items the file counts as one that could not be read.
        """
        if len(self.lines) >= MAX_ENTRIES:
            if not self.broken:
                self.findings.append(too_many(line))
                self.broken = True
            return
        key = masked(key)
        self.lines[key] = line
        if hides(key):
            self.secrets[key] = Secret(value)
        else:
            self.items[key] = masked(value)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What files around say of an artifact's items, and what is wrong with that, by path.

    `weaker` items count where the artifact's own file says nothing, `stronger` ones whatever it says;
    with `instead` they are all that counts. `places` tell where an item stands: path and line.
    """

    weaker: Mapping[str, str] = field(default_factory=dict)
    stronger: Mapping[str, str] = field(default_factory=dict)
    instead: bool = False
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    findings: tuple[tuple[str, Finding], ...] = ()


class Kind(ABC):
    """An artifact kind: one file of this package that knows all about one kind of artifact.

    It owns which nodes get it, where it lands, how it is rendered and read back, its items for the
    plan, and what a change does to the running cluster. Nothing else in the code names a kind.
    """

    name: ClassVar[str]
    ownership: ClassVar[Ownership]
    purpose: ClassVar[str]
    """What the artifact is for, for the bundle's README."""
    stage: ClassVar[Stage]
    """When its changes are rolled out."""
    textual: ClassVar[bool] = False
    """Whether the plan compares it line by line, white space and all: a program reads it as text."""
    places: ClassVar[tuple[str, ...]]
    """Where its files lie on any node, used at present or not: templates of cluster/places.py."""
    around: ClassVar[tuple[str, ...]] = ()
    """Files of others that its program reads beside its own: templates; the name may be `*.END`."""

    def paths(self, cluster: Cluster, node: Node) -> tuple[str, ...]:
        """Every path that this kind may own on the node, used at present or not."""
        return tuple(places.path(template, cluster, node) for template in self.places)

    def surroundings(self, cluster: Cluster, node: Node) -> tuple[str, ...]:
        """Files of others on the node, only ever read, which decide what its own come to there."""
        return tuple(places.path(template, cluster, node) for template in self.around)

    def settings_of(self, path: str, cluster: str | None) -> Mapping[str, str] | None:
        """With which home, web application and unit a path was this kind's; None: with none."""
        found = (places.parse(template, cluster, path) for template in self.places)
        return next((settings for settings in found if settings is not None), None)

    def wrote(self, text: str, cluster: str) -> bool:
        """Tell whether a whole file can be one that omconf wrote for the named cluster."""
        return header.cluster_of(text) == cluster

    @abstractmethod
    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """What the node gets; nothing when the kind does not concern it."""

    @abstractmethod
    def read(self, text: str) -> Reading:
        """Read a file of this kind back into items; hostile input gives findings, never an error."""

    @abstractmethod
    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """What a change of the file does to the running cluster.

        `changes` are the changed items by key, `action` is the plan's for the file.
        """

    def effect_on(
        self, cluster: Cluster, node: str, changes: Mapping[str, Change], action: str
    ) -> Effect:
        """What it does on one node, where that is not the same on all of them."""
        return self.effect(cluster, changes, action)

    def of(self, cluster: Cluster, name: str) -> list[Artifact]:
        """What the node of a name gets; nothing when there is no such node."""
        return next((self.render(cluster, n) for n in cluster.nodes if n.name.value == name), [])

    def delete(self, cluster: Cluster, node: str, path: str) -> Effect:
        """What it does that one of several files of this kind goes; `node` may have left the spec."""
        return self.effect(cluster, {}, "delete")

    def release(self, data: bytes) -> str | None:
        """Give the release of OpenMeetings that a deployed file says was applied, if it says so."""
        return None

    def check(self, cluster: Cluster) -> Iterable[Diagnostic]:
        """Check what only this kind knows of a cluster's values."""
        return ()

    def across(
        self,
        cluster: Cluster,
        deployed: Mapping[str, Reading],
        fine: Iterable[str],
        hazelcast: Mapping[str, str],
    ) -> Iterable[tuple[str, Finding]]:
        """Judge what only the deployed files of several nodes show together.

        `deployed` are the readings that differ from the spec, by node; `fine` are the nodes whose
        file is what the spec compiles to; `hazelcast` is the line of their jar (`5.5`), where known.
        """
        return ()

    def elsewhere(self, cluster: Cluster, artifact: Artifact, texts: Texts) -> Elsewhere:
        """Tell what files around say of the artifact's items; `texts` has its own file, too."""
        return Elsewhere()

    def same(self, key: str, before: str, after: str) -> bool:
        """Tell whether an item's two values, not equal as texts, mean the same."""
        return False

    def implied(self, items: Mapping[str, str]) -> Mapping[str, str]:
        """Give what the program takes for items that a deployed file, with these, does not have."""
        return {}

    def keep(self, key: str, replaced: bool) -> str:
        """Name the spec's key that would keep a deployed item: one that goes, or is replaced."""
        return ""

    def external(self, cluster: Cluster) -> Manual | None:
        """Give what a person does on a server that is no node, before the nodes can use it."""
        return None

    def hand_over(self, cluster: Cluster) -> list[HandOver]:
        """Files for hosts that are not nodes of the cluster."""
        return []


class BlockKind(Kind):
    """A kind that owns a block of entries inside a file that others edit too."""

    ownership: ClassVar[Ownership] = Ownership.BLOCK
    last_counts: ClassVar[bool] = False
    """Whether of two entries with the same key the last one counts, not the first."""

    @abstractmethod
    def entries(self, text: str) -> tuple[list[Entry], list[Finding]]:
        """Read the entries of such a file (or of a block), with what its program would refuse."""

    def slips(self, entries: list[Entry], taken: list[Entry]) -> list[Entry]:
        """Find further entries that go with those taken over: a slip of the hand beside them."""
        return []

    def beside(self, entries: list[Entry], wanted: Mapping[str, Entry]) -> list[Finding]:
        """Judge entries of others that stay beside the block, where they endanger what is wanted."""
        return []

    def behind(self, text: str) -> list[Finding]:
        """Judge what stands behind the block (before it, lines are blank), where it matters."""
        return []

    def read(self, text: str) -> Reading:
        entries, findings = self.entries(text)
        counted = self.counted(entries).values()
        return Reading(
            items={e.key: masked(e.value) for e in counted},
            lines={e.key: e.line for e in counted},
            findings=findings,
        )

    def counted(self, entries: list[Entry]) -> dict[str, Entry]:
        """Entries by key: of two with the same key, the one that counts for the file's program."""
        return {e.key: e for e in (entries if self.last_counts else reversed(entries))}
