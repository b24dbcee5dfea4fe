"""What is looked at on a node before the first write anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.actions import Health, Manual, Put, Remove, Run, Service
from omconf.apply.node import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from omconf.actions import Action, Step
    from omconf.apply.node import Node
    from omconf.apply.targets import Target
    from omconf.apply.wire import Reply

BESIDE_KIB = 256
"""Room for the journal, beside the files themselves."""
ASK_HEALTH = ("curl", "wget")
"""Programs by which omconf-node-check asks OpenMeetings for its health: one is enough."""
_WHY = {
    "stale": "it is not as it was planned any more: plan again",
    "unreadable": "the owner of its folder cannot read it: give both the same owner",
    "outside": "it lies outside of the tree, where a link leads",
    "mountpoint": "it is a mount point of its own",
    "folder": "its folder cannot be written: a read-only file system, an immutable folder",
    "file": "it cannot be replaced: it is immutable",
    "room": "its file system has no room for it",
}


def problems(node: Node, steps: Sequence[Step], *, people: bool, user: bool) -> list[str]:
    """Say all that is in the way of some steps; `people` tells that somebody can be asked.

    With `user` omconf does not run as root: owners cannot be set, and are not asked for.
    """
    found = list(_files(node, steps, user=user))
    if node.real:
        found += _programs(node, steps)
        if not people:
            found += _persons(node, steps)
    return found


def targets(node: Node, steps: Iterable[Step]) -> Iterator[Target]:
    """Yield what each file is to be, once; raises ValueError for what cannot be written."""
    assert node.targets is not None  # noqa: S101 - whoever plans has them
    seen: set[str] = set()
    for action in _actions(steps):
        if isinstance(action, Put | Remove):
            for path in action.paths:
                if path not in seen:
                    seen.add(path)
                    yield node.targets.of(path, removed=isinstance(action, Remove))


def _actions(steps: Iterable[Step]) -> Iterator[Action]:
    for step in steps:
        yield from step.actions


def _files(node: Node, steps: Sequence[Step], *, user: bool) -> Iterator[str]:
    try:
        changing = [target for target in targets(node, steps) if target.changes]
    except ValueError as error:
        yield str(error)
        return
    for target in changing:
        reply = node.line.ask("look", target.path, digest(target.before))
        if not reply.ok:
            yield f"{target.path}: {_why(reply)}"
    kib = sum(len(t.after or b"") + len(t.before or b"") for t in changing) // 512 + BESIDE_KIB
    for path in {t.path.rpartition("/")[0]: t.path for t in changing}.values():
        if not node.line.ask("room", str(kib), path).ok:
            yield f"{path}: {_WHY['room']}"
    if user:
        return
    for owner, group in {(t.owner, t.group): None for t in changing if not t.shared}:
        if not node.line.ask("account", owner, group).ok:
            yield f"the user {owner} or the group {group} is not there"


def _programs(node: Node, steps: Sequence[Step]) -> Iterator[str]:
    needed: dict[str, None] = {}
    for action in _actions(steps):
        match action:
            case Run(argv):
                needed[argv[0]] = None
            case Service():
                needed["systemctl"] = None
            case Manual(check=Run(argv)):
                needed[argv[0]] = None
    written = {
        path for action in _actions(steps) if isinstance(action, Put) for path in action.paths
    }
    for name in needed.keys() - written:
        if not node.line.ask("program", name).ok:
            yield f"the program {name} is missing"
    if any(isinstance(action, Health) for action in _actions(steps)) and not any(
        node.line.ask("program", name).ok for name in ASK_HEALTH
    ):
        programs = " and ".join(ASK_HEALTH)
        yield f"whether OpenMeetings is healthy could not be known: {programs} are missing"


def _persons(node: Node, steps: Sequence[Step]) -> Iterator[str]:
    """Say what a person would have to do while OpenMeetings is stopped, with nobody there."""
    stopped = False
    for action in _actions(steps):
        match action:
            case Service(do="stop"):
                stopped = True
            case Service(do="start" | "restart"):
                stopped = False
            case Manual(text=text, check=check) if stopped:
                if check is None or not node.passes(check):
                    yield f"a person has to do this while OpenMeetings is stopped: {text}"


def _why(reply: Reply) -> str:
    return _WHY.get(reply.word(0), "it cannot be looked at")
