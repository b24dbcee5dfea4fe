"""What `omconf import` counts as verified, and what its result line tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adopt.trees import PERSISTENCE, SETENV_SH, by_hand, edit, imported
from tests.command import omconf

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
    done, found = imported(trees)
    assert found["plan"]["disruption"] == "rolling"
    assert done.code == (0 if len(without) == 3 else 2)


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
