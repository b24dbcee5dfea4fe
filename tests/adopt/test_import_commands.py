"""What `omconf import` says of its command line, of places in the spec, and of what is next."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.adopt import others
from tests.adopt.trees import CLASSES, by_hand, edit, imported
from tests.command import omconf

NODES = ("om1", "om2", "om3")
HAZELCAST = f"opt/open/{CLASSES}/hazelcast.xml"


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


@pytest.mark.parametrize("words", ["", "--deployed x --local y", "--ssh --local y"])
def test_without_one_source_the_ways_are_listed(words: str) -> None:
    done = omconf("import", *words.split())
    assert done.code == 1
    assert done.findings == [("OM304", "")]
    commands = [line for line in done.err.splitlines() if line.startswith("    omconf import --")]
    assert len(commands) == 3
    done = omconf("import", *words.split(), "--json")
    assert (done.code, done.err) == (1, "")
    found = json.loads(done.out)
    assert [d["rule"] for d in found["diagnostics"]] == ["OM304"]
    assert not found["complete"]


def test_a_question_ends_a_message() -> None:
    done = omconf("import", "--deployed", "x", "--release", "7.2")
    assert "Did you mean 7.2.0?\n" in done.err


@pytest.mark.parametrize("words", ["import --local", "plan --local", "verify --timeout"])
def test_an_option_without_its_value_names_its_commands_help(words: str) -> None:
    done = omconf(*words.split())
    assert f"hint: See `omconf {words.split(maxsplit=1)[0]} --help`." in done.err


def test_the_help_of_a_word_that_is_no_command_is_omconfs() -> None:
    assert "See `omconf --help`." in omconf("nope", "--local").err


def _places(said: str, file: str) -> list[tuple[int, str]]:
    """The lines that findings name, each with what they quote of it."""
    found = re.findall(rf"^{re.escape(file)}:(\d+):.*\n +(\d+) \| (.*)$", said, re.MULTILINE)
    return [(int(line), text) for line, number, text in found if line == number]


@pytest.mark.parametrize("written", [True, False])
def test_findings_name_lines_of_the_spec_as_it_is_handed_over(
    trees: Path, tmp_path: Path, written: bool
) -> None:
    (trees / "om3").rename(trees / "third")  # one more line in the head
    spec = tmp_path / "cluster.yaml"
    options = [f"--output={spec}"] if written else []
    done = omconf("import", "--deployed", trees, *options)
    lines = (spec.read_text() if written else done.out).split("\n")
    places = _places(done.err, str(spec) if written else "<stdout>")
    assert places
    assert [text for _, text in places] == [lines[line - 1] for line, _ in places]
    assert written or "cluster.yaml:" not in done.err


def test_each_value_of_an_account_names_its_own_line(tmp_path: Path) -> None:
    others.mysql_over_tls_and_a_windows_share(tmp_path)
    out = omconf("import", "--deployed", tmp_path).out
    for line, key in ((1, "user"), (2, "password"), (3, "domain")):
        assert re.search(rf"  {key}: .* # conf-a: /root/.smb-om:{line}\n", out), out


def test_a_node_that_the_spec_has_is_not_added_again(trees: Path, tmp_path: Path) -> None:
    spec = tmp_path / "cluster.yaml"
    assert omconf("import", "--deployed", trees, "-o", spec).code == 0
    text = spec.read_text()
    into = ("import", "--deployed", trees, "--into", spec)
    named = [f"--name={node}=web{number}" for number, node in enumerate(NODES)]
    for options, refused in (
        ([], 3),
        (named, 3),
        (["--node=om2", "--name=om2=web2"], 1),
        (["--node=om2", "--name=om2=om1"], 1),
    ):
        done = omconf(*into, *options)
        assert (done.code, done.findings) == (1, [("OM350", "")] * refused)
    assert spec.read_text() == text


def test_a_name_that_another_node_has_is_not_given(trees: Path) -> None:
    done = omconf("import", "--deployed", trees, "--name", "om1=om2")
    assert done.code == 1
    assert done.findings == [("OM350", "")]
    assert "--name om2=NAME\n" in done.err
    done = omconf("import", "--deployed", trees, "--name", "om1=a", "--name", "om1=b")
    assert (done.code, done.out, done.findings) == (1, "", [])
    _, found = imported(trees, "--name", "om1=om2", "--name", "om2=om1")
    assert found["nodes"] == ["om1", "om2", "om3"]
    head = found["spec"].splitlines()[1:3]
    assert set(head) == {"# om1 was called `om2` before.", "# om2 was called `om1` before."}
    done, found = imported(trees, "--name", "om1=om2", "--node", "om1")
    assert found["nodes"] == ["om2"]


@pytest.mark.parametrize("set_now", ["pa55-postgresql", "other", None])
def test_secrets_are_to_be_set_only_where_they_are_not(trees: Path, set_now: str | None) -> None:
    env = {} if set_now is None else {"OM_DB_PASSWORD": set_now}
    said = omconf("import", "--deployed", trees, env=env).err
    steps = said.partition("Next:\n")[2].splitlines()
    assert len(steps) == (2 if set_now == "pa55-postgresql" else 3)


def test_the_next_commands_quote_the_path(trees: Path, tmp_path: Path) -> None:
    spec = tmp_path / "my cluster.yaml"
    done = omconf("import", "--deployed", trees, "-o", spec)
    steps = done.out.partition("Next:\n")[2].splitlines()
    commands = [shlex.split(line.split(" ...")[0]) for line in steps if " ..." in line]
    assert commands == [["omconf", verb, str(spec)] for verb in ("plan", "apply")]


def test_several_nodes_with_one_name_have_it(trees: Path) -> None:
    for node in ("om2", "om3"):
        edit(trees / node, HAZELCAST, f">{node}<", ">om1<")
    found = imported(trees)[1]["diagnostics"]
    assert {d["node"] for d in found if d["rule"] == "OM313"} == {"om2", "om3"}


def test_a_spec_that_is_not_there_is_one_error(trees: Path, tmp_path: Path) -> None:
    done = omconf("import", "--deployed", trees, "--into", tmp_path / "nope.yaml")
    assert done.code == 1
    assert done.findings == [("OM100", str(tmp_path / "nope.yaml"))]


def test_a_place_that_cannot_be_written_is_reported_before_nodes_are_read(tmp_path: Path) -> None:
    done = omconf("import", "--deployed", tmp_path / "no", "-o", tmp_path / "nope" / "x.yaml")
    assert done.code == 1
    assert done.findings == [("OM111", "")]
    for path in ("x" * 300, f"{'x' * 300}/x.yaml"):
        done = omconf("import", "--deployed", tmp_path / "no", "-o", tmp_path / path)
        assert (done.code, done.findings) == (1, [("OM111", "")])
    done, found = imported(tmp_path / "no", "-o", tmp_path)
    assert (done.code, done.err) == (1, "")
    assert [d["rule"] for d in found["diagnostics"]] == ["OM111"]


def test_a_plan_names_folders_that_are_called_otherwise_than_the_nodes(
    trees: Path, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        (trees / f"om{number}").rename(trees / f"OM{number}")
    spec = tmp_path / "cluster.yaml"
    assert omconf("import", "--deployed", trees, "-o", spec).code == 0
    env = {"OM_DB_PASSWORD": "pa55-postgresql"}
    plan = ("plan", spec, "--deployed", trees)
    planned = omconf(*plan, "--json", env=env)
    (hint,) = [d["hint"] for d in json.loads(planned.out)["diagnostics"] if d["rule"] == "OM305"]
    assert re.findall(r"om\d", hint, re.IGNORECASE) == [*NODES, "OM1", "OM2", "OM3"]
    for number in (1, 2, 3):
        (trees / f"OM{number}").rename(trees / f"om{number}")
    assert "OM305" not in omconf(*plan, env=env).rules


def test_a_dash_is_standard_output(trees: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trees.parent)
    printed = omconf("import", "--deployed", trees)
    done = omconf("import", "--deployed", trees, "-o", "-")
    assert (done.code, done.out, done.err) == (0, printed.out, printed.err)
    assert not Path("-").exists()
    done = omconf("import", "--deployed", trees, "--into", "-")
    assert done.code != 0
    assert "--into takes the file of a spec" in done.err
