"""Units, judged by `systemd-analyze verify`: exit code 0 and not a word."""

from __future__ import annotations

from pathlib import Path

from tests.real.judges import need, run

UNIT = "files/etc/systemd/system/omconf-multicast-route.service"


def test_units(bundles: Path, tmp_path: Path) -> None:
    analyze = need("systemd-analyze", "systemd")
    for bundle in ("clustering-page/om1", "twenty-nodes/om7"):
        unit = tmp_path / Path(UNIT).name
        # The program that it starts is not installed here, so `true` stands in for it.
        text = (bundles / bundle / UNIT).read_text()
        unit.write_text(text.replace("/usr/local/sbin/omconf-multicast-route", "/bin/true"))
        (tmp_path / "openmeetings.service").write_text("[Service]\nExecStart=/bin/true\n")
        done = run(analyze, "verify", "--man=no", unit, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_an_unknown_key_would_be_noticed(bundles: Path, tmp_path: Path) -> None:
    analyze = need("systemd-analyze", "systemd")
    unit = tmp_path / Path(UNIT).name
    text = (bundles / "clustering-page/om1" / UNIT).read_text()
    unit.write_text(
        text.replace("RemainAfterExit", "RemainAfterExt").replace(
            "/usr/local/sbin/omconf-multicast-route", "/bin/true"
        )
    )
    done = run(analyze, "verify", "--man=no", unit, check=False)
    assert "Unknown key" in done.stderr
