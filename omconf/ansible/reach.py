"""How the nodes are reached by Ansible: what a command line says of that."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from omconf.ansible import inventory
from omconf.ansible.session import PlaybookError, session
from omconf.dataclass import dataclass
from omconf.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omconf.ansible.session import Session

_Nodes = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reach:
    """An inventory of the user's, if any, and how commands are run.

    With `become` as root, by Ansible's own means; otherwise the inventory decides. `hidden` are
    variables of the environment that Ansible does not get, as they hold secrets.
    """

    file: str | None = None
    become: bool = False
    hidden: frozenset[str] = frozenset()
    _hosts: dict[_Nodes, inventory.Inventory] = field(default_factory=dict, compare=False)
    """What the inventory says is asked once."""

    @property
    def options(self) -> dict[str, str | bool]:
        """What a saved plan keeps of it."""
        return {"sudo": self.become, **({"inventory": self.file} if self.file else {})}

    def hosts(self, nodes: Mapping[str, str]) -> inventory.Inventory:
        """Return the hosts of some nodes, given with their ssh destinations; raises PlaybookError."""
        key = frozenset(nodes.items())
        if key not in self._hosts:
            found = inventory.of(self.file, nodes, self.hidden)
            if isinstance(found, Diagnostic):
                raise PlaybookError(found)
            self._hosts[key] = found
        return self._hosts[key]

    @contextmanager
    def session(self, nodes: Mapping[str, str]) -> Iterator[Session]:
        """Connect to some nodes, given with their ssh destinations; raises PlaybookError."""
        with session(self.hosts(nodes), become=self.become, hidden=self.hidden) as run:
            yield run
