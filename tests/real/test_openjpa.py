"""persistence.xml, used by the releases' own OpenJPA to log in to a real PostgreSQL and MariaDB."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omconf.artifacts import persistence
from omconf.formats import connection_properties
from omconf.releases import RELEASES
from omconf.secrets import Secret
from tests.clusters import rules_of, simple, spec_of
from tests.needs import needs
from tests.real.classes import compiled
from tests.real.databases import NEEDS_MARIADB, NEEDS_POSTGRESQL, MariaDB, PostgreSQL
from tests.real.programs import JAVA

LINES = {"3.1.2": "5.0.0", "3.2.2": "7.2.0", "4.1.1": "9.1.0"}
"""Each OpenJPA line, and a release that ships it (8.0.0's 4.0.1 is between two of them)."""
PLAIN = [
    "Tr0ub4dor&3",
    "a;b=c&d<e>f",
    "${db_pass}",
    "\\back\\slash",
    "#%+@:/?(){}[]",
    "in ner",
    "ünï-cödé-✓",
]
QUOTED = [
    "in'ner",
    'in"ner',
    "end'",
    'end"',
    "'start",
    '"start',
    "'both'",
    '"both"',
    "'\"mix\"'",
    "''",
    '"',
]
COMMAS = [
    "a,b",
    ",start",
    "end,",
    "a,b,c",
    "a',b",
    'a",b',
    "a,b'c",
    'a,b"c',
    "a,b\"c'd",
    "a'b,c",
    'a"b,c',
    "a,,b",
    "a, b",
    "',a",
]
HOPELESS = [" start", "end ", "a ,b", "a,'\",b"]
PASSWORDS = [*PLAIN, *QUOTED, *COMMAS, *HOPELESS]
NAMES = [
    "openmeetings",
    "om-1",
    "om 1",
    "ÖM",
    "om'x",
    'om"x',
    "om,x",
    "o&m",
    "om%41",
    "om?x=1",
    "om/x",
    "om;x",
    "om#x",
]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(PostgreSQL, marks=needs(*NEEDS_POSTGRESQL)),
        pytest.param(MariaDB, marks=needs(*NEEDS_MARIADB)),
    ],
)
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    started = request.param()
    try:
        yield started
    finally:
        started.stop()


def _login(java: str, server: Any, line: str, files: list[Path]) -> list[str]:
    jars = ":".join(map(str, sorted((JAVA / "lib" / f"openjpa-{line}").glob("*.jar"))))
    classes = compiled(jars, JAVA / "Login.java")
    options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    done = subprocess.run(
        [*server.inside, java, *options, "-cp", f"{classes}:{jars}", "Login"],
        input="".join(f"{file}\n" for file in files),
        capture_output=True,
        text=True,
    )
    lines = [x for x in done.stdout.splitlines() if x.startswith(("ok", "failed"))]
    assert len(lines) == len(files), done.stdout + done.stderr
    return lines


def _written(path: Path, password: str, release: str, **database: object) -> Path:
    """persistence.xml as built, without the entity classes, whose jars are OpenMeetings' own."""
    cluster = simple(1, openmeetings={"release": release}, database=database)
    artifact = persistence.KIND.render(cluster, cluster.nodes[0])[0]
    text = artifact.filled({"database.password": Secret(password)})
    path.write_text(re.sub(r"    <class>.*</class>\n", "", text))
    return path


def _database(server: Any, **more: object) -> dict[str, Any]:
    # One node: for two, a database on loopback is an error.
    return {"kind": server.kind, "host": "127.0.0.1", "port": server.port, **more}


def test_every_release_line_logs_in_as_the_specs_user(
    java: str, server: Any, tmp_path: Path
) -> None:
    server.create("om_lines", "pw", "om_lines")
    for line, release in LINES.items():
        database = _database(server, user="om_lines", name="om_lines")
        assert RELEASES[release].openjpa == line
        file = _written(tmp_path / f"{line}.xml", "pw", release, **database)
        assert _login(java, server, line, [file]) == ["ok\tom_lines\tom_lines"]


def test_a_wrong_password_is_noticed(java: str, server: Any, tmp_path: Path) -> None:
    server.create("om_wrong", "pw", "om_wrong")
    database = _database(server, user="om_wrong", name="om_wrong")
    file = _written(tmp_path / "p.xml", "other", "9.1.0", **database)
    assert _login(java, server, "4.1.1", [file])[0].startswith("failed")


def test_hostile_passwords_log_in_or_are_refused(java: str, server: Any, tmp_path: Path) -> None:
    files: dict[str, Path] = {}
    refused = []
    for number, password in enumerate(PASSWORDS):
        user = f"om_p{number}"
        database = _database(server, user=user, name=user)
        try:
            files[user] = _written(tmp_path / f"{user}.xml", password, "9.1.0", **database)
        except ValueError:
            refused.append(password)
            continue
        server.create(user, password, user)
    assert refused == HOPELESS
    said = _login(java, server, "4.1.1", list(files.values()))
    assert said == [f"ok\t{user}\t{user}" for user in files]


def test_hostile_names_log_in_or_are_refused(java: str, server: Any, tmp_path: Path) -> None:
    """User and database alike: each works, or the spec is refused with a rule."""
    files: dict[str, Path] = {}
    for number, name in enumerate(NAMES):
        database = _database(server, user=name, name=name)
        if rules_of(spec_of(1, database=database)) & {"OM212", "OM214"}:
            continue
        files[name] = _written(tmp_path / f"{number}.xml", "pw", "9.1.0", **database)
        server.create(name, "pw", name)
    assert len(files) >= len(NAMES) - 1
    said = _login(java, server, "4.1.1", list(files.values()))
    assert said == [f"ok\t{name}\t{name}" for name in files]


@pytest.mark.parametrize("rest", ["wort99", "wo=rt99", " maxTotl=1"])
def test_a_password_without_quotes_ends_at_its_comma(
    java: str, server: Any, tmp_path: Path, rest: str
) -> None:
    server.create(user := f"om_{len(rest)}", "geheim", user)
    for line, release in LINES.items():
        file = _written(
            tmp_path / "p.xml", "XX", release, **_database(server, user=user, name=user)
        )
        file.write_text(file.read_text().replace("Password=XX", f"Password=geheim,{rest}"))
        assert _login(java, server, line, [file]) == [f"ok\t{user}\t{user}"]
    first, *others = connection_properties.guarded(f"Password=geheim,{rest}")
    assert (first.value, [pair.hidden for pair in others]) == ("geheim", [True])
