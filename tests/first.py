"""What the first roll-out of a cluster does, and on which nodes, for the tests of artifact kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from omconf.actions import Action, Do, Manual, Put, Run, Service, Step
from omconf.artifacts import kinds
from omconf.cluster.model import Cluster
from omconf.rollout import document, first, text

Wanted = Callable[[Action], bool]


def lines(does: Iterable[Do]) -> tuple[str, ...]:
    """The actions as people read them."""
    return tuple(text.lines(document.action(do.action) for do in does))


def steps(cluster: Cluster) -> tuple[Step, ...]:
    artifacts = {
        n.name.value: [a for k in kinds() for a in k.render(cluster, n)] for n in cluster.nodes
    }
    return first.first(cluster, artifacts).steps


def step(cluster: Cluster, wanted: Wanted) -> Step | None:
    """The only step with such an action, or None."""
    found = [step for step in steps(cluster) if any(map(wanted, step.actions))]
    assert len(found) <= 1
    return found[0] if found else None


def nodes(cluster: Cluster, wanted: Wanted) -> tuple[str, ...]:
    """The nodes of that step; none where there is none."""
    found = step(cluster, wanted)
    return found.nodes if found else ()


def runs(*argv: str) -> Wanted:
    """Whether an action runs a program with these arguments first."""
    return lambda action: isinstance(action, Run) and action.argv[: len(argv)] == argv


def writes(path: str) -> Wanted:
    return lambda action: isinstance(action, Put) and path in action.paths


def asks(who: str, *words: str) -> Wanted:
    """Whether an action asks somebody to do what has these words in it."""
    return lambda action: (
        isinstance(action, Manual) and action.who == who and all(w in action.text for w in words)
    )


UNIT = "openmeetings.service"


def starts(action: Action) -> bool:
    """Whether an action starts OpenMeetings."""
    return isinstance(action, Service) and (action.do, action.unit) == ("start", UNIT)


def order(cluster: Cluster, *wanted: Wanted) -> list[int]:
    """The places of actions among all actions of the roll-out, each of the first that is met."""
    actions = [action for step in steps(cluster) for action in step.actions]
    return [next(at for at, action in enumerate(actions) if want(action)) for want in wanted]
