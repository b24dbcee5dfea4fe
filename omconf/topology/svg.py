"""The topology as an SVG that needs nothing else: no program, no font, no script.

Servers stand on top, nodes in a grid below. Each link is a line of its own, like a bus in a circuit
diagram: down from its server, along the first row of nodes, and at the right side to the others.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, isqrt
from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

from omconf.dataclass import dataclass
from omconf.formats import xml
from omconf.topology.model import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omconf.topology.model import Box, Topology

TITLE, TEXT = 8.5, 7.3
"""The width of a character in pixels, rather too wide: a viewer has its own fonts."""
MAX_TEXT = 44
"""Longer text is cut in its middle; a box's tooltip has the whole."""
LINE, LANE, GAP, MARGIN = 16, 13, 28, 24

COLOURS = {
    Role.DATABASE: ("#0969da", "#58a6ff"),
    Role.DATA: ("#1a7f37", "#3fb950"),
    Role.MEDIA: ("#8250df", "#a371f7"),
}
"""A server's box and lines, on a light and on a dark page."""
_LIGHT = """\
.page { fill: #ffffff } .frame { fill: #f6f8fa; stroke: #8c959f }
.box { fill: #ffffff; stroke: #57606a } text { fill: #1f2328 }"""
_DARK = """\
.page { fill: #0d1117 } .frame { fill: #161b22; stroke: #6e7681 }
.box { fill: #0d1117; stroke: #8b949e } text { fill: #e6edf3 }"""
_FONTS = """\
text { font: 12px ui-monospace, Menlo, Consolas, monospace }
.title { font: 600 13px system-ui, sans-serif }
.link { fill: none; stroke-width: 1.5 } .runs { stroke-dasharray: 5 4 }"""


def draw(topology: Topology) -> str:
    """Draw the picture; the same topology gives the same bytes, all of them ASCII."""
    drawing = _Drawing(topology)
    width, height = drawing.width, drawing.height
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc">'
    )
    lines = [
        opening,
        f'<title id="title">OpenMeetings cluster {xml.escape(topology.cluster)}</title>',
        f'<desc id="desc">{xml.escape(describe(topology))}</desc>',
        f"<style>\n{_style()}\n</style>",
        f'<rect class="page" width="{width}" height="{height}"/>',
        *drawing.elements(),
        "</svg>",
    ]
    return ("\n".join(lines) + "\n").encode("ascii", "xmlcharrefreplace").decode()


def _style() -> str:
    light, dark = (
        "\n".join([page, *(_coloured(role, pair[i]) for role, pair in COLOURS.items())])
        for i, page in enumerate((_LIGHT, _DARK))
    )
    return f"{_FONTS}\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


def _coloured(role: Role, colour: str) -> str:
    return f".{role} {{ stroke: {colour} }} circle.{role} {{ fill: {colour} }}"


def describe(topology: Topology) -> str:
    """Return what the picture shows in words, for those who cannot see it."""
    boxes = [", ".join((box.title, *box.lines)) for box in (*topology.nodes, *topology.servers)]
    links = [
        f"{', '.join(topology.nodes[n].title for n in link.nodes)}: {link.label},"
        f" {topology.servers[link.server].title}"
        for link in topology.links
    ]
    return ". ".join([f"Members find each other by {topology.discovery}", *boxes, *links]) + "."


@dataclass(frozen=True, slots=True)
class _Placed:
    """A box with the place of its left upper corner, and its size."""

    box: Box
    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> int:
        return self.x + self.width // 2

    @property
    def bottom(self) -> int:
        return self.y + self.height


class _Drawing:
    """Where everything stands. A lane is the room of one line beside others."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.caption = f"{topology.cluster}: members find each other by {topology.discovery}"
        boxes, lanes = topology.nodes, len(topology.links)
        self.columns = len(boxes) if len(boxes) <= 4 else isqrt(len(boxes) - 1) + 1
        rows = ceil(len(boxes) / self.columns)
        width = max(2 * LANE * (lanes + 1), *map(_width, boxes))
        height = max(map(_height, boxes))
        channel = LANE * (lanes + 1)
        grid = self.columns * (width + GAP)

        cells = [self.cell(i) for i in range(len(topology.servers))]
        sides = GAP + (LANE * lanes if rows > 1 else 0)
        inner = max(grid + sides, sum(cells), ceil(_cells(self.caption) * TEXT) + 2 * GAP)
        self.width = inner + 2 * MARGIN
        self.servers = self.spread(cells)
        self.top = self.servers[0].bottom + 2 * LINE + GAP
        self.pitch = channel + height + LINE
        self.bottom = self.top + rows * self.pitch + GAP
        self.height = self.bottom + MARGIN
        left = (self.width - grid - sides) // 2 + GAP
        self.side = left + grid - GAP // 2
        self.nodes = [
            _Placed(
                box,
                left + i % self.columns * (width + GAP),
                self.top + channel + i // self.columns * self.pitch,
                width,
                height,
            )
            for i, box in enumerate(boxes)
        ]
        self.servers = [self.beside(i, server) for i, server in enumerate(self.servers)]

    def of_server(self, server: int) -> list[int]:
        return [i for i, link in enumerate(self.topology.links) if link.server == server]

    def cell(self, server: int) -> int:
        """Measure what a server takes with the labels at both sides of its lines."""
        labels = [_cells(_short(self.topology.links[i].label)) for i in self.of_server(server)]
        beside = 2 * ceil(max(labels, default=0) * TEXT) + 3 * LANE
        return max(_width(self.topology.servers[server]), beside) + GAP

    def spread(self, cells: Sequence[int]) -> list[_Placed]:
        """Spread the servers over the width of the picture."""
        boxes = self.topology.servers
        height = max(map(_height, boxes))
        room = (self.width - sum(cells)) // (len(cells) + 1)
        placed, x = [], room
        for box, cell in zip(boxes, cells, strict=True):
            width = _width(box)
            placed.append(_Placed(box, x + (cell - width) // 2, MARGIN, width, height))
            x += cell + room
        return placed

    def beside(self, server: int, placed: _Placed) -> _Placed:
        """Move a server sideways until none of its lines runs down on top of a node's line."""
        links = self.of_server(server)
        pairs = {
            (placed.middle + _lane(place, len(links)), self.port(node, earlier))
            for place, number in enumerate(links)
            for earlier in range(number)
            for node in self.topology.links[earlier].nodes
            if node < self.columns
        }

        def nearest(move: int) -> int:
            return min((abs(start + move - port) for start, port in pairs), default=LANE)

        moves = sorted(range(-LANE, LANE + 1), key=lambda move: (abs(move), move))
        clear = next((move for move in moves if nearest(move) >= LANE // 2), None)
        return replace(placed, x=placed.x + (max(moves, key=nearest) if clear is None else clear))

    def port(self, node: int, link: int) -> int:
        """Return where the line of a link enters a node, from the left."""
        return self.nodes[node].middle + _lane(link, len(self.topology.links))

    def elements(self) -> Iterator[str]:
        yield (
            f'<rect class="frame" x="{MARGIN}" y="{self.top}" width="{self.width - 2 * MARGIN}"'
            f' height="{self.bottom - self.top}" rx="8"/>'
        )
        yield _text(self.width // 2, self.bottom - LINE, self.caption, "middle")
        for number in range(len(self.topology.links)):
            yield from self.link(number)
        for placed in (*self.servers, *self.nodes):
            yield from _box(placed)

    def link(self, number: int) -> Iterator[str]:
        """Draw a line down from the server, along each row of nodes, and into each of its nodes."""
        link = self.topology.links[number]
        server = self.servers[link.server]
        beside = self.of_server(link.server)
        start = server.middle + _lane(beside.index(number), len(beside))
        side = self.side + number * LANE
        first = self.top + (number + 1) * LANE
        rows: dict[int, list[int]] = {}
        for n in link.nodes:
            rows.setdefault(n // self.columns, []).append(self.port(n, number))
        last = max(rows)
        ends = [start, *rows.get(0, []), *([side] if last else [])]
        path = [f"M{start} {server.bottom}V{first}", f"M{min(ends)} {first}H{max(ends)}"]
        if last:
            path.append(f"M{side} {first}V{first + last * self.pitch}")
        dots = []
        for row, ports in rows.items():
            y = first + row * self.pitch
            if row:
                path.append(f"M{min(ports)} {y}H{side}")
            for port in ports:
                path.append(f"M{port} {y}V{self.nodes[row * self.columns].y}")
                dots.append(f'<circle class="{server.box.role}" cx="{port}" cy="{y}" r="2.5"/>')
        runs = " runs" if link.runs else ""
        yield f'<path class="link {server.box.role}{runs}" d="{"".join(path)}"/>'
        yield from dots
        to_the_left = start < server.middle
        x = start - 6 if to_the_left else start + 6
        anchor = "end" if to_the_left else "start"
        yield _text(x, server.bottom + LINE, _short(link.label), anchor)


def _lane(place: int, places: int) -> int:
    """How far from the middle a line stands that is one of several beside each other."""
    return (2 * place - places + 1) * LANE


def _box(placed: _Placed) -> Iterator[str]:
    box = placed.box
    yield f"<g><title>{xml.escape(', '.join((box.title, *box.lines)))}</title>"
    yield (
        f'<rect class="box {box.role}" x="{placed.x}" y="{placed.y}" width="{placed.width}"'
        f' height="{placed.height}" rx="6"/>'
    )
    y = placed.y + LINE + 4
    yield _text(placed.middle, y, _short(box.title), "middle", "title")
    for i, text in enumerate(box.lines, 1):
        yield _text(placed.middle, y + i * LINE, _short(text), "middle")
    yield "</g>"


def _text(x: int, y: int, text: str, anchor: str, name: str = "") -> str:
    style = f' class="{name}"' if name else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{style}>{xml.escape(text)}</text>'


def _width(box: Box) -> int:
    widest = max((_cells(_short(text)) for text in box.lines), default=0) * TEXT
    return ceil(max(widest, _cells(_short(box.title)) * TITLE)) + 2 * LINE


def _height(box: Box) -> int:
    return LINE * (len(box.lines) + 1) + 14


def _short(text: str) -> str:
    half = (MAX_TEXT - 1) // 2
    return text if len(text) <= MAX_TEXT else f"{text[:half]}…{text[-half:]}"


def _cells(text: str) -> int:
    """Count columns as a terminal would: an ideograph takes two, an accent on its own none."""
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )
