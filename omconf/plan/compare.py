"""Desired against deployed, by meaning: one file of one node at a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from omconf.artifacts import by_name, kinds
from omconf.artifacts.model import BlockKind, Change, Ownership, Reading, leave
from omconf.bundle import manifest
from omconf.cluster import places
from omconf.diagnostics import Diagnostic, Finding, Rule, Severity
from omconf.formats import block, header
from omconf.origin import Span
from omconf.plan import access, cause, earlier, in_block, items, same_file
from omconf.plan.model import (
    Action,
    ArtifactChange,
    ItemChange,
    Plan,
    SecretCheck,
    SecretState,
)
from omconf.plan.place import Place
from omconf.plan.rollout import order
from omconf.plan.seen import Seen
from omconf.secrets import masked

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from omconf.artifacts.model import Artifact, Kind
    from omconf.bundle.applied import Entry
    from omconf.bundle.model import Bundle
    from omconf.cluster.model import Cluster, Node
    from omconf.deployed.snapshot import NodeFiles, Snapshot
    from omconf.secrets import Secret, Secrets, Unresolved

PLACEHOLDER = Rule("OM320", Severity.WARNING, "a placeholder is deployed: no secret was filled in")
FOREIGN = Rule("OM321", Severity.ERROR, "a file that another cluster's omconf wrote")


def compare(
    cluster: Cluster,
    bundle: Bundle,
    snapshot: Snapshot,
    secrets: Secrets,
    *,
    base: Snapshot | None = None,
    strict: bool = False,
) -> Plan:
    """Plan the bundle against what is deployed; secrets are read only when one is to be compared.

    `base` is what was applied last, where another source than the nodes' manifests knows it.
    """
    desired = {node.node: node.artifacts for node in bundle.nodes}
    comparison = _Comparison(cluster, secrets, snapshot, base, Seen(secrets))
    for node in cluster.nodes:
        name = node.name.value
        if name in snapshot.nodes:
            comparison.node(node, desired[name], snapshot.nodes[name])
    comparison.across()
    for name, files in snapshot.left.items():
        comparison.left(name, files)
    return Plan(
        cluster=cluster.name.value,
        source=snapshot.kind,
        nodes=(*snapshot.nodes, *snapshot.left),
        changes=tuple(comparison.changes),
        rollout=order(cluster, comparison.changes, comparison.planned),
        secrets=tuple(comparison.checked),
        diagnostics=tuple(comparison.diagnostics),
        complete=comparison.complete,
        strict=strict,
        mask=comparison.seen.mask(cluster, bundle),
    )


@dataclass
class _Comparison:
    cluster: Cluster
    secrets: Secrets
    snapshot: Snapshot
    base: Snapshot | None
    seen: Seen
    changes: list[ArtifactChange] = field(default_factory=list)
    checked: list[SecretCheck] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    complete: bool = True
    planned: set[str] = field(default_factory=set)
    leaving: bool = False
    readings: dict[int, Reading] = field(default_factory=dict)
    latest: dict[str, tuple[str, Reading]] = field(default_factory=dict)
    differing: dict[str, dict[str, tuple[str, Reading]]] = field(default_factory=dict)
    fine: dict[str, dict[str, None]] = field(default_factory=dict)

    def say(
        self, node: str, path: str, finding: Finding, *, severity: Severity | None = None
    ) -> None:
        span = Span(path, finding.line, 1, finding.line, 1) if finding.line else None
        self.diagnostics.append(
            finding.rule.at(
                span,
                finding.message,
                hint=finding.hint,
                severity=severity,
                node=node,
                path=path,
            )
        )

    def unread(self, node: str, path: str, finding: Finding) -> None:
        """Report why something is not compared: the plan is incomplete."""
        self.say(node, path, finding)
        self.complete = False

    def node(self, node: Node, artifacts: tuple[Artifact, ...], deployed: NodeFiles) -> None:
        name = node.name.value
        if deployed.problem:
            self.unread(name, "", deployed.problem)
            return
        self.planned.add(name)
        former_name = node.renamed_from.value if node.renamed_from else name
        settings = places.settings(self.cluster, node)
        before = self.earlier(name, deployed, settings, {name, former_name})
        by_path = {artifact.path: artifact for artifact in artifacts}
        wanted = [(path, kind) for kind in kinds() for path in kind.paths(self.cluster, node)]
        known = {path for path, _ in wanted}
        # What was applied at a place that is no longer used: another home, for example.
        former = [(path, entry.kind) for path, entry in before.items() if path not in known]
        twins = same_file.twins([path for path, _ in (*wanted, *former)], deployed.files)
        for path, finding in same_file.findings(twins, known):
            self.say(name, path, finding)
            self.complete = self.complete and finding.rule is not same_file.TWO_WANTED
        # What cannot be read may be a link to any of the former.
        unsure = any(f.problem for p, _ in wanted if (f := deployed.files.get(p)))
        former = [] if unsure else [place for place in former if place[0] not in twins]
        for path, kind in sorted((*wanted, *former), key=lambda place: place[0]):
            file = deployed.files.get(path)
            if file and file.problem:
                self.unread(name, path, file.problem)
                continue
            data, mode = (file.data, file.access) if file else (None, None)
            artifact = by_path.get(path)
            if (
                artifact
                and data == artifact.data
                and not artifact.sensitive
                and not (mode and access.changed(artifact, mode))
            ):
                self.fine.setdefault(kind.name, {})[name] = None
                continue
            listing = manifest.node_path(self.cluster.name.value)
            base = cause.applied(self.base, listing, name, path, before)
            self.place(Place(kind, name, path, artifact, data, mode, path in before, base))

    def place(self, place: Place) -> None:
        """Compare one place, in the way of its ownership."""
        match place.kind.ownership:
            case Ownership.FILE:
                self.file(place)
            case Ownership.KEYS if place.artifact:
                self.keys(place, place.artifact)
            case Ownership.KEYS if place.data is not None:
                there = self.deployed(place.kind, place.text)  # nothing of it is ours; it is judged
                self.differing.setdefault(place.kind.name, {})[place.node] = (place.path, there)
            case _ if isinstance(place.kind, BlockKind):
                self.block(place, place.kind)

    def left(self, node: str, deployed: NodeFiles) -> None:
        """Take away what was applied to a node that the spec has no more."""
        if deployed.problem:
            self.unread(node, "", deployed.problem)
            return
        self.leaving = True
        for path, entry in sorted(self.earlier(node, deployed).items()):
            file = deployed.files.get(path)
            if file and file.problem:
                self.unread(node, path, file.problem)
            if file and file.data is not None:
                self.place(Place(entry.kind, node, path, None, file.data, owned=True))

    def across(self) -> None:
        """Say what only several nodes' files show together."""
        for name, nodes in self.differing.items():
            deployed = {node: reading for node, (_, reading) in nodes.items()}
            found = by_name()[name].across(self.cluster, deployed, self.fine.get(name, {}))
            for node, finding in found:
                self.say(node, nodes[node][0], finding)

    def earlier(
        self,
        node: str,
        deployed: NodeFiles,
        settings: Mapping[str, str] | None = None,
        names: Collection[str] = (),
    ) -> Mapping[str, Entry]:
        """What the node's own manifest lists, by path; see `earlier.read`."""
        path = manifest.node_path(self.cluster.name.value)
        found = earlier.read(deployed.files.get(path), self.cluster.name.value, settings, names)
        if found.finding and not found.known:
            self.unread(node, path, found.finding)
        elif found.finding:
            self.say(node, path, found.finding)
        return found.entries

    def change(
        self,
        place: Place,
        action: Action,
        changed: list[ItemChange],
        notes: tuple[str, ...] = (),
    ) -> None:
        effect = None
        who = cause.of_file(place, self.cluster.name.value)
        if changed and all(i.secret for i in changed):
            who = None  # the spec's may be another one now, or the deployed one
        changed = [
            replace(i, key=masked(i.key), cause=None if i.secret else i.cause or who)
            for i in changed
        ]
        if action is not Action.REFORMAT:
            changes = {i.key: Change(str(i.action), i.before, i.after) for i in changed}
            effect = access.effect(changed) or place.kind.effect(self.cluster, changes, action)
            if self.leaving:
                effect = leave(self.cluster, effect)
        self.changes.append(
            ArtifactChange(
                place.node,
                place.path,
                place.kind.name,
                str(place.kind.ownership),
                action,
                tuple(changed),
                effect,
                notes,
                who,
            )
        )

    def caused(
        self, place: Place, changed: list[ItemChange], deployed: Mapping[str, str]
    ) -> list[ItemChange]:
        """Say of each item who changed it, where the base's content is at hand."""
        if place.base.data is None or place.artifact is None or not changed:
            return changed
        base = self.seen.note(place.kind.read(place.base.data.decode("utf-8", "surrogateescape")))
        desired, by_keys = self.desired(place.kind, place.artifact), place.kind.ownership
        return cause.of_items(changed, base, desired, deployed, by_keys=by_keys is Ownership.KEYS)

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
            before = self.latest[kind.name] = (text, self.seen.note(kind.read(text)))
        return before[1]

    def file(self, place: Place) -> None:
        """Compare a whole file, if it is one that may be touched."""
        other = header.cluster_of(place.text)
        if place.artifact is None:
            ours = place.owned and place.kind.wrote(place.text, self.cluster.name.value)
            if place.data is not None and ours:
                self.change(place, Action.DELETE, [])
        elif place.data is None:
            self.change(place, Action.CREATE, [])
        elif other not in (None, self.cluster.name.value):
            message = (
                f"This file was written for the cluster `{other}`; a host is in one cluster only."
            )
            hint = "If the cluster was renamed, name it as it was, or take the file away first."
            self.unread(place.node, place.path, Finding(FOREIGN, 1, message, hint))
        elif place.kind.textual:
            changed = items.by_line(place.text, place.artifact.text)
            self.change(
                place, Action.UPDATE, [*changed, *access.changed(place.artifact, place.access)]
            )
        else:
            self.content(place, place.artifact)

    def content(self, place: Place, artifact: Artifact) -> None:
        """Compare a whole file by what its kind reads in it."""
        kind, text = place.kind, place.text
        reading = self.deployed(kind, text)
        for finding in reading.findings:
            self.say(place.node, place.path, finding)
        self.open_secret(place, artifact.sensitive or bool(reading.secrets))
        if reading.broken:
            self.complete = False
            self.change(place, Action.UPDATE, [])
            return
        changed = items.changed(reading.items, self.desired(kind, artifact).items, kind.keep)
        self.seen.resolve(artifact, reading, changed)
        changed += self.secret_items(place, artifact, reading)
        changed = self.caused(place, changed, reading.items)
        if changed:
            self.differing.setdefault(kind.name, {})[place.node] = (place.path, reading)
        else:
            self.fine.setdefault(kind.name, {})[place.node] = None
        changed += access.changed(artifact, place.access)
        if changed:
            changed.sort(key=lambda item: item.key)
            self.change(place, Action.UPDATE, changed)
        elif place.data != artifact.data and not items.is_filled(artifact, text):
            self.change(place, Action.REFORMAT, [])

    def secret_items(self, place: Place, artifact: Artifact, reading: Reading) -> list[ItemChange]:
        result = []
        names = {p.text: p.name for p in artifact.placeholders}
        desired = self.desired(place.kind, artifact).secrets
        for key in {**desired, **reading.secrets}:
            deployed, target = reading.secrets.get(key), desired.get(key)
            if deployed is not None and deployed.reveal() in names:
                self.unfilled(place, key, reading.lines.get(key, 0))
                if target is not None and deployed == target:
                    self.check(place, key, SecretState.EQUAL)
                    continue
            # What the spec itself says under such a name is no secret, but is hidden all the same.
            value: Secret | Unresolved | None = target
            if target and deployed and target.reveal() in names:
                value = self.secrets.get(names[target.reveal()])
            result += items.secret(key, deployed, target is not None, value, place.kind.keep)
            if deployed is not None and target is not None:
                self.check(place, key, items.secret_state(deployed, value))
        return result

    def check(self, place: Place, key: str, state: SecretState) -> None:
        self.checked.append(SecretCheck(place.node, place.path, masked(key), state))

    def open_secret(self, place: Place, secret: bool) -> None:
        if secret and access.is_open(place.access):
            self.say(place.node, place.path, access.OPEN_SECRET)

    def unfilled(self, place: Place, key: str, line: int) -> None:
        """Say that a placeholder is deployed; in a bundle it is as it should be."""
        if self.snapshot.kind == "git":
            return
        message = f"`{key}` is still a placeholder: the secret was never filled in."
        severity = Severity.ERROR if self.snapshot.live else None
        hint = "Lay a copy with the secrets filled in: `omconf build --reveal-secrets -o DIR`."
        finding = Finding(PLACEHOLDER, line, message, hint)
        self.say(place.node, place.path, finding, severity=severity)

    def keys(self, place: Place, artifact: Artifact) -> None:
        """Compare the keys that are ours; what the file's others say is not looked at."""
        if place.data is None:
            notes = (
                "OpenMeetings ships this file, and it is not there: is OpenMeetings installed?",
            )
            self.change(place, Action.CREATE, [], notes)
            return
        desired = self.desired(place.kind, artifact)
        there = self.deployed(place.kind, place.text)
        present = {k: v for k, v in there.items.items() if k in desired.items}
        secrets = {k: v for k, v in there.secrets.items() if k in desired.secrets}
        self.open_secret(place, bool(secrets))
        changed = items.changed(present, desired.items, place.kind.keep)
        self.seen.resolve(artifact, there, changed)
        changed += self.secret_items(place, artifact, Reading(secrets=secrets, lines=there.lines))
        changed = self.caused(place, changed, present)
        if changed:
            self.differing.setdefault(place.kind.name, {})[place.node] = (place.path, there)
            changed.sort(key=lambda item: item.key)
            self.change(place, Action.UPDATE, changed)

    def block(self, place: Place, kind: BlockKind) -> None:
        """Compare the entries of a block, hand-made ones that it takes over among them."""
        cluster, artifact, text = self.cluster.name.value, place.artifact, place.text
        there = in_block.read(kind, cluster, text, artifact)
        if isinstance(there, Finding):
            self.unread(place.node, place.path, there)
            return
        for finding in there.findings:
            self.say(place.node, place.path, finding)
        self.open_secret(place, any(masked(v) != v for v in there.present.values()))
        found, taken = there.found, there.taken
        if artifact is None and found is None:
            return
        changed = items.changed(there.present, there.desired, kind.keep)
        changed = self.caused(place, changed, there.present)
        changed = [items.shown(item) for item in changed]
        if kind.textual and artifact and found and not changed:
            changed = items.by_line(text[found.start : found.end], artifact.text)
        notes = tuple(f"{masked(e.key)} is taken over from line {e.line}" for e in taken)
        body = artifact.text if artifact else None
        if changed:
            fresh = found is None and not taken
            action = (
                Action.DELETE if artifact is None else Action.CREATE if fresh else Action.UPDATE
            )
            self.change(place, action, changed, notes)
        elif block.merge(text, cluster, body, taken, adopt=not kind.textual) != text:
            action = Action.REFORMAT if artifact else Action.DELETE
            self.change(place, action, [], notes)
