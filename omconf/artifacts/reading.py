"""A node's file read back: its items, what other files set of them, and findings."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.formats.block import MAX_ENTRIES, too_many
from omconf.secrets import Secret, hides, masked, remembered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.diagnostics import Finding

    Texts = Mapping[str, str]
    """Files of a node by their paths."""


@remembered
def _told(key: str) -> tuple[str, bool]:
    """Return a key as it may be shown, and whether its value is a secret."""
    key = masked(key)
    return key, hides(key)


@dataclass(slots=True)
class Reading:
    """A deployed (or rendered) file read back: its items by key, in the file's own notation.

    `secrets` holds values that must not be shown, by the same kind of key. `unmasked` has the whole
    value of each item in which a part is masked: two that look the same may differ. `lines` is the
    line of each item, from 1. If `broken`, the file as a whole could not be read.
    """

    items: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    unmasked: dict[str, Secret] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    broken: bool = False

    @classmethod
    def by_line(cls, text: str) -> Reading:
        """Read a script or a unit as text: each line is an item, with its number as key.

        A text of more than MAX_ENTRIES lines is broken.
        """
        if text.count("\n") >= MAX_ENTRIES:
            return cls(findings=[too_many(MAX_ENTRIES + 1)], broken=True)
        lines = {str(number): text for number, text in enumerate(text.split("\n"), 1)}
        return cls(lines, lines={number: int(number) for number in lines})

    def add(self, key: str, value: str, line: int) -> None:
        """Add an item, as a secret if its key names one; secrets inside a value are masked.

        With more than MAX_ENTRIES items the reading is broken.
        """
        if len(self.lines) >= MAX_ENTRIES:
            if not self.broken:
                self.findings.append(too_many(line))
                self.broken = True
            return
        key, is_secret = _told(key)
        self.lines[key] = line
        if is_secret:
            self.secrets[key] = Secret(value)
        else:
            self.put(key, value)

    def put(self, key: str, value: str) -> None:
        """Set an item, with the secrets inside its value masked."""
        shown = self.items[key] = masked(value)
        if shown == value:
            self.unmasked.pop(key, None)
        else:
            self.unmasked[key] = Secret(value)


def whole(items: Mapping[str, str], unmasked: Mapping[str, Secret]) -> Mapping[str, str]:
    """Return items with nothing masked in their values: to compare them, never to show them."""
    if not unmasked:
        return items
    return {**items, **{key: value.reveal() for key, value in unmasked.items() if key in items}}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What surrounding files set of an artifact's items, and the findings in them, by path.

    `weaker` items count if the artifact's own file does not set them, `stronger` ones always; with
    `instead` no item of its own counts. `places` is where an item is set: path and line.
    """

    weaker: Mapping[str, str] = field(default_factory=dict)
    stronger: Mapping[str, str] = field(default_factory=dict)
    instead: bool = False
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    findings: tuple[tuple[str, Finding], ...] = ()
