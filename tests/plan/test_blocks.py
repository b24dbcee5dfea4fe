"""Blocks in plans: compared as they stand, shown with their secrets hidden."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from omconf.artifacts import exports, samba
from omconf.ownership import OWNED
from tests.command import EXAMPLES, omconf
from tests.deployed import same

SPEC = EXAMPLES / "clustering-page/cluster.yaml"
SETENV = "opt/om/bin/setenv.sh"
ENV = {"OM_DB_PASSWORD": "not-a-real-password"}
OVERRULED = "No changes, but other settings override deployed options: see OM343."


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    built = omconf("build", SPEC, "-o", tmp_path / "s", "--reveal-secrets", env=ENV)
    assert built.code == 0, built.err
    for node in ("om1", "om2"):
        for folder in ("files", "blocks"):
            shutil.copytree(
                tmp_path / "s" / node / folder, tmp_path / "d" / node, dirs_exist_ok=True
            )
    return tmp_path / "d"


def plan(deployed: Path, spec: Path = SPEC) -> tuple[dict[str, Any], str]:
    result = omconf("plan", spec, "--deployed", deployed, "--json", env=ENV)
    return json.loads(result.out), result.out + result.err


def add(deployed: Path, option: str) -> None:
    file = deployed / "om2" / SETENV
    text = file.read_text()
    last = "org.apache.openmeetings.db.entity'"
    assert last in text
    file.write_text(text.replace(last, f"{last}\\\n '{option}'"))


def test_a_secret_in_an_option_is_not_shown(deployed: Path) -> None:
    add(deployed, "-Djavax.net.ssl.keyStorePassword=hunter2")
    document, shown = plan(deployed)
    assert "hunter2" not in shown
    (item,) = document["changes"][0]["items"]
    assert item == {
        "key": "-Djavax.net.ssl.keyStorePassword",
        "action": "delete",
        "secret": "different",
    }


def test_of_two_options_the_last_one_counts(deployed: Path) -> None:
    add(deployed, "-DDATA_DIR=/tmp/evil")
    document, _ = plan(deployed)
    (item,) = document["changes"][0]["items"]
    assert (item["key"], item["before"]) == ("-DDATA_DIR", "/tmp/evil")


def test_what_is_shown_alike_may_still_differ(deployed: Path, tmp_path: Path) -> None:
    add(deployed, "-Dldap.dn=username=bob")
    spec = tmp_path / "cluster.yaml"
    text = SPEC.read_text()
    options = "java_options: [-Dldap.dn=username=alice]"
    spec.write_text(text.replace('release: "9.1.0"', f'release: "9.1.0"\n  {options}', 1))
    document, shown = plan(deployed, spec)
    changes = [c for c in document["changes"] if c["node"] == "om2"]
    assert [c["action"] for c in changes] == ["update"]
    assert "bob" not in shown


def test_options_set_anew_behind_the_block_are_said(deployed: Path) -> None:
    file = deployed / "om2" / SETENV
    before = file.read_text()
    file.write_text(before + 'JAVA_OPTS="-Xmx9g"\n')
    document, _ = plan(deployed)
    (found,) = document["diagnostics"]
    assert (found["rule"], found["line"]) == ("OM343", before.count("\n") + 1)
    assert document["has_changes"] is False
    for options in ([], ["-q"], ["--markdown"]):
        result = omconf("plan", SPEC, "--deployed", deployed, *options, env=ENV)
        assert OVERRULED in result.out, options
        assert "match the spec" not in result.out
    file.write_text(before + 'export JAVA_OPTS="${JAVA_OPTS} -Xmx9g"\n')
    assert plan(deployed)[0]["diagnostics"] == []


def test_a_block_cannot_set_what_is_read_only(deployed: Path) -> None:
    file = deployed / "om2" / SETENV
    before = file.read_text()
    file.write_text(f"readonly JAVA_OPTS=-Xmx1g\n{before}")
    (found,) = plan(deployed)[0]["diagnostics"]
    assert (found["rule"], found["line"]) == ("OM343", 2)
    file.write_text(f"readonly X=-Xmx1g\nexport JAVA_OPTS\n{before}")
    assert plan(deployed)[0]["diagnostics"] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('*) JAVA_OPTS="${JAVA_OPTS-}$omconf_options" ;;\n', ""),
        ("esac\n", ""),
        (
            "'-Dopenjpa.serialization.class.blacklist=*'",
            "-Dopenjpa.serialization.class.blacklist=*",
        ),
    ],
)
def test_the_frame_of_a_script_counts(tmp_path: Path, old: str, new: str) -> None:
    """With the options all there, a block that does not give them to the JVM is no reformat."""
    spec = same.write_spec(tmp_path)
    same.build(spec, tmp_path / "b", "--reveal-secrets")
    for node in ("om1", "om2"):
        same.lay(tmp_path / "b" / node, tmp_path / "trees" / node)
    setenv = tmp_path / "trees/om2" / SETENV
    text = setenv.read_text()
    assert old in text
    setenv.write_text(text.replace(old, new))
    (change,) = same.plan(spec, "--deployed", tmp_path / "trees")["changes"]
    assert (change["path"], change["action"]) == (f"/{SETENV}", "update")
    assert change["items"]


def test_a_script_with_the_line_ends_of_another_system(tmp_path: Path) -> None:
    spec = same.write_spec(tmp_path)
    same.build(spec, tmp_path / "b", "--reveal-secrets")
    for node in ("om1", "om2"):
        same.lay(tmp_path / "b" / node, tmp_path / "trees" / node)
    setenv = tmp_path / "trees/om2" / SETENV
    setenv.write_bytes(b"# mine\r\n" + setenv.read_bytes().replace(b"\n", b"\r\n"))
    found = same.plan(spec, "--deployed", tmp_path / "trees")
    assert {d["rule"] for d in found["diagnostics"]} == {"OM301"}
    (change,) = found["changes"]
    assert change["items"][0]["before"] == "lines end in CR LF"


def test_a_line_before_the_block_does_not_go_on_in_it(deployed: Path) -> None:
    file = deployed / "om2" / SETENV
    file.write_text('JAVA_OPTS="-Xmx2g"\\\n')
    root = ("--local", "om2", "--root", deployed / "om2", "--yes")
    applied = omconf("apply", SPEC, *root, env=ENV)
    assert applied.code == 0, applied.err
    show = f'. "{file}" && echo "$JAVA_OPTS"'
    shell = subprocess.run(["sh", "-c", show], capture_output=True, text=True, check=False)
    assert (shell.returncode, shell.stderr) == (0, "")
    assert shell.stdout.startswith("-Xmx2g ")
    undone = omconf("undo", SPEC, *root, env=ENV)
    assert undone.code == 0, undone.err
    assert file.read_text() == 'JAVA_OPTS="-Xmx2g"\\\n'


def test_restored_entries_do_not_become_part_of_a_line_that_goes_on() -> None:
    theirs = "[x]\nvalid users = alice \\\n"
    share = "[data]\npath = /opt/omdata\n"
    block = f"# BEGIN omconf: conference\n{share}# END omconf: conference\n"
    now = f"{theirs}\n{block}"
    restored = OWNED[samba.KIND.ownership].restored(
        samba.KIND, "conference", share + theirs, now, ()
    )
    assert restored == f"{theirs}\n{share}"


def test_a_world_that_the_line_names_stays(deployed: Path) -> None:
    file = deployed / "om1/etc/exports"
    ours = "10.1.1.2(rw,sync,no_subtree_check)"
    file.write_text(f"/opt/omdata *(ro) {ours}\n")
    document, _ = plan(deployed)
    assert document["has_changes"] is False
    assert [(d["rule"], d["line"]) for d in document["diagnostics"]] == [("OM340", 1)]
    file.write_text(f"/opt/omdata *(ro) {ours.replace('rw', 'ro')}\n")
    omconf("apply", SPEC, "--local", "om1", "--root", deployed / "om1", "--yes", env=ENV)
    assert file.read_text().startswith("/opt/omdata *(ro)\n# BEGIN")
    file.write_text("/opt/omdata 10.1.1.2 (rw)\n")
    (change,) = plan(deployed)[0]["changes"]
    assert {i["key"]: i["action"] for i in change["items"]} == {
        "/opt/omdata *": "delete",
        "/opt/omdata 10.1.1.2": "update",
    }


@pytest.mark.parametrize("point", ["/opt/omdata/", "//opt/omdata", "/opt//omdata//"])
def test_a_mount_point_has_one_unit_whatever_its_slashes(deployed: Path, point: str) -> None:
    file = deployed / "om2/etc/fstab"
    line = next(line for line in file.read_text().split("\n") if "/opt/omdata" in line)
    file.write_text(line.replace(" /opt/omdata ", f" {point} ") + "\n")
    document, _ = plan(deployed)
    assert [(c["path"], c["action"]) for c in document["changes"]] == [("/etc/fstab", "reformat")]
    assert document["diagnostics"] == []


TWO = "# BEGIN omconf: two\n{}# END omconf: two\n"
ENTRIES = [
    ("om1", "etc/exports", "/opt/omdata 10.1.1.2(rw,async) 10.1.1.9(rw)\n/srv/two 10.1.1.2(rw)\n"),
    ("om2", "etc/fstab", "10.2.2.2:/opt/omdata /opt/omdata nfs hard 0 0\n"),
    ("om2", "etc/fstab", "10.1.1.1:/opt/omdata /opt/omdata nfs timeo=50,hard,_netdev 0 0\n"),
]


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(("node", "path", "entries"), ENTRIES)
def test_another_clusters_block_keeps_its_entries(
    deployed: Path, node: str, path: str, entries: str, own: bool
) -> None:
    file = deployed / node / path
    there = TWO.format(entries) + (file.read_text() if own else "")
    file.write_text(there)
    document, _ = plan(deployed)
    found = [(d["rule"], d["line"]) for d in document["diagnostics"]]
    assert found == [("OM311", 2)]
    assert "`two`" in document["diagnostics"][0]["message"]
    assert document["complete"] is False
    assert [c["path"] for c in document["changes"]] == []
    root = ("--local", node, "--root", deployed / node, "--yes")
    applied = omconf("apply", SPEC, *root, env=ENV)
    assert applied.code == 1
    assert file.read_text() == there


def test_two_clusters_share_a_server(deployed: Path) -> None:
    """Entries of another cluster that the block does not want are foreign lines."""
    file = deployed / "om1/etc/exports"
    file.write_text(TWO.format("/srv/two 10.1.1.2(rw)\n") + file.read_text())
    document, _ = plan(deployed)
    assert (document["diagnostics"], document["has_changes"]) == ([], False)


@pytest.mark.parametrize("end", ["", "# BEGIN omconf: three\n# END omconf: three\n"])
def test_a_block_without_its_end_is_still_another_clusters(deployed: Path, end: str) -> None:
    text = "# BEGIN omconf: two\n/opt/omdata 10.1.1.2(rw)\n" + end
    (deployed / "om1/etc/exports").write_text(text)
    document, _ = plan(deployed)
    assert [(d["rule"], d["line"]) for d in document["diagnostics"]] == [("OM311", 2)]


def test_undo_restores_no_entry_of_another_clusters_block() -> None:
    entry = "/opt/omdata 10.1.1.2(rw)\n"
    now = f"# BEGIN omconf: conference\n{entry}# END omconf: conference\n"
    owned = OWNED[exports.KIND.ownership]
    restored = owned.restored(exports.KIND, "conference", TWO.format(entry), now, ())
    assert restored == ""
    assert owned.restored(exports.KIND, "conference", entry, now, ()) == entry
