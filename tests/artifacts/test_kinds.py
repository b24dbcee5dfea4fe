"""What holds for every kind: it reads back what it rendered, and knows the origin of every line."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omconf.artifacts import kinds
from omconf.artifacts.contents import Artifact
from omconf.bundle.compile import compile_bundle, validate
from omconf.cluster.model import Cluster, Node
from omconf.origin import FromSpec
from omconf.schema.xsd import Fault, parse
from tests.clusters import cluster_of, simple, specs

PRINTABLE = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(specs())
def test_every_artifact_passes_our_schemas_and_reads_back(data: dict[str, object]) -> None:
    cluster = cluster_of(data)
    bundle = compile_bundle(cluster)
    assert validate(bundle) == []
    by_name = {kind.name: kind for kind in kinds()}
    for node, wanted in zip(bundle.nodes, cluster.nodes, strict=True):
        assert node.node == wanted.name.value
        for artifact in node.artifacts:
            kind = by_name[artifact.kind]
            assert artifact.path in kind.paths(cluster, wanted)
            reading = kind.read(artifact.text)
            assert reading.items or reading.secrets
            assert not reading.findings
            assert not reading.broken
            names = {p.text for p in artifact.placeholders}
            assert {s.reveal() for s in reading.secrets.values()} == names


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(specs())
def test_every_value_of_the_spec_is_read_back(data: dict[str, dict[str, str]]) -> None:
    cluster = cluster_of(data)
    items: dict[str, str] = {}
    for kind in kinds():
        for artifact in kind.render(cluster, cluster.nodes[-1]):
            items |= {f"{kind.name} {k}": v for k, v in kind.read(artifact.text).items.items()}
    node = cluster.nodes[-1]
    interfaces = data.get("hazelcast", {}).get("interfaces")
    assert items["hazelcast instance-name"] == node.name.value
    assert items["hazelcast member-attributes/name"] == node.name.value
    assert items["hazelcast member-attributes/server.url"] == node.url.value
    bound = items.get("hazelcast network/interfaces/interface")
    assert bound == (None if interfaces == "none" else node.address.value)
    connection = "persistence properties/openjpa.ConnectionProperties"
    assert items[f"{connection}/Username"] == " ".join(data["database"]["user"].split())
    if cluster.discovery.kind.value == "multicast":
        assert (
            items["hazelcast network/join/multicast/multicast-group"]
            == cluster.discovery.group.value
        )
        assert not any("tcp-ip" in key for key in items)
    else:
        members = [k for k in items if "member-list" in k]
        assert len(members) == len(cluster.nodes)


def test_every_line_says_where_it_comes_from() -> None:
    cluster = simple(3, discovery={"kind": "tcp-ip"}, hazelcast={"port": 5710})
    for node in compile_bundle(cluster).nodes:
        for artifact in node.artifacts:
            for line in artifact.lines:
                assert line.origins, f"{artifact.path}: {line.text!r}"
    text = {line.text.strip(): line for line in _hazelcast(cluster).lines}
    (origin,) = (
        o for o in text["<instance-name>om1</instance-name>"].origins if isinstance(o, FromSpec)
    )
    assert origin.key == "nodes.om1"
    (origin,) = (
        o for o in text["<member>10.1.1.3:5710</member>"].origins if isinstance(o, FromSpec)
    )
    assert origin.key == "nodes.om3.address"


def _hazelcast(cluster: object) -> Artifact:
    (node, *_) = compile_bundle(cluster).nodes  # type: ignore[arg-type]
    return next(a for a in node.artifacts if a.kind == "hazelcast")


@given(st.text(max_size=200))
def test_no_text_makes_a_reader_fail(text: str) -> None:
    for kind in kinds():
        kind.read(text)


@given(PRINTABLE)
def test_a_secret_of_any_text_is_carried_or_refused(password: str) -> None:
    from omconf.secrets import Secret

    artifact = next(a for k in kinds() for a in k.render(*_one()) if a.placeholders)
    try:
        text = artifact.filled({"database.password": Secret(password)})
    except ValueError as error:
        # A short one may stand in any sentence by chance.
        assert len(password.strip()) < 4 or password not in str(error)
        return
    assert not isinstance(parse(text.encode()), Fault)
    kind = next(k for k in kinds() if k.name == artifact.kind)
    (secret,) = kind.read(text).secrets.values()
    assert secret.reveal() == password


def _one() -> tuple[Cluster, Node]:
    cluster = simple()
    return cluster, cluster.nodes[0]
