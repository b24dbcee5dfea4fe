"""One run of `ansible-playbook`, through which omconf runs programs on the nodes.

The task on each node connects to a socket in a folder of the user's own, runs what is sent there
and returns what it prints (project/action_plugins/omconf_node.py). A callback reports the hosts on
which the task does not come to that, with Ansible's reason. A node counts as reached only when its
task says so: one that is unreachable, skipped, left out or silent is lost.
"""

from __future__ import annotations

import json
import os
import select
import selectors
import signal
import socket
import struct
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from omconf import interrupts
from omconf.ansible.settings import environment, hint, reason
from omconf.dataclass import dataclass
from omconf.process import Answer, kill_group, too_long
from omconf.rules import NO_PLAYBOOK, UNTESTED
from omconf.secrets import last_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from _typeshed import FileDescriptorLike

    from omconf.ansible.inventory import Inventory
    from omconf.diagnostics import Diagnostic
    from omconf.process import Room

PROJECT = Path(__file__).with_name("project")
PLAYBOOK = "omconf.yml"
SOCKET = "OMCONF_SOCKET"
"""The variable of the environment that says where omconf listens."""
START_SECONDS = 60
"""How long ansible-playbook may take until its tasks run; an inventory may ask a cloud."""
CLOSING_SECONDS = 10
MAX_HEADER = 64 * 1024
MAX_ERROR = 1024 * 1024
"""Bytes of what a command prints to its stderr."""
MAX_SAID = 64 * 1024
"""Bytes that are looked at of what ansible-playbook prints, the last ones."""
MAX_FOLDER = 80
"""Bytes of the folder of temporary files; a socket's path has 107 at most."""
TESTED = ("2.16", "2.21")
"""The oldest and the newest ansible-core that tests run with."""
INSTALL = "Install ansible-core where omconf runs, and have its programs on PATH."
YAML = (
    "omconf's own inventory is YAML: add `yaml` to `enable_plugins` of [inventory] in ansible.cfg."
)
NO_ANSWER = "its task sent no answer"
NEVER = "its playbook never came to it"


class PlaybookError(Exception):
    """Raised when ansible-playbook does not come to its task; `found` says why."""

    def __init__(self, found: Diagnostic) -> None:
        super().__init__(found.message)
        self.found = found


def untested(version: str) -> list[Diagnostic]:
    """Warn of a version of ansible-core that no test runs with; an empty one is not known."""
    if not version or _numbers(TESTED[0]) <= _numbers(version) <= _numbers(TESTED[1]):
        return []
    message = f"This is ansible-core {version}; omconf is tested with {' to '.join(TESTED)}."
    return [UNTESTED.at(None, message)]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".")[:2] if number.isdecimal())


@dataclass(slots=True)
class Session:
    """A playbook that runs, and the nodes that its tasks reach."""

    process: subprocess.Popen[bytes]
    said: IO[bytes]
    nodes: dict[str, _Node] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    """Why nodes cannot be reached, in Ansible's words."""
    version: str = ""
    """Of ansible-core, as its plugins say."""

    def run(
        self,
        node: str,
        command: str,
        *,
        seconds: float,
        limit: int,
        stdin: bytes = b"",
        room: Room | None = None,
        until: Callable[[], bool] = interrupts.stopped,
    ) -> Answer:
        """Run shell text on a node; what it prints is hostile, and read up to `limit` bytes.

        It is not waited for any longer once `until` says so.
        """
        if node in self.lost:
            return Answer(problem=self.lost[node])
        wait = _Wait(time.monotonic() + seconds, until)
        return self._run(node, {"run": command}, (stdin,), wait, limit, room)

    def keep(self, node: str, command: str, beat: bytes, last: bytes) -> Answer:
        """Say what is run every few seconds while nothing else is, and what in the end.

        That is done also if omconf is killed.
        """
        wait = _Wait(time.monotonic() + CLOSING_SECONDS, interrupts.hurried)
        return self._run(node, {"keep": command}, (beat, last), wait, 0, None)

    def lose(self, node: str, why: str) -> None:
        """Send nothing more to a node."""
        self.lost.setdefault(node, why)

    def _run(
        self,
        node: str,
        told: Mapping[str, str],
        given: tuple[bytes, ...],
        wait: _Wait,
        limit: int,
        room: Room | None,
    ) -> Answer:
        try:
            return self.nodes[node].run(told, given, wait, limit, room)
        except _BrokenError as error:
            # What it runs there goes on to its end, but nobody waits for what it prints.
            self.nodes[node].channel.close()
            self.lose(node, str(error))
            return Answer(problem=str(error))

    def close(self) -> None:
        """End the tasks, and with them the playbook; what hangs is killed."""
        for node in self.nodes.values():
            node.channel.close()
        if not interrupts.hurried():
            end = time.monotonic() + CLOSING_SECONDS
            for name in self.nodes.keys() - self.lost.keys():
                self.nodes[name].wait(end)
            # Not before: without one of its tasks Ansible ends all others.
            for node in self.nodes.values():
                node.end()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(CLOSING_SECONDS)
            if self.process.returncode is None:
                kill_group(self.process.pid)
                self.process.wait()
        for node in self.nodes.values():
            os.close(node.process)
        self.said.close()


@dataclass(frozen=True, slots=True)
class _Wait:
    """How long an answer is waited for: to a moment (monotonic), or until somebody says so."""

    end: float
    until: Callable[[], bool]


@dataclass(slots=True)
class _Node:
    """The task of one node; one question at a time."""

    channel: socket.socket
    pid: int
    """Of the task, which Ansible runs in a process of its own."""
    process: int
    """A descriptor of that process: its number may be given again."""
    received: bytearray = field(default_factory=bytearray)

    @classmethod
    def of(cls, channel: socket.socket) -> _Node:
        """Take the other end of a channel for a node's task."""
        peer = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid, _, _ = struct.unpack("3i", peer)
        return cls(channel, pid, os.pidfd_open(pid))

    def wait(self, end: float) -> None:
        """Wait until the task has ended, up to a moment."""
        select.select([self.process], [], [], max(0, end - time.monotonic()))

    def end(self) -> None:
        """Kill the task if it is still there, and what it runs on this host."""
        with suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(self.process, 0)  # it is there, and so its number is its own
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signal.SIGKILL)
            signal.pidfd_send_signal(self.process, signal.SIGKILL)

    def run(
        self,
        told: Mapping[str, str],
        given: tuple[bytes, ...],
        wait: _Wait,
        limit: int,
        room: Room | None,
    ) -> Answer:
        started = time.time()
        try:
            head = json.dumps({**told, "sizes": [len(data) for data in given]})
            self._send(b"".join((head.encode(), b"\n", *given)), wait)
            answer = self._line(wait)
            code, (out, rest) = int(answer["code"]), map(int, answer["sizes"])
            for size, most in ((out, limit), (rest, MAX_ERROR)):
                if size > most:
                    raise _BrokenError(too_long(most))
            if room is not None and (refused := room(out)):
                raise _BrokenError(refused)
            while len(self.received) < out + rest:
                self._hear(wait)
        except (KeyError, TypeError, ValueError) as error:
            raise _BrokenError(NO_ANSWER) from error
        printed, said = bytes(self.received[:out]), bytes(self.received[out : out + rest])
        self.received.clear()
        text = said.decode("utf-8", "replace")
        if code == -1:
            return Answer(problem=last_line(text.splitlines()) or "its connection failed")
        return Answer(code, printed, text, started=started, answered=time.time())

    def _send(self, data: bytes, wait: _Wait) -> None:
        left = memoryview(data)
        while left:
            self._ready(selectors.EVENT_WRITE, wait)
            try:
                left = left[self.channel.send(left) :]
            except OSError as error:
                raise _BrokenError("its task ended") from error

    def _line(self, wait: _Wait) -> Any:
        while b"\n" not in self.received:
            if len(self.received) > MAX_HEADER:
                raise _BrokenError(NO_ANSWER)
            self._hear(wait)
        line, _, rest = bytes(self.received).partition(b"\n")
        self.received[:] = rest
        return json.loads(line)

    def _hear(self, wait: _Wait) -> None:
        self._ready(selectors.EVENT_READ, wait)
        try:
            data = self.channel.recv(256 * 1024)
        except OSError as error:
            raise _BrokenError("its task ended") from error
        if not data:
            raise _BrokenError("its task ended")
        self.received += data

    def _ready(self, event: int, wait: _Wait) -> None:
        """Wait until something can be sent or read; raises _BrokenError when that takes too long."""
        with selectors.PollSelector() as streams:
            streams.register(self.channel, event)
            while not streams.select(interrupts.SECONDS):
                if wait.until():
                    raise _BrokenError("interrupted")
                if time.monotonic() > wait.end:
                    raise _BrokenError("no response in time")


class _BrokenError(Exception):
    """Raised when a node's task does not answer as it should; the text says why."""


@contextmanager
def session(
    inventory: Inventory, *, become: bool, hidden: frozenset[str] = frozenset()
) -> Iterator[Session]:
    """Run the playbook on the hosts of an inventory; raises PlaybookError.

    `hidden` are variables of the environment that hold secrets.
    """
    short = None if len(tempfile.gettempdir()) < MAX_FOLDER else "/tmp"  # noqa: S108 - a safe mkdtemp
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="omconf-", dir=short))
        stack.enter_context(interrupts.deferred())
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        path = Path(folder, "inventory.yml")
        path.write_text(inventory.text(become=become), "utf-8")
        listener.bind(f"{folder}/socket")
        listener.listen(len(inventory.hosts) + 1)
        began = _begun(inventory, str(path), f"{folder}/socket", hidden)
        stack.callback(began.close)
        # Who comes later finds nobody, and ends.
        with listener:
            _Start(inventory, began, listener).wait()
        yield began


def _begun(inventory: Inventory, own: str, listens: str, hidden: frozenset[str]) -> Session:
    files = [*([inventory.file] if inventory.file else []), own]
    words = ["ansible-playbook", *(word for file in files for word in ("-i", file))]
    words += ["--forks", str(len(inventory.hosts)), str(PROJECT / PLAYBOOK)]
    said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the session
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=environment(hidden) | {SOCKET: listens},
            start_new_session=True,
        )
    except OSError as error:
        said.close()
        message = f"ansible-playbook cannot be run: {error.strerror}."
        raise PlaybookError(NO_PLAYBOOK.at(None, message, hint=INSTALL)) from error
    return Session(process, said)


@dataclass(slots=True)
class _Start:
    """Who has connected to omconf since the playbook began."""

    inventory: Inventory
    began: Session
    listener: socket.socket
    streams: selectors.PollSelector = field(default_factory=selectors.PollSelector)

    def wait(self) -> None:
        """Wait until each node is reached or lost."""
        wanted, end = set(self.inventory.hosts), time.monotonic() + START_SECONDS
        self.streams.register(self.listener, selectors.EVENT_READ)
        ended = False
        while wanted - self.began.nodes.keys() - self.began.lost.keys():
            ready = self.streams.select(interrupts.SECONDS)
            for key, _ in ready:
                self._take(key)
            if ended and not ready:
                if not self.began.nodes and not self.began.lost:
                    why = self._why()
                    message = f"ansible-playbook reached no node: {why.rstrip('.')}."
                    # The user's own inventory was read before.
                    what = YAML if "parse" in why else hint(why)
                    raise PlaybookError(NO_PLAYBOOK.at(None, message, hint=what))
                break
            ended = self.began.process.poll() is not None
            if interrupts.stopped() or time.monotonic() > end:
                break
        for node in wanted - self.began.nodes.keys() - self.began.lost.keys():
            self.began.lost[node] = NEVER
        for key in [*self.streams.get_map().values()]:
            if key.fileobj is not self.listener:
                self._drop(key.fileobj)
        self.streams.close()

    def _take(self, key: selectors.SelectorKey) -> None:
        if key.fileobj is self.listener:
            self.streams.register(self.listener.accept()[0], selectors.EVENT_READ, bytearray())
            return
        channel, heard = key.fileobj, key.data
        assert isinstance(channel, socket.socket)  # noqa: S101 - for the type checker
        data = channel.recv(MAX_HEADER)
        heard += data
        *lines, rest = bytes(heard).split(b"\n")
        heard[:] = rest
        for line in lines:
            self._told(json.loads(line), channel)
        if not data:
            self._drop(channel)

    def _drop(self, channel: FileDescriptorLike) -> None:
        self.streams.unregister(channel)
        assert isinstance(channel, socket.socket)  # noqa: S101 - for the type checker
        channel.close()

    def _told(self, told: Mapping[str, str], channel: socket.socket) -> None:
        if "node" in told and told["node"] in self.inventory.hosts:
            self.began.version = told["ansible"]
            self.began.nodes[told["node"]] = _Node.of(channel)
            self.streams.unregister(channel)
        for node, host in self.inventory.hosts.items():
            if told.get("host") == host.name and node not in self.began.nodes:
                said = last_line(str(told["text"]).splitlines())
                self.began.lost[node] = said or f"Ansible reports {told['end']}"

    def _why(self) -> str:
        """Return why the playbook ended, by the last line that it printed."""
        self.began.said.seek(max(0, self.began.said.seek(0, os.SEEK_END) - MAX_SAID))
        text = self.began.said.read().decode("utf-8", "replace")
        end = f"it printed nothing and its exit code is {self.began.process.returncode}"
        return reason(text) or end
