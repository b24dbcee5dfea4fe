"""fstab lines, checked by `findmnt --verify` and systemd's fstab generator: any warning fails."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from omconf.artifacts import fstab
from tests.clusters import simple
from tests.needs import needs, program
from tests.real.programs import run

FINDMNT = needs("findmnt")


def _lines(number: int, **storage: object) -> str:
    """The lines of the node om1 (the data server, unless another is named) or om2."""
    data_dir = storage.pop("data_dir", "/opt/omdata")
    cluster = simple(openmeetings={"data_dir": data_dir}, storage=storage)
    return "".join(a.text for a in fstab.KIND.render(cluster, cluster.nodes[number - 1]))


CASES = {
    "defaults": _lines(2),
    "a space in the path": _lines(2, data_dir="/opt/om data"),
    "another export": _lines(2, export="/srv/om data"),
    "another export on the data server": _lines(1, export="/srv/om data"),
    "outside": _lines(1, server="nas.example.org", export="/volume1/om"),
    "more options": _lines(
        2, options=["hard", "nosuid", "x-systemd.mount-timeout=30", "nfsvers=4.2"]
    ),
    "no options": _lines(2, options=[]),
}
SAMBA: dict[str, Any] = {
    "kind": "cifs",
    "share": "OM data",
    "password": {"env": "OM_STORAGE_PASSWORD"},
}
SHARES = {
    "a share": _lines(2, data_dir="/opt/om data", **SAMBA),
    "a share outside": _lines(1, server="nas.example.org", **SAMBA),
    "a share with more options": _lines(
        2, options=["hard", "vers=3.1.1", "x-systemd.automount"], **SAMBA
    ),
}
ALL = CASES | SHARES


def _tab(text: str, tmp_path: Path) -> Path:
    """The targets must exist, so they lie below tmp_path."""
    for target in ("opt/omdata", "opt/om data", "srv/om data"):
        (tmp_path / target).mkdir(parents=True, exist_ok=True)
    root = str(tmp_path).replace(" ", "\\040")
    lines = [
        " ".join(
            f"{root}{f}" if i <= 1 and f.startswith("/") and not f.startswith("//") else f
            for i, f in enumerate(line.split(" "))
        )
        for line in text.splitlines()
        if not line.startswith("#")
    ]
    tab = tmp_path / "fstab"
    tab.write_text("\n".join(lines) + "\n")
    return tab


@FINDMNT
@pytest.mark.parametrize("case", ALL)
def test_findmnt(case: str, tmp_path: Path) -> None:
    tab = _tab(ALL[case], tmp_path)
    done = subprocess.run(
        ["findmnt", "--verify", "--verbose", "--tab-file", tab], capture_output=True, text=True
    )
    assert "0 parse errors, 0 errors" in done.stdout.replace(
        "Success, no errors or warnings detected", "0 parse errors, 0 errors"
    ), done.stdout
    assert "[E]" not in done.stdout
    assert done.returncode == 0


@FINDMNT
@pytest.mark.parametrize("case", CASES)
def test_libmount_reads_the_fields_as_they_are_meant(case: str, tmp_path: Path) -> None:
    """findmnt reads fstab with the library that mount itself uses."""
    tab = tmp_path / "fstab"
    tab.write_text(CASES[case])
    columns = "SOURCE,TARGET,FSTYPE,OPTIONS,FREQ,PASSNO"
    done = run("findmnt", "--fstab", "--tab-file", tab, "--json", "--output", columns)
    (read,) = json.loads(done.stdout)["filesystems"]
    bind = "data server" in case
    assert read["fstype"] == ("none" if bind else "nfs")
    server = "nas.example.org" if case == "outside" else "10.1.1.1"
    export = {"a space in the path": "/opt/om data", "outside": "/volume1/om"}.get(
        case, "/opt/omdata"
    )
    export = "/srv/om data" if case.startswith("another") else export
    assert read["source"] == (export if bind else f"{server}:{export}")
    assert read["target"] == ("/opt/om data" if case == "a space in the path" else "/opt/omdata")
    options = {
        "another export on the data server": "bind",
        "more options": "hard,nosuid,x-systemd.mount-timeout=30,nfsvers=4.2",
        "no options": "defaults",
    }
    assert read["options"] == options.get(case, "timeo=50,hard,_netdev")
    assert (str(read["freq"]), str(read["passno"])) == ("0", "0")


@FINDMNT
@pytest.mark.parametrize(
    ("case", "source", "options"),
    [
        ("a share", "//10.1.1.1/OM data", "hard,_netdev"),
        ("a share outside", "//nas.example.org/OM data", "hard,_netdev"),
        (
            "a share with more options",
            "//10.1.1.1/OM data",
            "hard,vers=3.1.1,x-systemd.automount",
        ),
    ],
)
def test_libmount_reads_a_share(case: str, source: str, options: str, tmp_path: Path) -> None:
    tab = tmp_path / "fstab"
    tab.write_text(SHARES[case])
    columns = "SOURCE,TARGET,FSTYPE,OPTIONS"
    done = run("findmnt", "--fstab", "--tab-file", tab, "--json", "--output", columns)
    (read,) = json.loads(done.stdout)["filesystems"]
    account = "credentials=/etc/omconf/conference/storage.credentials,uid=nobody,gid=nogroup"
    assert read == {
        "source": source,
        "target": "/opt/om data" if case == "a share" else "/opt/omdata",
        "fstype": "cifs",
        "options": f"{account},file_mode=0640,dir_mode=0750,{options}",
    }


@needs("systemd-fstab-generator")
@pytest.mark.parametrize("case", ALL)
def test_systemd_makes_a_mount_unit_of_each_line(case: str, tmp_path: Path) -> None:
    tab = _tab(ALL[case], tmp_path)
    folders = [tmp_path / name for name in ("normal", "early", "late")]
    for folder in folders:
        folder.mkdir()
    env = {
        **os.environ,
        "SYSTEMD_FSTAB": str(tab),
        "SYSTEMD_LOG_LEVEL": "warning",
        "SYSTEMD_LOG_TARGET": "console",
    }
    done = subprocess.run(
        [program("systemd-fstab-generator"), *folders], env=env, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    mounts = list(folders[0].glob("*.mount"))
    assert len(mounts) == 1


@needs("systemd-fstab-generator")
def test_systemd_takes_the_first_of_two_lines_for_one_mount_point(tmp_path: Path) -> None:
    text = "10.9.9.9:/old /opt/omdata nfs ro 0 0\n10.1.1.1:/opt/omdata /opt/omdata nfs hard 0 0\n"
    (tmp_path / "fstab").write_text(text)
    folders = [tmp_path / name for name in ("normal", "early", "late")]
    for folder in folders:
        folder.mkdir()
    env = {**os.environ, "SYSTEMD_FSTAB": str(tmp_path / "fstab")}
    subprocess.run([program("systemd-fstab-generator"), *folders], env=env, capture_output=True)
    (unit,) = folders[0].glob("*.mount")
    assert "\nWhat=10.9.9.9:/old\n" in unit.read_text()
    counted = fstab.KIND.counted(fstab.KIND.entries(text)[0])
    assert counted["/opt/omdata"].line == 1


@FINDMNT
def test_a_mistake_would_be_noticed(tmp_path: Path) -> None:
    tab = tmp_path / "fstab"
    tab.write_text("10.1.1.1:/opt/omdata /no/such/folder nfs hard 0 0 x\n10.1.1.1:/a\n")
    done = subprocess.run(
        ["findmnt", "--verify", "--tab-file", tab], capture_output=True, text=True
    )
    assert done.returncode != 0
