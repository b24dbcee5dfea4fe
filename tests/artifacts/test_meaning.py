"""What a compiled file says is what the spec means, whatever its values hold: the two guards.

The first: a value that some format cannot carry is refused, with a way out. The second: a file that
would be read otherwise than it is meant is an error, should the first guard ever miss one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from omconf.artifacts import exports, fstab, openmeetings_properties, persistence, setenv
from omconf.artifacts.contents import Line, Meaning
from omconf.bundle.compile import compile_bundle, validate
from omconf.check import check
from omconf.cluster.model import Cluster
from omconf.cluster.resolve import resolve
from omconf.diagnostics import Diagnostic
from omconf.formats import systemd
from omconf.origin import FromFormat, Value
from omconf.rules import OWN_SCHEMA
from omconf.spec.load import load
from tests.clusters import cluster_of, simple, spec_of

SAMBA = {"kind": "cifs", "password": {"env": "X"}}
CHARACTERS = st.sampled_from([*" \"'\\`$*?()[]{}<>#%,:;=!&|^~@+-._/aB7é→😀"])
WORDS = st.sampled_from(
    ["${x}", "$ENC{x}", "@omconf:x@", "..", "//", "\\040", "%u", "-H", " #", "0 0", ",ro", "\\\n"]
)
HOSTILE = st.one_of(
    st.text("aB7._-é ", max_size=5),
    CHARACTERS,
    st.tuples(st.just("a"), CHARACTERS, st.just("b")).map("".join),
    st.lists(CHARACTERS, max_size=3).map("".join),
    WORDS,
)
NAMES = ("mp", "refer", "fsid", "sec", "anonuid", "x")
MOUNTS = ("context", "x-systemd.requires", "x-foo", "clientaddr", "fsc", "comment", "hardd", "user")
PLACES: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("openmeetings", "data_dir"): HOSTILE.map(lambda t: f"/srv/{t}"),
    ("openmeetings", "home"): HOSTILE.map(lambda t: f"/opt{t}"),
    ("openmeetings", "webapp"): HOSTILE,
    ("openmeetings", "service"): HOSTILE.map(lambda t: f"{t}.service"),
    ("openmeetings", "user"): HOSTILE.map(lambda t: f"{t}a"),
    ("openmeetings", "group"): HOSTILE,
    ("openmeetings", "java_options"): st.lists(HOSTILE.map(lambda t: f"-Da={t}"), max_size=2),
    ("network", "interface"): HOSTILE.map(lambda t: f"{t}e"),
    ("hazelcast", "cluster_name"): HOSTILE.map(lambda t: f"a{t}"),
    ("hazelcast", "properties"): HOSTILE.map(lambda t: {"hazelcast.a": t, f"hazelcast.{t}": "b"}),
    ("persistence", "properties"): HOSTILE.map(lambda t: {"openjpa.a": t, f"x{t}": "b"}),
    ("database", "user"): HOSTILE,
    ("database", "name"): HOSTILE,
    ("database", "host"): HOSTILE.map(lambda t: f"{t}.example.org"),
    ("database", "options"): HOSTILE.map(lambda t: {"a": t, f"b{t}": "c"}),
    ("database", "pool"): HOSTILE.map(lambda t: {"validationQuery": f"x{t}"}),
    ("storage", "server"): HOSTILE.map(lambda t: f"{t}.example.org"),
    ("storage", "export"): HOSTILE.map(lambda t: f"/{t}"),
    ("storage", "options"): st.lists(
        st.tuples(st.sampled_from(MOUNTS), HOSTILE).map("=".join), max_size=2
    ),
    ("storage", "export_options"): st.lists(
        st.tuples(st.sampled_from(NAMES), HOSTILE).map("=".join), min_size=1, max_size=2
    ),
    ("storage", "share"): HOSTILE.map(lambda t: f"a{t}"),
    ("storage", "user"): HOSTILE.map(lambda t: f"a{t}"),
    ("kurento", "url"): HOSTILE.map(lambda t: f"ws://10.1.1.9:8888/{t}"),
    ("kurento", "turn"): HOSTILE.map(lambda t: {"user": f"a{t}", "url": f"turn.example.org{t}"}),
}


@st.composite
def hostile(draw: st.DrawFn) -> dict[str, Any]:
    """A spec of which up to two values hold anything, on any kind of storage and database."""
    places = draw(st.lists(st.sampled_from(sorted(PLACES)), min_size=1, max_size=2, unique=True))
    samba = any(place in (("storage", "share"), ("storage", "user")) for place in places)
    sections: dict[str, Any] = {"openmeetings": {"release": "8.1.0"}}
    sections["database"] = {"kind": draw(st.sampled_from(["postgresql", "mysql", "mssql"]))}
    sections["storage"] = SAMBA if samba or draw(st.booleans()) else {}
    sections = {name: dict(section) for name, section in sections.items()}
    for section, key in places:
        if key != "export_options" or sections["storage"].get("kind") != "cifs":
            sections.setdefault(section, {})[key] = draw(PLACES[section, key])
    return spec_of(2, **sections)


def _looked_at(data: dict[str, Any]) -> tuple[Cluster | None, list[Diagnostic]]:
    loaded = load(yaml.safe_dump(data, allow_unicode=True).encode(), "cluster.yaml")
    if loaded.spec is None:
        return None, [d for d in loaded.diagnostics if d.is_error]
    cluster, found = resolve(loaded.document, loaded.spec)
    found = [*loaded.diagnostics, *found, *(check(cluster) if cluster else [])]
    return cluster, [d for d in found if d.is_error]


def _with(section: str, key: str, value: Any) -> dict[str, Any]:
    return spec_of(2, **{section: {key: value}})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hostile())
@example(_with("storage", "export_options", ["rw", 'mp="']))
@example(_with("openmeetings", "java_options", ["-XX:OnError=mail user=om ; kill"]))
@example(_with("openmeetings", "data_dir", "/srv/ (a) [b] {c} #%,:;=!&|^~@+ é→😀"))
@example(_with("openmeetings", "data_dir", "/srv/" + "é" * 100))
def test_a_value_is_refused_with_a_way_out_or_read_back(data: dict[str, Any]) -> None:
    cluster, errors = _looked_at(data)
    if errors or cluster is None:
        assert errors
        return
    bundle = compile_bundle(cluster)
    assert validate(bundle) == []
    om, storage = cluster.openmeetings, cluster.storage
    node = cluster.nodes[1]
    files = {a.kind: a for a in bundle.nodes[1].artifacts}
    options = setenv.KIND.read(files["jvm"].text).items
    assert options["-DDATA_DIR"] == om.data_dir.value
    assert len(options) == 4 + len({option.value.partition("=")[0] for option in om.java_options})
    mounts = fstab.KIND.read(files["fstab"].text).items
    assert set(mounts) == {om.data_dir.value.rstrip("/")}
    if storage.kind.value == "nfs":
        owner = bundle.external_files if storage.node is None else bundle.nodes[0].artifacts
        text = next(f.text for f in owner if f.path.endswith("/exports"))
        clients = {key.rpartition(" ") for key in exports.KIND.read(text).items}
        assert {path for path, _, _ in clients} == {storage.export.value.rstrip("/")}
        assert {client for _, _, client in clients} <= {"10.1.1.1", "10.1.1.2"}
    connection = persistence.KIND.read(files["persistence"].text)
    key = "properties/openjpa.ConnectionProperties/Username"
    assert not connection.findings
    assert key in connection.items or key in connection.secrets
    if "openmeetings_properties" in files:
        said = openmeetings_properties.KIND.read(files["openmeetings_properties"].text).items
        assert said.get("kurento.ws.url") == (node.kurento_url and node.kurento_url.value)
    unit = files["service"].text
    assert f"RequiresMountsFor={systemd.value(om.data_dir.value)}\n" in unit


WAY_OUT = [
    ("openmeetings", "service", "-Hevil.service"),
    ("openmeetings", "service", "--now.service"),
    ("openmeetings", "service", "omconf-firewall.service"),
    ("openmeetings", "service", "a" * 246 + ".service"),
    ("openmeetings", "service", "om@.service"),
    ("openmeetings", "user", "-x"),
    ("openmeetings", "group", "0day"),
    ("openmeetings", "webapp", "-a"),
    ("openmeetings", "webapp", "a" * 201),
    ("openmeetings", "home", "/opt/a\\"),
    ("openmeetings", "data_dir", "/srv/" + "é" * 100),
    ("openmeetings", "data_dir", "/srv/" + "a" * 256),
    ("openmeetings", "java_options", ["-jar"]),
    ("openmeetings", "java_options", ["-cp"]),
    ("openmeetings", "java_options", ["-version"]),
    ("openmeetings", "java_options", ["--add-opens"]),
    ("openmeetings", "java_options", ["-Da=" + "x" * 100_000]),
    ("network", "interface", "-4"),
    ("hazelcast", "cluster_name", "a${user.name}"),
    ("hazelcast", "cluster_name", "$ENC{x}"),
    ("hazelcast", "cluster_name", "a" * 256),
    ("hazelcast", "properties", {"hazelcast.a": " b "}),
    ("hazelcast", "properties", {"hazelcast.${a}": "b"}),
    ("persistence", "properties", {'a"b': "c"}),
    ("database", "host", "0x7f.1"),
    ("database", "host", "-h.example.org"),
    ("database", "options", {"-a": "b"}),
    ("kurento", "url", 'ws://10.1.1.9:8888/"<a>'),
    ("kurento", "turn", {"url": "türn.example.org"}),
    ("nodes", "om1", {"address": "10.1.1.1", "url": "https://a.example.org/ä"}),
    ("nodes", "om1", {"address": "10.1.1.1", "url": "https://a.example.org/%zz"}),
    ("nodes", "om1", {"address": "10.1.1.1", "url": "https://0x7f.1/om"}),
    ("node_defaults", "ssh", "-oProxyCommand=x"),
    ("node_defaults", "ssh", "root@-x"),
    ("node_defaults", "ssh", "-v"),
    ("node_defaults", "ssh", "ssh://-v"),
    ("storage", "export_options", ["rw", "frobnicate"]),
    *(
        ("storage", "export_options", ["rw", o])
        for o in ('mp="', 'refer="', 'x"', "a(b", "a)b", "a\\")
    ),
    ("storage", "export_options", ["rw", *(f"mp=/{'a' * 200}{n}" for n in range(3))]),
    *(("storage", "options", [o]) for o in ('x-a="', 'comment="', "x-a=b c", "context=a'b", "#x")),
    ("storage", "options", ["x-systemd.requires=a\\x2db.mount"]),
    ("storage", "options", ["x-systemd.requires=-a.mount"]),
    ("storage", "options", ["x-a=" + "b" * 252]),
    ("storage", "options", [f"x-a{n}={'b' * 200}" for n in range(20)]),
]


@pytest.mark.parametrize(("section", "key", "value"), WAY_OUT, ids=range(len(WAY_OUT)))
def test_what_a_format_cannot_carry_is_refused_with_a_hint(
    section: str, key: str, value: Any
) -> None:
    data = spec_of(2)
    data[section] = {**data.get(section, {}), key: value}
    _, errors = _looked_at(data)
    assert len(errors) == 1, errors
    assert errors[0].hint
    assert errors[0].span


@pytest.mark.parametrize("share", ["home\u017f", "HOMES", "a%b", "a]b", "-a"])
def test_a_share_that_smb_conf_cannot_carry(share: str) -> None:
    _, errors = _looked_at(spec_of(2, storage={**SAMBA, "share": share}))
    assert [bool(error.hint) for error in errors] == [True]


WHERE = FromFormat("a test")
MISTAKES = [
    ("storage", "export_options", ('mp="',)),
    ("storage", "export_options", ("rw", "a)b")),
    ("storage", "export_options", ("x (rw)",)),
    ("storage", "options", ("hard soft",)),
    ("storage", "options", ("hard\n/x /y nfs",)),
    ("openmeetings", "java_options", ("-Da=\n-Db",)),
    ("openmeetings", "timezone", "a\rb"),
    ("openmeetings", "data_dir", "/srv/a\0b"),
    ("database", "user", 'a\nlocal all all trust"'),
]


@pytest.mark.parametrize(("section", "key", "value"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_file_that_would_be_read_otherwise_is_never_written(
    section: str, key: str, value: Any
) -> None:
    """The values get past the spec here, as a bug in its checks would let them."""
    cluster = simple(2)
    many = isinstance(value, tuple)
    made: Any = tuple(Value(v, WHERE) for v in value) if many else Value(value, WHERE)
    slipped = replace(cluster, **{section: replace(getattr(cluster, section), **{key: made})})
    found = validate(compile_bundle(slipped))
    assert {d.rule for d in found} == {OWN_SCHEMA}
    assert all(d.path for d in found)


@pytest.mark.parametrize(
    ("key", "value"), [("share", "a]b"), ("share", "a\nb"), ("user", "a%b"), ("user", "a\n[x]")]
)
def test_a_share_that_would_be_read_otherwise_is_never_written(key: str, value: str) -> None:
    cluster = simple(2, storage=SAMBA)
    samba = cluster.storage.samba
    assert samba is not None
    made: Any = Value(value, WHERE)
    storage = replace(cluster.storage, samba=replace(samba, **{key: made}))
    found = validate(compile_bundle(replace(cluster, storage=storage)))
    assert {d.rule for d in found} == {OWN_SCHEMA}


ESCAPES: list[tuple[str, dict[str, Any]]] = [
    ("omconf.formats.exports.escape", {"storage": {"export": "/srv/om data"}}),
    ("omconf.formats.fstab.escape", {"openmeetings": {"data_dir": "/srv/om data"}}),
    ("omconf.formats.java_opts.quoted", {"openmeetings": {"java_options": ["-Da='\\"]}}),
    ("omconf.formats.pg_hba.name", {"database": {"user": 'a"b c'}}),
    ("omconf.formats.properties.written", {"kurento": {"turn": {"user": "a\\b"}}}),
]


@pytest.mark.parametrize(("name", "sections"), ESCAPES, ids=[name for name, _ in ESCAPES])
def test_a_text_that_is_not_escaped_is_never_written(
    name: str, sections: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name, lambda text, *_: text)
    found = validate(compile_bundle(simple(2, **sections)))
    assert {d.rule for d in found} == {OWN_SCHEMA}


def test_what_many_nodes_share_is_read_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster of many nodes costs no more reading than one of few."""
    read: list[int] = []
    fault = Meaning.fault

    def counted(meaning: Meaning, lines: tuple[Line, ...]) -> str:
        read.append(len(meaning.sample or lines))
        return fault(meaning, lines)

    monkeypatch.setattr(Meaning, "fault", counted)
    counts = []
    for nodes in (3, 60):
        read.clear()
        data = spec_of(nodes)
        for name, node in data["nodes"].items():
            node["home"] = f"/opt/{name}"
        assert validate(compile_bundle(cluster_of(data))) == []
        counts.append((len(read), sum(read)))
    assert counts[0] == counts[1]
