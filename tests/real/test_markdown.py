"""Markdown, checked by the program that GitHub renders it with: what a file says stays text."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from lxml import html

from omconf.views import markdown
from tests.command import EXAMPLES
from tests.needs import needs
from tests.plan.documents import DOCUMENTS, HOSTILE

pytestmark = needs("cmark-gfm")
EXTENSIONS = ("table", "strikethrough", "autolink", "tasklist")
TAGS = {"body", "p", "strong", "details", "summary", "code", "pre"}
PLAN = json.loads((EXAMPLES / "clustering-page/plan.json").read_text())


def _rendered(text: str) -> html.HtmlElement:
    command = ["cmark-gfm", "--unsafe"]
    for extension in EXTENSIONS:
        command += ["-e", extension]
    done = subprocess.run(command, input=text.encode(), capture_output=True)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return html.document_fromstring(f"<html><body>{done.stdout.decode()}</body></html>").find(
        "body"
    )


def _outside_of_code(text: str) -> str:
    """What is Markdown and HTML to the program, code left out; only omconf's tags are there."""
    body = _rendered(text)
    for element in body.iter():
        assert element.tag in TAGS, element.tag
        assert set(element.attrib) <= {"class"}
    for details in body.iter("details"):
        assert [child.tag for child in details] == ["summary", "pre"]
        assert details.getparent() is body
    for code in [*body.iter("code")]:
        code.text = ""
        assert len(code) == 0
    return str(body.text_content())


def _everywhere(part: dict[str, Any], text: str) -> dict[str, Any]:
    for key in ("node", "path", "key", "before", "after", "hint", "why", "message", "cluster"):
        if key in part:
            part[key] = text
    if "nodes" in part and isinstance(part["nodes"], list):
        part["nodes"] = [text]
    return part


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_stays_code(text: str) -> None:
    found = {"rule": "OM301", "severity": "error", "node": "x", "message": "y"}
    harmless = {**PLAN, "diagnostics": [found]}
    hostile = json.loads(json.dumps(harmless), object_hook=lambda part: _everywhere(part, text))
    # With the same number of nodes, so that all that may differ is text.
    plain = json.loads(json.dumps(harmless), object_hook=lambda part: _everywhere(part, "x"))
    assert _outside_of_code(markdown.plan(hostile)) == _outside_of_code(markdown.plan(plain))


@given(DOCUMENTS)
@settings(max_examples=50)
def test_whatever_a_document_holds_cut_or_not(document: dict[str, Any]) -> None:
    for most in (markdown.LEAST, 3_000, markdown.MAX_COMMENT):
        _outside_of_code(markdown.plan(document, most))


def test_a_text_that_is_not_escaped_would_be_noticed() -> None:
    text = markdown.plan({**PLAN, "cluster": "x"}).replace("<code>x", "<code>x</code><b>y</b>")
    with pytest.raises(AssertionError):
        _outside_of_code(text)
    closed = markdown.plan(PLAN).replace("```diff\n", "```diff\n```\n[x](//evil.example)\n")
    with pytest.raises(AssertionError):
        _outside_of_code(closed)
