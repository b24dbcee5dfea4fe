"""Files that a node's own files name: imported, or named as what an import lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.adopt.trees import PERSISTENCE, SETENV_SH, by_hand, edit, imported, put

ACCOUNT = "username=share\npassword=s3cr3t-x\ndomain=CAMPUS\n"


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


def mount_cifs(trees: Path, option: str = "credentials=/root/.smbcredentials") -> None:
    """Have all nodes mount the folder from a Samba server that is none of them."""
    for node in ("om1", "om2", "om3"):
        (trees / node / "etc/exports").unlink(missing_ok=True)
        own = "uid=nobody,gid=nogroup,file_mode=0640,dir_mode=0750"
        line = f"//nas.example.org/om /opt/omdata cifs _netdev,{option},{own} 0 0\n"
        put(trees / node, "etc/fstab", line)
        put(trees / node, "root/.smbcredentials", ACCOUNT)


def test_the_account_of_a_mount_is_in_another_file(trees: Path) -> None:
    mount_cifs(trees)
    done, found = imported(trees)
    assert done.code == 0, found["differences"]
    assert yaml.safe_load(found["spec"])["storage"]["user"] == "share"


@pytest.mark.parametrize("gone", [("om1", "om2", "om3"), ("om2",)])
def test_the_account_of_a_mount_is_not_in_the_copy(trees: Path, gone: tuple[str, ...]) -> None:
    mount_cifs(trees)
    for node in gone:
        (trees / node / "root/.smbcredentials").unlink()
    done, found = imported(trees)
    assert done.code == 2
    assert not found["proved"]
    said = [d for d in found["diagnostics"] if "`/root/.smbcredentials`" in d["message"]]
    assert [(d["node"], d["path"], d["line"]) for d in said] == [
        (node, "/etc/fstab", 1) for node in gone
    ]
    left = [d for d in found["differences"] if d["path"] == "/root/.smbcredentials"]
    assert {d["node"] for d in left} == set(gone)
    assert all(d["reason"].startswith("/etc/fstab:1 ") for d in left), left


SOURCES = {
    "plain": ". /etc/default/om\n",
    "quoted": 'source "/etc/default/om"\n',
    "in a branch": "if [ -r /etc/default/om ]; then . /etc/default/om; fi\n",
    "in a branch of several lines": "if [ -r /etc/default/om ]\nthen\n\t. /etc/default/om\nfi\n",
    "behind a test": "[ -r /etc/default/om ] && . /etc/default/om\n",
}


@pytest.mark.parametrize("way", SOURCES)
def test_files_that_setenv_sources_are_named(trees: Path, way: str) -> None:
    for node in ("om1", "om2", "om3"):
        edit(trees / node, SETENV_SH, r"\A", SOURCES[way])
        put(trees / node, "etc/default/om", 'JAVA_OPTS="$JAVA_OPTS -Dextra=1"\n')
    done, found = imported(trees)
    assert done.code == 0, found["differences"]  # setenv.sh goes on sourcing it
    said = [d for d in found["diagnostics"] if d["message"].startswith("`/etc/default/om`")]
    assert [d["node"] for d in said] == ["om1", "om2", "om3"]
    assert {d["rule"] for d in said} == {"OM352"}
    line = 3 if "several" in way else 1
    assert {(d["path"], d["line"]) for d in said} == {(f"/{SETENV_SH}", line)}


def test_environment_files_that_are_read_are_not_named(trees: Path) -> None:
    for node in ("om1", "om2", "om3"):
        unit = "etc/systemd/system/openmeetings.service"
        file = "EnvironmentFile=-/etc/default/openmeetings\\nExecStart"
        edit(trees / node, unit, "ExecStart", file)
        put(trees / node, "etc/default/openmeetings", "CATALINA_OPTS=-Dextra=1\n")
    _, found = imported(trees)
    assert "-Dextra=1" in yaml.safe_load(found["spec"])["openmeetings"]["java_options"]
    assert "OM352" not in {d["rule"] for d in found["diagnostics"]}


def test_options_in_a_unit_s_command_are_named(trees: Path) -> None:
    unit = "etc/systemd/system/openmeetings.service"
    edit(trees / "om2", unit, "catalina.sh", "catalina.sh -Dextra=1")
    _, found = imported(trees)
    (said,) = [d for d in found["diagnostics"] if d["rule"] == "OM352"]
    assert (said["node"], said["path"], said["line"]) == ("om2", f"/{unit}", 7)


@pytest.mark.parametrize("there", [True, False])
def test_a_certificate_that_the_database_s_url_names(trees: Path, there: bool) -> None:
    ca = "/etc/omconf/openmeetings/database-ca.pem"
    for node in ("om1", "om2", "om3"):
        tls = rf"\1?sslmode=verify-full&amp;sslrootcert={ca}"
        edit(trees / node, PERSISTENCE, r"(5432/openmeetings)", tls)
        if there or node != "om3":
            put(trees / node, ca, "-----BEGIN CERTIFICATE-----\n")
    done, found = imported(trees)
    said = [d["node"] for d in found["diagnostics"] if f"names `{ca}`" in d["message"]]
    assert said == ([] if there else ["om3"])
    assert ca in str(found["differences"]) or there
    assert there or done.code == 2
