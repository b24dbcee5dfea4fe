"""The drawings: well formed whatever stands in a cluster, and every text as it was."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from omconf.topology import dot, mermaid, svg
from omconf.topology.model import Box, Link, Role, Topology, topology
from tests.clusters import cluster_of, simple, spec_of, specs

HOSTILE = [
    "/a \"b\" 'c' \\n",
    "</text>&lt;&#60;#quot;",
    "%%{init: {}}%%",
    "style x:y#z;",
    "classDef:#1;",
    "`x` | [y] (z) {w}",
    "-->|a|",
    "日本 é … \U0001f4be",
]
DRAWINGS = [mermaid.draw, dot.draw, svg.draw]
printable = st.text(st.characters(), min_size=1, max_size=30).filter(str.isprintable)


def hostile(texts: list[str]) -> Topology:
    """A picture in which any text stands in every place."""
    first = texts[0]
    nodes = tuple(Box(Role.NODE, text, (text, text)) for text in texts)
    servers = tuple(Box(role, first, (first,)) for role in (Role.DATABASE, Role.DATA))
    links = (Link(tuple(range(len(nodes))), 0, first), Link((0,), 1, first, runs=True))
    return Topology(first, first, nodes, servers, links)


def texts_of(drawn: Topology) -> set[str]:
    boxes = [text for box in (*drawn.nodes, *drawn.servers) for text in (box.title, *box.lines)]
    return {*boxes, *(link.label for link in drawn.links)}


def mermaid_texts(text: str) -> set[str]:
    """The labels of a Mermaid text, read as its grammar does: a quote ends a label."""
    found = set()
    for line in text.splitlines():
        assert line.count('"') in (0, 2), line
        for label in re.findall(r'"(.*)"', line):
            assert not re.search(r"style.*:\S*#.*;|classDef.*:\S*#.*;|%%", line)
            for part in label.split("<br/>"):
                assert not re.search("[<>&]", part)
                found.add(re.sub(r"#([0-9]+);", lambda code: chr(int(code[1])), part))
    return found


def dot_texts(text: str) -> set[str]:
    """The labels of a DOT text; outside of them all brackets are balanced."""
    quoted = re.compile(r'"(?:[^"\\]|\\.)*"')
    outside = quoted.sub("", text)
    assert '"' not in outside
    for pair in ("{}", "[]"):
        assert outside.count(pair[0]) == outside.count(pair[1])
    found = set()
    for label in quoted.findall(text):
        code = re.sub(r"\\(.)", lambda code: "\n" if code[1] == "n" else code[1], label[1:-1])
        found |= set(html.unescape(code).split("\n"))
    return found


def svg_texts(text: str) -> set[str]:
    """The texts that an SVG shows."""
    return {element.text or "" for element in etree.fromstring(text).iter("{*}text")}


@settings(max_examples=40, deadline=None)
@given(specs())
def test_every_cluster_is_drawn_with_all_its_texts(data: dict[str, object]) -> None:
    drawn = topology(cluster_of(data))
    texts = texts_of(drawn)
    assert texts <= mermaid_texts(mermaid.draw(drawn))
    assert texts <= dot_texts(dot.draw(drawn))
    described = etree.fromstring(svg.draw(drawn)).findtext("{*}desc", "")
    assert all(text in described for text in texts)


@settings(max_examples=100, deadline=None)
@given(st.lists(printable | st.sampled_from(HOSTILE), min_size=1, max_size=5))
@example(HOSTILE)
def test_any_text_can_stand_anywhere(texts: list[str]) -> None:
    drawn = hostile(texts)
    assert set(texts) <= mermaid_texts(mermaid.draw(drawn))
    assert set(texts) <= dot_texts(dot.draw(drawn))
    assert set(texts) <= svg_texts(svg.draw(drawn))


@pytest.mark.parametrize("draw", DRAWINGS)
def test_many_nodes_are_small(draw: Callable[[Topology], str]) -> None:
    drawn = draw(topology(simple(1000)))
    assert len(drawn) < 6000
    assert "999 nodes" in drawn


def test_an_svg_needs_nothing_else() -> None:
    drawn = svg.draw(topology(simple(20)))
    assert drawn.isascii()
    assert "prefers-color-scheme: dark" in drawn
    root = etree.fromstring(drawn)
    assert root.get("role") == "img"
    assert root.findtext("{*}title") == "OpenMeetings cluster conference"
    assert "om1, 10.1.1.1, om1.example.org:5443" in root.findtext("{*}desc", "")
    tags = {etree.QName(element).localname for element in root.iter()}
    assert tags == {"svg", "title", "desc", "style", "g", "rect", "path", "circle", "text"}
    assert not re.search("url\\(|@import|href|http(?!://www.w3.org/2000/svg)", drawn)


@settings(max_examples=40, deadline=None)
@given(specs())
@example(spec_of(30, database={"host": "om7"}, storage={"server": "om30"}))
@example(spec_of(1000, database={"host": "om7"}))
def test_boxes_of_an_svg_lie_inside_and_apart(data: dict[str, object]) -> None:
    root = etree.fromstring(svg.draw(topology(cluster_of(data))))
    names = ("x", "y", "width", "height")
    boxes = [[int(rect.get(name, "0")) for name in names] for rect in root.iterfind("{*}g/{*}rect")]
    for x, y, width, height in boxes:
        assert x >= 0
        assert y >= 0
        assert x + width <= int(root.get("width", "0"))
        assert y + height <= int(root.get("height", "0"))
    for (x, y, width, height), (x2, y2, width2, height2) in combinations(boxes, 2):
        apart = x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y
        assert apart


@pytest.mark.parametrize("nodes", [1, 2, 3, 4, 9])
def test_no_line_of_a_server_runs_down_on_top_of_a_nodes(nodes: int) -> None:
    """They would look like one line, from a server to what another server's line leads to."""
    for width in range(1, 44):
        boxes = tuple(Box(Role.NODE, f"n{n}", ("x" * width,)) for n in range(nodes))
        servers = tuple(Box(role, "s", ("10.1.1.10:5432",)) for role in (Role.DATABASE, Role.DATA))
        everywhere = tuple(range(nodes))
        links = (Link(everywhere, 0, "a"), Link(everywhere, 1, "b"), Link((0,), 1, "c", runs=True))
        drawn = etree.fromstring(svg.draw(Topology("c", "d", boxes, servers, links)))
        runs = [
            (link, int(x), int(top), int(bottom))
            for link, path in enumerate(drawn.iter("{*}path"))
            for x, top, bottom in re.findall(r"M(\d+) (\d+)V(\d+)", path.get("d", ""))
        ]
        for one, other in combinations(runs, 2):
            beside = abs(one[1] - other[1]) >= 4
            below = one[3] <= other[2] or other[3] <= one[2]
            assert one[0] == other[0] or beside or below, (width, one, other)
