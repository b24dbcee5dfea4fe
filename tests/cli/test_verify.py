"""`omconf verify` as a user types it, where no node is there to answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from omconf.formats.node_check import Check, Status
from omconf.verify.model import Members, NodeReport, Verification
from omconf.views import document, text
from tests.command import EXAMPLES, ROOT, omconf

SPEC = EXAMPLES / "clustering-page" / "cluster.yaml"
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "schemas/verify.schema.json").read_text())
)
FOUND = Verification(
    "conference",
    "ssh",
    (
        NodeReport("om1", (Check(Status.OK, "files", "fine"),), Members(("om2",), (), ())),
        NodeReport(
            "om2",
            (
                Check(Status.OK, "files", "fine"),
                Check(Status.FAIL, "health", "\x1b[31mdbOk is not true"),
                Check(Status.WARN, "host-name", "om2 is 127.0.1.1"),
                Check(Status.UNKNOWN, "clock", "timedatectl is missing"),
            ),
            Members((), ("om1", "om3"), ("10.1.1.9",)),
        ),
        NodeReport("om3", problem="no response in 9 seconds", hint="Wait."),
    ),
    (Check(Status.FAIL, "same-timezone", "they differ"),),
)


@pytest.mark.parametrize(
    "arguments", [[], ["--local", "om1", "--ssh"], ["--local", "om1", "--node", "om1"]]
)
def test_a_command_line_that_does_not_say_how(arguments: list[str]) -> None:
    result = omconf("verify", SPEC, *arguments)
    assert (result.code, result.out) == (1, "")
    assert "error[OM501]" in result.err
    for way in ("omconf verify --local om1", "omconf verify --ssh"):
        assert way in result.err
    shown = omconf("verify", SPEC, *arguments, "--json")
    assert (shown.code, shown.err) == (1, "")
    SCHEMA.validate(json.loads(shown.out))


def test_a_spec_that_is_wrong_and_a_node_that_is_none(tmp_path: Path) -> None:
    spec = tmp_path / "cluster.yaml"
    spec.write_text("omconf: 1\n")
    for how in (["--ssh"], ["--local", "om1"]):
        assert "error[OM104]" in omconf("verify", spec, *how).err
    for how in (["--ssh", "--node", "om7"], ["--local", "om7"]):
        result = omconf("verify", SPEC, *how)
        assert result.code == 1
        assert "error[OM303]" in result.err
        shown = omconf("verify", SPEC, *how, "--json")
        SCHEMA.validate(json.loads(shown.out))


def test_a_host_without_the_program() -> None:
    result = omconf("verify", SPEC, "--local", "om1", "--json")
    found = json.loads(result.out)
    SCHEMA.validate(found)
    assert result.code == 1
    (node,) = found["nodes"]
    assert node["problem"].startswith("/usr/local/sbin/omconf-node-check ")
    assert "bundle" in node["hint"]
    assert found["summary"]["unreachable"] == 1


@pytest.mark.parametrize("source", ["local", "ssh", "ansible"])
def test_the_schema_knows_how_nodes_are_asked(source: str) -> None:
    SCHEMA.validate(document.of_verification(replace(FOUND, source=source)))


def test_the_document_and_what_people_see() -> None:
    found = document.of_verification(FOUND)
    SCHEMA.check_schema(SCHEMA.schema)
    SCHEMA.validate(found)
    assert found["healthy"] is found["complete"] is False
    assert found["summary"] == {
        "ok": 2,
        "fail": 2,
        "warn": 1,
        "unknown": 1,
        "nodes": 3,
        "unreachable": 1,
    }
    assert text.verification(found, text.Paint(colour=False)) == (
        """\
om1: 1 ok
om2: 1 ok, 1 failed, 1 warning, 1 unknown
  fail    health          \\x1b[31mdbOk is not true
  warn    host-name       om2 is 127.0.1.1
  unknown clock           timedatectl is missing
om3: not verified: no response in 9 seconds
  hint: Wait.

Members:
  om1 sees om2
  om2 sees no other node, not om1, om3, unknown members: 10.1.1.9
  om3 sees: unknown

All nodes together:
  fail    same-timezone   they differ

Not healthy: 2 checks ok, 2 failed, 1 warning, 1 unknown on 3 nodes, 1 of them not verified.
"""
    )
    verbose = text.verification(found, text.Paint(colour=False), verbose=True)
    assert verbose.startswith("om1: 1 ok\n  ok      files           fine\nom2:")


def test_a_health_that_is_not_known_is_not_healthy() -> None:
    """Nothing failed, and yet nobody knows: `omconf verify` exits 1 and says so."""
    unknown = Check(Status.UNKNOWN, "health", "curl and wget are missing")
    found = document.of_verification(
        Verification("conference", "local", (NodeReport("om1", (unknown,)),))
    )
    SCHEMA.validate(found)
    assert found["healthy"] is False
    shown = text.verification(found, text.Paint(colour=False))
    sums = "Health unknown: 0 checks ok, 0 failed, 1 unknown on 1 node."
    assert shown.splitlines()[-1] == sums


def test_one_check_is_counted_as_one() -> None:
    well = (Check(Status.OK, "files", "fine"),)
    found = document.of_verification(
        Verification("conference", "local", (NodeReport("om1", well),))
    )
    assert ": 1 check ok, 0 failed" in text.verification(found, text.Paint(colour=False))


def test_the_schema_refuses_what_no_verification_is() -> None:
    found = document.of_verification(FOUND)
    for wrong in (
        {"format_version": "2.0"},
        {"extra": 1},
        {"healthy": "no"},
        {"nodes": [{"node": "om1", "reached": False, "checks": [], "members": None}]},
        {"nodes": [{**found["nodes"][2], "checks": found["nodes"][1]["checks"]}]},
        {"together": [{"check": "x", "status": "maybe", "text": ""}]},
    ):
        assert not SCHEMA.is_valid({**found, **wrong}), wrong
