"""What omconf itself laid out is imported as the spec that it was compiled from."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from omconf.artifacts.exports import KIND as EXPORTS
from omconf.artifacts.fstab import KIND as FSTAB
from omconf.artifacts.setenv import KIND as JVM
from omconf.bundle.compile import compile_bundle
from omconf.bundle.model import Bundle
from omconf.pipeline.compiled import compile_text
from tests.adopt.trees import imported, lay
from tests.clusters import cluster_of, errors_of, spec_of, specs
from tests.rollout.triples import specs as other_specs

pytestmark = pytest.mark.slow

PHASES = [Phase.explicit, Phase.generate]
"""A failing spec is not made smaller: each try compiles two clusters."""


def of_nodes(bundle: Bundle) -> dict[str, object]:
    """All that nodes get, by node and path: to the byte, save for lists of options.

    Of these their order does not count, nor one that a later one of its name overrules.
    """
    read = {"exports": EXPORTS.read, "fstab": FSTAB.read, "setenv.sh": JVM.read}
    return {
        f"{n.node}:{a.path}": read[end](a.text).items
        if (end := a.path.rpartition("/")[2]) in read
        else a.data
        for n in bundle.nodes
        for a in n.artifacts
    }


def round_trip(data: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        lay(cluster_of(data), folder)
        done, found = imported(folder)
        assert done.code in (0, 2), (found["diagnostics"][:3], found["spec"])
        again = compile_text(found["spec"].encode(), "cluster.yaml")
        assert again.bundle is not None, again.diagnostics[:3]
        here, there = of_nodes(again.bundle), of_nodes(compile_bundle(cluster_of(data)))
        assert _known(here, data) == _known(there, data), found["spec"]


def _known(files: dict[str, object], data: dict[str, Any]) -> dict[str, object]:
    """What the nodes' files tell: a cluster of one node shares its folder with nobody."""
    if len(data["nodes"]) > 1:
        return files
    return {
        path: text
        for path, text in files.items()
        if not path.endswith(("/fstab", "/exports", "/smb.conf", "/check.conf", "/firewall.nft"))
    }


@settings(
    max_examples=80,
    phases=PHASES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[*HealthCheck],
)
@given(specs())
def test_generated_specs(data: dict[str, Any]) -> None:
    round_trip(data)


@settings(
    max_examples=50,
    phases=PHASES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[*HealthCheck],
)
@given(other_specs())
def test_specs_of_roll_outs(data: dict[str, Any]) -> None:
    round_trip(data)


def test_a_node_keeps_the_name_by_which_omconf_knows_it() -> None:
    data = spec_of(2)
    data["nodes"]["om1"]["instance_name"] = "Server_1"
    round_trip(data)


_PASSWORD = {"env": "OM_SECRET"}
_FOLDERS = st.sampled_from(["/etc/ssl", "/etc/om tls", "/opt/ü+%"])
_SERVERS = ["db1.example.org", {"host": "db2"}, {"host": "db3.example.org", "port": 5999}]


@st.composite
def _file(draw: st.DrawFn, *ends: str) -> Any:
    end = draw(st.sampled_from(ends))
    if draw(st.booleans()):
        return {"file": f"mine.{end}", "whole": True}
    return f"{draw(_FOLDERS)}/one.{end}"


@st.composite
def _tls(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    tls: dict[str, Any] = {"mode": draw(st.sampled_from(["require", "verify-ca", "verify-full"]))}
    pem = kind == "postgresql"
    if tls["mode"] != "require" and draw(st.booleans()):
        tls["ca"] = draw(_file("pem", "crt") if pem else _file("p12", "jks"))
        if not pem and draw(st.booleans()):
            tls["ca_password"] = _PASSWORD
    if kind != "mssql" and draw(st.booleans()):
        tls["client_key"] = draw(_file("pk8", "p12") if pem else _file("p12"))
        tls["client_key_password"] = _PASSWORD
        if pem:
            tls["client_cert"] = draw(_file("pem"))
    return tls


@st.composite
def served(draw: st.DrawFn) -> dict[str, Any]:
    """Specs with several servers or TLS of the database, and every way of the folder."""
    data: dict[str, Any] = draw(specs())
    database, kind = data["database"], data["database"]["kind"]
    database["options"] = {}
    if draw(st.booleans()):
        several = 2 if kind == "mssql" else draw(st.integers(2, 3))
        database["host"] = _SERVERS[:several]
    elif kind in ("postgresql", "mysql", "mssql"):
        database["tls"] = draw(_tls(kind))
    if kind == "mssql" and draw(st.booleans()):
        database["options"] = {"accessToken": _PASSWORD}
    storage = data["storage"]
    way = draw(st.sampled_from(["domain", "account", "root", "fstab"]))
    if storage["kind"] == "cifs" and way == "domain":
        storage |= {"domain": "CORP", "server": "nas.example.org"}
    elif storage["kind"] == "cifs" and way == "account":
        storage |= {"user": "CORP\\om", "server": "nas.example.org"}
    elif way == "root":
        data["storage"] = {"server": "om1", "type": "nfs4", "pseudo_root": "/srv/nfs"}
        data["storage"]["export"] = draw(st.sampled_from(["/srv/nfs/om", "/srv/nfs"]))
    elif way == "fstab":
        line: dict[str, Any] = {"what": "gluster1:/om data", "type": "glusterfs"}
        if draw(st.booleans()):
            line["options"] = draw(st.sampled_from([["_netdev", "ro"], ["backupvolfile-server=b"]]))
        data["storage"] = {"kind": "mounted", "fstab": line}
    assume(not errors_of(data))
    return data


@settings(
    max_examples=120,
    phases=PHASES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[*HealthCheck],
)
@given(served())
def test_databases_and_folders(data: dict[str, Any]) -> None:
    round_trip(data)
