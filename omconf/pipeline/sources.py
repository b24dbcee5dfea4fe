"""Which source of deployed files a command line names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.rules import NO_SOURCE
from omconf.secret_sources import SecretRef

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from omconf.ansible.reach import Reach
    from omconf.apply.carrier import Piped
    from omconf.cluster.model import Cluster
    from omconf.deployed.snapshot import Source
    from omconf.diagnostics import Diagnostic
    from omconf.pipeline.connections import Connections

SOURCES = """Use one of these sources:
    omconf plan --deployed trees       trees/<node>/ is that node's root tree
    omconf plan --local om1            this host is the node om1
    omconf plan --ssh                  the nodes, by your own ssh configuration
    omconf plan --ansible              the nodes, by your own Ansible
    omconf plan --git HEAD -o bundles  the bundles as committed"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of where deployed files are."""

    deployed: Path | None
    local: str | None
    root: Path | None
    ssh: bool
    sudo: bool
    seconds: float | None
    git: str | None
    directory: Path | None
    nodes: Collection[str]
    ansible: bool = False
    inventory: Path | None = None
    connections: Connections | None = None
    """What stays connected for the apply that follows."""

    @classmethod
    def of_local(cls, node: str, root: Path | None) -> Asked:
        """Ask for the node that this host is, or that a copy of its root is."""
        return cls(None, node, root, False, False, None, None, None, ())

    @classmethod
    def of_nodes(
        cls,
        *,
        sudo: bool = False,
        seconds: float | None = None,
        only: Collection[str] = (),
        ansible: bool = False,
        inventory: Path | None = None,
    ) -> Asked:
        """Ask for the nodes themselves, by ssh or Ansible."""
        ssh = not ansible
        return cls(None, None, None, ssh, sudo, seconds, None, None, only, ansible, inventory)

    @property
    def options(self) -> list[str]:
        """The options that name the nodes in another command."""
        if self.local is not None:
            return ["--local", self.local, *(["--root", self.tree] if self.tree else [])]
        inventory = ["--inventory", str(self.inventory)] if self.inventory else []
        by = ["--ansible", *inventory] if self.ansible else ["--ssh"]
        return [*by, *(["--sudo"] if self.sudo else [])]

    @property
    def tree(self) -> str:
        """The tree of `--local` to be written to; empty for this host's own root."""
        return "" if self.local is None else os.path.realpath(self.root or "/").rstrip("/")

    def mistake(self) -> Diagnostic | None:
        """Report what is wrong with it; nothing when it names one source."""
        wrong = self._wrong()
        return NO_SOURCE.at(None, wrong, hint=SOURCES) if wrong else None

    def _wrong(self) -> str:
        named = sum((self.deployed is not None, self.local is not None, self.ssh, self.ansible))
        if named == 0 and self.git is None:
            return "A plan needs a source of deployed files."
        if named > 1:
            return (
                "A plan takes one source: --deployed, --local, --ssh and --ansible cannot be used"
                " together."
            )
        if (self.git is None) != (self.directory is None):
            return "--git requires -o, the committed bundle directory."
        if self.root is not None and self.local is None:
            return "--root requires --local."
        if self.inventory is not None and not self.ansible:
            return "--inventory requires --ansible."
        if (self.sudo or self.seconds is not None) and not (self.ssh or self.ansible):
            return "--sudo and --timeout require --ssh or --ansible."
        if self.local is not None and self.nodes:
            return "--local is one node: it cannot be used with --node."
        return ""

    @property
    def only(self) -> Collection[str]:
        """The nodes to plan; none: all."""
        return self.nodes if self.local is None else (self.local,)

    def sources(self, cluster: Cluster) -> tuple[Source, Source | None]:
        """The source of the plan, and the base that tells who changed what."""
        base = self._committed()
        if self.deployed is not None:
            from omconf.deployed.directory import Directory

            return Directory(str(self.deployed)), base
        if self.local is not None:
            from omconf.deployed.local import Local

            return Local(str(self.root or "/")), base
        removed = {node.name.value: node.ssh.value for node in cluster.removed}
        if self.ssh:
            from omconf.deployed.ssh import Ssh

            how = (self.sudo, self.seconds or 60.0, removed)
            if self.connections is None:
                return Ssh(*how), base
            from omconf.apply.reading import SshThenApply

            self.connections.begin()
            name, programs = cluster.name.value, self.connections.programs
            return SshThenApply(*how, cluster=name, programs=programs), base
        if self.ansible:
            from omconf.deployed.ansible import Ansible

            if self.connections is not None:
                self.connections.begin()
            return Ansible(self.reach(cluster), self.seconds or 60.0, removed), base
        assert base is not None  # noqa: S101 - there was no mistake
        return base, None

    def connected(self, node: str) -> Piped | None:
        """Return the program on a node that the plan was read by, which is no longer kept then."""
        return self.connections.programs.pop(node, None) if self.connections else None

    def reach(self, cluster: Cluster) -> Reach:
        """How Ansible reaches the nodes."""
        from omconf.ansible.reach import Reach

        file = None if self.inventory is None else str(self.inventory)
        shared = self.connections.session if self.connections else None
        return Reach(file, self.sudo, frozenset(_variables(cluster)), shared)

    def _committed(self) -> Source | None:
        if self.git is None:
            return None
        from omconf.deployed.git import Git

        return Git(self.git, str(self.directory))


def _variables(value: object) -> Iterator[str]:
    """Yield the variables of the environment that hold secrets, by what a cluster names."""
    if isinstance(value, SecretRef):
        yield from value.argument[:1] if value.source == "env" else ()
    elif isinstance(value, Mapping | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _variables(part)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _variables(getattr(value, each.name))
