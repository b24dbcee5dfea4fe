"""The login of a node's check: real PostgreSQL and MariaDB, hostile passwords, and who sees them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from omconf.artifacts import node_check
from tests.clusters import spec_of
from tests.command import omconf
from tests.needs import needs, program
from tests.real.databases import NEEDS_MARIADB, NEEDS_POSTGRESQL, MariaDB, PostgreSQL, Server
from tests.real.programs import SHELLS, Network, run
from tests.real.test_database_access import HOSTILE, MARK

HOST = "10.1.1.250"
PERSISTENCE = "opt/om/webapps/openmeetings/WEB-INF/classes/META-INF/persistence.xml"
SPY = """#!/bin/sh
for name in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do
    echo "$name"
    cat "$name" 2>/dev/null
done >{log}
exec {real} "$@"
"""
"""Stands before a client: what every process says of itself while the client is about to log in."""

AWKS = [
    pytest.param(name, marks=needs("busybox")) if name == "busybox" else name
    for name in ("mawk", "gawk", "original-awk", "busybox")
    if shutil.which(name)
]
ON_POSTGRESQL = pytest.param(PostgreSQL, marks=needs(*NEEDS_POSTGRESQL, "runuser", "nc"))
ON_MARIADB = pytest.param(MariaDB, marks=needs(*NEEDS_MARIADB, "runuser", "nc"))


@pytest.fixture(scope="module", params=[ON_POSTGRESQL, ON_MARIADB])
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    network = Network(f"nl{os.getpid()}")
    made: Server | None = None
    try:
        made = request.param(network.host(HOST), HOST)
        yield made
    finally:
        if made is not None:
            made.stop()
        network.close()


class Site:
    """A node's tree with the files of a bundle, and the server that its persistence.xml names."""

    def __init__(self, server: Any, folder: Path) -> None:
        self.server, self.root, self.log = server, folder / "root", folder / "log"
        self.folder = folder

    def lay(self, user: str, name: str, password: str, host: Any = HOST, **database: Any) -> None:
        """Lay a bundle whose database is the server."""
        data = {"kind": self.server.kind, "host": host, "user": user, "name": name, **database}
        spec = self.folder / "cluster.yaml"
        openmeetings = {"release": "9.1.0", "user": "nobody", "group": "nogroup"}
        spec.write_text(
            yaml.safe_dump(spec_of(2, database=data, openmeetings=openmeetings), allow_unicode=True)
        )
        env = {"OM_DB_PASSWORD": password}
        bundles = self.folder / "b"
        built = omconf("build", spec, "-o", bundles, "--reveal-secrets", env=env)
        assert built.code == 0, built.err
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(bundles / "om1/files", self.root)
        self.root.chmod(0o755)
        shutil.copy(bundles / "om1/manifest.json", self.root / "etc/omconf/conference")
        shutil.chown(self.root / PERSISTENCE, "nobody", "nogroup")
        (self.root / PERSISTENCE).chmod(0o600)
        shutil.rmtree(bundles)

        self.facts("address=10.1.1.1", f"address={HOST}")

    def facts(self, old: str, new: str) -> None:
        """Change what the check is told of the node."""
        file = self.root / "etc/omconf/conference/check.conf"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def rewrite(self, old: str, new: str) -> None:
        file = self.root / PERSISTENCE
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def check(
        self, shell: list[str] | None = None, *, spy: bool = False, hide: str = ""
    ) -> tuple[str, str]:
        """Run the check, and give its finding of the database."""
        own = self.folder / "bin"
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir()
        path = os.environ["PATH"]
        if hide:
            path = str(own)
            for place in ("/usr/bin", "/bin"):
                for entry in os.scandir(place):
                    link = own / entry.name
                    if entry.name not in hide.split() and not link.is_symlink():
                        link.symlink_to(entry.path)
        if spy:
            self.facts("user=nobody", "user=root")
            for name in ("psql", "mariadb"):
                if real := shutil.which(name):
                    text = SPY.format(log=self.log, real=real)
                    (own / name).write_text(text)
                    (own / name).chmod(0o755)
            path = f"{own}:{path}"
        done = subprocess.run(
            [*self.server.inside, *(shell or ["/bin/sh"]), node_check.TEXT, "--root", self.root],
            capture_output=True,
            text=True,
            timeout=90,
            env={"PATH": path, "LANG": "C.UTF-8"},
        )
        assert done.stderr == ""
        assert MARK not in done.stdout
        self.lines = [line.split("\t") for line in done.stdout.splitlines()]
        return next((status, text) for status, name, text in self.lines if name == "database")

    def finding(self, check: str) -> tuple[str, str]:
        """Run the check, and give another one of its findings."""
        self.check()
        return next((status, text) for status, name, text in self.lines if name == check)


@pytest.fixture
def site(server: Any) -> Iterator[Site]:
    # The user of OpenMeetings goes through it, as through no folder of pytest's.
    folder = Path(tempfile.mkdtemp(prefix="omconf-login-"))
    folder.chmod(0o755)
    yield Site(server, folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize(("user", "name", "password"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_passwords_log_in(
    site: Site, server: Any, user: str, name: str, password: str
) -> None:
    server.create(user, password, name)
    site.lay(user, name, password)
    status, text = site.check()
    assert (status, text[:11], text[-6:]) == ("ok", "a login as ", " works"), text
    assert f" on port {server.port} of {HOST} " in text


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("awk", AWKS)
def test_shells_and_awks(site: Site, server: Any, shell: list[str], awk: str) -> None:
    """Every shell and every awk there is reads the same password out of persistence.xml."""
    user = f"awk-{awk}-{shell[0]}"
    password = f"{MARK} \"ü😀'&<>%41\\"
    server.create(user, password, user)
    site.lay(user, user, password)
    # The same in other words of XML.
    site.rewrite("ü", "&#xFC;")
    site.rewrite("😀", "&#128512;")
    site.rewrite(
        "<properties>", "<properties><!-- <property name='openjpa.ConnectionProperties'/> -->"
    )
    own = site.folder / "awk"
    own.mkdir()
    (own / "awk").symlink_to(program("busybox") if awk == "busybox" else shutil.which(awk) or "")
    path = os.environ["PATH"]
    try:
        os.environ["PATH"] = f"{own}:{path}"
        found = site.check([program(shell[0]), *shell[1:]])
    finally:
        os.environ["PATH"] = path
    assert found == ("ok", f"a login as {user} to {user} on port {server.port} of {HOST} works")


def test_the_password_is_in_no_process(site: Site, server: Any) -> None:
    """Neither in arguments nor in an environment, and in no file that the check leaves."""
    user, password = "om_spied", f"{MARK}-spied"
    server.create(user, password, user)
    site.lay(user, user, password)
    assert site.check(spy=True)[0] == "ok"
    seen = site.log.read_bytes()
    assert b"cmdline" in seen
    assert b"/dev/stdin" in seen, "the client was seen"
    # Not the mark alone: tests that run side by side may have it in the arguments of their own.
    assert password.encode() not in seen
    holding = run("grep", "-rl", "--exclude=log", password, site.folder, check=False).stdout.split()
    assert holding == [str(site.root / PERSISTENCE)]


def test_what_the_server_refuses_fails(site: Site, server: Any) -> None:
    server.create("om_known", "right", "om_known")
    site.lay("om_known", "om_known", f"{MARK}-wrong")
    status, text = site.check()
    assert status == "fail"
    assert text.startswith(f"a login as om_known to om_known on port {server.port} of {HOST}: ")
    assert "password authentication failed" in text or "Access denied" in text
    site.lay("om_known", "om_none", "right")
    status, text = site.check()
    assert (status, "does not exist" in text or "Unknown database" in text) == ("fail", True)


def test_nothing_listens(site: Site, server: Any) -> None:
    site.lay("om_none", "om_none", MARK, port=1)
    found = site.check()
    assert found == ("fail", f"no connection to port 1 of {HOST}")
    # As the client itself tells it, where nothing else can try a port.
    status, text = site.check(hide="nc bash curl")
    assert status == "fail"
    assert text.startswith(f"a login as om_none to om_none on port 1 of {HOST}: ")


def test_without_a_client_only_the_port_is_known(site: Site, server: Any) -> None:
    site.lay("om_none", "om_none", MARK)
    missing = "psql is missing" if server.kind == "postgresql" else "mariadb is missing"
    assert site.check(hide="psql mariadb mysql") == (
        "ok",
        f"{HOST} takes connections on port {server.port}; no login was tried: {missing}",
    )


UNREADABLE = {
    "empty": "",
    "garbage": "\0\1<property <property name='openjpa.ConnectionProperties' value=",
    "no password": "<property name='openjpa.ConnectionProperties' value='Url=jdbc:x'/>",
    "placeholder": "<property name='openjpa.ConnectionProperties' value='Url=jdbc:postgresql://127.0.0.1/x,"
    "Username=u,Password=@omconf:database.password@'/>",
    "hosts": "<property name='openjpa.ConnectionProperties' value='Url=jdbc:postgresql://a,b/x,"
    "Username=u,Password=p'/>",
    "options": "<property name='openjpa.ConnectionProperties' value='Url=jdbc:postgresql://127.0.0.1/"
    "x%0Apasswd=y,Username=u,Password=p'/>",
    "lines": "<property name='openjpa.ConnectionProperties' value='Url=jdbc:mysql://127.0.0.1/x,"
    "Username=u,Password=p&#10;init-command=x'/>",
    "open": "<!-- <property name='openjpa.ConnectionProperties' value='Url=jdbc:mysql://127.0.0.1/x,"
    "Username=u,Password=p'/>",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_persistence_xml_that_is_none(site: Site, text: str) -> None:
    site.lay("om_none", "om_none", MARK)
    (site.root / PERSISTENCE).write_text(text)
    status, said = site.check()
    assert status == "ok"
    assert said.endswith("persistence.xml says of it is not known to this program")


def test_a_server_that_speaks_another_protocol(site: Site, server: Any) -> None:
    """What a client cannot make sense of is unknown, and nothing of it is repeated."""
    site.lay("om_none", "om_none", MARK, port=5499)
    talker = (
        f"import socket; s = socket.create_server(('{HOST}', 5499)); print(flush=True)\n"
        f"while True: c = s.accept()[0]; c.send(b'{MARK}' * 9); c.close()"
    )
    process = subprocess.Popen(
        [*server.inside, sys.executable, "-c", talker], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        status, text = site.check()
    finally:
        process.kill()
        process.communicate()
    assert status in ("unknown", "fail")
    assert text.startswith(f"a login as om_none to om_none on port 5499 of {HOST}")


def test_the_second_server_is_logged_in_to(site: Site, server: Any) -> None:
    """As the driver does; that the first one does not answer is told."""
    server.create("om_second", MARK, "om_second")
    site.lay("om_second", "om_second", MARK, host=["10.1.1.249", HOST])
    status, text = site.check()
    assert (status, text[-6:]) == ("ok", " works"), text
    site.lay("om_second", "om_second", f"{MARK}-wrong", host=["10.1.1.249", HOST])
    assert site.check()[0] == "fail"
    site.lay("om_second", "om_second", MARK, host=["10.1.1.249", "10.1.1.248"])
    port = server.port
    assert site.check() == (
        "fail",
        f"no connection to port {port} of 10.1.1.249, port {port} of 10.1.1.248",
    )


def test_files_of_the_driver_that_openmeetings_cannot_read(site: Site, server: Any) -> None:
    form = "pem" if server.kind == "postgresql" else "p12"
    there = site.folder / f"ca.{form}"
    there.write_text("a CA")
    tls = {"ca": {"file": str(there), "whole": True}}
    site.lay("om_file", "om_file", MARK, tls=tls)
    laid = site.root / f"etc/omconf/conference/database-ca.{form}"
    shutil.chown(laid, "nobody", "nogroup")
    path = f"/etc/omconf/conference/database-ca.{form}"
    assert site.finding("driver-files") == ("ok", "nobody may read what the driver needs: 1 file")
    shutil.chown(laid, "root", "root")
    assert site.finding("driver-files")[0] == "fail"
    assert site.finding("driver-files")[1].startswith(f"nobody may not read {path}: ")
    laid.unlink()
    assert site.finding("driver-files")[1].startswith(f"{path} is not there: ")
