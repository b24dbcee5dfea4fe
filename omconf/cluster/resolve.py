"""The spec to the cluster: every default filled, every value with its origin."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omconf.cluster import resolve_database, shared_folder
from omconf.cluster.model import (
    Cluster,
    Discovery,
    ExtraFile,
    Hazelcast,
    Ignore,
    Kurento,
    Network,
    Node,
    OpenMeetings,
    Removed,
)
from omconf.cluster.spec_values import SpecValues
from omconf.diagnostics import meant
from omconf.files import read
from omconf.origin import FromDefault, FromSpec, Value
from omconf.releases import RELEASES
from omconf.rules import WRONG_VALUE
from omconf.secrets import quoted
from omconf.spec.references import node_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.diagnostics import Diagnostic
    from omconf.origin import Span
    from omconf.spec.document import Document
    from omconf.spec.models import Ignore as IgnoreSpec
    from omconf.spec.models import Spec

MAX_READ = 1 << 21
"""Bytes that are read of a file beside the spec; its content is checked later."""


def resolve(
    document: Document,
    spec: Spec,
    base: str = ".",
    beside: Mapping[str, bytes] | None = None,
) -> tuple[Cluster | None, list[Diagnostic]]:
    """Resolve a valid spec; `base` is the folder that secrets' file paths start from.

    `beside` are files there that need not be read. With errors, the cluster is only for checks that
    find more; it is None when a server can be one of several nodes, or is a node with a wrong name.
    """
    return Resolver(document, spec, base, beside or {}).cluster()


def natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Sort key that puts om2 before om10, and no two names in one place: om1 and om01."""
    parts = (part for part in re.split("([0-9]+)", name) if part)
    return [(int(p), "") if p[0] in "0123456789" else (-1, p) for p in parts], name


class Resolver(SpecValues):
    """Resolves one spec, section by section."""

    def __init__(
        self, document: Document, spec: Spec, base: str, beside: Mapping[str, bytes]
    ) -> None:
        super().__init__(document, spec, base)
        self.beside = beside

    def cluster(self) -> tuple[Cluster | None, list[Diagnostic]]:
        """Resolve the whole spec; the cluster is None if it is unknown which node is a server."""
        spec = self.spec
        name = Value(spec.cluster, self.origin(("cluster",)))
        om = spec.openmeetings
        openmeetings = OpenMeetings(
            release=Value(RELEASES[om.release], self.origin(("openmeetings", "release"))),
            webapp=self.value(om, ("openmeetings", "webapp")),
            data_dir=self.value(om, ("openmeetings", "data_dir")),
            service=self.value(om, ("openmeetings", "service")),
            user=self.value(om, ("openmeetings", "user")),
            group=self.value(om, ("openmeetings", "group")),
            timezone=self.value(om, ("openmeetings", "timezone")),
            java_options=self.items(om.java_options, ("openmeetings", "java_options")),
        )
        d = spec.discovery
        discovery = Discovery(
            kind=self.value(d, ("discovery", "kind")),
            group=self.value(d, ("discovery", "group")),
            port=self.value(d, ("discovery", "port")),
            ttl=self.value(d, ("discovery", "ttl")),
            timeout=self.value(d, ("discovery", "timeout")),
        )
        hazelcast = Hazelcast(
            cluster_name=self.maybe(spec.hazelcast, ("hazelcast", "cluster_name")) or name,
            port=self.maybe(spec.hazelcast, ("hazelcast", "port")),
            properties=self.mapping(spec.hazelcast.properties, ("hazelcast", "properties")),
            extra=self.extra(),
            interfaces=self.maybe(spec.hazelcast, ("hazelcast", "interfaces")),
        )
        network = Network(
            subnets=self.items(spec.network.subnet or [], ("network", "subnet")),
            multicast_route=self.maybe(spec.network, ("network", "multicast_route"))
            or Value(d.kind == "multicast", discovery.kind.origin),
            firewall=self.value(spec.network, ("network", "firewall")),
        )
        nodes = tuple(self.node(n) for n in sorted(spec.nodes, key=natural))
        database = resolve_database.database(self, openmeetings, nodes)
        storage = shared_folder.resolve(self, spec.storage, name, openmeetings, nodes)
        if database is None or storage is None:
            return None, self.diagnostics
        return Cluster(
            name,
            openmeetings,
            network,
            hazelcast,
            discovery,
            database,
            storage,
            self.kurento(),
            self.secrets(spec.secrets, ("secrets",)),
            tuple(filter(None, (self.ignore(each, i) for i, each in enumerate(spec.ignore)))),
            nodes,
            self.removed(nodes),
        ), self.diagnostics

    def removed(self, nodes: Iterable[Node]) -> tuple[Removed, ...]:
        """The nodes that left the spec; none may still be in it, under whatever name."""
        hosts = {node.ssh.value: node.name.value for node in nodes}
        result = []
        renamed = {node.renamed_from: now for now, node in self.spec.nodes.items()}
        for name in sorted(self.spec.removed, key=natural):
            place = FromSpec(f"removed.{name}", self.document.key_span(("removed", name)))
            ssh = self.value(self.spec.removed[name], ("removed", name, "ssh"))
            destination = Value(node_text(ssh.value, name, ""), ssh.origin)
            if name in self.document.data["nodes"]:
                message = f"`{name}` is a node of this cluster: it cannot be in `removed`."
                hint = "Remove it here, or from `nodes`."
                self.diagnostics.append(WRONG_VALUE.at(place.span, message, hint=hint))
            elif name in renamed:
                now = renamed[name]
                message = f"`{name}` is now called `{now}`: it cannot be in `removed`."
                hint = f"Remove it here, or `renamed_from` of `{now}`."
                self.diagnostics.append(WRONG_VALUE.at(place.span, message, hint=hint))
            elif there := hosts.get(destination.value):
                message = f"`{destination.value}` is the host of the node `{there}`."
                hint = (
                    f"Write the host that `{name}` was on, or `{there}: {{renamed_from: {name}}}`."
                )
                self.diagnostics.append(WRONG_VALUE.at(ssh.span, message, hint=hint))
            result.append(Removed(Value(name, place), destination))
        return tuple(result)

    def node(self, name: str) -> Node:
        """Resolve a node: its own values, those of `node_defaults`, then the defaults."""
        own = self.spec.nodes[name]
        defaults = self.spec.node_defaults

        def pick(key: str) -> Value[Any] | None:
            if getattr(own, key) is not None:
                return Value(getattr(own, key), self.origin(("nodes", name, key)))
            if getattr(defaults, key) is not None:
                return Value(getattr(defaults, key), self.origin(("node_defaults", key)))
            return None

        def own_text(value: Value[Any] | None) -> Value[str] | None:
            """Put the node's name and address into a text."""
            return value and Value(node_text(value.value, name, address.value), value.origin)

        home = self.value(self.spec.openmeetings, ("openmeetings", "home"))
        # load.py gives no spec without these two.
        address = _there(pick("address"))
        url = _there(pick("url"))
        public, public_port = _host_port(pick("public_address"))
        # Behind NAT two hosts may have one address; then others see the public one alone.
        shared = public and self.addresses[address.value] > 1
        default = FromDefault(f"nodes.{name}.ssh", "the node's name")
        ssh = pick("ssh") or Value(name, default)
        called = Value(name, FromSpec(f"nodes.{name}", self.document.key_span(("nodes", name))))
        return Node(
            name=called,
            instance_name=self.maybe(own, ("nodes", name, "instance_name")) or called,
            address=address,
            url=_there(own_text(url)),
            home=pick("home") or home,
            interface=pick("interface") or self.maybe(self.spec.network, ("network", "interface")),
            storage_address=pick("storage_address") or (public if shared else None) or address,
            public_address=public,
            kurento_url=pick("kurento_url") or self.maybe(self.spec.kurento, ("kurento", "url")),
            ssh=_there(own_text(ssh)),
            renamed_from=self.maybe(own, ("nodes", name, "renamed_from")),
            public_port=public_port,
            member=own_text(pick("member")),
        )

    def extra(self) -> Value[ExtraFile] | None:
        """Read the file of further Hazelcast elements, which stands beside the spec."""
        path = ("hazelcast", "extra")
        name = self.maybe(self.spec.hazelcast, path)
        if name is None:
            return None
        file = os.path.join(self.base, name.value) if self.base != "." else name.value
        if name.value in self.beside:
            return Value(ExtraFile(file, self.beside[name.value]), name.origin)
        try:
            data = read.start(file, MAX_READ).data
        except OSError as error:
            message = f"The file {quoted(file)} cannot be read: {error.strerror}."
            hint = "A relative path is relative to the spec's folder."
            self.diagnostics.append(WRONG_VALUE.at(self.document.span(path), message, hint=hint))
            return None
        return Value(ExtraFile(file, data), name.origin)

    def ignore(self, spec: IgnoreSpec, index: int) -> Ignore | None:
        """Resolve an entry of `ignore`; return None and report an error if its node is unknown."""
        path = ("ignore", index)
        if spec.node is not None and not self.said_of(spec.node):
            near = meant(spec.node, self.spec.nodes)
            names = ", ".join(sorted(self.spec.nodes, key=natural)[:10])
            hint = f"Did you mean `{near}`?" if near else f"Use one of: {names}."
            message = f"`{spec.node}` is not a node of this cluster."
            self.diagnostics.append(
                WRONG_VALUE.at(self.document.span((*path, "node")), message, hint=hint)
            )
            return None
        return Ignore(
            rule=self.value(spec, (*path, "rule")),
            node=self.maybe(spec, (*path, "node")),
            path=self.maybe(spec, (*path, "path")),
            place=self.node_place(spec.node) if spec.node else None,
        )

    def node_place(self, name: str) -> Span:
        """All that the spec says of a node: from its name to the end of its keys."""
        key, value = (
            find(("nodes", name)) for find in (self.document.key_span, self.document.span)
        )
        if (value.line, value.column) < (key.line, key.column):
            return value  # an alias: its text stands further up
        return replace(value, line=key.line, column=key.column)

    def kurento(self) -> Kurento:
        """Resolve what nodes share of the media server: its TURN server."""
        turn = self.spec.kurento.turn
        path = ("kurento", "turn")
        return Kurento(
            turn_url=self.maybe(turn, (*path, "url")),
            turn_user=self.maybe(turn, (*path, "user")),
            turn_secret=self.secrets(turn, path).get("secret"),
            turn_mode=self.maybe(turn, (*path, "mode")),
            turn_ttl=self.maybe(turn, (*path, "ttl")),
        )


def _host_port(value: Value[Any] | None) -> tuple[Value[str] | None, Value[int] | None]:
    """Split `HOST:PORT`; the port may be left out."""
    if value is None:
        return None, None
    host, _, port = value.value.partition(":")
    return Value(host, value.origin), Value(int(port), value.origin) if port else None


def _there(value: Value[Any] | None) -> Value[Any]:
    if value is None:
        raise ValueError("a node without address or url passed the spec's checks")
    return value
