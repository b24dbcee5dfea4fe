"""How Sphinx makes a site of this folder's pages: `make docs`.

The pages are written for readers of the plain Markdown: what only Sphinx needs is added here.
"""

from __future__ import annotations

import re
from typing import Any

project = "omconf"
copyright = "The omconf developers"  # noqa: A001 - the name that Sphinx reads
html_title = "omconf"
html_theme = "furo"
html_copy_source = False
smartquotes = False  # it would turn the dashes of an option into one
html_show_sphinx = False
extensions = ["myst_parser"]
exclude_patterns = ["omconf.1", "pictures"]
# Headings have the anchors that Git hosts give them.
myst_heading_anchors = 4
# Blocks with `...` for what was left out are not valid JSON or YAML.
highlight_language = "text"
suppress_warnings = ["misc.highlighting_failure"]

_PAGE = re.compile(r"\]\((?!\.\./|https?:)([^)#\s]+)\.md\)")
_OUTSIDE = re.compile(r"\]\((\.\./[^)#\s]+\.\w+)\)")


def _prepare(_app: Any, page: str, source: list[str]) -> None:
    """Make the pages that list others the navigation, and files outside of docs/ downloads."""
    text = source[0]
    if page == "index":
        text = "".join(_with_tree(part) for part in re.split(r"^(?=## )", text, flags=re.MULTILINE))
    elif page == "rules/index":
        text += _tree(_PAGE.findall(text))
    elif page == "decisions/README":
        text += _tree(["0*"])
    if not page.startswith("rules/"):
        text = _OUTSIDE.sub(r"](path:\1)", text)
    source[0] = text


def _with_tree(part: str) -> str:
    heading = re.match("## (.*)", part)
    return part + _tree(_PAGE.findall(part), heading[1]) if heading else part


def _tree(pages: list[str], caption: str = "") -> str:
    options = f":hidden:\n:glob:\n:caption: {caption}\n" if caption else ":hidden:\n:glob:\n"
    listed = "\n".join(dict.fromkeys(pages))
    return f"\n```{{toctree}}\n{options}\n{listed}\n```\n\n"


def setup(app: Any) -> None:
    """Have each page prepared when it is read."""
    app.connect("source-read", _prepare)
