"""What is looked at on a node before the first write anywhere."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from omconf.actions import Health, Manual, Put, Remove, Run, Service
from omconf.apply import checkers, database, entrance
from omconf.apply.wire import Command
from omconf.apply.written import digest
from omconf.cluster.places import STATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from omconf.actions import Action, Step
    from omconf.apply.node import Node
    from omconf.apply.targets import Target
    from omconf.apply.wire import Line, Reply
    from omconf.apply.written import Written

STATES = STATE.rpartition("/")[0]
BESIDE_KIB = 256
"""Room for an apply's journal and its drafts, beside the files themselves."""
UNDO_KIB = 64
"""Room for an undo's journal, beside the files themselves: it has no drafts."""
BLOCK_KIB = 4
"""What the last bytes of a file take up, and its place in a folder."""
ASK_HEALTH = ("curl", "wget")
"""Programs by which omconf-node-check asks OpenMeetings for its health: one is enough."""
_NO_SYSTEMD = (
    "systemctl cannot be used, since systemd does not run on this node: boot it with systemd, or set"
    " `openmeetings.service: none`"
)
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
}
_FULL = "its file system has less than the {kib} KiB of free space that are needed"


def problems(node: Node, steps: Sequence[Step], *, people: bool, user: bool) -> list[str]:
    """Return what prevents a node from carrying out the steps; `people` if somebody can be asked.

    With `user` omconf does not run as root: owners cannot be set, and are not asked for.
    """
    found: list[str] = []
    looks: list[_Look] = []
    try:
        changing = [target for target in targets(node, steps) if target.changes]
    except ValueError as error:
        found.append(str(error))
    else:
        looks += _files(node.line, changing, user=user)
    if node.real:
        looks += _programs(steps)
    found += _found(node.line, looks)
    if node.real:
        found += _database(node, steps)
        found += _checked(node, steps)
        found += _way_in(node, steps)
        if not people:
            found += _persons(node, steps)
    return found


def of_undo(line: Line, written: Iterable[Written]) -> list[str]:
    """Return what prevents a node from restoring files; one with a conflict is not restored."""
    files = [w for w in written if not w.conflict]
    looks = _places(line, [_Change(w.path, w.after, w.before) for w in files], UNDO_KIB)
    found = _found(line, looks)
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


class _Look(NamedTuple):
    """A question, and what its answers say that is in the way."""

    question: Command
    says: Callable[[Sequence[Reply]], Iterable[str]]


def _found(line: Line, looks: Iterable[_Look]) -> list[str]:
    """Ask all questions at once; returns what is in the way."""
    looks = list(looks)
    answers = line.ask_all([look.question for look in looks])
    return [
        text for look, replies in zip(looks, answers, strict=True) for text in look.says(replies)
    ]


def _unless(text: str, *fields: str) -> _Look:
    """Ask one question; the text is in the way where the answer is no."""
    return _Look(Command(fields), lambda replies: () if replies[0].ok else (text,))


def _files(line: Line, changing: Sequence[Target], *, user: bool) -> Iterator[_Look]:
    yield from _places(line, [_Change(t.path, t.before, t.after) for t in changing], BESIDE_KIB)
    if user:
        return
    yield from _later(changing)
    for owner, group in {(t.owner, t.group): None for t in changing if not t.shared}:
        text = f"the user {owner} or the group {group} does not exist"
        yield _unless(text, "account", owner, group)


def _later(changing: Iterable[Target]) -> Iterator[_Look]:
    """Find files that could be written once, and no apply or undo could read afterwards.

    Below a folder that is not root's, all is done as that folder's owner.
    """

    def says(target: Target, replies: Sequence[Reply]) -> Iterator[str]:
        reply = replies[0]
        if reply.word(0) == "reads":
            folder = reply.word(2)[:300] or "above it"
            yield (
                f"{target.path}: the folder {folder} belongs to `{reply.word(1)[:64]}`, who could not"
                f" read the file of `{target.owner}` afterwards: give the folder to root or to"
                f" `{target.owner}`"
            )

    for target in changing:
        kept = target.shared and target.before is not None
        if not (target.after is None or kept or target.mode & 0o004):
            access = (f"{target.mode:04o}", target.owner, target.group)
            yield _Look(Command(("reads", target.path, *access)), partial(says, target))


class _Change(NamedTuple):
    """What a file holds, and what it is to hold; None: it is absent."""

    path: str
    now: bytes | None
    new: bytes | None


def _places(line: Line, changes: Sequence[_Change], beside: int) -> Iterator[_Look]:
    """Look at files, and at the room for them and their backups; `beside` KiB are for the journal."""

    def says(replies: Sequence[Reply]) -> Iterator[str]:
        for change, reply in zip(changes, replies, strict=True):
            if not reply.ok:
                yield f"{change.path}: {_why(reply)}"

    if changes:
        rows = [(change.path, digest(change.now)) for change in changes]
        yield _Look(Command.of_rows(("look",), rows), says)
    new = _kib(change.new for change in changes)
    folders = {c.path.rpartition("/")[0]: c.path for c in changes if c.new is not None}
    if folders:
        yield _room(line, new, [*folders.values()])
    # Backups are in another place, which may be another file system; or else all has to fit there.
    yield _room(line, new + _kib(change.now for change in changes) + beside, [f"{STATES}/"])


def _kib(contents: Iterable[bytes | None]) -> int:
    """Return what files take up."""
    return sum(len(data) // 1024 + BLOCK_KIB for data in contents if data is not None)


def _room(line: Line, kib: int, paths: Sequence[str]) -> _Look:
    """Ask for free space on each of the file systems; those with less are named."""

    def full(replies: Sequence[Reply]) -> list[str]:
        if replies[0].ok:
            return []
        why = _FULL.format(kib=kib)
        return _found(line, [_unless(f"{path}: {why}", "room", str(kib), path) for path in paths])

    return _Look(Command(("room", str(kib), *paths)), full)


def _programs(steps: Sequence[Step]) -> Iterator[_Look]:
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
    for name in sorted(needed.keys() - written):
        yield _unless(f"the program {name} is missing", "program", name)
    if "systemctl" in needed:
        yield _unless(_NO_SYSTEMD, "systemd")
    if any(isinstance(action, Health) for action in _actions(steps)):
        programs = " and ".join(ASK_HEALTH)
        text = f"the health of OpenMeetings cannot be checked: {programs} are missing"
        yield _unless(text, "program", *ASK_HEALTH)


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
