"""What `omconf import` counts as verified, and what its result line tells."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.adopt.trees import PERSISTENCE, SETENV_SH, by_hand, edit, imported
from tests.command import omconf

DATA = "opt/open/webapps/openmeetings/data"
PASSWORD = {"OM_DB_PASSWORD": "pa55-postgresql"}


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


def result(out: str) -> str:
    """The line of an import that tells what it did."""
    (line,) = [line for line in out.splitlines() if line.startswith("Imported ")]
    return line


@pytest.mark.parametrize("env", [PASSWORD, {}])
def test_secrets_that_are_not_compared_are_counted(
    trees: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    done = omconf("import", "--deployed", trees, "-o", tmp_path / "cluster.yaml", env=env)
    assert done.code == 0
    assert result(done.out) == (
        "Imported 3 nodes. Verified: a plan updates and deletes nothing; it adds 15 omconf files."
        + ("" if env else " 1 secret is not compared.")
    )


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("env", [PASSWORD, {}])
def test_into_compares_secrets_with_the_spec_s(
    trees: Path, tmp_path: Path, env: dict[str, str], same: bool
) -> None:
    spec = tmp_path / "cluster.yaml"
    two = ("--node", "om1", "--node", "om2")
    assert omconf("import", "--deployed", trees, *two, "-o", spec).code == 0
    if not same:
        edit(trees / "om3", PERSISTENCE, "pa55-postgresql", "an0ther-s3cret")
    done, found = imported(trees, "--node", "om3", "--into", spec, env=env)
    assert done.code == (0 if same and env else 2), found["differences"]
    said = [(d["key"], d["secret"]) for d in found["differences"]]
    key = "properties/openjpa.ConnectionProperties/Password"
    if not env:
        assert said == [(key, "unknown")]
        assert found["secrets"] == [
            {"key": "database.password", "variable": "OM_DB_PASSWORD", "state": "unknown"}
        ]
    else:
        assert said == ([] if same else [(key, "different")])
    assert "s3cret" not in done.out + done.err


@pytest.mark.parametrize("without", [("om1", "om2", "om3"), ("om2",)])
def test_a_setenv_that_is_not_there_means_restarts(trees: Path, without: tuple[str, ...]) -> None:
    for node in without:
        (trees / node / SETENV_SH).unlink()
        (trees / node / DATA).symlink_to("/opt/omdata")
    done, found = imported(trees)
    assert found["plan"]["disruption"] == "rolling"
    assert done.code == (0 if len(without) == 3 else 2)


def _without_data_dir(trees: Path, *nodes: str) -> None:
    for node in nodes or ("om1", "om2", "om3"):
        edit(trees / node, SETENV_SH, "-DDATA_DIR=/opt/omdata ", "")


@pytest.mark.parametrize("target", ["/opt/omdata", "/srv/omdata", "../../../../srv/omdata"])
def test_a_data_folder_behind_a_link_stays(trees: Path, target: str) -> None:
    _without_data_dir(trees)
    for node in ("om1", "om2", "om3"):
        (trees / node / DATA).symlink_to(target)
    done, found = imported(trees)
    assert (done.code, found["differences"]) == (0, [])
    folder = yaml.safe_load(found["spec"])["openmeetings"].get("data_dir", "/opt/omdata")
    assert folder == target.removeprefix("../../../..")
    assert not [d for d in found["diagnostics"] if d["rule"] == "OM353"]


def test_data_in_openmeetings_own_folder_would_move(trees: Path) -> None:
    _without_data_dir(trees)
    for node in ("om1", "om2", "om3"):
        (trees / node / DATA).mkdir()
    done, found = imported(trees)
    assert done.code == 2
    (reason,) = [d["reason"] for d in found["differences"]]
    assert f"The data folder /{DATA} lies in /opt/open" in reason


def test_a_data_folder_that_no_file_shows_is_a_difference(trees: Path) -> None:
    _without_data_dir(trees)
    done, found = imported(trees)
    assert done.code == 2
    assert {(d["node"], d["key"]) for d in found["differences"]} == {
        (node, "-DDATA_DIR") for node in ("om1", "om2", "om3")
    }
    assert all(f"`/{DATA}`" in d["reason"] for d in found["differences"])


@pytest.mark.parametrize("shared", [True, False])
def test_the_data_folder_of_one_node_alone(trees: Path, shared: bool) -> None:
    _without_data_dir(trees, "om3")
    (trees / "om3" / DATA).mkdir()
    if not shared:  # no mount and no export
        for place in (*trees.glob("*/etc/fstab"), *trees.glob("*/etc/exports")):
            place.unlink()
        (trees / "om3" / DATA).rmdir()
    done, found = imported(trees)
    assert done.code == 2
    assert [(d["rule"], d["node"], d["key"]) for d in found["drift"]] == [
        ("OM351", "om3", "openmeetings.data_dir")
    ]
    assert [(d["node"], d["key"]) for d in found["differences"]] == [("om3", "-DDATA_DIR")]


def test_an_option_that_one_node_alone_lacks_is_a_difference(trees: Path) -> None:
    edit(trees / "om3", SETENV_SH, " -Xmx2g", "")
    done, found = imported(trees)
    assert done.code == 2
    assert [(d["node"], d["key"], d["reason"]) for d in found["differences"]] == [
        ("om3", "-Xmx2g", "this node differs from the others")
    ]


def test_the_restart_of_one_node(tmp_path: Path) -> None:
    by_hand(tmp_path / "trees", nodes=1)
    (tmp_path / "trees/om1" / SETENV_SH).unlink()
    done = omconf("import", "--deployed", tmp_path / "trees", "-o", tmp_path / "cluster.yaml")
    assert result(done.out) == (
        "Imported 1 node. A plan against the same nodes is not empty: see above."
        " The node restarts for these changes: see the plan. 1 secret is not compared."
    )


def test_exports_of_another_file_are_imported_and_to_be_moved(trees: Path, tmp_path: Path) -> None:
    exports = trees / "om1/etc/exports"
    exports.write_text(exports.read_text().replace("root_squash", "no_root_squash"))
    further = trees / "om1/etc/exports.d/om.exports"
    further.parent.mkdir()
    exports.rename(further)
    spec = tmp_path / "cluster.yaml"
    done = omconf("import", "--deployed", trees, "-o", spec, env=PASSWORD)
    assert done.code == 2
    assert [f for f in done.findings if f[0] == "OM311"] == [
        ("OM311", "om1:/etc/exports.d/om.exports:1")
    ] * 2
    assert "error[" not in done.err
    assert "Delete this line" not in done.err
    assert (
        "om1: /etc/exports.d/om.exports\n      omconf writes exports to /etc/exports only"
        in done.out
    )
    assert "no_root_squash" in yaml.safe_load(spec.read_text())["storage"]["export_options"]
    further.rename(exports)  # as the hint says
    planned = omconf("plan", spec, "--deployed", trees, env=PASSWORD)
    assert " 0 to update, 0 to delete" in planned.out


def test_errors_of_the_nodes_are_not_verified(trees: Path, tmp_path: Path) -> None:
    edit(trees / "om1", SETENV_SH, "\n", "\r\n")
    done = omconf("import", "--deployed", trees, "-o", tmp_path / "cluster.yaml", env=PASSWORD)
    assert done.code == 1
    assert result(done.out) == "Imported 3 nodes. The import is not verified: see the errors above."
    _, found = imported(trees)
    assert (found["proved"], found["complete"]) == (False, True)


_JAR = "opt/open/webapps/openmeetings/WEB-INF/lib/openmeetings-db-{}.jar"
_UNIT = "etc/systemd/system/{}.service"
_BESIDE_FILES = {
    "openmeetings.release": "/opt/open/webapps/openmeetings/WEB-INF/lib",
    "openmeetings.user": f"/{_UNIT.format('openmeetings')}",
    "openmeetings.group": f"/{_UNIT.format('openmeetings')}",
    "openmeetings.service": f"/{_UNIT.format('conference')}",
}


def _make_another(tree: Path, key: str) -> None:
    match key.rpartition(".")[2]:
        case "release":
            (tree / _JAR.format("9.1.0")).rename(tree / _JAR.format("8.0.0"))
        case "user":
            edit(tree, _UNIT.format("openmeetings"), "User=nobody", "User=om")
        case "group":
            edit(tree, _UNIT.format("openmeetings"), "Group=nogroup", "Group=om")
        case _:
            (tree / _UNIT.format("openmeetings")).rename(tree / _UNIT.format("conference"))


@pytest.mark.parametrize("key", _BESIDE_FILES)
@pytest.mark.parametrize("into", [False, True])
def test_what_no_file_of_omconf_shows_is_a_difference(
    trees: Path, tmp_path: Path, key: str, into: bool
) -> None:
    spec = tmp_path / "cluster.yaml"
    more: tuple[str | Path, ...] = ()
    if into:
        assert (
            omconf("import", "--deployed", trees, "--node", "om1", "--node", "om2", "-o", spec).code
            == 0
        )
        more = ("--node", "om3", "--into", spec)
    _make_another(trees / "om3", key)
    done, found = imported(trees, *more, env=PASSWORD)
    assert done.code == 2
    assert [(d["node"], d["path"]) for d in found["differences"]] == [("om3", _BESIDE_FILES[key])]
    assert [d["key"] for d in found["drift"]] == ([] if into else [key])
