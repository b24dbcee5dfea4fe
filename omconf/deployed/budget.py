"""How much memory the answers of all nodes together may take.

A node that sends what a real one sends is never refused because of the others: it has an amount of
its own, while its answer comes in and for what is kept of it. All that goes beyond that is taken from
one pool, so that 10,000 nodes hold no more than the pool and those amounts.
"""

from __future__ import annotations

from dataclasses import field
from threading import Lock

from omconf.dataclass import dataclass

POOL = 32 * 1024 * 1024
"""Bytes that all nodes may hold together beyond their own amounts."""
INCOMING = 1024 * 1024
"""Bytes of an answer that a node may always send; all files of a real node are some 100 KiB."""
KEPT = 64 * 1024
"""Bytes that may always be kept of a node, where what is equal on several nodes counts once."""
FULL = f"the answers of all nodes together take more than {POOL >> 20} MiB"
"""Why an answer is refused, as part of a sentence."""
FEWER = "Read fewer nodes at once: --node NAME."
"""The hint for it."""


@dataclass(slots=True)
class Budget:
    """The pool that the answers of one command share; its methods may be called from any thread."""

    left: int = POOL
    parsing: Lock = field(default_factory=Lock)
    """Held while an answer is parsed: objects take many times the bytes that they were read from."""
    _lock: Lock = field(default_factory=Lock)

    def exchange(self, before: int, now: int) -> bool:
        """Give bytes back to the pool and take others; when there are not as many, change nothing."""
        with self._lock:
            if now - before > self.left:
                return False
            self.left += before - now
            return True


@dataclass(slots=True)
class Account:
    """What one answer holds of the budget."""

    budget: Budget
    _drawn: int = 0

    def incoming(self, size: int) -> str:
        """Hold an answer that has `size` bytes so far; says why that cannot be."""
        return self._draw(size - INCOMING)

    def keep(self, size: int) -> str:
        """Hold `size` bytes from here on instead of the answer; when they cannot be held, nothing."""
        refused = self._draw(size - KEPT)
        if refused:
            self.drop()
        return refused

    def drop(self) -> None:
        """Hold nothing more."""
        self._draw(0)

    def _draw(self, wanted: int) -> str:
        wanted = max(0, wanted)
        if wanted == self._drawn:
            return ""
        if not self.budget.exchange(self._drawn, wanted):
            return FULL
        self._drawn = wanted
        return ""
