"""The data of an import: nodes as they were found, and facts with their sources."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from omconf.cluster import places
from omconf.dataclass import dataclass
from omconf.diagnostics import Finding, Rule
from omconf.formats import utf8
from omconf.origin import Span
from omconf.rules import NOT_KEPT
from omconf.secrets import quoted, tells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omconf.deployed.snapshot import DeployedFile, NodeFiles
    from omconf.deployed.survey import Survey
    from omconf.diagnostics import Diagnostic
    from omconf.releases import Release
    from omconf.secrets import Secret


Path = tuple[str, ...]
"""A key of the spec; `("nodes", "*", KEY)` is a key of the node itself."""

SHORT = frozenset({"hazelcast.xml", "persistence.xml", "openmeetings.properties", "setenv.sh"})
"""Files that comments name without their folder."""


_HALF = re.compile("[\ud800-\udfff]")
"""Replaces a byte that is not UTF-8."""


class _Absent:
    """Stands for a missing value."""


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file of a node (0: the file as a whole)."""

    node: str
    path: str
    line: int = 0

    def __str__(self) -> str:
        name = self.path.rpartition("/")[2]
        shown = name if name in SHORT else self.path
        return f"{self.node}: {shown}" + (f":{self.line}" if self.line else "")


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """A node's value of one key of the spec. A secret's `value` names where it is to be read from.

    `default` is the key's value if the spec does not set it. `guess` says why, if no file sets it.
    """

    path: Path
    value: Any
    place: Place | None = None
    default: Any = ABSENT
    guess: str = ""
    secret: Secret | None = None

    @property
    def said(self) -> str:
        """The value's source, for a comment."""
        where = str(self.place) if self.place else ""
        if not self.guess:
            return where
        return f"a guess: {self.guess}" + (f" ({where})" if where else "")


@dataclass(slots=True)
class Seen:
    """One node with its files and the facts found so far."""

    name: str
    survey: Survey
    files: NodeFiles
    home: str = ""
    webapp: str = ""
    unit: str = ""
    """The name of the unit that runs OpenMeetings; empty if there is none."""
    facts: list[Fact] = field(default_factory=list)
    found: list[Diagnostic] = field(default_factory=list)
    covers: set[Path] = field(default_factory=set)
    """Mappings of the spec that this node's facts cover completely."""
    absent: dict[str, str] = field(default_factory=dict)
    """Files that the node's own files name and that are not there or cannot be read, with why."""
    properties: dict[str, str] = field(default_factory=dict)
    """System properties that stand for secrets in `hazelcast.extra`, with their items."""
    why: dict[tuple[str, str], str] = field(default_factory=dict)
    """Why a plan changes items of the node, by their kinds and keys."""

    def path(self, template: str) -> str:
        """Fill in a template of a kind's paths."""
        unit = self.unit or places.DEFAULT_UNIT
        return template.format(home=self.home, webapp=self.webapp, unit=unit, cluster="-")

    def file(self, path: str) -> DeployedFile | None:
        """Return a file of the node, of omconf's kinds or a surrounding one."""
        return self.files.files.get(path) or self.files.around.get(path)

    def text(self, path: str) -> str | None:
        """Return a file's text; None if it is missing or cannot be read."""
        file = self.file(path)
        if file is None or file.data is None:
            return None
        return file.data.decode("utf-8", "surrogateescape")

    def unread(self, path: str) -> bool:
        """Tell whether the node has a file that cannot be read: what it sets is not known."""
        file = self.file(path)
        return file is not None and file.problem is not None

    def around(self, pattern: str) -> Iterator[tuple[str, str]]:
        """Yield the files that match a pattern, with their texts."""
        for path in sorted({*self.files.around, *self.files.files}):
            if places.fits(pattern, path) and (text := self.text(path)) is not None:
                yield path, text

    def of_omconf(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield files of a name that omconf keeps of clusters on the node, with their texts."""
        for path in sorted({*self.files.around, *self.files.files}):
            its = path.startswith("/etc/omconf/") and path.endswith(f"/{name}")
            if its and (text := self.text(path)) is not None:
                yield path, text

    def recorded(self, name: str) -> tuple[str, tuple[str, int]] | None:
        """Return a fact from omconf's own record on the node, and where it is."""
        for path, text in self.of_omconf("check.conf"):
            for number, line in enumerate(text.split("\n"), 1):
                key, equals, value = line.partition("=")
                if equals and key == name:
                    return value, (path, number)
        return None

    def tell(
        self,
        path: Path,
        value: Any,
        place: tuple[str, int] | None = None,
        *,
        default: Any = ABSENT,
        guess: str = "",
        secret: Secret | None = None,
    ) -> None:
        """Note a fact; one that cannot be written is reported.

        Bytes that are not UTF-8 cannot, nor can a secret; values for `hazelcast.extra` have none.
        """
        texts = [str(each) for each in (value if isinstance(value, list) else [value])]
        why = ""
        if _HALF.search(" ".join((*path, *texts))):
            why = "it contains bytes that are not UTF-8"
        elif path[:2] != ("hazelcast", "extra") and any(
            tells("", each) for each in texts if not isinstance(value, dict)
        ):
            why = "it contains a secret"
        if why:
            key = utf8.replaced(".".join(path)).replace("*", self.name, 1)
            self.say(NOT_KEPT, f"`{quoted(key)}` is left out: {why}.", place)
            return
        where = Place(self.name, *place) if place else None
        self.facts.append(Fact(path, value, where, default, guess, secret))

    def fact(self, *path: str) -> Fact | None:
        """Return the node's fact for a key; of two, the first."""
        return next((fact for fact in self.facts if fact.path == path), None)

    def say(
        self, rule: Rule, message: str, place: tuple[str, int] | None = None, hint: str = ""
    ) -> None:
        """Report a finding about the node."""
        path, line = place or ("", 0)
        self.report(path, Finding(rule, line, message, hint))

    def lacks(self, path: str, namer: str, place: tuple[str, int], hint: str) -> None:
        """Report a file that `namer` names and that cannot be read: it is not compared, either."""
        file, name = self.file(path), quoted(path)
        if file is not None and file.problem is None:
            return
        what = "was not found" if file is None else "cannot be read"
        if file is None:
            add = f"Add the file to {self.name} or its copy, and import again."
            message = f"{namer} names `{name}`, which is not among the node's files."
            self.say(NOT_KEPT, message, place, f"{add} {hint}".rstrip())
        where = f"{place[0]}:{place[1]}" if place[1] else place[0]
        why = f"{where} names this file, which {what}: its content is not compared"
        self.absent.setdefault(name, why)

    def report(self, path: str, finding: Finding) -> None:
        """Report a finding in a file of the node."""
        self.found.append(diagnostic(self.name, path, finding))


def diagnostic(node: str, path: str, finding: Finding) -> Diagnostic:
    """Make a diagnostic of a finding in a file of a node."""
    line = finding.line
    span = Span(path, line, 1, line, 1) if line and path else None
    return finding.rule.at(span, finding.message, hint=finding.hint, node=node, path=path or None)


@dataclass(frozen=True, slots=True)
class Common:
    """What is known about all nodes before their files are read for the spec."""

    release: Release
    nodes: tuple[Seen, ...]
    hosts: Mapping[str, str]
    """The nodes' addresses by node name, host name and address."""
    told: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Addresses by name from /etc/hosts of all nodes, each with the first node that lists it."""


def every(nodes: Iterable[Seen], *path: str) -> dict[str, Fact]:
    """Return the nodes' facts for a key, by node name."""
    return {node.name: fact for node in nodes if (fact := node.fact(*path))}
