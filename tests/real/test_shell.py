"""The route script, checked by shellcheck and run by dash, bash and BusyBox's sh."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import needs
from tests.real.programs import SHELLS, Network, run

SCRIPT = "files/usr/local/sbin/omconf-multicast-route"


def test_shellcheck(bundles: Path) -> None:
    shellcheck = Path(sys.executable).parent / "shellcheck"
    scripts = sorted(bundles.glob(f"*/*/{SCRIPT}"))
    assert len(scripts) == 24
    # BusyBox has no shell of its own there; the options of `set` and `[` are POSIX's.
    done = run(
        shellcheck,
        "--shell=sh",
        "--enable=all",
        "--exclude=SC2250,SC2292,SC2310,SC2311,SC2312",
        *scripts[:3],
        check=False,
    )
    assert done.stdout == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_the_route_goes_up_and_down(bundles: Path, network: Network, shell: list[str]) -> None:
    host = network.host("10.1.1.1")
    script = bundles / "clustering-page/om1" / SCRIPT

    def route(verb: str) -> subprocess.CompletedProcess[str]:
        return network.run(host, *shell, script, verb, check=False)

    def way() -> str:
        return network.run(host, "ip", "route", "get", "224.2.2.3", check=False).stdout

    assert route("status").returncode == 3
    assert route("check").returncode == 1
    for _ in range(2):
        assert route("up").returncode == 0
    assert "dev eth0" in way()
    assert "224.0.0.0/4" in network.run(host, "ip", "route", "show").stdout
    assert route("status").stdout == "224.0.0.0/4 goes through eth0\n"
    checked = route("check")
    assert (checked.returncode, checked.stderr) == (0, "")
    # A link that goes down takes the route with it.
    network.run(host, "ip", "link", "set", "eth0", "down")
    assert route("status").returncode == 3
    assert "is down" in route("check").stderr
    network.run(host, "ip", "link", "set", "eth0", "up")
    assert route("check").returncode == 1
    assert route("up").returncode == 0
    assert route("check").returncode == 0
    for _ in range(2):
        assert route("down").returncode == 0
    assert route("status").returncode == 3
    assert "224.0.0.0/4" not in network.run(host, "ip", "route", "show").stdout
    wrong = route("sideways")
    assert wrong.returncode == 64
    assert "usage:" in wrong.stderr


@needs("dash")
def test_the_address_of_another_host_is_an_error(bundles: Path, network: Network) -> None:
    host = network.host("10.1.1.9")
    done = network.run(host, "dash", bundles / "clustering-page/om1" / SCRIPT, "up", check=False)
    assert done.returncode == 1
    assert "no device of this host has the address 10.1.1.1" in done.stderr


@needs("dash")
def test_a_named_interface_is_used(bundles: Path, network: Network) -> None:
    host = network.host("10.20.0.1")
    script = bundles / "twenty-nodes/om1" / SCRIPT
    assert network.run(host, "dash", script, "up", check=False).returncode != 0
    network.run(host, "ip", "link", "set", "eth0", "down")
    network.run(host, "ip", "link", "set", "eth0", "name", "bond0")
    network.run(host, "ip", "link", "set", "bond0", "up")
    network.run(host, "dash", script, "up")
    network.run(host, "dash", script, "check")
