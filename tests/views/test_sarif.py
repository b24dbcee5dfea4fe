"""How a SARIF log names files and rules."""

from __future__ import annotations

import json
from pathlib import Path

from tests.clusters import SMALLEST
from tests.command import ROOT, omconf


def test_files_by_the_current_folder_and_rules_by_their_pages(tmp_path: Path) -> None:
    spec = tmp_path / "a/b c.yaml"
    spec.parent.mkdir()
    spec.write_text(SMALLEST.replace("https://om1", "http://om1"))
    (tmp_path / "other").mkdir()
    for cwd, named, uri in [
        (tmp_path, spec, "a/b%20c.yaml"),
        (tmp_path, Path("./other/../a/b c.yaml"), "a/b%20c.yaml"),
        (tmp_path / "other", Path("../a/b c.yaml"), spec.as_uri()),
    ]:
        (run,) = json.loads(omconf("validate", named, "--format", "sarif", cwd=cwd).out)["runs"]
        (result,) = run["results"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == uri
        (rule,) = run["tool"]["driver"]["rules"]
        assert "helpUri" not in rule  # it would have to be absolute
        assert rule["help"]["text"].endswith("omconf explain OM206")
        assert rule["help"]["markdown"] == (ROOT / "docs/rules/OM206.md").read_text("utf-8")


def test_no_links_to_pages_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(SMALLEST + "unknown: 1\n")
    told = omconf("validate", "--format", "sarif", cwd=tmp_path).out
    (rule,) = json.loads(told)["runs"][0]["tool"]["driver"]["rules"]
    assert "Write the key as in the table of all keys." in rule["help"]["markdown"]
