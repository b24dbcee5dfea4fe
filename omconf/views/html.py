"""The plan as one HTML page that needs nothing else; drawn from the document alone.

It has no script, loads nothing, and its Content-Security-Policy allows only its
own style sheet and images.
Deployed files are hostile: every text goes through `tag`, which escapes what is not markup of ours.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from omconf.rollout import text
from omconf.views import folding, nodes, picture
from omconf.views import text as text_view
from omconf.views.markup import Markup, tag
from omconf.views.markup import lines as lines_of
from omconf.views.services import VERBS, openmeetings, services
from omconf.views.text import Paint
from omconf.views.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omconf.views.document import Document

START = b"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="omconf plan">
"""
"""Every page begins with these bytes: no other file is replaced by one."""
MAX_PAGE = 1_000_000
"""A page has at most about as many characters, beside its picture; it counts what it leaves out."""
_STYLE = Path(__file__).with_name("page.css")
_PLAIN = Paint(colour=False)
_MAX_TEXT = 2_000
_MAX_FILES = 100
_MAX_LINES = 100
_SOURCES = {
    "directory": "from copies of the nodes' files",
    "git": "from committed bundles",
    "local": "from this host",
    "ssh": "from the nodes, by ssh",
    "ansible": "from the nodes, by Ansible",
}


def plan(document: Document) -> str:
    """Draw a plan as a page, which is the same for the same document, byte for byte."""
    groups = folding.groups(document["changes"])
    opened = len(groups) <= folding.SHOWN
    listed = nodes.of_plan(document)
    tiles = nodes.tiles(document, groups)
    findings = [_finding(d) for d in folding.findings(document["diagnostics"])]
    steps = folding.steps(document["rollout"])
    shown, rest = _within((_step(step) for step in steps), MAX_PAGE // 4, [1] * len(steps))
    rollout = [tag("ol", *shown, of="steps"), *_rest(rest, "step")] if steps else []
    shown, rest = _within(findings, MAX_PAGE // 4, [1] * len(findings))
    found = [*shown, *_rest(rest, "finding")]
    drawn = (_group(n, group, opened=opened) for n, group in enumerate(groups, 1))
    shown, rest = _within(drawn, MAX_PAGE // 2, [len(group.nodes) for group in groups])
    changes = [*shown, *_rest(rest, "node")]
    pictured = "topology" in document
    main = tag(
        "main",
        _section("Topology", 0, [picture.draw(document)] if pictured else []),
        _section("Nodes", len(listed), [tag("ul", *tiles, of="nodes")] if listed else []),
        _section("Findings", len(document["diagnostics"]), found),
        _section("Changes", len(document["changes"]), changes),
        _section("Roll-out", len(document["rollout"]), rollout),
    )
    body = f"<body>\n{_header(document)}{main}{_footer(document)}</body>\n</html>\n"
    return START.decode() + _head(document) + body


def _within(parts: Iterable[Markup], room: int, counts: Sequence[int]) -> tuple[list[Markup], int]:
    """Take parts while there is room for them; gives how much the others count, too."""
    kept: list[Markup] = []
    for part in parts:
        room -= len(part)
        if room < 0:
            break
        kept.append(part)
    return kept, sum(counts[len(kept) :])


def _rest(number: int, what: str) -> list[Markup]:
    if number <= 0:
        return []
    what = what if number == 1 else f"{what}s"
    words = f"... and {number} more {what}, left out to limit the size: `--json` has them all."
    return [tag("p", words, of="left")]


@cache
def _style() -> tuple[Markup, str]:
    """Read the style sheet, and make the source expression that allows it."""
    style = "\n" + _STYLE.read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return Markup(style), f"'sha256-{digest}'"


def _head(document: Document) -> str:
    style, allowed = _style()
    policy = (
        f"default-src 'none'; style-src {allowed}; img-src data:; base-uri 'none';"
        " form-action 'none'"
    )
    cluster = document["cluster"]
    title = "omconf plan" if cluster is None else f"{nodes.name(cluster)}: omconf plan"
    return (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"{tag('title', title)}{tag('style', style)}\n</head>\n"
    )


def _header(document: Document) -> Markup:
    cluster = document["cluster"]
    name = "No plan" if cluster is None else nodes.name(cluster)
    lines = ["The plan failed."] if cluster is None else text_view.summary(document, _PLAIN)
    *before, last = lines
    notes = [tag("p", line) for line in before]
    summary = tag("div", tag("strong", last), *notes, of=f"summary {_state(document)}")
    titles = {
        "Topology": document.get("topology"),
        "Nodes": nodes.of_plan(document),
        "Findings": document["diagnostics"],
        "Changes": document["changes"],
        "Roll-out": document["rollout"],
    }
    links = [tag("a", t, href=f"#{t.lower()}") for t, listed in titles.items() if listed]
    nav = [tag("nav", *links)] if links else []
    kind = tag("p", "OpenMeetings cluster plan", of="kind")
    return tag("header", kind, tag("h1", name), summary, _counts(document), *nav)


def _state(document: Document) -> str:
    """Return the page's CSS class: `stops` (red), `rolling` or `fine` (green)."""
    found = document["diagnostics"]
    if document["cluster"] is None or any(d["severity"] == "error" for d in found):
        return "stops"
    unknown = "rolling" if document["rollout"] else "none"  # in a plan of format 1
    disruption = document["summary"].get("disruption", unknown)
    calm = "fine" if document["complete"] and not found else "rolling"
    return {"none": calm, "rolling": "rolling", "all": "stops"}[disruption]


def _counts(document: Document) -> Markup:
    count = document["summary"]
    found = Counter(d["severity"] for d in document["diagnostics"])
    rows = [(a, str(count[a]), f"to {a}") for a in ("create", "update", "delete")]
    listed = "node" if count["nodes"] == 1 else "nodes"
    rows.append(("changed", str(count["nodes_changed"]), f"of {count['nodes']} {listed}"))
    for severity in ("error", "warning"):
        number = found[severity]
        rows.append((severity, str(number), severity if number == 1 else f"{severity}s"))
    tiles = [
        tag("li", tag("b", number), what, of="none" if number == "0" else name)
        for name, number, what in rows
    ]
    return tag("ul", *tiles, of="counts")


def _section(title: str, number: int, parts: Sequence[Markup]) -> Markup:
    if not parts:
        return Markup()
    count = [tag("small", str(number))] if number else []
    heading = tag("h2", title, *count, id=title.lower())
    return tag("section", heading, *parts)


def _finding(d: Document) -> Markup:
    label = f"{d['severity']}[{d['rule']}]"
    parts = [tag("span", label, of=f"tag {d['severity']}")]
    if place := text_view.place(d):
        parts.append(tag("code", _cut(place), of="place"))
    parts.append(tag("p", _cut(d["message"])))
    source = d.get("source")
    if source is not None and source.strip() and d.keys() >= text_view.PLACE:
        lines = text_view.excerpt(d, source, _PLAIN, "red")
        parts.append(tag("pre", lines_of(lines)))
    if "hint" in d:
        lines = [_cut(line) for line in d["hint"].split("\n")[:_MAX_LINES]]
        parts.append(tag("p", tag("b", "hint: "), " ".join(lines), of="hint"))
    return tag("article", *parts, of=f"finding {d['severity']}")


def _group(number: int, group: folding.Group, *, opened: bool) -> Markup:
    count = Counter(change["action"] for change in group.changes)
    tags = [tag("span", f"{count[a]} to {a}", of=f"tag {a}") for a in nodes.SIGNS if count[a]]
    if len(group.nodes) > 1:
        tags.append(tag("span", "on each", of="quiet"))
    parts = [tag("summary", tag("b", nodes.names(group.nodes)), *tags)]
    if group.differ:
        first = nodes.name(group.nodes[0])
        parts.append(tag("p", f"Where a value differs by node, the one shown is {first}'s."))
    parts += [_file(change) for change in group.changes[:_MAX_FILES]]
    parts += _rest(len(group.changes) - _MAX_FILES, "file")
    attributes = {"open": ""} if opened else {}
    return tag("details", *parts, of="group", id=f"change-{number}", **attributes)


def _file(change: Document) -> Markup:
    action = change["action"]
    parts = [
        tag("span", nodes.SIGNS[action], of="sign", title=action),
        tag("h3", _cut(change["path"])),
    ]
    if change["ownership"] == "block":
        parts.append(tag("span", "block", of="tag", title="omconf owns a block of this file"))
    if action == "reformat":
        parts.append(tag("span", "formatting only", of="tag"))
    if not change["items"]:
        parts += _cause(change)
    rows = [tag("li", _cut(note), of="quiet") for note in folding.notes(change)]
    items, more = folding.items(change)
    rows += [_item(item) for item in items]
    if more:
        rows.append(tag("li", more, of="quiet"))
    if rows:
        parts.append(tag("ul", *rows))
    effect = change.get("effect")
    if effect and not effect["rolling"]:
        why = _cut(effect["why"])
        parts.append(tag("p", tag("b", "not rolling: "), why, of="alert"))
    return tag("div", *parts, of=f"file {action}")


def _item(item: Document) -> Markup:
    before, after = text_view.values(item)
    action = item["action"]
    sign = tag("span", nodes.SIGNS[action], of="mark", title=action)
    parts: list[Markup | str] = [sign, tag("code", _cut(item["key"]), of="key")]
    if action != "create":
        parts.append(tag("del", before))
    if action == "update":
        parts.append(" → ")
    if action != "delete":
        parts.append(tag("ins", after))
    if "secret" in item:
        parts.append(tag("span", f" ({item['secret']})", of="quiet"))
    parts += _cause(item)
    if "differs" in item:
        parts.append(tag("span", f" {folding.DIFFERS}", of="quiet"))
    if "hint" in item:
        hint = _cut(item["hint"])
        parts.append(tag("span", f" ({hint})", of="quiet"))
    return tag("li", *parts, of=action)


def _cause(of: Document) -> list[Markup]:
    words = text_view.made_by(of).strip(" []")
    return [tag("span", words, of="tag drift")] if words else []


def _step(step: Document) -> Markup:
    does = dict.fromkeys(services(step))
    tags = [tag("span", f"{VERBS[verb]} {unit}", of=f"tag {verb}") for verb, unit in does]
    if any(action["type"] == "manual" for action in step.get("actions", ())):
        tags.append(tag("span", "by hand", of="tag manual"))
    one_by_one = isinstance(step["step"], str)
    called = nodes.names(step["nodes"]) + (", one after the other" if one_by_one else "")
    why = tag("p", _cut(step["why"]))
    parts = [tag("h3", called), *tags, why, *_actions(text.of_step(step))]
    if step.get("undo"):
        back = _actions(text.lines(step["undo"], undo=True))
        parts.append(tag("details", tag("summary", "Rollback"), *back, of="undo"))
    number = tag("span", str(step["step"]), of="number")
    verbs = openmeetings(step)
    looks = next((verb for verb in ("stop", "restart", "start") if verb in verbs), "")
    classes = f"{looks} long" if one_by_one else looks
    return tag("li", number, tag("div", *parts, of="body"), of=classes.strip())


def _actions(lines: Iterable[str]) -> list[Markup]:
    drawn = [tag("li", _cut(line)) for line in lines]
    left = len(drawn) - _MAX_LINES
    more = [tag("li", f"... and {left} more")] if left > 0 else []
    return [tag("ul", *drawn[:_MAX_LINES], *more, of="actions")] if drawn else []


def _cut(whole: str) -> str:
    """Write a text that may be anything, the start of a long one."""
    shown = visible(whole)
    return shown if len(shown) <= _MAX_TEXT else shown[: _MAX_TEXT - 4] + " ..."


def _footer(document: Document) -> Markup:
    source = document["source"] or {}
    read = _SOURCES.get(source.get("kind", ""), "")
    words = ["Made by omconf."]
    if read:
        words.insert(0, f"Deployed files were read {read}.")
    return tag("footer", " ".join(words))
