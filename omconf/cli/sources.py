"""The options by which `plan` and `import` say what they read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from omconf.cli import output

Deployed = Annotated[
    Path | None,
    typer.Option(
        "--deployed",
        metavar="DIR",
        parser=output.path,
        help="DIR/<node>/ is that node's root tree.",
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="DIR",
        parser=output.path,
        help="With --local: its root tree.  [default: /]",
    ),
]
Sudo = Annotated[bool, typer.Option("--sudo", help="With --ssh: read by `sudo -n` on the nodes.")]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=1,
        max=3600,
        help="With --ssh: how long a node may take.  [default: 60]",
    ),
]
