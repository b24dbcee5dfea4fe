"""What a command loads, reads and writes, counted: machines are too noisy to assert a time.

Times are measured by `make bench` (docs/benchmarks.md).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import deepdiff
import pytest

from bench.specs import PASSWORD, deploy, spec
from omconf import secrets
from omconf.artifacts import node_check
from omconf.artifacts.hazelcast import Hazelcast
from omconf.artifacts.reading import Reading
from omconf.cli.app import COMMANDS
from omconf.plan import items
from omconf.releases import hazelcast_elements
from tests.command import ROOT, omconf

HEAVY = ("pydantic", "lxml", "yaml", "deepdiff", "xmlschema", "rich", "ctypes")
_RUN = """\
import sys
from omconf.cli import run_command
code = run_command(sys.argv[1:])
print(code, *sys.modules, file=sys.stderr)
"""

Trees = tuple[Path, Path, Path]


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Trees:
    """A spec of three nodes, its bundle, and what the bundle leaves on the nodes."""
    folder = tmp_path_factory.mktemp("counts")
    file, bundle, deployed = folder / "cluster.yaml", folder / "bundle", folder / "deployed"
    file.write_text(spec(3))
    assert omconf("build", file, "-o", bundle).code == 0
    deploy(bundle, deployed)
    return file, bundle, deployed


def loaded(*arguments: str | Path) -> set[str]:
    """Run omconf in a process of its own; return the modules that it had loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OM_DB_PASSWORD": PASSWORD},
        check=True,
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    return set(modules)


def heavy(modules: set[str]) -> set[str]:
    return {name for name in HEAVY if name in modules}


def touched(*folders: Path) -> dict[str, tuple[int, int, int]]:
    """Inode, time of change and size of all that stands in some folders, and of the folders."""
    found = {}
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            status = path.lstat()
            found[str(path)] = (status.st_ino, status.st_ctime_ns, status.st_size)
    return found


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_a_cold_start_loads_the_command_line_alone(option: str) -> None:
    modules = loaded(option)
    assert heavy(modules) == set()
    rooms = {name.split(".")[1] for name in modules if name.startswith("omconf.")}
    assert rooms == {"cli", "dataclass", "diagnostics", "interrupts", "rules"}


def test_a_build_loads_neither_what_compares_nor_what_explains(trees: Trees) -> None:
    spec_file, bundle, _ = trees
    modules = loaded("build", spec_file, "-o", bundle)
    assert heavy(modules) == {"pydantic", "lxml", "yaml"}
    assert not {name for name in modules if name.startswith(("omconf.plan", "omconf.views"))}


@pytest.mark.parametrize("command", ["build", "plan"])
def test_a_command_loads_no_other_command(trees: Trees, command: str) -> None:
    spec_file, bundle, deployed = trees
    source = ("-o", bundle) if command == "build" else ("--deployed", deployed)
    modules = loaded(command, spec_file, *source)
    others = {f"omconf.cli.{module}" for module in COMMANDS.values()} - {f"omconf.cli.{command}"}
    assert not modules & others - {"omconf.cli.completion"}  # what offers the names of nodes too


def test_a_plan_without_changes_loads_nothing_that_shows_changes(trees: Trees) -> None:
    spec_file, _, deployed = trees
    modules = loaded("plan", spec_file, "--deployed", deployed)
    assert heavy(modules) == {"pydantic", "lxml", "yaml"}


def test_a_plan_compiles_the_patterns_that_it_uses(trees: Trees) -> None:
    script = (
        _RUN
        + """
import gc
from omconf.regex import regex
found = [o for o in gc.get_objects() if type(o) is regex]
print(len(found), sum("_compiled" in vars(o) for o in found), file=sys.stderr)
"""
    )
    words = ["plan", str(trees[0]), "--deployed", str(trees[2])]
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OM_DB_PASSWORD": PASSWORD},
        check=True,
    )
    every, compiled = map(int, done.stderr.splitlines()[-1].split())
    assert every > 100
    assert compiled < every / 2


def test_a_plan_with_changes_loads_deepdiff(trees: Trees, tmp_path: Path) -> None:
    """So that the tests above look for the right names."""
    other = tmp_path / "cluster.yaml"
    other.write_text(spec(3, one=True))
    modules = loaded("plan", other, "--deployed", trees[2])
    assert "deepdiff" in modules


def test_nodes_that_change_alike_are_compared_once(
    trees: Trees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each deployed file is read once, for its comparison, its digest and the checks across nodes."""
    read, compared = [], []

    class Counted(deepdiff.DeepDiff):
        def __init__(self, before: dict[str, str], after: dict[str, str], **options: Any) -> None:
            compared.append((before, after))
            super().__init__(before, after, **options)

    def counted(self: Hazelcast, text: str, own: Any = Hazelcast.read) -> Reading:
        read.append(text)
        return cast("Reading", own(self, text))

    other = tmp_path / "cluster.yaml"
    other.write_text(spec(3, ttl=31))
    monkeypatch.setattr(deepdiff, "DeepDiff", Counted)
    monkeypatch.setattr(Hazelcast, "read", counted)
    items._changed.cache_clear()
    done = omconf("plan", other, "--deployed", trees[2], "--detailed-exitcode")
    assert done.code == 2, done.err
    assert len(read) == len(set(read)) == 6, "three files, deployed and wanted"
    keys = [sorted({**before, **after}) for before, after in compared]
    assert keys == [["multicast_ttl"], ["network/join/multicast/multicast-time-to-live"]]


def test_whole_files_are_not_searched_by_slow_patterns(
    trees: Trees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both took a sixth of a plan that changes all of 1,000 nodes."""
    searched: list[int] = []

    class Counted:
        def __init__(self, pattern: Any) -> None:
            self.pattern = pattern

        def search(self, text: Any) -> Any:
            searched.append(len(text))
            return self.pattern.search(text)

    other = tmp_path / "cluster.yaml"
    other.write_text(spec(3, ttl=31))
    monkeypatch.setattr(secrets, "SECRET_NAME", Counted(secrets.SECRET_NAME))
    monkeypatch.setattr(node_check, "_RELEASE", Counted(node_check._RELEASE))
    hazelcast_elements.unknown.cache_clear()
    assert omconf("plan", other, "--deployed", trees[2]).code == 0
    assert 0 < max(searched) < 1000
    looked_up = hazelcast_elements.unknown.cache_info()
    assert looked_up.hits >= 2 * looked_up.misses > 0, "once for all three nodes"


@pytest.mark.parametrize("check", [[], ["--check"]])
def test_a_build_of_the_same_touches_nothing(trees: Trees, check: list[str]) -> None:
    spec_file, bundle, _ = trees
    before = touched(spec_file.parent)
    done = omconf("build", spec_file, "-o", bundle, *check)
    assert done.code == 0, done.err
    assert touched(spec_file.parent) == before


def test_a_build_of_one_changed_node_touches_its_files_alone(trees: Trees, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    assert omconf("build", trees[0], "-o", bundle).code == 0
    files = [path for path in bundle.rglob("*") if path.is_file()]
    before = {path: (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in files}
    other = tmp_path / "cluster.yaml"
    other.write_text(spec(3, one=True))
    assert omconf("build", other, "-o", bundle).code == 0
    changed = {
        str(path.relative_to(bundle))
        for path, known in before.items()
        if (path.lstat().st_ino, path.lstat().st_mtime_ns) != known
    }
    node = "om3/files"
    classes = f"{node}/opt/om/webapps/openmeetings/WEB-INF/classes"
    own = {f"{classes}/hazelcast.xml", f"{node}/etc/omconf/conference/check.conf"}
    assert changed - {"README.md"} == own | {"om3/manifest.json"}


def test_a_plan_touches_nothing(trees: Trees) -> None:
    spec_file, _, deployed = trees
    before = touched(spec_file.parent)
    done = omconf("plan", spec_file, "--deployed", deployed, env={"OM_DB_PASSWORD": PASSWORD})
    assert done.code == 0, done.err
    assert touched(spec_file.parent) == before
