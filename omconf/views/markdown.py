"""The plan for a merge request, as GitHub and GitLab show Markdown; drawn from the document alone.

Deployed files are hostile: a text of theirs stands only inside a fence, where it is neither
Markdown nor HTML and mentions nobody, or escaped inside `<code>`.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.views import folding
from omconf.views import text as text_view
from omconf.views.text import Paint
from omconf.views.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omconf.views.document import Document

LEAST = 1_000
"""Characters that suffice for the summary and the note on what is left out."""
MAX_COMMENT = 60_000
"""A comment on GitHub holds 65,536."""
_MAX_LINE = 400
"""Characters of a line."""
_MAX_STEP = 2_000
"""All reasons of a step are named, and a command is shown to its end."""
_MAX_NAME = 64
"""Characters of a name."""
_NOTICE = 300
_PLAIN = Paint(colour=False)
_SIGNS = {"create": "+", "update": "!", "delete": "-", "reformat": " "}


@dataclass(frozen=True)
class _Block:
    """Lines in a fence, and the Markdown before and after it; nothing when there is no line."""

    before: str
    after: str
    language: str
    lines: Sequence[str]
    nodes: int = 0
    changes: int = 0

    @cached_property
    def whole(self) -> str:
        """The block with all of its lines."""
        return self.drawn(self.lines) if self.lines else ""

    def drawn(self, lines: Sequence[str]) -> str:
        """Draw the block with these lines; no line of them can close the fence."""
        text = "\n".join(lines)
        longest = max((len(run) for run in re.findall("`+", text)), default=0)
        fence = "`" * max(3, longest + 1)
        return f"{self.before}\n\n{fence}{self.language}\n{text}\n{fence}\n\n{self.after}"

    def within(self, room: int) -> str:
        """Draw the block in at most `room` characters: with its first lines, or not at all."""
        if len(self.whole) <= room:
            return self.whole
        kept: list[str] = []
        cut = ""
        left = room - len(self.drawn([self._more(0)]))
        for line in self.lines:
            left -= len(line) + 1
            if left < 0:
                break
            kept.append(line)
        # A longer run of backticks makes a longer fence.
        while kept and len(cut := self.drawn([*kept, self._more(len(kept))])) > room:
            kept.pop()
        return cut if kept else ""

    def _more(self, kept: int) -> str:
        return f"... {_count(len(self.lines) - kept, 'more line')}"


def plan(document: Document, most: int = MAX_COMMENT) -> str:
    """Draw a plan in at most `most` characters (`LEAST` or more), and say what is left out."""
    head = _head(document)
    nodes = [_node(group) for group in folding.groups(document["changes"])]
    rollout, findings = _rollout(document), _findings(document)
    whole = "".join([head, *(block.whole for block in (*nodes, rollout, findings))]).rstrip() + "\n"
    if len(whole) <= most:
        return whole
    room = most - len(head) - _NOTICE
    # What the nodes do not need, but at least a quarter each, is for what to do and what is wrong.
    spare = room - sum(len(block.whole) for block in nodes)
    findings_drawn = findings.within(max(room // 4, spare - len(rollout.whole)))
    rollout_drawn = rollout.within(max(room // 4, spare - len(findings_drawn)))
    room -= len(findings_drawn) + len(rollout_drawn)
    left = Counter(nodes=0, changes=0)
    nodes_drawn = []
    for block in nodes:
        drawn = block.within(room)
        room -= len(drawn)
        nodes_drawn.append(drawn)
        if not drawn:
            left.update(nodes=block.nodes, changes=block.changes)
    blocks = (("the roll-out", rollout, rollout_drawn), ("the findings", findings, findings_drawn))
    gone = [name for name, block, drawn in blocks if block.whole and not drawn]
    return "".join([head, *nodes_drawn, rollout_drawn, findings_drawn, _notice(most, left, gone)])


def _notice(most: int, left: Counter[str], gone: list[str]) -> str:
    nodes, changes = (_count(left[what], what.removesuffix("s")) for what in ("nodes", "changes"))
    listed = [*([f"{nodes} with {changes}"] if left["nodes"] else []), *gone]
    out = f" Left out: {', '.join(listed)}." if listed else ""
    return f"**Cut to {most} characters.**{out} `--json` has all of it.\n"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _head(document: Document) -> str:
    if document["cluster"] is None:
        return "**The plan failed.**\n\n"
    *before, last = text_view.summary(document, _PLAIN)
    errors = sum(found["severity"] == "error" for found in document["diagnostics"])
    before += [f"{_count(errors, 'error')}: see the findings."] if errors else []
    cluster = f"<p>Cluster {_code(_short(visible(document['cluster'])))}</p>"
    return "\n\n".join([f"**{last}**", *before, cluster]) + "\n\n"


def _node(group: folding.Group) -> _Block:
    count = Counter(change["action"] for change in group.changes)
    counts = ", ".join(f"{count[a]} to {a}" for a in _SIGNS if count[a])
    each = " on each" if len(group.nodes) > 1 else ""
    lines = [line for change in group.changes for line in _change(change)]
    if group.differ:
        lines.insert(
            0, f"# Where a value differs by node, the one shown is {visible(group.nodes[0])}'s."
        )
    listed = _code(folding.names([_short(visible(node)) for node in group.nodes]))
    return _Block(
        f"<details><summary>{listed}: {counts}{each}</summary>",
        "</details>\n\n",
        "diff",
        [_line(line) for line in lines],
        len(group.nodes),
        len(group.nodes) * len(group.changes),
    )


def _change(change: Document) -> Iterator[str]:
    cause = "" if change["items"] else text_view.made_by(change)
    yield f"{_SIGNS[change['action']]} {text_view.file(change)}{cause}"
    for note in folding.notes(change):
        yield f"#     {visible(note)}"
    items, more = folding.items(change)
    for item in items:
        before, after = text_view.values(item)
        key = visible(item["key"])
        rest = f"  ({visible(item['hint'])})" if "hint" in item else ""
        rest = f" {folding.DIFFERS}{rest}" if "differs" in item else rest
        rest = text_view.made_by(item) + rest
        if "secret" in item and item["action"] == "update":
            yield f"!     {key}: {after} ({item['secret']}){rest}"
            continue
        if item["action"] != "create":
            yield f"-     {key}: {before}{rest}"
        if item["action"] != "delete":
            yield f"+     {key}: {after}{rest}"
    if more:
        yield f"#     {more}"
    effect = change.get("effect")
    if effect and not effect["rolling"]:
        yield f"!     not rolling: {visible(effect['why'])}"


def _rollout(document: Document) -> _Block:
    lines = [_line(line, _MAX_STEP) for line in text_view.rollout(document)]
    return _Block("**Roll-out**", "", "text", lines)


def _findings(document: Document) -> _Block:
    # Errors first: what is cut are the last lines.
    found = sorted(document["diagnostics"], key=lambda found: found["severity"] != "error")
    drawn = text_view.diagnostics(folding.findings(found), _PLAIN)
    return _Block("**Findings**", "", "text", [_line(line) for line in drawn.splitlines()])


def _line(text: str, longest: int = _MAX_LINE) -> str:
    return text if len(text) <= longest else text[: longest - 4] + " ..."


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 4] + " ..."


def _code(text: str) -> str:
    """Text inside a block of HTML, where it is neither a tag, nor Markdown, nor a mention."""
    return f"<code>{html.escape(text)}</code>"
