"""What holds of every module of the package."""

from __future__ import annotations

from tests.command import ROOT

MOST = 400
"""Lines of a module: a longer one has more than one job."""


def test_no_module_is_longer_than_it_may_be() -> None:
    modules = {path: path.read_text().count("\n") for path in (ROOT / "omconf").rglob("*.py")}
    assert len(modules) > 300
    assert {str(path): lines for path, lines in modules.items() if lines > MOST} == {}
