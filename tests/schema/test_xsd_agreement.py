"""libxml2 and xmlschema agree on everything that omconf writes: all releases, databases, examples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from omconf.bundle.compile import compile_bundle, validate
from omconf.pipeline.compiled import compile_spec
from omconf.pipeline.validate import by_xmlschema
from omconf.releases import RELEASES
from omconf.schema import xsd
from tests.clusters import DATABASES, cluster_of, simple, spec_of
from tests.command import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.artifacts.contents import Line
    from omconf.bundle.model import Bundle


@pytest.mark.parametrize("kind", DATABASES)
@pytest.mark.parametrize("release", RELEASES)
def test_every_release_and_database(release: str, kind: str) -> None:
    for discovery in ("multicast", "tcp-ip"):
        cluster = simple(
            openmeetings={"release": release},
            database={"kind": kind},
            discovery={"kind": discovery},
        )
        bundle = compile_bundle(cluster)
        assert validate(bundle) == []
        assert_xmlschema_agrees(bundle)


@pytest.mark.parametrize("example", sorted(p.parent.name for p in EXAMPLES.glob("*/cluster.yaml")))
def test_every_example(example: str) -> None:
    compiled = compile_spec(str(EXAMPLES / example / "cluster.yaml"))
    assert compiled.bundle is not None
    assert compiled.diagnostics == []
    assert by_xmlschema(compiled.bundle) == []
    assert_xmlschema_agrees(compiled.bundle)


def assert_xmlschema_agrees(bundle: Bundle) -> None:
    """Every document, not one of each shape."""
    for node in bundle.nodes:
        for artifact in node.artifacts:
            if artifact.schema:
                document = xsd.parse(artifact.data)
                assert not isinstance(document, xsd.Fault)
                if artifact.schema.endswith("-deployed.xsd"):
                    document = xsd.known(document, artifact.schema)
                assert xsd.by_xmlschema(document, artifact.schema) == []


def test_xmlschema_validates_each_shape_once(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(30)
    spec["nodes"]["om7"]["public_address"] = "203.0.113.7"
    bundle = compile_bundle(cluster_of(spec))
    checked: list[str] = []

    def by_xmlschema(_: object, schema: str) -> list[xsd.Fault]:
        checked.append(schema)
        return []

    monkeypatch.setattr(xsd, "by_xmlschema", by_xmlschema)
    assert validate(bundle, xmlschema_only=True) == []
    assert sorted(checked) == ["hazelcast.xsd", "hazelcast.xsd", "persistence-3.0.xsd"]


def test_xmlschema_sees_one_bad_shape_among_many() -> None:
    bundle = compile_bundle(simple(nodes=30))
    node = bundle.nodes[16]
    bad = [
        replace(a, lines=tuple(changed(a.lines))) if a.kind == "hazelcast" else a
        for a in node.artifacts
    ]
    nodes = (*bundle.nodes[:16], replace(node, artifacts=tuple(bad)), *bundle.nodes[17:])
    (found,) = validate(replace(bundle, nodes=nodes), xmlschema_only=True)
    assert (found.rule.id, found.node) == ("OM400", node.node)
    assert "no-such is not allowed here" in found.message


def changed(lines: tuple[Line, ...]) -> Iterator[Line]:
    for one in lines:
        yield replace(one, text=one.text.replace("instance-name>", "no-such>"))
