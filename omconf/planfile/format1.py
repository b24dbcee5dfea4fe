"""The document of a plan, format 1: `show` still reads it, nothing writes it any more.

Its roll-out is commands as text, its changes have no digests, its summary no disruption.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from omconf.planfile import model
from omconf.planfile.model import Count, Names, Part, Positive, left_out


class Source(Part):
    """Where the deployed files were read from."""

    kind: Literal["directory", "local", "ssh", "git"]


class Summary(Part):
    """How many files change."""

    create: Count
    update: Count
    delete: Count
    reformat: Count
    nodes_changed: Count
    nodes: Count


class Effect(model.Effect):
    """What a change does to the running cluster, with its commands as text."""

    run: list[str]


class Change(model.Change):
    """What happens to one file of one node."""

    digests: model.Digests = left_out()
    effect: Effect = left_out()


class Step(Part):
    """One step of the roll-out, as text."""

    step: Positive
    nodes: Names
    run: list[str]
    why: str
    check: list[str] = left_out()


class Plan(model.Plan):
    """A plan of format 1."""

    format_version: Literal["1.0"]  # type: ignore[assignment]
    source: Source | None  # type: ignore[assignment]
    summary: Summary  # type: ignore[assignment]
    changes: list[Change] = Field()  # type: ignore[assignment]
    rollout: list[Step] = Field()  # type: ignore[assignment]
