"""`omconf doctor`: what is missing here, said before a command needs it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.clusters import SMALLEST
from tests.command import omconf

SSH = """#!/bin/sh
# Stands in for OpenSSH: om1 is this host, om2 is down.
for last; do :; done
case " $* " in *" om2 "*) echo "ssh: om2: Connection refused" >&2; exit 255 ;; esac
exec sh -c "$last"
"""


def checks(folder: Path, *options: str, code: int, **environment: str) -> dict[str, Any]:
    """The checks of a doctor by name; its text says the same."""
    (folder / "cluster.yaml").write_text(SMALLEST)
    done = omconf("doctor", *options, "--json", cwd=folder, env=environment)
    assert done.code == code, done.out
    document = json.loads(done.out)
    assert document["well"] == (code == 0)
    text = omconf("doctor", *options, cwd=folder, env=environment)
    assert text.code == code
    for check in document["checks"]:
        head = f"  {'ok  ' if check['ok'] else 'fail'}  {check['name']} "
        assert any(
            line.startswith(head) and line.endswith(check["text"]) for line in text.out.split("\n")
        )
    return {check["name"]: check for check in document["checks"]}


def programs(folder: Path, **scripts: str) -> str:
    """A PATH with these programs, and nothing that the tests' own has but sh's needs."""
    (folder / "bin").mkdir(exist_ok=True)
    for name, script in scripts.items():
        (folder / "bin" / name).write_text(script)
        (folder / "bin" / name).chmod(0o755)
    return str(folder / "bin")


def test_programs_are_named_with_the_commands_that_need_them(tmp_path: Path) -> None:
    none = checks(tmp_path, code=1, PATH=programs(tmp_path), OM_DB_PASSWORD="x")
    assert none["ssh"]["text"] == (
        "not in PATH; needed for plan, apply, undo, log, verify and import with --ssh"
    )
    assert not any(none[name]["ok"] for name in ("ssh", "git", "sh", "curl or wget"))
    path = programs(tmp_path, **dict.fromkeys(("ssh", "git", "sh", "wget"), "#!/bin/sh\n"))
    every = checks(tmp_path, code=0, PATH=path, OM_DB_PASSWORD="x")
    assert every["curl or wget"]["text"] == f"{path}/wget"


def test_a_secret_is_read_and_not_shown(tmp_path: Path) -> None:
    path = programs(tmp_path, **dict.fromkeys(("ssh", "git", "sh", "curl"), "#!/bin/sh\n"))
    set_ = checks(tmp_path, code=0, PATH=path, OM_DB_PASSWORD="planted-5f3a")
    assert set_["database.password"]["ok"]
    assert "planted" not in json.dumps(set_)
    unset = checks(tmp_path, code=1, PATH=path, OM_DB_PASSWORD="")
    assert not unset["database.password"]["ok"]


def test_nodes_are_asked_by_ssh(tmp_path: Path) -> None:
    path = f"{programs(tmp_path, ssh=SSH, git='', curl='')}:{os.environ['PATH']}"
    asked = checks(tmp_path, "--ssh", code=1, PATH=path, OM_DB_PASSWORD="x")
    assert (asked["om1"]["ok"], asked["om1"]["text"]) == (True, "answers")
    assert not asked["om2"]["ok"]
    assert "Connection refused" in asked["om2"]["text"]
    assert "om1" not in checks(tmp_path, code=0, PATH=path, OM_DB_PASSWORD="x")


def test_a_wrong_spec_is_told_as_validate_does(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("omconf: 1\n")
    done = omconf("doctor", "wrong.yaml", cwd=tmp_path)
    assert done.code == 1
    assert done.err == omconf("validate", "wrong.yaml", cwd=tmp_path).err
    assert "Programs:" in done.out
    assert omconf("doctor", "wrong.yaml", "--sudo", cwd=tmp_path).code == 1
