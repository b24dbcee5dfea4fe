"""The topology in a plan's document, drawn as on `omconf graph --format svg`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.topology import svg
from omconf.topology.model import Box, Link, Role, Topology
from omconf.views.markup import image, tag
from omconf.views.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.views.document import Document
    from omconf.views.markup import Markup

MAX_PICTURE = 200_000
"""Characters of a picture; the largest that omconf plans, of 30 nodes, takes a tenth of it."""


def draw(document: Document) -> Markup:
    """Draw the topology of a plan as an image, or say that it is too large."""
    topology = document["topology"]
    read = Topology(
        visible(document["cluster"] or ""),
        visible(topology["discovery"]),
        tuple(_box(box, Role.NODE) for box in topology["nodes"]),
        tuple(_box(box, Role(box["role"])) for box in topology["servers"]),
        tuple(_links(topology)),
    )
    drawing = svg.draw(read)
    if len(drawing) > MAX_PICTURE:
        return tag("p", "The picture is left out to limit the size.", of="left")
    return tag("div", image(drawing, svg.describe(read)), of="picture")


def _links(topology: Document) -> Iterator[Link]:
    for link in topology["links"]:
        nodes = tuple(node for node in link["nodes"] if node < len(topology["nodes"]))
        if nodes and link["server"] < len(topology["servers"]):
            yield Link(nodes, link["server"], visible(link["label"]), link["runs"])


def _box(box: Document, role: Role) -> Box:
    return Box(role, visible(box["title"]), tuple(map(visible, box["lines"])))
