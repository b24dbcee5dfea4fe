"""What `plan` and `show` print, to the byte, and how they exit; `make golden` writes it anew.

A situation has NAME.txt (stderr, then stdout), NAME.md and, where it is short, NAME.json.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from omconf.planfile import store as saved
from tests.clusters import spec_of
from tests.command import Result, omconf
from tests.plan.documents import a_thousand

GOLDEN = Path(__file__).parent / "golden"
REWRITE = bool(os.environ.get("OMCONF_GOLDEN"))
SECRET = {"OM_DB_PASSWORD": "not-a-real-password"}
HAZELCAST = "opt/om/webapps/openmeetings/WEB-INF/classes/hazelcast.xml"
FORMS = {"txt": "--no-color", "md": "--markdown", "json": "--json"}


def _nothing(folder: Path) -> None:
    pass


def _changes(folder: Path) -> None:
    for node, old, new in (
        ("om1", ">224.2.2.3<", ">224.2.2.4<"),
        ("om2", ">om2</inst", ">server-1</inst"),
    ):
        file = folder / node / HAZELCAST
        file.write_text(file.read_text().replace(old, new))
    (folder / "om2/etc/fstab").write_text("10.1.1.1:/opt/omdata /opt/omdata nfs hard,intr 0 0\n")


def _incomplete(folder: Path) -> None:
    _changes(folder)
    shutil.rmtree(folder / "om1")
    (folder / "om1").symlink_to("om2")


def _broken(folder: Path) -> None:
    _changes(folder)
    file = folder / "om1" / HAZELCAST
    file.write_text(file.read_text().replace(">32<", ">999<"))


SITUATIONS: dict[str, tuple[Callable[[Path], None], int]] = {
    "no-changes": (_nothing, 0),
    "changes": (_changes, 2),
    "incomplete": (_incomplete, 1),
    "errors": (_broken, 1),
}


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec of two nodes, and deployed trees that are what it compiles to."""
    folder = tmp_path_factory.mktemp("staged")
    (folder / "cluster.yaml").write_text(yaml.safe_dump(spec_of(2)))
    built = omconf("build", "-o", "bundles", "--reveal-secrets", cwd=folder, env=SECRET)
    assert built.code == 0, built.err
    for node in ("om1", "om2"):
        for part in ("files", "blocks", "keys"):
            source = folder / "bundles" / node / part
            if source.exists():
                shutil.copytree(source, folder / "deployed" / node, dirs_exist_ok=True)
    return folder


def require_golden(name: str, result: Result) -> None:
    shown = result.err + result.out
    if REWRITE:
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / name).write_text(shown)
    assert shown == (GOLDEN / name).read_text()


@pytest.mark.parametrize("name", SITUATIONS)
def test_plan_and_show(name: str, staged: Path, tmp_path: Path) -> None:
    spoil, code = SITUATIONS[name]
    shutil.copy(staged / "cluster.yaml", tmp_path)
    shutil.copytree(staged / "deployed", tmp_path / "deployed")
    spoil(tmp_path / "deployed")
    for suffix, option in FORMS.items():
        options = ("--deployed", "deployed", option, "--detailed-exitcode")
        planned = omconf("plan", *options, "--out", "saved", cwd=tmp_path, env=SECRET)
        require_golden(f"{name}.{suffix}", planned)
        # A stale plan is shown all the same: neither the spec nor the deployed files are looked at.
        (tmp_path / "deployed").rename(tmp_path / "moved")
        (tmp_path / "cluster.yaml").rename(tmp_path / "moved.yaml")
        shown = omconf("show", "saved", option, "--detailed-exitcode", cwd=tmp_path)
        (tmp_path / "moved").rename(tmp_path / "deployed")
        (tmp_path / "moved.yaml").rename(tmp_path / "cluster.yaml")
        assert shown == planned
        assert planned.code == code
        plain = omconf("show", "saved", option, cwd=tmp_path)
        assert plain == Result(1 if code == 1 else 0, planned.out, planned.err)
    document = json.loads((tmp_path / "saved").read_text())
    del document["binding"]
    assert document == json.loads((GOLDEN / f"{name}.json").read_text())


def test_the_spec_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text("omconf: 1\ncluster: Conference\n")
    # What `plan --json` printed is a plan, too; here of nothing.
    printed = omconf("plan", "--deployed", ".", "--json", cwd=tmp_path)
    (tmp_path / "printed").write_text(printed.out)
    for suffix, option in FORMS.items():
        options = ("--deployed", ".", option, "--detailed-exitcode", "--out", "saved")
        planned = omconf("plan", *options, cwd=tmp_path)
        require_golden(f"no-plan.{suffix}", planned)
        assert planned.code == 1
        assert not (tmp_path / "saved").exists()
        assert omconf("show", "printed", option, cwd=tmp_path) == planned


@pytest.mark.parametrize("name", ["new", "by-hand", "one-changed"])
def test_a_thousand_nodes(name: str, tmp_path: Path) -> None:
    assert saved.write(str(tmp_path / "saved"), a_thousand(name)) is None
    for suffix, option in FORMS.items():
        if suffix != "json":
            shown = omconf("show", "saved", option, "--detailed-exitcode", cwd=tmp_path)
            assert shown.code == 2
            require_golden(f"thousand-{name}.{suffix}", shown)
