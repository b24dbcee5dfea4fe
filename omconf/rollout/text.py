"""Steps in words: the one place from which text, Markdown and the bundle's README draw them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from omconf.rollout.document import Document

MAX_PATHS = 8
"""Paths that are named one by one."""
PEOPLE = {
    "admin": "the admin",
    "database": "the database administrator",
    "storage": "the data server administrator",
}


def of_step(step: Document) -> Iterator[str]:
    """Draw the actions of a step; one of a plan of format 1 has commands as text."""
    if "actions" in step:
        yield from lines(step["actions"])
    yield from step.get("run", ())
    yield from (f"check: {command}" for command in step.get("check", ()))


def lines(
    actions: Iterable[Document], *, undo: bool = False, code: Callable[[str], str] = str
) -> Iterator[str]:
    """Draw actions for people, one a line; a command as a shell takes it.

    With `undo`, a `put` brings files back to what they were. `code` marks commands and paths.
    """
    for action in actions:
        match action:
            case {"type": "put", "paths": paths}:
                yield f"{'restore' if undo else 'write'} {_listed(paths, code)}"
            case {"type": "remove", "paths": paths}:
                yield f"delete {_listed(paths, code)}"
            case {"type": "run", "argv": argv}:
                yield code(shlex.join(argv))
            case {"type": "service", "do": do, "unit": unit}:
                yield code(f"systemctl {do} {unit}") + _apart(action)
            case {"type": "health", "timeout": timeout}:
                yield f"wait until healthy, at most {timeout} seconds"
            case {"type": "manual"}:
                yield from _manual(action, code)


def _manual(action: Document, code: Callable[[str], str]) -> Iterator[str]:
    yield f"{PEOPLE[action['who']]}: {action['text']}"
    if action["files"]:
        yield f"  files in the bundle: {_listed(action['files'], code)}"
    if "check" in action:
        yield f"  check: {code(shlex.join(action['check']['argv']))}"
    if "login" in action:
        yield "  check: these nodes can log in to the database"


def _apart(action: Document) -> str:
    seconds = action.get("apart")
    if seconds is None:
        return ""
    return f", at least {seconds:g} seconds after another node"


def _listed(paths: Sequence[str], code: Callable[[str], str]) -> str:
    shown = ", ".join(code(shlex.quote(path)) for path in paths[:MAX_PATHS])
    more = len(paths) - MAX_PATHS
    return f"{shown} and {more} more" if more > 0 else shown
