"""Text for people, drawn from the JSON documents; colour only where it is asked for."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.views.document import Document

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "bold": 1, "dim": 2}
_SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}
_SIGNS["reformat"] = ("≈", "dim")
WIDTH = 100


class Paint:
    """Colours text, or leaves it as it is."""

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour

    def __call__(self, text: str, *styles: str) -> str:
        if not self.colour or not text:
            return text
        codes = ";".join(str(_COLOURS[style]) for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"


def visible(text: str) -> str:
    """Show control characters as escapes: what is printed comes from files nobody vouches for."""
    return "".join(
        c if c.isprintable() or c == " " else c.encode("unicode_escape").decode() for c in text
    )


def diagnostics(found: Iterable[Document], paint: Paint) -> str:
    """Draw findings one under the other: place, rule, message, the offending line, a hint."""
    return "".join(_diagnostic(d, paint) for d in found)


def _diagnostic(d: Document, paint: Paint) -> str:
    place = "".join([f"{d['node']}:" if "node" in d else "", d.get("path", "")])
    if place and "line" in d:
        place += f":{d['line']}" + (f":{d['column']}" if "column" in d else "")
    colour = "red" if d["severity"] == "error" else "yellow"
    label = paint(f"{d['severity']}[{d['rule']}]", colour, "bold")
    head = f"{visible(place)}: " if place else ""
    lines = [f"{head}{label}: {visible(d['message'])}"]
    source = d.get("source")
    if source is not None and source.strip() and "column" in d:
        lines += _drawn(d, source, paint, colour)
    if "hint" in d:
        hint = "\n".join(visible(line) for line in d["hint"].split("\n"))
        lines.append(f"  {paint('hint:', 'bold')} {hint}")
    return "\n".join(lines) + "\n"


def _drawn(d: Document, source: str, paint: Paint, colour: str) -> list[str]:
    shown = visible(source)
    column = min(d["column"], len(source) + 1)
    start = len(visible(source[: column - 1]))
    end = len(source) + 1 if d["end_line"] > d["line"] else d["end_column"]
    width = max(1, len(visible(source[column - 1 : max(end - 1, column)].rstrip())))
    if start > WIDTH - 20:
        shown, start = "..." + shown[start - 40 :], 43
    if len(shown) > WIDTH:
        shown = shown[: WIDTH - 4] + " ..."
    gutter = len(str(d["line"]))
    bar = paint("|", "blue")
    caret = paint("^" * min(width, max(1, WIDTH - start)), colour)
    return [
        f"  {paint(str(d['line']), 'blue')} {bar} {shown}",
        f"  {' ' * gutter} {bar} {' ' * start}{caret}",
    ]


def plan(document: Document, paint: Paint) -> str:
    """Draw a plan: each node's files, the roll-out, and one line that sums it up."""
    lines: list[str] = []
    for node, changes in groupby(document["changes"], key=lambda change: change["node"]):
        lines.append(paint(node, "bold"))
        for change in changes:
            lines += _change(change, paint)
        lines.append("")
    if document["rollout"]:
        lines.append(paint("Roll-out:", "bold"))
        for step in document["rollout"]:
            lines.append(f"  {step['step']}. {_nodes(step['nodes'])}: {visible(step['why'])}")
            lines += [f"       {visible(command)}" for command in step["run"]]
        lines.append("")
    lines.append(_summary(document, paint))
    return "\n".join(lines) + "\n"


def _change(change: Document, paint: Paint) -> list[str]:
    sign, colour = _SIGNS[change["action"]]
    same = " (same meaning, written differently)" if change["action"] == "reformat" else ""
    part = " (block)" if change["ownership"] == "block" else ""
    lines = [f"  {paint(sign, colour)} {visible(change['path'])}{part}{same}"]
    lines += [f"      {paint(visible(note), 'dim')}" for note in change.get("notes", ())]
    lines += [f"      {_item(item, paint)}" for item in change["items"]]
    effect = change.get("effect")
    if effect and not effect["rolling"]:
        lines.append(f"      {paint('! not rolling:', 'red', 'bold')} {visible(effect['why'])}")
    return lines


def _item(item: dict[str, Any], paint: Paint) -> str:
    sign, colour = _SIGNS[item["action"]]
    if "secret" in item:
        value = "(sensitive value)"
        if item["action"] == "update":
            value = f"{value} -> {value} ({item['secret']})"
    elif item["action"] == "update":
        value = f"{_short(item['before'])} -> {_short(item['after'])}"
    else:
        value = _short(item.get("after", item.get("before", "")))
    hint = f"  {paint('(' + visible(item['hint']) + ')', 'dim')}" if "hint" in item else ""
    return f"{paint(sign, colour)} {visible(item['key'])}: {value}{hint}"


def _short(text: str) -> str:
    shown = visible(text)
    if not shown or shown != shown.strip():
        shown = f'"{shown}"'
    return shown if len(shown) <= 160 else shown[:156] + " ..."


def _nodes(names: list[str]) -> str:
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:3])} ... {names[-1]} ({len(names)} nodes)"


def _summary(document: Document, paint: Paint) -> str:
    """The last line, and before it what keeps that line from being the whole truth."""
    count = document["summary"]
    lines = []
    if count["reformat"]:
        files = "1 file is" if count["reformat"] == 1 else f"{count['reformat']} files are"
        lines.append(f"{files} only written differently.")
    if not document["complete"]:
        lines.append(paint("Some files could not be read: this is not the whole.", "yellow"))
    if document["has_changes"]:
        lines.append(
            f"{paint('Plan:', 'bold')} {count['create']} to create, {count['update']} to update,"
            f" {count['delete']} to delete on {count['nodes_changed']} of {count['nodes']} nodes."
        )
    elif not document["complete"] or any(
        d["severity"] == "error" or d["rule"] == "OM322" for d in document["diagnostics"]
    ):
        lines.append(paint("No changes in what could be compared.", "yellow"))
    else:
        lines.append(paint("No changes. Deployed files match the spec.", "green"))
    return "\n".join(lines)
