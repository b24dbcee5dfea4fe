"""The environment that systemd itself gives services, over generated units with drop-ins.

`systemd --test` loads the units of a folder and says what it made of them, without being the init.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from omconf.formats.tomcat import in_order
from omconf.formats.unit_file import Environment, assignments
from tests.needs import needs, program

UNITS = 300
NOBODY = 65534
WORDS = (
    *("A=1", "JAVA_OPTS=-Da=1", '"JAVA_OPTS=-Da=1 -Db=[B,c"', "'B=x y'", "-Dc=2", '"B=\\"q\\""'),
    *("A=%%", r"A=\x41b", r'"B=a\tb"', "B='x'y", 'A="', "é=1", "_9=é", "1A=2", "A", '""', "B=a=b"),
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that nobody may read, as pytest's own are not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def _file(random: Random) -> str:
    lines = ["[Service]"]
    for _ in range(random.randint(1, 5)):
        key = random.choice(["Environment"] * 6 + ["UnsetEnvironment", "# Environment", "Other"])
        words = " ".join(random.choice(WORDS) for _ in range(random.randint(0, 3)))
        if random.random() < 0.2:
            words = words.replace(" ", random.choice([" \\\n ", "\\\n", "\\\n# c\n"]), 1)
        lines.append(f"{key}{random.choice(['=', ' = '])}{words}")
    return "\n".join(lines) + random.choice(["\n", ""])


def _systemd(folder: Path, units: int = UNITS) -> str:
    """What systemd says of all units of a folder, as a user that has no rights."""
    for name in ("basic", "sysinit", "shutdown"):
        (folder / f"{name}.target").write_text("[Unit]\n")
    every = " ".join(f"u{number}.service" for number in range(units))
    (folder / "all.target").write_text(f"[Unit]\nRequires={every}\n")
    done = subprocess.run(
        [program("systemd"), "--test", "--system", "--unit=all.target"],
        capture_output=True,
        text=True,
        cwd="/",
        env={"SYSTEMD_UNIT_PATH": str(folder), "PATH": "/usr/bin:/bin"},
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        timeout=60,
    )
    return done.stdout


@needs("systemd", "root")
def test_systemd_gives_the_same_environment(folder: Path) -> None:
    random = Random(11)
    texts: dict[str, dict[str, str]] = {}
    for number in range(UNITS):
        unit = f"u{number}.service"
        files = {unit: f"{_file(random)}\n[Service]\nExecStart=/bin/true\n"}
        for name in random.sample(["a", "b", "omconf"], random.randint(0, 2)):
            files[f"{unit}.d/{name}.conf"] = _file(random)
        for path, text in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
        texts[unit] = dict(sorted(files.items()))
    told = _systemd(folder)
    compared = 0
    for unit, files in texts.items():
        part = told.partition(f"-> Unit {unit}:")[2].partition("-> Unit ")[0]
        given = dict(re.findall(r"^\t+Environment: ([^=\n]+)=(.*)$", part, re.MULTILINE))
        removed = re.findall(r"^\t+UnsetEnvironment: (.*)$", part, re.MULTILINE)
        assert "ExecStart" in files[unit]
        values = {n: v for n, (v, *_) in Environment.of(files).values.items()}
        for word in removed:
            name, equals, value = word.partition("=")
            if not equals or given.get(name) == value:
                given.pop(name, None)
        assert values == given, files
        compared += bool(given)
    assert compared > UNITS / 2


@needs("systemd", "root")
def test_systemd_takes_drop_ins_of_all_services_in_the_same_order(folder: Path) -> None:
    files = {
        "u0.service": "[Service]\nExecStart=/bin/true\nEnvironment=A=unit B=unit C=unit D=unit\n",
        "u0.service.d/b.conf": "[Service]\nEnvironment=A=b B=b\n",
        "u0.service.d/d.conf": "[Service]\nEnvironment=C=d\n",
        "service.d/a.conf": "[Service]\nEnvironment=A=all B=all D=all\n",
        "service.d/b.conf": "[Service]\nEnvironment=A=all C=all E=all\n",
        "service.d/e.conf": "[Service]\nEnvironment=B=all\n",
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    told = _systemd(folder, 1).partition("-> Unit u0.service:")[2].partition("-> Unit ")[0]
    given = dict(re.findall(r"^\t+Environment: ([^=\n]+)=(.*)$", told, re.MULTILINE))
    ordered = in_order({f"/etc/systemd/system/{path}": text for path, text in files.items()})
    assert {name: value for name, (value, *_) in Environment.of(ordered).values.items()} == given
    assert given == {"A": "b", "B": "all", "C": "d", "D": "all"}


GENERATOR = "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator"
"""Prints what is in `~/.config/environment.d/*.conf`, which systemd reads as an EnvironmentFile."""
PIECES = (
    *('"', "'", "\\", "\\\n", "\n", " ", "\t", "-Da=1", "a", "B=b", "\nB=b", '\nB="y', "x#", "x; "),
    *('\\"', "\\a", "`", "=", " \n", "é", "\n# c\nB=x"),
)
CODES = {"n": "\n", "t": "\t"}


@needs("systemd")
def test_systemd_reads_the_same_variables_in_a_file(tmp_path: Path) -> None:
    random = Random(7)
    folder = tmp_path / "environment.d"
    folder.mkdir()
    for _ in range(UNITS):
        quote = random.choice(("", '"', "'"))
        text = f"A={quote}x{''.join(random.choices(PIECES, k=6))}"
        (folder / "a.conf").write_text(text)
        done = subprocess.run(
            [GENERATOR], env={"XDG_CONFIG_HOME": str(tmp_path)}, capture_output=True, text=True
        )
        given = {
            name: re.sub(r"\\(.)", lambda code: CODES.get(code[1], code[1]), value)
            for name, value in re.findall(r'^([AB])="?(.*?)"?$', done.stdout, re.MULTILINE)
        }
        read = {name: value for name, (value, *_) in assignments(text, "").items()}
        assert {name: read[name] for name in read if name in ("A", "B")} == given, text
