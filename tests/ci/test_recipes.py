"""The recipes for CI: pre-commit's hooks, the action's scripts, GitLab's job, their reports."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.command import EXAMPLES, ROOT, omconf
from tests.needs import needs

BIN = Path(sys.executable).parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: dict[str, dict[str, Any]] = {s["name"]: s for s in ACTION["runs"]["steps"] if "name" in s}
GITLAB: dict[str, Any] = yaml.safe_load((EXAMPLES / "ci/gitlab.yml").read_text())["omconf"]
WRONG = "omconf: 1\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A cluster's repository: spec and bundles on `main`, and a change of both on a branch."""
    folder = tmp_path / "repository"
    folder.mkdir()
    spec = (EXAMPLES / "clustering-page/cluster.yaml").read_text()
    (folder / "cluster.yaml").write_text(spec)
    git(folder, "init", "-q", "-b", "main")
    commit(folder)
    git(folder, "checkout", "-q", "-b", "change")
    (folder / "cluster.yaml").write_text(spec.replace("10.1.1.10", "10.1.1.20"))
    commit(folder)
    git(folder, "update-ref", "refs/remotes/origin/main", "main")
    return folder


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    assert omconf("build", "-o", "bundles", cwd=folder).code == 0
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "state")


def environment(folder: Path) -> dict[str, str]:
    """An environment whose `omconf` is this one."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    for name, words in {"omconf": "-m omconf", "python": ""}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (programs / name).chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    path = f"{programs}:{BIN}:{os.environ['PATH']}"
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "OM_DB_PASSWORD": "x"}


def shell(script: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub's `shell: bash` does."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={**environment(folder.parent), **more},
        capture_output=True,
        text=True,
        check=False,
    )


@needs("bash", "git")
def test_the_hooks_run_in_pre_commit(repository: Path) -> None:
    """Without the installation of omconf, which needs a network."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    local = [{**hook, "language": "system"} for hook in hooks]
    config = {"repos": [{"repo": "local", "hooks": local}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    (repository / "other.yaml").write_text(WRONG)
    git(repository, "add", "-A")

    def run() -> tuple[int, dict[str, str]]:
        done = shell("pre-commit run --all-files --color never", repository, HOME=str(repository))
        ends = re.findall(r"^(omconf .*?)\.{3,}.*?(Passed|Failed)$", done.stdout, re.MULTILINE)
        return done.returncode, dict(ends)

    check = "omconf build --check"
    assert run() == (0, {"omconf validate": "Passed", check: "Passed"})
    (repository / "bundles/om1/files/etc/exports").unlink(missing_ok=True)
    (repository / "bundles/om1/manifest.json").unlink(missing_ok=True)
    shutil.rmtree(repository / "bundles/om1")
    assert run() == (1, {"omconf validate": "Passed", check: "Failed"})
    (repository / "new.omconf.yaml").write_text(WRONG)
    git(repository, "add", "-A")
    assert run() == (1, {"omconf validate": "Failed", check: "Failed"})


@needs("git")
def test_pre_commit_accepts_the_manifest() -> None:
    words = [str(BIN / "pre-commit"), "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    subprocess.run(words, check=True)


@needs("actionlint")
def test_the_workflow_is_one_that_github_accepts(tmp_path: Path) -> None:
    place = tmp_path / ".github/workflows/omconf.yml"
    place.parent.mkdir(parents=True)
    shutil.copy(EXAMPLES / "ci/github.yml", place)
    words = ["actionlint", "-no-color", "-shellcheck", str(BIN / "shellcheck"), str(place)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", [name for name, step in STEPS.items() if "run" in step])
def test_the_action_gives_scripts_no_expression_and_shellcheck_nothing_to_say(name: str) -> None:
    """An expression in a script lets pull requests from anybody run commands."""
    script = STEPS[name]["run"]
    assert "${{" not in script
    words = [str(BIN / "shellcheck"), "--shell=bash", "-"]
    done = subprocess.run(words, input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def act(name: str, repository: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script in a repository, as GitHub would."""
    temporary = repository.parent
    inputs = {"SPEC": "cluster.yaml", "BUNDLES": "bundles", "PLAN": "--git origin/main -o bundles"}
    own = {"RUNNER_TEMP": str(temporary), "GITHUB_STEP_SUMMARY": str(temporary / "summary")}
    return shell(STEPS[name]["run"], repository, **inputs, **own, **more)


@needs("bash", "git")
def test_the_action_validates_checks_and_plans(repository: Path) -> None:
    assert act("Validate", repository).returncode == 0
    assert act("Check the bundles", repository).returncode == 0
    done = act("Plan", repository)
    assert (done.returncode, done.stderr) == (0, "")
    summary = (repository.parent / "summary").read_text()
    assert "10.1.1.20" in summary
    (repository / "cluster.yaml").write_text(WRONG)
    assert act("Validate", repository).returncode == 1
    log = json.loads((repository.parent / "omconf.sarif").read_text())
    assert log["runs"][0]["results"]
    assert act("Check the bundles", repository).returncode == 1
    assert act("Plan", repository).returncode == 1


GH = r"""#!/bin/sh
# Stands in for GitHub's own program, which needs GitHub: keeps comments in a file, a JSON text a line.
[ "$1" = api ] || exit 9
case "$*" in
*--paginate*) [ ! -e comment ] || echo 7 ;;
*"--method PATCH repos/o/r/issues/comments/7 "*) echo patch >> calls; cat "${6#body=@}" > comment ;;
*"--method POST repos/o/r/issues/3/comments "*) echo post >> calls; cat "${6#body=@}" > comment ;;
*) exit 8 ;;
esac
"""


@needs("bash", "git")
def test_the_action_updates_its_one_comment(repository: Path) -> None:
    environment(repository.parent)
    program = repository.parent / "bin/gh"
    program.write_text(GH)
    program.chmod(0o755)
    for calls in ("post\n", "post\npatch\n"):
        act("Plan", repository)
        done = act("Comment", repository, REPOSITORY="o/r", NUMBER="3", GH_TOKEN="-")
        assert (done.returncode, done.stderr) == (0, "")
        assert (repository / "calls").read_text() == calls
    first, rest = (repository / "comment").read_text().split("\n", 1)
    assert first == "<!-- omconf plan: cluster.yaml -->"
    assert rest == (repository.parent / "omconf.md").read_text()


@needs("bash", "git")
def test_the_job_of_gitlab_writes_both_reports(repository: Path) -> None:
    variables = {k: str(v) for k, v in GITLAB["variables"].items()}
    variables["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"] = "main"
    for line in GITLAB["script"]:
        done = shell(line, repository, **variables)
        assert (done.returncode, done.stderr) == (0, ""), line
    reports = GITLAB["artifacts"]["reports"]
    assert json.loads((repository / reports["codequality"]).read_text()) == []
    counts = json.loads((repository / reports["terraform"]).read_text())
    assert counts == {"create": 0, "update": 4, "delete": 0}


def test_a_code_quality_report_names_place_and_rule(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(WRONG)
    first = omconf("validate", "--format", "codequality", cwd=tmp_path)
    issues = json.loads(first.out)
    assert first.code == 1
    wanted = {"description", "check_name", "fingerprint", "severity", "location"}
    for issue in issues:
        assert set(issue) == wanted
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["path"] == "cluster.yaml"
        assert issue["location"]["lines"]["begin"] >= 1
    prints = [issue["fingerprint"] for issue in issues]
    assert len(set(prints)) == len(prints) > 1
    (tmp_path / "cluster.yaml").write_text(f"# moved\n\n{WRONG}")
    moved = json.loads(omconf("validate", "--format", "codequality", cwd=tmp_path).out)
    assert [issue["fingerprint"] for issue in moved] == prints
    missing = json.loads(omconf("validate", "no", "--format", "codequality", cwd=tmp_path).out)
    assert missing[0]["location"] == {"path": "no", "lines": {"begin": 1}}
