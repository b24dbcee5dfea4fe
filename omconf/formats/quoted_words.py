"""Words with quotes and escapes, cut as a shell or systemd does: each by a pattern of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Callable


def cut(
    text: str, piece: re.Pattern[str], meaning: Callable[[re.Match[str]], str]
) -> tuple[list[str], int, bool]:
    """Cut a text into words, which its group `blank` separates, without quotes and escapes.

    Returns the words, the place of the first character that `piece` does not match (the length of the
    text if there is none), and whether that is inside a word.
    """
    words: list[list[str]] = []
    inside = False
    at = 0
    while found := piece.match(text, at):
        at = found.end()
        if found["blank"] is not None:
            inside = False
            continue
        if not inside:
            words.append([])
            inside = True
        words[-1].append(meaning(found))
    return ["".join(word) for word in words], at, inside
