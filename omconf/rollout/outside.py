"""Servers that are no nodes, the database's and the one of the shared data: what people do there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.actions import Do, Manual, Step
from omconf.artifacts import kinds
from omconf.rollout.who import Who

if TYPE_CHECKING:
    from collections.abc import Iterator

UNTIL_THEN = "Keep the existing entries for these nodes until the last step."
GOES = "Remove what is no longer used, also from a previous server. {text}"


class Outside(Who):
    """The steps on servers that are no nodes: first who is let in, and who is shut out in the end."""

    def let_in(self) -> Iterator[Step]:
        """What people do on servers that are no nodes, before nodes use these."""
        needing: dict[str, dict[str, None]] = {}
        for part in self.parts.listed:
            for folder in part.effect.needs:
                needing.setdefault(folder, {})[part.node] = None
        for manual in self._external():
            until = f" {UNTIL_THEN}" if self._forgets(manual) else ""
            if nodes := needing.get(manual.who):
                does = _told(replace(manual, text=f"{manual.text}{until}"))
                yield Step.of(nodes, "allow these nodes on external servers first", (does,))

    def _external(self) -> list[Manual]:
        found = (kind.external(self.cluster) for kind in kinds())
        return [manual for manual in found if manual is not None]

    def shut_out(self) -> Iterator[Step]:
        """Have outside servers forget nodes that left."""
        for manual in self._external():
            if self._forgets(manual):
                why = "remove what is no longer used from external servers"
                nodes = list(self.states) or list(self.removed)
                yield Step.of(nodes, why, (_gone(manual),))

    def _forgets(self, manual: Manual) -> bool:
        """Tell whether a node left, or another account or address is used now on that server."""
        if self.owes(_gone(manual)):
            return True
        existing = [p for p in self.parts.of(self.existing).listed if manual.who in p.effect.needs]
        # In another home nothing tells what was used until now.
        changed = any(not p.creates or self.states[p.node].home is not None for p in existing)
        return bool(self.removed) or changed


def _gone(manual: Manual) -> Do:
    """Have an outside server let in nobody else than those for whom it is set up."""
    return _told(replace(manual, text=GOES.format(text=manual.text), login=None))


def _told(manual: Manual) -> Do:
    """Have an outside server changed; taken back, it is as it was."""
    return Do(manual, Manual(manual.who, f"Undo this: {manual.text}"))
