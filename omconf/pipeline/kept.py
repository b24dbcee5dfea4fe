"""Writes the project of `--keep DIR`, for a look at a plan by Ansible's own means."""

from __future__ import annotations

import os
import shlex
import stat
from typing import TYPE_CHECKING

from omconf.ansible import kept
from omconf.ansible.session import PlaybookError
from omconf.planfile import place
from omconf.rules import UNWRITABLE
from omconf.views import text, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.cluster.model import Cluster
    from omconf.diagnostics import Diagnostic
    from omconf.pipeline.sources import Asked
    from omconf.views.document import Document

WHAT = "file of omconf's Ansible project"


def keep(
    folder: str, document: Document, cluster: Cluster, asked: Asked, words: Sequence[str]
) -> list[Diagnostic]:
    """Write the project of a plan's document; reports what is in the way, and writes nothing then.

    `words` are those that an apply of the plan has beside the options that name the nodes.
    """
    planned = set(document["source"]["nodes"])
    nodes = {name: ssh for name, ssh in cluster.destinations.items() if name in planned}
    reach = asked.reach(cluster)
    try:
        hosts = reach.hosts(nodes)
    except PlaybookError as error:
        return [error.found]
    plans = {name: told for name in nodes if (told := _plan(document, name))}
    some = [word for name in asked.only for word in ("--node", name)]
    options = shlex.join([*words, *asked.options, *some])
    made = kept.files(hosts, plans, folder, become=reach.become, options=options)
    top = os.path.realpath(folder)
    for each in (top, *(os.path.join(top, name) for name in kept.FOLDERS)):
        try:
            os.makedirs(each, exist_ok=True)
            there = os.lstat(each)
        except OSError as error:
            return [UNWRITABLE.at(None, f"{each} cannot be written: {error.strerror}.")]
        if not stat.S_ISDIR(there.st_mode) or _open_to_others(there):
            message = (
                f"{each} is a link, or others can write there: Ansible would run what they put."
            )
            return [UNWRITABLE.at(None, message, hint="Name a folder of your own.")]
    paths = {name: os.path.join(top, name) for name in made}
    found = [
        place.in_the_way(path, start=kept.STARTS[name], what=WHAT) for name, path in paths.items()
    ]
    if not any(found):
        found = [
            place.put(path, made[name], start=kept.STARTS[name], what=WHAT)
            for name, path in paths.items()
        ]
    return [diagnostic for diagnostic in found if diagnostic is not None]


def _open_to_others(folder: os.stat_result) -> bool:
    """Tell whether somebody else may put files into a folder."""
    return folder.st_uid not in (0, os.geteuid()) or bool(folder.st_mode & stat.S_IWOTH)


def _plan(document: Document, node: str) -> str:
    """Draw what changes on a node, and the steps that it has a part in; empty if nothing does."""
    own = {
        **document,
        "changes": [change for change in document["changes"] if change["node"] == node],
        "rollout": [step for step in document["rollout"] if node in step["nodes"]],
    }
    lines = text.body(own, text.Paint(colour=False))
    return visible.lines("\n".join(lines) + "\n") if lines else ""
