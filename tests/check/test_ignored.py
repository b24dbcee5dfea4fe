"""`ignore:`: a warning that is known is not said, an error is, and a pointless ignore is a warning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import ROOT, omconf

SPEC = """\
omconf: 1
cluster: conference
openmeetings: {release: "9.1.0"}
database:
  kind: postgresql
  host: 10.1.1.10
  user: openmeetings
  password: {env: OM_DB_PASSWORD}
storage: {kind: mounted}
nodes:
  om1: {address: 10.1.1.1, url: "http://om1.example.org/openmeetings"}
  om2:
    address: 10.1.1.2
    url: "http://om2.example.org/openmeetings"
"""


def found(tmp_path: Path, ignore: str) -> list[tuple[str, int]]:
    (tmp_path / "cluster.yaml").write_text(SPEC + ignore)
    result = omconf("validate", tmp_path / "cluster.yaml", "--format", "json")
    return [(d["rule"], d["line"]) for d in json.loads(result.out)["diagnostics"]]


@pytest.mark.parametrize(
    ("ignore", "wanted"),
    [
        ("", [("OM206", 11), ("OM206", 14)]),
        ("ignore: [{rule: OM206, why: a proxy}]\n", []),
        ("ignore: [{rule: OM206, node: om1, why: x}]\n", [("OM206", 14)]),
        ("ignore: [{rule: OM206, node: om2, why: x}]\n", [("OM206", 11)]),
        (
            "ignore: [{rule: OM206, path: /etc/exports, why: x}]\n",
            [("OM206", 11), ("OM206", 14), ("OM112", 15)],
        ),
        ("ignore: [{rule: OM204, why: x}]\n", [("OM206", 11), ("OM206", 14), ("OM112", 15)]),
        # What is deployed is not known here.
        ("ignore: [{rule: OM323, why: x}]\n", [("OM206", 11), ("OM206", 14)]),
    ],
)
def test_ignore(tmp_path: Path, ignore: str, wanted: list[tuple[str, int]]) -> None:
    assert found(tmp_path, ignore) == wanted


def test_a_finding_of_no_node_is_not_ignored_for_one(tmp_path: Path) -> None:
    spec = SPEC + "discovery: {group: 224.0.0.1}\nignore: [{rule: OM221, node: om1, why: x}]\n"
    (tmp_path / "cluster.yaml").write_text(spec)
    done = omconf("validate", tmp_path / "cluster.yaml")
    assert done.rules == ["OM206", "OM206", "OM221", "OM112"]


def test_the_finding_at_a_nodes_name_is_the_nodes(tmp_path: Path) -> None:
    spec = SPEC.partition("  om2:")[0].replace("http:", "https:")
    (tmp_path / "cluster.yaml").write_text(spec + "ignore: [{rule: OM204, node: om1, why: x}]\n")
    assert omconf("validate", tmp_path / "cluster.yaml").err == ""


def test_an_error_is_not_ignored(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(
        SPEC.replace("10.1.1.2", "10.1.1.1") + "ignore: [{rule: OM201, why: x}]\n"
    )
    result = omconf("validate", tmp_path / "cluster.yaml")
    assert (result.code, {*result.rules}) == (1, {"OM201", "OM206", "OM112"})


@pytest.mark.parametrize(
    ("ignore", "said", "hint"),
    [
        ("rule: OM201", "`OM201` is an error in this spec.", "Only warnings can be ignored."),
        ("rule: OM204", "There is no `OM204` to ignore.", "Remove it."),
        (
            "rule: OM221, node: om1",
            "There is an `OM221`, but not for `om1`.",
            "Remove `node`, or name another node.",
        ),
        (
            "rule: OM221, path: /etc/exports",
            "There is an `OM221`, but not for `/etc/exports`.",
            "Remove `path`.",
        ),
        (
            "rule: OM206, node: om1, path: /etc/exports",
            "There is an `OM206`, but not for `/etc/exports`.",
            "Remove `path`.",
        ),
    ],
)
def test_what_an_entry_that_matches_nothing_is_told(
    tmp_path: Path, ignore: str, said: str, hint: str
) -> None:
    spec = SPEC.replace("10.1.1.2", "10.1.1.1") + "discovery: {group: 224.0.0.1}\n"
    (tmp_path / "cluster.yaml").write_text(f"{spec}ignore: [{{{ignore}, why: x}}]\n")
    told = json.loads(omconf("validate", "--format", "json", cwd=tmp_path).out)["diagnostics"]
    (found,) = (d for d in told if d["rule"] == "OM112")
    assert (found["message"], found["hint"]) == (said, hint)


def test_findings_about_deployed_files(tmp_path: Path) -> None:
    case = ROOT / "tests/cases/media-server"
    spec = (case / "cluster.yaml").read_text()
    (tmp_path / "hazelcast-extra.xml").write_bytes((case / "hazelcast-extra.xml").read_bytes())

    def rules(ignore: str) -> list[str]:
        (tmp_path / "cluster.yaml").write_text(spec + ignore)
        result = omconf("plan", tmp_path / "cluster.yaml", "--deployed", case / "deployed")
        assert result.code == 0, result.err
        return [rule for rule in result.rules if rule in ("OM112", "OM323")]

    assert rules("") == ["OM323"]
    assert rules("ignore: [{rule: OM323, node: om1, why: known}]\n") == []
    assert rules("ignore: [{rule: OM323, path: /opt/om/bin/setenv.sh, why: known}]\n") == []
    assert sorted(rules("ignore: [{rule: OM323, node: om2, why: known}]\n")) == ["OM112", "OM323"]
