"""What happens while a plan is carried out, as it happens."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from omconf.actions import Action

State = Literal["started", "done", "failed", "skipped", "waiting"]


class Outcome(StrEnum):
    """How an apply or an undo ended."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    CHECKED = "checked"
    """Only the nodes were looked at: `--dry-run`."""
    REFUSED = "refused"
    """Nothing was changed."""
    WAITING = "waiting"
    """A person's turn is next."""
    UNDONE = "undone"
    """What was begun is taken back: all is as before."""
    PARTIAL = "partial"
    """Some of it was done, and stays."""

    @property
    def well(self) -> bool:
        """Whether everything is as it was asked for."""
        return self in (Outcome.APPLIED, Outcome.UNCHANGED, Outcome.CHECKED)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens on a node: a step begins, an action ends, somebody is waited for.

    `step` counts from 1, `seconds` is how long it took. `undo` tells that something is taken back.
    """

    what: Literal["check", "step", "action", "drain"]
    state: State
    node: str
    step: int = 0
    text: str = ""
    action: Action | None = None
    seconds: float | None = None
    undo: bool = False


Tell = Callable[[Event], None]
