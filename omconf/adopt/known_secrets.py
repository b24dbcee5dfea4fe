"""Keeps the values of secrets that one file shows out of facts from other files.

Names cannot be trusted: the database's password may stand in a property of another name, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.adopt import reasons, setenv
from omconf.artifacts.hazelcast import KIND as HAZELCAST
from omconf.artifacts.openmeetings_properties import KIND as PROPERTIES
from omconf.artifacts.persistence import CONNECTION
from omconf.artifacts.persistence import KIND as PERSISTENCE
from omconf.artifacts.setenv import item_of
from omconf.dataclass import dataclass
from omconf.plan.mask import Mask
from omconf.rules import NOT_KEPT
from omconf.secrets import Secret, hides, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.adopt.model import Fact, Path, Seen

_FREE: tuple[Path, ...] = (
    ("openmeetings", "java_options"),
    ("hazelcast", "properties"),
    ("database", "pool"),
    ("database", "options"),
    ("persistence", "properties"),
    ("storage", "options"),
    ("storage", "export_options"),
)
"""Keys whose values may be any text. What others have, such as the database's user, must be written."""
_ITEMS = {
    ("hazelcast", "properties"): (HAZELCAST.name, "properties/"),
    ("database", "pool"): (PERSISTENCE.name, f"properties/{CONNECTION}/"),
    ("database", "options"): (PERSISTENCE.name, f"properties/{CONNECTION}/Url/"),
    ("persistence", "properties"): (PERSISTENCE.name, "properties/"),
}
"""The items, by kind and the start of their keys, that these keys hold."""
LEFT_OUT = "it contains the value of a secret"


@dataclass(frozen=True, slots=True)
class Known:
    """The secrets that are known of all nodes: those of the spec, and all."""

    own: Mask
    every: Mask

    def within(self, text: str) -> bool:
        """Tell whether a text holds a secret: an ordinary word only if it is one of the spec's."""
        return self.own.value(text) != text or self.every.text(text) != text


def of(nodes: Sequence[Seen]) -> Known:
    """Collect the secrets of facts, and those in files under names that speak of one."""
    own = [fact.secret for node in nodes for fact in node.facts if fact.secret is not None]
    further: list[Secret] = []
    for node in nodes:
        for kind in (HAZELCAST, PERSISTENCE, PROPERTIES):
            if (text := node.text(node.path(kind.places[0]))) is not None:
                further += kind.read(text).secrets.values()
        for name, equals, value in (option.text.partition("=") for option in setenv.given(node)):
            if equals and name.startswith("-D") and hides(name):
                further.append(Secret(value))
    return Known(Mask(own), Mask([*own, *further]))


def leave_out(nodes: Sequence[Seen], known: Known) -> None:
    """Leave out of free texts what holds a secret, and report it."""
    for node in nodes:
        kept = [_kept(node, fact, known) for fact in node.facts]
        node.facts = [fact for fact in kept if fact is not None]


def _kept(node: Seen, fact: Fact, known: Known) -> Fact | None:
    """Return a fact without secrets, or None if nothing is left of it."""
    key = next((key for key in _FREE if fact.path[: len(key)] == key), None)
    if key is None or isinstance(fact.value, dict) or fact.value == fact.default:
        return fact
    place = (fact.place.path, fact.place.line) if fact.place else None
    if isinstance(fact.value, list):
        lines = (
            {o.text: (o.path or "", o.line) for o in setenv.given(node)} if key == _FREE[0] else {}
        )
        kept = [each for each in fact.value if not known.within(each)]
        for each in fact.value:
            if each not in kept:
                name = quoted(item_of(each)[0])
                what = f"The option `{name}` of `{'.'.join(key)}`"
                node.say(NOT_KEPT, f"{what} is left out: {LEFT_OUT}.", lines.get(each, place))
        return fact if kept == fact.value else replace(fact, value=kept)
    if not known.within(str(fact.value)) and known.every.text(fact.path[-1]) == fact.path[-1]:
        return fact
    node.say(NOT_KEPT, f"`{quoted('.'.join(fact.path))}` is left out: {LEFT_OUT}.", place)
    if key in _ITEMS:
        kind, start = _ITEMS[key]
        node.why[kind, start + fact.path[-1]] = reasons.WITHHELD
    return None
