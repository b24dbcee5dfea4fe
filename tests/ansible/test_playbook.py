"""The real ansible-playbook, as omconf runs it; the nodes are this host, under several names."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from omconf.ansible import session as module
from omconf.ansible.inventory import Host, Inventory
from omconf.ansible.session import NEVER, PROJECT, PlaybookError, session, untested
from tests.command import EXAMPLES, omconf
from tests.needs import ANSIBLE, needs

pytestmark = needs("ansible", "oldest ansible")
SPEC = EXAMPLES / "clustering-page/cluster.yaml"
LOCAL: dict[str, object] = {"ansible_connection": "local"}
CLOSED: dict[str, object] = {"ansible_host": "127.0.0.1", "ansible_port": 1}
SECONDS = 60


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{ANSIBLE / 'newest/bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "home"))


def inventory(folder: Path, **hosts: dict[str, object]) -> Inventory:
    """An inventory of a user's with these hosts, each a node of the same name."""
    file = folder / "hosts.yml"
    file.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    return Inventory({name: Host(name, {}) for name in hosts}, str(file))


def one(folder: Path, **variables: object) -> Inventory:
    return inventory(folder, om1={**LOCAL, **variables})


ANY = bytes(range(256)) * 4096


@pytest.mark.parametrize("version", ["oldest", "newest"])
def test_commands_run_on_each_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """What they read and print is carried byte by byte."""
    monkeypatch.setenv("PATH", f"{ANSIBLE / version / 'bin'}:{os.environ['PATH']}")
    with session(inventory(tmp_path, om1=LOCAL, om2=LOCAL), become=False) as run:
        for node in ("om1", "om2"):
            read = run.run(node, "cat", seconds=SECONDS, limit=len(ANY), stdin=ANY)
            assert (read.problem, read.code, read.out == ANY) == ("", 0, True)
            said = run.run(node, "echo a; echo b >&2; exit 3", seconds=SECONDS, limit=9)
            assert (said.code, said.out, said.error) == (3, b"a\n", "b\n")
        assert run.version.startswith({"oldest": "2.16.", "newest": "2.21."}[version])
        assert untested(run.version) == []
    assert (run.lost, run.process.returncode) == ({}, 0)


@needs("ssh")
def test_a_host_that_is_unreachable(tmp_path: Path) -> None:
    """The others are reached."""
    with session(inventory(tmp_path, om1=LOCAL, om2=CLOSED), become=False) as run:
        assert [*run.lost] == ["om2"]
        assert "Connection refused" in run.run("om2", "true", seconds=SECONDS, limit=9).problem
        assert run.run("om1", "echo a", seconds=SECONDS, limit=9).out == b"a\n"


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"ansible_connection": "no-such"}, "no-such"),
        ({**LOCAL, "ansible_shell_type": "no-such"}, "no-such"),
        ({**LOCAL, "ansible_become": True, "ansible_become_method": "no-such"}, "no-such"),
        ({**LOCAL, "omconf_node": "{{ no_such }}"}, None),
    ],
)
def test_a_host_whose_task_cannot_begin(
    tmp_path: Path, variables: dict[str, object], why: str | None
) -> None:
    """Ansible's reason is passed on; what an inventory says of our own variable does not count."""
    with session(inventory(tmp_path, om1=LOCAL, om2=variables), become=False) as run:
        assert run.run("om1", "echo a", seconds=SECONDS, limit=9).out == b"a\n"
        answer = run.run("om2", "echo b", seconds=SECONDS, limit=9)
        if why is None:
            assert answer.out == b"b\n"
        else:
            assert why in answer.problem


def test_a_playbook_that_skips_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ends well has reached nothing."""
    stands_in(tmp_path, monkeypatch, "exit 0")
    with pytest.raises(PlaybookError) as error, session(one(tmp_path), become=False):
        pass
    assert error.value.found.rule.id == "OM361"


def test_inventories_that_are_not_yaml_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then Ansible cannot read omconf's own, which is named."""
    monkeypatch.setenv("ANSIBLE_INVENTORY_ENABLED", "ini")
    (tmp_path / "hosts.ini").write_text("om1 ansible_connection=local\n")
    hosts = Inventory({"om1": Host("om1", {})}, str(tmp_path / "hosts.ini"))
    with pytest.raises(PlaybookError) as error, session(hosts, become=False):
        pass
    assert "add `yaml` to `enable_plugins`" in error.value.found.hint


def test_a_host_that_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what its task says counts."""
    monkeypatch.setattr(module, "START_SECONDS", 8)
    hosts = inventory(tmp_path, om1=LOCAL, om2=LOCAL)
    both = Inventory({**hosts.hosts, "om3": Host("om1", {})}, hosts.file)
    with session(both, become=False) as run:
        lost = run.lost
    assert [*lost.values()] == [NEVER]


@pytest.mark.parametrize(
    "broken", ["[defaults\n", "[defaults]\nstrategy_plugins = {0}\nforks = x\n"]
)
def test_a_playbook_that_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    (tmp_path / "ansible.cfg").write_text(broken.format(tmp_path))
    monkeypatch.setenv("ANSIBLE_CONFIG", str(tmp_path / "ansible.cfg"))
    with pytest.raises(PlaybookError) as error, session(one(tmp_path), become=False):
        pass
    assert error.value.found.rule.id == "OM361"
    assert error.value.found.message.startswith("ansible-playbook reached no node: ")
    assert "printed nothing" not in error.value.found.message


def test_a_playbook_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stands_in(tmp_path, monkeypatch, "kill -9 $$")
    with pytest.raises(PlaybookError) as error, session(one(tmp_path), become=False):
        pass
    assert "its exit code is -9" in error.value.found.message


def test_a_playbook_that_never_comes_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended, with all that it started."""
    stands_in(tmp_path, monkeypatch, f"sleep 1000 & echo $! >{tmp_path}/started; wait")
    monkeypatch.setattr(module, "START_SECONDS", 1)
    monkeypatch.setattr(module, "CLOSING_SECONDS", 0.1)
    with session(one(tmp_path), become=False) as run:
        assert run.run("om1", "true", seconds=SECONDS, limit=9).problem == NEVER
    assert ended(int((tmp_path / "started").read_text()))


def stands_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have a script instead of ansible-playbook: what the real one does at no time a test can set."""
    (folder / "bin").mkdir()
    (folder / "bin/ansible-playbook").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bin/ansible-playbook").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")


def ended(process: int) -> bool:
    """Whether a process ends soon."""
    return soon(lambda: not Path(f"/proc/{process}/cmdline").exists() or zombie(process))


def zombie(process: int) -> bool:
    return Path(f"/proc/{process}/cmdline").read_bytes() == b""


def soon(done: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def test_ansible_that_is_not_installed(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path), "OM_DB_PASSWORD": "x"}
    said = omconf("plan", SPEC, "--ansible", env=env)
    assert (said.code, said.rules) == (1, ["OM361"])
    assert "No such file" in said.err
    assert "Install ansible-core" in said.err
    said = omconf("verify", SPEC, "--ansible", env=env)
    assert (said.code, said.rules) == (1, ["OM361"])


@pytest.mark.parametrize(
    ("version", "warned"),
    [
        ("2.15.13", True),
        ("2.9.27", True),
        ("2.16.0", False),
        ("2.18.1", False),
        ("2.21.99", False),
        ("2.22.0.dev0", True),
        ("3.0.0", True),
        ("", False),
    ],
)
def test_a_version_that_is_not_tested(version: str, warned: bool) -> None:
    assert [found.rule.id for found in untested(version)] == ["OM362"] * warned


def test_a_plan_warns_of_such_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TESTED", ("2.99", "2.99"))
    file = inventory(tmp_path, om1=LOCAL, om2=LOCAL, om3=LOCAL).file
    assert file is not None
    said = omconf("plan", SPEC, "--ansible", "--inventory", file, env={"OM_DB_PASSWORD": "x"})
    assert ("OM362", "") in said.findings
    assert said.code == 0


def test_a_command_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its node is lost, and the others are not; what it has begun goes on."""
    monkeypatch.setattr(module, "CLOSING_SECONDS", 0.5)
    command = f"echo $$ >{tmp_path}/started; exec sleep 1000"
    with session(inventory(tmp_path, om1=LOCAL, om2=LOCAL), become=False) as run:
        assert run.run("om1", command, seconds=2, limit=9).problem == "no response in time"
        assert run.run("om1", "echo a", seconds=SECONDS, limit=9).problem == "no response in time"
        assert run.run("om2", "echo a", seconds=SECONDS, limit=9).out == b"a\n"
        assert run.lost == {"om1": "no response in time"}
    with suppress(ProcessLookupError):
        os.kill(int((tmp_path / "started").read_text()), 9)


def test_an_answer_that_is_too_long(tmp_path: Path) -> None:
    with session(inventory(tmp_path, om1=LOCAL, om2=LOCAL), become=False) as run:
        many = run.run("om1", "head -c 1001 /dev/zero", seconds=SECONDS, limit=1000)
        assert many.problem == "it sent more than 1,000 bytes"
        full = run.run("om2", "echo a", seconds=SECONDS, limit=9, room=lambda size: f"no {size}")
        assert full.problem == "no 2"
        assert run.lost == {"om1": many.problem, "om2": "no 2"}


def test_what_is_run_in_the_end_and_meanwhile(tmp_path: Path) -> None:
    with session(one(tmp_path), become=False) as run:
        run.keep("om1", f"cat >>{tmp_path}/kept", b"beat\n", b"last\n")
        assert soon((tmp_path / "kept").exists)
        run.nodes["om1"].channel.close()  # as it is when omconf is killed
        assert soon(lambda: (tmp_path / "kept").read_text().endswith("beat\nlast\n"))


def test_settings_of_the_users_that_would_change_what_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "ANSIBLE_TASK_TIMEOUT": "1",
        "ANSIBLE_STRATEGY": "free",
        "ANSIBLE_FORKS": "1",
        "ANSIBLE_STDOUT_CALLBACK": "minimal",
        "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1",
        "ANSIBLE_ANY_ERRORS_FATAL": "1",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_NO_LOG": "0",
        "ANSIBLE_DIFF_ALWAYS": "1",
        "ANSIBLE_RUN_TAGS": "web",
        "ANSIBLE_SKIP_TAGS": "untagged",
        "ANSIBLE_VERBOSITY": "4",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with session(inventory(tmp_path, om1=LOCAL, om2=LOCAL), become=False) as run:
        assert run.run("om2", "sleep 2; echo a", seconds=SECONDS, limit=9).out == b"a\n"
        assert run.run("om1", "echo b", seconds=SECONDS, limit=9).out == b"b\n"


def test_by_hand_the_playbook_runs_nothing(tmp_path: Path) -> None:
    hosts = one(tmp_path)
    (tmp_path / "nodes.yml").write_text(hosts.text(become=False))
    words = ["ansible-playbook", "-i", str(hosts.file), "-i", str(tmp_path / "nodes.yml")]
    words.append(str(PROJECT / "omconf.yml"))
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 2
    assert "by hand, use --check --diff" in done.stdout
