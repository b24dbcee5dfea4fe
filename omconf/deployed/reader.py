"""Reads the nodes themselves: what is sent to each, and what its answer means, by ssh or otherwise.

A node runs `read.sh`, which answers with one tar stream.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omconf.deployed import answer, archive
from omconf.deployed.budget import FEWER, FULL, Account, Budget
from omconf.deployed.snapshot import NodeFiles, Request
from omconf.deployed.tree import Same
from omconf.regex import regex
from omconf.secrets import MAX_SAID, last_line
from omconf.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.process import Answer, Room

SCRIPT = Path(__file__).with_name("read.sh")
HINTS = {
    "sudo: a password is required": "Allow that user to run `sh` with sudo without a password.",
    "you must have a tty to run sudo": "Allow that user to run sudo without a terminal (requiretty).",
    "Host key verification failed": (
        "Verify its host key, then connect once with `ssh` or replace the key in known_hosts."
    ),
    "restricted": "Use a login shell that can run `sh`.",
}
"""What helps, by words of ssh's, of sudo's or of a shell's."""
PRINTS = "Make its login shell print nothing without a terminal (check ~/.bashrc)."
_MAX_BEFORE = 4 * MAX_SAID
"""Bytes of what a login shell prints that are looked at."""
_COLOURS = regex(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)|\x07")
"""What a terminal takes as a command: colours, its title, the bell."""

Send = Callable[[str, Request, bytes, "Room"], "Answer"]
"""Has a node, by its name, run a script; `problem` says why it was not run."""


def all_nodes(
    requests: Mapping[str, Request],
    removed: Mapping[str, str],
    send: Send,
    how: str = "by ssh",
) -> tuple[dict[str, NodeFiles], dict[str, NodeFiles]]:
    """Read all nodes, and those that left the spec; a node that cannot be read is unknown.

    `removed` are the ssh destinations of the latter, by name.
    """
    budget, same, program = Budget(), Same(), SCRIPT.read_bytes()

    def node(name: str) -> NodeFiles:
        account = Account(budget)
        sent = send(name, every[name], _script(program, every[name]), account.incoming)
        return _files(every[name], sent, account, same, how)

    former = Request.of_left(requests)
    gone = {name: replace(former, ssh=ssh) for name, ssh in removed.items()}
    every = {**requests, **gone}
    read = dict(zip(every, side_by_side(node, every), strict=True))
    left = {
        name: files
        for name in gone
        if (files := read.pop(name)).problem or former.applied(name, files)
    }
    return read, left


def _files(request: Request, sent: Answer, account: Account, same: Same, how: str) -> NodeFiles:
    """Return what a node sent; what is kept of it is charged to its account."""
    if not sent.problem and sent.code == 0:
        read = answer.read(request, sent.out, sent.error, account, same)
        if read.problem and (first := printed(archive.before(sent.out))):
            return NodeFiles.unknown(request, f"Its login shell prints text: {first}.", PRINTS)
        return read
    account.drop()
    if sent.problem:
        problem = sent.problem.removesuffix(".")
        hint = FEWER if problem == FULL else _hint(problem)
        return NodeFiles.unknown(request, f"It cannot be read {how}: {problem}.", hint)
    said = last_line(line for line in sent.error.splitlines() if answer.MARK not in line)
    said = (said or printed(archive.before(sent.out))).removesuffix(".")
    why = f"Reading it failed with exit code {sent.code}: {said or 'no error message'}."
    return NodeFiles.unknown(request, why, _hint(said))


def printed(before: bytes) -> str:
    """Return the first line of what stands before an answer, masked; empty if it is no text."""
    text = before[:_MAX_BEFORE].decode("utf-8", "replace").rstrip("\ufffd")
    if "\ufffd" in text:
        text = before[:_MAX_BEFORE].decode("latin-1")
    text = _COLOURS.sub("", text)
    lines = [line for line in map(str.strip, text.expandtabs().splitlines()) if line]
    return last_line(lines[:1]) if all(line.isprintable() for line in lines) else ""


def _hint(said: str) -> str:
    return next((hint for words, hint in HINTS.items() if words in said), "")


def _script(program: bytes, request: Request) -> bytes:
    """The program that a node runs, with what it reads."""
    wanted = "\n".join(path[1:] for path in request.paths)
    said = {
        "manifest": request.manifest[1:],
        "library": (request.library or "")[1:],
        "wanted": wanted,
        "surroundings": "\n".join(path[1:] for path in request.around),
        "names": "/".join(request.names),
    }
    head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in said.items())
    return head.encode() + program
