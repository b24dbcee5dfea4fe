"""HTML, element by element: what is not markup of ours is text, and is escaped here alone."""

from __future__ import annotations

import base64
import html

from omconf.views.visible import visible

_BLOCKS = {"article", "details", "div", "footer", "header", "h2", "li", "main", "nav", "ol", "p"}
_BLOCKS |= {"section", "style", "summary", "title", "ul"}
"""Elements after which a line ends."""


class Markup(str):
    """Text that is HTML already: nothing else is written to a page as it is."""

    __slots__ = ()


def tag(name: str, *children: str, of: str = "", **attributes: str) -> Markup:
    """Make an element with classes (`of`) and attributes; children that are no markup are texts.

    Names are our own, never a document's.
    """
    inside = "".join(c if isinstance(c, Markup) else escaped(c) for c in children)
    named = {"class": of, **attributes} if of else attributes
    written = "".join(f' {key}="{escaped(value)}"' for key, value in named.items())
    end = "\n" if name in _BLOCKS else ""
    return Markup(f"<{name}{written}>{inside}</{name}>{end}")


def image(svg: str, alternative: str) -> Markup:
    """Make an image of an SVG, which shares neither styles nor names with the page."""
    data = base64.b64encode(svg.encode()).decode()
    return Markup(f'<img src="data:image/svg+xml;base64,{data}" alt="{escaped(alternative)}">')


def lines(texts: list[str]) -> Markup:
    """Write texts one under the other, for a `pre`."""
    return Markup("\n".join(map(escaped, texts)))


def escaped(text: str) -> str:
    """Escape a text, in which all is made visible first, for an element or an attribute."""
    return html.escape(visible(text))
