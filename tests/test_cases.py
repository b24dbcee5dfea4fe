"""Golden cases: a spec, the bundles it compiles to, and the plan against what is deployed.

Each folder under tests/cases and examples is one: `cluster.yaml`, `expected/` (in examples
`bundles/`) and, with a `deployed/` tree, `plan.txt`, `plan.json` and `plan.md`. `make golden` writes
them anew; the difference is then read in a review.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.command import EXAMPLES, ROOT, omconf, tree

CASES = [
    p.parent
    for p in sorted([*ROOT.glob("tests/cases/*/cluster.yaml"), *EXAMPLES.glob("*/cluster.yaml")])
]
GOLDEN = bool(os.environ.get("OMCONF_GOLDEN"))
SECRET = {"OM_DB_PASSWORD": "not-a-real-password", "OM_STORAGE_PASSWORD": "nor is this"}


@pytest.fixture(params=CASES, ids=lambda p: p.name)
def case(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_bundles(case: Path, tmp_path: Path) -> None:
    expected = case / ("bundles" if case.parent == EXAMPLES else "expected")
    built = omconf("build", "-o", tmp_path / "bundles", cwd=case)
    assert built.code == 0, built.err
    if GOLDEN:
        shutil.rmtree(expected, ignore_errors=True)
        shutil.copytree(tmp_path / "bundles", expected)
    assert tree(tmp_path / "bundles") == tree(expected)
    assert omconf("build", "-o", expected, "--check", cwd=case).code == 0


@pytest.mark.parametrize(
    "case", [c for c in CASES if (c / "deployed").exists()], ids=lambda p: p.name
)
def test_plan(case: Path, tmp_path: Path) -> None:
    forms = {"plan.txt": "--no-color", "plan.json": "--json", "plan.md": "--markdown"}
    for name, option in forms.items():
        options = ("--deployed", "deployed", option, "--out", tmp_path / "saved")
        planned = omconf("plan", *options, cwd=case, env=SECRET)
        shown = planned.err + planned.out
        if GOLDEN:
            (case / name).write_text(shown)
        assert shown == (case / name).read_text()
        assert omconf("show", tmp_path / "saved", option) == planned


def test_a_bundle_laid_out_as_deployed_has_no_changes(case: Path, tmp_path: Path) -> None:
    built = omconf("build", "-o", tmp_path / "bundles", cwd=case)
    assert built.code == 0, built.err
    for node in (tmp_path / "bundles").iterdir():
        for folder in ("files", "blocks", "keys"):
            if (node / folder).is_dir():
                shutil.copytree(
                    node / folder, tmp_path / "deployed" / node.name, dirs_exist_ok=True
                )
    planned = omconf("plan", "--deployed", tmp_path / "deployed", "--detailed-exitcode", cwd=case)
    assert planned.out.endswith("No changes. Deployed files match the spec.\n")
    assert planned.code == 0
    assert "OM320" in planned.err, "the placeholders of the bundle are deployed"
