"""Texts in Markdown, as the README of a bundle has them (GitHub's own Markdown, with tables)."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9:/.%-]*")


def cell(text: str) -> str:
    """Write code for a table's cell, where a bar would begin the next one, inside code too."""
    return text.replace("|", r"\|")


def code(text: str) -> str:
    """Write code in a line of text: a backtick in it needs a longer fence (CommonMark 6.1)."""
    if "`" not in text:
        return f"`{text}`"
    fence = "`" * (1 + max(map(len, re.findall("`+", text))))
    return f"{fence} {text} {fence}"


def link(url: str) -> str:
    """Write a URL that `urls.WEB` allows: where Markdown reads more in it than text, in brackets."""
    return url if _PLAIN.fullmatch(url) else f"<{url.replace('&', '&amp;')}>"
