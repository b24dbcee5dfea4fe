"""Explains why a plan of an imported spec still changes an item: what a spec cannot express."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.adopt.drift import FACTS, MEMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.adopt.drift import Outlier

ALONE = "this node differs from the others"
RESOLVES = "this node resolves a member's name otherwise; omconf leaves this file alone: correct it"
WITHHELD = "it is a secret, or contains one, which a spec cannot contain"
REPLACED = "a spec cannot contain a secret: hazelcast.extra has a system property instead"
NOT_COMPARED = (
    "the spec's secret cannot be read, so it is not compared with the deployed one: set it"
)
MOVE = "omconf writes exports to /etc/exports only: move those of the data folder there first"
NOT_A_LINK = (
    "no file shows whether OpenMeetings uses this folder now: unless `{}` is a link to it, copy the"
    " data first"
)
ELSEWHERE = "OpenMeetings is in {} on this node"
_ACCOUNT = re.compile(
    r"(?:(?<=[ ,])|^)(?:cred(?:entials)?|user(?:name)?|pass(?:word)?2?|dom(?:ain)?|workgroup)=[^ ,]*"
)
"""What an option of a cifs mount says of the account (mount.cifs(8))."""
_MODES = re.compile(r"(?<=[ ,])(?:file|dir)_mode=[^ ,]*")
_OF_FACTS = {
    "openmeetings.data_dir": (("jvm", "-DDATA_DIR"), ("fstab", "*"), ("exports", "*")),
    "openmeetings.timezone": (("jvm", "-Duser.timezone"),),
    "storage.user": (("cifs_credentials", "username"),),
    "storage.domain": (("cifs_credentials", "domain"),),
    "storage": (("fstab", "*"), ("exports", "*"), ("samba", "*")),
}
"""The plan's items that follow from facts that differ between nodes."""
_BESIDE_FILES = {
    "openmeetings.release": "this node has another release than the spec: the plan has that installed",
    "openmeetings.user": "the unit runs OpenMeetings as another user than the spec's: correct it",
    "openmeetings.group": "the unit runs OpenMeetings as another group than the spec's: correct it",
    "openmeetings.service": "an apply restarts the unit that the spec names: rename this node's",
}
"""Why a node differs in a fact that no file of omconf's shows."""
_REASONS = (
    (
        "hazelcast",
        r"instance-name|member-attributes/name",
        "a spec gives each member one unique name: its `instance_name` or its node's name",
    ),
    (
        "hazelcast",
        r"network/join/tcp-ip/member-list/.*",
        "omconf lists each node once, by its `member` or its address, and nothing else",
    ),
    (
        "hazelcast",
        r"properties/hazelcast\.discovery\.enabled",
        "the clustering page says to remove it",
    ),
    (
        "hazelcast",
        r"network/join/multicast/multicast-(?:group|port|time-to-live|timeout-seconds)",
        "the spec's `discovery` has another value",
    ),
    (
        "hazelcast",
        r"network/join/(?:multicast|tcp-ip)/(?!enabled\Z).*",
        "a spec has no key for it, and Hazelcast's default takes its place",
    ),
    ("hazelcast", r"network/join/.*", "omconf enables exactly one join; the file differs"),
    (
        "hazelcast",
        r"network/interfaces/.*",
        "a spec allows one pattern, or each node's own address",
    ),
    ("hazelcast", r"network/port.*", "a spec allows one port, without auto-increment"),
    ("hazelcast", r"map\[.*", "omconf writes the release's own maps unchanged"),
    ("hazelcast", r"member-attributes/server\.url", "every node needs its public URL"),
    (
        "persistence",
        r"properties/openjpa\.RemoteCommitProvider",
        "OpenMeetings replaces it by the members' addresses when it starts",
    ),
    (
        "persistence",
        r"properties/openjpa\.ConnectionProperties/Url/.*",
        "the stock file or omconf sets this parameter, and a spec cannot remove it",
    ),
    (
        "persistence",
        r"properties/openjpa\.ConnectionProperties/DriverClassName",
        (
            "omconf uses the driver that the release ships for `database.kind`; for `mysql` that"
            " is Connector/J, which works with MariaDB too"
        ),
    ),
    (
        "persistence",
        r"properties/openjpa\.ConnectionProperties/(?!Url|Username|Password).*",
        "the release's stock file has this setting, and a spec cannot remove it",
    ),
    (
        "persistence",
        r"properties/openjpa\.ConnectionProperties/Password",
        "the value set for this secret differs from the deployed one",
    ),
    ("persistence", r"class\[.*|version|.*provider", "omconf writes what the release ships"),
    ("openmeetings_properties", r"kurento\..*kuids?", "each node needs a kuid of its own"),
    ("exports", r".*", "omconf exports to each node's address, with the same options"),
    ("fstab", r".*", "omconf mounts from the server's address, with the same options on all nodes"),
    ("samba", r".*", "omconf writes the share in its own form"),
    ("jvm", r".*", "omconf's block sets it, but another line sets a different value"),
)


def drifting(found: Outlier) -> Iterator[tuple[str, str, str]]:
    """Yield the plan's items, by node, kind and key, that show an outlier."""
    for key in (found.key, f"properties/{found.key}", *found.further):
        yield found.node, found.kind, key
    if found.kind == FACTS:
        section = found.key.partition(".")[0]
        for kind, key in _OF_FACTS.get(found.key, _OF_FACTS.get(section, ())):
            yield found.node, kind, key


def beside_files(kind: str, key: str) -> str:
    """Return the reason for an outlier of which no item of a plan tells; empty if one does."""
    if kind == MEMBERS:
        return RESOLVES
    return _BESIDE_FILES.get(key, "") if kind == FACTS else ""


def of(
    kind: str, key: str, before: str | None = None, after: str = "", *, into: bool = False
) -> str:
    """Return the reason for a kind's item, by its value before and after.

    The spec may be one that nodes are added `into`: that is not changed.
    """
    if before == "" and not after and key.startswith("properties/"):
        return "a spec cannot set an empty value"
    before = before or ""
    account = set(_ACCOUNT.findall(before)) - set(_ACCOUNT.findall(after))
    if kind == "fstab" and account:
        return (
            "omconf writes the account to its own file, readable only by root, and refers to that"
        )
    if kind == "fstab" and set(_MODES.findall(after)) - set(_MODES.findall(before)):
        return (
            "omconf sets file_mode and dir_mode of a cifs mount, so that nobody else reads the data"
        )
    if key in ("mode", "owner", "group"):
        return (
            "others can write it or read its secret, or its reader cannot read it; nothing restarts"
        )
    for name, pattern, reason in _REASONS:
        if name == kind and re.fullmatch(pattern, key, re.DOTALL):
            return reason
    return "the spec has another value, or none" if into else "a spec has no key for it"
