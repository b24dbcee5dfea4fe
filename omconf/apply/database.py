"""Whether the database's port answers from a node, told by what the node has for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.actions import Run
from omconf.artifacts import node_check

if TYPE_CHECKING:
    from omconf.apply.targets import Targets

SECONDS = 20
_SCRIPT = """\
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
{functions}
probe=$(prober)
[ -z "$probe" ] || is_open "$1" "$2"
"""


def place(targets: Targets) -> tuple[str, str]:
    """Give the host and the port that a node is to use, empty where it is to use none."""
    facts = (a for a in targets.artifacts.values() if a.path.endswith("/check.conf"))
    text = next((artifact.text for artifact in facts), "")
    host, _, port = node_check.KIND.read(text).items.get("database", "").partition(" ")
    return host, port


def probe(targets: Targets) -> Run | None:
    """Give what fails on a node where the port does not answer; where nothing can tell, it passes."""
    host, port = place(targets)
    if not port:
        return None
    script = _SCRIPT.format(functions=node_check.functions("has", "prober", "is_open"))
    return Run(("sh", "-c", script, "sh", host, port), SECONDS)
