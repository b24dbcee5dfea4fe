"""The journal of a node as a document, and as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.views import document
from omconf.views.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.apply.journal import Entry, Journal
    from omconf.diagnostics import Diagnostic
    from omconf.views.document import Document

FORMAT_VERSION = "1.0"


def of_log(
    cluster: str, journals: Mapping[str, Journal], found: Iterable[Diagnostic] = ()
) -> Document:
    """The document of `omconf log`: of each node its entries, the last one first."""
    return {
        "format_version": FORMAT_VERSION,
        "cluster": cluster,
        "nodes": [*journals],
        "entries": [
            {"node": node, **_entry(entry, stands=entry in journal.standing)}
            for node, journal in journals.items()
            for entry in reversed(journal.entries)
        ],
        "diagnostics": [document.diagnostic(d) for d in found],
    }


def no_log(found: Iterable[Diagnostic]) -> Document:
    """The document of a log that cannot be read, with the reasons."""
    return {
        "format_version": FORMAT_VERSION,
        "cluster": None,
        "nodes": [],
        "entries": [],
        "diagnostics": [document.diagnostic(d) for d in found],
    }


def _entry(entry: Entry, *, stands: bool) -> Document:
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
    """Draw the journals: an entry a line, once for all nodes of it, and what there is to say of it."""
    found: dict[str, list[Document]] = {}
    for entry in log["entries"]:
        found.setdefault(entry["id"], []).append(entry)
    # Of a node whose entries make no sense nobody says that there are none.
    known = {each.get("node") for part in ("entries", "diagnostics") for each in log[part]}
    idle = [node for node in log["nodes"] if node not in known]
    lines = [f"omconf has not applied anything on {visible(', '.join(idle))} yet."] if idle else []
    for entries in sorted(found.values(), key=lambda its: its[0]["when"], reverse=True):
        alike: dict[str, list[str]] = {}
        for entry in entries:
            alike.setdefault("\n".join(_lines(entry)), []).append(entry["node"])
        for text, names in alike.items():
            head, _, rest = text.partition("\n")
            where = f", on {visible(', '.join(names))}" if len(log["nodes"]) > 1 else ""
            lines += [f"{head}{where}", *filter(None, [rest])]
    return "".join(f"{line}\n" for line in lines)


def _lines(entry: Document) -> list[str]:
    of = f" of {visible(entry['of'])}" if "of" in entry else ""
    files = "1 file" if len(entry["files"]) == 1 else f"{len(entry['files'])} files"
    head = f"{visible(entry['id'])}  {visible(entry['when'])}  {entry['what']}{of}"
    return [
        f"{head}: {entry['outcome']}, {files}, by {visible(entry['by'])}",
        *(f"    {name}: {visible(entry[name])}" for name in ("reason", "why") if name in entry),
    ]
