"""The same thing in other words is the same thing: no move, no other database, no full stop."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from omconf.actions import Manual, Service
from omconf.bundle.compile import compile_bundle
from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
from omconf.pipeline.bundle_secrets import secrets_of
from omconf.plan.compare import compare
from omconf.plan.model import Action, Plan
from omconf.views import document as view
from omconf.views import folding, markdown
from omconf.views import text as text_view
from tests.clusters import cluster_of, rules_of, spec_of

HAZELCAST = "hazelcast.xml"
STOP = Service("stop", "openmeetings.service")
Edits = dict[tuple[str, str], tuple[str, str]]


def planned(data: dict[str, Any], edits: Edits, **added: str) -> Plan:
    """Plan a spec that is deployed, with texts replaced by node and end of the path."""
    cluster = cluster_of(data)
    bundle = compile_bundle(cluster)
    nodes = {}
    for node in bundle.nodes:
        files = {a.path: a.text for a in node.artifacts}
        for (name, end), (old, new) in edits.items():
            if name == node.node:
                (path,) = [path for path in files if path.endswith(end)]
                assert old in files[path]
                files[path] = files[path].replace(old, new)
        if node.node in added:
            files["/etc/exports"] = added[node.node] + files["/etc/exports"]
        nodes[node.node] = NodeFiles({p: DeployedFile(t.encode()) for p, t in files.items()})
    return compare(cluster, bundle, Snapshot("directory", nodes), secrets_of(bundle))


def rules(plan: Plan) -> set[str]:
    return {d.rule.id for d in plan.diagnostics} - {"OM320", "OM322"}


@pytest.mark.parametrize("name", ["om1", "om1.example.org", "OM1.example.org", "10.1.1.1"])
def test_a_mount_by_any_name_of_the_data_server(name: str) -> None:
    plan = planned(spec_of(2), {("om2", "fstab"): ("10.1.1.1:", f"{name}:")})
    assert not any(step.nodes == ("om1",) and STOP in step.actions for step in plan.rollout.steps)
    assert all(change.effect is None or change.effect.rolling for change in plan.changes)
    assert not any(isinstance(a, Manual) for step in plan.rollout.steps for a in step.actions)
    other = planned(spec_of(2), {("om2", "fstab"): ("10.1.1.1:", "nas:")})
    assert [c.effect.rolling for c in other.changes if c.effect] == [False]


@pytest.mark.parametrize("spelled", ["/opt/omdata/ nfs ", "/opt/omdata nfs4 "])
def test_a_mount_spelled_otherwise(spelled: str) -> None:
    plan = planned(spec_of(2), {("om2", "fstab"): ("/opt/omdata nfs ", spelled)})
    assert all(change.effect is None or change.effect.rolling for change in plan.changes)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("hazelcast.xml", "conference</cluster-name>", "conference&#160;</cluster-name>"),
        ("hazelcast.xml", "om2</instance-name>", "om2&#8195;</instance-name>"),
        ("hazelcast.xml", "/openmeetings</attribute>", "/openmeetings&#133;</attribute>"),
        ("persistence.xml", "tcp(Addresses=127.0.0.1)", "tcp(Addresses=127.0.0.1)&#160;"),
    ],
)
def test_a_blank_that_java_does_not_trim_is_a_difference(path: str, old: str, new: str) -> None:
    plan = planned(spec_of(2), {("om2", path): (old, new)})
    assert [(c.node, c.action) for c in plan.changes] == [("om2", Action.UPDATE)]


def test_a_file_that_hazelcast_refuses_is_an_update() -> None:
    edit = ('multicast enabled="true"', 'multicast enabled="TRUE"')
    plan = planned(spec_of(2), {("om2", "hazelcast.xml"): edit})
    assert "OM301" in rules(plan)
    assert [(c.node, c.action) for c in plan.changes] == [("om2", Action.UPDATE)]


def test_a_client_of_the_spec_in_other_letters_is_adopted() -> None:
    spec = spec_of(2, storage={"clients": ["OM2.example.org", "@Nodes"]})
    options = "(rw,sync,no_subtree_check,root_squash)"
    for edit, action in (
        (("OM2.example.org(", "om2.EXAMPLE.org("), Action.REFORMAT),
        (("@Nodes(", "@nodes("), Action.UPDATE),
    ):
        lines = "".join(f"/opt/omdata {c}{options}\n" for c in ("OM2.example.org", "@Nodes"))
        block = f"# BEGIN omconf: conference\n{lines}# END omconf: conference\n"
        plan = planned(spec, {("om1", "/etc/exports"): (block, lines.replace(*edit))})
        assert [change.action for change in plan.changes] == [action]


OLD = "10.9.9.9:/old /opt/omdata nfs ro 0 0\n"


def test_of_two_lines_for_one_mount_point_the_first_counts() -> None:
    begin = "# BEGIN omconf: conference\n"
    plan = planned(spec_of(2), {("om2", "fstab"): (begin, begin + OLD)})
    ((item,),) = (change.items for change in plan.changes)
    assert (item.key, item.before) == ("/opt/omdata", "10.9.9.9:/old nfs ro 0 0")
    assert rules(plan) == set()
    end = "# END omconf: conference\n"
    assert rules(planned(spec_of(2), {("om2", "fstab"): (end, OLD + end)})) == {"OM311"}


@pytest.mark.parametrize(
    ("further", "found"),
    [(OLD, {"OM311"}), ("OM1.example.org:/opt/omdata /opt/omdata nfs hard\n", set())],
)
def test_a_second_hand_made_line_for_the_mount_point(further: str, found: set[str]) -> None:
    spec = spec_of(2, storage={"mount_from": "om1.example.org", "options": ["hard"]})
    begin, end = "# BEGIN omconf: conference\n", "# END omconf: conference\n"
    line = "om1.example.org:/opt/omdata /opt/omdata nfs hard 0 0\n"
    plan = planned(spec, {("om2", "fstab"): (begin + line + end, line + further)})
    assert rules(plan) == found


@pytest.mark.parametrize("name", ["om2", "om2.example.org", "OM2.EXAMPLE.ORG"])
def test_an_export_to_a_node_by_its_name_is_adopted(name: str) -> None:
    options = "(rw,sync,no_subtree_check,root_squash)"
    begin, end = "# BEGIN omconf: conference\n", "# END omconf: conference\n"
    line = f"/opt/omdata 10.1.1.2{options}\n"
    by_hand = f"/opt/omdata {name}{options}\n"
    plan = planned(spec_of(2), {("om1", "/etc/exports"): (begin + line + end, by_hand)})
    (change,) = plan.changes
    assert (change.action, change.items) == (Action.REFORMAT, ())
    both = planned(spec_of(2), {}, om1=by_hand)
    assert rules(both) == {"OM311"}


@pytest.mark.parametrize("options", ["(rw)", "(rw,sync,wdelay,secure,sec=sys,anonuid=65534)"])
def test_an_export_whose_defaults_are_spelled_otherwise(options: str) -> None:
    given = "(rw,sync,no_subtree_check,root_squash)"
    plan = planned(spec_of(2), {("om1", "/etc/exports"): (given, options)})
    assert [c.action for c in plan.changes] == [Action.REFORMAT]
    plan = planned(spec_of(2), {("om1", "/etc/exports"): (given, "(rw,async)")})
    ((item,),) = (change.items for change in plan.changes)
    assert (item.before, item.after) == (
        "async,no_subtree_check,root_squash,rw",
        "no_subtree_check,root_squash,rw,sync",
    )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("/opt/omdata *(rw,no_root_squash)\n", {"OM340"}),
        ("/opt 10.0.0.0/8(ro)\n", {"OM340"}),
        ("/opt/omdata/public @hosts(ro)\n", {"OM340"}),
        ("/opt/omdata *.example.org(ro)\n", {"OM340"}),
        ("/opt/omdata 10.9.9.9(ro)\n", set()),
        ("/srv/other *(ro)\n", set()),
        ("/srv/other 10.9.9.9(nonsense)\n", {"OM329"}),
    ],
)
def test_lines_of_others_beside_the_block(line: str, found: set[str]) -> None:
    plan = planned(spec_of(2), {}, om1=line)
    assert rules(plan) == found
    assert not any(d.is_error for d in plan.diagnostics)
    assert plan.complete


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("10.1.1.250:5432/", "10.1.1.250/"),
        ("//10.1.1.250:5432/", "//10.1.1.250:5432/"),
    ],
)
def test_a_url_without_the_default_port(old: str, new: str) -> None:
    plan = planned(spec_of(2), {("om2", "persistence.xml"): (old, new)})
    assert {c.action for c in plan.changes} <= {Action.REFORMAT}


@pytest.mark.parametrize(
    ("node", "host", "same"),
    [
        ("om1", "localhost", True),
        ("om1", "127.0.1.1", True),
        ("om1", "[::1]", True),
        ("om1", "ip6-localhost", True),
        ("om2", "127.0.1.1", False),
        ("om1", "127.0.0.1", True),
        ("om2", "om1", True),
        ("om2", "om1.example.org", True),
        ("om2", "localhost", False),
        ("om2", "10.9.9.9", False),
    ],
)
def test_the_host_of_a_database_on_a_node(node: str, host: str, same: bool) -> None:
    data = spec_of(2, database={"host": {"node": "om1"}})
    plan = planned(data, {(node, "persistence.xml"): ("10.1.1.1:5432", f"{host}:5432")})
    (change,) = plan.changes
    assert change.effect
    assert change.effect.rolling is same


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<join>", '<port auto-increment="true" port-count="100">5701</port><join>'),
        ("<join>", "<port>5701</port><join>"),
        ("<join>", "<outbound-ports><ports>0</ports></outbound-ports><join>"),
        ("        <multicast-timeout-seconds>2</multicast-timeout-seconds>\n", ""),
        ("        <multicast-group>224.2.2.3</multicast-group>\n", ""),
    ],
)
def test_what_hazelcast_does_when_nothing_is_said(old: str, new: str) -> None:
    plan = planned(spec_of(2, discovery={"kind": "multicast"}), {("om2", HAZELCAST): (old, new)})
    assert {c.action for c in plan.changes} == {Action.REFORMAT}


@pytest.mark.parametrize(
    "members",
    [
        "<members>{0}, {1}</members>",
        "<members>{0}</members><members>{1}</members>",
        "<member>{0}, {1}</member>",
        "<member-list><member>{0},{1}</member></member-list>",
        "<interface>{0}</interface><member>{1}</member>",
    ],
)
def test_members_in_every_form(members: str) -> None:
    data = spec_of(2, discovery={"kind": "tcp-ip"})
    (text,) = (
        artifact.text
        for node in compile_bundle(cluster_of(data)).nodes
        for artifact in node.artifacts
        if node.node == "om2" and artifact.path.endswith(HAZELCAST)
    )
    start, end = text.index("<member-list>"), text.index("</member-list>") + len("</member-list>")
    listed = re.findall("<member>(.*)</member>", text[start:end])
    plan = planned(data, {("om2", HAZELCAST): (text[start:end], members.format(*listed))})
    assert {c.action for c in plan.changes} == {Action.REFORMAT}
    plan = planned(data, {("om2", HAZELCAST): (text[start:end], members.format(listed[0], "x"))})
    (change,) = plan.changes
    assert {item.action for item in change.items} == {Action.CREATE, Action.DELETE}


def test_a_default_in_force_is_what_is_deployed() -> None:
    edit = ("        <multicast-group>224.5.5.5</multicast-group>\n", "")
    data = spec_of(2, discovery={"kind": "multicast", "group": "224.5.5.5"})
    (change,) = planned(data, {("om2", HAZELCAST): edit}).changes
    (item,) = change.items
    assert (item.before, item.after) == ("224.2.2.3", "224.5.5.5")
    assert item.hint == "to keep it, set discovery.group"


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        (">om2</instance-name>", ">x</instance-name>", "nodes.<name>.instance_name"),
        (">10.1.1.2</interface>", ">10.1.1.*</interface>", "nodes.<name>.address"),
        (
            "<join>",
            "<public-address>192.0.2.1</public-address><join>",
            "nodes.<name>.public_address",
        ),
        (
            "</interface>",
            "</interface><interface>10.9.*.*</interface>",
            "",
        ),
    ],
)
def test_the_key_that_keeps_an_item_is_one_that_can(old: str, new: str, hint: str) -> None:
    plan = planned(spec_of(2), {("om2", HAZELCAST): (old, new)})
    (change,) = plan.changes
    assert [item.hint for item in change.items] == [hint and f"to keep it, set {hint}"]


@pytest.mark.parametrize(
    ("value", "action"),
    [
        ("0", Action.REFORMAT),
        *((value, Action.UPDATE) for value in ("no", "FALSE", "off")),  # OM301
    ],
)
def test_a_boolean_of_hazelcast(value: str, action: Action) -> None:
    edit = ('<tcp-ip enabled="false"/>', f'<tcp-ip enabled="{value}"/>')
    plan = planned(spec_of(2), {("om2", HAZELCAST): edit})
    assert {c.action for c in plan.changes} == {action}


def test_a_system_property_in_hazelcast_xml_is_not_known() -> None:
    plan = planned(spec_of(2), {("om2", HAZELCAST): ("224.2.2.3", "${om.group}")})
    (change,) = plan.changes
    assert change.effect
    assert change.effect.rolling
    assert "OM314" not in rules(plan)


def test_jvm_options_by_hand_are_what_is_deployed() -> None:
    data = spec_of(3)
    cluster = cluster_of(data)
    (path,) = [a.path for a in compile_bundle(cluster).nodes[0].artifacts if "setenv" in a.path]
    whole = {
        (node.node, path): (next(a.text for a in node.artifacts if a.path == path), "")
        for node in compile_bundle(cluster).nodes
    }
    by_hand = 'JAVA_OPTS="$JAVA_OPTS -DDATA_DIR=/srv/omdata"\n'
    plan = planned(data, {key: (old, by_hand) for key, (old, _) in whole.items()})
    items = {i.key: (i.before, i.after, i.hint) for c in plan.changes for i in c.items}
    kept = "to keep it, set openmeetings.data_dir"
    assert items["-DDATA_DIR"] == ("/srv/omdata", "/opt/omdata", kept)
    assert plan.rollout.disruption == "all"
    assert [s.nodes for s in plan.rollout.steps if STOP in s.actions] == [("om1", "om2", "om3")]
    first = {key: (old, by_hand if key[0] == "om2" else old) for key, (old, _) in whole.items()}
    alone = planned(data, first)
    assert [s.nodes for s in alone.rollout.steps if s.nodes == ("om2",)]
    assert alone.rollout.disruption == "rolling"
    # Once the block stands behind the line, it counts, and the line is only reported.
    both = {key: (old, by_hand + old) for key, (old, _) in whole.items()}
    assert planned(data, both).changes == ()
    behind = {key: (old, old + by_hand) for key, (old, _) in whole.items()}
    assert [i.before for c in planned(data, behind).changes for i in c.items] == ["/srv/omdata"] * 3


def test_what_a_spec_may_say() -> None:
    outside = {"server": {"host": "fs.example.org"}, "export": "/"}
    assert rules_of(spec_of(2, storage=outside)) == set()
    assert rules_of(spec_of(2, storage={"export": "/"})) == {"OM230"}
    data = spec_of(2, discovery={"kind": "tcp-ip"})
    for name, public in (("om1", "192.0.2.11"), ("om2", "192.0.2.12")):
        data["nodes"][name] |= {"address": "172.17.0.2", "public_address": public}
    assert rules_of(data) == set()
    cluster = cluster_of(data)
    assert [n.storage_address.value for n in cluster.nodes] == ["192.0.2.11", "192.0.2.12"]
    del data["nodes"]["om2"]["public_address"]
    data["nodes"]["om1"].pop("public_address")
    assert rules_of(data) == {"OM201"}


MANY = {
    HAZELCAST: ("  </member-attributes>", '<attribute name="a{n:02}">{n}</attribute>\n'),
    "persistence.xml": ("    </properties>", '<property name="openjpa.a{n:02}" value="{n}"/>\n'),
    "setenv.sh": (" '-Dopenjpa.serialization.class.blacklist=*'", " '-Da{n:02}={n}'\\\n"),
}
"""What stands in front of which line of a file, 50 times: differences that matter little."""


@pytest.mark.parametrize(
    ("end", "old", "new", "key"),
    [
        (HAZELCAST, "<cluster-name>conf", "<cluster-name>other", "cluster-name"),
        (HAZELCAST, "54327", "54999", "network/join/multicast/multicast-port"),
        (
            "persistence.xml",
            "10.1.1.250",
            "10.9.9.9",
            "properties/openjpa.ConnectionProperties/Url",
        ),
        ("setenv.sh", "-DDATA_DIR=/opt/omdata", "-DDATA_DIR=/srv/omdata", "-DDATA_DIR"),
        ("setenv.sh", "Etc/UTC", "Asia/Tokyo", "-Duser.timezone"),
    ],
)
def test_what_decides_is_shown_among_many_items(end: str, old: str, new: str, key: str) -> None:
    before, line = MANY[end]
    added = "".join(line.format(n=n) for n in range(50)) + before
    (change,) = planned(spec_of(2), {("om2", end): (before, added)}).changes
    assert change.effect
    assert change.effect.rolling
    om2 = compile_bundle(cluster_of(spec_of(2))).nodes[1]
    text = next(a.text for a in om2.artifacts if a.path.endswith(end))
    whole = text.replace(before, added, 1).replace(old, new)
    plan = planned(spec_of(2), {("om2", end): (text, whole)})
    for document in (view.of_plan(plan), json.loads(json.dumps(view.of_plan(plan)))):
        (drawn,) = document["changes"]
        assert len(drawn["items"]) > folding.MAX_ITEMS
        assert drawn["effect"]["rolling"] is False
        assert drawn["effect"]["decided_by"] == [key]
        items, left = folding.items(drawn)
        assert left
        assert key in [item["key"] for item in items]
        assert f"{key}: " in text_view.plan(document, text_view.Paint(colour=False))
        assert f"{key}: " in markdown.plan(document)
