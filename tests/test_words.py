"""The check of the project's words."""

from __future__ import annotations

import pytest

from tests.words import found, words


@pytest.mark.parametrize(
    "line",
    [
        "The engine judges the file.",
        "the_judge = 1",
        "An authority of its own reads it.",
        "The group is said in the spec.",
        "/opt/omdata is taken over from line 3",
        "everything is in its place",
        "A hand-over file.",
        "strangers = 2",
        "`rwx` is one slip away",
        "two members that are apart",
    ],
)
def test_a_word_is_found_with_what_to_write(line: str) -> None:
    (told,) = found("new.md", f"first\n{line}\n", words())
    assert told.startswith("new.md:2: `")
    assert ": write `" in told


@pytest.mark.parametrize(
    "line",
    [
        "a certificate authority signs it",
        "what tells them apart is the port",
        "apart from that, the nodes start half a second apart",
        "he said so; adjudicate; a slippery slope",
    ],
)
def test_other_senses_are_left_alone(line: str) -> None:
    assert list(found("new.md", line, words())) == []
