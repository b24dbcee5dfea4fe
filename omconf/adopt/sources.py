"""The sources of an import: each first surveys its nodes, then reads files as for a plan."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from omconf.dataclass import dataclass
from omconf.deployed import ssh, survey
from omconf.deployed.directory import HINT, Directory
from omconf.deployed.local import Local
from omconf.deployed.survey import Survey
from omconf.diagnostics import Diagnostic, Finding
from omconf.files import read as files
from omconf.rules import NOT_A_FILE, UNREADABLE
from omconf.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.deployed.snapshot import Source

SCRIPT = Path(survey.__file__).with_name("survey.sh")
MAX_LINES = 5000
"""Lines that a node may send in its survey."""
MAX_SAID = 1024 * 1024
_UNSEEN = Finding(
    NOT_A_FILE, 0, "The folder's name contains an invisible character.", "Rename the folder."
)
_HOME = re.compile(r"((?:/[^/\t]+)*)/webapps/([^/\t]+)/WEB-INF/classes/hazelcast\.xml")


class Origin(Protocol):
    """Where nodes are imported from."""

    def look(self) -> list[Survey] | Diagnostic:
        """Survey all nodes; returns a diagnostic if the source as a whole cannot be read."""

    def source(self, labels: Mapping[str, str]) -> Source:
        """Return the reader of their files; `labels` are the nodes' names in the source, by name."""

    def ssh(self, label: str) -> str:
        """Return a node's OpenSSH destination; empty if the source has none."""


@dataclass(frozen=True, slots=True)
class Trees:
    """A directory of root trees (`--deployed`)."""

    path: str

    def look(self) -> list[Survey] | Diagnostic:
        """Survey each folder as a node with that name.

        OM302 if the directory cannot be read or holds no folder; a name with an invisible character
        is that node's own problem (OM316).
        """
        try:
            labels = survey.labels(self.path)
            folder = files.folder(self.path)
        except OSError as error:
            return Directory(self.path).unreadable(error)
        try:
            found = [
                survey.of_tree(label, label, dir_fd=folder)
                if label.isprintable()
                else Survey(survey.escaped(label), problem=_UNSEEN)
                for label in labels
            ]
        finally:
            os.close(folder)
        if not found:
            message = f"The directory {self.path} holds no folder of any node."
            return UNREADABLE.at(None, message, hint=HINT)
        return found

    def source(self, labels: Mapping[str, str]) -> Source:
        """Return a reader of the trees; a node is read from the folder that `labels` gives it."""
        return Directory(self.path, dict(labels))

    def ssh(self, label: str) -> str:
        """Return an empty text: a tree does not tell how to reach its node."""
        return ""


@dataclass(frozen=True, slots=True)
class Host:
    """This host, or a copy of its root (`--local NAME`)."""

    name: str
    root: str = "/"

    def look(self) -> list[Survey] | Diagnostic:
        """Survey this host, as the only node; OM302 if the root is no directory.

        A copy of a root has no host name of its own.
        """
        if not os.path.isdir(self.root):
            return UNREADABLE.at(None, f"The root {self.root} is not a directory.")
        real = os.path.realpath(self.root)
        found = survey.of_tree(self.name, real)
        return [replace(found, host=socket.gethostname()) if real == "/" else found]

    def source(self, labels: Mapping[str, str]) -> Source:
        """Return a reader of this host's files; there is only one node to name."""
        return Local(self.root)

    def ssh(self, label: str) -> str:
        """Return an empty text: this host needs no connection."""
        return ""


@dataclass(frozen=True, slots=True)
class Destinations:
    """The nodes themselves, by the user's own ssh (`--ssh --host DEST`)."""

    hosts: tuple[str, ...]
    sudo: bool = False
    seconds: float = 60

    def look(self) -> list[Survey] | Diagnostic:
        """Survey the hosts side by side, each within `seconds`; never a diagnostic.

        A host that does not answer, or on which the survey fails, has that as its own problem (OM302).
        """
        return side_by_side(partial(self._one, _script()), self.hosts)

    def _one(self, script: bytes, host: str) -> Survey:
        command = "exec sudo -n sh -s" if self.sudo else "exec sh -s"
        sent = ssh.run(host, command, seconds=self.seconds, limit=MAX_SAID, stdin=script)
        if sent.problem or sent.code:
            why = sent.problem or f"looking at it ended with exit code {sent.code}"
            finding = Finding(UNREADABLE, 0, f"It cannot be read by ssh: {why.rstrip('.')}.")
            return Survey(host, problem=finding)
        return read(host, sent.out.decode("utf-8", "replace"))

    def source(self, labels: Mapping[str, str]) -> Source:
        """Return a reader that connects as the survey did; each request has its destination."""
        return ssh.Ssh(self.sudo, self.seconds)

    def ssh(self, label: str) -> str:
        """Return the label itself: it is the destination that the user gave."""
        return label


def _script() -> bytes:
    above = " ".join("." + folder for folder in survey.ABOVE)
    units = " ".join("." + folder for folder in survey.UNITS)
    return f"above='{above}'\nunits='{units}'\n".encode() + SCRIPT.read_bytes()


def read(label: str, said: str) -> Survey:
    """Parse a node's survey; invalid lines are ignored."""
    found: dict[str, list[str]] = {}
    for line in said.split("\n")[:MAX_LINES]:
        what, tab, text = line.partition("\t")
        if tab and text.isprintable():
            found.setdefault(what, []).append(text)
        elif tab and what == "home":
            found.setdefault("odd", []).append(survey.escaped(text))
    homes = [match.groups() for text in found.get("home", ()) if (match := _HOME.fullmatch(text))]
    units = [p for p in found.get("unit", ()) if p.startswith(survey.UNITS) and "/../" not in p]
    real = [text.partition(" -> ")[::2] for text in found.get("real", ())]
    return Survey(
        label,
        tuple(dict.fromkeys((home, webapp) for home, webapp in homes))[: survey.MAX_HOMES],
        tuple(dict.fromkeys(units))[: survey.MAX_UNITS],
        has_units="any" in found,
        zone=next(iter(found.get("zone", ())), ""),
        host=next(iter(found.get("host", ())), ""),
        data=tuple(dict.fromkeys(map(_data, found.get("data", ()))))[: survey.MAX_HOMES],
        odd=tuple(dict.fromkeys(found.get("odd", ())))[: survey.MAX_HOMES],
        real=tuple(real),
        addresses=tuple(filter(_is_address, found.get("address", ())))[:64],
    )


def _data(text: str) -> tuple[str, str]:
    """Parse `FOLDER`, or `LINK -> TARGET`."""
    folder, link, target = text.partition(" -> ")
    return folder, survey.led(folder, target) if link else folder


def _is_address(text: str) -> bool:
    try:
        return not ipaddress.IPv4Address(text).is_loopback
    except ValueError:
        return False
