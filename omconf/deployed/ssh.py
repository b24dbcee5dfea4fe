"""Runs a command on a node by the user's own OpenSSH: their configuration, keys and known hosts."""

from __future__ import annotations

from omconf.deployed import process

CONNECT_SECONDS = 15
OPTIONS = (
    "BatchMode=yes",
    f"ConnectTimeout={CONNECT_SECONDS}",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
)
OWN_FAILURE = 255
"""The exit code by which ssh says that it failed itself."""


def run(
    destination: str, command: str, *, seconds: float, limit: int, stdin: bytes = b""
) -> process.Answer:
    """Run one command in the remote user's shell; it never asks anything of anybody.

    `command` is shell text: its words must be quoted. ssh's own failures (no connection, host key,
    login) are the answer's problem, in ssh's words.
    """
    options = [word for option in OPTIONS for word in ("-o", option)]
    answer = process.run(
        ["ssh", *options, "--", destination, command], seconds=seconds, limit=limit, stdin=stdin
    )
    if answer.problem or answer.code != OWN_FAILURE:
        return answer
    said = [line.strip() for line in answer.error.splitlines() if line.strip()]
    return process.Answer(problem=said[-1] if said else "ssh failed without a word")
