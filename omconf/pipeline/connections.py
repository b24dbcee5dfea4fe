"""What stays connected from the plan of an apply to its end: to connect takes longer than all else."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Self

from omconf.ansible.shared import Shared
from omconf.dataclass import dataclass
from omconf.side_by_side import side_by_side

if TYPE_CHECKING:
    from omconf.apply.carrier import Piped


@dataclass(slots=True)
class Connections:
    """Connections of one command; once left, or at their `end`, the nodes give their locks back."""

    session: Shared = field(default_factory=Shared)
    programs: dict[str, Piped] = field(default_factory=dict)
    """Node programs by ssh, by node."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End all of them."""
        programs, self.programs = self.programs, {}
        side_by_side(lambda program: program.close(), programs.values())
        self.session.end()
