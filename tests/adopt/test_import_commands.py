"""What `omconf import` says of its command line, of places in the spec, and of what is next."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.adopt import others
from tests.adopt.trees import CLASSES, by_hand, edit, imported
from tests.command import omconf

HAZELCAST = f"opt/open/{CLASSES}/hazelcast.xml"


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


@pytest.mark.parametrize("words", ["", "--deployed x --local y", "--ssh --local y"])
def test_without_one_source_the_ways_are_listed(words: str) -> None:
    done = omconf("import", *words.split())
    assert done.code == 1
    assert "error[OM304]: An import " in done.err
    assert "\n    omconf import --local om1" in done.err
    assert "\\n" not in done.err


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
    done = omconf("import", "--deployed", trees, "--into", spec)
    assert done.code == 1
    told = [line for line in done.err.splitlines() if not line.startswith("  ")]
    assert told == [f"error[OM350]: `om{number}` is in the spec already." for number in (1, 2, 3)]
    named = [f"--name=om{number}=web{number}" for number in (1, 2, 3)]
    for options in (named, ["--node=om2", "--name=om2=web2"]):
        done = omconf("import", "--deployed", trees, "--into", spec, *options)
        assert "`om2` is in the spec already: `om2` has its address." in done.err
        assert f"{spec}:" not in done.err
    done = omconf("import", "--deployed", trees, "--into", spec, "--node=om2", "--name=om2=om1")
    assert "error[OM350]: `om1` is in the spec already." in done.err
    assert spec.read_text() == text


def test_a_name_that_another_node_has_is_not_given(trees: Path) -> None:
    done = omconf("import", "--deployed", trees, "--name", "om1=om2")
    assert done.code == 1
    assert "--name gives `om1` the name `om2`, which `om2` has." in done.err
    assert "--name om2=NAME" in done.err
    done = omconf("import", "--deployed", trees, "--name", "om1=a", "--name", "om1=b")
    assert "--name gives two names to the node `om1`." in done.err
    _, found = imported(trees, "--name", "om1=om2", "--name", "om2=om1")
    assert found["nodes"] == ["om1", "om2", "om3"]
    assert "# om1 was called `om2` before." in found["spec"]
    done, found = imported(trees, "--name", "om1=om2", "--node", "om1")
    assert found["nodes"] == ["om2"]


@pytest.mark.parametrize("set_now", ["pa55-postgresql", "other", None])
def test_secrets_are_to_be_set_only_where_they_are_not(trees: Path, set_now: str | None) -> None:
    env = {} if set_now is None else {"OM_DB_PASSWORD": set_now}
    said = omconf("import", "--deployed", trees, env=env).err
    assert "Next:" in said
    assert ("set the secrets above" in said) is (set_now != "pa55-postgresql")


def test_several_nodes_with_one_name_have_it(trees: Path) -> None:
    for node in ("om2", "om3"):
        edit(trees / node, HAZELCAST, f">{node}<", ">om1<")
    found = imported(trees)[1]["diagnostics"]
    said = {d["message"] for d in found if d["rule"] == "OM313"}
    assert any(m.startswith("om2, om1 have the same instance-name, `om1`:") for m in said), said


def test_a_spec_that_is_not_there_is_one_error(trees: Path, tmp_path: Path) -> None:
    done = omconf("import", "--deployed", trees, "--into", tmp_path / "nope.yaml")
    assert done.code == 1
    assert re.findall(r"^error\[(\w+)\]", done.err, re.MULTILINE) == ["OM100"]


def test_a_place_that_cannot_be_written_is_reported_before_nodes_are_read(tmp_path: Path) -> None:
    done = omconf("import", "--deployed", tmp_path / "no", "-o", tmp_path / "nope" / "x.yaml")
    assert done.code == 1
    assert re.findall(r"^error\[(\w+)\]", done.err, re.MULTILINE) == ["OM111"]
    assert "is not written: there is no folder " in done.err


def test_a_plan_names_folders_that_are_called_otherwise_than_the_nodes(
    trees: Path, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        (trees / f"om{number}").rename(trees / f"OM{number}")
    spec = tmp_path / "cluster.yaml"
    assert omconf("import", "--deployed", trees, "-o", spec).code == 0
    env = {"OM_DB_PASSWORD": "pa55-postgresql"}
    said = omconf("plan", spec, "--deployed", trees, env=env).err
    assert "OM305" in said
    assert "after its node (om1, om2, om3): they are named OM1, OM2, OM3." in said
    for number in (1, 2, 3):
        (trees / f"OM{number}").rename(trees / f"om{number}")
    assert "OM305" not in omconf("plan", spec, "--deployed", trees, env=env).err
