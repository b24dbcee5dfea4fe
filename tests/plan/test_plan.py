"""What a plan says of a deployed tree that differs from the bundle in one known way."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.command import EXAMPLES, ROOT, omconf
from tests.plan.documents import NODE_RESTARTS, RECORDED, told

SPEC = EXAMPLES / "clustering-page" / "cluster.yaml"
CLASSES = "opt/om/webapps/openmeetings/WEB-INF/classes"
HAZELCAST = f"{CLASSES}/hazelcast.xml"
PERSISTENCE = f"{CLASSES}/META-INF/persistence.xml"
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "schemas/plan.schema.json").read_text())
)
SECRET = "not-a-real-password"


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    """The bundle laid out as deployed trees, with the secret filled in."""
    env = {"OM_DB_PASSWORD": SECRET}
    built = omconf("build", SPEC, "-o", tmp_path / "staged", "--reveal-secrets", env=env)
    assert built.code == 0, built.err
    for node in ("om1", "om2"):
        for folder in ("files", "blocks"):
            source = tmp_path / "staged" / node / folder
            if source.exists():
                shutil.copytree(source, tmp_path / "deployed" / node, dirs_exist_ok=True)
    return tmp_path / "deployed"


def plan(
    deployed: Path, *options: str, code: int = 0, secret: str | None = SECRET
) -> dict[str, Any]:
    env = {} if secret is None else {"OM_DB_PASSWORD": secret}
    result = omconf("plan", SPEC, "--deployed", deployed, "--json", *options, env=env)
    assert result.code == code, result.err + result.out
    assert result.err == ""
    document = json.loads(result.out)
    assert isinstance(document, dict)
    SCHEMA.validate(document)
    return document


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def only_change(document: dict[str, Any]) -> dict[str, Any]:
    assert len(document["changes"]) == 1, document["changes"]
    (change,) = document["changes"]
    assert isinstance(change, dict)
    return change


def only_item(document: dict[str, Any]) -> dict[str, Any]:
    change = only_change(document)
    assert len(change["items"]) == 1, change["items"]
    (item,) = change["items"]
    assert isinstance(item, dict)
    return item


def test_nothing_differs(deployed: Path) -> None:
    document = plan(deployed, "--detailed-exitcode")
    assert document["changes"] == []
    assert document["diagnostics"] == []
    assert document["has_changes"] is False
    assert document["complete"] is True
    assert document["source"] == {"kind": "directory", "nodes": ["om1", "om2"]}
    assert document["summary"]["disruption"] == "none"


ONE_ITEM = [
    (
        HAZELCAST,
        ">om1</instance-name>",
        ">server-1</instance-name>",
        "instance-name",
        "server-1",
        "om1",
    ),
    (HAZELCAST, "om1.example.org", "other.example.org", "member-attributes/server.url", None, None),
    (HAZELCAST, ">32<", ">31<", "network/join/multicast/multicast-time-to-live", "31", "32"),
    (HAZELCAST, ">10.1.1.1<", ">10.1.1.*<", "network/interfaces/interface", "10.1.1.*", "10.1.1.1"),
    (
        HAZELCAST,
        ">OBJECT<",
        ">BINARY<",
        "map[ONLINE_USERS_KEY]/near-cache/in-memory-format",
        "BINARY",
        "OBJECT",
    ),
    (
        HAZELCAST,
        '"NONE"',
        '"LRU"',
        "map[ONLINE_USERS_KEY]/near-cache/eviction/eviction-policy",
        "LRU",
        "NONE",
    ),
    (HAZELCAST, ">slf4j<", ">log4j2<", "properties/hazelcast.logging.type", "log4j2", "slf4j"),
    (
        PERSISTENCE,
        "maxIdle=100",
        "maxIdle=10",
        "properties/openjpa.ConnectionProperties/maxIdle",
        "10",
        "100",
    ),
    (
        PERSISTENCE,
        'Cache" value="true"',
        'Cache" value="false"',
        "properties/openjpa.DataCache",
        "false",
        "true",
    ),
    ("etc/exports", "rw,", "ro,", "/opt/omdata 10.1.1.2", None, None),
]


@pytest.mark.parametrize(
    ("path", "old", "new", "key", "before", "after"), ONE_ITEM, ids=[c[3] for c in ONE_ITEM]
)
def test_one_changed_value_is_one_item(
    deployed: Path, path: str, old: str, new: str, key: str, before: str | None, after: str | None
) -> None:
    edit(deployed / "om1" / path, old, new)
    item = only_item(plan(deployed, "--detailed-exitcode", code=2))
    assert (item["key"], item["action"]) == (key, "update")
    if before:
        assert (item["before"], item["after"]) == (before, after)


SAME_MEANING = [
    (HAZELCAST, "  <cluster-name>", "\t\t<cluster-name>"),
    (HAZELCAST, ">conference</cluster-name>", ">\n conference\n</cluster-name>"),
    (HAZELCAST, "<properties>", "<!-- ours --><properties>"),
    (HAZELCAST, '<tcp-ip enabled="false"/>', '<aws enabled="false"/>'),
    (
        PERSISTENCE,
        'xmlns="https://jakarta.ee/xml/ns/persistence" version="3.0"',
        'version="3.0" xmlns="https://jakarta.ee/xml/ns/persistence"',
    ),
    (PERSISTENCE, "maxIdle=100,\n", "maxIdle = 100 ,"),
    (PERSISTENCE, "TestOnBorrow", "testOnBorrow"),
    ("etc/exports", "rw,sync", "sync,rw"),
    ("etc/exports", "/opt/omdata 10", "/opt/omdata\t10"),
]


@pytest.mark.parametrize(("path", "old", "new"), SAME_MEANING, ids=range(len(SAME_MEANING)))
def test_the_same_meaning_is_a_reformat(deployed: Path, path: str, old: str, new: str) -> None:
    edit(deployed / "om1" / path, old, new)
    document = plan(deployed, "--detailed-exitcode")
    change = only_change(document)
    assert (change["action"], change["items"]) == ("reformat", [])
    assert document["has_changes"] is False
    assert plan(deployed, "--detailed-exitcode", "--strict-format", code=2)["has_changes"] is True


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Url", "URL"),
        ("Username", "userName"),
        ("Username", "USERNAME"),
        ("Password", "PASSWORD"),
        ("TestOnBorrow", "TESTONBORROW"),
        ("DriverClassName", "driverclassname"),
    ],
)
def test_a_name_that_the_pool_does_not_know_is_a_change(deployed: Path, old: str, new: str) -> None:
    edit(deployed / "om1" / PERSISTENCE, f"{old}=", f"{new}=")
    items = only_change(plan(deployed))["items"]
    key = "properties/openjpa.ConnectionProperties/"
    acts = {item["key"]: item["action"] for item in items}
    assert (acts[f"{key}{old}"], acts[f"{key}{new}"]) == ("create", "delete")
    assert SECRET not in json.dumps(items)
    hints = {item.get("hint") for item in items if item["key"] != f"{key}TESTONBORROW"}
    assert "to keep it, set database.pool" not in hints


def test_elements_in_another_order_are_a_reformat(deployed: Path) -> None:
    path = deployed / "om1" / HAZELCAST
    text = path.read_text()
    names = re.search(r"  <cluster-name>.*\n  <instance-name>.*\n", text)
    assert names
    first, second = names[0].splitlines(keepends=True)
    path.write_text(text.replace(first + second, second + first))
    assert only_change(plan(deployed))["action"] == "reformat"


def test_a_missing_node_folder_means_nothing_is_deployed(deployed: Path) -> None:
    shutil.rmtree(deployed / "om2")
    document = plan(deployed, "--detailed-exitcode", code=2)
    assert {(c["node"], c["action"]) for c in document["changes"]} == {("om2", "create")}
    assert len(document["changes"]) == 9
    assert document["summary"]["nodes_changed"] == 1


def test_an_unknown_element_is_a_delete_with_a_hint(deployed: Path) -> None:
    edit(
        deployed / "om1" / HAZELCAST,
        "<network>",
        '<executor-service name="x"><pool-size>4</pool-size></executor-service><network>',
    )
    item = only_item(plan(deployed))
    assert item["key"] == "executor-service[x]/pool-size"
    assert (item["action"], item["before"]) == ("delete", "4")
    assert "hazelcast.extra" in item["hint"]


def test_the_deployed_secret_is_only_equal_or_different(deployed: Path) -> None:
    document = plan(deployed, secret="an0ther-s3cret", code=0)
    change, other = document["changes"]
    assert (
        change["items"]
        == other["items"]
        == [
            {
                "key": "properties/openjpa.ConnectionProperties/Password",
                "action": "update",
                "secret": "different",
            }
        ]
    )
    text = omconf("plan", SPEC, "--deployed", deployed, env={"OM_DB_PASSWORD": "an0ther-s3cret"})
    assert "(sensitive value) -> (sensitive value) (different)" in text.out
    for shown in (text.out, text.err, json.dumps(document)):
        assert "an0ther" not in shown
        assert SECRET not in shown


def test_a_secret_that_cannot_be_read_is_no_change(deployed: Path) -> None:
    document = plan(deployed, secret=None)
    assert document["changes"] == []
    (found,) = document["diagnostics"]
    assert (found["rule"], found["severity"]) == ("OM322", "warning")
    assert "OM_DB_PASSWORD" in found["message"]
    plan(deployed, "--require-secrets", secret=None, code=1)


def test_a_deployed_secret_of_unknown_name_is_never_shown(deployed: Path) -> None:
    edit(
        deployed / "om1" / PERSISTENCE,
        "<properties>",
        '<properties><property name="jakarta.persistence.jdbc.password" value="h1dden"/>'
        '<property name="x.url" value="jdbc:postgresql://h/d?user=a&amp;password=h1dden"/>',
    )
    document = plan(deployed)
    items = {item["key"]: item for item in only_change(document)["items"]}
    assert items["properties/jakarta.persistence.jdbc.password"]["secret"] == "different"
    assert items["properties/x.url/password"]["secret"] == "different"
    assert "h1dden" not in json.dumps(document)


HIDDEN = [
    (PERSISTENCE, '<property name="a,Username=x,Password=h1dden" value="y"/>'),
    (
        PERSISTENCE,
        '<property name="openjpa.Connection" value="Url=x, Username=y, Pass}word=h1dden"/>',
    ),
    (PERSISTENCE, '<property name="openjpa.Connection2Properties" value="A=x,Password=h1dden"/>'),
    (PERSISTENCE, '<property name="x.url" value="jdbc:mariadb://h/d?password=h1dden"/>'),
    (PERSISTENCE, '<property name="x.url" value="jdbc:oracle:thin:scott/h1dden@h:1:s"/>'),
    (PERSISTENCE, '<property name="x.url" value="jdbc:postgresql://u:h1dden@h/d"/>'),
    (PERSISTENCE, '<property name="x.pool" value="Username=x, Password=h1dden"/>'),
    (PERSISTENCE, '<property name="db.password/x" value="h1dden"/>'),
    (HAZELCAST, '<property name="hazelcast.token">h1dden</property>'),
]


@pytest.mark.parametrize(("path", "line"), HIDDEN, ids=range(len(HIDDEN)))
def test_secrets_inside_values_are_masked(deployed: Path, path: str, line: str) -> None:
    edit(deployed / "om1" / path, "</properties>", f"{line}</properties>")
    (item, *_) = only_change(plan(deployed))["items"]
    assert item["action"] == "delete"
    for option in ("--json", "--no-color"):
        shown = omconf("plan", SPEC, "--deployed", deployed, option)
        assert "h1dden" not in shown.out + shown.err


def test_the_rest_of_a_password_with_a_comma_is_hidden_too(deployed: Path) -> None:
    edit(deployed / "om1" / PERSISTENCE, f"Password={SECRET}", "Password=a,h1dden,b=h1dden")
    edit(deployed / "om1" / PERSISTENCE, "Username=openmeetings,", "")
    edit(deployed / "om1" / PERSISTENCE, "b=h1dden", "b=h1dden, Username=openmeetings")
    document = plan(deployed)
    items = only_change(document)["items"]
    said = {(i["key"].rpartition("/")[2], i["action"], i["secret"]) for i in items}
    assert said == {
        ("Password", "update", "different"),
        ("(sensitive value)", "delete", "different"),
    }
    assert "h1dden" not in json.dumps(document)


@pytest.mark.parametrize(("wanted", "state"), [("a", "equal"), ("a,h1dden", "different")])
def test_a_password_without_quotes_ends_at_its_comma(
    deployed: Path, wanted: str, state: str
) -> None:
    edit(deployed / "om1" / PERSISTENCE, f"Password={SECRET}", "Password=a,h1dden")
    env = {"OM_DB_PASSWORD": wanted}
    document = json.loads(omconf("plan", SPEC, "--deployed", deployed, "--json", env=env).out)
    (change,) = [c for c in document["changes"] if c["node"] == "om1" and c["items"]]
    assert change["action"] == "update"
    (check,) = [s for s in document["secrets"] if s["node"] == "om1"]
    assert check["secret"] == state


@pytest.mark.parametrize("broken", ["Username=openmed=h1dden", "Username=x, Pass=word=h1dden"])
def test_pairs_that_ran_together_are_hidden(deployed: Path, broken: str) -> None:
    edit(deployed / "om1" / PERSISTENCE, "Username=openmeetings", broken)
    edit(deployed / "om1" / PERSISTENCE, f"Password={SECRET}", "x=1")
    document = plan(deployed)
    assert only_change(document)["items"]
    assert "h1dden" not in json.dumps(document)


def test_an_option_named_like_a_secret_is_compared_unseen(deployed: Path, tmp_path: Path) -> None:
    spec = tmp_path / "cluster.yaml"
    text = SPEC.read_text().replace("  user: openm", "  options: {loginTimeout: 3}\n  user: openm")
    spec.write_text(text)
    out = omconf("plan", spec, "--deployed", deployed, env={"OM_DB_PASSWORD": SECRET}).out
    assert "+ properties/openjpa.ConnectionProperties/Url/loginTimeout: 3" in out


def test_check_never_shows_a_secret_that_stands_in_the_bundle(tmp_path: Path) -> None:
    env = {"OM_DB_PASSWORD": "h1dden"}
    assert omconf("build", SPEC, "-o", tmp_path / "s", "--reveal-secrets", env=env).code == 0
    checked = omconf("build", SPEC, "-o", tmp_path / "s", "--check")
    assert checked.code == 2
    assert "h1dden" not in checked.out + checked.err
    assert "persistence.xml: different (it holds secrets)" in checked.out


def test_another_node_with_tcp_ip_needs_no_restart_of_the_others(deployed: Path) -> None:
    spec = EXAMPLES / "three-nodes-tcp-ip" / "cluster.yaml"
    trees = deployed.parent / "trees"
    for node in ("web1", "web2", "web3"):
        shutil.copytree(spec.parent / "bundles" / node / "files", trees / node)
        blocks = spec.parent / "bundles" / node / "blocks"
        shutil.copytree(blocks, trees / node, dirs_exist_ok=True)
    path = trees / "web1/srv/openmeetings/webapps/openmeetings/WEB-INF/classes/hazelcast.xml"
    edit(path, "          <member>192.168.7.13:5710</member>\n", "")
    document = json.loads(omconf("plan", spec, "--deployed", trees, "--json").out)
    change = only_change(document)
    assert change["items"][0]["key"] == (
        "network/join/tcp-ip/member-list/member[192.168.7.13:5710]"
    )
    assert change["effect"]["action"] == "next-restart"
    assert document["summary"]["disruption"] == "none"
    manifest = "write /etc/omconf/webinars/manifest.json"
    assert told(document) == [(["web1"], [f"write {change['path']}", manifest])]
    text = path.read_text()
    start, end = text.index("<member-list>"), text.index("</member-list>")
    members = "192.168.7.11:5710, 192.168.7.12:5710,192.168.7.13:5710"
    path.write_text(text[:start] + f"<members>{members}</members>" + text[end + 14 :])
    document = json.loads(omconf("plan", spec, "--deployed", trees, "--json").out)
    assert only_change(document)["action"] == "reformat"


def test_files_at_a_place_that_is_no_longer_used_are_deleted(
    deployed: Path, tmp_path: Path
) -> None:
    manifest = deployed / "om1/etc/omconf/conference/manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(tmp_path / "staged/om1/manifest.json", manifest)
    spec = tmp_path / "cluster.yaml"
    spec.write_text(SPEC.read_text().replace('"9.1.0"', '"9.1.0"\n  home: /srv/om'))
    env = {"OM_DB_PASSWORD": SECRET}
    document = json.loads(omconf("plan", spec, "--deployed", deployed, "--json", env=env).out)
    actions = {(c["node"], c["path"]): c["action"] for c in document["changes"]}
    assert actions["om1", f"/{HAZELCAST}"] == "delete"
    assert actions["om1", f"/{PERSISTENCE}"] == "delete"
    assert ("om2", f"/{HAZELCAST}") not in actions


def test_a_mount_that_changes_needs_openmeetings_stopped(deployed: Path) -> None:
    edit(deployed / "om2/etc/fstab", "timeo=50", "timeo=70")
    document = plan(deployed)
    assert document["summary"]["disruption"] == "rolling"
    assert told(document) == [
        (
            ["om2"],
            [
                "systemctl stop openmeetings.service",
                "umount /opt/omdata",
                "write /etc/fstab",
                "systemctl daemon-reload",
                "mount /opt/omdata",
                "findmnt /opt/omdata",
                "systemctl start openmeetings.service",
                "wait until healthy, at most 300 seconds",
            ],
        ),
        (["om2"], RECORDED),
    ]


def test_another_data_server_cannot_roll(deployed: Path) -> None:
    edit(deployed / "om2/etc/fstab", "10.1.1.1:", "10.1.1.9:")
    document = plan(deployed)
    assert only_change(document)["effect"]["rolling"] is False
    # The other node uses the right folder already, and runs on: om2 alone changes to it.
    assert document["summary"]["disruption"] == "rolling"
    *_, (nodes, actions), last = told(document)
    assert nodes == ["om2"]
    places = [actions.index(action) for action in ("umount /opt/omdata", "mount /opt/omdata")]
    assert actions[0] == "systemctl stop openmeetings.service"
    assert places == sorted(places)
    assert actions[-2] == "systemctl start openmeetings.service"
    assert last == (["om2"], RECORDED)


def test_the_version_that_a_header_names_is_no_change(deployed: Path) -> None:
    """Members with headers of 4.0 and 5.5 formed one cluster (measured): the jar decides."""
    edit(deployed / "om1" / HAZELCAST, "config-5.5", "config-4.0")
    document = plan(deployed)
    assert only_change(document)["action"] == "reformat"
    assert (document["has_changes"], document["diagnostics"]) == (False, [])


def test_hand_made_lines_are_taken_over(deployed: Path) -> None:
    (deployed / "om1/etc/exports").write_text(
        "# mine\n/srv 10.9.0.0/16(ro)\n/opt/omdata\t10.1.1.2(sync,rw,no_subtree_check,root_squash)\n"
    )
    (deployed / "om2/etc/fstab").write_text(
        "10.1.1.1:/opt/omdata/ /opt/omdata nfs hard,timeo=70 0 0\n"
    )
    document = plan(deployed)
    exports, fstab = document["changes"]
    assert (exports["action"], exports["items"]) == ("reformat", [])
    assert exports["notes"] == ["/opt/omdata 10.1.1.2 is adopted from line 3"]
    assert fstab["action"] == "update"
    assert fstab["notes"] == ["/opt/omdata is adopted from line 1"]
    (item,) = fstab["items"]
    assert item["before"] == "10.1.1.1:/opt/omdata nfs hard,timeo=70 0 0"
    assert item["after"] == "10.1.1.1:/opt/omdata nfs _netdev,hard,timeo=50 0 0"


def test_the_block_of_another_cluster_is_left_alone(deployed: Path) -> None:
    path = deployed / "om1/etc/exports"
    path.write_text(
        "# BEGIN omconf: other\n/data 10.7.0.1(rw)\n# END omconf: other\n" + path.read_text()
    )
    assert plan(deployed)["changes"] == []


def test_a_block_that_is_no_longer_ours_to_have_is_deleted(deployed: Path) -> None:
    shutil.copy(deployed / "om1/etc/exports", deployed / "om2/etc/exports")
    document = plan(deployed)
    change = only_change(document)
    assert (change["node"], change["action"]) == ("om2", "delete")
    assert change["items"][0]["action"] == "delete"
    assert document["summary"]["delete"] == 1


def test_only_what_the_nodes_manifest_lists_is_deleted(deployed: Path, tmp_path: Path) -> None:
    spec = tmp_path / "cluster.yaml"
    spec.write_text(SPEC.read_text() + "network: {multicast_route: false}\n")
    env = {"OM_DB_PASSWORD": SECRET}
    planned = omconf("plan", spec, "--deployed", deployed, "--json", env=env)
    assert json.loads(planned.out)["summary"]["delete"] == 0
    manifest = deployed / "om1/etc/omconf/conference/manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(tmp_path / "staged/om1/manifest.json", manifest)
    document = json.loads(omconf("plan", spec, "--deployed", deployed, "--json", env=env).out)
    deleted = [c for c in document["changes"] if c["action"] == "delete"]
    assert {(c["node"], c["path"]) for c in deleted} == {
        ("om1", "/usr/local/sbin/omconf-multicast-route"),
        ("om1", "/etc/systemd/system/omconf-multicast-route.service"),
    }


def test_scripts_are_compared_by_line(deployed: Path) -> None:
    path = deployed / "om1/usr/local/sbin/omconf-multicast-route"
    edit(path, "address=10.1.1.1", "address=10.1.1.7")
    item = only_item(plan(deployed))
    assert item == {
        "key": "5",
        "action": "update",
        "before": "address=10.1.1.7",
        "after": "address=10.1.1.1",
    }


def test_other_line_ends_are_one_item(deployed: Path) -> None:
    path = deployed / "om1/usr/local/sbin/omconf-multicast-route"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    item = only_item(plan(deployed))
    assert (item["before"], item["after"]) == ("lines end in CR LF", "lines end in LF")


def test_only_the_named_node(deployed: Path) -> None:
    for node in ("om1", "om2"):
        edit(deployed / node / HAZELCAST, ">32<", ">31<")
    document = plan(deployed, "--node", "om2")
    assert [c["node"] for c in document["changes"]] == ["om2"]
    assert document["summary"]["nodes"] == 1
    unknown = plan(deployed, "--node", "om7", code=1)
    assert unknown["diagnostics"][0]["rule"] == "OM303"


EFFECTS = [
    (HAZELCAST, "om1.example", "www.example", "restart", True),
    (HAZELCAST, ">224.2.2.3<", ">224.2.2.4<", "restart", False),
    (HAZELCAST, ">conference</cluster-name>", ">other</cluster-name>", "restart", False),
    (PERSISTENCE, "10.1.1.10:5432", "10.1.1.11:5432", "restart", False),
    (PERSISTENCE, "maxIdle=100", "maxIdle=99", "restart", True),
    ("etc/exports", "rw,", "ro,", "exportfs", True),
    ("usr/local/sbin/omconf-multicast-route", "set -eu", "set -e", "route", True),
]


@pytest.mark.parametrize(
    ("path", "old", "new", "action", "rolling"), EFFECTS, ids=range(len(EFFECTS))
)
def test_effects(deployed: Path, path: str, old: str, new: str, action: str, rolling: bool) -> None:
    edit(deployed / "om1" / path, old, new)
    document = plan(deployed)
    effect = only_change(document)["effect"]
    assert (effect["action"], effect["rolling"]) == (action, rolling)
    steps = told(document)
    asked = {
        node for nodes, actions in steps for node in nodes if "administrator" not in actions[0]
    }
    assert asked == {"om1"}, "om2 runs on"
    assert steps[-1] == (["om1"], RECORDED)
    restarts = [a for _, actions in steps for a in actions if a in NODE_RESTARTS]
    assert restarts == (NODE_RESTARTS if action == "restart" else [])
    assert document["summary"]["disruption"] == ("rolling" if restarts else "none")
    (written,) = [actions for _, actions in steps if actions[0] == f"write /{path}"]
    if action == "restart":
        assert written == [f"write /{path}", *NODE_RESTARTS]


BROKEN = [
    (HAZELCAST, "</hazelcast>", "", "OM301", False),
    (HAZELCAST, "<hazelcast", '<!DOCTYPE x [<!ENTITY a "b">]><hazelcast', "OM301", False),
    (HAZELCAST, ">32<", ">999<", "OM301", True),
    (HAZELCAST, '<tcp-ip enabled="false"/>', '<tcp-ip enabled="true"/>', "OM301", True),
    (HAZELCAST, ">10.1.1.1<", ">10.1.1.0/24<", "OM301", True),
    (HAZELCAST, "omconf: conference.", "omconf: other-one.", "OM321", False),
    (PERSISTENCE, "https://jakarta.ee/xml/ns/persistence", "urn:x", "OM301", False),
    ("etc/exports", "10.1.1.2(rw", "10.1.1.2 (rw", "OM310", True),
    ("etc/exports", "root_squash)", "root_squash", "OM301", True),
    ("etc/exports", "# END omconf: conference\n", "", "OM312", False),
]


@pytest.mark.parametrize(("path", "old", "new", "rule", "complete"), BROKEN, ids=range(len(BROKEN)))
def test_broken_files_are_findings_and_the_rest_is_planned(
    deployed: Path, path: str, old: str, new: str, rule: str, complete: bool
) -> None:
    edit(deployed / "om1" / path, old, new)
    edit(deployed / "om2" / HAZELCAST, ">32<", ">31<")
    document = plan(deployed, "--detailed-exitcode", code=1)
    found = [d for d in document["diagnostics"] if d["severity"] == "error"]
    assert {d["rule"] for d in found} == {rule}
    assert all((d["node"], d["path"]) == ("om1", f"/{path}") for d in found)
    assert all(d["line"] > 0 for d in found)
    assert document["complete"] is complete
    assert any(c["node"] == "om2" for c in document["changes"])


def test_the_space_before_the_bracket_is_mended_by_the_plan(deployed: Path) -> None:
    (deployed / "om1/etc/exports").write_text(
        "/opt/omdata 10.1.1.2 (rw,sync,no_subtree_check,root_squash)\n"
    )
    document = plan(deployed, code=1)
    assert [d["rule"] for d in document["diagnostics"]] == ["OM310"]
    items = {i["key"]: i["action"] for i in only_change(document)["items"]}
    assert items == {"/opt/omdata *": "delete", "/opt/omdata 10.1.1.2": "update"}


def test_the_same_entry_inside_and_outside(deployed: Path) -> None:
    path = deployed / "om1/etc/exports"
    path.write_text(path.read_text() + "/opt/omdata 10.1.1.2(rw)\n")
    document = plan(deployed, code=1)
    assert [d["rule"] for d in document["diagnostics"]] == ["OM311"]
    assert document["diagnostics"][0]["line"] == 4


def _link(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to("real")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _loop(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.symlink_to(path.parent.name)


@pytest.mark.parametrize("spoil", [_link, _pipe, _folder, _loop])
def test_what_is_no_file_is_not_read(deployed: Path, spoil: Any) -> None:
    spoil(deployed / "om1" / HAZELCAST)
    document = plan(deployed, code=1)
    found = [d for d in document["diagnostics"] if d["path"] == f"/{HAZELCAST}"]
    assert [d["rule"] for d in found] == ["OM316"]
    assert document["complete"] is False


@pytest.mark.parametrize("folder", ["lib", "etc/samba", "etc/exports.d"])
def test_a_link_that_leads_nowhere_is_no_matter_where_nothing_is_to_be(
    deployed: Path, folder: str
) -> None:
    """A copy of a part of a node often has `lib -> usr/lib` without the latter."""
    before = plan(deployed)
    (deployed / "om1" / folder).symlink_to("/nowhere")
    assert plan(deployed) == before


def test_links_inside_the_tree_are_followed_as_on_the_node(deployed: Path) -> None:
    (deployed / "om1/opt/om").rename(deployed / "om1/opt/om-9.1")
    (deployed / "om1/opt/om").symlink_to("/opt/om-9.1")
    assert plan(deployed)["changes"] == []


def test_a_link_above_the_root_ends_at_the_root(deployed: Path) -> None:
    """As on the node, where `/..` is `/`."""
    (deployed / "om1/opt/om").rename(deployed / "om1/om-9.1")
    (deployed / "om1/opt/om").symlink_to("../../../../om-9.1")
    (deployed / "om-9.1").mkdir()
    assert plan(deployed)["changes"] == []


def test_without_a_source_or_a_directory(deployed: Path, tmp_path: Path) -> None:
    nothing = omconf("plan", SPEC)
    assert nothing.code == 1
    for option in ("--deployed", "--local", "--ssh", "--git"):
        assert option in nothing.err
    missing = omconf("plan", SPEC, "--deployed", tmp_path / "nowhere")
    assert missing.code == 1
    assert "OM302" in missing.err


def test_json_is_complete_when_the_spec_is_wrong(tmp_path: Path) -> None:
    spec = tmp_path / "cluster.yaml"
    spec.write_text("omconf: 1\n")
    result = omconf("plan", spec, "--deployed", tmp_path, "--json")
    document = json.loads(result.out)
    assert result.code == 1
    assert result.err == ""
    SCHEMA.validate(document)
    assert document["complete"] is False
    assert {d["rule"] for d in document["diagnostics"]} == {"OM104"}


def test_the_schema_of_plans_refuses_what_no_plan_is() -> None:
    SCHEMA.check_schema(SCHEMA.schema)
    document = json.loads((EXAMPLES / "clustering-page/plan.json").read_text())
    SCHEMA.validate(document)
    item = {"key": "x", "action": "update", "secret": "different"}
    for wrong in (
        {"format_version": "1.0"},
        {"format_version": "2.1"},
        {"extra": 1},
        {"has_changes": "yes"},
        {"changes": [{**document["changes"][0], "action": "no-op"}]},
        {"changes": [{**document["changes"][0], "items": [{**item, "before": "shown"}]}]},
        {"rollout": [{**document["rollout"][0], "step": 0}]},
        {"rollout": [{**document["rollout"][0], "run": []}]},
    ):
        assert not SCHEMA.is_valid({**document, **wrong})
    for key in document.keys() - {"secrets", "topology"}:  # plans that were saved before have none
        assert not SCHEMA.is_valid({k: v for k, v in document.items() if k != key})


def test_the_text_shows_nothing_that_is_not_in_the_document() -> None:
    """Every word of plan.txt's plan comes from plan.json, but for the frame that text.py draws."""
    for case in (EXAMPLES / "clustering-page", ROOT / "tests/cases/broken-files"):
        document = json.loads((case / "plan.json").read_text())
        from omconf.views import text as text_view

        paint = text_view.Paint(colour=False)
        drawn = text_view.diagnostics(document["diagnostics"], paint) + text_view.plan(
            document, paint
        )
        assert drawn == (case / "plan.txt").read_text()


def test_with_multicast_a_new_node_changes_only_the_exports(deployed: Path, tmp_path: Path) -> None:
    spec = tmp_path / "cluster.yaml"
    more = '  om3: {address: 10.1.1.3, url: "https://om3.example.org:5443/openmeetings"}\n'
    spec.write_text(SPEC.read_text() + more)
    env = {"OM_DB_PASSWORD": SECRET}
    document = json.loads(omconf("plan", spec, "--deployed", deployed, "--json", env=env).out)
    others = [(c["node"], c["path"]) for c in document["changes"] if c["node"] != "om3"]
    assert others == [("om1", "/etc/exports")]
