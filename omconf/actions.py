"""The actions of a roll-out: a closed set of typed values, from which every view and apply draw.

An artifact kind says which actions its changes need (see `Effect` in artifacts/effect.py), the rooms
above put them in order. Nothing here is prose in the place of a command.
"""

from __future__ import annotations

import shlex
from dataclasses import field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

from omconf.dataclass import dataclass
from omconf.waits import COMMAND_SECONDS, HEALTH_INTERVAL, HEALTH_SECONDS, START_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

OWN_UNITS = "omconf-"
"""Begins the names of the units that omconf brings; all others start OpenMeetings."""

Verb = Literal["start", "stop", "restart", "reload", "enable", "disable"]
Who = Literal["admin", "database", "storage"]


class Stage(IntEnum):
    """When the changes of a kind are rolled out, the first one first.

    What is taken away goes in the opposite order.
    """

    SERVE = 1
    """What other nodes mount: exports and shares."""
    PROTECT = 2
    """Firewalls: a node mounts nothing while the data server is closed to it."""
    MOUNT = 3
    """The shared data folder."""
    NETWORK = 4
    """Routes."""
    UNIT = 5
    """What systemd has to know of OpenMeetings."""
    OPENMEETINGS = 6
    """What OpenMeetings reads when it starts."""
    CHECK = 7
    """What tells whether all of it works."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write files of the bundle to their paths on the node: whole, or their block or keys."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete files that omconf wrote."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Run a program as root; it must end with exit code 0 within `timeout` seconds."""

    argv: tuple[str, ...]
    timeout: int = COMMAND_SECONDS


@dataclass(frozen=True, slots=True)
class Service:
    """Have systemd do something with a unit."""

    do: Verb
    unit: str
    timeout: int = START_SECONDS
    apart: float | None = None
    """Seconds to let pass after the same was done on another node of the roll-out, one by one."""


@dataclass(frozen=True, slots=True)
class Health:
    """Wait until the node is healthy and sees the members that it should (seconds)."""

    timeout: int = HEALTH_SECONDS
    interval: int = HEALTH_INTERVAL


@dataclass(frozen=True, slots=True)
class Manual:
    """What a person has to do, once for the step.

    `who` is the admin of the nodes, of the database server or of the data server. `files` are paths
    in the bundle directory. With `check`, that program tells on each node of the step that it is done;
    with `login`, a login to the database does.
    """

    who: Who
    text: str
    files: tuple[str, ...] = ()
    check: Run | None = None
    login: Literal[True] | None = None


Action = Put | Remove | Run | Service | Health | Manual


@dataclass(frozen=True, slots=True)
class Do:
    """An action, and what takes it back.

    `undo` takes back what the action brought about; it runs before the files are restored when the
    action came after them, and the other way round. With `again` the action itself runs once more
    after the files are restored, as what reads them has to: a reload, a restart.
    """

    action: Action
    undo: Action | None = None
    again: bool = False


def run(*argv: str, undo: Action | None = None, timeout: int = COMMAND_SECONDS) -> Do:
    """Run a program, with what takes it back."""
    return Do(Run(argv, timeout), undo)


def reload(*argv: str) -> Do:
    """Run a program that has files read again, also after they are restored."""
    return Do(Run(argv), again=True)


def put(*paths: str) -> Do:
    """Write files; taken back, they are as they were."""
    return Do(Put(paths), Put(paths))


def remove(*paths: str) -> Do:
    """Delete files; taken back, they are there again."""
    return Do(Remove(paths), Put(paths))


def at_boot(*argv: str, no_longer: bool = False) -> Do:
    """Have a person see to it that a program runs at each boot, where no systemd does."""
    command = shlex.join(argv)
    does = Manual("admin", f"Configure this node to run `{command}` at boot.")
    back = Manual("admin", f"Stop running `{command}` at boot.")
    return Do(back, does) if no_longer else Do(does, back)


RELOAD_UNITS = reload("systemctl", "daemon-reload")
"""systemd reads its units, and /etc/fstab, again."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a roll-out: these actions on each of these nodes, before the next step.

    `undo` takes the step back, in its order. A `put` in it brings the paths back to what they were
    before the step: a file that was not there is removed.
    """

    nodes: tuple[str, ...]
    why: str
    actions: tuple[Action, ...]
    undo: tuple[Action, ...] = ()
    does: tuple[Do, ...] = field(default=(), compare=False, repr=False)
    """The actions with what takes each back, where that is known one by one."""
    used: bool = field(default=False, compare=False, repr=False)
    """Whether other nodes may use what it brings: then it is not taken back for one node alone."""
    ends: bool = field(default=False, compare=False, repr=False)
    """Whether nodes cannot go back alone after it: their old settings need what it takes away."""
    bars: bool = field(default=False, compare=False, repr=False)
    """Whether nothing before it is taken back, nor starts again, until it is taken back itself."""
    together: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """Nodes of which none goes back alone: its old settings may not run beside the others' new ones."""

    @classmethod
    def of(cls, nodes: Iterable[str], why: str, does: Iterable[Do]) -> Step:
        """Put a step together, with its undo."""
        listed = tuple(does)
        actions, undo = _once(do.action for do in listed), _once(_undo(listed))
        return cls(tuple(nodes), why, actions, undo, listed)

    @property
    def by_hand(self) -> list[tuple[str, str]]:
        """What people do in it that others of their acts undo: both texts."""
        pairs = [(do.action, do.undo) for do in self.does]
        return [
            (a.text, b.text) for a, b in pairs if isinstance(a, Manual) and isinstance(b, Manual)
        ]

    def undo_from(self, action: Action) -> tuple[Action, ...]:
        """Return the actions that undo the step if it came as far as `action`, which failed."""
        at = next((at for at, do in enumerate(self.does) if do.action == action), None)
        if at is None:
            return self.undo
        begun, rest = self.does[: at + 1], self.does[at + 1 :]
        if isinstance(action, Put):
            # systemd may have seen one of several files before the next one failed.
            begun += tuple(do for do in rest if do == RELOAD_UNITS)[:1]
        back = _once(_undo(begun))
        waits = tuple(last for last in self.undo[-1:] if isinstance(last, Health))
        begins = any(isinstance(a, Service) and a.do in ("start", "restart") for a in back)
        return (*back, *waits) if begins and back[-1:] != waits else back

    def waiting(self, seconds: int) -> Step:
        """Return the step with this many seconds for nodes to become healthy."""

        def with_time(of: Do) -> Do:
            undo = None if of.undo is None else _waiting(of.undo, seconds)
            return replace(of, action=_waiting(of.action, seconds), undo=undo)

        return replace(
            self,
            actions=tuple(_waiting(action, seconds) for action in self.actions),
            undo=tuple(_waiting(action, seconds) for action in self.undo),
            does=tuple(map(with_time, self.does)),
        )


def _waiting(action: Action, seconds: int) -> Action:
    return replace(action, timeout=seconds) if isinstance(action, Health) else action


def _undo(does: Sequence[Do]) -> Iterator[Action]:
    """Take actions back: what they brought about, then all files at once, then what reads these."""
    first = next((at for at, do in enumerate(does) if isinstance(do.undo, Put)), len(does))
    paths = tuple(path for do in does if isinstance(do.undo, Put) for path in do.undo.paths)
    for at in reversed(range(len(does))):
        do = does[at]
        if at == first and paths:
            yield Put(paths)
            yield from (later.action for later in does if later.again)
        elif do.undo is not None and not isinstance(do.undo, Put):
            yield do.undo
    if not paths:
        yield from (do.action for do in does if do.again)


def _once(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Leave an action out that stands in the list already, where twice is no more than once."""
    result: list[Action] = []
    for action in actions:
        if action == RELOAD_UNITS.action and action in result and not _wrote(result, action):
            continue
        if not (result and result[-1] == action):
            result.append(action)
    return tuple(result)


def _wrote(actions: list[Action], last: Action) -> bool:
    """Tell whether files were written or deleted since an action was last taken."""
    since = actions[len(actions) - actions[::-1].index(last) :]
    return any(isinstance(action, Put | Remove) for action in since)
