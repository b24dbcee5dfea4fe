"""The nodes of machines.py, on which whole clusters are tried, are what they say."""

from __future__ import annotations

import json
import subprocess
import time

from tests.needs import needs
from tests.real.machines import NEEDS, Machines

pytestmark = needs(*NEEDS, "sudo")
ALL = frozenset({"om1", "om2", "om3"})


def ssh(three: Machines, *words: str) -> str:
    done = subprocess.run(
        ["ssh", *words], env=three.environment, capture_output=True, text=True, timeout=60
    )
    return (done.stdout or done.stderr).strip()


def test_ssh_and_sudo(three: Machines) -> None:
    three.restore("bare")
    for name in three.machines:
        assert ssh(three, name, "hostname; id -un") == f"{name}\nroot"
    assert ssh(three, "admin@om2", "id -un; sudo -n id -un") == "admin\nroot"
    three.stop_ssh("om2")
    assert "refused" in ssh(three, "om2", "true")
    three.start_ssh("om2")
    assert ssh(three, "om2", "id -un") == "root"


def test_members_of_the_laid_bundles(three: Machines) -> None:
    """omconf finds them as it should, with multicast across the switch; and nothing is done twice."""
    three.restore("laid")
    assert set(three.now().values()) == {ALL}
    assert json.loads(three.omconf("plan", "--ssh", "--json").stdout)["has_changes"] is False
    found = json.loads(three.omconf("verify", "--ssh", "--json").stdout)
    assert found["healthy"], found
    assert [node["members"]["misses"] for node in found["nodes"]] == [[], [], []]
    checks = {(c["check"], c["status"]) for node in found["nodes"] for c in node["checks"]}
    assert ("health", "ok") in checks
    # The certificate is self-signed, and no NTP is here.
    found = {(check, status) for check, status in checks if status != "ok"}
    assert found == {("certificate", "warn"), ("clock", "unknown")}
    ran = {name: one.started() for name, one in three.machines.items()}
    three.restore("laid")
    assert {name: one.started() for name, one in three.machines.items()} == ran


def test_a_node_that_does_not_start_or_is_not_healthy(three: Machines) -> None:
    """As long as its configuration holds a text."""
    three.restore("laid")
    setenv = three["om1"].root / "opt/om/bin/setenv.sh"
    before = setenv.read_text()
    three.refuse("om1", "Xmx9g")
    three.sicken("om1", "Xmx8g")
    setenv.write_text(before + "# Xmx9g\n")
    assert three["om1"].run("systemctl", "restart", "openmeetings.service").returncode == 1
    setenv.write_text(before + "# Xmx8g\n")
    three["om1"].run("systemctl", "restart", "openmeetings.service")
    three.wait(lambda: three.now()["om1"] == ALL)
    three.wait(lambda: [m.what for m in three.line().moments if m.node == "om1"][-1] == "sick")
    page = "https://om1.example.org:5443/openmeetings/services/info/health"
    assert '"inited":false' in three["om1"].run("curl", "-ks", page).stdout
    three.restore("laid")
    assert '"inited":true' in three["om1"].run("curl", "-ks", page).stdout
    assert setenv.read_text() == before


def test_a_cut_cable_splits_the_members_until_it_is_mended(three: Machines) -> None:
    three.restore("laid")
    three.cut("om3")
    assert "timed out" in ssh(three, "-o", "ConnectTimeout=1", "om3", "true")
    two, one = frozenset({"om1", "om2"}), frozenset({"om3"})
    three.wait(lambda: three.now() == {"om1": two, "om2": two, "om3": one})
    three.heal("om3")
    three.wait_until_healthy()


def test_the_time_line_of_a_restart(three: Machines) -> None:
    three.restore("laid")
    began = time.time()
    for name in ("om2", "om1"):
        three[name].run("systemctl", "restart", "openmeetings.service")
        three.wait_until_healthy()
    line = three.line(began)
    assert (line.fewest_members(), line.fewest_healthy()) == (2, 2)
    assert [m.node for m in line.moments if m.at > began and m.what == "healthy"] == ["om2", "om1"]
    assert line.seconds() > 0
    began = time.time()
    three["om3"].run("systemctl", "kill", "--signal=KILL", "openmeetings.service")
    three.wait(lambda: three.line(began).fewest_healthy() == 2)


def test_exports_and_their_mounts(three: Machines) -> None:
    """exportfs is real; NFS itself, which this kernel lacks, is a mount of one folder of this host."""
    three.restore("bare")
    for name in ("om2", "om3"):
        three.unmount(name)
        assert three[name].run("findmnt", "/opt/omdata").returncode == 1
    three.write_spec(storage={"kind": "nfs", "server": "om1"})
    three.lay()
    assert three["om1"].run("exportfs", "-ra").returncode == 0
    assert "10.1.1.3" in three["om1"].run("exportfs", "-s").stdout
    found = json.loads(three.omconf("verify", "--ssh", "--json").stdout)
    assert found["healthy"], found
    assert [c["status"] for c in found["together"] if c["check"] == "same-folder"] == ["ok"]
    three.restore("bare")
    assert three["om2"].run("findmnt", "/opt/omdata").returncode == 0


def test_members_by_tcp_ip_and_a_power_cut(three: Machines) -> None:
    three.restore("bare")
    three.write_spec(discovery={"kind": "tcp-ip"})
    three.lay()
    began = time.time()
    three.power_off("om2")
    assert three["om2"].nspawn is None
    rest = frozenset({"om1", "om3"})
    three.wait(lambda: three.now() == {"om1": rest, "om2": frozenset(), "om3": rest})
    three.power_on("om2")
    three.wait_until_healthy()
    assert three.line(began).fewest_members() == 2
