"""Pictures of sessions: `python -m tests.pictures` runs the commands and writes docs/pictures/*.svg.

What is drawn is what the command prints with colours; only the times that it took are left out, so that
the same code draws the same bytes. The pictures load nothing: they use the reader's monospaced font.
"""

from __future__ import annotations

import io
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.command import ROOT
from tests.sessions import Session

FOLDER = ROOT / "docs/pictures"
WIDTH = 112
"""Columns; longer lines are wrapped, as a terminal does."""
THEME = TerminalTheme(
    (27, 30, 36),
    (221, 225, 230),
    [
        (86, 95, 108), (244, 112, 103), (107, 196, 109), (224, 170, 76),
        (108, 182, 255), (220, 150, 236), (86, 190, 200), (221, 225, 230),
    ],
    [
        (140, 150, 163), (255, 147, 138), (141, 219, 140), (238, 194, 116),
        (146, 203, 255), (232, 180, 244), (126, 214, 222), (255, 255, 255),
    ],
)  # fmt: skip
"""Light text on a dark ground, at 4.5 to 1 or more where it is not meant to be dim."""
DRAWING = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<style>
.{unique_id}-matrix {{
font: {char_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace
}}
.{unique_id}-title {{ font: 16px system-ui, sans-serif }}
{styles}
</style>
<defs>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
_TIMES = re.compile(r" It took [0-9.]+ seconds\.| \([0-9.]+ s\)")
_DEPLOYED = (
    "rm -r deployed bundles plan.* && export OM_DB_PASSWORD=not-a-real-password",
    "for n in om1 om2; do mkdir -p trees/$n; omconf apply --local $n --root trees/$n --yes; done",
    "sed -i s/om1.example/conf1.example/ cluster.yaml",
)


@dataclass(frozen=True)
class Picture:
    """One picture: what runs before, unseen, and the command that is shown with what it prints."""

    name: str
    before: tuple[str, ...]
    command: str
    draws: bool = False
    """The command prints the picture itself."""


PICTURES = (
    Picture("cluster", (), "omconf graph --format svg", draws=True),
    Picture(
        "validate",
        ("sed -i 's/storage:/storage:\\n  sever: om2/; s/10.1.1.2,/10.1.1.1,/' cluster.yaml",),
        "omconf validate",
    ),
    Picture(
        "plan",
        (*_DEPLOYED, "find trees/om2 -name hazelcast.xml -exec sed -i s/54327/54328/ '{}' +"),
        "omconf plan --deployed trees",
    ),
    Picture(
        "apply",
        (*_DEPLOYED, "omconf plan --local om1 --root trees/om1 --out om1.plan"),
        "omconf apply om1.plan",
    ),
)


def draw(picture: Picture, scratch: Path) -> str:
    """Run a picture's commands in a scratch folder; return it as SVG. Raises where one fails."""
    session = Session(scratch)
    session.begin("examples/clustering-page")
    for command in picture.before:
        code, printed = session.run(command)
        if code:
            raise RuntimeError(f"{command}\n{printed}")
    if picture.draws:
        return session.run(picture.command)[1]
    session.environment["FORCE_COLOR"] = "1"
    _, printed = session.run(picture.command)
    text = Text.assemble(("$ ", "bold green"), (picture.command, "bold"), "\n")
    text += Text.from_ansi(_TIMES.sub("", printed.rstrip()))
    console = Console(record=True, width=WIDTH, file=io.StringIO(), color_system="truecolor")
    console.print(text)
    return console.export_svg(
        title=picture.command, theme=THEME, code_format=DRAWING, unique_id=picture.name
    )


def main() -> None:
    """Write all pictures."""
    FOLDER.mkdir(exist_ok=True)
    for picture in PICTURES:
        with tempfile.TemporaryDirectory() as scratch:
            (FOLDER / f"{picture.name}.svg").write_text(draw(picture, Path(scratch)), "utf-8")


if __name__ == "__main__":
    main()
