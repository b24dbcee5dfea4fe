"""`omconf apply`, `undo` and `log` on a node with a systemd of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import ROOT
from tests.needs import fixture_needs, needs
from tests.real.machine import NEEDS, Machine
from tests.real.programs import Network

pytestmark = needs(*NEEDS, "curl", "getent", "runuser", "findmnt")


@pytest.fixture
@fixture_needs(*NEEDS)
def machine(network: Network) -> Iterator[Machine]:
    stand_in: list[str | Path] = [sys.executable, "-S", "-E", ROOT / "tests/real/stand_in.py"]
    network.start(network.host("10.1.1.250"), *stand_in, "5432")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        made = Machine(Path(folder), network.host("10.1.1.1"))
        try:
            made.make()
            made.boot()
            for _ in range(3):
                done = made.omconf("apply", "--yes")
                if done.returncode == 0:
                    break
            assert done.returncode == 0, done.stdout + done.stderr
            yield made
        finally:
            made.close()


def contents(machine: Machine) -> str:
    return machine.run(
        "sh",
        "-c",
        "find /etc/exports /etc/fstab /etc/omconf /opt/om /etc/systemd/system /usr/local/sbin -type f"
        " -printf '%p %m %u:%g ' -exec sha256sum {} \\; | sort",
    ).stdout


def outcome(done: subprocess.CompletedProcess[str]) -> str:
    return str(json.loads(done.stdout.splitlines()[-1])["outcome"])


def test_a_node_from_first_apply_to_a_power_cut(machine: Machine) -> None:
    assert machine.run("systemctl", "is-enabled", "omconf-multicast-route.service").returncode == 0
    assert "224.0.0.0/4" in machine.run("ip", "route").stdout
    assert re.search(r"/opt/omdata\s+10.1.1.2", machine.run("cat", "/var/lib/nfs/etab").stdout)
    zone = machine.run("systemctl", "show", "-p", "Environment", "openmeetings.service").stdout
    assert "TZ=Etc/UTC" in zone
    before, first = contents(machine), machine.started()
    assert first
    plan = json.loads(machine.omconf("plan", "--json").stdout)
    assert (plan["has_changes"], plan["changes"]) == (False, [])

    machine.write_spec(3, openmeetings={"java_options": ["-Xmx2g"]})
    done = machine.omconf("apply", "--yes", "--json", "--reason", "more memory")
    assert (done.returncode, outcome(done)) == (0, "applied"), done.stdout
    second = machine.started()
    assert second not in ("", first)
    assert "10.1.1.3" in machine.run("cat", "/var/lib/nfs/etab").stdout
    assert machine.omconf("apply", "--yes").returncode == 0
    assert machine.started() == second

    undone = machine.omconf("undo", "--yes", "--json")
    assert (undone.returncode, outcome(undone)) == (0, "undone"), undone.stdout
    assert contents(machine) == before
    assert machine.started() not in ("", second)
    assert "10.1.1.3" not in machine.run("cat", "/var/lib/nfs/etab").stdout

    # A start that fails is taken back, and the old one runs again.
    machine.write_spec(openmeetings={"java_options": ["-Xbroken"]})
    failed = machine.omconf("apply", "--yes", "--json")
    assert (failed.returncode, outcome(failed)) == (1, "undone"), failed.stdout
    assert contents(machine) == before
    assert machine.started()
    lose_power(machine)


def lose_power(machine: Machine) -> None:
    """Pull the plug when setenv.sh is written; after the next boot, an apply finishes."""
    machine.write_spec(3, openmeetings={"java_options": ["-Xmx2g"]})
    script = "until grep -q Xmx2g /opt/om/bin/setenv.sh; do :; done"
    watcher = subprocess.Popen(machine.inside("sh", "-c", script), stdout=subprocess.DEVNULL)
    apply = subprocess.Popen(
        machine.words("apply", "--yes"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    watcher.wait(60)
    machine.power_off()
    apply.wait(60)
    machine.boot()
    time.sleep(0.5)
    assert machine.omconf("apply", "--yes").returncode == 0
    plan = json.loads(machine.omconf("plan", "--json").stdout)
    assert plan["has_changes"] is False
    assert machine.started()
