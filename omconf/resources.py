"""Files that ship with omconf: the schemas, and a page for each rule."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).parent


def schema_path(name: str) -> Path:
    """Find a schema by its file's name."""
    return _shipped("schemas", "schemas", name)


def rule_page(rule: str) -> str:
    """Return the page of a rule, which is Markdown, by its id."""
    return _shipped("rule_pages", "docs/rules", f"{rule}.md").read_text("utf-8")


def _shipped(installed: str, source: str, name: str) -> Path:
    """Find a file: inside the package when installed, beside the package in a source tree."""
    inside = PACKAGE / installed / name
    return inside if os.path.exists(inside) else PACKAGE.parent / source / name
