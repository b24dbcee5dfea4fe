"""Desired against deployed, by meaning: one file of one node at a time."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from omconf.actions import Stage
from omconf.artifacts import by_name, kinds
from omconf.artifacts.contents import Ownership
from omconf.artifacts.effect import Effect
from omconf.cluster import places
from omconf.dataclass import dataclass
from omconf.diagnostics import Severity
from omconf.origin import Span
from omconf.plan import access, cause, digest, earlier, jars, members, owed, same_file, state
from omconf.plan.model import (
    Action,
    ArtifactChange,
    Plan,
    SecretCheck,
)
from omconf.plan.one_file import Comparer
from omconf.plan.place import Place
from omconf.plan.readings import Readings
from omconf.plan.seen import Seen
from omconf.rollout.model import Part, State
from omconf.rollout.order import order
from omconf.rules import TWO_WANTED
from omconf.topology.model import topology

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from omconf.artifacts.contents import Artifact
    from omconf.artifacts.model import Kind
    from omconf.artifacts.reading import Reading
    from omconf.bundle.applied import Entry
    from omconf.bundle.model import Bundle
    from omconf.cluster.model import Cluster, Node
    from omconf.deployed.snapshot import NodeFiles, Snapshot
    from omconf.diagnostics import Diagnostic, Finding
    from omconf.plan.mask import Mask
    from omconf.secret_sources import Secrets


WRITTEN_ANEW = Effect("none", "only the formatting changes")
GONE = "If its host no longer exists, delete it from `removed` and `ignore` OM306."


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
    live, filled = snapshot.live, snapshot.kind != "git"
    seen = Seen(secrets)
    comparer = Comparer(cluster, secrets, Readings(seen), live=live, filled=filled)
    comparison = _Comparison(cluster, comparer, base, strict)
    for node in cluster.nodes:
        name = node.name.value
        if name in snapshot.nodes:
            comparison.node(node, desired[name], snapshot.nodes[name])
    comparison.across(jars.lines(snapshot.nodes))
    for name, path, finding in jars.findings(cluster, snapshot.nodes):
        comparison.say(name, path, finding)
    for name, files in snapshot.left.items():
        comparison.left(name, files)
    for by, finding in members.forgotten(cluster, snapshot, base.left if base else ()):
        comparison.say(by, members.place(cluster.name.value) if by else None, finding)
    drawn = topology(cluster)
    mask = seen.mask(cluster, bundle, drawn)
    return Plan(
        cluster=cluster.name.value,
        source=snapshot.kind,
        options=snapshot.options,
        nodes=(*snapshot.nodes, *snapshot.left),
        changes=tuple(comparison.digested(mask)),
        rollout=order(cluster, comparison.parts(), comparison.states, comparison.removed),
        secrets=tuple(comparison.checked),
        diagnostics=tuple(comparison.diagnostics),
        complete=comparison.complete,
        strict=strict,
        topology=drawn,
        mask=mask,
    )


def _elsewhere(
    artifacts: Iterable[Artifact], former: Iterable[tuple[str, Kind]], deployed: NodeFiles
) -> dict[str, bytes | None]:
    """What OpenMeetings reads in the home from which it runs until now, by the path in the new one."""
    there = {kind.name: deployed.files.get(path) for path, kind in former}
    return {
        artifact.path: file.data
        for artifact in artifacts
        if by_name()[artifact.kind].stage is Stage.OPENMEETINGS
        and (file := there.get(artifact.kind))
    }


@dataclass
class _Comparison:
    cluster: Cluster
    comparer: Comparer
    base: Snapshot | None
    strict: bool
    changes: list[ArtifactChange] = field(default_factory=list)
    places: list[tuple[Place, Reading | None]] = field(default_factory=list)
    """Where each change is, and what its kind read there."""
    checked: list[SecretCheck] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    complete: bool = True
    states: dict[str, State] = field(default_factory=dict)
    removed: dict[str, State] = field(default_factory=dict)
    differing: dict[str, dict[str, tuple[str, Reading]]] = field(default_factory=dict)
    unchanged: dict[str, dict[str, None]] = field(default_factory=dict)

    def say(
        self,
        node: str | None,
        path: str | None,
        finding: Finding,
        *,
        severity: Severity | None = None,
    ) -> None:
        span = Span(path, finding.line, 1, finding.line, 1) if path and finding.line else None
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
        former_name = node.renamed_from.value if node.renamed_from else name
        settings = places.settings(self.cluster, node)
        before = self.earlier(name, deployed, settings, {name, former_name})
        pending = owed.read(deployed.around, self.cluster.name.value, settings)
        if pending.hidden:
            self.unread(name, "", pending.hidden)
        before = {**pending.begun, **before}
        by_path = {artifact.path: artifact for artifact in artifacts}
        wanted = [(path, kind) for kind in kinds() for path in kind.paths(self.cluster, node)]
        known = {path for path, _ in wanted}
        # What was applied at a place that is no longer used: another home, for example.
        former = [(path, entry.kind) for path, entry in before.items() if path not in known]
        twins = same_file.twins([path for path, _ in (*wanted, *former)], deployed.files)
        for path, finding in same_file.findings(twins, known):
            self.say(name, path, finding)
            self.complete = self.complete and finding.rule is not TWO_WANTED
        # What cannot be read may be a link to any of the former.
        unsure = any(f.problem for p, _ in wanted if (f := deployed.files.get(p)))
        former = [] if unsure else [place for place in former if place[0] not in twins]
        gone = [(path, kind) for path, kind in wanted if path not in by_path and path in before]
        found = state.of_node(self.cluster, node, artifacts, deployed, [*former, *gone])
        self.states[name] = replace(
            found,
            stopped=pending.units,
            owes=bool(pending.before or pending.units),
            unrecorded=pending.unrecorded,
            by_hand=pending.by_hand,
            done=pending.done,
        )
        runs = _elsewhere(by_path.values(), former, deployed) if found.home else {}
        for path, kind in sorted((*wanted, *former), key=lambda place: place[0]):
            file = deployed.files.get(path)
            if file and file.on_the_way and path not in by_path and path not in before:
                continue  # no file can be there, and none is to be
            if file and file.problem:
                self.unread(name, path, file.problem)
                continue
            data, mode = (file.data, file.access) if file else (None, None)
            artifact = by_path.get(path)
            around = self.around(node, kind, deployed) if artifact else {}
            if (
                artifact
                and data == artifact.data
                and all(p in by_path and by_path[p].text == t for p, t in around.items())
                and path not in pending.before
                and not artifact.sensitive
                and not (mode and access.changed(artifact, mode))
            ):
                self.unchanged.setdefault(kind.name, {})[name] = None
                continue
            listing = places.manifest(self.cluster.name.value)
            base = cause.applied(self.base, listing, name, path, before)
            place = Place(
                kind,
                name,
                path,
                artifact,
                data,
                mode,
                owned=path in before,
                base=base,
                around=around,
                owed=path in pending.before,
                running=runs.get(path, pending.before.get(path)),
            )
            self.place(place)

    def around(self, node: Node, kind: Kind, deployed: NodeFiles) -> dict[str, str]:
        """Read the files of others that decide with a kind's own; say which cannot be read."""
        found: dict[str, str] = {}
        if not deployed.around:
            return found
        asked = kind.surroundings(self.cluster, node)
        for path, file in deployed.around.items():
            if not any(places.fits(each, path) for each in asked):
                continue
            if file.problem:
                self.say(node.name.value, path, file.problem, severity=Severity.WARNING)
            found[path] = (file.data or b"").decode("utf-8", "surrogateescape")
        return found

    def place(self, place: Place) -> None:
        """Compare one place, and take in what that gave."""
        found = self.comparer.compare(place)
        if place.owed or place.running is not None:
            running = self.comparer.compare(replace(place, data=place.running)).change
            if running and running.effect and place.owed:
                found.change = replace(running, notes=(*running.notes, owed.NOTE))
            elif running and running.effect and found.change:
                found.change = replace(found.change, effect=running.effect)
        for finding, severity in found.findings:
            self.say(place.node, place.path, finding, severity=severity)
        for path, finding in found.elsewhere:
            self.say(place.node, path, finding)
        if found.change:
            self.changes.append(found.change)
            self.places.append((place, found.reading))
        self.checked += found.checked
        self.complete = self.complete and found.complete
        if found.differs:
            there = (place.path, found.differs)
            self.differing.setdefault(place.kind.name, {})[place.node] = there
        if found.unchanged:
            self.unchanged.setdefault(place.kind.name, {})[place.node] = None

    def left(self, node: str, deployed: NodeFiles) -> None:
        """Take away what was applied to a node that the spec no longer has."""
        if problem := deployed.problem:
            self.unread(node, "", replace(problem, hint=problem.hint or GONE))
            return
        pending = owed.read(deployed.around, self.cluster.name.value, None)
        if pending.hidden:
            self.unread(node, "", pending.hidden)
        entries = sorted({**pending.begun, **self.earlier(node, deployed)}.items())
        if not entries:
            return  # nothing was applied to it that could go
        if (file := deployed.files.get(places.manifest(self.cluster.name.value))) and file.data:
            listed = [(path, entry.kind) for path, entry in entries]
            was = state.settings(self.cluster, listed, deployed)
            self.removed[node] = State(unit=was.get("unit"))
        for path, entry in entries:
            file = deployed.files.get(path)
            if file and file.problem:
                self.unread(node, path, file.problem)
            data, is_owed = file.data if file else None, path in pending.before
            if data is not None or is_owed:
                place = Place(
                    entry.kind,
                    node,
                    path,
                    None,
                    data,
                    owned=True,
                    removed=True,
                    owed=is_owed,
                    running=pending.before.get(path),
                )
                self.place(place)

    def digested(self, mask: Mask | None) -> Iterator[ArtifactChange]:
        """The changes with what they replace: digests wait until all secrets are known."""
        for change, (place, reading) in zip(self.changes, self.places, strict=True):
            before = digest.of_file(place.kind, place.artifact, place.data, mask, reading)
            yield replace(change, before=before)

    def parts(self) -> Iterator[Part]:
        """What the changes come to for the roll-out."""
        for change in self.changes:
            effect = change.effect
            if change.action is Action.REFORMAT:
                effect = WRITTEN_ANEW if self.strict else None
            if effect:
                yield Part(
                    change.node,
                    change.path,
                    by_name()[change.kind].stage,
                    effect,
                    deletes=change.action is Action.DELETE,
                    creates=change.action is Action.CREATE,
                    whole=change.ownership == str(Ownership.FILE),
                )

    def across(self, hazelcast: Mapping[str, str]) -> None:
        """Report what only several nodes' files show together; `hazelcast` as for `Kind.across`."""
        for name, nodes in self.differing.items():
            deployed = {node: reading for node, (_, reading) in nodes.items()}
            fine = self.unchanged.get(name, {})
            found = by_name()[name].across(self.cluster, deployed, fine, hazelcast)
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
        path = places.manifest(self.cluster.name.value)
        found = earlier.read(deployed.files.get(path), self.cluster.name.value, settings, names)
        if found.finding and not found.known:
            self.unread(node, path, found.finding)
        elif found.finding:
            self.say(node, path, found.finding)
        return found.entries
