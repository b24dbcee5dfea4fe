"""What `omconf doctor` found, as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.views.visible import visible

if TYPE_CHECKING:
    from omconf.views.document import Document
    from omconf.views.text import Paint

_HEADS = {"program": "Programs:", "secret": "Secrets:", "node": "Nodes:"}


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
