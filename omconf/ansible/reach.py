"""How the nodes are reached by Ansible: what a command line says of that."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from omconf.ansible import inventory
from omconf.ansible.session import PlaybookError, session
from omconf.dataclass import dataclass
from omconf.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from omconf.ansible.session import Session
    from omconf.ansible.shared import Shared


@dataclass(frozen=True, slots=True)
class Reach:
    """An inventory of the user's, if any, and how commands are run.

    With `become` as root, by Ansible's own means; otherwise the inventory decides. `hidden` are
    variables of the environment that Ansible does not get, as they hold secrets.
    """

    file: str | None = None
    become: bool = False
    hidden: frozenset[str] = frozenset()
    shared: Shared | None = None

    @property
    def options(self) -> dict[str, str | bool]:
        """What a saved plan keeps of it."""
        return {"sudo": self.become, **({"inventory": self.file} if self.file else {})}

    def hosts(self, nodes: Mapping[str, str]) -> inventory.Inventory:
        """Return the hosts of some nodes, given with their ssh destinations; raises PlaybookError."""
        return _hosts(self.file, tuple(nodes.items()), self.hidden)

    def session(self, nodes: Mapping[str, str]) -> AbstractContextManager[Session]:
        """Connect to some nodes, given with their ssh destinations; raises PlaybookError."""

        def begin() -> AbstractContextManager[Session]:
            return session(self.hosts(nodes), become=self.become, hidden=self.hidden)

        return self.shared.session(nodes, begin) if self.shared else begin()


@cache
def _hosts(
    file: str | None, nodes: tuple[tuple[str, str], ...], hidden: frozenset[str]
) -> inventory.Inventory:
    """Ask once: what an inventory says at first counts for the whole command."""
    found = inventory.of(file, dict(nodes), hidden)
    if isinstance(found, Diagnostic):
        raise PlaybookError(found)
    return found
