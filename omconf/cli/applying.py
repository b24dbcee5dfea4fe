"""What `apply` and `undo` have in common: how events are shown, who is asked, the exit code."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import field
from pathlib import Path
from select import select
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omconf import interrupts
from omconf.cli import completion, output
from omconf.dataclass import dataclass
from omconf.rules import NOBODY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from omconf.actions import Manual
    from omconf.apply.events import Event
    from omconf.pipeline.apply import Result
    from omconf.pipeline.sources import Asked
    from omconf.plan.mask import Mask
    from omconf.views.document import Document


Local = Annotated[
    str | None,
    typer.Option(
        "--local",
        metavar="NODE",
        autocompletion=completion.nodes,
        help="This host is the node NODE.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--node",
        metavar="NODE",
        autocompletion=completion.nodes,
        help="With --ssh or --ansible: only this node; repeatable.",
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="DIR",
        parser=output.path,
        help="With --local: the directory of a copy of its root.",
    ),
]
Ssh = Annotated[bool, typer.Option("--ssh", help="Connect to the nodes by ssh.")]
Ansible = Annotated[
    bool, typer.Option("--ansible", help="Connect to the nodes by your own ansible-playbook.")
]
Inventory = Annotated[
    Path | None,
    typer.Option(
        "--inventory",
        metavar="FILE",
        parser=output.path,
        help="With --ansible: your inventory.  [default: made from `nodes.<name>.ssh`]",
    ),
]
Keep = Annotated[
    Path | None,
    typer.Option(
        "--keep",
        metavar="DIR",
        parser=output.path,
        help="With --ansible: also write the plan to DIR as an Ansible project, for review.",
    ),
]
Sudo = Annotated[
    bool,
    typer.Option(
        "--sudo", help="With --ssh: use `sudo -n` on the nodes; with --ansible: become root."
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=1,
        max=3600,
        help="With --ssh or --ansible: how long a node may take to answer.  [default: 60]",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for approval.")]
Reason = Annotated[
    str,
    typer.Option(
        "--reason", metavar="TEXT", help="The reason, recorded in the journal of each node."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print events as JSON Lines.")]
LockTimeout = Annotated[
    float,
    typer.Option(
        "--lock-timeout", metavar="SECONDS", min=0, max=86400, help="How long to wait for a lock."
    ),
]
BreakLock = Annotated[
    str | None,
    typer.Option(
        "--break-lock",
        metavar="ID",
        parser=output.given,
        help="Break this lock if its holder hangs.",
    ),
]


def asked_of(
    local: str | None,
    root: Path | None,
    *,
    ssh: bool,
    ansible: bool = False,
    inventory: Path | None = None,
    sudo: bool,
    seconds: float | None,
    only: Collection[str] = (),
) -> Asked:
    """Return which nodes the options choose: this host, or all themselves; raises BadParameter."""
    from omconf.pipeline.sources import Asked

    if (local is not None) + ssh + ansible != 1:
        message = "Choose the nodes: --ssh or --ansible, or --local NODE for this host."
        raise typer.BadParameter(message)
    if local is None and root is not None:
        raise typer.BadParameter("--root requires --local.")
    if local is not None and (sudo or seconds is not None or only):
        these = "--sudo, --timeout and --node" if only else "--sudo and --timeout"
        raise typer.BadParameter(f"{these} require --ssh or --ansible.")
    require_ansible(inventory, ansible=ansible)
    if local is not None:
        return Asked.of_local(local, root)
    return Asked.of_nodes(
        sudo=sudo, seconds=seconds, only=only, ansible=ansible, inventory=inventory
    )


def require_ansible(inventory: Path | None, keep: Path | None = None, *, ansible: bool) -> None:
    """Refuse options that mean nothing without Ansible."""
    if not ansible and inventory is not None:
        raise typer.BadParameter("--inventory requires --ansible.")
    if not ansible and keep is not None:
        raise typer.BadParameter("--keep requires --ansible.")


def duration(text: str | None) -> float:
    """Read a duration, a number with s, m or h, in seconds; None: 0."""
    if text is None:
        return 0.0
    found = re.fullmatch(r"([0-9]{1,6})(s|m|h|)", text)
    if not found:
        message = (
            f"`{text[:80]}` is not a duration: write a number with s, m or h, for"
            " example 90s, 30m or 2h."
        )
        raise typer.BadParameter(message)
    number, unit = found.groups()
    if not unit:
        message = f"`{text}` has no unit: write {number}s for seconds or {number}m for minutes."
        raise typer.BadParameter(message)
    return float(int(number) * {"s": 1, "m": 60, "h": 3600}[unit])


def counted(connections: Mapping[str, int]) -> str:
    """Return a line with the number of connections to each node that is to stop; empty if none."""
    if not connections:
        return ""
    counts = ", ".join(f"{count} to {node}" for node, count in connections.items())
    return f"Connections to OpenMeetings now: {counts} (--drain DURATION waits until they close).\n"


@contextmanager
def preparing(*, as_json: bool) -> Iterator[None]:
    """With `--json`, tell of a signal that comes in before there is anything to approve."""
    try:
        yield
    finally:
        if as_json and interrupts.stopped():
            from omconf.views import events

            Show(as_json).document(events.of_end("refused", 0.0, why="it was interrupted"))


def somebody() -> bool:
    """Tell whether a person is there to ask."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


@dataclass(slots=True)
class Show:
    """Shows events as they come: JSON Lines, one line each, or live on a terminal."""

    as_json: bool
    mask: Mask | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _status: Any = None
    _since: float = 0.0
    _now: str = ""
    unwritten: OSError | None = None
    """Why an event could not be written."""
    told: list[str] = field(default_factory=list)
    """What failed, as it was shown."""
    _turn: threading.Lock = field(default_factory=threading.Lock)
    """Nodes tell what happens side by side."""

    def __enter__(self) -> Show:
        if not self.as_json and somebody():
            from rich.console import Console
            from rich.live import Live

            console = Console(no_color=not output.paint(sys.stdout).colour, highlight=False)
            self._status = self._stack.enter_context(
                Live(get_renderable=self._line, console=console, transient=True)
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Give the terminal back."""
        self._stack.close()

    def pause(self) -> None:
        """Give the terminal to somebody who is asked."""
        if self._status is not None:
            self._now = ""
            self._status.stop()

    def go_on(self) -> None:
        """Take it back."""
        if self._status is not None:
            self._status.start()

    def event(self, event: Event) -> None:
        """Show what happens on a node."""
        from omconf.views import events

        self.document(events.of_event(event))

    def document(self, document: Document) -> None:
        """Show an event, without the values of secrets."""
        from omconf.views.mask_document import mask_document

        document = mask_document(document, self.mask)
        # What cannot be written ends no work.
        try:
            with self._turn:
                self._draw(document)
        except OSError as error:
            self.unwritten = error

    def _draw(self, document: Document) -> None:
        from omconf.views import events

        if self.as_json:
            output.write(json.dumps(document) + "\n")
            sys.stdout.flush()
            return
        if document["event"] in ("plan", "end"):
            return
        if document["state"] == "failed" and document.get("text"):
            self.told.append(document["text"])
        if document["state"] == "started":
            self._now = f"{document['node']}: {events.doing(document)}"
            self._since = time.monotonic()
        if drawn := events.line(document, output.paint(sys.stdout)):
            if self._status is not None:
                from rich.text import Text

                shown = output.screened(drawn, sys.stdout)
                self._status.console.print(Text.from_ansi(shown))
            else:
                output.write(drawn + "\n")
                sys.stdout.flush()

    def _line(self) -> Any:
        from rich.spinner import Spinner

        seconds = int(time.monotonic() - self._since)
        return Spinner("dots", text=f"{self._now[:100]} ({seconds} s)" if self._now else "")


@dataclass(slots=True)
class Terminal:
    """The person at the terminal, if there is one."""

    show: Show
    there: bool = field(default_factory=somebody)

    def __post_init__(self) -> None:
        """With `--json` nobody is asked."""
        self.there = self.there and not self.show.as_json

    def does(self, nodes: Sequence[str], manual: Manual) -> bool:
        """Show what is to be done, and ask whether it is."""
        files = (f"  the bundle has it in {file}" for file in manual.files)
        return self._asked("Is it done?", f"{', '.join(nodes)}: {manual.text}", *files)

    def agrees(self, question: str) -> bool:
        """Ask whether to go on."""
        return self._asked(question)

    def _asked(self, question: str, *lines: str) -> bool:
        if not self.there:
            return False
        self.show.pause()
        for line in lines:
            output.tell(line)
        answer = _answer(f"{question} [y/N]: ")
        self.show.go_on()
        return answer.lower() in ("y", "yes")


def _answer(question: str) -> str:
    """Ask the person at the terminal; empty when a signal comes in, or the terminal goes away.

    Nothing blocks: where signals are deferred none would end `input` before the next Enter.
    """
    output.write(question)
    sys.stdout.flush()
    while not interrupts.stopped():
        if select([sys.stdin], [], [], interrupts.SECONDS)[0]:
            line = sys.stdin.readline()
            if not line:
                break
            return line.strip()
    output.write("\n")
    return ""


def approve(question: str, show: Show, *, yes: bool, saved: bool = False) -> Result | None:
    """Ask once; only `yes` means yes. Gives how it ends where it is not approved.

    With `saved`, a saved plan approves as well.
    """
    from omconf.apply.events import Outcome
    from omconf.pipeline.apply import Result

    if yes:
        return None
    if show.as_json or not somebody():
        message = "Nobody is present to approve it."
        also = "; so does a plan that was saved by `omconf plan --out`" if saved else ""
        hint = f"--yes approves{also}."
        return Result(Outcome.REFUSED, diagnostics=[NOBODY.at(None, message, hint=hint)])
    if _answer(f"{question} Only `yes` goes on [no]: ") == "yes":
        return None
    return Result(Outcome.REFUSED, why="Not approved.")


def leave(result: Result, show: Show, undo: str = "", *, well: bool = False) -> None:
    """Show how it ended, and exit: with 0 only when everything is as it was asked for."""
    from omconf.views import events
    from omconf.views.mask_document import mask_document

    ended = events.of_end(
        str(result.outcome),
        result.seconds,
        name=result.id,
        why=result.why,
        states=result.states,
        found=result.diagnostics,
    )
    if show.as_json:
        show.document(ended)
    else:
        output.say(result.diagnostics, show.mask)
        ended = mask_document(ended, show.mask)
        output.write(events.end(ended, output.paint(sys.stdout), undo, show.told))
    # The work has ended; that it could not be written is an error all the same.
    if show.unwritten:
        raise show.unwritten
    if not (well or result.outcome.well):
        raise typer.Exit(1)
