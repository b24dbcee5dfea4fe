"""The document of a plan, format 2: the one description of it.

`plan --json` prints this document, `--out` saves it, `show` reads it back, and the JSON schema
(schemas/plan.schema.json) is made from it. A key may be left out, but is never null.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from omconf.cluster import places
from omconf.formats import paths

Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Positive = Annotated[int, Field(ge=1, le=1_000_000_000)]
Place = Annotated[int, Field(ge=0, le=999)]
Seconds = Annotated[int, Field(ge=1, le=1_000_000)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
FileDigest = Annotated[str, Field(pattern="^([0-9a-f]{64}|absent|unreadable)$")]
Path = Annotated[str, Field(pattern="^/")]
Plain = Annotated[str, Field(pattern=f"^{paths.PLAIN.pattern}$")]
Paths = Annotated[list[Plain], Field(min_length=1)]
InBundle = Annotated[str, Field(pattern=r"^[a-z]+/[A-Za-z0-9_-]+(\.[a-z]+)?$")]
Unit = Annotated[str, Field(pattern=f"^{places.UNIT}$")]
Names = Annotated[list[str], Field(min_length=1)]
State = Literal["equal", "different", "unknown"]


def left_out(description: str | None = None, pattern: str | None = None) -> Any:
    """Make a key that may be left out; what stands there is never null."""
    return Field(default=None, validate_default=False, description=description, pattern=pattern)


class Part(BaseModel):
    """A part of the document."""

    model_config = ConfigDict(
        extra="forbid", strict=True, hide_input_in_errors=True, regex_engine="python-re"
    )


class Source(Part):
    """Where the deployed files were read from, and of which nodes."""

    kind: Literal["directory", "local", "ssh", "ansible", "git"]
    nodes: list[str] = left_out()
    sudo: bool = left_out("With `ssh` and `ansible`.")
    inventory: str = left_out("With `ansible`: the inventory, if it is the user's own.")
    node: str = left_out("With `local`.")
    root: str = left_out("With `local`.")


class Summary(Part):
    """How many files change, and how the roll-out disrupts the users of the cluster."""

    create: Count
    update: Count
    delete: Count
    reformat: Count
    nodes_changed: Count
    nodes: Count
    disruption: Literal["none", "rolling", "all"] = Field(
        description="`rolling`: nodes restart one by one while others serve; `all`: all must stop."
    )


Cause = Annotated[
    Literal["spec", "drift", "conflict"],
    Field(
        description="Since it was last applied: changed by the spec, by hand (drift), or by both."
        " Left out where that is not known."
    ),
]


class Item(Part):
    """One item of a file; a secret shows neither before nor after."""

    key: str = Field(
        description="In the file's own terms, parts joined by `/`; for text, the line number."
    )
    action: Literal["create", "update", "delete"]
    before: str = left_out()
    after: str = left_out()
    secret: State = left_out()
    hint: str = left_out()
    cause: Cause = left_out()

    @model_validator(mode="after")
    def _secret_is_unseen(self) -> Item:
        if "secret" in self.model_fields_set and {"before", "after"} & self.model_fields_set:
            raise ValueError("a secret shows neither before nor after")
        return self


class Effect(Part):
    """What a change does to the running cluster."""

    action: str = Field(
        description="restart, next-restart, exportfs, mount, route ...; none: nothing needs to run."
    )
    scope: Literal["node", "cluster"]
    rolling: bool = Field(
        description="False: members with the old value and members with the new one must not run at"
        " the same time."
    )
    why: str
    decided_by: Names = left_out(
        description="Keys of the items without which the effect would be smaller."
    )


class Digests(Part):
    """The sha256 of what a change replaces and of what it writes, without secrets.

    `before` covers the deployed file, or only its meaning if it may contain a secret; `after` covers
    what the bundle has: of a file that others edit too, only omconf's part.
    """

    before: FileDigest
    after: FileDigest


class Change(Part):
    """What happens to one file of one node."""

    node: str
    path: Path
    kind: str = Field(description="The artifact's name.")
    ownership: Literal["file", "block", "keys"]
    action: Literal["create", "update", "delete", "reformat"]
    items: list[Item] = Field(description="A new file lists none: all of it is new.")
    digests: Digests
    effect: Effect = left_out()
    notes: list[str] = left_out("Hand-made lines that are adopted.")
    cause: Cause = left_out()


class Put(Part):
    """Write files of the bundle; in `undo`, restore files as they were before the step."""

    type: Literal["put"]
    paths: Paths


class Remove(Part):
    """Delete files that omconf wrote."""

    type: Literal["remove"]
    paths: Paths


class Run(Part):
    """Run a program as root on each node of the step; times are in seconds."""

    type: Literal["run"]
    argv: Names
    timeout: Seconds


class Service(Part):
    """Have systemd do something with a unit."""

    type: Literal["service"]
    do: Literal["start", "stop", "restart", "reload", "enable", "disable"]
    unit: Unit
    timeout: Seconds
    apart: Annotated[float, Field(gt=0, le=1_000_000)] = left_out(
        description="Run on one node after the other, at least this many seconds apart."
    )


class Health(Part):
    """Wait until each node of the step is healthy and sees the expected members."""

    type: Literal["health"]
    timeout: Seconds
    interval: Seconds


class Manual(Part):
    """A manual step, done once.

    It is done when `check` succeeds on each of its nodes or, with `login`, when each can log in to
    the database.
    """

    type: Literal["manual"]
    who: Literal["admin", "database", "storage"]
    text: str
    files: list[InBundle] = Field(description="Paths in the bundle directory.")
    check: Run = left_out()
    login: bool = left_out()


Action = Annotated[Put | Remove | Run | Service | Health | Manual, Field(discriminator="type")]


class Step(Part):
    """One step of the roll-out: its actions run on each of its nodes before the next step starts."""

    step: Positive
    nodes: Names
    why: str
    actions: Annotated[list[Action], Field(min_length=1)]
    undo: list[Action] = Field(description="What undoes the step, in this order.")


class Box(Part):
    """A node, or a group of similar nodes, with the lines below its title."""

    title: str
    lines: list[str]


class Server(Box):
    """A server that the nodes share."""

    role: Literal["database", "data", "media"]


class Link(Part):
    """How some nodes use a server; both are given by their index in the lists, from 0."""

    nodes: Annotated[list[Place], Field(min_length=1)]
    server: Place
    label: str
    runs: bool = Field(description="The server runs on these nodes; false: they use it.")


class Topology(Part):
    """The cluster as the spec describes it; with more than 30 nodes, similar ones are one group."""

    discovery: str = Field(description="How the members find each other.")
    nodes: Annotated[list[Box], Field(min_length=1, max_length=1000)]
    servers: Annotated[list[Server], Field(min_length=1, max_length=1000)]
    links: Annotated[list[Link], Field(max_length=1000)]


class SecretCheck(Part):
    """How a deployed secret compares with the spec's; `unknown`: the spec's cannot be read."""

    node: str
    path: Path
    key: str
    secret: State


class Diagnostic(Part):
    """What is wrong. With `node`, `path` is that of a deployed file."""

    rule: Annotated[str, Field(pattern="^OM[0-9]{3}$")]
    severity: Literal["error", "warning"]
    node: str = left_out()
    path: str = left_out()
    line: Positive = left_out()
    column: Positive = left_out()
    end_line: Positive = left_out()
    end_column: Positive = left_out()
    message: str
    hint: str = left_out()
    source: str = left_out()


class Spec(Part):
    """The spec that was planned: its path, and the digest of its text without comments."""

    path: str
    sha256: Digest


class Bundle(Part):
    """What the spec compiled to."""

    sha256: Digest


class FromEnvironment(Part):
    """A secret that is read from an environment variable."""

    env: str


class FromFile(Part):
    """A secret that is read from a file."""

    file: str


class FromCommand(Part):
    """A secret that a command prints; only the program is named."""

    command: str


class Binding(Part):
    """What a saved plan was made from: digests, and references to secrets."""

    folder: str = left_out(
        "Where omconf ran, relative to the folder of this file: relative paths start there. Left out if"
        " the file was not saved there or below.",
        pattern=r"^(\.|\.\.(/\.\.)*)$",
    )
    spec: Spec
    bundle: Bundle
    strict_format: bool
    deployed: dict[str, dict[str, FileDigest]]
    secrets: dict[str, FromEnvironment | FromFile | FromCommand]


class Plan(Part):
    """A plan of omconf.

    The document is valid even if no plan could be made: then `complete` is false, `cluster` and
    `source` are null, and `diagnostics` say why.
    """

    format_version: Literal["2.0"]
    cluster: str | None
    source: Source | None
    has_changes: bool = Field(
        description="An apply would do something; a `reformat` alone counts only with --strict-format."
    )
    complete: bool = Field(description="False when a node or a file could not be read.")
    summary: Summary
    changes: list[Change] = Field(description="What is not `no-op`, by node and path.")
    rollout: list[Step] = Field(description="In order: a step finishes before the next one starts.")
    secrets: list[SecretCheck] = Field(
        default=[], description="Every deployed secret that the spec has too, without its value."
    )
    diagnostics: list[Diagnostic]
    topology: Topology = left_out("What a diagram of the cluster shows.")
    binding: Binding = left_out("In a saved plan: what it was made from.")


def contradiction(plan: Plan) -> str:
    """Return which parts of a plan contradict each other, which no schema can tell; empty if none."""
    if [step.step for step in plan.rollout] != list(range(1, len(plan.rollout) + 1)):
        return "the steps of the roll-out are not numbered from 1 on"
    if any(len(set(step.nodes)) < len(step.nodes) for step in plan.rollout):
        return "a step names a node twice"
    if plan.source is not None and "nodes" in plan.source.model_fields_set:
        named = {change.node for change in plan.changes}
        if named.union(*(step.nodes for step in plan.rollout)) - set(plan.source.nodes):
            return "it names a node that was not planned"
    return ""


def schema() -> dict[str, Any]:
    """Make the JSON schema of the document."""
    made = Plan.model_json_schema()
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The plan of omconf, format version 2",
        **{key: value for key, value in made.items() if key != "title"},
    }
    tidy(made, top=True)
    item = made["$defs"]["Item"]
    seen = [{"required": [key]} for key in ("before", "after")]
    item |= {"if": {"required": ["secret"]}, "then": {"not": {"anyOf": seen}}}
    return made


def tidy(node: Any, *, top: bool = False) -> None:
    """Drop what pydantic adds and no reader needs: made-up titles, and defaults of left-out keys."""
    if isinstance(node, list):
        for inner in node:
            tidy(inner)
    elif isinstance(node, dict):
        if isinstance(node.get("title"), str) and not top:
            del node["title"]
        if not isinstance(node.get("default"), dict):
            node.pop("default", None)
        for key, inner in node.items():
            if key != "const":
                tidy(inner)
