"""Detects the OpenMeetings release of nodes: by its jars, omconf's own record, or the stock files."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from omconf.adopt import persistence
from omconf.artifacts.hazelcast import KIND as HAZELCAST
from omconf.artifacts.hazelcast import SCHEMAS as HAZELCAST_SCHEMAS
from omconf.artifacts.persistence import CONNECTION, SCHEMAS
from omconf.artifacts.persistence import KIND as PERSISTENCE
from omconf.formats import connection_properties
from omconf.releases import RELEASES
from omconf.releases.facts import hazelcast_facts
from omconf.releases.table import HAZELCAST_NAMESPACE
from omconf.rules import GUESSED, MISSING_SETTING
from omconf.schema import deployed_xml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.adopt.model import Seen
    from omconf.releases import Release

KEY = ("openmeetings", "release")


def facts(nodes: Sequence[Seen], said: str | None) -> Release | None:
    """Note each node's release; None if no node shows it. `said` overrides what is found."""
    if said is not None:
        for node in nodes:
            node.tell(KEY, said, guess="by --release")
            jars = node.files.release
            if jars in RELEASES and jars != said:
                message = f"The jars are those of OpenMeetings {jars}, not {said}."
                hint = "Without --release, the import takes the release of the jars."
                node.say(GUESSED, message, (_library(node), 0), hint)
        return RELEASES[said]
    for node in nodes:
        _one(node)
    found = Counter(fact.value for node in nodes if (fact := node.fact(*KEY)))
    if not found:
        return None
    return RELEASES[found.most_common(1)[0][0]]


def _library(node: Seen) -> str:
    return node.path("{home}/webapps/{webapp}/WEB-INF/lib")


def _one(node: Seen) -> None:
    library = _library(node)
    jars = node.files.release
    if jars in RELEASES:
        node.tell(KEY, jars, (library, 0))
        return
    if jars is not None:
        message = f"OpenMeetings {jars} is installed, but omconf does not support it."
        node.say(
            MISSING_SETTING,
            message,
            (library, 0),
            "Give the closest supported release, for example: --release 9.1.0",
        )
        return
    if (recorded := node.recorded("release")) and recorded[0] in RELEASES:
        node.tell(KEY, *recorded)
        return
    best = _nearest(node)
    if best is None:
        return
    name, others = best
    like = f", equally similar to {', '.join(others)}" if others else ""
    path = node.path(PERSISTENCE.places[0])
    node.tell(KEY, name, (path, 0), guess=f"the most similar stock files{like}")
    message = f"No jar shows the release; the files are most similar to those of {name}{like}."
    node.say(GUESSED, message, (library, 0), "If it is another release, set it with --release.")


def _nearest(node: Seen) -> tuple[str, list[str]] | None:
    """Find the release with the most similar stock files: in a tie the newest, and the others."""
    scores = {name: _score(node, release) for name, release in RELEASES.items()}
    best = max(scores.values())
    if best <= 0:
        return None
    same = [name for name, score in scores.items() if score == best]
    return same[-1], same[:-1][::-1]


def _score(node: Seen, release: Release) -> int:
    """Count the items in which the files match a release's."""
    score = 0
    text = node.text(PERSISTENCE.places[0].format(home=node.home, webapp=node.webapp))
    document = deployed_xml.read(text, SCHEMAS)[0] if text is not None else None
    if document is not None:
        namespace = str(document.tag)[1:].partition("}")[0]
        score += 20 * (namespace == release.jpa.namespace)
        classes = {
            (e.text or "").strip() for e in document.iterfind("{*}persistence-unit/{*}class")
        }
        score += 10 * (classes == set(release.entities))
        found = persistence.items(text or "")
        pairs = connection_properties.split(found.get(CONNECTION, ("", 0))[0])
        url = next((v for n, v in pairs if connection_properties.spelling(n) == "Url"), "")
        if stock := release.persistence.get(persistence.kind_of(url)):
            known = {name: " ".join(value.split()) for name, (value, _) in found.items()}
            score += sum(known.get(name) == value for name, value in stock.properties)
    text = node.text(HAZELCAST.places[0].format(home=node.home, webapp=node.webapp))
    found_xsd = _xsd(text) if text is not None else ""
    return score + 5 * (found_xsd == release.hazelcast_xsd)


def _xsd(text: str) -> str:
    from omconf.releases.model import StockElement

    document, _ = deployed_xml.read(text, HAZELCAST_SCHEMAS)
    if document is None:
        return ""
    attributes = tuple(
        (str(name).rpartition("}")[2], str(value)) for name, value in document.attrib.items()
    )
    root = StockElement("hazelcast", attributes)
    return hazelcast_facts(HAZELCAST_NAMESPACE, root).get("xsd", "")
