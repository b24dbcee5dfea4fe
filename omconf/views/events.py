"""What happens during an apply, as documents and as lines for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.actions import Put
from omconf.formats import utf8
from omconf.rollout import document as steps
from omconf.rollout import text
from omconf.views import document as documents
from omconf.views.services import openmeetings
from omconf.views.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.actions import Action
    from omconf.apply.events import Event
    from omconf.apply.journal import About
    from omconf.apply.states import State
    from omconf.apply.written import Written
    from omconf.diagnostics import Diagnostic
    from omconf.views.document import Document
    from omconf.views.text import Paint

_COLOURS = {"done": "green", "failed": "red", "waiting": "yellow", "skipped": "dim"}
_BECOMES = {"restored": "restore", "removed": "delete", "kept": "left alone"}
_QUOTED = re.compile(
    r"(?P<why>.*?)(?P<whose>; the journal of \S+ there ends): (?P<lines>.*)", re.DOTALL
)
_FILES = {"new": "new files", "mixed": "some new files", "unchanged": "files unchanged"}
_SERVICE = {
    "unchanged": "not restarted",
    "started": "started",
    "restarted": "restarted",
    "stopped": "stopped",
    "failed": "failed to start or stop",
}
_HEALTHY: Mapping[bool | None, str] = {True: " and healthy", False: ", not healthy", None: ""}
_AS_BEFORE = "Stopped partway. All files are as before."
_SAID = {
    "applied": ("Applied.", "green"),
    "unchanged": ("Nothing to do.", "green"),
    "checked": ("All checks passed. Nothing was changed.", "green"),
    "refused": ("Refused. Nothing was changed.", "red"),
    "waiting": ("Waiting for a manual step.", "yellow"),
    "undone": ("Rolled back. All changes were reverted.", "yellow"),
    "partial": ("Stopped partway. Some changes were applied and remain.", "red"),
}


def of_plan(plan: Document) -> Document:
    """The first event: what is to be done."""
    return {"event": "plan", "plan": {k: v for k, v in plan.items() if k != "binding"}}


def of_event(event: Event) -> Document:
    """An event on a node."""
    found: Document = {"event": event.what, "state": event.state, "node": event.node}
    if event.step:
        found["step"] = event.step
    if event.text:
        found["text"] = utf8.replaced(event.text)
    if event.action is not None:
        found["action"] = steps.action(event.action)
    if event.seconds is not None:
        found["seconds"] = round(event.seconds, 3)
    if event.undo:
        found["undo"] = True
    return found


def of_end(
    outcome: str,
    seconds: float,
    *,
    name: str = "",
    why: str = "",
    states: Iterable[State] = (),
    found: Iterable[Diagnostic] = (),
) -> Document:
    """The last event: how it ended."""
    ended: Document = {"event": "end", "outcome": outcome}
    if name:
        ended["id"] = name
    if why:
        ended["why"] = utf8.replaced(why)
    ended["seconds"] = round(seconds, 3)
    if nodes := [_state(state) for state in states]:
        ended["nodes"] = nodes
    ended["diagnostics"] = [documents.diagnostic(d) for d in found]
    return ended


def _state(of: State) -> Document:
    known = {} if of.healthy is None else {"healthy": of.healthy}
    return {"node": of.node, "files": of.files, "service": of.service, **known}


def line(event: Document, paint: Paint) -> str:
    """Draw an event on a node as one line; nothing for one that a later line tells as well."""
    node = paint(visible(event["node"]), "bold")
    if event["event"] == "check":
        return "" if event["state"] != "started" else f"{node}: checking the current files"
    if event["event"] == "drain":
        waits = "does not wait" if event["state"] == "skipped" else "waits"
        return f"{node}: {waits}: {visible(event['text'])}"
    if event["event"] == "step":
        return f"{node}: step {event['step']}: {visible(event['text'])}"
    if event["state"] == "started":
        return ""
    head = next(text.lines([event["action"]], undo=event.get("undo", False)))
    took = f" ({event['seconds']:.1f} s)" if event.get("seconds", 0) >= 0.05 else ""
    back = "undo: " if event.get("undo") else ""
    state = paint(event["state"], _COLOURS[event["state"]])
    told = event["state"] == "failed" or (event["state"] == "done" and event.get("text"))
    why, words = _last_words(event["text"]) if told else ("", [])
    what = visible(head).removesuffix(".")  # of a manual step, which is a sentence
    lines = [f"{node}:   {back}{what}: {state}{took}{f': {visible(why)}' if why else ''}"]
    return "\n".join([*lines, *(f"       | {visible(word)}" for word in words)])


def _last_words(said: str) -> tuple[str, list[str]]:
    """Split what failed from the lines of a unit's journal that are quoted with it (apply/unit.py)."""
    found = _QUOTED.fullmatch(said)
    return (f"{found['why']}{found['whose']}", found["lines"].split(" | ")) if found else (said, [])


def doing(event: Document) -> str:
    """Return what a node does now, in a few words."""
    if event["event"] == "action":
        return visible(next(text.lines([event["action"]])))
    return visible(event.get("text", "checking the current files"))


def end(event: Document, paint: Paint, undo: str = "", told: Iterable[str] = ()) -> str:
    """Draw the end: what was done, why not all of it, how long it took, how to take it back.

    Of what was `told` when it failed, no line of a journal is quoted once more.
    """
    said, colour = _SAID[event["outcome"]]
    files = {node["files"] for node in event.get("nodes", ())}
    if event["outcome"] == "partial" and files == {"unchanged"}:
        said = _AS_BEFORE
    took = f" It took {_duration(event['seconds'])}." if event["outcome"] != "unchanged" else ""
    lines = [f"{paint(said, colour, 'bold')}{took}"]
    why = event.get("why", "")
    for said in told:
        if found := _QUOTED.fullmatch(said):
            why = why.replace(said, found["why"])
    if why:
        lines.append(f"  {visible(why)}")
    if event["outcome"] in ("partial", "waiting"):
        lines += [f"  {visible(node['node'])}: {_has(node)}" for node in event.get("nodes", ())]
    if undo:
        lines.append(f"  {paint('hint:', 'bold')} {undo}")
    return "\n".join(lines) + "\n"


def _has(node: Document) -> str:
    """Return what a node has at the end, and whether OpenMeetings read it."""
    if node["files"] == "unknown":
        return "unknown: omconf cannot reach this node or no longer waits for it"
    healthy = _HEALTHY[node.get("healthy")]
    return f"{_FILES[node['files']]}; OpenMeetings {_SERVICE[node['service']]}{healthy}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} seconds"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def of_undo(
    about: About,
    files: Mapping[str, Iterable[Written]],
    runs: Iterable[tuple[Iterable[str], Iterable[Action]]],
) -> Document:
    """The first event of an undo: which apply it takes back, what becomes of files, what runs where."""
    steps_back = [
        {"nodes": [*nodes], "actions": [*map(steps.action, without_files)]}
        for nodes, actions in runs
        if (without_files := [a for a in actions if not isinstance(a, Put)])
    ]
    return {
        "event": "undo",
        "of": about.id,
        "by": about.by,
        "when": about.when,
        **({"reason": about.reason} if about.reason else {}),
        "nodes": [*files],
        "files": [{"node": node, **_restored(w)} for node, its in files.items() for w in its],
        "steps": steps_back,
        "stops": bool(_order(steps_back)),
    }


def _restored(file: Written) -> Document:
    found: Document = {"path": utf8.replaced(file.path)}
    if file.conflict:
        return {**found, "becomes": "kept", "conflict": utf8.replaced(file.conflict)}
    if file.anew:
        return {**found, "becomes": "restored", "access_only": True}
    return {**found, "becomes": "removed" if file.before is None else "restored"}


def undo(event: Document) -> str:
    """Draw what is taken back: files with what becomes of them or why not, and what runs where when."""
    many = len(event["nodes"]) > 1
    reason = f": {visible(event['reason'])}" if event.get("reason") else ""
    what = f"Apply {visible(event['of'])} of {visible(event['when'])} by {visible(event['by'])}"
    lines = [f"{what} on {visible(', '.join(event['nodes']))}{reason}"]
    for file in event["files"]:
        becomes = _BECOMES[file["becomes"]]
        if file.get("access_only"):
            becomes += " mode and owner"
        where = f"{visible(file['node'])}: " if many else ""
        lines.append(f"  {where}{becomes}: {visible(file['path'])}")
        if "conflict" in file:
            lines.append(f"      {visible(file['conflict'])}")
    lines += ["  then:"] if event["steps"] else []
    for number, step in enumerate(event["steps"], 1):
        actions = text.lines(step["actions"], undo=True)
        lines.append(f"    {number}. {visible(', '.join(step['nodes']))}")
        lines += [f"       {visible(drawn)}" for drawn in actions]
    if event["stops"]:
        lines.append(f"  OpenMeetings stops or restarts on {_order(event['steps'])}.")
    return "\n".join(lines) + "\n"


def _order(steps: Iterable[Document]) -> str:
    """Return the nodes on which OpenMeetings stops or restarts, in their order."""
    groups: list[str] = []
    for step in steps:
        if openmeetings(step) & {"stop", "restart"}:
            together = " at once" if len(step["nodes"]) > 1 else ""
            groups.append(f"{visible(', '.join(step['nodes']))}{together}")
    return ", then ".join(dict.fromkeys(groups))
