"""Clusters for tests: the smallest spec, specs resolved, and Hypothesis strategies of clusters.

`spec_of` makes the smallest spec as data, with sections replaced, and `cluster_of` resolves one. The
strategy `specs` draws specs without errors over all releases, databases and kinds of storage, with
hostile but valid names; properties hold for each of them, most of all that what is rendered is read
back.
"""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import strategies as st

from omconf.check import check
from omconf.cluster.model import Cluster
from omconf.cluster.resolve import resolve
from omconf.diagnostics import Diagnostic, has_errors
from omconf.releases import RELEASES
from omconf.spec.load import load

SMALLEST = """\
omconf: 1
cluster: conference
openmeetings: {release: "9.1.0"}
discovery: {kind: multicast}
database:
  kind: postgresql
  host: 10.1.1.10
  user: openmeetings
  password: {env: OM_DB_PASSWORD}
storage: {kind: nfs, server: om1}
nodes:
  om1: {address: 10.1.1.1, url: "https://om1.example.org:5443/openmeetings"}
  om2: {address: 10.1.1.2, url: "https://om2.example.org:5443/openmeetings"}
"""
"""The smallest spec that makes a cluster, as a user writes it."""

DATABASES = ("postgresql", "mysql", "mssql", "oracle", "db2")


def spec_of(nodes: int = 2, **sections: Any) -> dict[str, Any]:
    """The smallest spec as data, with sections or keys replaced."""
    data: dict[str, Any] = {
        "omconf": 1,
        "cluster": "conference",
        "openmeetings": {"release": "9.1.0"},
        "database": {
            "kind": "postgresql",
            "host": "10.1.1.250",
            "user": "openmeetings",
            "password": {"env": "OM_DB_PASSWORD"},
        },
        "storage": {"kind": "nfs", "server": "om1"},
        "nodes": {
            f"om{i}": {
                "address": f"10.1.{1 + (i - 1) // 200}.{(i - 1) % 200 + 1}",
                "url": f"https://om{i}.example.org:5443/openmeetings",
            }
            for i in range(1, nodes + 1)
        },
    }
    for name, value in sections.items():
        both = isinstance(value, dict) and isinstance(data.get(name), dict) and name != "nodes"
        data[name] = {**data[name], **value} if both else value
    return data


def cluster_of(data: dict[str, Any]) -> Cluster:
    """Resolve a spec that must be without errors."""
    loaded = load(yaml.safe_dump(data, allow_unicode=True).encode(), "cluster.yaml")
    assert loaded.spec is not None, loaded.diagnostics
    cluster, found = resolve(loaded.document, loaded.spec)
    assert cluster is not None, found
    found += check(cluster)
    assert not has_errors([*loaded.diagnostics, *found]), [*loaded.diagnostics, *found]
    return cluster


def rules_of(data: dict[str, Any]) -> set[str]:
    """The rules of the errors that a spec gives."""
    return {d.rule.id for d in errors_of(data)}


def errors_of(data: dict[str, Any]) -> list[Diagnostic]:
    """The errors that a spec gives."""
    loaded = load(yaml.safe_dump(data, allow_unicode=True).encode(), "cluster.yaml")
    found = list(loaded.diagnostics)
    if loaded.spec is not None:
        cluster, more = resolve(loaded.document, loaded.spec)
        found += more + (check(cluster) if cluster else [])
    return [d for d in found if d.is_error]


def simple(nodes: int = 2, **sections: Any) -> Cluster:
    return cluster_of(spec_of(nodes, **sections))


def _call_by_names(sections: dict[str, Any], member: str) -> None:
    """Have the member list call nodes so, with interfaces that let Hazelcast look for names."""
    if member and sections["discovery"]["kind"] == "tcp-ip":
        sections.setdefault("hazelcast", {})["interfaces"] = "none"
        sections["node_defaults"] = {"member": member}


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Specs without errors, over everything that may stand in one."""
    nodes = draw(st.integers(1, 6))
    kind = draw(st.sampled_from(DATABASES))
    printable = st.characters(
        min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")
    )
    user = draw(st.text(printable, min_size=1, max_size=12).filter(_carried))
    discovery: dict[str, Any] = {"kind": draw(st.sampled_from(["multicast", "tcp-ip"]))}
    if draw(st.booleans()):
        discovery["group"] = f"239.{draw(st.integers(0, 255))}.0.{draw(st.integers(0, 255))}"
        discovery["ttl"] = draw(st.integers(1, 255))
        discovery["timeout"] = draw(st.integers(1, 60))
    folder = st.from_regex(r"/[a-zA-Z0-9_.+=@:, -]{1,10}/[a-z#]{1,5}", fullmatch=True).filter(
        lambda p: "/." not in p and "  " not in p
    )
    sections: dict[str, Any] = {
        "openmeetings": {
            "release": draw(st.sampled_from(sorted(RELEASES))),
            "data_dir": draw(folder),
            "service": draw(st.sampled_from(["openmeetings.service", "none"])),
        },
        "database": {"kind": kind, "user": user},
        "discovery": discovery,
        "network": {"firewall": draw(st.sampled_from(["none", "nftables"]))},
        "storage": {
            "server": draw(st.sampled_from(["om1", "nas.example.org"])),
            "export_options": draw(
                st.lists(
                    st.sampled_from(["rw", "sync", "no_subtree_check", "root_squash"]),
                    min_size=1,
                    unique=True,
                )
            ),
            "options": draw(
                st.lists(
                    st.sampled_from(["hard", "timeo=50", "_netdev", "nosuid", "x-a"]), unique=True
                )
            ),
        },
    }
    if draw(st.booleans()):
        sections["hazelcast"] = {"port": draw(st.sampled_from([5701, 5710, 15701]))}
    _call_by_names(sections, draw(st.sampled_from(["", "{name}", "{name}.example.org"])))
    if draw(st.booleans()):
        sections["openmeetings"]["timezone"] = draw(
            st.sampled_from(["Europe/Berlin", "US/Pacific"])
        )
        option = st.text(printable, max_size=8).filter(_carried).map(lambda text: f"-Da={text}")
        sections["openmeetings"]["java_options"] = draw(st.lists(option, max_size=2))
    if sections["openmeetings"]["release"] >= "5.1" and draw(st.booleans()):
        # Spring reads `${` and `#{` in openmeetings.properties.
        turn = {"user": user.replace("{", "x"), "secret": {"env": "TURN"}, "mode": "static"}
        sections["kurento"] = {"url": "ws://10.1.1.20:8888/kurento", "turn": turn}
    if "7" <= sections["openmeetings"]["release"] < "9" and draw(st.booleans()):
        sections["secrets"] = {"remember_me_key": {"env": "KEY"}}
    if draw(st.booleans()):
        sections["storage"]["export"] = draw(folder)
    if draw(st.booleans()):
        del sections["storage"]["export_options"]
        share = st.from_regex(r"[a-zA-Z0-9_ü]([ .$-]?[a-zA-Z0-9_]){0,8}", fullmatch=True)
        sections["storage"] |= {
            "kind": "cifs",
            "share": draw(share.map(lambda name: f"om {name}")),
            "user": draw(st.from_regex("[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,8}", fullmatch=True)),
            "password": {"env": "OM_STORAGE_PASSWORD"},
            "options": draw(st.lists(st.sampled_from(["hard", "vers=3.1.1", "uid=99", "x-a"]))),
        }
    else:
        sections["storage"] |= draw(_served())
    if draw(st.booleans()):
        sections["network"]["subnet"] = draw(
            st.sampled_from(["10.0.0.0/8", ["10.1.1.0/24", "10.1.2.0/24"]])
        )
    if kind in ("postgresql", "mysql"):
        text = st.text(printable, min_size=1, max_size=8).filter(_carried)
        sections["database"]["name"] = draw(text)
        sections["database"]["options"] = draw(
            st.dictionaries(st.sampled_from(["useSSL", "a", "connectTimeout"]), text)
        )
    return spec_of(nodes, **sections)


def _served() -> st.SearchStrategy[dict[str, Any]]:
    """How NFS is served, beside its options."""
    client = st.sampled_from(["10.0.0.0/8", "10.1.0.0/255.255.0.0", "@nodes", "*.example.org"])
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["nfs", "nfs4"]),
            "mount_from": st.sampled_from(["files.example.org", "10.9.9.9"]),
            "clients": st.lists(client, max_size=3, unique=True),
        },
    )


def _carried(text: str) -> bool:
    return (
        text == text.strip()
        and text.isprintable()
        and "@omconf:" not in text
        and "," not in text
        and not text.startswith(("/", "pg_"))
        and text not in ("public", "none")
    )
