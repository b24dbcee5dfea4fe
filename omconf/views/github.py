"""Findings as annotations of GitHub Actions (workflow commands)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.views.visible import lines, visible

if TYPE_CHECKING:
    from omconf.views.document import Document


def _data(text: str) -> str:
    return lines(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(visible(text)).replace(":", "%3A").replace(",", "%2C")


def commands(document: Document) -> str:
    """Write one workflow command a finding."""
    drawn = []
    for d in document["diagnostics"]:
        where = {
            "file": d.get("path"),
            "line": d.get("line"),
            "col": d.get("column"),
            "title": d["rule"],
        }
        properties = ",".join(f"{k}={_property(str(v))}" for k, v in where.items() if v is not None)
        text = d["message"] + (f" {d['hint']}" if "hint" in d else "")
        drawn.append(f"::{d['severity']} {properties}::{_data(text)}\n")
    return "".join(drawn)
