"""What `omconf doctor` found, as a document and as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.views import document
from omconf.views.visible import visible

if TYPE_CHECKING:
    from omconf.pipeline.doctor import Examined
    from omconf.views.document import Document
    from omconf.views.human import Paint

FORMAT_VERSION = "1.0"
_HEADS = {"program": "Programs:", "secret": "Secrets:", "node": "Nodes:"}


def of_examined(found: Examined) -> Document:
    """The document of `omconf doctor`."""
    return {
        "format_version": FORMAT_VERSION,
        "well": all(check.ok for check in found.checks)
        and not any(d.is_error for d in found.diagnostics),
        "checks": [
            {"kind": c.kind, "name": c.name, "ok": c.ok, "text": c.text} for c in found.checks
        ],
        "diagnostics": [document.diagnostic(d) for d in found.diagnostics],
    }


def drawn(found: Document, paint: Paint) -> str:
    """Draw the checks by kind."""
    lines: list[str] = []
    wide = max(len(visible(check["name"])) for check in found["checks"])
    for kind, head in _HEADS.items():
        checks = [check for check in found["checks"] if check["kind"] == kind]
        lines += [paint(head, "bold")] if checks else []
        for check in checks:
            mark = paint("ok  ", "green") if check["ok"] else paint("fail", "red")
            lines.append(f"  {mark}  {visible(check['name']):{wide}}  {visible(check['text'])}")
    return "".join(f"{line}\n" for line in lines)
