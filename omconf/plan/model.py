"""The plan as data: a closed set of actions, changes by node and file, and what follows."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.rollout.model import Rollout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.artifacts.effect import Effect
    from omconf.diagnostics import Diagnostic
    from omconf.plan.mask import Mask
    from omconf.secret_sources import SecretRef
    from omconf.topology.model import Topology


class Action(StrEnum):
    """What happens to a file or an item of it."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REFORMAT = "reformat"
    NO_OP = "no-op"


class SecretState(StrEnum):
    """How a deployed secret compares to the spec's; neither is ever shown."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Who changed what differs, since it was last applied: the spec, a hand (drift), or both."""

    SPEC = "spec"
    DRIFT = "drift"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One item of a file: its key in the file's own words, and its value before and after.

    A secret item has `secret` and never a value. Without a `cause` it cannot be told.
    """

    key: str
    action: Action
    before: str | None = None
    after: str | None = None
    secret: SecretState | None = None
    hint: str = ""
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class SecretCheck:
    """How a deployed secret compares to the spec's; `unknown` when that one cannot be read now."""

    node: str
    path: str
    key: str
    state: SecretState


@dataclass(frozen=True, slots=True)
class ArtifactChange:
    """What happens to one file of one node. `notes` say what of it is adopted, and from where.

    `cause` is that of the file as a whole.
    """

    node: str
    path: str
    kind: str
    ownership: str
    action: Action
    items: tuple[ItemChange, ...] = ()
    effect: Effect | None = None
    notes: tuple[str, ...] = ()
    cause: Cause | None = None
    before: str = "absent"
    """Digest of what is replaced (see digest.py), or that there is nothing."""
    after: str = "absent"
    """Digest of omconf's part of what is made, or that it is deleted."""


@dataclass(frozen=True, slots=True)
class Binding:
    """The inputs of one plan: digests in hex (sha256), and names of secrets to be read again.

    `deployed` is by node and path: a digest, or that the file was absent or unreadable. `secrets`
    are the references of what the changed files will hold.
    """

    spec: str
    spec_digest: str
    bundle_digest: str
    deployed: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, SecretRef]
    folder: str = ""
    """Where omconf ran, from the folder that the plan is saved in; empty when that is not below it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Desired against deployed. `complete` is False when something could not be read."""

    cluster: str
    source: str
    """The kind of the source of deployed files."""
    nodes: tuple[str, ...]
    changes: tuple[ArtifactChange, ...]
    options: Mapping[str, str | bool] = field(default_factory=dict)
    """How that source was read (see `Snapshot`)."""
    rollout: Rollout = field(default=Rollout())
    secrets: tuple[SecretCheck, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = field(default=())
    complete: bool = True
    strict: bool = False
    """Whether a `reformat` counts as a change (`--strict-format`)."""
    binding: Binding | None = None
    """What the plan was made from, when it is to be saved."""
    topology: Topology | None = None
    """The cluster as the spec has it, for a picture."""
    mask: Mask | None = field(default=None, repr=False, compare=False)
    """Hides the secrets that were read for the plan; None when there were none."""

    @property
    def has_changes(self) -> bool:
        """True when something is to be done; another release may be installed under equal files."""
        return bool(self.rollout.steps) or any(self.counts(c.action) for c in self.changes)

    def counts(self, action: Action) -> bool:
        """Tell whether an action is a change."""
        quiet = {Action.NO_OP} if self.strict else {Action.NO_OP, Action.REFORMAT}
        return action not in quiet
