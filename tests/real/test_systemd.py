"""Units, checked by `systemd-analyze verify`: exit code 0 and not a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from omconf.artifacts import firewall, service
from tests.clusters import simple
from tests.needs import needs
from tests.real.programs import run

pytestmark = needs("systemd-analyze")
UNIT = "files/etc/systemd/system/omconf-multicast-route.service"


def test_units(bundles: Path, tmp_path: Path) -> None:
    for bundle in ("clustering-page/om1", "twenty-nodes/om7"):
        unit = tmp_path / Path(UNIT).name
        # The program that it starts is not installed here, so `true` stands in for it.
        text = (bundles / bundle / UNIT).read_text()
        unit.write_text(text.replace("/usr/local/sbin/omconf-multicast-route", "/bin/true"))
        (tmp_path / "openmeetings.service").write_text("[Service]\nExecStart=/bin/true\n")
        done = run("systemd-analyze", "verify", "--man=no", unit, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs("nft")
@pytest.mark.parametrize("service", ["openmeetings.service", "om@1.service"])
def test_the_firewalls_unit(tmp_path: Path, service: str) -> None:
    network = {"firewall": "nftables"}
    cluster = simple(2, network=network, openmeetings={"service": service})
    written = firewall.KIND.render(cluster, cluster.nodes[0])[1]
    unit = tmp_path / Path(written.path).name
    unit.write_text(written.text)
    (tmp_path / service).write_text("[Service]\nExecStart=/bin/true\n")
    done = run("systemd-analyze", "verify", "--man=no", unit, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_an_unknown_key_would_be_noticed(bundles: Path, tmp_path: Path) -> None:
    unit = tmp_path / Path(UNIT).name
    text = (bundles / "clustering-page/om1" / UNIT).read_text()
    unit.write_text(
        text.replace("RemainAfterExit", "RemainAfterExt").replace(
            "/usr/local/sbin/omconf-multicast-route", "/bin/true"
        )
    )
    done = run("systemd-analyze", "verify", "--man=no", unit, check=False)
    assert "Unknown key" in done.stderr


DROP_IN = "files/etc/systemd/system/openmeetings.service.d/omconf.conf"


def _unit_with(folder: Path, drop_in: str) -> Path:
    """A unit of OpenMeetings, with its drop-in beside it, and the unit that it waits for."""
    unit = folder / "openmeetings.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    (folder / "omconf-multicast-route.service").write_text("[Service]\nExecStart=/bin/true\n")
    (folder / "openmeetings.service.d").mkdir()
    (folder / "openmeetings.service.d/omconf.conf").write_text(drop_in)
    return unit


@pytest.mark.parametrize("data_dir", ["/opt/omdata", "/srv/om data/100% ü"])
def test_the_drop_in(tmp_path: Path, data_dir: str) -> None:
    cluster = simple(openmeetings={"data_dir": data_dir})
    (artifact,) = service.KIND.render(cluster, cluster.nodes[0])
    unit = _unit_with(tmp_path, artifact.text)
    done = run("systemd-analyze", "verify", "--man=no", unit, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_reads_the_drop_in(tmp_path: Path) -> None:
    """Its output is checked: a relative folder and an unquoted space are both noticed."""
    unit = _unit_with(tmp_path, "[Unit]\nRequiresMountsFor=opt/omdata\nAfte=x.service\n")
    done = run("systemd-analyze", "verify", "--man=no", unit, check=False)
    assert "opt/omdata" in done.stderr
    assert "Afte" in done.stderr
