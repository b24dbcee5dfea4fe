"""What a run of ansible-playbook is given and may send, by a program that stands in for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omconf.ansible.inventory import generated
from omconf.ansible.session import MAX_HEADER, session

STAND_IN = """\
#!{python}
import json, os, socket, sys
path = os.environ["OMCONF_SOCKET"]
mode = os.stat(os.path.dirname(path)).st_mode
given = {{"mode": mode, "environment": dict(os.environ), "words": sys.argv}}
open({told!r}, "w").write(json.dumps(given))
omconf = socket.socket(socket.AF_UNIX)
omconf.connect(path)
omconf.sendall(b'{{"node": "om1", "ansible": "2.21.0"}}\\n')
omconf.recv(65536)
try:
    omconf.sendall({answer!r})
    omconf.recv(1)
except OSError:
    pass
"""

Begin = Callable[[bytes], Path]


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Make the program, which gives an answer; returns the file that says what it was given."""

    def made(answer: bytes) -> Path:
        program, told = tmp_path / "ansible-playbook", tmp_path / "told"
        text = STAND_IN.format(python=sys.executable, told=str(told), answer=answer)
        program.write_text(text)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        return told

    return made


def run(limit: int = 1000, hidden: frozenset[str] = frozenset()) -> Any:
    """Run a command on the node; returns its answer."""
    with session(generated({"om1": "om1"}), become=False, hidden=hidden) as made:
        return made.run("om1", "true", seconds=20, limit=limit)


DONE = b'{"code": 0, "sizes": [2, 0]}\nab'


def test_only_its_user_gets_to_the_socket(begin: Begin) -> None:
    told = begin(DONE)
    assert run().out == b"ab"
    assert json.loads(told.read_text())["mode"] & 0o777 == 0o700


def test_variables_of_secrets_are_not_passed_on(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OM_DB_PASSWORD", "not-a-real-password")
    monkeypatch.setenv("ANSIBLE_DEBUG", "True")
    told = begin(DONE)
    run(hidden=frozenset({"OM_DB_PASSWORD"}))
    given = json.loads(told.read_text())
    assert "OM_DB_PASSWORD" not in given["environment"]
    assert given["environment"]["ANSIBLE_DEBUG"] == "False"
    assert "not-a-real-password" not in told.read_text()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b'{"code": 0, "sizes": [1001, 0]}\n' + b"x" * 1001, "it sent more than 1,000 bytes"),
        (b"x" * (MAX_HEADER + 300_000), "its task sent no answer"),
    ],
    ids=["more", "no line"],
)
def test_what_a_node_sends_is_bounded(begin: Begin, answer: bytes, problem: str) -> None:
    begin(answer)
    assert run().problem == problem
