"""What is omconf's of a file, written where it stands: whatever else there is stays to the byte."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omconf.artifacts import kinds
from omconf.artifacts.contents import Artifact, Ownership
from omconf.artifacts.model import Kind
from omconf.bundle import manifest
from omconf.bundle.compile import compile_bundle
from omconf.bundle.model import Bundle
from omconf.cluster import places
from omconf.cluster.model import Cluster
from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
from omconf.formats import block
from omconf.ownership import OWNED
from omconf.pipeline.bundle_secrets import secrets_of
from omconf.plan.compare import compare
from omconf.plan.model import Plan
from omconf.secrets import Secret
from omconf.views import document
from tests.clusters import cluster_of, specs

KINDS = {kind.name: kind for kind in kinds()}
VARIABLES = ("OM_DB_PASSWORD", "OM_STORAGE_PASSWORD", "TURN", "KEY")
FOREIGN = {
    "exports": [
        "# mine\n",
        "\n",
        "/srv\t127.0.0.9(ro,sync,no_subtree_check) \\\n\t127.0.0.8(ro)\n",
        "/home *.example.org(rw)\r\n",
    ],
    "fstab": [
        "# mine\n",
        "\n",
        "UUID=1-2 / ext4 errors=remount-ro 0 1\n",
        "/dev/sda2\tnone swap sw 0 0\r\n",
    ],
    "samba": [
        "# mine\n",
        "; [x]\n",
        "\n",
        "[homes]\n\tbrowseable = no\n",
        "[srv x]\npath = /srv\n",
    ],
    "jvm": ["#!/bin/sh\n", "\n", "# mine\n", 'CATALINA_PID="/run/om"\n', "umask 027\n"],
    "openmeetings_properties": [
        "# mine\n",
        "\n",
        "! ours\n",
        "application.name = x\\\n  y\n",
        "a:b\n",
    ],
}
"""Lines of others, as files have them that omconf writes to as well."""
MANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass(frozen=True)
class Deployed:
    """A file as it stands on a node: what is before and behind omconf's part is others'."""

    before: str
    ours: str
    behind: str
    adopts: bool = False

    @property
    def text(self) -> str:
        return self.before + self.ours + self.behind


Files = dict[str, dict[str, Deployed]]


def filled(artifact: Artifact, secret: str) -> str:
    return artifact.filled({p.name: Secret(secret) for p in artifact.placeholders})


def body(artifact: Artifact) -> list[str]:
    """A block's lines without its markers: as somebody wrote them by hand."""
    return [line.text + "\n" for line in artifact.lines[1:-1]]


@st.composite
def deployed(
    draw: st.DrawFn, now: Artifact | None, before: Artifact | None, secret: str
) -> Deployed | None:
    """A file of a node of which another spec's artifact was written last, or nothing, or by hand."""
    some = now or before
    assert some is not None
    foreign = st.lists(st.sampled_from(FOREIGN.get(some.kind, [""])), max_size=4).map("".join)
    shape = draw(
        st.sampled_from(["none", "foreign", "before", "before", "now", "by hand", "edited"])
    )
    if shape == "none":
        return None
    if some.ownership is Ownership.FILE:
        text = filled(before or some, secret)
        return Deployed(
            "", text.replace("224.2.2.3", "224.0.0.1") if shape == "edited" else text, ""
        )
    front, rest = draw(foreign), draw(foreign)
    if some.kind == "samba":
        rest = "[last]\n" + rest  # what follows a block belongs to its section
    if shape == "by hand" and some.kind in ("exports", "fstab") and now:
        return Deployed(front, "".join(body(now)), rest, adopts=True)
    if shape == "now" and now:
        return Deployed(front, filled(now, secret), rest)
    if shape in ("before", "edited") and before:
        return Deployed(front, filled(before, secret), rest)
    return Deployed(front, "", rest)


@dataclass(frozen=True)
class Situation:
    """A cluster that is wanted, and what stands on its nodes."""

    cluster: Cluster
    bundle: Bundle
    files: Files
    manifests: dict[str, bytes]

    def planned(
        self, texts: Mapping[str, Mapping[str, str]], secret: str, source: str = "directory"
    ) -> Plan:
        own = places.manifest(self.cluster.name.value)
        nodes = {
            name: NodeFiles(
                {path: DeployedFile(text.encode()) for path, text in its.items()}
                | ({own: DeployedFile(self.manifests[name])} if name in self.manifests else {})
            )
            for name, its in texts.items()
        }
        with mock.patch.dict(os.environ, dict.fromkeys(VARIABLES, secret)):
            return compare(
                self.cluster, self.bundle, Snapshot(source, nodes), secrets_of(self.bundle)
            )

    @property
    def texts(self) -> dict[str, dict[str, str]]:
        return {name: {p: d.text for p, d in its.items()} for name, its in self.files.items()}

    @property
    def wanted(self) -> dict[str, dict[str, Artifact]]:
        return {n.node: {a.path: a for a in n.artifacts} for n in self.bundle.nodes}


@st.composite
def situations(draw: st.DrawFn, secret: str = "s3cret-of-tests") -> Situation:
    """A cluster, and its nodes as another spec, hands and other programs left them."""
    data = draw(specs())
    # The home is the same in both, and so is what a file is called.
    other = draw(specs())
    earlier = {**other, "nodes": data["nodes"]}
    server = earlier["storage"].get("server")
    if isinstance(server, str) and server.startswith("om") and server not in data["nodes"]:
        earlier["storage"]["server"] = "om1"
    cluster, bundle = cluster_of(data), compile_bundle(cluster_of(data))
    was = {
        n.node: {a.path: a for a in n.artifacts} for n in compile_bundle(cluster_of(earlier)).nodes
    }
    files: Files = {}
    manifests = {}
    for node in bundle.nodes:
        now = {a.path: a for a in node.artifacts}
        its = files[node.node] = {}
        for path in sorted({*now, *was[node.node]}):
            found = draw(deployed(now.get(path), was[node.node].get(path), secret))
            if found is not None:
                its[path] = found
        if draw(st.booleans()):
            listing = manifest.for_node(bundle.cluster, node.node, was[node.node].values())
            manifests[node.node] = listing
    return Situation(cluster, bundle, files, manifests)


def written(situation: Situation, plan: Plan, secret: str | None) -> dict[str, dict[str, str]]:
    """The nodes' files after what the plan lists was written; None leaves the placeholders."""
    result = situation.texts
    for change in plan.changes:
        kind = KINDS[change.kind]
        artifact = situation.wanted[change.node].get(change.path)
        text = merged(kind, artifact, result[change.node].get(change.path), secret)
        if text is None:
            result[change.node].pop(change.path, None)
        else:
            result[change.node][change.path] = text
    return result


def merged(
    kind: Kind, artifact: Artifact | None, text: str | None, secret: str | None
) -> str | None:
    owned, cluster = OWNED[kind.ownership], "conference"
    present = owned.present(kind, cluster, text or "", artifact, lambda k, t: k.read(t))
    content = None if artifact is None else artifact.text
    if artifact is not None and secret is not None:
        content = filled(artifact, secret)
    return owned.merge(kind, cluster, text, content, present)


@MANY
@given(situations())
def test_what_is_written_for_a_plan_leaves_no_change(situation: Situation) -> None:
    secret = "s3cret-of-tests"
    plan = situation.planned(situation.texts, secret)
    assert plan.complete, plan.diagnostics
    after = written(situation, plan, secret)
    again = situation.planned(after, secret)
    assert [(c.node, c.path, c.action) for c in again.changes] == []
    # Once more writes the same.
    for node, its in after.items():
        for path, text in its.items():
            artifact = situation.wanted[node].get(path)
            if artifact is not None:
                assert merged(KINDS[artifact.kind], artifact, text, secret) == text, path


@MANY
@given(situations())
def test_what_is_written_with_placeholders_is_what_a_bundle_holds(situation: Situation) -> None:
    """Secrets are filled in last: until then the places for them stay, and are no change."""
    secret = "s3cret-of-tests"
    plan = situation.planned(situation.texts, secret)
    after = written(situation, plan, None)
    again = situation.planned(after, secret, "git")
    assert [(c.node, c.path, c.action) for c in again.changes] == []
    for change in plan.changes:
        artifact = situation.wanted[change.node].get(change.path)
        if artifact is not None and artifact.ownership is not Ownership.KEYS:
            assert all(p.text in after[change.node][change.path] for p in artifact.placeholders)


@MANY
@given(situations())
def test_what_is_others_is_kept_to_the_byte(situation: Situation) -> None:
    plan = situation.planned(situation.texts, "s3cret-of-tests")
    after = written(situation, plan, "s3cret-of-tests")
    for change in plan.changes:
        file = situation.files[change.node].get(change.path)
        if file is None or change.ownership == Ownership.FILE:
            continue
        text = after[change.node].get(change.path, "")
        if change.ownership == Ownership.KEYS:
            assert text.startswith(file.before)
            assert file.behind in text[len(file.before) :]
            continue
        found = block.find(text, "conference")
        assert found is None or isinstance(found, block.Block)
        ours = text[found.start : found.end] if found else ""
        rest = text.replace(ours, "", 1) if ours else text
        assert rest == file.before + file.behind, change.path


@MANY
@given(situations("one-s3cret"), st.booleans())
def test_no_digest_depends_on_a_secret(situation: Situation, manifests: bool) -> None:
    """The same files with other secrets in them, and another secret in the vault: the same digests."""

    def digests(secret: str) -> Any:
        texts = {
            node: {path: text.replace("one-s3cret", secret) for path, text in its.items()}
            for node, its in situation.texts.items()
        }
        drawn = document.of_plan(situation.planned(texts, secret))
        assert secret not in json.dumps(drawn)
        found = [(c["node"], c["path"], c["digests"]) for c in drawn["changes"]]
        held = {d for _, _, both in found for d in both.values()}
        whole = {
            hashlib.sha256(text.encode()).hexdigest()
            for its in texts.values()
            for text in its.values()
            if secret in text
        }
        assert not held & whole, "a digest of a text with a secret in it gives the secret away"
        return found

    assert digests("one-s3cret") == digests("quite-an0ther")
