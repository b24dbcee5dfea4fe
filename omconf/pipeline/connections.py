"""What stays connected from the plan of an apply to its end: to connect takes longer than all else."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import field
from typing import TYPE_CHECKING, Self

from omconf import interrupts
from omconf.ansible.shared import Shared
from omconf.dataclass import dataclass
from omconf.side_by_side import side_by_side

if TYPE_CHECKING:
    from omconf.apply.carrier import Piped


@dataclass(slots=True)
class Connections:
    """Connections of one command; once left, or at their `end`, the nodes give their locks back.

    From the first one on, a signal ends the command once it is left.
    """

    session: Shared = field(default_factory=Shared)
    programs: dict[str, Piped] = field(default_factory=dict)
    """Node programs by ssh, by node."""
    _deferred: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._deferred:
            self.end()

    def begin(self) -> None:
        """Defer signals, before anything is connected to."""
        self._deferred.enter_context(interrupts.deferred())

    def end(self) -> None:
        """End all of them."""
        programs, self.programs = self.programs, {}
        side_by_side(lambda program: program.close(), programs.values())
        self.session.close()
