"""Lines of files that omconf adds a block to which cannot be read, by their program or at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.adopt.setenv import SETENV
from omconf.artifacts.exports import PATH as EXPORTS_PATH
from omconf.artifacts.fstab import PATH as FSTAB_PATH
from omconf.diagnostics import Finding
from omconf.formats import exports, fstab, utf8
from omconf.rules import BROKEN_LINE, NOT_KEPT

if TYPE_CHECKING:
    from omconf.adopt.model import Seen

_READERS = {FSTAB_PATH: fstab.read, EXPORTS_PATH: exports.read, SETENV: None}


def unread(node: Seen) -> None:
    """Report lines that their program ignores, as a plan does, and the first that is no UTF-8."""
    for place, reader in _READERS.items():
        path = node.path(place)
        text = node.text(path)
        if text is None:
            continue
        for finding in reader(text)[1] if reader else ():
            node.report(path, replace(finding, rule=BROKEN_LINE))
        if number := _first_half(text):
            message = "The line holds bytes that are no UTF-8: it is left as it is."
            node.report(path, Finding(NOT_KEPT, number, message, "Write the file as UTF-8."))


def _first_half(text: str) -> int:
    """Return the first line with bytes that are not UTF-8, from 1; 0 if there is none."""
    lines = enumerate(text.split("\n"), 1)
    return next((number for number, line in lines if utf8.replaced(line) != line), 0)
