"""TLS to a real PostgreSQL and MariaDB, by the first and the last driver that a release ships.

Each URL is what omconf writes into persistence.xml, each file what it puts on a node, at another place.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from omconf.artifacts import database_access
from omconf.bundle.compile import compile_bundle
from omconf.formats import connection_properties
from omconf.formats.xml_reader import parse
from omconf.pipeline.bundle_secrets import secrets_of
from omconf.secrets import Secret
from tests.clusters import simple
from tests.needs import needs
from tests.real.certificates import CA, PASSWORD, der, pkcs8, pkcs12
from tests.real.classes import compiled
from tests.real.databases import NEEDS_MARIADB, NEEDS_POSTGRESQL, MariaDB, PostgreSQL
from tests.real.programs import JAVA, run

RIGHT, WRONG, DOWN = "db.example.org", "other.example.org", "down.example.org"
STANDBY = "standby.example.org"
HOSTS = f"127.0.0.1 {RIGHT} {WRONG}\n127.0.0.2 {STANDBY}\n127.0.0.9 {DOWN}\n"
"""Nothing listens on the last one."""
USERS = ("om", "om_cert")
"""The second one has to show a certificate; each has a database of its name."""
ON_NODES = "/etc/omconf/conference/"
JARS = {
    ("postgresql", "5.0.0"): "postgresql-42.2.14.jar",
    ("postgresql", "9.1.0"): "postgresql-42.7.13.jar",
    ("mysql", "5.0.0"): "mysql-connector-java-8.0.20.jar",
    ("mysql", "9.1.0"): "mysql-connector-j-9.7.0.jar",
}
OPTIONS = {
    "postgresql": "-c ssl=on -c ssl_cert_file={0}/db.pem -c ssl_key_file={0}/db.key"
    " -c ssl_ca_file={0}/ca.pem",
    "mysql": "--ssl-cert={0}/db.pem --ssl-key={0}/db.key --ssl-ca={0}/ca.pem",
}


class Site:
    """A server with a certificate, two CAs of which it has one, and a client's certificate."""

    def __init__(self, made: type[Any]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="omconf-tls-"))
        self.folder.chmod(0o755)
        self.ca, self.other = CA(self.folder, "ca"), CA(self.folder, "other")
        _, key = self.ca.signed("db", RIGHT)
        shutil.chown(key, made.account, made.account)
        self.client = self.ca.signed("client", "om_cert")
        self.hosts = self.folder / "hosts"
        self.hosts.write_text(HOSTS)
        self.server = made(options=OPTIONS[made.kind].format(self.folder))
        self.server.create("om", "pw", "om")
        self.server.create("om_cert", "pw", "om_cert")
        if made.kind == "postgresql":
            rules = self.server.rules
            asked = "hostssl all om_cert samenet scram-sha-256 clientcert=verify-full\n"
            rules.write_text(asked + rules.read_text())
            self.server.statement("select pg_reload_conf()")
        else:
            self.server.statement("alter user 'om_cert'@'%' require x509")

    def close(self) -> None:
        """End the server, and take all files away."""
        self.server.stop()
        shutil.rmtree(self.folder)

    def url(self, monkeypatch: pytest.MonkeyPatch, release: str, **database: Any) -> str:
        """The URL of a spec, with its files in a folder of the test's."""
        monkeypatch.setenv("OM_DB_PASSWORD", "pw")
        monkeypatch.setenv("STORE", PASSWORD)
        data = {"kind": self.server.kind, "user": "om", "name": "om", **database}
        if self.server.kind == "mysql":  # which tries each login three times, with pauses
            data["options"] = {"maxReconnects": 1, "initialTimeout": 1, "retriesAllDown": 2}
        cluster = simple(1, openmeetings={"release": release}, database=data)
        bundle = compile_bundle(cluster)
        secrets = secrets_of(bundle)
        values = secrets.all()
        assert not secrets.unresolved, secrets.unresolved
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        text = ""
        for artifact in bundle.nodes[0].artifacts:
            if artifact.kind == "database_tls":
                file = folder / Path(artifact.path).name
                file.write_bytes(artifact.filled(values).encode("utf-8", "surrogateescape"))
                file.chmod(artifact.mode)
            elif artifact.kind == "persistence":
                text = artifact.filled(values)
        element = parse(text.encode()).find(".//{*}property[@name='openjpa.ConnectionProperties']")  # type: ignore[union-attr]
        assert element is not None
        url = dict(connection_properties.split(element.get("value", "")))["Url"]
        for form in (ON_NODES, quote(ON_NODES, safe=""), quote(quote(ON_NODES), safe="")):
            url = url.replace(form, quote(f"{folder}/", safe=""))
        return url

    def log_in(self, java: str, release: str, urls: dict[str, str]) -> dict[str, str]:
        """Log in by the driver of a release; cases of a client have the user with a certificate."""
        jar = JAVA / "lib/drivers" / JARS[self.server.kind, release]
        classes = compiled(str(jar), JAVA / "Connect.java")
        lines = (f"{url}\t{USERS[case.startswith('client')]}\tpw\n" for case, url in urls.items())
        done = run(
            *(*self.server.inside, java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            *(f"-Djdk.net.hosts.file={self.hosts}", "-cp", f"{classes}:{jar}", "Connect"),
            input="".join(lines),
        )
        said = [s for s in done.stdout.splitlines() if s.startswith(("ok", "failed"))]
        assert len(said) == len(urls), done.stdout + done.stderr
        return dict(zip(urls, said, strict=True))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(PostgreSQL, marks=needs(*NEEDS_POSTGRESQL, "openssl", "keytool")),
        pytest.param(MariaDB, marks=needs(*NEEDS_MARIADB, "openssl", "keytool")),
    ],
)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    made = Site(request.param)
    try:
        yield made
    finally:
        made.close()


def whole(file: Path) -> dict[str, Any]:
    """A file that omconf puts on the nodes."""
    return {"file": str(file), "whole": True}


def trusted(site: Site, ca: CA, end: str = "p12") -> dict[str, Any]:
    """What has the driver know a CA."""
    if site.server.kind == "postgresql":
        return {"ca": whole(ca.pem)}
    store = ca.folder / f"{ca.name}.{end}"
    if not store.exists():
        ca.store(end)
    return {"ca": whole(store), "ca_password": {"env": "STORE"}}


@pytest.mark.parametrize("release", ["5.0.0", "9.1.0"])
def test_who_logs_in(site: Site, java: str, release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right server is logged in to; one of another CA, or of another name, is not."""
    right, other = trusted(site, site.ca), trusted(site, site.other)
    store = {"client_key_password": {"env": "STORE"}}
    specs: dict[str, tuple[str | list[str], dict[str, Any]]] = {
        # First: pgJDBC remembers for a while what went wrong with a server.
        "the second server": ([DOWN, RIGHT], right),
        "full": (RIGHT, right),
        "another CA": (RIGHT, other),
        "another name": (WRONG, right),
        "another name, not looked at": (WRONG, {"mode": "verify-ca", **right}),
        "another CA, another name": (WRONG, {"mode": "verify-ca", **other}),
        "anybody": (WRONG, {"mode": "require"}),
        "CAs of Java": (RIGHT, {}),
        "client without": (RIGHT, right),
        "client store": (RIGHT, {**right, **store, "client_key": whole(pkcs12(*site.client))}),
    }
    wrong = {"another CA", "another name", "another CA, another name"}
    wrong |= {"CAs of Java", "client without"}
    if site.server.kind == "postgresql":
        pem, key = site.client
        specs["client der"] = (
            RIGHT,
            {**right, "client_cert": whole(pem), "client_key": whole(der(key))},
        )
        if release == "9.1.0":
            new = {"client_cert": whole(pem), "client_key": whole(pkcs8(key))}
            specs["client pem"] = (RIGHT, {**right, **new})
    else:
        specs["jks"] = (RIGHT, trusted(site, site.ca, "jks"))
    urls = {
        case: site.url(
            monkeypatch, release, host=host, tls=tls, name=USERS[case.startswith("client")]
        )
        for case, (host, tls) in specs.items()
    }
    said = site.log_in(java, release, urls)
    assert {case for case, text in said.items() if text != "ok"} == wrong, "\n".join(
        f"{k}: {v}" for k, v in said.items()
    )
    for case in ("another CA", "CAs of Java"):
        assert "certificat" in said[case] or "trust" in said[case].lower(), said[case]
    assert WRONG in said["another name"] or "name" in said["another name"].lower()


@pytest.mark.parametrize("release", ["5.0.0", "9.1.0"])
def test_a_standby_is_passed_over(
    site: Site, java: str, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two servers that both answer, the one that can be written is taken, whatever the order."""
    if site.server.kind != "postgresql":
        return
    standby = PostgreSQL(site.server.space, "127.0.0.2", "-c default_transaction_read_only=on")
    try:
        writable = "set default_transaction_read_only = off"
        standby.statement(writable, "create role om login password 'pw'")
        standby.statement(writable, "create database om owner om strategy file_copy")
        urls = {
            "both": site.url(monkeypatch, release, host=[STANDBY, RIGHT]),
            "alone": site.url(monkeypatch, release, host=STANDBY),
        }
        said = site.log_in(java, release, urls)
    finally:
        standby.stop()
    assert said["both"] == "ok", said
    assert "read-only transaction" in said["alone"], said


@contextmanager
def _asked_by_omconf(site: Site, user: str, **tls: Any) -> Iterator[None]:
    """Have the server let a user in as `database/` says, and no one else over TCP."""
    password = {} if site.server.kind == "postgresql" else {"client_key_password": {"env": "STORE"}}
    given = {**tls, **(password if tls.get("client_key") else {})}
    data = {"kind": site.server.kind, "host": "localhost", "user": user, "name": user, "tls": given}
    files = {h.path: h for h in database_access.KIND.external_files(simple(1, database=data))}
    values = {"database.password": Secret("pw")}
    texts = {path: file.filled(values) for path, file in files.items()}
    if site.server.kind == "mysql":
        try:
            site.server.statement(texts["database/mysql.sql"].rstrip().removesuffix(";"))
            yield
        finally:
            site.server.statement(f"drop user if exists '{user}'@'127.0.0.1'")
        return
    kept = site.server.rules.read_text()
    try:
        site.server.rules.write_text(f"local all all trust\n{texts['database/pg_hba.conf']}")
        site.server.statement("select pg_reload_conf()")
        yield
    finally:
        site.server.rules.write_text(kept)
        site.server.statement("select pg_reload_conf()")


@pytest.mark.parametrize("client", [False, True])
def test_the_server_refuses_logins_without_what_the_spec_says(
    site: Site, java: str, client: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without TLS nobody is let in, and where nodes have a certificate, nobody without one."""
    user = USERS[client]
    right = trusted(site, site.ca)
    key = {"client_key": whole(pkcs12(*site.client)), "client_key_password": {"env": "STORE"}}
    asked = {"ca": "/ca.pem", "client_key": "/key.p12"} if client else {}
    if site.server.kind == "mysql" and client:
        asked = {"client_key": "/key.p12"}
    plain = {"postgresql": "sslmode=disable", "mysql": "sslMode=DISABLED"}[site.server.kind]
    tls, start = ({**right, **key}, "client ") if client else (right, "")
    made = site.url(monkeypatch, "9.1.0", host=RIGHT, tls=tls, name=user)
    without = site.url(monkeypatch, "9.1.0", host=RIGHT, tls=right, name=user)
    urls = {
        f"{start}as omconf has it": made,
        f"{start}plain": f"{re.sub('[?].*', '', made)}?{plain}",
        f"{start}without a certificate": without,
    }
    with _asked_by_omconf(site, user, **asked):
        said = site.log_in(java, "9.1.0", urls)
    refused = {f"{start}plain"} | ({f"{start}without a certificate"} if client else set())
    assert {case for case, text in said.items() if text != "ok"} == refused, said
