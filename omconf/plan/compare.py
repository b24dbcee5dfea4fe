"""Desired against deployed, by meaning: one file of one node at a time."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from omconf.artifacts import kinds
from omconf.artifacts.model import BlockKind, Change, Ownership, Reading
from omconf.bundle import manifest
from omconf.diagnostics import REFUSED, Diagnostic, Finding, Rule, Severity
from omconf.formats import block, header
from omconf.origin import Span
from omconf.plan import items
from omconf.plan.model import Action, ArtifactChange, ItemChange, Plan
from omconf.plan.rollout import order
from omconf.secrets import masked, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from omconf.artifacts.model import Artifact, Kind
    from omconf.bundle.model import Bundle
    from omconf.cluster.model import Cluster, Node
    from omconf.deployed.snapshot import NodeFiles, Snapshot
    from omconf.secrets import Secret, Secrets, Unresolved

TWICE = Rule("OM311", Severity.ERROR, "the same entry both inside and outside the block")
PLACEHOLDER = Rule("OM320", Severity.WARNING, "a placeholder is deployed: no secret was filled in")
FOREIGN = Rule("OM321", Severity.ERROR, "a file that another cluster's omconf wrote")


def manifests(cluster: Cluster, only: Collection[str] = ()) -> dict[str, list[str]]:
    """What a source has to read first, by node: the manifest of what was applied there."""
    names = [node.name.value for node in cluster.nodes]
    own = manifest.node_path(cluster.name.value)
    return {name: [own] for name in names if not only or name in only}


def wanted(cluster: Cluster, applied: Snapshot) -> dict[str, list[str]]:
    """Every path that a source has to read, by node: what omconf may own, or applied before."""
    result = {}
    for node in cluster.nodes:
        deployed = applied.nodes.get(node.name.value)
        if deployed is None:
            continue
        paths = dict.fromkeys(path for kind in kinds() for path in kind.paths(cluster, node))
        for own, file in deployed.files.items():
            paths[own] = None
            with suppress(ValueError):
                paths |= dict.fromkeys(manifest.read_node(file.data or b""))
        result[node.name.value] = list(paths)
    return result


def compare(
    cluster: Cluster,
    bundle: Bundle,
    snapshot: Snapshot,
    secrets: Secrets,
    *,
    strict: bool = False,
) -> Plan:
    """Plan the bundle against what is deployed; secrets are read only when one is to be compared."""
    desired = {node.node: node.artifacts for node in bundle.nodes}
    comparison = _Comparison(cluster, secrets)
    for node in cluster.nodes:
        name = node.name.value
        if name in snapshot.nodes:
            comparison.node(node, desired[name], snapshot.nodes[name])
    comparison.across()
    return Plan(
        cluster=cluster.name.value,
        source=snapshot.kind,
        nodes=tuple(snapshot.nodes),
        changes=tuple(comparison.changes),
        rollout=order(cluster, comparison.changes),
        diagnostics=tuple(comparison.diagnostics),
        complete=comparison.complete,
        strict=strict,
    )


@dataclass
class _Comparison:
    cluster: Cluster
    secrets: Secrets
    changes: list[ArtifactChange] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    complete: bool = True
    readings: dict[int, Reading] = field(default_factory=dict)
    latest: dict[str, tuple[str, Reading]] = field(default_factory=dict)
    differing: dict[str, dict[str, tuple[str, Reading]]] = field(default_factory=dict)
    fine: dict[str, dict[str, None]] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> dict[str, Kind]:
        return {kind.name: kind for kind in kinds()}

    def say(self, node: str, path: str, finding: Finding, source: str | None = None) -> None:
        span = Span(path, finding.line, 1, finding.line, 1) if finding.line else None
        self.diagnostics.append(
            finding.rule.at(
                span, finding.message, hint=finding.hint, node=node, path=path
            ).shown_with(source)
        )

    def node(self, node: Node, artifacts: tuple[Artifact, ...], deployed: NodeFiles) -> None:
        name = node.name.value
        if deployed.problem:
            self.say(name, "", deployed.problem)
            self.complete = False
            return
        earlier = self.earlier(name, deployed)
        by_path = {artifact.path: artifact for artifact in artifacts}
        places = [(path, kind) for kind in kinds() for path in kind.paths(self.cluster, node)]
        known = {path for path, _ in places}
        # What was applied at a place that is no longer used: another home, for example.
        places += [
            (path, self.by_name[kind])
            for path, kind in earlier.items()
            if path not in known and kind in self.by_name
        ]
        for path, kind in sorted(places, key=lambda place: place[0]):
            file = deployed.files.get(path)
            if file and file.problem:
                self.say(name, path, file.problem)
                self.complete = False
                continue
            data = file.data if file else None
            artifact = by_path.get(path)
            if artifact and data == artifact.data and not artifact.sensitive:
                self.fine.setdefault(kind.name, {})[name] = None
                continue
            match kind.ownership:
                case Ownership.FILE:
                    self.file(kind, name, path, artifact, data, path in earlier)
                case Ownership.KEYS if artifact:
                    self.keys(kind, name, artifact, data)
                case _ if isinstance(kind, BlockKind):
                    self.block(kind, name, path, artifact, data)

    def across(self) -> None:
        """Say what only several nodes' files show together."""
        for name, nodes in self.differing.items():
            deployed = {node: reading for node, (_, reading) in nodes.items()}
            found = self.by_name[name].across(self.cluster, deployed, self.fine.get(name, {}))
            for node, finding in found:
                self.say(node, nodes[node][0], finding)

    def earlier(self, node: str, deployed: NodeFiles) -> Mapping[str, str]:
        """Kinds by path that the node's own manifest lists: only what was applied may be deleted."""
        path = manifest.node_path(self.cluster.name.value)
        file = deployed.files.get(path)
        if file and file.problem:
            self.say(node, path, file.problem)
            self.complete = False
        if file is None or file.data is None:
            return {}
        try:
            return {path: entry["kind"] for path, entry in manifest.read_node(file.data).items()}
        except ValueError as error:
            self.say(
                node, path, Finding(REFUSED, 0, f"The node's manifest cannot be used: {error}.")
            )
            return {}

    def change(
        self,
        kind: Kind,
        node: str,
        path: str,
        action: Action,
        changed: list[ItemChange],
        notes: tuple[str, ...] = (),
    ) -> None:
        effect = None
        changed = [replace(i, key=masked(i.key)) for i in changed]
        if action is not Action.REFORMAT:
            changes = {i.key: Change(str(i.action), i.before, i.after) for i in changed}
            effect = kind.effect(self.cluster, changes, action)
        self.changes.append(
            ArtifactChange(
                node, path, kind.name, str(kind.ownership), action, tuple(changed), effect, notes
            )
        )

    def desired(self, kind: Kind, artifact: Artifact) -> Reading:
        """Read our own artifact back, once for all nodes that share it."""
        key = id(artifact)
        if key not in self.readings:
            self.readings[key] = kind.read(artifact.text)
        return self.readings[key]

    def deployed(self, kind: Kind, text: str) -> Reading:
        """Read a deployed file, or take the last reading of this kind: nodes often hold the same."""
        before = self.latest.get(kind.name)
        if before is None or before[0] != text:
            before = self.latest[kind.name] = (text, kind.read(text))
        return before[1]

    def file(
        self,
        kind: Kind,
        node: str,
        path: str,
        artifact: Artifact | None,
        data: bytes | None,
        owned: bool,
    ) -> None:
        if artifact is None:
            if data is not None and owned:
                self.change(kind, node, path, Action.DELETE, [])
            return
        if data is None:
            self.change(kind, node, path, Action.CREATE, [])
            return
        text = data.decode("utf-8", "surrogateescape")
        other = header.cluster_of(text)
        if other not in (None, self.cluster.name.value):
            message = (
                f"This file was written for the cluster `{other}`; a host is in one cluster only."
            )
            hint = "If the cluster was renamed, name it as it was, or take the file away first."
            self.say(node, path, Finding(FOREIGN, 1, message, hint))
            self.complete = False
            return
        if kind.textual:
            changed = items.by_line(text, artifact.text)
            self.change(kind, node, path, Action.UPDATE, changed)
            return
        reading = self.deployed(kind, text)
        for finding in reading.findings:
            self.say(node, path, finding)
        if reading.broken:
            self.complete = False
            self.change(kind, node, path, Action.UPDATE, [])
            return
        changed = items.changed(reading.items, self.desired(kind, artifact).items, kind.keep)
        changed += self.secret_items(kind, node, artifact, reading)
        if changed:
            changed.sort(key=lambda item: item.key)
            self.change(kind, node, path, Action.UPDATE, changed)
            self.differing.setdefault(kind.name, {})[node] = (path, reading)
            return
        self.fine.setdefault(kind.name, {})[node] = None
        if data != artifact.data and not self.is_filled(artifact, text):
            self.change(kind, node, path, Action.REFORMAT, [])

    def is_filled(self, artifact: Artifact, text: str) -> bool:
        """Tell whether a deployed text is our artifact with its secrets filled in, to the byte."""
        if not artifact.placeholders:
            return False
        head, *others = items.around_placeholders(artifact)
        # The secrets' own text may stand in any form that means the same; their items were equal.
        if not text.startswith(head):
            return False
        position = len(head)
        for part in others:
            position = text.find(part, position)
            if position < 0:
                return False
            position += len(part)
        return position == len(text)

    def secret_items(
        self, kind: Kind, node: str, artifact: Artifact, reading: Reading
    ) -> list[ItemChange]:
        result = []
        names = {p.text: p.name for p in artifact.placeholders}
        desired = self.desired(kind, artifact).secrets
        for key in {**desired, **reading.secrets}:
            deployed, target = reading.secrets.get(key), desired.get(key)
            if deployed is not None and deployed.reveal() in names:
                message = f"`{key}` is still a placeholder: the secret was never filled in."
                self.say(
                    node, artifact.path, Finding(PLACEHOLDER, reading.lines.get(key, 0), message)
                )
                if target is not None and deployed == target:
                    continue
            # What the spec itself says under such a name is no secret, but is hidden all the same.
            value: Secret | Unresolved | None = target
            if target and deployed and target.reveal() in names:
                value = self.secrets.get(names[target.reveal()])
            result += items.secret(key, deployed, target is not None, value, kind.keep)
        return result

    def keys(self, kind: Kind, node: str, artifact: Artifact, data: bytes | None) -> None:
        """Compare the keys that are ours; what the file's others say is not looked at."""
        if data is None:
            notes = (
                "OpenMeetings ships this file, and it is not there: is OpenMeetings installed?",
            )
            self.change(kind, node, artifact.path, Action.CREATE, [], notes)
            return
        desired = self.desired(kind, artifact)
        there = self.deployed(kind, data.decode("utf-8", "surrogateescape"))
        present = {k: v for k, v in there.items.items() if k in desired.items}
        secrets = {k: v for k, v in there.secrets.items() if k in desired.secrets}
        changed = items.changed(present, desired.items, kind.keep)
        changed += self.secret_items(
            kind, node, artifact, Reading(secrets=secrets, lines=there.lines)
        )
        if changed:
            changed.sort(key=lambda item: item.key)
            self.change(kind, node, artifact.path, Action.UPDATE, changed)

    def block(
        self, kind: BlockKind, node: str, path: str, artifact: Artifact | None, data: bytes | None
    ) -> None:
        cluster = self.cluster.name.value
        text = (data or b"").decode("utf-8", "surrogateescape")
        found = block.find(text, cluster)
        if isinstance(found, Finding):
            self.say(node, path, found)
            self.complete = False
            return
        outside, findings = kind.entries(block.outside(text, found))
        inside, inner = kind.entries(block.inside(text, found))
        after = kind.behind(block.behind(text, found)) if found else []
        for finding in (*findings, *inner, *after):
            self.say(node, path, finding)
        wanted = kind.counted(kind.entries(artifact.text)[0]) if artifact else {}
        desired = {key: entry.value for key, entry in wanted.items()}
        present = {key: entry.value for key, entry in kind.counted(inside).items()}
        ours = frozenset(present)
        taken = [e for e in outside if e.key in desired]
        taken += kind.slips(outside, taken)
        notes = tuple(f"{masked(e.key)} is taken over from line {e.line}" for e in taken)
        for entry in taken:
            if entry.key in ours:
                message = (
                    f"`{quoted(entry.key)}` stands in line {entry.line} and inside the block too."
                )
                hint = "Delete that line: the block holds the entry."
                self.say(node, path, Finding(TWICE, entry.line, message, hint))
            present.setdefault(entry.key, entry.value)
        changed = [items.shown(item) for item in items.changed(present, desired, kind.keep)]
        body = artifact.text if artifact else None
        if artifact is None and found is None:
            return
        if changed:
            fresh = found is None and not taken
            action = (
                Action.DELETE if artifact is None else Action.CREATE if fresh else Action.UPDATE
            )
            self.change(kind, node, path, action, changed, notes)
        elif block.merge(text, cluster, body, taken) != text:
            action = Action.REFORMAT if artifact else Action.DELETE
            self.change(kind, node, path, action, [], notes)
