"""Files that ship with omconf: the schemas."""

from __future__ import annotations

from pathlib import Path


def schema_path(name: str) -> Path:
    """Find `schemas/NAME`: inside the package when installed, beside it in a source tree."""
    package = Path(__file__).parent
    installed = package / "schemas" / name
    return installed if installed.exists() else package.parent / "schemas" / name
