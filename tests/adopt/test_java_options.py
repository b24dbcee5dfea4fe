"""JVM options that are set by hand: which of them a spec gets, and which are named with their lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.adopt.trees import SETENV_SH, by_hand, edit, imported, put

NODES = ("om1", "om2", "om3")
LINES = 4
"""Lines of the nodes' setenv.sh."""


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


def add(trees: Path, text: str) -> None:
    """Append a line to each node's setenv.sh."""
    for node in NODES:
        place = trees / node / SETENV_SH
        place.write_text(f"{place.read_text()}{text}\n")


def options(found: Any) -> list[str]:
    return list(yaml.safe_load(found["spec"])["openmeetings"].get("java_options", []))


def left_out(found: Any) -> list[tuple[str, str, int]]:
    return [(d["node"], d["path"], d["line"]) for d in found["diagnostics"] if d["rule"] == "OM352"]


LANG = "java.base/java.lang=ALL-UNNAMED"


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (f"--add-opens {LANG}", f"--add-opens={LANG}"),
        (f"--add-opens={LANG}", f"--add-opens={LANG}"),
        (f"--add-opens \\\n  {LANG}", f"--add-opens={LANG}"),
        ("--add-modules java.se", "--add-modules=java.se"),
        ("-cp /opt/a.jar", "--class-path=/opt/a.jar"),
        ("-p /opt/modules", "--module-path=/opt/modules"),
    ],
)
def test_an_option_in_two_words_is_kept(trees: Path, words: str, option: str) -> None:
    add(trees, f'JAVA_OPTS="$JAVA_OPTS {words} -Xss4m"')
    done, found = imported(trees)
    assert options(found) == ["-Xmx2g", option, "-Xss4m"]
    assert done.code == 0, found["differences"]
    assert left_out(found) == []


@pytest.mark.parametrize(
    "option", ["@/opt/om/jvm.args", "-Da=\033b", "-Da=b\u2028c", "-Da=@omconf:x@", "-version"]
)
def test_one_option_that_no_spec_holds_is_left_out_alone(trees: Path, option: str) -> None:
    add(trees, f"JAVA_OPTS=\"$JAVA_OPTS '{option}' -Xss4m\"")
    _, found = imported(trees)
    assert options(found) == ["-Xmx2g", "-Xss4m"]
    assert left_out(found) == [(node, f"/{SETENV_SH}", LINES) for node in NODES]


def test_an_option_of_the_modules_that_tomcat_also_sets(trees: Path) -> None:
    add(trees, 'JAVA_OPTS="$JAVA_OPTS --add-opens=java.base/sun.nio.ch=ALL-UNNAMED"')
    for node in NODES:
        line = f'JDK_JAVA_OPTIONS="$JDK_JAVA_OPTIONS --add-opens={LANG}"'
        put(trees / node, "opt/open/bin/catalina.sh", f"{line}\nexport JDK_JAVA_OPTIONS\n")
    _, found = imported(trees)
    assert options(found) == ["-Xmx2g", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED"]


def test_an_empty_option_is_none(trees: Path) -> None:
    add(trees, "JAVA_OPTS=\"$JAVA_OPTS '' -Xss4m\"")
    _, found = imported(trees)
    assert options(found) == ["-Xmx2g", "-Xss4m"]


UNIT = "etc/systemd/system/openmeetings.service"
STARTUP = """\
#!/bin/sh
EXECUTABLE=catalina.sh
{}
exec /opt/open/bin/"$EXECUTABLE" start "$@"
"""
SET = 'JAVA_OPTS="$JAVA_OPTS -Xss4m -Done=1"; export JAVA_OPTS'


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("/opt/open/bin/startup.sh", "/opt/open/bin/startup.sh"),
        ("-/bin/bash /srv/scripts/om.sh", "/srv/scripts/om.sh"),
        ("/etc/init.d/openmeetings start", "/etc/init.d/openmeetings"),
    ],
)
def test_options_of_a_start_script_are_named(trees: Path, command: str, path: str) -> None:
    for node in NODES:
        edit(trees / node, UNIT, "(ExecStart=).*", rf"\1{command}")
        put(trees / node, path, STARTUP.format(SET))
    _, found = imported(trees)
    assert left_out(found) == [(node, path, 3) for node in NODES]
    assert options(found) == ["-Xmx2g"]


def test_a_start_script_without_options_is_not_named(trees: Path) -> None:
    for node in NODES:
        edit(trees / node, UNIT, "(ExecStart=).*", r"\1/opt/open/bin/startup.sh")
        put(trees / node, "opt/open/bin/startup.sh", STARTUP.format("# JAVA_OPTS=-Done=1"))
    _, found = imported(trees)
    assert left_out(found) == []


def test_a_script_that_does_not_start_openmeetings_is_not_named(trees: Path) -> None:
    for node in NODES:
        put(trees / node, "opt/open/bin/startup.sh", STARTUP.format(SET))
        put(trees / node, "etc/init.d/openmeetings", STARTUP.format(SET))
    _, found = imported(trees)
    assert left_out(found) == []


def test_options_of_an_init_script_are_named(trees: Path) -> None:
    for node in NODES:
        (trees / node / UNIT).unlink()
        starts = f'case "$1" in\nstart)\n  {SET}\n  /opt/open/bin/catalina.sh start ;;\nesac\n'
        put(trees / node, "etc/init.d/tomcat34", starts)
        put(trees / node, "etc/init.d/other", starts.replace("/opt/open", "/opt/other"))
    _, found = imported(trees)
    assert left_out(found) == [(node, "/etc/init.d/tomcat34", 3) for node in NODES]
