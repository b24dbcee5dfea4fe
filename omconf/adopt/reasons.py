"""Why a plan of an imported spec still changes an item: what a spec has no words for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.adopt.drift import Outlier

ALONE = "this node differs from the others"
_OF_FACTS = {
    "openmeetings.data_dir": (("jvm", "-DDATA_DIR"), ("fstab", "*"), ("exports", "*")),
    "openmeetings.timezone": (("jvm", "-Duser.timezone"),),
    "storage": (("fstab", "*"), ("exports", "*"), ("samba", "*")),
}
"""The items of a plan that follow from facts in which nodes differ."""
_REASONS = (
    (
        "hazelcast",
        r"instance-name|member-attributes/name",
        "a spec gives each member one name of its own, as `instance_name` or as its node's",
    ),
    (
        "hazelcast",
        r"network/join/tcp-ip/member-list/.*",
        "omconf lists each node once, by its `member` or its address, and nothing else",
    ),
    (
        "hazelcast",
        r"properties/hazelcast\.discovery\.enabled",
        "the clustering page has it removed",
    ),
    ("hazelcast", r"network/join/.*", "omconf enables one join; the file says otherwise"),
    ("hazelcast", r"network/interfaces/.*", "a spec has one pattern, or each node's own address"),
    ("hazelcast", r"network/port.*", "a spec has one port, without counting up"),
    ("hazelcast", r"map\[.*", "a spec has the release's own maps, as they are shipped"),
    ("hazelcast", r"member-attributes/server\.url", "every node needs its public URL"),
    (
        "persistence",
        r"properties/openjpa\.RemoteCommitProvider",
        "OpenMeetings itself puts the members' addresses in its place when it starts",
    ),
    (
        "persistence",
        r"properties/openjpa\.ConnectionProperties/Url/.*",
        "the stock file or omconf has this parameter, and a spec cannot leave it out",
    ),
    (
        "persistence",
        r"properties/openjpa\.ConnectionProperties/(?!Url|Username|Password).*",
        "the release's stock file has this setting, and a spec cannot leave it out",
    ),
    (
        "persistence",
        r"properties/openjpa\.ConnectionProperties/Password",
        "the value that is set for this secret is not the deployed one",
    ),
    ("persistence", r"class\[.*|version|.*provider", "it is what the release ships"),
    ("openmeetings_properties", r"kurento\..*kuids?", "each node needs a kuid of its own"),
    ("exports", r".*", "a spec exports to each node's address, with the same options"),
    ("fstab", r".*", "a spec mounts by the server's address, with the same options on all nodes"),
    ("samba", r".*", "a spec has the share as omconf writes it"),
    ("jvm", r".*", "the block is to hold it, and others set it to something else"),
)


def drifting(found: Outlier) -> Iterator[tuple[str, str, str]]:
    """Name the items of a plan, by node, kind and key, in which an outlier is to be seen."""
    for key in (found.key, f"properties/{found.key}", *found.further):
        yield found.node, found.kind, key
    if found.kind == "host":
        section = found.key.partition(".")[0]
        for kind, key in _OF_FACTS.get(found.key, _OF_FACTS.get(section, ())):
            yield found.node, kind, key


def of(kind: str, key: str, before: str = "") -> str:
    """Give the reason for a kind's item; `before` is what stands there."""
    if kind == "fstab" and "credentials=" in before:
        return "omconf writes the account to its own file, which root alone reads, and names that"
    if key in ("mode", "owner", "group"):
        return (
            "others may read its secret or write it, or its reader cannot; nothing restarts for it"
        )
    for name, pattern, reason in _REASONS:
        if name == kind and re.fullmatch(pattern, key, re.DOTALL):
            return reason
    return "a spec has no key for it"
