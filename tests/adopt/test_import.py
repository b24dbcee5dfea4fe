"""`omconf import` of clusters that were set up by hand."""

from __future__ import annotations

import errno
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from omconf.adopt import hosts_files, reasons
from omconf.adopt.model import Seen
from omconf.adopt.sources import Trees
from omconf.files import write
from omconf.pipeline.adopt import Asked, adopt
from omconf.releases import RELEASES
from tests.adopt.trees import HAZELCAST, PERSISTENCE, by_hand, edit, imported, put
from tests.clusters import DATABASES
from tests.command import omconf

SETENV = "opt/open/bin/setenv.sh"


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("database", DATABASES)
def test_stock_files_edited_as_the_page_says(tmp_path: Path, release: str, database: str) -> None:
    by_hand(tmp_path, release, database, 2)
    done, found = imported(tmp_path)
    assert found["differences"] == []
    assert found["drift"] == []
    assert done.code == 0, found["diagnostics"]
    assert found["plan"]["delete"] == 0
    assert found["plan"]["disruption"] != "all"
    assert f"pa55-{database}" not in done.out + done.err


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


def test_nothing_is_overwritten(trees: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("mine")
    done = omconf("import", "--deployed", trees, "-o", tmp_path / "mine.yaml")
    assert done.code == 1
    assert "OM111" in done.err
    assert (tmp_path / "mine.yaml").read_text() == "mine"


def test_each_value_says_where_it_is_from(trees: Path) -> None:
    done = omconf("import", "--deployed", trees)
    assert done.code == 0, done.err
    assert "group: 224.0.0.0                      # om1: hazelcast.xml:23" in done.out
    assert "server: om1                           # om2: /etc/fstab:1" in done.out


def test_an_outlier_is_named_with_both_places(trees: Path) -> None:
    edit(trees / "om2", PERSISTENCE, r"\t*<property name=\"openjpa.Remote[^\n]*\n", "")
    done, found = imported(trees)
    assert done.code == 2
    (one,) = found["drift"]
    key = "properties/openjpa.RemoteCommitProvider"
    assert (one["node"], one["path"], one["key"]) == ("om2", f"/{PERSISTENCE}", key)
    lines = (trees / "om1" / PERSISTENCE).read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if "openjpa.Remote" in line]
    assert one["hint"] == f"For the value of om1 and om3, see om1: persistence.xml:{number}."
    assert [d["reason"] for d in found["differences"]] == [reasons.ALONE]


def test_of_two_the_first_by_name_is_right(tmp_path: Path) -> None:
    by_hand(tmp_path, nodes=2)
    edit(tmp_path / "om1", HAZELCAST, "54327", "54329")
    _, found = imported(tmp_path)
    assert yaml.safe_load(found["spec"])["discovery"]["port"] == 54329
    assert [d["node"] for d in found["drift"]] == ["om2"]


def test_another_password_is_an_outlier_without_a_value(trees: Path) -> None:
    edit(trees / "om3", PERSISTENCE, "pa55-postgresql", "an0ther-s3cret")
    done, found = imported(trees)
    assert done.code == 2
    assert [d["node"] for d in found["drift"]] == ["om3"]
    assert "s3cret" not in done.out + done.err
    assert "pa55" not in done.out + done.err


@pytest.mark.parametrize(
    ("value", "state"), [("pa55-postgresql", "equal"), ("x", "different"), (None, "unknown")]
)
def test_secrets_are_compared(trees: Path, value: str | None, state: str) -> None:
    env = {"OM_DB_PASSWORD": value} if value else {}
    _, found = imported(trees, env=env)
    assert [s["state"] for s in found["secrets"]] == [state]
    differ = [(d["node"], d["secret"]) for d in found["differences"]]
    assert differ == [(node, state) for node in ("om1", "om2", "om3") if state == "different"]


LISTED = """<multicast enabled="false"/><tcp-ip enabled="true"><member-list>
<member>om1.example.org</member>
<member>om2</member>
<member>10.1.1.3</member>
</member-list></tcp-ip>"""


@pytest.mark.parametrize("node", ["om1", "om2"])
def test_a_member_list_that_misses_a_node(trees: Path, node: str) -> None:
    for each in ("om1", "om2", "om3"):
        edit(trees / each, HAZELCAST, r"(?s)<multicast enabled.*</multicast>", LISTED)
    edit(trees / node, HAZELCAST, "10.1.1.3<", "10.1.1.33<")
    _, found = imported(trees)
    assert {d["node"] for d in found["drift"]} == {node}
    listed = "network/join/tcp-ip/member-list/member[{}]".format
    wrong, lacks = sorted(found["drift"], key=lambda d: str(d["message"]))
    assert (wrong["key"], lacks["key"]) == (listed("10.1.1.33"), listed("10.1.1.3"))
    assert {d["reason"] for d in found["differences"]} == {reasons.ALONE}
    plain = omconf("import", "--deployed", trees)
    assert plain.err.count(reasons.ALONE) == 1


HOSTS = "etc/hosts"
NAMED = """<multicast enabled="false"/><tcp-ip enabled="true">
<member-list><member>{}</member><member>{}</member><member>{}</member></member-list></tcp-ip>"""


def name_members(trees: Path, *listed: str, on: tuple[str, ...] = ("om1", "om2", "om3")) -> None:
    """Have nodes list these as members."""
    for node in on:
        pattern = r"(?s)<multicast enabled.*</(multicast|tcp-ip)>"
        edit(trees / node, HAZELCAST, pattern, NAMED.format(*listed))


def members_of(text: str) -> list[str | None]:
    """What a spec has the member list call its nodes."""
    spec = yaml.safe_load(text)
    usual = spec.get("node_defaults", {}).get("member", "")
    return [
        own.get("member", usual.replace("{name}", name)) or None
        for name, own in spec["nodes"].items()
    ]


def _url(name: str) -> tuple[str, str, str]:
    return HAZELCAST, r"https://om(\d)\.example\.org", rf"https://{name}"


WAYS = {
    "/etc/hosts": (("om1.example.org", "om2.example.org", "om3.example.org"), None),
    "first label": (("om1", "OM2", "om3"), ("etc/hostname", r"(om\d)", r"\1.example.org")),
    "whole name": (("om1.x.org", "om2.x.org", "om3.x.org"), ("etc/hostname", "(om.)", r"\1.x.org")),
    "url": (("a1.x.org", "a2.x.org", "a3.x.org"), _url(r"a\1.x.org")),
    "127.0.1.1": (("om1.d", "om2.d", "om3.d"), (HOSTS, r"\A", "127.0.1.1 {node}.d {node}\n")),
    "mixed": (("om1", "10.1.1.2", "om3.example.org"), None),
}


@pytest.mark.parametrize("way", WAYS)
def test_names_in_a_member_list_are_kept(trees: Path, way: str) -> None:
    listed, change = WAYS[way]
    name_members(trees, *listed)
    for node in ("om1", "om2", "om3") if change else ():
        path, pattern, text = change or ("", "", "")
        if way != "127.0.1.1":
            (trees / node / HOSTS).write_text("")
        edit(trees / node, path, pattern, text.format(node=node))
        network = f"auto eth0\niface eth0 inet static\n  address 10.1.1.{node[2]}\n"
        put(trees / node, "etc/network/interfaces", network)
    done, found = imported(trees)
    assert done.code == 0, (found["differences"], found["diagnostics"])
    assert members_of(found["spec"]) == [None if name == "10.1.1.2" else name for name in listed]


def test_a_pattern_of_names_goes_to_the_defaults(trees: Path) -> None:
    name_members(trees, "om1.example.org:5701", "om2.example.org:5701", "om3.example.org:5701")
    for node in ("om1", "om2", "om3"):
        edit(trees / node, HAZELCAST, "<join>", '<port auto-increment="false">5701</port><join>')
    done, found = imported(trees)
    assert done.code == 0, found["differences"]
    assert yaml.safe_load(found["spec"])["node_defaults"]["member"] == "{name}.example.org"


def test_most_nodes_decide_what_a_member_is_called(trees: Path) -> None:
    name_members(trees, "om1", "om2", "om3")
    name_members(trees, "om1", "10.1.1.2", "om3", on=("om3",))
    done, found = imported(trees)
    assert members_of(found["spec"]) == ["om1", "om2", "om3"]
    (alone,) = found["drift"]
    assert alone["message"] == "om3 alone has om2 in its member list as 10.1.1.2, not om2."
    assert [(d["node"], d["reason"]) for d in found["differences"]] == [("om3", reasons.ALONE)] * 2
    assert done.code == 2


def test_a_name_that_is_no_node_s_stays_reported(trees: Path) -> None:
    name_members(trees, "om1", "om2", "conference")
    for node in ("om1", "om2", "om3"):  # a name that all of them claim is nobody's
        edit(trees / node, HOSTS, r"\A", f"127.0.1.1 {node} conference\n")
    done, found = imported(trees)
    assert done.code == 2
    assert members_of(found["spec"]) == ["om1", "om2", None]
    reason = "omconf lists each node once, by its `member` or its address, and nothing else"
    assert {d["reason"] for d in found["differences"]} == {reason}


def test_names_that_hazelcast_passes_over_are_left_out(trees: Path) -> None:
    name_members(trees, "om1", "10.1.1.2", "om3")
    for node in ("om1", "om2", "om3"):
        edit(trees / node, HAZELCAST, r"10\.1\.1\.\*", f"10.1.1.{node[2]}")
    done, found = imported(trees)
    assert done.code == 2
    assert members_of(found["spec"]) == [None, None, None]
    assert [(d["rule"], d["node"], d["message"].split("`")[1]) for d in found["diagnostics"]] == [
        ("OM352", "om1", "om1"),
        ("OM352", "om3", "om3"),
    ]


def test_names_of_a_list_that_most_nodes_do_not_use(trees: Path) -> None:
    name_members(trees, "om1", "om2", "om3", on=("om3",))
    _, found = imported(trees)
    assert members_of(found["spec"]) == [None, None, None]
    assert [d for d in found["diagnostics"] if d["severity"] == "error"] == []


SECRETS = {
    "url": (PERSISTENCE, r"(5432/openmeetings)", r"\1?password=s3cr3t-x"),
    "jpa": (
        PERSISTENCE,
        r"(\t*<property name=\"openjpa.Data)",
        r'<property name="x.password" value="s3cr3t-x"/>\1',
    ),
    "jvm": (SETENV, "-Xmx2g", "-Xmx2g -Djavax.net.ssl.keyStorePassword=s3cr3t-x"),
    "hazelcast": (HAZELCAST, "(</hazelcast>)", r"<license-key>s3cr3t-x</license-key>\1"),
    "basic auth": (HAZELCAST, r"https://(om\d)", r"https://admin:s3cr3t-x@\1"),
    "token of the url": (HAZELCAST, r":5443/openmeetings", r"\g<0>?token=s3cr3t-x"),
    "argument": (SETENV, "-Xmx2g", "-Xmx2g '-XX:OnError=x --password s3cr3t-x'"),
    "login of curl": (SETENV, "-Xmx2g", "-Xmx2g '-XX:OnError=curl -u a:s3cr3t-x h'"),
    "parameter": (PERSISTENCE, r"(5432/openmeetings)", r"\1?options=-c%20pw=s3cr3t-x"),
    "property": (
        HAZELCAST,
        r"(\t</properties>)",
        r'<property name="hazelcast.a.password">s3cr3t-x</property>\1',
    ),
}


@pytest.mark.parametrize("where", SECRETS)
def test_no_secret_is_ever_written(trees: Path, where: str) -> None:
    for node in ("om1", "om2", "om3"):
        edit(trees / node, *SECRETS[where])
    done, found = imported(trees)
    assert "s3cr3t-x" not in done.out + done.err
    assert "OM352" in {d["rule"] for d in found["diagnostics"]}
    plain = omconf("import", "--deployed", trees)
    assert "s3cr3t-x" not in plain.out + plain.err


def test_secrets_have_variables_of_their_own(trees: Path) -> None:
    for node in ("om1", "om2", "om3"):
        edit(trees / node, PERSISTENCE, r"(5432/openmeetings)", r"\1?xToken=a1&amp;x_token=b2")
    _, found = imported(trees)
    assert {s["key"]: s["variable"] for s in found["secrets"]} == {
        "database.password": "OM_DB_PASSWORD",
        "database.options.xToken": "OM_DB_X_TOKEN",
        "database.options.x_token": "OM_DB_X_TOKEN_2",
    }
    assert found["differences"] == []


def test_a_url_that_no_spec_can_hold_is_guessed(trees: Path) -> None:
    edit(trees / "om2", HAZELCAST, "https://om2", "https://om2&#x9b;31m")
    done, found = imported(trees)
    assert done.code == 2
    assert "url: " in found["spec"]
    said = [(d["rule"], d.get("line")) for d in found["diagnostics"] if d.get("node") == "om2"]
    line = 1 + (trees / "om2" / HAZELCAST).read_text().partition("https://om2")[0].count("\n")
    assert said == [("OM353", None), ("OM352", line)]


def test_the_name_of_a_property_on_a_line_of_its_own(trees: Path) -> None:
    for node in ("om1", "om2", "om3"):
        odd = r'\1<property name="a&#10;b">1</property>'
        edit(trees / node, HAZELCAST, r"(<properties>)", odd)
    _, found = imported(trees)
    assert found["plan"] is not None
    assert [d["node"] for d in found["diagnostics"] if d["rule"] == "OM352"] == ["om1"]
    unknown = {(d["node"], d["key"], d["before"]) for d in found["differences"]}
    assert unknown == {(node, "properties/a\nb", "1") for node in ("om1", "om2", "om3")}


def test_a_spec_with_errors_is_to_be_corrected(trees: Path) -> None:
    (trees / "om1/etc/hosts").unlink()
    for node in ("om2", "om3"):
        (trees / node / "etc/hosts").unlink()
    done, found = imported(trees)
    assert (done.code, found["proved"], found["plan"]) == (1, False, None)
    gaps = [d["node"] for d in found["diagnostics"] if d["rule"] == "OM350"]
    assert gaps == ["om2", "om3"]
    assert "omconf validate\n" in omconf("import", "--deployed", trees).err


def test_options_of_a_mount_that_are_secrets(trees: Path) -> None:
    edit(trees / "om2", "etc/fstab", "timeo=50", "timeo=50,token=s3cr3t-x,ro")
    edit(trees / "om3", "etc/fstab", "timeo=50", "timeo=50,token=s3cr3t-x,ro")
    done, found = imported(trees)
    assert "s3cr3t-x" not in done.out + done.err
    assert "options: [timeo=50, ro" in found["spec"] or '"timeo=50", ro' in found["spec"]


def test_further_elements_go_to_a_file_beside_the_spec(trees: Path, tmp_path: Path) -> None:
    extra = r'<queue name="q"><max-size>9</max-size></queue>\1'
    for node in ("om1", "om2", "om3"):
        edit(trees / node, HAZELCAST, "(</hazelcast>)", extra)
        more = r'<property name="openjpa.Multithreaded" value="true"/>\1'
        edit(trees / node, PERSISTENCE, r"(\t*<property name=\"openjpa.Data)", more)
    done = omconf("import", "--deployed", trees, "-o", tmp_path / "new/../cluster.yaml")
    assert done.code == 1  # no such folder
    done = omconf("import", "--deployed", trees, "-o", tmp_path / "cluster.yaml")
    assert done.code == 0, done.out + done.err
    assert "max-size" in (tmp_path / "hazelcast-extra.xml").read_text()
    spec = yaml.safe_load((tmp_path / "cluster.yaml").read_text())
    assert spec["hazelcast"]["extra"] == "hazelcast-extra.xml"
    assert spec["persistence"]["properties"] == {"openjpa.Multithreaded": "true"}
    assert omconf("validate", tmp_path / "cluster.yaml").code == 0


def test_several_further_elements_of_one_kind_are_kept(trees: Path) -> None:
    queues = "".join(f'<queue name="{q}"><max-size>9</max-size></queue>' for q in "ab")
    pool = '<executor-service name="x"><pool-size>3</pool-size></executor-service>'
    for node in ("om1", "om2", "om3"):
        edit(trees / node, HAZELCAST, "(</hazelcast>)", rf"{queues}{pool}\1")
    _, found = imported(trees)
    assert found["differences"] == []
    assert found["files"]["hazelcast-extra.xml"].count("<queue name=") == 2


def comments(spec: str) -> list[str]:
    """The lines above the first key of a spec."""
    return spec.partition("\nomconf: 1\n")[0].splitlines()


def test_names(trees: Path) -> None:
    edit(trees / "om1", HAZELCAST, "om1<", "Server_A<")
    edit(trees / "om2", HAZELCAST, "om2<", "om3<")
    (trees / "om3").rename(trees / "third")
    done, found = imported(trees)
    assert found["nodes"] == ["om2", "om3", "server-a"]
    assert yaml.safe_load(found["spec"])["nodes"]["server-a"]["instance_name"] == "Server_A"
    assert comments(found["spec"])[1:] == [
        "# om2 was called `om3` before.",
        "# om3 is `third` in the source.",
        "# server-a is `om1` in the source.",
    ]
    assert done.code == 2
    _, found = imported(trees, "--name", "third=web3")
    assert found["nodes"] == ["om2", "server-a", "web3"]


@pytest.mark.parametrize("called", ["OM{}", "Server {}", "om_{}.example.org", "10.1.1.{}:5701"])
def test_a_member_keeps_its_name(trees: Path, called: str) -> None:
    for number in (1, 2, 3):
        name = called.format(number)
        edit(trees / f"om{number}", HAZELCAST, f">om{number}<", f">{name}<")
    done, found = imported(trees)
    assert done.code == 0, found["differences"]
    said = yaml.safe_load(found["spec"])["nodes"]
    assert {each["instance_name"] for each in said.values()} == {
        called.format(number) for number in (1, 2, 3)
    }


def test_a_member_cannot_keep_a_name_that_no_spec_holds(trees: Path) -> None:
    edit(trees / "om2", HAZELCAST, ">om2<", ">Größe/2<")
    done, found = imported(trees)
    assert done.code == 2
    assert {d["reason"] for d in found["differences"]} == {
        "a spec gives each member one unique name: its `instance_name` or its node's name"
    }
    assert comments(found["spec"])[1:] == [
        "# gr-e-2 was called `Größe/2` before.",
        "# gr-e-2 is `om2` in the source.",
    ]


def test_a_node_that_cannot_be_read_is_a_gap(trees: Path) -> None:
    (trees / "om3" / HAZELCAST).unlink()
    done, found = imported(trees)
    assert done.code == 1
    assert [m["name"] for m in found["missing"]] == ["om3"]
    assert f"# om3 is missing: {found['missing'][0]['why']}\n" in found["spec"]
    assert (found["proved"], found["complete"]) == (False, False)
    done, found = imported(trees, "--node", "om1", "--node", "om2")
    assert done.code == 0, found["diagnostics"]
    assert list(yaml.safe_load(found["spec"])["nodes"]) == ["om1", "om2"]


INTO = """\
# Our cluster.
omconf: 1
cluster: openmeetings
openmeetings: {release: "9.1.0", home: /opt/open, timezone: Europe/Berlin, java_options: [-Xmx2g]}
hazelcast: {cluster_name: dev, interfaces: "10.1.1.*"}
discovery: {group: 224.0.0.0, port: 54327}   # as ever
database: {kind: postgresql, host: 10.1.1.250, user: om_user, password: {env: OM_DB_PASSWORD}}
nodes:
    om1: {address: 10.1.1.1, url: "https://om1.example.org:5443/openmeetings"}   # first

    # the second one
    om2:
        address: 10.1.1.2   # moved in May
        url: https://om2.example.org:5443/openmeetings

# How the folder is shared.
storage: {server: om1}
"""


def test_into_keeps_every_other_byte(trees: Path, tmp_path: Path) -> None:
    spec = tmp_path / "cluster.yaml"
    spec.write_text(INTO)
    edit(trees / "om3", HAZELCAST, "54327", "54328")
    done = omconf("import", "--into", spec, "--deployed", trees, "--node", "om3")
    text = spec.read_text()
    added = text.replace(INTO.partition("\n# How")[0], "").partition("\n# How")[0]
    assert text.replace(added, "") == INTO
    assert "om3:\n" in added
    assert list(yaml.safe_load(text)["nodes"]) == ["om1", "om2", "om3"]
    assert ("OM351", f"{spec}:6:37") in done.findings  # discovery.port
    assert done.code == 2


@pytest.mark.parametrize("wrong", ["no address", "no file", "a broken file"])
@pytest.mark.parametrize("option", ["--into", "-o"])
def test_no_spec_with_errors_is_written(
    trees: Path, tmp_path: Path, option: str, wrong: str
) -> None:
    spec = tmp_path / "cluster.yaml"
    if option == "--into":
        spec.write_text(INTO)
    edit(trees / "om3", HAZELCAST, "(</hazelcast>)", r'<queue name="q"/>\1')
    if wrong == "no address":
        for node in ("om1", "om2", "om3"):
            (trees / node / "etc/hosts").unlink()
    elif wrong == "no file":
        (trees / "om3" / PERSISTENCE).unlink()
    else:
        edit(trees / "om3", PERSISTENCE, "</persistence>", "")
    only = ["--node", "om3"] if option == "--into" else []
    done = omconf("import", option, spec, "--deployed", trees, *only)
    assert done.code == 1
    if option == "-o" and wrong != "no address":  # a comment marks the gap
        assert "# om3 is missing: " in spec.read_text()
        assert "Wrote " in done.out
        return
    assert "OM111" in done.err
    assert "Wrote " not in done.out
    assert "Next:" not in done.out
    if option == "--into":
        assert spec.read_text() == INTO
    assert [p.name for p in tmp_path.glob("*.*")] == ["cluster.yaml"] * (option == "--into")


def test_nothing_stays_beside_a_spec_that_cannot_be_written(
    trees: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for node in ("om1", "om2", "om3"):
        edit(trees / node, HAZELCAST, "(</hazelcast>)", r'<queue name="q"/>\1')
    plain = write.create

    def full(name: str, data: bytes) -> None:
        if name.endswith("cluster.yaml"):
            raise OSError(errno.ENOSPC, "No space left on device")
        plain(name, data)

    monkeypatch.setattr(write, "create", full)
    done = omconf("import", "--deployed", trees, "-o", tmp_path / "cluster.yaml")
    assert done.code == 1
    assert done.rules[-1] == "OM111"
    assert [p.name for p in tmp_path.iterdir()] == ["trees"]


def test_local(trees: Path) -> None:
    done = omconf("import", "--local", "om2", "--root", trees / "om2", "--json")
    found = json.loads(done.out)
    assert found["nodes"] == ["om2"]
    assert done.code == 0, found["diagnostics"]


def test_explicit_says_defaults(trees: Path) -> None:
    _, found = imported(trees, "--explicit")
    spec = yaml.safe_load(found["spec"])
    assert spec["discovery"] == {
        "kind": "multicast",
        "group": "224.0.0.0",
        "port": 54327,
        "timeout": 2,
        "ttl": 32,
    }
    assert spec["database"]["pool"]["maxTotal"] == "100"


def test_data_inside_of_the_web_application_are_a_difference(tmp_path: Path) -> None:
    by_hand(tmp_path, nodes=2)
    for node in ("om1", "om2"):
        edit(tmp_path / node, SETENV, "-DDATA_DIR=/opt/omdata ", "")
        for name in ("fstab", "exports"):
            (tmp_path / node / "etc" / name).unlink(missing_ok=True)
    done, found = imported(tmp_path)
    assert done.code == 2
    inside = "/opt/open/webapps/openmeetings/data"
    assert [d["reason"] for d in found["differences"]] == [
        (
            f"no JVM option says -DDATA_DIR. The data folder {inside} lies in /opt/open. An apply would"
            " have OpenMeetings look for its data in /opt/omdata: copy them there first, or set"
            " openmeetings.data_dir"
        )
    ]
    assert not [d for d in found["diagnostics"] if "data" in d["message"]]


HOSTILE = [
    "no",
    "0x10",
    "1e3",
    "~",
    "a: b #c",
    "x y",
    "{name}",
    "'",
    '"',
    "@omconf:x@",
    "é" * 300,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_stay_words(trees: Path, text: str) -> None:
    for node in ("om1", "om2", "om3"):
        safe = text.replace("&", "").replace('"', "&quot;")
        edit(
            trees / node,
            HAZELCAST,
            r"(\t</properties>)",
            f'<property name="hazelcast.a">{safe}</property>\\1',
        )
    done, found = imported(trees)
    data = yaml.safe_load(found["spec"])
    said = data["hazelcast"].get("properties", {}).get("hazelcast.a")
    assert said == text or "OM352" in {d["rule"] for d in found["diagnostics"]}
    assert done.code in (0, 1, 2)


def test_hostile_trees_give_findings(trees: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, "secret", "outside-of-the-tree")
    (trees / "om1" / SETENV).unlink()
    (trees / "om1" / SETENV).symlink_to("../../../../../outside/secret")
    (trees / "om2" / HAZELCAST).write_bytes(
        b"<!DOCTYPE x [<!ENTITY e 'y'>]><hazelcast>&e;</hazelcast>"
    )
    (trees / "om3" / PERSISTENCE).write_bytes(b"\xff\xfe\0" * 1000)
    put(trees / "om1", "etc/fstab", "\0\n" + "x " * 5000)
    put(trees / "om1", "etc/hosts", "999.999.999.999 om1\n")
    done, found = imported(trees)
    assert done.code == 1
    assert "outside-of-the-tree" not in done.out
    assert {m["name"] for m in found["missing"]} == {"om1", "om2", "om3"}


UNITS = {
    "om.service": "[Service]\nWorkingDirectory=/opt/open\nExecStart=/opt/open/bin/start.sh\n",
    "a.service": "[Service]\nExecStart=/usr/bin/a /opt/open/x\n",
    "away.service": "[Service]\nEnvironment=CATALINA_BASE=/data/deep/om\n",
    "deep.service": "[Service]\nExecStart=/data/deep/om/start\n",
    "other.service": "[Service]\nWorkingDirectory=/\nExecStart=/opt/tomcat-like/bin/x\n",
    "none.service": "[Service]\nExecStart=/usr/sbin/none\n",
    "omconf-route.service": "[Service]\nExecStart=/opt/open/x\n",
    "om.service.d/omconf.conf": "",
}


@pytest.mark.parametrize("more", [{}, UNITS], ids=["one unit", "units"])
def test_the_first_look_by_ssh_is_that_of_a_tree(trees: Path, more: dict[str, str]) -> None:
    """The script, run here in the tree's root, says what the walk over the tree finds."""
    from omconf.adopt import sources
    from omconf.deployed import survey

    for name, text in more.items():
        put(trees / "om1", f"etc/systemd/system/{name}", text)
        put(trees / "om1", "usr/lib/systemd/system/lib.service", UNITS["om.service"])
        put(trees / "om1", "data/deep/om/webapps/om/WEB-INF/classes/hazelcast.xml", "")
    script = sources._script().replace(b"cd / ||", f"cd {trees / 'om1'} ||".encode())
    done = subprocess.run(["sh", "-s"], input=script, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    found = sources.read("om1", done.stdout.decode())
    tree = survey.of_tree("om1", str(trees / "om1"))
    assert (found.homes, found.units, found.has_units) == (tree.homes, tree.units, tree.has_units)
    names = {path.rpartition("/system/")[2] for path in found.units}
    wanted = {*more} - {"none.service", "omconf-route.service"} | (
        {"lib.service"} if more else set()
    )
    assert names == {"openmeetings.service", *wanted}


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--deployed x --local y",
        "--host om1",
        "--ssh",
        "--local -x",
        "--ssh --host -oProxyCommand=x",
        "--deployed x --release 1.0",
        "--deployed x --name om1",
        "--deployed x -o a --into b",
    ],
)
def test_wrong_command_lines(words: str) -> None:
    assert omconf("import", *words.split()).code == 1


@pytest.mark.parametrize(
    ("hosts", "servers"),
    [
        (
            "//db1.example.org:5432,db2.example.org:5433/",
            ["db1.example.org", {"host": "db2.example.org", "port": 5433}],
        ),
        ("//db1:5432,db2:5432/", [{"host": "db1"}, {"host": "db2"}]),
    ],
    ids=["names with a domain", "names without one"],
)
def test_several_servers_of_the_database(trees: Path, hosts: str, servers: object) -> None:
    for node in ("om1", "om2", "om3"):
        edit(trees / node, PERSISTENCE, "//10.1.1.250:5432/", hosts)
        url = f"jdbc:postgresql:{hosts}openmeetings"
        more = f"Url=&quot;{url}?targetServerType=primary&quot;"
        edit(trees / node, PERSISTENCE, f"Url={url}", more)
    done, found = imported(trees)
    said = yaml.safe_load(found["spec"])["database"]
    assert "options" not in said
    assert said["host"] == servers
    assert done.code == 0, (found["differences"], found["diagnostics"])


@pytest.mark.parametrize("backup", ["10.1.1.99(ro)", "10.1.1.0/24(ro)", "*.example.net(ro)"])
def test_the_nodes_own_export_options_count(trees: Path, backup: str) -> None:
    line = f"/opt/omdata {backup} 10.1.1.2(rw,sync,no_subtree_check,no_root_squash)\n"
    put(trees / "om1", "/etc/exports", line)
    _, found = imported(trees)
    options = yaml.safe_load(found["spec"])["storage"]["export_options"]
    assert options == ["rw", "sync", "no_subtree_check", "no_root_squash"]
    said = [d for d in found["diagnostics"] if "different options" in d["message"]]
    assert len(said) == (backup != "10.1.1.99(ro)")


@pytest.mark.parametrize("client", ["*.org", "0.0.0.0/1", "*.om.example.org"])
def test_an_export_to_outsiders_is_no_value_of_a_spec(trees: Path, client: str) -> None:
    put(trees / "om1", "/etc/exports", f"/opt/omdata {client}(rw,sync,no_subtree_check)\n")
    done = omconf("import", "--deployed", trees)
    assert "OM105" not in done.err
    assert (client in done.out) is (client == "*.om.example.org")


_BY_HAND: dict[str, tuple[str, dict[str, object]]] = {
    "oracle": (
        (
            "jdbc:oracle:thin:@(DESCRIPTION=(LOAD_BALANCE=on)"
            "(ADDRESS=(PROTOCOL=tcp)(HOST=o1.example.org)(PORT=1521))"
            "(ADDRESS=(PROTOCOL=tcp)(HOST=o2.example.org)(PORT=1522))"
            "(CONNECT_DATA=(SERVICE_NAME=om)))"
        ),
        {
            "host": ["o1.example.org", {"host": "o2.example.org", "port": 1522}],
            "service": "om",
        },
    ),
    "mssql": (
        "jdbc:sqlserver://;serverName=s1.example.org;database=om;FailoverPartner=s2.example.org",
        {"host": ["s1.example.org", "s2.example.org"], "name": "om"},
    ),
}


@pytest.mark.parametrize("kind", _BY_HAND)
def test_servers_that_stand_elsewhere_than_in_the_stock_url(tmp_path: Path, kind: str) -> None:
    by_hand(tmp_path, "9.1.0", kind, 2)
    url, wanted = _BY_HAND[kind]
    for node in ("om1", "om2"):
        file = tmp_path / node / PERSISTENCE
        text = re.sub("(Url=)jdbc:[^,&]*", lambda found: f"{found[1]}{url}", file.read_text())
        file.write_text(text)
    _, found = imported(tmp_path)
    said = yaml.safe_load(found["spec"])["database"]
    assert {key: said.get(key) for key in wanted} == wanted
    assert "options" not in said
    assert ("LOAD_BALANCE" in str(found["diagnostics"])) is (kind == "oracle")


def test_each_nodes_hosts_are_read_a_fixed_number_of_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    plain = hosts_files.hosts

    def counted(node: Seen) -> Iterator[tuple[str, str, int]]:
        read.append(node.name)
        return plain(node)

    monkeypatch.setattr(hosts_files, "hosts", counted)
    times = []
    for nodes in (3, 9):
        by_hand(tmp_path / str(nodes), nodes=nodes)
        read.clear()
        assert adopt(Trees(str(tmp_path / str(nodes))), Asked()).code == 0
        times.append(len(read) / nodes)
    assert times[0] == times[1]


PACKAGED = """\
[Service]
Environment="CATALINA_HOME=/usr/share/tomcat10" CATALINA_BASE=/opt/open
EnvironmentFile=-/etc/default/tomcat10
ExecStart=/usr/libexec/tomcat10/tomcat-start.sh
User=nobody
"""


def test_files_that_give_further_options_are_named(tmp_path: Path) -> None:
    by_hand(tmp_path, nodes=2)
    for node in ("om1", "om2"):
        put(tmp_path / node, "etc/systemd/system/openmeetings.service", PACKAGED)
        (tmp_path / node / SETENV).unlink()
    _, found = imported(tmp_path)
    unit = "/etc/systemd/system/openmeetings.service"
    told = [d for d in found["diagnostics"] if (d.get("node"), d.get("path")) == ("om1", unit)]
    assert {(d["rule"], d["line"], d["message"].split("`")[1]) for d in told} == {
        ("OM352", 2, "/usr/share/tomcat10/bin/setenv.sh"),
        ("OM352", 3, "/etc/default/tomcat10"),
    }


def test_masked_mount_units_are_none(trees: Path) -> None:
    (trees / "om2/etc/systemd/system/proc-fs-nfsd.mount").symlink_to("/dev/null")
    (trees / "om2/etc/rc.local").symlink_to("rc.d/rc.local")
    done, found = imported(trees)
    assert done.code == 0, found["diagnostics"]
    assert not [d for d in found["diagnostics"] if "nfsd" in d.get("path", "")]


def test_lines_that_are_added_and_their_restarts_are_told(trees: Path, tmp_path: Path) -> None:
    for node in ("om1", "om2", "om3"):
        edit(trees / node, SETENV, r"(?m)^.*blacklist.*\n", "")
    done = omconf("import", "--deployed", trees, "-o", tmp_path / "cluster.yaml")
    assert done.code == 0
    told = "lines to 3 existing files, which it counts as updates. Nodes restart one by one"
    assert told in done.out


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Europe/Paris", None])
def test_the_zone_of_the_host_is_that_of_the_jvm(
    trees: Path, tmp_path: Path, zone: str | None
) -> None:
    done = omconf("import", "--deployed", trees, "-o", tmp_path / "cluster.yaml")
    assert done.code == 0
    assert imported(trees)[1]["plan"]["update"] == 0
    for node in ("om1", "om2", "om3"):
        if zone:
            put(trees / node, "/etc/timezone", f"{zone}\n")
        else:
            (trees / node / "etc/timezone").unlink()
    env = {"OM_DB_PASSWORD": "pa55-postgresql"}
    done = omconf(
        "plan", tmp_path / "cluster.yaml", "--deployed", trees, "--json", "--node", "om1", env=env
    )
    changes = {c["kind"]: c for c in json.loads(done.out)["changes"]}
    jvm = changes["jvm"]
    if zone == "Europe/Berlin":
        assert jvm["action"] == "reformat"
    else:
        assert jvm["action"] == "update"
        assert [item["key"] for item in jvm["items"]] == ["-Duser.timezone"]
        assert "before" not in jvm["items"][0]


def test_other_names_of_utc_are_the_default(trees: Path) -> None:
    for node, zone in (("om1", "UTC"), ("om2", "Etc/UTC"), ("om3", "Zulu")):
        put(trees / node, "/etc/timezone", f"{zone}\n")
        (trees / node / "etc/localtime").symlink_to("/usr/share/zoneinfo/UTC")
    done, found = imported(trees)
    assert done.code == 0
    assert "timezone" not in yaml.safe_load(found["spec"])["openmeetings"]
    assert [d for d in found["diagnostics"] if d["rule"] in ("OM351", "OM353")] == []


def test_two_zones_of_one_host(trees: Path) -> None:
    """Java before 25 takes /etc/timezone first (JDK-8345213)."""
    for node in ("om1", "om2", "om3"):
        (trees / node / "etc/localtime").symlink_to("/usr/share/zoneinfo/Asia/Tokyo")
    _, found = imported(trees)
    assert yaml.safe_load(found["spec"])["openmeetings"]["timezone"] == "Europe/Berlin"
    (said, *_) = [d for d in found["diagnostics"] if d["rule"] == "OM353"]
    assert (said["node"], said["path"]) == ("om1", "/etc/timezone")


def test_names_that_cannot_be_seen(trees: Path) -> None:
    put(trees / "om\x1b[31m4", "etc/hostname", "om4\n")
    (trees / "om1/opt/op\nen").mkdir()
    for name in ("webapps", "bin"):
        (trees / "om1/opt/open" / name).rename(trees / "om1/opt/op\nen" / name)
    done, found = imported(trees)
    assert done.code == 1
    assert [m["name"] for m in found["missing"]] == ["om\\x1b[31m4", "om1"]
    said = [d["message"] for d in found["diagnostics"] if "invisible" in d["message"]]
    assert said == [
        "`/opt/op\\nen/webapps/openmeetings` is left out: its name contains an invisible character.",
        "The folder's name contains an invisible character.",
    ]


def test_names_that_cannot_be_seen_by_ssh(trees: Path) -> None:
    from omconf.adopt import sources

    script = sources._script().replace(b"cd / ||", f"cd {trees / 'om1'} ||".encode())
    for name in ("a\nb", "c\x1bd"):
        put(trees / "om1", f"opt/{name}/webapps/om/WEB-INF/classes/hazelcast.xml", "")
    said = subprocess.run(["sh", "-s"], input=script, capture_output=True, check=True).stdout
    found = sources.read("om1", said.decode())
    assert found.odd[:1] == ("/opt/a?b/webapps/om/WEB-INF/classes/hazelcast.xml",)
    assert found.odd[1].startswith("/opt/c\\x1bd/")
    assert found.homes == (("/opt/open", "openmeetings"),)


def test_a_file_around_that_cannot_be_read_is_named_once(trees: Path) -> None:
    (trees / "om1/etc/systemd/system/openmeetings.service.d").mkdir()
    (trees / "om1/etc/systemd/system/openmeetings.service.d/x.conf").symlink_to("../y")
    (trees / "om1/etc/default").mkdir()
    (trees / "om1/etc/default/openmeetings").mkdir()
    _, found = imported(trees)
    said = [(d["rule"], d["path"]) for d in found["diagnostics"] if d.get("node") == "om1"]
    assert ("OM352", "/etc/default/openmeetings") in said
    assert len(said) == len({path for _, path in said if path}), said
