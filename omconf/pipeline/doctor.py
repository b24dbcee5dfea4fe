"""Checks this machine's programs, the spec's secrets and its nodes for omconf's commands."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from omconf.dataclass import dataclass
from omconf.deployed.snapshot import Request
from omconf.diagnostics import Diagnostic, has_errors
from omconf.views import document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.cluster.model import Cluster
    from omconf.pipeline.compiled import Compiled
    from omconf.pipeline.sources import Asked
    from omconf.views.document import Document

FORMAT_VERSION = "1.0"
PROGRAMS = {
    "ssh": "plan, apply, undo, log, verify and import with --ssh",
    "git": "plan with --git",
    "sh": "apply and verify with --local",
    "curl or wget": "health, with --local",
}
"""The programs that omconf runs on this machine, and the commands that need them."""
ANSIBLE = {
    "ansible-playbook": "plan, apply, undo, log and verify with --ansible",
    "ansible-inventory": "--inventory",
}
"""The same for a look at nodes by Ansible."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check; `text` is what was found, or why it failed."""

    kind: Literal["program", "secret", "node"]
    name: str
    ok: bool
    text: str


def examine(compiled: Compiled, asked: Asked | None) -> Document:
    """Find programs, read the spec's secrets and, if `asked`, check that its nodes answer.

    Returns the document of `omconf doctor`.
    """
    checks = _programs(PROGRAMS | ANSIBLE if asked and asked.ansible else PROGRAMS)
    if compiled.bundle is not None and compiled.cluster is not None and not compiled.failed:
        checks += _secrets(compiled)
        if asked is not None:
            checks += _nodes(compiled.cluster, asked)
    return {
        "format_version": FORMAT_VERSION,
        "well": all(check.ok for check in checks) and not has_errors(compiled.diagnostics),
        "checks": [asdict(check) for check in checks],
        "diagnostics": [document.diagnostic(d) for d in compiled.diagnostics],
    }


def _programs(programs: Mapping[str, str]) -> list[Check]:
    found = []
    for names, verbs in programs.items():
        places = [place for name in names.split(" or ") if (place := shutil.which(name))]
        text = places[0] if places else f"not in PATH; needed for {verbs}"
        found.append(Check("program", names, bool(places), text))
    return found


def _secrets(compiled: Compiled) -> list[Check]:
    from omconf.pipeline.bundle_secrets import secrets_of
    from omconf.secret_sources import Unresolved

    assert compiled.bundle is not None  # noqa: S101 - the caller looked
    secrets = secrets_of(compiled.bundle)
    return [
        Check("secret", name, False, f"cannot be read: {read.why}")
        if isinstance(read := secrets.get(name), Unresolved)
        else Check("secret", name, True, "can be read")
        for name in secrets.names
    ]


def _nodes(cluster: Cluster, asked: Asked) -> list[Check]:
    source, _ = asked.sources(cluster)
    requests = {
        name: Request((), cluster.name.value, ssh) for name, ssh in cluster.destinations.items()
    }
    snapshot = source.read(requests, whole=False)
    if isinstance(snapshot, Diagnostic):
        return [Check("node", name, False, snapshot.message) for name in requests]
    return [
        Check("node", name, False, files.problem.message)
        if files.problem
        else Check("node", name, True, "answers")
        for name, files in snapshot.nodes.items()
    ]
