"""Text for people, drawn from the JSON documents; colour only where it is asked for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from omconf.rollout import text
from omconf.rules import OVERRULED, UNWRITABLE
from omconf.secrets import HIDDEN
from omconf.views import folding
from omconf.views.services import services
from omconf.views.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.views.document import Document

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "bold": 1, "dim": 2}
_SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}
_SIGNS["reformat"] = ("≈", "dim")
PLACE = {"line", "column", "end_line", "end_column"}
"""Without one of these keys a finding has no excerpt."""
WIDTH = 100


class Paint:
    """Colours text, or leaves it as it is."""

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour

    def __call__(self, text: str, *styles: str) -> str:
        """Return the text in these styles, or as it is without colours."""
        if not self.colour or not text:
            return text
        codes = ";".join(str(_COLOURS[style]) for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"


def diagnostics(found: Iterable[Document], paint: Paint) -> str:
    """Draw findings one under the other: place, rule, message, the offending line, a hint."""
    return "".join(_diagnostic(d, paint) for d in found)


def _diagnostic(d: Document, paint: Paint) -> str:
    where = place(d)
    colour = "red" if d["severity"] == "error" else "yellow"
    label = paint(f"{d['severity']}[{d['rule']}]", colour, "bold")
    head = f"{visible(where)}: " if where else ""
    lines = [f"{head}{label}: {visible(d['message'])}"]
    source = d.get("source")
    if source is not None and source.strip() and d.keys() >= PLACE:
        lines += excerpt(d, source, paint, colour)
    if "hint" in d:
        hint = "\n".join(visible(line) for line in d["hint"].split("\n"))
        lines.append(f"  {paint('hint:', 'bold')} {hint}")
    return "\n".join(lines) + "\n"


def place(d: Document) -> str:
    """Return where a finding is, as `node:path:line:column` with what is known; empty for nothing."""
    named = ":".join(d[key] for key in ("node", "path") if d.get(key))
    if named and "line" in d:
        named += f":{d['line']}" + (f":{d['column']}" if "column" in d else "")
    return named


def excerpt(d: Document, source: str, paint: Paint, colour: str) -> list[str]:
    """Draw a line of the user's file with a mark under the place that a document names."""
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
    """Draw a plan: the nodes' files, the roll-out, and one line that sums it up.

    Nodes with the same changes are drawn once; the document itself is complete.
    """
    return "\n".join([*body(document, paint), *summary(document, paint)]) + "\n"


def body(document: Document, paint: Paint) -> list[str]:
    """Return the lines of the nodes' files and of the roll-out."""
    lines: list[str] = []
    for group in folding.groups(document["changes"]):
        lines.append(_heading(group, paint))
        for change in group.changes:
            lines += _change(change, paint)
        lines.append("")
    if document["rollout"]:
        lines += [
            paint("Roll-out:", "bold"),
            *rollout(document),
            "",
        ]
    return lines


def _heading(group: folding.Group, paint: Paint) -> str:
    heading = paint(visible(folding.names(group.nodes)), "bold")
    if not group.differ:
        return heading
    return heading + paint(
        f"; where a value differs by node, the one shown is {visible(group.nodes[0])}'s", "dim"
    )


def rollout(document: Document) -> list[str]:
    """Draw the steps of the roll-out: the nodes, why, and the actions."""
    drawn = []
    for step in folding.steps(document["rollout"]):
        each = ", one after the other" if isinstance(step["step"], str) else ""
        nodes = visible(folding.names(step["nodes"])) + each
        drawn.append(f"  {step['step']}. {nodes}: {visible(step['why'])}")
        drawn += [f"       {visible(line)}" for line in text.of_step(step)]
    return drawn


def _change(change: Document, paint: Paint) -> list[str]:
    sign, colour = _SIGNS[change["action"]]
    cause = "" if change["items"] else paint(made_by(change), "yellow")
    lines = [f"  {paint(sign, colour)} {file(change)}{cause}"]
    lines += [f"      {paint(visible(note), 'dim')}" for note in folding.notes(change)]
    items, more = folding.items(change)
    lines += [f"      {_item(item, paint)}" for item in items]
    if more:
        lines.append(f"      {paint(more, 'dim')}")
    effect = change.get("effect")
    if effect and not effect["rolling"]:
        lines.append(f"      {paint('! not rolling:', 'red', 'bold')} {visible(effect['why'])}")
    return lines


def file(change: Document) -> str:
    """Return a change's file, with the part of it that omconf owns."""
    same = " (formatting only)" if change["action"] == "reformat" else ""
    part = " (block)" if change["ownership"] == "block" else ""
    return f"{visible(change['path'])}{part}{same}"


def _item(item: dict[str, Any], paint: Paint) -> str:
    sign, colour = _SIGNS[item["action"]]
    before, after = values(item)
    if item["action"] == "update":
        state = f" ({item['secret']})" if "secret" in item else ""
        value = f"{before} -> {after}{state}"
    else:
        value = before if item["action"] == "delete" else after
    differs = f" {paint(folding.DIFFERS, 'dim')}" if "differs" in item else ""
    hint = f"  {paint('(' + visible(item['hint']) + ')', 'dim')}" if "hint" in item else ""
    cause = paint(made_by(item), "yellow")
    return f"{paint(sign, colour)} {visible(item['key'])}: {value}{cause}{differs}{hint}"


_CAUSES = {"drift": " [changed by hand]", "conflict": " [changed in the spec and by hand]"}


def made_by(of: Document) -> str:
    """Return a remark that a change or item was edited on the node; empty if the spec changed it."""
    return _CAUSES.get(of.get("cause", ""), "")


def values(item: Document) -> tuple[str, str]:
    """Draw an item's value before and after, of long ones what differs; a secret's are hidden."""
    if "secret" in item:
        return HIDDEN, HIDDEN
    before, after = item.get("before", ""), item.get("after", "")
    same = _same(before, after) if item["action"] == "update" else 0
    skipped = same - _BESIDE if max(len(before), len(after)) > _MAX_VALUE and same > _BESIDE else 0
    return _short(before, skipped), _short(after, skipped)


def _same(one: str, other: str) -> int:
    """Count the characters with which both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


_MAX_VALUE = 160
"""Characters of a value that are shown."""
_BESIDE = 60
"""Characters of a long value that are shown before the first that differs."""


def _short(value: str, skipped: int) -> str:
    shown = visible(value[skipped:])
    if (whole := visible(value)) != whole.strip() or not whole:
        shown = f'"{shown}"'
    start = "... " if skipped else ""
    return start + (shown if len(shown) <= _MAX_VALUE else shown[: _MAX_VALUE - 4] + " ...")


_STATES = {"equal": "equal", "different": "different", "unknown": "not compared"}


def summary(document: Document, paint: Paint) -> list[str]:
    """The last line, and before it what keeps that line from being the whole truth."""
    count = document["summary"]
    lines: list[str] = []
    if count["reformat"]:
        files = "1 file differs" if count["reformat"] == 1 else f"{count['reformat']} files differ"
        lines.append(f"{files} only in formatting.")
    secrets = Counter(check["secret"] for check in document.get("secrets", ()))
    if secrets.total() > secrets["equal"]:
        states = ", ".join(f"{secrets[s]} {word}" for s, word in _STATES.items() if secrets[s])
        lines.append(f"Secrets compared with the spec: {states}.")
    if _nothing_read(document):
        return [*lines, paint("Nothing was compared.", "yellow")]
    if not document["complete"]:
        lines.append(paint("Some files could not be read: the plan is incomplete.", "yellow"))
    if document["has_changes"]:
        others = any(count[action] for action in ("create", "update", "delete"))
        anew = f", {count['reformat']} to reformat" if count["reformat"] and not others else ""
        lines.append(
            f"{paint('Plan:', 'bold')} {count['create']} to create, {count['update']} to update,"
            f" {count['delete']} to delete{anew} on {count['nodes_changed']} of {count['nodes']} nodes."
            f"{_disruption(document, paint)}"
        )
    else:
        lines.append(_no_changes(document, paint))
    return lines


def _no_changes(document: Document, paint: Paint) -> str:
    """Return that there is nothing to write, and what else keeps the nodes from matching the spec."""
    rules = {d["rule"] for d in document["diagnostics"]}
    errors = {d["rule"] for d in document["diagnostics"] if d["severity"] == "error"}
    partly = not document["complete"] or errors - {UNWRITABLE.id} or "OM322" in rules
    where = " among the files that could be compared" if partly else ""
    if OVERRULED.id in rules:
        why = f"other settings override deployed options: see {OVERRULED.id}"
        return paint(f"No changes{where}, but {why}.", "yellow")
    if partly:
        return paint(f"No changes{where}.", "yellow")
    return paint("No changes. Deployed files match the spec.", "green")


def _nothing_read(document: Document) -> bool:
    """Tell whether there is no plan, or one of no node: none could be read."""
    if document["complete"] or document["has_changes"] or document["changes"]:
        return False
    source = document["source"]
    if source is None:
        return True
    errors = [d for d in document["diagnostics"] if d["severity"] == "error" and "path" not in d]
    nodes = set(source.get("nodes", ()))
    return bool(nodes) and nodes <= {d["node"] for d in errors if "node" in d}


def _disruption(document: Document, paint: Paint) -> str:
    """Return which nodes the plan stops or restarts; empty for a plan of format 1, which lacks it."""
    does = {verb for step in document["rollout"] for verb, _ in services(step)}
    only_stop = "stop" in does and not does & {"start", "restart"}
    words = {
        "none": " No node restarts.",
        "rolling": f" {'Removed nodes stop' if only_stop else 'Nodes restart one by one'}.",
        "all": f" {paint('All nodes must stop.', 'red', 'bold')}",
    }
    return words.get(document["summary"].get("disruption", ""), "")


_STATUS = {"ok": "green", "fail": "red", "warn": "yellow", "unknown": "yellow"}
_COUNTED = {"ok": "ok", "fail": "failed", "unknown": "unknown"}


def verification(document: Document, paint: Paint, *, verbose: bool = False) -> str:
    """Draw what was found of a running cluster: by node, who sees whom, all together, a sum."""
    lines: list[str] = []
    for node in document["nodes"]:
        lines += _verified(node, paint, verbose=verbose)
    if any(node["members"] for node in document["nodes"]):
        lines += ["", paint("Members:", "bold")]
        lines += [f"  {visible(node['node'])} {visible(_seen(node))}" for node in document["nodes"]]
    if document["together"]:
        lines += ["", paint("All nodes together:", "bold")]
        lines += [_drawn_check(check, paint) for check in document["together"]]
    return "\n".join([*lines, "", _health(document, paint)]) + "\n"


def _verified(node: Document, paint: Paint, *, verbose: bool) -> list[str]:
    name = paint(visible(node["node"]), "bold")
    if not node["reached"]:
        lines = [f"{name}: {paint('not verified', 'red')}: {visible(node['problem'])}"]
        hint = [f"  {paint('hint:', 'bold')} {visible(node['hint'])}"] if "hint" in node else []
        return [*lines, *hint]
    count = dict.fromkeys(_STATUS, 0)
    for check in node["checks"]:
        count[check["status"]] += 1
    sums = [
        paint(_counted(number, status), _STATUS[status])
        for status, number in count.items()
        if number
    ]
    shown = [c for c in node["checks"] if verbose or c["status"] != "ok"]
    return [f"{name}: {', '.join(sums)}", *(_drawn_check(check, paint) for check in shown)]


def _counted(number: int, status: str) -> str:
    if status == "warn":
        return "1 warning" if number == 1 else f"{number} warnings"
    return f"{number} {_COUNTED[status]}"


def _drawn_check(check: Document, paint: Paint) -> str:
    status = paint(check["status"], _STATUS[check["status"]]) + " " * (8 - len(check["status"]))
    return f"  {status}{visible(check['check']):15} {visible(check['text'])}"


def _seen(node: Document) -> str:
    """Return which members a node sees, misses and does not know."""
    seen = node["members"]
    if seen is None:
        return "sees: unknown"
    parts = [f"sees {folding.names(seen['sees'])}" if seen["sees"] else "sees no other node"]
    if seen["misses"]:
        parts.append(f"not {folding.names(seen['misses'])}")
    if seen["strangers"]:
        parts.append(f"unknown members: {folding.names(seen['strangers'])}")
    return ", ".join(parts)


def _health(document: Document, paint: Paint) -> str:
    count = document["summary"]
    nodes = "1 node" if count["nodes"] == 1 else f"{count['nodes']} nodes"
    warnings = f"{_counted(count['warn'], 'warn')}, " if count["warn"] else ""
    checks = "1 check" if count["ok"] == 1 else f"{count['ok']} checks"
    what = f"{checks} ok, {count['fail']} failed, {warnings}{count['unknown']} unknown"
    what += f" on {nodes}"
    if count["unreachable"]:
        what += f", {count['unreachable']} of them not verified"
    if document["healthy"]:
        return f"{paint('Healthy:', 'green')} {what}."
    if document["complete"] and not count["fail"]:
        return f"{paint('Health unknown:', 'yellow', 'bold')} {what}."
    return f"{paint('Not healthy:', 'red', 'bold')} {what}."
