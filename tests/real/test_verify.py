"""`omconf verify --ssh` asks real nodes by the real ssh: sshd runs in each node's namespaces."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_verify import SCHEMA
from tests.command import ROOT, omconf
from tests.needs import fixture_needs
from tests.real.nodes import NEEDS_CHECK, NEEDS_RUNNING, NEEDS_SSH, Nodes, left_over
from tests.real.programs import Network


@pytest.fixture
@fixture_needs(*NEEDS_RUNNING, *NEEDS_SSH, *NEEDS_CHECK)
def nodes(network: Network, tmp_path: Path) -> Nodes:
    made = Nodes(network, tmp_path)
    made.ssh()
    return made


def verify(nodes: Nodes, *options: str) -> dict[str, Any]:
    done = omconf("verify", nodes.spec, "--ssh", "--json", *options, env=nodes.environment)
    found: dict[str, Any] = json.loads(done.out)
    SCHEMA.validate(found)
    assert done.code == (not found["healthy"])
    assert left_over(nodes.data) == []
    return found


def together(found: dict[str, Any], check: str) -> list[tuple[str, str]]:
    return [(c["status"], c["text"]) for c in found["together"] if c["check"] == check]


def problems(found: dict[str, Any]) -> dict[str, str]:
    return {node["node"]: node["problem"] for node in found["nodes"] if "problem" in node}


def failed(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (node["node"], c["check"])
        for node in found["nodes"]
        for c in node["checks"]
        if c["status"] == "fail"
    }


def test_healthy(nodes: Nodes) -> None:
    found = verify(nodes)
    assert found["healthy"]
    assert [node["members"]["sees"] for node in found["nodes"]] == [
        ["om2", "om3"],
        ["om1", "om3"],
        ["om1", "om2"],
    ]
    assert together(found, "same-folder") == [("ok", "om1, om2 and om3 share one data folder")]
    assert together(found, "same-timezone")[0][0] == "ok"
    assert together(found, "same-clock")[0][0] in ("ok", "unknown")
    only = verify(nodes, "--node", "om2")
    assert [node["node"] for node in only["nodes"]] == ["om2"]
    assert only["together"] == []
    shown = omconf("verify", nodes.spec, "--ssh", env=nodes.environment).out
    assert "\n  om1 sees om2, om3\n" in shown
    # No systemd runs here, and a host that is busy answers too slowly to tell its clock.
    sums = r"Healthy: 4[34] checks ok, 0 failed, [34] unknown on 3 nodes\."
    assert re.fullmatch(sums, shown.splitlines()[-1])


def test_a_warning_fails_nothing(nodes: Nodes) -> None:
    nodes.names_itself("om2", "127.0.1.1")
    found = verify(nodes)
    assert found["healthy"]
    assert found["summary"]["warn"] == 1
    shown = omconf("verify", nodes.spec, "--ssh", env=nodes.environment)
    assert shown.code == 0
    assert "ok, 0 failed, 1 warning, " in shown.out
    assert "\n  warn    host-name " in shown.out


def test_what_only_all_together_show(nodes: Nodes) -> None:
    """One node has a folder of its own, another a wrong clock in another zone."""
    nodes.stop_ssh("om3")
    shutil.chown(nodes.tree("om3") / "opt/omdata", "nobody")
    nodes.start_ssh("om3", mounted=False)
    date = nodes.tree("om2") / "usr/local/sbin/date"
    date.write_text(
        "#!/bin/sh\ncase $1 in\n+%s.%N) echo $(($(/bin/date +%s) + 60)).5 ;;\n"
        '*) TZ=Asia/Tokyo exec /bin/date "$@" ;;\nesac\n'
    )
    date.chmod(0o755)
    nodes.members("om2", ["om2", "om3"])
    found = verify(nodes)
    assert left_over(nodes.tree("om3") / "opt/omdata") == []
    assert failed(found) == {("om2", "members"), ("om3", "mount")}
    assert found["nodes"][1]["members"] == {"sees": ["om3"], "misses": ["om1"], "strangers": []}
    text = "2 different data folders: om1 and om2; om3"
    assert together(found, "same-folder") == [("fail", text)]
    ((status, text),) = together(found, "same-clock")
    assert status == "fail"
    assert "the clock of om2 is " in text
    text = "nodes' time zones differ: +0000: om1 and om3; +0900: om2"
    assert together(found, "same-timezone") == [("fail", text)]


def test_nodes_that_give_no_answer(nodes: Nodes) -> None:
    nodes.stop_ssh("om1")
    (nodes.tree("om2") / "usr/local/sbin/omconf-node-check").unlink()
    program = nodes.tree("om3") / "usr/local/sbin/omconf-node-check"
    program.write_text("#!/bin/sh\nyes\n")
    found = verify(nodes)
    assert not found["complete"]
    said = problems(found)
    assert said["om1"].endswith("Connection refused")
    assert said["om2"] == "/usr/local/sbin/omconf-node-check is not installed on the node"
    assert said["om3"] == "it sent more than 1,048,576 bytes"
    program.write_text("#!/bin/sh\nsleep 60\n")
    assert problems(verify(nodes, "--timeout", "2"))["om3"] == "no response in 2 seconds"
    (nodes.folder / "ssh/known").write_text("")
    assert set(problems(verify(nodes, "--node", "om2")).values()) == {
        "Host key verification failed."
    }


def test_a_destination_that_leads_to_another_node(nodes: Nodes) -> None:
    nodes.spec.write_text(nodes.spec.read_text().replace("  om2:\n", "  om2:\n    ssh: om3\n"))
    found = verify(nodes)
    assert problems(found) == {"om2": "that host is the node om3, not om2"}


def test_an_interrupted_run_leaves_nothing(nodes: Nodes) -> None:
    # With the answer held up, the files are there while it is interrupted.
    program = nodes.tree("om2") / "usr/local/sbin/omconf-node-check"
    waiting = program.read_text().replace("    check_files\n", "    sleep 8\n    check_files\n")
    program.write_text(waiting)
    process = subprocess.Popen(
        [sys.executable, "-m", "omconf", "verify", nodes.spec, "--ssh"],
        cwd=ROOT,
        env=nodes.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while ".om2" not in "".join(left_over(nodes.data)):
        assert time.monotonic() < end
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out, said) == (-signal.SIGINT, b"", b"")
    assert left_over(nodes.data) == []
