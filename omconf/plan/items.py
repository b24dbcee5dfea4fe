"""Items of a file: what differs between two sets of them, by key."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from omconf.formats import text_diff
from omconf.plan.model import Action, ItemChange, SecretState
from omconf.secrets import Secret, hides, masked, masked_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omconf.secret_sources import Unresolved


def changed(
    before: Mapping[str, str], after: Mapping[str, str], keep: Callable[[str, bool], str]
) -> list[ItemChange]:
    """Compare items by key.

    `keep` names the spec's key that would keep what is deployed, of an item that goes or, when its
    second argument is True, that gets another value.
    """
    was, now = before.items(), after.items()
    # Of a file of 150 items that differs in one, deepdiff would walk and remember all.
    return [] if was == now else list(_changed(frozenset(was - now), frozenset(now - was), keep))


@lru_cache(maxsize=64)
def _changed(
    was: frozenset[tuple[str, str]],
    now: frozenset[tuple[str, str]],
    keep: Callable[[str, bool], str],
) -> tuple[ItemChange, ...]:
    """Compare the items that differ, once for all nodes that change alike."""
    from deepdiff import DeepDiff

    before, after = dict(was), dict(now)
    difference = DeepDiff(
        before,
        after,
        view="tree",
        ignore_private_variables=False,
        # However little two files share, each item is told, not the one file for the other.
        threshold_to_diff_deeper=0,
    )
    keys = {
        change.path(output_format="list", force="fake")[0]
        for changes in difference.values()
        for change in changes
    }
    result = []
    for key in sorted(keys):
        old, new = before.get(key), after.get(key)
        if old is None:
            result.append(ItemChange(key, Action.CREATE, None, new))
        elif new is None:
            result.append(ItemChange(key, Action.DELETE, old, None, hint=_hint(keep(key, False))))
        else:
            result.append(ItemChange(key, Action.UPDATE, old, new, hint=_hint(keep(key, True))))
    return tuple(result)


def shown(item: ItemChange) -> ItemChange:
    """Hide the secrets of an item that was compared as it stands; a path is a secret's name never."""
    key = masked(item.key)
    if hides(item.key) and not item.key.startswith("/"):
        return replace(item, key=key, before=None, after=None, secret=SecretState.DIFFERENT)
    before, after = (None if t is None else masked(t) for t in (item.before, item.after))
    return replace(item, key=key, before=before, after=after)


def _hint(key: str) -> str:
    return f"to keep it, set {key}" if key else ""


def by_line(before: str, after: str) -> list[ItemChange]:
    """Compare texts line by line; the key is the line's number in the deployed text.

    Where too much differs to be compared so, one item says how many lines become how many.
    """
    if before == after:
        return []
    if before.replace("\r\n", "\n") == after.replace("\r\n", "\n"):
        return [ItemChange("1", Action.UPDATE, "lines end in CR LF", "lines end in LF")]
    old, new = before.split("\n"), after.split("\n")
    comparison = text_diff.compare(old, new)
    first = comparison.ranges[0]
    there, here = first.old_end - first.old_start, first.new_end - first.new_start
    if comparison.whole or max(there, here) > text_diff.MAX_CHANGED:
        counts = text_diff.counted(there), text_diff.counted(here)
        return [ItemChange(str(first.old_start + 1), Action.UPDATE, *counts)]
    old_shown, new_shown = list(masked_lines(old)), list(masked_lines(new))
    result = []
    for apart in comparison.ranges:
        i1, i2, j1, j2 = apart.old_start, apart.old_end, apart.new_start, apart.new_end
        pairs = max(i2 - i1, j2 - j1)
        for offset in range(pairs):
            was = old_shown[i1 + offset] if i1 + offset < i2 else None
            now = new_shown[j1 + offset] if j1 + offset < j2 else None
            action = (
                Action.CREATE if was is None else Action.DELETE if now is None else Action.UPDATE
            )
            # A new line is called by its number in the new text.
            number = j1 + offset if was is None else i1 + offset
            result.append(ItemChange(str(number + 1), action, was, now))
    return result


def secret(
    key: str,
    deployed: Secret | None,
    desired: bool,
    value: Secret | Unresolved | None,
    keep: Callable[[str, bool], str],
) -> list[ItemChange]:
    """Compare a secret; `value` is the spec's. One that cannot be read now is no change by itself."""
    if deployed is None:
        return [ItemChange(key, Action.CREATE, secret=SecretState.DIFFERENT)]
    if not desired:
        state = SecretState.DIFFERENT
        return [ItemChange(key, Action.DELETE, secret=state, hint=_hint(keep(key, False)))]
    if secret_state(deployed, value) is SecretState.DIFFERENT:
        return [ItemChange(key, Action.UPDATE, secret=SecretState.DIFFERENT)]
    return []


def secret_state(deployed: Secret, value: Secret | Unresolved | None) -> SecretState:
    """Return how a deployed secret compares to the spec's."""
    if not isinstance(value, Secret):
        return SecretState.UNKNOWN
    return SecretState.EQUAL if deployed == value else SecretState.DIFFERENT
