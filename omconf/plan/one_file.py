"""Compare one file of one node, by meaning: what changes, what is wrong, whose secrets are equal."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from omconf.actions import Stage
from omconf.artifacts.effect import Change
from omconf.artifacts.reading import whole
from omconf.dataclass import dataclass
from omconf.diagnostics import Finding, Severity
from omconf.formats import header, utf8
from omconf.ownership import OWNED
from omconf.plan import access, cause, items
from omconf.plan.digest import ABSENT
from omconf.plan.model import Action, ArtifactChange, ItemChange, SecretCheck, SecretState
from omconf.rules import FOREIGN, PLACEHOLDER, UNUSABLE_FILE
from omconf.secrets import masked, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.artifacts.contents import Artifact
    from omconf.artifacts.effect import Effect
    from omconf.artifacts.reading import Reading
    from omconf.cluster.model import Cluster
    from omconf.ownership.model import Present
    from omconf.plan.place import Place
    from omconf.plan.readings import Readings
    from omconf.secret_sources import Secrets, Unresolved
    from omconf.secrets import Secret

NOT_SHIPPED = "OpenMeetings ships this file, but it does not exist: is OpenMeetings installed?"


@dataclass(slots=True)
class Outcome:
    """What comparing one file gave.

    `differs` is the reading of a file that is not what the spec wants, for checks across nodes;
    `unchanged` tells that its meaning is. `reading` is that of a whole file, whatever is wanted.
    """

    change: ArtifactChange | None = None
    findings: list[tuple[Finding, Severity | None]] = field(default_factory=list)
    checked: list[SecretCheck] = field(default_factory=list)
    complete: bool = True
    differs: Reading | None = None
    reading: Reading | None = None
    unchanged: bool = False
    notes: tuple[str, ...] = ()
    elsewhere: tuple[tuple[str, Finding], ...] = ()
    """What is wrong with files of others, by path."""

    def report(self, finding: Finding, severity: Severity | None = None) -> None:
        """Add a finding, with another severity than its rule's."""
        self.findings.append((finding, severity))


@dataclass(frozen=True, slots=True)
class Comparer:
    """Compares files of one cluster. `live` tells that they are those that running nodes use.

    With `filled`, a deployed placeholder is reported: in a bundle it is as it should be.
    """

    cluster: Cluster
    secrets: Secrets
    readings: Readings
    live: bool
    filled: bool

    def compare(self, place: Place) -> Outcome:
        """Compare one place of one node."""
        outcome = Outcome()
        owned, artifact = OWNED[place.kind.ownership], place.artifact
        name = self.cluster.name.value
        if place.data is None and not owned.listed_when_new:
            if artifact is not None:
                notes = (NOT_SHIPPED,) if owned.shared_keys else ()
                self._change(outcome, place, Action.CREATE, [], notes)
            return outcome
        if artifact is None and not (place.owned and owned.belongs(place.kind, name, place.text)):
            if owned.whole:
                return outcome
        elif owned.whole and (other := header.cluster_of(place.text)) not in (None, name):
            outcome.report(_foreign(other))
            outcome.complete = False
            return outcome
        present = self.readings.present(place.kind, name, place.text, artifact)
        outcome.reading = present.reading if owned.whole else None
        if artifact is not None and not present.broken:
            present = self._surrounded(outcome, place, artifact, present)
        if not (owned.whole and (place.kind.textual or artifact is None)):
            self._look(outcome, place, present)
        if artifact is None:
            self._leave(outcome, place, present)
        else:
            self._meet(outcome, place, artifact, present)
        return outcome

    def _surrounded(
        self, outcome: Outcome, place: Place, artifact: Artifact, present: Present
    ) -> Present:
        """Take in what files of others say of the wanted items."""
        texts = {**place.around, place.path: place.text}
        found = place.kind.elsewhere(self.cluster, artifact, texts)
        outcome.elsewhere += found.findings
        wanted_reading = self.readings.wanted(place.kind, artifact)
        wanted = whole(wanted_reading.items, wanted_reading.unmasked)
        weaker, stronger = (
            {key: value for key, value in items.items() if key in wanted}
            for items in (found.weaker, found.stronger)
        )
        owned, name = OWNED[place.kind.ownership], self.cluster.name.value
        if owned.part(name, place.text) == artifact.text and not found.weaker:
            return present  # what is written cannot be written better: the findings say what to do
        own = {} if found.instead else present.items
        items = {**weaker, **own, **stronger}
        outcome.notes += tuple(
            f"{masked(key)} is set in {quoted(path)}, line {line}"
            for key, (path, line) in found.places.items()
            if key in wanted and items[key] != wanted[key]
        )
        return replace(present, items=items)

    def _look(self, outcome: Outcome, place: Place, present: Present) -> None:
        """Report what is wrong with a deployed file."""
        for finding in present.findings:
            outcome.report(finding)
        secret = bool(present.secrets) or any(masked(v) != v for v in present.items.values())
        sensitive = place.artifact is not None and place.artifact.sensitive
        whole = OWNED[place.kind.ownership].whole
        if (secret or (whole and sensitive)) and access.is_open(place.access):
            outcome.report(access.OPEN_SECRET)

    def _leave(self, outcome: Outcome, place: Place, present: Present) -> None:
        """Take away what is omconf's of a file that is not wanted."""
        owned = OWNED[place.kind.ownership]
        if present.broken and not owned.whole:
            outcome.complete = False
        elif owned.whole:
            self._change(outcome, place, Action.DELETE, [])
        elif present.ours:
            changed = items.changed(present.items, {}, place.kind.keep)
            self._change(outcome, place, Action.DELETE, self._shown(changed))
        else:
            outcome.differs = present.reading  # nothing of it is omconf's; other nodes' may be

    def _meet(self, outcome: Outcome, place: Place, artifact: Artifact, present: Present) -> None:
        """Compare what counts now with what is wanted."""
        owned, kind = OWNED[place.kind.ownership], place.kind
        if present.broken:
            outcome.complete = False
            if owned.whole:
                self._change(outcome, place, Action.UPDATE, [])
            return
        stays = kind.textual  # a script's own lines are not taken out
        adopted = () if stays else present.adopted
        notes = tuple(f"{masked(e.key)} is adopted from line {e.line}" for e in adopted)
        notes += outcome.notes
        if kind.textual and owned.whole:
            changed = items.by_line(place.text, artifact.text)
        else:
            changed = self._items(outcome, place, artifact, present)
            outcome.differs = present.reading if changed else None
            outcome.unchanged = owned.whole and not changed
            part = owned.part(self.cluster.name.value, place.text)
            if kind.textual and part and not changed:
                changed = items.by_line(part, artifact.text)
        if owned.whole:
            by_hand = not kind.wrote(place.text, self.cluster.name.value)
            changed += access.changed(artifact, place.access, by_hand=by_hand)
        if changed or place.data is None:
            changed.sort(key=lambda item: item.key)
            action = Action.UPDATE if present.ours else Action.CREATE
            self._change(outcome, place, action, changed, notes)
        elif place.data != artifact.data and not owned.is_written(
            kind, self.cluster.name.value, place.text, artifact, present
        ):
            refused = owned.whole and any(f.rule is UNUSABLE_FILE for f in present.findings)
            action = Action.UPDATE if refused else Action.REFORMAT
            self._change(outcome, place, action, [], notes)

    def _items(
        self, outcome: Outcome, place: Place, artifact: Artifact, present: Present
    ) -> list[ItemChange]:
        kind, desired = place.kind, self.readings.wanted(place.kind, artifact)
        deployed = whole(present.items, present.unmasked)
        # As the wanted ones are: what looks like a secret in a value is hidden.
        there = {key: masked(value) for key, value in deployed.items()}
        hidden = []
        for key, wanted in whole(desired.items, desired.unmasked).items():
            if key not in deployed:
                continue
            if deployed[key] == wanted or kind.same(key, deployed[key], wanted):
                there[key] = desired.items[key]
            elif there[key] == desired.items[key]:
                # They differ in what is hidden.
                hidden.append(ItemChange(key, Action.UPDATE, secret=SecretState.DIFFERENT))
        implied = kind.implied(there)
        changed = [
            item
            for item in items.changed(there, desired.items, kind.keep)
            if item.action is not Action.CREATE or implied.get(item.key) != item.after
        ]
        self.readings.seen.resolve(artifact, present.findings, changed)
        changed += hidden + self._secret_items(outcome, place, artifact, present)
        if place.base.data is not None and changed:
            text = place.base.data.decode("utf-8", "surrogateescape")
            base = self.readings.seen.note(kind.read(text))
            by_keys = OWNED[kind.ownership].shared_keys
            changed = cause.of_items(changed, base, desired, deployed, by_keys=by_keys)
        return self._shown(changed)

    @staticmethod
    def _shown(changed: list[ItemChange]) -> list[ItemChange]:
        return [item if item.secret else items.shown(item) for item in changed]

    def _secret_items(
        self, outcome: Outcome, place: Place, artifact: Artifact, present: Present
    ) -> list[ItemChange]:
        result = []
        names = {p.text: p.name for p in artifact.placeholders}
        desired = self.readings.wanted(place.kind, artifact).secrets
        for key in {**desired, **present.secrets}:
            deployed, target = present.secrets.get(key), desired.get(key)
            if deployed is not None and deployed.reveal() in names:
                self._unfilled(outcome, key, present.lines.get(key, 0))
                if target is not None and deployed == target:
                    outcome.checked.append(_checked(place, key, SecretState.UNKNOWN))
                    continue
            # What the spec itself says under such a name is no secret, but is hidden all the same.
            value: Secret | Unresolved | None = target
            if target and deployed and target.reveal() in names:
                value = self.secrets.get(names[target.reveal()])
            result += items.secret(key, deployed, target is not None, value, place.kind.keep)
            if deployed is not None and target is not None:
                outcome.checked.append(_checked(place, key, items.secret_state(deployed, value)))
        return result

    def _unfilled(self, outcome: Outcome, key: str, line: int) -> None:
        if not self.filled:
            return
        message = f"`{key}` is still a placeholder: the secret was not filled in."
        severity = Severity.ERROR if self.live else None
        hint = "Deploy a copy with the secrets filled in: `omconf build --reveal-secrets -o DIR`."
        outcome.report(Finding(PLACEHOLDER, line, message, hint), severity)

    def _change(
        self,
        outcome: Outcome,
        place: Place,
        action: Action,
        changed: list[ItemChange],
        notes: tuple[str, ...] = (),
    ) -> None:
        who = cause.of_file(place, self.cluster.name.value)
        if changed and all(i.secret for i in changed):
            who = None  # the spec's may be another one now, or the deployed one
        changed = [
            replace(i, key=masked(i.key), cause=None if i.secret else i.cause or who)
            for i in changed
        ]
        effect = None
        if action is not Action.REFORMAT:
            changes = {i.key: Change(str(i.action), i.before, i.after) for i in changed}
            effect = access.effect(changed) or self._effect(place, changes, action)
            # It may quote the deployed file.
            effect = replace(effect, why=utf8.replaced(effect.why))
        outcome.change = ArtifactChange(
            place.node,
            place.path,
            place.kind.name,
            str(place.kind.ownership),
            action,
            tuple(changed),
            effect,
            notes,
            who,
            after=place.artifact.sha256 if place.artifact else ABSENT,
        )

    def _effect(self, place: Place, changes: Mapping[str, Change], action: Action) -> Effect:
        if action is Action.DELETE and OWNED[place.kind.ownership].whole:
            effect = place.kind.delete(self.cluster, place.node, place.path)
        else:
            effect = place.kind.effect_on(self.cluster, place.node, changes, str(action))
        # What a node serves concerns others, also when it left.
        alone = place.removed and place.kind.stage is not Stage.SERVE
        return _without_members(effect) if alone else effect


def _without_members(effect: Effect) -> Effect:
    """Return the effect on a removed node: a restart is a stop, and no member has to agree with it."""
    why = "the node is no longer in the spec"
    action = "stop" if effect.action == "restart" else effect.action
    return replace(effect, action=action, rolling=True, why=why)


def _checked(place: Place, key: str, state: SecretState) -> SecretCheck:
    return SecretCheck(place.node, place.path, masked(key), state)


def _foreign(other: str | None) -> Finding:
    message = f"This file was written for the cluster `{other}`; a host can be in only one cluster."
    hint = "If the cluster was renamed, use its former name, or delete the file first."
    return Finding(FOREIGN, 1, message, hint)
