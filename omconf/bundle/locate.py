"""Finds what a user points at: a file of a bundle, by its place in it or on a node."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.artifacts.contents import Artifact, Line
from omconf.bundle.comparison import matches
from omconf.bundle.compile import contents, files
from omconf.cluster import places
from omconf.dataclass import dataclass
from omconf.origin import FromFormat
from omconf.rules import NO_SUCH_PLACE, OUTDATED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.bundle.model import Bundle
    from omconf.diagnostics import Diagnostic


README, MANIFEST = "README.md", "manifest.json"
FOR_PEOPLE = FromFormat("part of the bundle: describes its content")
FOR_BUILDS = FromFormat("part of the bundle: lists its content for later builds")

_MAX_COMPARED = 100
"""Files among which a similar name is searched."""
_ON_NODE = re.compile(r"([^:/]+):(/.*)")
_NUMBERED = re.compile(r"(.+?):([0-9]{1,9})(?::[0-9]*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Located:
    """A compiled file: `place` in the bundle directory; of which node, None for what is of none.

    `path` is the one on the node; without a node it is the place. `line` is the one that was asked for,
    None for all; `file` the bundle directory's file, None where the user named the node's.
    """

    place: str
    node: str | None
    path: str
    lines: tuple[Line, ...]
    line: int | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """A located file, the texts that its origins point into by name, and diagnostics.

    `of_spec` are those of the spec, `diagnostics` those of the file on disk.
    """

    located: Located
    texts: dict[str, str]
    of_spec: list[Diagnostic]
    diagnostics: list[Diagnostic]


def locate(bundle: Bundle, target: str) -> Located | list[Diagnostic]:
    """Find `FILE`, `FILE:LINE` or `FILE:LINE:COLUMN`.

    FILE is a file of a bundle directory, with any path to that directory before it, or
    `NODE:/path/on/the/node`. Gives OM410 when the bundle has no such file or line; the file on
    disk may have that line (OM411).
    """
    numbered = _NUMBERED.fullmatch(target)
    file, line = (numbered[1], int(numbered[2])) if numbered else (target, None)
    found = [one for one in _all(bundle) if _is(one, file)]
    if not found:
        message = f"{file} is not a file that omconf compiles."
        hint = f"Known files look like {_like(bundle, file)}. `omconf rules` lists the rules."
        return [NO_SUCH_PLACE.at(None, message, hint=hint)]
    # A place may end in another one's; the longest is meant.
    one = max(found, key=lambda located: len(located.place))
    if not one.lines:
        one = replace(one, lines=tuple(_own(bundle, one)))
    one = replace(one, line=line, file=None if _ON_NODE.fullmatch(file) else file)
    if line is not None and not 1 <= line <= len(one.lines):
        message = f"{one.place} has {len(one.lines)} lines: there is no line {line}."
        hint = "Omit the line to explain all lines."
        return [*outdated(bundle, one), NO_SUCH_PLACE.at(None, message, hint=hint)]
    return one


def outdated(bundle: Bundle, located: Located) -> list[Diagnostic]:
    """Warn of a file on disk that is not what would be built; a missing one is none."""
    file = located.file
    try:
        if file is None or not os.path.lexists(file) or matches(file, files(bundle)[located.place]):
            return []
        why = "differs from what the spec compiles to; line numbers refer to the compiled file"
    except OSError as error:
        why = f"cannot be compared with what the spec compiles to: {error.strerror}"
    hint = "Run `omconf build --check -o DIR` to see the differences."
    return [OUTDATED.at(None, f"{file} {why}.", hint=hint)]


def _all(bundle: Bundle) -> Iterator[Located]:
    for place, content in contents(bundle):
        if isinstance(content, Artifact):
            yield Located(place, place.partition("/")[0], content.path, content.lines)
        else:
            yield Located(place, None, place, content.lines)
    for place in (README, MANIFEST):
        yield Located(place, None, place, ())
    for node in bundle.nodes:
        yield Located(f"{node.node}/{MANIFEST}", node.node, places.manifest(bundle.cluster), ())


def _own(bundle: Bundle, one: Located) -> Iterator[Line]:
    """Yield the lines of a file about the bundle; a manifest's entries name the file they are about."""
    for text in files(bundle)[one.place].data.decode().removesuffix("\n").split("\n"):
        if one.place == README:
            yield Line(text, (FOR_PEOPLE,))
        elif text.startswith("  "):
            entry = json.loads(text.removesuffix(","))
            file = entry if isinstance(entry, str) else f"{one.node}:{entry['path']}"
            what = f"part of the bundle: lists a file that `omconf explain {file}` explains"
            yield Line(text, (FromFormat(what),))
        else:
            yield Line(text, (FOR_BUILDS,))


def _is(one: Located, file: str) -> bool:
    on_node = _ON_NODE.fullmatch(file)
    if on_node and (one.node, one.path) == on_node.groups():
        return True
    return os.path.abspath(file).endswith(f"/{one.place}")


def _like(bundle: Bundle, file: str) -> str:
    """Return a file of the bundle that is like the one asked for: of the same name, if there is one."""
    import difflib

    every = list(_all(bundle))
    name = os.path.basename(file)
    same = [one for one in every if os.path.basename(one.path) == name]
    places = {one.place: one for one in (same or every)[:_MAX_COMPARED]}
    (near,) = difflib.get_close_matches(file, places, n=1, cutoff=0)
    one = places[near]
    return f"`{one.place}`" + (f", or `{one.node}:{one.path}`" if one.node else "")
