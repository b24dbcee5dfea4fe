"""TLS to the database: what each driver is told, and files that are secrets as a whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from omconf.artifacts import database_tls
from omconf.cluster import database_url
from omconf.formats import jdbc_url
from omconf.secret_sources import SecretRef, Unresolved, resolve
from omconf.secrets import SecretFile
from tests.clusters import rules_of, simple, spec_of
from tests.command import omconf, tree

BINARY = bytes(range(256)) * 4 + b"\n@omconf:x@\r\n"
LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
PEM = f"-----BEGIN PRIVATE KEY-----\n{LINE}\n{LINE}\n-----END PRIVATE KEY-----\n"


def options(kind: str, release: str = "9.1.0", **tls: Any) -> dict[str, str]:
    cluster = simple(openmeetings={"release": release}, database={"kind": kind, "tls": tls})
    return jdbc_url.canonical(database_url.text(cluster))[1]


def test_postgresql() -> None:
    assert options("postgresql", mode="require") == {"sslmode": "require"}
    assert options("postgresql") == {
        "sslmode": "verify-full",
        "sslfactory": "org.postgresql.ssl.DefaultJavaSSLFactory",
    }
    files = {"ca": "/etc/ca.pem", "client_cert": "/etc/c.pem", "client_key": "/etc/c.pk8"}
    assert options("postgresql", mode="verify-ca", **files) == {
        "sslmode": "verify-ca",
        "sslrootcert": "/etc/ca.pem",
        "sslcert": "/etc/c.pem",
        "sslkey": "/etc/c.pk8",
    }


def test_mysql() -> None:
    found = options("mysql", "5.0.0", ca="/etc/my ca.jks", ca_password={"env": "X"})
    assert "useSSL" not in found, "the stock URL turns TLS off"
    assert found["sslMode"] == "VERIFY_IDENTITY"
    assert found["trustCertificateKeyStoreUrl"] == "file:/etc/my%20ca.jks"
    assert found["trustCertificateKeyStoreType"] == "JKS"
    assert found["enabledTLSProtocols"] == "TLSv1.2"
    assert "enabledTLSProtocols" not in options("mysql", mode="require")


def test_sql_server() -> None:
    assert options("mssql", ca="/etc/ca.p12") == {
        "databaseName": "openmeetings",
        "encrypt": "true",
        "trustServerCertificate": "false",
        "trustStore": "/etc/ca.p12",
        "trustStoreType": "PKCS12",
    }
    assert options("mssql", mode="require")["trustServerCertificate"] == "true"


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("oracle", {}),
    ("db2", {}),
    ("postgresql", {"mode": "require", "ca": "/etc/ca.pem"}),
    ("postgresql", {"ca": "/etc/ca.p12"}),
    ("postgresql", {"ca": "/etc/ca.pem", "client_cert": "/etc/c.pem"}),
    ("postgresql", {"client_key": "/etc/c.p12"}),
    ("postgresql", {"ca": "/etc/ca.pem", "ca_password": {"env": "X"}}),
    ("mysql", {"ca": "/etc/ca.pem"}),
    ("mysql", {"ca_password": {"env": "X"}}),
    ("mysql", {"client_cert": "/etc/c.pem"}),
    ("mssql", {"mode": "verify-ca"}),
    ("mssql", {"client_key": "/etc/c.p12"}),
]


@pytest.mark.parametrize(("kind", "tls"), WRONG)
def test_what_a_driver_cannot_do(kind: str, tls: dict[str, Any]) -> None:
    assert rules_of(spec_of(database={"kind": kind, "tls": tls})) == {"OM282"}


def test_an_old_driver_reads_no_key_in_pem() -> None:
    tls = {"ca": "/etc/ca.pem", "client_cert": "/etc/c.pem", "client_key": "/etc/key.pem"}
    for release, wrong in (("8.1.0", {"OM282"}), ("9.0.0", set[str]())):
        data = spec_of(openmeetings={"release": release}, database={"tls": tls})
        assert rules_of(data) == wrong


@pytest.mark.parametrize(
    ("kind", "name"), [("mysql", "useSSL"), ("postgresql", "sslrootcert"), ("mssql", "Encrypt")]
)
def test_an_option_beside_it(kind: str, name: str) -> None:
    data = {"kind": kind, "tls": {"mode": "require"}, "options": {name: "true"}}
    assert rules_of(spec_of(database=data)) == {"OM283"}


@pytest.mark.parametrize(
    "wrong",
    [{"file": "ca.pem"}, {"file": "ca.pem", "whole": False}, {"whole": True}, 7, "ca.pem", "/"],
)
def test_neither_a_path_nor_a_file(wrong: Any) -> None:
    assert rules_of(spec_of(database={"tls": {"ca": wrong}})) in ({"OM105"}, {"OM106"})
    password = {"password": {"file": "p", "whole": True}}
    assert rules_of(spec_of(database=password)) == {"OM105"}


def ref(file: Path, *, public: bool = False) -> SecretRef:
    return SecretRef("file", (str(file),), whole=True, public=public)


def test_all_bytes_of_a_file_count(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(BINARY)
    file.chmod(0o600)
    found = resolve(ref(file))
    assert isinstance(found, SecretFile)
    assert found.reveal().encode("utf-8", "surrogateescape") == BINARY
    assert found == SecretFile(BINARY.decode("utf-8", "surrogateescape"))
    assert found.texts() == ("",)
    file.chmod(0o644)
    assert isinstance(resolve(ref(file)), Unresolved)
    assert isinstance(resolve(ref(file, public=True)), SecretFile)
    for content in (b"", b"x" * 65537):
        file.write_bytes(content)
        assert isinstance(resolve(ref(file, public=True)), Unresolved)
    assert SecretFile(PEM).texts() == ("", LINE, LINE)


@pytest.mark.parametrize("content", [BINARY, PEM.encode(), b"no line end"])
def test_a_key_on_its_way(tmp_path: Path, content: bytes) -> None:
    """Bundle, staged copy and plan: nothing but the copy has the key, or a digest of it."""
    key, spec = tmp_path / "client.p12", tmp_path / "cluster.yaml"
    key.write_bytes(content)
    key.chmod(0o600)
    tls = {"ca": "/etc/ca.pem", "client_key": {"file": "client.p12", "whole": True}}
    spec.write_text(yaml.safe_dump(spec_of(database={"tls": tls})))
    env = {"OM_DB_PASSWORD": "not-a-real-password"}
    path = "etc/omconf/conference/database-client-key.p12"
    assert omconf("build", spec, "-o", tmp_path / "b", env=env).code == 0
    built = tree(tmp_path / "b")
    assert built[f"om1/files/{path}"] == "@omconf:database.tls.client_key@\n"
    entry = next(
        file
        for file in json.loads((tmp_path / "b/om1/manifest.json").read_text())["files"]
        if file["path"] == f"/{path}"
    )
    assert (entry["mode"], entry["owner"], entry["sensitive"]) == ("0600", "nobody", True)
    assert omconf("build", spec, "-o", tmp_path / "r", "--reveal-secrets", env=env).code == 0
    staged = tmp_path / "r/om1/files" / path
    assert staged.read_bytes() == content
    assert staged.stat().st_mode & 0o777 == 0o600

    plan = ("plan", spec, "--deployed", tmp_path / "d", "--json", "--out", tmp_path / "saved")
    deployed = tmp_path / "d/om1" / path
    (tmp_path / "d/om2").mkdir(parents=True)
    deployed.parent.mkdir(parents=True)
    saved = ""
    for there, state in ((content, "equal"), (content + b"\n", "different"), (b"", "different")):
        deployed.write_bytes(there)
        found = json.loads(omconf(*plan, env=env).out)
        states = {s["secret"] for s in found["secrets"] if s["path"] == f"/{path}"}
        assert states == {state}
        changes = [c for c in found["changes"] if c["path"] == f"/{path}" and c["node"] == "om1"]
        assert [c["items"][0]["secret"] for c in changes] == ([state] if state != "equal" else [])
        saved += (tmp_path / "saved").read_text() + json.dumps(found)
    digests = [hashlib.sha256(c).hexdigest() for c in (content, content + b"\n")]
    everything = saved + "".join(map(str, built.values()))
    assert not [digest for digest in digests if digest in everything]
    assert LINE not in everything
    key.unlink()
    deployed.write_bytes(content)
    unread = json.loads(omconf(*plan, env=env).out)
    assert {s["secret"] for s in unread["secrets"] if s["path"] == f"/{path}"} == {"unknown"}
    deployed.write_bytes(b"@omconf:database.tls.client_key@\n")
    assert "OM320" in omconf(*plan, env=env).out


def test_a_deployed_file_that_is_too_large_is_broken() -> None:
    assert database_tls.KIND.read("x" * 70000).broken
