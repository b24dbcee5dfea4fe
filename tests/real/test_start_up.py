"""Tomcat's own catalina.sh and a real JVM read setenv.sh; Java reads openmeetings.properties.

The class that catalina.sh starts is ours: it prints the JVM's arguments. OpenMeetings itself is not
needed to see them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from omconf.artifacts import openmeetings_properties, setenv
from omconf.formats.properties import merge, read
from omconf.secrets import Secret
from tests.clusters import simple
from tests.needs import fixture_needs, program
from tests.real.classes import compiled
from tests.real.programs import JAVA, run, shell_case

SHELLS = [shell_case("dash"), shell_case("bash"), shell_case("busybox", "sh")]
HARD = ["-Xmx64m", "-Da=b c", "-Dq='\"\\$x`y", "-Dstar=*", "-Dend=\\"]


@pytest.fixture(scope="module")
@fixture_needs("catalina.sh", "jar")
def tomcat(java: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Tomcat of catalina.sh alone, with the class that prints the JVM's arguments."""
    folder = tmp_path_factory.mktemp("tomcat")
    (folder / "bin").mkdir()
    (folder / "temp").mkdir()
    for name in ("catalina.sh", "setclasspath.sh"):
        shutil.copy(Path(program("catalina.sh")).with_name(name), folder / "bin" / name)
    classes = compiled("", JAVA / "Bootstrap.java")
    run(program("jar"), "cf", folder / "bin/bootstrap.jar", "-C", classes, ".")
    return folder


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("times", [1, 2])
def test_the_jvm_gets_every_option_once(
    java: str, tomcat: Path, tmp_path: Path, shell: list[str], times: int
) -> None:
    cluster = simple(openmeetings={"java_options": HARD, "timezone": "Europe/Berlin"})
    (artifact,) = setenv.KIND.render(cluster, cluster.nodes[0])
    own = 'JAVA_OPTS="$JAVA_OPTS -Dadmin=own"\n'
    (tomcat / "bin/setenv.sh").write_text(own + artifact.text * times)
    # Files that an unquoted `*` or `[B` would find.
    for name in ("B", "-Dstar=x", "B,java.util"):
        (tmp_path / name).touch()
    environment = {
        "PATH": "/usr/bin:/bin",
        "JAVA_HOME": str(Path(java).resolve().parent.parent),
        "CATALINA_HOME": str(tomcat),
    }
    done = run(*shell, tomcat / "bin/catalina.sh", "run", cwd=tmp_path, env=environment)
    given = done.stdout.splitlines()
    assert "-Dadmin=own" in given
    ours = [
        "-DDATA_DIR=/opt/omdata",
        "-Duser.timezone=Europe/Berlin",
        "-Dopenjpa.serialization.class.blacklist=*",
        f"-Dopenjpa.serialization.class.whitelist={','.join(setenv.WHITELIST)}",
        *HARD,
    ]
    start = given.index(ours[0])
    assert given[start : start + len(ours)] == ours
    assert all(given.count(option) == 1 for option in ours)


def test_java_reads_the_keys(java: str, tmp_path: Path) -> None:
    turn = {"url": "turn.example.org:3478,turns:b:5349", "user": "ä =:#!\\😀", "ttl": 7}
    cluster = simple(
        3,
        kurento={
            "url": "ws://10.1.1.20:8888/kurento",
            "turn": {**turn, "secret": {"env": "TURN"}},
        },
    )
    (artifact,) = openmeetings_properties.KIND.render(cluster, cluster.nodes[1])
    filled = artifact.filled({"kurento.turn.secret": Secret(" t0p #!=\\ü")})
    shipped = "# shipped\nkurento.kuid=df\\\n  99\nother.key = stays\\\n here\nkurento.turn.user=\n"
    settings = {key: setting.value for key, setting in read(filled).items()}
    file = tmp_path / "openmeetings.properties"
    file.write_text(merge(shipped, settings))
    said = run(java, JAVA / "ReadProperties.java", file).stdout.splitlines()
    found = dict(
        line.encode().decode("unicode_escape").split("=", 1)
        for line in (line.replace("\\", "\\\\").replace("\\\\u", "\\u") for line in said)
    )
    assert {k: v.encode("utf-16", "surrogatepass").decode("utf-16") for k, v in found.items()} == {
        "kurento.ws.url": "ws://10.1.1.20:8888/kurento",
        "kurento.turn.url": turn["url"],
        "kurento.turn.user": turn["user"],
        "kurento.turn.ttl": "7",
        "kurento.turn.secret": " t0p #!=\\ü",
        "kurento.kuid": "om2.conference",
        "kurento.ignored.kuids": "om1.conference,om3.conference",
        "other.key": "stayshere",
    }
