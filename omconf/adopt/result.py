"""The result of an import."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from omconf.adopt import reasons
from omconf.artifacts import exports
from omconf.dataclass import dataclass
from omconf.diagnostics import Severity, has_errors
from omconf.rules import DUPLICATE_ENTRY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.adopt.drift import Outlier
    from omconf.diagnostics import Diagnostic
    from omconf.plan.mask import Mask
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
    """A secret that the spec refers to: its variable, and how its value compares with the deployed one.

    `variable` is `${NAME}` for a system property NAME, which each node's JVM is to have.
    `state` is `equal`, `different`, or `unknown` if it is not set.
    """

    key: str
    variable: str
    state: str


@dataclass(slots=True)
class Imported:
    """The spec, what it lacks, and the plan that verifies it; without a `plan` nothing is verified."""

    text: str = ""
    files: dict[str, str] = field(default_factory=dict)
    """Further files next to the spec."""
    before: str = ""
    """The text, without a byte order mark, of the spec that nodes are added to."""
    nodes: tuple[str, ...] = ()
    gaps: dict[str, str] = field(default_factory=dict)
    drift: list[Outlier] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    secrets: list[ToSet] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    plan: Plan | None = None
    hidden: Mask | None = field(default=None, repr=False)
    """Hides the nodes' secrets where no plan does."""

    @property
    def failed(self) -> bool:
        """True if something could not be read, or there is no valid spec."""
        return self.plan is None or not self.plan.complete or bool(self.gaps)

    @property
    def proved(self) -> bool:
        """True if a plan of the spec updates and deletes nothing, and there is no error."""
        return self.code == 0

    def flaw(self, *, in_place: bool) -> tuple[str, str]:
        """Return why the spec must not be written, and what to do instead; empty if it may.

        A new file may lack nodes: a comment marks each gap. An existing spec (`in_place`) would not
        show them. It may also lack what a further file contains: a difference gives the reason.
        """
        if self.plan is None:
            what = "the spec has errors" if self.text else "no spec could be made"
            return what, "Fix the errors first; without -o and --into, the spec is printed."
        if self.gaps:
            hint = "Import only the nodes that can be read: --node NODE"
            return ("nodes are missing", hint) if in_place else ("", "")
        if has_errors(self.diagnostics):
            return (
                "the nodes have errors",
                "Fix them first, or import only the other nodes: --node NODE",
            )
        if self.failed and in_place:
            hint = "Run the import as root, or import only the other nodes: --node NODE"
            return "files of the nodes cannot be read", hint
        return "", ""

    def moves(self, said: Sequence[Diagnostic]) -> list[Diagnostic]:
        """Turn errors of a plan about exports that are to be moved into differences and warnings.

        A plan refuses to write an export twice; the spec is right.
        """
        to_move = [d for d in said if d.rule is DUPLICATE_ENTRY and d.hint == exports.MOVE]
        self.differences += [
            Difference(node or "", path or "", exports.KIND.name, None, "update", reasons.MOVE)
            for node, path in dict.fromkeys((d.node, d.path) for d in to_move)
        ]
        return [replace(d, severity=Severity.WARNING) if d in to_move else d for d in said]

    @property
    def code(self) -> int:
        """The exit code: 0 verified, 2 with differences, 1 with any other error."""
        if self.failed or has_errors(self.diagnostics):
            return 1
        return 2 if self.differences else 0
