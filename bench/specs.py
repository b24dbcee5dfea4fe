"""Specs for N nodes, and the deployed files that a bundle leaves on them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CLUSTER = "conference"
PASSWORD = "no-real-password"
"""What `OM_DB_PASSWORD` holds, and what deployed files have in the placeholder's place."""

PLACEHOLDER = "@omconf:database.password@"


def spec(nodes: int, kind: str = "multicast", *, one: bool = False, ttl: int = 32) -> str:
    """Write a spec; with `one` the last node has another URL, `ttl` changes every node."""
    head = f"""\
omconf: 1
cluster: {CLUSTER}
openmeetings: {{release: "9.1.0"}}
discovery: {{kind: {kind}, ttl: {ttl}}}
database:
  kind: postgresql
  host: 10.200.0.10
  user: openmeetings
  password: {{env: OM_DB_PASSWORD}}
storage: {{kind: nfs, server: om1}}
nodes:
"""
    return head + "".join(
        f"  om{i}: {{address: {address(i)}, url: {json.dumps(url(i, changed=one and i == nodes))}}}\n"
        for i in range(1, nodes + 1)
    )


def address(number: int) -> str:
    """Give the address of a node."""
    return f"10.1.{number // 250}.{number % 250 + 1}"


def url(number: int, *, changed: bool = False) -> str:
    """Give the public URL of a node."""
    return f"https://{'other' if changed else 'om'}{number}.example.org:5443/openmeetings"


def deploy(bundle: Path, trees: Path) -> None:
    """Make the root tree of every node as a roll-out of the bundle leaves it, secrets filled in."""
    for node in json.loads((bundle / "manifest.json").read_text())["nodes"]:
        root = trees / node
        for folder in ("files", "blocks", "keys"):
            if (bundle / node / folder).is_dir():
                shutil.copytree(bundle / node / folder, root, dirs_exist_ok=True)
        own = root / "etc/omconf" / CLUSTER / "manifest.json"
        own.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle / node / "manifest.json", own)
        for entry in json.loads(own.read_text())["files"]:
            if entry["sensitive"]:
                file = root / entry["path"].lstrip("/")
                file.write_text(file.read_text().replace(PLACEHOLDER, PASSWORD))
