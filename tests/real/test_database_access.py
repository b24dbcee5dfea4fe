"""The database access that omconf writes, run by a real PostgreSQL and a real MariaDB.

The server runs on node om1. Every node logs in from its own address, another host is refused.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from omconf.artifacts import database_access
from tests.clusters import rules_of, spec_of
from tests.command import omconf
from tests.needs import needs
from tests.real.databases import NEEDS_MARIADB, NEEDS_POSTGRESQL, MariaDB, PostgreSQL, Server
from tests.real.notes import notes
from tests.real.programs import Network, run

SERVER = "10.1.1.1"
NODES = ("10.1.1.1", "10.1.1.2", "10.1.1.3")
OUTSIDER = "10.1.1.77"
MARK = "S3cr3t"
"""Stands in every password, and must not stand in any log."""
HOSTILE = [
    ("openmeetings", "openmeetings", f"{MARK}-plain"),
    ("om-user", "om.name", f"{MARK}' or '1'='1; --x"),
    ("Om'Us\"er", "om\"na'me", f"\\{MARK}\\' \\\" \\n\\\\"),
    ("om`u %s", "om`n%_%I", f":{MARK} :'x' :\"x\" :{{?x}} $x $$ $1 `id` \\gexec"),
    ("all", "replication", f'"{MARK}" % \\% %s _ # /* ; \\! delimiter'),
    ("ömü,\\x", "öm,\\x", f"{MARK}-ünï-✓-😀 \t end"),
    ("+om @x", "@om\\_x", f"' {MARK}'' ''"),
    ("om\\", "om\\", f"{MARK}\\"),
    ("#om;--", "om /* -- ; */", f"{MARK};"),
    ("u" * 63, "n" * 63, MARK),
]
"""User, database and password. psql is given a variable `x`, and servers are set to read backslashes
in the other way than they do at first."""
TALKATIVE = {
    PostgreSQL: "-c log_statement=all -c log_min_duration_statement=0 -c log_min_duration_sample=0"
    " -c log_transaction_sample_rate=1 -c shared_preload_libraries=pg_stat_statements"
    " -c password_encryption=md5",
    MariaDB: "--general-log --general-log-file=general.log --slow-query-log --long-query-time=0"
    " --slow-query-log-file=slow.log --log-slow-admin-statements",
}
"""Servers that write down all that they can, and keep passwords in the older way."""
CREATES = "create table if not exists t{0} (x int); alter table t{0} add y{1} int"


@dataclass
class Site:
    """A server on om1, the other nodes, and a host that is none of them."""

    server: Any
    network: Network

    def build(self, folder: Path, user: str, name: str, password: str) -> Path:
        """Compile a spec and give the folder `database/` of its revealed bundle."""
        database = {"kind": self.server.kind, "host": {"node": "om1"}, "user": user, "name": name}
        folder.mkdir(exist_ok=True)
        spec = folder / "cluster.yaml"
        spec.write_text(yaml.safe_dump(spec_of(3, database=database), allow_unicode=True))
        env = {"OM_DB_PASSWORD": password}
        built = omconf("build", spec, "-o", folder / "b", "--reveal-secrets", env=env)
        assert built.code == 0, built.err
        return folder / "b/database"

    def execute(self, written: Path, *, otherwise: bool = False) -> str:
        """Run the statements as the server's administrator, and install the rules; returns the output.

        `otherwise`: the server and its client read backslashes and bytes in another way at first.
        """
        server = self.server
        if server.kind == "mysql":
            mode = "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'" if otherwise else "DEFAULT"
            server.statement(f"set global sql_mode={mode}")
            login = ["--no-defaults", f"--socket={server.folder}/s", "-uroot"]
            login += ["--default-character-set=latin1"] if otherwise else []
            return run(server.client, *login, input=(written / "mysql.sql").read_text()).stdout
        env = dict(os.environ)
        if otherwise:
            env |= {"PGOPTIONS": "-c standard_conforming_strings=off", "PGCLIENTENCODING": "LATIN1"}
        login = ["-X", "-h", str(server.folder), "-U", "postgres", "-v", "x=LEAKED"]
        script = written / "postgresql.sql"
        login += ["-v", "ON_ERROR_STOP=1", "-f", "-" if otherwise else str(script)]
        done = run(server.psql, *login, env=env, input=script.read_text())
        rules = (written / "pg_hba.conf").read_text()
        server.rules.write_text(f"local all all trust\n{rules}")
        server.statement("select pg_reload_conf()")
        return done.stdout

    def login(
        self, address: str, user: str, name: str, password: str, statement: str = "select 1"
    ) -> subprocess.CompletedProcess[str]:
        """Log in from a host, the way a node does: by TCP to the server's address."""
        inside = ["ip", "netns", "exec", self.network.hosts[address]]
        if self.server.kind == "mysql":
            command = [self.server.client, "--no-defaults", f"--host={SERVER}", f"--user={user}"]
            command += [f"--database={name}", "--default-character-set=utf8mb4"]
            env = {**os.environ, "MYSQL_PWD": password}
        else:
            command = [self.server.psql, "-XAtq", "-v", "ON_ERROR_STOP=1"]
            env = {**os.environ, "PGHOST": SERVER, "PGUSER": user, "PGDATABASE": name}
            env |= {"PGPASSWORD": password, "PGCLIENTENCODING": "UTF8"}
        return run(*inside, *command, check=False, env=env, input=f"{statement};\n")

    def logs(self) -> str:
        """All that the server wrote down of what it was told."""
        files = [p for p in self.server.folder.rglob("*log") if p.is_file()]
        texts = [p.read_text(errors="replace") for p in files]
        if self.server.kind == "postgresql":
            login = ["-XAtq", "-h", self.server.folder, "-U", "postgres"]
            query = "create extension if not exists pg_stat_statements; table pg_stat_statements"
            texts.append(run(self.server.psql, *login, "-c", query).stdout)
        return "".join(texts)


ON_POSTGRESQL = pytest.param(PostgreSQL, marks=needs(*NEEDS_POSTGRESQL))
ON_MARIADB = pytest.param(MariaDB, marks=needs(*NEEDS_MARIADB))


@pytest.fixture(scope="module", params=[ON_POSTGRESQL, ON_MARIADB])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    network = Network(f"da{os.getpid()}")
    server: Server | None = None
    try:
        for address in (*NODES, OUTSIDER):
            network.host(address)
        server = request.param(network.hosts[SERVER], SERVER, TALKATIVE[request.param])
        yield Site(server, network)
    finally:
        if server is not None:
            server.stop()
        network.close()


@pytest.mark.parametrize(("user", "name", "password"), HOSTILE, ids=range(len(HOSTILE)))
def test_every_node_logs_in_and_nobody_else(
    site: Site, tmp_path: Path, user: str, name: str, password: str
) -> None:
    for number, secret in enumerate((password, f"{password}2")):
        written = site.build(tmp_path / str(number), user, name, secret)
        site.execute(written, otherwise=bool(number))
        done = site.login(SERVER, user, name, secret)
        assert done.returncode == 0, done.stderr
        # Again, as somebody who is not sure would; and where texts are read otherwise.
        site.execute(written, otherwise=not number)
        for node, address in enumerate(NODES):
            done = site.login(address, user, name, secret, CREATES.format(node, number))
            assert done.returncode == 0, done.stderr
        assert site.login(NODES[1], user, name, "other").returncode != 0
        refused = site.login(OUTSIDER, user, name, secret)
        assert refused.returncode != 0
        assert "no pg_hba.conf entry" in refused.stderr or "not allowed" in refused.stderr
    assert site.login(SERVER, user, name, password).returncode != 0, "the password was changed"
    assert MARK not in site.logs()
    assert "alter table t2 add y1 int" in site.logs(), "the server logs what it is told"


def test_the_rights_end_at_the_own_database(site: Site, tmp_path: Path) -> None:
    user, name = "om_rights", "om_r%"
    site.execute(site.build(tmp_path, user, name, "pw"))
    # What the name would stand for as a pattern.
    quote = '"' if site.server.kind == "postgresql" else "`"
    site.server.statement(f"create database {quote}omXright{quote}")
    assert site.login(SERVER, user, "omXright", "pw").returncode != 0
    of_database = {"postgresql": "show server_encoding", "mysql": "select @@character_set_database"}
    done = site.login(SERVER, user, name, "pw", of_database[site.server.kind])
    assert done.stdout.split()[-1] in ("UTF8", "utf8mb4"), done.stderr
    for statement in (
        "create database om_other",
        "create role om_other" if site.server.kind == "postgresql" else "create user om_other",
        "select * from pg_authid"
        if site.server.kind == "postgresql"
        else "select * from mysql.user",
    ):
        done = site.login(SERVER, user, name, "pw", statement)
        assert done.returncode != 0
        assert "denied" in done.stderr, done.stderr


@pytest.mark.parametrize("site", [ON_MARIADB], indirect=True)
def test_accounts_for_other_hosts_are_named(site: Site, tmp_path: Path) -> None:
    site.server.statement("create user 'om_left'@'10.1.1.9' identified by 'pw'")
    said = site.execute(site.build(tmp_path, "om_left", "om_left", "pw"))
    assert said.splitlines()[1:] == ["om_left\t10.1.1.9"]


def test_a_placeholder_that_was_not_filled_stops_the_run(site: Site, tmp_path: Path) -> None:
    database = {"kind": site.server.kind, "host": {"node": "om1"}, "user": "om_unfilled"}
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(spec_of(3, database=database)))
    assert omconf("build", "-o", "b", cwd=tmp_path).code == 0
    with pytest.raises(AssertionError, match="syntax"):
        site.execute(tmp_path / "b/database")
    assert site.login(SERVER, "om_unfilled", "openmeetings", "").returncode != 0


@pytest.mark.parametrize("site", [ON_POSTGRESQL], indirect=True)
def test_postgresql_reads_the_rules_as_they_are_meant(site: Site, tmp_path: Path) -> None:
    for number, (user, name, _) in enumerate(HOSTILE):
        written = site.build(tmp_path / str(number), user, name, "pw")
        site.execute(written)
        query = (
            "select type, array_to_string(database, '|'), array_to_string(user_name, '|'),"
            " address, netmask, auth_method, error from pg_hba_file_rules"
            " where type <> 'local' or error is not null order by line_number"
        )
        login = ["-XAtq", "-h", site.server.folder, "-U", "postgres", "-F", "\x1f"]
        seen = run(site.server.psql, *login, "-c", query).stdout
        fields = ["host", name, user, "{}", "255.255.255.255", "scram-sha-256", ""]
        expected = "".join("\x1f".join(fields).format(address) + "\n" for address in NODES)
        assert seen == expected
        reading = database_access.KIND.read((written / "pg_hba.conf").read_text())
        assert len(reading.items) == len(NODES)


def test_openmeetings_own_way_to_create_its_tables(java: str, site: Site, tmp_path: Path) -> None:
    """OpenJPA of 9.1.0 with the written persistence.xml: its tables, under the rights given."""
    user, name, password = "om-jpa", "om-jpa", f"{MARK}, 'jpa'"
    written = site.build(tmp_path, user, name, password)
    site.execute(written)
    classes = "opt/om/webapps/openmeetings/WEB-INF/classes/META-INF/persistence.xml"
    text = (tmp_path / "b/om2/files" / classes).read_text()
    node = site.network.hosts["10.1.1.2"]
    process = site.network.start(node, *notes(java, tmp_path, text), "10.1.1.2")
    said, _ = process.communicate("write one\nread\n", timeout=120)
    assert said.count("text one\n") == 2, said


@pytest.mark.parametrize("site", [ON_MARIADB], indirect=True)
def test_mariadb_takes_the_longest_names(site: Site, tmp_path: Path) -> None:
    user, name = "u" * 80, "n" * 64
    site.execute(site.build(tmp_path, user, name, "pw"))
    assert site.login(NODES[1], user, name, "pw").returncode == 0
    for wrong in ({"user": f"{user}u"}, {"name": f"{name}n"}):
        assert rules_of(spec_of(database={"kind": "mysql", **wrong})) == {"OM216"}
