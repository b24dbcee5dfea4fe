"""A plan as a page: whole, the same each time, and never what a deployed file wants it to be."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as parser

from omconf.views import folding, html
from omconf.views import text as text_view
from omconf.views.document import no_plan
from omconf.views.markup import Markup, tag
from omconf.views.visible import visible
from tests.command import EXAMPLES, omconf
from tests.plan.documents import DOCUMENTS, HOSTILE, TEXTS, of_nodes
from tests.views.pages import TAGS, text_of, texts, with_text

PLAN = json.loads((EXAMPLES / "clustering-page/plan.json").read_text())
PLAN_WITHOUT = {key: value for key, value in PLAN.items() if key != "topology"}
LEFT_OUT = "left out to limit the size"


def tree_of(document: dict[str, Any]) -> Any:
    return parser.document_fromstring(html.plan(document).encode())


def page_of(document: dict[str, Any]) -> list[str]:
    drawn = html.plan(document)
    assert html.plan(json.loads(json.dumps(document))) == drawn
    return texts(drawn)


@given(DOCUMENTS)
def test_whatever_the_document_holds(document: dict[str, Any]) -> None:
    found = page_of(document)
    assert all(line.isprintable() for text in found for line in text.split("\n"))
    assert set(found) >= said_of(document)


def test_the_topology_is_that_of_graph() -> None:
    spec = EXAMPLES / "clustering-page/cluster.yaml"
    drawn = omconf("graph", spec, "--format", "svg")
    (image,) = tree_of(PLAN).xpath("//img")
    assert base64.b64decode(image.get("src").partition(",")[2]).decode() == drawn.out
    assert tree_of(PLAN_WITHOUT).xpath("//img") == []


@pytest.mark.parametrize(("links", "ends"), [(1000, 200), (1, 200_000)])
def test_a_picture_that_would_be_too_large(links: int, ends: int) -> None:
    many = {**PLAN["topology"]["links"][0], "nodes": [0] * ends}
    found = page_of({**PLAN, "topology": {**PLAN["topology"], "links": [many] * links}})
    assert any(LEFT_OUT in text for text in found)


def test_a_name_that_many_links_would_repeat() -> None:
    drawn = PLAN["topology"]
    node = {"title": "n" * 10_000, "lines": []}
    found = page_of({**PLAN, "topology": {**drawn, "nodes": [node], "links": drawn["links"] * 9}})
    assert any(LEFT_OUT in text for text in found)


def said_of(document: dict[str, Any]) -> set[str]:
    """What is shown of a document that has room: each an element's text of its own."""
    cut = html._cut
    plain = text_view.Paint(colour=False)
    said = {text_view.summary(document, plain)[-1]} if document["cluster"] else set()
    said |= {cut(d["message"]) for d in folding.findings(document["diagnostics"])}
    said |= {cut(step["why"]) for step in folding.steps(document["rollout"])}
    for group in folding.groups(document["changes"]):
        said |= {cut(change["path"]) for change in group.changes}
        said |= {cut(note) for change in group.changes for note in folding.notes(change)}
        for item in (i for change in group.changes for i in folding.items(change)[0]):
            before, after = text_view.values(item)
            said.add(cut(item["key"]))
            said |= {before} if item["action"] != "create" else set()
            said |= {after} if item["action"] != "delete" else set()
    return said - {""}


@given(DOCUMENTS)
def test_another_parser_finds_no_other_elements(document: dict[str, Any]) -> None:
    tree = tree_of(document)
    assert {element.tag for element in tree.iter()} <= TAGS
    hrefs = {element.get("href", "#") for element in tree.iter()}
    assert all(href.startswith("#") for href in hrefs)
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in hrefs} <= {*ids, ""}


@given(TEXTS)
def test_a_text_is_text(text: str) -> None:
    drawn = tag("p", tag("b", text), text, of="hint")
    assert text_of(drawn) == visible(text) * 2 + "\n"
    assert parser.fragment_fromstring(drawn).text_content() == visible(text) * 2
    (element,) = parser.fragments_fromstring(tag("span", title=text))
    assert element.get("title") == visible(text)


SCHEMES = re.findall(r":root \{(.*?)\}", html._STYLE.read_text(), re.DOTALL)


@pytest.mark.parametrize("scheme", SCHEMES, ids=["light", "dark", "print"])
def test_every_text_has_contrast(scheme: str) -> None:
    """WCAG 2.1, level AA: at least 4.5 to 1."""
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", scheme))
    for text in ("text", "quiet", "link", "green", "amber", "red", "violet"):
        for under in ("page", "card", "inset"):
            assert contrast(colours[text], colours[under]) >= 4.5, (text, under)
    for name in ("green", "amber", "red", "violet"):
        assert contrast(colours[name], colours[f"on-{name}"]) >= 4.5, name
    assert contrast(colours["text"], colours["on-red"]) >= 4.5


def contrast(one: str, other: str) -> float:
    dark, light = sorted(luminance(colour) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_anywhere(text: str) -> None:
    assert page_of(with_text(PLAN, text))


def test_what_is_no_text_would_be_noticed() -> None:
    page = html.plan({**PLAN, "cluster": "name"})
    for hostile in ("<b>", "<!-- x -->", "<img src=x>", "<p onclick=x>y</p>", "</main>", "<?x?>"):
        with pytest.raises(AssertionError):
            texts(page.replace(">name<", f">{hostile}<"))
    assert Markup("<b>") in tag("p", Markup("<b>"))


def test_the_example() -> None:
    found = " ".join(page_of(PLAN))
    for shown in (
        "Plan: 12 to create, 5 to update, 0 to delete on 2 of 2 nodes. All nodes must stop.",
        "warning[OM315]",
        "stops, then starts",
        "stops openmeetings.service",
        "restarts omconf-multicast-route.service",
        "224.0.0.0",
        "Deployed files were read from copies of the nodes' files.",
    ):
        assert shown in found


def test_who_restarts_and_who_could_not_be_read() -> None:
    step = {"step": 1, "nodes": ["om1"], "why": "new files", "undo": []}
    rollout = [
        {**step, "actions": [service("restart")]},
        {**step, "nodes": ["om2"], "actions": [service("stop")]},
        {**step, "nodes": ["om3"], "actions": [manual("Start OpenMeetings on this node.")]},
        {**step, "nodes": ["om4"], "actions": [{**service("restart"), "unit": "omconf-x.service"}]},
    ]
    unread = {"rule": "OM302", "severity": "error", "node": "om5", "message": "no route"}
    source = {"kind": "ssh", "nodes": [f"om{n}" for n in range(1, 7)]}
    document = {
        **PLAN,
        "source": source,
        "changes": [],
        "rollout": rollout,
        "diagnostics": [unread],
    }
    found = tree_of(document)
    tiles = {
        tile[0].text_content(): [part.text for part in tile[1:]]
        for tile in found.xpath("//ul[@class='nodes']/li")
    }
    assert tiles == {
        "om1": ["unchanged", "restarts"],
        "om2": ["unchanged", "stops"],
        "om3": ["unchanged", "starts"],
        "om4": ["unchanged"],
        "om5": ["could not be read"],
        "om6": ["unchanged"],
    }
    assert len(found.xpath("//span[@class='tag manual']")) == 1


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, "fine"),
        ({"complete": False}, "rolling"),
        ({"diagnostics": [{"rule": "OM320", "severity": "warning", "message": "x"}]}, "rolling"),
        ({"diagnostics": [{"rule": "OM302", "severity": "error", "message": "x"}]}, "stops"),
        ({"summary": {**PLAN["summary"], "disruption": "rolling"}}, "rolling"),
        ({"summary": {**PLAN["summary"], "disruption": "all"}}, "stops"),
    ],
)
def test_its_colour_says_how_bad_it_is(changed: dict[str, Any], state: str) -> None:
    summary = {**PLAN["summary"], "disruption": "none"}
    calm = {**PLAN, "diagnostics": [], "rollout": [], "summary": summary}
    assert f'class="summary {state}"' in html.plan({**calm, **changed})


def service(do: str) -> dict[str, Any]:
    return {"type": "service", "do": do, "unit": "openmeetings.service", "timeout": 9}


def manual(text: str) -> dict[str, Any]:
    return {"type": "manual", "who": "admin", "text": text, "files": []}


@pytest.mark.parametrize("name", ["new", "by-hand", "one-changed"])
def test_many_nodes_take_no_more_room_than_some(name: str) -> None:
    few, many = (html.plan(of_nodes(number, name)) for number in (40, 120))
    assert not any(LEFT_OUT in text for text in texts(many))
    assert len(many) < len(few) + 2_000
    assert many.count('class="name"') < 10


def test_what_there_is_no_room_for_is_counted() -> None:
    change = PLAN["changes"][0]
    changes = [{**change, "node": f"n{i}", "path": f"/{i}{'x' * 1000}"} for i in range(2_000)]
    found = [
        {"rule": f"OM{i:03}", "severity": "error", "message": f"{i}{'x' * 1000}"}
        for i in range(999)
    ]
    step = PLAN["rollout"][0]
    rollout = [{**step, "step": i, "why": f"{i}{'x' * 1000}"} for i in range(1, 999)]
    document = {**PLAN, "changes": changes, "diagnostics": found, "rollout": rollout}
    drawn = html.plan(document)
    assert len(drawn) < html.MAX_PAGE * 1.1
    left = [text for text in texts(drawn) if LEFT_OUT in text]
    assert [text.split()[4] for text in left] == ["findings,", "nodes,", "steps,"]
    assert drawn.count('class="group"') == 2_000 - int(left[1].split()[2])


@given(st.sampled_from(HOSTILE), st.integers(0, 3))
def test_no_plan(message: str, number: int) -> None:
    found = [{"rule": "OM101", "severity": "error", "message": message}] * number
    assert "The plan failed." in page_of({**no_plan([]), "diagnostics": found})


def saved(tmp_path: Path, *options: str) -> Any:
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    return omconf("show", "plan.json", *options, cwd=tmp_path)


@pytest.mark.parametrize("form", [(), ("--json",), ("--markdown",)])
def test_what_is_printed_stays_the_same(tmp_path: Path, form: tuple[str, ...]) -> None:
    assert saved(tmp_path, *form, "--html", "page.html") == saved(tmp_path, *form)
    assert (tmp_path / "page.html").read_text() == html.plan(PLAN)
    assert saved(tmp_path, "--html", "page.html").code == 0, "an earlier page is replaced"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["page.html", "plan.json"]


def test_plan_and_show_write_the_same_page(tmp_path: Path) -> None:
    spec = (EXAMPLES / "clustering-page/cluster.yaml").read_text()
    (tmp_path / "cluster.yaml").write_text(spec)
    (tmp_path / "trees/om1").mkdir(parents=True)
    (tmp_path / "trees/om2").mkdir()
    options = ("--deployed", "trees", "--out", "saved", "--html", "one.html", "-q")
    assert omconf("plan", *options, cwd=tmp_path, env={"OM_DB_PASSWORD": "x"}).code == 0
    assert omconf("show", "saved", "--html", "two.html", cwd=tmp_path).code == 0
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_it_is_an_ordinary_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert saved(tmp_path, "--html", "page.html").code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o640


@pytest.mark.parametrize("there", ["<!doctype html>\n<p>mine", "omconf: 1\n"])
def test_nothing_else_is_replaced(tmp_path: Path, there: str) -> None:
    (tmp_path / "page.html").write_text(there)
    done = saved(tmp_path, "--json", "--html", "page.html")
    assert done.code == 1
    assert "OM330" in done.out
    assert (tmp_path / "page.html").read_text() == there
    assert saved(tmp_path, "--html", "no/such/page.html").code == 1
    assert saved(tmp_path, "--html", "plan.json").code == 1
