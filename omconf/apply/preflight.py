"""What is looked at on a node before the first write anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.actions import Health, Manual, Put, Remove, Run, Service
from omconf.apply import checkers, database, entrance
from omconf.apply.written import digest
from omconf.cluster.places import STATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from omconf.actions import Action, Step
    from omconf.apply.node import Node
    from omconf.apply.targets import Target
    from omconf.apply.wire import Line, Reply
    from omconf.apply.written import Written

STATES = STATE.rpartition("/")[0]
BESIDE_KIB = 256
"""Room for the journal, beside the files themselves."""
ASK_HEALTH = ("curl", "wget")
"""Programs by which omconf-node-check asks OpenMeetings for its health: one is enough."""
_WHY = {
    "stale": "it changed after the plan was made: plan again",
    "unreadable": "the owner of its folder could not read it: give both the same owner",
    "outside": "a link leads outside of the tree",
    "mountpoint": "it is a mount point",
    "folder": (
        "its folder cannot be written: the file system is read-only, the folder is immutable, "
        "or its owner cannot reach it"
    ),
    "file": "it cannot be replaced: it is immutable",
    "room": "its file system is full",
}


def problems(node: Node, steps: Sequence[Step], *, people: bool, user: bool) -> list[str]:
    """Return what prevents a node from carrying out the steps; `people` if somebody can be asked.

    With `user` omconf does not run as root: owners cannot be set, and are not asked for.
    """
    found = list(_files(node, steps, user=user))
    if node.real:
        found += _programs(node, steps)
        found += _database(node, steps)
        found += _checked(node, steps)
        found += _way_in(node, steps)
        if not people:
            found += _persons(node, steps)
    return found


def of_undo(line: Line, written: Iterable[Written]) -> list[str]:
    """Return what prevents a node from restoring files; one with a conflict is not restored."""
    files = [w for w in written if not w.conflict]
    sizes = [len(w.before or b"") + len(w.after or b"") for w in files]
    found = list(_places(line, ((w.path, digest(w.after)) for w in files), sum(sizes)))
    return [text.replace(_WHY["stale"], "it changed after it was shown") for text in found]


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
    size = sum(len(t.after or b"") + len(t.before or b"") for t in changing)
    yield from _places(node.line, ((t.path, digest(t.before)) for t in changing), size)
    if user:
        return
    yield from _later(node, changing)
    for owner, group in {(t.owner, t.group): None for t in changing if not t.shared}:
        if not node.line.ask("account", owner, group).ok:
            yield f"the user {owner} or the group {group} does not exist"


def _later(node: Node, changing: Iterable[Target]) -> Iterator[str]:
    """Find files that could be written once, and no apply or undo could read afterwards.

    Below a folder that is not root's, all is done as that folder's owner.
    """
    for target in changing:
        kept = target.shared and target.before is not None
        if target.after is None or kept or target.mode & 0o004:
            continue
        access = (f"{target.mode:04o}", target.owner, target.group)
        reply = node.line.ask("reads", target.path, *access)
        if reply.word(0) == "reads":
            folder = reply.word(2)[:300] or "above it"
            yield (
                f"{target.path}: the folder {folder} belongs to `{reply.word(1)[:64]}`, who could not"
                f" read the file of `{target.owner}` afterwards: give the folder to root or to"
                f" `{target.owner}`"
            )


def _places(line: Line, files: Iterable[tuple[str, str]], size: int) -> Iterator[str]:
    """Look at files, each with its digest, and at the room for so many bytes."""
    files = list(files)
    for (path, _), reply in zip(files, line.ask_each(("look",), files), strict=True):
        if not reply.ok:
            yield f"{path}: {_why(reply)}"
    folders = {path.rpartition("/")[0]: path for path, _ in files}
    # What files held before is kept in another place, which may be another file system.
    folders["state"] = f"{STATES}/"
    needed = str(size // 512 + BESIDE_KIB)
    if not line.ask("room", needed, *folders.values()).ok:
        for path in folders.values():
            if not line.ask("room", needed, path).ok:
                yield f"{path}: {_WHY['room']}"


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
        yield f"the health of OpenMeetings cannot be checked: {programs} are missing"


def _database(node: Node, steps: Sequence[Step]) -> Iterator[str]:
    """Find that OpenMeetings would start without its database.

    Where a step of the database administrator comes first, it is that step's check.
    """
    assert node.targets is not None  # noqa: S101 - whoever plans has them
    for action in _actions(steps):
        match action:
            case Manual(who="database", text=text) if text not in node.told:
                return
            case Health():
                probe = database.probe(node.targets)
                if probe is not None and not node.passes(probe):
                    yield (
                        "the database does not respond from this node, on"
                        f" {database.named(node.targets)}: start it, or allow this node on it"
                    )
                return


def _checked(node: Node, steps: Sequence[Step]) -> Iterator[str]:
    try:
        yield from checkers.problems(node, steps, targets(node, steps))
    except ValueError:  # said of the file itself
        return


def _way_in(node: Node, steps: Sequence[Step]) -> Iterator[str]:
    try:
        closed = entrance.problem(node, [t for t in targets(node, steps) if t.changes])
    except ValueError:  # said of the file itself
        return
    if closed:
        yield closed


def _persons(node: Node, steps: Sequence[Step]) -> Iterator[str]:
    """Yield the manual steps that are needed while OpenMeetings is stopped, if nobody can be asked."""
    stopped = False
    for action in _actions(steps):
        match action:
            case Service(do="stop"):
                stopped = True
            case Service(do="start" | "restart"):
                stopped = False
            case Manual(text=text, check=check) as manual if stopped:
                if (check is None and not manual.login) or not node.is_done(manual):
                    yield f"this manual step is needed while OpenMeetings is stopped: {text}"


def _why(reply: Reply) -> str:
    return _WHY.get(reply.word(0), "it cannot be inspected")
