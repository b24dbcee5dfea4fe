"""The journal of a node: what was applied there, as the node keeps it; hostile input when read.

An entry has a number, which counts up on the node, and files below journal/ (node.sh): `N.about`, from
its beginning, `N.notes` and `N.files`, which grow, and `N.end`. The backups are `KEY.bN`.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError

from omconf import actions
from omconf.apply.events import Outcome
from omconf.cluster.places import STATE, fits
from omconf.dataclass import dataclass
from omconf.deployed.snapshot import MAX_AROUND
from omconf.formats import printf
from omconf.plan import owed
from omconf.planfile import model

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from omconf.deployed.snapshot import DeployedFile
    from omconf.diagnostics import Finding

Id = Annotated[str, Field(pattern="^[0-9a-f]{8}$")]
Moment = Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
MAX_TEXT = 2000
"""Characters of a text in the journal."""
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Name = Annotated[str, Field(pattern="^[a-z0-9-]{1,63}$")]
_FILE = re.compile(
    r"(?P<key>[0-9a-f]{64})\|(?P<path>[^|]{1,8000})\|(?P<before>[0-9a-f]{64}|absent)"
    r"\|(?P<after>[0-9a-f]{64}|absent)\|(?P<made>[0-9]{1,3})"
    r"\|(?P<access>[0-7]{1,4}\|[0-9]{1,10}\|[0-9]{1,10})?"
)
_NOTE = re.compile("begin ([0-9]{1,6})")
_CUT = "cut"
"""The note on the oldest entry when those before it that it may have continued were deleted."""
_PLACE = re.compile(r"([0-9]{6,9})\.(about|notes|files|end)")
MARKS = ("journal/*.open", "journal/*.about", "journal/*.end", "pending/*.path")
"""Patterns of files, as in node.sh, that come and go with each apply."""
MAX_LINES = 10_000
"""Lines that are read of each file of a journal."""


class Step(model.Part):
    """A step as far as it concerns the node: what takes it back."""

    step: model.Positive
    why: Text
    undo: list[model.Action]
    bars: bool = False
    """Whether nothing before it is taken back until it is taken back itself."""
    by_hand: list[tuple[Text, Text]] = Field(default=[])
    """What people do in it, and what they do to take it back."""


class File(model.Part):
    """A file that may be written: its kind, and the keys of it that are omconf's."""

    kind: str
    keys: list[str] = Field(default=[])
    block: model.Digest | None = None
    """sha256 of the block that it gets: who edits that edits what omconf would take back."""


class About(model.Part):
    """What an apply or an undo is, from its beginning."""

    format: Literal[1]
    id: Id
    what: Literal["apply", "undo"]
    of: Id | None = None
    """Of an undo: what it takes back."""
    node: Name
    by: Text
    reason: Text
    when: Moment
    plan: model.Digest
    """sha256 of the plan's document."""
    wanted: model.Digest | None = None
    """sha256 of the spec and the bundle: of a plan that goes on, it is the same (told.py)."""
    nodes: list[Name] = Field(default=[])
    """All nodes that have a part in it."""
    steps: list[Step]
    files: dict[str, File]

    @property
    def text(self) -> str:
        """The JSON of it."""
        return self.model_dump_json(exclude_none=True)


class End(model.Part):
    """How it ended."""

    outcome: Outcome
    when: Moment
    why: Text = ""

    @property
    def text(self) -> str:
        """The JSON of it."""
        return self.model_dump_json()


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that was changed: digests before and after, `MODE|UID|GID` before, folders made."""

    key: str
    path: str
    before: str
    after: str
    access: str
    made: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One apply or undo. Without an `end` it did not come to it."""

    number: str
    about: About
    begun: frozenset[int] = frozenset()
    changed: tuple[Changed, ...] = ()
    end: End | None = None
    cut: bool = False
    """Whether those before it were deleted although it may have continued them."""

    @property
    def touched(self) -> bool:
        """Whether it changed anything that stands."""
        there = self.begun or self.changed
        return bool(there) and (self.end is None or self.end.outcome is not Outcome.UNDONE)

    @property
    def undid(self) -> bool:
        """Whether it is an undo that took everything back."""
        ended = self.end is not None and self.end.outcome is Outcome.UNDONE
        return self.about.what == "undo" and ended

    @property
    def whole(self) -> bool:
        """Whether it came to its end as it was meant to."""
        return self.end is not None and self.end.outcome is Outcome.APPLIED


@dataclass(frozen=True, slots=True)
class Journal:
    """The entries of a node, the oldest first; `broken` names files that make no sense."""

    entries: tuple[Entry, ...] = ()
    broken: tuple[str, ...] = ()

    def told(self, wanted: str | None) -> tuple[str, ...]:
        """What people were told to do by the last applies, all of which waited for them; oldest first.

        Applies of anything else than `wanted` do not count, nor do those before them.
        """
        found: list[str] = []
        for entry in reversed(self.entries):
            end, about = entry.end, entry.about
            if about.what != "apply" or wanted is None or about.wanted != wanted:
                break
            if end is None or end.outcome is not Outcome.WAITING:
                break
            found.append(end.why)
        return tuple(reversed(found))

    @property
    def standing(self) -> tuple[Entry, ...]:
        """The applies that were not taken back, the oldest first.

        Taking one back takes back those before it, too, that had not come to their end: it went on
        where they had stopped.
        """
        stack: list[Entry] = []
        for entry in self.entries:
            if entry.about.what == "apply" and entry.touched:
                stack.append(entry)
            elif entry.undid:
                while stack and any(e.about.id == entry.about.of for e in stack):
                    stack.pop()
                while stack and not stack[-1].whole:
                    stack.pop()
        return tuple(stack)

    @property
    def last(self) -> tuple[Entry, ...]:
        """The last apply that stands, and those before it that it went on with; the oldest first."""
        standing = self.standing
        first = len(standing) - 1
        while first > 0 and not standing[first - 1].whole:
            first -= 1
        return standing[max(first, 0) :]

    @property
    def cut(self) -> bool:
        """Whether applies that the last one went on with are no longer there."""
        if not self.standing or self.last[0] is not self.standing[0]:
            return False
        for entry in reversed(self.entries[: self.entries.index(self.last[0]) + 1]):
            if entry.undid or entry.cut:
                return entry.cut
        return False


def places(cluster: str) -> tuple[str, ...]:
    """Where a source finds the journal, as patterns."""
    folder = f"{STATE.format(cluster=cluster)}/journal"
    return (folder, *(f"{folder}/*.{end}" for end in ("about", "notes", "files", "end")))


def moved(around: Mapping[str, DeployedFile], cluster: str, now: Collection[str]) -> bool:
    """Tell whether an apply or undo began, went on or ended on a node since a source read it.

    `now` are the names of the files of MARKS that are there.
    """
    state = STATE.format(cluster=cluster)
    for pattern in MARKS:
        read = sorted(path for path in around if fits(f"{state}/{pattern}", path))
        there = sorted(name for name in now if name.endswith(pattern.partition("*")[2]))
        if [path.rpartition("/")[2] for path in read] != there[:MAX_AROUND]:
            return True
    return False


def hidden(around: Mapping[str, DeployedFile], cluster: str) -> Finding | None:
    """Report a journal that is there but cannot be read (OM302); None otherwise, also without one."""
    return owed.hidden(around, f"{STATE.format(cluster=cluster)}/journal")


def backups(cluster: str, number: str) -> str:
    """Where a source finds the backups of an entry, as a pattern."""
    return f"{STATE.format(cluster=cluster)}/journal/*.b{number}"


def read(around: Mapping[str, DeployedFile], cluster: str) -> Journal:
    """Read what a source found of the journal."""
    folder = f"{STATE.format(cluster=cluster)}/journal/"
    files: dict[str, dict[str, str]] = {}
    broken: list[str] = []
    for path, file in around.items():
        if path.startswith(folder) and (found := _PLACE.fullmatch(path[len(folder) :])):
            if file.data is None:
                broken.append(path)
            else:
                text = file.data.decode("utf-8", "replace")
                files.setdefault(found[1], {})[found[2]] = text
    entries: list[Entry] = []
    for number, of in sorted(files.items(), key=lambda item: int(item[0])):
        try:
            entries.append(_entry(number, of))
        except (ValidationError, ValueError):
            broken.append(f"{folder}{number}.about")
    return Journal(tuple(entries), tuple(dict.fromkeys(broken)))


def _entry(number: str, of: Mapping[str, str]) -> Entry:
    about = About.model_validate_json(of.get("about", ""))
    if any(undo.type == "remove" for step in about.steps for undo in step.undo):
        raise ValueError("nothing is deleted to take a step back")
    end = None
    with suppress(ValidationError):  # a power cut may leave it empty
        end = End.model_validate_json(of.get("end", ""))
    notes = of.get("notes", "").split("\n")[:MAX_LINES]
    begun = frozenset(int(found[1]) for note in notes if (found := _NOTE.fullmatch(note)))
    changed: list[Changed] = []
    for line in of.get("files", "").split("\n")[:MAX_LINES]:
        if found := _FILE.fullmatch(line):
            path = printf.meaning(found["path"].encode()).decode("utf-8", "surrogateescape")
            if path not in about.files:
                raise ValueError("a file outside its plan")
            access = found["access"] or ""
            given = (found["key"], path, found["before"], found["after"], access)
            changed.append(Changed(*given, int(found["made"])))
    return Entry(number, about, begun, tuple(changed), end, _CUT in notes)


def action(of: Any) -> actions.Action:
    """Make an action of its document in the journal."""
    match of:
        case model.Put(paths=paths):
            return actions.Put(tuple(paths))
        case model.Remove(paths=paths):
            return actions.Remove(tuple(paths))
        case model.Run(argv=argv, timeout=timeout):
            return actions.Run(tuple(argv), timeout)
        case model.Service(do=do, unit=unit, timeout=timeout):
            return actions.Service(do, unit, timeout)
        case model.Health():
            return actions.Health()  # an undo waits as long as it says, whatever an apply did
        case model.Manual(who=who, text=text, files=files):
            return actions.Manual(who, text, tuple(files))
    raise ValueError("no action")
