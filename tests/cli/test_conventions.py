"""What users of other tools expect of every command line: `-`, several files, --strict, colour."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from omconf.cli.app import COMMANDS
from omconf.releases import RELEASES
from omconf.rules import all_rules
from tests.command import EXAMPLES, ROOT, findings, omconf

SPEC = EXAMPLES / "clustering-page" / "cluster.yaml"
PASSWORD = {"OM_DB_PASSWORD": "not-a-real-password"}


def piped(
    *words: str | Path, spec: Path = SPEC, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run omconf with a spec on its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "omconf", *map(str, words)],
        input=spec.read_text(),
        cwd=cwd,
        env={**os.environ, **PASSWORD, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_spec_comes_from_standard_input(tmp_path: Path) -> None:
    assert piped("validate", "-").stdout == "- is valid: nodes: 2, OpenMeetings 9.1.0.\n"
    built = piped("build", "-", "-o", tmp_path / "bundles")
    assert (built.returncode, built.stderr) == (0, "")
    same = ["diff", "-r", str(tmp_path / "bundles"), str(SPEC.parent / "bundles")]
    assert subprocess.run(same, capture_output=True, check=False).stdout == b""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SPEC.read_text().replace("omconf: 1", "omconf: 7"))
    done = piped("validate", "-", spec=wrong)
    assert done.returncode == 1
    assert done.stderr.startswith("-:"), done.stderr


def _told(stdin: int) -> tuple[int, str]:
    command = [sys.executable, "-m", "omconf", "validate", "-"]
    done = subprocess.run(command, stdin=stdin, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stderr


def test_standard_input_may_be_a_socket_or_a_file_read_in_part(tmp_path: Path) -> None:
    first, second = socket.socketpair()
    with first, second:
        os.set_blocking(second.fileno(), False)
        first.sendall(SPEC.read_bytes())
        first.shutdown(socket.SHUT_WR)
        assert _told(second.fileno()) == (0, "")
    (tmp_path / "message").write_text("To: omconf\n\n" + SPEC.read_text())
    with (tmp_path / "message").open("rb", buffering=0) as opened:
        opened.seek(len("To: omconf\n\n"))
        assert _told(opened.fileno()) == (0, "")


def test_an_apply_of_standard_input_reads_it_once(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    host = ("--local", "om1", "--root", tree)
    done = piped("apply", "-", *host, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert piped("plan", "-", *host, "--detailed-exitcode").returncode == 0
    assert piped("undo", "-", *host, "--yes").returncode == 0
    assert piped("plan", "-", *host, "--detailed-exitcode").returncode == 2


def test_a_plan_of_standard_input_is_not_saved(tmp_path: Path) -> None:
    """An apply of the saved plan would have no spec to read again."""
    out = tmp_path / "plan"
    done = piped("plan", "-", "--local", "om1", "--root", tmp_path, "--out", out)
    assert (done.returncode, done.stdout, findings(done.stderr)) == (1, "", [])
    assert "--out" in done.stderr
    assert not out.exists()


def test_init_prints_to_standard_output() -> None:
    assert omconf("init", "-").out.startswith("# An OpenMeetings cluster.")


def test_several_specs_are_validated_at_once(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("omconf: 1\n")
    done = omconf("validate", SPEC, wrong)
    assert (done.code, done.out) == (1, f"{SPEC} is valid: nodes: 2, OpenMeetings 9.1.0.\n")
    assert done.err.startswith(f"{wrong}:")
    found = json.loads(omconf("validate", wrong, SPEC, wrong, "--format", "json").out)
    alone = json.loads(omconf("validate", wrong, "--format", "json").out)
    assert found["valid"] is False
    assert found["diagnostics"] == alone["diagnostics"] * 2


def test_where_no_spec_is_named_one_with_another_name_is_found(tmp_path: Path) -> None:
    data = SPEC.read_bytes()
    (tmp_path / "b.omconf.yaml").write_bytes(data)
    assert omconf("validate", cwd=tmp_path).out.startswith("b.omconf.yaml is valid")
    named = omconf("validate", "cluster.yaml", cwd=tmp_path)
    assert (named.code, named.rules) == (1, ["OM100"])
    assert "hint: Name b.omconf.yaml, which exists, or rename it to cluster.yaml." in named.err
    built = omconf("build", "-o", "out", cwd=tmp_path)
    assert built.code == 0
    (tmp_path / "out/om2/blocks/etc/fstab").unlink()
    stale = omconf("build", "-o", "out", "--check", cwd=tmp_path)
    assert "omconf build b.omconf.yaml -o out" in stale.out + stale.err
    (tmp_path / "omconf.yaml").write_bytes(data)
    done = omconf("validate", cwd=tmp_path)
    assert (done.code, done.rules) == (1, ["OM100"])
    (tmp_path / "cluster.yaml").write_bytes(data)
    assert omconf("validate", cwd=tmp_path).out.startswith("cluster.yaml is valid")


def test_a_spec_with_the_other_suffix_of_yaml_is_named(tmp_path: Path) -> None:
    missing = omconf("validate", "a.omconf.yml", cwd=tmp_path).err
    assert "hint: `omconf init` writes a spec to start from." in missing
    (tmp_path / "cluster.yml").write_bytes(SPEC.read_bytes())
    (tmp_path / "a.omconf.yaml").mkdir()
    told = omconf("validate", "cluster.yaml", cwd=tmp_path).err
    assert "hint: Name cluster.yml, which exists, or rename it to cluster.yaml." in told
    assert "Name a.omconf.yaml, which" in omconf("validate", "a.omconf.yml", cwd=tmp_path).err


def test_of_several_specs_the_one_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(SPEC.read_bytes())
    for form in ("json", "codequality"):
        done = omconf("validate", "a.yaml", "no.yaml", "--format", form, cwd=tmp_path)
        found = json.loads(done.out)
        places = found["diagnostics"] if form == "json" else [f["location"] for f in found]
        assert [place["path"] for place in places] == ["no.yaml"]


def test_strict_counts_warnings_as_errors(tmp_path: Path) -> None:
    spec = tmp_path / "cluster.yaml"
    spec.write_text(SPEC.read_text().replace("database:\n", "database:\n  max_connections: 50\n"))
    assert omconf("validate", spec).code == 0
    assert "warning[OM215]" in omconf("validate", spec).err
    done = omconf("validate", spec, "--strict")
    assert (done.code, done.out) == (1, "")
    assert "error[OM215]" in done.err
    assert omconf("build", spec, "-o", tmp_path / "bundles", "--strict").code == 1
    assert not (tmp_path / "bundles").exists()
    plan = ("plan", spec, "--local", "om1", "--root", tmp_path)
    assert omconf(*plan, env=PASSWORD).code == 0
    done = omconf(*plan, "--strict", "--json", env=PASSWORD)
    (found,) = [d for d in json.loads(done.out)["diagnostics"] if d["rule"] == "OM215"]
    assert (done.code, found["severity"]) == (1, "error")


def test_lists_come_as_json() -> None:
    rules = json.loads(omconf("rules", "--json").out)["rules"]
    assert [rule["id"] for rule in rules] == list(all_rules())
    releases = json.loads(omconf("releases", "--json").out)["releases"]
    assert [release["release"] for release in releases] == list(RELEASES)
    assert releases[-1]["hazelcast"] is None, "it was not read"
    assert omconf("releases", "--json", "--read", ".").code == 1


@pytest.mark.parametrize(
    ("environment", "terminal", "coloured"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
    ],
)
def test_colour_follows_terminal_and_environment(
    environment: dict[str, str], terminal: bool, coloured: bool
) -> None:
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    ours, theirs = pty.openpty() if terminal else os.pipe()
    process = subprocess.run(
        [sys.executable, "-m", "omconf", "validate", "nowhere.yaml"],
        cwd=ROOT,
        env={**plain, "TERM": "xterm", **environment},
        stderr=theirs,
        check=False,
    )
    shown = os.read(ours, 10_000)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 1
    assert (b"\x1b[" in shown) == coloured


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_option_against_colour(command: str) -> None:
    assert "--no-color" in omconf(command, "--help").out


@pytest.mark.parametrize(
    ("line", "coloured"),
    [
        ("--no-color no-such", False),
        ("validate --no-color --no-such", False),
        ("validate --no-such --no-color", False),
        ("build --no-color", False),
        ("rules --no-color --json=x", False),
        ("completion --no-color ksh", False),
        ("init --no-color /", False),
        ("build", True),
        ("show a b -- --no-color", True),
    ],
)
def test_a_wrong_command_line_is_coloured_unless_it_says_not_to_be(
    line: str, coloured: bool
) -> None:
    done = omconf(*line.split(), env={"FORCE_COLOR": "1", "NO_COLOR": ""})
    assert done.code == 1
    assert ("\x1b[" in done.err) == coloured
