"""Saved plans on the command line: what goes together, what stays quiet, what is refused."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import jsonschema
import pytest

from tests.command import EXAMPLES, ROOT, Result, omconf

CASE = EXAMPLES / "clustering-page"
SECRET = {"OM_DB_PASSWORD": "not-a-real-password"}
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "schemas/plan.schema.json").read_text())
)


def plan(*options: str | Path) -> Result:
    return omconf("plan", "--deployed", "deployed", *options, cwd=CASE, env=SECRET)


def test_saving_changes_nothing_of_what_is_printed(tmp_path: Path) -> None:
    out = tmp_path / "plan"
    assert plan("--json", "--out", out) == plan("--json")
    document = json.loads(out.read_text())
    SCHEMA.validate(document)
    assert document["binding"]["secrets"] == {"database.password": {"env": "OM_DB_PASSWORD"}}
    assert SECRET["OM_DB_PASSWORD"] not in out.read_text()
    assert "binding" not in json.loads(omconf("show", out, "--json").out)


def test_a_plan_that_cannot_be_saved_is_shown_and_fails(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text("omconf: 1\n")
    refused = plan("--out", tmp_path / "cluster.yaml", "--detailed-exitcode")
    assert refused.code == 1
    assert "error[OM330]" in refused.err
    assert refused.out == plan().out
    assert (tmp_path / "cluster.yaml").read_text() == "omconf: 1\n"
    nowhere = plan("--out", tmp_path / "a/b", "--json")
    assert (nowhere.code, nowhere.err) == (1, "")
    assert "OM330" in [d["rule"] for d in json.loads(nowhere.out)["diagnostics"]]
    assert plan("--out", tmp_path, "-q").code == 1


def test_a_plan_without_changes_that_cannot_be_saved(tmp_path: Path) -> None:
    built = omconf(
        "build", CASE / "cluster.yaml", "-o", tmp_path / "b", "--reveal-secrets", env=SECRET
    )
    assert built.code == 0, built.err
    for node in ("om1", "om2"):
        for folder in ("files", "blocks"):
            shutil.copytree(tmp_path / "b" / node / folder, tmp_path / node, dirs_exist_ok=True)
    for option in ("--out", "--html"):
        refused = omconf(
            "plan", CASE / "cluster.yaml", "--deployed", tmp_path, option, tmp_path, env=SECRET
        )
        assert refused.code == 1
        assert "error[OM330]" in refused.err
        assert refused.out.splitlines()[-1] == "No changes. Deployed files match the spec."


def test_a_plan_of_a_spec_in_a_pipe_is_not_saved(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # as `<(envsubst < cluster.yaml)` in a shell
    for spec in ("-", tmp_path / "pipe"):
        refused = omconf(
            "plan", spec, "--deployed", "deployed", "--out", tmp_path / "plan", cwd=CASE
        )
        assert (refused.code, refused.out) == (1, "")
        assert "--out needs a spec in a file" in refused.err
        assert not (tmp_path / "plan").exists()


def test_quiet_is_the_last_line_and_errors(tmp_path: Path) -> None:
    assert plan("-q").err == ""
    assert plan("--quiet").out == plan().out.splitlines(keepends=True)[-1]
    broken = omconf("plan", "--deployed", "deployed", "-q", cwd=ROOT / "tests/cases/broken-files")
    assert broken.code == 1
    assert "error[OM310]" in broken.err
    assert "warning[" not in broken.err
    assert broken.out.startswith("Plan: ")
    assert broken.out.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--json", "--markdown"), "--json and --markdown cannot be used together."),
        (("--max-chars", "5000"), "--max-chars requires --markdown."),
        (("--json", "--max-chars", "5000"), "--max-chars requires --markdown."),
        (("--quiet", "--json"), "--quiet cannot be used with --json or --markdown."),
        (("-q", "--markdown"), "--quiet cannot be used with --json or --markdown."),
    ],
)
def test_what_does_not_go_together(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    wrong = plan(*options, "--out", tmp_path / "plan")
    assert (wrong.code, wrong.out) == (1, "")
    assert said in wrong.err
    assert not (tmp_path / "plan").exists()
    if "-q" not in options and "--quiet" not in options:
        assert omconf("plan", "--deployed", "x", *options).err == wrong.err
        shown = omconf("show", tmp_path / "plan", *options)
        assert (shown.code, shown.out) == (1, "")
        assert said in shown.err


def test_markdown_is_cut_where_it_is_said(tmp_path: Path) -> None:
    out = tmp_path / "plan"
    whole = plan("--markdown", "--out", out)
    assert len(whole.out) > 3000
    cut = plan("--markdown", "--max-chars", "2000")
    assert len(cut.out) <= 2000
    assert "**Cut to 2000 characters.**" in cut.out
    assert omconf("show", out, "--markdown", "--max-chars", "2000") == cut


@pytest.mark.parametrize("option", ["--no-color", "--json", "--markdown"])
def test_what_is_no_plan_is_said_in_the_form_that_was_asked_for(
    option: str, tmp_path: Path
) -> None:
    shutil.copy(CASE / "cluster.yaml", tmp_path)
    for name in ("cluster.yaml", "nowhere", "."):
        refused = omconf("show", name, option, "--detailed-exitcode", cwd=tmp_path)
        assert refused.code == 1
        assert "OM331" in refused.out + refused.err
        assert (refused.err == "") is (option != "--no-color")
        if option == "--json":
            SCHEMA.validate(json.loads(refused.out))
        if option == "--no-color":
            assert refused.out == ""
    newer = json.loads((CASE / "plan.json").read_text()) | {"format_version": "2.1"}
    (tmp_path / "newer").write_text(json.dumps(newer))
    refused = omconf("show", "newer", option, cwd=tmp_path)
    assert refused.code == 1
    assert "OM332" in refused.out + refused.err
