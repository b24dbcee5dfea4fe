"""One session for all that one command does: to start a playbook and to end it takes a second."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager

    from omconf.ansible.session import Session


@dataclass(slots=True)
class Shared:
    """Keeps the first session of a command open for those that follow."""

    _stack: ExitStack = field(default_factory=ExitStack)
    _run: Session | None = None
    _nodes: frozenset[str] = frozenset()

    def close(self) -> None:
        """End the session: the nodes give their locks back."""
        self._run = None
        self._stack.close()

    @contextmanager
    def session(
        self, nodes: Collection[str], begin: Callable[[], AbstractContextManager[Session]]
    ) -> Iterator[Session]:
        """Yield a session that reaches some nodes; raises what `begin` raises."""
        if self._run is None:
            self._run, self._nodes = self._stack.enter_context(begin()), frozenset(nodes)
        if self._nodes.issuperset(nodes):
            yield self._run
            return
        with begin() as run:
            yield run
