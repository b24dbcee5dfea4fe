"""Golden cases: a spec, the bundles it compiles to, and the plan against what is deployed.

Each folder under tests/cases and examples is one: `cluster.yaml`, `expected/` (in examples
`bundles/`) and, with a `deployed/` tree, `plan.txt`, `plan.json` and `plan.md`. `make golden` writes
them anew; the difference is then read in a review.

A long file of a bundle is kept once, in tests/cases/shared: `expected/` has its first lines, which
name the cluster, and where the rest is; manifests and plans have that place instead of its digest.
So a change of the node check changes one file. Examples have every file whole: users read them.
"""

from __future__ import annotations

import hashlib
import json
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


SHARED = ROOT / "tests/cases/shared"
LONG = 200
"""Lines of a file from which it is kept in `SHARED`."""
HEAD = 2
"""First lines of a long file that each case keeps: `#!`, and the cluster's name."""


def build(case: Path, folder: Path) -> dict[str, str]:
    """Compile a case into a folder; its files by relative path."""
    built = omconf("build", "-o", folder, cwd=case)
    assert built.code == 0, built.err
    return tree(folder)


def long_files(case: Path, built: dict[str, str]) -> dict[str, Path]:
    """The files that `SHARED` keeps for a case: the place of the rest by the file's text."""
    if case.parent == EXAMPLES:
        return {}
    return {
        text: SHARED / Path(place).name for place, text in built.items() if text.count("\n") >= LONG
    }


def kept(text: str, long: dict[str, Path]) -> str:
    """A text as its golden file has it: without a long file's rest, or the digest of one."""
    if text in long:
        head = "".join(text.splitlines(keepends=True)[:HEAD])
        return f"{head}... the rest is {long[text].relative_to(SHARED.parent)}\n"
    for whole, rest in long.items():
        digest = hashlib.sha256(whole.encode()).hexdigest()
        text = text.replace(digest, f"of {rest.relative_to(SHARED.parent)}")
    return text


def test_bundles(case: Path, tmp_path: Path) -> None:
    expected = case / ("bundles" if case.parent == EXAMPLES else "expected")
    built = build(case, tmp_path / "bundles")
    long = long_files(case, built)
    files = {place: kept(text, long) for place, text in built.items()}
    if GOLDEN:
        shutil.rmtree(expected, ignore_errors=True)
        shutil.copytree(tmp_path / "bundles", expected)
        for place, text in files.items():
            (expected / place).write_text(text)
    assert files == tree(expected)
    for whole, rest in long.items():
        shared = "".join(whole.splitlines(keepends=True)[HEAD:])
        if GOLDEN:
            SHARED.mkdir(exist_ok=True)
            rest.write_text(shared)
        assert shared == rest.read_text()
    whole_ones = expected if case.parent == EXAMPLES else tmp_path / "bundles"
    assert omconf("build", "-o", whole_ones, "--check", cwd=case).code == 0


@pytest.mark.parametrize(
    "case", [c for c in CASES if (c / "deployed").exists()], ids=lambda p: p.name
)
def test_plan(case: Path, tmp_path: Path) -> None:
    long = long_files(case, build(case, tmp_path / "bundles"))
    forms = {"plan.txt": "--no-color", "plan.json": "--json", "plan.md": "--markdown"}
    for name, option in forms.items():
        options = ("--deployed", "deployed", option, "--out", tmp_path / "saved")
        planned = omconf("plan", *options, cwd=case, env=SECRET)
        shown = kept(planned.err + planned.out, long)
        if GOLDEN:
            (case / name).write_text(shown)
        assert shown == (case / name).read_text()
        assert omconf("show", tmp_path / "saved", option) == planned


def test_a_bundle_laid_out_as_deployed_has_no_changes(case: Path, tmp_path: Path) -> None:
    build(case, tmp_path / "bundles")
    for node in (tmp_path / "bundles").iterdir():
        for folder in ("files", "blocks", "keys"):
            if (node / folder).is_dir():
                shutil.copytree(
                    node / folder, tmp_path / "deployed" / node.name, dirs_exist_ok=True
                )
    options = ("--deployed", tmp_path / "deployed", "--detailed-exitcode", "--json")
    planned = omconf("plan", *options, cwd=case)
    assert planned.code == 0
    document = json.loads(planned.out)
    assert (document["has_changes"], document["changes"]) == (False, [])
    found = {d["rule"] for d in document["diagnostics"]}
    assert "OM320" in found, "the placeholders of the bundle are deployed"
