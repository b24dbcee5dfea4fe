"""Writes the project of `--keep DIR`, for a look at a plan by Ansible's own means."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from omconf.ansible import kept
from omconf.ansible.session import PlaybookError
from omconf.planfile import place
from omconf.rules import UNWRITABLE
from omconf.views import text, visible

if TYPE_CHECKING:
    from omconf.cluster.model import Cluster
    from omconf.diagnostics import Diagnostic
    from omconf.pipeline.sources import Asked
    from omconf.views.document import Document

WHAT = "file of omconf's Ansible project"


def keep(
    folder: str, document: Document, cluster: Cluster, asked: Asked, spec: str
) -> list[Diagnostic]:
    """Write the project of a plan's document; reports what is in the way, and writes nothing then."""
    planned = set(document["source"]["nodes"])
    nodes = {name: ssh for name, ssh in cluster.destinations.items() if name in planned}
    reach = asked.reach(cluster)
    try:
        hosts = reach.hosts(nodes)
    except PlaybookError as error:
        return [error.found]
    plans = {name: told for name in nodes if (told := _plan(document, name))}
    options = shlex.join([spec, *asked.options])
    made = kept.files(hosts, plans, folder, become=reach.become, options=options)
    try:
        for name in ("", *kept.FOLDERS):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
    except OSError as error:
        return [UNWRITABLE.at(None, f"{folder} cannot be written: {error.strerror}.")]
    paths = {name: os.path.join(folder, name) for name in made}
    found = [
        place.in_the_way(path, start=kept.STARTS[name], what=WHAT) for name, path in paths.items()
    ]
    if not any(found):
        found = [
            place.put(path, made[name], start=kept.STARTS[name], what=WHAT)
            for name, path in paths.items()
        ]
    return [diagnostic for diagnostic in found if diagnostic is not None]


def _plan(document: Document, node: str) -> str:
    """Draw what changes on a node, and the steps that it has a part in; empty if nothing does."""
    own = {
        **document,
        "changes": [change for change in document["changes"] if change["node"] == node],
        "rollout": [step for step in document["rollout"] if node in step["nodes"]],
    }
    lines = text.body(own, text.Paint(colour=False))
    return visible.lines("\n".join(lines) + "\n") if lines else ""
