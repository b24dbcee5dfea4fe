"""setenv.sh, run by the catalina.sh of the releases' Tomcats with a java that records its arguments."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from omconf.artifacts.setenv import KIND
from omconf.formats import setenv
from omconf.formats.shell_variables import Script
from tests.clusters import simple
from tests.needs import fixture_needs, needs
from tests.real import written
from tests.real.agreement import Agreement
from tests.real.programs import JAVA

TOMCATS = ("9.0.37", "9.0.84", "11.0.2", "11.0.18")
SHELLS = (["dash"], ["bash"], ["busybox", "sh"])
RECORD = """#!/bin/sh
printf '%s\\0' "$@" >"${0%/*}/arguments"
"""
ENDS = ["org.apache.catalina.startup.Bootstrap", "start"]

pytestmark = needs("dash", "bash", "busybox")


@dataclass(frozen=True)
class Started:
    """What java got of a setenv.sh, besides what Tomcat always gives it."""

    options: list[str]
    tomcat: bool
    """Whether it was to start Tomcat."""
    said: str


Start = Callable[..., Started]


@pytest.fixture
@fixture_needs("jars")
def start(tmp_path: Path) -> Start:
    """Run catalina.sh in an empty folder; which Tomcat and which shell take turns."""
    java = tmp_path / "jdk/bin/java"
    java.parent.mkdir(parents=True)
    java.write_text(RECORD)
    java.chmod(0o755)
    arguments = java.with_name("arguments")
    (tmp_path / "empty").mkdir()
    homes = []
    for version in TOMCATS:
        home = tmp_path / version
        shutil.copytree(JAVA / f"lib/tomcat/apache-tomcat-{version}", home)
        (home / "bin/bootstrap.jar").touch()
        (home / "temp").mkdir()
        homes.append(home)

    def run(number: int, text: str, **environment: str) -> tuple[list[str], str]:
        home = homes[number % len(homes)]
        (home / "bin/setenv.sh").write_text(text)
        arguments.unlink(missing_ok=True)
        done = subprocess.run(
            [*SHELLS[number % len(SHELLS)], home / "bin/catalina.sh", "run"],
            cwd=tmp_path / "empty",
            env={
                "PATH": "/usr/bin:/bin",
                "JAVA_HOME": str(tmp_path / "jdk"),
                "CATALINA_HOME": str(home),
                **environment,
            },
            capture_output=True,
            text=True,
        )
        got = arguments.read_text().split("\0")[:-1] if arguments.exists() else []
        return ([] if done.returncode else got), done.stderr

    always = [run(number, "")[0] for number in range(len(TOMCATS))]
    assert all(got[-2:] == ENDS for got in always)

    def started(number: int, text: str, **environment: str) -> Started:
        got, said = run(number, text, **environment)
        usual = always[number % len(TOMCATS)]
        return Started([word for word in got if word not in usual], got[-2:] == ENDS, said)

    return started


def test_catalina(start: Start) -> None:
    """java gets the options that omconf reads, in that order, or Tomcat does not start."""
    agreement = Agreement(
        "catalina.sh",
        "Tomcat 9.0.37 to 11.0.18, in dash, bash and BusyBox",
        "`setenv.sh` files",
        {
            "unknown": "Not compared: an option keeps a `$` for the second evaluation or names a"
            " variable of the node's; omconf shows it as not known.",
            "open": "A quote opened in JAVA_OPTS and closed in CATALINA_OPTS: Tomcat starts, with all"
            " between them as one option; omconf reports OM301.",
        },
    )
    random = Random(12)
    for number in range(1000):
        text = written.setenv(random, more=number % 2 == 0)
        found, mistakes = setenv.options(text), setenv.mistakes(text)
        if not all(option.known for option in found):
            agreement.count(False, "unknown")
            continue
        got = start(number, text)
        ours = [option.text for option in found]
        same = got.tomcat != bool(mistakes) and (not got.tomcat or got.options == ours)
        opened = len(mistakes) == 2 and {mistake.char for mistake in mistakes} <= {"'", '"'}
        agreement.count(same, "open" if opened else "", text, got, ours, mistakes)
    agreement.hold()


def test_options_of_the_environment_count_as_the_file_keeps_them(start: Start) -> None:
    random = Random(5)
    given = {"JAVA_OPTS": " -Done ", "CATALINA_OPTS": " -Dtwo "}
    compared = 0
    for number in range(150):
        text = written.setenv(random)
        environment = {name: (value, "", 0) for name, value in given.items()}
        found = setenv.evaluated([Script(text)], environment)
        if setenv.mistakes(text) or not all(option.known for option in found):
            continue
        got = start(number, text, **given)
        compared += got.tomcat
        assert not got.tomcat or got.options == [option.text for option in found], text
    assert compared > 100


def test_options_of_the_environment_come_before_those_of_a_file_that_keeps_them(
    start: Start,
) -> None:
    text = 'JAVA_OPTS="$JAVA_OPTS -Da=1"\nCATALINA_OPTS="-Db=1"\n'
    for number in range(len(TOMCATS)):
        got = start(number, text, JAVA_OPTS="-Done", CATALINA_OPTS="-Dtwo")
        assert got.options == ["-Done", "-Da=1", "-Db=1"]
        assert start(number, "", CATALINA_OPTS="-Dtwo").options == ["-Dtwo"]


def test_what_branches_set(start: Start) -> None:
    """What is sure is what java gets, in that order; what is not sure may be missing."""
    random = Random(8)
    unsure = 0
    for number in range(400):
        text = written.branches(random)
        found = setenv.options(text)
        got = start(number, text)
        assert got.tomcat, (text, got.said)
        sure = [option.text for option in found if option.known]
        unsure += len(sure) < len(found)
        rest = iter(got.options)
        assert all(option in rest for option in sure), (text, got.options, found)
        may = [option.text for option in found]
        assert all(option in may for option in got.options), (text, got.options, found)
    assert 100 < unsure < 300


HARD = ["-Xmx64m", "-Da=b c", "-Dq='\"\\$x`y", "-Dstar=*", "-Dp=a|b;c&d"]


def test_the_blocks_options_come_last_of_java_opts(start: Start) -> None:
    cluster = simple(openmeetings={"java_options": HARD})
    (artifact,) = KIND.render(cluster, cluster.nodes[0])
    block = [
        f"{entry.key}={entry.value}" if entry.value != "set" else entry.key
        for entry in KIND.entries(artifact.text)[0]
    ]
    random = Random(6)
    compared = 0
    for number in range(100):
        text = written.setenv(random)
        found = setenv.options(text)
        if setenv.mistakes(text) or not all(option.known for option in found):
            continue
        compared += 1
        got = start(number, text + artifact.text)
        assert got.tomcat, got.said
        at = got.options.index(block[0])
        assert got.options[at : at + len(block)] == block
        # Behind them are the options of CATALINA_OPTS alone.
        first = setenv.options(f"{text}\nCATALINA_OPTS=\n")
        assert got.options[:at] == [option.text for option in first], text
        rest = got.options[:at] + got.options[at + len(block) :]
        assert rest == [option.text for option in found], text
    assert compared > 50
