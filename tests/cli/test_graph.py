"""`omconf graph`: the picture on stdout, findings on stderr."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import EXAMPLES, omconf

SPEC = EXAMPLES / "clustering-page" / "cluster.yaml"


@pytest.mark.parametrize(
    ("form", "start"), [("mermaid", "flowchart LR\n"), ("dot", "digraph "), ("svg", "<svg ")]
)
def test_three_languages(form: str, start: str) -> None:
    drawn = omconf("graph", SPEC, "--format", form)
    assert (drawn.code, drawn.err) == (0, "")
    assert drawn.out.startswith(start)
    assert drawn.out.endswith("\n")
    assert "10.1.1.10:5432" in drawn.out


def test_mermaid_is_the_default_and_the_readme_has_the_same_picture(tmp_path: Path) -> None:
    drawn = omconf("graph", cwd=SPEC.parent).out
    assert drawn == omconf("graph", SPEC, "--format", "mermaid").out
    assert omconf("build", SPEC, "-o", tmp_path / "bundles").code == 0
    assert f"```mermaid\n{drawn}```\n" in (tmp_path / "bundles/README.md").read_text()


def test_mistakes_are_said_all_at_once_and_nothing_is_drawn(tmp_path: Path) -> None:
    wrong = SPEC.read_text().replace("10.1.1.2", "10.1.1.1").replace("https://om2", "https://om1")
    (tmp_path / "cluster.yaml").write_text(wrong)
    drawn = omconf("graph", cwd=tmp_path)
    assert (drawn.code, drawn.out) == (1, "")
    assert "OM201" in drawn.err
    assert "OM202" in drawn.err
    assert "OM100" in omconf("graph", "missing.yaml", cwd=tmp_path).err


def test_an_unknown_format_is_a_wrong_command_line() -> None:
    drawn = omconf("graph", SPEC, "--format", "png")
    assert (drawn.code, drawn.out) == (1, "")
    assert "svg" in drawn.err


def test_warnings_do_not_keep_from_drawing(tmp_path: Path) -> None:
    text = SPEC.read_text().replace("https://om2", "http://om2")
    (tmp_path / "cluster.yaml").write_text(text)
    drawn = omconf("graph", cwd=tmp_path)
    assert drawn.code == 0
    assert "warning[OM206]" in drawn.err
    assert drawn.out.startswith("flowchart")
