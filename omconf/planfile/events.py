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
    """A file that is restored or removed, or kept as it is and why."""

    node: str
    path: Path
    becomes: Literal["restored", "removed", "kept"]
    access_only: bool = left_out("Only its mode and owner are restored.")
    conflict: str = left_out("Why it is kept.")


class StepBack(Part):
    """What undoes a step apart from its files, and on which nodes."""

    nodes: list[str]
    actions: list[Action] = Field(description="What runs, and what must be done by hand.")


class TakenBack(Part):
    """The apply that is undone; the first line of an undo."""

    event: Literal["undo"]
    of: Id
    by: str
    when: str
    reason: str = left_out()
    nodes: list[str]
    files: list[Restored]
    steps: list[StepBack] = Field(description="The last step first.")
    stops: bool = Field(description="OpenMeetings stops or restarts during the undo.")


class Happened(Part):
    """A check, a step or an action on a node starts or ends.

    `drain`: users are still connected to a node about to stop or, if `skipped`, cannot be counted.
    """

    event: Literal["check", "step", "action", "drain"]
    state: Literal["started", "done", "failed", "skipped", "waiting"]
    node: str
    step: Count = left_out("Counts from 1, as in the plan.")
    text: str = left_out("Why the step is needed, why it failed, or why it counts as done.")
    action: Action = left_out()
    seconds: Seconds = left_out()
    undo: bool = left_out("This is part of an undo or a rollback.")


class NodeEnd(Part):
    """The state of a node at the end."""

    node: str
    files: Literal["new", "mixed", "unchanged", "unknown"] = Field(
        description="Whether all, some or none of the files that the apply changes are new."
    )
    service: Literal["unchanged", "started", "restarted", "stopped", "failed", "unknown"] = Field(
        description="What was done with OpenMeetings last."
    )
    healthy: bool = left_out("The result of the check after that; left out if unknown.")


class Ended(Part):
    """The last line: how it ended."""

    event: Literal["end"]
    outcome: Outcome
    id: str = left_out("The id that `omconf undo` and `omconf log` use.")
    why: str = left_out()
    seconds: Seconds
    nodes: list[NodeEnd] = left_out("Left out if nothing was started.")
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
