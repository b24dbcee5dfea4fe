"""The block of a file that others edit too: what is foreign is kept to the byte."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from omconf.diagnostics import Finding
from omconf.formats.block import Block, Entry, find, inside, markers, merge, outside
from omconf.origin import FromDefault, Value
from omconf.rules import BROKEN_BLOCK

BLOCK = "# BEGIN omconf: conference\nours\n# END omconf: conference\n"


def place(text: str) -> Block:
    block = find(text, "conference")
    assert isinstance(block, Block)
    return block


def fault(text: str) -> Finding:
    finding = find(text, "conference")
    assert isinstance(finding, Finding)
    assert finding.rule is BROKEN_BLOCK
    return finding


def words(text: str) -> list[Entry]:
    """Take a file's words as entries: the simplest format with several entries on a line."""
    found: list[Entry] = []
    start = 0
    for number, raw in enumerate(text.splitlines(keepends=True), start=1):
        whole = (start, start + len(raw))
        tokens = list(re.finditer(r"[a-z]+", raw))
        for token in tokens:
            span = (start + max(token.start() - 1, 0), start + token.end())
            found.append(Entry(token[0], "", number, number, span, whole, len(tokens)))
        start += len(raw)
    return found


# Find


def test_there_is_no_block_in_a_foreign_file() -> None:
    assert (
        find("/srv 10.1.1.9(ro)\n# BEGIN omconf: other\n# END omconf: other\n", "conference")
        is None
    )


def test_a_block_is_found_with_its_place_and_body() -> None:
    text = "a\n" + BLOCK + "b\n"
    block = place(text)
    assert block == Block(2, 2 + len(BLOCK), 2, "ours\n")
    assert text[block.start : block.end] == BLOCK


def test_markers_may_have_white_space_and_a_carriage_return_behind_them() -> None:
    text = "# BEGIN omconf: conference \t\r\nours\r\n# END omconf: conference\r"
    assert place(text) == Block(0, len(text), 1, "ours\r\n")


def test_a_marker_is_a_whole_line_that_names_the_very_cluster() -> None:
    for line in (
        " # BEGIN omconf: conference",
        "# BEGIN omconf: conference-2",
        "#BEGIN omconf: conference",
    ):
        assert find(f"{line}\n", "conference") is None


def test_markers_are_what_is_found() -> None:
    begin, end = markers(Value("conference", FromDefault("cluster")))
    assert place(f"{begin.value}\nours\n{end.value}\n").body == "ours\n"
    assert begin.origin == FromDefault("cluster")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n# BEGIN omconf: conference\nb\n", 2),
        ("a\n# END omconf: conference\n", 2),
        ("# BEGIN omconf: conference\n" + BLOCK, 2),
        (BLOCK + "# END omconf: conference\n", 4),
        (BLOCK + "a\n" + BLOCK, 5),
        ("# BEGIN omconf: conference\n# BEGIN omconf: b\n# END omconf: conference\n", 2),
    ],
)
def test_markers_that_do_not_pair_up_are_a_finding_with_its_line(text: str, line: int) -> None:
    assert fault(text).line == line


def test_the_blocks_of_two_clusters_stand_side_by_side() -> None:
    text = merge(BLOCK, "webinars", "theirs\n")
    assert place(text).body == "ours\n"
    assert merge(text, "conference", None) == merge("", "webinars", "theirs\n")


# Outside and inside


def test_outside_and_inside_blank_each_other_out_and_keep_lines_and_offsets() -> None:
    text = "a\r\n" + BLOCK + "b\n"
    rest, ours = outside(text, place(text)), inside(text, place(text))
    assert rest.replace(" ", "") == "a\r\n\n\n\nb\n"
    assert ours.strip() == BLOCK.strip()
    assert len(rest) == len(ours) == len(text)


def test_without_a_block_all_is_outside() -> None:
    assert outside("a\n", None) == "a\n"
    assert inside("a\n", None) == " \n"


# Merge


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", BLOCK),
        ("a\n", "a\n" + BLOCK),
        ("a", "a\n" + BLOCK),
        ("a\r\nb\r\n", "a\r\nb\r\n" + BLOCK.replace("\n", "\r\n")),
        ("a\r\nb", "a\r\nb\r\n" + BLOCK.replace("\n", "\r\n")),
        ("a\n" + BLOCK.replace("ours", "old\nlines") + "\tb", "a\n" + BLOCK + "\tb"),
        ("a\n" + BLOCK.rstrip("\n"), "a\n" + BLOCK),
        (BLOCK + "a\r\n", BLOCK.replace("\n", "\r\n") + "a\r\n"),
    ],
)
def test_the_block_gets_its_place_and_the_line_ends_of_the_file(before: str, after: str) -> None:
    assert merge(before, "conference", "ours\n") == after


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["x \\", "x \\\\", "x \\ "])
@pytest.mark.parametrize("empty", [0, 1, 2])
def test_a_line_that_goes_on_is_ended_by_an_empty_one(end: str, last: str, empty: int) -> None:
    text = last + end * (1 + empty)
    merged = merge(text, "conference", "ours\n")
    assert merged == text + end + BLOCK.replace("\n", end)
    assert merge(merged, "conference", "ours\n") == merged
    assert merge(merged, "conference", None) == text
    assert merge(merged + "y", "conference", None) == text + end + "y"


def test_a_line_that_goes_on_in_the_block_is_ended() -> None:
    assert merge("x \\\n" + BLOCK, "conference", "ours\n") == "x \\\n\n" + BLOCK


def test_the_body_may_come_with_its_markers() -> None:
    assert merge("a\n", "conference", BLOCK) == merge("a\n", "conference", "ours\n")


def test_a_block_can_go() -> None:
    assert merge("a\n" + BLOCK + "b", "conference", None) == "a\nb"
    assert merge("a", "conference", None) == "a"


def test_a_line_goes_whole_when_all_of_its_entries_are_taken_over() -> None:
    text = "one two\n  three\nfour\n"
    taken = [entry for entry in words(text) if entry.key in ("one", "two", "three")]
    assert merge(text, "conference", "ours\n", taken) == "four\n" + BLOCK


def test_an_entry_goes_alone_when_others_on_its_line_stay() -> None:
    text = "one two three\n"
    taken = [entry for entry in words(text) if entry.key == "two"]
    assert merge(text, "conference", "ours\n", taken) == "one three\n" + BLOCK


def test_merging_into_broken_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="without its END"):
        merge("# BEGIN omconf: conference\n", "conference", "ours\n")
    with pytest.raises(ValueError, match="inside the body"):
        merge("", "conference", "# BEGIN omconf: other\n")
    with pytest.raises(ValueError, match="inside the body"):
        merge("", "conference", BLOCK + "more\n")


pieces = [
    b"word one\n",
    b"\tx\r\n",
    b"\r",
    b"\xff\xfe",
    b"\n",
    b"a b c",
    b"\x0c\xc2\x85\n",
    b"\\\n",
    BLOCK.encode(),
    BLOCK.replace("\n", "\r\n").encode(),
    b"# BEGIN omconf: b\n",
    b"# BEGIN omconf: conference\n",
    b"# END omconf: conference\r\n",
]
raw_bytes = st.one_of(
    st.binary(max_size=200), st.lists(st.sampled_from(pieces), max_size=8).map(b"".join)
)
texts = raw_bytes.map(lambda raw: raw.decode("utf-8", "surrogateescape"))
bodies = st.lists(st.sampled_from(["/data 10.1.1.2(rw)", "", "x\ty"]), max_size=3).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)


@given(st.one_of(texts, st.text(max_size=200)))
def test_looking_for_a_block_never_fails(text: str) -> None:
    block = find(text, "conference")
    if not isinstance(block, Finding):
        assert len(outside(text, block)) == len(inside(text, block)) == len(text)


@given(raw_bytes, bodies)
@example(b"no line end", "ours\n")
@example(b"\xff\r", "ours\n")
def test_every_foreign_byte_is_kept(raw: bytes, body: str) -> None:
    text = raw.decode("utf-8", "surrogateescape")
    block = find(text, "conference")
    assume(not isinstance(block, Finding))
    merged = merge(text, "conference", body)
    placed = place(merged)
    before, after = merged[: placed.start], merged[placed.end :]
    if isinstance(block, Block):
        assert after == text[block.end :]
        there = text[: block.start]
    else:
        # A last line without an end gets one, so that the block begins on a line of its own.
        assert after == ""
        there = text
    assert before.startswith(there)
    *_, last = before.removesuffix("\n").removesuffix("\r").split("\n")
    assert not last.rstrip(" \t\v\f\r").endswith("\\")
    assert re.fullmatch(r"(\r?\n){0,2}", before[len(there) :])
    if block is None and (not text or text.endswith("\n")):
        assert merge(merged, "conference", None) == text
    assert merged.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == merged
    assert placed.body.replace("\r\n", "\n") == body


@given(texts, bodies)
def test_merging_again_changes_nothing(text: str, body: str) -> None:
    block = find(text, "conference")
    assume(not isinstance(block, Finding))
    assert not isinstance(block, Finding)
    taken = words(outside(text, block))[::2]
    once = merge(text, "conference", body, taken)
    assert merge(once, "conference", body) == once
    assert find(merge(once, "conference", None), "conference") is None
