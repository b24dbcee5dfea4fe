"""Findings as a Code Quality report of GitLab, which shows them in a merge request.

The format: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from omconf.views.sarif import relative

if TYPE_CHECKING:
    from omconf.views.document import Document

_SEVERITIES = {"error": "critical", "warning": "minor"}


def report(document: Document) -> list[dict[str, Any]]:
    """Write one issue a finding; the same finding in another line keeps its fingerprint."""
    issues: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for d in document["diagnostics"]:
        path = relative(d["path"]) if "path" in d else "."
        identity = json.dumps([d["rule"], path, d["message"]])
        seen[identity] = seen.get(identity, 0) + 1
        issues.append(
            {
                "description": d["message"] + (f" {d['hint']}" if "hint" in d else ""),
                "check_name": d["rule"],
                "fingerprint": hashlib.sha256(f"{identity}{seen[identity]}".encode()).hexdigest(),
                "severity": _SEVERITIES[d["severity"]],
                "location": {"path": path, "lines": {"begin": max(d.get("line", 1), 1)}},
            }
        )
    return issues
