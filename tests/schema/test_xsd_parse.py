"""Reading hostile XML: every refusal is a Fault with a line, none tells what stands in the file."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omconf.schema import xsd
from tests.schema.documents import DEPLOYED, PERSISTENCE, SECRET, WRITTEN

HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
LAUGHS = HEAD + (
    b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>'
    b"<a>&d;</a>"
)

HOSTILE: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 1, "is empty"),
    "blank": (b"\n\n", 3, "is empty"),
    "NUL alone": (b"\0", 1, "is empty"),
    "NUL inside": (HEAD + b"<a>\n\0</a>", 3, "does not allow"),
    "NUL by number": (HEAD + b"<a>&#0;</a>", 2, "does not allow"),
    "5 MiB": (b"<a>" + b" " * 5 * 1024 * 1024 + b"</a>", 1, "4 MiB"),
    "deep": (HEAD + b"<a>" * 10_000 + b"</a>" * 10_000, 2, "too deeply"),
    "many elements": (HEAD + b"<a>" + b"<b/>" * 20_000 + b"</a>", 1, "20000 elements"),
    "many attributes": (
        HEAD + b"<a>\n<b " + b" ".join(b'a%d=""' % i for i in range(101)) + b"/></a>",
        3,
        "100 attributes",
    ),
    "long name": (HEAD + b"<" + b"a" * 60_000 + b"/>", 2, "too long"),
    "DOCTYPE": (HEAD + b"<!-- <!DOCTYPE -->\n<!DOCTYPE a>\n<a/>", 3, "DOCTYPE"),
    "DOCTYPE with a comment": (b"<?a ?>\n<!-- \n -->\n<!DOCTYPE a []><a/>", 4, "DOCTYPE"),
    "DOCTYPE after a byte order mark": (b"\xef\xbb\xbf\n<!DOCTYPE a><a/>", 2, "DOCTYPE"),
    "DOCTYPE in UTF-16": ("\ufeff\n<!DOCTYPE a><a/>".encode("utf-16-be"), 2, "DOCTYPE"),
    "DOCTYPE in UTF-16, no mark": ("<!DOCTYPE a><a/>".encode("utf-16-le"), 1, "DOCTYPE"),
    "DOCTYPE in UTF-32": ("\ufeff<!DOCTYPE a><a/>".encode("utf-32"), 1, ""),
    "DOCTYPE in EBCDIC": (
        '<?xml version="1.0" encoding="cp037"?><!DOCTYPE a><a/>'.encode("cp037"),
        1,
        "",
    ),
    "DOCTYPE from elsewhere": (
        HEAD + b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
        2,
        "DOCTYPE",
    ),
    "entity from a file": (
        HEAD + b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>\n<a>&e;</a>',
        2,
        "DOCTYPE",
    ),
    "a billion laughs": (LAUGHS, 2, "DOCTYPE"),
    "unknown entity": (HEAD + b"<a>\n&nbsp;</a>", 3, "entity"),
    "and sign": (HEAD + b'<a b="x & y"/>', 2, "&amp;"),
    "not the declared encoding": (HEAD + b"<a>\n\xe9</a>", 3, "encoding"),
    "ASCII with umlauts": (
        b'<?xml version="1.0" encoding="US-ASCII"?>\n<a>\xc3\xbc</a>',
        1,
        "encoding",
    ),
    "declared as UTF-16": (b'<?xml version="1.0" encoding="UTF-16"?>\n<a/>', 1, "encoding"),
    "unknown encoding": (b'<?xml version="1.0" encoding="utf-9"?>\n<a/>', 1, "not known"),
    "text": (b"<VirtualHost *:80>", 1, ""),
    "not even text": (bytes(range(256)), 1, ""),
    "no root": (HEAD + b"<!-- nothing -->", 2, "is empty"),
    "two roots": (HEAD + b"<a/>\n<b/>", 3, "follows the end"),
    "cut off": (HEAD + b"<a>\n<b>", 3, "ends inside"),
    "cut off in a tag": (HEAD + b"<a>\n<b", 3, "not closed"),
    "wrong end tag": (HEAD + b"<a>\n<b>\n</a>", 4, "end tag"),
    "no quotes": (HEAD + b"<a b=1/>", 2, "quotes"),
    "no value": (HEAD + b"<a b/>", 2, "without a value"),
    "attribute twice": (HEAD + b'<a b="1" b="2"/>', 2, "duplicate"),
    "less-than in an attribute": (HEAD + b'<a b="<"/>', 2, "&lt;"),
    "quote in a quote": (HEAD + b'<a b="1"2"/>', 2, "&quot;"),
    "unknown prefix": (HEAD + b'<a>\n<b:c/></a>', 3, "prefix"),
    "declaration too late": (b"\n" + HEAD + b"<a/>", 2, "very beginning"),
    "comment in a comment": (HEAD + b"<a><!-- <!-- --> --></a>", 2, "--"),
    "version 9": (b'<?xml version="9"?><a/>', 1, "not XML"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_faults_with_a_line(name: str) -> None:
    data, line, says = HOSTILE[name]
    begin = time.monotonic()
    fault = xsd.parse(data)
    assert isinstance(fault, xsd.Fault)
    assert (fault.line, says in fault.reason) == (line, True), fault.reason
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize(
    "value",
    [
        'a"%s',
        'a" %s="b',
        "a<%s>",
        "&%s;",
        "&%s",
        "%s\0",
        "%s\x01",
        '"/><%s',
        '"/><%s:a/>',
        '" %s:a="',
        '"></%s>',
        '"><![CDATA[%s',
        '"><!-- %s -- ',
        '"><?xml %s?>',
        '" xmlns:%s="',
    ],
)
def test_a_broken_file_does_not_give_a_secret_away(value: str) -> None:
    text = PERSISTENCE.replace(SECRET, value.replace("%s", SECRET))
    read = xsd.parse(text.encode())
    faults = [read] if isinstance(read, xsd.Fault) else xsd.faults(read, "persistence-2.0.xsd")
    assert faults
    assert SECRET not in f"{faults}"


def test_broken_bytes_do_not_give_a_secret_away() -> None:
    for encoding in ("latin-1", "utf-16", "utf-7", "cp037"):
        fault = xsd.parse(PERSISTENCE.replace(SECRET, f"{SECRET}é&").encode(encoding))
        assert isinstance(fault, xsd.Fault)
        assert SECRET not in f"{fault}"


def test_what_xml_allows_is_read() -> None:
    text = "<a b='1&#10;2'>&lt;<![CDATA[&]]>é<!-- c --><?d e?></a>"
    for encoding, mark in (("utf-8", ""), ("utf-8", "\ufeff"), ("utf-16", ""), ("iso-8859-1", "")):
        declared = f'{mark}<?xml version="1.0" encoding="{encoding}"?>{text}'
        root = xsd.parse(declared.encode(encoding))
        assert not isinstance(root, xsd.Fault)
        assert (root.text, root.get("b"), len(root)) == ("<&é", "1\n2", 0)


def test_lines_are_where_a_start_tag_ends() -> None:
    root = xsd.parse(b"<a>\n<b\n c='1'\n d='2'\n/>" + b"\n" * 70_000 + b"<e/></a>")
    assert not isinstance(root, xsd.Fault)
    lines: list[object] = [child.sourceline for child in root]
    assert lines == [5, 70_005]


@given(st.binary(max_size=300))
def test_any_bytes_give_a_document_or_a_fault(data: bytes) -> None:
    found = xsd.parse(data)
    if isinstance(found, xsd.Fault):
        assert found.line > 0
        assert found.reason


@settings(deadline=None)
@given(
    st.sampled_from([WRITTEN, DEPLOYED, PERSISTENCE]),
    st.integers(0, 2_000),
    st.integers(0, 40),
    st.sampled_from(["", "<", ">", "&", '"', "/", "<a>", "</map>", "\0", "é", "<!--", "-->", " "]),
)
def test_any_edit_gives_faults_and_no_error(text: str, at: int, length: int, put: str) -> None:
    document = xsd.parse((text[:at] + put + text[at + length :]).encode())
    if isinstance(document, xsd.Fault):
        assert document.line > 0
        return
    for schema in ("hazelcast.xsd", "hazelcast-deployed.xsd", "persistence-2.0.xsd"):
        copy = xsd.known(document, schema)
        for checked in (document, copy):
            refused = xsd.refusal(checked, schema)
            assert bool(refused) == bool(xsd.by_xmlschema(checked, schema)), "the engines differ"
            assert all(fault.line > 0 for fault in refused)
