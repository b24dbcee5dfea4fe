"""The events of `apply` and `undo` as JSON Lines: the one description of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, RootModel

from omconf.planfile.model import Action, Count, Diagnostic, Part, Path, Plan, left_out, tidy

Outcome = Literal["applied", "unchanged", "checked", "refused", "waiting", "undone", "partial"]
Id = Annotated[str, Field(pattern="^[0-9a-f]{8}$", description="As in `omconf log`.")]
Seconds = Annotated[float, Field(ge=0)]


class Planned(Part):
    """The plan that is carried out; the first line of an apply."""

    event: Literal["plan"]
    plan: Plan


class Restored(Part):
    """A file that is taken back, or is kept as it is, and why."""

    node: str
    path: Path
    becomes: Literal["restored", "removed", "kept"]
    access_only: bool = left_out("Its mode and owner alone are restored.")
    conflict: str = left_out("Why it is kept.")


class StepBack(Part):
    """What takes a step back beside files, and where."""

    nodes: list[str]
    actions: list[Action] = Field(description="What runs then, or is a person's to do.")


class TakenBack(Part):
    """The apply that is taken back; the first line of an undo."""

    event: Literal["undo"]
    of: Id
    by: str
    when: str
    reason: str = left_out()
    nodes: list[str]
    files: list[Restored]
    steps: list[StepBack] = Field(description="The last step first.")
    stops: bool = Field(description="OpenMeetings stops meanwhile, or restarts.")


class Happened(Part):
    """A check of a node, a step or an action of it: it begins, or it has ended.

    `drain`: people are still connected to a node that is about to stop.
    """

    event: Literal["check", "step", "action", "drain"]
    state: Literal["started", "done", "failed", "skipped", "waiting"]
    node: str
    step: Count = left_out("Counts from 1, as in the plan.")
    text: str = left_out("Why: of a step, of what failed, or of what counts as done.")
    action: Action = left_out()
    seconds: Seconds = left_out()
    undo: bool = left_out("Something is taken back.")


class NodeEnd(Part):
    """What a node has at the end."""

    node: str
    files: Literal["new", "mixed", "unchanged", "unknown"] = Field(
        description="Those that the apply changes: all are new, some, or none."
    )
    service: Literal["unchanged", "started", "restarted", "stopped", "failed", "unknown"] = Field(
        description="What was done with OpenMeetings last."
    )
    healthy: bool = left_out("What the check said after that; left out where it is not known.")


class Ended(Part):
    """The last line: how it ended."""

    event: Literal["end"]
    outcome: Outcome
    id: str = left_out("By which `omconf undo` and `omconf log` know it.")
    why: str = left_out()
    seconds: Seconds
    nodes: list[NodeEnd] = left_out("Left out where nothing was begun.")
    diagnostics: list[Diagnostic]


Event = Annotated[Planned | TakenBack | Happened | Ended, Field(discriminator="event")]


class Line(RootModel[Event]):
    """One line of `omconf apply --json` or `omconf undo --json`."""


def schema() -> dict[str, Any]:
    """Make the JSON schema of a line."""
    made = Line.model_json_schema()
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of `omconf apply --json`",
    }
    made = head | {key: value for key, value in made.items() if key != "title"}
    tidy(made, top=True)
    return made
