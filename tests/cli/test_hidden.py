"""What a node says is quoted without the secrets in it, whichever command quotes it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

from omconf.ansible import settings
from omconf.apply.events import Outcome
from omconf.apply.nodes import Nodes
from omconf.apply.program import lacks
from omconf.apply.wire import Reply
from omconf.cli import applying
from omconf.pipeline.apply import Result, ended
from omconf.pipeline.apply_input import Options
from omconf.pipeline.connected import Connected
from omconf.plan.mask import Mask
from omconf.rules import NOT_APPLIED
from omconf.secrets import HIDDEN, Secret
from tests.apply.fakes import FakeLine, FakePeople, nodes_of
from tests.command import omconf
from tests.plan.test_mask import HAZELCAST, PASSWORD, SPEC, laid

NAMED = f"debug: password={PASSWORD}"


@pytest.mark.parametrize("ends", ["exit 255", "exit 3"])
@pytest.mark.parametrize(
    "command",
    [
        "plan --ssh",
        "apply --ssh --yes",
        "apply --ssh --yes --json",
        "verify --ssh",
        "verify --ssh --json",
        "log --ssh",
        "log --ssh --json",
        "undo --ssh --yes",
        "undo --ssh --yes --json",
    ],
)
def test_a_login_that_prints_a_password(tmp_path: Path, command: str, ends: str) -> None:
    """None of these has read the password: it is hidden by its name."""
    (tmp_path / "cluster.yaml").write_text(SPEC)
    (tmp_path / "ssh").write_text(f"#!/bin/sh\necho '{NAMED}' >&2\n{ends}\n")
    (tmp_path / "ssh").chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "OM_DB_PASSWORD": PASSWORD}
    done = omconf(*command.split(), cwd=tmp_path, env=env)
    assert done.code == 1
    shown = done.out + done.err
    assert PASSWORD not in shown
    # Of a check that failed, verify quotes nothing.
    assert HIDDEN in shown or (command.startswith("verify") and ends != "exit 255")


def test_a_text_before_the_archive(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(SPEC)
    (tmp_path / "ssh").write_text(f"#!/bin/sh\necho '{NAMED}'\n")
    (tmp_path / "ssh").chmod(0o755)
    done = omconf("log", "--ssh", cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert f"password={HIDDEN}" in done.err


def test_the_holder_of_a_lock_and_the_reasons_of_programs() -> None:
    held = Reply(ok=False, words=("held", "1", "0", NAMED))
    program = cast(Any, SimpleNamespace(lock=lambda *_: held))
    (found,) = Connected(("om1",), {"om1": program}).lock("an apply", Options())
    said = (
        found.message,
        settings.reason(NAMED),
        str(lacks(Reply(ok=False, words=("missing", NAMED)))),
    )
    for text in said:
        assert f"password={HIDDEN}" in text


def test_a_refused_plan_hides_the_values_that_it_has_read(tmp_path: Path) -> None:
    tree = laid(tmp_path) / "om1"
    path = tree / HAZELCAST
    path.write_text(path.read_text().replace(">54327<", f">{PASSWORD}<"))
    (tree / "etc/exports").unlink()
    (tree / "etc/exports").mkdir()
    local = ("--local", "om1", "--root", tree)
    for more in ((), ("--json",)):
        done = omconf(
            *("apply", *local, "--yes", *more), cwd=tmp_path, env={"OM_DB_PASSWORD": PASSWORD}
        )
        assert done.code == 1
        assert PASSWORD not in done.out + done.err
        assert HIDDEN in done.out + done.err


def test_a_journal_is_not_told_what_ssh_said_of_a_secret() -> None:
    """Why an apply ended may be the last words of the connection to another node."""
    nodes = nodes_of("om1")
    node = nodes["om1"]
    node.began = node.begun = True
    node.hide = Mask([Secret(PASSWORD)]).message
    why = f"om2 does not respond: it ended: {PASSWORD}"
    ended(Nodes(nodes, FakePeople(), whole=False), "1", Outcome.PARTIAL, why)
    asked = str(cast(FakeLine, node.line).asked)
    assert f"it ended: {HIDDEN}" in asked
    assert PASSWORD not in asked


def test_the_end_hides_values_in_findings(capsys: pytest.CaptureFixture[str]) -> None:
    show = applying.Show(as_json=False, mask=Mask([Secret(PASSWORD)]))
    found = NOT_APPLIED.at(None, f"ssh says {PASSWORD}.", hint=f"Not {PASSWORD}.")
    with pytest.raises(typer.Exit):
        applying.leave(Result(Outcome.REFUSED, diagnostics=[found]), show)
    printed = capsys.readouterr()
    assert PASSWORD not in printed.out + printed.err
    assert f"ssh says {HIDDEN}." in printed.err
