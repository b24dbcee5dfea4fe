"""The check of a node: a POSIX sh program, the same everywhere, and what it needs to know here.

Source: the clustering page, "is multicast working" and "is the final cluster working", as checks.
`check.conf` is data for the program, a fact a line; it never executes that. The other
nodes are passed by `omconf verify`, so a new node changes no file on the others.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from omconf.actions import Stage
from omconf.artifacts.contents import Artifact, Line, Ownership, line
from omconf.artifacts.effect import HOME, Change, Effect, other_release
from omconf.artifacts.model import Kind
from omconf.artifacts.reading import Reading
from omconf.cluster.ports import REMOTE_COMMIT_PORT
from omconf.diagnostics import Finding
from omconf.formats import header
from omconf.formats.node_check import PROGRAM
from omconf.origin import FromFormat, FromPage, Value
from omconf.regex import regex
from omconf.rules import SPLIT_CLUSTER
from omconf.secrets import masked, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omconf.cluster.model import Cluster, DatabaseServer, Node

WORKS = FromPage("The cluster works: users on different servers see each other")
SHELL = FromFormat("POSIX shell")
FACTS = FromFormat("what omconf-node-check reads")

TEXT = Path(__file__).with_suffix(".sh")
_RELEASE = regex(rb"^release=([0-9]{1,3}(?:\.[0-9]{1,3}){2})$", re.MULTILINE)
MAX_OTHERS = 3
"""Releases of other nodes that a finding names."""
_NAMED = regex("([a-z0-9_-]+)=(.*)")


@cache
def program_text() -> str:
    """Read the program that checks a node."""
    return TEXT.read_text(encoding="utf-8")


class NodeCheck(Kind):
    """The program, and the facts of this node."""

    name: ClassVar[str] = "node_check"
    ownership: ClassVar[Ownership] = Ownership.FILE
    stage: ClassVar[Stage] = Stage.CHECK
    purpose: ClassVar[str] = "checks this node, for `omconf verify` and for people"
    places: ClassVar[tuple[str, ...]] = (PROGRAM, "/etc/omconf/{cluster}/check.conf")

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Return the program and the facts that it checks."""
        facts = Artifact(
            self.name, _place(cluster, "check.conf"), self.ownership, _facts(cluster, node)
        )
        return [_program(cluster), facts]

    def read(self, text: str) -> Reading:
        """Read facts by their names; the program is one item, its digest."""
        if text.startswith("#!"):
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            return Reading(items={"sha256": digest}, lines={"sha256": 1})
        reading = Reading()
        for number, content in enumerate(text.split("\n"), 1):
            if content and not content.startswith("#"):
                found = _NAMED.fullmatch(content)
                name, value = found.groups() if found else (masked(content), "")
                reading.add(name, value, number)
        return reading

    def release(self, data: bytes) -> str | None:
        """Return the release of OpenMeetings in a facts file; None if it names none."""
        if data.startswith(b"#!"):  # the program, which is long
            return None
        found = _RELEASE.search(data)
        return found[1].decode() if found else None

    def across(
        self,
        cluster: Cluster,
        deployed: Mapping[str, Reading],
        fine: Iterable[str],
        hazelcast: Mapping[str, str],
    ) -> Iterator[tuple[str, Finding]]:
        """Find nodes that were laid out for different releases: Hazelcast refuses the one or other."""
        releases = {n: r.items["release"] for n, r in deployed.items() if "release" in r.items}
        known = set(releases.values())
        if set(fine) - deployed.keys():  # the program is the same on all of them
            known.add(cluster.openmeetings.release.value.name)
        if len(known) > 1:
            every = sorted(known)
            for node, release in releases.items():
                # Three of the others: with one name more, the node's own may be among the first.
                some = [other for other in every[: MAX_OTHERS + 1] if other != release]
                more = len(every) - 1 - MAX_OTHERS
                others = ", ".join(some[:MAX_OTHERS]) + (f" and {more} more" if more > 0 else "")
                message = (
                    f"This node's settings are for OpenMeetings {release}, those of other nodes"
                    f" for {others}."
                )
                yield node, Finding(SPLIT_CLUSTER, deployed[node].lines["release"], message)

    def keep(self, key: str, replaced: bool) -> str:
        """Return the key that a replaced fact comes from."""
        return _SPEC_KEYS.get(key, "") if replaced else ""

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Nothing restarts: people and `omconf verify` run the check.

        A release or a home may change with no other file of omconf's: only here it is a change.
        """
        values = {key: (c.before, c.after) for key, c in changes.items() if c.before and c.after}
        whys = {}
        if release := values.get("release"):
            whys["release"] = other_release(*map(quoted, release))
        if "home" in values:
            whys["home"] = HOME
        why = "; ".join(whys.values()) or "only people and `omconf verify` run the check"
        return Effect("none", why, rolling=not whys, decided_by=tuple(whys))


_SPEC_KEYS = {
    "release": "openmeetings.release",
    "data_dir": "openmeetings.data_dir",
    "timezone": "openmeetings.timezone",
    "user": "openmeetings.user",
    "group": "openmeetings.group",
    "address": "nodes.<name>.address",
    "url": "nodes.<name>.url",
    "home": "nodes.<name>.home",
    "database": "database.host or .port",
    "multicast_group": "discovery.group",
    "multicast_ttl": "discovery.ttl",
}
"""What decides the settings of check.conf that have keys in the spec."""

KIND = NodeCheck()


def functions(*names: str) -> str:
    """Return the named functions and texts of the program, for another script that needs them."""
    text = program_text()
    found = (
        re.search(
            rf"^{n}(?:\(\) {{(?: .* }}|\n(?:.*\n)*?}})|=(?:\$\w+)?'[^']*')$", text, re.MULTILINE
        )
        for n in names
    )
    return "\n".join(match[0] for match in found if match)


def _place(cluster: Cluster, name: str) -> str:
    return f"/etc/omconf/{cluster.name.value}/{name}"


@lru_cache(maxsize=2)
def _program(cluster: Cluster) -> Artifact:
    top = line("# ", header.text(cluster.name))
    body = program_text().splitlines()
    program = (line("#!/bin/sh", why=(SHELL,)), top, *(Line(text, (WORKS,)) for text in body))
    return Artifact(KIND.name, PROGRAM, KIND.ownership, program, 0o755)


def _facts(cluster: Cluster, node: Node) -> tuple[Line, ...]:
    top, rest = _common(cluster)
    return (
        top,
        line("node=", node.name),
        line("address=", node.address),
        line("url=", node.url),
        line("home=", node.home),
        line("mount=", _mount(cluster, node)),
        *rest,
    )


@lru_cache(maxsize=2)
def _common(cluster: Cluster) -> tuple[Line, tuple[Line, ...]]:
    om, database, discovery = cluster.openmeetings, cluster.database, cluster.discovery
    route = cluster.network.multicast_route
    release = Value(om.release.value.name, om.release.origin)
    rest = [
        line("release=", release),
        line("data_dir=", om.data_dir),
        line("timezone=", om.timezone),
        line("user=", om.user),
        line("group=", om.group),
        _database(database.servers),
        *_tls_files(cluster),
        line(f"commit_port={REMOTE_COMMIT_PORT}", why=(FACTS,)),
        line("route=", Value("yes" if route.value else "no", route.origin)),
    ]
    if cluster.hazelcast.port:
        rest.append(line("hazelcast_port=", cluster.hazelcast.port))
    if discovery.kind.value == "multicast":
        rest.append(line("multicast_group=", discovery.group))
        rest.append(line("multicast_ttl=", discovery.ttl))
    return line("# ", header.text(cluster.name)), tuple(rest)


def _database(servers: tuple[DatabaseServer, ...]) -> Line:
    """The servers in one line: host and port of each, with blanks between them."""
    parts: list[str | Value[str] | Value[int]] = ["database="]
    for number, server in enumerate(servers):
        parts += [" " if number else "", server.host, " ", server.port]
    return line(*parts)


def _tls_files(cluster: Cluster) -> list[Line]:
    """The files that the driver needs, whoever puts them there."""
    tls = cluster.database.tls
    files = tls.files.values() if tls else ()
    return [line(f"driver_file_{number}=", file.path) for number, file in enumerate(files, 1)]


def _mount(cluster: Cluster, node: Node) -> Value[str]:
    """Whether the data folder is a mount: `maybe` where the admin mounts it, somehow."""
    storage = cluster.storage
    if storage.by_hand:
        expected = "maybe"
    elif storage.fstab:
        expected = "yes"
    elif storage.node == node.name.value and _tidy(storage.export) == _tidy(
        cluster.openmeetings.data_dir
    ):
        expected = "no"
    else:
        expected = "yes"
    return Value(expected, storage.kind.origin)


def _tidy(path: Value[str]) -> str:
    return path.value.rstrip("/")
