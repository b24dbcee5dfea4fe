"""The journal of a node as a document, and as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.views import document
from omconf.views.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.apply.journal import Entry, Journal
    from omconf.diagnostics import Diagnostic
    from omconf.views.document import Document

FORMAT_VERSION = "1.0"


def of_log(cluster: str, node: str, journal: Journal, found: Iterable[Diagnostic] = ()) -> Document:
    """The document of `omconf log`, the last entry first."""
    standing = {entry.number for entry in journal.standing}
    return {
        "format_version": FORMAT_VERSION,
        "cluster": cluster,
        "node": node,
        "entries": [_entry(e, e.number in standing) for e in reversed(journal.entries)],
        "diagnostics": [document.diagnostic(d) for d in found],
    }


def no_log(found: Iterable[Diagnostic]) -> Document:
    """The document of a log that cannot be read, with the reasons."""
    return {
        "format_version": FORMAT_VERSION,
        "cluster": None,
        "node": None,
        "entries": [],
        "diagnostics": [document.diagnostic(d) for d in found],
    }


def _entry(entry: Entry, stands: bool) -> Document:
    about, end = entry.about, entry.end
    result: Document = {
        "id": about.id,
        "what": about.what,
        "when": about.when,
        "by": about.by,
        "outcome": str(end.outcome) if end else "unfinished",
        "stands": stands,
        "files": sorted({changed.path for changed in entry.changed}),
    }
    if about.of:
        result["of"] = about.of
    if about.reason:
        result["reason"] = about.reason
    if end and end.why:
        result["why"] = end.why
    return result


def drawn(log: Document) -> str:
    """Draw a journal, an entry a line and what there is to say of it below."""
    if log["node"] is None:
        return ""
    if not log["entries"]:
        return f"Nothing was applied on {visible(log['node'])} by omconf yet.\n"
    lines = []
    for entry in log["entries"]:
        of = f" of {visible(entry['of'])}" if "of" in entry else ""
        files = "1 file" if len(entry["files"]) == 1 else f"{len(entry['files'])} files"
        lines.append(
            f"{visible(entry['id'])}  {visible(entry['when'])}  {entry['what']}{of}:"
            f" {entry['outcome']}, {files}, by {visible(entry['by'])}"
        )
        lines += [
            f"    {name}: {visible(entry[name])}" for name in ("reason", "why") if name in entry
        ]
    return "\n".join(lines) + "\n"
