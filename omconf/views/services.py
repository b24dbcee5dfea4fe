"""What a step of a plan's document does with services, OpenMeetings above all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.actions import OWN_UNITS
from omconf.rollout.openmeetings import verb_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.views.document import Document

VERBS = {"stop": "stops", "start": "starts", "restart": "restarts"}


def services(step: Document) -> Iterator[tuple[str, str]]:
    """Yield what a step starts, stops and restarts; OpenMeetings is named when a person does it."""
    for action in step.get("actions", ()):
        if action["type"] == "service" and action["do"] in VERBS:
            yield action["do"], action["unit"]
        elif action["type"] == "manual" and (verb := verb_of(action["text"])):
            yield verb, "OpenMeetings"


def openmeetings(step: Document) -> set[str]:
    """Return what a step does with OpenMeetings: `start`, `stop`, `restart`."""
    return {verb for verb, unit in services(step) if not unit.startswith(OWN_UNITS)}
