"""The check of a node, run by dash, bash and BusyBox's sh on healthy and on broken nodes."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from omconf.artifacts import node_check
from tests.needs import fixture_needs, needs
from tests.real.nodes import (
    ANSWERS,
    HEALTHY,
    NEEDS_CHECK,
    NEEDS_NODES,
    NEEDS_RUNNING,
    Nodes,
    left_over,
)
from tests.real.programs import SHELLS, Network, run
from tests.real.test_hazelcast import Members

PROGRAM = "/usr/local/sbin/omconf-node-check"
CHECK = (PROGRAM, "--nodes", "/etc/omconf/list")
TOKEN = "0123456789abcdef"


class Said(NamedTuple):
    """What the program printed: findings by check, facts by name, its exit code."""

    code: int
    findings: dict[str, list[tuple[str, str]]]
    facts: dict[str, list[str]]

    @property
    def failed(self) -> dict[str, str]:
        return {c: t for c, found in self.findings.items() for s, t in found if s == "fail"}

    @property
    def warned(self) -> dict[str, str]:
        return {c: t for c, found in self.findings.items() for s, t in found if s == "warn"}

    @property
    def unknown(self) -> dict[str, str]:
        # No systemd runs where the tests run.
        return {
            c: t
            for c, found in self.findings.items()
            for s, t in found
            if s == "unknown" and c != "clock"
        }


def said(done: subprocess.CompletedProcess[str]) -> Said:
    assert done.stderr == ""
    findings: dict[str, list[tuple[str, str]]] = {}
    facts: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        status, name, text = line.split("\t")
        if status == "fact":
            facts.setdefault(name, []).append(text)
        else:
            assert status in ("ok", "fail", "warn", "unknown")
            findings.setdefault(name, []).append((status, text))
    return Said(done.returncode, findings, facts)


@pytest.fixture
@fixture_needs(*NEEDS_RUNNING, *NEEDS_CHECK)
def nodes(network: Network, tmp_path: Path) -> Nodes:
    return Nodes(network, tmp_path)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    command: list[str] = request.param
    return command


def test_shellcheck(bundles: Path) -> None:
    scripts = sorted(bundles.glob(f"*/*/files{PROGRAM}"))
    assert len(scripts) == 27
    assert len({script.read_text().split("\n", 2)[2] for script in scripts}) == 1
    shellcheck = Path(sys.executable).parent / "shellcheck"
    options = ("--shell=sh", "--enable=all", "--exclude=SC2250,SC2292,SC2310,SC2311,SC2312")
    assert run(shellcheck, *options, scripts[0], check=False).stdout == ""


def test_healthy_nodes(nodes: Nodes, shell: list[str]) -> None:
    for name in ("om1", "om2"):
        checked = said(nodes.run(name, *shell, *CHECK, "--facts"))
        assert (checked.failed, checked.unknown, checked.code) == ({}, {}, 0)
        assert checked.warned == {}
        assert checked.facts == {
            "cluster": ["conference"],
            "node": [name],
            "member": ["10.1.1.1", "10.1.1.2", "10.1.1.3"],
            "utc-offset": [checked.facts["utc-offset"][0]],
        }
        # The data server has the folder itself.
        assert ("mount" in checked.findings) == (name == "om2")
        assert len(checked.findings) == 14 + (name == "om2")
    assert left_over(nodes.data) == []


Break = Callable[[Nodes], dict[str, object] | None]
BROKEN: dict[str, tuple[Break, str, str]] = {}


def broken(check: str, text: str) -> Callable[[Break], Break]:
    def add(function: Break) -> Break:
        BROKEN[function.__name__] = (function, check, text)
        return function

    return add


def _edit(nodes: Nodes, path: str, old: str, new: str) -> Path:
    file = nodes.tree("om2") / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    return file


CLASSES = "opt/om/webapps/openmeetings/WEB-INF/classes"


@broken("files", "hazelcast.xml: its content is not the bundle's")
def changed_file(nodes: Nodes) -> None:
    _edit(nodes, f"{CLASSES}/hazelcast.xml", "54327", "54328")


@broken("files", "hazelcast.xml: it is 666 nobody:nogroup, not 644 nobody:nogroup")
def wrong_mode(nodes: Nodes) -> None:
    (nodes.tree("om2") / CLASSES / "hazelcast.xml").chmod(0o666)


@broken("files", "persistence.xml: it is 600 root:nogroup, not 600 nobody:nogroup")
def wrong_owner(nodes: Nodes) -> None:
    shutil.chown(nodes.tree("om2") / CLASSES / "META-INF/persistence.xml", "root")


@broken("files", "persistence.xml: a placeholder is left: its secret was never filled in")
def placeholder(nodes: Nodes) -> None:
    path = f"{CLASSES}/META-INF/persistence.xml"
    _edit(nodes, path, "not-a-real-password", "@omconf:database.password@")


@broken("files", "hazelcast.xml: it is not there")
def no_file(nodes: Nodes) -> None:
    (nodes.tree("om2") / CLASSES / "hazelcast.xml").unlink()


@broken("files", "hazelcast.xml: there is a link where a file is expected")
def link(nodes: Nodes) -> None:
    file = nodes.tree("om2") / CLASSES / "hazelcast.xml"
    file.rename(file.with_name("other.xml"))
    file.symlink_to("other.xml")


@broken("files", "/etc/fstab: the block of conference is not the bundle's")
def changed_block(nodes: Nodes) -> None:
    _edit(nodes, "etc/fstab", "timeo=50", "timeo=5")


@broken("files", "/etc/fstab: it does not have the block of conference exactly once")
def block_twice(nodes: Nodes) -> None:
    file = nodes.tree("om2") / "etc/fstab"
    file.write_text(file.read_text() * 2)


@broken("files", "manifest.json is not the manifest of om2")
def manifest_of_another(nodes: Nodes) -> None:
    _edit(nodes, "etc/omconf/conference/manifest.json", '"node": "om2"', '"node": "om3"')


@broken("route", "224.0.0.0/4 goes through no device, not through eth0")
def no_route(nodes: Nodes) -> None:
    nodes.run("om2", "/usr/local/sbin/omconf-multicast-route", "down")


@broken("mount", "nothing is mounted at /opt/omdata: it lies on /opt (")
def not_mounted(nodes: Nodes) -> dict[str, object]:
    shutil.chown(nodes.tree("om2") / "opt/omdata", "nobody")
    return {"mounted": False}


@broken("folder", "nobody cannot write in /opt/omdata: ")
def not_writable(nodes: Nodes) -> None:
    nodes.data.chmod(0o555)


@broken("folder", "/opt/omdata cannot be entered: ")
def no_folder(nodes: Nodes) -> dict[str, object]:
    (nodes.tree("om2") / "opt/omdata").rmdir()
    return {"mounted": False}


@broken("database", "no connection to port 5432 of 10.1.1.250")
def database_down(nodes: Nodes) -> None:
    nodes.database.kill()
    nodes.database.wait()


@broken("commit-port", "no connection to port 5636 of om3 (10.1.1.3)")
def commit_port_blocked(nodes: Nodes) -> None:
    nodes.drop("om3", "tcp dport 5636")


@broken("hazelcast-port", "no connection to port 5701 to 5703 of om1 (10.1.1.1), om3 (10.1.1.3)")
def members_blocked(nodes: Nodes) -> None:
    for name in ("om1", "om3"):
        nodes.drop(name, "tcp dport 5701-5703")


@broken("multicast", "no answer to a ping to 224.2.2.3 from om3 (10.1.1.3)")
def multicast_blocked(nodes: Nodes) -> None:
    nodes.drop("om3", "ip daddr 224.0.0.0/4")


@broken("multicast", "om3 (10.1.1.3) answers a ping to 224.0.0.1 but not to 224.2.2.3")
def group_not_joined_there(nodes: Nodes) -> None:
    nodes.drop("om3", "ip daddr 224.2.2.3")


@broken("group", "224.2.2.3 is not joined on eth0")
def openmeetings_is_down(nodes: Nodes) -> None:
    nodes.om["om2"].kill()
    nodes.om["om2"].wait()


@broken("members", "this node sees 2 of 3 members; missing: om3 (10.1.1.3)")
def member_missing(nodes: Nodes) -> None:
    nodes.members("om2", ["om1", "om2"])


@broken("members", "this node sees 3 of 3 members; unexpected: 10.1.1.9")
def outsider(nodes: Nodes) -> None:
    nodes.members("om2", ["om1", "om2", "om3", "om9"])


@broken("health", "10.1.1.2:5080/openmeetings/services/info/health: dbOk is not true")
def database_not_reached(nodes: Nodes) -> None:
    (nodes.tree("om2") / "health").write_text(HEALTHY.replace('"dbOk":true', '"dbOk":false'))


@broken("health", "HTTP 404")
def web_application_dead(nodes: Nodes) -> None:
    _edit(nodes, "etc/omconf/conference/check.conf", "5080/openmeetings", "5080/other")


@broken("timezone", "not Asia/Tokyo")
def another_time_zone(nodes: Nodes) -> None:
    with (nodes.tree("om2") / "etc/omconf/conference/check.conf").open("a") as file:
        file.write("timezone=Asia/Tokyo\n")


@broken("host-name", "does not resolve")
def host_name(nodes: Nodes) -> dict[str, object]:
    return {"before": "hostname nowhere-at-all"}


@broken("node-check", "check.conf cannot be read")
def not_laid(nodes: Nodes) -> None:
    (nodes.tree("om2") / "etc/omconf/conference/check.conf").unlink()


@needs("dash", "hostname", "nft")
@pytest.mark.parametrize("fault", BROKEN)
def test_broken_nodes(nodes: Nodes, fault: str) -> None:
    breaks, check, text = BROKEN[fault]
    options = breaks(nodes) or {}
    checked = said(nodes.run("om2", "dash", *CHECK, **options))
    assert text in checked.failed[check]
    assert checked.code == 1
    together = {
        "openmeetings_is_down": {"group", "health", "listeners"},
        "web_application_dead": {"files", "health"},
        "another_time_zone": {"files", "timezone"},
        "no_route": {"route"},
    }
    assert set(checked.failed) == together.get(fault, {check})
    assert left_over(nodes.data) == []
    assert "not-a-real-password" not in str(checked)


def test_a_host_name_on_loopback_is_a_warning(nodes: Nodes, shell: list[str]) -> None:
    for address in ("127.0.1.1", "127.0.0.1", "::1"):
        nodes.names_itself("om2", address)
        checked = said(nodes.run("om2", *shell, *CHECK))
        assert (set(checked.warned), checked.failed, checked.code) == ({"host-name"}, {}, 0)
        text = checked.warned["host-name"]
        name = platform.node()
        seen = "127.0.0.1" if address == "::1" else address  # as glibc has it, and so has Java
        assert text.startswith(f"{name} is {seen}: a node that starts in the same instant")
        assert text.endswith(f"give the name this node's own address alone: 10.1.1.2 {name}")


@needs("dash")
def test_linux_answers_no_multicast_ping_of_its_own_accord(nodes: Nodes) -> None:
    for name in nodes.names:
        nodes.sysctl(name, **{ANSWERS: 1})
    checked = said(nodes.run("om1", "dash", *CHECK))
    assert set(checked.unknown) == {"multicast"}
    assert "icmp_echo_ignore_broadcasts is 1 here" in checked.unknown["multicast"]
    assert checked.code == 0


NO_PROBE = "nc -z, bash with timeout, and curl are all missing"
MISSING = {
    "ping": ({"multicast": "ping is missing"}),
    "curl wget": {"health": "curl and wget are missing"},
    "curl": {},
    "nc": {},
    "nc bash": {},
    "nc timeout": {},
    "nc bash curl": dict.fromkeys(("hazelcast-port", "commit-port"), NO_PROBE),
    "nc bash curl psql": {
        **dict.fromkeys(("hazelcast-port", "commit-port"), NO_PROBE),
        "database": f"{NO_PROBE}; no login: psql is missing",
    },
    "getent": {"host-name": "getent is missing"},
    "stat": {"files": "stat is missing, or both sha256sum and openssl"},
    "sha256sum": {},
    "sha256sum openssl": {"files": "stat is missing, or both sha256sum and openssl"},
    "runuser": {},
}


@needs("dash", "openssl", "psql", "wget")
@pytest.mark.parametrize("missing", MISSING)
def test_a_missing_program_is_named(nodes: Nodes, missing: str) -> None:
    # What is bound over a program is no program.
    hidden = [
        f"for p in /bin/{name} /usr/bin/{name} /usr/sbin/{name}; do"
        " [ ! -e $p ] || mount --bind /dev/null $p; done"
        for name in missing.split()
    ]
    checked = said(nodes.run("om2", "dash", *CHECK, before="\n".join(hidden)))
    assert (checked.failed, checked.unknown) == ({}, MISSING[missing])
    assert checked.code == 0


def test_a_group_on_a_device_with_a_long_name(nodes: Nodes, shell: list[str]) -> None:
    """The kernel leaves no blank behind a name of ten characters or more."""
    device, address = "enp65s0f0np0", "10.1.9.2"
    for words in (
        f"link add {device} type veth peer name other",
        f"address add {address}/24 dev {device}",
        f"link set {device} up",
    ):
        assert nodes.run("om2", "ip", *words.split()).returncode == 0
    configuration = nodes.tree("om2") / "etc/omconf/conference/check.conf"
    text = configuration.read_text()
    configuration.write_text(text.replace("address=10.1.1.2\n", f"address={address}\n"))
    assert configuration.read_text() != text

    def group() -> list[tuple[str, str]]:
        return said(nodes.run("om2", *shell, *CHECK)).findings["group"]

    unheard = f"224.2.2.3 is not joined on {device}: Hazelcast does not listen there"
    assert group() == [("fail", unheard)]
    join = f"""
import socket, time
member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
both = socket.inet_aton("224.2.2.3") + socket.inet_aton("{address}")
member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, both)
print("joined", flush=True)
time.sleep(600)
"""
    process = nodes.network.start(nodes.spaces["om2"], sys.executable, "-c", join)
    assert process.stdout is not None
    assert process.stdout.readline() == "joined\n"
    assert group() == [("ok", f"224.2.2.3 is joined on {device}")]


def test_a_full_data_folder_keeps_nothing(nodes: Nodes, shell: list[str]) -> None:
    fill = (
        "mount -t tmpfs -o size=4k,mode=777 none /opt/omdata\n"
        "dd if=/dev/zero of=/opt/omdata/full bs=4k count=1 2>/dev/null"
    )
    command = f"{shlex.join([*shell, *CHECK])}; ls -A /opt/omdata | sed 's/^/fact\tleft\t/'"
    found = said(nodes.run("om2", "sh", "-c", command, before=fill))
    assert "nobody cannot write in /opt/omdata: " in found.failed["folder"]
    assert found.facts["left"] == ["full"]


AT = "connection to server at"
REJECTED = "port 5432 failed: FATAL:  no pg_hba.conf entry for host"
REFUSED = {
    "another language": (
        f'psql: error: {AT} "10.1.1.9", port 5432 failed: ВАЖНО:  пользователь не прошёл проверку',
        "fail пользователь не прошёл проверку",
    ),
    "a standby, and then the server": (
        f'psql: error: {AT} "a", port 5432 failed: session is read-only\n{AT} "b", {REJECTED}',
        "fail no pg_hba.conf entry for host",
    ),
    "a server that is down, and then one": (
        f'psql: error: {AT} "a", port 5432 failed: Connection refused\n{AT} "b", {REJECTED}',
        "fail no pg_hba.conf entry for host",
    ),
    "standbys alone": (
        f'psql: error: {AT} "a", port 5432 failed: session is read-only',
        "unknown session is read-only",
    ),
    "an old client": (
        "psql: FATAL:  password authentication failed",
        "fail password authentication failed",
    ),
    "a name": (
        'psql: error: could not translate host name "a" to address',
        'fail cannot translate host name "a" to address',
    ),
    "MariaDB, after TLS failed elsewhere": (
        "ERROR 2026 (HY000): TLS/SSL error\nERROR 1045 (28000): Access denied",
        "fail ERROR 1045 (28000): Access denied",
    ),
    "MariaDB, whose TLS failed": (
        "ERROR 2026 (HY000): TLS/SSL error",
        "unknown ERROR 2026 (HY000): TLS/SSL error",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_client_says_of_a_login(shell: list[str], case: str) -> None:
    printed, meaning = REFUSED[case]
    functions = node_check.program_text().partition("\nroot='' cluster=")[0]
    done = run(*shell, "-c", f"{functions}\nrefusal", input=printed)
    assert done.stdout == f"{meaning}\n"


@needs("dash", "setpriv")
def test_another_user_learns_what_it_may(nodes: Nodes) -> None:

    def run_as(user: str) -> Said:
        lower = ("setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups")
        return said(nodes.run("om2", *lower, "dash", *CHECK))

    own = run_as("nobody")
    assert (own.failed, own.unknown) == ({}, {})
    other = run_as("daemon")
    assert other.failed == {}
    assert set(other.unknown) == {"files", "folder"}
    assert "persistence.xml: this user may not read it" in other.unknown["files"]


def instance(nodes: Nodes, name: str) -> subprocess.Popen[str]:
    """Start what looks like OpenMeetings' process on a node."""
    words = ("-S", "-E", "-c", "import time; time.sleep(600)", "-Dcatalina.base=/opt/om")
    return nodes.network.start(nodes.spaces[name], sys.executable, *words)


def test_files_that_changed_since_openmeetings_started(nodes: Nodes, shell: list[str]) -> None:
    """What was laid after the start may not be in use."""
    process = instance(nodes, "om2")
    time.sleep(2.5)

    def started() -> tuple[str, str]:
        (found,) = said(nodes.run("om2", *shell, *CHECK)).findings["started"]
        return found

    well = "no file that OpenMeetings reads has changed since it started"
    assert started() == ("ok", well)
    os.utime(nodes.tree("om2") / "etc/omconf/conference/check.conf")  # which it does not read
    assert started() == ("ok", well)
    # It keeps its old time, as with `cp -p`.
    file = nodes.tree("om2") / CLASSES / "hazelcast.xml"
    shutil.copy2(file, file.with_name("new"))
    shutil.chown(file.with_name("new"), "nobody", "nogroup")
    file.with_name("new").replace(file)
    text = (
        f"changed since OpenMeetings started: /{CLASSES}/hazelcast.xml; whether it runs on what they"
        " were before is not known: restart it"
    )
    assert started() == ("unknown", text)
    process.kill()
    process.wait()
    assert "started" not in said(nodes.run("om2", *shell, *CHECK)).findings


@needs("dash")
def test_an_instance_of_another_node_that_ends_meanwhile(nodes: Nodes, tmp_path: Path) -> None:
    """It has no network any more that would tell it from the node's own."""
    process = instance(nodes, "om1")
    # Longer ago than the files of the node would be, if it were the node's own.
    time.sleep(2.5)
    (nodes.tree("om2") / CLASSES / "hazelcast.xml").touch()
    own = tmp_path / "readlink"
    shutil.copy2("/usr/bin/readlink", own)
    ends = tmp_path / "ends"
    # The check looks for a time zone first, then for when OpenMeetings started.
    ends.write_text(
        f"""#!/bin/sh
if [ "$1" = /proc/{process.pid}/ns/net ] && ! mkdir {tmp_path}/asked 2>/dev/null; then
    kill -KILL {process.pid}
    until grep -q '^State:.Z' /proc/{process.pid}/status; do sleep 0.01; done
fi
exec {own} "$@"
"""
    )
    ends.chmod(0o755)
    checked = said(
        nodes.run("om2", "dash", *CHECK, before=f"mount --bind {ends} /usr/bin/readlink")
    )
    assert process.wait() < 0
    assert "started" not in checked.findings


def test_files_of_the_data_folder(nodes: Nodes, shell: list[str]) -> None:
    """Each node sees the others' files by their names, and takes its own away."""

    def check(name: str, *options: str, mounted: bool = True) -> list[str]:
        done = said(nodes.run(name, *shell, *CHECK, *options, mounted=mounted))
        return done.facts.get("left" if "--leave" in options else "sees", [])

    stale, foreign = nodes.data / ".omconf-check.123.om1", nodes.data / ".omconf-check.123.om9"
    for old in (stale, foreign):
        old.touch()
        os.utime(old, (0, 0))
        shutil.chown(old, "nobody")
    shutil.chown(nodes.tree("om3") / "opt/omdata", "nobody")
    assert check("om1", "--leave", TOKEN) == [TOKEN]
    assert check("om2", "--leave", TOKEN) == [TOKEN]
    assert check("om3", "--leave", TOKEN, mounted=False) == [TOKEN]
    names = [f".omconf-check.{TOKEN}.{name}" for name in ("om1", "om2")]
    # Files that runs left behind go after an hour: a node's own.
    assert left_over(nodes.data) == [*names, foreign.name]
    assert (nodes.data / names[0]).owner() == "nobody"
    assert check("om1", "--collect", TOKEN) == ["om1", "om2"]
    assert check("om3", "--collect", TOKEN, mounted=False) == ["om3"]
    assert check("om2", "--collect", TOKEN) == ["om2"]
    foreign.unlink()
    assert left_over(nodes.data) == left_over(nodes.tree("om3") / "opt/omdata") == []


def test_alone_it_says_what_it_does_not_know(nodes: Nodes, shell: list[str]) -> None:
    checked = said(nodes.run("om2", *shell, PROGRAM))
    unlisted = "the list of nodes is unknown: omconf verify passes it"
    assert checked.unknown == {
        "multicast": unlisted,
        "hazelcast-port": unlisted,
        "commit-port": unlisted,
        "members": "this node sees 10.1.1.1, 10.1.1.2, 10.1.1.3; omconf verify says whether all are"
        " there",
    }
    assert checked.failed == {}


def test_behind_nat_the_others_see_another_address(nodes: Nodes, shell: list[str]) -> None:
    log = nodes.tree("om2") / "opt/om/logs/openmeetings.log"
    log.write_text(log.read_text().replace("10.1.1.2", "192.0.2.2"))
    listed = nodes.tree("om2") / "etc/omconf/list"
    listed.write_text(listed.read_text().replace("10.1.1.2", "192.0.2.2"))
    checked = said(nodes.run("om2", *shell, *CHECK))
    assert "members" not in checked.failed


def test_behind_one_nat_nodes_are_told_apart_by_port(nodes: Nodes, shell: list[str]) -> None:
    """om2 and om3 are behind one NAT, seen from om1; the address is that of om3 here."""
    log, listed = (
        nodes.tree("om1") / at for at in ("opt/om/logs/openmeetings.log", "etc/omconf/list")
    )
    members = log.read_text().replace("[10.1.1.2]:5701", "[10.1.1.3]:5702")
    log.write_text(members)
    listed.write_text("om1 10.1.1.1\nom2 10.1.1.3:5702\nom3 10.1.1.3:5701\n")
    checked = said(nodes.run("om1", *shell, *CHECK, "--facts"))
    assert checked.facts["member"] == ["10.1.1.1", "10.1.1.3:5702", "10.1.1.3:5701"]
    assert checked.failed == {
        "hazelcast-port": "no connection to port 5701 to 5703 of om2 (10.1.1.3:5702)"
    }
    log.write_text(members.replace("]:5702", "]:5799"))
    checked = said(nodes.run("om1", *shell, *CHECK, "--facts"))
    assert checked.failed["members"] == (
        "this node sees 2 of 3 members; missing: om2 (10.1.1.3:5702); unexpected: 10.1.1.3"
    )


@pytest.mark.parametrize(
    "arguments",
    [["x"], ["--leave"], ["--leave", "../x"], ["--collect", ""], ["--cluster", "a b"], ["--root"]],
)
def test_a_wrong_command_line(arguments: list[str], shell: list[str]) -> None:
    program = Path(node_check.__file__).with_suffix(".sh")
    done = run(*shell, program, *arguments, check=False)
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.startswith("usage:")


@needs(*NEEDS_RUNNING, *NEEDS_CHECK)
def test_any_path_and_another_root(network: Network, tmp_path: Path, shell: list[str]) -> None:
    home = "/opt/ö m; (id) & é😀"
    odd = {"home": home, "data_dir": "/opt/om data/#040;x"}
    nodes = Nodes(network, tmp_path, 2, openmeetings=odd)
    (tmp_path / "om2" / home[1:] / "logs").symlink_to("/opt/om/logs")
    checked = said(nodes.run("om2", *shell, *CHECK))
    assert (checked.failed, checked.unknown) == ({}, {})
    assert odd["data_dir"] in checked.findings["mount"][0][1]
    root = nodes.tree("om2")
    shutil.chown(root / odd["data_dir"][1:], "nobody")
    tmp_path.chmod(0o755)
    outside = said(
        nodes.network.run(
            nodes.spaces["om2"],
            *shell,
            root / PROGRAM[1:],
            *("--root", root, "--nodes", root / "etc/omconf/list"),
            check=False,
        )
    )
    assert outside.findings["files"] == [("ok", "all 9 files of the manifest are the bundle's")]
    assert set(outside.failed) >= {"mount"}


@needs(*NEEDS_NODES)
def test_a_secret_among_keys(network: Network, tmp_path: Path, shell: list[str]) -> None:
    """The file is OpenMeetings' own, with a secret of the bundle in it."""
    secret = {"turn": {"secret": {"env": "TURN_SECRET"}}}
    nodes = Nodes(network, tmp_path, 2, running=False, kurento=secret)
    file = nodes.tree("om2") / CLASSES / "openmeetings.properties"

    def files() -> list[tuple[str, str]]:
        found = said(nodes.run("om2", *shell, PROGRAM)).findings["files"]
        return [(status, text.removeprefix(f"/{CLASSES}/")) for status, text in found]

    with file.open("a") as keys:
        keys.write("kurento.kuid=another\n")
    well = "all 10 files of the manifest are the bundle's; values of single keys are not compared"
    for mode in (0o600, 0o400):
        file.chmod(mode)
        assert files() == [("ok", well)]
    for mode in (0o644, 0o4600):
        file.chmod(mode)
        wrong = f"it is {mode:o} nobody:nogroup, not 600 nobody:nogroup, and it holds a secret"
        assert files() == [("fail", f"openmeetings.properties: {wrong}")]
    file.chmod(0o600)
    shutil.chown(file, "daemon")
    wrong = "it is 600 daemon:nogroup, not 600 nobody:nogroup, and it holds a secret"
    assert files() == [("fail", f"openmeetings.properties: {wrong}")]


def _last_size(log: str) -> str | None:
    """The size of the last list of members that stands in a log as a whole."""
    sizes = re.findall(r"^Members \{size:(\d+), .*\[\n(?:\tMember .*\n)+\]\n", log, re.MULTILINE)
    return sizes[-1] if sizes else None


@needs(*NEEDS_RUNNING, *NEEDS_CHECK)
def test_real_members(java: str, network: Network, tmp_path: Path) -> None:
    """What Hazelcast itself logs, joins and listens on is what the check looks for."""
    nodes = Nodes(network, tmp_path, 2)
    for name, process in nodes.om.items():
        process.kill()
        process.wait()
        nodes.start(name, ports="5636", group="none")
    for port in ("5636", "5080"):
        nodes.wait(port, nodes.spaces.values())
    members = Members(java, network, tmp_path)
    for name in nodes.names:
        configuration = tmp_path / f"{name}.xml"
        built = nodes.tree(name) / CLASSES / "hazelcast.xml"
        configuration.write_text(built.read_text().replace(">slf4j<", ">jdk<"))
        members.start(f"10.1.1.{name[2:]}", configuration)

    def check(name: str, size: int) -> Said:
        """The check, once Hazelcast has logged that it has so many members."""
        written = members.output[f"10.1.1.{name[2:]}"]
        end = time.monotonic() + 90
        while not written.exists() or _last_size(written.read_text()) != str(size):
            assert time.monotonic() < end, written.read_text()
            time.sleep(0.2)
        shutil.copy(written, nodes.tree(name) / "opt/om/logs/openmeetings.log")
        return said(nodes.run(name, "sh", *CHECK, "--facts"))

    for name in nodes.names:
        checked = check(name, 2)
        assert (checked.failed, checked.unknown) == ({}, {})
        assert sorted(checked.facts["member"]) == ["10.1.1.1", "10.1.1.2"]
    network.processes[-1].kill()
    alone = check("om1", 1)
    text = "this node sees 1 of 2 members; missing: om2 (10.1.1.2)"
    assert alone.failed["members"] == text
    assert "hazelcast-port" in alone.failed
