"""A page of a plan, read back: only elements and attributes of omconf's own, all else is text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

from lxml import etree

from omconf.views import html

EMPTY = {"meta", "img"}
"""Elements that have no end."""
TAGS = EMPTY | {"html", "head", "body", "title", "style"} | {"header", "main", "footer", "nav"}
TAGS |= {
    "section",
    "article",
    "details",
    "summary",
    "div",
    "span",
    "h1",
    "h2",
    "h3",
    "p",
    "ul",
    "ol",
}
SVG = {"svg", "title", "desc", "style", "rect", "g", "text", "path", "circle"}
TAGS |= {"li", "a", "b", "strong", "small", "code", "pre", "del", "ins"}
CLASSES = set(re.findall(r"\.([a-z]+)", html._STYLE.read_text()))
CLASSES |= {"changed", "reformat"}
ATTRIBUTES = {
    "class": r"[a-z ]+",
    "id": r"topology|nodes|findings|changes|roll-out|change-[0-9]+",
    "href": r"#(topology|nodes|findings|changes|roll-out|change-[0-9]+)",
    "title": r"(\d+ to )?(create|update|delete|reformat)|omconf owns a block of this file",
    "open": "",
}


def _check_image(attributes: dict[str, str | None]) -> None:
    """Check that an image is an SVG inside the page, of omconf's own elements."""
    assert attributes.keys() == {"src", "alt"}
    assert (attributes["alt"] or "").isprintable()
    kind, _, data = str(attributes["src"]).partition(",")
    assert kind == "data:image/svg+xml;base64"
    drawn = etree.fromstring(base64.b64decode(data, validate=True))
    assert {etree.QName(element).localname for element in drawn.iter()} <= SVG
    names = {str(name) for element in drawn.iter() for name in element.attrib}
    assert not {name for name in names if "href" in name or name.startswith("on")}


class _Reader(HTMLParser):
    """Collects texts; raises AssertionError for what omconf does not write."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.inside: list[str] = []
        self.texts: list[str] = []
        self.styles: list[str] = []
        self.metas: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        if tag == "meta":
            self.metas.append(dict(attrs))
            return
        if tag == "img":
            _check_image(dict(attrs))
            return
        for name, value in attrs:
            if tag == "html":
                assert (name, value) == ("lang", "en")
                continue
            assert name in ATTRIBUTES, name
            assert re.fullmatch(ATTRIBUTES[name], value or ""), (name, value)
            assert name != "class" or set((value or "").split()) <= CLASSES, value
        self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.styles if self.inside[-1:] == ["style"] else self.texts).append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("an instruction")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError("a declaration")


def with_text(document: dict[str, Any], text: str) -> dict[str, Any]:
    """A document with a text wherever one from elsewhere can stand."""

    def everywhere(part: dict[str, Any]) -> dict[str, Any]:
        free = ("node", "path", "key", "before", "after", "hint", "why", "message", "cluster")
        drawn = ("discovery", "title", "label")
        part |= dict.fromkeys(part.keys() & {*free, *drawn}, text)
        for key in ("nodes", "argv", "notes", "lines"):
            listed = part.get(key)
            if isinstance(listed, list) and all(isinstance(inner, str) for inner in listed):
                part[key] = [text]
        return part

    found: dict[str, Any] = json.loads(json.dumps(document), object_hook=everywhere)
    return found


def texts(page: str) -> list[str]:
    """The texts of a page that is well-formed, has no markup but omconf's, and loads nothing."""
    assert page.encode().startswith(html.START)
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.inside == []
    (style,) = reader.styles
    assert style == "\n" + html._STYLE.read_text()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = (m["content"] for m in reader.metas if "http-equiv" in m)
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none';"
        " form-action 'none'"
    )
    assert len(reader.metas) == 6
    return reader.texts


def text_of(drawn: str) -> str:
    """The text of an element, as a parser reads it."""
    reader = _Reader()
    reader.feed(drawn)
    reader.close()
    return "".join(reader.texts)
