"""What the last apply waited for a person to do, and whether that still holds for this one.

A step without a check counts as done when apply runs again after it ended `waiting`: for the same spec
and bundle, at the same point of the plan, and only where nobody can be asked.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from omconf.actions import Manual, Put, Remove
from omconf.apply.journal import MAX_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omconf.actions import Step
    from omconf.apply.targets import Targets
    from omconf.plan.model import Binding


def wanted(binding: Binding | None) -> str | None:
    """Digest what a plan is to bring about: its spec and its bundle, whatever is deployed."""
    if binding is None:
        return None
    both = f"{binding.spec_digest} {binding.bundle_digest}"
    return hashlib.sha256(both.encode()).hexdigest()


def still(told: Sequence[str], steps: Iterable[Step], targets: Targets) -> frozenset[str]:
    """Return the manual steps that count as done; `told` are those waited for, oldest first.

    An apply goes on behind the step that it waited for: all before it is done. If a file changes before
    that step, something else has changed meanwhile, and nothing counts.
    """
    if not told:
        return frozenset()
    passed: set[str] = set()
    for action in (action for step in steps for action in step.actions):
        match action:
            case Manual(text=text) if text[:MAX_TEXT] in told:
                passed.add(text)
                if text[:MAX_TEXT] == told[-1]:
                    return frozenset(passed)
            case Put(paths) | Remove(paths):
                if _changes(targets, paths, removed=isinstance(action, Remove)):
                    break
    return frozenset()


def _changes(targets: Targets, paths: Iterable[str], *, removed: bool) -> bool:
    try:
        return any(targets.of(path, removed=removed).changes for path in paths)
    except ValueError:  # the preflight says why
        return True
