"""What is beyond a limit of omconf is reported where reading ends; nothing is left out in silence."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.artifacts import exports, fstab, samba, setenv
from omconf.artifacts.model import BlockKind
from omconf.artifacts.reading import Reading
from omconf.diagnostics import Finding
from omconf.findings import MAX_FINDINGS
from omconf.formats import java_opts, xml_reader
from omconf.formats.exports import MAX_DEFAULTS
from omconf.rules import BEYOND_LIMIT, UNUSABLE_FILE
from omconf.schema import xsd

FILES = [
    (exports.KIND, "omconf.formats.exports", "", "/a h{i}\n"),
    (exports.KIND, "omconf.formats.exports", "/a", " h{i}"),
    (fstab.KIND, "omconf.formats.fstab", "", "a /m{i} ext4 rw 0 0\n"),
    (samba.KIND, "omconf.artifacts.samba", "", "p{i} = a\n"),
    (samba.KIND, "omconf.artifacts.samba", "", "[s{i}]\n"),
    (setenv.KIND, "omconf.artifacts.setenv", 'omconf_options="\\', "\n '-Da{i}=b'\\"),
]


def beyond(findings: list[Finding]) -> list[int]:
    return [finding.line for finding in findings if finding.rule is BEYOND_LIMIT]


@pytest.mark.parametrize(("kind", "module", "head", "part"), FILES)
def test_entries_beyond_the_limit_are_not_read_and_that_is_reported(
    monkeypatch: pytest.MonkeyPatch, kind: BlockKind, module: str, head: str, part: str
) -> None:
    monkeypatch.setattr(f"{module}.MAX_ENTRIES", 20)
    within, beside = (head + "".join(part.format(i=i) for i in range(n)) for n in (20, 21))
    entries, findings = kind.entries(within)
    assert (len(entries), findings) == (20, [])
    entries, findings = kind.entries(beside)
    assert len(entries) <= 20
    assert beyond(findings) == [beside.rstrip().count("\n") + 1]


def test_a_file_with_more_items_than_the_limit_counts_as_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("omconf.artifacts.reading.MAX_ENTRIES", 3)
    reading = Reading()
    for number in range(1, 6):
        reading.add(f"k{number}", "v", number)
    assert (len(reading.items), reading.broken, beyond(reading.findings)) == (3, True, [4])
    assert not Reading.by_line("1\n2\n3").broken
    assert Reading.by_line("1\n2\n3\n").broken


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (exports.KIND, "/a h(\n"),
        (exports.KIND, "/a (rw)\n"),
        (fstab.KIND, "a\n"),
        (samba.KIND, "=\n"),
    ],
)
def test_findings_beyond_the_limit_are_left_out_and_that_is_reported(
    kind: BlockKind, wrong: str
) -> None:
    _, findings = kind.entries(wrong * (MAX_FINDINGS + 50))
    assert len(findings) == MAX_FINDINGS + 1
    assert beyond(findings) == [findings[-1].line]


def test_the_defaults_of_an_exports_line_have_a_limit_in_bytes() -> None:
    words = [f"-refer={number:0400}" for number in range(3)]
    words += [f"-sec={':'.join(f'f{number}{i:03}' for i in range(80))}" for number in range(4)]
    entries, findings = exports.KIND.entries(f"/a {' h '.join(words)} h9\n")
    assert len(entries) == len(words)
    assert beyond(findings) == [1]
    assert max(len(entry.value) for entry in entries) <= MAX_DEFAULTS


def test_as_many_defaults_as_one_likes_that_come_to_little() -> None:
    line = "/a" + "".join(f" -{'rw' if i % 2 else 'ro'} h{i}" for i in range(5000))
    entries, findings = exports.KIND.entries(line)
    assert findings == []
    assert [entry.value.split(",")[1] for entry in entries] == ["ro", "root_squash"] * 2500


def test_options_that_exportfs_has_no_room_for_are_refused() -> None:
    """As of a client, exportfs 2.6 takes 511 bytes of `-options` (see tests/real)."""
    right, wrong = (f"/a -{'rw,' * count}sync om2\n" for count in (168, 170))
    assert exports.KIND.entries(right)[1] == []
    (finding,) = exports.KIND.entries(wrong)[1]
    assert finding.rule is UNUSABLE_FILE


def test_names_of_elements_may_not_multiply() -> None:
    name = "n" * xml_reader.MAX_PATH
    found = xsd.parse(f'<a>\n<map name="{name}"><b/></map></a>'.encode())
    assert isinstance(found, xsd.Fault)
    assert found.line == 2
    nested = "<bcd>" * (xml_reader.MAX_PATH // 3) + "</bcd>" * (xml_reader.MAX_PATH // 3)
    assert isinstance(xsd.parse(nested.encode()), xsd.Fault)


@given(st.text(st.sampled_from("ab'\"\\ \t\n$")))
def test_a_shells_words_are_those_of_shlex(text: str) -> None:
    try:
        words = shlex.split(text)
    except ValueError:
        words = None
    assert java_opts.split(text) == words
