"""Texts in Markdown, as the README of a bundle has them (GitHub's own Markdown, with tables)."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9:/.%-]*")


def cell(text: str) -> str:
    """Write code for a table's cell, where a bar would begin the next one, inside code too."""
    return text.replace("|", r"\|")


def link(url: str) -> str:
    """Write a URL that `urls.WEB` allows: where Markdown reads more in it than text, in brackets."""
    return url if _PLAIN.fullmatch(url) else f"<{url.replace('&', '&amp;')}>"
