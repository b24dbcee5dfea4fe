"""Runs programs and services on one node during an apply."""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING, Literal, Protocol

from omconf.actions import OWN_UNITS, Health, Manual, Run, Service
from omconf.apply import unit as units
from omconf.apply.wire import SLACK, key
from omconf.apply.written import FailedError
from omconf.dataclass import dataclass
from omconf.plan import owed
from omconf.plan.owed import UNIT, done
from omconf.rollout import openmeetings
from omconf.secrets import last_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from omconf.actions import Action
    from omconf.apply.events import Tell
    from omconf.apply.targets import Targets
    from omconf.apply.wire import Line

Did = Literal["unchanged", "started", "restarted", "stopped", "failed", "unknown"]
"""What an apply did with OpenMeetings on a node."""
_DID: Mapping[str, Did] = {
    "start": "started",
    "restart": "restarted",
    "stop": "stopped",
    "fail": "failed",
}
"""The same, by the verb of systemctl, or of what a person did."""
UNWRITABLE = "omconf cannot write to /var/lib/omconf"
_TIMED_OUT = ("124", "143")
_KILLED = "137"
"""Of a program that was killed, by `timeout` or by anybody."""
_MOUNTED = 'cut -d" " -f5 /proc/self/mountinfo | grep -Fqx -- "$1"'
_SEE = ': See "systemctl status'
_BARE = "its state before omconf is unknown"


def _nothing(_: str) -> str:
    return ""


class Watch(Protocol):
    """Who knows of the other nodes what one of them has to wait for."""

    def begins(self, node: str, verb: str, unit: str) -> None:
        """Wait until a unit may start or stop on a node; raises StoppedError."""

    def ended(self, node: str, verb: str, unit: str, *, back: bool) -> None:
        """Take note that it did, or with `back` is as it was before."""

    def healthy(self, node: str, health: Health) -> str:
        """Wait until a node is healthy; otherwise say why it is not. Raises StoppedError."""

    def listens(self, node: str) -> bool:
        """Wait until OpenMeetings as it was before omconf came listens; it may not have run then."""


@dataclass(slots=True)
class Programs:
    """What runs on one node, and what it owes to be run."""

    name: str
    line: Line
    targets: Targets | None
    watch: Watch
    tell: Tell
    hide: Callable[[str], str] = field(default=_nothing, kw_only=True)
    """Hides secrets in what programs print."""
    service: Did = field(default="unchanged", kw_only=True)
    """What was done with OpenMeetings last."""
    healthy: bool | None = field(default=None, kw_only=True)
    """Whether it was healthy after that; None where that is not known."""
    _stopped: set[str] = field(default_factory=set, kw_only=True)
    _started: tuple[str, float] | None = field(default=None, kw_only=True)
    """The unit that was started last, and when (monotonic, in seconds)."""
    _back: bool = field(default=False, kw_only=True)

    def _run(self, argv: Sequence[str], timeout: int) -> None:
        words = [f".{word}" for word in argv]
        started = time.monotonic()
        reply = self.line.ask("run", str(timeout), *words, seconds=timeout + SLACK)
        if reply.ok:
            return
        if reply.word(0) != "exit":
            raise FailedError(UNWRITABLE)
        said = last_line(self.line.said().splitlines(), self.hide)
        late = reply.word(1) == _KILLED and time.monotonic() - started > timeout
        if late or reply.word(1) in _TIMED_OUT:
            why = f"it did not finish within {timeout} seconds"
        else:
            why = f"it ended with exit code {reply.word(1)}"
        raise FailedError(f"{argv[0]}: {why}{f': {said}' if said else ''}")

    def _mount(self, argv: tuple[str, ...], timeout: int) -> None:
        """Mount or unmount a folder; what an unfinished apply did of that before is done anew."""
        if self.passes(Run(("sh", "-c", _MOUNTED, "sh", argv[1]))):
            self._run(("umount", argv[1]), timeout)
        if argv[0] == "mount":
            self._run(argv, timeout)

    def _service(self, verb: str, unit: str, timeout: int) -> None:
        self.watch.begins(self.name, verb, unit)
        if verb in ("stop", "restart") and not unit.startswith(OWN_UNITS):
            self._owes(unit)
        if verb in ("start", "restart"):
            self.line.ask("run", "30", ".systemctl", ".reset-failed", f".{unit}")
            self.line.said()
        began = time.monotonic()
        try:
            self._run(("systemctl", verb, unit), timeout)
            self._takes_note(verb, unit)
        except FailedError as error:
            self._takes_note("fail", unit)
            if not (why := units.ends(self.line, unit, time.monotonic() - began, self.hide)):
                raise
            # What it says instead is where its user can look.
            raise FailedError(f"{str(error).partition(_SEE)[0]}{why}") from error
        if verb in ("start", "restart"):
            self._started = (unit, began)
            self.line.ask("settle", key(f"{UNIT}{unit}"))
        self.watch.ended(self.name, verb, unit, back=self._back)

    def _takes_note(self, verb: str, unit: str) -> None:
        """Take note of what was done with OpenMeetings, or failed."""
        if not unit.startswith(OWN_UNITS) and verb in _DID:
            self.service, self.healthy = _DID[verb], None

    def _wait(self, health: Health) -> str:
        """Wait for health; raises FailedError, with what the unit that was started last says of it.

        Returns what there is to say of health that is not known.
        """
        if self._bare():
            listens = self.watch.listens(self.name)
            self._runs()
            return _BARE if listens else f"{_BARE}; its web server is not listening"
        why = self.watch.healthy(self.name, health)
        self.healthy = not why
        if why:
            raise FailedError(f"{self.name} is not healthy: {why}{self._last_words()}")
        self._runs()
        return ""

    def _bare(self) -> bool:
        """Tell whether the way back has led to where a node knows nothing of omconf's check."""
        return False

    def _last_words(self) -> str:
        """Quote the journal of the unit that was started last, also while it is active: it may hang."""
        if self._started is None:
            return ""
        unit, began = self._started
        return units.ends(self.line, unit, time.monotonic() - began, self.hide)

    def _runs(self) -> None:
        """Take note that OpenMeetings runs, by whichever unit: none has to be started any more."""
        stopped = {*self._stopped}
        if self.targets:
            around = self.targets.deployed.around
            stopped |= {*owed.read(around, self.targets.bundle.cluster, {}).units}
        if stopped:
            self.line.ask("settle", *(key(f"{UNIT}{unit}") for unit in sorted(stopped)))

    def asks(self, manual: Manual) -> None:
        """Take note that a person starts or stops OpenMeetings next; raises FailedError."""
        verb = openmeetings.verb_of(manual.text)
        if verb:
            self.watch.begins(self.name, verb, openmeetings.BY_HAND)
        if verb in ("stop", "restart"):
            self._owes(openmeetings.BY_HAND)

    def did(self, manual: Manual) -> None:
        """Take note that a person started OpenMeetings."""
        verb = openmeetings.verb_of(manual.text)
        self._takes_note(verb, openmeetings.BY_HAND)
        if verb in ("start", "restart"):
            self.line.ask("settle", key(f"{UNIT}{openmeetings.BY_HAND}"))
            self.watch.ended(self.name, verb, openmeetings.BY_HAND, back=self._back)

    def settled(self, text: str, *, back: bool = False) -> None:
        """Take note that what a person was to do is done, or taken back; raises FailedError."""
        self._note(done(text, back=back))

    def _note(self, text: str) -> None:
        if not self.line.ask("note", text).ok:
            raise FailedError(UNWRITABLE)

    def _owes(self, unit: str) -> None:
        """Have a later plan start what is stopped; raises FailedError."""
        self._stopped.add(unit)
        name = f"{UNIT}{unit}"
        if not self.line.ask("stopped", name, key(name)).ok:
            raise FailedError(UNWRITABLE)

    def passes(self, check: Run) -> bool:
        """Tell whether a check of a manual step passes."""
        try:
            self._run(check.argv, check.timeout)
        except FailedError:
            return False
        return True

    def _idle(self, action: Action) -> bool:
        """Tell whether an action on the way back failed because nothing to do."""
        match action:
            case Service():
                return False  # systemd does not mind
            case Run(("mount" | "umount" as what, folder)):
                mounted = self.passes(Run(("sh", "-c", _MOUNTED, "sh", folder)))
                return mounted is (what == "mount")
        return True
