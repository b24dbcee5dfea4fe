"""What a unit's journal says of a start that failed: bounded, without secrets."""

from __future__ import annotations

from dataclasses import dataclass, field

from omconf.apply import unit
from omconf.process import Answer


@dataclass
class Journal:
    """A node whose journal says something."""

    out: bytes
    asked: list[list[str]] = field(default_factory=list)

    def output(self, words: list[str], stdin: bytes, *, seconds: int) -> Answer:
        self.asked.append(words)
        return Answer(0, self.out)


def ends(out: bytes) -> str:
    def hide(text: str) -> str:
        return text.replace("a secret\nof two lines", "***")

    node = Journal(out)
    said = unit.ends(node, "om.service", 1.2, hide)  # type: ignore[arg-type]
    assert node.asked[0][-2:] == ["--since", "-3s"]
    return said


def test_lines_are_quoted_in_their_order() -> None:
    said = ends(b"Starting\n\n  Unrecognized VM option 'x' \n")
    assert said == "; the journal of om.service there ends: Starting | Unrecognized VM option 'x'"


def test_nothing_is_added_where_the_journal_says_nothing() -> None:
    assert ends(b"") == ends(b"\n \n") == ""


def test_secrets_are_hidden_before_anything_is_cut() -> None:
    said = ends(b"password: " + b"x" * 180 + b"a secret\nof two lines\n")
    assert "secret" not in said
    assert "two lines" not in said


def test_a_hostile_journal_is_cut() -> None:
    assert len(ends(b"\xff" * 100_000 + b"\n" + b"y" * 5000 + b"\nlast\n")) < 1000
    assert ends(b"y" * 1_000_000) == ""
    said = ends(b"".join(b"%d %s\n" % (n, b"z" * 190) for n in range(10)))
    assert len(said) < 1000
    assert said.split(" | ")[-1].startswith("9 z")
