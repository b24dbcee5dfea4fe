"""What an import came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omconf.diagnostics import has_errors

if TYPE_CHECKING:
    from omconf.adopt.drift import Outlier
    from omconf.diagnostics import Diagnostic
    from omconf.plan.model import ItemChange, Plan


@dataclass(frozen=True, slots=True)
class Difference:
    """An item that the plan of the imported spec would still change, and why."""

    node: str
    path: str
    kind: str
    item: ItemChange | None
    action: str
    reason: str


@dataclass(frozen=True, slots=True)
class ToSet:
    """A secret that the spec refers to: its variable, and how its value compares to the deployed.

    `state` is `equal`, `different`, or `unknown` where it is not set now.
    """

    key: str
    variable: str
    state: str


@dataclass(slots=True)
class Imported:
    """The spec, what it lacks, and the plan that proves it; without a `plan` nothing is proved."""

    text: str = ""
    files: dict[str, str] = field(default_factory=dict)
    """Further files that stand beside the spec."""
    nodes: tuple[str, ...] = ()
    gaps: dict[str, str] = field(default_factory=dict)
    drift: list[Outlier] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    secrets: list[ToSet] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    plan: Plan | None = None

    @property
    def failed(self) -> bool:
        """True where something could not be read, or the spec is none."""
        return self.plan is None or not self.plan.complete or bool(self.gaps)

    @property
    def proved(self) -> bool:
        """True where a plan of the spec updates and deletes nothing, and does not stop all nodes."""
        return not self.failed and not self.differences

    def flaw(self, *, in_place: bool) -> tuple[str, str]:
        """Say why the spec must not be written, and what to do instead; empty where it may.

        A new file may lack nodes: a comment marks each gap. In a spec that exists (`in_place`)
        nothing would.
        """
        if self.plan is None:
            what = "the spec has errors" if self.text else "no spec could be made"
            return what, "Correct the errors first; without -o and --into, the spec is printed."
        if self.gaps:
            hint = "Import the nodes that can be read: --node NODE."
            return ("nodes are missing", hint) if in_place else ("", "")
        if self.failed or has_errors(self.diagnostics):
            return "the nodes have errors", "Correct them first, or leave nodes out: --node NODE."
        return "", ""

    @property
    def code(self) -> int:
        """The exit code: 0 proved, 2 with differences, 1 with any other error."""
        if self.failed or has_errors(self.diagnostics):
            return 1
        return 2 if self.differences else 0
