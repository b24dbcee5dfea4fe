"""Single keys of a .properties file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from omconf.formats.properties import malformed, merge, pair, read, without

TEXT = """\
# a comment = not a key
! another
plain=value
colon: with spaces \\
    and a second line
spaced   key
empty=
uni=\\u00e4\\t.
plain=again
"""


def test_java_reads_it_so() -> None:
    values = {key: setting.value for key, setting in read(TEXT).items()}
    assert values == {
        "plain": "again",
        "colon": "with spaces and a second line",
        "spaced": "key",
        "empty": "",
        "uni": "ä\t.",
    }
    assert (read(TEXT)["colon"].line, read(TEXT)["colon"].last_line) == (4, 5)


def test_bytes_are_read_as_java_reads_them() -> None:
    for raw, value in ((b"k\xfcche=schl\xfcssel", "schlüssel"), (b"a=\xc3\xbc", "Ã¼")):
        text = raw.decode("utf-8", "surrogateescape")
        ((key, setting),) = read(text).items()
        assert setting.value == value
        assert merge(text, {key: value}) == text
        assert merge(text, {key: "ü"}) == pair(key, "ü")


def test_merging_touches_only_the_keys_that_are_ours() -> None:
    merged = merge(TEXT, {"colon": "x", "empty": "", "new": "a,b"})
    assert (
        merged
        == TEXT.replace("colon: with spaces \\\n    and a second line", "colon=x") + "new=a,b\n"
    )
    assert merge("a=1\r\nb=2", {"b": "3", "c": "4"}) == "a=1\r\nb=3\r\nc=4\r\n"


def test_a_carriage_return_alone_ends_a_line() -> None:
    text = "# note\ra=old\rtheirs=1\rb=x\\\r  y\r\rc=2"
    assert {k: (s.value, s.line) for k, s in read(text).items()} == {
        "a": ("old", 2),
        "theirs": ("1", 3),
        "b": ("xy", 4),
        "c": ("2", 7),
    }
    assert merge(text, {"a": "new", "b": "z"}) == "# note\ra=new\rtheirs=1\rb=z\r\rc=2"
    assert without(text, ["a", "b"]) == "# note\rtheirs=1\r\rc=2"
    assert merge("a=1\r", {"b": "2"}) == "a=1\rb=2\n"
    assert merge("a=1\\\r\r\n", {"a": "2"}) == "a=2\r\n"


def test_java_refuses_a_file_with_an_unfinished_code() -> None:
    for fine in (
        r"a=\u00e4",
        r"a=\\users",
        r"# C:\users",
        r"a=\U",
        "a=b\\\nu=c",
        "a=\\u00\\\n  e4",
    ):
        assert malformed(f"x=1\n{fine}\n") is None, fine
    for wrong in (r"dir=C:\users", r"\u12=a", r"a=\\\u00g1", r"a=\u00"):
        assert malformed(f"x=1\n{wrong}\n") == 2, wrong


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(st.dictionaries(WORDS, WORDS, max_size=4))
def test_what_is_written_is_read_back(settings: dict[str, str]) -> None:
    text = merge("# head\nother = 1\n", settings)
    assert {k: v.value for k, v in read(text).items()} == {"other": "1", **settings}
    assert merge(text, settings) == text


@given(st.text("ab=: \\\n\r#!u0", max_size=40), st.dictionaries(WORDS, WORDS, max_size=2))
def test_any_file_keeps_what_is_not_ours(text: str, settings: dict[str, str]) -> None:
    before = {k: s.value for k, s in read(text).items() if k not in settings}
    after = {k: s.value for k, s in read(merge(text, settings)).items()}
    assert settings.items() <= after.items()
    if not text.rstrip("\r\n").endswith("\\"):
        assert {k: v for k, v in after.items() if k not in settings} == before


def test_pair() -> None:
    assert pair("a b", " x\ny") == "a\\ b=\\ x\\ny"
