"""Which lines differ: exact where that takes few steps, else one range and nothing hidden."""

from __future__ import annotations

import difflib
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from omconf.bundle.comparison import Difference
from omconf.formats import text_diff
from omconf.formats.text_diff import MAX_CHANGED, Range, compare, counted, unified
from omconf.plan.items import by_line
from omconf.views.difference import draw
from tests.needs import needs

texts = st.lists(st.sampled_from("abcde"), max_size=20)


@given(texts, texts)
def test_the_ranges_make_the_one_text_of_the_other(old: list[str], new: list[str]) -> None:
    made, at = [], 0
    for apart in compare(old, new).ranges:
        made += [*old[at : apart.old_start], *new[apart.new_start : apart.new_end]]
        at = apart.old_end
    assert made + old[at:] == new


@given(texts, texts)
def test_a_diff_is_written_as_difflib_writes_it(old: list[str], new: list[str]) -> None:
    # Without equal ends both compare the same lines.
    old, new = ["x", *old, "x"], ["y", *new, "y"]
    ranges = compare(old, new).ranges
    assert list(unified(old, new, ranges, "a", "b")) == list(
        difflib.unified_diff(old, new, "a", "b", lineterm="")
    )


def numbered(lines: int) -> list[str]:
    return [f"line {number}" for number in range(lines)]


def test_a_line_in_the_middle_of_a_long_text_is_found() -> None:
    old = numbered(100_000)
    new = [*old[:50_000], "another", *old[50_001:]]
    assert compare(old, new).ranges == (Range(50_000, 50_001, 50_000, 50_001),)
    (item,) = by_line("\n".join(old), "\n".join(new))
    assert (item.key, item.before, item.after) == ("50001", "line 50000", "another")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["a", *["x"] * 3000, "b"], ["c", *["x"] * 3001, "d"]),
        (["a", *numbered(MAX_CHANGED)], ["c", "d"]),
    ],
    ids=["the same line over and over", "too many lines"],
)
def test_what_takes_too_many_steps_is_one_range(
    monkeypatch: pytest.MonkeyPatch, old: list[str], new: list[str]
) -> None:
    def unused(*_: object, **__: object) -> None:
        raise AssertionError("difflib is asked")

    monkeypatch.setattr(difflib, "SequenceMatcher", unused)
    assert compare(old, new) == text_diff.Comparison((Range(0, len(old), 0, len(new)),), whole=True)


def test_what_is_not_compared_line_by_line_says_how_many_lines_differ() -> None:
    old, new = ["same", *numbered(MAX_CHANGED + 1), "end"], ["same", "other", "end"]
    (item,) = by_line("\n".join(old), "\n".join(new))
    assert (item.key, item.before, item.after) == ("2", "4,001 lines", "1 line")
    (item,) = by_line("same\nend", "\n".join(old))
    assert (item.key, item.before, item.after) == ("2", "0 lines", "4,001 lines")
    there, ours = ("".join(line + "\n" for line in lines).encode() for lines in (old, new))
    drawn = draw(Difference("om1/a", "different", there, ours, 0o644, 0o644))
    assert drawn == "om1/a: different (from line 2 on, 4,001 lines instead of 1 line)\n"


def test_a_file_that_is_missing_is_drawn_whole() -> None:
    ours = "".join(line + "\n" for line in numbered(MAX_CHANGED + 1)).encode()
    drawn = draw(Difference("om1/a", "missing", b"", ours, 0, 0o644))
    head = "diff --git a/om1/a b/om1/a\nnew file mode 100644\n--- /dev/null\n+++ b/om1/a\n"
    assert drawn.startswith(f"{head}@@ -0,0 +1,4001 @@\n+line 0\n")
    assert drawn.count("\n+line ") == MAX_CHANGED + 1


def test_lines_agree_with_their_number() -> None:
    assert [counted(n) for n in (0, 1, 2, 12_000)] == [
        "0 lines",
        "1 line",
        "2 lines",
        "12,000 lines",
    ]


@pytest.mark.parametrize(
    ("old", "new", "drawn"),
    [
        (b"a\r\nb\n", b"a\nb\n", "@@ -1,2 +1,2 @@\n-a\\r\n+a\n b\n"),
        (b"a\nb", b"a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"),
        (b"a", b"", "@@ -1 +0,0 @@\n-a\n\\ No newline at end of file\n"),
        (b"a\x0cb\n", b"a\nb\n", "@@ -1 +1,2 @@\n-a\\x0cb\n+a\n+b\n"),
        (b"a\xff\n", b"a\xef\xbf\xbd\n", "@@ -1 +1 @@\n-a\\xff\n+a\N{REPLACEMENT CHARACTER}\n"),
    ],
)
def test_what_makes_a_line_another_one_is_drawn(old: bytes, new: bytes, drawn: str) -> None:
    difference = Difference("om1/a", "different", old, new, 0o644, 0o644)
    assert draw(difference) == f"diff --git a/om1/a b/om1/a\n--- a/om1/a\n+++ b/om1/a\n{drawn}"


def test_an_unended_secret_is_hidden() -> None:
    difference = Difference("a", "different", b"password=x", b"password=\n", 0o644, 0o644)
    assert "x" not in draw(difference).replace("a/a", "")


lines = st.lists(st.sampled_from(["a\n", "b\n", "\n", "ä\n", "\\ No newline\n"]), max_size=9)
contents = st.tuples(lines, st.sampled_from(["", "end"])).map(lambda t: "".join([*t[0], t[1]]))
modes = st.sampled_from([0o644, 0o755])


@needs("git")
@given(contents, contents, modes, modes, st.booleans())
def test_the_diff_makes_the_file_what_it_is_to_be(
    old: str, new: str, old_mode: int, new_mode: int, there: bool
) -> None:
    assume(new if not there else (old, old_mode) != (new, new_mode))
    if not there:
        old, old_mode = "", 0
    kind: Literal["different", "missing"] = "different" if there else "missing"
    diff = draw(Difference("om1/a", kind, old.encode(), new.encode(), old_mode, new_mode))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "om1/a")
        path.parent.mkdir()
        if there:
            path.write_bytes(old.encode())
            path.chmod(old_mode)
        subprocess.run(["git", "apply"], input=diff.encode(), cwd=folder, check=True)
        assert path.read_bytes() == new.encode()
        assert path.stat().st_mode & 0o100 == new_mode & 0o100
