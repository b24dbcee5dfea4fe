"""Real nodes: sshds in namespaces of their own, with their files on disk (as root)."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from bench.cases import OMCONF
from bench.measure import Command, Rounds, peak
from bench.table import Row, memory, timed
from tests.needs import closure, missing
from tests.real.nodes import NEEDS_NODES, NEEDS_SSH, Nodes
from tests.real.programs import Network

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

COUNT = 8
MANY = 50
KEPT = 10
"""How many applies a node remembers: a plan reads what it knows of them."""
CLASSES = "opt/om/webapps/openmeetings/WEB-INF/classes"
FILES = (
    "etc/omconf/conference/check.conf",
    f"{CLASSES}/META-INF/persistence.xml",
    f"{CLASSES}/hazelcast.xml",
    "usr/local/sbin/omconf-multicast-route",
    "usr/local/sbin/omconf-node-check",
)
"""Files of a node that no program on it checks; nothing has to be run when their modes alone change."""
MANIFEST = "etc/omconf/conference/manifest.json"
CHECKED = "etc/systemd/system/omconf-multicast-route.service"
OTHER_MODE = 0o604


def lacking() -> list[str]:
    """Name what is not here and nodes need."""
    return missing(closure(("root", *NEEDS_NODES, *NEEDS_SSH)))


@contextmanager
def _nodes(folder: Path, count: int) -> Iterator[Nodes]:
    """Make nodes that are as the spec says, and remember nothing of it."""
    folder.mkdir()
    before = os.umask(0o022)
    network = Network(f"bench{os.getpid()}n{count}")
    try:
        nodes = Nodes(network, folder, count, running=False)
        nodes.own.append("/var/lib")
        for name in nodes.names:
            (nodes.tree(name) / "var/lib").mkdir(parents=True)
        nodes.ssh()
        yield nodes
    finally:
        network.close()
        os.umask(before)


def _spoil(nodes: Nodes, paths: Iterable[str] = FILES) -> None:
    """Give files another mode, so that an apply writes them anew."""
    for name in nodes.names:
        for path in paths:
            (nodes.tree(name) / path).chmod(OTHER_MODE)


def _apply(nodes: Nodes, paths: Iterable[str] = FILES) -> Command:
    words = [OMCONF, "apply", nodes.spec, "--ssh", "--yes"]
    return Command(words, partial(_spoil, nodes, paths), env=_found(nodes))


def _found(nodes: Nodes) -> Mapping[str, str]:
    """Give the environment in which `ssh` reaches the nodes."""
    return {"PATH": nodes.environment["PATH"], "OM_DB_PASSWORD": "not-a-real-password"}


def _parallel(nodes: Nodes, script: str, *, stdin: str = "/dev/null") -> Command:
    """Run a script on all nodes by parallel ssh."""
    each = f'ssh -o BatchMode=yes "$one" "$0" <{stdin} >/dev/null & all="$all $!"'
    both = f'all=; for one; do {each}; done; for one in $all; do wait "$one" || exit 1; done'
    return Command(["sh", "-c", both, script, *nodes.names], env=_found(nodes))


def _copy(nodes: Nodes, paths: Iterable[str] = (*FILES, MANIFEST)) -> Command:
    """Write the same bytes by tar, and have them on the disk."""
    told = " ".join(paths)
    for name in nodes.names:
        archive = nodes.folder / f"{name}.tar"
        subprocess.run(["tar", "-C", nodes.tree(name), "-cf", archive, *told.split()], check=True)
    script = f"cd / && tar -xf - && sync -- {told}"
    return _parallel(nodes, script, stdin=f'{nodes.folder}/"$one".tar')


def over_ssh(folder: Path, repeats: int) -> Iterator[Row]:
    """Plans and applies of real nodes, against parallel ssh with tar."""
    tar, copy = "parallel ssh, tar -c", "parallel ssh, tar -x, sync"
    named = f"{COUNT} nodes by ssh: "
    with _nodes(folder / "few", COUNT) as nodes:
        apply, checked = _apply(nodes), _apply(nodes, (*FILES, CHECKED))
        Rounds({"": apply}, KEPT)
        files = " ".join((*FILES, MANIFEST))
        rounds = Rounds(
            {
                tar: _parallel(nodes, f"tar -C / -cf - {files}"),
                copy: _copy(nodes),
                "plan": Command([OMCONF, "plan", nodes.spec, "--ssh"], env=_found(nodes)),
                "apply": apply,
                "checked": checked,
            },
            repeats,
        )
        yield timed(rounds, "plan", tar, f"{named}plan, nothing changed", limit=1.3)
        yield timed(rounds, "apply", copy, f"{named}apply, files only", limit=4.0)
        yield timed(rounds, "checked", "apply", f"{named}apply, and a unit that is checked")
        yield memory(f"{named}peak memory of apply", peak(apply))
    with _nodes(folder / "many", MANY) as nodes:
        yield memory(f"{MANY} nodes by ssh: peak memory of apply", peak(_apply(nodes)))
