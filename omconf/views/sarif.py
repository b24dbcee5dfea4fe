"""Findings as SARIF 2.1.0, which code hosts show beside the lines of a merge request."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from omconf import __version__
from omconf.regex import regex
from omconf.resources import rule_page

if TYPE_CHECKING:
    from omconf.diagnostics import Rule
    from omconf.views.document import Document

_LINK = regex(r"\[([^\]\n]+)\]\([^)\s]+\)")
"""A link of Markdown, with its text."""


def log(document: Document, rules: dict[str, Rule]) -> dict[str, Any]:
    """Write one run with its results and the rules that they name."""
    found = document["diagnostics"]
    named = sorted({d["rule"] for d in found})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "omconf",
                        "version": __version__,
                        "rules": [
                            {
                                "id": name,
                                "shortDescription": {"text": rules[name].title},
                                "help": _help(name),
                            }
                            for name in named
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(d, named.index(d["rule"])) for d in found],
            }
        ],
    }


def _help(name: str) -> dict[str, str]:
    """Return a rule's page, which has no absolute address as a `helpUri` must be."""
    command = f"omconf explain {name}"
    # A link to another page leads nowhere where the code host shows this one.
    return {
        "text": f"To read about this rule, run: {command}",
        "markdown": _LINK.sub(r"\1", rule_page(name)),
    }


def _result(d: Document, index: int) -> dict[str, Any]:
    text = d["message"] + (f" {d['hint']}" if "hint" in d else "")
    result: dict[str, Any] = {
        "ruleId": d["rule"],
        "ruleIndex": index,
        "level": d["severity"],
        "message": {"text": text},
    }
    if "path" in d:
        place: dict[str, Any] = {"artifactLocation": {"uri": _uri(d["path"])}}
        if "line" in d and "column" in d:
            place["region"] = {
                "startLine": d["line"],
                "startColumn": d["column"],
                "endLine": d["end_line"],
                "endColumn": d["end_column"],
            }
        result["locations"] = [{"physicalLocation": place}]
    return result


def relative(path: str) -> str:
    """Return a file relative to the current folder, as code hosts want it; one elsewhere as a whole."""
    whole = Path(os.path.abspath(path))
    here = Path.cwd()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)


def _uri(path: str) -> str:
    name = relative(path)
    return Path(name).as_uri() if name.startswith("/") else quote(os.fsencode(name))
