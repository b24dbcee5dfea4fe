"""Whether a node gets at its database: by its port or a login, told by what the node has for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.actions import Run
from omconf.artifacts import node_check

if TYPE_CHECKING:
    from omconf.apply.targets import Targets
    from omconf.apply.wire import Line

SECONDS = 20
_SCRIPT = """\
{functions}
probe=$(prober)
[ -z "$probe" ] || ask_servers "$1"
[ -z "$probe" ] || [ -n "$open" ]
"""


def places(targets: Targets) -> list[tuple[str, str]]:
    """Return host and port of each server that a node is to use; empty if it is to use none."""
    facts = (a for a in targets.artifacts.values() if a.path.endswith("/check.conf"))
    text = next((artifact.text for artifact in facts), "")
    words = node_check.KIND.read(text).items.get("database", "").split()
    return list(zip(words[::2], words[1::2], strict=False))


def named(targets: Targets) -> str:
    """Return the ports of these servers in words: `port 5432 of 10.1.1.10 or ...`."""
    return " or ".join(f"port {port} of {host}" for host, port in places(targets))


def probe(targets: Targets) -> Run | None:
    """Return a check that fails on a node that reaches no server; it passes if nothing can tell."""
    found = places(targets)
    if not found:
        return None
    names = ("has", "prober", "is_open", "servers", "ask_servers")
    script = _SCRIPT.format(functions=node_check.functions(*names))
    words = " ".join(f"{host} {port}" for host, port in found)
    return Run(("sh", "-c", script, "sh", words), SECONDS)


LOGIN_SECONDS = 30
_LOGIN = """\
{functions}
export connection log_in
text=$(cat)
export client=''
place=$(printf '%s\\n' "$text" | want=place awk "$connection")
kind=$(printf '%s\\n' "$place" | head -n 1)
[ -n "$kind" ] && [ -z "$(printf '%s\\n' "$place" | sed -n 7p)" ] && find_client || exit 3
if said=$(printf '%s\\n' "$text" | persistence=/dev/stdin sh -c "$log_in" 2>&1); then
    exit 0
fi
case $(printf '%s\\n' "$said" | refusal) in
'fail '*) exit 1 ;;
*) exit 3 ;;
esac
"""


def logs_in(line: Line, targets: Targets | None) -> bool | None:
    """Tell whether a node can log in as OpenMeetings will; None when it has nothing to try it with.

    The password goes to the node, and to the client there, by pipes alone.
    """
    text = _persistence(targets) if targets else None
    if text is None:
        return None
    names = ("has", "refusal", "find_client", "xml", "connection", "log_in")
    script = _LOGIN.format(functions=node_check.functions(*names))
    answer = line.output(["sh", "-c", script], text, seconds=LOGIN_SECONDS)
    return {0: True, 1: False}.get(answer.code)


def _persistence(targets: Targets) -> bytes | None:
    for path, artifact in targets.artifacts.items():
        if artifact.kind == "persistence":
            try:
                return targets.of(path).after
            except ValueError:
                return None
    return None
