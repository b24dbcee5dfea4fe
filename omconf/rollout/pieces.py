"""Pieces of which steps are made: what several nodes do alike, and what goes with a file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.actions import Do, Step, put, remove

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from omconf.rollout.model import Part, Parts


def used(steps: Iterable[Step]) -> Iterator[Step]:
    """Mark steps whose result other nodes may use."""
    return (replace(step, used=True) for step in steps)


def ending(steps: Iterable[Step]) -> Iterator[Step]:
    """Mark steps that take away what the old settings of nodes need."""
    return (replace(step, ends=True) for step in steps)


def written(parts: Sequence[Part]) -> tuple[Do, ...]:
    """Write and delete files, then what reads them."""
    return (*files(parts), *once(d for p in parts for d in p.effect.run))


def files(parts: Sequence[Part]) -> tuple[Do, ...]:
    """Write and delete files."""
    there = [p.path for p in parts if p.path and not (p.deletes and p.whole)]
    gone = [p.path for p in parts if p.deletes and p.whole]
    return (*((put(*there),) if there else ()), *((remove(*gone),) if gone else ()))


def once(does: Iterable[Do]) -> tuple[Do, ...]:
    """Leave out what stands there already."""
    return tuple(dict.fromkeys(does))


def backward(parts: Parts) -> list[Part]:
    """Return the parts with the last stage first."""
    return sorted(parts.listed, key=lambda p: -p.stage)


def by_node(parts: Iterable[Part]) -> dict[str, list[Part]]:
    """Group by node, in the order in which nodes are met."""
    found: dict[str, list[Part]] = {}
    for part in parts:
        found.setdefault(part.node, []).append(part)
    return found


def together(steps: Iterable[tuple[str, str, Sequence[Do]]]) -> Iterator[Step]:
    """Make one step of all nodes that do the same, in the order in which they are met."""
    found: dict[tuple[str, tuple[Do, ...]], dict[str, None]] = {}
    for node, why, does in steps:
        if does:
            found.setdefault((why, tuple(does)), {})[node] = None
    for (why, does), nodes in found.items():
        yield Step.of(nodes, why, does)
