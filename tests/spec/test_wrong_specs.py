"""Each way of getting the spec wrong: its rule, and its place in the user's own file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omconf.pipeline.compiled import check_spec
from tests.clusters import SMALLEST, cluster_of, rules_of, spec_of
from tests.command import EXAMPLES, omconf

# What is replaced by what in the smallest spec, and where the rule must point.
WRONG = [
    ("om1: {", "om1 {", "OM101", None),
    ("cluster: conference", "cluster: conference\ncluster: again", "OM102", "3:1"),
    ("  user: openmeetings", "  user: openmeetings\n  usr: x", "OM103", "9:3"),
    ("cluster: conference\n", "", "OM104", "1:1"),
    ("{address: 10.1.1.2", "{adress: 10.1.1.2", "OM103", "13:9"),
    ("  user: openmeetings\n", "", "OM104", "5:1"),
    ("address: 10.1.1.2, ", "", "OM104", "13:3"),
    ("server: om1}", "}", "OM104", "10:1"),
    ("server: om1}", "sever: om1}", "OM103", "10:22"),
    ("cluster: conference", "cluster: Conference", "OM105", "2:10"),
    ("cluster: conference", "cluster: [a]", "OM105", "2:10"),
    ("kind: multicast", "kind: broadcast", "OM105", "4:19"),
    ("kind: multicast", "port: '54327'", "OM105", "4:19"),
    ("kind: multicast", "port: 5.5", "OM105", "4:19"),
    ("kind: multicast", "port: " + "9" * 400, "OM105", "4:19"),
    ("discovery: {kind: multicast}", "discovery:", "OM105", "4:11"),
    ("10.1.1.2,", "om2.example.org,", "OM105", "13:18"),
    ("10.1.1.2,", "10.1.1.256,", "OM105", "13:18"),
    ("10.1.1.2,", "10.1.1.2, ssh: -oProxyCommand=x,", "OM105", "13:33"),
    ("10.1.1.2,", "10.1.1.2, ssh: root@-x,", "OM105", "13:33"),
    ("10.1.1.2,", "10.1.1.2, ssh: om2 reboot,", "OM105", "13:33"),
    ("10.1.1.2,", "10.1.1.2, ssh: 'om2;x',", "OM105", "13:33"),
    ("10.1.1.2,", "10.1.1.02,", "OM105", "13:18"),
    ("10.1.1.2,", "224.0.0.1,", "OM105", "13:18"),
    ("kind: postgresql", "kind: mariadb", "OM105", "6:9"),
    ("user: openmeetings", "user: '@omconf:database.password@'", "OM105", "8:9"),
    ("{env: OM_DB_PASSWORD}", "{env: A, file: b}", "OM105", "9:13"),
    ("{env: OM_DB_PASSWORD}", "{command: pass show x}", "OM105", "9:13"),
    ("{env: OM_DB_PASSWORD}", "hunter2", "OM106", "9:13"),
    ("{env: OM_DB_PASSWORD}", "12345", "OM106", "9:13"),
    ("omconf: 1", "omconf: 2", "OM108", "1:9"),
    ("omconf: 1", "omconf: true", "OM108", "1:9"),
    ('"9.1.0"', "9.1", "OM109", "3:25"),
    ('"9.1.0"', "4.0.11", "OM109", "3:25"),
    ("nodes:", "ignore: [{rule: OM2O4, why: x}]\nnodes:", "OM105", "11:17"),
    ("nodes:", "ignore: [{rule: OM999, why: x}]\nnodes:", "OM105", "11:17"),
    ("nodes:", "ignore: [{rule: OM204}]\nnodes:", "OM104", "11:10"),
    ("nodes:", "ignore: [{rule: OM204, node: om3, why: x}]\nnodes:", "OM105", "11:30"),
    ("nodes:", "kurento: {url: http://x:8888/kurento}\nnodes:", "OM105", "11:16"),
    ("nodes:", "kurento: {turn: {url: turn a}}\nnodes:", "OM105", "11:23"),
    ("nodes:", "kurento: {turn: {user: '${x}'}}\nnodes:", "OM260", "11:24"),
    ("nodes:", "kurento: {turn: {secret: x}}\nnodes:", "OM106", "11:26"),
    ("nodes:", "kurento: {turn: {ttl: 0}}\nnodes:", "OM223", "11:23"),
    ("nodes:", "secrets: {remember_me_key: {env: X}}\nnodes:", "OM270", "11:28"),
    ('"9.1.0"}', '"5.0.1"}\nkurento: {turn: {mode: rest}}', "OM270", "4:24"),
    ('"9.1.0"', '"9.1.0", timezone: Europe/Berlim', "OM250", "3:44"),
    ('"9.1.0"', '"9.1.0", java_options: [Xmx2g]', "OM105", "3:49"),
    ('"9.1.0"', '"9.1.0", java_options: ["-Xms1g -Xmx2g"]', "OM105", "3:49"),
    ('"9.1.0"', '"9.1.0", java_options: [-DDATA_DIR=/x]', "OM261", "3:49"),
    ('"9.1.0"', '"9.1.0", java_options: [-Dkey.password=x]', "OM262", "3:49"),
    ("discovery: {kind: multicast}", "hazelcast: {extra: none.xml}", "OM105", "4:20"),
    ("discovery: {kind: multicast}", "network: {firewall: iptables}", "OM105", "4:21"),
    ("10.1.1.2,", "10.1.1.1,", "OM201", "13:18"),
    ("om2.example", "om1.example", "OM202", "13:33"),
    ("om2: {", "om2: {instance_name: om1, ", "OM313", "13:24"),
    ("om2: {", "om2: {instance_name: ' x', ", "OM105", "13:24"),
    ("om2: {", "om2: {instance_name: '${x}', ", "OM105", "13:24"),
    ("om2:", "OM2:", "OM203", "13:3"),
    ("om2:", "storage:", "OM203", "13:3"),
    ("om2:", '"a\\nb":', "OM203", "13:3"),
    ("https://om2.example.org", "ftp://om2.example.org", "OM206", "13:33"),
    ("https://om2.example.org", "https://u:p@om2.example.org", "OM206", "13:33"),
    ("om2.example.org:5443/openmeetings", "om2.example.org/openmeetings?x=1", "OM206", "13:33"),
    ("kind: postgresql", "kind: h2", "OM210", "6:9"),
    ("10.1.1.10", "localhost", "OM211", "7:9"),
    ("10.1.1.10", "127.0.0.1", "OM211", "7:9"),
    ("user: openmeetings", "user: ' om'", "OM212", "8:9"),
    ("user: openmeetings", "user: openmeetings\n  options: {'a b': 1}", "OM260", "9:13"),
    ("user: openmeetings", "user: openmeetings\n  pool: {maxTotal: many}", "OM214", "9:20"),
    ("user: openmeetings", "user: openmeetings\n  pool: {maxTotl: 5}", "OM214", "9:10"),
    ("user: openmeetings", "user: openmeetings\n  pool: {Url: 5}", "OM214", "9:10"),
    ("user: openmeetings", "user: openmeetings\n  max_connections: 0", "OM105", "9:20"),
    ("user: openmeetings", "user: openmeetings\n  max_connections: many", "OM105", "9:20"),
    ("user: openmeetings", "user: openmeetings\n  name: /x", "OM216", "9:9"),
    ("kind: multicast", "group: 10.1.1.1", "OM220", "4:20"),
    ("kind: multicast", "group: all-hosts", "OM220", "4:20"),
    ("user: openmeetings", "user: openmeetings\n  options: {password: x}", "OM214", "9:13"),
    ("user: openmeetings", "user: openmeetings\n  options: {sslpassword: x}", "OM262", "9:26"),
    ("user: openmeetings", "user: openmeetings\n  pool: {maxTotal: 9999999999}", "OM214", "9:20"),
    ("server: om1", "server: {node: nas.example.org}", "OM230", "10:30"),
    ("server: om1", "server: 127.0.0.1", "OM230", "10:30"),
    ("server: om1", "server: om1, export_options: []", "OM105", "10:51"),
    ("om2:", '"1²":', "OM203", "13:3"),
    ("om2.example.org:5443", "om2\u200b.example.org:99999", "OM260", "13:33"),
    ("10.1.1.2,", "127.0.0.1,", "OM105", "13:18"),
    ("kind: multicast", "ttl: 0", "OM222", "4:18"),
    ("discovery: {kind: multicast}", "hazelcast: {properties: {x: 1}}", "OM261", "4:29"),
    (
        "discovery: {kind: multicast}",
        "persistence: {properties: {openjpa.ConnectionURL: x}}",
        "OM261",
        "4:51",
    ),
    ("discovery: {kind: multicast}", 'hazelcast: {properties: {"a\\n": x}}', "OM260", "4:26"),
    ("kind: multicast", "ttl: 256", "OM223", "4:18"),
    ("kind: multicast", "port: 65536", "OM223", "4:19"),
    ("user: openmeetings", "user: openmeetings\n  options: {'a&b': 1}", "OM214", "9:13"),
    ("user: openmeetings", "user: openmeetings\n  options: {loginTimeOut: 1}", "OM214", "9:13"),
    ("om1: {address", "OM1: {address", "OM203", "12:3"),
    ("discovery: {kind: multicast}", "hazelcast: {port: 5636}", "OM225", "4:19"),
    ("discovery: {kind: multicast}", "hazelcast: {port: 5443}", "OM225", "4:19"),
    ("server: om1", "server: om9", "OM230", "10:30"),
    ("server: om1", "server: om1, export: srv", "OM230", "10:43"),
    ("server: om1", "server: om1, export: /", "OM230", "10:43"),
    ("server: om1", "server: om1, options: [hardd]", "OM233", "10:45"),
    ("server: om1", "server: om1, options: [timeo=abc]", "OM233", "10:45"),
    ("kind: nfs", "kind: cifs", "OM104", "10:1"),
    ("server: om1", "server: om1, share: data", "OM105", "10:35"),
    ("server: om1", "server: om1, user: om", "OM105", "10:35"),
    ("server: om1", "server: om1, password: {env: X}", "OM105", "10:35"),
    ("kind: nfs, server: om1", "kind: mounted, password: {env: X}", "OM105", "10:26"),
    *(
        ("kind: nfs", f"kind: cifs, password: {{env: X}}, {keys}", rule, place)
        for keys, rule, place in [
            ("export_options: [rw]", "OM105", "10:43"),
            ("share: global", "OM105", "10:50"),
            ("share: a/b", "OM105", "10:50"),
            ("share: a  b", "OM105", "10:50"),
            ("share: 'a]'", "OM105", "10:50"),
            ("share: ''", "OM105", "10:50"),
            ("user: a b", "OM105", "10:49"),
            ("user: '@staff'", "OM105", "10:49"),
            ("user: [x]", "OM105", "10:49"),
            ("options: [hardd]", "OM233", "10:53"),
            ("options: [hard, file_mode=640]", "OM233", "10:59"),
            ("options: [credentials=/x]", "OM261", "10:53"),
            ("options: [user=om]", "OM261", "10:53"),
            ("options: [guest]", "OM261", "10:53"),
            ("options: [pass=hunter2]", "OM262", "10:53"),
            ("export: /a%b", "OM260", "10:51"),
            ("export: '/a  b'", "OM260", "10:51"),
        ]
    ),
    ("kind: nfs", "kind: cifs, pasword: {env: X}", "OM103", "10:23"),
    ("kind: nfs", "kind: cifs, password: hunter2", "OM106", "10:33"),
    ("kind: nfs", "kind: [cifs], options: [hardd]", "OM105", "10:17"),
    ("10.1.1.2,", '"fd00::2",', "OM240", "13:18"),
    ("10.1.1.10", '"fd00::10"', "OM240", "7:9"),
    ('release: "9.1.0"', 'release: "9.1.0", home: "/opt/o\'m"', "OM260", "3:40"),
    ('release: "9.1.0"', 'release: "9.1.0", service: "a b.service"', "OM260", "3:43"),
    ("user: openmeetings", 'user: "om\\nx"', "OM260", "8:9"),
    # A null is no address, and no url: the default counts.
    (
        'nodes:\n  om1: {address: 10.1.1.1, url: "https://om1',
        'node_defaults: {address: 10.1.1.1}\nnodes:\n  om1: {address: , url: "ftp://om1',
        "OM206",
        "13:25",
    ),
    ("server: om1", "server: om1, clients: [10.1.1.0/0.0.0.255]", "OM105", "10:45"),
    ("server: om1", "server: {host: LOCALHOST}", "OM230", "10:30"),
    ("server: om1", "server: {host: ip6-loopback}", "OM230", "10:30"),
    ("10.1.1.10", "{host: ip6-loopback}", "OM211", "7:9"),
    ('"9.1.0"', '"9.1.0", home: /opt/omdata', "OM236", "3:40"),
    ('"9.1.0"', '"9.1.0", home: /opt', "OM236", "3:40"),
    ("om2: {", "om2: {home: /opt/omdata/om, ", "OM236", "13:15"),
    ("server: om1", "server: om1, export: /etc", "OM236", "10:43"),
    ("server: om1", "server: om1, export: /opt/om/webapps", "OM236", "10:43"),
    ("server: om1", "server: om1, export: /opt", "OM236", "10:43"),
    ("server: om1", "server: om1, export: /opt/omdata/om", "OM236", "10:43"),
    (
        "kind: nfs",
        "kind: cifs, password: {env: X}, credentials: /opt/omdata/.smb",
        "OM236",
        "10:56",
    ),
    ("nodes:", 'removed: {om9: {ssh: "root@{address}"}}\nnodes:', "OM105", "11:22"),
    ("nodes:", "removed: {om9: {ssh: om2}}\nnodes:", "OM105", "11:22"),
    (
        "nodes:\n  om1: {",
        "removed: {om9: {ssh: om9}}\nnodes:\n  om1: {renamed_from: om9, ",
        "OM105",
        "11:11",
    ),
    ("cluster: conference", "# \u00fc\u00fc\u00fc\u00fc\ncluster: a\x01", "OM101", "3:11"),
]
WARNED = [
    ("  om2: {address", "# {address", "OM204", "12:3"),
    ("om2.example.org", "10.1.1.2", "OM205", "13:33"),
    ("https://om2", "http://om2", "OM206", "13:33"),
    ('5443/openmeetings"}\n  om2', '5443/meet"}\n  om2', "OM207", "12:33"),
    ("user: openmeetings", "user: 'om,x'", "OM213", "8:9"),
    ("user: openmeetings", "user: openmeetings\n  max_connections: 202", "OM215", "9:20"),
    ("user: openmeetings", "user: postgres", "OM217", "8:9"),
    ("kind: multicast", "group: 224.0.0.0", "OM221", "4:20"),
    ("discovery: {kind: multicast}", "network: {subnet: 10.1.1.0/31}", "OM224", "13:18"),
    ("discovery: {kind: multicast}", "network: {subnet: 10.9.1.0/24}", "OM224", "4:19"),
    ("address: 10.1.1.2,", "address: 192.168.1.2,", "OM228", "13:18"),
    ("server: om1", "server: om1, options: [softerr, _netdev]", "OM232", "10:45"),
    ("server: om1", "server: om1, export_options: [rw, no_root_squash]", "OM231", "10:56"),
    ("server: om1", "server: om1, options: [soft, _netdev]", "OM232", "10:45"),
    ("server: om1", "server: om1, options: [hard, ro, _netdev]", "OM232", "10:51"),
    ("server: om1", "server: om1, export_options: [sync, ro]", "OM232", "10:58"),
    ("server: om1", "server: om1, export_options: [sync]", "OM232", "10:52"),
    ("server: om1", "server: om1, options: [intr, _netdev]", "OM234", "10:45"),
    *(
        ("kind: nfs", f"kind: cifs, password: {{env: X}}, options: [{options}]", rule, place)
        for options, rule, place in [
            ("'soft', _netdev", "OM232", "10:53"),
            ("timeo=50, _netdev", "OM233", "10:53"),
        ]
    ),
]


def _places(text: str, tmp_path: Path) -> list[str]:
    spec = tmp_path / "cluster.yaml"
    spec.write_text(text)
    return [
        f"{d.severity}[{d.rule.id}] {d.span.line}:{d.span.column}" if d.span else d.rule.id
        for d in check_spec(str(spec)).diagnostics
    ]


def test_the_smallest_spec_is_fine(tmp_path: Path) -> None:
    assert _places(SMALLEST, tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "rule", "place"), WRONG, ids=[f"{w[2]}-{i}" for i, w in enumerate(WRONG)]
)
def test_wrong(old: str, new: str, rule: str, place: str | None, tmp_path: Path) -> None:
    text = SMALLEST.replace(old, new, 1)
    assert text != SMALLEST
    found = _places(text, tmp_path)
    if place is None:
        assert [f.split(" ")[0] for f in found] == [f"error[{rule}]"]
    else:
        assert found == [f"error[{rule}] {place}"]


@pytest.mark.parametrize(
    ("old", "new", "rule", "place"), WARNED, ids=[f"{w[2]}-{i}" for i, w in enumerate(WARNED)]
)
def test_warned(old: str, new: str, rule: str, place: str, tmp_path: Path) -> None:
    text = SMALLEST.replace(old, new, 1)
    assert text != SMALLEST
    assert _places(text, tmp_path) == [f"warning[{rule}] {place}"]


def test_a_mount_without_netdev_and_systemd(tmp_path: Path) -> None:
    text = SMALLEST.replace('"9.1.0"', '"9.1.0", service: none')
    text = text.replace("server: om1", "server: om1, options: []")
    assert _places(text, tmp_path) == ["warning[OM235] 3:43"]


def test_an_alias_is_wrong_where_it_stands(tmp_path: Path) -> None:
    text = SMALLEST.replace("10.1.1.1,", "&a 10.1.1.1,").replace("10.1.1.2,", "*a,")
    assert _places(text, tmp_path) == ["error[OM201] 13:9"]
    secret = SMALLEST.replace("cluster:", "x: &p hunter2\ncluster:")
    secret = secret.replace("{env: OM_DB_PASSWORD}", "*p")
    assert _places(secret, tmp_path) == ["error[OM103] 2:1", "error[OM106] 10:3"]
    assert "hunter2" not in omconf("validate", cwd=tmp_path).err


def test_tomcat_serves_the_webapp_root_at_the_top(tmp_path: Path) -> None:
    text = SMALLEST.replace('"9.1.0"', '"9.1.0", webapp: ROOT')
    assert _places(text, tmp_path) == ["warning[OM207] 12:33", "warning[OM207] 13:33"]
    assert "`https://om1.example.org:5443/`" in omconf("validate", cwd=tmp_path).err
    for path in ("", "/"):
        assert _places(text.replace("5443/openmeetings", f"5443{path}"), tmp_path) == []


def test_the_smallest_spec_with_samba_is_fine(tmp_path: Path) -> None:
    text = SMALLEST.replace("kind: nfs", "kind: cifs, password: {env: OM_STORAGE_PASSWORD}")
    assert _places(text, tmp_path) == []
    text = text.replace("discovery: {kind: multicast}", "hazelcast: {port: 445}")
    assert _places(text, tmp_path) == ["error[OM225] 4:19"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("max_connections: 203", ""),
        ("max_connections: 43\n  pool: {maxTotal: 20}", ""),
        ("max_connections: 42\n  pool: {MaxTotal: 20}", "Pools of 20 on 2 nodes may open 40 con"),
        ("max_connections: 10\n  pool: {maxTotal: -1}", "Write `pool: {maxTotal: 3}`."),
        (
            "max_connections: 100",
            "Write `pool: {maxTotal: 48}`, or raise the server's limit to 203.",
        ),
        ("max_connections: 4", "hint: Raise the server's limit to 203."),
        ("kind: mysql\n  max_connections: 200", ""),
        ("kind: mysql\n  max_connections: 199", "the server has 199."),
    ],
)
def test_the_pools_and_the_servers_limit(more: str, said: str, tmp_path: Path) -> None:
    text = SMALLEST.replace("  kind: postgresql\n", "") if "kind:" in more else SMALLEST
    text = text.replace("  user: openmeetings", f"  user: openmeetings\n  {more}")
    (tmp_path / "cluster.yaml").write_text(text)
    printed = omconf("validate", cwd=tmp_path)
    assert printed.code == 0
    assert ("OM215" in printed.err) == bool(said)
    assert said in printed.err


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    text = (
        SMALLEST.replace("multicast", "unicast").replace("9.1.0", "9.9.9").replace("user:", "usr:")
    )
    text = text.replace("{env: OM_DB_PASSWORD}", "hunter2").replace("10.1.1.2", "nowhere")
    assert [f.split()[0] for f in _places(text, tmp_path)] == [
        "error[OM109]",
        "error[OM105]",
        "error[OM103]",
        "error[OM106]",
        "error[OM105]",
    ]


def test_mistakes_of_form_do_not_hide_mistakes_of_sense(tmp_path: Path) -> None:
    text = SMALLEST.replace("discovery: {kind", "discovery: {knd").replace("10.1.1.2", "10.1.1.1")
    assert _places(text, tmp_path) == ["error[OM103] 4:13", "error[OM201] 13:18"]


@pytest.mark.parametrize("text", ["~", "null", "---\n", "--- # x\n", "&a", "1", "[]"])
def test_a_document_without_keys_is_no_spec(text: str, tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(text)
    for command in (["validate"], ["build", "-o", "out"], ["graph"], ["plan", "--local", "om1"]):
        done = omconf(*command, cwd=tmp_path)
        assert (done.code, done.findings) == (1, [("OM105", "cluster.yaml:1:1")])


def test_a_saved_plan_is_no_spec(tmp_path: Path) -> None:
    """Who names the nodes beside a saved plan is told once, and not of every key of it."""
    (tmp_path / "change.plan").write_text('{"format_version": "2.0", "cluster": "conference"}')
    for command in (["apply", "change.plan", "--ssh"], ["validate", "change.plan"]):
        done = omconf(*command, cwd=tmp_path)
        assert (done.code, done.findings) == (1, [("OM103", "change.plan:1:2")])
        assert "`omconf apply FILE`, without --ssh" in done.err


def test_what_is_printed(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(
        SMALLEST.replace("ttl", "").replace("kind: nfs", "kid: nfs")
    )
    printed = omconf("validate", cwd=tmp_path)
    assert printed.code == 1
    assert printed.out == ""
    assert printed.err == (
        "cluster.yaml:10:11: error[OM103]: `kid` is not a key of `storage`.\n"
        "  10 | storage: {kid: nfs, server: om1}\n"
        "     |           ^^^\n"
        "  hint: Did you mean `kind`?\n"
    )


LEAKS = [
    ("{env: OM_DB_PASSWORD}", "{value: hunter2}"),
    ("{env: OM_DB_PASSWORD}", "[hunter2, x]"),
    ("{env: OM_DB_PASSWORD}", "{env: 'hunter2 x'}"),
    ("https://om2.example", "https://admin:hunter2@om2.example"),
    ("10.1.1.10", "'om:hunter2@10.1.1.10'"),
    (
        "discovery: {kind",
        "hazelcast: {properties: {hazelcast.my.token: hunter2}}\ndiscovery: {kind",
    ),
    ("user: openmeetings", "user: openmeetings\n  options: {sslpassword: hunter2}"),
    ("user: openmeetings", "user: openmeetings\n  passwd: hunter2"),
    ("{env: OM_DB_PASSWORD}", "hunter2\n  x: ["),
    ("{env: OM_DB_PASSWORD}", "!hunter2 x"),
    ("{env: OM_DB_PASSWORD}", "*hunter2"),
    ("{env: OM_DB_PASSWORD}", "|\n    a\n  hunter2"),
    ("{env: OM_DB_PASSWORD}", '"a\n    hunter2 \\q"'),
    ("{env: OM_DB_PASSWORD}", "{env: ''}  # was: hunter2"),
    ("  password: {env: OM_DB_PASSWORD}", "  pasword: hunter2"),
    ("user: openmeetings", "user: openmeetings\nsecrets: hunter2"),
    ("kind: nfs", "kind: cifs, password: {env: X}, options: [hard, password=hunter2]"),
    ("kind: nfs", "kind: cifs, password: {env: X}, options: [hard, pass=a hunter2]"),
    ("kind: nfs", "kind: cifs, password: hunter2"),
    ("kind: nfs", "kind: cifs, options: {password: hunter2}"),
    *(
        ("  password: {env: OM_DB_PASSWORD}", f"  {key}: hunter2")
        for key in ("pssword", "apssword", "pawssord", "psasword", "kennwort")
    ),
    *(
        ("nodes:", f"kurento: {{turn: {{{key}: hunter2}}}}\nnodes:")
        for key in ("secrt", "seceret", "sceret", "sekret", "secre", "ecret", "seecret", "shared")
    ),
    ("nodes:", "secrts: hunter2\nnodes:"),
    ("kind: nfs", "kind: cifs, pssword: hunter2"),
    ("kind: nfs", "kind: cifs, pssword: hunter2, password: {env: X}"),
    ("kind: nfs", "kind: cifs, pssword:hunter2, password: {env: X}"),
    ("kind: nfs", "kind: cifs, pssword: {a: hunter2}, password: {env: X}"),
    ("user: openmeetings", "user: openmeetings\n  tls: {ca_pssword: hunter2}"),
    ("user: openmeetings", "user: openmeetings\n  tls: {client_ky: hunter2}"),
    ("user: openmeetings", "user: openmeetings\n  pssword: |\n    hunter2\n    x"),
    ("user: openmeetings", "user: openmeetings\n  pssword: x: hunter2"),
    ("{env: OM_DB_PASSWORD}", "{env: OM_DB_PASSWORD} hunter2"),
    ("user: openmeetings", "user: openmeetings\n  pssword hunter2"),
    ("user: openmeetings", "user: openmeetings\n  pssword:hunter2"),
]


def without_pages(printed: str, form: str) -> str:
    """Drop the rules' pages, whose examples have a secret too."""
    if form != "sarif":
        return printed
    log = json.loads(printed)
    for rule in log["runs"][0]["tool"]["driver"]["rules"]:
        del rule["help"]
    return json.dumps(log)


@pytest.mark.parametrize(("old", "new"), LEAKS, ids=range(len(LEAKS)))
def test_secrets_in_wrong_places_are_never_shown(old: str, new: str, tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(SMALLEST.replace(old, new, 1))
    for form in ("human", "json", "github", "sarif"):
        printed = omconf("validate", "--format", form, cwd=tmp_path)
        assert printed.code == 1
        assert "hunter2" not in printed.err + without_pages(printed.out, form)


def test_a_plain_secret_is_never_shown(tmp_path: Path) -> None:
    text = SMALLEST.replace("{env: OM_DB_PASSWORD}", "|\n    tr0ub4dor\n    line two")
    text += "secrets: {remember_me_key: k3y-0f-k3ys}\n"
    (tmp_path / "cluster.yaml").write_text(text)
    for form in ("human", "json", "github", "sarif"):
        printed = omconf("validate", "--format", form, cwd=tmp_path)
        assert printed.code == 1
        assert "OM106" in printed.err + printed.out
        assert not re.search("tr0ub4dor|line two|k3y-0f", printed.err + printed.out)


PIECES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=12),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(
        st.sampled_from(["env", "file", "command", "node", "host", "x", ""]),
        st.text(max_size=5),
        max_size=2,
    ),
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """An example's spec with some of its values replaced, keys renamed or lines cut."""
    source = draw(st.sampled_from(sorted(EXAMPLES.glob("*/cluster.yaml"))))
    data = yaml.safe_load(source.read_text())
    for _ in range(draw(st.integers(1, 3))):
        where = data
        while isinstance(where, dict) and where:
            key = draw(st.sampled_from(sorted(where)))
            if not isinstance(where[key], dict) or draw(st.booleans()):
                if draw(st.booleans()):
                    where[key] = draw(PIECES)
                else:
                    where[draw(st.text(max_size=8))] = where.pop(key)
                break
            where = where[key]
    text = yaml.safe_dump(data, allow_unicode=True)
    if draw(st.booleans()):
        cut = draw(st.integers(0, len(text)))
        text = text[:cut] + draw(st.text(max_size=4)) + text[cut:]
    return text.encode("utf-8", "surrogatepass")


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(mutated())
def test_no_mutation_causes_a_traceback(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "cluster.yaml").write_bytes(data)
    result = omconf("build", "-o", "bundles", cwd=tmp_path)
    assert result.code in (0, 1)
    assert "unforeseen" not in result.err
    if result.code:
        assert re.search(r"error\[OM\d{3}\]: ", result.err)


@pytest.mark.parametrize(
    ("defaults", "own", "destination"),
    [
        (None, None, "om1"),
        ("root@{name}.example.org", None, "root@om1.example.org"),
        ("ssh://root@{address}:2222", None, "ssh://root@10.1.1.1:2222"),
        ("root@{name}", "admin@gateway", "admin@gateway"),
    ],
)
def test_where_ssh_reaches_a_node(defaults: str | None, own: str | None, destination: str) -> None:
    data = spec_of(node_defaults={"ssh": defaults} if defaults else {})
    if own:
        data["nodes"]["om1"]["ssh"] = own
    assert cluster_of(data).nodes[0].ssh.value == destination


@pytest.mark.parametrize("name", [" om", "om ", "om ,x"])
def test_names_that_no_connection_can_carry_are_refused(name: str) -> None:
    assert "OM212" in rules_of(spec_of(database={"user": name}))


def test_an_unknown_key_in_a_list_or_of_a_removed_node_names_those_there(tmp_path: Path) -> None:
    ignored = {"rule": "OM306", "why": "gone", "until": "now"}
    data = spec_of(2, removed={"om3": {"ssh": "om3", "port": 22}}, ignore=[ignored])
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(data))
    printed = omconf("validate", cwd=tmp_path).err
    assert "hint: Valid keys here: rule, node, path, why." in printed
    assert "hint: Valid keys here: ssh." in printed


def test_the_name_of_a_removed_node_stands_for_itself_in_its_destination() -> None:
    cluster = cluster_of(spec_of(2, removed={"om9": {"ssh": "root@{name}.example.org"}}))
    assert [node.ssh.value for node in cluster.removed] == ["root@om9.example.org"]


def test_nodes_whose_numbers_are_equal_have_one_order() -> None:
    data = spec_of(2)
    data["nodes"]["om01"] = data["nodes"].pop("om2")
    turned = {**data, "nodes": dict(reversed(data["nodes"].items()))}
    orders = [[node.name.value for node in cluster_of(d).nodes] for d in (data, turned)]
    assert orders[0] == orders[1]
