"""`omconf plan` reads real nodes: by the real ssh, and from a host's own root."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omconf.deployed import archive, reader
from tests.command import ROOT
from tests.deployed.same import (
    HAZELCAST,
    MANIFEST,
    OLD,
    PERSISTENCE,
    SITUATIONS,
    plan,
    require,
)
from tests.deployed.streams import END, header, member, packed
from tests.needs import fixture_needs, needs, program
from tests.real.nodes import NEEDS_NODES, NEEDS_SSH, Nodes
from tests.real.programs import Network, run, shell_case


@pytest.fixture
@fixture_needs(*NEEDS_NODES, *NEEDS_SSH)
def nodes(network: Network, tmp_path: Path) -> Nodes:
    made = Nodes(network, tmp_path, running=False)
    made.ssh()
    return made


def planned(nodes: Nodes, *options: str) -> dict[str, Any]:
    return plan(nodes.spec, "--ssh", *options, env=nodes.environment)


def said(found: dict[str, Any]) -> dict[str, str]:
    return {d["node"]: d["message"] for d in found["diagnostics"]}


def test_the_same_situations_as_from_other_sources(nodes: Nodes) -> None:
    """The files of om2 are put back after each."""
    tree = nodes.tree("om2")
    subprocess.run(["cp", "-a", tree, nodes.folder / "before"], check=True)
    (tree / OLD[1:]).parent.mkdir(parents=True)
    nodes.bind("om2", "/srv")
    for situation in SITUATIONS.values():
        situation.spoil(lambda path: tree / path[1:])
        found = planned(nodes)
        assert found["source"] == {"kind": "ssh", "sudo": False, "nodes": ["om1", "om2", "om3"]}
        require(found, situation)
        for part in ("etc/fstab", "etc/omconf", "opt/om", "usr/local/sbin", "srv"):
            nodes.restore("om2", part, nodes.folder / "before")


def test_modes_owners_and_open_secrets(nodes: Nodes) -> None:
    tree = nodes.tree("om1")
    (tree / PERSISTENCE[1:]).chmod(0o644)
    shutil.chown(tree / HAZELCAST[1:], "root", "root")
    found = planned(nodes)
    items = {c["path"]: c["items"] for c in found["changes"]}
    assert items[PERSISTENCE] == [
        {"key": "mode", "action": "update", "before": "0644", "after": "0600", "cause": "drift"}
    ]
    (owner,) = items[HAZELCAST]
    assert (owner["before"], owner["after"]) == ("root:root", "nobody:nogroup")
    assert {c["effect"]["action"] for c in found["changes"]} == {"none"}
    (step,) = found["rollout"]  # written anew, with their modes and owners; nothing restarts
    assert (step["nodes"], {action["type"] for action in step["actions"]}) == (["om1"], {"put"})
    written = {path for action in step["actions"] for path in action["paths"]}
    assert written == {PERSISTENCE, HAZELCAST, MANIFEST}
    assert found["summary"]["disruption"] == "none"
    assert [(d["rule"], d["path"]) for d in found["diagnostics"]] == [("OM317", PERSISTENCE)]


def test_nodes_that_cannot_be_read(nodes: Nodes) -> None:
    """Each is unknown, with the reason; the others are planned all the same."""
    known = nodes.folder / "ssh/known"
    other = nodes.folder / "ssh/other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    lines = known.read_text().splitlines()
    lines[0] = f"om1 {other.with_suffix('.pub').read_text().strip()}"
    known.write_text("\n".join(lines) + "\n")
    tar = nodes.tree("om2") / "usr/local/sbin/tar"
    tar.write_text("#!/bin/sh\nexec sleep 60\n")
    tar.chmod(0o755)
    found = planned(nodes, "--timeout", "5")
    assert not found["complete"]
    assert {d["rule"] for d in found["diagnostics"]} == {"OM302"}
    assert said(found) == {
        "om1": "It cannot be read by ssh: Host key verification failed.",
        "om2": "It cannot be read by ssh: no response in 5 seconds.",
    }
    assert found["changes"] == []
    nodes.stop_ssh("om3")
    found = planned(nodes, "--node", "om3")
    assert said(found)["om3"].endswith("Connection refused.")


def pax() -> bytes:
    """100 KB of digits, which Python's own reader before 3.11.10 searches in quadratic time."""
    return header("x", b"x", 100_000) + b"1" * 100_000 + bytes(-100_000 % 512) + END


HOSTILE: dict[str, tuple[Callable[[], bytes] | str, str]] = {
    "garbage": ("head -c 100000 /dev/urandom", "It sent an incomplete tar archive."),
    "nothing": ("exit 0", "It sent an incomplete tar archive."),
    "an endless stream": (
        "exec cat /dev/zero",
        "It cannot be read by ssh: it sent more than 8,388,608 bytes.",
    ),
    "a banner": ("echo Welcome; echo all", "Its login shell prints text: Welcome."),
    "no shell": ("echo No account.; exit 1", "Reading it failed with exit code 1: No account."),
    "it fails": (
        "echo out of disk >&2; exit 3",
        "Reading it failed with exit code 3: out of disk.",
    ),
    "a link": (
        lambda: packed([member(f".{HAZELCAST}", type=tarfile.SYMTYPE, linkname="/etc/shadow")]),
        "Expected a file, but found a symbolic link.",
    ),
    "a hard link": (
        lambda: packed([member(f".{HAZELCAST}", type=tarfile.LNKTYPE, linkname="/etc/shadow")]),
        "Expected a file, but found a symbolic link.",
    ),
    "a device": (
        lambda: packed([member(f".{HAZELCAST}", type=tarfile.BLKTYPE)]),
        "Expected a file, but found a device, a pipe or a socket.",
    ),
    "a pax header": (pax, "It sent a pax header, which omconf does not read."),
    "other names": (
        lambda: packed([member("../../etc/passwd", b"x"), member("/etc/shadow", b"x")]),
        "",
    ),
    "one file twice": (
        lambda: packed([member("a", b"1"), member("./a", b"2")]),
        "It sent the same file twice.",
    ),
}


def test_hostile_streams(nodes: Nodes) -> None:
    """Whatever a node sends, it alone is unknown; nothing of it is written anywhere."""
    tar = nodes.tree("om2") / "usr/local/sbin/tar"
    sent = nodes.tree("om2") / "opt/sent"
    for name, (what, message) in HOSTILE.items():
        if isinstance(what, str):
            tar.write_text(f"#!/bin/sh\n{what}\n")
        else:
            sent.write_bytes(what())
            tar.write_text("#!/bin/sh\nexec cat /opt/sent\n")
        tar.chmod(0o755)
        found = planned(nodes)
        assert {c["node"] for c in found["changes"]} <= {"om2"}, name
        if message:
            assert said(found) == {"om2": message}, name
            assert not found["complete"]
        else:  # what was not asked for is not there
            assert {c["action"] for c in found["changes"]} == {"create"}, name


@needs("sudo")
def test_another_user_and_sudo(nodes: Nodes) -> None:
    for name in nodes.names:
        etc = nodes.tree(name) / "etc"
        for file, line in (
            ("passwd", "admin:x:61000:61000::/:/bin/sh\n"),
            ("group", "admin:x:61000:\n"),
            ("shadow", "admin:*:19000:0:99999:7:::\n"),
        ):
            (etc / file).write_text((etc / file).read_text() + line)
    config = nodes.folder / "ssh/config"
    config.write_text(config.read_text().replace("User root", "User admin"))
    found = planned(nodes)
    assert not found["complete"]
    assert {(d["rule"], d["path"]) for d in found["diagnostics"]} == {("OM302", PERSISTENCE)}, (
        found["diagnostics"]
    )
    found = planned(nodes, "--sudo")
    assert set(said(found)) == set(nodes.names)
    assert "a password is required" in said(found)["om1"]
    for name in nodes.names:
        sudoers = nodes.tree(name) / "etc/sudoers.d/admin"
        sudoers.write_text("admin ALL=(ALL) NOPASSWD: /bin/sh, /usr/bin/sh\n")
        sudoers.chmod(0o440)
    found = planned(nodes, "--sudo")
    assert (found["complete"], found["changes"], found["diagnostics"]) == (True, [], [])


def test_the_hosts_own_root(nodes: Nodes) -> None:
    """omconf runs on the node; the modes and owners of its files count."""
    (nodes.tree("om1") / PERSISTENCE[1:]).chmod(0o604)
    words = (sys.executable, "-m", "omconf", "plan", nodes.spec, "--local", "om1", "--json")
    command = nodes.command("om1", *words)
    env = {**os.environ, "OM_DB_PASSWORD": "not-a-real-password"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["source"] == {"kind": "local", "node": "om1", "root": "/", "nodes": ["om1"]}
    assert len(found["changes"]) == len(found["diagnostics"]) == 1, found
    ((change,), (diagnostic,)) = found["changes"], found["diagnostics"]
    assert [(i["key"], i["before"], i["after"]) for i in change["items"]] == [
        ("mode", "0604", "0600")
    ]
    assert diagnostic["rule"] == "OM317"


@pytest.mark.parametrize("shell", [shell_case(x) for x in ("dash", "bash", "busybox")])
def test_what_a_node_runs_needs_no_more_than_sh_and_tar(tmp_path: Path, shell: list[str]) -> None:
    """With BusyBox all programs are its own."""
    shellcheck = Path(sys.executable).with_name("shellcheck")
    folder = tmp_path / "exports.d"
    folder.mkdir()
    for name in ("b.exports", "a.exports", "c.exports~", "d\\ne.exports", "two\nlines.exports"):
        (folder / name).write_text(name)
    odd = tmp_path / "one\\ntwo\\c"
    odd.mkdir()
    (odd / "file").touch()
    (tmp_path / "way").symlink_to(odd)
    (tmp_path / "gone").symlink_to("nowhere")
    gone = f"{tmp_path.as_posix()[1:]}/gone"
    script = (
        "manifest=no/m\nwanted='etc/passwd\netc\nno/such\netc/passwd/x/such'\nnames=passwd/etc/such\n"
        f"surroundings='etc/group\nno/such.service\n{folder.as_posix()[1:]}/*.exports\n"
        f"{tmp_path.as_posix()[1:]}/way/file\n{gone}/x/file'\n" + reader.SCRIPT.read_text()
    )
    run(shellcheck, "-s", "sh", "-", input=script)
    command, path = [program(shell[0])], ""
    if shell == ["busybox"]:
        for applet in ("sed", "head", "sort", "wc", "ls", "dd", "tar"):
            (tmp_path / applet).symlink_to(command[0])
        command, path = [command[0], "sh"], str(tmp_path)
    env = {**os.environ, **({"PATH": path} if path else {})}
    done = subprocess.run([*command, "-s"], input=script.encode(), capture_output=True, env=env)
    sent = ["/etc/group", "/etc/passwd", f"{folder}/a.exports", f"{folder}/b.exports"]
    sent += [f"{folder}/d\\ne.exports", f"{tmp_path}/way/file"]
    told = "".join(
        f"omconf-read\tfile\t{path[1:]}\t{os.stat(path).st_ino}\t{Path(path).parent.resolve()}\n"
        for path in sent
    )
    problems = [
        "directory\tetc",
        "above\tetc/passwd/x/such\tetc/passwd",
        f"above\t{gone}/x/file\t{gone}",
    ]
    said = "".join(f"omconf-read\t{problem}\n" for problem in problems)
    assert (done.returncode, done.stderr.decode()) == (0, said + told)
    found = archive.members(done.stdout)
    assert [*found] == sent
    assert found["/etc/passwd"].file(done.stdout).data == Path("/etc/passwd").read_bytes()


@needs("root")
@pytest.mark.parametrize("tar", [["tar"], shell_case("busybox", "tar")])
def test_what_real_tars_write_is_read(tmp_path: Path, tar: list[str]) -> None:
    """Long names, hard links, other alphabets, accounts with large numbers, dates out of range."""
    long = "d" * 90 + "/" + "e" * 90 + "/" + "f" * 90
    (tmp_path / long).parent.mkdir(parents=True)
    for path in ("a", long, "na\u00efve", "with blank", "new\nline", "old", "owned"):
        (tmp_path / path).write_text(path)
    os.link(tmp_path / "a", tmp_path / "link")
    os.link(tmp_path / long, tmp_path / (long + "2"))
    os.utime(tmp_path / "old", (-3e8, -3e8))
    os.chown(tmp_path / "owned", 3_000_000, 4_000_000)
    paths = [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()]
    command = [*tar, "-cf", "-", "--", *(f"./{path}" for path in paths)]
    stream = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
    found = archive.members(stream)
    assert {p: m.file(stream).data for p, m in found.items()} == {
        f"/{path}": (tmp_path / path).read_bytes() for path in paths
    }
    owned = found["/owned"].access
    assert owned is not None
    assert (owned.owner, owned.group) == ("3000000", "4000000")


@pytest.mark.parametrize("options", ["--format=posix", "--format=posix --xattrs", "--sparse"])
def test_a_node_whose_tar_writes_another_format(options: str) -> None:
    """SUSE builds GNU tar so that pax headers are its own choice; a user's options may be any."""
    script = "manifest=no/m\nwanted=etc/passwd\nnames=passwd\n" + reader.SCRIPT.read_text()
    env = {**os.environ, "TAR_OPTIONS": options}
    done = subprocess.run(["sh", "-s"], input=script.encode(), capture_output=True, env=env)
    assert (done.returncode, done.stderr[:17]) == (0, b"omconf-read\tfile\t")
    assert [*archive.members(done.stdout)] == ["/etc/passwd"]
